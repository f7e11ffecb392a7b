//! The caller's buffers of a run: asked for with errors, and lent as slices.

use gatewright::Element;

use crate::failure::Failure;

/// Zeros, or an error where `vec!` would end the process.
pub(crate) fn zeros<T: Element>(elements: usize) -> Result<Vec<T>, Failure> {
    let mut zeros = Vec::new();
    zeros.try_reserve_exact(elements).map_err(|_| too_large())?;
    zeros.resize(elements, T::ZERO);
    Ok(zeros)
}

/// One buffer of zeros for each of `sizes`, `rows` rows each.
pub(crate) fn buffers<T: Element>(
    sizes: impl Iterator<Item = usize>,
    rows: usize,
) -> Result<Vec<Vec<T>>, Failure> {
    sizes.map(|size| zeros(size.checked_mul(rows).ok_or_else(too_large)?)).collect()
}

/// Sizes that overflow, or that there is no memory for.
pub(crate) fn too_large() -> Failure {
    Failure::data("the data need more memory than can be had")
}

/// Slices of buffers, as the boundary of a cell takes them.
pub(crate) fn views<T>(buffers: &[Vec<T>]) -> Vec<&[T]> {
    buffers.iter().map(Vec::as_slice).collect()
}

/// Slices of buffers, to be written.
pub(crate) fn views_mut<T>(buffers: &mut [Vec<T>]) -> Vec<&mut [T]> {
    buffers.iter_mut().map(Vec::as_mut_slice).collect()
}
