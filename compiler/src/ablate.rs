//! Ablations: the variants of a cell that leave one thing out, as Greff et al. (2015, "LSTM: a search space odyssey",
//! section 3) made them of the LSTM by hand.
//!
//! A *gate* is a named value that is a logistic function of something. From a cell come
//!
//! | variant | for each | becomes | in Greff et al. |
//! | --- | --- | --- | --- |
//! | removed | gate `i` | `i = 1` | NIG, NFG, NOG |
//! | coupled | two gates `f`, `i` whose products are added to one another | `i = 1 - f` | CIFG |
//! | linear | named value that is a function of one operand, `g = tanh(a)` | `g = a` | NIAF, NOAF |
//!
//! An output activation without a name of its own (`h = o ⊙ tanh(c)`) is one that is applied to a named value: it counts
//! under that value's name.
//!
//! What a variant does not read any more is no parameter of it.

use crate::graph::{Graph, GraphError, NodeId, Phase};
use crate::operator::{Binary, Operator, Unary};

/// What a variant leaves out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ablation {
    /// The gate is 1.
    Removed {
        /// Name of the gate.
        gate: String,
    },
    /// The second gate is one minus the first.
    Coupled {
        /// Name of the gate that stays.
        gate: String,
        /// Name of the gate that follows it.
        follower: String,
    },
    /// The value is what its function was applied to.
    Linear {
        /// Name of the value.
        value: String,
    },
    /// The function of the value is left out where another value reads it.
    LinearReading {
        /// Name of the value.
        value: String,
    },
}

impl std::fmt::Display for Ablation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Removed { gate } => write!(f, "{gate} = 1"),
            Self::Coupled { gate, follower } => write!(f, "{follower} = 1 - {gate}"),
            Self::Linear { value } => write!(f, "{value} linear"),
            Self::LinearReading { value } => write!(f, "{value} read linearly"),
        }
    }
}

/// A variant of a cell.
#[derive(Clone, Debug, PartialEq)]
pub struct Variant {
    /// What it leaves out.
    pub ablation: Ablation,
    /// Its forward graph.
    pub graph: Graph,
}

/// All variants of a cell that leave one thing out: gates removed, gates coupled, functions left out, each in the order
/// of evaluation.
///
/// # Errors
///
/// A limit on the size of graphs.
pub fn ablate(cell: &Graph) -> Result<Vec<Variant>, GraphError> {
    let cell = &cell.clone().compact();
    let make = |change: &Change, node: NodeId| -> Result<Graph, GraphError> {
        let mut gate_place = None;
        let graph = cell.rebuild(|graph, id, there, operands| {
            let place = match change {
                Change::One if id == node => {
                    let one = graph.constant(1.0)?;
                    graph.broadcast(one, &there.shape)?
                }
                Change::Operand if id == node => operands[0],
                // The gate comes before its follower.
                Change::Rest(_) if id == node && gate_place.is_some() => {
                    let one = graph.constant(1.0)?;
                    graph.binary(Binary::Subtract, one, gate_place.unwrap_or(one))?
                }
                _ => graph.insert(there.operator.clone(), operands)?,
            };
            if matches!(change, Change::Rest(gate) if *gate == id) {
                gate_place = Some(place);
            }
            Ok(place)
        })?;
        graph.without_unread_parameters()
    };
    ablations(cell)
        .into_iter()
        .map(|(ablation, node, change)| Ok(Variant { ablation, graph: make(&change, node)? }))
        .collect()
}

/// What becomes of the node of an ablation.
enum Change {
    One,
    /// One minus this node, which comes before it.
    Rest(NodeId),
    Operand,
}

/// Every ablation, with the node that it changes.
fn ablations(cell: &Graph) -> Vec<(Ablation, NodeId, Change)> {
    let name = |id: NodeId| cell.labels(id).first().cloned();
    let gate = |id: NodeId| {
        let is_gate = matches!(cell.get(id)?.operator, Operator::Unary(Unary::Sigmoid));
        name(id).filter(|_| is_gate && cell.phase(id) == Phase::Forward)
    };
    let mut found = Vec::new();
    for (id, _) in cell.iter() {
        found.extend(gate(id).map(|gate| (Ablation::Removed { gate }, id, Change::One)));
    }
    for (first, second) in pairs(cell) {
        let (first, second) = (first.min(second), first.max(second));
        if let (Some(gate), Some(follower)) = (gate(first), gate(second)) {
            let coupled = (Ablation::Coupled { gate, follower }, second, Change::Rest(first));
            if !found.iter().any(|(known, ..)| *known == coupled.0) {
                found.push(coupled);
            }
        }
    }
    for (id, node) in cell.iter() {
        if !matches!(node.operator, Operator::Unary(function) if bends(function))
            || cell.phase(id) != Phase::Forward
        {
            continue;
        }
        let linear = name(id).map(|value| Ablation::Linear { value });
        let reading = || name(node.operands[0]).map(|value| Ablation::LinearReading { value });
        found.extend(linear.or_else(reading).map(|ablation| (ablation, id, Change::Operand)));
    }
    found
}

/// Functions that an ablation leaves out.
const fn bends(function: Unary) -> bool {
    matches!(
        function,
        Unary::Sigmoid
            | Unary::Tanh
            | Unary::Relu
            | Unary::Softplus
            | Unary::Exponential
            | Unary::Sine
            | Unary::Cosine
    )
}

/// Factors of two products that are added: `a` and `c` of `a b + c d`, for every choice of factors.
fn pairs(cell: &Graph) -> Vec<(NodeId, NodeId)> {
    let factors = |id: NodeId| match cell.get(id) {
        Some(node) if node.operator == Operator::Binary(Binary::Multiply) => node.operands.clone(),
        _ => Vec::new(),
    };
    let mut pairs = Vec::new();
    for (_, node) in cell.iter().filter(|(_, node)| node.operator == Operator::Binary(Binary::Add)) {
        let (left, right) = (factors(node.operands[0]), factors(node.operands[1]));
        pairs.extend(left.iter().flat_map(|&one| right.iter().map(move |&two| (one, two))));
    }
    pairs.retain(|(one, two)| one != two);
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Sameness, lower};
    use crate::passes::{read, run_from_graph};
    use crate::resolve::Options;
    use crate::simplify::simplify;
    use crate::source::Syntax;

    fn cell(text: &str) -> Graph {
        lower(&read(text, Syntax::Text, None, &Options::default()).expect("a cell")).expect("a graph")
    }

    fn same(left: &Graph, right: &Graph) -> bool {
        matches!(simplify(left).compare(&simplify(right)), Sameness::Same(_))
    }

    const LSTM: &str = "i_t = sigmoid(W_i x_t + U_i h_{t-1} + b_i)\nf_t = sigmoid(W_f x_t + U_f h_{t-1} + b_f)\n\
        o_t = sigmoid(W_o x_t + U_o h_{t-1} + b_o)\ng_t = tanh(W_g x_t + U_g h_{t-1} + b_g)\n\
        c_t = f_t * c_{t-1} + i_t * g_t\nh_t = o_t * tanh(c_t)";

    /// The variants of Greff et al. (2015) but those that add something: NIG, NFG, NOG, CIFG, NIAF, NOAF; and the gates
    /// made linear.
    #[test]
    fn variants_of_the_lstm() {
        let variants = ablate(&cell(LSTM)).expect("variants");
        let names: Vec<String> = variants.iter().map(|variant| variant.ablation.to_string()).collect();
        let expected = [
            "i = 1",
            "f = 1",
            "o = 1",
            "f = 1 - i",
            "i linear",
            "f linear",
            "o linear",
            "g linear",
            "c read linearly",
        ];
        assert_eq!(names, expected);
        let by_hand = [
            (LSTM.replace("sigmoid(W_i x_t + U_i h_{t-1} + b_i)", "1"), 9),
            (LSTM.replace("sigmoid(W_f x_t + U_f h_{t-1} + b_f)", "1"), 9),
            (LSTM.replace("sigmoid(W_o x_t + U_o h_{t-1} + b_o)", "1"), 9),
            (LSTM.replace("sigmoid(W_f x_t + U_f h_{t-1} + b_f)", "1 - i_t"), 9),
            (LSTM.replace("i_t = sigmoid", "i_t = "), 12),
            (LSTM.replace("f_t = sigmoid", "f_t = "), 12),
            (LSTM.replace("o_t = sigmoid", "o_t = "), 12),
            (LSTM.replace("g_t = tanh", "g_t = "), 12),
            (LSTM.replace("tanh(c_t)", "c_t"), 12),
        ];
        for (variant, (text, parameters)) in variants.iter().zip(by_hand) {
            variant.graph.verify().expect("a graph");
            run_from_graph(&variant.graph).expect("its gradient");
            assert_eq!(variant.graph.signature().parameters.len(), parameters, "{}", variant.ablation);
            assert!(same(&variant.graph, &cell(&text)), "{}", variant.ablation);
        }
    }

    #[test]
    fn a_cell_without_gates_has_its_function_alone() {
        let variants = ablate(&cell("h_t = tanh(W x_t + U h_{t-1})")).expect("variants");
        assert_eq!(variants.len(), 1);
        assert_eq!(variants[0].ablation, Ablation::Linear { value: "h".to_owned() });
    }

    /// Frozen parameters keep their names when those before them go.
    #[test]
    fn parameters_are_numbered_anew() {
        let text = "z_t = sigmoid(A x_t + B h_{t-1})\nh_t = z_t * h_{t-1} + W x_t\nW: frozen";
        let variants = ablate(&cell(text)).expect("variants");
        let signature = variants[0].graph.signature();
        assert_eq!(signature.parameters.len(), 1);
        assert_eq!(signature.frozen.iter().copied().collect::<Vec<_>>(), [0]);
    }
}
