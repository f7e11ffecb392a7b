//! Random texts: what is computed is what the equations mean, gradients too.
//!
//! Equations as people write them put constructs together that random graphs seldom do. The suite takes a few hundred cells;
//! `GATEWRIGHT_TEXTS=100000 GATEWRIGHT_SEED=1000000` reads more texts, from another seed on. A failure prints the seed and the
//! text; `GATEWRIGHT_TEXTS=1 GATEWRIGHT_SEED=<seed>` repeats it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use gatewright::workspace::Workspace;
use gatewright::{Backend, CompileOptions, CompiledCell};
use gatewright_compiler::graph::{Graph, lower};
use gatewright_compiler::passes;
use gatewright_compiler::source::parse;
use gatewright_tests::training_step_in;
use gatewright_tests_text::corpus::{self, Corpus};
use gatewright_tests_text::input::{self, Spelling};

use crate::agreement::meaning;
use crate::generated::{arguments, converted, distance, number};

/// Most nodes of a cell: most time would go into few.
const MAXIMUM_NODES: usize = 100;

/// The cell of a seed, if its text is one, with sizes. Steps that are solved may have no solution: they are tried elsewhere.
fn cell(corpus: &Corpus, seed: u64) -> Option<(Graph, Vec<usize>, String)> {
    let (_, input) = input::generate(corpus, seed);
    let Spelling::Text(syntax) = input.spelling else { return None };
    let cell = passes::check(parse(&input.text, syntax, input.section), &input.options).ok()?;
    let graph = lower(&cell).ok()?;
    let signature = graph.signature();
    if !signature.unknowns.is_empty() || graph.len() > MAXIMUM_NODES {
        return None;
    }
    // As one row of a block, and as columns with gaps behind them.
    let sizes =
        input.sizes.iter().map(|&size| size.min(17)).cycle().take(signature.dimensions.len()).collect();
    Some((graph, sizes, input.text))
}

/// What became of a cell.
#[derive(Debug, Default)]
struct Counts {
    /// Results that are what they should be.
    right: usize,
    /// Results that have NaN or infinities, or that a small change of the arguments changes as much as compilation does.
    unclear: usize,
}

fn check(graph: &Graph, sizes: &[usize], seed: u64, counts: &mut Counts) {
    let named: Vec<(&str, usize)> =
        graph.signature().dimensions.iter().map(String::as_str).zip(sizes.iter().copied()).collect();
    let options = CompileOptions { backend: Backend::Interpreter, ..CompileOptions::default() };
    let compiled = match CompiledCell::<f64>::from_graph(graph, &named, options) {
        Ok(compiled) => compiled,
        Err(error) => panic!("{error}"),
    };
    let (steps, batch) = [(3, 2), (4, 1), (2, 3)][seed as usize % 3];
    let arguments = arguments(graph, sizes, steps, batch, seed);
    let found = training_step_in(&compiled, &arguments, &mut Workspace::default());
    let expected = meaning(graph, sizes, &arguments);
    assert_eq!(found.len(), expected.len());
    let mut perturbed = None;
    for (index, ((what, found), expected)) in found.iter().zip(&expected).enumerate() {
        let error = distance(found, expected);
        if expected.iter().any(|number| !number.is_finite()) {
            counts.unclear += 1;
        } else if error <= 1.0 {
            counts.right += 1;
        } else {
            let perturbed =
                perturbed.get_or_insert_with(|| meaning(graph, sizes, &converted(&arguments, 1e-14)));
            let sensitivity = distance(&perturbed[index], expected);
            assert!(
                error <= 100.0 * sensitivity,
                "{what} differs by {:.1e}, a change of 1e-14 makes {:.1e}:\n{found:?}\n{expected:?}\n{}",
                error * 1e-10,
                sensitivity * 1e-10,
                compiled.training_plan()
            );
            counts.unclear += 1;
        }
    }
}

#[test]
fn what_texts_mean_is_computed() {
    let (count, first) = (number("GATEWRIGHT_TEXTS", 6000), number("GATEWRIGHT_SEED", 0));
    let corpus = corpus::collect();
    let (mut cells, mut counts, mut failures) = (0, Counts::default(), Vec::new());
    for seed in first..first + count {
        let Some((graph, sizes, text)) = cell(&corpus, seed) else { continue };
        cells += 1;
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| check(&graph, &sizes, seed, &mut counts))) {
            let said = panic.downcast_ref::<String>().map_or("a panic without text", String::as_str);
            failures.push((text, format!("seed {seed} with sizes {sizes:?}: {said}\n{graph}")));
        }
    }
    println!("{cells} cells, {counts:?}, {} wrong", failures.len());
    for (_, failure) in &failures {
        println!("{}", failure.lines().next().unwrap_or_default());
    }
    // The shortest text says most.
    if let Some((text, failure)) = failures.iter().min_by_key(|failure| failure.0.len()) {
        panic!("{failure}\n{text}");
    }
    assert!(cells * 20 >= count || count < 100, "{cells} cells of {count} texts");
    assert!(counts.unclear * 4 <= counts.right, "{counts:?}");
}
