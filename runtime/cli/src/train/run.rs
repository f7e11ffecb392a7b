//! One run: a model that learns a task with one seed, step by step of the optimiser.
//!
//! What a step learns from depends on the seed and on the number of the step alone: the order of the sequences in a pass
//! is drawn from a stream named after the pass, sequences that are drawn anew from one named after the step, and masks of
//! regularisers have the number of the step. So the random state of a run *is* its position, and a run that stops and goes on ([`super::checkpoint`]) is, bit for bit, the
//! run that did not stop.

use candle_core::Var;
use candle_core::backprop::GradStore;
use candle_nn::{Optimizer, ParamsAdamW};
use gatewright::parameters::Random;
use gatewright_candle::Adam;
use serde::{Deserialize, Serialize};

use super::model::{Batch, Model};
use crate::failure::Failure;
use crate::tasks::{Duration, Example, Task, Training};

/// How long and how fast to learn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Schedule {
    /// Steps of the optimiser in all.
    pub(crate) steps: usize,
    /// Steps from one evaluation to the next; the last step is followed by one too.
    pub(crate) evaluate_every: usize,
    /// Sequences in one step of the optimiser.
    pub(crate) batch: usize,
    /// Step width of Adam.
    pub(crate) learning_rate: f64,
    /// Whether it falls linearly to zero over the run.
    pub(crate) decay: bool,
    /// Largest norm of all gradients together.
    pub(crate) clip: f64,
}

impl Schedule {
    /// Step width of the step after so many.
    fn learning_rate_after(&self, steps: usize) -> f64 {
        if !self.decay {
            return self.learning_rate;
        }
        self.learning_rate * (1.0 - steps as f64 / self.steps as f64)
    }

    /// Steps in a pass over the training part, or none where there are no passes.
    pub(crate) fn steps_of_a_pass(task: &dyn Task, batch: usize) -> Option<usize> {
        match task.training() {
            Training::Set(examples) => Some(examples.len().div_ceil(batch).max(1)),
            Training::Drawn(_) => None,
        }
    }

    /// Steps of a duration, or none where it counts passes and there are none, or more steps than numbers.
    pub(crate) fn steps_of(duration: Duration, task: &dyn Task, batch: usize) -> Option<usize> {
        match duration {
            Duration::Steps(steps) => Some(steps),
            Duration::Epochs(epochs) => Self::steps_of_a_pass(task, batch)?.checked_mul(epochs),
        }
    }
}

/// What an evaluation found.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Evaluation {
    /// Steps of the optimiser so far.
    pub(crate) step: usize,
    /// Mean training loss since the evaluation before, while learning.
    #[serde(with = "bits")]
    pub(crate) loss: f64,
    /// Mean loss on the test part.
    #[serde(with = "bits")]
    pub(crate) test_loss: f64,
    /// The task's metric on the test part.
    #[serde(with = "bits")]
    pub(crate) value: f64,
}

/// Where a run is: all of it, but for the tensors.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Position {
    /// Steps of the optimiser so far.
    pub(crate) step: usize,
    /// Sum of the losses since the last evaluation.
    #[serde(with = "bits")]
    pub(crate) loss: f64,
    /// Steps since the last evaluation.
    pub(crate) since: usize,
    /// All evaluations so far.
    pub(crate) evaluations: Vec<Evaluation>,
}

/// Numbers by their bits: JSON has them in decimals, and what reads these back may be wrong in the last place.
mod bits {
    use serde::{Deserialize, Deserializer, Serializer};

    #[allow(clippy::trivially_copy_pass_by_ref, reason = "what serde calls")]
    pub(super) fn serialize<S: Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(number.to_bits())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        u64::deserialize(deserializer).map(f64::from_bits)
    }
}

/// A run.
pub(crate) struct Run<'a> {
    pub(crate) model: Model,
    pub(crate) optimizer: Adam,
    pub(crate) position: Position,
    task: &'a dyn Task,
    schedule: Schedule,
    seed: u64,
    /// The order of the sequences in the pass of this number.
    order: Option<(usize, Vec<usize>)>,
}

impl<'a> Run<'a> {
    /// A run at its beginning.
    pub(crate) fn new(
        model: Model,
        task: &'a dyn Task,
        schedule: Schedule,
        seed: u64,
    ) -> Result<Self, Failure> {
        let variables = model.variables().iter().map(|(_, variable)| variable.clone()).collect();
        let adam = ParamsAdamW { lr: schedule.learning_rate, weight_decay: 0.0, ..ParamsAdamW::default() };
        let optimizer = Adam::new(variables, adam)?;
        Ok(Self { model, optimizer, position: Position::default(), task, schedule, seed, order: None })
    }

    /// Whether all steps are done.
    pub(crate) fn is_done(&self) -> bool {
        self.position.step >= self.schedule.steps
    }

    /// One step of the optimiser, and an evaluation where one is due. Gives the loss of the step.
    pub(crate) fn step(&mut self) -> Result<f64, Failure> {
        let batch = self.batch()?;
        self.model.masks_of_step(self.position.step);
        self.optimizer.set_learning_rate(self.schedule.learning_rate_after(self.position.step));
        let loss = self.model.loss(&batch)?;
        let mut gradients = loss.backward()?;
        clip(self.model.variables(), &mut gradients, self.schedule.clip)?;
        self.optimizer.step(&gradients)?;
        let loss = f64::from(loss.to_scalar::<f32>()?);
        let Position { step, loss: sum, since, .. } = &mut self.position;
        *step += 1;
        finite("the loss", loss, *step)?;
        *sum += loss;
        *since += 1;
        if self.position.step.is_multiple_of(self.schedule.evaluate_every) || self.is_done() {
            self.evaluate()?;
        }
        Ok(loss)
    }

    fn evaluate(&mut self) -> Result<(), Failure> {
        let tally = self.model.judge(self.task)?;
        let Position { step, loss, since, evaluations } = &mut self.position;
        let test_loss = finite("the loss on the test part", tally.loss / tally.answers as f64, *step)?;
        let value = self.task.metric().value(tally);
        evaluations.push(Evaluation { step: *step, loss: *loss / *since as f64, test_loss, value });
        (*loss, *since) = (0.0, 0);
        Ok(())
    }

    /// What the next step learns from.
    fn batch(&mut self) -> Result<Batch, Failure> {
        let step = self.position.step;
        let size = self.schedule.batch;
        match self.task.training() {
            Training::Drawn(draw) => {
                let mut random = Random::named(self.seed, &format!("sequences of step {step}"));
                let examples: Vec<Example> = (0..size).map(|_| draw(&mut random)).collect();
                let examples: Vec<&Example> = examples.iter().collect();
                Ok(Batch::new(&examples, self.task.features())?)
            }
            Training::Set(set) => {
                let steps = set.len().div_ceil(size).max(1);
                let (pass, at) = (step / steps, step % steps);
                if self.order.as_ref().is_none_or(|(known, _)| *known != pass) {
                    let mut order: Vec<usize> = (0..set.len()).collect();
                    Random::named(self.seed, &format!("order of pass {pass}")).shuffle(&mut order);
                    self.order = Some((pass, order));
                }
                let order = self.order.as_ref().map_or(&[][..], |(_, order)| order);
                let chosen = order.iter().skip(at * size).take(size);
                let examples: Vec<&Example> = chosen.filter_map(|&at| set.get(at)).collect();
                Ok(Batch::new(&examples, self.task.features())?)
            }
        }
    }
}

/// The number, or an error that says what to do.
fn finite(what: &str, number: f64, step: usize) -> Result<f64, Failure> {
    if number.is_finite() {
        return Ok(number);
    }
    Err(Failure::data(format!(
        "{what} is {number} after {step} steps: nothing can be learned from there; try a smaller --learning-rate or \
        --clip, or other initial values"
    )))
}

/// Shortens all gradients alike where their common norm is above `most`.
fn clip(variables: &[(String, Var)], gradients: &mut GradStore, most: f64) -> candle_core::Result<()> {
    let mut square = 0.0;
    for (_, variable) in variables {
        if let Some(gradient) = gradients.get(variable) {
            square += f64::from(gradient.sqr()?.sum_all()?.to_scalar::<f32>()?);
        }
    }
    let norm = square.sqrt();
    if norm > most {
        for (_, variable) in variables {
            if let Some(gradient) = gradients.remove(variable) {
                gradients.insert(variable, (gradient * (most / norm))?);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use gatewright::parameters::Initializer;
    use gatewright::sequence::SequenceCell;

    use super::super::model::elman::Elman;
    use super::super::network::Network;
    use super::*;
    use crate::tasks::{Given, find};

    #[test]
    fn a_cell_written_by_hand_learns_the_digits() {
        let task =
            find("digits").expect("listed").open(&Given::default()).expect("the images that come along");
        let cell: Arc<dyn SequenceCell<f32>> = Arc::new(Elman::new(8, 24, false));
        let pass = Schedule::steps_of_a_pass(&*task, 32).expect("a set");
        assert_eq!(pass, 43);
        let schedule = Schedule {
            steps: 4 * pass,
            evaluate_every: pass,
            batch: 32,
            learning_rate: 5e-3,
            decay: false,
            clip: 1.0,
        };
        let trained = || {
            let model =
                Model::new(Network::of(cell.clone()), &*task, &Initializer::new(1), 1).expect("a model");
            let mut run = Run::new(model, &*task, schedule, 1).expect("a run");
            while !run.is_done() {
                run.step().expect("learns");
            }
            run.position
        };
        let position = trained();
        let evaluations = &position.evaluations;
        assert_eq!(evaluations.iter().map(|at| at.step).collect::<Vec<_>>(), [43, 86, 129, 172]);
        assert!(evaluations[3].value > 0.6, "{evaluations:?}");
        assert!(evaluations[3].loss < 0.7 * evaluations[0].loss, "{evaluations:?}");
        assert_eq!(trained(), position, "a seed fixes the run");
    }

    #[test]
    fn a_step_width_that_decays_ends_near_zero() {
        let schedule =
            Schedule { steps: 4, evaluate_every: 1, batch: 1, learning_rate: 0.4, decay: true, clip: 1.0 };
        let widths =
            |schedule: Schedule| (0..4).map(|step| schedule.learning_rate_after(step)).collect::<Vec<_>>();
        assert_eq!(widths(schedule), [0.4, 0.4 * 0.75, 0.2, 0.1]);
        assert_eq!(widths(Schedule { decay: false, ..schedule }), [0.4; 4]);
    }

    #[test]
    fn a_pass_sees_every_sequence_once() {
        let task = find("japanese_vowels").expect("listed").open(&Given::default()).expect("embedded");
        // Nothing is run: only what would be learned from is looked at.
        let cell: Arc<dyn SequenceCell<f32>> = Arc::new(Elman::new(12, 2, false));
        let model = Model::new(Network::of(cell), &*task, &Initializer::new(1), 1).expect("a model");
        let schedule =
            Schedule { steps: 9, evaluate_every: 9, batch: 64, learning_rate: 1e-3, decay: false, clip: 1.0 };
        let mut run = Run::new(model, &*task, schedule, 1).expect("a run");
        let mut asked = Vec::new();
        let mut first = Vec::new();
        for step in 0..10 {
            run.position.step = step;
            asked.push(run.batch().expect("a batch").count);
            first.push(run.order.clone().expect("an order"));
        }
        assert_eq!(asked, [64, 64, 64, 64, 14, 64, 64, 64, 64, 14]);
        let mut sorted = first[0].1.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..270).collect::<Vec<_>>());
        assert!(first[0] == first[4] && first[5].0 == 1 && first[5].1 != first[4].1);
    }
}
