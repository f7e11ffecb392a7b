//! Parts of vectors by index: compiled and interpreted they compute what their graph means, and their gradients are
//! those of central differences.

use gatewright::{Backend, CompileOptions, CompiledCell};
use gatewright_compiler::graph::lower;
use gatewright_compiler::passes;
use gatewright_compiler::resolve::Options;
use gatewright_compiler::source::Syntax;
use gatewright_tests::{relative_error, training_step};

use crate::agreement::{arguments, meaning};
use crate::gradients::assert_gradients;

/// Name and equations: parts of values of the step, of states, of inputs and of parameters, some read twice, some not
/// at all, and some of a part.
const CELLS: [(&str, &str); 5] = [
    (
        "lstm",
        "a_t = W x_t + U h_{t-1} + b\nc_t = sigmoid(a_t[n:2n]) * c_{t-1} + sigmoid(a_t[:n]) * tanh(a_t[3n:])\n\
         h_t = sigmoid(a_t[2n:3n]) * tanh(c_t)",
    ),
    ("states", "h_t = tanh(W x_t + U h_{t-1}[2:4] + h_{t-1}[0:5]); where h_t: [5]"),
    (
        "inputs",
        "h_t = tanh(x_t[0:n] * x_t[n:2n] + U h_{t-1}); y_t = W x_t[n:2n + 3] + V h_t; where x_t: [2n + 4]",
    ),
    ("parameters", "h_t = tanh(b[0:n] * h_{t-1} + b[n:2n] * (W x_t)); where b: [3n]"),
    (
        "parts_of_parts",
        "h_t = tanh((W [x_t, h_{t-1}])[2:][n:2n][:n] + 0.5 * h_{t-1}); where W: [2n + 5, x + n]",
    ),
];

#[test]
fn parts_of_vectors() {
    for (name, text) in CELLS {
        let cell = passes::read(text, Syntax::Text, None, &Options::default())
            .unwrap_or_else(|found| panic!("{name}: {found:?}"));
        let graph = lower(&cell).unwrap();
        for (steps, batch, n) in [(3, 2, 4), (2, 5, 17)] {
            let sizes: Vec<usize> = graph.signature().dimensions.iter().map(|_| n).collect();
            let named: Vec<(&str, usize)> =
                graph.signature().dimensions.iter().map(String::as_str).zip(sizes.iter().copied()).collect();
            let arguments = arguments::<f64>(&graph, &sizes, steps, batch);
            let expected = meaning(&graph, &sizes, &arguments);
            for backend in [Backend::Jit, Backend::Interpreter] {
                let options = CompileOptions { backend, ..CompileOptions::default() };
                let compiled = CompiledCell::<f64>::from_graph(&graph, &named, options).unwrap();
                for ((what, found), expected) in training_step(&compiled, &arguments).iter().zip(&expected) {
                    let error = relative_error(found, expected);
                    assert!(error < 1e-10, "{name} {backend:?}: {what} differs by {error:.1e}");
                }
                assert_gradients(name, &compiled, arguments.clone());
            }
        }
    }
}
