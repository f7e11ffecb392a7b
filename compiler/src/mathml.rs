//! LaTeX as MathML: browsers show it without scripts, style sheets or network.
//!
//! # Invariants
//!
//! - What is generated is one line, and no character of it means anything to Markdown: rustdoc hands it on as it is.
//! - A formula that the renderer does not know is none, never half of one.

use std::fmt::Write as _;

use pulldown_latex::config::DisplayMode;
use pulldown_latex::{Parser, RenderConfig, Storage, push_mathml};

/// LaTeX as MathML; `None` where the renderer does not know all of it.
#[must_use]
pub fn latex(source: &str, display: bool) -> Option<String> {
    let prepared = prepare(source);
    let storage = Storage::new();
    let events: Vec<_> = Parser::new(&prepared, &storage).collect();
    if events.is_empty() || events.iter().any(Result::is_err) {
        return None;
    }
    let display_mode = if display { DisplayMode::Block } else { DisplayMode::Inline };
    let mut mathml = String::new();
    let config = RenderConfig { display_mode, ..RenderConfig::default() };
    push_mathml(&mut mathml, events.into_iter(), config).ok()?;
    Some(safe(&mathml))
}

/// Marks over a letter in Unicode, and their commands.
const MARKS: [(char, &str); 4] =
    [('\u{303}', "\\tilde"), ('\u{302}', "\\hat"), ('\u{304}', "\\bar"), ('\u{307}', "\\dot")];

/// What only numbers and labels equations is left out, as the parser of equations leaves it out; rows without an
/// environment get one.
fn prepare(source: &str) -> String {
    let mut text = source.replace("\\bm{", "\\boldsymbol{");
    for command in ["\\nonumber", "\\notag"] {
        text = text.replace(command, " ");
    }
    for command in ["\\label{", "\\tag{", "\\tag*{"] {
        while let Some(start) = text.find(command) {
            let end =
                text.get(start..).and_then(|rest| rest.find('}')).map_or(text.len(), |end| start + end + 1);
            text.replace_range(start..end, " ");
        }
    }
    for (mark, command) in MARKS {
        while let Some(at) = text.find(mark) {
            let under = text.get(..at).and_then(|before| before.chars().next_back());
            let letter = under.map_or(String::new(), String::from);
            text.replace_range(at - letter.len()..at + mark.len_utf8(), &format!("{command}{{{letter}}}"));
        }
    }
    aligned(&text).unwrap_or(text)
}

/// Rows outside any environment as an environment, each aligned at its first equals sign where it marks no other place.
fn aligned(text: &str) -> Option<String> {
    let (mut depth, mut rows, mut columns) = (0_usize, 0_usize, false);
    let mut result = String::from("\\begin{aligned}");
    // Where `&` belongs in the row that is being written, until one is found in it.
    let mut equals: Option<usize> = None;
    let mut marked = false;
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let length = match next {
            '\\' if rest.starts_with("\\begin") => {
                depth += 1;
                6
            }
            '\\' if rest.starts_with("\\end") => {
                depth = depth.saturating_sub(1);
                4
            }
            '\\' => {
                if depth == 0 && rest.starts_with("\\\\") {
                    rows += 1;
                    mark(&mut result, equals.take(), std::mem::take(&mut marked));
                }
                // The character after a backslash belongs to it.
                1 + rest.chars().nth(1).map_or(0, char::len_utf8)
            }
            '{' | '[' | '(' => {
                depth += 1;
                1
            }
            '}' | ']' | ')' => {
                depth = depth.saturating_sub(1);
                1
            }
            '&' if depth == 0 => {
                (marked, columns) = (true, true);
                1
            }
            '=' if depth == 0 => {
                equals.get_or_insert(result.len());
                1
            }
            other => other.len_utf8(),
        };
        let (piece, after) = rest.split_at(length);
        result.push_str(piece);
        rest = after;
    }
    mark(&mut result, equals, marked);
    result.push_str("\\end{aligned}");
    (rows > 0 || columns).then_some(result)
}

fn mark(result: &mut String, equals: Option<usize>, marked: bool) {
    if let Some(equals) = equals.filter(|_| !marked) {
        result.insert(equals, '&');
    }
}

/// MathML with every character that Markdown reads as one of its own written as a reference, on one line, and with the
/// alignment of columns, for which the renderer relies on a style sheet, in attributes.
fn safe(mathml: &str) -> String {
    let mut result = String::with_capacity(mathml.len());
    // For each open table, whether it is aligned, and how many columns of the row there were.
    let mut tables: Vec<(bool, usize)> = Vec::new();
    let mut rest = mathml;
    while let Some(next) = rest.chars().next() {
        let length = match next {
            '<' => {
                let length = rest.find('>').map_or(rest.len(), |end| end + 1);
                let tag = rest.get(..length).unwrap_or("");
                result.push_str(&styled(tag, &mut tables));
                length
            }
            '&' if rest.find(';').is_some_and(|end| end < 10) => {
                let length = rest.find(';').unwrap_or(0) + 1;
                result.push_str(rest.get(..length).unwrap_or(""));
                length
            }
            '\n' | '\r' => {
                result.push(' ');
                1
            }
            next if next.is_ascii_punctuation() => {
                let _ = write!(result, "&#{};", u32::from(next));
                1
            }
            next => {
                result.push(next);
                next.len_utf8()
            }
        };
        rest = rest.get(length..).unwrap_or("");
    }
    result
}

/// A tag with the style that it needs.
fn styled(tag: &str, tables: &mut Vec<(bool, usize)>) -> String {
    if tag.starts_with("<mtable") {
        let aligned = tag.contains("menv-alignlike");
        tables.push((aligned, 0));
        let style = if aligned { "<mtable displaystyle=\"true\"" } else { "<mtable" };
        return tag.replacen("<mtable", style, 1);
    }
    if tag.starts_with("</mtable") {
        tables.pop();
    }
    let Some((aligned, column)) = tables.last_mut() else { return tag.to_owned() };
    if tag.starts_with("<mtr") {
        *column = 0;
    }
    if !tag.starts_with("<mtd") {
        return tag.to_owned();
    }
    *column += 1;
    let style = match (*aligned, *column % 2) {
        (true, 1) => "text-align:right;padding-right:0",
        (true, _) => "text-align:left;padding-left:0",
        _ if tag.contains("cell-left") => "text-align:left",
        _ if tag.contains("cell-right") => "text-align:right",
        _ => return tag.to_owned(),
    };
    tag.replacen("<mtd", &format!("<mtd style=\"{style}\""), 1)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn rows_get_an_environment() {
        expect!["\\begin{aligned}a &= (b = c) \\\\ d &= \\frac{e}{f = 1}\\end{aligned}"]
            .assert_eq(&prepare("a = (b = c) \\\\ d = \\frac{e}{f = 1}"));
        expect!["a = \\begin{bmatrix} b \\\\ c \\end{bmatrix}"]
            .assert_eq(&prepare("a = \\begin{bmatrix} b \\\\ c \\end{bmatrix}"));
    }

    /// Whatever the formula, Markdown leaves what is made of it alone.
    #[test]
    fn markdown_sees_tags_and_text_only() {
        for source in [
            "a * b * c",
            "[a](b)",
            "a_b * c_d * e_f",
            "`a`",
            "a | b",
            "\\text{--- \"x\" ... 'y' ~~z~~}",
            "<b>",
        ] {
            let mathml = latex(source, false).unwrap();
            assert!(!mathml.contains('\n'));
            let bare: String =
                mathml.split('<').filter_map(|piece| piece.split_once('>').map(|(_, text)| text)).collect();
            assert!(!bare.contains(['*', '_', '[', ']', '`', '|', '~', '"', '\'', '\\', '<', '>']), "{bare}");
        }
    }
}
