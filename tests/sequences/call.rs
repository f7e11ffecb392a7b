//! Cells to run.

use gatewright::compiler::resolve::{CyclePolicy, Options};
use gatewright::compiler::source::Syntax;
use gatewright::{Backend, CompileOptions, CompiledCell, Element, read_cell_with};
pub(crate) use gatewright_tests::call::{Call, Results};

/// Cells in which something crosses time, or a step, in its own way.
pub(crate) const CELLS: [(&str, &str, CyclePolicy); 9] = [
    (
        "lstm",
        "i_t = sigmoid(W_i [h_{t-1}, x_t] + b_i)\nf_t = sigmoid(W_f [h_{t-1}, x_t] + b_f)\n\
         o_t = sigmoid(W_o [h_{t-1}, x_t] + b_o)\nc_t = f_t * c_{t-1} + i_t * tanh(W_c [h_{t-1}, x_t] + b_c)\n\
         h_t = o_t * tanh(c_t)",
        CyclePolicy::Reject,
    ),
    (
        "a read-out behind the loop, and weights that are used twice",
        "r_t = sigmoid(W x_t + U h_{t-1})\nz_t = sigmoid(W x_t + U h_{t-1} + b)\n\
         h_t = (1 - z_t) * h_{t-1} + z_t * tanh(V (r_t * h_{t-1}) + W x_t)\ny_t = V h_t + U r_t",
        CyclePolicy::Reject,
    ),
    ("lags", "h_t = tanh(W x_t + V x_{t-2} + U h_{t-1} + R h_{t-3})", CyclePolicy::Reject),
    (
        "initial states that are parameters",
        "h_t = tanh(W x_t + U h_{t-1} + c_{t-1})\nc_t = c_{t-1} * h_t\nh_0 = 3 s\nc_0 = s",
        CyclePolicy::Reject,
    ),
    (
        "a state that is a matrix",
        "k_t = tanh(W x_t)\nf_t = mean(sigmoid(V x_t))\nC_t = f_t C_{t-1} + k_t k_t^T\nh_t = C_t tanh(Q x_t)",
        CyclePolicy::Reject,
    ),
    (
        "expressions of parameters",
        "h_t = h_{t-1} + e tanh((W - W^T) h_{t-1} + V x_t + b)",
        CyclePolicy::Reject,
    ),
    ("no state", "y_t = tanh(W x_t + b)", CyclePolicy::Reject),
    ("a cycle that is solved", "h_t = tanh(W x_t + 0.1 * tanh(U h_t) + V h_{t-1})", CyclePolicy::FixedPoint),
    (
        "a cycle of the step before",
        "i_t = sigmoid(W x_t + U o_t)\no_t = sigmoid(V x_t + R i_t)\nh_t = o_t * h_{t-1} + i_t * x_t",
        CyclePolicy::Previous,
    ),
];

pub(crate) fn compile<T: Element>(
    text: &str,
    cycle: CyclePolicy,
    backend: Backend,
    threads: usize,
) -> CompiledCell<T> {
    let options = Options { cycle, ..Options::default() };
    let cell = read_cell_with(text, Syntax::Text, &options).unwrap_or_else(|error| panic!("{text}: {error}"));
    let sizes: Vec<(&str, usize)> =
        cell.dimensions.iter().map(|name| (name.as_str(), if name == "x" { 3 } else { 5 })).collect();
    let options = CompileOptions { backend, threads, ..CompileOptions::default() };
    CompiledCell::new(&cell, &sizes, options).unwrap_or_else(|error| panic!("{text}: {error}"))
}
