//! Each form of multiply-add, and products that must stay.

use super::*;
use crate::operator::Unary;

const A: ValueId = ValueId(0);
const B: ValueId = ValueId(1);
const C: ValueId = ValueId(2);
/// The first instruction after the loads.
const PRODUCT: ValueId = ValueId(3);

/// The instructions behind the loads of `a`, `b` and `c`, once they are fused.
fn fused(instructions: &[Instruction]) -> Vec<Instruction> {
    let mut kernel = Kernel {
        name: String::new(),
        lanes: 4,
        buffers: Vec::new(),
        instructions: (0..3).map(|k| Instruction::Load { buffer: 0, column: 4 * k }).collect(),
    };
    let loads = kernel.instructions.clone();
    kernel.instructions.extend_from_slice(instructions);
    fuse(&mut kernel);
    assert_eq!(kernel.instructions[..3], loads);
    kernel.instructions.split_off(3)
}

fn store(value: u32) -> Instruction {
    Instruction::Store { buffer: 0, column: 12, value: ValueId(value) }
}

#[test]
fn a_product_that_is_added_or_subtracted_is_no_instruction_of_its_own() {
    for (sum, expected) in [
        (Instruction::Binary(Binary::Add, PRODUCT, C), Ternary::MultiplyAdd),
        (Instruction::Binary(Binary::Add, C, PRODUCT), Ternary::MultiplyAdd),
        (Instruction::Binary(Binary::Subtract, C, PRODUCT), Ternary::NegatedMultiplyAdd),
        (Instruction::Binary(Binary::Subtract, PRODUCT, C), Ternary::MultiplySubtract),
    ] {
        let product = Instruction::Binary(Binary::Multiply, A, B);
        let found = fused(&[product, sum.clone(), store(4)]);
        // What comes behind the product is one place further to the front.
        assert_eq!(found, [Instruction::Ternary(expected, A, B, C), store(3)], "{sum:?}");
    }
}

/// A square is read once, though it reads its operand twice.
#[test]
fn a_square_is_fused() {
    let instructions =
        [Instruction::Binary(Binary::Multiply, A, A), Instruction::Binary(Binary::Add, PRODUCT, C), store(4)];
    let expected = [Instruction::Ternary(Ternary::MultiplyAdd, A, A, C), store(3)];
    assert_eq!(fused(&instructions), expected);
}

/// Of `a b + c a` one product is fused, the other is what is added.
#[test]
fn of_two_products_one_is_fused() {
    let instructions = [
        Instruction::Binary(Binary::Multiply, A, B),
        Instruction::Binary(Binary::Multiply, C, A),
        Instruction::Binary(Binary::Add, PRODUCT, ValueId(4)),
        store(5),
    ];
    let expected = [
        Instruction::Binary(Binary::Multiply, C, A),
        Instruction::Ternary(Ternary::MultiplyAdd, A, B, ValueId(3)),
        store(4),
    ];
    assert_eq!(fused(&instructions), expected);
}

/// Computed for its other reader anyway, the product costs less than a second time within the sum.
#[test]
fn a_product_with_two_readers_stays() {
    let product = Instruction::Binary(Binary::Multiply, A, B);
    let sum = Instruction::Binary(Binary::Add, PRODUCT, C);
    let function = Instruction::Unary(Unary::Tanh, PRODUCT);
    let twice = Instruction::Binary(Binary::Add, PRODUCT, PRODUCT);
    for instructions in [
        vec![product.clone(), sum.clone(), store(3), store(4)],
        vec![product.clone(), function, sum, store(4), store(5)],
        vec![product, twice, store(4)],
    ] {
        assert_eq!(fused(&instructions), instructions);
    }
}
