//! `#[cell]`: errors on the lines of documentation, files, arguments, and the documentation that is generated.

use std::fmt::Write as _;
use std::path::Path;

use expect_test::{Expect, expect};
use proc_macro2::TokenStream;

use crate::attribute::expand_parts;

fn expanded(arguments: &str, item: &str, folder: &Path) -> (TokenStream, Vec<syn::Error>) {
    let (code, error) = expand_parts(arguments.parse().unwrap(), item.parse().unwrap(), folder);
    assert!(syn::parse2::<syn::File>(code.clone()).is_ok(), "{code}");
    (code, error.into_iter().flatten().collect())
}

/// The errors: their lines and columns, and the messages. Places in `arguments` look like those in `item`.
fn errors_in(folder: &Path, arguments: &str, item: &str, expected: &Expect) {
    let (_, errors) = expanded(arguments, item, folder);
    let mut text = String::new();
    for error in errors {
        let (start, end) = (error.span().start(), error.span().end());
        let place = format!("{}:{}-{}:{}", start.line, start.column + 1, end.line, end.column + 1);
        let _ = writeln!(text, "{place} {error}");
    }
    expected.assert_eq(&text);
}

fn errors(arguments: &str, item: &str, expected: &Expect) {
    errors_in(Path::new("nowhere"), arguments, item, expected);
}

/// The documentation of the first generated item.
fn documentation(arguments: &str, item: &str) -> String {
    let (code, errors) = expanded(arguments, item, Path::new("nowhere"));
    assert!(errors.is_empty(), "{errors:?}");
    let file: syn::File = syn::parse2(code).unwrap();
    let Some(syn::Item::Struct(item)) = file.items.first() else { panic!("no struct") };
    let mut text = String::new();
    for attribute in &item.attrs {
        if let syn::Meta::NameValue(pair) = &attribute.meta
            && let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(line), .. }) = &pair.value
        {
            let _ = writeln!(text, "{}", line.value());
        } else {
            let _ = writeln!(text, "{}", quote::ToTokens::to_token_stream(attribute));
        }
    }
    text
}

const ELMAN: &str = r"
    /// The network of Elman (1990).
    ///
    /// $$
    /// h_t = \tanh(W x_t + U h_{t-1} + b)
    /// $$
    pub struct Elman;";

#[test]
fn errors_are_on_their_lines() {
    errors(
        "",
        r"
/// Two gates.
///
/// $$
/// z_t = \sigmod(W_z x_t + U_z h_{t-1}) \\
/// g_t = \tanh(W_g [h_{t-1}, x_t] + ) \\
/// h_t = (1 - z_t) \odot h_{t-1} + z_t \odot g_t
/// $$
#[allow(dead_code)]
/// And $$y_t = softmaxx(W_y h_t)$$.
pub struct Cell;",
        &expect![[r#"
            5:1-5:44 `\sigmod` is no command of the language [GW0002]
              |
            5 | z_t = \sigmod(W_z x_t + U_z h_{t-1}) \\
              |       ^^^^^^^
              |
              = help: did you mean `\sigmoid`?
            6:1-6:42 the equation ends where a value is needed [GW0004]
              |
            6 | g_t = \tanh(W_g [h_{t-1}, x_t] + ) \\
              |                                ^
              |
              = help: write the operand that is missing, or remove the sign before it
            10:1-10:37 there is no function `softmaxx` [GW0101]
               |
            10 | And $$y_t = softmaxx(W_y h_t)$$.
               |             ^^^^^^^^
               |
               = help: did you mean `softmax`? A product of letters is written with blanks between them
        "#]],
    );
}

#[test]
fn findings_of_meaning() {
    errors(
        "",
        r"
/// $$
/// h_t = (z_t + b) + [h_{t-1}, x_t] \\
/// z_t = \tanh(W h_t)
/// $$
struct Cell;",
        &expect![[r#"
            3:1-3:40 [h] and [h + x] are the shapes of `h` as it is read and as it is defined, but cannot be equal in size [GW0201]
              |
            3 | h_t = (z_t + b) + [h_{t-1}, x_t] \\
              | ^^^^^^--------------------------
              |       |            |
              |       |            [h]
              |       [h + x]
              |
              = help: look at both places: one of them is not what the other needs
            4:1-4:23 these definitions of one step need each other: `h_t` needs `z_t`, which needs `h_t` [GW0301]
              |
            3 | h_t = (z_t + b) + [h_{t-1}, x_t] \\
              |        --- `h_t` needs `z_t`
            4 | z_t = \tanh(W h_t)
              |               ^^^
              |               |
              |               `z_t` needs `h_t`
              |
              = help: correct a time index, or choose a way out: `previous` reads `h_{t-1}` here, `fixed-point` solves the equations of the step by iteration
            help: `#[cell(cycle = "previous")]` chooses the one, `#[cell(cycle = "fixed-point")]` the other
        "#]],
    );
    errors(
        "",
        "/// $$ h_t = \\tanh(W x_t) $$\nstruct Cell;",
        &expect![[r#"
        1:1-1:29 nothing is carried from one step to the next: this is no recurrent cell [GW0801]
          |
        1 | $$ h_t = \tanh(W x_t) $$
          |    ^^^
          |
          = help: a state is a value that is defined and read at an earlier step, such as `h_{t-1}`
    "#]],
    );
    errors(
        "",
        "/// $$ S_t = S_{t-1} + v_t k_t^\\top; v_t = W_v x_t; k_t = W_k x_t; h_t = \\operatorname{softmax}(S_t) x_t $$\nstruct Cell;",
        &expect![[r#"
            1:1-1:108 a vector is needed here, a matrix was found [GW0202]
              |
            1 | $$ S_t = S_{t-1} + v_t k_t^\top; v_t = W_v x_t; k_t = W_k x_t; h_t = \operatorname{softmax}(S_t) x_t $$
              |                                                                      ^^^^^^^^^^^^^^^^^^^^^^^---^
              |                                                                                             |
              |                                                                                             a matrix
              |
              = help: declare the operand that was read wrongly, as in `b: [n]`, or correct the operation
        "#]],
    );
    errors(
        "cycle = \"previous\"",
        "/// $$ o_t = \\sigma(W h_t + U x_t); h_t = o_t \\odot \\tanh(V h_{t-1}) $$\nstruct Cell;",
        &expect![[""]],
    );
}

#[test]
fn every_kind_of_documentation() {
    for item in [
        ELMAN,
        "/** The network of Elman.\n$$ h_t = \\tanh(W x_t + U h_{t-1} + b) $$\n*/ struct Elman;",
        "/**\n * The network of Elman.\n *\n * $$\n * h_t = \\tanh(W x_t + U h_{t-1} + b)\n * $$\n */ struct Elman;",
        "#[doc = r\"$$ h_t = \\tanh(W x_t + U h_{t-1} + b) $$\"] struct Elman;",
        "#[doc = \"```math\\nh_t = \\\\tanh(W x_t +\\nU h_{t-1} + b)\\n```\"] #[doc(hidden)] struct Elman;",
    ] {
        let (code, errors) = expanded("", item, Path::new("nowhere"));
        assert!(errors.is_empty(), "{item} {errors:?}");
        let text = code.to_string();
        assert!(text.contains(r#""h_t = tanh(W x_t + U h_{t-1} + b)\n""#), "{text}");
        assert!(text.contains("ElmanParametersMut"));
    }
    errors(
        "",
        "/** Wrong.\n *\n * $$ h_t = \\tnah(W x_t + U h_{t-1} + b) $$\n */ struct Elman;",
        &expect![[r#"
        1:1-4:4 `\tnah` is no command of the language [GW0002]
          |
        3 | $$ h_t = \tnah(W x_t + U h_{t-1} + b) $$
          |          ^^^^^
          |
          = help: did you mean `\tanh`?
    "#]],
    );
    errors(
        "",
        "#[doc = include_str!(\"lstm.md\")] struct Lstm;",
        &expect![[r#"
        1:3-1:32 the macro cannot see the text of this documentation
        help: name the file of the equations: `#[cell(file = "…")]`
    "#]],
    );
    errors(
        "",
        "pub struct Lstm;",
        &expect![[r#"
            1:12-1:16 the text holds no equation [GW0008]
            help: give equations such as `h_t = \tanh(W x_t + U h_{t-1} + b)`, or choose another section
            help: write equations in the documentation, `/// $$ h_t = … $$`, or name their file: `#[cell(file = "…")]`
        "#]],
    );
    errors(
        "",
        "/// Long short-term memory.\npub struct Lstm;",
        &expect![[r#"
            2:12-2:16 the text holds no equation [GW0008]
            help: give equations such as `h_t = \tanh(W x_t + U h_{t-1} + b)`, or choose another section
            help: write equations in the documentation, `/// $$ h_t = … $$`, or name their file: `#[cell(file = "…")]`
        "#]],
    );
}

#[test]
fn other_items() {
    errors(
        "",
        "pub enum Lstm { A }",
        &expect![[r#"
        1:1-1:20 this is no struct
        help: `#[cell]` makes a cell of a unit struct: `pub struct Lstm;`
    "#]],
    );
    errors(
        "",
        "pub struct Lstm<'a, T>(u8, &'a T);",
        &expect![[r#"
        1:23-1:34 a cell has no fields: its parameters follow from its equations
        help: `#[cell]` makes a cell of a unit struct: `pub struct Lstm;`
        1:16-1:23 a cell has no generic parameters: `compile` chooses the numbers and sizes
        help: `#[cell]` makes a cell of a unit struct: `pub struct Lstm;`
    "#]],
    );
    errors(
        "",
        "pub struct Lstm {}",
        &expect![[r#"
        1:17-1:19 a cell has no fields: its parameters follow from its equations
        help: `#[cell]` makes a cell of a unit struct: `pub struct Lstm;`
    "#]],
    );
    errors(
        "",
        "pub struct",
        &expect![[r#"
        1:1-1:1 unexpected end of input, expected identifier
    "#]],
    );
    errors(
        "",
        "#[derive(Clone)] #[cycle(previous)] /// $$ h_t = x_t + h_{t-1} $$\n struct Sum;",
        &expect![[r#"
        1:1-1:17 this attribute has no meaning on a cell
        help: `///`, `allow` and `cfg` have; a way out of a cycle is an argument: `#[cell(cycle = "previous")]`
        1:18-1:36 this attribute has no meaning on a cell
        help: `///`, `allow` and `cfg` have; a way out of a cycle is an argument: `#[cell(cycle = "previous")]`
    "#]],
    );
}

#[test]
fn arguments() {
    errors(
        "file = 3, sections = \"3.1\", cycle = \"last\", section = \"a\", section = \"b\"",
        ELMAN,
        &expect![[r#"
        1:1-1:9 `file` needs a text: `file = "…"`
        1:11-1:19 `#[cell]` has no argument `sections`
        help: it has `file = "lstm.md"`, `section = "3.1"` and `cycle = "previous"`
        1:37-1:43 the ways out of a cycle are `"previous"`, `"fixed-point"` and `"reject"`
        1:60-1:67 `section` is given twice
    "#]],
    );
    errors(
        "file \"lstm.md\"",
        ELMAN,
        &expect![[r#"
        1:6-1:15 expected `,`
    "#]],
    );
    errors(
        "section = \"3.1\"",
        ELMAN,
        &expect![[r#"
        1:11-1:16 no heading matches `3.1` [GW0009]
        help: the document has no headings: leave the section out
    "#]],
    );
    let item = "/// # One\n/// $$ h_t = \\tanh(W x_t + h_{t-1}) $$\n/// # Two\n/// $$ h_t = \\tanh(V h_{t-1}) $$\nstruct Cell;";
    errors("section = \"Two\"", item, &expect![[""]]);
    errors(
        "",
        item,
        &expect![[r#"
        2:1-2:39 sections define `h` differently: `One` defines h; `Two` defines h [GW0011]
          |
        2 | $$ h_t = \tanh(W x_t + h_{t-1}) $$
          |    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
        3 | # Two
        4 | $$ h_t = \tanh(V h_{t-1}) $$
          |    ---------------------- in `Two`
          |
          = help: choose one cell, as in `section = "One"`
    "#]],
    );
}

#[test]
fn files() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/equations");
    let none = &expect![[""]];
    errors_in(&folder, "file = \"lstm.md\"", "struct Lstm;", none);
    errors_in(
        &folder,
        "file = \"lsm.md\"",
        "struct Lstm;",
        &expect![[r#"
        1:8-1:16 `lsm.md` cannot be read: No such file or directory (os error 2)
        help: the path is relative to the folder of `Cargo.toml`
    "#]],
    );
    errors_in(
        &folder,
        "file = \"../equations\"",
        "struct Lstm;",
        &expect![[r#"
        1:8-1:22 how `../equations` is spelled is not known
        help: its name must end in `.tex`, `.md` or `.cell`
    "#]],
    );
    errors_in(
        &folder,
        "file = \"/lstm.md\"",
        "struct Lstm;",
        &expect![[r#"
        1:8-1:18 `/lstm.md` is absolute
        help: give the path from the folder of `Cargo.toml`
    "#]],
    );
    errors_in(
        &folder,
        "file = \"lstm.md\", section = \"9.9\"",
        "struct Lstm;",
        &expect![[r#"
        1:29-1:34 lstm.md: no heading matches `9.9` [GW0009]
        help: its headings are `Long short-term memory`, `Gates`, `Memory and hidden state`
    "#]],
    );
    let (code, _) = expanded("file = \"lstm.md\"", "struct Lstm;", &folder);
    assert!(code.to_string().contains("include_bytes !"));
}

#[test]
fn the_documentation_is_shown_as_mathml() {
    expect![[r#"
        The network of Elman (1990).

        <math display="block"><msub><mi>h</mi><mi>t</mi></msub><mo>&#61;</mo><mi>tanh</mi><mo>⁡</mo><mo symmetric="false" stretchy="false">&#40;</mo><mi>W</mi><msub><mi>x</mi><mi>t</mi></msub><mo>&#43;</mo><mi>U</mi><msub><mi>h</mi><mrow><mi>t</mi><mo>−</mo><mn>1</mn></mrow></msub><mo>&#43;</mo><mi>b</mi><mo symmetric="false" stretchy="false">&#41;</mo></math>

        ```text
        hₜ = tanh(W xₜ + U hₜ₋₁ + b)
        ```

        | role | name | shape |
        | --- | --- | --- |
        | input | `x` | `[x]` |
        | state | `h` | `[h]` |
        | output | `h` | `[h]` |
        | parameter | `W` | `[h, x]` |
        | parameter | `U` | `[h, h]` |
        | parameter | `b` | `[h]` |

        # [derive (Clone , Copy , Debug , Default)]
    "#]].assert_eq(&documentation("", ELMAN));
    let item = "/// Gate $i_t$ and\n#[doc(alias = \"rnn\")]\n/// $\\zzz$.\n#[doc = \"$$ h_t = x_t +\"]\n/// h_{t-1} $$ end\n///\n/// # More\nstruct Sum;";
    expect![[r#"
         Gate <math display="inline"><msub><mi>i</mi><mi>t</mi></msub></math> and
         ` \zzz `.
        <math display="block"><msub><mi>h</mi><mi>t</mi></msub><mo>&#61;</mo><msub><mi>x</mi><mi>t</mi></msub><mo>&#43;</mo><msub><mi>h</mi><mrow><mi>t</mi><mo>−</mo><mn>1</mn></mrow></msub></math> end

         # More
        # [doc (alias = "rnn")]

        ```text
        hₜ = xₜ + hₜ₋₁
        ```

        | role | name | shape |
        | --- | --- | --- |
        | input | `x` | `[x]` |
        | state | `h` | `[x]` |
        | output | `h` | `[x]` |

        # [derive (Clone , Copy , Debug , Default)]
    "#]].assert_eq(&documentation("", item));
    let (code, _) =
        expanded("", "/// # More\n/// $$ h_t = x_t + h_{t-1} $$\nstruct Sum;", Path::new("nowhere"));
    assert!(!code.to_string().contains("<script"));
}
