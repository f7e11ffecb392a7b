//! A layer with a way around it: `y_t = f(x)_t + x_t` (He et al. 2016).

use super::{LayerError, Shared, check_fit};
use crate::error::CallError;
use crate::sequence::{Backward, CellLayout, Forward, Keep, SequenceCell, Sequences};
use crate::workspace::Workspace;

/// A layer whose inputs are added to its outputs, one by one.
pub struct Residual<T> {
    layer: Shared<T>,
}

impl<T> Residual<T> {
    /// A way around this layer.
    ///
    /// # Errors
    ///
    /// A layer whose outputs are not as many and as large as its inputs.
    pub fn new(layer: Shared<T>) -> Result<Self, LayerError> {
        let CellLayout { inputs, outputs, .. } = layer.layout();
        check_fit("the layer", outputs, "its residual sum", inputs)?;
        Ok(Self { layer })
    }
}

impl<T> SequenceCell<T> for Residual<T>
where
    T: Copy + std::ops::Add<Output = T> + Default + Send + Sync,
{
    fn layout(&self) -> &CellLayout {
        self.layer.layout()
    }

    fn is_causal(&self) -> bool {
        self.layer.is_causal()
    }

    fn forward(
        &self,
        mut call: Forward<'_, '_, T>,
        keep: Keep,
        workspace: &mut Workspace<T>,
    ) -> Result<(), CallError> {
        let (batch, sequences) = (call.batch, call.sequences);
        let (_, parts) = workspace.begin(&call, keep, (0, 0), 1)?;
        let inputs = call.inputs;
        self.layer.forward(call.reborrow(), keep, &mut parts[0])?;
        for ((output, input), port) in call.outputs.iter_mut().zip(inputs).zip(&self.layout().outputs) {
            add_valid(output, input, batch, port.size, sequences);
        }
        workspace.end(keep);
        Ok(())
    }

    fn backward(&self, mut call: Backward<'_, '_, T>, workspace: &mut Workspace<T>) -> Result<(), CallError> {
        let (_, batch) = workspace.ran().ok_or(CallError::NoTape)?;
        let outputs = call.output_gradients;
        let (_, parts) = workspace.again(0, 1)?;
        self.layer.backward(call.reborrow(), &mut parts[0])?;
        let sequences = Sequences { lengths: workspace.lengths(), ..Sequences::default() };
        for ((gradient, output), port) in
            call.input_gradients.iter_mut().zip(outputs).zip(&self.layout().inputs)
        {
            add_valid(gradient, output, batch, port.size, sequences);
        }
        Ok(())
    }
}

/// `sum[t, b] += addend[t, b]` for the steps that sample `b` has; what lies past its end is not read.
fn add_valid<T: Copy + std::ops::Add<Output = T>>(
    sum: &mut [T],
    addend: &[T],
    batch: usize,
    size: usize,
    sequences: Sequences<'_>,
) {
    if size == 0 || batch == 0 {
        return;
    }
    for (row, (sum, addend)) in sum.chunks_exact_mut(size).zip(addend.chunks_exact(size)).enumerate() {
        if sequences.has_step(row / batch, row % batch) {
            sum.iter_mut().zip(addend).for_each(|(sum, &addend)| *sum = *sum + addend);
        }
    }
}
