//! Whether the slices of a call fit the cell.

use crate::error::CallError;
use crate::sequence::Port;

pub(super) fn count(what: &'static str, found: usize, expected: usize) -> Result<(), CallError> {
    if found == expected { Ok(()) } else { Err(CallError::Count { what, expected, found }) }
}

pub(super) fn length(
    what: &'static str,
    name: &str,
    found: usize,
    expected: Option<usize>,
) -> Result<(), CallError> {
    match expected {
        Some(expected) if expected == found => Ok(()),
        expected => Err(CallError::Length {
            what,
            name: name.to_owned(),
            expected: expected.unwrap_or(usize::MAX),
            found,
        }),
    }
}

/// Checks slices against ports, `rows` rows each; an empty list is allowed where `optional`.
pub(super) fn slices<'s, T: 's>(
    what: &'static str,
    ports: &[Port],
    slices: impl ExactSizeIterator<Item = &'s [T]>,
    rows: Option<usize>,
    optional: bool,
) -> Result<(), CallError> {
    if optional && slices.len() == 0 {
        return Ok(());
    }
    count(what, slices.len(), ports.len())?;
    for (port, slice) in ports.iter().zip(slices) {
        length(what, &port.name, slice.len(), rows.and_then(|rows| rows.checked_mul(port.size)))?;
    }
    Ok(())
}
