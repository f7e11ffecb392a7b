//! The layer against the same cell written in candle's own operations.

mod elman;

use std::sync::Arc;

use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Module, Result, Tensor, Var};
use candle_nn::{Optimizer, SGD, VarBuilder, VarMap};
use elman::Elman;
use gatewright::parameters::{Initializer, Random};
use gatewright::sequence::{self as stretches, Direction, SequenceCell};
use gatewright_candle::{CellLayer, Element, Sequences, Steps, dense};

const STEPS: usize = 5;
const BATCH: usize = 3;
const INPUTS: usize = 4;
const HIDDEN: usize = 6;

fn random<T: Element>(shape: &[usize], name: &str) -> Result<Var> {
    let mut random = Random::named(11, name);
    let values: Vec<f64> = (0..shape.iter().product()).map(|_| random.uniform(-1.0, 1.0)).collect();
    Var::from_tensor(&Tensor::from_vec(values, shape, &Device::Cpu)?.to_dtype(T::DTYPE)?)
}

fn layer<T: Element>(map: &VarMap, gain: bool) -> Result<CellLayer<T>>
where
    Elman: SequenceCell<T>,
{
    let builder = VarBuilder::from_varmap(map, T::DTYPE, &Device::Cpu);
    let initializer = Initializer::new(1).constant("b", 0.25);
    CellLayer::new(Arc::new(Elman::new(INPUTS, HIDDEN, gain)), &initializer, builder.pp("cell"))
}

/// The cell in candle's operations, one node each.
fn reference<T: Element>(
    layer: &CellLayer<T>,
    x: &Tensor,
    g: Option<&Tensor>,
    states: &[Tensor],
) -> Result<Sequences> {
    let [w, u, b] = [0, 1, 2].map(|k| layer.variables()[k].1.clone());
    let (mut h, mut c) = (states[0].clone(), states[1].clone());
    let (mut hs, mut cs) = (Vec::new(), Vec::new());
    for t in 0..x.dim(0)? {
        let mut sum = h.matmul(&w.t()?)?.add(&x.get(t)?.matmul(&u.t()?)?)?.broadcast_add(&b)?;
        if let Some(g) = g {
            sum = sum.add(&g.get(t)?)?;
        }
        h = sum.tanh()?;
        c = ((c * 0.5)? + &h)?;
        hs.push(h.clone());
        cs.push(c.clone());
    }
    Ok(Sequences { outputs: vec![Tensor::stack(&hs, 0)?, Tensor::stack(&cs, 0)?], final_states: vec![h, c] })
}

/// A scalar in which every output and final state counts, each differently.
fn loss(sequences: &Sequences) -> Result<Tensor> {
    let mut sum = Tensor::zeros((), sequences.outputs[0].dtype(), &Device::Cpu)?;
    for (k, tensor) in sequences.outputs.iter().chain(&sequences.final_states).enumerate() {
        sum = (sum + (tensor.sqr()?.sum_all()? * (0.3 + k as f64))?)?;
    }
    Ok(sum)
}

fn assert_close(what: &str, left: &Tensor, right: &Tensor, tolerance: f64) -> Result<()> {
    assert_eq!(left.dims(), right.dims(), "{what}");
    let difference =
        (left - right)?.abs()?.flatten_all()?.max(0)?.to_dtype(DType::F64)?.to_scalar::<f64>()?;
    let size = right.abs()?.flatten_all()?.max(0)?.to_dtype(DType::F64)?.to_scalar::<f64>()?;
    assert!(difference <= tolerance * size.max(1.0), "{what}: {difference} apart, size {size}");
    Ok(())
}

fn gradients_agree<T: Element>(gain: bool, tolerance: f64) -> Result<()>
where
    Elman: SequenceCell<T>,
{
    let map = VarMap::new();
    let layer = layer::<T>(&map, gain)?;
    let x = random::<T>(&[STEPS, BATCH, INPUTS], "x")?;
    let g = random::<T>(&[STEPS, BATCH, HIDDEN], "g")?;
    let states = [random::<T>(&[BATCH, HIDDEN], "h")?, random::<T>(&[BATCH, HIDDEN], "c")?];
    let initial: Vec<Tensor> = states.iter().map(|state| state.as_tensor().clone()).collect();
    let input = if gain { Tensor::cat(&[x.as_tensor(), g.as_tensor()], 2)? } else { x.as_tensor().clone() };
    let ours = layer.forward_with_states(&input, Some(&initial))?;
    let theirs = reference(&layer, &x, gain.then_some(g.as_tensor()), &initial)?;
    for (left, right) in
        ours.outputs.iter().chain(&ours.final_states).zip(theirs.outputs.iter().chain(&theirs.final_states))
    {
        assert_close("value", left, right, tolerance)?;
    }
    let value = loss(&ours)?;
    let first = value.backward()?;
    let again = value.backward()?;
    let expected = loss(&theirs)?.backward()?;
    let mut leaves: Vec<(&str, &Tensor)> = vec![("x", &x), ("h", &states[0]), ("c", &states[1])];
    if gain {
        leaves.push(("g", &g));
    }
    leaves.extend(layer.variables().iter().map(|(name, tensor)| (name.as_str(), tensor)));
    for (name, leaf) in leaves {
        let of = |gradients: &GradStore| gradients.get(leaf).cloned().expect("a gradient for every leaf");
        assert_close(name, &of(&first), &of(&expected), tolerance)?;
        assert_close(name, &of(&again), &of(&first), 0.0)?;
    }
    Ok(())
}

#[test]
fn gradients_agree_in_f64() -> Result<()> {
    gradients_agree::<f64>(false, 1e-13)
}

#[test]
fn gradients_agree_in_f32_with_two_inputs() -> Result<()> {
    gradients_agree::<f32>(true, 1e-5)
}

#[test]
fn batch_first_is_a_transposition() -> Result<()> {
    let layer = layer::<f64>(&VarMap::new(), false)?;
    let x = random::<f64>(&[STEPS, BATCH, INPUTS], "x")?;
    let time_first = layer.forward(&x)?;
    let batch_first = layer.batch_first(true).forward(&x.transpose(0, 1)?)?;
    assert_close("output", &batch_first.transpose(0, 1)?, &time_first, 0.0)
}

#[test]
fn variables_are_named_initialised_shared_and_trained() -> Result<()> {
    let map = VarMap::new();
    let one = layer::<f32>(&map, false)?;
    let mut names: Vec<String> = map.data().lock().expect("unpoisoned").keys().cloned().collect();
    names.sort();
    assert_eq!(names, ["cell.U", "cell.W", "cell.b"]);
    assert_eq!(one.variables()[2].1.to_vec1::<f32>()?, vec![0.25; HIDDEN]);
    let x = random::<f32>(&[STEPS, BATCH, INPUTS], "x")?;
    let mut optimizer = SGD::new(map.all_vars(), 0.01)?;
    let mut losses = Vec::new();
    for _ in 0..20 {
        let value = one.forward(&x)?.sqr()?.mean_all()?;
        losses.push(value.to_scalar::<f32>()?);
        optimizer.backward_step(&value)?;
    }
    assert!(losses[19] < losses[0], "{losses:?}");
    // A second layer on the same variables finds the trained values instead of initialising them again.
    let two = layer::<f32>(&map, false)?;
    assert_close("shared", &two.forward(&x)?, &one.forward(&x)?, 0.0)
}

#[test]
fn runs_overlap_without_touching_each_other() -> Result<()> {
    let layer = layer::<f64>(&VarMap::new(), false)?;
    let x = random::<f64>(&[STEPS, BATCH, INPUTS], "x")?;
    let long = random::<f64>(&[2 * STEPS, BATCH, INPUTS], "long")?;
    let alone = layer.forward(&x)?.sqr()?.sum_all()?.backward()?;
    let first = layer.forward(&x)?.sqr()?.sum_all()?;
    let second = layer.forward(&long)?.sqr()?.sum_all()?;
    drop(second.backward()?);
    let late = first.backward()?;
    let of = |gradients: &GradStore| gradients.get(&x).cloned().expect("a gradient");
    assert_close("x", &of(&late), &of(&alone), 0.0)
}

#[test]
fn empty_sequences_and_batches_have_gradients_too() -> Result<()> {
    let layer = layer::<f32>(&VarMap::new(), false)?;
    for (steps, batch) in [(0, BATCH), (STEPS, 0), (1, 1)] {
        let x = Var::zeros((steps, batch, INPUTS), DType::F32, &Device::Cpu)?;
        let sequences = layer.forward_with_states(&x, None)?;
        assert_eq!(sequences.outputs[1].dims(), [steps, batch, HIDDEN]);
        assert_eq!(sequences.final_states[0].dims(), [batch, HIDDEN]);
        if batch > 0 {
            let gradients = sequences.final_states[1].sum_all()?.backward()?;
            assert_eq!(gradients.get(&x).expect("a gradient").dims(), [steps, batch, INPUTS]);
        }
    }
    Ok(())
}

#[test]
fn wrong_tensors_are_errors() -> Result<()> {
    let one = layer::<f32>(&VarMap::new(), false)?;
    let zeros = |shape: &[usize], dtype| Tensor::zeros(shape, dtype, &Device::Cpu);
    assert!(one.forward(&zeros(&[STEPS, BATCH, INPUTS + 1], DType::F32)?).is_err());
    assert!(one.forward(&zeros(&[STEPS, INPUTS], DType::F32)?).is_err());
    assert!(one.forward(&zeros(&[STEPS, BATCH, INPUTS], DType::F64)?).is_err());
    let x = zeros(&[STEPS, BATCH, INPUTS], DType::F32)?;
    let state = zeros(&[BATCH, HIDDEN], DType::F32)?;
    assert!(one.forward_with_states(&x, Some(std::slice::from_ref(&state))).is_err());
    assert!(one.forward_with_states(&x, Some(&[state.clone(), zeros(&[BATCH, 1], DType::F32)?])).is_err());
    let wide = zeros(&[BATCH, HIDDEN], DType::F64)?;
    assert!(one.forward_with_states(&x, Some(&[state, wide])).is_err());
    let builder = VarBuilder::zeros(DType::F64, &Device::Cpu);
    let cell: Arc<dyn SequenceCell<f32>> = Arc::new(Elman::new(INPUTS, HIDDEN, false));
    assert!(CellLayer::new(cell.clone(), &Initializer::new(0), builder).is_err());
    let unknown = Initializer::new(0).constant("b_f", 1.0);
    assert!(CellLayer::new(cell, &unknown, VarBuilder::zeros(DType::F32, &Device::Cpu)).is_err());
    Ok(())
}

#[test]
fn a_dense_layer_begins_as_its_seed_and_place_say() -> Result<()> {
    let layer = |map: &VarMap, place: &str, seed| {
        let builder = VarBuilder::from_varmap(map, DType::F32, &Device::Cpu).pp(place);
        dense::<f32>(4, 3, &Initializer::new(seed), builder)
    };
    let weight = |layer: candle_nn::Linear| layer.weight().flatten_all()?.to_vec1::<f32>();
    let map = VarMap::new();
    let first = weight(layer(&map, "head", 1)?)?;
    assert!(first.iter().all(|value| value.abs() < (6.0_f32 / 7.0).sqrt()) && first[0] != 0.0);
    assert_eq!(weight(layer(&map, "head", 2)?)?, first, "what is there is kept");
    assert_eq!(weight(layer(&VarMap::new(), "head", 1)?)?, first, "a seed fixes the values");
    assert_ne!(weight(layer(&VarMap::new(), "head", 2)?)?, first);
    assert_ne!(weight(layer(&VarMap::new(), "other", 1)?)?, first, "each place has its own");
    assert_eq!(map.all_vars().len(), 2);
    Ok(())
}

/// A compiled cell in a layer of its own variables.
fn compiled(map: &VarMap) -> Result<CellLayer<f64>> {
    compiled_from(map, &[])
}

fn compiled_from(map: &VarMap, declarations: &[&str]) -> Result<CellLayer<f64>> {
    let text =
        "z_t = sigmoid(W_z [h_{t-1}, x_t])\nh_t = (1 - z_t) * h_{t-1} + z_t * tanh(W [h_{t-1}, x_t] + b)";
    let text = [&[text], declarations].concat().join("\n");
    let cell = gatewright::read_cell(&text, gatewright::Syntax::Text).map_err(candle_core::Error::wrap)?;
    let sizes = [("x", INPUTS), ("h", HIDDEN)];
    let cell = gatewright::CompiledCell::<f64>::new(&cell, &sizes, gatewright::CompileOptions::default());
    let builder = VarBuilder::from_varmap(map, DType::F64, &Device::Cpu);
    CellLayer::new(Arc::new(cell.map_err(candle_core::Error::wrap)?), &Initializer::new(1), builder)
}

#[test]
fn ragged_samples_are_samples_alone() -> Result<()> {
    let map = VarMap::new();
    let layer = compiled(&map)?;
    let x = random::<f64>(&[STEPS, BATCH, INPUTS], "x")?;
    let weights = random::<f64>(&[STEPS, BATCH, HIDDEN], "weights")?;
    let lengths = [2, 5, 0];
    let stretches = stretches::Sequences {
        lengths: &lengths,
        direction: Direction::Reverse,
        ..stretches::Sequences::default()
    };
    let together = layer.forward_ragged(&x, None, stretches)?;
    let whole = together.outputs[0].mul(&weights)?.sum_all()?.add(&together.final_states[0].sum_all()?)?;
    let mut sum = Tensor::zeros((), DType::F64, &Device::Cpu)?;
    for (sample, &length) in lengths.iter().enumerate().filter(|(_, length)| **length > 0) {
        let part = |sequence: &Tensor| sequence.narrow(1, sample, 1)?.narrow(0, 0, length);
        let alone = layer.forward_with_states(&part(&x)?.contiguous()?.flip(&[0])?, None)?;
        let output = alone.outputs[0].flip(&[0])?;
        assert_close("output", &part(&together.outputs[0])?, &output, 1e-15)?;
        assert_close(
            "final",
            &together.final_states[0].narrow(0, sample, 1)?,
            &alone.final_states[0],
            1e-15,
        )?;
        sum = sum.add(&output.mul(&part(&weights)?)?.sum_all()?)?.add(&alone.final_states[0].sum_all()?)?;
    }
    let behind = together.outputs[0].narrow(1, 0, 1)?.narrow(0, 2, 3)?.abs()?.sum_all()?;
    assert_eq!(behind.to_scalar::<f64>()?, 0.0);
    let without_steps = together.final_states[0].narrow(0, 2, 1)?.abs()?.sum_all()?;
    assert_eq!(without_steps.to_scalar::<f64>()?, 0.0);
    let (found, expected) = (whole.backward()?, sum.backward()?);
    let variables = layer.variables().iter().map(|(name, variable)| (name.as_str(), variable));
    for (name, variable) in variables.chain([("x", x.as_tensor())]) {
        let of = |store: &GradStore| store.get(variable).cloned().expect("a gradient");
        assert_close(name, &of(&found), &of(&expected), 1e-14)?;
    }
    let wrong = stretches::Sequences { lengths: &[6, 1, 1], ..stretches::Sequences::default() };
    assert!(layer.forward_ragged(&x, None, wrong).is_err());
    Ok(())
}

/// The last step of each of several samples, of the first output and of a gate, and gradients through it: as of each
/// sample alone.
#[test]
fn last_steps_are_those_of_samples_alone() -> Result<()> {
    let map = VarMap::new();
    let gate = compiled_from(&map, &["z_t: output", "h_t: output"])?;
    let lengths = [2, 5, 0];
    for (layer, direction) in [
        (gate.clone(), Direction::Forward),
        (gate.clone(), Direction::Reverse),
        (gate.clone().output("h")?, Direction::Forward),
        (gate.clone().output("z")?.batch_first(true), Direction::Reverse),
    ] {
        let few = random::<f64>(&[1, 2, INPUTS], "few")?;
        let batch_first = layer.clone().batch_first(true).forward(few.as_tensor())?;
        assert_eq!(batch_first.dims(), [1, 2, HIDDEN]);
        let (layer, first) = (layer.clone().batch_first(false).steps(Steps::Last), layer);
        let x = random::<f64>(&[STEPS, BATCH, INPUTS], "x")?;
        let weights = random::<f64>(&[BATCH, HIDDEN], "weights")?;
        let ragged = stretches::Sequences { lengths: &lengths, direction, ..stretches::Sequences::default() };
        let together = layer.forward_output(&x, None, ragged)?;
        assert_eq!(together.dims(), [BATCH, HIDDEN]);
        let mut sum = Tensor::zeros((), DType::F64, &Device::Cpu)?;
        for (sample, &length) in lengths.iter().enumerate() {
            let found = together.get(sample)?;
            if length == 0 {
                assert_eq!(found.abs()?.sum_all()?.to_scalar::<f64>()?, 0.0);
                continue;
            }
            let alone = x.narrow(1, sample, 1)?.narrow(0, 0, length)?.contiguous()?;
            let one = stretches::Sequences { direction, ..stretches::Sequences::default() };
            let all = first.clone().batch_first(false).forward_output(&alone, None, one)?;
            let last = all.get(if direction == Direction::Forward { length - 1 } else { 0 })?.get(0)?;
            assert_close("last step", &found, &last, 1e-15)?;
            sum = sum.add(&last.mul(&weights.get(sample)?)?.sum_all()?)?;
        }
        let (found, expected) = (together.mul(&weights)?.sum_all()?.backward()?, sum.backward()?);
        let variables = layer.variables().iter().map(|(name, variable)| (name.as_str(), variable));
        for (name, variable) in variables.chain([("x", x.as_tensor())]) {
            let of = |store: &GradStore| store.get(variable).cloned().expect("a gradient");
            assert_close(name, &of(&found), &of(&expected), 1e-14)?;
        }
        // The same where the batch lies first, where all have all steps, and where there are none.
        let turned = layer.clone().batch_first(true).forward_output(&x.transpose(0, 1)?, None, ragged)?;
        assert_close("batch first", &turned, &together, 0.0)?;
        assert_eq!(layer.forward(&x)?.dims(), [BATCH, HIDDEN]);
        let empty = Tensor::zeros((0, BATCH, INPUTS), DType::F64, &Device::Cpu)?;
        assert_eq!(layer.forward(&empty)?.to_vec2::<f64>()?, vec![vec![0.0; HIDDEN]; BATCH]);
    }
    let refused = gate.output("c").err().expect("no such output").to_string();
    assert!(refused.contains("`z`, `h`") && refused.contains("c: output"), "{refused}");
    Ok(())
}

#[test]
fn a_budget_changes_no_gradient() -> Result<()> {
    const LONG: usize = 400;
    let map = VarMap::new();
    let layer = compiled(&map)?;
    let x = random::<f64>(&[LONG, BATCH, INPUTS], "x")?;
    let gradients = |layer: &CellLayer<f64>| layer.forward(&x)?.sqr()?.sum_all()?.backward();
    let expected = gradients(&layer)?;
    let refused = layer.clone().within(1).forward(&x).expect_err("one byte").to_string();
    let least = refused.split_whitespace().filter_map(|word| word.parse::<usize>().ok()).next_back();
    let found = gradients(&layer.clone().within(least.expect("the least that is enough")))?;
    let variables = layer.variables().iter().map(|(_, variable)| variable);
    for variable in variables.chain([x.as_tensor()]) {
        let of = |store: &GradStore| store.get(variable).expect("a gradient").flatten_all()?.to_vec1::<f64>();
        assert_eq!(of(&found)?, of(&expected)?);
    }
    Ok(())
}

/// Masks are drawn where a gradient may follow, and not for inference.
#[test]
fn regularisers_are_off_at_inference() -> Result<()> {
    use gatewright::compiler::regularize::{Drawn, Kind, Regularizer};
    use gatewright::layer::RegularizedCell;

    let cell = gatewright::read_cell("h_t = tanh(W x_t + U h_{t-1} + b)", gatewright::Syntax::Text)
        .map_err(candle_core::Error::wrap)?;
    let (sizes, options) = ([("x", INPUTS), ("h", HIDDEN)], gatewright::CompileOptions::default());
    let choice = Regularizer { kind: Kind::Dropout, target: None, rate: 0.5, drawn: Drawn::EachStep };
    let dropped = RegularizedCell::<f64>::new(&cell, &sizes, options, &[choice], 3);
    let whole = gatewright::CompiledCell::<f64>::new(&cell, &sizes, options);
    let map = VarMap::new();
    let layer = |cell: Arc<dyn SequenceCell<f64>>| {
        CellLayer::new(cell, &Initializer::new(1), VarBuilder::from_varmap(&map, DType::F64, &Device::Cpu))
    };
    let dropped = layer(Arc::new(dropped.map_err(candle_core::Error::wrap)?))?;
    let whole = layer(Arc::new(whole.map_err(candle_core::Error::wrap)?))?;
    let x = random::<f64>(&[STEPS, BATCH, INPUTS], "x")?;
    let expected = whole.forward(&x)?.to_vec3::<f64>()?;
    assert_eq!(dropped.for_inference().forward(&x)?.to_vec3::<f64>()?, expected);
    let first = dropped.forward(&x)?;
    assert_ne!(first.to_vec3::<f64>()?, expected);
    assert_ne!(dropped.forward(&x)?.to_vec3::<f64>()?, first.to_vec3::<f64>()?);
    assert!(first.sum_all()?.backward()?.get(x.as_tensor()).is_some());
    assert!(dropped.for_inference().forward(&x)?.sum_all()?.backward().is_err());
    Ok(())
}
