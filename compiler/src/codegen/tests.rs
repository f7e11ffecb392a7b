//! Compiled kernels against the interpreter, bit for bit.

use super::*;
use crate::operator::primitive::{PRIMITIVES, PrimitiveFunction, PrimitiveTable};
use crate::operator::real::Real;
use crate::operator::{Binary, Ternary, Unary};
use crate::plan::interpret::{KernelCallError, run_kernel};
use crate::plan::kernel::{Instruction, Kind, ValueId};
use crate::plan::{Moment, Steps, Track};

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

const UNARY: [Unary; 15] = [
    Unary::Negate,
    Unary::Absolute,
    Unary::Sign,
    Unary::Step,
    Unary::Relu,
    Unary::Floor,
    Unary::Round,
    Unary::SquareRoot,
    Unary::Sigmoid,
    Unary::Tanh,
    Unary::Exponential,
    Unary::Logarithm,
    Unary::Softplus,
    Unary::Sine,
    Unary::Cosine,
];
const BINARY: [Binary; 8] = [
    Binary::Add,
    Binary::Subtract,
    Binary::Multiply,
    Binary::Divide,
    Binary::Maximum,
    Binary::Minimum,
    Binary::Less,
    Binary::LessOrEqual,
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
    let scans = random.below(3) == 0;
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
        kernel.instructions.push(match random.below(21) {
            0..=2 => Instruction::Load { buffer: random.below(3), column: random.below(4) * lanes },
            3 => Instruction::LoadScalar { buffer: random.below(3), column: 4 * lanes + random.below(4) },
            4 => Instruction::Constant(random.number()),
            5..=9 => Instruction::Unary(random.pick(&UNARY), a),
            10..=13 => Instruction::Binary(random.pick(&BINARY), a, b),
            14..=17 => Instruction::Ternary(random.pick(&TERNARY), a, b, c),
            18 if reductions => Instruction::Sum(a),
            19 if reductions => Instruction::MaximumElement(a),
            20 if scans => Instruction::CumulativeSum { reverse: random.below(2) == 0, value: a },
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
    // Once by itself, once as the third step of a run in which every buffer moves.
    let mut moved = [vec![T::ZERO; 2 * offsets.len()], found.clone()].concat();
    let tracks: Vec<Track> = offsets.iter().map(|&offset| Track::of_run(offset, offsets.len())).collect();
    let (steps, moment) = (Steps { steps: 3, chunk: 2 }, Moment { step: 2, chunk: 1 });
    let mut bound = BoundKernel::default();
    compiled.bind(&mut bound, index, rows, (&tracks, steps)).unwrap();
    compiled.run_bound(&bound, moment, &mut moved, &primitives(), &mut scratch[..needed]).unwrap();
    compiled.run(index, &mut found, &offsets, rows, &primitives(), &mut scratch[..needed]).unwrap();
    assert!(found.iter().zip(&moved[2 * offsets.len()..]).all(|(a, b)| same(*a, *b)), "bound\n{kernel}");
    assert!(guard.iter().zip(&scratch[needed..]).all(|(a, b)| same(*a, *b)), "scratch overrun\n{kernel}");
    for (place, (a, b)) in expected.iter().zip(&found).enumerate() {
        let offsets = &offsets;
        assert!(same(*a, *b), "{place} of {offsets:?}, rows {rows}: expected {a}, found {b}\n{kernel}");
    }
}

/// None, less than a vector, one tile, several, and a last tile of one lane.
const LANES: [usize; 20] = [0, 1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 64, 127, 128, 129, 256, 257, 300, 1281];

fn generated<T: Real>(seed: u64, rounds: usize) {
    let mut random = Random(seed);
    for lanes in LANES {
        let rounds = if lanes > 128 { rounds / 3 } else { rounds };
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
fn machine_with(flags: &[&str]) -> Result<OwnedTargetIsa, CodegenError> {
    let mut builder = cranelift_native::builder_with_options(false).unwrap();
    for flag in flags {
        builder.enable(flag).unwrap();
    }
    finish(builder)
}

#[cfg(target_arch = "x86_64")]
#[test]
fn generated_kernels_agree_without_fused_multiply_add() {
    let mut random = Random(3);
    for lanes in [3, 8, 17] {
        let kernels: Vec<Kernel> = (0..20).map(|_| random_kernel(&mut random, lanes)).collect();
        for precision in [Precision::Single, Precision::Double] {
            let isa = machine_with(&["has_avx"]).unwrap();
            let compiled = CompiledKernels::compile_for(isa, &kernels, precision).unwrap();
            for (index, kernel) in kernels.iter().enumerate() {
                match precision {
                    Precision::Single => compare::<f32>(&compiled, index, kernel, 2, &mut random),
                    Precision::Double => compare::<f64>(&compiled, index, kernel, 2, &mut random),
                }
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[test]
fn machines_without_avx_are_refused() {
    assert!(matches!(machine_with(&[]), Err(CodegenError::Host(_))));
}

/// Writes kernels by hand.
struct Writer(Kernel);

impl Writer {
    fn new(name: &str, lanes: usize, buffers: &[(&str, usize, usize)]) -> Self {
        let buffers = buffers
            .iter()
            .map(|&(name, width, stride)| KernelBuffer { stride, width, name: name.to_owned() })
            .collect();
        Self(Kernel { name: name.to_owned(), lanes, buffers, instructions: Vec::new() })
    }

    fn push(&mut self, instruction: Instruction) -> ValueId {
        self.0.instructions.push(instruction);
        ValueId(u32::try_from(self.0.instructions.len() - 1).unwrap())
    }

    fn load(&mut self, buffer: usize, column: usize) -> ValueId {
        self.push(Instruction::Load { buffer, column })
    }

    fn store(&mut self, buffer: usize, column: usize, value: ValueId) {
        self.push(Instruction::Store { buffer, column, value });
    }

    fn unary(&mut self, function: Unary, x: ValueId) -> ValueId {
        self.push(Instruction::Unary(function, x))
    }

    fn multiply(&mut self, a: ValueId, b: ValueId) -> ValueId {
        self.push(Instruction::Binary(Binary::Multiply, a, b))
    }

    fn ternary(&mut self, function: Ternary, a: ValueId, b: ValueId, c: ValueId) -> ValueId {
        self.push(Instruction::Ternary(function, a, b, c))
    }
}

/// `i, f, o = sigma(a_i, a_f, a_o)`, `g = tanh(a_g)`, `c = f c' + i g`, `h = o tanh(c)`.
fn lstm_forward(h: usize) -> Kernel {
    let buffers =
        [("a", 4 * h, 4 * h), ("c'", h, h), ("gates", 4 * h, 4 * h), ("c", h, h), ("t", h, h), ("h", h, h)];
    let mut writer = Writer::new("lstm forward", h, &buffers);
    let sums: Vec<ValueId> = (0..4).map(|gate| writer.load(0, gate * h)).collect();
    let before = writer.load(1, 0);
    let i = writer.unary(Unary::Sigmoid, sums[0]);
    let f = writer.unary(Unary::Sigmoid, sums[1]);
    let o = writer.unary(Unary::Sigmoid, sums[2]);
    let g = writer.unary(Unary::Tanh, sums[3]);
    let kept = writer.multiply(f, before);
    let c = writer.ternary(Ternary::MultiplyAdd, i, g, kept);
    let t = writer.unary(Unary::Tanh, c);
    let out = writer.multiply(o, t);
    for (gate, value) in [i, f, o, g].into_iter().enumerate() {
        writer.store(2, gate * h, value);
    }
    writer.store(3, 0, c);
    writer.store(4, 0, t);
    writer.store(5, 0, out);
    writer.0
}

/// The adjoint: `dc += dh o (1 - t^2)`, the four gates, `dc' = dc f`, and sums over rows for the biases.
fn lstm_backward(h: usize) -> Kernel {
    let buffers = [
        ("gates", 4 * h, 4 * h),
        ("c'", h, h),
        ("t", h, h),
        ("dh", h, h),
        ("dc", h, h),
        ("da", 4 * h, 4 * h),
        ("bias", 4 * h, 0),
    ];
    let mut writer = Writer::new("lstm backward", h, &buffers);
    let [i, f, o, g] = [0, 1, 2, 3].map(|gate| writer.load(0, gate * h));
    let (before, t, dh, later) = (writer.load(1, 0), writer.load(2, 0), writer.load(3, 0), writer.load(4, 0));
    let through = writer.multiply(dh, o);
    let slope = writer.multiply(through, t);
    let slope = writer.ternary(Ternary::NegatedMultiplyAdd, slope, t, through);
    let dc = writer.push(Instruction::Binary(Binary::Add, later, slope));
    let logistic = |writer: &mut Writer, upstream: ValueId, y: ValueId| {
        let slope = writer.ternary(Ternary::NegatedMultiplyAdd, y, y, y);
        writer.multiply(upstream, slope)
    };
    let upstream = writer.multiply(dc, g);
    let di = logistic(&mut writer, upstream, i);
    let upstream = writer.multiply(dc, before);
    let df = logistic(&mut writer, upstream, f);
    let upstream = writer.multiply(dh, t);
    let out = logistic(&mut writer, upstream, o);
    let upstream = writer.multiply(dc, i);
    let square = writer.multiply(upstream, g);
    let dg = writer.ternary(Ternary::NegatedMultiplyAdd, square, g, upstream);
    let earlier = writer.multiply(dc, f);
    for (gate, value) in [di, df, out, dg].into_iter().enumerate() {
        writer.store(5, gate * h, value);
        writer.push(Instruction::Accumulate { buffer: 6, column: gate * h, value });
    }
    // In place: later becomes earlier.
    writer.store(4, 0, earlier);
    writer.0
}

#[test]
fn a_cell_agrees_in_both_directions() {
    let mut random = Random(4);
    for h in [1, 5, 32, 128, 256, 200] {
        let kernels = [lstm_forward(h), lstm_backward(h)];
        let single = CompiledKernels::compile(&kernels, Precision::Single).unwrap();
        let double = CompiledKernels::compile(&kernels, Precision::Double).unwrap();
        for (index, kernel) in kernels.iter().enumerate() {
            compare::<f32>(&single, index, kernel, 3, &mut random);
            compare::<f64>(&double, index, kernel, 3, &mut random);
        }
    }
}

/// The three logistic gates are one call, and nothing of the cell passes through scratch memory.
#[test]
fn a_cell_is_scheduled_without_copies() {
    let kernel = lstm_forward(128);
    let (schedule, scratch) = prepare(&kernel).unwrap();
    let shape: Vec<(usize, usize)> =
        schedule.segments.iter().map(|segment| (segment.writes.len(), segment.calls.len())).collect();
    assert_eq!(shape, [(0, 2), (1, 1), (1, 0)]);
    assert_eq!(schedule.segments[0].calls[0].tiles, 3);
    assert_eq!(scratch, 1);
}

/// Arguments that are computed lie side by side in scratch memory, so that their calls are merged too.
#[test]
fn computed_arguments_are_adjacent() {
    let mut writer = Writer::new("gates", 64, &[("a", 192, 192), ("b", 192, 0), ("h", 64, 64)]);
    let mut product = None;
    for gate in 0..3 {
        let (a, b) = (writer.load(0, gate * 64), writer.load(1, gate * 64));
        let sum = writer.push(Instruction::Binary(Binary::Add, a, b));
        let gate = writer.unary(Unary::Sigmoid, sum);
        product = Some(product.map_or(gate, |product| writer.multiply(product, gate)));
    }
    writer.store(2, 0, product.unwrap());
    let (schedule, scratch) = prepare(&writer.0).unwrap();
    assert_eq!(schedule.segments[0].calls.len(), 1);
    assert_eq!(schedule.segments[0].calls[0].tiles, 3);
    assert_eq!(scratch, 3 * 64 + 1);
}

#[test]
fn calls_that_do_not_fit_are_errors() {
    let kernel = lstm_forward(8);
    let compiled = CompiledKernels::compile(std::slice::from_ref(&kernel), Precision::Single).unwrap();
    let table = primitives::<f32>();
    let mut arena = vec![0.5_f32; 2 * 96];
    let mut scratch = vec![0.0_f32; compiled.scratch_elements()];
    let offsets = [0, 64, 72, 136, 152, 168];
    let run = |index: usize, arena: &mut [f32], offsets: &[usize], rows: usize, scratch: &mut [f32]| {
        compiled.run(index, arena, offsets, rows, &table, scratch)
    };
    let out_of_arena = |buffer| Err(KernelCallError::OutOfArena { buffer, length: 192 });
    assert_eq!(
        run(1, &mut arena, &offsets, 1, &mut scratch),
        Err(KernelCallError::NoSuchKernel { index: 1, count: 1 })
    );
    let bindings = Err(KernelCallError::Bindings { expected: 6, found: 5 });
    assert_eq!(run(0, &mut arena, &offsets[..5], 1, &mut scratch), bindings);
    assert_eq!(
        run(0, &mut arena, &offsets, 1, &mut []),
        Err(KernelCallError::Scratch { expected: 1, found: 0 })
    );
    assert_eq!(run(0, &mut arena, &offsets, 7, &mut scratch), out_of_arena(0));
    assert_eq!(run(0, &mut arena, &offsets, usize::MAX, &mut scratch), out_of_arena(0));
    assert_eq!(run(0, &mut arena, &[0, 64, 72, 136, 152, 185], 1, &mut scratch), out_of_arena(5));
    assert_eq!(run(0, &mut arena, &[0, usize::MAX, 72, 136, 152, 168], 1, &mut scratch), out_of_arena(1));
    assert_eq!(run(0, &mut arena, &[usize::MAX; 6], 0, &mut scratch), Ok(()));
    assert!(arena.iter().all(|x| *x == 0.5));
    let double = compiled.run(0, &mut [0.0_f64; 192], &offsets, 1, &primitives(), &mut [0.0]);
    let expected = KernelCallError::Precision { compiled: Precision::Single, called: Precision::Double };
    assert_eq!(double, Err(expected));
    assert_eq!(run(0, &mut arena, &offsets, 1, &mut scratch), Ok(()));
}

#[test]
fn bound_kernels_run_at_their_steps_in_their_set_only() {
    let kernel = lstm_forward(8);
    let compile = || CompiledKernels::compile(std::slice::from_ref(&kernel), Precision::Single).unwrap();
    let (compiled, other) = (compile(), compile());
    let table = primitives::<f32>();
    // The first buffer begins 8 elements on at each step, the last one at each step of a chunk.
    let tracks = |last: Track| {
        [Track::of_run(0, 8)]
            .into_iter()
            .chain([96, 104, 168, 184].map(|at| Track::in_turn([at; 2])))
            .chain([last])
    };
    let tracks: Vec<Track> = tracks(Track::of_chunk(200, 16)).collect();
    let steps = Steps { steps: 4, chunk: 2 };
    let mut bound = BoundKernel::default();
    let mut arena = vec![0.5_f32; 224];
    let mut scratch = vec![0.0_f32; compiled.scratch_elements()];
    let at = |step: usize, chunk: usize| Moment { step, chunk };
    let unbound = |step: usize, steps: usize| Err(KernelCallError::Unbound { step, steps });
    let no_kernel = Err(KernelCallError::NoSuchKernel { index: 0, count: 1 });
    assert_eq!(compiled.run_bound(&bound, at(0, 0), &mut arena, &table, &mut scratch), no_kernel.clone());
    compiled.bind(&mut bound, 0, 1, (&tracks, steps)).unwrap();
    for (step, chunk) in [(4, 3), (2, 0), (0, 1), (usize::MAX, usize::MAX), (0, usize::MAX)] {
        let refused = compiled.run_bound(&bound, at(step, chunk), &mut arena, &table, &mut scratch);
        assert_eq!(refused, unbound(step, 4));
    }
    assert_eq!(other.run_bound(&bound, at(0, 0), &mut arena, &table, &mut scratch), no_kernel);
    // The last buffer of 8 elements ends at 200 + 16 + 8.
    let refused = compiled.run_bound(&bound, at(3, 2), &mut arena[..223], &table, &mut scratch);
    assert_eq!(refused, Err(KernelCallError::OutOfArena { buffer: 0, length: 223 }));
    let refused = compiled.run_bound(&bound, at(3, 2), &mut arena, &table, &mut []);
    assert_eq!(refused, Err(KernelCallError::Scratch { expected: 1, found: 0 }));
    let refused = compiled.run_bound(&bound, at(3, 2), &mut [0.0_f64; 224], &primitives(), &mut [0.0]);
    let expected = KernelCallError::Precision { compiled: Precision::Single, called: Precision::Double };
    assert_eq!(refused, Err(expected));
    assert!(arena.iter().all(|x| *x == 0.5));
    assert_eq!(compiled.run_bound(&bound, at(3, 2), &mut arena, &table, &mut scratch), Ok(()));
    assert!(arena.iter().any(|x| *x != 0.5));
    // What cannot be bound runs nothing.
    let refused = compiled.bind(&mut bound, 0, usize::MAX, (&tracks, steps));
    assert_eq!(refused, Err(KernelCallError::OutOfArena { buffer: 0, length: usize::MAX }));
    assert_eq!(compiled.run_bound(&bound, at(0, 0), &mut arena, &table, &mut scratch), unbound(0, 0));
    let refused = compiled.bind(&mut bound, 0, 1, (&tracks[1..], steps));
    assert_eq!(refused, Err(KernelCallError::Bindings { expected: 6, found: 5 }));
    let refused = compiled.bind(&mut bound, 1, 1, (&tracks, steps));
    assert_eq!(refused, Err(KernelCallError::NoSuchKernel { index: 1, count: 1 }));
    let long = Steps { steps: usize::MAX, chunk: 1 };
    let refused = compiled.bind(&mut bound, 0, 1, (&tracks, long));
    assert_eq!(refused, Err(KernelCallError::OutOfArena { buffer: 0, length: usize::MAX }));
    // No rows are nothing to do.
    compiled.bind(&mut bound, 0, 0, (&tracks, long)).unwrap();
    assert_eq!(compiled.run_bound(&bound, at(0, 0), &mut [], &table, &mut scratch), Ok(()));
}

#[test]
fn kernels_that_cannot_be_compiled_are_errors() {
    let compile = |kernel: Kernel| CompiledKernels::compile(&[kernel], Precision::Single).map(|_| ());
    let buffers: Vec<(&str, usize, usize)> = vec![("a", 4, 4); MAXIMUM_BUFFERS + 1];
    let many = compile(Writer::new("many", 4, &buffers).0);
    assert!(matches!(many, Err(CodegenError::TooManyBuffers { buffers: 65, .. })));
    let large = compile(Writer::new("large", usize::MAX, &[]).0);
    assert!(matches!(large, Err(CodegenError::TooLarge { extent: usize::MAX, .. })));
    let mut writer = Writer::new("row", 1 << 39, &[("a", 1 << 39, 1 << 39), ("b", 1, 1)]);
    let a = writer.load(0, 0);
    let e = writer.unary(Unary::Exponential, a);
    let value = writer.push(Instruction::Sum(e));
    writer.push(Instruction::StoreScalar { buffer: 1, column: 0, value });
    assert!(matches!(compile(writer.0), Err(CodegenError::TooLarge { .. })));
    let mut writer = Writer::new("broken", 4, &[("a", 4, 4)]);
    writer.store(0, 0, ValueId(7));
    assert!(matches!(compile(writer.0), Err(CodegenError::Kernel(_))));
}

/// A chain of many primitives: as many segments as there are calls.
#[test]
fn long_chains_compile_in_bounded_time() {
    let mut writer = Writer::new("chain", 4, &[("a", 4, 4)]);
    let mut value = writer.load(0, 0);
    for _ in 0..2000 {
        value = writer.unary(Unary::Tanh, value);
        value = writer.unary(Unary::Negate, value);
    }
    writer.store(0, 0, value);
    let start = std::time::Instant::now();
    prepare(&writer.0).unwrap();
    assert!(start.elapsed().as_secs() < 10);
    let compiled = CompiledKernels::compile(std::slice::from_ref(&writer.0), Precision::Single).unwrap();
    compare::<f32>(&compiled, 0, &writer.0, 2, &mut Random(5));
    assert!(compiled.scratch_elements() <= 9);
}

#[test]
fn one_set_serves_several_threads() {
    let kernel = lstm_forward(40);
    let compiled = CompiledKernels::compile(std::slice::from_ref(&kernel), Precision::Single).unwrap();
    std::thread::scope(|scope| {
        for seed in 6..9 {
            let (compiled, kernel) = (&compiled, &kernel);
            scope.spawn(move || compare::<f32>(compiled, 0, kernel, 5, &mut Random(seed)));
        }
    });
}

/// The loop nest of a kernel with a call, a reduction and lanes that do not fill vectors.
#[test]
fn the_intermediate_form_is_as_documented() {
    let mut writer = Writer::new("small", 6, &[("x", 6, 6), ("s", 1, 1)]);
    let x = writer.load(0, 0);
    let y = writer.unary(Unary::Tanh, x);
    let value = writer.push(Instruction::Sum(y));
    writer.push(Instruction::StoreScalar { buffer: 1, column: 0, value });
    let text = clif(&writer.0, Precision::Single).unwrap();
    // Conventions and immediates differ between machines; what the code does, in which order, does not.
    let interesting = ["brif", "call_indirect", "load", "store", "fadd", "insertlane", "return", "bitselect"];
    let lines: Vec<&str> = text
        .lines()
        .filter_map(|line| {
            let words = line.split([' ', '.']).find(|word| interesting.contains(word));
            words.or_else(|| line.strip_suffix(':').map(|_| "block").filter(|_| line.starts_with("block")))
        })
        .collect();
    expect_test::expect!["block brif block load load load call_indirect load fadd load insertlane load insertlane bitselect fadd fadd fadd fadd store brif block return"].assert_eq(&lines.join(" "));
}
