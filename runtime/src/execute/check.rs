//! Whether the slices of a call fit the cell.

use crate::error::CallError;
use crate::sequence::{Backward, CellLayout, Forward, Port, Sequences};

/// Checks everything about a forward call but its budget: also of a layer, before it does anything with what it was given.
pub(crate) fn forward<T>(layout: &CellLayout, call: &Forward<'_, '_, T>) -> Result<(), CallError> {
    let (steps, batch) = (call.steps, call.batch);
    let rows = Some(steps.checked_mul(batch).ok_or(CallError::TooLarge { steps, batch })?);
    length("parameters", "", call.parameters.len(), Some(layout.parameters.length()))?;
    slices("input", &layout.inputs, call.inputs.iter().copied(), rows, false)?;
    if !call.initial_states.is_empty() {
        count("initial state", call.initial_states.len(), layout.states.len())?;
    }
    for (port, slice) in layout.states.iter().zip(call.initial_states) {
        if !slice.is_empty() {
            length("initial state", &port.name, slice.len(), batch.checked_mul(port.size))?;
        }
    }
    slices("output", &layout.outputs, call.outputs.iter().map(|slice| &**slice), rows, true)?;
    let finals = call.final_states.iter().map(|slice| &**slice);
    slices("final state", &layout.states, finals, Some(batch), true)?;
    sequences(&call.sequences, (steps, batch))
}

/// Checks which of so many steps of so many samples a call runs.
fn sequences(sequences: &Sequences<'_>, (steps, batch): (usize, usize)) -> Result<(), CallError> {
    let Sequences { lengths, resets, .. } = *sequences;
    if !lengths.is_empty() {
        count("length", lengths.len(), batch)?;
    }
    if let Some((sample, &length)) = lengths.iter().enumerate().find(|&(_, &length)| length > steps) {
        return Err(CallError::Longer { sample, length, steps });
    }
    if resets.is_empty() { Ok(()) } else { length("reset flags", "", resets.len(), steps.checked_mul(batch)) }
}

/// Checks a backward call over a forward run of so many steps and samples.
pub(crate) fn backward<T>(
    layout: &CellLayout,
    call: &Backward<'_, '_, T>,
    (steps, batch): (usize, usize),
) -> Result<(), CallError> {
    let rows = steps.checked_mul(batch);
    length("parameters", "", call.parameters.len(), Some(layout.parameters.length()))?;
    slices("input", &layout.inputs, call.inputs.iter().copied(), rows, false)?;
    let gradients = call.parameter_gradients.len();
    length("parameter gradients", "", gradients, Some(layout.parameters.length()))?;
    slices("output gradient", &layout.outputs, call.output_gradients.iter().copied(), rows, true)?;
    let finals = call.final_state_gradients.iter().copied();
    slices("final state gradient", &layout.states, finals, Some(batch), true)?;
    if !call.input_gradients.is_empty() {
        count("input gradient", call.input_gradients.len(), layout.inputs.len())?;
    }
    for (port, slice) in layout.inputs.iter().zip(&*call.input_gradients) {
        if !slice.is_empty() {
            let expected = rows.and_then(|rows| rows.checked_mul(port.size));
            length("input gradient", &port.name, slice.len(), expected)?;
        }
    }
    let initial = call.initial_state_gradients.iter().map(|slice| &**slice);
    slices("initial state gradient", &layout.states, initial, Some(batch), true)
}

/// Elements of sequences of so many a step, over the steps and samples of a call that was checked.
pub(crate) fn elements<T>(call: &Forward<'_, '_, T>, width: usize) -> Result<usize, CallError> {
    let (steps, batch) = (call.steps, call.batch);
    (steps * batch).checked_mul(width).ok_or(CallError::TooLarge { steps, batch })
}

pub(crate) fn count(what: &'static str, found: usize, expected: usize) -> Result<(), CallError> {
    if found == expected { Ok(()) } else { Err(CallError::Count { what, expected, found }) }
}

pub(crate) fn length(
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
pub(crate) fn slices<'s, T: 's>(
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

#[cfg(test)]
mod tests {
    use super::sequences;
    use crate::error::CallError;
    use crate::sequence::Sequences;

    #[test]
    fn sequences_that_do_not_fit_are_refused() {
        let refused = |given: Sequences<'_>| sequences(&given, (4, 2)).expect_err("refused");
        let count = refused(Sequences { lengths: &[1], ..Sequences::default() });
        assert_eq!(count, CallError::Count { what: "length", expected: 2, found: 1 });
        let longer = refused(Sequences { lengths: &[4, 5], ..Sequences::default() });
        assert_eq!(longer, CallError::Longer { sample: 1, length: 5, steps: 4 });
        let flags = refused(Sequences { resets: &[true; 7], ..Sequences::default() });
        assert!(matches!(flags, CallError::Length { expected: 8, found: 7, .. }), "{flags}");
    }
}
