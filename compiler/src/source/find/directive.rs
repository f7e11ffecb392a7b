//! Mathematics that a tool for documents marks in its own way: reStructuredText, components of pages, Doxygen.

use std::ops::Range;

use super::{Block, ENVIRONMENTS, Place, Spelling};

/// `.. math::` of reStructuredText: the block lasts while the indent does.
pub(super) fn directives(text: &str, blocks: &mut Vec<Block>, excluded: &mut Vec<Range<usize>>) {
    let mut position = 0;
    while let Some(next) = text[position..].find(".. math::") {
        let mark = position + next;
        let line_start = text[..mark].rfind('\n').map_or(0, |line| line + 1);
        let indent = mark - line_start;
        let mut start = mark + ".. math::".len();
        let mut end = text[start..].find('\n').map_or(text.len(), |line| start + line);
        let mut cursor = end;
        while cursor < text.len() {
            let line_end = text[cursor + 1..].find('\n').map_or(text.len(), |line| cursor + 1 + line);
            let line = &text[cursor + 1..line_end];
            let blank = line.trim().is_empty();
            if !blank && line.len() - line.trim_start().len() <= indent {
                break;
            }
            if !blank {
                // Options such as `:label:` come first.
                if line.trim_start().starts_with(':') && text[start..end].trim().is_empty() {
                    start = line_end;
                }
                end = line_end;
            }
            cursor = line_end;
        }
        let range = start.min(end)..end;
        // Delimiters inside would be found a second time.
        let plain = !text[range.clone()].contains("$$");
        if plain {
            let outer = line_start..end;
            blocks.push(Block {
                range,
                outer: outer.clone(),
                spelling: Spelling::Latex,
                place: Place::Display,
            });
            excluded.push(outer);
        }
        position = end.max(mark + 1);
        while !text.is_char_boundary(position) {
            position += 1;
        }
    }
}

/// `<BlockMath>{`…`}</BlockMath>` and `<BlockMath math="…" />`, components of a page: the length of what opens the
/// mathematics, what closes it, and its place.
pub(super) fn component(text: &str) -> Option<(usize, String, Place)> {
    let tag = text.strip_prefix('<')?;
    let name = ["BlockMath", "InlineMath", "MathBlock", "DisplayMath", "TeX"]
        .into_iter()
        .find(|name| tag.starts_with(name))?;
    let place = if name == "InlineMath" { Place::Inline } else { Place::Display };
    let end = text.bytes().take(120).position(|byte| matches!(byte, b'>' | b'='))?;
    if text[..end].ends_with("math") {
        let value = &text[end + 1..];
        let quote = value.trim_start_matches(['{', ' ']).trim_start_matches("String.raw");
        let mark = quote.chars().next().filter(|mark| matches!(mark, '"' | '\'' | '`'))?;
        return Some((text.len() - quote.len() + 1, mark.to_string(), place));
    }
    let end = end + text[end..].bytes().take(120).position(|byte| byte == b'>')?;
    Some((end + 1, format!("</{name}"), place))
}

/// `\f[…\f]`, `\f$…\f$` and `\f{align*}{…\f}` of Doxygen, also with `@`: what opens, closes, and the place.
pub(super) fn doxygen(text: &str) -> Option<(usize, String, Place)> {
    let mark = ["\\f", "@f"].into_iter().find(|mark| text.starts_with(mark))?;
    let rest = &text[mark.len()..];
    match rest.chars().next()? {
        '$' => Some((3, format!("{mark}$"), Place::Inline)),
        '[' => Some((3, format!("{mark}]"), Place::Display)),
        '{' => {
            let name = &rest[1..rest.bytes().take(24).position(|byte| byte == b'}')?];
            let open = mark.len() + name.len() + 2;
            let open = open + usize::from(text[open..].starts_with('{'));
            ENVIRONMENTS
                .contains(&name.trim_end_matches('*'))
                .then(|| (open, format!("{mark}}}"), Place::Display))
        }
        _ => None,
    }
}

/// Without the quotes and braces that a string in a page has around it.
pub(super) fn without_quotes(text: &str, range: Range<usize>) -> Range<usize> {
    let quotes = |next: char| matches!(next, '{' | '}' | '`' | '"' | '\'') || next.is_whitespace();
    let inside = text.get(range.clone()).unwrap_or("");
    let start = inside.len() - inside.trim_start_matches(quotes).len();
    let kept = inside.trim_start_matches(quotes);
    // Braces of the mathematics itself stay.
    let Some(last) = kept.rfind(['`', '"', '\'']).filter(|at| kept[*at + 1..].trim() == "}") else {
        return range;
    };
    range.start + start..range.start + start + last
}
