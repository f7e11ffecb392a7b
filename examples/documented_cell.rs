//! Can the documentation of a cell be the cell? Two cells whose equations are what rustdoc shows, as MathML, and one
//! whose equations stand in a Markdown file. A wrong equation is a compile error on its line.
//!
//! Run with `cargo run --release --example documented_cell`; see the pages with
//! `cargo doc --no-deps --package gatewright-examples --example documented_cell --open`.

use gatewright::CompileOptions;
use gatewright::documented::cell;
use gatewright::sequence::{Forward, Keep, SequenceCell, Sequences};
use gatewright::workspace::Workspace;

/// The LSTM of Gers et al. (2000): a memory $C_t$ that gates protect.
///
/// $$
/// i_t = \sigma(W_{xi} [h_{t-1}, x_t] + b_i) \\
/// f_t = \sigma(W_{xf} [h_{t-1}, x_t] + b_f) \\
/// o_t = \sigma(W_{xo} [h_{t-1}, x_t] + b_o) \\
/// C_t = f_t \odot C_{t-1} + i_t \odot \tanh(W_{hc} [h_{t-1}, x_t] + b_c) \\
/// h_t = o_t \odot \tanh(C_t)
/// $$
///
/// Where $f_t$ is near one, gradients of $C_t$ pass unchanged.
#[cell]
pub struct Lstm;

/// A leaky unit: every step keeps half of the state, since $\alpha$ is given and not learned.
///
/// \begin{align}
/// \alpha &= 0.5 \\
/// \tilde{h}_t &= \tanh\left(W x_t + U h_{t-1} + \frac{b}{2}\right) \\
/// h_t &= (1 - \alpha) h_{t-1} + \alpha \tilde{h}_t
/// \end{align}
#[cell]
pub struct Leaky;

/// The minimal gated unit, as its file has it.
#[cell(file = "equations/mgu.md")]
pub struct Mgu;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let lstm = Lstm::compile::<f32>(LstmSizes { x: 4, h: 8 }, CompileOptions::default())?;
    let leaky = Leaky::compile::<f32>(LeakySizes { x: 4, h: 8 }, CompileOptions::default())?;
    let mgu = Mgu::compile::<f32>(MguSizes { x: 4, h: 8 }, CompileOptions::default())?;
    for (name, cell) in [("LSTM", &lstm), ("leaky unit", &leaky), ("minimal gated unit", &mgu)] {
        let (steps, batch) = (5, 2);
        let parameters = vec![0.1; cell.layout().parameters.length()];
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
        cell.forward(call, Keep::Nothing, &mut Workspace::default())?;
        println!("{name}: h_5 = {:.4}", output[output.len() - 1]);
    }
    Ok(())
}
