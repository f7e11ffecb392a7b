//! The list of the notation that was used.

use std::fmt::Write;

use super::{Notation, Style, Writer};
use crate::derivation::layout::Section;

impl Writer<'_> {
    /// Explains the notation that has been used.
    pub(super) fn legend(&mut self, text: &mut String) {
        let mut rows: Vec<String> = Vec::new();
        let math = |latex: &str| format!("${latex}$");
        let latex = self.style == Style::Latex;
        let letters = self.derivation.letters.clone();
        let delta = self.delta().trim_end().to_owned();
        for notation in self.used.clone() {
            let pick = |text: &str, tex: &str| if latex { math(tex) } else { text.to_owned() };
            rows.push(match notation {
                Notation::Adjoint => format!(
                    "{}: gradient of the loss L by v at step t, over all ways through this and later steps",
                    pick("δv_t", &format!("{delta} v_t"))
                ),
                Notation::Gradient => format!(
                    "{}: gradient of the loss by p, over all steps and samples for a parameter",
                    pick("∇p", "\\nabla p")
                ),
                Notation::Given => format!(
                    "{}: gradient by the output y at step t alone, as the loss gives it",
                    pick("∂L/∂y_t", "\\partial L / \\partial y_t")
                ),
                Notation::Handed => format!(
                    "{}: the part of {} that comes back from step t+1; step t hands {} to the step before",
                    pick("δv_t^{←t+1}", &format!("{delta} v_t^{{\\leftarrow t+1}}")),
                    pick("δv_t", &format!("{delta} v_t")),
                    pick("δv_{t-1}^{←t}", &format!("{delta} v_{{t-1}}^{{\\leftarrow t}}"))
                ),
                Notation::Circling => format!(
                    "{}: the part of {} that comes back to v through the cycle of the step",
                    pick("δv_t^{↺}", &format!("{delta} v_t^{{\\circlearrowleft}}")),
                    pick("δv_t", &format!("{delta} v_t"))
                ),
                Notation::Argument => format!(
                    "{}: the argument of the function that gives v",
                    pick(&format!("{}_v_t", letters.argument), &format!("{}^{{v}}_t", letters.argument))
                ),
                Notation::Made => format!(
                    "{}: parts of the equations without a name of their own",
                    pick(
                        &format!("{0}1, {0}2, …", letters.value),
                        &format!("{0}_1, {0}_2, \\dots", letters.value)
                    )
                ),
                Notation::Temporary => format!(
                    "{}: parts that are shared or long",
                    pick(
                        &format!("{0}1, {0}2, …", letters.temporary),
                        &format!("{0}_1, {0}_2, \\dots", letters.temporary)
                    )
                ),
                Notation::Definition => format!(
                    "{}: the value of the first definition of v; without number, of the last",
                    pick("v_t^(1)", "v_t^{(1)}")
                ),
                Notation::Hadamard => {
                    format!("{}: element by element; a scalar meets every element", pick("⊙", "\\odot"))
                }
                Notation::Total => {
                    format!(
                        "{}: over all steps and all samples, up to the next + or -",
                        pick("Σ_t", "\\sum_t")
                    )
                }
                Notation::SampleTotal => {
                    format!("{}: over all samples, up to the next + or -", pick("Σ", "\\sum"))
                }
                Notation::Columns => format!(
                    "{}: columns a up to b (without b) of W, counted from 0; {} the first b, {} from a on",
                    pick("W[:, a:b]", "W[{:},\\, a{:}b]"),
                    pick("W[:, :b]", "W[{:},\\, {:}b]"),
                    pick("W[:, a:]", "W[{:},\\, a{:}]")
                ),
                Notation::Elements => format!(
                    "{}: elements a up to b (without b) of v, counted from 0",
                    pick("v[a:b]", "v[a{:}b]")
                ),
                Notation::Zeros => {
                    format!(
                        "{}: n zeros; n columns of zeros with {}",
                        pick("0_{n}", "0_{n}"),
                        pick("0_{:×n}", "0_{{:} \\times n}")
                    )
                }
                Notation::Ones => format!("{}: n ones", pick("1_{n}", "\\mathbf{1}_{n}")),
                Notation::Size => {
                    format!("{}: the size of the dimension h", pick("dim(h)", "\\dim(h)"))
                }
                Notation::ElementSum => {
                    "sum(v), max(v) of one vector or matrix: over its elements".to_owned()
                }
                Notation::CumulativeSum => {
                    "cumsum(v): each element the sum of the elements of v up to it".to_owned()
                }
                Notation::ReverseCumulativeSum => {
                    "revcumsum(v): each element the sum of the elements of v from it on".to_owned()
                }
                Notation::RowMaximum => "rowmax(M): the largest element of each row of a matrix".to_owned(),
                Notation::Select => "if(c, a, b): a where c is not 0, else b, element by element".to_owned(),
                Notation::Indicator => {
                    format!("{}: 1 where it holds, else 0", pick("1[…]", "\\mathbf{1}[\\dots]"))
                }
            });
        }
        let same: Vec<(u32, u32)> = (0_u32..)
            .zip(&self.derivation.values)
            .filter_map(|(number, value)| Some((value.same_as?, number)))
            .collect();
        for (first, other) in same {
            let (first, other) = (self.value(first), self.value(other));
            let (first, other) = if latex { (math(&first), math(&other)) } else { (first, other) };
            rows.push(format!("{other} and {first} are one value, which goes by {first} here"));
        }
        for remark in &self.derivation.remarks {
            rows.push(if latex { escape(remark) } else { remark.clone() });
        }
        if rows.is_empty() {
            return;
        }
        self.heading(Section::Notation, text);
        if latex {
            let _ = writeln!(text, "\\begin{{itemize}}");
        }
        for row in rows {
            let _ = if latex { writeln!(text, "\\item {row}") } else { writeln!(text, "  {row}") };
        }
        if latex {
            let _ = writeln!(text, "\\end{{itemize}}");
        }
    }
}

/// Plain words as LaTeX text.
pub(in crate::derivation) fn escape(words: &str) -> String {
    let mut text = String::with_capacity(words.len());
    for letter in words.chars() {
        match letter {
            '_' | '{' | '}' | '#' | '$' | '%' | '&' => {
                text.push('\\');
                text.push(letter);
            }
            '\\' => text.push_str("\\textbackslash{}"),
            '^' => text.push_str("\\textasciicircum{}"),
            '~' => text.push_str("\\textasciitilde{}"),
            '`' => text.push('\''),
            '·' => text.push_str("$\\cdot$"),
            '→' => text.push_str("$\\to$"),
            '∇' => text.push_str("$\\nabla$"),
            '⊙' => text.push_str("$\\odot$"),
            'Σ' => text.push_str("$\\Sigma$"),
            _ => text.push(letter),
        }
    }
    text
}
