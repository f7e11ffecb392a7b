//! Diagnostics as JSON: `[{"code","severity","message","line","column"}]`.

use super::{Diagnostic, Severity};

/// Line and column of a byte of `source`, both from 1; columns count characters.
#[must_use]
pub fn line_column(source: &str, offset: u32) -> (usize, usize) {
    let offset = usize::try_from(offset).unwrap_or(usize::MAX).min(source.len());
    let offset = (0..=offset).rev().find(|at| source.is_char_boundary(*at)).unwrap_or(0);
    let before = &source[..offset];
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    (line, before[start..].chars().count() + 1)
}

/// The name of a severity in machine-readable output.
#[must_use]
pub const fn severity_name(severity: Severity) -> &'static str {
    match severity {
        Severity::Note => "note",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

/// `diagnostics` about `source` as a JSON array.
#[must_use]
pub fn json(diagnostics: &[Diagnostic], source: &str) -> String {
    let rows: Vec<String> = diagnostics
        .iter()
        .map(|diagnostic| {
            let (line, column) = line_column(source, diagnostic.span.start);
            format!(
                "{{\"code\":\"{}\",\"severity\":\"{}\",\"message\":{},\"line\":{line},\"column\":{column}}}",
                diagnostic.code.as_str(),
                severity_name(diagnostic.code.severity()),
                string(&diagnostic.message),
            )
        })
        .collect();
    format!("[{}]", rows.join(","))
}

/// A JSON string literal.
#[must_use]
pub fn string(text: &str) -> String {
    let mut literal = String::with_capacity(text.len() + 2);
    literal.push('"');
    for character in text.chars() {
        match character {
            '"' => literal.push_str("\\\""),
            '\\' => literal.push_str("\\\\"),
            '\n' => literal.push_str("\\n"),
            _ if character.is_control() => literal.push_str(&format!("\\u{:04x}", u32::from(character))),
            _ => literal.push(character),
        }
    }
    literal.push('"');
    literal
}

#[cfg(test)]
mod tests {
    use super::{json, line_column};
    use crate::source::{Syntax, parse};

    #[test]
    fn places() {
        assert_eq!(line_column("a\nβγ c", 5), (2, 2));
        assert_eq!(line_column("a", 99), (1, 2));
        assert_eq!(line_column("", 0), (1, 1));
    }

    #[test]
    fn array() {
        let source = "h_t = \"\\tnah(x_t)\n";
        let parsed = parse(source, Syntax::Latex, None);
        let text = json(&parsed.diagnostics, source);
        assert!(text.starts_with("[{\"code\":\"GW000") && text.ends_with("}]"), "{text}");
        assert!(!text.contains("`\"`"), "quotes are escaped: {text}");
    }
}
