//! Matrix products, row-major.
//!
//! Four kinds. [`multiply`] and [`Product`] take a right-hand side that was packed before ([`PackedMatrix`]): weights are
//! constant over all steps of a sequence, so they are packed once per call and the kernels stream them in the order they
//! read them. What is multiplied at every step is a [`Product`], which knows its kernels. [`PackedRows`] sums outer
//! products, the gradients by weights: rows of a sequence are read where they lie, or packed as they come, and
//! serve every product that they are the right-hand side of. [`general`] takes anything strided, through `matrixmultiply`: for what is neither.
//! `sample` is for matrices that each sample has its own of at each step.
//!
//! # What a result depends on
//!
//! A number of a packed product is one chain of fused multiply-adds over `k` from 0 up, that starts at zero, at what is
//! there, or at a number of a row that all rows share ([`Start`]). By a matrix of one block of columns or two, up to 128 bytes,
//! it is two chains, of even and of odd `k`, the first of which starts so, and their sum. So it depends on its row and its
//! column only, and on how wide the matrix is: not on how rows are blocked, how many there are, nor on the level, but that
//! [`Level::Portable`] rounds twice at each step. Outer products are one chain always.

mod drive;
mod element;
mod gather;
mod general;
mod kernel;
mod multiply;
mod outer;
mod packed;
mod portable;
mod sample;
mod soon;
#[cfg(test)]
mod tests;
mod walk;

pub use element::Element;
pub use gather::{PackedRows, add_outer_products};
pub use general::{Matrix, MatrixMut, general};
pub use multiply::{Product, Rows, Start, multiply};
pub use packed::{Packed, PackedMatrix};
pub(crate) use packed::{PackedMut, PackedSets, PackedViews};
pub(crate) use sample::{SampleOperand, SampleResult, arrange, row_maximum, sample_product};
#[cfg(test)]
pub(crate) use soon::asked::lines_of as lines_asked_for;
pub(crate) use soon::fetch_all;
pub use soon::{Lines, Soon};

use crate::primitive::Level;

/// Why a product was not computed. Nothing has been written then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A matrix of so many numbers cannot be addressed.
    #[error("a packed matrix of {rows} rows and {columns} columns is too large")]
    TooLarge {
        /// Its rows.
        rows: usize,
        /// Its columns.
        columns: usize,
    },
    /// This machine cannot run the level asked for.
    #[error("this machine cannot run kernels for {level:?}")]
    Unavailable {
        /// The level.
        level: Level,
    },
    /// A block does not fit where it is placed.
    #[error("a block of {rows} rows and {columns} columns does not fit at row {row}, column {column}")]
    OutOfPlace {
        /// First row of the place.
        row: usize,
        /// First column of the place.
        column: usize,
        /// Rows of the block as placed.
        rows: usize,
        /// Columns of the block as placed.
        columns: usize,
    },
    /// A slice has fewer numbers than its shape needs.
    #[error(
        "{rows} rows of {columns} numbers, {row_stride} apart, need more than the {length} numbers there are"
    )]
    TooShort {
        /// Numbers there are.
        length: usize,
        /// Rows of the shape.
        rows: usize,
        /// Columns of the shape.
        columns: usize,
        /// Numbers from one row to the next.
        row_stride: usize,
    },
    /// The stride of a matrix is smaller than its rows are long.
    #[error("rows of {columns} numbers overlap when they are {row_stride} apart")]
    RowsOverlap {
        /// Columns of the shape.
        columns: usize,
        /// Numbers from one row to the next.
        row_stride: usize,
    },
    /// Numbers of a row that do not lie next to each other, where kernels read row by row.
    #[error("the numbers of a row are {column_stride} apart, where they have to lie next to each other")]
    RowsScattered {
        /// Numbers from one column to the next.
        column_stride: usize,
    },
    /// A product that was made for a matrix of another shape or level.
    #[error("a product was made for another matrix than one of {rows} rows and {columns} columns")]
    OtherMatrix {
        /// Rows of the matrix it was given.
        rows: usize,
        /// Its columns.
        columns: usize,
    },
    /// A product that was not bound to a step.
    #[error("the product was bound to other steps than step {step}")]
    Unbound {
        /// The step.
        step: usize,
    },
    /// Two places of one workspace share numbers.
    #[error("the places at {first} and {second} of the workspace overlap")]
    PlacesOverlap {
        /// Offset of one place.
        first: usize,
        /// Offset of the other place.
        second: usize,
    },
    /// Operands of a general product do not fit together.
    #[error("a product of {left:?} and {right:?} is not {result:?}")]
    Shapes {
        /// Rows and columns of the left operand.
        left: (usize, usize),
        /// Rows and columns of the right operand.
        right: (usize, usize),
        /// Rows and columns of the result.
        result: (usize, usize),
    },
}

/// Checks that `rows` rows of `columns` numbers, `row_stride` apart, lie within `length` numbers and apart from each
/// other; gives the number just past the last.
#[inline]
fn extent(length: usize, rows: usize, columns: usize, row_stride: usize) -> Result<usize, Error> {
    if rows == 0 || columns == 0 {
        return Ok(0);
    }
    if rows > 1 && row_stride < columns {
        return Err(Error::RowsOverlap { columns, row_stride });
    }
    (rows - 1)
        .checked_mul(row_stride)
        .and_then(|last| last.checked_add(columns))
        .filter(|end| *end <= length)
        .ok_or(Error::TooShort { length, rows, columns, row_stride })
}
