//! `gatewright gradcheck`: derived gradients against central differences.
//!
//! The loss is a random linear functional of all outputs and final states, `L = Σ w·y`. For each number `p` that the
//! cell reads, `dL/dp` as derived is compared with `(L(p + ε) - L(p - ε)) / 2ε`, in f64.
//!
//! A cell that rounds has the gradient of its stand-in without jumps ([`gatewright::compiler::graph::StraightThrough`]);
//! the differences are taken of that.

use clap::Args;
use gatewright::CompiledCell;
use gatewright::compiler::graph::{StraightThrough, lower};
use gatewright::error::CompileError;
use gatewright::parameters::{Initializer, Random};
use gatewright::sequence::{Backward, Forward, Keep, SequenceCell, Sequences};
use gatewright::workspace::Workspace;

use crate::arguments::{BackendArguments, Sizes, SourceArguments, positive, positive_number};
use crate::buffers::{buffers, views, views_mut, zeros};
use crate::dimension::DimensionSolver;
use crate::failure::Failure;
use crate::print::answer_line;
use crate::session::Checked;

/// Compare derived gradients with central differences in f64; name the worst entry; exit 1 where one is off
#[derive(Args, Debug)]
#[command(
    after_help = "At a kink of max, relu or abs a difference is of neither side: one entry may be off by about the difference of \
    the slopes, and is not with another --seed. A gradient that is wrong is off with every seed."
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    source: SourceArguments,
    /// Sizes of dimensions; those not given are small and different
    #[arg(long, value_name = "NAME=SIZE,…")]
    dims: Option<Sizes>,
    /// Steps of the sequence
    #[arg(long, default_value_t = 5, value_parser = positive)]
    steps: usize,
    /// Samples
    #[arg(long, default_value_t = 2, value_parser = positive)]
    batch: usize,
    /// Seed of the random numbers
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Largest difference allowed, relative to the larger of 1 and the gradient
    #[arg(long, default_value_t = 1e-6, value_parser = positive_number)]
    tolerance: f64,
    /// Most entries of each tensor to try; of larger ones that many are drawn
    #[arg(long, default_value_t = 256, value_parser = positive)]
    entries: usize,
    #[command(flatten)]
    backend: BackendArguments,
}

/// Distance of the two points of a difference: near the cube root of the precision, where rounding and curvature cost
/// the same.
const EPSILON: f64 = 6e-6;

/// Everything a run reads; also the shape of all gradients.
#[derive(Clone, Debug)]
struct Point {
    parameters: Vec<f64>,
    inputs: Vec<Vec<f64>>,
    states: Vec<Vec<f64>>,
}

/// The weights of the linear functional.
#[derive(Debug)]
struct Functional {
    outputs: Vec<Vec<f64>>,
    final_states: Vec<Vec<f64>>,
}

/// A cell with the extent of its runs.
struct Probe<'a> {
    cell: &'a CompiledCell<f64>,
    steps: usize,
    batch: usize,
    functional: &'a Functional,
    /// Further inputs, which stay as they are.
    fixed: Vec<Vec<f64>>,
    workspace: Workspace<f64>,
}

/// A number that the cell reads.
#[derive(Clone, Copy, Debug)]
enum Entry {
    Parameter(usize),
    Input(usize, usize),
    State(usize, usize),
}

impl Point {
    fn entry_mut(&mut self, entry: Entry) -> Option<&mut f64> {
        match entry {
            Entry::Parameter(at) => self.parameters.get_mut(at),
            Entry::Input(port, at) => self.inputs.get_mut(port)?.get_mut(at),
            Entry::State(port, at) => self.states.get_mut(port)?.get_mut(at),
        }
    }
}

impl<'a> Probe<'a> {
    /// Of a cell over a run of so many steps and samples.
    fn new(
        cell: &'a CompiledCell<f64>,
        (steps, batch): (usize, usize),
        functional: &'a Functional,
        fixed: Vec<Vec<f64>>,
    ) -> Self {
        Self { cell, steps, batch, functional, fixed, workspace: Workspace::default() }
    }

    /// The loss at a point; its forward run keeps a tape where asked.
    fn loss(&mut self, point: &Point, keep: Keep) -> Result<f64, Failure> {
        let mut outputs: Vec<Vec<f64>> = self.functional.outputs.iter().map(|w| vec![0.0; w.len()]).collect();
        let mut finals: Vec<Vec<f64>> =
            self.functional.final_states.iter().map(|w| vec![0.0; w.len()]).collect();
        let call = Forward {
            steps: self.steps,
            batch: self.batch,
            sequences: Sequences::default(),
            parameters: &point.parameters,
            inputs: &[views(&point.inputs), views(&self.fixed)].concat(),
            initial_states: &views(&point.states),
            outputs: &mut views_mut(&mut outputs),
            final_states: &mut views_mut(&mut finals),
        };
        self.cell.forward(call, keep, &mut self.workspace)?;
        let weights = self.functional.outputs.iter().chain(&self.functional.final_states);
        let values = outputs.iter().chain(&finals);
        Ok(weights.flatten().zip(values.flatten()).map(|(weight, value)| weight * value).sum())
    }

    /// The derived gradient at a point.
    fn gradient(&mut self, point: &Point) -> Result<Point, Failure> {
        self.loss(point, Keep::Tape)?;
        let mut gradient = point.clone();
        gradient.states = buffers(self.cell.layout().states.iter().map(|port| port.size), self.batch)?;
        let call = Backward {
            parameters: &point.parameters,
            inputs: &[views(&point.inputs), views(&self.fixed)].concat(),
            output_gradients: &views(&self.functional.outputs),
            final_state_gradients: &views(&self.functional.final_states),
            parameter_gradients: &mut gradient.parameters,
            input_gradients: &mut views_mut(&mut gradient.inputs),
            initial_state_gradients: &mut views_mut(&mut gradient.states),
        };
        self.cell.backward(call, &mut self.workspace)?;
        Ok(gradient)
    }

    /// The central difference at a point along one entry.
    fn difference(&mut self, point: &mut Point, entry: Entry) -> Result<f64, Failure> {
        let mut losses = [0.0; 2];
        for (loss, step) in losses.iter_mut().zip([EPSILON, -EPSILON]) {
            let old = shift(point, entry, step);
            *loss = self.loss(point, Keep::Nothing)?;
            if let (Some(old), Some(place)) = (old, point.entry_mut(entry)) {
                *place = old;
            }
        }
        Ok((losses[0] - losses[1]) / (2.0 * EPSILON))
    }
}

/// Moves an entry and gives its old value back.
fn shift(point: &mut Point, entry: Entry, step: f64) -> Option<f64> {
    let place = point.entry_mut(entry)?;
    let old = *place;
    *place = old + step;
    Some(old)
}

/// Runs the subcommand.
pub(crate) fn gradcheck(arguments: &Arguments) -> Result<(), Failure> {
    let checked = Checked::read(&arguments.source)?;
    checked.print_findings();
    let mut solver = DimensionSolver::new(&checked.cell.dimensions);
    if let Some(dims) = &arguments.dims {
        solver.give(dims)?;
    }
    // Small, and different where there are few, so that a confusion of two dimensions shows.
    solver.fill(|at| [3, 4, 5, 2][at % 4]);
    let sizes = solver.finish()?;
    let cell = checked.compile::<f64>(&sizes, arguments.backend)?;
    let layout = cell.layout();
    let (steps, batch) = (arguments.steps, arguments.batch);
    let rows = steps.checked_mul(batch).ok_or_else(|| Failure::usage("--steps times --batch overflows"))?;

    let mut random = Random::new(arguments.seed);
    let mut noise = |buffers: &mut Vec<Vec<f64>>| {
        buffers.iter_mut().flatten().for_each(|value| *value = random.uniform(-1.0, 1.0));
    };
    let mut inputs = buffers(layout.inputs.iter().map(|port| port.size), rows)?;
    let mut states = buffers(layout.states.iter().map(|port| port.size), batch)?;
    let mut outputs = buffers(layout.outputs.iter().map(|port| port.size), rows)?;
    let mut final_states = buffers(layout.states.iter().map(|port| port.size), batch)?;
    let mut parameters =
        vec![Initializer::new(arguments.seed).parameters::<f64>(&layout.parameters)?.into_values()];
    // Biases and scalars begin at one value; a random shift tells their entries apart.
    let mut shifts = vec![zeros(layout.parameters.length())?];
    for buffers in [&mut inputs, &mut states, &mut outputs, &mut final_states, &mut shifts] {
        noise(buffers);
    }
    for (value, shift) in parameters.iter_mut().flatten().zip(shifts.iter().flatten()) {
        *value += 0.3 * shift;
    }
    let mut point = Point { parameters: parameters.pop().unwrap_or_default(), inputs, states };
    let functional = Functional { outputs, final_states };
    let (functional, run) = (&functional, (steps, batch));
    let graph = lower(&checked.cell).map_err(|error| CompileError::Pass(error.into()))?;
    let stand_in = graph.straight_through().map_err(|error| CompileError::Pass(error.into()))?;
    if stand_in.is_some() {
        answer_line!(
            "rounding passes its gradient on unchanged: differences are taken with each rounding as a shift by what \
             it moves here"
        )?;
    }

    let mut worst: Option<Comparison> = None;
    let mut tried = 0_usize;
    // From random states, and once more from where the equations say that states begin.
    for declared in [false, true] {
        if declared {
            for (values, state) in point.states.iter_mut().zip(&checked.cell.states) {
                if state.initial.is_some() {
                    values.clear();
                }
            }
            if point.states.iter().all(|values| !values.is_empty()) {
                break;
            }
        }
        let mut derived = Probe::new(&cell, run, functional, Vec::new()).gradient(&point)?;
        let smooth = match &stand_in {
            Some(stand_in) => Some(smooth(&checked, stand_in, &sizes, arguments, &point)?),
            None => None,
        };
        let mut jumpless = match &smooth {
            Some((smooth, distances)) => Probe::new(smooth, run, functional, distances.clone()),
            None => Probe::new(&cell, run, functional, Vec::new()),
        };
        for (name, entries) in tensors(&cell, &point) {
            for (at, entry) in chosen(entries, arguments.entries, &mut Random::named(arguments.seed, &name)) {
                let difference = jumpless.difference(&mut point, entry)?;
                let derived = derived.entry_mut(entry).map_or(f64::NAN, |value| *value);
                let comparison = Comparison::new(format!("{name}[{at}]"), derived, difference);
                tried += 1;
                if worst.as_ref().is_none_or(|worst| comparison.error > worst.error) {
                    worst = Some(comparison);
                }
            }
        }
    }
    let Some(worst) = worst else {
        answer_line!("nothing to differentiate")?;
        return Ok(());
    };
    let verdict = format!(
        "{tried} entries; worst {}: derived {:e}, central difference {:e}, relative error {:.2e}",
        worst.entry, worst.derived, worst.difference, worst.error
    );
    if worst.error <= arguments.tolerance {
        answer_line!("gradients agree: {verdict}")?;
        return Ok(());
    }
    Err(Failure::data(format!("gradients differ by more than {:e}: {verdict}", arguments.tolerance)))
}

/// For a cell that rounds: its stand-in without jumps, and how far each rounding moves its argument at `point`.
fn smooth(
    checked: &Checked,
    stand_in: &StraightThrough,
    sizes: &[usize],
    arguments: &Arguments,
    point: &Point,
) -> Result<(CompiledCell<f64>, Vec<Vec<f64>>), Failure> {
    let measured = checked.compile_graph::<f64>(&stand_in.distances, sizes, arguments.backend)?;
    let (steps, batch) = (arguments.steps, arguments.batch);
    let layout = measured.layout();
    let mut outputs = buffers(layout.outputs.iter().map(|port| port.size), steps * batch)?;
    let mut finals = buffers(layout.states.iter().map(|port| port.size), batch)?;
    let call = Forward {
        steps,
        batch,
        sequences: Sequences::default(),
        parameters: &point.parameters,
        inputs: &views(&point.inputs),
        initial_states: &views(&point.states),
        outputs: &mut views_mut(&mut outputs),
        final_states: &mut views_mut(&mut finals),
    };
    measured.forward(call, Keep::Nothing, &mut Workspace::default())?;
    let distances = outputs.split_off(outputs.len().saturating_sub(stand_in.count));
    let cell = checked.compile_graph(&stand_in.smooth, sizes, arguments.backend)?;
    Ok((cell, distances))
}

/// One entry, both ways.
#[derive(Debug)]
struct Comparison {
    entry: String,
    derived: f64,
    difference: f64,
    error: f64,
}

impl Comparison {
    fn new(entry: String, derived: f64, difference: f64) -> Self {
        let error = (derived - difference).abs() / derived.abs().max(difference.abs()).max(1.0);
        // A NaN on either side is the worst there is; as a number it would compare with nothing.
        let error = if error.is_nan() { f64::INFINITY } else { error };
        Self { entry, derived, difference, error }
    }
}

/// Every tensor that the cell reads, with its entries.
fn tensors(cell: &CompiledCell<f64>, point: &Point) -> Vec<(String, Vec<Entry>)> {
    let layout = cell.layout();
    let mut tensors = Vec::new();
    for entry in layout.parameters.entries().iter().filter(|entry| !entry.frozen) {
        let entries = (entry.offset..entry.offset + entry.length()).map(Entry::Parameter).collect();
        tensors.push((format!("grad.param.{}", entry.name), entries));
    }
    for (port, values) in point.inputs.iter().enumerate() {
        let entries = (0..values.len()).map(|at| Entry::Input(port, at)).collect();
        tensors.push((format!("grad.input.{}", layout.inputs[port].name), entries));
    }
    for (port, values) in point.states.iter().enumerate() {
        let entries = (0..values.len()).map(|at| Entry::State(port, at)).collect();
        tensors.push((format!("grad.state.{}", layout.states[port].name), entries));
    }
    tensors
}

/// All entries, or as many as allowed, each with its place in its tensor.
fn chosen(entries: Vec<Entry>, most: usize, random: &mut Random) -> Vec<(usize, Entry)> {
    let mut entries: Vec<(usize, Entry)> = entries.into_iter().enumerate().collect();
    if entries.len() > most {
        random.shuffle(&mut entries);
        entries.truncate(most);
    }
    entries
}
