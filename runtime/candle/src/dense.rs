//! Dense layers that begin as a seed says.

use candle_core::Result;
use candle_nn::{Init, Linear, VarBuilder};
use gatewright::parameters::{Initializer, ParameterLayout, ParameterRole};

use crate::Element;
use crate::fill::Fill;

/// A dense layer of candle with the variables `weight` and `bias`, made or found as those of
/// [`CellLayer::new`](crate::CellLayer::new) are.
///
/// candle draws its own initial values from a generator that has no seed on the CPU; these are Glorot uniform and zeros
/// as `initializer` gives them, in a stream of their own for each place in `variables`.
///
/// # Errors
///
/// A variable of another shape or element type, or an initialiser that names other parameters.
#[allow(clippy::needless_pass_by_value, reason = "candle's own layers take their builder by value")]
pub fn dense<T: Element>(
    inputs: usize,
    outputs: usize,
    initializer: &Initializer,
    variables: VarBuilder<'_>,
) -> Result<Linear> {
    let place = |name: &str| match variables.prefix() {
        prefix if prefix.is_empty() => name.to_owned(),
        prefix => format!("{prefix}.{name}"),
    };
    let layout = ParameterLayout::new([
        (place("weight"), vec![outputs, inputs], ParameterRole::InputMatrix),
        (place("bias"), vec![outputs], ParameterRole::Bias),
    ]);
    let Some(layout) = layout else {
        candle_core::bail!("a dense layer from {inputs} to {outputs} is more than this machine can hold")
    };
    let initial = initializer.parameters::<T>(&layout).map_err(candle_core::Error::wrap)?;
    let variable = |name: &str, shape: &[usize]| {
        let found = variables.contains_tensor(name);
        let variable = variables.get_with_hints(shape, name, Init::Const(0.0))?;
        let values = initial.get(&place(name)).map_err(candle_core::Error::wrap)?;
        if !found && !values.is_empty() {
            variable.inplace_op1(&Fill(values))?;
        }
        Ok::<_, candle_core::Error>(variable)
    };
    let weight = variable("weight", &[outputs, inputs])?;
    Ok(Linear::new(weight, Some(variable("bias", &[outputs])?)))
}
