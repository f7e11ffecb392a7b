//! The invariants of kernels, one broken at a time, and the text form.

use expect_test::expect;

use super::*;

/// Buffer 0 has rows of 8 elements, buffer 1 is the same for every row; four lanes.
fn kernel(instructions: Vec<Instruction>) -> Kernel {
    let buffer = |name: &str, stride| KernelBuffer { stride, width: 8, name: name.to_owned() };
    Kernel { name: "k".to_owned(), lanes: 4, buffers: vec![buffer("x", 8), buffer("sums", 0)], instructions }
}

fn load(buffer: usize, column: usize) -> Instruction {
    Instruction::Load { buffer, column }
}

fn store(column: usize, value: u32) -> Instruction {
    Instruction::Store { buffer: 0, column, value: ValueId(value) }
}

#[test]
fn broken_invariants_are_named() {
    let value = ValueId(0);
    let add = |column| Instruction::Accumulate { buffer: 1, column, value };
    let one = Instruction::Constant(1.0);
    let cases: Vec<(&str, Vec<Instruction>)> = vec![
        ("", vec![]),
        ("", vec![load(0, 0), load(0, 4), store(0, 1), store(4, 0)]),
        ("", vec![load(0, 2), add(0), add(4)]),
        ("", vec![one.clone(), store(1, 0), Instruction::StoreScalar { buffer: 0, column: 0, value }]),
        ("K1", vec![Instruction::Unary(Unary::Tanh, value)]),
        ("K1", vec![Instruction::Binary(Binary::Add, ValueId(1), ValueId(0)), load(0, 0)]),
        ("K1", vec![load(0, 0), store(0, 0), Instruction::Sum(ValueId(1))]),
        ("K1", vec![load(0, 0), Instruction::StoreScalar { buffer: 0, column: 4, value }]),
        ("K2", vec![one.clone(), store(0, 0), store(3, 0)]),
        ("K2", vec![one.clone(), store(0, 0), store(0, 0)]),
        ("K2", vec![one.clone(), store(0, 0), Instruction::StoreScalar { buffer: 0, column: 3, value }]),
        ("K2", vec![load(0, 0), store(1, 0)]),
        ("K2", vec![Instruction::LoadScalar { buffer: 0, column: 5 }, store(4, 0)]),
        ("K3", vec![load(0, 5)]),
        ("K3", vec![load(2, 0)]),
        ("K3", vec![load(0, usize::MAX)]),
        ("K3", vec![Instruction::LoadScalar { buffer: 0, column: 8 }]),
        ("K4", vec![one.clone(), Instruction::Store { buffer: 1, column: 0, value }]),
        ("K4", vec![one, Instruction::Accumulate { buffer: 0, column: 0, value }]),
        ("K4", vec![load(1, 0), add(4)]),
    ];
    for (expected, instructions) in cases {
        let kernel = kernel(instructions);
        let found = kernel.verify().err().map(|error| error.to_string()).unwrap_or_default();
        assert_eq!(found.get(..2).unwrap_or_default(), expected, "{kernel}{found}");
    }
    let mut narrow = kernel(vec![]);
    narrow.buffers[0].stride = 7;
    assert!(matches!(narrow.verify(), Err(KernelError::Stride { buffer: 0, width: 8, stride: 7, .. })));
}

#[test]
fn kernels_print() {
    let kernel = kernel(vec![
        load(0, 0),
        Instruction::LoadScalar { buffer: 0, column: 4 },
        Instruction::Constant(0.5),
        Instruction::Ternary(Ternary::MultiplyAdd, ValueId(0), ValueId(1), ValueId(2)),
        Instruction::Sum(ValueId(3)),
        store(0, 3),
        Instruction::AccumulateScalar { buffer: 1, column: 7, value: ValueId(4) },
    ]);
    expect![[r#"
        kernel k lanes 4
          b0 = x width 8 stride 8
          b1 = sums width 8 stride 0
          v0 = load b0[0..]
          v1 = load b0[4]
          v2 = 0.5
          v3 = MultiplyAdd v0 v1 v2
          v4 = Sum v3
          b0[0..] = v3
          b1[7] += v4
    "#]]
    .assert_eq(&kernel.to_string());
}
