//! All runs of one candidate: what it learned, how long a step takes, and what its gates do in the end.

use std::time::Instant;

use gatewright::sequence::{Forward, Keep, Sequences};
use gatewright::statistics::Activity;
use gatewright::workspace::Workspace;

use super::Budget;
use super::candidate::Candidate;
use crate::failure::Failure;
use crate::tasks::Task;
use crate::train::model::Model;
use crate::train::network::Watched;
use crate::train::run::{Evaluation, Run};

/// Test sequences in the run that watches gates.
const WATCHED: usize = 256;

/// What came of a candidate.
pub(crate) struct Trial {
    /// Learned and frozen parameters of the network, the head not among them.
    pub(super) parameters: usize,
    /// For each seed that came to its end its evaluations, the last of them there.
    pub(super) runs: Vec<Vec<Evaluation>>,
    /// For each other seed why it did not: a loss that is no number any more is a result too.
    pub(super) broken: Vec<(u64, String)>,
    /// Median time of a step of the optimiser, in seconds: forward, backward, head and update.
    pub(super) step_seconds: f64,
    /// For each bounded value that the equations name, what it does in the test part after the training of the
    /// first seed that came to its end.
    pub(super) gates: Vec<(String, Activity)>,
}

impl Trial {
    /// Trains with every seed.
    pub(super) fn run(candidate: &Candidate, budget: &Budget<'_>, task: &dyn Task) -> Result<Self, Failure> {
        let (mut runs, mut broken, mut times, mut gates) = (Vec::new(), Vec::new(), Vec::new(), None);
        let mut parameters = 0;
        for number in 0..budget.learning.seeds as u64 {
            let seed = budget.learning.first_seed.wrapping_add(number);
            let own = budget.learning.initial.iter().filter(|given| candidate.has_parameter(&given.name));
            let network = candidate.blueprint.build(seed)?;
            parameters = network.cell().layout().parameters.length();
            let initializer = network.initializer(seed, own);
            let model = Model::new(network, task, &initializer, seed)?;
            let mut run = Run::new(model, task, budget.schedule, seed)?;
            match learn(&mut run, &mut times) {
                Ok(()) => {
                    if gates.is_none() {
                        gates = Some(watch(candidate, task, &run.model)?);
                    }
                    runs.push(run.position.evaluations);
                }
                Err(Failure::Data(reason)) => broken.push((seed, reason)),
                Err(other) => return Err(other),
            }
        }
        times.sort_by(f64::total_cmp);
        let step_seconds = times.get(times.len() / 2).copied().unwrap_or(f64::NAN);
        Ok(Self { parameters, runs, broken, step_seconds, gates: gates.unwrap_or_default() })
    }

    /// The metric at the end of each run.
    pub(super) fn values(&self) -> Vec<f64> {
        self.runs.iter().filter_map(|run| run.last()).map(|evaluation| evaluation.value).collect()
    }
}

/// Runs to the end; adds the time of each step that no evaluation followed.
fn learn(run: &mut Run<'_>, times: &mut Vec<f64>) -> Result<(), Failure> {
    while !run.is_done() {
        let known = run.position.evaluations.len();
        let started = Instant::now();
        run.step()?;
        if run.position.evaluations.len() == known {
            times.push(started.elapsed().as_secs_f64());
        }
    }
    Ok(())
}

/// The arithmetic mean; NaN of nothing.
pub(super) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The deviation of a sample: with `n - 1`; 0 of one value.
pub(super) fn deviation(values: &[f64]) -> f64 {
    let centre = mean(values);
    let squares: f64 = values.iter().map(|value| (value - centre) * (value - centre)).sum();
    (squares / values.len().saturating_sub(1).max(1) as f64).sqrt()
}

/// Runs the trained network over the test part with the bounded values of its top layer as outputs.
fn watch(candidate: &Candidate, task: &dyn Task, model: &Model) -> Result<Vec<(String, Activity)>, Failure> {
    let Some(Watched { cell, values }) = candidate.blueprint.watched()? else { return Ok(Vec::new()) };
    let layout = cell.layout();
    let mut parameters = vec![0.0_f32; layout.parameters.length()];
    for entry in layout.parameters.entries() {
        let wanted = format!("cell.{}", entry.name);
        if let Some((_, variable)) = model.variables().iter().find(|(name, _)| *name == wanted) {
            let values = variable.flatten_all()?.to_vec1::<f32>()?;
            parameters[entry.offset..entry.offset + entry.length()].copy_from_slice(&values);
        }
    }
    let features = task.features();
    let examples = &task.test()[..task.test().len().min(WATCHED)];
    let lengths: Vec<usize> = examples.iter().map(|example| example.values.len() / features.max(1)).collect();
    let (steps, batch) = (lengths.iter().copied().max().unwrap_or(0), examples.len());
    let mut input = vec![0.0; steps * batch * features];
    for (sample, example) in examples.iter().enumerate() {
        for (step, values) in example.values.chunks_exact(features.max(1)).enumerate() {
            input[(step * batch + sample) * features..][..features].copy_from_slice(values);
        }
    }
    let sequences = Sequences { lengths: &lengths, ..Sequences::default() };
    let mut outputs: Vec<Vec<f32>> =
        layout.outputs.iter().map(|port| vec![0.0; steps * batch * port.size]).collect();
    let call = Forward {
        steps,
        batch,
        sequences,
        parameters: &parameters,
        inputs: &[&input],
        initial_states: &[],
        outputs: &mut outputs.iter_mut().map(Vec::as_mut_slice).collect::<Vec<_>>(),
        final_states: &mut [],
    };
    cell.forward(call, Keep::Nothing, &mut Workspace::default())?;
    let own = layout.outputs.len() - values.len();
    let watched = outputs[own..].iter().zip(&layout.outputs[own..]).zip(values);
    Ok(watched
        .map(|((values, port), value)| {
            (value.name, Activity::of(values, port.size, batch, &sequences, value.range))
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deviations_are_those_of_a_sample() {
        assert_eq!((mean(&[1.0, 3.0]), deviation(&[5.0])), (2.0, 0.0));
        assert!((deviation(&[1.0, 3.0]) - 2.0_f64.sqrt()).abs() < 1e-12);
    }
}
