//! Parameters by name: parts of a flat buffer, as the typed views of `cell!` hold them.
//!
//! [`Parts`] and [`PartsMut`] cut a flat buffer into its parts, in the order of the layout, and check on the way that
//! the layout is the one the view was made for.

use super::{ParameterEntry, ParameterLayout};

/// Why a buffer cannot be viewed by these names.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ViewError {
    /// The buffer has not as many elements as the layout.
    #[error("the parameters have {expected} elements, the buffer has {found}")]
    Length {
        /// Elements of the layout.
        expected: usize,
        /// Elements of the buffer.
        found: usize,
    },
    /// The cell is another one: its next parameter is not the one this view has.
    #[error("the view has `{expected}` where the cell has {}", found.as_ref().map_or("no further parameter".to_owned(), |name| format!("`{name}`")))]
    Name {
        /// The parameter of the view.
        expected: String,
        /// The parameter of the cell.
        found: Option<String>,
    },
    /// The cell has parameters that this view does not.
    #[error("the cell has a parameter `{name}` that the view does not")]
    Further {
        /// The first of them.
        name: String,
    },
    /// A parameter with another number of axes.
    #[error("`{name}` is viewed with {expected} axes and has the shape {shape:?}")]
    Axes {
        /// Which parameter.
        name: String,
        /// Axes of the view: none for a scalar, one for a vector, two for a matrix.
        expected: usize,
        /// Its shape in the cell.
        shape: Vec<usize>,
    },
}

/// A matrix within a flat buffer, row-major.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MatrixView<'a, T> {
    rows: usize,
    columns: usize,
    elements: &'a [T],
}

impl<'a, T> MatrixView<'a, T> {
    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// All elements, row by row.
    #[must_use]
    pub fn elements(&self) -> &'a [T] {
        self.elements
    }

    /// One row; `None` beyond the last.
    #[must_use]
    pub fn row(&self, row: usize) -> Option<&'a [T]> {
        self.elements.get(row_range(row, self.rows, self.columns)?)
    }

    /// One element; `None` outside.
    #[must_use]
    pub fn get(&self, row: usize, column: usize) -> Option<&'a T> {
        self.row(row)?.get(column)
    }
}

/// A matrix within a flat buffer, row-major, to be changed.
#[derive(Debug, PartialEq, Eq)]
pub struct MatrixViewMut<'a, T> {
    rows: usize,
    columns: usize,
    elements: &'a mut [T],
}

impl<T> MatrixViewMut<'_, T> {
    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// All elements, row by row.
    #[must_use]
    pub fn elements(&mut self) -> &mut [T] {
        self.elements
    }

    /// One row; `None` beyond the last.
    #[must_use]
    pub fn row(&mut self, row: usize) -> Option<&mut [T]> {
        self.elements.get_mut(row_range(row, self.rows, self.columns)?)
    }

    /// One element; `None` outside.
    #[must_use]
    pub fn get(&mut self, row: usize, column: usize) -> Option<&mut T> {
        self.row(row)?.get_mut(column)
    }

    /// The same matrix, to be read.
    #[must_use]
    pub fn as_view(&self) -> MatrixView<'_, T> {
        MatrixView { rows: self.rows, columns: self.columns, elements: self.elements }
    }
}

fn row_range(row: usize, rows: usize, columns: usize) -> Option<std::ops::Range<usize>> {
    // A matrix without columns has empty rows, but no more than it has.
    let start = (row < rows).then_some(row)?.checked_mul(columns)?;
    Some(start..start.checked_add(columns)?)
}

/// The next entry, which must have this name and number of axes.
fn next<'l>(
    entries: &mut std::slice::Iter<'l, ParameterEntry>,
    name: &str,
    axes: usize,
) -> Result<&'l ParameterEntry, ViewError> {
    let found = entries.next();
    let Some(entry) = found.filter(|entry| entry.name == name) else {
        let found = found.map(|entry| entry.name.clone());
        return Err(ViewError::Name { expected: name.to_owned(), found });
    };
    if entry.shape.len() != axes {
        let shape = entry.shape.clone();
        return Err(ViewError::Axes { name: name.to_owned(), expected: axes, shape });
    }
    Ok(entry)
}

fn check_finished(entries: &mut std::slice::Iter<'_, ParameterEntry>) -> Result<(), ViewError> {
    entries.next().map_or(Ok(()), |entry| Err(ViewError::Further { name: entry.name.clone() }))
}

/// Makes the type that cuts a flat buffer: once for shared, once for exclusive slices.
macro_rules! parts {
    ($(#[$document:meta])* $parts:ident, $matrix:ident, $split:ident, $first:ident, $($exclusive:tt)?) => {
        $(#[$document])*
        #[derive(Debug)]
        pub struct $parts<'l, 'a, T> {
            entries: std::slice::Iter<'l, ParameterEntry>,
            rest: &'a $($exclusive)? [T],
        }

        impl<'l, 'a, T> $parts<'l, 'a, T> {
            /// Nothing is cut off yet.
            ///
            /// # Errors
            ///
            /// [`ViewError::Length`].
            pub fn new(layout: &'l ParameterLayout, parameters: &'a $($exclusive)? [T]) -> Result<Self, ViewError> {
                let (expected, found) = (layout.length(), parameters.len());
                if expected != found {
                    return Err(ViewError::Length { expected, found });
                }
                Ok(Self { entries: layout.entries().iter(), rest: parameters })
            }

            fn part(&mut self, name: &str, axes: usize) -> Result<(&'l [usize], &'a $($exclusive)? [T]), ViewError> {
                let entry = next(&mut self.entries, name, axes)?;
                let (expected, found) = (entry.length(), self.rest.len());
                let (part, rest) = std::mem::take(&mut self.rest)
                    .$split(expected)
                    .ok_or(ViewError::Length { expected, found })?;
                self.rest = rest;
                Ok((&entry.shape, part))
            }

            /// The next parameter, a matrix of this name.
            ///
            /// # Errors
            ///
            /// [`ViewError::Name`] and [`ViewError::Axes`] where the next parameter is another.
            pub fn matrix(&mut self, name: &str) -> Result<$matrix<'a, T>, ViewError> {
                let (shape, elements) = self.part(name, 2)?;
                let (rows, columns) = (shape.first().copied(), shape.get(1).copied());
                Ok($matrix { rows: rows.unwrap_or(0), columns: columns.unwrap_or(0), elements })
            }

            /// The next parameter, a vector of this name.
            ///
            /// # Errors
            ///
            /// As [`Self::matrix`].
            pub fn vector(&mut self, name: &str) -> Result<&'a $($exclusive)? [T], ViewError> {
                Ok(self.part(name, 1)?.1)
            }

            /// The next parameter, a scalar of this name.
            ///
            /// # Errors
            ///
            /// As [`Self::matrix`].
            pub fn scalar(&mut self, name: &str) -> Result<&'a $($exclusive)? T, ViewError> {
                self.part(name, 0)?.1.$first().ok_or(ViewError::Length { expected: 1, found: 0 })
            }

            /// Nothing may be left.
            ///
            /// # Errors
            ///
            /// [`ViewError::Further`].
            pub fn finish(mut self) -> Result<(), ViewError> {
                check_finished(&mut self.entries)
            }
        }
    };
}

parts! {
    /// A flat buffer that is cut into the parameters of a layout, one after the other.
    Parts, MatrixView, split_at_checked, first,
}

parts! {
    /// As [`Parts`], for parameters that are to be changed.
    PartsMut, MatrixViewMut, split_at_mut_checked, first_mut, mut
}
