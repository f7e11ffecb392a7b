//! Golden data with both back ends in both precisions: every output, final state and gradient.

use std::collections::BTreeMap;

use gatewright::{Backend, CompileOptions, Element};
use gatewright_tests::golden::{GOLDEN, arguments, compile};
use gatewright_tests::{relative_error, training_step};

fn check<T: Element>(backend: Backend, tolerance: f64) {
    let mut failures = Vec::new();
    let mut compared = 0;
    for golden in GOLDEN {
        let name = golden.name;
        let cell = match golden.cell() {
            Ok(cell) => cell,
            Err(findings) => {
                failures.push(format!("{name}: {findings:?}"));
                continue;
            }
        };
        let tensors = golden.tensors();
        let compiled = compile::<T>(&cell, &tensors, CompileOptions { backend, ..CompileOptions::default() });
        let found: BTreeMap<String, Vec<T>> =
            training_step(&compiled, &arguments(&cell, &tensors)).into_iter().collect();
        let given = ["input.", "state.", "param.", "grad_output.", "grad_final."];
        for (key, (_, expected)) in &tensors {
            if given.iter().any(|prefix| key.starts_with(prefix)) {
                continue;
            }
            let expected: Vec<T> = expected.iter().map(|&value| T::from_f64(value)).collect();
            let error = found.get(key).map_or(f64::INFINITY, |found| relative_error(found, &expected));
            compared += 1;
            // Not `error > tolerance`: NaN fails.
            if !matches!(error.partial_cmp(&tolerance), Some(std::cmp::Ordering::Less)) {
                failures.push(format!("{name}: {key} differs by {error:.1e}"));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    // Five kinds of result for each of the cells, at least.
    assert!(compared >= 5 * GOLDEN.len(), "only {compared} tensors were compared");
}

#[test]
fn interpreter_f64() {
    check::<f64>(Backend::Interpreter, 1e-9);
}

#[test]
fn interpreter_f32() {
    check::<f32>(Backend::Interpreter, 2e-5);
}

#[test]
fn machine_code_f64() {
    check::<f64>(Backend::Jit, 1e-9);
}

#[test]
fn machine_code_f32() {
    check::<f32>(Backend::Jit, 2e-5);
}
