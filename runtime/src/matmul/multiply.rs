//! Products by a packed matrix within a workspace: what may be asked for, and the checks that make it sound.

use super::drive::{Call, Operands, drive, nest, nothing};
use super::soon::Soon;
use super::{Element, Error, Packed, extent};
use crate::primitive::Level;

/// How the rows of a product lie in a workspace, wherever it is done: `result[i] = left[i] * right` for each row `i`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// How many.
    pub count: usize,
    /// Numbers from one row of the left operand to the next.
    pub left_stride: usize,
    /// Numbers from one row of the result to the next.
    pub result_stride: usize,
    /// Whether the product is added to what is there.
    pub accumulate: bool,
}

/// `left * right` to the result, both `rows` of a workspace that begin at the places given; they may lie between each
/// other. What is read `soon` is fetched meanwhile, as much as there is time for: a hint.
///
/// # Errors
///
/// [`Error::TooShort`] or [`Error::RowsOverlap`] where rows do not fit the workspace, [`Error::PlacesOverlap`] where the
/// result shares numbers with the left operand. Then nothing has been written.
pub fn multiply<T: Element>(
    workspace: &mut [T],
    rows: Rows,
    (left, result): (usize, usize),
    right: Packed<'_, T>,
    soon: &mut Soon,
) -> Result<(), Error> {
    let spans = Spans::new(rows, right.rows(), right.columns(), workspace.len())?;
    spans.check(workspace.len(), left, result)?;
    let operands = operands(workspace, rows, left, result);
    // SAFETY: the conditions of `drive`, which `Spans` is made and checked for.
    unsafe { drive(operands, false, rows.count, right, soon) };
    Ok(())
}

/// A product that is done again and again with the same rows and the same packed matrix, each time elsewhere in a
/// workspace: a step of a sequence. Which kernels run on which part is found out once.
#[derive(Clone, Debug)]
pub struct Product<T> {
    rows: Rows,
    /// Rows, columns and level of the packed matrix.
    shape: (usize, usize, Level),
    spans: Spans,
    calls: Vec<Call<T>>,
}

impl<T: Element> Product<T> {
    /// A product of so many rows by a matrix of the shape and level of `right`.
    ///
    /// # Errors
    ///
    /// [`Error::TooShort`] where no workspace is long enough, [`Error::RowsOverlap`].
    pub fn new(rows: Rows, right: Packed<'_, T>) -> Result<Self, Error> {
        let mut product = Self { rows, shape: shape(right), spans: Spans::default(), calls: Vec::new() };
        product.renew(rows, right)?;
        Ok(product)
    }

    /// Makes this another product, in the same memory.
    ///
    /// # Errors
    ///
    /// As [`Product::new`]; it is the product that it was, then.
    pub fn renew(&mut self, rows: Rows, right: Packed<'_, T>) -> Result<(), Error> {
        let most = isize::MAX.unsigned_abs() / size_of::<T>();
        self.spans = Spans::new(rows, right.rows(), right.columns(), most)?;
        (self.rows, self.shape) = (rows, shape(right));
        self.calls.clear();
        if right.rows() > 0 {
            let strides = (rows.left_stride, rows.result_stride);
            nest(right, rows.count, strides, false, |call| self.calls.push(call));
        }
        Ok(())
    }

    /// As [`multiply`].
    ///
    /// # Errors
    ///
    /// As [`multiply`], and [`Error::OtherMatrix`] for one of another shape or level. Then nothing has been written.
    #[inline]
    pub fn run(
        &self,
        workspace: &mut [T],
        (left, result): (usize, usize),
        right: Packed<'_, T>,
        soon: &mut Soon,
    ) -> Result<(), Error> {
        if self.shape != shape(right) {
            return Err(Error::OtherMatrix { rows: right.rows(), columns: right.columns() });
        }
        self.spans.check(workspace.len(), left, result)?;
        let operands = operands(workspace, self.rows, left, result);
        if right.rows() == 0 {
            // SAFETY: as below.
            unsafe { nothing(operands, self.rows.count, right.columns()) };
        }
        // A product of one row is as short as asking.
        let several = self.rows.count > 1;
        for (index, call) in self.calls.iter().enumerate() {
            if let Some(next) = self.calls.get(index + 1).filter(|_| several) {
                next.fetch_result(operands);
            }
            // SAFETY: `nest` has said the call for these rows, and a matrix of the shape and level of `right`. The operands
            // are valid as `drive` has it, which `self.spans` was made and is checked for.
            unsafe { call.run(operands, right, soon) };
        }
        Ok(())
    }
}

fn shape<T: Element>(right: Packed<'_, T>) -> (usize, usize, Level) {
    (right.rows(), right.columns(), right.level())
}

/// The operands of a product that begin at places of a workspace, which were checked.
#[inline]
fn operands<T>(workspace: &mut [T], rows: Rows, left: usize, result: usize) -> Operands<T> {
    let base = workspace.as_mut_ptr();
    Operands {
        // A place without numbers was not checked, and is never read or written.
        left: base.cast_const().wrapping_add(left),
        left_stride: rows.left_stride,
        result: base.wrapping_add(result),
        result_stride: rows.result_stride,
        accumulate: rows.accumulate,
    }
}

/// How far the rows of both operands reach, wherever they begin. The rows of each are apart.
#[derive(Clone, Copy, Debug, Default)]
struct Spans {
    left: Span,
    result: Span,
    rows: usize,
}

/// Rows of one operand.
#[derive(Clone, Copy, Debug, Default)]
struct Span {
    /// Numbers of a row.
    width: usize,
    stride: usize,
    /// From the first number of the first row to behind the last one of the last row; 0 where there are none.
    length: usize,
}

impl Span {
    fn new(rows: usize, width: usize, stride: usize, most: usize) -> Result<Self, Error> {
        Ok(Self { width, stride, length: extent(most, rows, width, stride)? })
    }

    /// Checks that the rows that begin at a place lie within so many numbers.
    #[inline]
    fn within(self, length: usize, place: usize, rows: usize) -> Result<(), Error> {
        if self.length == 0 || place.checked_add(self.length).is_some_and(|end| end <= length) {
            return Ok(());
        }
        let (columns, row_stride) = (self.width, self.stride);
        Err(Error::TooShort { length: length.saturating_sub(place), rows, columns, row_stride })
    }
}

impl Spans {
    /// Of a product by a matrix of `depth` rows and so many columns, in a workspace of `most` numbers or fewer.
    fn new(rows: Rows, depth: usize, columns: usize, most: usize) -> Result<Self, Error> {
        let left = Span::new(rows.count, depth, rows.left_stride, most)?;
        let result = Span::new(rows.count, columns, rows.result_stride, most)?;
        Ok(Self { left, result, rows: rows.count })
    }

    /// What [`drive`] asks of operands that begin at these places of a workspace of `length` numbers: both lie within it,
    /// and the result shares no number with the left operand. One ends before the other begins, or both have the same
    /// stride and the columns of one lie between those of the other.
    #[inline]
    fn check(&self, length: usize, left: usize, result: usize) -> Result<(), Error> {
        self.left.within(length, left, self.rows)?;
        self.result.within(length, result, self.rows)?;
        let (first, second, distance) = if left <= result {
            (self.left, self.result, result - left)
        } else {
            (self.result, self.left, left - result)
        };
        if distance >= first.length || second.length == 0 {
            return Ok(());
        }
        let between = first.stride == second.stride && first.stride > 0 && {
            let column = distance % first.stride;
            column >= first.width && column + second.width <= first.stride
        };
        if between {
            Ok(())
        } else {
            Err(Error::PlacesOverlap { first: left.min(result), second: left.max(result) })
        }
    }
}
