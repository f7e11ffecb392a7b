//! Sums that hold matrix products, folded into one product node each, which starts at the bias, and additions to its right.

use std::collections::HashMap;

use super::{Flow, FlowId, FlowKind, name_of};
use crate::graph::{Graph, NodeId, Phase, Root};
use crate::operator::{Binary, Operator};
use crate::plan::{OnceSource, PlanError};
use crate::shape::Shape;

impl Flow {
    /// `Σ matrix·vector + rest` becomes one product node and additions to its right, so that an added product of
    /// elements (`w ⊙ c`) can become a multiply-add.
    pub(super) fn chain(
        &mut self,
        graph: &Graph,
        chain: &Chain,
        id: NodeId,
        lanes: usize,
        name: String,
    ) -> Result<FlowId, PlanError> {
        let mut terms = Vec::new();
        let mut operands = Vec::new();
        for &product in &chain.products {
            terms.push(self.view(graph, graph.operands(product)[0])?);
            operands.push(self.value(graph, graph.operands(product)[1])?);
        }
        let mut rest = Vec::new();
        for &addend in &chain.rest {
            rest.push(self.value(graph, addend)?);
        }
        let add = FlowKind::Binary(Binary::Add);
        // What needs no later step is computed for all rows at once, which the memory of a state's gradient cannot hold.
        let within_loop = operands.iter().chain(&rest).any(|&operand| self.node(operand).on_gradient);
        if chain.in_place && within_loop && !rest.is_empty() {
            let mut sum = rest[0];
            for &addend in &rest[1..] {
                sum = self.push(add.clone(), vec![sum, addend], lanes, false, format!("{name}, elements"));
            }
            let sum = self.element(sum, lanes, false, &format!("{name}, elements"));
            operands.push(sum);
            return Ok(self.push(
                FlowKind::Product { terms, addend: true, start: None },
                operands,
                lanes,
                false,
                name,
            ));
        }
        // What unknowns decide is a product of its own: an iteration cannot add onto what was computed once, and should
        // not compute that again.
        let (mut once, mut iterated) = ((Vec::new(), Vec::new()), (Vec::new(), Vec::new()));
        for (term, operand) in terms.into_iter().zip(operands) {
            let part = if chain.solved && self.node(operand).on_unknown { &mut iterated } else { &mut once };
            part.0.push(term);
            part.1.push(operand);
        }
        let parts: Vec<_> = [once, iterated].into_iter().filter(|part| !part.0.is_empty()).collect();
        let mut start = self.take_start(&mut rest, lanes);
        let product_name = if rest.is_empty() && parts.len() == 1 {
            name.clone()
        } else {
            format!("{}, products", name_of(graph, id))
        };
        let mut addends = Vec::with_capacity(parts.len() + rest.len());
        for (terms, operands) in parts {
            // The first part is known first.
            let kind = FlowKind::Product { terms, addend: false, start: start.take() };
            addends.push(self.push(kind, operands, lanes, false, product_name.clone()));
        }
        // What is known once is added up first.
        let last = addends.split_off(1);
        addends.extend(rest);
        addends.extend(last);
        let mut sum = addends[0];
        for &addend in &addends[1..] {
            sum = self.push(add.clone(), vec![sum, addend], lanes, false, name.clone());
        }
        Ok(sum)
    }

    /// Takes a bias out of what is added to products: the first vector that is constant over time. The products start at it,
    /// so that no loop adds it.
    fn take_start(&self, rest: &mut Vec<FlowId>, lanes: usize) -> Option<OnceSource> {
        let bias = |&id: &FlowId| match self.node(id).kind {
            FlowKind::Once(source) if !self.node(id).scalar && self.node(id).lanes == lanes => Some(source),
            _ => None,
        };
        let at = rest.iter().position(|id| bias(id).is_some())?;
        bias(&rest.remove(at))
    }
}

/// A sum with at least one matrix product in it.
pub(super) struct Chain {
    products: Vec<NodeId>,
    rest: Vec<NodeId>,
    /// The sum is only ever read from memory, so products may add onto the stored rest.
    in_place: bool,
    /// A solution depends on the sum.
    solved: bool,
}

/// The sums of a graph that hold matrix products, and the nodes that went into them.
pub(super) struct Chains {
    /// Part of a chain below its top: has no node of its own.
    pub(super) folded: Vec<bool>,
    pub(super) tops: HashMap<NodeId, Chain>,
}

impl Chains {
    pub(super) fn find(graph: &Graph) -> Self {
        let uses = graph.use_counts();
        let live = graph.reachable();
        let mut folded = vec![false; graph.len()];
        let mut tops = HashMap::new();
        // Only the gradient of a state: an input's is read after the loop, and a product of its own does that.
        let mut state_gradient = vec![false; graph.len()];
        for (root, &node) in graph.roots() {
            state_gradient[node.0 as usize] |= matches!(root, Root::PreviousStateGradient(_));
        }
        let mut solved = vec![false; graph.len()];
        for (&root, &node) in graph.roots() {
            solved[node.0 as usize] |= root.solves().is_some();
        }
        for (id, node) in graph.iter().rev() {
            if solved[id.0 as usize] {
                for operand in &node.operands {
                    solved[operand.0 as usize] = true;
                }
            }
        }
        let is_sum = |id: NodeId| {
            graph.phase(id).is_per_step()
                && *graph.operator(id) == Operator::Binary(Binary::Add)
                && matches!(graph.shape(id), Shape::Vector(_))
        };
        for (id, _) in graph.iter().rev() {
            if !live[id.0 as usize] || folded[id.0 as usize] || !is_sum(id) {
                continue;
            }
            let mut products = Vec::new();
            let mut rest = Vec::new();
            let mut inner = Vec::new();
            let mut waiting = vec![graph.operands(id)[1], graph.operands(id)[0]];
            while let Some(next) = waiting.pop() {
                let once = uses[next.0 as usize] == 1;
                if once && is_sum(next) {
                    inner.push(next);
                    waiting.extend([graph.operands(next)[1], graph.operands(next)[0]]);
                } else if once
                    && *graph.operator(next) == Operator::MatrixVector
                    // A product of constants is a constant: an addend as any other.
                    && graph.phase(next).is_per_step()
                    && graph.phase(graph.operands(next)[0]) == Phase::Before
                {
                    products.push(next);
                } else {
                    rest.push(next);
                }
            }
            if products.is_empty() {
                continue;
            }
            for node in inner.into_iter().chain(products.iter().copied()) {
                folded[node.0 as usize] = true;
            }
            let in_place = uses[id.0 as usize] == 1 && state_gradient[id.0 as usize];
            tops.insert(id, Chain { products, rest, in_place, solved: solved[id.0 as usize] });
        }
        Self { folded, tops }
    }
}
