//! The layer as candle's own recurrent layers are used: [`candle_nn::RNN`].

use candle_core::{Device, Result, Tensor};
use candle_nn::RNN;
use gatewright::sequence;

use crate::Element;
use crate::last::last_steps;
use crate::layer::CellLayer;

/// Where a cell is after a step.
#[derive(Clone, Debug)]
pub struct CellState {
    /// `[B, n]`: the output of that step which the layer gives; zero before the first step.
    output: Tensor,
    /// One tensor for each state.
    states: Option<Vec<Tensor>>,
}

impl CellState {
    /// `[B, n]`: the output of that step which the layer gives ([`CellLayer::output`]); zero before the first step.
    #[must_use]
    pub fn output(&self) -> &Tensor {
        &self.output
    }

    /// One `[B, n]` for each state, `[B, rows, columns]` for a matrix. `None` after a step within a sequence that was run
    /// as one: only those after its last step are kept.
    #[must_use]
    pub fn states(&self) -> Option<&[Tensor]> {
        self.states.as_deref()
    }

    fn begin(&self) -> Result<&[Tensor]> {
        match &self.states {
            Some(states) => Ok(states),
            None => candle_core::bail!(
                "the states after a step within a sequence are not kept: go on from its last step, or make each step \
                 with `step`"
            ),
        }
    }
}

/// As candle's own layers, sequences are `[B, T, n]` here, whatever [`CellLayer::batch_first`] says, and all their steps
/// are given, whatever [`CellLayer::steps`] says.
///
/// [`RNN::seq`] and [`RNN::seq_init`] run the whole sequence at once, as one node of candle's graph. [`RNN::step`] is for
/// streams: a run of one step, a node for each, and with regularisers that draw for each sequence a draw for each step.
impl<T: Element> RNN for CellLayer<T> {
    type State = CellState;

    /// Where the equations say that states begin, else zeros. Gradients reach what they are learned from.
    fn zero_state(&self, batch_dim: usize) -> Result<CellState> {
        let width = self.layout().inputs.iter().map(|port| port.size).sum::<usize>();
        // A sequence without steps ends where it begins.
        let input = Tensor::zeros((0, batch_dim, width), T::DTYPE, &Device::Cpu)?;
        let whole = sequence::Sequences::default();
        let ended = self.forward_time_major(&input, None, whole.into())?;
        let output = last_steps(self.given_output(&ended)?, whole)?;
        Ok(CellState { output, states: Some(ended.final_states) })
    }

    /// # Errors
    ///
    /// An `input` that is not `[B, n]`, a state whose own states were not kept, and a layer of two directions, which needs
    /// the whole sequence.
    fn step(&self, input: &Tensor, state: &CellState) -> Result<CellState> {
        if !self.is_causal() {
            candle_core::bail!("a layer that runs backwards too needs the whole sequence: use `seq`");
        }
        let mut states = self.seq_init(&input.unsqueeze(1)?, state)?;
        match states.pop() {
            Some(state) => Ok(state),
            None => candle_core::bail!("one step was asked for, and none was run"),
        }
    }

    fn seq_init(&self, input: &Tensor, init_state: &CellState) -> Result<Vec<CellState>> {
        let input = input.transpose(0, 1)?;
        let initial = Some(init_state.begin()?);
        let ran = self.forward_time_major(&input, initial, sequence::Sequences::default().into())?;
        let output = self.given_output(&ran)?;
        let steps = output.dim(0)?;
        let mut states = (0..steps)
            .map(|step| Ok(CellState { output: output.get(step)?, states: None }))
            .collect::<Result<Vec<_>>>()?;
        if let Some(last) = states.last_mut() {
            last.states = Some(ran.final_states);
        }
        Ok(states)
    }

    /// The outputs, `[B, T, n]`.
    fn states_to_tensor(&self, states: &[CellState]) -> Result<Tensor> {
        let outputs: Vec<&Tensor> = states.iter().map(CellState::output).collect();
        Tensor::stack(&outputs, 1)
    }
}
