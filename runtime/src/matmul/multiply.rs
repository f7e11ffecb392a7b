//! Products by a packed matrix within a workspace: what may be asked for, and the checks that make it sound.

use super::drive::{Call, Operands, Strides, drive, is_far, nest, nothing};
use super::soon::Soon;
use super::{Element, Error, Packed, extent};
use crate::primitive::Level;
use gatewright_compiler::plan::{Moment, Steps, Track};

/// How the rows of a product lie in a workspace, wherever it is done: `result[i] = start[i] + left[i] * right` for each row
/// `i`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// How many.
    pub count: usize,
    /// Numbers from one row of the left operand to the next.
    pub left_stride: usize,
    /// Numbers from one row of the result to the next.
    pub result_stride: usize,
    /// What its sums start at.
    pub start: Start,
}

/// What the sums of a product start at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// Nothing.
    #[default]
    Zero,
    /// What is there: the product is added to it.
    There,
    /// A row at this place of the workspace, for all rows.
    Row(usize),
}

impl Rows {
    /// Numbers from what one row starts at to what the next one does.
    fn start_stride(&self) -> usize {
        match self.start {
            Start::There => self.result_stride,
            Start::Zero | Start::Row(_) => 0,
        }
    }
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
    let operands = operands(workspace.as_mut_ptr(), rows, left, result);
    // SAFETY: the conditions of `drive`, which `Spans` is made and checked for.
    unsafe { drive(operands, rows.count, right, soon) };
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
    /// Where it is done.
    bound: Bound,
}

/// Where a product is done at each of some steps.
///
/// # Invariant
///
/// At every moment of `steps` both operands, and the row that sums start at, end at most at `length`; where they are `apart`, the
/// result shares no number with the left operand or that row at any of them.
#[derive(Clone, Copy, Debug, Default)]
struct Bound {
    left: Track,
    result: Track,
    steps: Steps,
    length: usize,
    apart: bool,
}

impl<T: Element> Product<T> {
    /// A product of so many rows by a matrix of the shape and level of `right`.
    ///
    /// # Errors
    ///
    /// [`Error::TooShort`] where no workspace is long enough, [`Error::RowsOverlap`].
    pub fn new(rows: Rows, right: Packed<'_, T>) -> Result<Self, Error> {
        let (spans, calls, bound) = (Spans::default(), Vec::new(), Bound::default());
        let mut product = Self { rows, shape: shape(right), spans, calls, bound };
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
        self.bound = Bound::default();
        (self.rows, self.shape) = (rows, shape(right));
        self.calls.clear();
        if right.rows() > 0 {
            let strides =
                Strides { left: rows.left_stride, result: rows.result_stride, start: rows.start_stride() };
            nest(right, rows.count, strides, |call| self.calls.push(call));
        }
        Ok(())
    }

    /// Whether it asks for results before it writes them: those that are in no cache.
    fn asks_for_results(&self) -> bool {
        let Rows { count, result_stride, .. } = self.rows;
        is_far::<T>(count, result_stride) || self.bound.result.has_a_block_for_each_step()
    }

    /// Whether all that is to be checked was found to hold when it was bound.
    #[cfg(test)]
    pub(crate) fn is_checked(&self) -> bool {
        self.bound.apart
    }

    /// Whether it is the product of these rows by a matrix like this one.
    #[must_use]
    pub fn is_for(&self, rows: Rows, right: Packed<'_, T>) -> bool {
        self.rows == rows && self.shape == shape(right)
    }

    /// Says where its operands are at each of some steps, so that little is left to check at each.
    ///
    /// # Errors
    ///
    /// [`Error::TooShort`] where no workspace is long enough.
    pub fn bind(&mut self, (left, result): (Track, Track), steps: Steps) -> Result<(), Error> {
        self.bound = Bound::default();
        let end = |track: Track, span: Span| track.largest(steps)?.checked_add(span.length);
        let (Some(left_end), Some(result_end)) = (end(left, self.spans.left), end(result, self.spans.result))
        else {
            let Span { width: columns, stride: row_stride, .. } = self.spans.result;
            return Err(Error::TooShort { length: usize::MAX, rows: self.rows.count, columns, row_stride });
        };
        let (low, high) = (result.smallest(), result_end);
        let (start, start_end) = self.spans.start.map_or((0, 0), |(row, place)| (place, place + row.length));
        let apart = (left_end <= low || high <= left.smallest()) && (start_end <= low || high <= start);
        let length = start_end.max(left_end).max(result_end);
        self.bound = Bound { left, result, steps, length, apart };
        Ok(())
    }

    /// As [`Product::run`], where it was bound to be at one of its steps.
    ///
    /// # Errors
    ///
    /// As [`Product::run`]; [`Error::Unbound`] for another step.
    #[inline]
    pub fn run_bound(
        &self,
        workspace: &mut [T],
        moment: Moment,
        right: Packed<'_, T>,
        soon: &mut Soon,
    ) -> Result<(), Error> {
        let bound = &self.bound;
        let fits = bound.apart && bound.length <= workspace.len();
        if !fits || !bound.steps.contains(moment) || self.shape != shape(right) {
            return self.run_unbound(workspace, moment, right, soon);
        }
        let places = (bound.left.at(moment), bound.result.at(moment));
        // SAFETY: the matrix has the shape and level of `self`. `moment` is one of the bound steps, so that both operands and the
        // row of the start end at most at `bound.length`, which the workspace has, and the result shares no number with the
        // others: what `Spans::check` would find.
        unsafe { self.run_checked(workspace, places, right, soon) };
        Ok(())
    }

    /// As [`Product::run_bound`], where not all was found out when it was bound.
    #[cold]
    fn run_unbound(
        &self,
        workspace: &mut [T],
        moment: Moment,
        right: Packed<'_, T>,
        soon: &mut Soon,
    ) -> Result<(), Error> {
        let bound = &self.bound;
        if !bound.steps.contains(moment) {
            return Err(Error::Unbound { step: moment.step });
        }
        self.run(workspace, (bound.left.at(moment), bound.result.at(moment)), right, soon)
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
        // SAFETY: the matrix has the shape and level of `self`, and `self.spans` was made and is checked for these rows.
        unsafe { self.run_checked(workspace, (left, result), right, soon) };
        Ok(())
    }

    /// Runs all kernels.
    ///
    /// # Safety
    ///
    /// `right` has the shape and level that `self` was made for, and [`Spans::check`] has nothing against the places in the
    /// workspace.
    #[inline]
    unsafe fn run_checked(
        &self,
        workspace: &mut [T],
        (left, result): (usize, usize),
        right: Packed<'_, T>,
        soon: &mut Soon,
    ) {
        let base = workspace.as_mut_ptr();
        let panels = right.panels().as_ptr();
        if self.rows.count == 1 {
            // SAFETY: the caller's promise.
            unsafe { self.run_row(base, left, result, panels) };
            return;
        }
        let operands = operands(base, self.rows, left, result);
        let mut arguments = operands.arguments(right.rows(), right.level());
        let asks = self.asks_for_results();
        for (index, call) in self.calls.iter().enumerate() {
            if asks && let Some(next) = self.calls.get(index + 1) {
                next.fetch_result(operands);
            }
            arguments.ahead = call.ahead(right, soon);
            // SAFETY: `nest` has said the call for these rows, and a matrix of the shape and level of `right`. The operands
            // are valid as `drive` has it: the caller's promise.
            unsafe { call.run(&operands, panels, &mut arguments) };
        }
        if right.rows() == 0 {
            // SAFETY: as above.
            unsafe { nothing(operands, self.rows.count, right.columns()) };
        }
    }

    /// Runs all kernels of a product of one row. It is as short as asking for anything would be, and its kernels fetch nothing.
    ///
    /// # Safety
    ///
    /// As for [`Product::run_checked`]; `base` is the first number of the workspace, `panels` that of the matrix.
    unsafe fn run_row(&self, base: *mut T, left: usize, result: usize, panels: *const T) {
        let operands = operands(base, self.rows, left, result);
        let (depth, columns, level) = self.shape;
        let mut arguments = operands.arguments(depth, level);
        for call in &self.calls {
            // SAFETY: as in `run_checked`.
            unsafe { call.run(&operands, panels, &mut arguments) };
        }
        if depth == 0 {
            // SAFETY: as above.
            unsafe { nothing(operands, 1, columns) };
        }
    }
}

fn shape<T: Element>(right: Packed<'_, T>) -> (usize, usize, Level) {
    (right.rows(), right.columns(), right.level())
}

/// The operands of a product that begin at places of the workspace at `base`, which were checked.
#[inline]
fn operands<T>(base: *mut T, rows: Rows, left: usize, result: usize) -> Operands<T> {
    Operands {
        // A place without numbers was not checked, and is never read or written.
        left: base.cast_const().wrapping_add(left),
        left_stride: rows.left_stride,
        result: base.wrapping_add(result),
        result_stride: rows.result_stride,
        start: match rows.start {
            Start::Zero => std::ptr::null(),
            Start::There => base.cast_const().wrapping_add(result),
            Start::Row(row) => base.cast_const().wrapping_add(row),
        },
        start_stride: rows.start_stride(),
    }
}

/// How far the rows of both operands reach, wherever they begin. The rows of each are apart.
#[derive(Clone, Copy, Debug, Default)]
struct Spans {
    left: Span,
    result: Span,
    rows: usize,
    /// The row that sums start at, where it has numbers, and its place.
    start: Option<(Span, usize)>,
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
        let start = match rows.start {
            Start::Row(place) if result.length > 0 => {
                let row = Span::new(1, columns, 0, most)?;
                row.within(most, place, 1)?;
                Some((row, place))
            }
            _ => None,
        };
        Ok(Self { left, result, rows: rows.count, start })
    }

    /// What [`drive`] asks of operands that begin at these places of a workspace of `length` numbers: both lie within it, and
    /// so does the row that sums start at; the result shares no number with the left operand or that row. Of both operands,
    /// one ends before the other begins, or both have the same stride and the columns of one lie between those of the other.
    #[inline]
    fn check(&self, length: usize, left: usize, result: usize) -> Result<(), Error> {
        self.left.within(length, left, self.rows)?;
        self.result.within(length, result, self.rows)?;
        if let Some((row, place)) = self.start {
            row.within(length, place, 1)?;
            if place < result + self.result.length && result < place + row.length {
                return Err(Error::PlacesOverlap { first: place.min(result), second: place.max(result) });
            }
        }
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
