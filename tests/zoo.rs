//! Every cell of the zoo: read, compared with what its file says of it, and its gradients with central differences in
//! both back ends. Cells that the compiler refuses are listed with the error that they are refused with.

use std::collections::BTreeSet;
use std::path::Path;

use gatewright::compiler::diagnostic::Severity;
use gatewright::compiler::graph::{Graph, Sameness, lower};
use gatewright::compiler::resolve::Cell;
use gatewright::compiler::simplify::simplify;
use gatewright::sequence::{Port, SequenceCell};
use gatewright::zoo::{self, Entry};
use gatewright::{Backend, CompileOptions, CompiledCell};
use gatewright_tests::golden::GOLDEN;
use gatewright_tests::{Numbers, StepArguments};

use crate::gradients::{assert_gradients, assert_gradients_through};

/// Cells that are no cell yet: what the equations are refused with.
const UNREAD: &[(&str, &str)] = &[];

/// Dependent recurrent products per step; one for all the others.
const RECURRENT_PRODUCTS: &[(usize, &[&str])] = &[
    (
        0,
        &[
            "indrnn", "unicornn", "indylstm", "brc", "trnn", "tgru", "tlstm", "qrnn", "sru1", "sru2",
            "mingru", "minlstm", "rglru",
        ],
    ),
    (
        2,
        &[
            "jordan",
            "esn",
            "mrnn",
            "scrn",
            "lstmp",
            "mult_lstm",
            "wmclstm",
            "reslstm",
            "nested_lstm",
            "hyperlstm",
            "gru_v3",
            "gru1",
            "gru2",
            "mgu",
            "mgu1",
            "mgu2",
            "mut1",
            "mut2",
            "mut3",
            "dsgu",
            "miru1",
            "lem",
            "gru_d",
            "augru",
            "gru_ode",
            "deltanet",
            "gated_deltanet",
            "lmu",
            "cfc",
            "ltc",
            "skiprnn",
        ],
    ),
    (3, &["rhn", "fastweights"]),
    (6, &["mogrifier"]),
];

/// What follows `- key: ` in the file.
fn stated<'a>(entry: &'a Entry, key: &str) -> BTreeSet<&'a str> {
    let line =
        entry.text.lines().find_map(|line| line.strip_prefix("- ")?.strip_prefix(key)?.strip_prefix(": "));
    line.map(|line| line.split(", ").collect()).unwrap_or_default()
}

fn read(entry: &Entry) -> Option<Cell> {
    let refusal = UNREAD.iter().find(|(name, _)| *name == entry.name);
    match (entry.read(), refusal) {
        (Ok(cell), None) => Some(cell),
        (Ok(_), Some(_)) => panic!("{} is read now: take it off the list", entry.name),
        (Err(error), None) => panic!("{}\n{error}", entry.name),
        (Err(error), Some((_, code))) => {
            let first = error.diagnostics.iter().find(|found| found.is_error());
            assert_eq!(first.map(|found| found.code.as_str()), Some(*code), "{}", entry.name);
            None
        }
    }
}

#[test]
fn every_file_is_listed_and_says_what_the_list_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../runtime/zoo");
    let files: BTreeSet<String> = std::fs::read_dir(folder)
        .expect("the folder of the zoo")
        .map(|file| file.expect("a file").file_name().to_string_lossy().into_owned())
        .collect();
    let listed: BTreeSet<String> = zoo::ALL.iter().map(|entry| format!("{}.md", entry.name)).collect();
    assert_eq!(files, listed);
    assert_eq!(zoo::ALL.len(), 104);
    for entry in zoo::ALL {
        let Entry { title, reference, year, .. } = entry;
        let head = format!("# {title}\n\n{reference}, {year}.\n");
        assert!(entry.text.starts_with(&head), "{}", entry.name);
        assert!(entry.equations().starts_with("\\begin{aligned}"), "{}", entry.name);
        let frozen: BTreeSet<&str> = entry.frozen.iter().copied().collect();
        assert_eq!(stated(entry, "Frozen parameters"), frozen, "{}", entry.name);
        assert_eq!(zoo::find(&entry.name.to_uppercase()), Some(entry));
        let refused = UNREAD.iter().any(|(name, _)| *name == entry.name);
        assert_eq!(entry.lacks.is_some(), refused, "{}", entry.name);
    }
    assert_eq!(zoo::find("lst"), None);
}

#[test]
fn roles_are_those_that_the_files_state() {
    for entry in zoo::ALL {
        let Some(cell) = read(entry) else { continue };
        let name = entry.name;
        let inputs: BTreeSet<&str> = cell.inputs.iter().map(|input| input.name.as_str()).collect();
        assert_eq!(inputs, stated(entry, "Inputs"), "{name}");
        let states: BTreeSet<&str> = cell
            .states
            .iter()
            .filter(|state| !state.hidden)
            .map(|state| state.variable.name.as_str())
            .collect();
        assert_eq!(states, stated(entry, "States"), "{name}");
        let outputs: BTreeSet<&str> = cell.outputs.iter().map(|output| output.name.as_str()).collect();
        assert_eq!(outputs, stated(entry, "Output"), "{name}");
        let frozen: BTreeSet<&str> =
            cell.parameters.iter().filter(|one| one.frozen).map(|one| one.name.as_str()).collect();
        assert_eq!(frozen, entry.frozen.iter().copied().collect(), "{name}");
        let warning = cell.diagnostics.iter().find(|found| found.code.severity() == Severity::Warning);
        assert_eq!(warning, None, "{name}");
        let expected = RECURRENT_PRODUCTS.iter().find(|(_, names)| names.contains(&name));
        let found = lower(&cell).expect("a graph").recurrent_products();
        assert_eq!(found, expected.map_or(1, |(count, _)| *count), "{name}");
    }
}

/// Random arguments. States are positive: some cells divide by one, or take its logarithm.
fn arguments(cell: &CompiledCell<f64>, numbers: &mut Numbers) -> StepArguments<f64> {
    let (steps, batch) = (4, 2);
    let layout = cell.layout();
    let mut rows = |ports: &[Port], rows: usize| -> Vec<Vec<f64>> {
        ports.iter().map(|port| (0..rows * port.size).map(|_| numbers.next()).collect()).collect()
    };
    let inputs = rows(&layout.inputs, steps * batch);
    let mut states = rows(&layout.states, batch);
    let output_gradients = rows(&layout.outputs, steps * batch);
    let final_gradients = rows(&layout.states, batch);
    states.iter_mut().flatten().for_each(|value| *value += 1.5);
    let entries = layout.parameters.entries();
    let parameters =
        entries.iter().map(|entry| (0..entry.length()).map(|_| numbers.next()).collect()).collect();
    StepArguments { steps, batch, inputs, states, parameters, output_gradients, final_gradients }
}

#[test]
fn gradients_equal_central_differences() {
    for entry in zoo::ALL {
        let Some(cell) = read(entry) else { continue };
        // Different sizes, so that a confusion of two dimensions shows.
        let sizes: Vec<(&str, usize)> =
            cell.dimensions.iter().map(String::as_str).zip([3, 4, 5, 2].into_iter().cycle()).collect();
        let mut numbers = Numbers::new(23);
        for backend in [Backend::Jit, Backend::Interpreter] {
            let compile = |graph: &Graph| {
                let options = CompileOptions { backend, ..CompileOptions::default() };
                CompiledCell::<f64>::from_graph(graph, &sizes, options)
                    .unwrap_or_else(|error| panic!("{}: {error}", entry.name))
            };
            let graph = lower(&cell).expect("a graph");
            let compiled = compile(&graph);
            let arguments = arguments(&compiled, &mut numbers);
            match graph.straight_through().expect("small") {
                None => assert_gradients(entry.name, &compiled, arguments),
                Some(stand_in) => {
                    let (distances, smooth) = (compile(&stand_in.distances), compile(&stand_in.smooth));
                    assert_gradients_through(entry.name, &compiled, &distances, &smooth, arguments);
                }
            }
        }
    }
}

/// Published cells that are one, each with the first of its equals.
const SAME: &[(&str, &str)] = &[("np", "lstm")];

#[test]
fn published_cells_differ_but_for_those_listed() {
    let graphs: Vec<(&str, Graph)> = zoo::ALL
        .iter()
        .filter_map(|entry| {
            let cell = read(entry)?;
            Some((entry.name, simplify(&lower(&cell).expect("a graph"))))
        })
        .collect();
    let mut same = Vec::new();
    for (at, (name, graph)) in graphs.iter().enumerate() {
        assert!(matches!(graph.compare(graph), Sameness::Same(_)), "{name} is itself");
        for (earlier, other) in &graphs[..at] {
            // Most pairs differ in their parts; the others are compared.
            let count = |graph: &Graph| (graph.signature().states.len(), graph.signature().parameters.len());
            if count(graph) == count(other) {
                match graph.compare(other) {
                    Sameness::Same(_) => same.push((*name, *earlier)),
                    Sameness::Different => {}
                    Sameness::Unknown => panic!("{name} and {earlier} are not told apart"),
                }
            }
        }
    }
    assert_eq!(same, SAME);
}

/// Cells of the zoo that are the same as one with golden data, which [`crate::golden`] holds them to.
const GOLDEN_EQUALS: &[(&str, &str)] = &[
    ("elman", "elman"),
    ("fastgrnn", "fast_grnn"),
    ("gru_v3", "seed003_gru"),
    ("indrnn", "indrnn"),
    ("janet", "janet"),
    ("lstm", "seed002_lstm"),
    ("mgu", "mgu"),
    ("mingru", "min_gru"),
    ("mut3", "mut3"),
    ("peephole", "lstm_peephole"),
    ("ran", "ran"),
];

#[test]
fn standard_cells_are_those_with_golden_data() {
    let simplified = |cell: &Cell| simplify(&lower(cell).expect("a graph"));
    for (name, golden) in GOLDEN_EQUALS {
        let cell = zoo::find(name).and_then(read).expect("a cell");
        let golden = GOLDEN.iter().find(|known| known.name == *golden).expect("golden data");
        let golden = golden.cell().expect("a cell");
        let found = simplified(&cell).compare(&simplified(&golden));
        assert!(matches!(found, Sameness::Same(_)), "{name}: {found:?}");
    }
}
