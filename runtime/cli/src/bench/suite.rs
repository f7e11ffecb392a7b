//! `gatewright bench --suite`: many cells and sizes, and what this machine could do, as a Markdown table.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use gatewright::primitive::Level;
use gatewright::{CompiledCell, Element};

use super::job::{Job, Timing};
use super::limit::Machine;
use super::{Arguments, Mode, sizes, time};
use crate::arguments::{BackendArguments, Sizes, SourceArguments, positive};
use crate::failure::Failure;
use crate::print::{answer_line, message};
use crate::session::{Checked, ZOO};

/// The columns that the table begins with.
const HEADER: &str = "label,name,cell,steps,batch,dims";

/// One line of the table.
#[derive(Clone, Debug, PartialEq)]
struct Row {
    label: String,
    name: String,
    cell: String,
    steps: usize,
    batch: usize,
    dims: Sizes,
}

impl FromStr for Row {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        let columns: Vec<&str> = line.split(',').map(str::trim).collect();
        let &[label, name, cell, steps, batch, dims] = columns.as_slice() else {
            return Err(format!("{} columns where there are to be six: {HEADER}", columns.len()));
        };
        let dims = dims.split_whitespace().collect::<Vec<_>>().join(",").parse()?;
        let (label, name, cell) = (label.to_owned(), name.to_owned(), cell.to_owned());
        Ok(Self { label, name, cell, steps: positive(steps)?, batch: positive(batch)?, dims })
    }
}

/// All lines of a table: the header first; empty lines and those that begin with `#` are left out.
fn rows(text: &str) -> Result<Vec<Row>, String> {
    let mut lines =
        (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
    match lines.next() {
        Some((_, line)) if line.trim() == HEADER => {}
        _ => return Err(format!("the first line is to be `{HEADER}`")),
    }
    lines.map(|(number, line)| line.parse().map_err(|error| format!("line {number}: {error}"))).collect()
}

/// The fastest of the programs that others have timed: its name and its median in milliseconds.
#[derive(Debug, Default)]
struct Peers(Vec<(String, [String; 4], f64)>);

impl FromStr for Peers {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut peers = Vec::new();
        for (number, line) in
            (1..).zip(text.lines()).filter(|(_, line)| !line.starts_with('#') && !line.is_empty())
        {
            let columns: Vec<&str> = line.split(',').collect();
            let [peer, cell, label, mode, threads, median, ..] = columns.as_slice() else {
                return Err(format!("line {number}: no line of `bench`"));
            };
            let median: f64 = median.parse().map_err(|_| format!("line {number}: `{median}` is no time"))?;
            let key = [cell, label, mode, threads].map(|column| (*column).to_owned());
            peers.push(((*peer).to_owned(), key, median));
        }
        Ok(Self(peers))
    }
}

impl Peers {
    fn fastest(&self, key: &[String; 4]) -> Option<(&str, f64)> {
        let of_row = self.0.iter().filter(|(_, other, _)| other == key);
        of_row.min_by(|one, two| one.2.total_cmp(&two.2)).map(|(peer, _, median)| (peer.as_str(), *median))
    }
}

fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| Failure::file(path, &error))
}

/// A row with its cell, and what was measured for each number of threads and each mode.
struct Case {
    row: Row,
    checked: Checked,
    sizes: Vec<usize>,
    timings: Vec<(usize, Mode, Timing)>,
}

impl Case {
    fn new(row: Row, table: &Path, arguments: &Arguments, threads: &[usize]) -> Result<Self, Failure> {
        // Paths are those of the table.
        let file = match row.cell.strip_prefix(ZOO) {
            Some(_) => PathBuf::from(&row.cell),
            None => table.parent().unwrap_or(Path::new("")).join(&row.cell),
        };
        let checked = Checked::read(&SourceArguments { file, ..arguments.source.clone() })?;
        let sizes = sizes(&checked, Some(&row.dims))?;
        let timings = threads
            .iter()
            .flat_map(|&threads| arguments.mode.iter().map(move |&mode| (threads, mode, Timing::default())))
            .collect();
        Ok(Self { row, checked, sizes, timings })
    }

    fn backend(arguments: &Arguments, threads: usize) -> BackendArguments {
        BackendArguments { threads, ..arguments.backend }
    }

    fn time<T: Element>(&mut self, arguments: &Arguments) -> Result<(), Failure> {
        for (threads, mode, timing) in &mut self.timings {
            let backend = Self::backend(arguments, *threads);
            let cell = self.checked.compile::<T>(&self.sizes, backend)?;
            let mut job = Job::new(&cell, self.row.steps, self.row.batch)?;
            timing.join(time(*mode, arguments.protocol(), &mut job, &self.checked, &self.sizes, backend)?);
        }
        Ok(())
    }

    /// For each timing the milliseconds that it takes on this machine at the least, where that is known.
    fn limits<T: Element>(
        &self,
        arguments: &Arguments,
        machine: &Machine,
    ) -> Result<Vec<Option<f64>>, Failure> {
        let cell: CompiledCell<T> = self.checked.compile(&self.sizes, arguments.backend)?;
        let shape = (self.row.steps, self.row.batch);
        let limit = |(threads, mode, _): &(usize, Mode, Timing)| match mode {
            Mode::Fwd | Mode::Infer => {
                Some(machine.milliseconds::<T>(cell.inference_plan(), shape, false, *threads))
            }
            Mode::Train => Some(machine.milliseconds::<T>(cell.training_plan(), shape, true, *threads)),
            Mode::Compile | Mode::Stream => None,
        };
        Ok(self.timings.iter().map(limit).collect())
    }

    fn print<T: Element>(
        &self,
        arguments: &Arguments,
        machine: &Machine,
        peers: &Peers,
    ) -> Result<(), Failure> {
        let limits = self.limits::<T>(arguments, machine)?;
        for ((threads, mode, timing), limit) in self.timings.iter().zip(limits) {
            let (median, smallest, _) = timing.milliseconds();
            let (limit, above) = limit.map_or_else(
                || ("-".to_owned(), "-".to_owned()),
                |limit| (number(limit), format!("{:.2}", smallest / limit)),
            );
            let of_mode = |mode: Mode| {
                let threads = threads.to_string();
                let key = [self.row.name.as_str(), &self.row.label, mode.name(), &threads];
                peers.fastest(&key.map(str::to_owned))
            };
            // Most programs have one way to run forward.
            let fastest = of_mode(*mode).or_else(|| of_mode(Mode::Fwd).filter(|_| *mode == Mode::Infer));
            let (peer, faster) = fastest.map_or_else(
                || ("-".to_owned(), "-".to_owned()),
                |(peer, time)| (format!("{peer} {}", number(time)), format!("{:.2}", time / median)),
            );
            let one = self.timings.iter().find(|(threads, other, _)| *threads == 1 && other == mode);
            let gain = match one {
                Some((_, _, one)) if *threads > 1 => format!("{:.2}", one.milliseconds().1 / smallest),
                _ => "-".to_owned(),
            };
            answer_line!(
                "| {} | {} | {} | {threads} | {} | {} | {limit} | {above} | {gain} | {peer} | {faster} |",
                self.row.label,
                self.row.name,
                mode.name(),
                number(median),
                number(smallest),
            )?;
        }
        Ok(())
    }
}

/// Three figures.
fn number(milliseconds: f64) -> String {
    match milliseconds {
        large if large >= 100.0 => format!("{large:.0}"),
        large if large >= 10.0 => format!("{large:.1}"),
        large if large >= 1.0 => format!("{large:.2}"),
        small => format!("{small:.4}"),
    }
}

/// Times every row and prints the table.
pub(super) fn run<T: Element>(arguments: &Arguments) -> Result<(), Failure> {
    let path = &arguments.source.file;
    if arguments.mode.contains(&Mode::Stream) {
        return Err(Failure::usage("a suite has no streams: leave `--mode stream` out"));
    }
    let wrong = |path: &Path, error: String| Failure::data(format!("{}: {error}", path.display()));
    let mut table = rows(&read(path)?).map_err(|error| wrong(path, error))?;
    if let Some(unknown) = arguments.only.iter().find(|only| !table.iter().any(|row| row.label == **only)) {
        return Err(Failure::usage(format!("{} has no row with the label `{unknown}`", path.display())));
    }
    table.retain(|row| arguments.only.is_empty() || arguments.only.contains(&row.label));
    let peers = match &arguments.peers {
        Some(path) => read(path)?.parse().map_err(|error| wrong(path, error))?,
        None => Peers::default(),
    };
    let threads: &[usize] =
        &[1, arguments.backend.threads][..if arguments.backend.threads > 1 { 2 } else { 1 }];
    let mut cases = table
        .into_iter()
        .map(|row| Case::new(row, path, arguments, threads))
        .collect::<Result<Vec<_>, _>>()?;
    let level = arguments.backend.level.map_or_else(Level::best, Level::from);
    let mut machine = Machine::new::<T>(level, arguments.backend.threads);
    // Asks for all rates that the table needs, so that every round measures them.
    cases.iter().try_for_each(|case| case.limits::<T>(arguments, &machine).map(drop))?;
    for round in 1..=arguments.rounds {
        if round > 1 {
            machine.measure::<T>();
        }
        for case in &mut cases {
            message(format_args!("round {round}: {} {}\n", case.row.label, case.row.name));
            case.time::<T>(arguments)?;
        }
    }
    answer_line!("{}", machine.describe::<T>())?;
    answer_line!("")?;
    answer_line!(
        "| | cell | mode | threads | median ms | min ms | limit ms | min / limit | gain by threads | best peer, median ms | peer / median |"
    )?;
    answer_line!("|---|---|---|---|---|---|---|---|---|---|---|")?;
    cases.iter().try_for_each(|case| case.print::<T>(arguments, &machine, &peers))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_suite_of_the_repository_is_read() {
        let table = rows(include_str!("../../../benches/suite.csv")).expect("a table");
        assert_eq!(table.len(), 35);
        assert_eq!(table[0].dims.0, [("x".to_owned(), 32), ("h".to_owned(), 32)]);
    }

    #[test]
    fn a_wrong_line_is_named() {
        for (text, place) in [
            ("", "the first line"),
            ("label,name,cell,steps,batch,dims\nS1,lstm,zoo:lstm,100,1", "line 2: 5 columns"),
            ("label,name,cell,steps,batch,dims\n# S1\nS1,lstm,zoo:lstm,0,1,x=1", "line 3: `0`"),
            ("label,name,cell,steps,batch,dims\nS1,lstm,zoo:lstm,1,1,x", "line 2: `x` is not of the form"),
        ] {
            let error = rows(text).expect_err("wrong");
            assert!(error.contains(place), "{error}");
        }
    }

    #[test]
    fn the_fastest_peer_of_a_row_is_found() {
        let lines = "# a note\na,lstm,S1,fwd,1,2.0,1,3\nb,lstm,S1,fwd,1,1.5,1,3\nc,lstm,S1,fwd,2,1.0,1,3\n";
        let peers: Peers = lines.parse().expect("lines");
        let key = ["lstm", "S1", "fwd", "1"].map(str::to_owned);
        assert_eq!(peers.fastest(&key), Some(("b", 1.5)));
        assert!("a,b\n".parse::<Peers>().is_err());
    }
}
