//! Scalar definitions of the transcendental functions.

use super::Unary;
use super::real::Real;

/// The function at `x`.
#[must_use]
pub fn evaluate<T: Real>(function: Unary, x: T) -> T {
    let wide = x.to_f64();
    T::from_f64(match function {
        Unary::Negate => -wide,
        Unary::Absolute => wide.abs(),
        Unary::Sign => f64::from(wide > 0.0) - f64::from(wide < 0.0),
        Unary::Step => f64::from(wide > 0.0),
        Unary::Relu => {
            if wide < 0.0 {
                0.0
            } else {
                wide
            }
        }
        Unary::SquareRoot => return x.sqrt(),
        Unary::Sigmoid => 1.0 / (1.0 + (-wide).exp()),
        Unary::Tanh => wide.tanh(),
        Unary::Exponential => wide.exp(),
        Unary::Logarithm => wide.ln(),
        Unary::Softplus => wide.max(0.0) + (-wide.abs()).exp().ln_1p(),
        Unary::Sine => wide.sin(),
        Unary::Cosine => wide.cos(),
    })
}
