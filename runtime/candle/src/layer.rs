//! The layer: named variables around a cell.

use std::sync::Arc;

use candle_core::{Device, Module, Result, Tensor};
use candle_nn::{Init, VarBuilder};
use gatewright::parameters::Initializer;
use gatewright::sequence::{self, CellLayout, Keep, Port, SequenceCell};

use crate::Element;
use crate::fill::Fill;
use crate::last::last_steps;
use crate::operation::{CellOperation, Stretches};
use crate::pool::WorkspacePool;

/// Which steps of an output a layer gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Steps {
    /// All of them, `[T, B, n]`.
    #[default]
    All,
    /// Of each sample the one that is run last, `[B, n]`: the last that it has, or its first where it runs backwards.
    /// Zero for a sample without steps.
    Last,
}

/// A compiled cell with its parameters.
///
/// # What it gives
///
/// [`CellLayer::forward_ragged`] gives everything: all outputs at all steps, and the final states. As a [`Module`], and
/// by [`CellLayer::forward_output`] where samples have lengths, a layer gives one tensor:
///
/// | wanted | how |
/// | --- | --- |
/// | the first output at all steps | as it is |
/// | of each sample the output at its last step | `layer.steps(Steps::Last)` |
/// | another value of a step, `c_t` or `f_t` | a line `f_t: output` in the equations, then `layer.output("f")` |
///
/// Gradients flow back to the steps that were given. Of a layer of two directions
/// ([`Bidirectional`](gatewright::layer::Bidirectional)) the last step is the last of the sequence, where the backward
/// half has seen one step alone; what both halves end with are the final states.
///
/// # Shapes
///
/// Sequences are time-major `[T, B, n]`, or `[B, T, n]` after [`CellLayer::batch_first`]. A cell with several inputs
/// takes them side by side along the features, in the order of its layout, a matrix row by row. Outputs and states that
/// are matrices are `[T, B, rows, columns]` and `[B, rows, columns]`.
#[derive(Clone)]
pub struct CellLayer<T: Element = f32> {
    cell: Arc<dyn SequenceCell<T>>,
    training: Arc<WorkspacePool<T>>,
    inference: Arc<WorkspacePool<T>>,
    variables: Vec<(String, Tensor)>,
    batch_first: bool,
    /// Number of the output that is given as a module.
    output: usize,
    /// Steps of it.
    steps: Steps,
    /// What a run keeps that a gradient may follow.
    keep: Keep,
}

/// What a cell makes of a sequence.
#[derive(Clone, Debug)]
pub struct Sequences {
    /// One sequence for each output, laid out as the input was.
    pub outputs: Vec<Tensor>,
    /// One `[B, n]` for each state, `[B, rows, columns]` for a matrix, after the last step.
    pub final_states: Vec<Tensor>,
}

impl<T: Element> CellLayer<T> {
    /// Makes or finds one variable for each parameter, under the parameter's name.
    ///
    /// A variable that `variables` has already (from a file, or because two layers share it) keeps its values; one that
    /// it has not begins as `initializer` says.
    ///
    /// # Errors
    ///
    /// A device that is not the CPU, an element type other than `T`, a variable of another shape, or an initialiser that
    /// names a parameter the cell has not.
    #[allow(clippy::needless_pass_by_value, reason = "candle's own layers take their builder by value")]
    pub fn new(
        cell: Arc<dyn SequenceCell<T>>,
        initializer: &Initializer,
        variables: VarBuilder<'_>,
    ) -> Result<Self> {
        if !variables.device().is_cpu() {
            candle_core::bail!("compiled cells run on the CPU");
        }
        if variables.dtype() != T::DTYPE {
            candle_core::bail!(
                "the cell computes in {:?}, the variables are {:?}",
                T::DTYPE,
                variables.dtype()
            );
        }
        let layout = &cell.layout().parameters;
        let initial = initializer.parameters::<T>(layout).map_err(candle_core::Error::wrap)?;
        let mut named = Vec::with_capacity(layout.entries().len());
        for entry in layout.entries() {
            let found = variables.contains_tensor(&entry.name);
            let variable = variables.get_with_hints(entry.shape.as_slice(), &entry.name, Init::Const(0.0))?;
            if !found && entry.length() > 0 {
                let values = initial.get(&entry.name).map_err(candle_core::Error::wrap)?;
                variable.inplace_op1(&Fill(values))?;
            }
            named.push((entry.name.clone(), variable));
        }
        Ok(Self {
            cell,
            training: Arc::default(),
            inference: Arc::default(),
            variables: named,
            batch_first: false,
            output: 0,
            steps: Steps::All,
            keep: Keep::Tape,
        })
    }

    /// Whether sequences are `[B, T, n]` instead of `[T, B, n]`.
    #[must_use]
    pub fn batch_first(mut self, batch_first: bool) -> Self {
        self.batch_first = batch_first;
        self
    }

    /// Gives this output as a [`Module`], not the first one.
    ///
    /// # Errors
    ///
    /// A name that is no output of the cell.
    pub fn output(mut self, name: &str) -> Result<Self> {
        let outputs = &self.layout().outputs;
        let Some(number) = outputs.iter().position(|port| port.name == name) else {
            let known: Vec<&str> = outputs.iter().map(|port| port.name.as_str()).collect();
            candle_core::bail!(
                "the cell has no output `{name}`, it has `{}`: a line `{name}: output` in the equations makes a value \
                of the step one",
                known.join("`, `")
            );
        };
        self.output = number;
        Ok(self)
    }

    /// Gives these steps as a [`Module`].
    #[must_use]
    pub fn steps(mut self, steps: Steps) -> Self {
        self.steps = steps;
        self
    }

    /// Keeps at most `bytes` bytes of each run for its gradient, and computes again what does not fit. Gradients are the
    /// same to the bit.
    #[must_use]
    pub fn within(mut self, bytes: usize) -> Self {
        self.keep = Keep::Checkpoints { bytes };
        self
    }

    /// This layer for inference, with the same variables: it keeps nothing for a way back, so that a cell with
    /// regularisers ([`gatewright::layer::RegularizedCell`]) draws no masks. A gradient through it is an error.
    #[must_use]
    pub fn for_inference(&self) -> Self {
        Self { keep: Keep::Nothing, ..self.clone() }
    }

    /// What the cell takes and gives.
    #[must_use]
    pub fn layout(&self) -> &CellLayout {
        self.cell.layout()
    }

    /// The parameters, by name, in the order of the cell's layout.
    #[must_use]
    pub fn variables(&self) -> &[(String, Tensor)] {
        &self.variables
    }

    /// Runs a sequence, from one tensor for each state, as [`Sequences::final_states`] are; where `initial_states` is
    /// `None`, from where the equations say that states begin, else from zeros.
    ///
    /// Keeps a tape only where something that the cell reads is a variable or depends on one.
    ///
    /// # Errors
    ///
    /// Tensors of another rank, size, element type or device.
    pub fn forward_with_states(
        &self,
        input: &Tensor,
        initial_states: Option<&[Tensor]>,
    ) -> Result<Sequences> {
        self.forward_ragged(input, initial_states, sequence::Sequences::default())
    }

    /// As [`CellLayer::forward_with_states`], where samples have lengths or resets, or run backwards. Flags are `[T, B]`
    /// however the input is laid out. Outputs behind the end of a sample are zero.
    ///
    /// # Errors
    ///
    /// As [`CellLayer::forward_with_states`], and lengths or flags that do not fit.
    pub fn forward_ragged(
        &self,
        input: &Tensor,
        initial_states: Option<&[Tensor]>,
        stretches: sequence::Sequences<'_>,
    ) -> Result<Sequences> {
        let mut sequences =
            self.forward_time_major(&self.time_major(input)?, initial_states, stretches.into())?;
        if self.batch_first {
            for output in &mut sequences.outputs {
                *output = output.transpose(0, 1)?;
            }
        }
        Ok(sequences)
    }

    /// As [`CellLayer::forward_ragged`], but gives what the layer gives as a [`Module`].
    ///
    /// # Errors
    ///
    /// As [`CellLayer::forward_ragged`], and a cell without outputs.
    pub fn forward_output(
        &self,
        input: &Tensor,
        initial_states: Option<&[Tensor]>,
        stretches: sequence::Sequences<'_>,
    ) -> Result<Tensor> {
        let sequences =
            self.forward_time_major(&self.time_major(input)?, initial_states, stretches.into())?;
        let output = self.given_output(&sequences)?;
        match self.steps {
            Steps::All if self.batch_first => output.transpose(0, 1),
            Steps::All => Ok(output.clone()),
            Steps::Last => last_steps(output, stretches),
        }
    }

    /// The output that the layer gives.
    pub(crate) fn given_output<'a>(&self, sequences: &'a Sequences) -> Result<&'a Tensor> {
        match sequences.outputs.get(self.output) {
            Some(output) => Ok(output),
            None => candle_core::bail!("the cell has no output"),
        }
    }

    /// Whether a sequence may be run in parts, or step by step.
    pub(crate) fn is_causal(&self) -> bool {
        self.cell.is_causal()
    }

    fn time_major(&self, input: &Tensor) -> Result<Tensor> {
        if self.batch_first { input.transpose(0, 1) } else { Ok(input.clone()) }
    }

    /// Inputs and outputs are `[T, B, n]`.
    pub(crate) fn forward_time_major(
        &self,
        input: &Tensor,
        initial_states: Option<&[Tensor]>,
        stretches: Stretches,
    ) -> Result<Sequences> {
        let layout = self.cell.layout();
        let input = input.contiguous()?;
        let (steps, batch, _) = input.dims3()?;
        let states = match initial_states {
            Some(states) => joined_states::<T>(states, &layout.states, batch)?,
            None => Tensor::zeros((batch, 0), T::DTYPE, &Device::Cpu)?,
        };
        let parameters = self.flat_parameters()?;
        let tracked = input.track_op() || states.track_op() || parameters.track_op();
        let (keep, pool) = if tracked && self.keep != Keep::Nothing {
            (self.keep, &self.training)
        } else {
            (Keep::Nothing, &self.inference)
        };
        let operation = CellOperation::new(self.cell.clone(), pool.clone(), keep, stretches);
        let flat = input.apply_op3(&states, &parameters, operation)?;

        let mut start = 0;
        let mut cut = |length: usize| {
            let part = flat.narrow(0, start, length);
            start += length;
            part
        };
        let mut outputs = Vec::with_capacity(layout.outputs.len());
        for port in &layout.outputs {
            let axes = [&[steps, batch], port.axes.as_slice()].concat();
            outputs.push(cut(steps * batch * port.size)?.reshape(axes)?);
        }
        let mut final_states = Vec::with_capacity(layout.states.len());
        for port in &layout.states {
            let axes = [&[batch], port.axes.as_slice()].concat();
            final_states.push(cut(batch * port.size)?.reshape(axes)?);
        }
        Ok(Sequences { outputs, final_states })
    }

    /// All parameters in one vector. Its gradient, cut apart again by candle, reaches each variable.
    fn flat_parameters(&self) -> Result<Tensor> {
        if self.variables.is_empty() {
            return Tensor::zeros(0, T::DTYPE, &Device::Cpu);
        }
        let entries = self.cell.layout().parameters.entries();
        let flat: Vec<Tensor> = self
            .variables
            .iter()
            .zip(entries)
            // Without a path to it a frozen variable has no gradient, and optimisers leave it as it is.
            .map(|((_, variable), entry)| if entry.frozen { variable.detach() } else { variable.clone() })
            .map(|variable| variable.flatten_all())
            .collect::<Result<_>>()?;
        Tensor::cat(&flat, 0)?.contiguous()
    }
}

/// What [`CellLayer`] says it gives, from the states that the equations give, else from zeros.
impl<T: Element> Module for CellLayer<T> {
    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        self.forward_output(input, None, sequence::Sequences::default())
    }
}

fn joined_states<T: Element>(states: &[Tensor], ports: &[Port], batch: usize) -> Result<Tensor> {
    if states.len() != ports.len() {
        candle_core::bail!("the cell has {} states, {} were given", ports.len(), states.len());
    }
    let mut flat = Vec::with_capacity(states.len());
    for (state, port) in states.iter().zip(ports) {
        let expected = [&[batch], port.axes.as_slice()].concat();
        if state.dims() != expected {
            candle_core::bail!("state `{}`: expected {expected:?}, found {:?}", port.name, state.dims());
        }
        flat.push(state.reshape((batch, port.size))?);
    }
    match flat.as_slice() {
        [] => Tensor::zeros((batch, 0), T::DTYPE, &Device::Cpu),
        flat => Tensor::cat(flat, 1)?.contiguous(),
    }
}
