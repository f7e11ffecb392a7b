//! Two recurrent layers, 128 units and then 64, that learn the next value of a wave from a hundred values before it: the
//! stacked model of tutorials, with a mean squared error and Adam.
//!
//! Run with `cargo run --release --example stack`. Prints for an LSTM and for both kinds of GRU how many parameters the
//! stack has (115,968; 87,552 where the reset gate acts after the product and so needs a bias of its own; 86,976 where it
//! acts before) and how the error falls.

use std::sync::Arc;

use candle_core::{DType, Device, Module, Result, Tensor};
use candle_nn::{Optimizer, ParamsAdamW, VarBuilder, VarMap, loss};
use gatewright::documented::cell;
use gatewright::parameters::{Initializer, Random};
use gatewright::sequence::SequenceCell;
use gatewright::{CompileOptions, CompiledCell};
use gatewright_candle::{Adam, CellLayer};

/// The LSTM of Gers et al. (2000).
///
/// $$
/// i_t = \sigma(W_i x_t + U_i h_{t-1} + b_i) \\
/// f_t = \sigma(W_f x_t + U_f h_{t-1} + b_f) \\
/// o_t = \sigma(W_o x_t + U_o h_{t-1} + b_o) \\
/// c_t = f_t \odot c_{t-1} + i_t \odot \tanh(W_c x_t + U_c h_{t-1} + b_c) \\
/// h_t = o_t \odot \tanh(c_t)
/// $$
#[cell]
pub struct Lstm;

/// The GRU whose reset gate acts after the recurrent product (Cho et al., 2014, first version; cuDNN; `reset_after`).
///
/// $$
/// z_t = \sigma(W_z x_t + b_z + U_z h_{t-1} + d_z) \\
/// r_t = \sigma(W_r x_t + b_r + U_r h_{t-1} + d_r) \\
/// \tilde{h}_t = \tanh(W_h x_t + b_h + r_t \odot (U_h h_{t-1} + d_h)) \\
/// h_t = z_t \odot h_{t-1} + (1 - z_t) \odot \tilde{h}_t
/// $$
#[cell]
pub struct GruResetAfter;

/// The GRU whose reset gate acts before the recurrent product (Cho et al., 2014, third version).
///
/// $$
/// z_t = \sigma(W_z x_t + U_z h_{t-1} + b_z) \\
/// r_t = \sigma(W_r x_t + U_r h_{t-1} + b_r) \\
/// \tilde{h}_t = \tanh(W_h x_t + U_h (r_t \odot h_{t-1}) + b_h) \\
/// h_t = z_t \odot h_{t-1} + (1 - z_t) \odot \tilde{h}_t
/// $$
#[cell]
pub struct GruResetBefore;

type AnyError = Box<dyn std::error::Error>;

const STEPS: usize = 100;
const BATCH: usize = 8;

/// The layers, and what the last of them shows after the last step.
struct Stack(Vec<CellLayer>);

impl Stack {
    fn new(map: &VarMap, cells: [CompiledCell<f32>; 2]) -> Result<Self> {
        let variables = VarBuilder::from_varmap(map, DType::F32, &Device::Cpu);
        let layers = cells.into_iter().enumerate().map(|(number, cell)| {
            let cell: Arc<dyn SequenceCell<f32>> = Arc::new(cell);
            CellLayer::new(cell, &Initializer::new(number as u64), variables.pp(format!("layer_{number}")))
        });
        Ok(Self(layers.collect::<Result<_>>()?))
    }
}

impl Module for Stack {
    /// `[steps, batch, 1]` to `[batch, 64]`.
    fn forward(&self, sequences: &Tensor) -> Result<Tensor> {
        let mut outputs = sequences.clone();
        for layer in &self.0 {
            outputs = layer.forward(&outputs)?;
        }
        outputs.get(outputs.dim(0)? - 1)
    }
}

fn lstm() -> std::result::Result<[CompiledCell<f32>; 2], AnyError> {
    Ok([
        Lstm::compile(LstmSizes { x: 1, h: 128 }, CompileOptions::default())?,
        Lstm::compile(LstmSizes { x: 128, h: 64 }, CompileOptions::default())?,
    ])
}

fn gru_reset_after() -> std::result::Result<[CompiledCell<f32>; 2], AnyError> {
    Ok([
        GruResetAfter::compile(GruResetAfterSizes { x: 1, h: 128 }, CompileOptions::default())?,
        GruResetAfter::compile(GruResetAfterSizes { x: 128, h: 64 }, CompileOptions::default())?,
    ])
}

fn gru_reset_before() -> std::result::Result<[CompiledCell<f32>; 2], AnyError> {
    Ok([
        GruResetBefore::compile(GruResetBeforeSizes { x: 1, h: 128 }, CompileOptions::default())?,
        GruResetBefore::compile(GruResetBeforeSizes { x: 128, h: 64 }, CompileOptions::default())?,
    ])
}

/// Waves with phases of their own, `[steps, batch, 1]`, and the next value of each for all 64 outputs.
fn waves(random: &mut Random) -> Result<(Tensor, Tensor)> {
    let phases: Vec<f64> = (0..BATCH).map(|_| random.uniform(0.0, std::f64::consts::TAU)).collect();
    let at = |step: usize, phase: f64| (0.2 * step as f64 + phase).sin() as f32;
    let values: Vec<f32> =
        (0..STEPS).flat_map(|step| phases.iter().map(move |&phase| at(step, phase))).collect();
    let next: Vec<f32> = phases.iter().flat_map(|&phase| [at(STEPS, phase); 64]).collect();
    Ok((
        Tensor::from_vec(values, (STEPS, BATCH, 1), &Device::Cpu)?,
        Tensor::from_vec(next, (BATCH, 64), &Device::Cpu)?,
    ))
}

/// Parameters, and the error before and after so many steps.
fn train(cells: [CompiledCell<f32>; 2], steps: usize) -> Result<(usize, f32, f32)> {
    let map = VarMap::new();
    let stack = Stack::new(&map, cells)?;
    let count = map.all_vars().iter().map(|variable| variable.elem_count()).sum();
    let adam = ParamsAdamW { lr: 1e-3, weight_decay: 0.0, ..ParamsAdamW::default() };
    let mut optimizer = Adam::new(map.all_vars(), adam)?;
    let mut random = Random::new(7);
    let (held_back, right) = waves(&mut Random::new(8))?;
    let error = || loss::mse(&stack.forward(&held_back)?, &right)?.to_scalar::<f32>();
    let before = error()?;
    for _ in 0..steps {
        let (sequences, next) = waves(&mut random)?;
        optimizer.backward_step(&loss::mse(&stack.forward(&sequences)?, &next)?)?;
    }
    Ok((count, before, error()?))
}

fn main() -> std::result::Result<(), AnyError> {
    for (name, cells) in [
        ("LSTM", lstm()?),
        ("GRU, reset after", gru_reset_after()?),
        ("GRU, reset before", gru_reset_before()?),
    ] {
        let (count, before, after) = train(cells, 100)?;
        println!("{name}: {count} parameters; mean squared error {before:.4}, after 100 steps {after:.4}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stacks_have_the_parameters_they_have_elsewhere_and_learn() {
        for (cells, parameters) in
            [(lstm(), 115_968), (gru_reset_after(), 87_552), (gru_reset_before(), 86_976)]
        {
            let (count, before, after) = train(cells.expect("compiles"), 8).expect("trains");
            assert_eq!(count, parameters);
            assert!(after < before, "{before} {after}");
        }
    }
}
