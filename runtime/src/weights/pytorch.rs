//! `nn.RNN`, `nn.LSTM`, `nn.GRU` and their cells of PyTorch, as a `state_dict` has them.
//!
//! | tensor of layer `k` | shape | |
//! | --- | --- | --- |
//! | `weight_ih_lk` | `[gates · hidden, input]` | gates `i f g o`, `r z n` |
//! | `weight_hh_lk` | `[gates · hidden, output]` | |
//! | `bias_ih_lk`, `bias_hh_lk` | `[gates · hidden]` | both or none |
//! | `weight_hr_lk` | `[output, hidden]` | LSTM with `proj_size` |
//!
//! The other direction adds `_reverse`; the cells have no `_lk`; what stands before the last point is the module. Which
//! layer it is follows from the shapes. The activation of an `nn.RNN` follows from nothing and is the caller's word.
//! The GRU's reset gate acts after the product. A `state_dict` comes from a safetensors file or, by `state_dict`, from one
//! that `torch.save` wrote.

use std::collections::BTreeMap;

use gatewright_compiler::operator::real::Real;

use super::activation::Activation;
use super::error::WeightError;
use super::form::{Family, Form, Reset, Sizes};
use super::stacked::{Stacked, Stacking};
use super::{Direction, Imported, Layer, Tensors, axes, expect_shape, shape_error};
use crate::parameters::NamedTensor;

#[cfg(feature = "files")]
pub use super::state_dict::{is_file, state_dict};

const STACKING: [(usize, Stacking); 3] = [
    (1, Stacking { gates: &[""], peepholes: &[], transposed: false }),
    (3, Stacking { gates: &["r", "z", "h"], peepholes: &[], transposed: false }),
    (4, Stacking { gates: &["i", "f", "g", "o"], peepholes: &[], transposed: false }),
];

const FRAMEWORK: &str = "PyTorch";

/// Module, layer (none for a cell), direction.
type Place = (String, Option<usize>, Direction);

/// The kind of a tensor, before layer and direction.
const KINDS: [&str; 5] = ["weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr"];

/// Finds the recurrent layers of a `state_dict` and takes their weights. `activation` is that of every `nn.RNN`:
/// [`Activation::Tanh`] unless the module was made with another `nonlinearity`.
///
/// # Errors
///
/// No layer, a layer without some of its tensors, tensors that do not fit each other, an activation that `nn.RNN` does
/// not have or that no layer takes.
pub fn import<T: Real>(tensors: &Tensors<T>, activation: Activation) -> Result<Imported<T>, WeightError> {
    if !matches!(activation, Activation::Tanh | Activation::Relu) {
        let problem = "an `nn.RNN` has tanh or relu".to_owned();
        return Err(WeightError::Choice { choice: "activation", problem });
    }
    let mut groups: BTreeMap<Place, BTreeMap<&'static str, &NamedTensor<T>>> = BTreeMap::new();
    let mut rest = Vec::new();
    for (name, tensor) in tensors {
        match place(name) {
            Some((place, kind)) => {
                groups.entry(place).or_default().insert(kind, tensor);
            }
            None => rest.push(name.clone()),
        }
    }
    let mut layers: Vec<Layer<T>> = Vec::with_capacity(groups.len());
    for (place, group) in groups {
        check_place(&layers, &place)?;
        layers.push(layer(place, &group, activation)?);
    }
    check_sizes(&layers)?;
    if layers.is_empty() {
        return Err(WeightError::NoLayer { expected: "no tensor is named like `weight_ih_l0`" });
    }
    let takes = |layer: &Layer<T>| matches!(layer.form.family, Family::Simple { .. });
    if activation != Activation::Tanh && !layers.iter().any(takes) {
        let problem = "only an `nn.RNN` takes one, and there is none".to_owned();
        return Err(WeightError::Choice { choice: "activation", problem });
    }
    Ok(Imported { layers, rest })
}

/// `module.weight_ih_l0_reverse` taken apart; `None` for a name of another kind.
fn place(name: &str) -> Option<(Place, &'static str)> {
    let (module, leaf) = name.rsplit_once('.').unwrap_or(("", name));
    let (kind, suffix) = KINDS.iter().find_map(|&kind| Some((kind, leaf.strip_prefix(kind)?)))?;
    let (direction, layer) = match suffix.strip_suffix("_reverse") {
        Some(layer) => (Direction::Reverse, layer),
        None => (Direction::Forward, suffix),
    };
    let layer = match layer.strip_prefix("_l") {
        Some(digits) => {
            let layer: usize = digits.parse().ok()?;
            // No other spelling of the same number.
            if layer.to_string() != digits {
                return None;
            }
            Some(layer)
        }
        None if layer.is_empty() && direction == Direction::Forward => None,
        None => return None,
    };
    Some(((module.to_owned(), layer, direction), kind))
}

fn tensor_name((module, layer, direction): &Place, kind: &str) -> String {
    let point = if module.is_empty() { "" } else { "." };
    let layer = layer.map_or_else(String::new, |layer| format!("_l{layer}"));
    let direction = if *direction == Direction::Reverse { "_reverse" } else { "" };
    format!("{module}{point}{kind}{layer}{direction}")
}

/// Refuses a layer whose predecessor or other direction is not there. Places come in their order.
fn check_place<T>(layers: &[Layer<T>], place: &Place) -> Result<(), WeightError> {
    let (module, index, direction) = place;
    let index = index.unwrap_or(0);
    let known = |index: usize, direction: Direction| {
        layers
            .iter()
            .any(|layer| layer.name == *module && layer.index == index && layer.direction == direction)
    };
    let missing = |index: usize, direction: Direction| {
        let tensor = tensor_name(&(module.clone(), Some(index), direction), KINDS[0]);
        Err(WeightError::Missing { tensor })
    };
    if *direction == Direction::Reverse && !known(index, Direction::Forward) {
        return missing(index, Direction::Forward);
    }
    let Some(below) = index.checked_sub(1).filter(|_| *direction == Direction::Forward) else {
        return Ok(());
    };
    if !known(below, Direction::Forward) {
        return missing(below, Direction::Forward);
    }
    Ok(())
}

/// Refuses layers of one module that do not fit on each other.
fn check_sizes<T>(layers: &[Layer<T>]) -> Result<(), WeightError> {
    for layer in layers {
        let of_module = |other: &&Layer<T>| other.name == layer.name;
        let reverse = |other: &&Layer<T>| other.direction == Direction::Reverse;
        let both = layers.iter().filter(of_module).any(|other| reverse(&other));
        let twin = layers.iter().filter(of_module).filter(reverse).find(|other| other.index == layer.index);
        let tensor = |kind, direction| tensor_name(&(layer.name.clone(), Some(layer.index), direction), kind);
        if both && twin.is_none() {
            return Err(WeightError::Missing { tensor: tensor(KINDS[0], Direction::Reverse) });
        }
        if twin.is_some_and(|twin| (twin.form, twin.sizes) != (layer.form, layer.sizes)) {
            return Err(WeightError::Shape {
                tensor: tensor(KINDS[0], Direction::Reverse),
                expected: "the kind and the sizes of the other direction".to_owned(),
                found: vec![],
            });
        }
        let below = layers.iter().filter(of_module).find(|other| other.index + 1 == layer.index);
        if let Some(below) = below {
            let input = below.sizes.output.saturating_mul(if both { 2 } else { 1 });
            let gates = layer.form.family.gates().len();
            if layer.sizes.input != input || layer.form != below.form {
                return Err(WeightError::Shape {
                    tensor: tensor(KINDS[0], layer.direction),
                    expected: format!("what the layer below gives: the same kind, {input} inputs"),
                    found: vec![gates.saturating_mul(layer.sizes.hidden), layer.sizes.input],
                });
            }
        }
    }
    Ok(())
}

fn layer<T: Real>(
    place: Place,
    group: &BTreeMap<&'static str, &NamedTensor<T>>,
    activation: Activation,
) -> Result<Layer<T>, WeightError> {
    let optional = |kind: &str| group.get(kind).copied();
    let need =
        |kind: &str| optional(kind).ok_or_else(|| WeightError::Missing { tensor: tensor_name(&place, kind) });
    let (input, recurrent) = (need("weight_ih")?, need("weight_hh")?);
    let [_, input_size] = *axes(input, "[gates · hidden, input]")?;
    let [rows, output] = *axes(recurrent, "[gates · hidden, output]")?;
    let projection = optional("weight_hr");
    let hidden = match projection {
        Some(projection) => axes::<T, 2>(projection, "[output, hidden]")?[1],
        None => output,
    };
    let gates = rows.checked_div(hidden).filter(|gates| Some(rows) == gates.checked_mul(hidden));
    let allowed = |count: &usize| if projection.is_some() { *count == 4 } else { true };
    let stacking = STACKING.iter().find(|(count, _)| gates == Some(*count) && allowed(count));
    let Some(&(gates, stacking)) = stacking else {
        let expected = match projection {
            None => format!("1, 3 or 4 times {output} rows: one gate each for {output} units"),
            Some(_) => format!("4 times {hidden} rows: an LSTM of {hidden} units (`weight_hr`)"),
        };
        return Err(shape_error(recurrent, expected));
    };
    let family = match gates {
        1 => Family::Simple { activation },
        3 => Family::Gru { gate: Activation::Sigmoid, candidate: Activation::Tanh, reset: Reset::After },
        _ => Family::Lstm {
            gate: Activation::Sigmoid,
            candidate: Activation::Tanh,
            output: Activation::Tanh,
            peepholes: false,
            coupled: false,
            projection: projection.is_some(),
        },
    };
    expect_shape(input, &[rows, input_size])?;
    expect_shape(recurrent, &[rows, output])?;
    if let Some(projection) = projection {
        expect_shape(projection, &[output, hidden])?;
    }
    let bias = optional("bias_ih").or(optional("bias_hh")).is_some();
    let biases = |kind: &str| -> Result<Option<Vec<T>>, WeightError> {
        if !bias {
            return Ok(None);
        }
        let tensor = need(kind)?;
        expect_shape(tensor, &[rows])?;
        Ok(Some(tensor.values.clone()))
    };
    let stacked = Stacked {
        input: input.values.clone(),
        recurrent: recurrent.values.clone(),
        input_bias: biases("bias_ih")?,
        recurrent_bias: biases("bias_hh")?,
        peepholes: None,
        projection: projection.map(|projection| projection.values.clone()),
    };
    let form = Form { family, bias, clip: None };
    let sizes = Sizes { input: input_size, hidden, output };
    let tensors = stacking.split(&form, sizes, &stacked);
    let (name, index, direction) = place;
    let layer = Layer { name, index: index.unwrap_or(0), direction, form, sizes, tensors };
    layer.check()?;
    Ok(layer)
}

/// The tensors of a layer as the `state_dict` of its module has them.
///
/// # Errors
///
/// [`WeightError::NotInFramework`] where PyTorch has no such layer.
pub fn export<T: Real>(layer: &Layer<T>) -> Result<Vec<NamedTensor<T>>, WeightError> {
    layer.check()?;
    let refuse =
        |what: &str| Err(WeightError::NotInFramework { framework: FRAMEWORK, what: what.to_owned() });
    let Form { family, bias, clip } = layer.form;
    if clip.is_some() {
        return refuse("a clip before its activations");
    }
    let gates = match family {
        Family::Simple { activation: Activation::Tanh | Activation::Relu } => 1,
        Family::Lstm { peepholes: true, .. } => return refuse("peepholes"),
        Family::Lstm { coupled: true, .. } => return refuse("coupled input and forget gates"),
        Family::Lstm {
            gate: Activation::Sigmoid,
            candidate: Activation::Tanh,
            output: Activation::Tanh,
            ..
        } => 4,
        Family::Gru { reset: Reset::Before, .. } => {
            return refuse("a GRU that resets before the recurrent product");
        }
        Family::Gru { gate: Activation::Sigmoid, candidate: Activation::Tanh, .. } => 3,
        _ => return refuse("these activations"),
    };
    let Some((_, stacking)) = STACKING.iter().find(|(count, _)| *count == gates) else {
        return refuse("so many gates");
    };
    let stacked = stacking.join(&layer.form, layer.sizes, &layer.tensors);
    let Sizes { input, hidden, output } = layer.sizes;
    let rows = gates * hidden;
    let place = (layer.name.clone(), Some(layer.index), layer.direction);
    let mut tensors = Vec::new();
    let mut push = |kind: &str, shape: &[usize], values: Vec<T>| {
        tensors.push(NamedTensor { name: tensor_name(&place, kind), shape: shape.to_vec(), values });
    };
    push("weight_ih", &[rows, input], stacked.input);
    push("weight_hh", &[rows, output], stacked.recurrent);
    if bias {
        push("bias_ih", &[rows], stacked.input_bias.unwrap_or_default());
        push("bias_hh", &[rows], stacked.recurrent_bias.unwrap_or_default());
    }
    if let Some(projection) = stacked.projection {
        push("weight_hr", &[output, hidden], projection);
    }
    Ok(tensors)
}
