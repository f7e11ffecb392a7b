//! A run of a cell over noise, forward and backward, and how it is timed.

use std::time::{Duration, Instant};

use clap::ValueEnum;
use cpu_time::ProcessTime;
use gatewright::inference::Inference;
use gatewright::parameters::{Initializer, Random};
use gatewright::sequence::{Backward, Forward, Keep, Port, SequenceCell, Sequences};
use gatewright::workspace::Workspace;
use gatewright::{CompiledCell, Element};

use crate::buffers::{buffers, views, views_mut, zeros};
use crate::failure::Failure;

/// Steps of a stream that are timed at most.
pub(super) const MOST_STREAMED: usize = 1_000_000;

/// Memory of all runs, allocated once.
pub(super) struct Job<'a, T> {
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
    pub(super) fn new(cell: &'a CompiledCell<T>, steps: usize, batch: usize) -> Result<Self, Failure> {
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
    pub(super) fn stream(&self, protocol: Protocol) -> Result<Timing, Failure> {
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
        let mut sorted: Vec<Duration> = Vec::with_capacity(MOST_STREAMED);
        let begun = Instant::now();
        let mut warm = false;
        for inputs in steps.iter().cycle() {
            let took = protocol.clock.time(|| Ok(stream.step(inputs, &mut outputs)?))?;
            let since = begun.elapsed().as_secs_f64();
            if !warm {
                warm = since > 0.3;
                continue;
            }
            sorted.push(took);
            if sorted.len() == MOST_STREAMED || since > 0.3 + protocol.budget {
                break;
            }
        }
        sorted.sort_unstable();
        Ok(Timing { sorted })
    }

    /// The cell with the weights of this job, made ready.
    pub(super) fn inference(&self) -> Result<Inference<T>, Failure> {
        Ok(self.cell.inference(&self.parameters)?)
    }

    pub(super) fn forward(&mut self, keep: Keep) -> Result<(), Failure> {
        self.run(self.cell, keep)
    }

    pub(super) fn infer(&mut self, inference: &Inference<T>) -> Result<(), Failure> {
        self.run(inference, Keep::Nothing)
    }

    /// Runs a cell forward, given its parameters; none where it holds them.
    fn run(&mut self, cell: &dyn SequenceCell<T>, keep: Keep) -> Result<(), Failure> {
        let call = Forward {
            steps: self.steps,
            batch: self.batch,
            sequences: Sequences::default(),
            parameters: &self.parameters[..cell.layout().parameters.length()],
            inputs: &views(&self.inputs),
            initial_states: &views(&self.states),
            outputs: &mut views_mut(&mut self.outputs),
            final_states: &mut views_mut(&mut self.final_states),
        };
        Ok(cell.forward(call, keep, &mut self.workspace)?)
    }

    pub(super) fn backward(&mut self) -> Result<(), Failure> {
        let call = Backward {
            parameters: &self.parameters,
            inputs: &views(&self.inputs),
            output_gradients: &views(&self.output_gradients),
            final_state_gradients: &views(&self.final_gradients),
            parameter_gradients: &mut self.parameter_gradients,
            input_gradients: &mut views_mut(&mut self.input_gradients),
            initial_state_gradients: &mut views_mut(&mut self.state_gradients),
        };
        Ok(self.cell.backward(call, &mut self.workspace)?)
    }
}

/// What a time is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Clock {
    /// What passes
    Wall,
    /// What this process is given of the processors, all threads together: other work on the machine does not count
    Cpu,
}

impl Clock {
    /// The time that a call takes.
    fn time(self, call: impl FnOnce() -> Result<(), Failure>) -> Result<Duration, Failure> {
        match self {
            Self::Wall => {
                let started = Instant::now();
                call()?;
                Ok(started.elapsed())
            }
            Self::Cpu => {
                let clock =
                    |error| Failure::usage(format!("this system has no clock of the process: {error}"));
                let started = ProcessTime::try_now().map_err(clock)?;
                call()?;
                Ok(ProcessTime::try_now().map_err(clock)?.duration_since(started))
            }
        }
    }
}

/// How long and how often something is timed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Protocol {
    pub(super) clock: Clock,
    /// Seconds of repetitions.
    pub(super) budget: f64,
    /// A first call slower than this many seconds stands alone.
    pub(super) cap: f64,
}

/// What was measured, from the fastest call to the slowest.
#[derive(Clone, Debug, Default)]
pub(super) struct Timing {
    sorted: Vec<Duration>,
}

impl Timing {
    /// Milliseconds that 99 of 100 calls stay below.
    pub(super) fn late(&self) -> f64 {
        let last = self.sorted.len().saturating_sub(1);
        let late = self.sorted.get(last.saturating_sub(self.sorted.len() / 100));
        late.map_or(0.0, |duration| duration.as_secs_f64() * 1e3)
    }

    /// Takes the calls of another round as well.
    pub(super) fn join(&mut self, other: Self) {
        self.sorted.extend(other.sorted);
        self.sorted.sort_unstable();
    }

    /// Milliseconds: the median, the smallest and the largest.
    pub(super) fn milliseconds(&self) -> (f64, f64, f64) {
        let at = |index: usize| self.sorted.get(index).map_or(0.0, |duration| duration.as_secs_f64() * 1e3);
        (at(self.sorted.len() / 2), at(0), at(self.sorted.len().saturating_sub(1)))
    }
}

impl Protocol {
    /// Times a call.
    pub(super) fn time(self, mut call: impl FnMut() -> Result<(), Failure>) -> Result<Timing, Failure> {
        let mut once = || -> Result<Duration, Failure> { self.clock.time(&mut call) };
        let first = once()?;
        if first.as_secs_f64() > self.cap {
            return Ok(Timing { sorted: vec![first] });
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
            last => ((self.budget / last) as usize).clamp(9, 301),
        };
        let mut sorted = (0..repetitions).map(|_| once()).collect::<Result<Vec<_>, _>>()?;
        sorted.sort_unstable();
        Ok(Timing { sorted })
    }
}
