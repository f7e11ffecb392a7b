//! Inputs that the way back packs from where the caller has them.
//!
//! Most cells read an input in products alone (`W x`). Then the way back reads it for the gradients by weights, where its
//! rows are packed; and they are packed from the caller's sequence, not copied into the arena before.
//!
//! ```text
//! staged      [T, B, n] -> rows of a chunk -> packed
//! in place    [T, B, n] ------------------> packed
//! ```
//!
//! An input that element loops or anything else reads too is staged.

use gatewright_compiler::plan::{GradientTerm, ParameterGradient, Place, Plan, Section};

/// Where an input lies within the rows of a chunk.
#[derive(Clone, Copy, Debug)]
pub(super) struct Columns {
    place: Place,
    size: usize,
}

impl Columns {
    /// Whether any of so many columns from a place on is among them.
    fn meet(self, place: Place, length: usize) -> bool {
        self.place.buffer == place.buffer
            && place.column < self.place.column + self.size
            && self.place.column < place.column + length
    }

    /// The first of so many columns from a place on, counted from the first of the input, where all of them are among its
    /// own.
    fn within(self, place: Place, length: usize) -> Option<usize> {
        let first =
            place.column.checked_sub(self.place.column).filter(|first| first + length <= self.size)?;
        (self.place.buffer == place.buffer && place.time == self.place.time).then_some(first)
    }
}

/// For each input where it lies, where the way back does nothing with it but to pack rows of it.
pub(super) fn packed_in_place(plan: &Plan) -> Vec<Option<Columns>> {
    let inputs = plan.inputs.iter().zip(&plan.inputs_read_back).zip(&plan.input_sizes);
    let columns = inputs.map(|((&place, &read_back), &size)| {
        let place = place.filter(|_| read_back && size > 0)?;
        Some(Columns { place, size }).filter(|&columns| only_packed(plan, columns))
    });
    columns.collect()
}

/// The input among these that a right operand of products lies in, and its first column there.
pub(super) fn input_of(inputs: &[Option<Columns>], place: Place, length: usize) -> Option<(usize, usize)> {
    let found =
        |(index, columns): (usize, &Option<Columns>)| Some((index, (*columns)?.within(place, length)?));
    inputs.iter().enumerate().find_map(found)
}

fn only_packed(plan: &Plan, columns: Columns) -> bool {
    let back = Section::ALL.into_iter().filter(|section| section.is_backward());
    let mut programs = back.flat_map(|section| plan.program(section));
    let touched = programs.any(|step| {
        let met = |place, length, _| if columns.meet(place, length) { Err(()) } else { Ok(()) };
        plan.accesses(step, met).is_err()
    });
    let solved = plan.unknown_gradients.iter().any(|solved| {
        let places = [Some(solved.unknown), Some(solved.solution), solved.start];
        places.into_iter().flatten().any(|place| columns.meet(place, solved.length))
    });
    let mut gradients = plan.input_gradients.iter().zip(&plan.input_sizes);
    let given = gradients.any(|(place, &size)| place.is_some_and(|place| columns.meet(place, size)));
    !touched && !solved && !given && plan.parameter_gradients.iter().all(|one| only_packed_for(one, columns))
}

/// Whether the gradient by a parameter reads an input as right operands alone, of sums that are added up as they come.
fn only_packed_for(gradient: &ParameterGradient, columns: Columns) -> bool {
    let sums = matches!(gradient, ParameterGradient::Terms(_));
    gradient.terms().all(|term| match *term {
        GradientTerm::Outer { left, rows, right, columns: width, .. } => {
            let packed = sums && columns.within(right, width).is_some();
            !columns.meet(left, rows) && (packed || !columns.meet(right, width))
        }
        GradientTerm::Sum { .. } => true,
    })
}

#[cfg(test)]
mod tests {
    use crate::execute::compiled::{Backend, CompileOptions, CompiledCell};
    use gatewright_compiler::source::Syntax;

    /// For each input whether it is packed in place; `None` where the way back does not read it.
    fn packed(text: &str) -> Vec<Option<bool>> {
        let cell = crate::read_cell(text, Syntax::Text).expect("a cell");
        let options = CompileOptions { backend: Backend::Interpreter, ..CompileOptions::default() };
        let dimensions: Vec<_> = cell.dimensions.iter().map(|name| (name.as_str(), 4)).collect();
        let cell = CompiledCell::<f32>::new(&cell, &dimensions, options).expect("compiles");
        let engine = &cell.training;
        let inputs = engine.plan.inputs_read_back.iter().zip(&engine.packed_in_place);
        inputs.map(|(&read_back, in_place)| read_back.then_some(in_place.is_some())).collect()
    }

    #[test]
    fn an_input_that_products_alone_read_is_packed_in_place() {
        assert_eq!(packed("h_t = tanh(W x_t + U h_{t-1} + b)"), [Some(true)]);
        // An element loop reads it too, of the same buffer as the other.
        assert_eq!(packed("h_t = tanh(W x_t + U h_{t-1}) * z_t"), [Some(true), Some(false)]);
        assert_eq!(packed("h_t = tanh(W x_t + U h_{t-1}) * x_t"), [Some(false)]);
    }

    #[test]
    fn every_input_of_the_usual_cells_is_packed_in_place() {
        for name in ["lstm", "gru_v1", "gru_v3", "mgu", "peephole"] {
            let cell = crate::zoo::find(name).expect("a cell").read().expect("reads");
            let options = CompileOptions { backend: Backend::Interpreter, ..CompileOptions::default() };
            let cell = CompiledCell::<f32>::new(&cell, &[("x", 3), ("h", 4)], options).expect("compiles");
            assert!(cell.training.packed_in_place.iter().all(Option::is_some), "{name}");
            assert!(cell.inference.packed_in_place.iter().all(Option::is_none), "{name}");
        }
    }
}
