//! `gatewright bench`: one line of numbers for each mode.
//!
//! Protocol: warm-up calls for at least 0.3 s and at least two; then as many repetitions as the budget holds, from 9 to
//! 301 (5 where a call takes over 1.5 s, 3 over 6 s; a call over the cap stands alone). Median, smallest, largest.
//!
//! Mode `stream` times single steps of a stream that goes on and on: as many as the budget holds, up to
//! [`MOST_STREAMED`], after a warm-up of 0.3 s. Its times have six decimals, and the time that 99 of 100 steps stay below
//! stands behind them.

use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use gatewright::parameters::{Initializer, Random};
use gatewright::sequence::{Backward, Forward, Keep, Port, SequenceCell, Sequences};
use gatewright::workspace::Workspace;
use gatewright::{CompiledCell, Element};

use crate::arguments::{BackendArguments, Precision, Sizes, SourceArguments, positive, positive_number};
use crate::dimension::DimensionSolver;
use crate::failure::Failure;
use crate::print::answer_line;
use crate::run::{buffers, views, views_mut, zeros};
use crate::session::{Checked, compile_text};

/// Time a cell: prints gatewright,CELL,LABEL,MODE,THREADS,median_ms,min_ms,max_ms for each mode; for `stream` the time of a
/// step, and a last column p99_ms
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    source: SourceArguments,
    /// Sizes of all dimensions
    #[arg(long, value_name = "NAME=SIZE,…")]
    dims: Sizes,
    /// Samples [default: 32, and 1 for `stream`]
    #[arg(long, value_parser = positive)]
    batch: Option<usize>,
    /// Steps of the sequence; what a stream is given repeats after so many
    #[arg(long, default_value_t = 100, value_parser = positive)]
    steps: usize,
    /// What to time, one or several parted by commas
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Mode::Train])]
    mode: Vec<Mode>,
    /// Third column of the line
    #[arg(long, default_value = "custom", value_parser = column)]
    label: String,
    /// Second column of the line; the file's name where absent
    #[arg(long, value_name = "NAME", value_parser = column)]
    cell: Option<String>,
    /// Precision to compute in
    #[arg(long, value_enum, default_value_t = Precision::F32)]
    dtype: Precision,
    /// Seconds of repetitions for each mode
    #[arg(long, default_value_t = 3.0, value_parser = positive_number)]
    budget: f64,
    /// A first call slower than this many seconds is reported alone
    #[arg(long, default_value_t = 20.0, value_parser = positive_number)]
    cap: f64,
    #[command(flatten)]
    backend: BackendArguments,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// Forward without a tape
    Fwd,
    /// Forward with a tape, then backward with the gradients of parameters, inputs and initial states
    Train,
    /// From the text to callable code, forward and backward
    Compile,
    /// One step of a stream, states kept: on one thread, whatever --threads says
    Stream,
}

/// Steps of a stream that are timed at most.
const MOST_STREAMED: usize = 1_000_000;

/// What may stand in a column of the line.
fn column(text: &str) -> Result<String, String> {
    if text.contains([',', '"']) || text.contains(char::is_control) {
        return Err("a comma, a quotation mark or a control character would break the line".to_owned());
    }
    Ok(text.to_owned())
}

/// Runs the subcommand.
pub(crate) fn bench(arguments: &Arguments) -> Result<(), Failure> {
    let checked = Checked::read(&arguments.source)?;
    let mut solver = DimensionSolver::new(&checked.cell.dimensions);
    solver.give(&arguments.dims)?;
    let sizes = solver.finish()?;
    match arguments.dtype {
        Precision::F32 => bench_in::<f32>(arguments, &checked, &sizes),
        Precision::F64 => bench_in::<f64>(arguments, &checked, &sizes),
    }
}

fn bench_in<T: Element>(arguments: &Arguments, checked: &Checked, sizes: &[usize]) -> Result<(), Failure> {
    let cell = checked.compile::<T>(sizes, arguments.backend)?;
    let mut job = Job::new(&cell, arguments.steps, arguments.batch.unwrap_or(32))?;
    let name = match &arguments.cell {
        Some(name) => name.clone(),
        None => column(&checked.source.name())
            .map_err(|error| Failure::usage(format!("the name of the file: {error} (--cell NAME)")))?,
    };
    for &mode in &arguments.mode {
        let timing = match mode {
            Mode::Fwd => time(arguments, || job.forward(Keep::Nothing))?,
            Mode::Train => time(arguments, || {
                job.forward(Keep::Tape)?;
                job.backward()
            })?,
            Mode::Compile => {
                time(arguments, || compile_text::<T>(&checked.source, sizes, arguments.backend).map(drop))?
            }
            Mode::Stream => {
                Job::new(&cell, arguments.steps, arguments.batch.unwrap_or(1))?.stream(arguments.budget)?
            }
        };
        let (mode, threads) = match mode {
            Mode::Fwd => ("fwd", arguments.backend.threads),
            Mode::Train => ("train", arguments.backend.threads),
            Mode::Compile => ("compile", arguments.backend.threads),
            Mode::Stream => ("stream", 1),
        };
        let milliseconds = |duration: Duration| duration.as_secs_f64() * 1e3;
        let [median, smallest, largest] = [timing.median, timing.smallest, timing.largest].map(milliseconds);
        let label = &arguments.label;
        match timing.late.map(milliseconds) {
            None => answer_line!(
                "gatewright,{name},{label},{mode},{threads},{median:.4},{smallest:.4},{largest:.4}"
            )?,
            Some(late) => answer_line!(
                "gatewright,{name},{label},{mode},{threads},{median:.6},{smallest:.6},{largest:.6},{late:.6}"
            )?,
        }
    }
    Ok(())
}

/// Memory of all runs, allocated once.
struct Job<'a, T> {
    cell: &'a CompiledCell<T>,
    steps: usize,
    batch: usize,
    parameters: Vec<T>,
    inputs: Vec<Vec<T>>,
    states: Vec<Vec<T>>,
    outputs: Vec<Vec<T>>,
    final_states: Vec<Vec<T>>,
    output_gradients: Vec<Vec<T>>,
    final_gradients: Vec<Vec<T>>,
    parameter_gradients: Vec<T>,
    input_gradients: Vec<Vec<T>>,
    state_gradients: Vec<Vec<T>>,
    workspace: Workspace<T>,
}

impl<'a, T: Element> Job<'a, T> {
    fn new(cell: &'a CompiledCell<T>, steps: usize, batch: usize) -> Result<Self, Failure> {
        let layout = cell.layout();
        let rows =
            steps.checked_mul(batch).ok_or_else(|| Failure::usage("--steps times --batch overflows"))?;
        let mut random = Random::new(0);
        let mut noise = |buffers: Vec<Vec<T>>| -> Vec<Vec<T>> {
            let mut draw =
                |buffer: Vec<T>| buffer.iter().map(|_| T::from_f64(random.uniform(-1.0, 1.0))).collect();
            buffers.into_iter().map(&mut draw).collect()
        };
        let inputs = || buffers(layout.inputs.iter().map(|port| port.size), rows);
        let states = || buffers(layout.states.iter().map(|port| port.size), batch);
        let outputs = || buffers(layout.outputs.iter().map(|port| port.size), rows);
        Ok(Self {
            cell,
            steps,
            batch,
            parameters: Initializer::new(0).parameters(&layout.parameters)?.into_values(),
            inputs: noise(inputs()?),
            states: states()?,
            outputs: outputs()?,
            final_states: states()?,
            output_gradients: noise(outputs()?),
            final_gradients: states()?,
            parameter_gradients: zeros(layout.parameters.length())?,
            input_gradients: inputs()?,
            state_gradients: states()?,
            workspace: Workspace::default(),
        })
    }

    /// Steps one after the other, each timed.
    fn stream(&self, budget: f64) -> Result<Timing, Failure> {
        let layout = self.cell.layout();
        let mut stream = self.cell.stream(self.batch, &self.parameters)?;
        let sizes = || layout.outputs.iter().map(|port| port.size);
        let mut outputs: Vec<Vec<T>> = buffers(sizes(), self.batch)?;
        let mut outputs = views_mut(&mut outputs);
        let rows = |at: usize| -> Vec<&[T]> {
            let of_step = |port: &Port| at * self.batch * port.size..(at + 1) * self.batch * port.size;
            self.inputs.iter().zip(&layout.inputs).map(|(input, port)| &input[of_step(port)]).collect()
        };
        // Nothing but the step is timed, and nothing is allocated in between.
        let steps: Vec<Vec<&[T]>> = (0..self.steps).map(rows).collect();
        let mut times: Vec<Duration> = Vec::with_capacity(MOST_STREAMED);
        let begun = Instant::now();
        let mut warm = false;
        for inputs in steps.iter().cycle() {
            let started = Instant::now();
            stream.step(inputs, &mut outputs)?;
            let took = started.elapsed();
            let since = begun.elapsed().as_secs_f64();
            if !warm {
                warm = since > 0.3;
                continue;
            }
            times.push(took);
            if times.len() == MOST_STREAMED || since > 0.3 + budget {
                break;
            }
        }
        times.sort_unstable();
        let at = |index: usize| times.get(index).copied().unwrap_or_default();
        let late = at(times.len().saturating_sub(1).saturating_sub(times.len() / 100));
        let largest = at(times.len().saturating_sub(1));
        Ok(Timing { median: at(times.len() / 2), smallest: at(0), largest, late: Some(late) })
    }

    fn forward(&mut self, keep: Keep) -> Result<(), Failure> {
        let call = Forward {
            steps: self.steps,
            batch: self.batch,
            sequences: Sequences::default(),
            parameters: &self.parameters,
            inputs: &views(&self.inputs),
            initial_states: &views(&self.states),
            outputs: &mut views_mut(&mut self.outputs),
            final_states: &mut views_mut(&mut self.final_states),
        };
        Ok(self.cell.forward(call, keep, &mut self.workspace)?)
    }

    fn backward(&mut self) -> Result<(), Failure> {
        let call = Backward {
            parameters: &self.parameters,
            inputs: &[],
            output_gradients: &views(&self.output_gradients),
            final_state_gradients: &views(&self.final_gradients),
            parameter_gradients: &mut self.parameter_gradients,
            input_gradients: &mut views_mut(&mut self.input_gradients),
            initial_state_gradients: &mut views_mut(&mut self.state_gradients),
        };
        Ok(self.cell.backward(call, &mut self.workspace)?)
    }
}

/// What was measured.
#[derive(Clone, Copy, Debug)]
struct Timing {
    median: Duration,
    smallest: Duration,
    largest: Duration,
    /// What 99 of 100 stay below.
    late: Option<Duration>,
}

fn time(arguments: &Arguments, mut call: impl FnMut() -> Result<(), Failure>) -> Result<Timing, Failure> {
    let mut once = || -> Result<Duration, Failure> {
        let started = Instant::now();
        call()?;
        Ok(started.elapsed())
    };
    let first = once()?;
    if first.as_secs_f64() > arguments.cap {
        return Ok(Timing { median: first, smallest: first, largest: first, late: None });
    }
    let warming = Instant::now();
    let mut last = once()?.as_secs_f64();
    while warming.elapsed().as_secs_f64() <= 0.3 {
        last = once()?.as_secs_f64();
    }
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast of a float saturates, and the number is clamped"
    )]
    let repetitions = match last {
        last if last > 6.0 => 3,
        last if last > 1.5 => 5,
        last => ((arguments.budget / last) as usize).clamp(9, 301),
    };
    let mut times = (0..repetitions).map(|_| once()).collect::<Result<Vec<_>, _>>()?;
    times.sort_unstable();
    let at = |index: usize| times.get(index).copied().unwrap_or_default();
    Ok(Timing {
        median: at(times.len() / 2),
        smallest: at(0),
        largest: at(times.len().saturating_sub(1)),
        late: None,
    })
}
