//! Compiled kernels give their memory back. Alone in its process, so that the numbers mean something.

#![cfg(all(feature = "jit", target_os = "linux"))]

use gatewright_compiler::codegen::CompiledKernels;
use gatewright_compiler::operator::{Binary, Unary};
use gatewright_compiler::plan::kernel::{Instruction, Kernel, KernelBuffer, Precision, ValueId};

fn resident_kibibytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn kernel(length: u32) -> Kernel {
    let buffer = KernelBuffer { stride: 64, width: 64, name: "a".to_owned() };
    let mut instructions = vec![Instruction::Load { buffer: 0, column: 0 }];
    for value in 0..length {
        let function = if value % 5 == 0 { Unary::Tanh } else { Unary::Relu };
        instructions.push(Instruction::Unary(function, ValueId(2 * value)));
        instructions.push(Instruction::Binary(Binary::Add, ValueId(2 * value + 1), ValueId(2 * value)));
    }
    instructions.push(Instruction::Store { buffer: 0, column: 0, value: ValueId(2 * length) });
    Kernel { name: "chain".to_owned(), lanes: 64, buffers: vec![buffer], instructions }
}

#[test]
fn dropping_compiled_kernels_frees_their_memory() {
    let kernels = [kernel(10), kernel(30)];
    let cycle = |count: usize| {
        for _ in 0..count {
            CompiledKernels::compile(&kernels, Precision::Single).unwrap();
        }
    };
    cycle(30);
    let before = resident_kibibytes();
    cycle(300);
    // A leak of one page for each set would be 1200 KiB.
    let grown = resident_kibibytes().saturating_sub(before);
    assert!(grown < 400, "{grown} KiB more after 300 sets");
}
