//! Scalar definitions of the transcendental functions.

use super::Unary;
use super::real::Real;

/// Stand-in through the platform's `f64` functions, until the definitions proper land.
pub fn evaluate<T: Real>(function: Unary, x: T) -> T {
    let x = x.to_f64();
    T::from_f64(match function {
        Unary::Sigmoid => 1.0 / (1.0 + (-x).exp()),
        Unary::Tanh => x.tanh(),
        Unary::Exponential => x.exp(),
        Unary::Logarithm => x.ln(),
        Unary::Softplus => x.max(0.0) + (-x.abs()).exp().ln_1p(),
        Unary::Sine => x.sin(),
        Unary::Cosine => x.cos(),
        _ => f64::NAN,
    })
}
