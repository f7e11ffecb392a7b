//! A cell that is compared.

use gatewright::compiler::ablate::ablate;
use gatewright::compiler::graph::{Graph, lower};
use gatewright::compiler::regularize::regularize;
use gatewright::compiler::source::print_latex;

use super::Budget;
use crate::arguments::SourceArguments;
use crate::failure::Failure;
use crate::session::Checked;
use crate::tasks::Task;
use crate::train::learning::sizes;
use crate::train::network::Blueprint;
use crate::train::regularizing::Regularizers;

/// A cell with the size it has here.
pub(crate) struct Candidate {
    /// What it is called in the report.
    pub(super) name: String,
    /// What an ablation leaves out.
    pub(super) change: Option<String>,
    /// The equations as written.
    pub(super) latex: String,
    /// From what its networks are built.
    pub(super) blueprint: Blueprint,
}

impl Candidate {
    /// The cell of a file, and its ablations where they are wanted.
    pub(super) fn read(
        source: &SourceArguments,
        budget: &Budget<'_>,
        task: &dyn Task,
        parameters: Option<usize>,
        with_ablations: bool,
        regularizers: &Regularizers,
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
        let input = (format!("the task {}", budget.entry.name), task.features());
        let own = budget.learning.hidden.unwrap_or(budget.entry.recipe.hidden);
        variants
            .into_iter()
            .map(|(name, change, graph)| {
                let at = |hidden: usize| sizes(&checked, &input.0, input.1, hidden);
                let hidden = match parameters {
                    None => own,
                    Some(most) => largest(&name, most, |hidden| Ok(count(&graph, &at(hidden)?)))?,
                };
                at(hidden)?;
                // Before anything is trained: a choice that one cell has nothing for is an error, not left out.
                for layer in 0..budget.learning.layers.min(2) {
                    regularize(&graph, regularizers.of_layer(layer))
                        .map_err(|error| Failure::usage(format!("{name}: {error}")))?;
                }
                let blueprint = Blueprint {
                    checked: checked.clone(),
                    graph,
                    input: input.clone(),
                    hidden,
                    layers: budget.learning.layers,
                    regularizers: regularizers.clone(),
                    backend: budget.backend,
                };
                Ok(Self { name, change, latex: latex.clone(), blueprint })
            })
            .collect()
    }

    /// Whether the cell has a parameter of this name.
    pub(super) fn has_parameter(&self, name: &str) -> bool {
        self.blueprint.graph.signature().parameters.iter().any(|port| port.name == name)
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
