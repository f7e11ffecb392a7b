//! The model: a network, run over each sequence, and a linear head on its first output where something is asked.

use candle_core::{D, DType, Device, Module, Tensor, Var};
use candle_nn::{Linear, VarBuilder, VarMap, loss};
use gatewright::parameters::Initializer;
use gatewright::sequence;
use gatewright_candle::{CellLayer, dense};

use super::network::Network;
use crate::failure::Failure;
use crate::tasks::{Example, Objective, Tally, Targets, Task};

/// Test sequences in one forward run.
const JUDGED_AT_ONCE: usize = 256;

/// The network and the head.
pub(crate) struct Model {
    network: Network,
    /// The network as it learns: it draws its masks.
    learning: CellLayer<f32>,
    /// The same variables as they are judged: without masks, and nothing is kept.
    judging: CellLayer<f32>,
    head: Linear,
    objective: Objective,
    /// All variables by name, sorted: the order in which norms are summed must not depend on a hash.
    variables: Vec<(String, Var)>,
}

/// Sequences side by side, each with its own length, and what is asked of them.
pub(crate) struct Batch {
    /// `[T, B, n]`, zero past the end of a sequence.
    inputs: Tensor,
    /// Steps of each sequence; none where all have T.
    lengths: Vec<usize>,
    /// Rows of the `[T * B, n]` outputs where something is asked; none where that is all of them.
    rows: Option<Tensor>,
    /// Right answers, in the order of the rows.
    targets: Tensor,
    /// How many.
    pub(crate) count: usize,
}

impl Batch {
    /// Of examples with so many numbers at each step.
    pub(crate) fn new(examples: &[&Example], features: usize) -> candle_core::Result<Self> {
        let batch = examples.len();
        let mut lengths: Vec<usize> =
            examples.iter().map(|example| example.values.len() / features.max(1)).collect();
        let steps = lengths.iter().copied().max().unwrap_or(0);
        let mut values = Vec::with_capacity(steps * batch * features);
        let mut rows: Vec<u32> = Vec::new();
        let mut places: Vec<(usize, usize)> = Vec::new();
        for step in 0..steps {
            for (sample, (example, &length)) in examples.iter().zip(&lengths).enumerate() {
                match example.values.get(step * features..(step + 1) * features) {
                    Some(row) => values.extend_from_slice(row),
                    None => values.resize(values.len() + features, 0.0),
                }
                let asked_from = length - example.targets.count();
                if (asked_from..length).contains(&step) {
                    rows.push((step * batch + sample) as u32);
                    places.push((sample, step - asked_from));
                }
            }
        }
        if lengths.iter().all(|&length| length == steps) {
            lengths.clear();
        }
        let count = rows.len();
        let rows = (count != steps * batch).then(|| Tensor::new(rows, &Device::Cpu)).transpose()?;
        Ok(Self {
            inputs: Tensor::from_vec(values, (steps, batch, features), &Device::Cpu)?,
            lengths,
            rows,
            targets: targets(examples, &places)?,
            count,
        })
    }
}

/// The target of each `(sample, which of its targets)`.
fn targets(examples: &[&Example], places: &[(usize, usize)]) -> candle_core::Result<Tensor> {
    let (mut classes, mut numbers) = (Vec::new(), Vec::new());
    for &(sample, at) in places {
        match &examples[sample].targets {
            Targets::Classes(all) => classes.push(all[at]),
            Targets::Numbers(all) => numbers.push(all[at]),
        }
    }
    // A task has targets of one kind.
    if numbers.is_empty() { Tensor::new(classes, &Device::Cpu) } else { Tensor::new(numbers, &Device::Cpu) }
}

impl Model {
    /// A model at its beginning.
    pub(crate) fn new(
        network: Network,
        task: &dyn Task,
        initializer: &Initializer,
        seed: u64,
    ) -> Result<Self, Failure> {
        let map = VarMap::new();
        let builder = VarBuilder::from_varmap(&map, DType::F32, &Device::Cpu);
        let learning = CellLayer::new(network.cell().clone(), initializer, builder.pp("cell"))?;
        let width = learning.layout().outputs.first().map_or(0, |port| port.size);
        let head = dense::<f32>(width, task.answers(), &Initializer::new(seed), builder.pp("head"))?;
        let data = map.data().lock();
        let data = data.map_err(|_| Failure::data("the variables were left half written"))?;
        let mut variables: Vec<(String, Var)> =
            data.iter().map(|(name, variable)| (name.clone(), variable.clone())).collect();
        drop(data);
        variables.sort_by(|left, right| left.0.cmp(&right.0));
        let judging = learning.for_inference();
        Ok(Self { network, learning, judging, head, objective: task.metric().objective(), variables })
    }

    /// All variables by name, sorted: those of the cell as `cell.NAME`, `head.bias` and `head.weight`.
    pub(crate) fn variables(&self) -> &[(String, Var)] {
        &self.variables
    }

    /// The masks of the next loss become those of this step of the optimiser.
    pub(crate) fn masks_of_step(&self, step: usize) {
        self.network.masks_of_step(step);
    }

    /// What the head says where something is asked: `[answers asked for, classes]`, or `[answers asked for]` numbers.
    fn answers(&self, cell: &CellLayer<f32>, batch: &Batch) -> candle_core::Result<Tensor> {
        let lengths = sequence::Sequences { lengths: &batch.lengths, ..sequence::Sequences::default() };
        let sequences = cell.forward_ragged(&batch.inputs, None, lengths)?;
        let Some(output) = sequences.outputs.first() else { candle_core::bail!("the cell has no output") };
        let output = output.flatten(0, 1)?;
        let output = match &batch.rows {
            Some(rows) => output.index_select(rows, 0)?,
            None => output,
        };
        let answers = self.head.forward(&output)?;
        match self.objective {
            Objective::Class => Ok(answers),
            Objective::Number => answers.squeeze(D::Minus1),
        }
    }

    /// The mean loss of the answers while learning.
    pub(crate) fn loss(&self, batch: &Batch) -> candle_core::Result<Tensor> {
        self.loss_of(&self.answers(&self.learning, batch)?, batch)
    }

    fn loss_of(&self, answers: &Tensor, batch: &Batch) -> candle_core::Result<Tensor> {
        match self.objective {
            Objective::Class => loss::cross_entropy(answers, &batch.targets),
            Objective::Number => loss::mse(answers, &batch.targets),
        }
    }

    /// Losses and right answers on the test part.
    pub(crate) fn judge(&self, task: &dyn Task) -> candle_core::Result<Tally> {
        let mut tally = Tally::default();
        let examples: Vec<&Example> = task.test().iter().collect();
        for examples in examples.chunks(JUDGED_AT_ONCE) {
            let batch = Batch::new(examples, task.features())?;
            let answers = self.answers(&self.judging, &batch)?;
            tally.answers += batch.count;
            tally.loss += f64::from(self.loss_of(&answers, &batch)?.to_scalar::<f32>()?) * batch.count as f64;
            if self.objective == Objective::Class {
                let right = answers.argmax(D::Minus1)?.eq(&batch.targets)?.to_vec1::<u8>()?;
                tally.right += right.iter().map(|&right| f64::from(right)).sum::<f64>();
            }
        }
        Ok(tally)
    }
}

#[cfg(test)]
#[path = "../../../candle/tests/elman/mod.rs"]
pub(crate) mod elman;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use gatewright::compiler::graph::lower;
    use gatewright::compiler::regularize::{Drawn, Kind, Regularizer};
    use gatewright::{CompileOptions, CompiledCell, Syntax, read_cell};

    use super::*;
    use crate::tasks::{Baseline, Metric, Training};

    /// Two sequences of different length, asked at their last steps.
    struct Ragged(Vec<Example>);

    impl Task for Ragged {
        fn features(&self) -> usize {
            2
        }

        fn answers(&self) -> usize {
            1
        }

        fn metric(&self) -> Metric {
            Metric::MeanSquaredError
        }

        fn baseline(&self) -> Baseline {
            Baseline { name: "zero", value: 1.0 }
        }

        fn training(&self) -> Training<'_> {
            Training::Set(&self.0)
        }

        fn test(&self) -> &[Example] {
            &self.0
        }
    }

    fn ragged() -> Ragged {
        let example = |steps: usize, asked: usize| Example {
            values: (0..2 * steps).map(|at| ((at * 7 + steps) as f32 * 0.37).sin()).collect(),
            targets: Targets::Numbers((0..asked).map(|at| at as f32 * 0.1 - 0.2).collect()),
        };
        Ragged(vec![example(5, 1), example(2, 2), example(1, 1), example(4, 3)])
    }

    #[test]
    fn a_batch_of_different_lengths_is_the_sequences_one_by_one() {
        let task = ragged();
        let equations = read_cell("h_t = tanh(U x_t + W h_{t-1} + b)", Syntax::Text).expect("a cell");
        let cell = CompiledCell::<f32>::new(&equations, &[("x", 2), ("h", 3)], CompileOptions::default());
        let model =
            Model::new(Network::of(Arc::new(cell.expect("compiles"))), &task, &Initializer::new(4), 4)
                .expect("a model");
        let all: Vec<&Example> = task.0.iter().collect();
        let together = Batch::new(&all, 2).expect("a batch");
        assert_eq!(together.count, 7);
        let loss = model.loss(&together).expect("a loss");
        let gradients = loss.backward().expect("gradients");

        let mut mean = 0.0;
        let mut sums = [0.0_f64; 6];
        for example in &all {
            let alone = Batch::new(&[example], 2).expect("a batch");
            let share = alone.count as f64 / 7.0;
            let loss = (model.loss(&alone).expect("a loss") * share).expect("scaled");
            mean += f64::from(loss.to_scalar::<f32>().expect("one number"));
            let gradients = loss.backward().expect("gradients");
            let (_, weight) = &model.variables()[0];
            let flat = gradients.get(weight).expect("reached").flatten_all().expect("flat");
            for (sum, value) in sums.iter_mut().zip(flat.to_vec1::<f32>().expect("f32")) {
                *sum += f64::from(value);
            }
        }
        assert!((f64::from(loss.to_scalar::<f32>().expect("one number")) - mean).abs() < 1e-6);
        let (name, weight) = &model.variables()[0];
        assert_eq!(name, "cell.U");
        let flat = gradients.get(weight).expect("reached").flatten_all().expect("flat");
        for (sum, value) in sums.iter().zip(flat.to_vec1::<f32>().expect("f32")) {
            assert!((sum - f64::from(value)).abs() < 1e-6, "{sum} {value}");
        }
        let tally = model.judge(&task).expect("judged");
        assert!(tally.answers == 7 && (tally.loss / 7.0 - mean).abs() < 1e-6 && tally.right == 0.0);
    }

    #[test]
    fn masks_are_those_of_the_step_while_learning_and_none_while_judging() {
        let task = ragged();
        let source = read_cell("h_t = tanh(U x_t + W h_{t-1} + b)", Syntax::Text).expect("a cell");
        let sizes = [("x", 2), ("h", 3)];
        let choice = |kind| Regularizer { kind, target: None, rate: 0.5, drawn: Drawn::EachStep };
        let choices = [choice(Kind::Dropout), choice(Kind::RecurrentDropout), choice(Kind::DropConnect)];
        let plain = CompiledCell::<f32>::new(&source, &sizes, CompileOptions::default()).expect("compiles");
        let graph = lower(&source).expect("a graph");
        let network = Network::masked_for_tests(&graph, &sizes, &choices);
        let model = |network| Model::new(network, &task, &Initializer::new(4), 4).expect("a model");
        let (plain, masked) = (model(Network::of(Arc::new(plain))), model(network));
        let judged = |model: &Model| model.judge(&task).expect("judged").loss.to_bits();
        let all: Vec<&Example> = task.0.iter().collect();
        let batch = Batch::new(&all, 2).expect("a batch");
        let lost = |model: &Model, step| {
            model.masks_of_step(step);
            model.loss(&batch).expect("a loss").to_scalar::<f32>().expect("one number").to_bits()
        };
        let (first, second) = (lost(&masked, 0), lost(&masked, 1));
        assert_eq!(judged(&masked), judged(&plain), "no masks");
        assert!(first != second && first != lost(&plain, 0), "masks of their own");
        assert_eq!([lost(&masked, 1), lost(&masked, 0)], [second, first], "the step alone decides");
    }
}
