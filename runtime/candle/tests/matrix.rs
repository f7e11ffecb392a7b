//! A cell whose state is a matrix, as a layer: shapes, values and gradients against candle's own operations.

use std::sync::Arc;

use candle_core::{DType, Device, Result, Tensor, Var};
use candle_nn::{VarBuilder, VarMap};
use gatewright::compiler::source::Syntax;
use gatewright::parameters::Initializer;
use gatewright::{CompileOptions, CompiledCell, read_cell};
use gatewright_candle::CellLayer;

const STEPS: usize = 4;
const BATCH: usize = 3;
const INPUTS: usize = 5;
const ROWS: usize = 2;
const COLUMNS: usize = 3;

const EQUATIONS: &str = "
v_t = V x_t
k_t = tanh(K x_t)
q_t = Q x_t
S_t = 0.9 S_{t-1} + v_t k_t^T
h_t = S_t q_t
";

fn random(shape: &[usize]) -> Result<Var> {
    Var::from_tensor(&Tensor::rand(-1.0_f64, 1.0, shape, &Device::Cpu)?)
}

fn assert_close(what: &str, left: &Tensor, right: &Tensor) -> Result<()> {
    assert_eq!(left.dims(), right.dims(), "{what}");
    let difference = (left - right)?.abs()?.flatten_all()?.max(0)?.to_scalar::<f64>()?;
    assert!(difference <= 1e-12, "{what}: {difference} apart");
    Ok(())
}

#[test]
fn a_matrix_state_is_a_matrix_in_candle() -> Result<()> {
    let cell = read_cell(EQUATIONS, Syntax::Text).map_err(candle_core::Error::wrap)?;
    let sizes: Vec<(&str, usize)> =
        cell.dimensions.iter().map(String::as_str).zip([INPUTS, ROWS, COLUMNS]).collect();
    let compiled = CompiledCell::<f64>::new(&cell, &sizes, CompileOptions::default())
        .map_err(candle_core::Error::wrap)?;
    let map = VarMap::new();
    let builder = VarBuilder::from_varmap(&map, DType::F64, &Device::Cpu);
    let layer = CellLayer::<f64>::new(Arc::new(compiled), &Initializer::new(3), builder)?;
    assert_eq!(layer.layout().states[0].axes, [ROWS, COLUMNS]);

    let (x, state) = (random(&[STEPS, BATCH, INPUTS])?, random(&[BATCH, ROWS, COLUMNS])?);
    let found = layer.forward_with_states(&x, Some(&[state.as_tensor().clone()]))?;

    let weight = |name: &str| {
        let variable = layer.variables().iter().find(|(known, _)| known == name).expect("a parameter");
        variable.1.t()
    };
    let mut s = state.as_tensor().clone();
    let mut outputs = Vec::new();
    for t in 0..STEPS {
        let x = x.get(t)?;
        let (v, k, q) =
            (x.matmul(&weight("V")?)?, x.matmul(&weight("K")?)?.tanh()?, x.matmul(&weight("Q")?)?);
        s = ((s * 0.9)? + v.unsqueeze(2)?.matmul(&k.unsqueeze(1)?)?)?;
        outputs.push(s.matmul(&q.unsqueeze(2)?)?.squeeze(2)?);
    }
    let outputs = Tensor::stack(&outputs, 0)?;
    assert_close("output", &found.outputs[0], &outputs)?;
    assert_close("final state", &found.final_states[0], &s)?;

    let loss = |outputs: &Tensor, state: &Tensor| outputs.sqr()?.sum_all()? + state.sqr()?.sum_all()?;
    let found = loss(&found.outputs[0], &found.final_states[0])?.backward()?;
    let expected = loss(&outputs, &s)?.backward()?;
    let variables = layer.variables().iter().map(|(name, variable)| (name.as_str(), variable));
    for (name, variable) in variables.chain([("x", x.as_tensor()), ("S", state.as_tensor())]) {
        let of = |gradients: &candle_core::backprop::GradStore| {
            gradients.get(variable).cloned().expect("a gradient")
        };
        assert_close(name, &of(&found), &of(&expected))?;
    }
    let flat = state.reshape((BATCH, ROWS * COLUMNS))?;
    assert!(layer.forward_with_states(&x, Some(&[flat])).is_err());
    Ok(())
}
