use super::accuracy::{largest_error, reference};
use super::evaluate;
use crate::operator::Unary;

/// Largest error, in units in the last place, that each function may have in f32 and in f64.
const BOUNDS: [(Unary, f64, f64); 7] = [
    (Unary::Sigmoid, 2.5, 3.0),
    (Unary::Tanh, 2.5, 3.0),
    (Unary::Exponential, 1.1, 2.0),
    (Unary::Logarithm, 1.0, 2.0),
    (Unary::Softplus, 3.0, 4.0),
    (Unary::Sine, 0.6, 1.0),
    (Unary::Cosine, 0.6, 1.0),
];

/// A step through the bits that is prime and lands on every exponent many times.
const STEP: u32 = 65_521;

#[test]
fn errors_in_f32_stay_within_the_stated_bounds() {
    for (function, bound, _) in BOUNDS {
        let error = largest_error(function, 1, STEP, (1 << 32) / u64::from(STEP));
        assert!(error.ulp <= bound, "{function:?}: {error:?}");
    }
}

#[test]
fn errors_in_f64_stay_within_the_stated_bounds() {
    for (function, _, bound) in BOUNDS {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        for round in 0..40_000_u32 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            // Uniform in (-1, 1); then wide, near zero, and with any exponent that matters.
            let unit = ((state >> 11) as f64) / ((1_u64 << 52) as f64) - 1.0;
            let x = match round % 4 {
                0 => unit * 750.0,
                1 => unit * 20.0,
                2 => unit,
                _ => unit * 2.0_f64.powi((state % 80) as i32 - 60),
            };
            let value = evaluate(function, x);
            let truth = reference(function, x);
            if truth.is_nan() || truth.is_infinite() {
                assert!(
                    value == truth || (value.is_nan() && truth.is_nan()),
                    "{function:?}({x:e}) = {value:e}, not {truth:e}"
                );
                continue;
            }
            let magnitude = truth.abs().max(f64::MIN_POSITIVE);
            let unit = f64::from_bits(magnitude.to_bits() + 1) - magnitude;
            let error = (value - truth).abs() / unit;
            assert!(error <= bound, "{function:?}({x:e}) = {value:e}, not {truth:e}: {error} ulp");
        }
    }
}

/// Values at special places, each in both types: function, argument, value.
fn special_values() -> Vec<(Unary, f64, f64)> {
    let infinity = f64::INFINITY;
    vec![
        (Unary::Sigmoid, 0.0, 0.5),
        (Unary::Sigmoid, -0.0, 0.5),
        (Unary::Sigmoid, infinity, 1.0),
        (Unary::Sigmoid, -infinity, 0.0),
        (Unary::Sigmoid, 1e30, 1.0),
        (Unary::Sigmoid, -1e30, 0.0),
        (Unary::Sigmoid, 1e-40, 0.5),
        (Unary::Tanh, 0.0, 0.0),
        (Unary::Tanh, -0.0, -0.0),
        (Unary::Tanh, infinity, 1.0),
        (Unary::Tanh, -infinity, -1.0),
        (Unary::Tanh, -1e30, -1.0),
        (Unary::Exponential, 0.0, 1.0),
        (Unary::Exponential, -0.0, 1.0),
        (Unary::Exponential, infinity, infinity),
        (Unary::Exponential, -infinity, 0.0),
        (Unary::Exponential, 1e30, infinity),
        (Unary::Exponential, -1e30, 0.0),
        (Unary::Logarithm, 1.0, 0.0),
        (Unary::Logarithm, 0.0, -infinity),
        (Unary::Logarithm, -0.0, -infinity),
        (Unary::Logarithm, infinity, infinity),
        (Unary::Logarithm, -1.0, f64::NAN),
        (Unary::Logarithm, -1e-40, f64::NAN),
        (Unary::Logarithm, -infinity, f64::NAN),
        (Unary::Softplus, infinity, infinity),
        (Unary::Softplus, -infinity, 0.0),
        (Unary::Softplus, 1e30, 1e30),
        (Unary::Sine, -0.0, -0.0),
        (Unary::Sine, infinity, f64::NAN),
        (Unary::Cosine, 0.0, 1.0),
        (Unary::Absolute, -0.0, 0.0),
        (Unary::Negate, 0.0, -0.0),
        (Unary::Sign, -3.0, -1.0),
        (Unary::Sign, 0.0, 0.0),
        (Unary::Step, 1e-40, 1.0),
        (Unary::Step, 0.0, 0.0),
        (Unary::Relu, -2.0, 0.0),
        (Unary::Relu, infinity, infinity),
        (Unary::SquareRoot, 4.0, 2.0),
        (Unary::Floor, -0.5, -1.0),
        (Unary::Floor, 2.75, 2.0),
        (Unary::Floor, -0.0, -0.0),
        (Unary::Floor, 0.5, 0.0),
        (Unary::Floor, -infinity, -infinity),
        (Unary::Floor, f64::NAN, f64::NAN),
        (Unary::Floor, 1e30, 1e30),
        (Unary::Round, 0.5, 0.0),
        (Unary::Round, 1.5, 2.0),
        (Unary::Round, 2.5, 2.0),
        (Unary::Round, -0.3, -0.0),
        (Unary::Round, -1.5, -2.0),
        (Unary::Round, infinity, infinity),
        (Unary::Round, f64::NAN, f64::NAN),
    ]
}

#[test]
fn special_places_have_their_limits() {
    #[allow(clippy::cast_possible_truncation, reason = "the table is in f64, both types are tested")]
    for (function, x, value) in special_values() {
        let narrow = evaluate(function, x as f32);
        let wide = evaluate(function, x);
        assert!(
            narrow.to_bits() == (value as f32).to_bits() || (narrow.is_nan() && value.is_nan()),
            "{function:?}({x:e}) = {narrow:e} in f32"
        );
        assert!(
            wide.to_bits() == value.to_bits() || (wide.is_nan() && value.is_nan()),
            "{function:?}({x:e}) = {wide:e} in f64"
        );
    }
}

#[test]
fn not_a_number_stays_not_a_number() {
    for (function, _, _) in BOUNDS {
        for nan in [f32::NAN, -f32::NAN, f32::from_bits(0x7f80_0001), f32::from_bits(0xffff_ffff)] {
            assert!(evaluate(function, nan).is_nan(), "{function:?} in f32");
            assert!(evaluate(function, f64::from(nan)).is_nan(), "{function:?} in f64");
        }
    }
}

#[test]
fn the_table_of_primitives_has_each_primitive_at_its_index() {
    for (index, function) in Unary::PRIMITIVES.into_iter().enumerate() {
        assert!(function.is_primitive());
        assert_eq!(function.primitive_index(), Some(index));
    }
    assert_eq!(Unary::Relu.primitive_index(), None);
}
