//! The model and how it learns.

use std::path::Path;
use std::sync::Arc;

use candle_core::backprop::GradStore;
use candle_core::{D, DType, Device, Module, Tensor, Var};
use candle_nn::{AdamW, Linear, Optimizer, ParamsAdamW, VarBuilder, VarMap, loss};
use gatewright::parameters::{
    Initializer, NamedTensor, ParameterLayout, ParameterRole, Random, write_tensors,
};
use gatewright::sequence::SequenceCell;
use gatewright_candle::CellLayer;

use crate::failure::Failure;
use crate::tasks::{Classification, Example};

/// How long and how fast to learn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schedule {
    /// Passes over the training part.
    pub(crate) epochs: usize,
    /// Sequences in one step of the optimiser.
    pub(crate) batch: usize,
    /// Step width of Adam.
    pub(crate) learning_rate: f64,
    /// Largest norm of all gradients together.
    pub(crate) clip: f64,
}

/// Where a run is, after one step of the optimiser.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Progress {
    /// Epoch, from 0.
    pub(crate) epoch: usize,
    /// Sequences in the step.
    pub(crate) sequences: usize,
    /// Loss of the step.
    pub(crate) loss: f64,
    /// Test accuracy after the last whole epoch; 0 before it.
    pub(crate) accuracy: f64,
}

/// One epoch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Epoch {
    /// Mean loss over the training part, while learning.
    pub(crate) loss: f64,
    /// Accuracy on the test part, afterwards.
    pub(crate) accuracy: f64,
}

/// A trained model.
pub(crate) struct Trained {
    /// All epochs.
    pub(crate) epochs: Vec<Epoch>,
    variables: Vec<(String, Var)>,
    seed: u64,
}

impl Trained {
    /// Test accuracy after the last epoch.
    pub(crate) fn accuracy(&self) -> f64 {
        self.epochs.last().map_or(0.0, |epoch| epoch.accuracy)
    }

    /// Writes `cell.NAME`, `head.weight` and `head.bias`.
    pub(crate) fn save(&self, path: &Path) -> Result<(), Failure> {
        let mut tensors = Vec::with_capacity(self.variables.len());
        for (name, variable) in &self.variables {
            let values = variable.flatten_all()?.to_vec1::<f32>()?;
            tensors.push(NamedTensor { name: name.clone(), shape: variable.dims().to_vec(), values });
        }
        let metadata =
            [("seed", self.seed.to_string()), ("test_accuracy", format!("{:.4}", self.accuracy()))];
        Ok(write_tensors(path, &tensors, &metadata)?)
    }
}

/// The cell and the head.
struct Model {
    cell: CellLayer<f32>,
    head: Linear,
}

impl Model {
    /// Scores of the classes for sequences `[T, B, n]`: `[B, classes]`.
    fn scores(&self, sequences: &Tensor) -> candle_core::Result<Tensor> {
        let output = self.cell.forward(sequences)?;
        let last = output.dim(0)?.saturating_sub(1);
        self.head.forward(&output.get(last)?)
    }
}

/// Trains a model from the beginning. The same seed gives the same run.
pub(crate) fn learn(
    cell: &Arc<dyn SequenceCell<f32>>,
    task: &Classification,
    initializer: &Initializer,
    seed: u64,
    schedule: &Schedule,
    mut report: impl FnMut(Progress),
) -> Result<Trained, Failure> {
    let map = VarMap::new();
    let builder = VarBuilder::from_varmap(&map, DType::F32, &Device::Cpu);
    let layer = CellLayer::new(cell.clone(), initializer, builder.pp("cell"))?;
    let width = layer.layout().outputs.first().map_or(0, |port| port.size);
    let head = head(&map, width, task.classes, seed)?;
    let model = Model { cell: layer, head };
    let variables = variables(&map)?;
    let optimised = variables.iter().map(|(_, variable)| variable.clone()).collect();
    let adam = ParamsAdamW { lr: schedule.learning_rate, weight_decay: 0.0, ..ParamsAdamW::default() };
    let mut optimizer = AdamW::new(optimised, adam)?;

    let mut order: Vec<&Example> = task.train.iter().collect();
    let mut random = Random::named(seed, "order");
    let mut epochs: Vec<Epoch> = Vec::with_capacity(schedule.epochs);
    for epoch in 0..schedule.epochs {
        random.shuffle(&mut order);
        let mut total = 0.0;
        for examples in order.chunks(schedule.batch) {
            let (sequences, classes) = batch(task, examples)?;
            let loss = loss::cross_entropy(&model.scores(&sequences)?, &classes)?;
            let mut gradients = loss.backward()?;
            clip(&variables, &mut gradients, schedule.clip)?;
            optimizer.step(&gradients)?;
            let loss = f64::from(loss.to_scalar::<f32>()?);
            if !loss.is_finite() {
                return Err(Failure::data(format!(
                    "the loss is {loss} in epoch {}: nothing can be learned from there; try a smaller \
                    --learning-rate or --clip, or other initial values",
                    epoch + 1
                )));
            }
            total += loss * examples.len() as f64;
            let accuracy = epochs.last().map_or(0.0, |epoch: &Epoch| epoch.accuracy);
            report(Progress { epoch, sequences: examples.len(), loss, accuracy });
        }
        epochs.push(Epoch { loss: total / order.len() as f64, accuracy: accuracy(&model, task)? });
    }
    Ok(Trained { epochs, variables, seed })
}

/// A linear map under the names `head.weight` and `head.bias`, initialised as the cell is.
fn head(map: &VarMap, width: usize, classes: usize, seed: u64) -> Result<Linear, Failure> {
    let layout = ParameterLayout::new([
        ("head.weight".to_owned(), vec![classes, width], ParameterRole::InputMatrix),
        ("head.bias".to_owned(), vec![classes], ParameterRole::Bias),
    ])
    .ok_or_else(|| Failure::data("the head is too large"))?;
    let parameters = Initializer::new(seed).parameters::<f32>(&layout)?;
    let mut tensors = Vec::with_capacity(2);
    for entry in layout.entries() {
        let values = Tensor::from_slice(parameters.get(&entry.name)?, entry.shape.as_slice(), &Device::Cpu)?;
        let variable = Var::from_tensor(&values)?;
        tensors.push(variable.as_tensor().clone());
        let mut data =
            map.data().lock().map_err(|_| Failure::data("the variables were left half written"))?;
        data.insert(entry.name.clone(), variable);
    }
    let bias = tensors.pop();
    let weight = tensors.pop().ok_or_else(|| Failure::data("the head has no weight"))?;
    Ok(Linear::new(weight, bias))
}

/// All variables by name, sorted: the order in which norms are summed must not depend on a hash.
fn variables(map: &VarMap) -> Result<Vec<(String, Var)>, Failure> {
    let data = map.data().lock().map_err(|_| Failure::data("the variables were left half written"))?;
    let mut variables: Vec<(String, Var)> =
        data.iter().map(|(name, variable)| (name.clone(), variable.clone())).collect();
    variables.sort_by(|left, right| left.0.cmp(&right.0));
    Ok(variables)
}

/// Examples as `[T, B, n]` and their classes as `[B]`.
fn batch(task: &Classification, examples: &[&Example]) -> candle_core::Result<(Tensor, Tensor)> {
    let mut values = Vec::with_capacity(task.steps * examples.len() * task.features);
    for step in 0..task.steps {
        for example in examples {
            values.extend_from_slice(&example.values[step * task.features..][..task.features]);
        }
    }
    let classes: Vec<u32> = examples.iter().map(|example| example.class).collect();
    Ok((
        Tensor::from_vec(values, (task.steps, examples.len(), task.features), &Device::Cpu)?,
        Tensor::new(classes, &Device::Cpu)?,
    ))
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

/// The share of the test part whose best score is its class.
fn accuracy(model: &Model, task: &Classification) -> candle_core::Result<f64> {
    let examples: Vec<&Example> = task.test.iter().collect();
    let (sequences, classes) = batch(task, &examples)?;
    let best = model.scores(&sequences)?.argmax(D::Minus1)?;
    let right = best.eq(&classes)?.to_dtype(DType::F32)?.sum_all()?.to_scalar::<f32>()?;
    Ok(f64::from(right) / examples.len() as f64)
}

#[cfg(test)]
#[path = "../../../candle/tests/elman/mod.rs"]
mod elman;

#[cfg(test)]
mod tests {
    use super::elman::Elman;
    use super::*;
    use crate::tasks::digits::digits;

    #[test]
    fn a_cell_written_by_hand_learns_the_digits() {
        let task = digits(None).expect("the images that come along");
        let cell: Arc<dyn SequenceCell<f32>> = Arc::new(Elman::new(task.features, 24, false));
        let schedule = Schedule { epochs: 4, batch: 32, learning_rate: 5e-3, clip: 1.0 };
        let run = || {
            let mut sequences = 0;
            let trained = learn(&cell, &task, &Initializer::new(1), 1, &schedule, |progress| {
                sequences += progress.sequences;
            })
            .expect("learns");
            assert_eq!(sequences, 4 * task.train.len());
            trained
        };
        let trained = run();
        assert!(trained.accuracy() > 0.6, "{}", trained.accuracy());
        assert!(trained.epochs[3].loss < 0.7 * trained.epochs[0].loss);
        assert_eq!(run().accuracy(), trained.accuracy(), "a seed fixes the run");
    }
}
