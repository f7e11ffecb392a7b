//! Formulas of a document as MathML in Markdown, for rustdoc. A formula that the renderer does not know is shown as its
//! source in a code block, never half.

pub(crate) use gatewright_compiler::mathml::latex;
use gatewright_compiler::source::Formula;

/// `formula` of `text` as Markdown.
pub(crate) fn formula(text: &str, formula: &Formula) -> String {
    let source = text.get(formula.content.clone()).unwrap_or("").trim();
    if let Some(mathml) = latex(source, formula.display) {
        return mathml;
    }
    let before = text.get(..formula.range.start).and_then(|before| before.rsplit('\n').next()).unwrap_or("");
    let after = text.get(formula.range.end..).and_then(|after| after.split('\n').next()).unwrap_or("");
    let fence = "`".repeat(longest_run(source).max(2) + 1);
    if formula.display && before.trim().is_empty() && after.trim().is_empty() {
        // A fence needs no blank line before it.
        return format!("{fence}text\n{source}\n{before}{fence}\n");
    }
    let words: Vec<&str> = source.split_whitespace().collect();
    let fence = "`".repeat(longest_run(source) + 1);
    format!("{fence} {} {fence}", words.join(" "))
}

/// The longest run of backticks.
fn longest_run(source: &str) -> usize {
    source.split(|next| next != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use gatewright_compiler::source::{Syntax, formulas};

    use super::*;

    fn shown(text: &str, expected: &Expect) {
        let mut result = String::new();
        let mut written = 0;
        for found in formulas(text, Syntax::Markdown) {
            result.push_str(&text[written..found.range.start]);
            result.push_str(&formula(text, &found));
            written = found.range.end;
        }
        result.push_str(&text[written..]);
        expected.assert_eq(&result);
    }

    #[test]
    fn in_lines_and_by_itself() {
        shown(
            "The gate $i_t$ of\n$$ i_t = a * b $$\n",
            &expect![[r#"
            The gate <math display="inline"><msub><mi>i</mi><mi>t</mi></msub></math> of
            <math display="block"><msub><mi>i</mi><mi>t</mi></msub><mo>&#61;</mo><mi>a</mi><mo>∗</mo><mi>b</mi></math>
        "#]],
        );
    }

    #[test]
    fn rows_are_aligned() {
        shown(
            "$$\na_t = \\sigma(b = c) \\\\\nd &= e\n$$",
            &expect![[
                r#"<math display="block"><mtable displaystyle="true" class="menv-alignlike menv-align"><mtr><mtd style="text-align:right;padding-right:0"><msub><mi>a</mi><mi>t</mi></msub></mtd><mtd style="text-align:left;padding-left:0"><mo>&#61;</mo><mi>σ</mi><mo symmetric="false" stretchy="false">&#40;</mo><mi>b</mi><mo>&#61;</mo><mi>c</mi><mo symmetric="false" stretchy="false">&#41;</mo></mtd></mtr><mtr><mtd style="text-align:right;padding-right:0"><mi>d</mi></mtd><mtd style="text-align:left;padding-left:0"><mo>&#61;</mo><mi>e</mi></mtd></mtr></mtable></math>"#
            ]],
        );
        shown(
            "\\begin{align} a &= b \\label{one} \\nonumber \\\\ h̃ &= d \\end{align}",
            &expect![[
                r#"<math display="block"><mtable displaystyle="true" class="menv-alignlike menv-align menv-with-eqn"><mtr><mtd style="text-align:right;padding-right:0"><mi>a</mi></mtd><mtd style="text-align:left;padding-left:0"><mo>&#61;</mo><mi>b</mi></mtd></mtr><mtr><mtd style="text-align:right;padding-right:0"><mover><mrow><mi>h</mi></mrow><mi>&#126;</mi></mover></mtd><mtd style="text-align:left;padding-left:0"><mo>&#61;</mo><mi>d</mi></mtd></mtr></mtable></math>"#
            ]],
        );
    }

    #[test]
    fn what_cannot_be_shown_is_shown_as_its_source() {
        shown(
            "so $\\zzz_t$:\n  $$\nh_t = \\zzz(x_t)\n$$\nand $$\\zzz$$.",
            &expect![[r#"
                so ` \zzz_t `:
                  ```text
                h_t = \zzz(x_t)
                  ```

                and ` \zzz `."#]],
        );
    }
}
