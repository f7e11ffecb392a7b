//! Multiply-adds within an element loop: `a b + c` rounded once, where the product has no other reader.

use super::kernel::{Instruction, Kernel, ValueId};
use crate::operator::{Binary, Ternary};

/// Forms multiply-adds and drops the instructions that lose their last reader.
pub(super) fn fuse(kernel: &mut Kernel) {
    let mut readers = vec![0_usize; kernel.instructions.len()];
    for instruction in &kernel.instructions {
        for operand in instruction.operands() {
            readers[operand.0 as usize] += 1;
        }
    }
    for index in 0..kernel.instructions.len() {
        // The product must be read here only; a square reads twice what it multiplies, which is no matter.
        let product = |value: ValueId| match kernel.instructions[value.0 as usize] {
            Instruction::Binary(Binary::Multiply, a, b) if readers[value.0 as usize] == 1 => Some((a, b)),
            _ => None,
        };
        let fused = match kernel.instructions[index] {
            Instruction::Binary(Binary::Add, left, right) => match (product(left), product(right)) {
                // a b + c, or c + a b
                (Some((a, b)), _) => Some((left, Instruction::Ternary(Ternary::MultiplyAdd, a, b, right))),
                (None, Some((a, b))) => Some((right, Instruction::Ternary(Ternary::MultiplyAdd, a, b, left))),
                (None, None) => None,
            },
            Instruction::Binary(Binary::Subtract, left, right) => match (product(left), product(right)) {
                // c - a b
                (_, Some((a, b))) => {
                    Some((right, Instruction::Ternary(Ternary::NegatedMultiplyAdd, a, b, left)))
                }
                // a b - c
                (Some((a, b)), None) => {
                    Some((left, Instruction::Ternary(Ternary::MultiplySubtract, a, b, right)))
                }
                (None, None) => None,
            },
            _ => None,
        };
        if let Some((product, instruction)) = fused {
            readers[product.0 as usize] = 0;
            kernel.instructions[index] = instruction;
        }
    }
    compact(kernel, &readers);
}

/// Drops the products that were fused: those without a reader.
fn compact(kernel: &mut Kernel, readers: &[usize]) {
    let mut moved = vec![ValueId(0); kernel.instructions.len()];
    let mut kept = Vec::with_capacity(kernel.instructions.len());
    for (index, instruction) in kernel.instructions.iter().enumerate() {
        if readers[index] == 0 && matches!(instruction, Instruction::Binary(Binary::Multiply, ..)) {
            continue;
        }
        let mut instruction = instruction.clone();
        for operand in operands_mut(&mut instruction) {
            *operand = moved[operand.0 as usize];
        }
        moved[index] = ValueId(kept.len() as u32);
        kept.push(instruction);
    }
    kernel.instructions = kept;
}

fn operands_mut(instruction: &mut Instruction) -> Vec<&mut ValueId> {
    match instruction {
        Instruction::Load { .. } | Instruction::LoadScalar { .. } | Instruction::Constant(_) => Vec::new(),
        Instruction::Unary(_, a)
        | Instruction::Sum(a)
        | Instruction::MaximumElement(a)
        | Instruction::CumulativeSum { value: a, .. } => vec![a],
        Instruction::Binary(_, a, b) => vec![a, b],
        Instruction::Ternary(_, a, b, c) => vec![a, b, c],
        Instruction::Store { value, .. }
        | Instruction::StoreScalar { value, .. }
        | Instruction::Accumulate { value, .. }
        | Instruction::AccumulateScalar { value, .. } => vec![value],
    }
}

#[cfg(test)]
mod tests;
