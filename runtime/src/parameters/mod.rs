//! Parameters in one flat buffer, with a layout that names its parts.
//!
//! Optimisers, clipping, reduction between machines, files and adapters all take the flat buffer as it is; people take
//! parameters by name.

mod error;
mod file;
mod initialize;
mod layout;
mod random;
mod safetensors;
mod view;

pub use error::{ParameterError, TensorDifference, TensorFileError};
pub use file::{previous, write_atomically, write_keeping_previous};
pub use initialize::Initializer;
pub use layout::{ParameterEntry, ParameterLayout, ParameterRole};
pub use random::{Random, fingerprint};
#[cfg(feature = "files")]
pub(crate) use safetensors::stored_numbers;
pub use safetensors::{
    Conversion, NamedTensor, load, metadata_from_bytes, read_tensors, save, tensors_from_bytes,
    tensors_to_bytes, write_tensors,
};
pub use view::{MatrixView, MatrixViewMut, Parts, PartsMut, ViewError};

use gatewright_compiler::operator::real::Real;

/// The values of all parameters of a cell.
///
/// Invariant: as many values as the layout has elements.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameters<T> {
    layout: ParameterLayout,
    values: Vec<T>,
}

impl<T: Real> Parameters<T> {
    /// All parameters zero.
    ///
    /// # Errors
    ///
    /// [`ParameterError::TooLarge`] where the memory cannot be had.
    pub fn zeros(layout: ParameterLayout) -> Result<Self, ParameterError> {
        let values = filled(layout.length(), T::ZERO)?;
        Ok(Self { layout, values })
    }

    /// These values, in the order of the flat buffer.
    ///
    /// # Errors
    ///
    /// [`ParameterError::Length`] where there are not as many as the layout has elements.
    pub fn from_values(layout: ParameterLayout, values: Vec<T>) -> Result<Self, ParameterError> {
        if values.len() != layout.length() {
            return Err(ParameterError::Length {
                name: String::new(),
                expected: layout.length(),
                found: values.len(),
            });
        }
        Ok(Self { layout, values })
    }

    /// Which parameter lies where.
    #[must_use]
    pub fn layout(&self) -> &ParameterLayout {
        &self.layout
    }

    /// All values, flat.
    #[must_use]
    pub fn values(&self) -> &[T] {
        &self.values
    }

    /// All values, flat, to be changed.
    #[must_use]
    pub fn values_mut(&mut self) -> &mut [T] {
        &mut self.values
    }

    /// The flat buffer itself.
    #[must_use]
    pub fn into_values(self) -> Vec<T> {
        self.values
    }

    /// One parameter, row-major.
    ///
    /// # Errors
    ///
    /// [`ParameterError::Unknown`] where the cell has no parameter of this name.
    pub fn get(&self, name: &str) -> Result<&[T], ParameterError> {
        let range = self.range(name)?;
        self.values.get(range).ok_or_else(|| unknown(&self.layout, name))
    }

    /// One parameter, row-major, to be changed.
    ///
    /// # Errors
    ///
    /// [`ParameterError::Unknown`] where the cell has no parameter of this name.
    pub fn get_mut(&mut self, name: &str) -> Result<&mut [T], ParameterError> {
        let range = self.range(name)?;
        let Self { layout, values } = self;
        values.get_mut(range).ok_or_else(|| unknown(layout, name))
    }

    /// Gives one parameter these values, row-major.
    ///
    /// # Errors
    ///
    /// [`ParameterError::Unknown`] and [`ParameterError::Length`]; nothing has changed then.
    pub fn set(&mut self, name: &str, values: &[T]) -> Result<(), ParameterError> {
        let place = self.get_mut(name)?;
        if place.len() != values.len() {
            return Err(ParameterError::Length {
                name: name.to_owned(),
                expected: place.len(),
                found: values.len(),
            });
        }
        place.copy_from_slice(values);
        Ok(())
    }

    fn range(&self, name: &str) -> Result<std::ops::Range<usize>, ParameterError> {
        let entry = self.layout.entry(name).ok_or_else(|| unknown(&self.layout, name))?;
        Ok(entry.offset..entry.offset + entry.length())
    }
}

fn unknown(layout: &ParameterLayout, name: &str) -> ParameterError {
    let known = layout.entries().iter().map(|entry| entry.name.clone()).collect();
    ParameterError::Unknown { name: name.to_owned(), known }
}

/// A vector of one value, or an error where `vec!` would end the process.
fn filled<T: Clone>(length: usize, value: T) -> Result<Vec<T>, ParameterError> {
    let mut values = Vec::new();
    values.try_reserve_exact(length).map_err(|_| ParameterError::TooLarge { elements: length })?;
    values.resize(length, value);
    Ok(values)
}

#[cfg(test)]
mod tests;
