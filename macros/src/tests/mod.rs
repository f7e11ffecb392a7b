//! Errors and their places, and what is generated, without the compiler.

mod attribute;

use std::fmt::Write as _;

use expect_test::{Expect, expect};
use gatewright_compiler::diagnostic::Code;
use gatewright_compiler::resolve::{CyclePolicy, Options, resolve};
use gatewright_compiler::source::{Syntax, parse, print_text};
use proc_macro2::TokenStream;

use crate::document::unicode;
use crate::expand::expand_parts;

/// The errors of `input`: first and last place, the tokens there, and the message.
fn errors(input: &str, expected: Expect) {
    let (_, error) = expand_parts(input.parse::<TokenStream>().unwrap());
    let mut text = String::new();
    for error in error.into_iter().flatten() {
        let (start, end) = (error.span().start(), error.span().end());
        let lines: Vec<&str> = input.lines().collect();
        let line: Vec<char> = lines.get(start.line - 1).unwrap_or(&"").chars().collect();
        let until = if start.line == end.line { end.column } else { line.len() };
        let place: String = line[start.column..until].iter().collect();
        let _ = writeln!(text, "{}:{} `{place}` {error}", start.line, start.column + 1);
    }
    expected.assert_eq(&text);
}

#[test]
fn an_unknown_function() {
    errors(
        "pub Cell {
            f_t = sigmod(W_f x_t + U_f h_{t-1});
            h_t = f_t * h_{t-1} + (1 - f_t) * tahn(W_h x_t);
        }",
        expect![[r#"
            2:19 `sigmod` there is no function `sigmod` [GW0101]
            help: did you mean `sigmoid`?
            3:47 `tahn` there is no function `tahn` [GW0101]
            help: did you mean `tanh`?
        "#]],
    );
}

/// Rust takes the letters behind digits for a suffix.
#[test]
fn a_multiple_without_a_space() {
    errors(
        "pub Cell {
            g_t = W x_t[2n:3n];
            h_t = 3m * h_{t-1} + 0.5f32 * g_t + 1e400 * x_t + 0x10 * x_t;
        }",
        expect![[r#"
            2:25 `2n` `2n` is no number [GW0001]
            help: Rust reads the letters as a part of the number: write `2 n`
            2:28 `3n` `3n` is no number [GW0001]
            help: Rust reads the letters as a part of the number: write `3 n`
            3:19 `3m` `3m` is no number [GW0001]
            help: Rust reads the letters as a part of the number: write `3 m`
            3:34 `0.5f32` `0.5f32` is no number [GW0001]
            help: numbers have no type here: write `0.5`
            3:49 `1e400` `1e400` is no number [GW0001]
            help: write numbers as `0.5` or `2e-3`; the largest is `1.7e308`
            3:63 `0x10` `0x10` is no number [GW0001]
            help: write numbers as `0.5` or `2e-3`; the largest is `1.7e308`
        "#]],
    );
}

#[test]
fn an_unbound_activation() {
    errors(
        "pub Cell { h_t = φ(W x_t + U h_{t-1}); }",
        expect![[r#"
            1:18 `φ` `phi` is applied like a function, but nothing binds it [GW0102]
            help: add a line such as `phi = tanh`, or declare it (`phi: scalar`) if it is a factor
        "#]],
    );
}

#[test]
fn a_shape_contradiction() {
    errors(
        "pub Cell {
            z_t = σ(W [h_{t-1}, x_t] + b);
            h_t = z_t + [h_{t-1}, x_t];
        }",
        expect![[r#"
            3:13 `h_t = z_t + [h_{t-1}, x_t]` [h] and [h + x] are the shapes of `h` as it is read and as it is defined, but cannot be equal in size [GW0201]
              at 2:24: [h]
              at 3:19: [h + x]
            help: look at both places: one of them is not what the other needs
        "#]],
    );
    errors(
        "pub Cell {
            h_t = tanh(W x_t + U h_{t-1} + b);
            where W: [4, x], b: [3];
        }",
        expect![[r#"
            2:24 `W x_t + U h_{t-1} + b` [4] and [3] are added, but cannot be equal in size [GW0201]
              at 2:24: [4]
              at 2:44: [3]
            help: look at both places: one of them is not what the other needs
        "#]],
    );
}

#[test]
fn a_cycle() {
    errors(
        "pub Cell {
            o_t = σ(W h_t + U x_t);
            h_t = o_t * tanh(V h_{t-1});
        }",
        expect![[r#"
            2:23 `h_t` these definitions of one step need each other: `o_t` needs `h_t`, which needs `o_t` [GW0301]
              at 2:23: `o_t` needs `h_t`
              at 3:19: `h_t` needs `o_t`
            help: correct a time index, or choose a way out: `previous` reads `h_{t-1}` here, `fixed-point` solves the equations of the step by iteration
            help: `#[cycle(previous)]` before the cell's name chooses the one, `#[cycle(fixed_point)]` the other
        "#]],
    );
    errors(
        "#[cycle(previous)] pub Cell { o_t = σ(W h_t + U x_t); h_t = o_t * tanh(V h_{t-1}); }",
        expect![[""]],
    );
    errors(
        "#[cycle(fixed_point)] pub Cell { o_t = σ(W h_t + U x_t); h_t = o_t * tanh(V h_{t-1}); }",
        expect![""],
    );
}

#[test]
fn no_state() {
    errors(
        "pub Cell {
            z_t = σ(W x_t);
            h_t = z_t * tanh(V x_t);
        }",
        expect![[r#"
            3:13 `h_t` nothing is carried from one step to the next: this is no recurrent cell [GW0801]
            help: a state is a value that is defined and read at an earlier step, such as `h_{t-1}`
        "#]],
    );
}

#[test]
fn equations_that_cannot_be_read_and_others_that_are_wrong() {
    errors(
        "pub Cell {
            i_t = σ(W_i x_t + );
            f_t = W_f x_t = = b;
            o_t 7 σ(W_o h_t);
            g_t = softmaxx(W_g x_t);
            h_t = g_t # i_t + f_{t+1};
        }
        Other { h_t = tahn(h_{t-1}); }",
        expect![[r#"
            2:29 `+` the equation ends where a value is needed [GW0004]
            help: write the operand that is missing, or remove the sign before it
            3:27 `=` the equation ends where a value is needed [GW0004]
            help: write the operand that is missing, or remove the sign before it
            4:13 `o_t 7 σ(W_o h_t)` this row is no equation: it has no `=` [GW0006]
            help: write `name = expression`
            6:23 `#` `#` is no part of the language [GW0001]
            help: remove the character, or write the operation that it stands for
            5:19 `softmaxx` there is no function `softmaxx` [GW0101]
            help: did you mean `softmax`?
            8:23 `tahn` there is no function `tahn` [GW0101]
            help: did you mean `tanh`?
        "#]],
    );
}

#[test]
fn items_that_are_no_cells() {
    errors(
        "",
        expect![[r#"
        1:1 `` unexpected end of input, a cell is needed, such as `pub Elman { h_t = tanh(W x_t + U h_{t-1} + b) }`
    "#]],
    );
    errors(
        "pub Cell i_t = x_t",
        expect![[r#"
        1:10 `i_t` the equations of `Cell` are needed in braces: `Cell { … }`
    "#]],
    );
    errors(
        "pub struct Cell { h_t = h_{t-1}; }",
        expect![[r#"
        1:5 `struct` expected identifier, found keyword `struct`
    "#]],
    );
    errors(
        "Cell { }",
        expect![[r#"
            1:1 `Cell` the text holds no equation [GW0008]
            help: give equations such as `h_t = tanh(W x_t + U h_{t-1} + b)`, or choose another section
        "#]],
    );
    errors(
        "#[derive(Debug)] #[cycle(never)] #[cycle(previous)] Cell { h_t = tanh(W x_t + U h_{t-1}) }",
        expect![[r#"
            1:1 `#[derive(Debug)]` this attribute has no meaning on a cell
            help: `///`, `allow`, `cfg` and `cycle` have
            1:18 `#[cycle(never)]` expected `#[cycle(previous)]`, `#[cycle(fixed_point)]` or `#[cycle(reject)]`
            1:34 `#[cycle(previous)]` `cycle` is given twice
        "#]],
    );
}

#[test]
fn a_skipped_row_is_an_error() {
    errors(
        "Cell { h_t = tanh(W x_t + U h_{t-1}); s_t = LSTM(x_t, h_{t-1}); y_t; }",
        expect![[r#"
        1:39 `s_t = LSTM(x_t, h_{t-1})` the signature of `LSTM` defines nothing and is skipped [GW0950]
        1:65 `y_t` `y` stands alone: no `=` follows [GW0950]
    "#]],
    );
}

#[test]
fn functions_of_a_matrix_that_varies_in_time() {
    errors(
        "Cell {
            S_t = S_{t-1} + v_t k_t^T;
            v_t = W_v x_t; k_t = W_k x_t; q_t = W_q x_t;
            h_t = softmax(S_t) q_t;
        }",
        expect![[r#"
            4:19 `softmax(S_t)` a vector is needed here, a matrix was found [GW0202]
              at 4:27: a matrix
            help: declare the operand that was read wrongly, as in `b: [n]`, or correct the operation
        "#]],
    );
}

/// Every golden cell, spelled in tokens, is the cell that its LaTeX is.
#[test]
fn golden_cells() {
    let mut count = 0;
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/golden");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "tex") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let parsed = parse(&text, Syntax::Latex, None);
        for cycle in [CyclePolicy::Reject, CyclePolicy::Previous] {
            let Ok(expected) = resolve(&parsed.document, &Options { cycle, ..Options::default() }) else {
                continue;
            };
            let tokens =
                print_text(&parsed.document).replace('⊙', ".*").replace(['·', '×'], "*").replace('\n', ";\n");
            let equations = crate::parse::equations(tokens.parse().unwrap());
            assert_eq!(equations.parsed.diagnostics, [], "{}\n{tokens}", path.display());
            let mut found =
                resolve(&equations.parsed.document, &Options { cycle, ..Options::default() }).unwrap();
            // Tokens have one sign for `\cdot` and `*`, of which a note may speak.
            found.diagnostics.retain(|found| found.code != Code::AsteriskProduct);
            assert_eq!(found.placeless(), expected.placeless(), "{}\n{tokens}", path.display());

            let attribute = if cycle == CyclePolicy::Previous { "#[cycle(previous)]" } else { "" };
            let (code, error) = expand_parts(format!("{attribute} pub Cell {{ {tokens} }}").parse().unwrap());
            let messages: Vec<String> = error.into_iter().flatten().map(|error| error.to_string()).collect();
            assert!(messages.is_empty(), "{}\n{tokens}\n{messages:?}", path.display());
            syn::parse2::<syn::File>(code).unwrap();
            count += 1;
        }
    }
    assert!(count >= 20, "only {count} cells");
}

/// Items of the expansion with their fields, types of fields, and first lines of documentation.
fn items(input: &str, expected: Expect) {
    let (code, error) = expand_parts(input.parse::<TokenStream>().unwrap());
    let messages: Vec<String> = error.into_iter().flatten().map(|error| error.to_string()).collect();
    let mut text = messages.join("\n");
    let file: syn::File = syn::parse2(code).unwrap();
    let print = |tokens: &dyn quote::ToTokens| tokens.to_token_stream().to_string();
    for item in &file.items {
        let syn::Item::Struct(item) = item else { continue };
        let _ = writeln!(text, "{} struct {}", print(&item.vis), item.ident);
        for field in &item.fields {
            let name = field.ident.as_ref().map_or_else(String::new, ToString::to_string);
            let place = field.ident.as_ref().map(|ident| ident.span().start());
            let place = place
                .filter(|place| place.line > 0)
                .map(|place| format!("{}:{}", place.line, place.column + 1));
            let documents: Vec<String> = field.attrs.iter().map(|attribute| print(&attribute.meta)).collect();
            let place = place.unwrap_or_default();
            let _ = writeln!(text, "  {place} {name}: {} {}", print(&field.ty), documents.join(" "));
        }
    }
    expected.assert_eq(&text);
}

#[test]
fn fields_are_the_users_identifiers() {
    items(
        "pub(crate) Cell {
            z_t = sigmoid(W_z [h_{t-1}, x_t] + b_z + W^1 x_t + W^2 x_t);
            h_t = z_t * h_{t-1} + α * fn * r#in * (1 - z_t);
            where α: scalar;
        }",
        expect![[r#"
            pub (crate) struct Cell
            pub (crate) struct CellSizes
              1:1 x: usize doc = "Size `x`, of: `x`."
              1:1 h: usize doc = "Size `h`, of: `h`."
            pub (crate) struct CellParameters
              2:27 W_z: :: gatewright :: parameters :: MatrixView < 'a , T > doc = "Parameter, `[h, x + h]`.\n\n```text\nzₜ = σ(W_z [hₜ₋₁, xₜ] + b_z + W^1 xₜ + W^2 xₜ)\n```"
              2:48 b_z: & 'a [T] doc = "Parameter, `[h]`.\n\n```text\nzₜ = σ(W_z [hₜ₋₁, xₜ] + b_z + W^1 xₜ + W^2 xₜ)\n```"
              2:54 W_1: :: gatewright :: parameters :: MatrixView < 'a , T > doc = "Parameter, `[h, x]`.\n\n```text\nzₜ = σ(W_z [hₜ₋₁, xₜ] + b_z + W^1 xₜ + W^2 xₜ)\n```"
              2:64 W_2: :: gatewright :: parameters :: MatrixView < 'a , T > doc = "Parameter, `[h, x]`.\n\n```text\nzₜ = σ(W_z [hₜ₋₁, xₜ] + b_z + W^1 xₜ + W^2 xₜ)\n```"
              3:35 α: & 'a T doc = "Parameter, a scalar.\n\n```text\nhₜ = zₜ * hₜ₋₁ + α * fn * in * (1 - zₜ)\n```"
              3:39 r#fn: & 'a [T] doc = "Parameter, `[h]`.\n\n```text\nhₜ = zₜ * hₜ₋₁ + α * fn * in * (1 - zₜ)\n```"
              3:44 r#in: & 'a [T] doc = "Parameter, `[h]`.\n\n```text\nhₜ = zₜ * hₜ₋₁ + α * fn * in * (1 - zₜ)\n```"
            pub (crate) struct CellParametersMut
              2:27 W_z: :: gatewright :: parameters :: MatrixViewMut < 'a , T > doc = "Parameter, `[h, x + h]`.\n\n```text\nzₜ = σ(W_z [hₜ₋₁, xₜ] + b_z + W^1 xₜ + W^2 xₜ)\n```"
              2:48 b_z: & 'a mut [T] doc = "Parameter, `[h]`.\n\n```text\nzₜ = σ(W_z [hₜ₋₁, xₜ] + b_z + W^1 xₜ + W^2 xₜ)\n```"
              2:54 W_1: :: gatewright :: parameters :: MatrixViewMut < 'a , T > doc = "Parameter, `[h, x]`.\n\n```text\nzₜ = σ(W_z [hₜ₋₁, xₜ] + b_z + W^1 xₜ + W^2 xₜ)\n```"
              2:64 W_2: :: gatewright :: parameters :: MatrixViewMut < 'a , T > doc = "Parameter, `[h, x]`.\n\n```text\nzₜ = σ(W_z [hₜ₋₁, xₜ] + b_z + W^1 xₜ + W^2 xₜ)\n```"
              3:35 α: & 'a mut T doc = "Parameter, a scalar.\n\n```text\nhₜ = zₜ * hₜ₋₁ + α * fn * in * (1 - zₜ)\n```"
              3:39 r#fn: & 'a mut [T] doc = "Parameter, `[h]`.\n\n```text\nhₜ = zₜ * hₜ₋₁ + α * fn * in * (1 - zₜ)\n```"
              3:44 r#in: & 'a mut [T] doc = "Parameter, `[h]`.\n\n```text\nhₜ = zₜ * hₜ₋₁ + α * fn * in * (1 - zₜ)\n```"
        "#]],
    );
}

#[test]
fn a_cell_with_errors_has_a_skeleton() {
    let (code, _) = expand_parts("pub Cell { h_t = tahn(W_h x_t + U h_{t-1} + b) }".parse().unwrap());
    let file: syn::File = syn::parse2(code).unwrap();
    let mut names = Vec::new();
    for item in &file.items {
        if let syn::Item::Struct(item) = item {
            names.push(item.ident.to_string());
            names
                .extend(item.fields.iter().filter_map(|field| field.ident.as_ref().map(ToString::to_string)));
        }
    }
    assert_eq!(names.join(" "), "Cell CellSizes CellParameters W_h U b CellParametersMut W_h U b");
}

#[test]
fn tokens_are_numbered_as_the_compiler_numbers_them() {
    let tokens: TokenStream = "a_t = [b_{t-1}, c := d .* (e - f)] <- g; 'h -> || 0.5".parse().unwrap();
    let equations = crate::parse::equations("h_t = W [h_{t-1}, x_t] .* U x_t".parse().unwrap());
    let names: Vec<String> = equations
        .mentions
        .iter()
        .map(|mention| mention.identifier.as_ref().map_or_else(String::new, ToString::to_string))
        .collect();
    assert_eq!(names.join(" "), "h_t W h_ x_t U x_t");
    crate::parse::equations(tokens);
}

#[test]
fn lines_are_shown_in_unicode() {
    expect!["h̃ₜ = tanh(α W_xi [hₜ₋₁, xₜ]) + σ(γ_c)"]
        .assert_eq(&unicode("h_tilde_t = tanh(alpha W_xi [h_{t-1}, x_t]) + sigmoid(gamma_c)"));
    expect!["W_z^1 xₜ₊₂ - c_f_{"].assert_eq(&unicode("W_z^1 x_{t+2} - c_f_{"));
}

/// Nothing panics, whatever the tokens.
#[test]
fn hostile_tokens() {
    let pieces = [
        "h_t", "=", "[", "]", "(", ")", "{", "}", "h_", "{t-1}", "_", "^", "2", "T", ";", ",", "σ", "+", "-",
        "*", "where", ":", "W", "'a", "\"s\"", "1e999", "#", "!", "$", "..", "r#fn", "in", "x_t", "tanh",
        "|", "\\u{303}",
    ];
    let mut state = 1_u64;
    for _ in 0..3000 {
        let mut text = String::from("Cell {");
        for _ in 0..(state >> 60) + 3 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            text.push_str(pieces[(state >> 33) as usize % pieces.len()]);
            text.push(' ');
        }
        text.push('}');
        if let Ok(tokens) = text.parse::<TokenStream>() {
            let (code, _) = expand_parts(tokens);
            assert!(syn::parse2::<syn::File>(code).is_ok(), "{text}");
        }
    }
    let deep = format!("Cell {{ h_t = {}x_t{} }}", "(".repeat(400), ")".repeat(400));
    expand_parts(deep.parse().unwrap());
}

/// Editors lead from a token to what the expansion makes of it by its place: every name must be there.
#[test]
fn every_name_has_its_place_in_the_expansion() {
    let input = "pub Cell {
        g = tanh;
        Φ(v) = tanh(W v + b);
        ε = 0.01;
        z_t = σ(W_z [h_{t-1}, x_t] + b_z);
        h_{t} = (1 - z_t) * h_{t-2} + ε * z_t * Φ(x_t) + g(w_o * h_{t-1});
        where w_o: [h];
    }";
    let (code, error) = expand_parts(input.parse::<TokenStream>().unwrap());
    assert!(error.is_none());
    let mut found = std::collections::BTreeSet::new();
    let mut pending = vec![code];
    while let Some(stream) = pending.pop() {
        for tree in stream {
            match tree {
                proc_macro2::TokenTree::Group(group) => pending.push(group.stream()),
                proc_macro2::TokenTree::Ident(ident) => {
                    found.insert((ident.span().start().line, ident.span().start().column));
                }
                _ => {}
            }
        }
    }
    let names = ["Cell", "g", "Φ", "v", "W", "b", "ε", "z_t", "W_z", "h_", "x_t", "b_z", "w_o"];
    let (mut expected, mut missing) = (0, Vec::new());
    for (line, text) in input.lines().enumerate() {
        let characters: Vec<char> = text.chars().collect();
        let mut column = 0;
        while column < characters.len() {
            let word: String =
                characters[column..].iter().take_while(|c| c.is_alphanumeric() || **c == '_').collect();
            if names.contains(&word.as_str()) {
                expected += 1;
                if !found.contains(&(line + 1, column)) {
                    missing.push(format!("{}:{} {word}", line + 1, column + 1));
                }
            }
            column += word.chars().count().max(1);
        }
    }
    assert_eq!((expected, missing), (24, Vec::new()));
}

#[test]
fn the_documentation_shows_the_cell() {
    let input = "pub Cell {
        z_t = σ(W_z [h_{t-1}, x_t] + b);
        h̃_t = tanh(W_h x_t + b);
        h_t = (1 - z_t) * h_{t-1} + z_t * h̃_t;
        y_t = h_{t-2} + ε;
        ε = 0.5;
    }";
    let (code, _) = expand_parts(input.parse::<TokenStream>().unwrap());
    let file: syn::File = syn::parse2(code).unwrap();
    let Some(syn::Item::Struct(item)) = file.items.first() else { panic!("no struct") };
    let mut text = String::new();
    for attribute in &item.attrs {
        if let syn::Meta::NameValue(pair) = &attribute.meta
            && let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(line), .. }) = &pair.value
        {
            let _ = writeln!(text, "{}", line.value());
        }
    }
    expect![[r#"
        <math display="block"><mtable displaystyle="true" class="menv-alignlike menv-align"><mtr><mtd style="text-align:right;padding-right:0"><msub><mi>z</mi><mi>t</mi></msub></mtd><mtd style="text-align:left;padding-left:0"><mo>&#61;</mo><mi>σ</mi><mo symmetric="false" stretchy="false">&#40;</mo><msub><mi>W</mi><mi>z</mi></msub><mo symmetric="false" stretchy="false">&#91;</mo><msub><mi>h</mi><mrow><mi>t</mi><mo>−</mo><mn>1</mn></mrow></msub><mo>&#44;</mo><msub><mi>x</mi><mi>t</mi></msub><mo symmetric="false" stretchy="false">&#93;</mo><mo>&#43;</mo><mi>b</mi><mo symmetric="false" stretchy="false">&#41;</mo></mtd></mtr><mtr><mtd style="text-align:right;padding-right:0"><msub><mover><mrow><mi>h</mi></mrow><mi>&#126;</mi></mover><mi>t</mi></msub></mtd><mtd style="text-align:left;padding-left:0"><mo>&#61;</mo><mi>tanh</mi><mo>⁡</mo><mo symmetric="false" stretchy="false">&#40;</mo><msub><mi>W</mi><mi>h</mi></msub><msub><mi>x</mi><mi>t</mi></msub><mo>&#43;</mo><mi>b</mi><mo symmetric="false" stretchy="false">&#41;</mo></mtd></mtr><mtr><mtd style="text-align:right;padding-right:0"><msub><mi>h</mi><mi>t</mi></msub></mtd><mtd style="text-align:left;padding-left:0"><mo>&#61;</mo><mo symmetric="false" stretchy="false">&#40;</mo><mn>1</mn><mo>−</mo><msub><mi>z</mi><mi>t</mi></msub><mo symmetric="false" stretchy="false">&#41;</mo><mo>∗</mo><msub><mi>h</mi><mrow><mi>t</mi><mo>−</mo><mn>1</mn></mrow></msub><mo>&#43;</mo><msub><mi>z</mi><mi>t</mi></msub><mo>∗</mo><msub><mover><mrow><mi>h</mi></mrow><mi>&#126;</mi></mover><mi>t</mi></msub></mtd></mtr><mtr><mtd style="text-align:right;padding-right:0"><msub><mi>y</mi><mi>t</mi></msub></mtd><mtd style="text-align:left;padding-left:0"><mo>&#61;</mo><msub><mi>h</mi><mrow><mi>t</mi><mo>−</mo><mn>2</mn></mrow></msub><mo>&#43;</mo><mi>ϵ</mi></mtd></mtr><mtr><mtd style="text-align:right;padding-right:0"><mi>ϵ</mi></mtd><mtd style="text-align:left;padding-left:0"><mo>&#61;</mo><mn>0&#46;5</mn></mtd></mtr></mtable></math>

        ```text
        zₜ = σ(W_z [hₜ₋₁, xₜ] + b)
        h̃ₜ = tanh(W_h xₜ + b)
        hₜ = (1 - zₜ) * hₜ₋₁ + zₜ * h̃ₜ
        yₜ = hₜ₋₂ + ε
        ε = 0.5
        ```

        | role | name | shape |
        | --- | --- | --- |
        | input | `x` | `[x]` |
        | state | `h` | `[h]` |
        | delayed value | `h_delay_2` | `[h]` |
        | output | `y` | `[h]` |
        | parameter | `W_z` | `[h, x + h]` |
        | parameter | `b` | `[h]` |
        | parameter | `W_h` | `[h, x]` |
        | constant | `epsilon` | = 0.5 |

        # Notes

        - `b` is used in 2 equations: their gradients add (GW0901)

    "#]]
    .assert_eq(&text);
}
