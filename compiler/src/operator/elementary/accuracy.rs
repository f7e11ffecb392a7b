//! How far a definition is from the true value: for the tests, and for the long run over all 2^32 numbers.

use super::evaluate;
use crate::operator::Unary;

/// The largest error found, and where.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LargestError {
    /// In units in the last place of the true value.
    pub ulp: f64,
    /// The number for which it was found.
    pub at: f32,
}

/// The true value to about 52 bits, by the `libm` crate, which shares nothing with the definitions here (but is
/// the definition of sine and cosine).
#[must_use]
pub fn reference(function: Unary, x: f64) -> f64 {
    match function {
        Unary::Sigmoid if x < 0.0 => libm::exp(x) / (1.0 + libm::exp(x)),
        Unary::Sigmoid => 1.0 / (1.0 + libm::exp(-x)),
        Unary::Tanh => libm::tanh(x),
        Unary::Exponential => libm::exp(x),
        Unary::Logarithm => libm::log(x),
        Unary::Softplus => x.max(0.0) + libm::log1p(libm::exp(-x.abs())),
        Unary::Sine => libm::sin(x),
        Unary::Cosine => libm::cos(x),
        Unary::Negate
        | Unary::Absolute
        | Unary::Sign
        | Unary::Step
        | Unary::Relu
        | Unary::Floor
        | Unary::Round
        | Unary::SquareRoot => evaluate(function, x),
    }
}

/// Error of `value` in units in the last place that `truth` has in f32; subnormal numbers have the unit of the
/// smallest normal one. Zero where both are the same NaN or infinity, infinite where only one is.
#[must_use]
pub fn error_in_ulp(value: f32, truth: f64) -> f64 {
    #[allow(clippy::cast_possible_truncation, reason = "the value that a perfect function would give")]
    let rounded = truth as f32;
    if value == rounded || (value.is_nan() && truth.is_nan()) {
        // Still up to half a unit away; what counts here is the distance to the truth.
        if truth.is_nan() || rounded.is_infinite() {
            return 0.0;
        }
    } else if !value.is_finite() || truth.is_nan() {
        return f64::INFINITY;
    }
    let magnitude = truth.abs().clamp(f64::from(f32::MIN_POSITIVE), f64::from(f32::MAX));
    let exponent = (magnitude.to_bits() >> 52) & 0x7ff;
    let unit = f64::from_bits((exponent - 23) << 52);
    (f64::from(value) - truth).abs() / unit
}

/// The largest error over the `count` numbers with the bits `first`, `first + step`, `first + 2 step`, …, wrapping.
/// `largest_error(function, 0, 1, 1 << 32)` is every number there is.
#[must_use]
pub fn largest_error(function: Unary, first: u32, step: u32, count: u64) -> LargestError {
    let mut largest = LargestError::default();
    let mut bits = first;
    for _ in 0..count {
        let x = f32::from_bits(bits);
        let ulp = error_in_ulp(evaluate(function, x), reference(function, f64::from(x)));
        if ulp > largest.ulp {
            largest = LargestError { ulp, at: x };
        }
        bits = bits.wrapping_add(step);
    }
    largest
}
