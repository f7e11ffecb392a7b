//! The two kinds of number a cell computes in.

use std::fmt::{Debug, Display};
use std::ops::{Add, Div, Mul, Neg, Sub};

use super::Unary;
use super::elementary;

mod sealed {
    /// Closes [`super::Real`]: compiled code and kernels know these two types only.
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

/// `f32` or `f64`, with exactly the operations whose result is the same on every machine.
///
/// Every method rounds once, to nearest, ties to even; none depends on the instruction set.
pub trait Real:
    sealed::Sealed
    + Copy
    + PartialOrd
    + Debug
    + Display
    + Default
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + Send
    + Sync
    + 'static
{
    /// Size in bits: 32 or 64.
    const BITS: u32;
    /// Positive zero.
    const ZERO: Self;
    /// One.
    const ONE: Self;

    /// The nearest number; infinite where `value` is out of range.
    fn from_f64(value: f64) -> Self;
    /// The same number.
    fn to_f64(self) -> f64;
    /// `self * factor + addend`, rounded once.
    fn mul_add(self, factor: Self, addend: Self) -> Self;
    /// Square root.
    fn sqrt(self) -> Self;
    /// Absolute value.
    fn abs(self) -> Self;
    /// The largest whole number that is not larger.
    fn floor(self) -> Self;
    /// The nearest whole number, of two the even one.
    fn round(self) -> Self;
    /// Whether this is not a number.
    fn is_nan(self) -> bool;
    /// The function at `x`, by the one definition in [`elementary`].
    fn transcendental(function: Unary, x: Self) -> Self;

    /// The larger of both; NaN where either is. Of equal numbers (both zeros) `self`.
    #[must_use]
    fn maximum(self, other: Self) -> Self {
        if other.is_nan() || self < other { other } else { self }
    }

    /// The smaller of both; NaN where either is. Of equal numbers (both zeros) `self`.
    #[must_use]
    fn minimum(self, other: Self) -> Self {
        if other.is_nan() || other < self { other } else { self }
    }
}

macro_rules! implement_real {
    ($type:ident, $bits:literal) => {
        impl Real for $type {
            const BITS: u32 = $bits;
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;

            #[inline]
            #[allow(
                clippy::cast_possible_truncation,
                reason = "rounding to the nearest f32 is what it is for"
            )]
            fn from_f64(value: f64) -> Self {
                value as Self
            }
            #[inline]
            fn to_f64(self) -> f64 {
                f64::from(self)
            }
            #[inline]
            fn mul_add(self, factor: Self, addend: Self) -> Self {
                Self::mul_add(self, factor, addend)
            }
            #[inline]
            fn sqrt(self) -> Self {
                Self::sqrt(self)
            }
            #[inline]
            fn abs(self) -> Self {
                Self::abs(self)
            }
            #[inline]
            fn floor(self) -> Self {
                Self::floor(self)
            }
            #[inline]
            fn round(self) -> Self {
                Self::round_ties_even(self)
            }
            #[inline]
            fn is_nan(self) -> bool {
                Self::is_nan(self)
            }
            #[inline]
            fn transcendental(function: Unary, x: Self) -> Self {
                elementary::evaluate_scalar(function, x)
            }
        }
    };
}

implement_real!(f32, 32);
implement_real!(f64, 64);
