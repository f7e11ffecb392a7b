//! Finding the mathematics in a document: ranges of the original text, how each is spelled, and under which heading.
//!
//! Display mathematics (`$$`, `\[`, environments, `.. math::`, `<math>`, math fences) is the cell. Only where there is
//! none are inline mathematics, plain code fences, code spans, and at last the whole text looked at.

mod comment;
mod directive;

use std::ops::Range;

use comment::{comment, reference_comments};
use directive::{component, directives, doxygen, without_quotes};
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

use super::Syntax;

/// How a range of a document is spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spelling {
    /// LaTeX mathematics.
    Latex,
    /// Plain text, one equation on a line.
    Text,
}

/// How a range of mathematics stands in its document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// By itself.
    Display,
    /// In a line of text.
    Inline,
    /// In a fence without a language.
    Fence,
    /// In a code span.
    Span,
    /// The whole text, which has no mathematics marked.
    Whole,
    /// The whole text, spelled as in `cell!`: an identifier is one name.
    Cell,
}

/// A range of mathematics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// Bytes of the document.
    pub(crate) range: Range<usize>,
    /// The same with the delimiters around it.
    pub(crate) outer: Range<usize>,
    /// How it is spelled.
    pub(crate) spelling: Spelling,
    /// How it stands there.
    pub(crate) place: Place,
}

/// A heading of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Heading {
    /// Its text.
    pub(crate) title: String,
    /// 1 for the highest.
    pub(crate) level: u8,
    /// Its bytes.
    pub(crate) range: Range<usize>,
    /// Where its part ends: at the next heading of its level or a higher one.
    pub(crate) end: usize,
}

/// What a document holds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    /// Mathematics in order.
    pub(crate) blocks: Vec<Block>,
    /// Headings in order.
    pub(crate) headings: Vec<Heading>,
    /// Fences in a programming language, in order.
    pub(crate) code: Vec<Range<usize>>,
}

impl Found {
    /// The innermost heading over `position`.
    pub(crate) fn heading_at(&self, position: usize) -> Option<usize> {
        self.headings.partition_point(|heading| heading.range.start <= position).checked_sub(1)
    }
}

/// Longest inline mathematics, in bytes.
const MAXIMUM_INLINE: usize = 2048;

/// Environments that are display mathematics.
const ENVIRONMENTS: [&str; 15] = [
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
    "cases",
];

/// All mathematics and headings of `text`.
pub(crate) fn find(text: &str, syntax: Syntax) -> Found {
    let mut found = Found::default();
    // Ranges that are no mathematics, in order.
    let mut excluded: Vec<Range<usize>> = Vec::new();
    match syntax {
        Syntax::Markdown => markdown(text, &mut found, &mut excluded),
        Syntax::Latex => latex_headings(text, &mut found),
        Syntax::Text => {}
    }
    close_headings(&mut found.headings, text.len());
    directives(text, &mut found.blocks, &mut excluded);
    excluded.sort_by_key(|range| range.start);
    let mut gaps = Vec::new();
    let mut position = 0;
    for range in &excluded {
        if range.start >= position {
            gaps.push(position..range.start);
        }
        position = position.max(range.end);
    }
    gaps.push(position.min(text.len())..text.len());
    let mut comments = false;
    for gap in &gaps {
        comments |= delimited(text, gap.clone(), Some(syntax), &mut found.blocks);
    }
    if comments && found.blocks.is_empty() {
        // A comment that is all there is: the source of a picture of the equations.
        for gap in gaps {
            delimited(text, gap, None, &mut found.blocks);
        }
    }
    found.blocks.sort_by_key(|block| block.range.start);
    join_sides(text, &mut found.blocks);
    super::table::cells_without_equals(text, &mut found.blocks);
    for block in &mut found.blocks {
        // Mathematics of keyboards, `H[t] = tanh(Wx[t] + …)`, in a line of text.
        let inside = text.get(block.range.clone()).unwrap_or("");
        if block.place == Place::Inline && inside.contains("[t]") && !inside.contains(['\\', '{']) {
            block.spelling = Spelling::Text;
        }
    }
    if syntax == Syntax::Markdown {
        unmarked(text, &excluded, &mut found.blocks);
    }
    // A heading inside mathematics is none.
    let blocks = &found.blocks;
    found.headings.retain(|heading| {
        let before = blocks.partition_point(|block| block.range.start <= heading.range.start);
        let block = before.checked_sub(1).and_then(|index| blocks.get(index));
        !block
            .is_some_and(|block| block.place == Place::Display && block.range.contains(&heading.range.start))
    });
    close_headings(&mut found.headings, text.len());
    found
}

/// Lines of LaTeX that have lost their delimiters, beside mathematics that has them: `\tilde{h}_t &= \tanh(W x_t)`.
fn unmarked(text: &str, excluded: &[Range<usize>], blocks: &mut Vec<Block>) {
    if blocks.is_empty() {
        return;
    }
    let mut taken: Vec<Range<usize>> = blocks.iter().map(|block| block.outer.clone()).collect();
    taken.extend(excluded.iter().cloned());
    taken.sort_by_key(|range| range.start);
    let mut found = Vec::new();
    let (mut start, mut next, mut reach) = (0, 0, 0);
    for line in text.split_inclusive('\n') {
        let end = start + line.len();
        while let Some(range) = taken.get(next).filter(|range| range.start < end) {
            reach = reach.max(range.end);
            next += 1;
        }
        let blank = line.len() - line.trim_start().len();
        let inside = line.trim();
        let name = inside.trim_start_matches(['&', ' ']);
        let begins = name.starts_with('\\')
            || name.starts_with(|first: char| first.is_ascii_alphabetic())
                && name[1..].starts_with(['_', '^']);
        let command = inside
            .match_indices('\\')
            .any(|(at, _)| inside[at + 1..].starts_with(|next: char| next.is_ascii_alphabetic()));
        if reach <= start && begins && command && inside.contains('=') && inside.contains(['_', '^']) {
            let range = start + blank..start + blank + inside.len();
            let outer = range.clone();
            found.push(Block { range, outer, spelling: Spelling::Latex, place: Place::Inline });
        }
        start = end;
    }
    blocks.append(&mut found);
    blocks.sort_by_key(|block| block.range.start);
}

/// `$h_t$ = $\tanh(W x_t)$`: two sides of one equation.
fn join_sides(text: &str, blocks: &mut Vec<Block>) {
    let mut joined: Vec<Block> = Vec::with_capacity(blocks.len());
    for block in blocks.drain(..) {
        if let Some(before) = joined.last_mut()
            && before.place == Place::Inline
            && block.place == Place::Inline
            && let Some(between) = text.get(before.range.end..block.range.start)
            && between.len() < 16
            && between.contains('$')
            && between.trim_matches(['$', ' ']) == "="
            && !text[before.range.clone()].contains('=')
            && !text[block.range.clone()].contains('=')
        {
            before.range.end = block.range.end;
            before.outer.end = block.outer.end;
            continue;
        }
        joined.push(block);
    }
    *blocks = joined;
}

/// Where the part of each heading ends.
fn close_headings(headings: &mut [Heading], length: usize) {
    let marks: Vec<(u8, usize)> =
        headings.iter().map(|heading| (heading.level, heading.range.start)).collect();
    for (index, heading) in headings.iter_mut().enumerate() {
        heading.end = marks
            .iter()
            .skip(index + 1)
            .find(|(level, _)| *level <= heading.level)
            .map_or(length, |(_, start)| *start);
    }
}

/// True where a line, behind a label or not, is one word and what it equals.
fn is_equation(line: &str) -> bool {
    line.split_once(" = ").is_some_and(|(left, _)| {
        let name = left.rsplit(": ").next().unwrap_or(left).trim();
        !name.is_empty() && !name.contains(' ')
    })
}

/// Headings, fences and code spans of Markdown.
fn markdown(text: &str, found: &mut Found, excluded: &mut Vec<Range<usize>>) {
    let mut heading: Option<(u8, usize, String)> = None;
    let mut fence: Option<(Spelling, Place, usize)> = None;
    reference_comments(text, excluded);
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    for (event, range) in Parser::new_ext(text, options).into_offset_iter() {
        match event {
            Event::Start(Tag::Strikethrough) if text[range.clone()].starts_with("~~") => excluded.push(range),
            Event::Start(Tag::Heading { level, .. }) => {
                heading = Some((level as u8, range.start, String::new()));
            }
            Event::End(TagEnd::Heading(_)) => {
                if let Some((level, start, title)) = heading.take() {
                    let title = title.trim().to_owned();
                    // `# ft = sigmoid(Wf * [ht-1, xt] + bf)`: a comment of a program.
                    if is_equation(&title) {
                        continue;
                    }
                    found.headings.push(Heading { title, level, range: start..range.end, end: text.len() });
                }
            }
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))) => {
                let language = language.split_whitespace().next().unwrap_or("").to_ascii_lowercase();
                fence = match language.as_str() {
                    "math" | "latex" | "tex" | "katex" => {
                        Some((Spelling::Latex, Place::Display, range.start))
                    }
                    "" | "text" | "txt" | "plain" => Some((Spelling::Text, Place::Fence, range.start)),
                    _ if is_mathematics(&text[range.clone()]) => {
                        Some((Spelling::Text, Place::Fence, range.start))
                    }
                    _ => {
                        found.code.push(range.clone());
                        excluded.push(range);
                        None
                    }
                };
            }
            Event::End(TagEnd::CodeBlock) => {
                if let Some((spelling, place, _)) = fence.take() {
                    let content = fence_content(text, &range);
                    let inside = text.get(content.clone()).unwrap_or("");
                    let marked =
                        place == Place::Fence && (inside.contains("\\begin") || inside.contains("$$"));
                    let wrapped = place == Place::Display && inside.contains("$$");
                    if !marked && !wrapped {
                        found.blocks.push(Block { range: content, outer: range.clone(), spelling, place });
                        excluded.push(range);
                    }
                }
            }
            Event::Text(part) | Event::Code(part) if heading.is_some() => {
                if let Some((_, _, title)) = &mut heading {
                    title.push_str(&part);
                }
            }
            Event::Code(part) if !part.contains("$$") => {
                let ticks = text[range.clone()].bytes().take_while(|byte| *byte == b'`').count();
                let content = range.start + ticks..range.end.saturating_sub(ticks).max(range.start + ticks);
                let dollars = text[..range.start].ends_with('$') && text[range.end..].starts_with('$');
                let role = text[..range.start].ends_with(":math:");
                // A string in a page: ``math={String.raw`…`}``, ``<BlockMath>{`…`}``.
                let before = &text[..range.start];
                let string = (before.ends_with("String.raw") || before.ends_with(">{"))
                    && text[range.end..].starts_with('}');
                if !dollars && !role && !string {
                    // "```math h_t = \tanh(W x_t)```": a fence on one line.
                    let fenced = text[content.clone()].strip_prefix("math ").filter(|_| ticks >= 3);
                    let (inside, spelling, place) = match fenced {
                        Some(inside) => {
                            (content.end - inside.len()..content.end, Spelling::Latex, Place::Inline)
                        }
                        None => (content, Spelling::Text, Place::Span),
                    };
                    found.blocks.push(Block { range: inside, outer: range.clone(), spelling, place });
                    excluded.push(range);
                }
            }
            _ => {}
        }
    }
}

/// True where a fence called a program holds `h_{t-1} = …`, an index that no programming language has.
fn is_mathematics(fence: &str) -> bool {
    let program = fence.contains('"') || fence.lines().any(|line| line.trim_start().starts_with("import "));
    fence.contains("_{t") && !program && super::lines::program(fence).is_none()
}

/// The content of a fenced block: without its first line, and without its last where that closes it.
fn fence_content(text: &str, range: &Range<usize>) -> Range<usize> {
    let body = &text[range.clone()];
    let start = body.find('\n').map_or(body.len(), |line| line + 1);
    let trimmed = body.trim_end();
    let end = match trimmed.rfind('\n') {
        Some(line) if line + 1 >= start && trimmed[line + 1..].trim_start().starts_with(['`', '~']) => line,
        _ => body.len(),
    };
    range.start + start..range.start + end.max(start)
}

/// `\section{…}` and its like.
fn latex_headings(text: &str, found: &mut Found) {
    let levels = [("\\section", 1), ("\\subsection", 2), ("\\subsubsection", 3), ("\\paragraph", 4)];
    let mut position = 0;
    while let Some(next) = text[position..].find('\\') {
        let start = position + next;
        position = start + 1;
        for (command, level) in levels {
            let Some(rest) = text[start..].strip_prefix(command) else { continue };
            let rest = rest.strip_prefix('*').unwrap_or(rest);
            if let Some(inside) = rest.strip_prefix('{')
                && let Some(end) = inside.find('}')
            {
                let title = inside[..end].trim().to_owned();
                let over = text.len() - inside.len() + end + 1;
                found.headings.push(Heading { title, level, range: start..over, end: text.len() });
                position = over;
            }
        }
    }
}

/// Mathematics between delimiters: `$$…$$`, `\[…\]`, `\f[…\f]`, environments, `<math>`, shortcodes, components of pages,
/// `$…$`, `\(…\)`, `` :math:`…` ``.
///
/// Comments of a syntax are skipped; gives whether there were any.
fn delimited(text: &str, range: Range<usize>, syntax: Option<Syntax>, blocks: &mut Vec<Block>) -> bool {
    let mut comments = false;
    let mut position = range.start;
    // Looked up once, so that hostile text is not searched again and again.
    let whole = text.get(range.clone()).unwrap_or("");
    let last_square = whole.rfind("\\\\]").map_or(0, |at| range.start + at);
    let last_round = whole.rfind("\\\\)").map_or(0, |at| range.start + at);
    let last_tick = whole.rfind("`$").map_or(0, |at| range.start + at);
    let last_code = whole.rfind("</code>").map_or(0, |at| range.start + at);
    while let Some(rest) = text.get(position..range.end).filter(|rest| !rest.is_empty()) {
        let Some(next) = rest.find(['$', '\\', '<', '{', ':', '@', '%']) else { break };
        let start = position + next;
        let rest = &text[start..range.end];
        position = start + 1;
        if let Some(length) = syntax.and_then(|syntax| comment(&text[..start], rest, syntax)) {
            position = start + length;
            comments = true;
            continue;
        }
        let escaped = text[..start].ends_with('\\') && !text[..start].ends_with("\\\\");
        let (open, close, place): (usize, String, Place) = if rest.starts_with("$$") {
            (2, "$$".to_owned(), Place::Display)
        } else if rest.starts_with("\\\\[") && last_square > start && !row_spacing(&rest[3..]) {
            (3, "\\\\]".to_owned(), Place::Display)
        } else if rest.starts_with("\\[") {
            (2, "\\]".to_owned(), Place::Display)
        } else if rest.starts_with("\\\\(") && last_round > start {
            (3, "\\\\)".to_owned(), Place::Inline)
        } else if rest.starts_with("\\(") {
            (2, "\\)".to_owned(), Place::Inline)
        } else if let Some((slashes, name)) = environment(rest)
            .filter(|found| !is_operand(&text[..start], found.1) && !in_bracket(&text[..start]))
        {
            (0, format!("{slashes}end{{{name}}}"), Place::Display)
        } else if rest.starts_with("\\\\") {
            position = start + 2;
            continue;
        } else if rest.starts_with("<math") && rest.bytes().take(60).any(|byte| byte == b'>') {
            let open = rest.find('>').map_or(5, |end| end + 1);
            let before = text[..start].trim_end_matches([' ', '*']);
            let alone = before.is_empty() || before.ends_with(['\n', ':', '>']);
            let inline = !alone || before.len() < start && text[..start].ends_with(['*', ' ']);
            // One that follows another on its line stands as that does.
            let follows = blocks.last().filter(|_| before.ends_with("</math>")).map(|before| before.place);
            let place = if inline { Place::Inline } else { Place::Display };
            (open, "</math>".to_owned(), follows.unwrap_or(place))
        } else if rest.starts_with("{{< katex") && rest.bytes().take(80).any(|byte| byte == b'>') {
            let open = rest.find(">}}").map_or(3, |end| end + 3);
            let place = if rest[..open].contains("display") { Place::Display } else { Place::Inline };
            (open, "{{< /katex >}}".to_owned(), place)
        } else if let Some(wrapped) = component(rest).or_else(|| doxygen(rest)) {
            wrapped
        } else if rest.starts_with("<code>") && last_code > start {
            // What others write as a code span.
            let body = start + "<code>".len();
            let Some(length) = text.get(body..range.end).and_then(|inside| inside.find("</code>")) else {
                continue;
            };
            let (range, outer) = (body..body + length, start..body + length + "</code>".len());
            position = outer.end;
            blocks.push(Block { range, outer, spelling: Spelling::Text, place: Place::Span });
            continue;
        } else if rest.starts_with(":math:`") {
            (7, "`".to_owned(), Place::Inline)
        } else if rest.starts_with("$`") && last_tick > start + 1 {
            (2, "`$".to_owned(), Place::Inline)
        } else if rest.starts_with('$') && !escaped {
            (1, "$".to_owned(), Place::Inline)
        } else {
            continue;
        };
        let body = start + open;
        let reach = if place == Place::Inline { (body + MAXIMUM_INLINE).min(range.end) } else { range.end };
        let reach = (body..=reach).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(body);
        let (end, mut over) = match text.get(body..reach).unwrap_or("").find(&close) {
            Some(length) if open == 0 => (body + length + close.len(), body + length + close.len()),
            Some(length) => (body + length, body + length + close.len()),
            // Inline mathematics that is never closed is a currency sign.
            None if place == Place::Inline => continue,
            None => (range.end, range.end),
        };
        if place == Place::Inline && (text[body..end].contains("\n\n") || body >= end) {
            continue;
        }
        // `$$` inside an environment that follows belongs to it.
        let mut end = end;
        if open == 0 && text[body..end].contains("$$") {
            end = body + text[body..end].find("$$").unwrap_or(end - body);
        }
        let range = if close.starts_with("</") && close != "</math>" {
            without_quotes(text, body..end)
        } else {
            body..end
        };
        // `$` on lines of their own around an environment of rows.
        let inside = text.get(range.clone()).unwrap_or("").trim_start();
        let rows =
            open == 1 && environment(inside).is_some() && inside.contains("\\\\") && inside.contains('\n');
        // `$y_t = …$$` on a line of its own: a display that lost a sign.
        let lost = rest.starts_with('$')
            && open == 1
            && inside.contains('=')
            && text[over..].strip_prefix('$').is_some_and(|after| {
                after.trim_start_matches(' ').is_empty() || after.trim_start_matches(' ').starts_with('\n')
            })
            && text[..start].trim_end_matches(' ').chars().next_back().is_none_or(|before| before == '\n');
        over += usize::from(lost);
        let place = if rows || lost { Place::Display } else { place };
        let range = without_delimiters(text, range);
        blocks.push(Block { range, outer: start..over, spelling: Spelling::Latex, place });
        position = over.max(start + 1);
    }
    comments
}

/// `$$\[ h_t = … \]$$`: delimiters within delimiters.
fn without_delimiters(text: &str, range: Range<usize>) -> Range<usize> {
    let whole = text.get(range.clone()).unwrap_or("");
    let inside = whole.trim();
    for (open, close) in [("\\[", "\\]"), ("\\(", "\\)")] {
        if let Some(rest) = inside.strip_prefix(open).and_then(|rest| rest.strip_suffix(close))
            && !rest.contains(open)
        {
            let start = range.start + whole.len() - whole.trim_start().len() + open.len();
            return start..start + rest.len();
        }
    }
    range
}

/// `2pt]` after `\\[`: the height of a row, no bracket.
fn row_spacing(text: &str) -> bool {
    text.starts_with(|next: char| next.is_ascii_digit() || next == '.')
}

/// True where an array or a definition by cases stands within an expression: a sign or an open bracket is before it.
fn is_operand(before: &str, name: &str) -> bool {
    let before = before.trim_end().trim_end_matches('&').trim_end();
    matches!(name, "array" | "cases")
        && (before.ends_with(['+', '-', '*', '[', '(']) || before.ends_with('=') && name == "cases")
}

/// True where an opening bracket stands last: what follows is a column in it, no display of its own.
fn in_bracket(before: &str) -> bool {
    before.trim_end_matches([' ', '\t']).ends_with(['[', '('])
}

/// The backslashes and the name of the display environment that `text` begins.
fn environment(text: &str) -> Option<(&'static str, &str)> {
    let (slashes, rest) = match text.strip_prefix("\\\\begin{") {
        Some(rest) => ("\\\\", rest),
        None => ("\\", text.strip_prefix("\\begin{")?),
    };
    let name = &rest[..rest.find('}')?];
    ENVIRONMENTS.contains(&name.trim_end_matches('*')).then_some((slashes, name))
}
