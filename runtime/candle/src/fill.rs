//! Initial values into the variables that candle has made.
//!
//! A `VarBuilder` knows constants and distributions but no orthogonal matrices: the layer lets it make a variable of
//! zeros and overwrites these in place.

use candle_core::{CpuStorage, InplaceOp1, Layout, Result};

use crate::Element;

/// Overwrites a tensor with these values.
pub(crate) struct Fill<'a, T>(pub(crate) &'a [T]);

impl<T: Element> InplaceOp1 for Fill<'_, T> {
    fn name(&self) -> &'static str {
        "fill"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
        let place = layout.contiguous_offsets().filter(|(start, end)| end - start == self.0.len());
        let Some((start, end)) = place else {
            candle_core::bail!("a variable of {} elements is not a contiguous {layout:?}", self.0.len());
        };
        let mut values = T::cpu_storage_as_slice(storage)?.to_vec();
        match values.get_mut(start..end) {
            Some(part) => part.copy_from_slice(self.0),
            None => candle_core::bail!("a variable is shorter than its layout"),
        }
        *storage = T::to_cpu_storage_owned(values);
        Ok(())
    }
}
