//! Diagnostics as text: the excerpt of the source, carets, and what to do.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::{Diagnostic, Severity};
use crate::span::Span;

/// Renders `diagnostics` about `source`, which was read from `path`; with terminal colours where `color` says so.
///
/// Spans count bytes of `source`; those that lie outside are moved inside.
#[must_use]
pub fn render(diagnostics: &[Diagnostic], source: &str, path: &str, color: bool) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let mut text = String::new();
    for diagnostic in diagnostics {
        text.push_str(&one(diagnostic, source, path, &renderer));
        text.push_str("\n\n");
    }
    let length = text.trim_end().len();
    text.truncate(length);
    if length > 0 {
        text.push('\n');
    }
    text
}

fn one(diagnostic: &Diagnostic, source: &str, path: &str, renderer: &Renderer) -> String {
    let level = match diagnostic.code.severity() {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let message = one_line(&diagnostic.message);
    let title = level.primary_title(message.as_str()).id(diagnostic.code.as_str());
    let origin = Origin { path: Some(path), first_line: 1 };
    shown(Group::with_title(title), diagnostic, source, &origin, renderer)
}

/// Where a source comes from, as far as it is to be shown.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// Its path.
    pub path: Option<&'a str>,
    /// The number of its first line.
    pub first_line: usize,
}

/// The excerpt of `source` with carets, and what to do: what [`render`] shows below the message, for those who show
/// the message in another way. Without colours.
#[must_use]
pub fn excerpt(diagnostic: &Diagnostic, source: &str, origin: &Origin<'_>) -> String {
    shown(Group::with_level(Level::ERROR), diagnostic, source, origin, &Renderer::plain())
}

fn shown<'a>(
    group: Group<'a>,
    diagnostic: &'a Diagnostic,
    source: &'a str,
    origin: &Origin<'a>,
    renderer: &Renderer,
) -> String {
    let labels: Vec<(Range<usize>, String)> =
        diagnostic.labels.iter().map(|(span, label)| (bytes(*span, source), one_line(label))).collect();
    let help = diagnostic.help.as_deref().map(one_line);
    let primary = bytes(diagnostic.span, source);
    // Only the lines that are shown are handed on, so that a long source is not read for every finding.
    let start = labels.iter().map(|(range, _)| range.start).fold(primary.start, usize::min);
    let end = labels.iter().map(|(range, _)| range.end).fold(primary.end, usize::max);
    let from = source[..start].rfind('\n').map_or(0, |line| line + 1);
    let to = source[end..].find('\n').map_or(source.len(), |line| end + line);
    let line = source[..from].bytes().filter(|byte| *byte == b'\n').count() + origin.first_line;
    let within = |range: &Range<usize>| range.start - from..range.end - from;
    let mut snippet = Snippet::source(&source[from..to])
        .line_start(line)
        .annotation(AnnotationKind::Primary.span(within(&primary)));
    if let Some(path) = origin.path {
        snippet = snippet.path(path);
    }
    for (range, label) in &labels {
        snippet = snippet.annotation(AnnotationKind::Context.span(within(range)).label(label.clone()));
    }
    let mut group = group.element(snippet);
    if let Some(help) = help {
        group = group.element(Level::HELP.message(help));
    }
    renderer.render(&[group])
}

/// `text` without line ends and control characters, which would spoil the picture.
fn one_line(text: &str) -> String {
    text.chars().map(|next| if next.is_control() { ' ' } else { next }).collect()
}

/// The bytes of `span` inside `source`, cut at the end of the first line, on character boundaries.
fn bytes(span: Span, source: &str) -> Range<usize> {
    let inside = |offset: u32| {
        let offset = usize::try_from(offset).unwrap_or(usize::MAX).min(source.len());
        (0..=offset).rev().find(|at| source.is_char_boundary(*at)).unwrap_or(0)
    };
    let (start, end) = (inside(span.start), inside(span.end).max(inside(span.start)));
    let line = source[start..end].trim_end().find('\n').map_or(end, |line| start + line);
    start..line
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::render;
    use crate::source::{Syntax, parse};

    #[test]
    fn plain() {
        let source =
            "$$\nh_t = \\tnah(W x_t + b)\n$$\n隐藏状态 $$ c_t = f_t \\odot $$\n$$ z_t = \\sigma(W x_t $$\n";
        let parsed = parse(source, Syntax::Markdown, None);
        expect![[r#"
            error[GW0002]: `\tnah` is no command of the language
             --> cell.md:2:7
              |
            2 | h_t = \tnah(W x_t + b)
              |       ^^^^^
              |
              = help: did you mean `\tanh`?

            error[GW0004]: the equation ends where a value is needed
             --> cell.md:4:19
              |
            4 | 隐藏状态 $$ c_t = f_t \odot $$
              |                       ^^^^^
              |
              = help: write the operand that is missing, or remove the sign before it

            error[GW0003]: `(` is never closed in this equation
             --> cell.md:5:16
              |
            5 | $$ z_t = \sigma(W x_t $$
              |                ^
              |
              = help: add the bracket that is missing, or remove the one too many
        "#]]
        .assert_eq(&render(&parsed.diagnostics, source, "cell.md", false));
        let colored = render(&parsed.diagnostics, source, "cell.md", true);
        assert!(colored.contains('\u{1b}'));
    }
}
