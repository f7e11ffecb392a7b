//! Adam whose memory can be saved.
//!
//! The arithmetic is that of [`candle_nn::AdamW`], operation by operation, and a test holds the two equal bit for bit.
//! candle keeps the moments to itself, so that training which stops could not go on where it was; here they are tensors
//! that a checkpoint takes and gives back.

use candle_core::backprop::GradStore;
use candle_core::{Result, Tensor, Var};
use candle_nn::{Optimizer, ParamsAdamW};

/// Adam (Kingma and Ba, 2015) with decoupled weight decay (Loshchilov and Hutter, 2019).
///
/// ```text
/// m_k = β1 m_{k-1} + (1 - β1) g        v_k = β2 v_{k-1} + (1 - β2) g²
/// θ_k = (1 - η λ) θ_{k-1} - η m_k / (1 - β1^k) / (sqrt(v_k / (1 - β2^k)) + ε)
/// ```
#[derive(Debug)]
pub struct Adam {
    variables: Vec<Moments>,
    steps: usize,
    parameters: ParamsAdamW,
}

/// A variable with `m` and `v`.
#[derive(Debug)]
struct Moments {
    variable: Var,
    first: Var,
    second: Var,
}

/// What Adam remembers: with the variables themselves, all that the next step depends on.
#[derive(Clone, Debug)]
pub struct AdamState {
    /// Steps taken.
    pub steps: usize,
    /// First and second moment of each variable, in the order in which the variables were given.
    pub moments: Vec<(Tensor, Tensor)>,
}

impl Optimizer for Adam {
    type Config = ParamsAdamW;

    fn new(variables: Vec<Var>, parameters: ParamsAdamW) -> Result<Self> {
        let variables = variables
            .into_iter()
            .filter(|variable| variable.dtype().is_float())
            .map(|variable| {
                let zeros = || Var::zeros(variable.shape(), variable.dtype(), variable.device());
                Ok(Moments { first: zeros()?, second: zeros()?, variable })
            })
            .collect::<Result<_>>()?;
        Ok(Self { variables, steps: 0, parameters })
    }

    fn learning_rate(&self) -> f64 {
        self.parameters.lr
    }

    fn set_learning_rate(&mut self, rate: f64) {
        self.parameters.lr = rate;
    }

    fn step(&mut self, gradients: &GradStore) -> Result<()> {
        self.steps += 1;
        let ParamsAdamW { lr, beta1, beta2, eps, weight_decay } = self.parameters;
        let power = i32::try_from(self.steps).unwrap_or(i32::MAX);
        let first_scale = 1.0 / (1.0 - beta1.powi(power));
        let second_scale = 1.0 / (1.0 - beta2.powi(power));
        for Moments { variable, first, second } in &self.variables {
            let Some(gradient) = gradients.get(variable) else { continue };
            let next_first = ((first.as_tensor() * beta1)? + (gradient * (1.0 - beta1))?)?;
            let next_second = ((second.as_tensor() * beta2)? + (gradient.sqr()? * (1.0 - beta2))?)?;
            let step = ((&next_first * first_scale)? / ((&next_second * second_scale)?.sqrt()? + eps)?)?;
            let next = ((variable.as_tensor() * (1.0 - lr * weight_decay))? - (step * lr)?)?;
            first.set(&next_first)?;
            second.set(&next_second)?;
            variable.set(&next)?;
        }
        Ok(())
    }
}

impl Adam {
    /// What the next step depends on besides the variables: copies, which later steps do not change.
    ///
    /// # Errors
    ///
    /// Whatever candle says of a copy.
    pub fn state(&self) -> Result<AdamState> {
        let copy = |moments: &Moments| Ok((moments.first.copy()?, moments.second.copy()?));
        let moments = self.variables.iter().map(copy).collect::<Result<_>>()?;
        Ok(AdamState { steps: self.steps, moments })
    }

    /// Goes on from `state`, which [`Adam::state`] gave for the same variables.
    ///
    /// # Errors
    ///
    /// Another number of variables, or moments of another shape or element type; nothing has changed then.
    pub fn restore(&mut self, state: &AdamState) -> Result<()> {
        if state.moments.len() != self.variables.len() {
            candle_core::bail!(
                "moments of {} variables cannot serve {}",
                state.moments.len(),
                self.variables.len()
            );
        }
        for (moments, (first, second)) in self.variables.iter().zip(&state.moments) {
            for given in [first, second] {
                let expected = (moments.variable.shape(), moments.variable.dtype());
                if (given.shape(), given.dtype()) != expected {
                    candle_core::bail!("a moment is {given:?}, its variable {expected:?}");
                }
            }
        }
        for (moments, (first, second)) in self.variables.iter().zip(&state.moments) {
            moments.first.set(first)?;
            moments.second.set(second)?;
        }
        self.steps = state.steps;
        Ok(())
    }
}
