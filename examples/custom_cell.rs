//! How does a gate of one's own learn? A cell with a coupled gate and a peephole, written in its equations, learns to
//! repeat its input with a delay of two steps, by plain gradient descent.
//!
//! Run with `cargo run --release --example custom_cell`. Prints the mean squared error every hundred steps; it falls from
//! about 0.33 (the variance of the input) to about 0.0001.

#![allow(mixed_script_confusables, reason = "equations have Greek letters")]

use gatewright::parameters::{Initializer, Random};
use gatewright::sequence::{Backward, Forward, Keep, SequenceCell, Sequences};
use gatewright::workspace::Workspace;
use gatewright::{CompileOptions, cell};

cell! {
    /// One gate decides both what is kept and what is written, and sees the memory it decides on.
    pub Coupled {
        f_t = σ(W_f x_t + U_f h_{t-1} + w_f * c_{t-1} + b_f);
        c_t = f_t * c_{t-1} + (1 - f_t) * tanh(W_c x_t + U_c h_{t-1} + b_c);
        h_t = tanh(c_t);
        y_t = W_y h_t + b_y;

        where w_f: [h];
    }
}

const STEPS: usize = 20;
const BATCH: usize = 16;
const DELAY: usize = 2;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let compiled = Coupled::compile::<f32>(CoupledSizes { x: 1, h: 24, y: 1 }, CompileOptions::default())?;
    println!("{}", Coupled::EQUATIONS);
    println!("compiled in {:.1} ms", compiled.compile_time().as_secs_f64() * 1e3);

    let mut random = Random::new(1);
    let initializer = Initializer::new(1).constant("b_f", 1.0);
    let mut parameters = initializer.parameters::<f32>(&compiled.layout().parameters)?;
    let mut gradient = vec![0.0; parameters.values().len()];
    let mut moments = vec![(0.0_f32, 0.0_f32); gradient.len()];
    let mut workspace = Workspace::default();
    for step in 1..=600 {
        let input: Vec<f32> = (0..STEPS * BATCH).map(|_| random.uniform(-1.0, 1.0) as f32).collect();
        let mut output = vec![0.0; input.len()];
        compiled.forward(
            Forward {
                steps: STEPS,
                batch: BATCH,
                sequences: Sequences::default(),
                parameters: parameters.values(),
                inputs: &[&input],
                initial_states: &[],
                outputs: &mut [&mut output],
                final_states: &mut [],
            },
            Keep::Tape,
            &mut workspace,
        )?;
        // The target of step t is the input of step t - 2; the first two steps have none.
        let counted = ((STEPS - DELAY) * BATCH) as f32;
        let mut error = 0.0;
        let mut output_gradient = vec![0.0; output.len()];
        for at in DELAY * BATCH..output.len() {
            let difference = output[at] - input[at - DELAY * BATCH];
            error += difference * difference / counted;
            output_gradient[at] = 2.0 * difference / counted;
        }
        compiled.backward(
            Backward {
                parameters: parameters.values(),
                inputs: &[&input],
                output_gradients: &[&output_gradient],
                final_state_gradients: &[],
                parameter_gradients: &mut gradient,
                input_gradients: &mut [],
                initial_state_gradients: &mut [],
            },
            &mut workspace,
        )?;
        // Adam (Kingma and Ba, 2015) without its bias correction.
        for ((value, &slope), (mean, square)) in
            parameters.values_mut().iter_mut().zip(&gradient).zip(&mut moments)
        {
            *mean = 0.9 * *mean + 0.1 * slope;
            *square = 0.99 * *square + 0.01 * slope * slope;
            *value -= 0.01 * *mean / (square.sqrt() + 1e-6);
        }
        if step % 100 == 0 {
            println!("step {step:3}: mean squared error {error:.4}");
        }
    }
    // The parameters by the names in the equations.
    let view = CoupledParameters::view(&compiled, parameters.values())?;
    println!("W_y is {} x {}, b_f begins {:.3}", view.W_y.rows(), view.W_y.columns(), view.b_f[0]);
    Ok(())
}
