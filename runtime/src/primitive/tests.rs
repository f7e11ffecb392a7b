use gatewright_compiler::operator::Unary;
use gatewright_compiler::operator::elementary::evaluate;

use super::{Level, single};
use crate::matmul::Element;

/// Bits of numbers of every kind: a stride through all of them, and the neighbourhood of the special ones.
fn sample_f32() -> Vec<f32> {
    let special =
        [0_u32, 0x0080_0000, 0x3f80_0000, 0x42b1_0000, 0x42d0_0000, 0x7f7f_ffff, 0x7f80_0000, 0x7fc0_0000];
    let near = special
        .into_iter()
        .flat_map(|bits| (0..8).map(move |offset| bits.wrapping_add(offset).wrapping_sub(4)));
    let near: Vec<u32> = near.flat_map(|bits| [bits, bits ^ 0x8000_0000]).collect();
    // Every exponent and both signs, denser where functions are neither constant nor linear.
    let all = (0..20_000_u32).map(|index| index.wrapping_mul(214_783));
    let middle = (0..20_000_u32).map(|index| (0x3900_0000 + index * 8_400) ^ ((index & 1) << 31));
    near.into_iter().chain(all).chain(middle).map(f32::from_bits).collect()
}

fn sample_f64() -> Vec<f64> {
    let spread = (0..20_000_u64).map(|index| f64::from_bits(index.wrapping_mul(0x0003_46dc_5d63_8866)));
    sample_f32().into_iter().map(f64::from).chain(spread).collect()
}

macro_rules! assert_same {
    ($values:expr, $source:expr, $place:expr) => {
        for (value, x) in $values.iter().zip($source) {
            let (level, function) = $place;
            let expected = evaluate(function, *x);
            assert!(
                value.to_bits() == expected.to_bits() || (value.is_nan() && expected.is_nan()),
                "{level:?} {function:?}({x:e}) = {value:e}, defined as {expected:e}"
            );
        }
    };
}

macro_rules! test_type {
    ($name:ident, $tails:ident, $scalar:ident, $sample:ident) => {
        #[test]
        fn $name() {
            let source = $sample();
            for level in Level::ALL {
                let Some(table) = <$scalar>::primitives(level) else { continue };
                for function in Unary::PRIMITIVES {
                    let mut values = source.clone();
                    assert!(table.apply_in_place(function, &mut values));
                    assert_same!(values, &source, (level, function));
                }
            }
        }

        #[test]
        fn $tails() {
            let source: Vec<$scalar> = (0..70).map(|index| (index as $scalar - 31.0) * 0.37).collect();
            for level in Level::ALL {
                let Some(table) = <$scalar>::primitives(level) else { continue };
                for function in Unary::PRIMITIVES {
                    for length in 0..source.len() {
                        let mut values = vec![77.0; source.len()];
                        let parts = (values.get_mut(..length), source.get(..length));
                        let (Some(destination), Some(part)) = parts else { panic!("within the vector") };
                        assert!(table.apply(function, destination, part));
                        assert_same!(values[..length], part, (level, function));
                        assert!(
                            values[length..].iter().all(|value| *value == 77.0),
                            "{level:?} {function:?} {length}"
                        );
                    }
                }
            }
        }
    };
}

test_type!(every_level_equals_the_definition_in_f32, tails_are_exact_in_f32, f32, sample_f32);
test_type!(every_level_equals_the_definition_in_f64, tails_are_exact_in_f64, f64, sample_f64);

#[test]
fn only_primitives_are_applied() {
    let table = single(Level::best()).expect("the best level is available");
    assert!(!table.apply_in_place(Unary::Relu, &mut [1.0]));
    assert!(!table.apply(Unary::Tanh, &mut [1.0], &[1.0, 2.0]));
}

/// The first number for which the f32 primitive of a level differs from the definition, among the `count` numbers with
/// the bits `first`, `first + step`, …, wrapping. `first_difference(level, function, 0, 1, 1 << 32)` tries every number
/// there is. `None` where all agree, and where this machine cannot run the level.
fn first_difference(level: Level, function: Unary, first: u32, step: u32, count: u64) -> Option<f32> {
    let table = single(level)?;
    let (mut source, mut values) = ([0.0_f32; 1024], [0.0_f32; 1024]);
    let mut bits = first;
    let mut left = count;
    while left > 0 {
        for x in &mut source {
            *x = f32::from_bits(bits);
            bits = bits.wrapping_add(step);
        }
        if !table.apply(function, &mut values, &source) {
            return None;
        }
        for (x, value) in source.iter().zip(values).take(usize::try_from(left).unwrap_or(usize::MAX)) {
            let expected = evaluate(function, *x);
            if value.to_bits() != expected.to_bits() && !(value.is_nan() && expected.is_nan()) {
                return Some(*x);
            }
        }
        left = left.saturating_sub(1024);
    }
    None
}

#[test]
fn no_number_of_a_sample_differs() {
    // A sample of what a long run does with a step of one.
    for level in Level::ALL {
        for function in Unary::PRIMITIVES {
            assert_eq!(
                first_difference(level, function, 5, 1_000_003, (1 << 32) / 1_000_003),
                None,
                "{level:?}"
            );
        }
    }
}
