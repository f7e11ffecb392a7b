//! What is not done twice, or not at all, and what is done while something is in a cache: no result shows it.

use std::sync::atomic::Ordering::Relaxed;

use super::{Training, interpreted, train};
use crate::cache::LINE;
use crate::execute::compiled::{Backend, CompileOptions, CompiledCell};
use crate::matmul::{Soon, lines_asked_for};
use crate::sequence::Keep;
use crate::workspace::Workspace;

const CELLS: [&str; 5] = ["lstm", "gru_v1", "gru_v3", "mgu", "peephole"];

/// Rows that are read where they lie are not packed besides: this cell has no others.
#[test]
fn rows_that_are_read_in_place_are_not_packed() {
    for (size, packs) in [(64, false), (20, true)] {
        let text = "h_t = tanh(U h_{t-1} + x_t)";
        let cell = crate::read_cell(text, gatewright_compiler::source::Syntax::Text).expect("a cell");
        let options = CompileOptions { backend: Backend::Interpreter, ..CompileOptions::default() };
        let cell = CompiledCell::<f32>::new(&cell, &[("h", size)], options).expect("compiles");
        let mut workspace = Workspace::default();
        let _ = train(&cell, 16, 16, &mut workspace);
        let mut packed = Soon::default();
        packed.extend(workspace.memory().workers.all()[0].packed.as_ref().map(|packed| packed.lines()));
        assert_eq!(packed.noted > 0, packs, "{size} units");
    }
}

/// That a product fits where it is done at every step, and shares nothing, is found out when it is bound.
#[test]
fn products_of_common_cells_are_checked_before_the_first_step() {
    for name in CELLS {
        let cell = interpreted(name, &[("x", 3), ("h", 20)], 1);
        let mut workspace = Workspace::default();
        let _ = train(&cell, 5, 2, &mut workspace);
        for ready in &workspace.memory().blocks[0].ready {
            assert!(!ready.products.is_empty(), "{name}");
            assert!(ready.products.iter().all(|product| product.is_checked()), "{name}");
        }
    }
}

/// Outputs are in L1 when they go out: with each step, but for a cell whose outputs are computed behind the loop.
#[test]
fn outputs_go_out_with_each_step() {
    let behind = "h_t = tanh(U h_{t-1} + x_t)\ny_t = V h_t";
    let behind = crate::read_cell(behind, gatewright_compiler::source::Syntax::Text).expect("a cell");
    let options = CompileOptions { backend: Backend::Interpreter, ..CompileOptions::default() };
    let sizes: Vec<(&str, usize)> = behind.dimensions.iter().map(|name| (name.as_str(), 4)).collect();
    let behind = CompiledCell::<f32>::new(&behind, &sizes, options).expect("compiles");
    // Two chunks of 16 steps, or 256 steps of one row in as many.
    for (cell, steps, rows, puts) in [
        (interpreted("mgu", &[("x", 3), ("h", 4)], 1), 32, 16, 32),
        (interpreted("mgu", &[("x", 3), ("h", 4)], 1), 512, 1, 2),
        (behind, 32, 16, 2),
    ] {
        let mut workspace = Workspace::default();
        Training::new(&cell, steps, rows).forward(Keep::Tape, &mut workspace).expect("runs");
        let puts_of = |workspace: &mut Workspace<f32>| workspace.memory().blocks[0].puts.load(Relaxed);
        assert_eq!(puts_of(&mut workspace), puts, "{steps} steps of {rows} rows");
    }
}

/// A step whose tape would have left L2 by then does not ask for it.
#[test]
fn a_tape_that_would_leave_l2_is_not_asked_for() {
    for (size, asks) in [(256, true), (1024, false)] {
        let cell = interpreted("mgu", &[("x", 3), ("h", size)], 1);
        let (_, [there, _]) = train(&cell, 2, 31, &mut Workspace::default());
        let outputs = 2 * 31 * size * size_of::<f32>();
        assert_eq!(there > outputs, asks, "{size} units: {there} bytes, {outputs} of outputs");
    }
}

/// Kernels of one row ask for nothing, so that all of its inputs and outputs are asked for before they are copied.
#[test]
fn what_is_copied_of_one_row_is_asked_for_at_once() {
    const STEPS: usize = 64;
    let cell = interpreted("mgu", &[("x", 16), ("h", 32)], 1);
    let mut run = Training::new(&cell, STEPS, 1);
    // Those that are full of them.
    let lines = |numbers: &[f32]| {
        let first = numbers.as_ptr().addr();
        first.div_ceil(LINE)..(first + size_of_val(numbers)) / LINE
    };
    let expected = [lines(&run.input), lines(&run.output)];
    let asked = lines_asked_for(|| run.forward(Keep::Nothing, &mut Workspace::default()).expect("runs"));
    for lines in expected {
        assert!(lines.len() >= STEPS - 1, "{lines:?}");
        assert_eq!(lines.clone().find(|line| !asked.contains(line)), None, "{lines:?}");
    }
}
