//! What does the compiler understand of equations as they stand in a paper? Reads LaTeX at run time, prints roles and
//! shapes, compiles, and runs one sequence. Then a slip in the same equations, and what is said about it.
//!
//! Run with `cargo run --release --example from_latex`.

use gatewright::compiler::source::Syntax;
use gatewright::sequence::{Forward, Keep, SequenceCell, Sequences};
use gatewright::workspace::Workspace;
use gatewright::{CompileOptions, CompiledCell, read_cell};

const MINIMAL_GATED_UNIT: &str = r"
\begin{align}
f_t &= \sigma(W_f [h_{t-1}, x_t] + b_f) \\
\tilde{h}_t &= \tanh(W_h [f_t \odot h_{t-1}, x_t] + b_h) \\
h_t &= (1 - f_t) \odot h_{t-1} + f_t \odot \tilde{h}_t
\end{align}";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let cell = read_cell(MINIMAL_GATED_UNIT, Syntax::Latex)?;
    for parameter in &cell.parameters {
        println!("parameter {} {}", parameter.name, parameter.shape.describe(&cell.dimensions));
    }
    let compiled = CompiledCell::<f32>::new(&cell, &[("x", 4), ("h", 8)], CompileOptions::default())?;
    println!("compiled in {:.1} ms", compiled.compile_time().as_secs_f64() * 1e3);

    let (steps, batch) = (5, 2);
    let parameters = vec![0.1; compiled.layout().parameters.length()];
    let input = vec![1.0; steps * batch * 4];
    let mut output = vec![0.0; steps * batch * 8];
    let call = Forward {
        steps,
        batch,
        sequences: Sequences::default(),
        parameters: &parameters,
        inputs: &[&input],
        initial_states: &[],
        outputs: &mut [&mut output],
        final_states: &mut [],
    };
    compiled.forward(call, Keep::Nothing, &mut Workspace::default())?;
    for step in 0..steps {
        println!("h_{} = {:.4}", step + 1, output[step * batch * 8]);
    }

    let slip = MINIMAL_GATED_UNIT.replace(r"\odot \tilde{h}_t", r"\odot \tanh(f_{t+1})");
    match read_cell(&slip, Syntax::Latex) {
        Ok(_) => println!("accepted"),
        Err(error) => println!("{error}"),
    }
    Ok(())
}
