//! Names: which values of a step get one, and how they differ from the names that users have taken.

use std::collections::{BTreeMap, BTreeSet};

use crate::graph::{Graph, GraphError, NodeId, Phase};
use crate::operator::{Binary, Operator, Unary};
use crate::resolve::Cell;
use crate::source::ast::{Document, StatementKind};

/// A named value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) name: ValueName,
    /// Written with a time index.
    pub(super) indexed: bool,
    /// Constant over time, so that the gradient by it is a total.
    pub(super) once: bool,
    /// Another value that is the same node of the graph: `h_t = c_t`.
    pub(super) same_as: Option<u32>,
    /// Its adjoint is its own: it is no second name and no leaf, and the simplified step still computes it.
    pub(super) has_adjoint: bool,
}

impl Value {
    fn new(name: ValueName, indexed: bool) -> Self {
        Self { name, indexed, once: false, same_as: None, has_adjoint: false }
    }
}

/// Where a value has its name from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ValueName {
    /// The user's.
    Written {
        /// Canonical name.
        canonical: String,
        /// Where a name is defined several times: number of the definition, from 1; the last has none.
        definition: Option<u32>,
    },
    /// The argument of the function that gives the value of this number.
    Argument(u32),
    /// Named by the derivation, numbered from 1.
    Made(u32),
}

/// A state as users write it: a name so many steps back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StateName {
    pub(super) canonical: String,
    /// 1 for `h_{t-1}`.
    pub(super) back: u32,
}

/// Letters that no name of the user begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Letters {
    /// For arguments of functions.
    pub(super) argument: String,
    /// For values of the forward step without name.
    pub(super) value: String,
    /// For shared parts.
    pub(super) temporary: String,
    /// True where the user has a name with the base `delta`, so that LaTeX must set adjoints apart.
    pub(super) delta_taken: bool,
    /// For identity matrices.
    pub(super) identity: String,
}

impl Letters {
    pub(super) fn choose(cell: &Cell) -> Self {
        let ports =
            cell.inputs.iter().chain(&cell.parameters).chain(cell.states.iter().map(|state| &state.variable));
        let names = ports.map(|variable| variable.name.as_str());
        let names = names.chain(cell.definitions.iter().map(|definition| definition.name.as_str()));
        let names = names.chain(cell.constants.iter().map(|constant| constant.0.as_str()));
        let mut taken: BTreeSet<&str> = names.filter_map(|name| name.split('_').next()).collect();
        let delta_taken = taken.contains("delta");
        let identity_taken = taken.contains("I");
        let mut free = |letters: [&'static str; 6], word: &str| {
            let letter = letters.into_iter().find(|letter| !taken.contains(letter));
            if let Some(letter) = letter {
                taken.insert(letter);
                return letter.to_owned();
            }
            let mut word = word.to_owned();
            while taken.contains(word.as_str()) {
                word.push('x');
            }
            word
        };
        Self {
            argument: free(["a", "s", "p", "q", "l", "j"], "arg"),
            value: free(["v", "w", "u", "k", "d", "b"], "val"),
            temporary: free(["e", "m", "n", "g", "c", "y"], "tmp"),
            delta_taken,
            identity: if identity_taken { "Id".to_owned() } else { "I".to_owned() },
        }
    }
}

/// The states in the user's names.
pub(super) fn states(cell: &Cell) -> Vec<StateName> {
    let name = |state: &crate::resolve::State| {
        let (canonical, back) = state.delay();
        StateName { canonical: canonical.to_owned(), back }
    };
    cell.states.iter().map(name).collect()
}

/// For each unknown the value of its definition, as [`written`] counts them.
pub(super) fn unknowns(cell: &Cell) -> Vec<Option<u32>> {
    let definition = |unknown: &crate::resolve::Unknown| {
        let at =
            cell.definitions.iter().position(|definition| definition.target_span == unknown.variable.span)?;
        u32::try_from(at).ok()
    };
    cell.unknowns.iter().map(definition).collect()
}

/// The values that the equations name: one for each definition, in their order.
pub(super) fn written(cell: &Cell, document: &Document) -> Vec<Value> {
    // Definitions of each name, in the order of the text.
    let mut of_name: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for definition in &cell.definitions {
        of_name.entry(&definition.name).or_default().push(definition.statement);
    }
    for statements in of_name.values_mut() {
        statements.sort_unstable();
    }
    cell.definitions
        .iter()
        .map(|definition| {
            let statements = of_name.get(definition.name.as_str()).map_or(&[][..], Vec::as_slice);
            let at = statements.iter().position(|&statement| statement == definition.statement).unwrap_or(0);
            let last = at + 1 >= statements.len();
            let indexed = match document.statements.get(definition.statement).map(|statement| &statement.kind)
            {
                Some(StatementKind::Definition { target, .. }) => target.time.is_some(),
                _ => true,
            };
            let name = ValueName::Written {
                canonical: definition.name.clone(),
                definition: if last { None } else { u32::try_from(at + 1).ok() },
            };
            Value::new(name, indexed)
        })
        .collect()
}

/// The label of a value in the graph; the gradient by it is labelled `d_@…`. No user's name has an `@`.
pub(super) fn label(value: usize) -> String {
    format!("@{value}")
}

/// The values and adjoints that a node's labels name.
pub(super) fn labelled(graph: &Graph, id: NodeId) -> (Vec<u32>, Vec<u32>) {
    let number = |label: &str| label.strip_prefix('@')?.parse().ok();
    let labels = graph.labels(id);
    let values = labels.iter().filter_map(|label| number(label)).collect();
    let adjoints = labels.iter().filter_map(|label| number(label.strip_prefix("d_")?)).collect();
    (values, adjoints)
}

/// Names what the backward equations will want to speak of: sums with matrix products that a function or a product
/// reads, such functions themselves, and the arguments of functions that give named values. Only these: the gradients
/// by them are what products with weights read.
pub(super) fn name_unwritten(graph: &mut Graph, values: &mut Vec<Value>) -> Result<(), GraphError> {
    let mut made = 0;
    let mut heavy = vec![false; graph.len()];
    let mut name_of: Vec<Option<u32>> = Vec::with_capacity(graph.len());
    for (id, node) in graph.iter() {
        let named = labelled(graph, id).0.first().copied();
        heavy[id.0 as usize] = match node.operator {
            Operator::MatrixVector | Operator::MatrixMatrix => true,
            _ if is_sum(&node.operator) => node.operands.iter().any(|operand| heavy[operand.0 as usize]),
            _ => false,
        } && named.is_none()
            && graph.phase(id) == Phase::Forward;
        name_of.push(named);
    }
    let mut add = |graph: &mut Graph, id: NodeId, name: ValueName| -> Result<u32, GraphError> {
        let number = values.len();
        graph.label(id, &label(number))?;
        values.push(Value::new(name, true));
        Ok(u32::try_from(number).unwrap_or(u32::MAX))
    };
    let ids: Vec<NodeId> = graph.iter().map(|(id, _)| id).collect();
    for id in ids {
        let node = graph.node(id).clone();
        if is_sum(&node.operator) {
            continue;
        }
        for &operand in &node.operands {
            let at = operand.0 as usize;
            let function = matches!(node.operator, Operator::Unary(_));
            // The argument of a function that gives a named value: the way back through the function speaks of it.
            let argument = function
                && name_of[id.0 as usize].is_some()
                && graph.phase(operand) == Phase::Forward
                && !graph.operands(operand).is_empty();
            if !(heavy[at] || argument) || name_of[at].is_some() {
                continue;
            }
            if function && name_of[id.0 as usize].is_none() {
                made += 1;
                name_of[id.0 as usize] = Some(add(graph, id, ValueName::Made(made))?);
            }
            let name = match name_of[id.0 as usize] {
                Some(of) if function => ValueName::Argument(of),
                _ => {
                    made += 1;
                    ValueName::Made(made)
                }
            };
            name_of[at] = Some(add(graph, operand, name)?);
        }
    }
    Ok(())
}

/// True for what sums are made of.
fn is_sum(operator: &Operator) -> bool {
    matches!(operator, Operator::Binary(Binary::Add | Binary::Subtract) | Operator::Unary(Unary::Negate))
}
