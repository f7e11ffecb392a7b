//! Sources against the syntax tree printed as text.

use super::{Syntax, parse, print_text};

/// The tree of `source` as text, then its findings.
fn shown(source: &str, syntax: Syntax) -> String {
    let parsed = parse(source, syntax, None);
    let mut text = print_text(&parsed.document);
    for diagnostic in &parsed.diagnostics {
        let place = source.get(diagnostic.span.start as usize..diagnostic.span.end as usize).unwrap_or("?");
        text.push_str(&format!("{} {} `{place}`\n", diagnostic.code.as_str(), diagnostic.message));
    }
    text
}

#[test]
fn golden() {
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/golden")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "tex") {
            let source = std::fs::read_to_string(&path).unwrap();
            println!("== {}\n{}", path.file_name().unwrap().to_str().unwrap(), shown(&source, Syntax::Latex));
        }
    }
}

#[cfg(feature = "tokens")]
#[test]
fn rust_tokens() {
    let source = "
        i_t = σ(W_xi [h_{t-1}, x_t] + b_i);
        h̃_t = tanh(W_h * [i_t * h_{t - 1}; x_t] + 0.5 * b_h_prime);
        h_t = (1 - i_t) * h_{t-1} + i_t .* h̃_t;
        where w_ci: [h], alpha: scalar, W: [h + x, 3];
    ";
    let (parsed, spans) = super::parse_tokens(source.parse().unwrap());
    println!("{}{:?} {}", print_text(&parsed.document), parsed.diagnostics, spans.len());
}
