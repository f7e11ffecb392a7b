//! The one definition of each transcendental function, and of the plain functions beside them.
//!
//! Each is a short straight-line program over [`Lanes`]: on one number it is what the interpreter computes; over
//! vector registers it is what a tile primitive of the runtime computes. Both round at the same places, so they are
//! equal bit for bit (a NaN is a NaN: its payload is not part of the definition).
//!
//! Largest errors against the true value, in units in the last place (of the smallest normal number where the result
//! is smaller), from [`accuracy::largest_error`] over all 2^32 numbers for f32, and from 40,000 random numbers each
//! against 48 decimal digits for f64:
//!
//! | function | f32 | at | f64 |
//! | --- | --- | --- | --- |
//! | sigmoid | 2.44 | -16.642534 | 1.9 |
//! | tanh | 1.91 | 0.51095885 | 2.0 |
//! | exponential | 1.04 | -5.859255 | 1.0 |
//! | logarithm | 0.90 | 0.70665926 | 0.85 |
//! | softplus | 2.89 | -2.0390368 | 2.3 |
//! | sine, cosine | 0.51 | a sample only | `libm` |
//!
//! Sine and cosine are calls of the `libm` crate, number by number: rare in cells, and not worth vector code.
//!
//! NaN gives NaN; infinities give the limits; `tanh(-0) = -0`; nothing overflows on the way.

pub mod accuracy;
mod constants;
mod lanes;
#[cfg(test)]
mod tests;

pub use constants::Constants;
pub use lanes::Lanes;

use super::Unary;
use super::real::Real;

/// The function at `x`. Total: the functions that are no primitives are here as well.
#[must_use]
pub fn evaluate<T: Real>(function: Unary, x: T) -> T {
    T::transcendental(function, x)
}

/// [`evaluate`] where the type is known to have the constants.
pub(super) fn evaluate_scalar<T: Constants + Lanes<Scalar = T>>(function: Unary, x: T) -> T {
    match function {
        Unary::Negate => -x,
        Unary::Absolute => x.absolute(),
        Unary::Sign if x > T::ZERO => T::ONE,
        Unary::Sign if x < T::ZERO => -T::ONE,
        Unary::Step if x > T::ZERO => T::ONE,
        Unary::Sign | Unary::Step => T::ZERO,
        Unary::Relu => x.at_least(T::ZERO),
        Unary::Floor => x.floor(),
        Unary::Round => x.round(),
        Unary::SquareRoot => x.sqrt(),
        Unary::Sigmoid => sigmoid(x),
        Unary::Tanh => tanh(x),
        Unary::Exponential => exponential(x),
        Unary::Logarithm => logarithm(x),
        Unary::Softplus => softplus(x),
        Unary::Sine => sine(x),
        Unary::Cosine => cosine(x),
    }
}

/// Polynomial in `x`, constant term first, by Horner's rule: one fused multiply-add for each further coefficient.
#[inline(always)]
fn polynomial<L: Lanes>(x: L, coefficients: &'static [L::Scalar]) -> L {
    let mut sum = x.splat(L::Scalar::ZERO);
    for (place, coefficient) in coefficients.iter().rev().enumerate() {
        sum = if place == 0 { x.splat(*coefficient) } else { sum.multiply_add(x, x.splat(*coefficient)) };
    }
    sum
}

/// `(2^(n - places), e^r - 1)` with `x = n ln 2 + r`, `n` an integer, `|r| <= ln(2) / 2`.
///
/// `n` is rounded by adding a number so large that the last place of the sum is 1; its bits, moved up, are the
/// power of two. `places` must be such that `2^(n - places)` is a normal number.
#[inline(always)]
fn split_exponential<L: Lanes>(x: L, places: L) -> (L, L) {
    let round = x.splat(L::Scalar::ROUND_AND_BIAS).subtract(places);
    let shifted = x.multiply_add(x.splat(L::Scalar::LOG2_E), round);
    let n = shifted.subtract(round);
    let r = n.multiply_add(x.splat(L::Scalar::NEGATIVE_LN_2_HIGH), x);
    let r = n.multiply_add(x.splat(L::Scalar::NEGATIVE_LN_2_LOW), r);
    let q = polynomial(r, L::Scalar::EXPONENTIAL);
    (shifted.bits_to_exponent(), r.multiply(r).multiply_add(q, r))
}

/// `1 / (1 + e^-x)`.
///
/// With `e^-x = 2^n (1 + t)` the denominator is `(1 + 2^n) + 2^n t`: `t` is small, so its error nearly vanishes.
/// Numerator and denominator are both taken `2^-SIGMOID_MOVE` times: then `2^n` does not overflow for any `x` whose
/// result is not zero, and the division rounds a subnormal result once.
#[inline(always)]
#[must_use]
pub fn sigmoid<L: Lanes>(x: L) -> L {
    let x = x.at_least(x.splat(L::Scalar::EXPONENTIAL_IS_ZERO)).at_most(x.splat(L::Scalar::SATURATED));
    let opposite = x.splat(-L::Scalar::ZERO).subtract(x);
    let (power, t) = split_exponential(opposite, x.splat(L::Scalar::SIGMOID_MOVE));
    let one = x.splat(L::Scalar::SIGMOID_ONE);
    one.divide(power.multiply_add(t, power.add(one)))
}

/// `tanh(x)`, as `(1 - e) / (1 + e)` with `e = e^(-2 |x|) = 2^n (1 + t)`, and the sign of `x`.
///
/// Both are rounded once, as `(2^n - 1) + 2^n t` and `(2^n + 1) + 2^n t`. With the opposite exponent, or with the
/// denominator made from the rounded numerator, the error is above 2.5 units in the last place.
#[inline(always)]
#[must_use]
pub fn tanh<L: Lanes>(x: L) -> L {
    let size = x.absolute().at_most(x.splat(L::Scalar::SATURATED));
    let (power, t) = split_exponential(size.multiply(x.splat(-L::Scalar::TWO)), x.splat(L::Scalar::ZERO));
    let one = x.splat(L::Scalar::ONE);
    let below = power.multiply_add(t, power.subtract(one));
    let above = power.multiply_add(t, power.add(one));
    below.divide(above).with_sign_of(x)
}

/// `e^x`, as `2^n + 2^n t` with the exponent moved towards zero, and back by a multiplication, which rounds only
/// if the result is subnormal.
#[inline(always)]
#[must_use]
pub fn exponential<L: Lanes>(x: L) -> L {
    let x = x
        .at_least(x.splat(L::Scalar::EXPONENTIAL_IS_ZERO))
        .at_most(x.splat(L::Scalar::EXPONENTIAL_IS_INFINITE));
    let negative = x.less(x.splat(L::Scalar::ZERO));
    let places = L::select(negative, x.splat(-L::Scalar::MOVE), x.splat(L::Scalar::MOVE));
    let back = L::select(negative, x.splat(L::Scalar::MOVE_DOWN), x.splat(L::Scalar::MOVE_UP));
    let (power, t) = split_exponential(x, places);
    power.multiply_add(t, power).multiply(back)
}

/// `ln x`. With `x = 2^k (1 + f)`, `sqrt(1/2) <= 1 + f < sqrt(2)` and `s = f / (2 + f)`:
/// `ln(1 + f) = 2 atanh(s) = f - (f^2 / 2 - s (f^2 / 2 + s^2 R(s^2)))`, where `f` is exact.
#[inline(always)]
#[must_use]
pub fn logarithm<L: Lanes>(x: L) -> L {
    let zero = x.splat(L::Scalar::ZERO);
    let half = x.splat(L::Scalar::HALF);
    let subnormal = x.less(x.splat(L::Scalar::SMALLEST_NORMAL));
    let normal = L::select(subnormal, x.multiply(x.splat(L::Scalar::NORMALISE)), x);
    let bias = L::select(
        subnormal,
        x.splat(L::Scalar::INTEGER_AND_BIAS + L::Scalar::NORMALISE_EXPONENT),
        x.splat(L::Scalar::INTEGER_AND_BIAS),
    );
    let bits = normal.bits_add(x.splat(L::Scalar::ONE_LESS_ROOT_BITS));
    let k = bits.bits_from_exponent().bits_or(x.splat(L::Scalar::INTEGER)).subtract(bias);
    let significand =
        bits.bits_and(x.splat(L::Scalar::SIGNIFICAND_BITS)).bits_add(x.splat(L::Scalar::ROOT_OF_HALF));

    let f = significand.subtract(x.splat(L::Scalar::ONE));
    let s = f.divide(f.add(x.splat(L::Scalar::TWO)));
    let square = s.multiply(s);
    let parabola = f.multiply(f).multiply(half);
    let tail = square.multiply_add(polynomial(square, L::Scalar::LOGARITHM), parabola).multiply(s);
    // k (-low) is subtracted: the constants are parts of -ln 2.
    let low = k.multiply_add(x.splat(L::Scalar::NEGATIVE_LN_2_LOW), parabola.subtract(tail));
    let result = k.multiply_add(x.splat(-L::Scalar::NEGATIVE_LN_2_HIGH), f.subtract(low));

    let result = L::select(x.less(x.splat(L::Scalar::INFINITY)), result, x);
    // Zero gives -infinity, what is less and NaN give NaN.
    let outside = L::select(x.less(zero), x.splat(L::Scalar::NAN), x.splat(-L::Scalar::INFINITY)).add(x);
    L::select(zero.less(x), result, outside)
}

/// `ln(1 + e^x) = max(x, 0) + ln(1 + e)` with `e = e^-|x|` and `ln(1 + e) = 2 atanh(w / 2)`, `w = 2 e / (2 + e)`.
#[inline(always)]
#[must_use]
pub fn softplus<L: Lanes>(x: L) -> L {
    let zero = x.splat(L::Scalar::ZERO);
    let below = zero.subtract(x.absolute()).at_least(x.splat(L::Scalar::EXPONENTIAL_IS_ZERO));
    let (power, t) = split_exponential(below, x.splat(-L::Scalar::MOVE));
    let e = power.multiply_add(t, power).multiply(x.splat(L::Scalar::MOVE_DOWN));
    let w = e.add(e).divide(e.add(x.splat(L::Scalar::TWO)));
    let square = w.multiply(w);
    let excess = square.multiply(w).multiply_add(polynomial(square, L::Scalar::SOFTPLUS), w);
    x.at_least(zero).add(excess)
}

/// `sin x`, lane by lane.
#[inline(always)]
#[must_use]
pub fn sine<L: Lanes>(x: L) -> L {
    x.each(L::Scalar::sine)
}

/// `cos x`, lane by lane.
#[inline(always)]
#[must_use]
pub fn cosine<L: Lanes>(x: L) -> L {
    x.each(L::Scalar::cosine)
}
