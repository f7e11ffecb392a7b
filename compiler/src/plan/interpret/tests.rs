//! Kernels worked out by hand, and calls that are refused.

use super::*;
use crate::operator::Binary;

fn kernel(buffers: &[(usize, usize)], lanes: usize, instructions: Vec<Instruction>) -> Kernel {
    let buffers =
        buffers.iter().map(|&(width, stride)| KernelBuffer { stride, width, name: String::new() }).collect();
    Kernel { name: String::new(), lanes, buffers, instructions }
}

/// Two halves of a row change places, and their sum goes to a row of sums.
fn swap() -> Kernel {
    let (a, b) = (ValueId(0), ValueId(1));
    kernel(
        &[(4, 5), (2, 0)],
        2,
        vec![
            Instruction::Load { buffer: 0, column: 0 },
            Instruction::Load { buffer: 0, column: 2 },
            Instruction::Binary(Binary::Add, a, b),
            Instruction::Store { buffer: 0, column: 0, value: b },
            Instruction::Store { buffer: 0, column: 2, value: a },
            Instruction::Accumulate { buffer: 1, column: 0, value: ValueId(2) },
        ],
    )
}

#[test]
fn loads_come_before_stores_and_rows_in_order() {
    let mut arena = [1.0, 2.0, 3.0, 4.0, -1.0, 10.0, 20.0, 30.0, 40.0, -1.0, 0.5, 0.25_f64];
    run_kernel(&swap(), &mut arena, &[0, 10], 2).unwrap();
    assert_eq!(arena, [3.0, 4.0, 1.0, 2.0, -1.0, 30.0, 40.0, 10.0, 20.0, -1.0, 44.5, 66.25]);
}

#[test]
fn refused_calls_touch_nothing() {
    let mut arena = [1.0_f32; 12];
    let mut run =
        |offsets: &[usize], rows: usize| run_kernel(&swap(), &mut arena, offsets, rows).unwrap_err();
    assert_eq!(run(&[0], 1), KernelCallError::Bindings { expected: 2, found: 1 });
    assert_eq!(run(&[0, 11], 2), KernelCallError::OutOfArena { buffer: 1, length: 12 });
    assert_eq!(run(&[0, 10], 3), KernelCallError::OutOfArena { buffer: 0, length: 12 });
    assert_eq!(run(&[usize::MAX, 10], 2), KernelCallError::OutOfArena { buffer: 0, length: 12 });
    assert_eq!(run(&[0, 10], usize::MAX), KernelCallError::OutOfArena { buffer: 0, length: 12 });
    assert_eq!(arena, [1.0; 12]);
}

#[test]
fn overlaps_are_found_where_something_is_written() {
    // Between the rows of the first buffer is a gap of one element.
    let kernel = swap();
    let overlap = |offset: usize| check_overlap(&kernel, &[0, offset], 2).is_err();
    let found: Vec<usize> = (0..12).filter(|offset| overlap(*offset)).collect();
    assert_eq!(found, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    let mut reading = kernel.clone();
    reading.instructions =
        vec![Instruction::Load { buffer: 0, column: 0 }, Instruction::Load { buffer: 1, column: 0 }];
    assert_eq!(check_overlap(&reading, &[0, 0], 2), Ok(()));
}
