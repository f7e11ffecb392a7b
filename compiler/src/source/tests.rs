//! Sources against the syntax tree printed as text; printers against the parser; hostile input.

use std::path::Path;

use expect_test::{Expect, expect, expect_file};

use super::ast::Document;
use super::{Syntax, parse, print_latex, print_text};

/// The tree of `source` as text, then its findings.
fn shown(source: &str, syntax: Syntax, section: Option<&str>) -> String {
    let parsed = parse(source, syntax, section);
    let mut text = print_text(&parsed.document);
    for diagnostic in &parsed.diagnostics {
        let place = source.get(diagnostic.span.start as usize..diagnostic.span.end as usize).unwrap_or("?");
        text.push_str(&format!("{} {} `{place}`\n", diagnostic.code.as_str(), diagnostic.message));
    }
    text
}

fn check(source: &str, syntax: Syntax, expected: &Expect) {
    expected.assert_eq(&shown(source, syntax, None));
}

/// The tree without its places.
fn without_spans(document: &Document) -> String {
    let text = format!("{document:?}");
    let mut kept = String::new();
    for piece in text.split("Span { start: ") {
        kept.push_str(
            piece.split_once('}').map_or(piece, |(_, rest)| if kept.is_empty() { piece } else { rest }),
        );
    }
    kept
}

pub(super) fn golden_files() -> Vec<std::path::PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .expect("the golden files are part of the repository")
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "tex"))
        .collect();
    paths.sort();
    paths
}

#[test]
fn golden() {
    let mut all = String::new();
    for path in golden_files() {
        let source = std::fs::read_to_string(&path).expect("readable");
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or("");
        all.push_str(&format!("{name}\n{}\n", shown(&source, Syntax::Latex, None)));
    }
    expect_file!["../../../tests/golden/syntax.txt"].assert_eq(&all);
}

#[test]
fn printed_trees_read_back() {
    for path in golden_files() {
        let source = std::fs::read_to_string(&path).expect("readable");
        let first = parse(&source, Syntax::Latex, None).document;
        let latex = print_latex(&first);
        let again = parse(&latex, Syntax::Latex, None);
        assert_eq!(again.diagnostics, [], "{latex}");
        assert_eq!(without_spans(&first), without_spans(&again.document), "{latex}");
        let text = print_text(&first);
        let again = parse(&text, Syntax::Text, None);
        assert_eq!(again.diagnostics, [], "{text}");
        assert_eq!(text, print_text(&again.document).replace("((c_t / n_t))", "(c_t / n_t)"));
    }
}

#[test]
fn names_have_one_canonical_form() {
    let table = [
        ("W_{\\mathrm{hh}}", "W_hh"),
        ("\\mathbf{W}_i", "W_i"),
        ("\\mathbf{W_{xh}}", "W_xh"),
        ("\\tilde{h}_t", "h_tilde_t"),
        ("\\tilde h_t", "h_tilde_t"),
        ("\\widetilde{h}_t", "h_tilde_t"),
        ("\\tilde{h_t}", "h_tilde_t"),
        ("\\~h_t", "h_tilde_t"),
        ("{\\bf h}_t", "h_t"),
        ("\\bm{h}_t", "h_t"),
        ("h̃_t", "h_tilde_t"),
        ("ẑ_t", "z_hat_t"),
        ("h'_t", "h_prime_t"),
        ("h^{'}_t", "h_prime_t"),
        ("c_t'", "c_prime_t"),
        ("h^{\\prime}_{t}", "h_prime_t"),
        ("b_{i}", "b_i"),
        ("\\mathcal{W}", "cal_W"),
        ("\\gamma_c", "gamma_c"),
        ("γ_c", "gamma_c"),
        ("\\beta_1", "beta_1"),
        ("W_z^1", "W_z^1"),
        ("W_z^{(1)}", "W_z_1"),
        ("W^{xh}", "W_xh"),
        ("\\mathbf{W}^{hh}_{f}", "W_f_hh"),
        ("\\tilde{c}_j", "c_tilde_j"),
        ("h_{t-1}", "h_{t-1}"),
        ("h_{(t-1)}", "h_{t-1}"),
        ("h^{(t-1)}", "h_{t-1}"),
        ("h^{t-1}", "h_{t-1}"),
        ("h^{<t-1>}", "h_{t-1}"),
        ("h^{\\langle t-1 \\rangle}", "h_{t-1}"),
        ("h^{[t]}", "h_t"),
        ("h(t-1)", "h_{t-1}"),
        ("h[t+1]", "h_{t+1}"),
        ("hₜ₋₁", "h_{t-1}"),
        ("c_{t-1,f}", "c_f_{t-1}"),
        ("W_{out}", "W_out"),
        ("k'_{j,t}", "k_prime_j_t"),
        ("u_t^2", "u_t^2"),
        ("h^{(t)}_2", "h_2_t"),
        ("W_{h \\rightarrow y}", "W_h_to_y"),
        ("\\hat{\\mathbf{y}}^{(t)}", "y_hat_t"),
    ];
    for (latex, expected) in table {
        let shown = shown(&format!("y_t = {latex}"), Syntax::Latex, None);
        assert_eq!(shown, format!("y_t = {expected}\n"), "{latex}");
    }
}

#[test]
fn spellings_agree() {
    let latex = "$$ \\tilde{h}_t = \\tanh(W_{xh} [h_{t-1}, x_t] + \\gamma * b'_h), \\quad h_t = (1 - z_t) * h_{t-1} + \\sigma(z_t) * \\tilde h_t $$";
    let text = "h_tilde_t = tanh(W_xh [h_{t-1}; x_t] + γ * b_prime_h)  # candidate\nh_t = (1 - z_t) * h_{t-1}\n    + σ(z_t) * h̃_t";
    assert_eq!(shown(latex, Syntax::Markdown, None), shown(text, Syntax::Text, None));
    #[cfg(feature = "tokens")]
    {
        let tokens = "h̃_t = tanh(W_xh [h_{t-1}; x_t] + γ * b_prime_h); h_t = (1 - z_t) * h_{t - 1} + σ(z_t) * h_tilde_t;";
        let (parsed, _) = super::parse_tokens(tokens.parse().expect("tokens"));
        assert_eq!(print_text(&parsed.document), shown(text, Syntax::Text, None));
    }
}

/// LaTeX, and the same in the spelling that text and tokens share.
const OPERATORS: [(&str, &str); 18] = [
    (r"h_t = \operatorname{where}(x_t < b, x_t, h_{t-1})", "h_t = where(x_t < b, x_t, h_{t-1})"),
    (
        r"h_t = \operatorname{where}\left(x_t \le b, x_t, h_{t-1}\right)",
        "h_t = where(x_t <= b, x_t, h_{t-1})",
    ),
    (r"h_t = \operatorname{where}(x_t \leq b, x_t, h_{t-1})", "h_t = where((x_t <= b), x_t, h_{t-1})"),
    (r"h_t = \text{where}(x_t \geq b, x_t, h_{t-1})", "h_t = where(x_t >= b, x_t, h_{t-1})"),
    (r"h_t = \mathrm{where}(x_t > b, x_t, h_{t-1})", "h_t = where(x_t > b, x_t, h_{t-1})"),
    (r"h_t = \operatorname{where}(x_t ≠ b, x_t, h_{t-1})", "h_t = where(x_t != b, x_t, h_{t-1})"),
    (r"h_t = \operatorname{where}(x_t == b, x_t, h_{t-1})", "h_t = where(x_t == b, x_t, h_{t-1})"),
    (r"h_t = \operatorname{where}(m_t, x_t, h_{t-1})", "h_t = where(m_t, x_t, h_{t-1})"),
    (r"h_t = \mathbb{1}[x_t \ge b] \odot h_{t-1}", "h_t = indicator(x_t >= b) .* h_{t-1}"),
    (r"h_t = \mathbf{1}_{\{x_t < b\}} \odot h_{t-1}", "h_t = 1[x_t < b] .* h_{t-1}"),
    (r"h_t = h_{t-1} + \operatorname{mod}(x_t, p)", "h_t = h_{t-1} + mod(x_t, p)"),
    (r"h_t = h_{t-1} + x_t \bmod p", "h_t = h_{t-1} + x_t % p"),
    (r"h_t = h_{t-1} + x_t \;\mathrm{mod}\; p", "h_t = h_{t-1} + x_t mod p"),
    (r"h_t = \lfloor x_t \rfloor + \lceil h_{t-1} \rceil", "h_t = floor(x_t) + ceil(h_{t-1})"),
    (r"h_t = \left\lfloor \operatorname{round}(x_t) \right\rfloor^2", "h_t = floor(round(x_t))^2"),
    (
        r"h_t = \operatorname{cumax}(x_t) - \operatorname{revcumsum}(h_{t-1})",
        "h_t = cumax(x_t) - revcumsum(h_{t-1})",
    ),
    (r"i_t, f_t = \operatorname{chunk}(a_t, 2)", "i_t, f_t = chunk(a_t, 2)"),
    (r"[i_t, f_t] = \operatorname{split}(W x_t + b)", "(i_t, f_t) = split(W x_t + b)"),
];

#[test]
fn operators_have_one_tree_in_every_spelling() {
    for (latex, text) in OPERATORS {
        let first = parse(latex, Syntax::Latex, None);
        assert_eq!(first.diagnostics, [], "{latex}");
        assert_eq!(print_text(&first.document), shown(text, Syntax::Text, None), "{latex}");
        #[cfg(feature = "tokens")]
        {
            let (parsed, _) = super::parse_tokens(text.parse().expect("tokens"));
            assert_eq!(print_text(&parsed.document), shown(text, Syntax::Text, None), "{text}");
        }
        let printed = print_latex(&first.document);
        let again = parse(&printed, Syntax::Latex, None);
        assert_eq!(again.diagnostics, [], "{printed}");
        assert_eq!(without_spans(&first.document), without_spans(&again.document), "{printed}");
        let printed = print_text(&first.document);
        let again = parse(&printed, Syntax::Text, None);
        assert_eq!(again.diagnostics, [], "{printed}");
        assert_eq!(printed, print_text(&again.document));
    }
    check(
        "[i_t, f_t] = \\operatorname{split}(W x_t + b)",
        Syntax::Latex,
        &expect![[r#"
            i_t = chunk(W x_t + b, 1, 2)
            f_t = chunk(W x_t + b, 2, 2)
        "#]],
    );
}

#[test]
fn what_compares_or_cuts_elsewhere_is_told_how() {
    let mut all = String::new();
    for source in [
        r"h_t = x_t < h_{t-1}",
        r"h_t = (x_t \le b) \odot h_{t-1}",
        r"h_t = \operatorname{where}(a < x_t < b, x_t, h_{t-1})",
        r"h_t = \operatorname{where}(x_t < b, x_t)",
        r"h_t = \operatorname{where}(t < p, x_t, h_{t-1})",
        r"h_t = \lfloor x_t \rceil",
        r"h_t = \operatorname{mod} x_t",
        r"h_t = x_t[0:4] + h_{t-1}",
        r"h_t = x_{1:n} + h_{t-1}",
        r"h_t = x_t^{[1:n]} + h_{t-1}",
        r"(i_t, f_t) = W x_t",
        r"i_t, f_t = \operatorname{chunk}(a_t, 3)",
        r"i_t = \operatorname{split}(a_t)",
        r"h_t = foo(x_t) + h_{t-1}",
        r"h_t = Attention(x_t)",
        r"h_t = \mathrm{Attention}(x_t, h_{t-1})",
        r"h_t = flor(x_t)",
        r"h_t = Uo (x_t) + ab(x_t) + Wxy \text{ where } y \text{ is given}",
    ] {
        all.push_str(&format!("{source}\n"));
        for diagnostic in parse(source, Syntax::Latex, None).diagnostics {
            let help = diagnostic.help.map_or(String::new(), |help| format!("\n    help: {help}"));
            all.push_str(&format!("    {} {}{help}\n", diagnostic.code.as_str(), diagnostic.message));
        }
    }
    expect![[r#"
        h_t = x_t < h_{t-1}
            GW0451 `<` does not continue the expression
            help: a comparison chooses between two values, `where(a < b, x, y)`, or is 1 or 0 as `\mathbb{1}[a < b]`, in text `indicator(a < b)`
        h_t = (x_t \le b) \odot h_{t-1}
            GW0451 `<=` does not continue the expression
            help: a comparison chooses between two values, `where(a < b, x, y)`, or is 1 or 0 as `\mathbb{1}[a < b]`, in text `indicator(a < b)`
        h_t = \operatorname{where}(a < x_t < b, x_t, h_{t-1})
            GW0451 two comparisons stand in a row
            help: compare twice: `where(a < b, where(b < c, x, y), y)`
        h_t = \operatorname{where}(x_t < b, x_t)
            GW0104 `where` takes three arguments, as in `where(a < b, x, y)`, but 2 are given
            help: give the arguments that the message asks for; several values become one by `[a, b]`
        h_t = \operatorname{where}(t < p, x_t, h_{t-1})
            GW0017 the time `t` stands as a value
            help: an index needs its underscore: `h_t`, `h_{t-1}`; the time itself is an input of its own, such as `\tau_t` with `\tau_t \in \mathbb{R}`
        h_t = \lfloor x_t \rceil
            GW0003 `⌉` does not close `⌊`
            help: add the bracket that is missing, or remove the one too many
        h_t = \operatorname{mod} x_t
            GW0104 `mod` takes two arguments, as in `mod(a, b)`, but one is given
            help: give the arguments that the message asks for; several values become one by `[a, b]`
        h_t = x_t[0:4] + h_{t-1}
        h_t = x_{1:n} + h_{t-1}
            GW0005 `:` is no part of a label
            help: a part of a vector is `a_t[0:n]`, counted from 0 and without its end, or `chunk(a, j, m)`, the j-th of m equal parts; all equal parts at once are `i_t, f_t = split(a_t)`
        h_t = x_t^{[1:n]} + h_{t-1}
            GW0005 `:` does not continue the expression
            help: a part of a vector is `a_t[0:n]`, counted from 0 and without its end, or `chunk(a, j, m)`, the j-th of m equal parts; all equal parts at once are `i_t, f_t = split(a_t)`
        (i_t, f_t) = W x_t
            GW0007 several names are defined at once
            help: the equal parts of a vector are `[i_t, f_t] = split(…)`; else write one equation for each
        i_t, f_t = \operatorname{chunk}(a_t, 3)
            GW0104 2 names stand on the left side of these parts
            help: write `split(…)` or `chunk(…, 2)`: equal parts, one for each name
        i_t = \operatorname{split}(a_t)
            GW0104 the parts of a vector are several values
            help: name them all, `i_t, f_t = split(a_t)`, or take one, `i_t = chunk(a_t, 1, 2)`
        h_t = foo(x_t) + h_{t-1}
            GW0101 there is no function `foo`
            help: bind it, as in `\mathrm{foo}(u) = W u + b`; a product of letters is written with blanks between them
        h_t = Attention(x_t)
            GW0101 there is no function `Attention`
            help: bind it, as in `\mathrm{Attention}(u) = W u + b`; a product of letters is written with blanks between them
        h_t = \mathrm{Attention}(x_t, h_{t-1})
            GW0102 `Attention` is applied like a function, but nothing binds it
            help: bind functions of one argument, as in `f(u) = \tanh(W u + b)`, and give several values as one: `f([x_t, h_{t-1}])`
        h_t = flor(x_t)
            GW0101 there is no function `flor`
            help: did you mean `floor`? A product of letters is written with blanks between them
        h_t = Uo (x_t) + ab(x_t) + Wxy \text{ where } y \text{ is given}
            GW0005 text does not continue the expression
            help: write one equation as `name = expression`, and part equations by `;`, a new line or two backslashes
    "#]].assert_eq(&all);
}

#[cfg(feature = "tokens")]
fn flatten(tokens: proc_macro2::TokenStream, flat: &mut Vec<String>) {
    for tree in tokens {
        match tree {
            proc_macro2::TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    proc_macro2::Delimiter::Parenthesis => ("(", ")"),
                    proc_macro2::Delimiter::Bracket => ("[", "]"),
                    _ => ("{", "}"),
                };
                flat.push(open.to_owned());
                flatten(group.stream(), flat);
                flat.push(close.to_owned());
            }
            other => flat.push(other.to_string()),
        }
    }
}

#[cfg(feature = "tokens")]
#[test]
fn tokens_have_places() {
    let source = "i_t = foo(W_xi [h_{t-1}, x_t]); h_t = tanhh(i_t) +; where w_ci: [h + x, 3], alpha: scalar";
    let (parsed, spans) = super::parse_tokens(source.parse().expect("tokens"));
    // The tokens in the order they are numbered.
    let mut tokens = Vec::new();
    flatten(source.parse().expect("tokens"), &mut tokens);
    assert_eq!(tokens.len(), spans.len());
    let mut text = print_text(&parsed.document);
    for found in &parsed.diagnostics {
        let place = &tokens[found.span.start as usize..found.span.end as usize];
        text.push_str(&format!("{} {} `{}`\n", found.code.as_str(), found.message, place.join(" ")));
    }
    for statement in &parsed.document.statements {
        let place = &tokens[statement.span.start as usize..statement.span.end as usize];
        text.push_str(&format!("{}\n", place.join(" ")));
    }
    expect![[r#"
        i_t = foo (W_xi [h_{t-1}, x_t])
        w_ci: [h + x, 3]
        alpha: scalar
        GW0004 the equation ends where a value is needed `+`
        i_t = foo ( W_xi [ h_ { t - 1 } , x_t ] )
        w_ci : [ h + x , 3 ]
        alpha : scalar
    "#]]
    .assert_eq(&text);
}

#[test]
fn functions_take_what_follows() {
    check(
        "$$ a_t = \\tanh c_t \\odot \\sigma W x_t + \\log \\sigma(f_t) b \\\\ b_t = \\sqrt{x_t} y_t + \\tanh^2(x_t) + e^{-x_t} + |x_t - \\|y_t\\|| \\\\
        g = \\tanh, \\quad \\Phi(v) = \\tanh(W v + b) \\\\ c_t = \\mathrm{clip}(x_t, 0, 1) \\max(a_t, b_t, 0) $$",
        Syntax::Markdown,
        &expect![[r#"
            a_t = tanh(c_t) ⊙ sigmoid(W x_t) + log(sigmoid(f_t) b)
            b_t = sqrt(x_t) y_t + tanh(x_t)^{2} + exp(-x_t) + abs(x_t - norm(y_t))
            g = tanh
            Phi(v) = tanh(W v + b)
            c_t = clip(x_t, 0, 1) max(a_t, b_t, 0)
        "#]],
    );
}

#[test]
fn products_and_matrices() {
    check(
        r"$$\begin{aligned}
        a_t &= \alpha \odot W x_t \odot U h_{t-1} / 2 - -b \\
        b_t &= W \cdot \begin{bmatrix} h_{t-1} \\ x_t \end{bmatrix} + [a_t \| b_t]^\top + a_t \oplus b_t \\
        c_t &= \begin{bmatrix} W & U \end{bmatrix} \begin{bmatrix} h_{t-1} \\ x_t \end{bmatrix} \\
        S_t &= S_{t-1} (I - \beta_t k_t k_t^\top) + v_t k_t^T @ W \\
        d_t &= \underbrace{a_t + b_t}_{\text{sum}} c_t \times \frac{a}{b + c} \bullet \{ x_t \}
        \end{aligned}$$",
        Syntax::Markdown,
        &expect![[r#"
            a_t = alpha ⊙ W x_t ⊙ U h_{t-1} / 2 - -b
            b_t = [W · [h_{t-1}, x_t] + [a_t, b_t] + a_t, b_t]
            c_t = (W h_{t-1} + U x_t)
            S_t = S_{t-1} (I - beta_t k_t k_t^T) + v_t k_t^T @ W
            d_t = (a_t + b_t) c_t × (a / (b + c)) ⊙ (x_t)
        "#]],
    );
}

#[test]
fn declarations() {
    check(
        r"$$ x_t, h_t \in \mathbb{R}^{d}, \quad W_c \in \mathbb{R}^{n \times (d + n)}, \quad \alpha \in \mathbb{R} $$ $$ z_t \in (0,1)^h, b \in \mathbb{R}^{4d} $$",
        Syntax::Markdown,
        &expect![[r#"
            x_t: [d]
            h_t: [d]
            W_c: [n, d + n]
            alpha: scalar
            z_t: [h]
            b: [4 d]
        "#]],
    );
}

#[test]
fn noise_is_dropped() {
    check(
        r"$$ \text{Forget gate:} \quad f_t = \sigma\!\left( W\, x_t \right) \tag{3} \label{eq:f} % remark
        \qquad (7) $$ $$ Input Gate : i_t = x_t, $$ $$ c_t &= i_t && \textit{cell} \nonumber \\[2pt] o_t = h_t. \quad \text{(Output Gate)} $$
        $$ \begin{cases} a_t = x_t \\ b_t = a_t \end{cases} $$",
        Syntax::Markdown,
        &expect![[r#"
            f_t = sigmoid(W x_t)
            i_t = x_t
            c_t = i_t
            o_t = h_t
            a_t = x_t
            b_t = a_t
        "#]],
    );
}

#[test]
fn every_equation_is_reported() {
    check(
        r"$$\begin{aligned}
        f_t &= \sigmoid(W_f x_t + b_f) \\
        i_t &= \sigma(W_i x_t + b_i \\
        W x_t &= h_t \\
        a_t &= b + \\
        h{t-1} &= x_t \\
        b_t &= U h{t-1} \\
        c_t &= \text{Sigmod}(x_t) + \mathrm{LN}_1(x_t) \\
        d_t &= \max(x_t) \\
        e_t &= \text{Linear}(x_t) \\
        g_t &= \sum_{j=1}^n w_j \\
        k_t &= \begin{cases} 1 & x > 0 \\ 0 & x \le 0 \end{cases} \\
        \sigma(x) &= \tanh(x) \\
        \tanh(x_t) + b \\
        h^-_t &= x_{t}_{t-1}
        \end{aligned}$$",
        Syntax::Markdown,
        &expect![[r#"
            f_t = sigmoid(W_f x_t + b_f)
            sigma(x) = tanh(x)
            GW0003 `(` is never closed in this equation `(`
            GW0007 the left side of `=` is no single name `W x_t`
            GW0004 the equation ends where a value is needed `+`
            GW0017 the left side of `=` is no single name `h{t-1}`
            GW0017 the time `t` stands as a value `t`
            GW0013 `LN_1` is a known function with a label `\mathrm{LN}`
            GW0104 `max` takes two or more arguments, but one is given `\max(x_t)`
            GW0455 `Linear` names no weights `\text{Linear}`
            GW0452 a sum over indices is outside the language `\sum`
            GW0451 a piecewise definition is outside the language `\begin{cases} 1 & x > 0 \\ 0 & x \le 0 \end{cases}`
            GW0917 `sigma` is this function here, not the logistic one `\sigma(x) &= \tanh(x)`
            GW0006 this row is no equation: it has no `=` `\tanh(x_t) + b`
            GW0014 a minus sign above a name is no accent `-`
        "#]],
    );
}

#[test]
fn a_known_function_stays_what_it_is() {
    check(
        r"\sigma = \operatorname{sigmoid} \\ h_t = \sigma^{2}(x_t) + \sigma^2 x_t + \sigma_g^2(x_t)",
        Syntax::Latex,
        &expect![[r#"
            h_t = sigmoid(x_t)^{2} + sigma^2 x_t + sigma_g^2 (x_t)
            GW0950 `sigma` is known; its definition is skipped `\sigma = \operatorname{sigmoid}`
        "#]],
    );
    check(
        r"\sigma = \tanh \\ \tanh = 0.1 \\ g = \tanh, \quad \sigma = g \\ h_t = \sigma(x_t)",
        Syntax::Latex,
        &expect![[r#"
            sigma = tanh
            g = tanh
            sigma = g
            h_t = sigma (x_t)
            GW0917 `sigma` is this function here, not the logistic one `\sigma = \tanh`
            GW0007 `tanh` is a known function and cannot be defined anew `\tanh = 0.1`
        "#]],
    );
}

#[test]
fn the_norm_may_say_that_it_is_the_second() {
    check(
        r"h_t = \|x_t\|_2^2 + \lVert k_t \rVert_{2} + \left\|q_t\right\|_1",
        Syntax::Latex,
        &expect![[r#"
            GW0005 only the Euclidean norm is known `\|q_t\right\|_1`
        "#]],
    );
    check(
        r"h_t = x_t / \|x_t\|_2 + \|x_t\|_{2}^2",
        Syntax::Latex,
        &expect![[r#"
        h_t = x_t / norm(x_t) + norm(x_t)^{2}
    "#]],
    );
}

#[test]
fn an_index_of_components_is_no_power() {
    // Chung et al., 2014.
    check(
        r"h_t^j = (1 - z_t^j) h_{t-1}^j + z_t^j \tilde{h}_t^j \\ z_t^{j} = \sigma(W_z x_t + U_z h_{t-1})^j \\
          \tilde{h}^j_t = \tanh(W x_t + U (r_t \odot h_{t-1}))^{j} \\ r_t^j = \left[\sigma(W_r x_t + U_r h_{t-1})\right]_j",
        Syntax::Latex,
        &expect![[r#"
            h_t = (1 - z_t) h_{t-1} + z_t h_tilde_t
            z_t = sigmoid(W_z x_t + U_z h_{t-1})
            h_tilde_t = tanh(W x_t + U (r_t ⊙ h_{t-1}))
            r_t = (sigmoid(W_r x_t + U_r h_{t-1}))
            GW0950 `j` counts components: the equations are read for all of them at once `h_t^j = (1 - z_t^j) h_{t-1}^j + z_t^j \tilde{h}_t^j`
        "#]],
    );
    // A power elsewhere stays one, and a label too.
    check(
        r"h_t = (1 + x_t)^p + h_{t-1}^j",
        Syntax::Latex,
        &expect![[r#"
        h_t = (1 + x_t)^{p} + h_j_{t-1}
    "#]],
    );
}

#[test]
fn a_fraction_takes_a_digit_and_a_slash_no_number_with_factors() {
    check(
        r"h_t = \frac12 x_t + \tfrac1{10} x_t + \frac{1}{2}x_t + \frac x2 + x_t / 2 b + 3 / 4",
        Syntax::Latex,
        &expect![[r#"
            h_t = {1 / 2} x_t + {1 / 10} x_t + {1 / 2} x_t + x / 2 + x_t / 2 b + 3 / 4
        "#]],
    );
    check(
        "h_t = 1/2 (x_t + h_{t-1})\ny_t = 1/2 x_t^2\nz_t = 1/(2 x_t)",
        Syntax::Text,
        &expect![[r#"
        z_t = 1 / (2 x_t)
        GW0203 `1 / 2 x` is read by some as a half of x and by others as one over 2 x `1/2 (x_t + h_{t-1})`
        GW0203 `1 / 2 x` is read by some as a half of x and by others as one over 2 x `1/2 x_t^2`
    "#]],
    );
}

#[test]
fn double_bars_between_values_are_refused_where_they_have_two_readings() {
    check(
        r"h_t = V (x_t \| h_{t-1}) + V [x_t \| h_{t-1} \| c_t] + \|x_t\| V x_t \\ y_t = V (x_t \|h_t\| x_t) \\ z_t = x_t \lVert h_t \rVert_2",
        Syntax::Latex,
        &expect![[r#"
            h_t = V ([x_t, h_{t-1}]) + V [x_t, h_{t-1}, c_t] + norm(x_t) V x_t
            GW0203 two double bars between values are a norm or a concatenation `\|h_t\|`
            GW0203 two double bars between values are a norm or a concatenation `\lVert h_t \rVert`
        "#]],
    );
}

#[test]
fn an_index_of_another_clock_is_no_label() {
    check(
        r"h_t = W_{t1} x_t + b_{2h} \\ y_t = h_{2t} \\ z_t = h_{t/2} \\ s_t = h_{t-\tau}",
        Syntax::Latex,
        &expect![[r#"
            h_t = W_t1 x_t + b_2h
            GW0005 this index is neither a step, such as `t` or `t-1`, nor a label `2t`
            GW0005 this index is neither a step, such as `t` or `t-1`, nor a label `t/2`
            GW0005 this index is neither a step, such as `t` or `t-1`, nor a label `t-\tau`
        "#]],
    );
}

const TWO_CELLS: &str = "# 1 Cells\n$x_t = 3$ is text, `h_t = 1` is code.\n## 1.1 Elman\n$$h_t = \\tanh(W x_t + U h_{t-1})$$\n\
    ## 1.2 GRU\n### 1.2.1 Gates\n$$z_t = \\sigma(W_z x_t)$$\n### 1.2.2 State\n$$h_t = (1 - z_t) h_{t-1} + z_t \\tilde{h}_t$$\n\
    where $\\tilde{h}_t = \\tanh(W x_t)$ and $a_t = 1$.\n$$z_t = \\sigma(W_z x_t)$$\n## 2 Remarks\n```python\nh_t = f(x)\n$$\n```\n";

#[test]
fn sections() {
    check(
        TWO_CELLS,
        Syntax::Markdown,
        &expect![[r#"
        h_t = tanh(W x_t + U h_{t-1})
        z_t = sigmoid(W_z x_t)
        h_t = (1 - z_t) h_{t-1} + z_t h_tilde_t
        h_tilde_t = tanh(W x_t)
        GW0011 sections define `h` differently: `1.1 Elman` defines h; `1.2 GRU` defines h, z, h_tilde `h_t = \tanh(W x_t + U h_{t-1})`
    "#]],
    );
    for section in ["1.2", "GRU", "gru", "1.2 GRU", "## 1.2 GRU", "1.2.1; 1.2.2"] {
        let text = shown(TWO_CELLS, Syntax::Markdown, Some(section));
        assert_eq!(
            text,
            "z_t = sigmoid(W_z x_t)\nh_t = (1 - z_t) h_{t-1} + z_t h_tilde_t\nh_tilde_t = tanh(W x_t)\n",
            "{section}"
        );
    }
    expect![[r#"
        GW0009 no heading matches `LSTM` ``
    "#]]
    .assert_eq(&shown(TWO_CELLS, Syntax::Markdown, Some("LSTM")));
    expect![[r#"
        h_t = tanh(W x_t + U h_{t-1})
        z_t = sigmoid(W_z x_t)
        h_t = (1 - z_t) h_{t-1} + z_t h_tilde_t
        h_tilde_t = tanh(W x_t)
        GW0011 sections define `h` differently: `1.1 Elman` defines h; `1.2 GRU` defines h, z, h_tilde `h_t = \tanh(W x_t + U h_{t-1})`
    "#]].assert_eq(&shown(TWO_CELLS, Syntax::Markdown, Some("1.")));
    expect![[r#"
        GW0008 the text holds no equation ``
    "#]]
    .assert_eq(&shown(TWO_CELLS, Syntax::Markdown, Some("2 Remarks")));
}

#[test]
fn wrappers_of_documents() {
    let cell = "h_t = tanh(W x_t + U h_{t-1})\n";
    for source in [
        "Text $h_t = \\tanh(W x_t + U h_{t-1})$ and $x_t$.",
        "- \\\\( h_t := \\tanh(W x_t + U h_{t-1}) \\\\)",
        "<li>\\( h_t = \\tanh(W x_t + U h_{t-1}) \\)</li>",
        "\\[ h_t = \\tanh(W x_t + U h_{t-1}) \\]",
        ":<math>h_t = \\tanh(W x_t + U h_{t-1})</math>",
        "{{< katex display=true >}}\nh_t = \\tanh(W x_t + U h_{t-1})\n{{< /katex >}}",
        "text\n\n    .. math::\n        :label: a\n\n        h_t = \\tanh(W x_t + U h_{t-1})\n\nmore = text",
        "```math\nh_t = \\tanh(W x_t + U h_{t-1})\n```",
        "```\nh_t = tanh(W x_t + U h_{t-1})   # the state\n```",
        "* `h_t = tanh(W x_t + U h_(t-1))`",
        "/// h_t = tanh(W x_t + U h_{t-1})  `[state]`\n/// \n",
        "| $h_t = \\tanh(W x_t + U h_{t-1})$ | state |\n|---|---|\n",
        "h<sub>t</sub> = tanh(W x<sub>t</sub> + U h<sub>t-1</sub>)",
        "$$\\\\begin{align} h_t &= \\\\tanh(W x_t + U h_{t-1}) \\\\end{align}$$",
        "$$ h_t = \\tanh(W x_t &plus; U h_{t-1}) $$",
        "state: h_t = tanh(W x_t + U h_{t-1})    (the new state)",
    ] {
        let source = source.replace("&plus;", "+");
        assert_eq!(shown(&source, Syntax::Markdown, None), cell, "{source}");
    }
    check(
        "it = f(Xt*(Wi^T) + Ht-1*Ri + Wbi)\nHt = ot (.) tanh(Ct)\n",
        Syntax::Text,
        &expect![[r#"
        i_t = f (X_t * (Wi^T) + H_{t-1} * Ri + Wbi)
        H_t = o_t ⊙ tanh(C_t)
    "#]],
    );
    check(
        " * input gate:  i_t = sigmoid(W_{i,x}*X_t +\n *                    W_{i,c} .* s_{t-1} + b_i)\n * s_t = i_t ⊙ X_t\n",
        Syntax::Text,
        &expect![[r#"
            i_t = sigmoid(W_i_x * X_t + W_i_c ⊙ s_{t-1} + b_i)
            s_t = i_t ⊙ X_t
        "#]],
    );
}

#[test]
fn layers_losses_and_chains() {
    check(
        r"$$ y_t = h_t^{(l)} = \tanh(W^{(l)} h_t^{(l-1)} + U^{(l)} h_{t-1}^{(l)}), \qquad h_t^{(0)} = x_t $$ $$ L = \sum_t (y_t - d_t)^2 $$ $$ h_t, c_t = \text{LSTM}(x_t, h_{t-1}) $$",
        Syntax::Markdown,
        &expect![[r#"
            y_t = tanh(W x_t + U h_{t-1})
            h_t = tanh(W x_t + U h_{t-1})
            GW0951 layers are counted by a superscript: one layer is compiled; stack it `y_t = h_t^{(l)} = \tanh(W^{(l)} h_t^{(l-1)} + U^{(l)} h_{t-1}^{(l)})`
            GW0950 this names the input of the first layer and is skipped `h_t^{(0)} = x_t`
            GW0950 `L` is read as a loss, which is no part of the cell: skipped `L = \sum_t (y_t - d_t)^2`
            GW0950 the signature of `LSTM` defines nothing and is skipped `c_t = \text{LSTM}(x_t, h_{t-1})`
        "#]],
    );
    check(
        r"$$ h_i = \tanh(W x_i + U h_{i-1}) $$",
        Syntax::Markdown,
        &expect![[r#"
        h_t = tanh(W x_t + U h_{t-1})
    "#]],
    );
}

#[test]
fn a_number_with_an_exponent_is_one_number_in_every_spelling() {
    for syntax in [Syntax::Latex, Syntax::Text] {
        let parsed = parse("h_t = 1e-5 h_{t-1} + 2.5E3 x_t", syntax, None);
        assert_eq!(parsed.diagnostics, []);
        let [super::ast::Statement { kind: super::ast::StatementKind::Definition { value, .. }, .. }] =
            parsed.document.statements.as_slice()
        else {
            panic!("one definition");
        };
        let mut numbers = Vec::new();
        let mut waiting = vec![value];
        while let Some(expression) = waiting.pop() {
            match &expression.kind {
                super::ast::ExpressionKind::Number(number) => numbers.push(*number),
                super::ast::ExpressionKind::Add(left, right) => {
                    waiting.extend([right.as_ref(), left.as_ref()])
                }
                super::ast::ExpressionKind::Chain(factors) => waiting.extend(factors),
                super::ast::ExpressionKind::Reference(reference) => assert_ne!(reference.name.canonical, "e"),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(numbers, [1e-5, 2500.0], "{syntax:?}");
    }
}
