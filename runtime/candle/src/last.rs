//! The steps that samples of different length end with.

use candle_core::{Device, Result, Tensor};
use gatewright::sequence::Sequences;

/// Of `[T, B, …]` the `[B, …]` that belong to the steps run last; zero for a sample without steps.
pub(crate) fn last_steps(output: &Tensor, sequences: Sequences<'_>) -> Result<Tensor> {
    let (steps, batch) = (output.dim(0)?, output.dim(1)?);
    if steps == 0 {
        return Tensor::zeros(&output.dims()[1..], output.dtype(), &Device::Cpu);
    }
    // Of a sample without steps any step lies past its end: zero, and a gradient that is given there is not read.
    let last: Vec<usize> = (0..batch).map(|sample| sequences.last_step(sample, steps).unwrap_or(0)).collect();
    match last.first() {
        Some(&first) if last.iter().all(|&step| step == first) => output.get(first),
        _ => {
            let rows: Vec<i64> =
                last.iter().enumerate().map(|(sample, step)| (step * batch + sample) as i64).collect();
            output.flatten(0, 1)?.index_select(&Tensor::new(rows, &Device::Cpu)?, 0)
        }
    }
}
