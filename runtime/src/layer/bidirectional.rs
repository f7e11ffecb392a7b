//! Two layers over one sequence, one of them backwards (Schuster and Paliwal 1997).
//!
//! ```text
//! inputs ─┬▶ forward layer,  first step to last ─┬▶ merged outputs
//!         └▶ backward layer, last step to first ─┘
//! ```
//!
//! Outputs are merged element by element at the same step:
//!
//! | merge | `y` | gradient by `f` | gradient by `b` |
//! | --- | --- | --- | --- |
//! | concatenation | `[f, b]` | the first elements of `ȳ` | the last elements |
//! | sum | `f + b` | `ȳ` | `ȳ` |
//! | mean | `(f + b) / 2` | `ȳ / 2` | `ȳ / 2` |
//! | product | `f ⊙ b` | `ȳ ⊙ b` | `ȳ ⊙ f` |

use super::joined::{Joined, SlicesMut, cut, cut_mut, of_whole, reborrowed, width};
use super::{LayerError, Shared, check_fit};
use crate::error::CallError;
use crate::execute::check;
use crate::matmul::Element;
use crate::sequence::{Backward, CellLayout, Direction, Forward, Keep, Port, SequenceCell, Sequences};
use crate::workspace::Workspace;

/// What becomes of the outputs of two directions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Merge {
    /// One after the other: the forward layer's elements first.
    #[default]
    Concatenate,
    /// Their sum.
    Sum,
    /// Half their sum.
    Mean,
    /// Their element-wise product.
    Product,
}

/// A layer that runs from the first step to the last and one that runs from the last to the first.
///
/// The backward layer begins at the last step that each sample has. A reset before step `t` keeps the forward layer from
/// bringing state from `t - 1` to `t`, and the backward layer from bringing it from `t` to `t - 1`.
pub struct Bidirectional<T> {
    forward: Shared<T>,
    backward: Shared<T>,
    merge: Merge,
    joined: Joined,
    layout: CellLayout,
}

/// Names of the parts.
const PARTS: [&str; 2] = ["forward", "backward"];

impl<T> Bidirectional<T> {
    /// The two layers, whose parameters are named `forward.…` and `backward.…`.
    ///
    /// # Errors
    ///
    /// Layers whose inputs are not alike; layers whose outputs are not alike, unless they are concatenated.
    pub fn new(forward: Shared<T>, backward: Shared<T>, merge: Merge) -> Result<Self, LayerError> {
        let (first, second) = (forward.layout(), backward.layout());
        let name = |part: usize| format!("the {} layer", PARTS[part]);
        check_fit("the input of the forward layer", &first.inputs, &name(1), &second.inputs)?;
        if merge != Merge::Concatenate || first.outputs.len() != second.outputs.len() {
            check_fit(&name(0), &first.outputs, &name(1), &second.outputs)?;
        }
        let joined = Joined::new([(PARTS[0].to_owned(), first), (PARTS[1].to_owned(), second)])?;
        let outputs = first.outputs.iter().zip(&second.outputs);
        let outputs = outputs.map(|(first, second)| match merge {
            Merge::Concatenate => Port::vector(&first.name, first.size + second.size),
            Merge::Sum | Merge::Mean | Merge::Product => first.clone(),
        });
        let layout = CellLayout {
            inputs: first.inputs.clone(),
            states: joined.states.clone(),
            outputs: outputs.collect(),
            parameters: joined.parameters.clone(),
        };
        Ok(Self { forward, backward, merge, joined, layout })
    }

    /// Elements of one row of the outputs of both layers.
    fn width_of_outputs(&self) -> usize {
        width(&self.forward.layout().outputs) + width(&self.backward.layout().outputs)
    }
}

impl<T: Element> SequenceCell<T> for Bidirectional<T> {
    fn layout(&self) -> &CellLayout {
        &self.layout
    }

    fn is_causal(&self) -> bool {
        false
    }

    fn forward(
        &self,
        call: Forward<'_, '_, T>,
        keep: Keep,
        workspace: &mut Workspace<T>,
    ) -> Result<(), CallError> {
        workspace.check(&self.layout, &call)?;
        let rows = call.steps * call.batch;
        let own = check::elements(&call, self.width_of_outputs())?;
        let mut resets = workspace.take_flags();
        resets_backwards(call.sequences, call.steps, call.batch, &mut resets);
        let second_inputs = rows * width(&self.layout.inputs);
        let with_back = own.saturating_mul(2).saturating_add(second_inputs);
        let (memory, parts) = workspace.begin(&call, keep, (own, with_back), 2)?;
        let own = size_of_val(&memory[..]) * 2 + second_inputs * size_of::<T>();
        let share = keep.shared_by(2, own);
        let (ahead, back) = memory.split_at_mut(rows * width(&self.forward.layout().outputs));
        for (number, (layer, memory)) in
            [(&self.forward, &mut *ahead), (&self.backward, &mut *back)].into_iter().enumerate()
        {
            let mut sequences = call.sequences;
            if number == 1 {
                sequences.direction = sequences.direction.opposite();
                sequences.resets = &resets;
            }
            let mut outputs = cut_mut(memory, &layer.layout().outputs, rows);
            layer
                .forward(
                    Forward {
                        steps: call.steps,
                        batch: call.batch,
                        sequences,
                        parameters: &call.parameters[self.joined.parameters_of(number)],
                        inputs: call.inputs,
                        initial_states: self.joined.states_of(number, call.initial_states),
                        outputs: &mut outputs,
                        final_states: &mut self.joined.states_of_mut(number, call.final_states),
                    },
                    share,
                    &mut parts[number],
                )
                .map_err(|error| of_whole(error, keep, 2, own))?;
        }
        let ahead = cut(ahead, &self.forward.layout().outputs, rows);
        let back = cut(back, &self.backward.layout().outputs, rows);
        for (output, (ahead, back)) in call.outputs.iter_mut().zip(ahead.into_iter().zip(back)) {
            self.merge.merge(output, ahead, back, rows);
        }
        workspace.give_flags(resets);
        workspace.end(keep);
        Ok(())
    }

    fn backward(&self, call: Backward<'_, '_, T>, workspace: &mut Workspace<T>) -> Result<(), CallError> {
        let (steps, batch) = workspace.ran().ok_or(CallError::NoTape)?;
        check::backward(&self.layout, &call, (steps, batch))?;
        let rows = steps * batch;
        let outputs = rows * self.width_of_outputs();
        let wanted = if call.input_gradients.is_empty() { 0 } else { rows * width(&self.layout.inputs) };
        let (memory, parts) = workspace.again(2 * outputs + wanted, 2)?;
        let (values, rest) = memory.split_at_mut(outputs);
        let (gradients, second_inputs) = rest.split_at_mut(outputs);
        let split = rows * width(&self.forward.layout().outputs);
        let (ahead, back) = values.split_at(split);
        let (ahead_gradients, back_gradients) = gradients.split_at_mut(split);
        let layouts = [self.forward.layout(), self.backward.layout()];
        {
            let ahead = cut(ahead, &layouts[0].outputs, rows);
            let back = cut(back, &layouts[1].outputs, rows);
            let ahead_gradients = cut_mut(ahead_gradients, &layouts[0].outputs, rows);
            let back_gradients = cut_mut(back_gradients, &layouts[1].outputs, rows);
            let parts = ahead.into_iter().zip(back).zip(ahead_gradients.into_iter().zip(back_gradients));
            for ((values, gradients), &given) in parts.zip(call.output_gradients) {
                self.merge.divide(given, values, gradients, rows);
            }
        }
        let mut second = match wanted {
            0 => SlicesMut::new(),
            _ => cut_mut(second_inputs, &self.layout.inputs, rows),
        };
        let layers = [(&self.forward, &*ahead_gradients), (&self.backward, &*back_gradients)];
        for (number, (layer, gradients)) in layers.into_iter().enumerate() {
            let range = self.joined.parameters_of(number);
            let gradients = cut(gradients, &layouts[number].outputs, rows);
            layer.backward(
                Backward {
                    parameters: &call.parameters[range.clone()],
                    inputs: call.inputs,
                    output_gradients: if call.output_gradients.is_empty() { &[] } else { &gradients },
                    final_state_gradients: self.joined.states_of(number, call.final_state_gradients),
                    parameter_gradients: &mut call.parameter_gradients[range],
                    input_gradients: &mut if number == 0 {
                        reborrowed(call.input_gradients)
                    } else {
                        reborrowed(&mut second)
                    },
                    initial_state_gradients: &mut self
                        .joined
                        .states_of_mut(number, call.initial_state_gradients),
                },
                &mut parts[number],
            )?;
        }
        for (sum, addend) in call.input_gradients.iter_mut().zip(&second) {
            sum.iter_mut().zip(&**addend).for_each(|(sum, &addend)| *sum = *sum + addend);
        }
        Ok(())
    }
}

impl Merge {
    /// Writes the merged sequence.
    fn merge<T: Element>(self, merged: &mut [T], ahead: &[T], back: &[T], rows: usize) {
        let half = T::from_f64(0.5);
        let pairs = || ahead.iter().zip(back);
        match self {
            Self::Concatenate => {
                for row in 0..rows {
                    let (first, second) = (ahead.len() / rows, back.len() / rows);
                    let (start, middle) = (row * (first + second), row * (first + second) + first);
                    merged[start..middle].copy_from_slice(&ahead[row * first..][..first]);
                    merged[middle..][..second].copy_from_slice(&back[row * second..][..second]);
                }
            }
            Self::Sum => merged.iter_mut().zip(pairs()).for_each(|(y, (&f, &b))| *y = f + b),
            Self::Mean => merged.iter_mut().zip(pairs()).for_each(|(y, (&f, &b))| *y = half * (f + b)),
            Self::Product => merged.iter_mut().zip(pairs()).for_each(|(y, (&f, &b))| *y = f * b),
        }
    }

    /// Writes the gradients by both parts, given the one by the merged sequence.
    fn divide<T: Element>(
        self,
        given: &[T],
        (ahead, back): (&[T], &[T]),
        (by_ahead, by_back): (&mut [T], &mut [T]),
        rows: usize,
    ) {
        let half = T::from_f64(0.5);
        match self {
            Self::Concatenate => {
                for row in 0..rows {
                    let (first, second) = (by_ahead.len() / rows, by_back.len() / rows);
                    let (start, middle) = (row * (first + second), row * (first + second) + first);
                    by_ahead[row * first..][..first].copy_from_slice(&given[start..middle]);
                    by_back[row * second..][..second].copy_from_slice(&given[middle..][..second]);
                }
            }
            Self::Sum => {
                by_ahead.copy_from_slice(given);
                by_back.copy_from_slice(given);
            }
            Self::Mean => {
                by_ahead.iter_mut().zip(given).for_each(|(f, &y)| *f = half * y);
                by_back.copy_from_slice(by_ahead);
            }
            Self::Product => {
                by_ahead.iter_mut().zip(given.iter().zip(back)).for_each(|(f, (&y, &b))| *f = y * b);
                by_back.iter_mut().zip(given.iter().zip(ahead)).for_each(|(b, (&y, &f))| *b = y * f);
            }
        }
    }
}

/// The resets of the other direction: a border before step `t` is, backwards, one before step `t - 1`.
fn resets_backwards(sequences: Sequences<'_>, steps: usize, batch: usize, shifted: &mut Vec<bool>) {
    let resets = sequences.resets;
    shifted.clear();
    shifted.resize(resets.len(), false);
    if resets.is_empty() || batch == 0 || steps == 0 {
        return;
    }
    match sequences.direction {
        // The last row stays without: there is no border behind the last step.
        Direction::Forward => shifted[..(steps - 1) * batch].copy_from_slice(&resets[batch..]),
        Direction::Reverse => shifted[batch..].copy_from_slice(&resets[..(steps - 1) * batch]),
    }
    // A border between a sample's last step and padding is none.
    for (row, flag) in shifted.iter_mut().enumerate() {
        let next = row / batch + 1;
        let has_next = next < steps && sequences.has_step(next, row % batch);
        *flag &= has_next || sequences.direction == Direction::Reverse;
    }
}
