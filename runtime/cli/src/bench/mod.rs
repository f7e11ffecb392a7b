//! `gatewright bench`: one line of numbers for each mode; with `--suite` a table of many cells and sizes.
//!
//! Protocol: warm-up calls for at least 0.3 s and at least two; then as many repetitions as the budget holds, from 9 to
//! 301 (5 where a call takes over 1.5 s, 3 over 6 s; a call over the cap stands alone). Median, smallest, largest.
//!
//! Mode `stream` times single steps of a stream that goes on and on: as many as the budget holds, up to
//! [`job::MOST_STREAMED`], after a warm-up of 0.3 s. Its times have six decimals, and the time that 99 of 100 steps stay
//! below stands behind them.

mod job;
mod limit;
mod suite;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use gatewright::Element;
use gatewright::sequence::Keep;

use crate::arguments::{BackendArguments, Precision, Sizes, SourceArguments, positive, positive_number};
use crate::dimension::DimensionSolver;
use crate::failure::Failure;
use crate::print::answer_line;
use crate::session::{Checked, compile_text};
use job::{Clock, Job, Protocol, Timing};

/// Time a cell: prints gatewright,CELL,LABEL,MODE,THREADS,median_ms,min_ms,max_ms for each mode; for `stream` the time of a
/// step, and a last column p99_ms. Or time a suite of cells
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    source: SourceArguments,
    /// FILE is a table: label,name,cell,steps,batch,dims (x=128 h=128) in each line, the cell a file or `zoo:NAME`.
    /// Times every line and prints the limit of this machine beside; with more than one thread, on one as well
    #[arg(long, conflicts_with_all = ["dims", "batch", "steps", "label", "cell", "section", "cycle", "output", "frozen"])]
    suite: bool,
    /// Lines of other programs, as this command prints them: the table names the fastest of each row (where there is none for
    /// `infer`, that for `fwd`)
    #[arg(long, value_name = "FILE")]
    peers: Option<PathBuf>,
    /// Times that the whole suite is run, in turn: medians and smallest times are of all rounds, and so
    /// are the machine's rates, the highest of which give the limits
    #[arg(long, default_value_t = 1, value_parser = positive)]
    rounds: usize,
    /// Rows of the suite with this label only, one or several parted by commas
    #[arg(long, value_name = "LABEL,…", value_delimiter = ',')]
    only: Vec<String>,
    /// Sizes of all dimensions
    #[arg(long, value_name = "NAME=SIZE,…")]
    dims: Option<Sizes>,
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
    /// What to measure. With several threads the time of the process is that of all of them
    #[arg(long, value_enum, default_value_t = Clock::Wall)]
    clock: Clock,
    #[command(flatten)]
    backend: BackendArguments,
}

impl Arguments {
    fn protocol(&self) -> Protocol {
        Protocol { clock: self.clock, budget: self.budget, cap: self.cap }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// Forward without a tape, given the parameters with each run
    Fwd,
    /// Forward of a cell that holds its weights, packed beforehand
    Infer,
    /// Forward with a tape, then backward with the gradients of parameters, inputs and initial states
    Train,
    /// From the text to callable code, forward and backward
    Compile,
    /// One step of a stream, states kept: on one thread, whatever --threads says
    Stream,
}

impl Mode {
    const fn name(self) -> &'static str {
        match self {
            Self::Fwd => "fwd",
            Self::Infer => "infer",
            Self::Train => "train",
            Self::Compile => "compile",
            Self::Stream => "stream",
        }
    }

    /// Samples where nobody says how many.
    const fn batch(self) -> usize {
        match self {
            Self::Stream => 1,
            Self::Fwd | Self::Infer | Self::Train | Self::Compile => 32,
        }
    }
}

/// What may stand in a column of the line.
fn column(text: &str) -> Result<String, String> {
    if text.contains([',', '"']) || text.contains(char::is_control) {
        return Err("a comma, a quotation mark or a control character would break the line".to_owned());
    }
    Ok(text.to_owned())
}

/// Runs the subcommand.
pub(crate) fn bench(arguments: &Arguments) -> Result<(), Failure> {
    // A flag that is not given has a value all the same: `requires` finds it there.
    let of_suite = [
        ("--peers", arguments.peers.is_some()),
        ("--rounds", arguments.rounds != 1),
        ("--only", !arguments.only.is_empty()),
    ];
    if let Some((option, _)) = of_suite.iter().find(|&&(_, given)| given && !arguments.suite) {
        return Err(Failure::usage(format!("{option} says nothing of a single cell: it goes with --suite")));
    }
    match (arguments.suite, arguments.dtype) {
        (true, Precision::F32) => suite::run::<f32>(arguments),
        (true, Precision::F64) => suite::run::<f64>(arguments),
        (false, Precision::F32) => bench_in::<f32>(arguments),
        (false, Precision::F64) => bench_in::<f64>(arguments),
    }
}

fn bench_in<T: Element>(arguments: &Arguments) -> Result<(), Failure> {
    let checked = Checked::read(&arguments.source)?;
    let sizes = sizes(&checked, arguments.dims.as_ref())?;
    let cell = checked.compile::<T>(&sizes, arguments.backend)?;
    let name = match &arguments.cell {
        Some(name) => name.clone(),
        None => column(&checked.source.name())
            .map_err(|error| Failure::usage(format!("the name of the file: {error} (--cell NAME)")))?,
    };
    let mut made: Option<(usize, Job<'_, T>)> = None;
    for &mode in &arguments.mode {
        let label = &arguments.label;
        let batch = arguments.batch.unwrap_or(mode.batch());
        let (_, job) = match &mut made {
            Some(made) if made.0 == batch => made,
            none => none.insert((batch, Job::new(&cell, arguments.steps, batch)?)),
        };
        let timing = time(mode, arguments.protocol(), job, &checked, &sizes, arguments.backend)?;
        let ((median, smallest, largest), late) = (timing.milliseconds(), timing.late());
        let row = format!("gatewright,{name},{label},{}", mode.name());
        if mode == Mode::Stream {
            answer_line!("{row},1,{median:.6},{smallest:.6},{largest:.6},{late:.6}")?;
        } else {
            answer_line!("{row},{},{median:.4},{smallest:.4},{largest:.4}", arguments.backend.threads)?;
        }
    }
    Ok(())
}

/// Sizes in the order of the cell's dimensions.
fn sizes(checked: &Checked, given: Option<&Sizes>) -> Result<Vec<usize>, Failure> {
    let mut solver = DimensionSolver::new(&checked.cell.dimensions);
    if let Some(given) = given {
        solver.give(given)?;
    }
    solver.finish()
}

fn time<T: Element>(
    mode: Mode,
    protocol: Protocol,
    job: &mut Job<'_, T>,
    checked: &Checked,
    sizes: &[usize],
    backend: BackendArguments,
) -> Result<Timing, Failure> {
    match mode {
        Mode::Stream => job.stream(protocol),
        Mode::Fwd => protocol.time(|| job.forward(Keep::Nothing)),
        Mode::Infer => {
            let inference = job.inference()?;
            protocol.time(|| job.infer(&inference))
        }
        Mode::Train => protocol.time(|| {
            job.forward(Keep::Tape)?;
            job.backward()
        }),
        Mode::Compile => protocol.time(|| compile_text::<T>(&checked.source, sizes, backend).map(drop)),
    }
}
