//! What comes after 1, 2, 3, 4, 5? An LSTM of 32 units and a dense layer learn one sequence by heart: the smallest model
//! that tutorials train.
//!
//! Run with `cargo run --release --example next_number`. Prints the prediction every hundred epochs; after a thousand it
//! is 6.00 to two digits.

use std::sync::Arc;

use candle_core::{DType, Device, Module, Result, Tensor};
use candle_nn::{Linear, Optimizer, ParamsAdamW, VarBuilder, VarMap, loss};
use gatewright::CompileOptions;
use gatewright::documented::cell;
use gatewright::parameters::Initializer;
use gatewright_candle::{Adam, CellLayer, dense};

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

/// The LSTM and the dense layer after its last step.
struct Model {
    lstm: CellLayer,
    dense: Linear,
}

impl Model {
    fn new(map: &VarMap, seed: u64) -> std::result::Result<Self, Box<dyn std::error::Error>> {
        let variables = VarBuilder::from_varmap(map, DType::F32, &Device::Cpu);
        let cell = Lstm::compile::<f32>(LstmSizes { x: 1, h: 32 }, CompileOptions::default())?;
        // A forget gate that begins open, as Keras has it.
        let initializer = Initializer::new(seed).constant("b_f", 1.0);
        Ok(Self {
            lstm: CellLayer::new(Arc::new(cell), &initializer, variables.pp("lstm"))?,
            dense: dense::<f32>(32, 1, &Initializer::new(seed), variables.pp("dense"))?,
        })
    }
}

impl Module for Model {
    /// `[steps, batch, 1]` to `[batch, 1]`.
    fn forward(&self, sequences: &Tensor) -> Result<Tensor> {
        let outputs = self.lstm.forward(sequences)?;
        self.dense.forward(&outputs.get(outputs.dim(0)? - 1)?)
    }
}

/// Trains for a thousand epochs of one step each; `report` gets the epoch and the prediction.
fn train(
    seed: u64,
    mut report: impl FnMut(usize, f32),
) -> std::result::Result<f32, Box<dyn std::error::Error>> {
    let map = VarMap::new();
    let model = Model::new(&map, seed)?;
    let sequence = Tensor::new(&[[[1.0_f32]], [[2.0]], [[3.0]], [[4.0]], [[5.0]]], &Device::Cpu)?;
    let next = Tensor::new(&[[6.0_f32]], &Device::Cpu)?;
    let adam = ParamsAdamW { lr: 1e-3, weight_decay: 0.0, ..ParamsAdamW::default() };
    let mut optimizer = Adam::new(map.all_vars(), adam)?;
    let predict = || model.forward(&sequence)?.flatten_all()?.get(0)?.to_scalar::<f32>();
    for epoch in 1..=1000 {
        optimizer.backward_step(&loss::mse(&model.forward(&sequence)?, &next)?)?;
        if epoch % 100 == 0 {
            report(epoch, predict()?);
        }
    }
    Ok(predict()?)
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let prediction = train(1, |epoch, prediction| println!("epoch {epoch:4}: {prediction:.4}"))?;
    println!("1, 2, 3, 4, 5, {prediction:.2}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_number_is_six() {
        for seed in 0..3 {
            let prediction = train(seed, |_, _| {}).expect("trains");
            assert!((prediction - 6.0).abs() <= 0.05, "seed {seed}: {prediction}");
        }
    }

    #[test]
    fn it_has_as_many_parameters_as_in_other_libraries() {
        let map = VarMap::new();
        Model::new(&map, 0).expect("made");
        let count: usize = map.all_vars().iter().map(|variable| variable.elem_count()).sum();
        assert_eq!(count, 4 * (32 * (1 + 32) + 32) + 33);
    }
}
