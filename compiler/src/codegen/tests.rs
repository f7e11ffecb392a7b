//! Compiled kernels against the interpreter, bit for bit.

use super::*;
use crate::operator::primitive::{PRIMITIVES, PrimitiveFunction, PrimitiveTable};
use crate::operator::real::Real;
use crate::operator::{Binary, Ternary, Unary};
use crate::plan::interpret::{KernelCallError, run_kernel};
use crate::plan::kernel::{Instruction, Kind, ValueId};

/// Element after element, by the definition.
unsafe extern "C" fn tile<T: Real, const INDEX: usize>(destination: *mut T, source: *const T, length: usize) {
    for index in 0..length {
        // SAFETY: the caller owns `length` elements at both pointers.
        unsafe {
            destination
                .add(index)
                .write(T::transcendental(Unary::PRIMITIVES[INDEX], source.add(index).read()))
        };
    }
}

fn primitives<T: Real>() -> PrimitiveTable<T> {
    let functions: [PrimitiveFunction<T>; PRIMITIVES] =
        [tile::<T, 0>, tile::<T, 1>, tile::<T, 2>, tile::<T, 3>, tile::<T, 4>, tile::<T, 5>, tile::<T, 6>];
    // SAFETY: `tile` reads and writes the runs that it is given, through raw pointers, and does not panic.
    unsafe { PrimitiveTable::new(functions) }
}

/// A small generator of numbers, so that failures can be repeated.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).unwrap()
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    fn number(&mut self) -> f64 {
        const SPECIAL: [f64; 14] = [
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            0.0,
            -0.0,
            1.0,
            -1.0,
            1e-40,
            -1e-42,
            5e-324,
            -1e-310,
            3e38,
            -1.7e308,
            0.5,
        ];
        if self.below(12) == 0 {
            return self.pick(&SPECIAL);
        }
        (self.next() >> 11) as f64 / (1u64 << 52) as f64 * 6.0 - 6.0
    }
}

const UNARY: [Unary; 13] = [
    Unary::Negate,
    Unary::Absolute,
    Unary::Sign,
    Unary::Step,
    Unary::Relu,
    Unary::SquareRoot,
    Unary::Sigmoid,
    Unary::Tanh,
    Unary::Exponential,
    Unary::Logarithm,
    Unary::Softplus,
    Unary::Sine,
    Unary::Cosine,
];
const BINARY: [Binary; 7] = [
    Binary::Add,
    Binary::Subtract,
    Binary::Multiply,
    Binary::Divide,
    Binary::Maximum,
    Binary::Minimum,
    Binary::Less,
];
const TERNARY: [Ternary; 4] =
    [Ternary::MultiplyAdd, Ternary::MultiplySubtract, Ternary::NegatedMultiplyAdd, Ternary::Select];

/// Buffers: 0 and 1 read and written in place, 2 parameters, 3 written, 4 gradient sums. Each of 0, 1 and 3 has four
/// columns of lanes and four scalars.
fn random_kernel(random: &mut Random, lanes: usize) -> Kernel {
    let width = 4 * lanes + 4;
    let buffer = |name: &str, stride: usize| KernelBuffer { stride, width, name: name.to_owned() };
    let buffers = vec![
        buffer("a", width + random.below(3) * 5),
        buffer("b", width + random.below(2) * 64),
        buffer("parameters", 0),
        buffer("c", width + random.below(3)),
        buffer("sums", 0),
    ];
    let mut kernel = Kernel { name: "random".to_owned(), lanes, buffers, instructions: Vec::new() };
    let reductions = random.below(3) == 0;
    let count = 2 + random.below(30);
    for _ in 0..2 {
        let instruction = Instruction::Load { buffer: random.below(3), column: random.below(4) * lanes };
        kernel.instructions.push(instruction);
    }
    for _ in 0..count {
        let value = |random: &mut Random, limit: usize| {
            // Mostly recent values, for deep chains.
            let back = if random.below(3) == 0 { random.below(limit) } else { random.below(limit.min(5)) };
            ValueId(u32::try_from(limit - 1 - back).unwrap())
        };
        let limit = kernel.instructions.len();
        let (a, b, c) = (value(random, limit), value(random, limit), value(random, limit));
        kernel.instructions.push(match random.below(20) {
            0..=2 => Instruction::Load { buffer: random.below(3), column: random.below(4) * lanes },
            3 => Instruction::LoadScalar { buffer: random.below(3), column: 4 * lanes + random.below(4) },
            4 => Instruction::Constant(random.number()),
            5..=9 => Instruction::Unary(random.pick(&UNARY), a),
            10..=13 => Instruction::Binary(random.pick(&BINARY), a, b),
            14..=17 => Instruction::Ternary(random.pick(&TERNARY), a, b, c),
            18 if reductions => Instruction::Sum(a),
            19 if reductions => Instruction::MaximumElement(a),
            _ => Instruction::Unary(random.pick(&[Unary::Sigmoid, Unary::Tanh]), a),
        });
    }
    let kinds = kernel.kinds().unwrap();
    let of = |random: &mut Random, scalar: bool| {
        let choices: Vec<u32> = (0..)
            .zip(&kinds)
            .filter(|(_, kind)| !scalar || **kind == Kind::Scalar)
            .map(|(index, _)| index)
            .collect();
        if choices.is_empty() { None } else { Some(ValueId(random.pick(&choices))) }
    };
    let mut stores = Vec::new();
    for (buffer, probability) in [(0, 2), (1, 3), (3, 2), (4, 4)] {
        for column in 0..4 {
            if random.below(probability) == 0
                && let Some(value) = of(random, false)
            {
                let column = column * lanes;
                stores.push(if buffer == 4 {
                    Instruction::Accumulate { buffer, column, value }
                } else {
                    Instruction::Store { buffer, column, value }
                });
            }
            if random.below(probability + 2) == 0
                && let Some(value) = of(random, true)
            {
                let column = 4 * lanes + column;
                stores.push(if buffer == 4 {
                    Instruction::AccumulateScalar { buffer, column, value }
                } else {
                    Instruction::StoreScalar { buffer, column, value }
                });
            }
        }
    }
    kernel.instructions.extend(stores);
    kernel
}

fn same<T: Real>(a: T, b: T) -> bool {
    (a.is_nan() && b.is_nan()) || a.to_f64().to_bits() == b.to_f64().to_bits()
}

/// Runs a kernel both ways on the same numbers and compares the whole arena, gaps between buffers included.
fn compare<T: Real>(
    compiled: &CompiledKernels,
    index: usize,
    kernel: &Kernel,
    rows: usize,
    random: &mut Random,
) {
    let mut offsets = Vec::new();
    let mut end = 3;
    for buffer in &kernel.buffers {
        offsets.push(end);
        end += rows.saturating_sub(1) * buffer.stride + buffer.width + 1 + random.below(9);
    }
    let mut expected: Vec<T> = (0..end).map(|_| T::from_f64(random.number())).collect();
    let mut found = expected.clone();
    run_kernel(kernel, &mut expected, &offsets, rows).unwrap();
    let needed = compiled.scratch_elements();
    let mut scratch: Vec<T> = (0..needed + 8).map(|_| T::from_f64(random.number())).collect();
    let guard = scratch[needed..].to_vec();
    compiled.run(index, &mut found, &offsets, rows, &primitives(), &mut scratch[..needed]).unwrap();
    assert!(guard.iter().zip(&scratch[needed..]).all(|(a, b)| same(*a, *b)), "scratch overrun\n{kernel}");
    for (place, (a, b)) in expected.iter().zip(&found).enumerate() {
        let offsets = &offsets;
        assert!(same(*a, *b), "{place} of {offsets:?}, rows {rows}: expected {a}, found {b}\n{kernel}");
    }
}

const LANES: [usize; 18] = [0, 1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 64, 127, 128, 129, 256, 300];

fn generated<T: Real>(seed: u64, rounds: usize) {
    let mut random = Random(seed);
    for lanes in LANES {
        let kernels: Vec<Kernel> = (0..rounds).map(|_| random_kernel(&mut random, lanes)).collect();
        let compiled = CompiledKernels::compile(&kernels, Precision::of::<T>()).unwrap();
        for (index, kernel) in kernels.iter().enumerate() {
            for rows in [0, 1, 2, 5] {
                compare::<T>(&compiled, index, kernel, rows, &mut random);
            }
        }
    }
}

#[test]
fn generated_kernels_agree_in_single_precision() {
    generated::<f32>(1, 24);
}

#[test]
fn generated_kernels_agree_in_double_precision() {
    generated::<f64>(2, 24);
}

#[cfg(target_arch = "x86_64")]
#[test]
fn generated_kernels_agree_without_instruction_set_extensions() {
    let mut random = Random(3);
    for lanes in [3, 8, 17] {
        let kernels: Vec<Kernel> = (0..20).map(|_| random_kernel(&mut random, lanes)).collect();
        for precision in [Precision::Single, Precision::Double] {
            let plain = cranelift_native::builder_with_options(false).unwrap();
            let compiled = CompiledKernels::compile_for(finish(plain).unwrap(), &kernels, precision).unwrap();
            for (index, kernel) in kernels.iter().enumerate() {
                match precision {
                    Precision::Single => compare::<f32>(&compiled, index, kernel, 2, &mut random),
                    Precision::Double => compare::<f64>(&compiled, index, kernel, 2, &mut random),
                }
            }
        }
    }
}
