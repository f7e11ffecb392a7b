//! Finding the mathematics in a document: ranges of the original text, how each is spelled, and under which heading.

use std::ops::Range;

/// How a range of a document is spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spelling {
    /// LaTeX mathematics.
    Latex,
    /// Plain text, one equation on a line.
    Text,
}

/// A range of mathematics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// Bytes of the document.
    pub(crate) range: Range<usize>,
    /// How it is spelled.
    pub(crate) spelling: Spelling,
}

/// Environments that are display mathematics.
const ENVIRONMENTS: [&str; 14] = [
    "equation",
    "align",
    "aligned",
    "gather",
    "gathered",
    "split",
    "multline",
    "eqnarray",
    "array",
    "displaymath",
    "math",
    "alignat",
    "alignedat",
    "flalign",
];

/// Display mathematics of a text: `$$…$$`, `\[…\]` and environments outside them.
pub(crate) fn display(text: &str, range: Range<usize>) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut position = range.start;
    while let Some(rest) = text.get(position..range.end).filter(|rest| !rest.is_empty()) {
        let Some(next) = rest.find(['$', '\\']) else { break };
        let start = position + next;
        let rest = &text[start..range.end];
        let (open, close): (usize, String) = if rest.starts_with("$$") {
            (2, "$$".to_owned())
        } else if rest.starts_with("\\[") && !text[..start].ends_with('\\') {
            (2, "\\]".to_owned())
        } else if let Some(name) = environment(rest) {
            (0, format!("\\end{{{name}}}"))
        } else {
            position = start + if rest.starts_with("\\\\") { 2 } else { 1 };
            continue;
        };
        let body = start + open;
        let found = text[body..range.end].find(&close);
        // What is never closed reaches to the end.
        let (end, over) = match found {
            Some(length) if open == 0 => (body + length + close.len(), body + length + close.len()),
            Some(length) => (body + length, body + length + close.len()),
            None => (range.end, range.end),
        };
        blocks.push(Block { range: body..end, spelling: Spelling::Latex });
        position = over;
    }
    blocks
}

/// The name of the display environment that `text` begins.
fn environment(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("\\begin{")?;
    let name = &rest[..rest.find('}')?];
    ENVIRONMENTS.contains(&name.trim_end_matches('*')).then_some(name)
}
