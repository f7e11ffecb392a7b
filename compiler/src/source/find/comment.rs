//! What a document holds and does not say: comments of LaTeX, HTML and Markdown, and text that is struck out.

use std::ops::Range;

use super::Syntax;

/// Longest comment between two marks, in bytes, and longest argument that is no text.
const MAXIMUM_COMMENT: usize = 16384;
const MAXIMUM_ARGUMENT: usize = 4096;

/// The bytes from the beginning of `rest` on that are no text, where `before` stands before them: none where there is text.
pub(super) fn comment(before: &str, rest: &str, syntax: Syntax) -> Option<usize> {
    if let Some(comment) = rest.strip_prefix('%') {
        let begins_line =
            before.trim_end_matches([' ', '\t']).chars().next_back().is_none_or(|last| last == '\n');
        let is_comment = match syntax {
            Syntax::Latex => !before.ends_with('\\'),
            // Elsewhere `20 % of $n$`.
            Syntax::Markdown => begins_line,
            Syntax::Text => false,
        };
        return is_comment.then(|| 1 + comment.find('\n').unwrap_or(comment.len()));
    }
    for (open, close) in [("<!--", "-->"), ("\\begin{comment}", "\\end{comment}"), ("\\iffalse", "\\fi")] {
        if let Some(inside) = rest.strip_prefix(open) {
            let length = within(inside, MAXIMUM_COMMENT).find(close)?;
            // What stands behind `\else` is text again.
            let read = inside[..length].find("\\else").filter(|_| close == "\\fi");
            return Some(open.len() + read.map_or(length + close.len(), |at| at + "\\else".len()));
        }
    }
    let argument =
        ["\\sout{", "\\st{", "\\todo{", "\\todo[inline]{"].iter().find_map(|open| rest.strip_prefix(open))?;
    let mut depth = 1;
    for (at, letter) in within(argument, MAXIMUM_ARGUMENT).char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(rest.len() - argument.len() + at + 1);
        }
    }
    None
}

/// As much of a text as is looked at for where a comment ends, so that hostile text is not searched again and again.
fn within(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

/// `[//]: # (…)`, a comment of Markdown: lines that name nothing anyone refers to.
pub(super) fn reference_comments(text: &str, excluded: &mut Vec<Range<usize>>) {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if ["[//]: ", "[comment]: "].iter().any(|mark| line.trim_start().starts_with(mark)) {
            excluded.push(start..start + line.len());
        }
        start += line.len();
    }
}
