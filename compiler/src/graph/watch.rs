//! Named values as outputs: what a gate does at each step, without a change of the equations.

use super::{Graph, GraphError, NodeId, Phase, Port, Root};
use crate::operator::{Operator, Unary};

/// A named value of the step whose elements cannot leave an interval.
#[derive(Clone, Debug, PartialEq)]
pub struct Bounded {
    /// Its name.
    pub name: String,
    /// The interval, without its ends.
    pub range: (f64, f64),
}

impl Graph {
    /// The named values of the step that are a logistic function or a hyperbolic tangent of something, in the order of
    /// evaluation: what saturates.
    #[must_use]
    pub fn bounded(&self) -> Vec<Bounded> {
        let named = self.iter().filter(|(id, _)| self.phase(*id) == Phase::Forward);
        named
            .filter_map(|(id, node)| {
                let range = match node.operator {
                    Operator::Unary(Unary::Sigmoid) => (0.0, 1.0),
                    Operator::Unary(Unary::Tanh) => (-1.0, 1.0),
                    _ => return None,
                };
                Some(Bounded { name: self.labels(id).first()?.clone(), range })
            })
            .collect()
    }

    /// The value of each step that the equations name so; a trailing `_t` may be left out.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<NodeId> {
        let named = |wanted: &str| {
            self.iter().map(|(id, _)| id).find(|&id| {
                self.phase(id) == Phase::Forward && self.labels(id).iter().any(|label| label == wanted)
            })
        };
        named(name).or_else(|| named(name.strip_suffix("_t")?))
    }

    /// This graph with named values as further outputs, behind its own. `None` in the place of a graph where one of the
    /// names is of no value of the step.
    ///
    /// # Errors
    ///
    /// As [`Graph::insert`].
    pub fn watch(&self, names: &[&str]) -> Result<Option<Self>, GraphError> {
        let mut signature = self.signature.clone();
        let mut watched = Vec::with_capacity(names.len());
        for name in names {
            let Some(id) = self.named(name) else { return Ok(None) };
            watched.push((signature.outputs.len() as u32, id));
            signature.outputs.push(Port { name: (*name).to_owned(), shape: self.shape(id).clone() });
        }
        let mut graph = Self { signature, ..self.clone() };
        for (output, id) in watched {
            graph.set_root(Root::Output(output), id)?;
        }
        Ok(Some(graph))
    }
}

#[cfg(test)]
mod tests {
    use crate::graph::lower;
    use crate::passes::read;
    use crate::resolve::Options;
    use crate::source::Syntax;

    #[test]
    fn gates_are_watched_by_name() {
        let text =
            "z_t = sigmoid(W x_t + U h_{t-1})\ng_t = tanh(V x_t)\nh_t = z_t * h_{t-1} + (1 - z_t) * g_t";
        let cell = read(text, Syntax::Text, None, &Options::default()).expect("a cell");
        let graph = lower(&cell).expect("a graph");
        let bounded = graph.bounded();
        assert_eq!(
            bounded.iter().map(|one| (&*one.name, one.range)).collect::<Vec<_>>(),
            [("z", (0.0, 1.0)), ("g", (-1.0, 1.0))]
        );
        let watched = graph.watch(&["z", "g_t"]).expect("a graph").expect("names that there are");
        watched.verify().expect("a graph");
        let named = read(&format!("{text}\nh_t, z_t, g_t: output"), Syntax::Text, None, &Options::default());
        let named = lower(&named.expect("a cell")).expect("a graph");
        assert_eq!(watched.signature().outputs.len(), 3);
        assert!(matches!(watched.compare(&named), crate::graph::Sameness::Same(_)));
        assert!(graph.watch(&["W"]).expect("no limit").is_none(), "a parameter is no value of a step");
    }
}
