//! What an instruction of a program reads and writes.

use super::kernel::Access;
use super::{Place, Plan, Start, Step};

impl Plan {
    /// Says every access of an instruction: from which place on, how many columns, and how; what is read before what is
    /// written. Of a matrix that each sample has its own of, all from the first element to the last.
    ///
    /// # Errors
    ///
    /// The first that `say` gives.
    pub fn accesses<E>(
        &self,
        step: &Step,
        mut say: impl FnMut(Place, usize, Access) -> Result<(), E>,
    ) -> Result<(), E> {
        match step {
            Step::Product { operand, matrix, output, start } => {
                let matrix = &self.matrices[*matrix];
                say(*operand, matrix.rows, Access::Read)?;
                if let Start::Row(row) = *start {
                    say(row, matrix.columns, Access::Read)?;
                }
                say(*output, matrix.columns, if *start == Start::There { Access::Add } else { Access::Write })
            }
            Step::SampleProduct { left, right, output } => {
                for operand in [left, right] {
                    say(operand.place, operand.strides.end(), Access::Read)?;
                }
                say(*output, left.strides.rows * right.strides.columns, Access::Write)
            }
            Step::Arrange { from, output, total, .. } => {
                say(from.place, from.strides.end(), Access::Read)?;
                say(*output, from.strides.rows * total, Access::Write)
            }
            Step::RowMaximum { from, output } => {
                say(from.place, from.strides.end(), Access::Read)?;
                say(*output, from.strides.rows, Access::Write)
            }
            Step::Loop { kernel, bindings } => {
                let kernel = &self.kernels[*kernel];
                // Loads see what was there before the stores of the row.
                for reads in [true, false] {
                    for instruction in &kernel.instructions {
                        let Some((access, buffer, column, length)) = instruction.access(kernel.lanes) else {
                            continue;
                        };
                        if (access == Access::Read) == reads {
                            let (buffer, time) = bindings[buffer];
                            say(Place { buffer, time, column }, length, access)?;
                        }
                    }
                }
                Ok(())
            }
        }
    }
}
