//! The packed matrices of a plan. Those of the way there are packed before a forward run, those of the way back before a
//! backward run, so both take turns in one place.
//!
//! ```text
//! forward      W_z W_r W_h | U_z U_r | U_h
//! back         U_z^T U_r^T U_h^T | W_z^T W_r^T W_h^T
//! ```
//!
//! Where rounds are computed again on the way back, both are needed at once, and none lies where another does.
//!
//! # Invariants
//!
//! - Where both passes share memory, it holds the matrices of the pass that was packed last.
//! - No two blocks of a matrix share an element. What no block covers is zero.

use gatewright_compiler::plan::{OnceSource, PackedLayout};

use super::compiled::internal;
use super::constant::{Expressions, ParameterValues};
use super::engine::Engine;
use crate::error::CallError;
use crate::matmul::{Element, PackedMut, PackedSets, PackedViews};

/// The packed matrices of one engine.
#[derive(Debug)]
pub(crate) struct Matrices<T> {
    packed: Option<PackedSets<T>>,
    /// The passes have memory of their own.
    apart: bool,
    /// Whether the memory holds the zeros of the way back or of the way there; `None` while it is packed.
    backward: Option<bool>,
}

impl<T> Default for Matrices<T> {
    fn default() -> Self {
        Self { packed: None, apart: false, backward: None }
    }
}

impl<T: Element> Matrices<T> {
    /// The matrices; of those that share memory, the pass that is packed.
    #[inline]
    pub(crate) fn views(&self) -> Result<PackedViews<'_, T>, CallError> {
        match &self.packed {
            Some(packed) => Ok(packed.views()),
            None => Err(unpacked()),
        }
    }

    /// Makes room for the matrices of an engine, once; and once more where those of both passes must be held together
    /// from now on.
    pub(super) fn prepare(&mut self, engine: &Engine<T>, apart: bool) -> Result<(), CallError> {
        if self.packed.is_some() && (self.apart || !apart) {
            return Ok(());
        }
        *self = Self { apart, ..Self::default() };
        let set = |matrix: &PackedLayout| usize::from(matrix.backward && !apart);
        let matrices = engine.plan.matrices.iter().map(|matrix| (matrix.rows, matrix.columns, set(matrix)));
        self.packed = Some(PackedSets::zeroed_for::<2>(engine.level, matrices).map_err(internal)?);
        Ok(())
    }

    /// Packs the matrices of one pass.
    pub(super) fn pack(
        &mut self,
        engine: &Engine<T>,
        parameters: ParameterValues<'_, T>,
        expressions: &Expressions<T>,
        backward: bool,
    ) -> Result<(), CallError> {
        let Some(packed) = &mut self.packed else { return Ok(()) };
        let of_other_pass = !self.apart && self.backward.take() != Some(backward);
        let matrices = engine.plan.matrices.iter().enumerate();
        for (index, layout) in matrices.filter(|(_, layout)| layout.backward == backward) {
            let mut packed = packed.view_mut(index);
            if of_other_pass {
                if is_covered(layout) { packed.clear_pads() } else { packed.clear() }
            }
            place(engine, layout, parameters, expressions, &mut packed)?;
        }
        self.backward = Some(backward);
        Ok(())
    }
}

/// Out of the way of a product.
#[cold]
fn unpacked() -> CallError {
    internal("a product was run before it was packed")
}

/// Places the blocks of a matrix.
fn place<T: Element>(
    engine: &Engine<T>,
    layout: &PackedLayout,
    parameters: ParameterValues<'_, T>,
    expressions: &Expressions<T>,
    packed: &mut PackedMut<'_, T>,
) -> Result<(), CallError> {
    for block in &layout.blocks {
        let view = block.view;
        let source = match view.source {
            OnceSource::Parameter(index) => parameters.of(index),
            OnceSource::Expression(index) => expressions.value(engine, index),
        };
        if view.rows == 0 || view.columns == 0 {
            continue;
        }
        // Values are rows: `y = M v` is computed as `v^T M^T`, so the transpose of what the view says is packed.
        packed
            .place(
                block.row,
                block.column,
                &source[view.row * view.row_stride + view.column..],
                view.rows,
                view.columns,
                view.row_stride,
                !view.transposed,
            )
            .map_err(internal)?;
    }
    Ok(())
}

/// Whether blocks cover all rows and columns of a matrix.
fn is_covered(matrix: &PackedLayout) -> bool {
    let blocks = matrix.blocks.iter().map(|block| block.view.rows * block.view.columns);
    blocks.sum::<usize>() == matrix.rows * matrix.columns
}

#[cfg(test)]
mod tests {
    use super::Matrices;
    use crate::execute::compiled::{Backend, CompileOptions, CompiledCell};
    use crate::execute::constant::Expressions;
    use crate::matmul::PackedSets;
    use crate::zoo;

    fn compiled(name: &str, size: usize) -> Option<CompiledCell<f32>> {
        let cell = zoo::find(name).expect("a cell of the zoo").read().ok()?;
        let sizes: Vec<(&str, usize)> = cell.dimensions.iter().map(|name| (name.as_str(), size)).collect();
        let options = CompileOptions { backend: Backend::Interpreter, ..CompileOptions::default() };
        CompiledCell::new(&cell, &sizes, options).ok()
    }

    /// As in storages of their own, whatever a storage held before: in the columns past the last one, and where no block
    /// lies.
    #[test]
    fn matrices_that_take_turns_are_what_they_are_apart() {
        let (mut turns, mut gaps) = (0, 0);
        for (name, size) in zoo::ALL.iter().flat_map(|entry| [(entry.name, 5), (entry.name, 32)]) {
            let Some(cell) = compiled(name, size) else { continue };
            let engine = &cell.training;
            let numbers: Vec<f32> =
                (0..cell.layout.parameters.length()).map(|at| 1.0 + (at % 997) as f32).collect();
            let parameters = cell.parameters(&numbers);
            let mut expressions = Expressions::default();
            expressions.compute(engine, parameters).expect("computes");
            let [mut shared, mut apart] = [Matrices::default(), Matrices::default()];
            shared.prepare(engine, false).expect("small");
            apart.prepare(engine, true).expect("small");
            let numbers = |matrices: &Matrices<f32>| matrices.packed.as_ref().map_or(0, PackedSets::numbers);
            turns += usize::from(numbers(&shared) < numbers(&apart));
            for backward in [false, true, true, false, true] {
                for matrices in [&mut shared, &mut apart] {
                    matrices.pack(engine, parameters, &expressions, backward).expect("packs");
                }
                for (index, layout) in engine.plan.matrices.iter().enumerate() {
                    if layout.backward != backward {
                        continue;
                    }
                    let [found, expected] =
                        [&shared, &apart].map(|matrices| matrices.views().expect("packed").of(index));
                    assert_eq!((found.rows(), found.columns()), (layout.rows, layout.columns));
                    let bits = |numbers: &[f32]| numbers.iter().map(|one| one.to_bits()).collect::<Vec<_>>();
                    assert_eq!(bits(found.panels()), bits(expected.panels()), "{name}, matrix {index}");
                    gaps += usize::from(!super::is_covered(layout));
                }
            }
        }
        assert!(turns >= 100 && gaps > 0, "{turns} {gaps}");
    }

    /// A GRU has three matrices on the way there and two on the way back, an LSTM two and two; both have each weight once.
    #[test]
    fn the_weights_of_both_passes_lie_in_one_place() {
        for (name, gates) in [("lstm", 4), ("gru_v1", 3)] {
            let cell = zoo::find(name).expect("a cell").read().expect("reads");
            let options = CompileOptions { backend: Backend::Interpreter, ..CompileOptions::default() };
            let cell = CompiledCell::<f32>::new(&cell, &[("x", 64), ("h", 128)], options).expect("compiles");
            let numbers = |apart: bool| {
                let mut matrices = Matrices::default();
                matrices.prepare(&cell.training, apart).expect("small");
                matrices.packed.map_or(0, |packed| packed.numbers())
            };
            let weights = gates * 128 * (64 + 128);
            assert_eq!((numbers(false), numbers(true)), (weights, 2 * weights), "{name}");
        }
    }
}
