//! A class at every step: a recurrent layer of 128 units, a dense layer of 64 with `relu` and one with a soft-max over the
//! classes, trained by Adam: the tagging model of tutorials. The class to learn is the symbol of two steps before.
//!
//! Run with `cargo run --release --example class_of_each_step`. Prints for an LSTM and a GRU the number of parameters and
//! the share of right classes on held-back sequences, pass by pass.

use std::sync::Arc;

use candle_core::{D, DType, Device, Module, Result, Tensor};
use candle_nn::{Linear, Optimizer, ParamsAdamW, VarBuilder, VarMap, loss, ops};
use gatewright::CompileOptions;
use gatewright::documented::cell;
use gatewright::parameters::{Initializer, Random};
use gatewright::sequence::SequenceCell;
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

/// The GRU whose reset gate acts after the recurrent product (Cho et al., 2014, first version; cuDNN; `reset_after`).
///
/// $$
/// z_t = \sigma(W_z x_t + b_z + U_z h_{t-1} + d_z) \\
/// r_t = \sigma(W_r x_t + b_r + U_r h_{t-1} + d_r) \\
/// \tilde{h}_t = \tanh(W_h x_t + b_h + r_t \odot (U_h h_{t-1} + d_h)) \\
/// h_t = z_t \odot h_{t-1} + (1 - z_t) \odot \tilde{h}_t
/// $$
#[cell]
pub struct Gru;

type AnyError = Box<dyn std::error::Error>;

/// Kinds of symbols, and classes.
const SYMBOLS: usize = 5;
const UNITS: usize = 128;
const STEPS: usize = 12;
const BATCH: usize = 32;
/// Steps between a symbol and its class.
const DELAY: usize = 2;

/// The recurrent layer and the two dense ones, which see every step.
struct Model {
    recurrent: CellLayer,
    hidden: Linear,
    classes: Linear,
}

impl Model {
    fn new(map: &VarMap, cell: Arc<dyn SequenceCell<f32>>) -> Result<Self> {
        let variables = VarBuilder::from_varmap(map, DType::F32, &Device::Cpu);
        let initializer = Initializer::new(1);
        Ok(Self {
            recurrent: CellLayer::new(cell, &initializer, variables.pp("recurrent"))?,
            hidden: dense::<f32>(UNITS, 64, &initializer, variables.pp("hidden"))?,
            classes: dense::<f32>(64, SYMBOLS, &initializer, variables.pp("classes"))?,
        })
    }
}

impl Module for Model {
    /// `[steps, batch, symbols]` to scores `[steps, batch, classes]`; the loss takes their soft-max.
    fn forward(&self, sequences: &Tensor) -> Result<Tensor> {
        let hidden = self.hidden.forward(&self.recurrent.forward(sequences)?)?.relu()?;
        self.classes.forward(&hidden)
    }
}

/// Symbols `[steps, batch, symbols]`, one of each row is one, and the classes `[steps * batch]`. Before there is a symbol
/// of two steps before, the class is 0.
fn sequences(random: &mut Random) -> Result<(Tensor, Tensor)> {
    let symbols: Vec<usize> = (0..STEPS * BATCH).map(|_| random.below(SYMBOLS)).collect();
    let mut values = vec![0.0_f32; symbols.len() * SYMBOLS];
    for (row, &symbol) in values.chunks_exact_mut(SYMBOLS).zip(&symbols) {
        row[symbol] = 1.0;
    }
    let before = (0..DELAY * BATCH).map(|_| 0).chain(symbols.iter().map(|&symbol| symbol as u32));
    let classes: Vec<u32> = before.take(symbols.len()).collect();
    Ok((
        Tensor::from_vec(values, (STEPS, BATCH, SYMBOLS), &Device::Cpu)?,
        Tensor::new(classes, &Device::Cpu)?,
    ))
}

/// Trains for so many passes of fifty steps; `report` gets the pass and the share of right classes. Gives the number of
/// parameters, and the probabilities of the classes at one step of one sequence.
fn train(
    cell: Arc<dyn SequenceCell<f32>>,
    passes: usize,
    mut report: impl FnMut(usize, f32),
) -> Result<(usize, Vec<f32>)> {
    let map = VarMap::new();
    let model = Model::new(&map, cell)?;
    let count = map.all_vars().iter().map(|variable| variable.elem_count()).sum();
    let adam = ParamsAdamW { lr: 1e-3, weight_decay: 0.0, ..ParamsAdamW::default() };
    let mut optimizer = Adam::new(map.all_vars(), adam)?;
    let mut random = Random::new(2);
    let (held_back, right) = sequences(&mut Random::new(3))?;
    for pass in 1..=passes {
        for _ in 0..50 {
            let (symbols, classes) = sequences(&mut random)?;
            let scores = model.forward(&symbols)?.flatten(0, 1)?;
            optimizer.backward_step(&loss::cross_entropy(&scores, &classes)?)?;
        }
        let chosen = model.forward(&held_back)?.flatten(0, 1)?.argmax(D::Minus1)?;
        report(pass, chosen.eq(&right)?.to_dtype(DType::F32)?.mean_all()?.to_scalar::<f32>()?);
    }
    let last = ops::softmax(&model.forward(&held_back)?, D::Minus1)?.get(STEPS - 1)?.get(0)?;
    Ok((count, last.to_vec1()?))
}

fn lstm() -> std::result::Result<Arc<dyn SequenceCell<f32>>, AnyError> {
    Ok(Arc::new(Lstm::compile::<f32>(LstmSizes { x: SYMBOLS, h: UNITS }, CompileOptions::default())?))
}

fn gru() -> std::result::Result<Arc<dyn SequenceCell<f32>>, AnyError> {
    Ok(Arc::new(Gru::compile::<f32>(GruSizes { x: SYMBOLS, h: UNITS }, CompileOptions::default())?))
}

fn main() -> std::result::Result<(), AnyError> {
    for (name, cell) in [("LSTM", lstm()?), ("GRU", gru()?)] {
        println!("{name}");
        let report = |pass, share| println!("  pass {pass}: {share:.4} of the classes are right");
        let (count, _) = train(cell, 4, report)?;
        println!("  {count} parameters");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Weights and biases of a dense layer.
    const fn dense_parameters(inputs: usize, outputs: usize) -> usize {
        outputs * inputs + outputs
    }

    #[test]
    fn models_have_the_parameters_they_have_elsewhere_and_learn() {
        let head = dense_parameters(UNITS, 64) + dense_parameters(64, SYMBOLS);
        let lstm_parameters = 4 * (UNITS * (SYMBOLS + UNITS) + UNITS);
        let gru_parameters = 3 * (UNITS * (SYMBOLS + UNITS) + 2 * UNITS);
        assert_eq!((lstm_parameters, gru_parameters, head), (68_608, 51_840, 8_581));
        for (cell, recurrent) in [(lstm(), lstm_parameters), (gru(), gru_parameters)] {
            let mut shares = Vec::new();
            let trained = train(cell.expect("compiles"), 1, |_, share| shares.push(share));
            let (count, probabilities) = trained.expect("trains");
            assert_eq!(count, recurrent + head);
            // A guess among five is right in a fifth of the steps.
            assert!(shares[0] > 0.3, "{shares:?}");
            assert!((probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-5, "{probabilities:?}");
        }
    }
}
