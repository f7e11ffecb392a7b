//! The text form of a plan, for readers and for snapshots.

use std::fmt;

use super::layout::once_name;
use super::{BufferKind, MatrixStrides, Place, Plan, SampleMatrix, Section, Start, Step};

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, buffer) in self.buffers.iter().enumerate() {
            let rows = match buffer.kind {
                BufferKind::Sequence { extra: false } => "T·B",
                BufferKind::Sequence { extra: true } => "(T+1)·B",
                BufferKind::Chunk { .. } => "C·B",
                BufferKind::Ring => "2·B",
                BufferKind::Step => "B",
                BufferKind::Once => "1",
            };
            writeln!(f, "buffer {index} `{}` [{rows}, {}] {:?}", buffer.name, buffer.width, buffer.role)?;
        }
        for once in &self.once {
            writeln!(f, "once @{} [{}] = {}", once.column, once.length, once_name(once.source))?;
        }
        for solved in self.unknowns.iter().chain(&self.unknown_gradients) {
            write!(f, "solve {} = {}", self.name(solved.unknown), self.name(solved.solution))?;
            match solved.start {
                Some(start) => writeln!(f, ", from {}", self.name(start))?,
                None => writeln!(f, ", from zero")?,
            }
        }
        for (index, matrix) in self.matrices.iter().enumerate() {
            write!(f, "matrix {index} [{}, {}] =", matrix.rows, matrix.columns)?;
            for block in &matrix.blocks {
                let view = block.view;
                write!(
                    f,
                    " {}[{}+{}, {}+{}]{}@({}, {})",
                    once_name(view.source),
                    view.row,
                    view.rows,
                    view.column,
                    view.columns,
                    if view.transposed { "ᵀ" } else { "" },
                    block.row,
                    block.column
                )?;
            }
            writeln!(f)?;
        }
        for section in Section::ALL {
            if self.program(section).is_empty() {
                continue;
            }
            writeln!(f, "{section:?}:")?;
            for step in self.program(section) {
                match step {
                    Step::Product { operand, matrix, output, start } => {
                        let sign = match start {
                            Start::Zero => "=".to_owned(),
                            Start::There => "+=".to_owned(),
                            Start::Row(row) => format!("= {} +", self.name(*row)),
                        };
                        writeln!(
                            f,
                            "  {} {sign} {} · matrix {matrix}",
                            self.name(*output),
                            self.name(*operand)
                        )?;
                    }
                    Step::SampleProduct { left, right, output } => {
                        writeln!(
                            f,
                            "  {} = {} · {} of each row",
                            self.name(*output),
                            self.matrix_name(left),
                            self.matrix_name(right)
                        )?;
                    }
                    Step::Arrange { from, output, start, total } => {
                        let from = self.matrix_name(from);
                        writeln!(f, "  {} = {from} at column {start} of {total}", self.name(*output))?;
                    }
                    Step::RowMaximum { from, output } => {
                        let from = self.matrix_name(from);
                        writeln!(f, "  {} = largest of each row of {from}", self.name(*output))?;
                    }
                    Step::Loop { kernel, .. } => {
                        let kernel = &self.kernels[*kernel];
                        writeln!(f, "  loop over {} lanes: {}", kernel.lanes, kernel.name)?;
                    }
                }
            }
        }
        Ok(())
    }
}

impl Plan {
    fn name(&self, place: Place) -> String {
        let ahead = if place.time == 0 { "" } else { " next" };
        format!("`{}`{ahead}@{}", self.buffer(place.buffer).name, place.column)
    }

    /// Element (0, 0), sizes, and the strides where they are not those of a matrix row by row.
    fn matrix_name(&self, matrix: &SampleMatrix) -> String {
        let MatrixStrides { offset, rows, columns, row_stride, column_stride } = matrix.strides;
        let place = Place { column: matrix.place.column + offset, ..matrix.place };
        let dense = columns <= 1 || (row_stride, column_stride) == (columns, 1);
        let strides = if dense { String::new() } else { format!(" by ({row_stride}, {column_stride})") };
        format!("{}[{rows}, {columns}]{strides}", self.name(place))
    }
}
