//! What a definition is written over: one number, or a vector register full of them.

use super::constants::Constants;

/// Some numbers side by side, all of which take the same operations; one number is the simplest case.
///
/// Implementations must agree bit for bit, lane by lane, with the implementations for `f32` and `f64` here, but
/// for the payload and the sign of NaN. Then so does every function of this module.
///
/// A value is the only way to another one ([`Lanes::splat`] takes `self`): an implementation over registers that
/// not every processor has need guard only the place where its first value is made.
pub trait Lanes: Copy {
    /// The number in one lane.
    type Scalar: Constants;
    /// One truth value for each lane.
    type Mask: Copy;

    /// `value` in every lane, of this width.
    #[must_use]
    fn splat(self, value: Self::Scalar) -> Self;
    /// `self + other`.
    #[must_use]
    fn add(self, other: Self) -> Self;
    /// `self - other`.
    #[must_use]
    fn subtract(self, other: Self) -> Self;
    /// `self * other`.
    #[must_use]
    fn multiply(self, other: Self) -> Self;
    /// `self / other`.
    #[must_use]
    fn divide(self, other: Self) -> Self;
    /// `self * factor + addend`, rounded once.
    #[must_use]
    fn multiply_add(self, factor: Self, addend: Self) -> Self;
    /// `self` without its sign.
    #[must_use]
    fn absolute(self) -> Self;
    /// The size of `self` with the sign of `sign`.
    #[must_use]
    fn with_sign_of(self, sign: Self) -> Self;

    /// Where `self < other`; false where either is NaN.
    fn less(self, other: Self) -> Self::Mask;
    /// `yes` where `mask` is true, else `no`.
    #[must_use]
    fn select(mask: Self::Mask, yes: Self, no: Self) -> Self;
    /// `limit` where `limit < self`, else `self`: NaN passes.
    #[must_use]
    fn at_most(self, limit: Self) -> Self;
    /// `limit` where `self < limit`, else `self`: NaN passes.
    #[must_use]
    fn at_least(self, limit: Self) -> Self;

    /// The bits as integers, `self + other`, wrapping.
    #[must_use]
    fn bits_add(self, other: Self) -> Self;
    /// The bits as integers, `self - other`, wrapping.
    #[must_use]
    fn bits_subtract(self, other: Self) -> Self;
    /// The bits that both have.
    #[must_use]
    fn bits_and(self, other: Self) -> Self;
    /// The bits that either has.
    #[must_use]
    fn bits_or(self, other: Self) -> Self;
    /// The bits moved up by the length of the stored significand: its lowest bits become the exponent.
    #[must_use]
    fn bits_to_exponent(self) -> Self;
    /// The bits moved down by the length of the stored significand: the exponent becomes its lowest bits.
    #[must_use]
    fn bits_from_exponent(self) -> Self;

    /// A scalar function, lane by lane.
    #[must_use]
    fn each(self, function: fn(Self::Scalar) -> Self::Scalar) -> Self;
}

macro_rules! implement_lanes {
    ($type:ident, $significand:literal) => {
        impl Lanes for $type {
            type Scalar = Self;
            type Mask = bool;

            #[inline(always)]
            fn splat(self, value: Self) -> Self {
                value
            }
            #[inline(always)]
            fn add(self, other: Self) -> Self {
                self + other
            }
            #[inline(always)]
            fn subtract(self, other: Self) -> Self {
                self - other
            }
            #[inline(always)]
            fn multiply(self, other: Self) -> Self {
                self * other
            }
            #[inline(always)]
            fn divide(self, other: Self) -> Self {
                self / other
            }
            #[inline(always)]
            fn multiply_add(self, factor: Self, addend: Self) -> Self {
                self.mul_add(factor, addend)
            }
            #[inline(always)]
            fn absolute(self) -> Self {
                self.abs()
            }
            #[inline(always)]
            fn with_sign_of(self, sign: Self) -> Self {
                self.copysign(sign)
            }
            #[inline(always)]
            fn less(self, other: Self) -> bool {
                self < other
            }
            #[inline(always)]
            fn select(mask: bool, yes: Self, no: Self) -> Self {
                if mask { yes } else { no }
            }
            #[inline(always)]
            fn at_most(self, limit: Self) -> Self {
                if limit < self { limit } else { self }
            }
            #[inline(always)]
            fn at_least(self, limit: Self) -> Self {
                if self < limit { limit } else { self }
            }
            #[inline(always)]
            fn bits_add(self, other: Self) -> Self {
                Self::from_bits(self.to_bits().wrapping_add(other.to_bits()))
            }
            #[inline(always)]
            fn bits_subtract(self, other: Self) -> Self {
                Self::from_bits(self.to_bits().wrapping_sub(other.to_bits()))
            }
            #[inline(always)]
            fn bits_and(self, other: Self) -> Self {
                Self::from_bits(self.to_bits() & other.to_bits())
            }
            #[inline(always)]
            fn bits_or(self, other: Self) -> Self {
                Self::from_bits(self.to_bits() | other.to_bits())
            }
            #[inline(always)]
            fn bits_to_exponent(self) -> Self {
                Self::from_bits(self.to_bits() << $significand)
            }
            #[inline(always)]
            fn bits_from_exponent(self) -> Self {
                Self::from_bits(self.to_bits() >> $significand)
            }
            #[inline(always)]
            fn each(self, function: fn(Self) -> Self) -> Self {
                function(self)
            }
        }
    };
}

implement_lanes!(f32, 23);
implement_lanes!(f64, 52);
