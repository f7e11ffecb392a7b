//! `SimpleRNN`, `LSTM` and `GRU` of Keras.
//!
//! | variable | shape | |
//! | --- | --- | --- |
//! | `…/kernel` | `[input, gates · hidden]` | gates `i f c o`, `z r h` |
//! | `…/recurrent_kernel` | `[hidden, gates · hidden]` | |
//! | `…/bias` | `[gates · hidden]`; `[2, 3 · hidden]` for a GRU with `reset_after` | none with `use_bias=False` |
//!
//! Names are the paths of variables (`save_file({w.path: w.numpy() for w in model.weights}, …)`), parted by `/` or `.`,
//! with or without `:0`; what stands before the last part is the layer. A part that begins with `backward_`, as
//! `Bidirectional` writes it, makes the direction. The kind of the layer follows from the shapes, and whether a GRU
//! resets after the product from its bias; activations follow from nothing and are the caller's word.

#[cfg(feature = "files")]
mod file;

use gatewright_compiler::operator::real::Real;

#[cfg(feature = "files")]
pub use file::{import_file, is_file};

use super::activation::Activation;
use super::error::WeightError;
use super::form::{Family, Form, Reset, Sizes};
use super::stacked::{Stacked, Stacking};
use super::{Direction, Imported, Layer, Tensors, axes, expect_shape, shape_error};
use crate::parameters::NamedTensor;

const STACKING: [(usize, Stacking); 3] = [
    (1, Stacking { gates: &[""], peepholes: &[], transposed: true }),
    (3, Stacking { gates: &["z", "r", "h"], peepholes: &[], transposed: true }),
    (4, Stacking { gates: &["i", "f", "g", "o"], peepholes: &[], transposed: true }),
];

const FRAMEWORK: &str = "Keras";

/// What the weights do not tell: the arguments that the layers were made with.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Arguments {
    /// `activation` of every layer; `tanh` where none is given, as in Keras.
    pub activation: Option<Activation>,
    /// `recurrent_activation` of LSTM and GRU; `sigmoid` where none is given, as in Keras.
    pub recurrent_activation: Option<Activation>,
    /// `reset_after` of every GRU; needed for one without bias.
    pub reset_after: Option<bool>,
}

/// Activations by the names of Keras 3.
const ACTIVATIONS: [(&str, Activation); 9] = [
    ("tanh", Activation::Tanh),
    ("sigmoid", Activation::Sigmoid),
    ("relu", Activation::Relu),
    ("softsign", Activation::Softsign),
    ("softplus", Activation::Softplus),
    ("linear", Activation::IDENTITY),
    ("leaky_relu", Activation::LeakyRelu { alpha: 0.2 }),
    // relu6(u + 3) / 6; that of Keras 2 had the slope 0.2.
    ("hard_sigmoid", Activation::HardSigmoid { alpha: 1.0 / 6.0, beta: 0.5 }),
    ("elu", Activation::Elu { alpha: 1.0 }),
];

/// The activation that Keras 3 calls so.
///
/// # Errors
///
/// [`WeightError::Choice`] for a name that is unknown or not supported.
pub fn activation(name: &str) -> Result<Activation, WeightError> {
    let found = ACTIVATIONS.iter().find(|(known, _)| *known == name);
    found.map(|(_, activation)| *activation).ok_or_else(|| {
        let known: Vec<&str> = ACTIVATIONS.iter().map(|(name, _)| *name).collect();
        let problem = format!("`{name}` is not supported; known are {}", known.join(", "));
        WeightError::Choice { choice: "activation", problem }
    })
}

/// What Keras 3 calls an activation; `None` for one that it has no name for.
#[must_use]
pub fn activation_name(activation: Activation) -> Option<&'static str> {
    ACTIVATIONS.iter().find(|(_, known)| *known == activation).map(|(name, _)| *name)
}

/// Finds the recurrent layers among the variables of a model and takes their weights.
///
/// # Errors
///
/// No layer, a layer without some of its variables, variables that do not fit each other, an argument that is needed,
/// contradicts the weights or that no layer takes.
pub fn import<T: Real>(tensors: &Tensors<T>, arguments: &Arguments) -> Result<Imported<T>, WeightError> {
    let imported = import_each(tensors, |_| Ok(*arguments))?;
    refuse_unused(&imported.layers, arguments)?;
    Ok(imported)
}

/// As [`import`], where each layer was made with arguments of its own: those of what stands before its variables.
fn import_each<T: Real>(
    tensors: &Tensors<T>,
    arguments: impl Fn(&str) -> Result<Arguments, WeightError>,
) -> Result<Imported<T>, WeightError> {
    let mut layers = Vec::new();
    let mut used = Vec::new();
    for (name, recurrent) in tensors {
        let Some((prefix, suffix)) = split_name(name, "recurrent_kernel") else { continue };
        let name_of = |variable: &str| format!("{prefix}{variable}{suffix}");
        let kernel = name_of("kernel");
        let kernel = tensors.get(&kernel).ok_or(WeightError::Missing { tensor: kernel })?;
        let bias = tensors.get(&name_of("bias"));
        used.extend([name.clone(), kernel.name.clone()]);
        used.extend(bias.map(|_| name_of("bias")));
        layers.push(layer(prefix, kernel, recurrent, bias, &arguments(prefix)?)?);
    }
    if layers.is_empty() {
        return Err(WeightError::NoLayer { expected: "no variable is named `recurrent_kernel`" });
    }
    let used = |name: &String| used.contains(name);
    Ok(Imported { layers, rest: tensors.keys().filter(|name| !used(name)).cloned().collect() })
}

/// What stands before and behind the variable in a path.
fn split_name<'a>(name: &'a str, variable: &str) -> Option<(&'a str, &'a str)> {
    let (path, suffix) = match name.strip_suffix(":0") {
        Some(path) => (path, ":0"),
        None => (name, ""),
    };
    let prefix = path.strip_suffix(variable)?;
    (prefix.is_empty() || prefix.ends_with(['/', '.'])).then_some((prefix, suffix))
}

fn refuse_unused<T>(layers: &[Layer<T>], arguments: &Arguments) -> Result<(), WeightError> {
    let gru = |layer: &Layer<T>| matches!(layer.form.family, Family::Gru { .. });
    let gated = |layer: &Layer<T>| !matches!(layer.form.family, Family::Simple { .. });
    let unused = |choice, taker: &str| {
        Err(WeightError::Choice { choice, problem: format!("only {taker} takes it, and there is none") })
    };
    if arguments.recurrent_activation.is_some() && !layers.iter().any(gated) {
        return unused("recurrent_activation", "an LSTM or GRU");
    }
    if arguments.reset_after.is_some() && !layers.iter().any(gru) {
        return unused("reset_after", "a GRU");
    }
    Ok(())
}

fn layer<T: Real>(
    prefix: &str,
    kernel: &NamedTensor<T>,
    recurrent: &NamedTensor<T>,
    bias: Option<&NamedTensor<T>>,
    arguments: &Arguments,
) -> Result<Layer<T>, WeightError> {
    let [input, _] = *axes(kernel, "[input, gates · hidden]")?;
    let [hidden, columns] = *axes(recurrent, "[hidden, gates · hidden]")?;
    let gates = columns.checked_div(hidden).filter(|gates| Some(columns) == gates.checked_mul(hidden));
    let Some(&(gates, stacking)) = STACKING.iter().find(|(count, _)| gates == Some(*count)) else {
        return Err(shape_error(recurrent, format!("1, 3 or 4 times {hidden} columns: one gate each")));
    };
    expect_shape(kernel, &[input, columns])?;
    expect_shape(recurrent, &[hidden, columns])?;
    let candidate = arguments.activation.unwrap_or(Activation::Tanh);
    let gate = arguments.recurrent_activation.unwrap_or(Activation::Sigmoid);
    let family = match gates {
        1 => Family::Simple { activation: candidate },
        3 => Family::Gru { gate, candidate, reset: reset(recurrent, bias, arguments.reset_after)? },
        _ => Family::Lstm {
            gate,
            candidate,
            output: candidate,
            peepholes: false,
            coupled: false,
            projection: false,
        },
    };
    let two = family.inner_bias().is_some();
    if let Some(bias) = bias {
        if two {
            expect_shape(bias, &[2, columns])?;
        } else {
            expect_shape(bias, &[columns])?;
        }
    }
    let (input_bias, recurrent_bias) = match bias {
        Some(bias) if two => {
            let (outer, inner) = bias.values.split_at(columns);
            (Some(outer.to_vec()), Some(inner.to_vec()))
        }
        bias => (bias.map(|bias| bias.values.clone()), None),
    };
    let stacked = Stacked {
        input: kernel.values.clone(),
        recurrent: recurrent.values.clone(),
        input_bias,
        recurrent_bias,
        peepholes: None,
        projection: None,
    };
    let form = Form { family, bias: bias.is_some(), clip: None };
    let sizes = Sizes { input, hidden, output: hidden };
    let tensors = stacking.split(&form, sizes, &stacked);
    let backward = prefix.split(['/', '.']).any(|part| part.starts_with("backward_"));
    let direction = if backward { Direction::Reverse } else { Direction::Forward };
    let name = prefix.trim_end_matches(['/', '.']).to_owned();
    let layer = Layer { name, index: 0, direction, form, sizes, tensors };
    layer.check()?;
    Ok(layer)
}

/// Where the reset gate acts, by the axes of the bias.
fn reset<T>(
    recurrent: &NamedTensor<T>,
    bias: Option<&NamedTensor<T>>,
    argument: Option<bool>,
) -> Result<Reset, WeightError> {
    let by_bias = bias.map(|bias| bias.shape.len() == 2);
    let after = match (by_bias, argument) {
        (Some(by_bias), Some(argument)) if by_bias != argument => {
            let problem = format!("the bias beside `{}` says the contrary", recurrent.name);
            return Err(WeightError::Choice { choice: "reset_after", problem });
        }
        (Some(after), _) | (None, Some(after)) => after,
        (None, None) => {
            let problem =
                format!("`{}` is a GRU without bias, which does not tell: say which", recurrent.name);
            return Err(WeightError::Choice { choice: "reset_after", problem });
        }
    };
    Ok(if after { Reset::After } else { Reset::Before })
}

/// The variables of a layer, and the arguments that it must be made with, as Keras names them.
#[derive(Clone, Debug, PartialEq)]
pub struct Exported<T> {
    /// `kernel`, `recurrent_kernel` and `bias`, behind the name of the layer.
    pub tensors: Vec<NamedTensor<T>>,
    /// Arguments of the layer.
    pub arguments: Arguments,
}

/// The variables of a layer.
///
/// # Errors
///
/// [`WeightError::NotInFramework`] where Keras has no such layer.
pub fn export<T: Real>(layer: &Layer<T>) -> Result<Exported<T>, WeightError> {
    layer.check()?;
    let refuse =
        |what: &str| Err(WeightError::NotInFramework { framework: FRAMEWORK, what: what.to_owned() });
    if layer.form.clip.is_some() {
        return refuse("a clip before its activations");
    }
    let (gates, arguments) = match layer.form.family {
        Family::Simple { activation } => {
            (1, Arguments { activation: Some(activation), ..Arguments::default() })
        }
        Family::Lstm { peepholes: true, .. } => return refuse("peepholes"),
        Family::Lstm { coupled: true, .. } => return refuse("coupled input and forget gates"),
        Family::Lstm { projection: true, .. } => return refuse("a projection"),
        Family::Lstm { candidate, output, .. } if candidate != output => {
            return refuse("one activation of the candidate and another of the output");
        }
        Family::Lstm { gate, candidate, .. } => (
            4,
            Arguments { activation: Some(candidate), recurrent_activation: Some(gate), reset_after: None },
        ),
        Family::Gru { gate, candidate, reset } => {
            let reset_after = Some(reset == Reset::After);
            (3, Arguments { activation: Some(candidate), recurrent_activation: Some(gate), reset_after })
        }
    };
    let chosen = [arguments.activation, arguments.recurrent_activation];
    if chosen.into_iter().flatten().any(|activation| activation_name(activation).is_none()) {
        return refuse("these activations");
    }
    let Some((_, stacking)) = STACKING.iter().find(|(count, _)| *count == gates) else {
        return refuse("so many gates");
    };
    let stacked = stacking.join(&layer.form, layer.sizes, &layer.tensors);
    let Sizes { input, hidden, .. } = layer.sizes;
    let columns = gates * hidden;
    let slash = if layer.name.is_empty() { "" } else { "/" };
    let tensor = |variable: &str, shape: &[usize], values: Vec<T>| NamedTensor {
        name: format!("{}{slash}{variable}", layer.name),
        shape: shape.to_vec(),
        values,
    };
    let mut tensors = vec![
        tensor("kernel", &[input, columns], stacked.input),
        tensor("recurrent_kernel", &[hidden, columns], stacked.recurrent),
    ];
    if let (Some(mut outer), Some(inner)) = (stacked.input_bias, stacked.recurrent_bias) {
        if layer.form.family.inner_bias().is_some() {
            outer.extend(inner);
            tensors.push(tensor("bias", &[2, columns], outer));
        } else {
            tensors.push(tensor("bias", &[columns], outer));
        }
    }
    Ok(Exported { tensors, arguments })
}
