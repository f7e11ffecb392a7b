//! The layer where candle's own recurrent layers stand.

use std::sync::Arc;

use candle_core::{DType, Device, Module, Result, Tensor, Var};
use candle_nn::{RNN, VarBuilder, VarMap};
use gatewright::layer::{Bidirectional, Merge, Stack};
use gatewright::parameters::{Initializer, Random};
use gatewright::sequence::SequenceCell;
use gatewright::{CompileOptions, CompiledCell, Syntax, read_cell};
use gatewright_candle::CellLayer;

const STEPS: usize = 5;
const BATCH: usize = 3;
const INPUTS: usize = 4;
const HIDDEN: usize = 6;

/// A cell whose state begins where it learns to, with two outputs.
const TEXT: &str = "z_t = sigmoid(W_z [h_{t-1}, x_t])
    h_t = (1 - z_t) * h_{t-1} + z_t * tanh(W [h_{t-1}, x_t] + b)
    h_0 = s
    h_t, z_t: output";

fn cell() -> Arc<CompiledCell<f64>> {
    let cell = read_cell(TEXT, Syntax::Text).expect("a cell");
    let sizes = [("x", INPUTS), ("h", HIDDEN)];
    Arc::new(CompiledCell::new(&cell, &sizes, CompileOptions::default()).expect("compiles"))
}

fn layer(cell: Arc<dyn SequenceCell<f64>>, initializer: &Initializer) -> Result<CellLayer<f64>> {
    CellLayer::new(cell, initializer, VarBuilder::from_varmap(&VarMap::new(), DType::F64, &Device::Cpu))
}

fn begun_at_half() -> Result<CellLayer<f64>> {
    layer(cell(), &Initializer::new(1).constant("s", 0.5))
}

fn random(shape: &[usize]) -> Result<Var> {
    let mut random = Random::named(11, "x");
    let values: Vec<f64> = (0..shape.iter().product()).map(|_| random.uniform(-1.0, 1.0)).collect();
    Var::from_tensor(&Tensor::from_vec(values, shape, &Device::Cpu)?)
}

fn values(tensor: &Tensor) -> Result<Vec<f64>> {
    tensor.flatten_all()?.to_vec1()
}

#[test]
fn a_sequence_at_once_is_the_sequence_step_by_step() -> Result<()> {
    // Shapes are candle's own here, whatever the layer has as a module.
    let layer = begun_at_half()?.output("z")?;
    let input = random(&[BATCH, STEPS, INPUTS])?;
    let begin = layer.zero_state(BATCH)?;
    assert_eq!(values(&begin.states().expect("kept")[0])?, vec![0.5; BATCH * HIDDEN]);
    assert_eq!(values(begin.output())?, vec![0.0; BATCH * HIDDEN]);
    let together = layer.seq(&input)?;
    let mut states = vec![begin];
    for step in 0..STEPS {
        let next = layer.step(&input.narrow(1, step, 1)?.squeeze(1)?, &states[step])?;
        states.push(next);
    }
    let outputs = layer.states_to_tensor(&together)?;
    assert_eq!(outputs.dims(), [BATCH, STEPS, HIDDEN]);
    assert_eq!(values(&outputs)?, values(&layer.states_to_tensor(&states[1..])?)?);
    assert_eq!(values(&outputs)?, values(&layer.clone().batch_first(true).forward(&input)?)?);
    let [first, last] = [0, STEPS - 1].map(|step| together[step].states());
    let alone = states[STEPS].states().expect("a step keeps them");
    assert_eq!(values(&last.expect("kept")[0])?, values(&alone[0])?);
    assert!(first.is_none());
    let refused = layer.step(&input.narrow(1, 0, 1)?.squeeze(1)?, &together[0]).expect_err("not kept");
    assert!(refused.to_string().contains("last step"), "{refused}");
    Ok(())
}

#[test]
fn gradients_go_through_steps_and_reach_where_states_begin() -> Result<()> {
    let layer = begun_at_half()?;
    let input = random(&[BATCH, STEPS, INPUTS])?;
    let gradients = |loss: Tensor| -> Result<Vec<Vec<f64>>> {
        let gradients = loss.sqr()?.sum_all()?.backward()?;
        let of = |leaf: &Tensor| values(gradients.get(leaf).expect("a gradient"));
        let parameters = layer.variables().iter().map(|(_, variable)| of(variable));
        parameters.chain([of(&input)]).collect()
    };
    let together = gradients(layer.states_to_tensor(&layer.seq(&input)?)?)?;
    let mut states = vec![layer.zero_state(BATCH)?];
    for step in 0..STEPS {
        let next = layer.step(&input.narrow(1, step, 1)?.squeeze(1)?, &states[step])?;
        states.push(next);
    }
    let step_by_step = gradients(layer.states_to_tensor(&states[1..])?)?;
    assert!(layer.variables().iter().any(|(name, _)| name == "s"));
    for (left, right) in together.iter().flatten().zip(step_by_step.iter().flatten()) {
        assert!((left - right).abs() < 1e-12 * right.abs().max(1.0), "{left} {right}");
    }
    assert!(together.iter().all(|gradient| gradient.iter().any(|value| value.abs() > 1e-6)));
    Ok(())
}

#[test]
fn two_directions_need_the_whole_sequence() -> Result<()> {
    let both = Bidirectional::new(cell(), cell(), Merge::Sum).expect("fit");
    let single: Vec<Arc<dyn SequenceCell<f64>>> = vec![Arc::new(both)];
    let layer = layer(Arc::new(Stack::new(single).expect("fit")), &Initializer::new(1))?;
    let input = random(&[BATCH, STEPS, INPUTS])?;
    assert_eq!(layer.states_to_tensor(&layer.seq(&input)?)?.dims(), [BATCH, STEPS, HIDDEN]);
    let begin = layer.zero_state(BATCH)?;
    let refused = layer.step(&input.narrow(1, 0, 1)?.squeeze(1)?, &begin).expect_err("one step");
    assert!(refused.to_string().contains("whole sequence"), "{refused}");
    Ok(())
}
