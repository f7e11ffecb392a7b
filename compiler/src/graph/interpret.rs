//! The meaning of a graph: running it over a sequence, as plainly as possible.
//!
//! Every node of [`Phase::Before`] is evaluated once, every node of [`Phase::Forward`] at each step for each sample.
//! Where gradients are wanted, the values of all steps are kept, the nodes of [`Phase::Backward`] are evaluated from
//! the last step to the first, each [`Operator::Total`] adds up its operand in that order, and the nodes of
//! [`Phase::After`] come last.
//!
//! Where a step has unknowns, its phase is evaluated until they are solved, and then once with what was found
//! ([`super::solve`]).
//!
//! Products are sums in increasing inner index, from zero, each term added with a fused multiply-add. Compiled code may
//! sum products and totals in another order; element-wise results and reductions it gives to the bit
//! ([`crate::operator::evaluate`]).

use thiserror::Error;

use super::evaluate::{Sized, element_count, zeros};
use super::solve::{Change, SolveOptions, Unsolved};
use super::{Graph, NodeId, Phase, Port, Root};
use crate::limits;
use crate::operator::Operator;
use crate::operator::real::Real;

/// What a sequence is run with. Everything row-major, in the order of the signature.
#[derive(Clone, Debug)]
pub struct SequenceArguments<'a, T> {
    /// For each input `[steps, batch, n]`.
    pub inputs: Vec<&'a [T]>,
    /// For each state its value before the first step, `[batch, n]`.
    pub initial_states: Vec<&'a [T]>,
    /// Each parameter in its shape.
    pub parameters: Vec<&'a [T]>,
    /// Given where gradients are wanted.
    pub gradients: Option<GradientArguments<'a, T>>,
}

/// Gradients of the loss by what a sequence gives.
#[derive(Clone, Debug)]
pub struct GradientArguments<'a, T> {
    /// For each output `[steps, batch, n]`.
    pub outputs: Vec<&'a [T]>,
    /// For each state by its value after the last step, `[batch, n]`.
    pub final_states: Vec<&'a [T]>,
}

/// What a sequence gives, in the order of the signature.
#[derive(Clone, Debug, PartialEq)]
pub struct SequenceResults<T> {
    /// For each output `[steps, batch, n]`.
    pub outputs: Vec<Vec<T>>,
    /// For each state its value after the last step, `[batch, n]`.
    pub final_states: Vec<Vec<T>>,
    /// Where gradients were given.
    pub gradients: Option<GradientResults<T>>,
}

/// Gradients of the loss by what a sequence was run with.
#[derive(Clone, Debug, PartialEq)]
pub struct GradientResults<T> {
    /// For each input `[steps, batch, n]`.
    pub inputs: Vec<Vec<T>>,
    /// For each state by its value before the first step, `[batch, n]`.
    pub initial_states: Vec<Vec<T>>,
    /// By each parameter, in its shape, summed over steps and samples.
    pub parameters: Vec<Vec<T>>,
}

/// Why a graph cannot be run.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InterpretError {
    /// Not one size for each free dimension.
    #[error("the graph has {expected} free dimensions, {found} sizes are given")]
    SizeCount {
        /// Free dimensions.
        expected: usize,
        /// Sizes given.
        found: usize,
    },
    /// A size above [`limits::MAXIMUM_DIMENSION`], or more elements than can be counted.
    #[error(
        "a size is above {} (MAXIMUM_DIMENSION), or the number of elements overflows",
        limits::MAXIMUM_DIMENSION
    )]
    SizeOverflow,
    /// No memory for the values.
    #[error("no memory for {elements} elements")]
    OutOfMemory {
        /// Elements of the value.
        elements: usize,
    },
    /// Not one array for each port.
    #[error("{expected} {what} are wanted, {found} given")]
    ArrayCount {
        /// Which arrays.
        what: &'static str,
        /// Ports.
        expected: usize,
        /// Arrays given.
        found: usize,
    },
    /// An array of the wrong length.
    #[error("{what} `{name}` must have {expected} elements, not {found}")]
    ArrayLength {
        /// Which arrays.
        what: &'static str,
        /// Name of the port.
        name: String,
        /// Elements wanted.
        expected: usize,
        /// Elements given.
        found: usize,
    },
    /// A value that is evaluated once depends on one of a step, or on a total, that is not given.
    #[error("node %{} is not known before the last step", node.0)]
    MissingTotal {
        /// The total, or the per-step value in its place.
        node: NodeId,
    },
    /// A step whose equations were not solved.
    #[error(transparent)]
    Unsolved(#[from] Unsolved),
    /// A root that the run needs is not set; for gradient roots: the graph was not differentiated.
    #[error("the graph has no {root:?}")]
    MissingRoot {
        /// The root.
        root: Root,
    },
}

/// A value of one phase: rows of one length, or one row for all samples (`stride` 0).
#[derive(Clone, Copy)]
struct Rows<'a, T> {
    elements: &'a [T],
    stride: usize,
    length: usize,
}

impl<'a, T> Rows<'a, T> {
    fn row(self, row: usize) -> &'a [T] {
        let start = row * self.stride;
        &self.elements[start..start + self.length]
    }
}

/// A graph with sizes, and the values that are constant over time.
struct Run<'a, T> {
    graph: &'a Graph,
    sized: Sized<'a>,
    batch: usize,
    /// For each node the number of elements for one sample.
    lengths: Vec<usize>,
    /// For each node of `Before` and `After` its value; for others empty.
    constant: Vec<Vec<T>>,
}

/// For each node of one per-step phase its rows at one step; for others empty.
type StepValues<T> = Vec<Vec<T>>;

impl<'a, T: Real> Run<'a, T> {
    fn new(graph: &'a Graph, sizes: &'a [usize], batch: usize) -> Result<Self, InterpretError> {
        let sized = Sized { graph, sizes };
        Ok(Self { graph, sized, batch, lengths: sized.lengths()?, constant: vec![Vec::new(); graph.len()] })
    }

    fn length(&self, id: NodeId) -> usize {
        self.lengths[id.0 as usize]
    }

    /// The value of a node, given the values of the step.
    fn rows<'b>(
        &'b self,
        id: NodeId,
        forward: &'b StepValues<T>,
        backward: &'b StepValues<T>,
    ) -> Rows<'b, T> {
        let (values, stride) = match self.graph.phase(id) {
            Phase::Before | Phase::After => (&self.constant, 0),
            Phase::Forward => (forward, self.length(id)),
            Phase::Backward => (backward, self.length(id)),
        };
        Rows { elements: &values[id.0 as usize], stride, length: self.length(id) }
    }

    /// Computes a node that is neither a leaf with a port nor a `Total`.
    fn compute(
        &self,
        id: NodeId,
        forward: &StepValues<T>,
        backward: &StepValues<T>,
    ) -> Result<Vec<T>, InterpretError> {
        let node = self.graph.node(id);
        let count = if self.graph.phase(id).is_per_step() { self.batch } else { 1 };
        let mut result = zeros(self.length(id), count)?;
        if result.is_empty() {
            return Ok(result);
        }
        let operands: Vec<Rows<'_, T>> =
            node.operands.iter().map(|&operand| self.rows(operand, forward, backward)).collect();
        for (row, out) in result.chunks_exact_mut(self.length(id)).enumerate() {
            self.sized.evaluate(node, |position| operands[position].row(row), out)?;
        }
        Ok(result)
    }

    /// A node's value with one row for each sample, whatever its phase.
    fn spread(
        &self,
        id: NodeId,
        forward: &StepValues<T>,
        backward: &StepValues<T>,
    ) -> Result<Vec<T>, InterpretError> {
        let rows = self.rows(id, forward, backward);
        let mut result = zeros(self.length(id), self.batch)?;
        if rows.length != 0 {
            for (row, out) in result.chunks_exact_mut(rows.length).enumerate() {
                out.copy_from_slice(rows.row(row));
            }
        }
        Ok(result)
    }

    /// The nodes of a root of each port.
    fn roots(&self, ports: &[Port], root: fn(u32) -> Root) -> Result<Vec<NodeId>, InterpretError> {
        (0_u32..)
            .zip(ports)
            .map(|(index, _)| {
                self.graph.root(root(index)).ok_or(InterpretError::MissingRoot { root: root(index) })
            })
            .collect()
    }

    /// Values of the nodes of one phase that are not leaves with a port, in order.
    fn compute_phase(
        &self,
        phase: Phase,
        forward: &StepValues<T>,
        leaf: impl Fn(&Operator) -> Option<Vec<T>>,
    ) -> Result<StepValues<T>, InterpretError> {
        let mut values = vec![Vec::new(); self.graph.len()];
        for (id, node) in self.graph.iter() {
            if self.graph.phase(id) == phase {
                let value = match leaf(&node.operator) {
                    Some(value) => value,
                    None if phase == Phase::Forward => self.compute(id, &values, &Vec::new())?,
                    None => self.compute(id, forward, &values)?,
                };
                values[id.0 as usize] = value;
            }
        }
        Ok(values)
    }

    /// Values of the nodes of one phase at a step, its unknowns solved from `unknowns` on; `solved` has their leaves
    /// and what the equations give for them.
    fn solve_phase(
        &self,
        phase: Phase,
        step: usize,
        forward: &StepValues<T>,
        leaf: impl Fn(&Operator) -> Option<Vec<T>>,
        solved: &[(u32, NodeId, NodeId)],
        mut unknowns: Vec<Vec<T>>,
    ) -> Result<StepValues<T>, InterpretError> {
        let options = SolveOptions::default();
        let backward = phase == Phase::Backward;
        let mut settled = vec![solved.is_empty(); self.batch];
        let mut iterations = 0;
        loop {
            let values = self.compute_phase(phase, forward, |operator| {
                let at = solved.iter().position(|&(_, leaf, _)| self.graph.operator(leaf) == operator);
                at.map(|at| unknowns[at].clone()).or_else(|| leaf(operator))
            })?;
            if settled.iter().all(|&settled| settled) {
                return Ok(values);
            }
            iterations += 1;
            let mut solutions = Vec::with_capacity(solved.len());
            for &(_, _, solution) in solved {
                solutions.push(match backward {
                    false => self.spread(solution, &values, &Vec::new())?,
                    true => self.spread(solution, forward, &values)?,
                });
            }
            for (sample, settled) in settled.iter_mut().enumerate().filter(|(_, settled)| !**settled) {
                *settled = true;
                for ((unknown, solution), &(index, leaf, _)) in
                    unknowns.iter_mut().zip(&solutions).zip(solved)
                {
                    let row = sample * self.length(leaf)..(sample + 1) * self.length(leaf);
                    let change = options.compare(&unknown[row.clone()], &solution[row.clone()], backward);
                    unknown[row.clone()].copy_from_slice(&solution[row]);
                    *settled &= change == Change::Settled;
                    let finite = change != Change::NotFinite;
                    if !finite || (change == Change::Moving && iterations >= options.iterations) {
                        let name = self.graph.signature().unknowns[index as usize].name.clone();
                        return Err(Unsolved { step, sample, name, backward, iterations, finite }.into());
                    }
                }
            }
        }
    }
}

/// Checks that there is an array of the right length for each port.
fn check_arrays<T>(
    what: &'static str,
    ports: &[Port],
    arrays: &[&[T]],
    sizes: &[usize],
    count: usize,
) -> Result<(), InterpretError> {
    if ports.len() != arrays.len() {
        return Err(InterpretError::ArrayCount { what, expected: ports.len(), found: arrays.len() });
    }
    for (port, array) in ports.iter().zip(arrays) {
        let expected =
            element_count(&port.shape, sizes)?.checked_mul(count).ok_or(InterpretError::SizeOverflow)?;
        if array.len() != expected {
            let (name, found) = (port.name.clone(), array.len());
            return Err(InterpretError::ArrayLength { what, name, expected, found });
        }
    }
    Ok(())
}

/// Step `step` of a sequence of `steps`.
fn at_step<T>(sequence: &[T], step: usize, steps: usize) -> &[T] {
    let length = sequence.len().checked_div(steps).unwrap_or(0);
    sequence.get(step * length..(step + 1) * length).unwrap_or(&[])
}

/// Runs a graph over `steps` steps of `batch` samples; `sizes` gives each free dimension its size.
///
/// With `arguments.gradients`, which only a graph made by [`crate::differentiate`] can serve, also walks back through
/// time.
///
/// # Errors
///
/// Where sizes or arrays do not fit the graph, or a root that the run needs is not set.
pub fn run_sequence<T: Real>(
    graph: &Graph,
    sizes: &[usize],
    arguments: &SequenceArguments<'_, T>,
    steps: usize,
    batch: usize,
) -> Result<SequenceResults<T>, InterpretError> {
    let mut run = Run::new(graph, sizes, batch)?;
    let signature = graph.signature();
    let rows = steps.checked_mul(batch).ok_or(InterpretError::SizeOverflow)?;
    check_arrays("inputs", &signature.inputs, &arguments.inputs, sizes, rows)?;
    check_arrays("initial states", &signature.states, &arguments.initial_states, sizes, batch)?;
    check_arrays("parameters", &signature.parameters, &arguments.parameters, sizes, 1)?;
    if let Some(gradients) = &arguments.gradients {
        check_arrays("output gradients", &signature.outputs, &gradients.outputs, sizes, rows)?;
        check_arrays("final state gradients", &signature.states, &gradients.final_states, sizes, batch)?;
    }
    let next_states = run.roots(&signature.states, Root::NextState)?;
    let output_roots = run.roots(&signature.outputs, Root::Output)?;

    for (id, node) in graph.iter() {
        if graph.phase(id) == Phase::Before {
            run.constant[id.0 as usize] = match node.operator {
                Operator::Parameter(index) => arguments.parameters[index as usize].to_vec(),
                _ => run.compute(id, &Vec::new(), &Vec::new())?,
            };
        }
    }

    let solved = graph.unknowns(false);
    let mut tape: Vec<StepValues<T>> = Vec::new();
    let mut states: Vec<Vec<T>> = arguments.initial_states.iter().map(|state| state.to_vec()).collect();
    let mut outputs: Vec<Vec<T>> = vec![Vec::new(); output_roots.len()];
    for step in 0..steps {
        let leaf = |operator: &Operator| match *operator {
            Operator::Input(index) => Some(at_step(arguments.inputs[index as usize], step, steps).to_vec()),
            Operator::State(index) => Some(states[index as usize].clone()),
            _ => None,
        };
        let begin = |&(index, leaf, _): &(u32, NodeId, NodeId)| match graph.start_of(index) {
            Some(state) => Ok(states[state as usize].clone()),
            None => zeros(run.length(leaf), batch),
        };
        let unknowns = solved.iter().map(begin).collect::<Result<_, _>>()?;
        let values = run.solve_phase(Phase::Forward, step, &Vec::new(), leaf, &solved, unknowns)?;
        for (output, &root) in outputs.iter_mut().zip(&output_roots) {
            output.extend(run.spread(root, &values, &Vec::new())?);
        }
        states = next_states
            .iter()
            .map(|&root| run.spread(root, &values, &Vec::new()))
            .collect::<Result<_, _>>()?;
        if arguments.gradients.is_some() {
            tape.push(values);
        }
    }

    let gradients = match &arguments.gradients {
        Some(gradients) => Some(run_back(&mut run, gradients, &tape)?),
        None => None,
    };
    Ok(SequenceResults { outputs, final_states: states, gradients })
}

/// The walk back over the values of all steps.
fn run_back<T: Real>(
    run: &mut Run<'_, T>,
    arguments: &GradientArguments<'_, T>,
    tape: &[StepValues<T>],
) -> Result<GradientResults<T>, InterpretError> {
    let (graph, steps) = (run.graph, tape.len());
    let signature = graph.signature();
    let state_roots = run.roots(&signature.states, Root::PreviousStateGradient)?;
    let input_roots = run.roots(&signature.inputs, Root::InputGradient)?;
    let parameter_roots = run.roots(&signature.parameters, Root::ParameterGradient)?;
    let totals: Vec<(NodeId, NodeId)> = graph
        .iter()
        .filter(|(_, node)| node.operator == Operator::Total)
        .map(|(id, node)| (id, node.operands[0]))
        .collect();
    for &(total, _) in &totals {
        run.constant[total.0 as usize] = zeros(run.length(total), 1)?;
    }

    let mut state_gradients: Vec<Vec<T>> =
        arguments.final_states.iter().map(|state| state.to_vec()).collect();
    let mut input_gradients = input_roots
        .iter()
        .map(|&root| zeros(run.length(root), run.batch * steps))
        .collect::<Result<Vec<_>, _>>()?;
    let solved = graph.unknowns(true);
    for (step, forward) in tape.iter().enumerate().rev() {
        let leaf = |operator: &Operator| match *operator {
            Operator::OutputGradient(index) => {
                Some(at_step(arguments.outputs[index as usize], step, steps).to_vec())
            }
            Operator::StateGradient(index) => Some(state_gradients[index as usize].clone()),
            _ => None,
        };
        let begin = |&(_, leaf, _): &(u32, NodeId, NodeId)| zeros(run.length(leaf), run.batch);
        let unknowns = solved.iter().map(begin).collect::<Result<_, _>>()?;
        let backward = run.solve_phase(Phase::Backward, step, forward, leaf, &solved, unknowns)?;
        for &(total, operand) in &totals {
            let mut accumulator = std::mem::take(&mut run.constant[total.0 as usize]);
            let rows = run.rows(operand, forward, &backward);
            for row in 0..run.batch {
                for (accumulator, &term) in accumulator.iter_mut().zip(rows.row(row)) {
                    *accumulator = *accumulator + term;
                }
            }
            run.constant[total.0 as usize] = accumulator;
        }
        for (gradient, &root) in input_gradients.iter_mut().zip(&input_roots) {
            let value = run.spread(root, forward, &backward)?;
            let start = step * value.len();
            gradient[start..start + value.len()].copy_from_slice(&value);
        }
        state_gradients =
            state_roots.iter().map(|&root| run.spread(root, forward, &backward)).collect::<Result<_, _>>()?;
    }
    for (id, node) in graph.iter() {
        if graph.phase(id) == Phase::After && node.operator != Operator::Total {
            run.constant[id.0 as usize] = run.compute(id, &Vec::new(), &Vec::new())?;
        }
    }
    let parameters = parameter_roots.iter().map(|&root| run.constant[root.0 as usize].clone()).collect();
    Ok(GradientResults { inputs: input_gradients, initial_states: state_gradients, parameters })
}
