//! The meaning of the element-wise operators and of the reductions, on numbers.
//!
//! The interpreters run these functions, and compiled code gives the same bits. Nothing here depends on the machine:
//! every operation rounds once, and the transcendental functions have one definition ([`super::elementary`]).

use super::real::Real;
use super::{Binary, Ternary, Unary};

/// A truth value as a number.
fn indicator<T: Real>(condition: bool) -> T {
    if condition { T::ONE } else { T::ZERO }
}

/// `function(x)`.
pub fn evaluate_unary<T: Real>(function: Unary, x: T) -> T {
    match function {
        Unary::Negate => -x,
        Unary::Absolute => x.abs(),
        Unary::Sign => indicator::<T>(x > T::ZERO) - indicator::<T>(x < T::ZERO),
        Unary::Step => indicator(x > T::ZERO),
        Unary::Relu => {
            if x < T::ZERO {
                T::ZERO
            } else {
                x
            }
        }
        Unary::Floor => x.floor(),
        Unary::Round => x.round(),
        Unary::SquareRoot => x.sqrt(),
        Unary::Sigmoid
        | Unary::Tanh
        | Unary::Exponential
        | Unary::Logarithm
        | Unary::Softplus
        | Unary::Sine
        | Unary::Cosine => T::transcendental(function, x),
    }
}

/// `function(a, b)`.
pub fn evaluate_binary<T: Real>(function: Binary, a: T, b: T) -> T {
    match function {
        Binary::Add => a + b,
        Binary::Subtract => a - b,
        Binary::Multiply => a * b,
        Binary::Divide => a / b,
        Binary::Maximum => a.maximum(b),
        Binary::Minimum => a.minimum(b),
        Binary::Less => indicator(a < b),
        Binary::LessOrEqual => indicator(a <= b),
    }
}

/// `function(a, b, c)`.
pub fn evaluate_ternary<T: Real>(function: Ternary, a: T, b: T, c: T) -> T {
    match function {
        Ternary::MultiplyAdd => a.mul_add(b, c),
        Ternary::MultiplySubtract => a.mul_add(b, -c),
        Ternary::NegatedMultiplyAdd => (-a).mul_add(b, c),
        Ternary::Select => {
            // Not `a != 0`: NaN compares unequal to everything, which is just what is meant.
            if a == T::ZERO { c } else { b }
        }
    }
}

/// Runs `combine` in the order of a four-lane vector: partial result `k` takes the elements `k, k + 4, k + 8, …` in
/// that order, and the partial results combine as `(p0, p1), (p2, p3)`.
fn reduce<T: Real>(elements: impl IntoIterator<Item = T>, start: T, combine: impl Fn(T, T) -> T) -> T {
    let mut partial = [start; 4];
    for (index, element) in elements.into_iter().enumerate() {
        let accumulator = &mut partial[index % 4];
        *accumulator = combine(*accumulator, element);
    }
    let [p0, p1, p2, p3] = partial;
    combine(combine(p0, p1), combine(p2, p3))
}

/// The sum of the elements, 0 of none: four partial sums by index modulo four, each in increasing index from zero,
/// then `(s0 + s1) + (s2 + s3)`.
pub fn sum<T: Real>(elements: impl IntoIterator<Item = T>) -> T {
    reduce(elements, T::ZERO, |a, b| a + b)
}

/// The largest element, NaN where any is, `-inf` of none; in the order of [`sum`].
pub fn maximum_element<T: Real>(elements: impl IntoIterator<Item = T>) -> T {
    reduce(elements, T::from_f64(f64::NEG_INFINITY), T::maximum)
}

/// The sums up to each element, added one after the other from the first element on, or from the last where `reverse` is
/// set. The first sum is the element itself, the sign of a zero included.
pub fn cumulative_sum<T: Real>(elements: &[T], reverse: bool, sums: &mut [T]) {
    // -0 + x is x, whatever x is.
    let mut sum = -T::ZERO;
    let add = |(&element, out): (&T, &mut T)| {
        sum = sum + element;
        *out = sum;
    };
    let pairs = elements.iter().zip(sums);
    if reverse { pairs.rev().for_each(add) } else { pairs.for_each(add) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn not_a_number_propagates_through_both_operands_of_an_extremum() {
        for function in [Binary::Maximum, Binary::Minimum] {
            assert!(evaluate_binary(function, f64::NAN, 1.0).is_nan());
            assert!(evaluate_binary(function, 1.0, f64::NAN).is_nan());
        }
        assert!(evaluate_unary(Unary::Relu, f32::NAN).is_nan());
        assert_eq!(evaluate_unary(Unary::Sign, f32::NAN), 0.0);
        assert_eq!(evaluate_ternary(Ternary::Select, f64::NAN, 1.0, 2.0), 1.0);
    }

    #[test]
    fn comparisons_with_not_a_number_do_not_hold() {
        for function in [Binary::Less, Binary::LessOrEqual] {
            assert_eq!(evaluate_binary(function, f64::NAN, 1.0), 0.0);
            assert_eq!(evaluate_binary(function, 1.0, f32::NAN), 0.0);
        }
        assert_eq!(evaluate_binary(Binary::Less, -0.0, 0.0), 0.0);
        assert_eq!(evaluate_binary(Binary::LessOrEqual, 0.0, -0.0), 1.0);
    }

    #[test]
    fn cumulative_sums_run_from_one_end_to_the_other() {
        let elements = [1e8_f32, 1.0, -1e8, 1.0];
        let mut sums = [7.0; 4];
        cumulative_sum(&elements, false, &mut sums);
        assert_eq!(sums, [1e8, 1e8, 0.0, 1.0]);
        cumulative_sum(&elements, true, &mut sums);
        assert_eq!(sums, [0.0, -1e8, -1e8, 1.0]);
        cumulative_sum::<f64>(&[], true, &mut []);
        let mut zeros = [7.0; 3];
        cumulative_sum(&[-0.0_f64, -0.0, 0.0], false, &mut zeros);
        assert_eq!(zeros.iter().map(|zero| zero.is_sign_negative()).collect::<Vec<_>>(), [true, true, false]);
    }

    #[test]
    fn reductions_run_in_the_order_of_four_lanes() {
        let elements = [1e8_f32, 1.0, -1e8, 1.0, 1.0, 0.5];
        assert_eq!(sum(elements), ((1e8 + 1.0) + (1.0 + 0.5)) + (-1e8 + 1.0));
        assert_eq!(sum::<f64>([]), 0.0);
        assert_eq!(maximum_element([1.0, 5.0, -2.0, 4.0, 3.0]), 5.0);
        assert_eq!(maximum_element::<f64>([]), f64::NEG_INFINITY);
        assert!(maximum_element([1.0, 2.0, 3.0, 4.0, 5.0, f64::NAN]).is_nan());
    }
}
