//! A printed page to sections of rows, each row on one line.

use super::ReadError;
use crate::derivation::layout::{Section, continuation, heading};
use crate::derivation::write::Style;

/// The sections in the order they stand in, each with its rows. What the command adds behind them is left out.
pub(super) fn read(printed: &str, style: Style) -> Result<Vec<(Section, Vec<String>)>, ReadError> {
    let mut page: Vec<(Section, Vec<String>)> = Vec::new();
    for line in printed.lines() {
        let unknown = || ReadError::Layout { line: line.to_owned() };
        if let Some(section) =
            Section::ALL.into_iter().find(|section| heading(style, section.title(style)) == line)
        {
            page.push((section, Vec::new()));
            continue;
        }
        let Some((section, rows)) = page.last_mut() else { return Err(unknown()) };
        if *section == Section::Notation {
            continue;
        }
        if line.is_empty() {
            continue;
        }
        let row = match style {
            Style::Text => line,
            Style::Latex if matches!(line, "\\begin{align*}" | "\\end{align*}") => continue,
            Style::Latex => line.strip_suffix(" \\\\").unwrap_or(line),
        };
        if let Some(rest) = row.strip_prefix(continuation(style)) {
            let Some(before) = rows.last_mut() else { return Err(unknown()) };
            before.push(' ');
            before.push_str(rest);
            continue;
        }
        let row = match style {
            Style::Text => row.strip_prefix("  ").ok_or_else(unknown)?,
            Style::Latex => row,
        };
        rows.push(row.to_owned());
    }
    Ok(page)
}
