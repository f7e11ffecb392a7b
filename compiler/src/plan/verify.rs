//! Checks of a plan against its invariants.

use std::collections::HashMap;

use super::kernel::{Access, Kernel};
use super::{
    BufferId, BufferKind, BufferRole, COLUMN_ALIGNMENT, GradientTerm, ParameterGradient, Place, Plan,
    PlanError, SampleMatrix, Section, Start, Step,
};

impl Plan {
    /// Checks P1, P2, P5 and P6; of P3 that buffers are whole blocks wide; that every product and loop stays within its
    /// buffers; and K5 of each loop ([`kernel`](super::kernel)), whatever code runs it.
    ///
    /// # Errors
    ///
    /// [`PlanError::Internal`] naming the invariant.
    pub fn verify(&self) -> Result<(), PlanError> {
        for buffer in &self.buffers {
            if buffer.width % COLUMN_ALIGNMENT != 0 {
                return Err(broken("P3", &format!("buffer `{}` is {} wide", buffer.name, buffer.width)));
            }
        }
        for section in Section::ALL {
            for step in self.program(section) {
                match step {
                    Step::Product { operand, matrix, output, start } => {
                        let matrix =
                            self.matrices.get(*matrix).ok_or_else(|| broken("P1", "no such matrix"))?;
                        self.check_place(section, *operand, matrix.rows)?;
                        self.check_place(section, *output, matrix.columns)?;
                        if self.buffer(output.buffer).kind == BufferKind::Once {
                            return Err(broken("P2", "a product writes one row for all"));
                        }
                        if self.buffer(operand.buffer).kind == BufferKind::Once {
                            return Err(broken("P2", "a product reads one row for all"));
                        }
                        if let Start::Row(row) = *start {
                            self.check_place(section, row, matrix.columns)?;
                            if self.buffer(row.buffer).role != BufferRole::Once {
                                return Err(broken("P1", "a product starts at what is no constant"));
                            }
                        }
                    }
                    Step::SampleProduct { left, right, output } => {
                        if left.strides.columns != right.strides.rows {
                            return Err(broken("P1", "the factors of a product of a sample do not fit"));
                        }
                        let elements = left.strides.rows * right.strides.columns;
                        self.check_sample_operation(section, &[*left, *right], *output, elements)?;
                    }
                    Step::Arrange { from, output, start, total } => {
                        if start + from.strides.columns > *total {
                            return Err(broken("P1", "a matrix is arranged beyond the last column"));
                        }
                        self.check_sample_operation(section, &[*from], *output, from.strides.rows * total)?;
                    }
                    Step::RowMaximum { from, output } => {
                        self.check_sample_operation(section, &[*from], *output, from.strides.rows)?;
                    }
                    Step::Loop { kernel, bindings } => {
                        let kernel = self.kernels.get(*kernel).ok_or_else(|| broken("P1", "no such loop"))?;
                        if kernel.buffers.len() != bindings.len() {
                            return Err(broken("P1", &format!("loop `{}` is bound wrongly", kernel.name)));
                        }
                        for (shape, &(buffer, time)) in kernel.buffers.iter().zip(bindings) {
                            let place = Place { buffer, time, column: 0 };
                            self.check_place(section, place, shape.width)?;
                            let width = self.buffer(buffer).width;
                            let stride = if self.buffer(buffer).kind == BufferKind::Once { 0 } else { width };
                            if shape.stride != stride {
                                return Err(broken(
                                    "P1",
                                    &format!("loop `{}` has a wrong stride", kernel.name),
                                ));
                            }
                        }
                        self.verify_bindings(section, kernel, bindings)?;
                    }
                }
            }
        }
        self.verify_inputs()?;
        self.verify_order()?;
        for section in Section::ALL.into_iter().filter(|section| section.is_solved()) {
            self.verify_repeatable(section)?;
        }
        for (section, solved) in
            [(Section::Solve, &self.unknowns), (Section::BackwardSolve, &self.unknown_gradients)]
        {
            for solved in solved {
                self.check_place(section, solved.unknown, solved.length)?;
                self.check_place(section, solved.solution, solved.length)?;
                if let Some(start) = solved.start {
                    self.check_place(section, start, solved.length)?;
                }
            }
        }
        let outputs = self.outputs.iter().zip(&self.output_sizes);
        for (&place, &size) in outputs.chain(given(&self.inputs, &self.input_sizes)) {
            self.check_place(Section::After, place, size)?;
        }
        let by_inputs = given(&self.input_gradients, &self.input_sizes);
        for (&place, &size) in by_inputs.chain(given(&self.output_gradients, &self.output_sizes)) {
            self.check_place(Section::BackwardAfter, place, size)?;
        }
        for term in self.parameter_gradients.iter().flat_map(ParameterGradient::terms) {
            if let GradientTerm::Outer { left, rows, right, columns, .. } = *term {
                self.check_place(Section::BackwardAfter, left, rows)?;
                self.check_place(Section::BackwardAfter, right, columns)?;
            }
        }
        Ok(())
    }

    /// P6: inputs are only read.
    fn verify_inputs(&self) -> Result<(), PlanError> {
        let unwritten = |buffer: BufferId| match self.buffer(buffer).role {
            BufferRole::Input => Err(broken("P6", &format!("`{}` is written", self.buffer(buffer).name))),
            _ => Ok(()),
        };
        for step in self.programs.iter().flatten() {
            self.accesses(step, |place, _, access| match access {
                Access::Read => Ok(()),
                Access::Write | Access::Add => unwritten(place.buffer),
            })?;
        }
        Ok(())
    }

    /// K5: what a loop writes shares no element with its other buffers. Within the time loop those are blocks of a step; outside,
    /// where it runs over all steps of a chunk, one buffer is bound once: blocks a step apart would overlap.
    fn verify_bindings(
        &self,
        section: Section,
        kernel: &Kernel,
        bindings: &[(BufferId, usize)],
    ) -> Result<(), PlanError> {
        let written = kernel.instructions.iter().filter_map(|one| match one.access(kernel.lanes)? {
            (Access::Read, ..) => None,
            (Access::Write | Access::Add, buffer, ..) => Some(buffer),
        });
        for index in written {
            let (buffer, time) = bindings[index];
            let blocks = section.is_step() && self.buffer(buffer).kind != BufferKind::Once;
            let shares = |&(other, &(found, at)): &(usize, &(BufferId, usize))| {
                other != index && found == buffer && (at == time || !blocks)
            };
            if bindings.iter().enumerate().any(|one| shares(&one)) {
                let name = &self.buffer(buffer).name;
                return Err(broken("K5", &format!("loop `{}` is bound to `{name}` twice", kernel.name)));
            }
        }
        Ok(())
    }

    /// Operands and output lie in their buffers, and apart.
    fn check_sample_operation(
        &self,
        section: Section,
        operands: &[SampleMatrix],
        output: Place,
        elements: usize,
    ) -> Result<(), PlanError> {
        self.check_place(section, output, elements)?;
        if self.buffer(output.buffer).kind == BufferKind::Once {
            return Err(broken("P2", "an operation of each sample writes one row for all"));
        }
        for operand in operands {
            let (place, end) = (operand.place, operand.strides.end());
            self.check_place(section, place, end)?;
            let same = (place.buffer, place.time) == (output.buffer, output.time);
            if same && place.column < output.column + elements && output.column < place.column + end {
                return Err(broken("P1", "an operation of each sample writes over its operand"));
            }
        }
        Ok(())
    }

    /// P5, column by column of every block that the program touches.
    fn verify_repeatable(&self, section: Section) -> Result<(), PlanError> {
        #[derive(Clone, Copy, Default)]
        struct Column {
            read_first: bool,
            written: bool,
        }
        let mut blocks: HashMap<(BufferId, usize), Vec<Column>> = HashMap::new();
        let mut touch = |place: Place, length: usize, access: Access| {
            let columns = blocks
                .entry((place.buffer, place.time))
                .or_insert_with(|| vec![Column::default(); self.buffer(place.buffer).width]);
            for column in columns.iter_mut().skip(place.column).take(length) {
                column.read_first |= access != Access::Write && !column.written;
                column.written |= access != Access::Read;
                if column.read_first && column.written {
                    let name = &self.buffer(place.buffer).name;
                    return Err(broken("P5", &format!("{section:?} changes what it reads of `{name}`")));
                }
            }
            Ok(())
        };
        for step in self.program(section) {
            self.accesses(step, &mut touch)?;
        }
        Ok(())
    }

    /// `columns` columns from `place` on lie in its buffer, and the buffer may be touched in `section`.
    fn check_place(&self, section: Section, place: Place, columns: usize) -> Result<(), PlanError> {
        let buffer =
            self.buffers.get(place.buffer.0 as usize).ok_or_else(|| broken("P1", "no such buffer"))?;
        if place.column + columns > buffer.width && columns > 0 {
            return Err(broken(
                "P1",
                &format!("{columns} columns at {} leave `{}`", place.column, buffer.name),
            ));
        }
        let ahead = match buffer.kind {
            BufferKind::Sequence { extra } => usize::from(extra),
            BufferKind::Ring => 1,
            BufferKind::Step | BufferKind::Once | BufferKind::Chunk { .. } => 0,
        };
        if place.time > ahead {
            return Err(broken("P1", &format!("`{}` is read {} steps ahead", buffer.name, place.time)));
        }
        if !section.is_step() && matches!(buffer.kind, BufferKind::Ring | BufferKind::Step) {
            return Err(broken(
                "P2",
                &format!("{section:?} touches `{}`, which holds single steps", buffer.name),
            ));
        }
        if let BufferKind::Chunk { backward } = buffer.kind
            && backward != section.is_backward()
            && buffer.role != BufferRole::Input
        {
            return Err(broken("P6", &format!("{section:?} touches `{}` of the other pass", buffer.name)));
        }
        Ok(())
    }
}

/// The ports that have a place, with their elements.
pub(super) fn given<'p>(
    places: &'p [Option<Place>],
    sizes: &'p [usize],
) -> impl Iterator<Item = (&'p Place, &'p usize)> {
    places.iter().zip(sizes).filter_map(|(place, size)| Some((place.as_ref()?, size)))
}

pub(super) fn broken(invariant: &str, what: &str) -> PlanError {
    PlanError::Internal(format!("{invariant}: {what}"))
}
