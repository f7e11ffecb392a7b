//! A cell that is compared.

use gatewright::compiler::ablate::ablate;
use gatewright::compiler::graph::{Graph, lower};
use gatewright::compiler::source::print_latex;
use gatewright::{CompiledCell, Element};

use super::Budget;
use crate::arguments::SourceArguments;
use crate::failure::Failure;
use crate::session::Checked;
use crate::tasks::Task;
use crate::train::learning::sizes;

/// A cell with the size it has here.
pub(crate) struct Candidate {
    /// What it is called in the report.
    pub(super) name: String,
    /// What an ablation leaves out.
    pub(super) change: Option<String>,
    /// The equations as written.
    pub(super) latex: String,
    /// The size of the dimensions that the task does not fix.
    pub(super) hidden: usize,
    /// The step.
    pub(super) graph: Graph,
    checked: Checked,
    sizes: Vec<usize>,
}

impl Candidate {
    /// The cell of a file, and its ablations where they are wanted.
    pub(super) fn read(
        source: &SourceArguments,
        budget: &Budget<'_>,
        task: &dyn Task,
        parameters: Option<usize>,
        with_ablations: bool,
    ) -> Result<Vec<Self>, Failure> {
        let checked = Checked::read(source)?;
        checked.print_findings();
        let graph = lower(&checked.cell).map_err(|error| Failure::data(error.to_string()))?;
        let mut variants = vec![(checked.source.name(), None, graph.clone())];
        if with_ablations {
            let ablations = ablate(&graph).map_err(|error| Failure::data(error.to_string()))?;
            variants.extend(ablations.into_iter().map(|variant| {
                let change = variant.ablation.to_string();
                (format!("{}, {change}", checked.source.name()), Some(change), variant.graph)
            }));
        }
        let latex = print_latex(&checked.source.document());
        let own = budget.learning.hidden.unwrap_or(budget.entry.recipe.hidden);
        variants
            .into_iter()
            .map(|(name, change, graph)| {
                let at = |hidden: usize| sizes(&checked, budget.entry, task, hidden);
                let hidden = match parameters {
                    None => own,
                    Some(most) => largest(&name, most, |hidden| Ok(count(&graph, &at(hidden)?)))?,
                };
                let (checked, sizes) = (checked.clone(), at(hidden)?);
                Ok(Self { name, change, latex: latex.clone(), hidden, graph, checked, sizes })
            })
            .collect()
    }

    /// Learned and frozen parameters of the cell, the head not among them.
    pub(super) fn parameters(&self) -> usize {
        count(&self.graph, &self.sizes).unwrap_or(usize::MAX)
    }

    /// Whether the cell has a parameter of this name.
    pub(super) fn has_parameter(&self, name: &str) -> bool {
        self.graph.signature().parameters.iter().any(|port| port.name == name)
    }

    /// The step compiled, or another graph over the same dimensions.
    pub(super) fn compile<T: Element>(
        &self,
        graph: &Graph,
        budget: &Budget<'_>,
    ) -> Result<CompiledCell<T>, Failure> {
        self.checked.compile_graph(graph, &self.sizes, budget.backend)
    }
}

/// A name that two candidates have.
pub(super) fn repeated(candidates: &[Candidate]) -> Option<&str> {
    let mut names: Vec<&str> = candidates.iter().map(|candidate| candidate.name.as_str()).collect();
    names.sort_unstable();
    names.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
}

/// Elements of all parameters; none where they cannot be counted.
fn count(graph: &Graph, sizes: &[usize]) -> Option<usize> {
    graph.signature().parameters.iter().try_fold(0_usize, |sum, port| {
        let axes = port.shape.sizes(sizes)?;
        sum.checked_add(axes.iter().try_fold(1_usize, |product, &axis| product.checked_mul(axis))?)
    })
}

/// The largest size with at most so many parameters.
fn largest(
    name: &str,
    most: usize,
    count: impl Fn(usize) -> Result<Option<usize>, Failure>,
) -> Result<usize, Failure> {
    let fits = |hidden: usize| Ok::<_, Failure>(count(hidden)?.is_some_and(|count| count <= most));
    if !fits(1)? {
        return Err(Failure::usage(format!("{name} has more than {most} parameters however small it is")));
    }
    // Every hidden unit has a parameter at least, or the size is of no consequence for their number.
    let (mut low, mut high) = (1, most + 1);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if fits(middle)? { low = middle } else { high = middle }
    }
    if low == most {
        return Err(Failure::usage(format!(
            "{name}: the number of parameters does not decide its size; give --hidden"
        )));
    }
    Ok(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_follows_from_the_parameters() {
        // An LSTM over 8 features: 4 (h (8 + h) + h).
        let lstm = |hidden: usize| Ok(Some(4 * (hidden * (8 + hidden) + hidden)));
        assert_eq!(largest("lstm", 10_000, lstm).expect("a size"), 45);
        assert_eq!(largest("lstm", 40, lstm).expect("a size"), 1);
        assert!(largest("lstm", 39, lstm).is_err());
        assert!(largest("fixed", 100, |_| Ok(Some(3))).is_err());
    }
}
