//! Graph to flow: the per-step values, with sums of matrix products folded into one node each.
//!
//! `W x_t + U h_{t-1} + b` is one product node with two terms. Terms may run at different times — the
//! first for all steps at once, the second in the loop — and add up in the same memory, where the sum starts at `b`. `chain`
//! finds those sums.
//!
//! # Invariants
//!
//! - **F1** operands have smaller ids than their node.
//! - **F2** every node is per step; what is constant over time is a leaf (`Once`, `Constant`) or a [`MatrixView`].
//! - **F3** a node is a scalar (`scalar`, one element per row), a vector of `lanes` elements, or a matrix of `lanes`
//!   elements row by row.
//!
//! Matrices that nothing but a gradient by a parameter reads, as the outer products whose sum it is, have no node:
//! [`super::gradient`] takes them apart.

mod chain;
mod node;

use chain::Chains;
pub(super) use node::{FlowId, FlowKind, FlowNode, Solved};

use std::collections::HashMap;

use super::{MatrixView, OnceSource, PlanError, gradient};
use crate::graph::{Graph, NodeId, Phase, Root};
use crate::limits::MAXIMUM_DIMENSION;
use crate::operator::Operator;
use crate::shape::{Dimension, Shape};

/// All per-step values of a graph, and what becomes of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Flow {
    pub(super) nodes: Vec<FlowNode>,
    pub(super) next_states: Vec<FlowId>,
    pub(super) outputs: Vec<FlowId>,
    /// What the step, and what the walk back is solved for.
    pub(super) solved: Vec<Solved>,
    pub(super) solved_back: Vec<Solved>,
    /// Empty without gradients.
    pub(super) previous_state_gradients: Vec<FlowId>,
    /// Empty without gradients; `None` where the gradient is zero.
    pub(super) input_gradients: Vec<Option<FlowId>>,
    /// Expressions of parameters: nodes of the graph, with the number of elements.
    pub(super) expressions: Vec<(NodeId, usize)>,
    pub(super) sizes: Vec<usize>,
    /// Sizes of the ports: inputs, states, outputs.
    pub(super) input_sizes: Vec<usize>,
    pub(super) state_sizes: Vec<usize>,
    pub(super) output_sizes: Vec<usize>,
    pub(super) input_names: Vec<String>,
    pub(super) state_names: Vec<String>,
    pub(super) unknown_names: Vec<String>,
    pub(super) output_names: Vec<String>,
    of_graph: HashMap<NodeId, FlowId>,
    /// What backward values read in place of cheap matrices of the forward step: see [`Flow::again`].
    pub(super) again: HashMap<NodeId, FlowId>,
    pub(super) made_again: HashMap<FlowId, FlowId>,
    of_once: HashMap<OnceSource, FlowId>,
    expression_of: HashMap<NodeId, u32>,
}

/// Size of a dimension, or the error that names what needs it.
pub(super) fn size_of(dimension: &Dimension, sizes: &[usize], name: &str) -> Result<usize, PlanError> {
    match dimension.size(sizes) {
        Some(size) if size <= MAXIMUM_DIMENSION => Ok(size),
        _ => Err(PlanError::Size { name: name.to_owned() }),
    }
}

/// Elements of a value in one row. A matrix that each sample has its own of may have as many as a vector.
fn elements_of(shape: &Shape, sizes: &[usize], name: &str) -> Result<usize, PlanError> {
    match shape {
        Shape::Scalar => Ok(1),
        Shape::Vector(n) => size_of(n, sizes, name),
        Shape::Matrix(rows, columns) => {
            let elements = size_of(rows, sizes, name)?.checked_mul(size_of(columns, sizes, name)?);
            elements
                .filter(|&elements| elements <= MAXIMUM_DIMENSION)
                .ok_or_else(|| PlanError::Size { name: name.to_owned() })
        }
    }
}

impl Flow {
    /// The flow of a graph.
    pub(super) fn build(graph: &Graph, sizes: &[usize]) -> Result<Self, PlanError> {
        let signature = graph.signature();
        for (index, name) in signature.dimensions.iter().enumerate() {
            if sizes.get(index).is_none_or(|&size| size > MAXIMUM_DIMENSION) {
                return Err(PlanError::Size { name: name.clone() });
            }
        }
        let mut flow = Self { sizes: sizes.to_vec(), ..Self::default() };
        for port in &signature.inputs {
            flow.input_sizes.push(elements_of(&port.shape, sizes, &port.name)?);
            flow.input_names.push(port.name.clone());
        }
        for port in &signature.states {
            flow.state_sizes.push(elements_of(&port.shape, sizes, &port.name)?);
            flow.state_names.push(port.name.clone());
        }
        flow.unknown_names = signature.unknowns.iter().map(|port| port.name.clone()).collect();
        for port in &signature.outputs {
            flow.output_sizes.push(elements_of(&port.shape, sizes, &port.name)?);
            flow.output_names.push(port.name.clone());
        }
        let chains = Chains::find(graph);
        let wanted = wanted(graph, sizes)?;
        let mut rooted = vec![false; graph.len()];
        for &root in graph.roots().values() {
            rooted[root.0 as usize] = true;
        }
        for (id, _) in graph.iter() {
            let per_step = graph.phase(id).is_per_step();
            if per_step && wanted[id.0 as usize] && !chains.folded[id.0 as usize] {
                let made = flow.translate(graph, &chains, id)?;
                flow.of_graph.insert(id, made);
                if !rooted[id.0 as usize] {
                    flow.again(graph, id, made);
                }
            }
        }
        flow.roots(graph)?;
        Ok(flow)
    }

    pub(super) fn node(&self, id: FlowId) -> &FlowNode {
        &self.nodes[id.0 as usize]
    }

    pub(super) fn ids(&self) -> impl DoubleEndedIterator<Item = FlowId> + use<> {
        (0..self.nodes.len() as u32).map(FlowId)
    }

    /// As [`Flow::value`], for a reader of this phase.
    pub(super) fn read_by(&mut self, graph: &Graph, reader: Phase, id: NodeId) -> Result<FlowId, PlanError> {
        match self.again.get(&id) {
            Some(&again) if reader == Phase::Backward => Ok(again),
            _ => self.value(graph, id),
        }
    }

    /// The flow node of a graph node: per-step values that were translated, or a leaf made for a constant value.
    pub(super) fn value(&mut self, graph: &Graph, id: NodeId) -> Result<FlowId, PlanError> {
        if let Some(&known) = self.of_graph.get(&id) {
            return Ok(known);
        }
        if graph.phase(id) != Phase::Before {
            return Err(PlanError::Internal(format!("`{}` was not expected to be read", name_of(graph, id))));
        }
        let made = if let Some(number) = graph.uniform_value(id) {
            let (lanes, scalar) = self.extent(graph, id)?;
            self.push(FlowKind::Constant(number), Vec::new(), lanes, scalar, name_of(graph, id))
        } else {
            self.once(graph, id)?
        };
        self.of_graph.insert(id, made);
        Ok(made)
    }

    /// The leaf of a value that is constant over time, in memory even where it is a number.
    pub(super) fn once(&mut self, graph: &Graph, id: NodeId) -> Result<FlowId, PlanError> {
        let (lanes, scalar) = self.extent(graph, id)?;
        let source = self.once_source(graph, id)?;
        if let Some(&known) = self.of_once.get(&source) {
            return Ok(known);
        }
        let made = self.push(FlowKind::Once(source), Vec::new(), lanes, scalar, name_of(graph, id));
        self.of_once.insert(source, made);
        Ok(made)
    }

    /// The value, copied by an element loop unless one computes it already: something a loop can store.
    pub(super) fn element(&mut self, id: FlowId, lanes: usize, scalar: bool, name: &str) -> FlowId {
        if self.node(id).is_element() && self.node(id).lanes == lanes {
            return id;
        }
        self.push(FlowKind::Copy, vec![id], lanes, scalar, name.to_owned())
    }

    /// The value, copied where it lies nowhere: a number.
    pub(super) fn placed(&mut self, id: FlowId) -> FlowId {
        match self.node(id).kind {
            FlowKind::Constant(_) => {
                let (lanes, scalar, name) =
                    (self.node(id).lanes, self.node(id).scalar, self.node(id).name.clone());
                self.push(FlowKind::Copy, vec![id], lanes, scalar, name)
            }
            _ => id,
        }
    }

    /// A parameter as it is stored, or an expression that is computed once.
    pub(super) fn once_source(&mut self, graph: &Graph, id: NodeId) -> Result<OnceSource, PlanError> {
        if let Operator::Parameter(index) = *graph.operator(id) {
            return Ok(OnceSource::Parameter(index));
        }
        if let Some(&known) = self.expression_of.get(&id) {
            return Ok(OnceSource::Expression(known));
        }
        let name = name_of(graph, id);
        let extent =
            graph.shape(id).sizes(&self.sizes).ok_or_else(|| PlanError::Size { name: name.clone() })?;
        let elements = extent
            .iter()
            .try_fold(1_usize, |product, &axis| product.checked_mul(axis))
            .ok_or(PlanError::Size { name })?;
        let index = self.expressions.len() as u32;
        self.expressions.push((id, elements));
        self.expression_of.insert(id, index);
        Ok(OnceSource::Expression(index))
    }

    /// The rectangle of a parameter (or expression) that a constant matrix is.
    pub(super) fn view(&mut self, graph: &Graph, id: NodeId) -> Result<MatrixView, PlanError> {
        let mut at = id;
        let mut transposed = false;
        // Column slices met so far, outermost first, each with the orientation it was met in.
        let mut slices: Vec<(usize, usize, bool)> = Vec::new();
        loop {
            match graph.operator(at) {
                Operator::Transpose => transposed = !transposed,
                Operator::SliceColumns { start, length } => {
                    let name = name_of(graph, at);
                    slices.push((
                        size_of(start, &self.sizes, &name)?,
                        size_of(length, &self.sizes, &name)?,
                        transposed,
                    ));
                }
                _ => break,
            }
            at = graph.operands(at)[0];
        }
        let name = name_of(graph, at);
        let Shape::Matrix(rows, columns) = graph.shape(at) else {
            return Err(PlanError::Internal(format!("`{name}` is multiplied as a matrix, which it is not")));
        };
        let (rows, columns) = (size_of(rows, &self.sizes, &name)?, size_of(columns, &self.sizes, &name)?);
        let mut view = MatrixView {
            source: self.once_source(graph, at)?,
            row: 0,
            rows,
            column: 0,
            columns,
            row_stride: columns,
            transposed,
        };
        // A slice inside an odd number of transposes, seen from the source, cuts rows.
        for (start, length, outside) in slices.into_iter().rev() {
            if outside == transposed {
                view.column += start;
                view.columns = length;
            } else {
                view.row += start;
                view.rows = length;
            }
        }
        Ok(view)
    }

    fn extent(&self, graph: &Graph, id: NodeId) -> Result<(usize, bool), PlanError> {
        let shape = graph.shape(id);
        Ok((elements_of(shape, &self.sizes, &name_of(graph, id))?, *shape == Shape::Scalar))
    }

    pub(super) fn push(
        &mut self,
        kind: FlowKind,
        operands: Vec<FlowId>,
        lanes: usize,
        scalar: bool,
        name: String,
    ) -> FlowId {
        let any = |test: fn(&FlowNode) -> bool| operands.iter().any(|&operand| test(self.node(operand)));
        let (on_state, on_gradient) = (any(|node| node.on_state), any(|node| node.on_gradient));
        let gradient = |kind: &FlowKind| {
            matches!(
                kind,
                FlowKind::OutputGradient(_) | FlowKind::StateGradient(_) | FlowKind::SolutionGradient(_)
            )
        };
        let backward = any(|node| node.backward) || gradient(&kind);
        // To the walk back, what the forward step was solved for is a value as any other.
        let on_unknown = operands
            .iter()
            .any(|&operand| self.node(operand).on_unknown && self.node(operand).backward == backward);
        let node = FlowNode {
            backward,
            on_state: on_state || matches!(kind, FlowKind::State(_) | FlowKind::Unknown(_)),
            on_gradient: on_gradient
                || matches!(kind, FlowKind::StateGradient(_) | FlowKind::SolutionGradient(_)),
            on_unknown: on_unknown || matches!(kind, FlowKind::Unknown(_) | FlowKind::SolutionGradient(_)),
            kind,
            operands,
            lanes,
            scalar,
            name,
        };
        self.nodes.push(node);
        FlowId(self.nodes.len() as u32 - 1)
    }

    fn translate(&mut self, graph: &Graph, chains: &Chains, id: NodeId) -> Result<FlowId, PlanError> {
        let (lanes, scalar) = self.extent(graph, id)?;
        let name = name_of(graph, id);
        if let Some(chain) = chains.tops.get(&id) {
            return self.chain(graph, chain, id, lanes, name);
        }
        let kind = match graph.operator(id) {
            Operator::Input(index) => FlowKind::Input(*index),
            Operator::State(index) => FlowKind::State(*index),
            Operator::Unknown(index) => FlowKind::Unknown(*index),
            Operator::OutputGradient(index) => FlowKind::OutputGradient(*index),
            Operator::StateGradient(index) => FlowKind::StateGradient(*index),
            Operator::SolutionGradient(index) => FlowKind::SolutionGradient(*index),
            Operator::Unary(function) => FlowKind::Unary(*function),
            Operator::Binary(function) => FlowKind::Binary(*function),
            Operator::Ternary(function) => FlowKind::Ternary(*function),
            Operator::Broadcast(_) | Operator::BroadcastMatrix(..) => FlowKind::Copy,
            Operator::Sum => FlowKind::Sum,
            Operator::MaximumElement => FlowKind::MaximumElement,
            Operator::CumulativeSum { reverse } => FlowKind::CumulativeSum { reverse: *reverse },
            Operator::MatrixVector if graph.phase(graph.operands(id)[0]) == Phase::Before => {
                let [matrix, vector] = [graph.operands(id)[0], graph.operands(id)[1]];
                let term = self.view(graph, matrix)?;
                let vector = self.value(graph, vector)?;
                return Ok(self.push(
                    FlowKind::Product { terms: vec![term], addend: false, start: None },
                    vec![vector],
                    lanes,
                    scalar,
                    name,
                ));
            }
            Operator::Concatenate => {
                let mut starts = Vec::new();
                let mut start = 0;
                for &operand in graph.operands(id) {
                    starts.push(start);
                    start += self.extent(graph, operand)?.0;
                }
                FlowKind::Join { starts }
            }
            Operator::Pad { start, .. } => {
                FlowKind::Join { starts: vec![size_of(start, &self.sizes, &name)?] }
            }
            Operator::Slice { start, .. } => FlowKind::Slice { start: size_of(start, &self.sizes, &name)? },
            Operator::RowMaximum => return self.row_maximum(graph, id, lanes),
            Operator::MatrixVector | Operator::MatrixMatrix | Operator::Outer => {
                return self.sample_product(graph, id, lanes);
            }
            Operator::Transpose | Operator::SliceColumns { .. } | Operator::PadColumns { .. } => {
                return self.arrange(graph, id, lanes);
            }
            // Constant over time, or totals.
            Operator::Constant(_) | Operator::Parameter(_) | Operator::Identity(_) | Operator::Total => {
                return Err(PlanError::Internal(format!("`{name}` is no value of a step")));
            }
        };
        let phase = graph.phase(id);
        let operands = graph
            .operands(id)
            .iter()
            .map(|&operand| self.read_by(graph, phase, operand))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(self.push(kind, operands, lanes, scalar, name))
    }

    /// What one pass is solved for.
    fn solved(&mut self, graph: &Graph, backward: bool) -> Result<Vec<Solved>, PlanError> {
        let mut solved = Vec::new();
        for (index, leaf, root) in graph.unknowns(backward) {
            let (unknown, value) = (self.value(graph, leaf)?, self.value(graph, root)?);
            let port = &graph.signature().unknowns[index as usize];
            let (lanes, scalar) = (self.node(unknown).lanes, port.shape == Shape::Scalar);
            let is_leaf = self.node(value).is_leaf();
            let solution = if is_leaf { self.element(value, lanes, scalar, &port.name) } else { value };
            let start = if backward { None } else { graph.start_of(index) };
            solved.push(Solved { index, unknown, solution, start });
        }
        Ok(solved)
    }

    fn roots(&mut self, graph: &Graph) -> Result<(), PlanError> {
        let signature = graph.signature();
        let root_of = |root: Root| {
            graph.root(root).ok_or_else(|| PlanError::Internal(format!("the graph has no root {root:?}")))
        };
        for (state, port) in (0_u32..).zip(&signature.states) {
            let value = self.value(graph, root_of(Root::NextState(state))?)?;
            let scalar = port.shape == Shape::Scalar;
            let value = self.element(value, self.state_sizes[state as usize], scalar, &port.name);
            self.next_states.push(value);
        }
        for (output, port) in (0_u32..).zip(&signature.outputs) {
            let value = self.value(graph, root_of(Root::Output(output))?)?;
            let leaf = self.node(value).is_leaf();
            let lanes = self.output_sizes[output as usize];
            let scalar = port.shape == Shape::Scalar;
            let value = if leaf { self.element(value, lanes, scalar, &port.name) } else { value };
            self.outputs.push(value);
        }
        self.solved = self.solved(graph, false)?;
        if !graph.has_gradients() {
            return Ok(());
        }
        self.solved_back = self.solved(graph, true)?;
        for (state, port) in (0_u32..).zip(&signature.states) {
            let value = self.value(graph, root_of(Root::PreviousStateGradient(state))?)?;
            let scalar = port.shape == Shape::Scalar;
            let in_place = self.node(value).under().is_some();
            let lanes = self.state_sizes[state as usize];
            let name = format!("gradient of {}", port.name);
            let value = if in_place { value } else { self.element(value, lanes, scalar, &name) };
            self.previous_state_gradients.push(value);
        }
        for (input, port) in (0_u32..).zip(&signature.inputs) {
            let root = root_of(Root::InputGradient(input))?;
            if graph.is_zero(root) {
                self.input_gradients.push(None);
                continue;
            }
            let value = self.value(graph, root)?;
            let lanes = self.input_sizes[input as usize];
            let leaf = self.node(value).is_leaf();
            let name = format!("gradient of {}", port.name);
            let scalar = port.shape == Shape::Scalar;
            let value = if leaf { self.element(value, lanes, scalar, &name) } else { value };
            self.input_gradients.push(Some(value));
        }
        Ok(())
    }
}

/// The values that a plan computes: what roots read, and of the gradients by parameters what [`gradient`] leaves of them.
fn wanted(graph: &Graph, sizes: &[usize]) -> Result<Vec<bool>, PlanError> {
    let mut wanted = vec![false; graph.len()];
    for (root, &node) in graph.roots() {
        wanted[node.0 as usize] |= !matches!(root, Root::ParameterGradient(_));
    }
    for node in gradient::read(graph, sizes)? {
        wanted[node.0 as usize] = true;
    }
    // Operands have smaller ids.
    for (id, node) in graph.iter().rev() {
        if wanted[id.0 as usize] && graph.phase(id).is_per_step() {
            for operand in &node.operands {
                wanted[operand.0 as usize] = true;
            }
        }
    }
    Ok(wanted)
}

/// A name for readers: the user's where there is one.
pub(super) fn name_of(graph: &Graph, id: NodeId) -> String {
    if let Some(label) = graph.labels(id).first() {
        return label.clone();
    }
    match graph.signature().port_of_leaf(graph.operator(id)) {
        Some(port) => port.name.clone(),
        None => format!("%{}", id.0),
    }
}
