//! Layers one upon the other.
//!
//! ```text
//! inputs ─▶ layer 0 ─▶ layer 1 ─▶ … ─▶ outputs        forward, each layer over the whole sequence
//! inputs' ◀─ layer 0 ◀─ layer 1 ◀─ … ◀─ outputs'      backward
//! ```
//!
//! Memory of a run, besides the layers' own: the sequences between layers, and on the way back their gradients.

use super::joined::{Joined, Slices, SlicesMut, cut, cut_mut, of_whole, reborrowed, width};
use super::{LayerError, Shared, check_fit};
use crate::error::CallError;
use crate::execute::check;
use crate::sequence::{Backward, CellLayout, Forward, Keep, SequenceCell};
use crate::workspace::Workspace;

/// Layers one upon the other: the outputs of each are the inputs of the next, one by one.
///
/// A layer reads what the layer below gives for the same step, whatever the direction of either.
pub struct Stack<T> {
    layers: Vec<Shared<T>>,
    joined: Joined,
    layout: CellLayout,
}

impl<T> Stack<T> {
    /// The layers with the prefixes of their names, lowest first: `[("encoder", …), ("top", …)]`.
    ///
    /// # Errors
    ///
    /// No layers, or a layer that does not take what the one below gives.
    pub fn named(layers: Vec<(String, Shared<T>)>) -> Result<Self, LayerError> {
        let (Some((_, first)), Some((_, last))) = (layers.first(), layers.last()) else {
            return Err(LayerError::Empty);
        };
        for pair in layers.windows(2) {
            let [(below, lower), (above, upper)] = pair else { continue };
            let (from, to) = (format!("layer `{below}`"), format!("layer `{above}`"));
            check_fit(&from, &lower.layout().outputs, &to, &upper.layout().inputs)?;
        }
        let joined = Joined::new(layers.iter().map(|(name, layer)| (name.clone(), layer.layout())))?;
        let layout = CellLayout {
            inputs: first.layout().inputs.clone(),
            states: joined.states.clone(),
            outputs: last.layout().outputs.clone(),
            parameters: joined.parameters.clone(),
        };
        Ok(Self { layers: layers.into_iter().map(|(_, layer)| layer).collect(), joined, layout })
    }

    /// Layers whose names are their numbers, `0` the lowest.
    ///
    /// # Errors
    ///
    /// As [`Stack::named`].
    pub fn new(layers: Vec<Shared<T>>) -> Result<Self, LayerError> {
        let named = layers.into_iter().enumerate().map(|(number, layer)| (number.to_string(), layer));
        Self::named(named.collect())
    }

    /// Elements of one row of all sequences between the layers.
    fn width_between(&self) -> usize {
        self.layers.iter().skip(1).map(|layer| width(&layer.layout().inputs)).sum()
    }
}

impl<T: Copy + Default + Send + Sync> SequenceCell<T> for Stack<T> {
    fn layout(&self) -> &CellLayout {
        &self.layout
    }

    fn is_causal(&self) -> bool {
        self.layers.iter().all(|layer| layer.is_causal())
    }

    fn forward(
        &self,
        call: Forward<'_, '_, T>,
        keep: Keep,
        workspace: &mut Workspace<T>,
    ) -> Result<(), CallError> {
        workspace.check(&self.layout, &call)?;
        let rows = call.steps * call.batch;
        let own = check::elements(&call, self.width_between())?;
        let (memory, parts) =
            workspace.begin(&call, keep, (own, own.saturating_mul(2)), self.layers.len())?;
        let (shares, own) = (parts.len(), size_of_val(&memory[..]) * 2);
        let share = keep.shared_by(shares, own);
        let mut rest = &mut memory[..];
        let mut between: Slices<'_, T> = Slices::new();
        let top = self.layers.len() - 1;
        for (number, (layer, part)) in self.layers.iter().zip(parts).enumerate() {
            let ports = &layer.layout().outputs;
            let mut outputs = if number == top {
                SlicesMut::new()
            } else {
                let (mine, behind) = std::mem::take(&mut rest).split_at_mut(rows * width(ports));
                rest = behind;
                cut_mut(mine, ports, rows)
            };
            layer
                .forward(
                    Forward {
                        steps: call.steps,
                        batch: call.batch,
                        sequences: call.sequences,
                        parameters: &call.parameters[self.joined.parameters_of(number)],
                        inputs: if number == 0 { call.inputs } else { &between },
                        initial_states: self.joined.states_of(number, call.initial_states),
                        outputs: &mut if number == top {
                            reborrowed(call.outputs)
                        } else {
                            reborrowed(&mut outputs)
                        },
                        final_states: &mut self.joined.states_of_mut(number, call.final_states),
                    },
                    share,
                    part,
                )
                .map_err(|error| of_whole(error, keep, shares, own))?;
            between = outputs.into_iter().map(|sequence| &*sequence).collect();
        }
        drop(between);
        workspace.end(keep);
        Ok(())
    }

    fn backward(&self, call: Backward<'_, '_, T>, workspace: &mut Workspace<T>) -> Result<(), CallError> {
        let (steps, batch) = workspace.ran().ok_or(CallError::NoTape)?;
        check::backward(&self.layout, &call, (steps, batch))?;
        let rows = steps * batch;
        let own = rows * self.width_between();
        let (memory, parts) = workspace.again(2 * own, self.layers.len())?;
        let (values, mut gradients) = memory.split_at_mut(own);
        let mut values = &*values;
        // Gradients by the outputs of the layer in turn: the ones given, then what the layer above has written.
        let mut above = Slices::from_slice(call.output_gradients);
        for (number, layer) in self.layers.iter().enumerate().rev() {
            let ports = &layer.layout().inputs;
            let (inputs, mut below) = if number == 0 {
                (Slices::from_slice(call.inputs), SlicesMut::new())
            } else {
                let length = rows * width(ports);
                let (lower, mine) = values.split_at(values.len() - length);
                values = lower;
                let inputs = cut(mine, ports, rows);
                let at = gradients.len() - length;
                let (lower, mine) = std::mem::take(&mut gradients).split_at_mut(at);
                gradients = lower;
                (inputs, cut_mut(mine, ports, rows))
            };
            let range = self.joined.parameters_of(number);
            layer.backward(
                Backward {
                    parameters: &call.parameters[range.clone()],
                    inputs: &inputs,
                    output_gradients: &above,
                    final_state_gradients: self.joined.states_of(number, call.final_state_gradients),
                    parameter_gradients: &mut call.parameter_gradients[range],
                    input_gradients: &mut if number == 0 {
                        reborrowed(call.input_gradients)
                    } else {
                        reborrowed(&mut below)
                    },
                    initial_state_gradients: &mut self
                        .joined
                        .states_of_mut(number, call.initial_state_gradients),
                },
                &mut parts[number],
            )?;
            above = below.into_iter().map(|sequence| &*sequence).collect();
        }
        Ok(())
    }
}
