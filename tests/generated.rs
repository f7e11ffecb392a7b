//! Random cells: what is compiled computes what the graph means, whatever the equations, the sizes and the memory it
//! runs in.
//!
//! The suite takes a few hundred; `GATEWRIGHT_CELLS=10000 GATEWRIGHT_SEED=1000000` takes more, and from another seed
//! on. A failure prints the seed, the graph and the plan; `GATEWRIGHT_CELLS=1 GATEWRIGHT_SEED=<seed>` repeats it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use gatewright::error::CompileError;
use gatewright::sequence::{Forward, Keep, SequenceCell, Sequences};
use gatewright::workspace::Workspace;
use gatewright::{Backend, CompileOptions, CompiledCell, Element};
use gatewright_compiler::graph::{Graph, Port};
use gatewright_compiler::passes;
use gatewright_compiler::shape::Shape;
use gatewright_tests::generate::{GeneratedCell, choose, generate};
use gatewright_tests::{Numbers, StepArguments, relative_error, slices, slices_mut, training_step_in};

use crate::agreement::{meaning, meaning_of_gradient};

/// T and B. The last ones are cut into two blocks of rows and three.
const SHAPES: [(usize, usize); 16] = [
    (1, 1),
    (2, 3),
    (3, 2),
    (8, 1),
    (3, 3),
    (0, 2),
    (2, 0),
    (0, 0),
    (17, 2),
    (3, 8),
    (33, 1),
    (8, 3),
    (1, 17),
    (2, 8),
    (2, 33),
    (1, 70),
];

pub(crate) fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Weights get smaller with the number of columns, so that steps do not amplify rounding.
pub(crate) fn arguments(
    graph: &Graph,
    sizes: &[usize],
    steps: usize,
    batch: usize,
    seed: u64,
) -> StepArguments<f64> {
    let mut numbers = Numbers::new(seed);
    let signature = graph.signature();
    let mut arrays = |ports: &[Port], rows: usize, weights: bool| {
        let array = |port: &Port| {
            let axes = port.shape.sizes(sizes).unwrap();
            let scale = match (&port.shape, weights) {
                (Shape::Matrix(..), true) => 0.7 / (axes[1].max(1) as f64).sqrt(),
                (_, true) => 0.7,
                _ => 1.0,
            };
            let length = rows * axes.iter().product::<usize>();
            (0..length).map(|_| numbers.next() * scale).collect::<Vec<_>>()
        };
        ports.iter().map(array).collect::<Vec<_>>()
    };
    StepArguments {
        steps,
        batch,
        inputs: arrays(&signature.inputs, steps * batch, false),
        states: arrays(&signature.states, batch, false),
        parameters: arrays(&signature.parameters, 1, true),
        output_gradients: arrays(&signature.outputs, steps * batch, false),
        final_gradients: arrays(&signature.states, batch, false),
    }
}

pub(crate) fn converted<T: Element>(arguments: &StepArguments<f64>, change: f64) -> StepArguments<T> {
    let mut signs = Numbers::new(1);
    let mut lists = [
        &arguments.inputs,
        &arguments.states,
        &arguments.parameters,
        &arguments.output_gradients,
        &arguments.final_gradients,
    ]
    .map(|list| {
        let array = |array: &Vec<f64>| {
            array.iter().map(|&x| T::from_f64(x * (1.0 + change * signs.next()))).collect::<Vec<T>>()
        };
        list.iter().map(array).collect::<Vec<_>>()
    })
    .into_iter();
    let mut next = || lists.next().unwrap_or_default();
    StepArguments {
        steps: arguments.steps,
        batch: arguments.batch,
        inputs: next(),
        states: next(),
        parameters: next(),
        output_gradients: next(),
        final_gradients: next(),
    }
}

type Results<T> = Vec<(String, Vec<T>)>;

fn assert_same_bits<T: Element>(left: &Results<T>, right: &Results<T>, when: &str) {
    assert_eq!(left.len(), right.len());
    for ((what, left), (_, right)) in left.iter().zip(right) {
        let same = |(a, b): (&T, &T)| {
            let (a, b) = (a.to_f64(), b.to_f64());
            a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
        };
        let same = left.len() == right.len() && left.iter().zip(right).all(same);
        assert!(same, "{when}: {what} is another:\n{left:?}\n{right:?}");
    }
}

/// How far two results are apart, in units of the tolerance of 1e-10: relative to the expected norm, with allowance
/// for sums that cancel.
pub(crate) fn distance(found: &[f64], expected: &[f64]) -> f64 {
    let error = relative_error(found, expected) / 1e-10;
    if error <= 1.0 || !error.is_finite() {
        return error;
    }
    let norm = expected.iter().map(|x| x * x).sum::<f64>().sqrt();
    error * norm / (norm + 1e-2)
}

/// What became of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Right,
    /// A small change of the arguments changes the results as much as compilation does, or an empty vector has NaN for
    /// its largest element's share.
    IllConditioned,
}

/// Memory that all cells of a campaign run in, one after the other.
#[derive(Default)]
struct Memory {
    double: Workspace<f64>,
    single: Workspace<f32>,
}

struct Case<'a> {
    generated: &'a GeneratedCell,
    named: Vec<(&'a str, usize)>,
}

impl Case<'_> {
    fn compile<T: Element>(&self, backend: Backend, threads: usize) -> Result<CompiledCell<T>, CompileError> {
        CompiledCell::from_graph(
            &self.generated.graph,
            &self.named,
            CompileOptions { backend, threads, ..CompileOptions::default() },
        )
    }
}

fn inference<T: Element>(
    cell: &CompiledCell<T>,
    arguments: &StepArguments<T>,
    workspace: &mut Workspace<T>,
) -> Vec<Vec<T>> {
    let layout = cell.layout();
    let filled = |ports: &[gatewright::sequence::Port], rows: usize| -> Vec<Vec<T>> {
        ports.iter().map(|port| vec![T::from_f64(7.0); rows * port.size]).collect()
    };
    let mut outputs = filled(&layout.outputs, arguments.steps * arguments.batch);
    let mut finals = filled(&layout.states, arguments.batch);
    let parameters: Vec<T> = arguments.parameters.iter().flatten().copied().collect();
    cell.forward(
        Forward {
            steps: arguments.steps,
            batch: arguments.batch,
            sequences: Sequences::default(),
            parameters: &parameters,
            inputs: &slices(&arguments.inputs),
            initial_states: &slices(&arguments.states),
            outputs: &mut slices_mut(&mut outputs),
            final_states: &mut slices_mut(&mut finals),
        },
        Keep::Nothing,
        workspace,
    )
    .expect("inference");
    outputs.extend(finals);
    outputs
}

/// All checks of one cell.
fn check(seed: u64, memory: &mut Memory) -> Outcome {
    let generated = generate(seed);
    let (graph, sizes) = (&generated.graph, &generated.sizes);
    let mut numbers = Numbers::new(seed ^ 0xbeef);
    let (steps, batch) = SHAPES[choose(&mut numbers, SHAPES.len())];
    let names = graph.signature().dimensions.iter().map(String::as_str);
    let case = Case { generated: &generated, named: names.zip(sizes.iter().copied()).collect() };
    let compiled = case.compile::<f64>(Backend::Jit, 2).expect("the cell is compiled");
    let arguments = arguments(graph, sizes, steps, batch, seed);

    // Against the meaning.
    let found = training_step_in(&compiled, &arguments, &mut Workspace::default());
    let expected = meaning(graph, sizes, &arguments);
    let mut perturbed: Option<Vec<Vec<f64>>> = None;
    let mut outcome = Outcome::Right;
    assert_eq!(found.len(), expected.len());
    for (index, ((what, found), expected)) in found.iter().zip(&expected).enumerate() {
        let error = distance(found, expected);
        if error <= 1.0 {
            continue;
        }
        let perturbed = perturbed.get_or_insert_with(|| meaning(graph, sizes, &converted(&arguments, 1e-14)));
        let sensitivity = distance(&perturbed[index], expected);
        // Whether the passes before the plan are to blame.
        let simplified = &passes::run_from_graph(graph).expect("compiled before").gradient;
        let simplified = &meaning_of_gradient(simplified, sizes, &arguments)[index];
        let by_plan = distance(found, simplified);
        // The sum of no elements is zero, and the sum of a broadcast is simplified to a product, which NaN survives.
        let of_nothing = sizes.contains(&0) && by_plan <= 1.0;
        assert!(
            of_nothing || error <= 100.0 * sensitivity,
            "{what} differs by {:.1e}, from the simplified graph by {:.1e}; a change of 1e-14 makes \
             {:.1e}:\n{found:?}\n{expected:?}",
            error * 1e-10,
            by_plan * 1e-10,
            sensitivity * 1e-10
        );
        outcome = Outcome::IllConditioned;
    }

    // In memory full of another cell's numbers, then its own at another T and B.
    let reused = training_step_in(&compiled, &arguments, &mut memory.double);
    assert_same_bits(&found, &reused, "in used memory");
    let (other_steps, other_batch) = SHAPES[choose(&mut numbers, 12)];
    let other = self::arguments(graph, sizes, other_steps, other_batch, seed + 1);
    training_step_in(&compiled, &other, &mut memory.double);
    let reused = training_step_in(&compiled, &arguments, &mut memory.double);
    assert_same_bits(&found, &reused, "after another shape");
    // And at the same T and B with numbers that are not finite.
    let mut hostile = arguments.clone();
    let lists = [&mut hostile.inputs, &mut hostile.states, &mut hostile.output_gradients];
    for (index, element) in lists.into_iter().flatten().flatten().enumerate() {
        *element = [f64::NAN, f64::INFINITY, 1e300, f64::NEG_INFINITY][index % 4];
    }
    training_step_in(&compiled, &hostile, &mut memory.double);
    let reused = training_step_in(&compiled, &arguments, &mut memory.double);
    assert_same_bits(&found, &reused, "after numbers that are not finite");

    // What is not finite goes where the equations carry it, and nowhere else.
    let mut spoilt = arguments.clone();
    let lists = [&mut spoilt.inputs, &mut spoilt.states, &mut spoilt.output_gradients];
    for list in lists {
        let count = list.len();
        if let Some(array) = list.get_mut(choose(&mut numbers, count))
            && let Some(element) = array.first_mut()
        {
            *element = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY][choose(&mut numbers, 3)];
        }
    }
    let simplified = passes::run_from_graph(graph).expect("compiled before").gradient;
    let expected = meaning_of_gradient(&simplified, sizes, &spoilt);
    let found_spoilt = training_step_in(&compiled, &spoilt, &mut memory.double);
    for ((what, found), expected) in found_spoilt.iter().zip(&expected) {
        let class = |x: &f64| if x.is_finite() { 0.0 } else { *x };
        for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
            let (a, b) = (class(found), class(expected));
            assert!(
                a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()),
                "spoilt: {what}[{index}] is {found}, not {expected}"
            );
        }
    }

    // Inference computes the same outputs.
    let inferred = inference(&compiled, &arguments, &mut memory.double);
    for ((what, trained), inferred) in found.iter().zip(&inferred) {
        let error = distance(inferred, trained);
        assert!(error <= 1.0 || outcome == Outcome::IllConditioned, "inference: {what}: {error:.1e}");
    }

    // Both back ends, any number of threads.
    let threads = 1 + choose(&mut numbers, 3);
    if choose(&mut numbers, 2) == 0 {
        let interpreted = case.compile::<f64>(Backend::Interpreter, threads).expect("compiled before");
        let again = training_step_in(&interpreted, &arguments, &mut memory.double);
        assert_same_bits(&found, &again, "interpreted in f64");
    } else {
        let arguments = converted::<f32>(&arguments, 0.0);
        let machine = case.compile::<f32>(Backend::Jit, threads).expect("compiled before");
        let machine = training_step_in(&machine, &arguments, &mut memory.single);
        let interpreted = case.compile::<f32>(Backend::Interpreter, 4 - threads).expect("compiled before");
        let interpreted = training_step_in(&interpreted, &arguments, &mut memory.single);
        assert_same_bits(&machine, &interpreted, "interpreted in f32");
    }
    outcome
}

fn has_matrix_state(graph: &Graph) -> bool {
    graph.signature().states.iter().any(|state| matches!(state.shape, Shape::Matrix(..)))
}

fn campaign(first: u64, cells: u64) {
    let mut memory = Memory::default();
    let (mut right, mut ill, mut with_matrices) = (0, 0, 0);
    let mut failures = Vec::new();
    for seed in first..first + cells {
        with_matrices += u64::from(has_matrix_state(&generate(seed).graph));
        match catch_unwind(AssertUnwindSafe(|| check(seed, &mut memory))) {
            Ok(Outcome::Right) => right += 1,
            Ok(Outcome::IllConditioned) => ill += 1,
            Err(panic) => {
                let text = panic
                    .downcast_ref::<String>()
                    .map(String::as_str)
                    .or_else(|| panic.downcast_ref::<&str>().copied())
                    .unwrap_or("a panic without text");
                failures.push((seed, text.to_owned()));
                memory = Memory::default();
            }
        }
    }
    println!(
        "{right} right, {ill} ill-conditioned, {} wrong; {with_matrices} with matrix states",
        failures.len()
    );
    for (seed, text) in &failures {
        println!("{seed}: {}", text.lines().next().unwrap_or_default());
    }
    // The smallest cell says most.
    if let Some((seed, text)) = failures.iter().min_by_key(|failure| generate(failure.0).graph.len()) {
        let generated = generate(*seed);
        let sizes: Vec<(&str, usize)> = generated
            .graph
            .signature()
            .dimensions
            .iter()
            .map(String::as_str)
            .zip(generated.sizes.iter().copied())
            .collect();
        let options = CompileOptions { backend: Backend::Interpreter, ..CompileOptions::default() };
        let plan = CompiledCell::<f64>::from_graph(&generated.graph, &sizes, options)
            .map_or_else(|error| error.to_string(), |cell| cell.training_plan().to_string());
        let graph = &generated.graph;
        panic!("seed {seed} with sizes {sizes:?}: {text}\n{graph}\n{plan}");
    }
    assert!(with_matrices * 8 >= cells || cells < 50, "{with_matrices} of {cells} cells have a matrix state");
    assert!(ill * 50 <= cells, "{ill} of {cells} cells say little: they are ill-conditioned");
}

/// The seeds of one half of the campaign, so that two threads share it.
fn half(second: u64) -> (u64, u64) {
    let cells = number("GATEWRIGHT_CELLS", 250);
    let first = number("GATEWRIGHT_SEED", 0);
    let own = cells.div_ceil(2);
    if second == 0 { (first, own) } else { (first + own, cells - own) }
}

#[test]
fn first_half() {
    let (first, cells) = half(0);
    campaign(first, cells);
}

#[test]
fn second_half() {
    let (first, cells) = half(1);
    campaign(first, cells);
}
