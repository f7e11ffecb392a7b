//! The formulas of a document, for those who show it: what is mathematics, whether or not the cell needs it.

use std::ops::Range;

use super::Syntax;
use super::find::{self, Place, Spelling};

/// A formula of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Formula {
    /// Bytes of the document, delimiters included.
    pub range: Range<usize>,
    /// Bytes of the LaTeX between the delimiters. An environment is part of it.
    pub content: Range<usize>,
    /// It stands by itself, not in a line of text.
    pub display: bool,
}

/// All LaTeX formulas of `text` that are marked as such, in order.
#[must_use]
pub fn formulas(text: &str, syntax: Syntax) -> Vec<Formula> {
    let mut formulas: Vec<Formula> = Vec::new();
    for block in find::find(text, syntax).blocks {
        let display = match block.place {
            Place::Display => true,
            Place::Inline => false,
            Place::Fence | Place::Span | Place::Whole | Place::Cell => continue,
        };
        let content = text.get(block.range.clone()).unwrap_or("");
        let marked = text.get(block.outer.start..block.range.start).unwrap_or("");
        // `<math>` is shown as it is, and `5 $ or 6 $` are sums of money.
        let money = marked == "$" && (content.starts_with([' ', '\n']) || content.ends_with([' ', '\n']));
        let apart = formulas.last().is_none_or(|last| last.range.end <= block.outer.start);
        if block.spelling == Spelling::Latex && !marked.starts_with('<') && !money && apart {
            formulas.push(Formula { range: block.outer, content: block.range, display });
        }
    }
    formulas
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn with_delimiters() {
        let text = "Let $a_t$, \\(b_t\\) and `c = 1`, for 5 $ or 6 $:\n\n$$\nd = 1\n$$\n\n\\[ e = 2 \\]\n\n\
                    \\begin{align*}f &= 3\\end{align*}\n\n```math\ng = 4\n```\n\n```text\ni_t = j_{t-1}\n```\n\n\
                    <math><mi>k</mi></math> $$ l = 5";
        let shown: Vec<(&str, &str, bool)> = formulas(text, Syntax::Markdown)
            .into_iter()
            .map(|formula| (&text[formula.range], &text[formula.content], formula.display))
            .collect();
        expect![[r#"
            [
                (
                    "$a_t$",
                    "a_t",
                    false,
                ),
                (
                    "\\(b_t\\)",
                    "b_t",
                    false,
                ),
                (
                    "$$\nd = 1\n$$",
                    "\nd = 1\n",
                    true,
                ),
                (
                    "\\[ e = 2 \\]",
                    " e = 2 ",
                    true,
                ),
                (
                    "\\begin{align*}f &= 3\\end{align*}",
                    "\\begin{align*}f &= 3\\end{align*}",
                    true,
                ),
                (
                    "```math\ng = 4\n```",
                    "g = 4",
                    true,
                ),
                (
                    "$$ l = 5",
                    " l = 5",
                    true,
                ),
            ]"#]]
        .assert_eq(&format!("{shown:#?}"));
    }
}
