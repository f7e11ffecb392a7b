//! Products by a packed matrix: what may be asked for, and the checks that make it sound.

use std::marker::PhantomData;
use std::ops::Range;

use super::drive::{LeftOperand, Output, drive};
use super::soon::Soon;
use super::{Element, Error, PackedMatrix, extent};

/// Some columns of a product, and the slice they go to: column `j` of row `i` to
/// `i * row_stride + j - columns.start`.
#[derive(Debug)]
pub struct Segment<'a, T> {
    output: Output<T>,
    length: usize,
    /// The pointer in `output` is to this slice, of `length` numbers.
    slice: PhantomData<&'a mut [T]>,
}

impl<'a, T> Segment<'a, T> {
    /// The `columns` of the packed matrix to `destination`, its rows `row_stride` apart; `accumulate` adds to what is
    /// there.
    #[must_use]
    pub fn new(columns: Range<usize>, destination: &'a mut [T], row_stride: usize, accumulate: bool) -> Self {
        let length = destination.len();
        let destination = destination.as_mut_ptr();
        Self { output: Output { columns, destination, row_stride, accumulate }, length, slice: PhantomData }
    }
}

/// Some columns of a product, and the place in a workspace they go to: column `j` of row `i` to
/// `offset + i * row_stride + j - columns.start`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Columns of the packed matrix.
    pub columns: Range<usize>,
    /// Place of the first number.
    pub offset: usize,
    /// Numbers from one row to the next.
    pub row_stride: usize,
    /// Whether the product is added to what is there.
    pub accumulate: bool,
}

/// The left operand of a product in a workspace.
#[derive(Clone, Copy, Debug)]
pub enum Left<'a, T> {
    /// Numbers outside of the workspace, and the distance from one row to the next.
    Outside(&'a [T], usize),
    /// Numbers of the workspace.
    Within {
        /// Place of the first number.
        offset: usize,
        /// Numbers from one row to the next.
        row_stride: usize,
    },
}

/// `left * right`, the columns of each segment to their slice; columns in no segment are dropped. `left` is `rows`
/// rows of [`PackedMatrix::rows`] numbers, `left_stride` apart.
///
/// # Errors
///
/// [`Error::Segments`] unless the segments ascend without overlap within the columns of `right`;
/// [`Error::TooShort`] or [`Error::RowsOverlap`] where a slice does not fit its shape. Then nothing has been written.
pub fn multiply<T: Element>(
    left: &[T],
    left_stride: usize,
    rows: usize,
    right: &PackedMatrix<T>,
    segments: &mut [Segment<'_, T>],
) -> Result<(), Error> {
    extent(left.len(), rows, right.rows(), left_stride)?;
    check_columns(segments.iter().map(|segment| &segment.output.columns), right.columns())?;
    for Segment { output, length, .. } in segments.iter() {
        extent(*length, rows, output.columns.len(), output.row_stride)?;
    }
    // SAFETY: the conditions of `drive`: `extent` puts the left operand and each output within its slice, and rows of
    // an output apart; `check_columns` has the outputs ascend within the packed matrix; each output's slice is borrowed
    // mutably for the life of its segment, so it shares no number with the others or with `left`.
    unsafe {
        let left = LeftOperand { numbers: left.as_ptr(), stride: left_stride, transposed: false };
        let none = Soon::new(std::ptr::null(), &[]);
        drive(left, rows, right, segments.len(), |index| segments[index].output.clone(), none);
    };
    Ok(())
}

/// As [`multiply`], where destinations, and perhaps the left operand, are places of one workspace. Places may lie
/// between each other's rows. Parts of the workspace that are read `soon` are fetched meanwhile: a hint.
///
/// # Errors
///
/// As [`multiply`], and [`Error::PlacesOverlap`].
pub fn multiply_within<T: Element>(
    workspace: &mut [T],
    left: Left<'_, T>,
    rows: usize,
    right: &PackedMatrix<T>,
    places: &[Place],
    soon: &[Range<usize>],
) -> Result<(), Error> {
    let length = workspace.len();
    check_columns(places.iter().map(|place| &place.columns), right.columns())?;
    for (index, place) in places.iter().enumerate() {
        let width = place.columns.len();
        extent(length.saturating_sub(place.offset), rows, width, place.row_stride)?;
        let area = Area { offset: place.offset, width, row_stride: place.row_stride };
        for other in places.iter().take(index) {
            area.apart(
                Area { offset: other.offset, width: other.columns.len(), row_stride: other.row_stride },
                rows,
            )?;
        }
        if let Left::Within { offset, row_stride } = left {
            area.apart(Area { offset, width: right.rows(), row_stride }, rows)?;
        }
    }
    let base = workspace.as_mut_ptr();
    let (numbers, stride) = match left {
        Left::Outside(numbers, stride) => {
            extent(numbers.len(), rows, right.rows(), stride)?;
            (numbers.as_ptr(), stride)
        }
        Left::Within { offset, row_stride } => {
            extent(length.saturating_sub(offset), rows, right.rows(), row_stride)?;
            // An operand without numbers is never read, and its offset was not checked.
            (base.cast_const().wrapping_add(offset), row_stride)
        }
    };
    let output = |place: &Place| Output {
        columns: place.columns.clone(),
        destination: base.wrapping_add(place.offset),
        row_stride: place.row_stride,
        accumulate: place.accumulate,
    };
    // SAFETY: the conditions of `drive`: `extent` puts the left operand and every output within the workspace or the
    // slice outside, and rows of an output apart; `check_columns` has the outputs ascend within the packed matrix;
    // `Area::apart` shows that outputs share no numbers with each other or with a left operand in the workspace, and
    // the workspace, borrowed mutably, shares none with one outside. All pointers into the workspace are from `base`.
    unsafe {
        let left = LeftOperand { numbers, stride, transposed: false };
        drive(left, rows, right, places.len(), |index| output(&places[index]), Soon::new(base, soon));
    };
    Ok(())
}

/// Checks that columns ascend without overlap within `available`.
#[inline]
fn check_columns<'a>(columns: impl Iterator<Item = &'a Range<usize>>, available: usize) -> Result<(), Error> {
    let mut end = 0;
    for columns in columns {
        if columns.start < end || columns.end < columns.start || columns.end > available {
            return Err(Error::Segments { columns: columns.clone(), available });
        }
        end = columns.end;
    }
    Ok(())
}

/// Rows of `width` numbers in a workspace, checked by [`extent`] to be apart and within.
#[derive(Clone, Copy)]
struct Area {
    offset: usize,
    width: usize,
    row_stride: usize,
}

impl Area {
    /// Checks that `rows` rows of both areas share no numbers: one ends before the other begins, or both have the same
    /// stride and the columns of one lie between those of the other.
    #[inline]
    fn apart(self, other: Self, rows: usize) -> Result<(), Error> {
        if rows == 0 || self.width == 0 || other.width == 0 {
            return Ok(());
        }
        let (first, second) = if self.offset <= other.offset { (self, other) } else { (other, self) };
        let distance = second.offset - first.offset;
        // Saturating: an area that large has failed `extent`, or is about to.
        let span = (rows - 1).saturating_mul(first.row_stride).saturating_add(first.width);
        let between = first.row_stride == second.row_stride && first.row_stride > 0 && {
            let column = distance % first.row_stride;
            column >= first.width && column.saturating_add(second.width) <= first.row_stride
        };
        if distance >= span || between {
            Ok(())
        } else {
            Err(Error::PlacesOverlap { first: first.offset, second: second.offset })
        }
    }
}
