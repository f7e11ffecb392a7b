//! One run of a cell as a node of candle's graph.
//!
//! A node of candle has at most three operands and one result, so everything travels flat:
//!
//! - operands: the inputs `[T, B, n]` with `n` the sum of all inputs' sizes; the initial states `[B, s]` side by side;
//!   the parameters in one vector, in the order of the cell's layout;
//! - result: one vector with every output `[T, B, n]`, then every final state `[B, n]`, each contiguous, so that a
//!   narrowed view of it is a tensor without a copy.
//!
//! The tape stays in the node until candle drops it, so that backward may run more than once.

use std::sync::{Arc, Mutex, PoisonError};

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Storage, Tensor};
use gatewright::sequence::{Backward, CellLayout, Direction, Forward, Keep, Port, SequenceCell, Sequences};
use gatewright::workspace::Workspace;

use crate::Element;
use crate::pool::WorkspacePool;

/// A run of a cell. Its pool is of workspaces that served the same `keep`: what a compiled cell prepares for training
/// is of no use to inference.
pub(crate) struct CellOperation<T: Element> {
    cell: Arc<dyn SequenceCell<T>>,
    pool: Arc<WorkspacePool<T>>,
    keep: Keep,
    stretches: Stretches,
    tape: Mutex<Option<Tape<T>>>,
}

/// Lengths, resets and direction of a run, for as long as the node lives.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stretches {
    lengths: Vec<usize>,
    resets: Vec<bool>,
    direction: Direction,
}

impl From<Sequences<'_>> for Stretches {
    fn from(sequences: Sequences<'_>) -> Self {
        let Sequences { lengths, resets, direction } = sequences;
        Self { lengths: lengths.to_vec(), resets: resets.to_vec(), direction }
    }
}

/// What a forward run leaves for the backward runs.
struct Tape<T> {
    workspace: Workspace<T>,
    steps: usize,
    batch: usize,
}

impl<T: Element> CellOperation<T> {
    pub(crate) fn new(
        cell: Arc<dyn SequenceCell<T>>,
        pool: Arc<WorkspacePool<T>>,
        keep: Keep,
        stretches: Stretches,
    ) -> Self {
        Self { cell, pool, keep, stretches, tape: Mutex::new(None) }
    }

    fn store(&self, tape: Option<Tape<T>>) {
        let previous =
            std::mem::replace(&mut *self.tape.lock().unwrap_or_else(PoisonError::into_inner), tape);
        if let Some(tape) = previous {
            self.pool.give_back(tape.workspace);
        }
    }
}

impl<T: Element> Drop for CellOperation<T> {
    fn drop(&mut self) {
        self.store(None);
    }
}

impl<T: Element> CustomOp3 for CellOperation<T> {
    fn name(&self) -> &'static str {
        "gatewright-cell"
    }

    fn cpu_fwd(
        &self,
        inputs: &CpuStorage,
        inputs_layout: &Layout,
        states: &CpuStorage,
        states_layout: &Layout,
        parameters: &CpuStorage,
        parameters_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let layout = self.cell.layout();
        let (steps, batch, features) = inputs_layout.shape().dims3()?;
        if features != total(&layout.inputs) {
            candle_core::bail!(
                "the cell takes {} features ({}), the input has {features}",
                total(&layout.inputs),
                describe(&layout.inputs)
            );
        }
        let expected = (batch, total(&layout.states));
        // No elements at all: the states begin where the equations say.
        let declared = states_layout.shape().dims2()? == (batch, 0);
        if !declared && states_layout.shape().dims2()? != expected {
            candle_core::bail!("initial states: expected {expected:?}, found {:?}", states_layout.shape());
        }
        let inputs = split(contiguous::<T>(inputs, inputs_layout)?, &layout.inputs, steps * batch);
        let ports = if declared { &[] } else { layout.states.as_slice() };
        let states = split(contiguous::<T>(states, states_layout)?, ports, batch);

        let mut result = vec![T::ZERO; result_length(layout, steps, batch)?];
        let (mut outputs, mut finals) = parts_mut(&mut result, layout, steps, batch);
        let mut workspace = self.pool.take();
        let Stretches { lengths, resets, direction } = &self.stretches;
        let ran = self.cell.forward(
            Forward {
                steps,
                batch,
                sequences: Sequences { lengths, resets, direction: *direction },
                parameters: contiguous(parameters, parameters_layout)?,
                inputs: &inputs.slices(),
                initial_states: &states.slices(),
                outputs: &mut outputs,
                final_states: &mut finals,
            },
            self.keep,
            &mut workspace,
        );
        if ran.is_ok() && self.keep != Keep::Nothing {
            self.store(Some(Tape { workspace, steps, batch }));
        } else {
            self.pool.give_back(workspace);
        }
        ran.map_err(candle_core::Error::wrap)?;
        let length = result.len();
        Ok((T::to_cpu_storage_owned(result), length.into()))
    }

    fn bwd(
        &self,
        inputs: &Tensor,
        states: &Tensor,
        parameters: &Tensor,
        _result: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let layout = self.cell.layout();
        let mut tape = self.tape.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(Tape { workspace, steps, batch }) = tape.as_mut() else {
            candle_core::bail!("the cell was run for inference: it kept no tape for a gradient");
        };
        let (steps, batch) = (*steps, *batch);

        let gradient = gradient.contiguous()?;
        let (gradient_storage, gradient_layout) = gradient.storage_and_layout();
        let gradient = contiguous::<T>(on_cpu(&gradient_storage)?, gradient_layout)?;
        let (output_gradients, final_gradients) = parts(gradient, layout, steps, batch)?;
        let (parameter_storage, parameter_layout) = parameters.storage_and_layout();
        let values = contiguous::<T>(on_cpu(&parameter_storage)?, parameter_layout)?;

        let input_values = inputs.contiguous()?;
        let (input_storage, input_layout) = input_values.storage_and_layout();
        let input_values = contiguous::<T>(on_cpu(&input_storage)?, input_layout)?;
        let input_values = split(input_values, &layout.inputs, steps * batch);
        let mut parameter_gradients = vec![T::ZERO; layout.parameters.length()];
        let mut input_gradients = Rows::wanted(inputs.track_op(), &layout.inputs, steps * batch);
        // Where the caller gave no states, none of them has a gradient.
        let ports = if states.elem_count() == 0 { &[] } else { layout.states.as_slice() };
        let mut state_gradients = Rows::wanted(states.track_op(), ports, batch);
        self.cell
            .backward(
                Backward {
                    parameters: values,
                    inputs: &input_values.slices(),
                    output_gradients: &output_gradients,
                    final_state_gradients: &final_gradients,
                    parameter_gradients: &mut parameter_gradients,
                    input_gradients: &mut input_gradients.slices_mut(),
                    initial_state_gradients: &mut state_gradients.slices_mut(),
                },
                workspace,
            )
            .map_err(candle_core::Error::wrap)?;

        let tensor = |rows: Rows<'_, T>, like: &Tensor, ports: &[Port], count: usize| {
            like.track_op()
                .then(|| Tensor::from_vec(rows.join(ports, count), like.shape(), like.device()))
                .transpose()
        };
        let device = parameters.device();
        Ok((
            tensor(input_gradients, inputs, &layout.inputs, steps * batch)?,
            tensor(state_gradients, states, ports, batch)?,
            Some(Tensor::from_vec(parameter_gradients, parameters.shape(), device)?),
        ))
    }
}

/// The elements of one sample of all ports.
pub(crate) fn total(ports: &[Port]) -> usize {
    ports.iter().map(|port| port.size).sum()
}

fn describe(ports: &[Port]) -> String {
    ports.iter().map(|port| format!("{} {}", port.name, port.size)).collect::<Vec<_>>().join(", ")
}

/// Elements of the result, checked against overflow.
fn result_length(layout: &CellLayout, steps: usize, batch: usize) -> Result<usize> {
    let length = || {
        let outputs = steps.checked_mul(batch)?.checked_mul(total(&layout.outputs))?;
        outputs.checked_add(batch.checked_mul(total(&layout.states))?)
    };
    length().ok_or_else(|| candle_core::Error::msg(format!("{steps} steps of {batch} samples overflow")))
}

fn contiguous<'a, T: Element>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [T]> {
    let values = T::cpu_storage_as_slice(storage)?;
    layout
        .contiguous_offsets()
        .and_then(|(start, end)| values.get(start..end))
        .ok_or_else(|| candle_core::Error::msg("the cell needs contiguous tensors"))
}

fn on_cpu(storage: &Storage) -> Result<&CpuStorage> {
    match storage {
        Storage::Cpu(storage) => Ok(storage),
        _ => candle_core::bail!("compiled cells run on the CPU"),
    }
}

/// The outputs and the final states in a result, which has the right length.
fn parts_mut<'a, T>(
    mut result: &'a mut [T],
    layout: &CellLayout,
    steps: usize,
    batch: usize,
) -> (Vec<&'a mut [T]>, Vec<&'a mut [T]>) {
    let mut cut = |length: usize| {
        let (part, rest) = std::mem::take(&mut result).split_at_mut(length);
        result = rest;
        part
    };
    let outputs = layout.outputs.iter().map(|port| cut(steps * batch * port.size)).collect();
    let states = layout.states.iter().map(|port| cut(batch * port.size)).collect();
    (outputs, states)
}

/// A slice for each output or state.
type Slices<'a, T> = Vec<&'a [T]>;

/// The outputs and the final states in the gradient of a result.
fn parts<'a, T>(
    gradient: &'a [T],
    layout: &CellLayout,
    steps: usize,
    batch: usize,
) -> Result<(Slices<'a, T>, Slices<'a, T>)> {
    if gradient.len() != result_length(layout, steps, batch)? {
        candle_core::bail!("a gradient of {} elements for another run", gradient.len());
    }
    let mut rest = gradient;
    let mut cut = |length: usize| {
        let (part, others) = rest.split_at(length);
        rest = others;
        part
    };
    let outputs = layout.outputs.iter().map(|port| cut(steps * batch * port.size)).collect();
    let states = layout.states.iter().map(|port| cut(batch * port.size)).collect();
    Ok((outputs, states))
}

/// One buffer for each port, where the tensor has them side by side.
enum Rows<'a, T> {
    /// One port: the tensor as it is.
    Whole(&'a [T]),
    /// Several ports, each in a buffer of its own.
    Apart(Vec<Vec<T>>),
}

/// `rows` rows of all ports side by side, as one buffer for each port.
fn split<'a, T: Element>(values: &'a [T], ports: &[Port], rows: usize) -> Rows<'a, T> {
    if ports.len() == 1 {
        return Rows::Whole(values);
    }
    let width = total(ports).max(1);
    let mut start = 0;
    let mut parts = Vec::with_capacity(ports.len());
    for port in ports {
        let mut part = Vec::with_capacity(rows * port.size);
        for row in values.chunks_exact(width) {
            part.extend_from_slice(&row[start..start + port.size]);
        }
        start += port.size;
        parts.push(part);
    }
    Rows::Apart(parts)
}

impl<T: Element> Rows<'_, T> {
    /// Zeros for each port, or no buffers at all, which is how a cell is told that nothing is wanted.
    fn wanted(wanted: bool, ports: &[Port], rows: usize) -> Self {
        let ports = if wanted { ports } else { &[] };
        Rows::Apart(ports.iter().map(|port| vec![T::ZERO; rows * port.size]).collect())
    }

    fn slices(&self) -> Vec<&[T]> {
        match self {
            Rows::Whole(values) => vec![values],
            Rows::Apart(parts) => parts.iter().map(Vec::as_slice).collect(),
        }
    }

    fn slices_mut(&mut self) -> Vec<&mut [T]> {
        match self {
            Rows::Whole(_) => Vec::new(),
            Rows::Apart(parts) => parts.iter_mut().map(Vec::as_mut_slice).collect(),
        }
    }

    /// `rows` rows of all ports side by side.
    fn join(self, ports: &[Port], rows: usize) -> Vec<T> {
        let mut parts = match self {
            Rows::Whole(values) => return values.to_vec(),
            Rows::Apart(parts) => parts,
        };
        if parts.len() == 1 {
            return parts.pop().unwrap_or_default();
        }
        let mut joined = Vec::with_capacity(rows * total(ports));
        for row in 0..rows {
            for (part, port) in parts.iter().zip(ports) {
                joined.extend_from_slice(&part[row * port.size..][..port.size]);
            }
        }
        joined
    }
}
