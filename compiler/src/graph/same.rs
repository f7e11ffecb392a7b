//! When two cells are one: equal up to the names and the order of states, inputs and parameters, up to how sums and
//! products of elements are written, and up to whether a matrix is applied to `[a, b]` or two matrices to `a` and `b`.
//!
//! Each graph is evaluated over the field of integers modulo 2^61 - 1, every value one number. Sums, products and
//! quotients of elements are those of the field, so that any two ways of writing them agree; every other operator is a
//! random function of its operands. Two graphs that agree at random arguments are the same for all that these rules
//! can tell: by chance that happens once in some 10^15 comparisons.
//!
//! Which leaf is which is found by the traces that leaves leave: a leaf's colour is what happens to all roots when the
//! leaf alone is changed, refined until no two leaves are told apart any more. Leaves that still look alike are
//! matched by trial.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::{Graph, NodeId, Port, Root};
use crate::operator::{Binary, Operator, Ternary, Unary};
use crate::shape::{Dimension, Shape};

/// Modulus of the field, a prime.
const PRIME: u64 = (1 << 61) - 1;

/// Most evaluations of a node in one comparison. A cell of a paper needs some 100,000.
const MAXIMUM_EVALUATIONS: usize = 100_000_000;

/// What a comparison of two graphs finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sameness {
    /// One cell, with these names for the same things: inputs, states, parameters and outputs of the first graph in
    /// their order, each with its name in the second.
    Same(Vec<(String, String)>),
    /// No renaming makes one of the other.
    Different,
    /// Too large, or too many leaves that look alike, to tell; or cycles that are solved by iteration, which may be one
    /// however they are cut.
    Unknown,
}

/// Kinds of leaves; leaves of one graph are numbered inputs first, then states, unknowns and parameters. States and
/// unknowns alike have a root each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Input,
    State,
    Unknown,
    Parameter,
}

/// What is matched: an input, a state, a parameter, or a block of columns of one that is read in such blocks alone.
pub(super) struct Leaf {
    pub(super) kind: Kind,
    pub(super) port: Port,
}

/// One graph with its leaves.
pub(super) struct Side<'a> {
    graph: &'a Graph,
    pub(super) leaves: Vec<Leaf>,
    /// The nodes that are leaves, each with its place among them.
    nodes: BTreeMap<NodeId, usize>,
}

impl Graph {
    /// Compares two graphs of forward steps: best those that [`crate::simplify::simplify`] gives.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Sameness {
        let (left, right) = (Side::new(self), Side::new(other));
        // A loop can be cut at any of its values: where it is cut is no part of what the cell is.
        let solved = |side: &Side<'_>| !side.graph.unknowns(false).is_empty();
        let different = match (solved(&left), solved(&right)) {
            (true, true) => Sameness::Unknown,
            _ => Sameness::Different,
        };
        let count = |side: &Side<'_>| {
            (side.graph.signature.states.len(), side.graph.signature.outputs.len(), side.leaves.len())
        };
        if count(&left) != count(&right) || left.rooted() != right.rooted() || solved(&left) != solved(&right)
        {
            return different;
        }
        let mut budget = MAXIMUM_EVALUATIONS;
        match search(&left, &right, left.first_colours(), right.first_colours(), &mut budget) {
            Some(Some(pairs)) => Sameness::Same(names(&left, &right, &pairs)),
            Some(None) => different,
            None => Sameness::Unknown,
        }
    }
}

/// The names of what is matched, outputs in their order last.
fn names(left: &Side<'_>, right: &Side<'_>, pairs: &[usize]) -> Vec<(String, String)> {
    let leaves = pairs
        .iter()
        .zip(&left.leaves)
        .map(|(&to, from)| (from.port.name.clone(), right.leaves[to].port.name.clone()));
    let outputs = left.graph.signature.outputs.iter().zip(&right.graph.signature.outputs);
    leaves.chain(outputs.map(|(from, to)| (from.name.clone(), to.name.clone()))).collect()
}

/// For each leaf on the left the one on the right; `None` within where there is no match, without where it is too dear
/// to tell.
fn search(
    left: &Side<'_>,
    right: &Side<'_>,
    mut left_colours: Vec<u64>,
    mut right_colours: Vec<u64>,
    budget: &mut usize,
) -> Option<Option<Vec<usize>>> {
    left.refine(&mut left_colours, budget)?;
    right.refine(&mut right_colours, budget)?;
    let (left_classes, right_classes) = (classes(&left_colours), classes(&right_colours));
    let sizes = |classes: &BTreeMap<u64, Vec<usize>>| -> Vec<(u64, usize)> {
        classes.iter().map(|(&colour, members)| (colour, members.len())).collect()
    };
    if sizes(&left_classes) != sizes(&right_classes) {
        return Some(None);
    }
    let Some((colour, members)) = left_classes.iter().find(|(_, members)| members.len() > 1) else {
        let pairs: Vec<usize> = left_colours.iter().map(|colour| right_classes[colour][0]).collect();
        let agrees = (1..=2).all(|seed| agree(left, right, &pairs, seed));
        return Some(agrees.then_some(pairs));
    };
    // Leaves that look alike: tell one of them apart, and try each for its counterpart.
    let marked = mix(1, &[*colour]);
    left_colours[members[0]] = marked;
    for &candidate in &right_classes[colour] {
        let mut right_colours = right_colours.clone();
        right_colours[candidate] = marked;
        if let Some(pairs) = search(left, right, left_colours.clone(), right_colours, budget)? {
            return Some(Some(pairs));
        }
    }
    Some(None)
}

/// Leaves by colour.
fn classes(colours: &[u64]) -> BTreeMap<u64, Vec<usize>> {
    let mut classes: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    for (leaf, &colour) in colours.iter().enumerate() {
        classes.entry(colour).or_default().push(leaf);
    }
    classes
}

/// True where matched leaves have matching shapes, and both graphs give the same at random arguments.
fn agree(left: &Side<'_>, right: &Side<'_>, pairs: &[usize], seed: u64) -> bool {
    let Some(renamed) = match_dimensions(left, right, pairs) else { return false };
    let dimension = |id: u32| mix(2, &[seed, u64::from(id)]);
    let left_values: Vec<u64> = (0..pairs.len() as u64).map(|leaf| mix(3, &[seed, leaf])).collect();
    let mut right_values = vec![0; pairs.len()];
    for (&to, &value) in pairs.iter().zip(&left_values) {
        right_values[to] = value;
    }
    let left_roots = left.evaluate(&left_values, &dimension);
    let right_roots =
        right.evaluate(&right_values, &|id| dimension(renamed.get(&id).copied().unwrap_or(u32::MAX)));
    let (left_first, right_first) = (left.first_rooted(), right.first_rooted());
    let count = left.rooted();
    (0..count).all(|state| {
        let counterpart = pairs[left_first + state].checked_sub(right_first);
        counterpart.is_some_and(|to| right_roots.get(to) == Some(&left_roots[state]))
    }) && left_roots[count..] == right_roots[count..]
}

/// The dimension on the left for each on the right, where shapes of matched leaves allow it.
fn match_dimensions(left: &Side<'_>, right: &Side<'_>, pairs: &[usize]) -> Option<BTreeMap<u32, u32>> {
    let mut renamed: BTreeMap<u32, u32> = BTreeMap::new();
    let mut sums = Vec::new();
    for (&to, from) in pairs.iter().zip(&left.leaves) {
        let (from, to) = (from.port.shape.axes(), right.leaves[to].port.shape.axes());
        if from.len() != to.len() {
            return None;
        }
        for (from, to) in from.into_iter().zip(to) {
            match (from.constant_part(), from.terms(), to.constant_part(), to.terms()) {
                (0, [(a, 1)], 0, [(b, 1)]) => {
                    if *renamed.entry(b.0).or_insert(a.0) != a.0 {
                        return None;
                    }
                }
                _ => sums.push((from, to)),
            }
        }
    }
    let one_to_one = {
        let mut targets: Vec<u32> = renamed.values().copied().collect();
        targets.sort_unstable();
        targets.windows(2).all(|pair| pair[0] != pair[1])
    };
    let equal = sums.into_iter().all(|(from, to)| {
        let mut terms: Vec<(Option<u32>, u32)> =
            to.terms().iter().map(|(id, count)| (renamed.get(&id.0).copied(), *count)).collect();
        terms.sort_unstable();
        let wanted: Vec<(Option<u32>, u32)> =
            from.terms().iter().map(|(id, count)| (Some(id.0), *count)).collect();
        from.constant_part() == to.constant_part() && terms == wanted
    });
    (one_to_one && equal).then_some(renamed)
}

impl<'a> Side<'a> {
    pub(super) fn new(graph: &'a Graph) -> Self {
        let signature = &graph.signature;
        let mut side = Self { graph, leaves: Vec::new(), nodes: BTreeMap::new() };
        let mut read = BTreeMap::new();
        for (id, node) in graph.iter() {
            if signature.port_of_leaf(&node.operator).is_some() {
                read.insert(node.operator.clone(), id);
            }
        }
        let kinds = [
            (Kind::Input, &signature.inputs),
            (Kind::State, &signature.states),
            (Kind::Unknown, &signature.unknowns),
            (Kind::Parameter, &signature.parameters),
        ];
        for (kind, ports) in kinds {
            for (index, port) in (0_u32..).zip(ports) {
                let operator = match kind {
                    Kind::Input => Operator::Input(index),
                    Kind::State => Operator::State(index),
                    Kind::Unknown => Operator::Unknown(index),
                    Kind::Parameter => Operator::Parameter(index),
                };
                let node = read.get(&operator).copied();
                let blocks =
                    node.filter(|_| kind == Kind::Parameter).and_then(|node| blocks(graph, node, port));
                if let Some(blocks) = blocks {
                    for (node, port) in blocks {
                        side.nodes.insert(node, side.leaves.len());
                        side.leaves.push(Leaf { kind, port });
                    }
                } else {
                    side.nodes.extend(node.map(|node| (node, side.leaves.len())));
                    side.leaves.push(Leaf { kind, port: port.clone() });
                }
            }
        }
        side
    }

    /// The first leaf that has a root.
    fn first_rooted(&self) -> usize {
        self.graph.signature.inputs.len()
    }

    /// How many leaves have a root.
    fn rooted(&self) -> usize {
        self.graph.signature.states.len() + self.graph.signature.unknowns.len()
    }

    fn first_colours(&self) -> Vec<u64> {
        let colour = |leaf: &Leaf| mix(4, &[leaf.kind as u64, leaf.port.shape.axes().len() as u64]);
        self.leaves.iter().map(colour).collect()
    }

    /// Refines colours until no class splits; `None` where the budget ends.
    fn refine(&self, colours: &mut Vec<u64>, budget: &mut usize) -> Option<()> {
        loop {
            let before = classes(colours).len();
            *budget = budget.checked_sub(self.graph.len().saturating_mul(self.leaves.len() + 1))?;
            let base: Vec<u64> = colours.iter().map(|&colour| mix(5, &[colour])).collect();
            let calm = self.trace(&base, colours, None);
            let next: Vec<u64> = (0..self.leaves.len())
                .map(|leaf| {
                    let mut values = base.clone();
                    values[leaf] = mix(6, &[colours[leaf]]);
                    mix(7, &[colours[leaf], calm, self.trace(&values, colours, Some(leaf))])
                })
                .collect();
            *colours = next;
            if classes(colours).len() == before {
                return Some(());
            }
        }
    }

    /// What all roots give together, whatever the order of the states; the root of the state `own` set apart.
    fn trace(&self, values: &[u64], colours: &[u64], own: Option<usize>) -> u64 {
        let roots = self.evaluate(values, &|_| 0);
        let (first, count) = (self.first_rooted(), self.rooted());
        let mut states: Vec<u64> = (0..count)
            .map(|state| {
                mix(8, &[colours[first + state], u64::from(own == Some(first + state)), roots[state]])
            })
            .collect();
        states.sort_unstable();
        states.extend(&roots[count..]);
        mix(9, &states)
    }

    /// Next values of the states, what is given for the unknowns, then the outputs.
    fn evaluate(&self, leaves: &[u64], dimension: &dyn Fn(u32) -> u64) -> Vec<u64> {
        let signature = &self.graph.signature;
        let values = self.values(leaves, dimension);
        let root = |root: Root| -> u64 {
            self.graph.root(root).map_or(0, |NodeId(id)| values.get(id as usize).copied().unwrap_or(0))
        };
        // How a state begins is part of how it goes on; without a declaration it begins at zero.
        let next = (0..signature.states.len() as u32).map(|state| {
            match (root(Root::NextState(state)), root(Root::InitialState(state))) {
                (next, 0) => next,
                (next, initial) => mix(12, &[next, initial]),
            }
        });
        let next = next.chain((0..signature.unknowns.len() as u32).map(|index| root(Root::Solution(index))));
        next.chain((0..signature.outputs.len() as u32).map(|output| root(Root::Output(output)))).collect()
    }

    /// The value of each node.
    pub(super) fn values(&self, leaves: &[u64], dimension: &dyn Fn(u32) -> u64) -> Vec<u64> {
        let size = |size: &Dimension| {
            let terms = size.terms().iter();
            terms.fold(u64::from(size.constant_part()), |sum, (id, count)| {
                add(sum, multiply(u64::from(*count), dimension(id.0)))
            })
        };
        let mut values: Vec<u64> = Vec::with_capacity(self.graph.len());
        for (id, node) in self.graph.iter() {
            if let Some(&leaf) = self.nodes.get(&id) {
                values.push(leaves.get(leaf).copied().unwrap_or(0));
                continue;
            }
            let operands: Vec<u64> = node.operands.iter().map(|operand| values[operand.0 as usize]).collect();
            let value = match (&node.operator, operands.as_slice()) {
                (Operator::Constant(bits), _) => number(f64::from_bits(*bits)),
                (Operator::Unary(Unary::Negate), &[a]) => subtract(0, a),
                (Operator::Binary(Binary::Add), &[a, b]) => add(a, b),
                (Operator::Binary(Binary::Subtract), &[a, b]) => subtract(a, b),
                (Operator::Binary(Binary::Multiply), &[a, b]) => multiply(a, b),
                (Operator::Binary(Binary::Divide), &[a, b]) => multiply(a, inverse(b)),
                (Operator::Binary(Binary::Maximum | Binary::Minimum), &[a, b]) => {
                    mix(tag(&node.operator), &[a.min(b), a.max(b)])
                }
                (Operator::Ternary(Ternary::MultiplyAdd), &[a, b, c]) => add(multiply(a, b), c),
                (Operator::Ternary(Ternary::MultiplySubtract), &[a, b, c]) => subtract(multiply(a, b), c),
                (Operator::Ternary(Ternary::NegatedMultiplyAdd), &[a, b, c]) => subtract(c, multiply(a, b)),
                // Element by element, a scalar and the vector of it are one.
                (Operator::Broadcast(_) | Operator::BroadcastMatrix(..), &[a]) => a,
                (operator, _) => {
                    let mut all = operands;
                    // What depends on sizes: of the result, and of what is summed or cut.
                    all.extend(node.shape.axes().into_iter().map(size));
                    for operand in &node.operands {
                        all.extend(self.graph.shape(*operand).axes().into_iter().map(size));
                    }
                    if let Operator::Slice { start, .. }
                    | Operator::Pad { start, .. }
                    | Operator::SliceColumns { start, .. }
                    | Operator::PadColumns { start, .. } = operator
                    {
                        all.push(size(start));
                    }
                    mix(tag(operator), &all)
                }
            };
            values.push(value);
        }
        values
    }
}

/// The blocks of columns that a matrix is read in, where they are all that is read of it, side by side and without gaps:
/// only then are they parameters of their own.
fn blocks(graph: &Graph, matrix: NodeId, port: &Port) -> Option<Vec<(NodeId, Port)>> {
    let Shape::Matrix(_, columns) = &port.shape else { return None };
    if graph.roots.values().any(|root| *root == matrix) {
        return None;
    }
    let mut blocks: Vec<(&Dimension, &Dimension, NodeId, &Shape)> = Vec::new();
    for (id, node) in graph.iter().filter(|(_, node)| node.operands.contains(&matrix)) {
        let Operator::SliceColumns { start, length } = &node.operator else { return None };
        blocks.push((start, length, id, &node.shape));
    }
    let mut end = Dimension::default();
    let mut ordered = Vec::with_capacity(blocks.len());
    while end != *columns {
        let at = blocks.iter().position(|(start, ..)| **start == end)?;
        let (_, length, id, shape) = blocks.swap_remove(at);
        let from = end.clone();
        end = end.plus(length);
        let names = &graph.signature.dimensions;
        let name = format!("{}[:, {} .. {}]", port.name, from.describe(names), end.describe(names));
        ordered.push((id, Port { name, shape: shape.clone() }));
    }
    blocks.is_empty().then_some(ordered)
}

/// A number that tells operators apart, sizes aside.
fn tag(operator: &Operator) -> u64 {
    let mut hasher = DefaultHasher::new();
    std::mem::discriminant(operator).hash(&mut hasher);
    match operator {
        Operator::Unary(function) => function.hash(&mut hasher),
        Operator::Binary(function) => function.hash(&mut hasher),
        Operator::Ternary(function) => function.hash(&mut hasher),
        Operator::CumulativeSum { reverse } => reverse.hash(&mut hasher),
        _ => {}
    }
    hasher.finish()
}

/// A random function into the field.
pub(super) fn mix(tag: u64, values: &[u64]) -> u64 {
    let mut hasher = DefaultHasher::new();
    (tag, values).hash(&mut hasher);
    hasher.finish() % PRIME
}

fn add(a: u64, b: u64) -> u64 {
    (a % PRIME + b % PRIME) % PRIME
}

fn subtract(a: u64, b: u64) -> u64 {
    add(a, PRIME - b % PRIME)
}

fn multiply(a: u64, b: u64) -> u64 {
    // Below the modulus, which fits.
    (u128::from(a) * u128::from(b) % u128::from(PRIME)) as u64
}

fn power(mut base: u64, mut exponent: u64) -> u64 {
    let mut result = 1;
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = multiply(result, base);
        }
        base = multiply(base, base);
        exponent >>= 1;
    }
    result
}

/// `1 / a`; 0 for 0, which random arguments do not meet.
fn inverse(a: u64) -> u64 {
    power(a, PRIME - 2)
}

/// A number of the equations: `mantissa * 2^exponent` as the field has it.
fn number(value: f64) -> u64 {
    if !value.is_finite() {
        return mix(10, &[value.to_bits()]);
    }
    let bits = value.to_bits();
    let fraction = bits & ((1 << 52) - 1);
    let biased = (bits >> 52) & 0x7ff;
    let mantissa = if biased == 0 { fraction } else { fraction | (1 << 52) };
    // The scale is 2^(max(biased, 1) - 1075), and 2^61 is 1 in the field.
    let exponent = (biased.max(1) + 61 * 18 - 1075) % 61;
    let size = multiply(mantissa, power(2, exponent));
    if value < 0.0 { subtract(0, size) } else { size }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::lower;
    use crate::passes::read;
    use crate::resolve::{CyclePolicy, Options};
    use crate::simplify::simplify;
    use crate::source::Syntax;

    fn compare(left: &str, right: &str) -> Sameness {
        let graph = |text: &str| {
            let options = Options { cycle: CyclePolicy::FixedPoint, ..Options::default() };
            let cell = read(text, Syntax::Text, None, &options).expect("a cell");
            simplify(&lower(&cell).expect("a graph"))
        };
        graph(left).compare(&graph(right))
    }

    #[test]
    fn numbers_are_those_of_the_field() {
        assert_eq!(multiply(number(0.375), 8), 3);
        assert_eq!(add(number(-2.5), number(2.5)), 0);
        assert_eq!(multiply(number(3.0), inverse(3)), 1);
        assert_eq!(number(2.0_f64.powi(61)), 1);
    }

    const GRU: &str = "z_t = sigmoid(W_z x_t + U_z h_{t-1} + b_z)\nr_t = sigmoid(W_r x_t + U_r h_{t-1} + b_r)\n\
        k_t = tanh(W_h x_t + U_h (r_t * h_{t-1}) + b_h)\nh_t = (1 - z_t) * h_{t-1} + z_t * k_t";

    #[test]
    fn names_order_and_algebra_do_not_matter() {
        let renamed = "c_t = tanh(a + C (s_{t-1} * q_t) + D u_t)\nq_t = sigmoid(F s_{t-1} + d + E u_t)\n\
            g_t = sigmoid(e + G u_t + H s_{t-1})\ns_t = s_{t-1} + g_t * (c_t - s_{t-1})";
        let Sameness::Same(names) = compare(GRU, renamed) else { panic!("they are one cell") };
        for pair in
            [("x", "u"), ("h", "s"), ("W_z", "G"), ("U_z", "H"), ("U_r", "F"), ("U_h", "C"), ("b_h", "a")]
        {
            assert!(names.iter().any(|(left, right)| (left.as_str(), right.as_str()) == pair), "{pair:?}");
        }
    }

    #[test]
    fn leaves_that_look_alike_are_matched() {
        let left = "i_t = sigmoid(W x_t)\nj_t = sigmoid(V x_t)\nh_t = i_t * j_t * h_{t-1} + a * b";
        let right = "j_t = sigmoid(P x_t)\ni_t = sigmoid(Q x_t)\nh_t = d * c + h_{t-1} * i_t * j_t";
        assert!(matches!(compare(left, right), Sameness::Same(_)));
    }

    #[test]
    fn a_joined_matrix_is_its_parts() {
        let joined = "h_t = tanh(W [h_{t-1}, x_t] + b)";
        let Sameness::Same(names) = compare("h_t = tanh(W x_t + U h_{t-1} + b)", joined) else {
            panic!("they are one cell")
        };
        assert!(names.contains(&("U".to_owned(), "W[:, 0 .. h]".to_owned())), "{names:?}");
        // Read in blocks that overlap, a matrix is one parameter.
        let overlapping = "h_t = tanh(W [h_{t-1}, x_t] + W [x_t, h_{t-1}])";
        let parts = "h_t = tanh(A h_{t-1} + B x_t + C x_t + D h_{t-1})";
        assert_ne!(compare(overlapping, parts), compare(parts, parts));
        assert!(matches!(compare(overlapping, overlapping), Sameness::Same(_)));
    }

    #[test]
    fn solved_cycles_are_one_cell_where_they_are_cut_alike() {
        let cell = "o_t = sigmoid(W x_t + V h_t)\nh_t = o_t * tanh(U h_{t-1})";
        let renamed = "s_t = tanh(B s_{t-1}) * g_t\ng_t = sigmoid(C s_t + A u_t)";
        let Sameness::Same(names) = compare(cell, renamed) else { panic!("they are one cell") };
        assert!(names.contains(&("V".to_owned(), "C".to_owned())), "{names:?}");
        // One cell too, but without a state that says where to cut.
        let left = "a_t = tanh(W b_t + x_t)\nb_t = sigmoid(V a_t)\nh_t = h_{t-1} + b_t * a_t";
        let right = "b_t = sigmoid(V a_t)\na_t = tanh(W b_t + x_t)\nh_t = h_{t-1} + b_t * a_t";
        assert_eq!(compare(left, right), Sameness::Unknown);
        assert_eq!(compare(cell, GRU), Sameness::Different);
    }

    #[test]
    fn what_differs_differs() {
        for other in [
            // The other sign convention has other weights.
            GRU.replace("(1 - z_t) * h_{t-1} + z_t * k_t", "z_t * h_{t-1} + (1 - z_t) * k_t"),
            GRU.replace("U_h (r_t * h_{t-1})", "r_t * (U_h h_{t-1})"),
            GRU.replace("W_r x_t", "W_z x_t"),
            GRU.replace(" + b_r", ""),
            GRU.replace("U_z h_{t-1} + b_z", "u_z * h_{t-1} + b_z"),
            GRU.replace("tanh(W_h", "sigmoid(W_h"),
        ] {
            assert_eq!(compare(GRU, &other), Sameness::Different, "{other}");
        }
        assert_eq!(
            compare("h_t = tanh(0.5 * h_{t-1} + W x_t)", "h_t = tanh(0.25 * h_{t-1} + W x_t)"),
            Sameness::Different
        );
    }
}
