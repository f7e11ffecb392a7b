//! Products over all rows of a chunk, made ready once for each length that chunks have.
//!
//! A piece has chunks of one length, and a last one that may be shorter. So of each product two are kept, one for each.
//! Which it was made for is looked at before it is run, so nothing is forgotten when another piece comes or the arena is
//! laid anew: a product over other rows takes the place of the one before.

use super::compiled::internal;
use crate::error::CallError;
use crate::matmul::{Element, Packed, Product, Rows};

/// Products with deeper sums are not kept: a kernel takes so long that what it takes to find it is nothing.
const DEEPEST: usize = 256;

/// The products of a block, by matrix, over whole chunks and over shorter ones.
#[derive(Debug)]
pub(super) struct ChunkProducts<T> {
    products: Vec<[Option<Product<T>>; 2]>,
    /// How often one was made, for tests.
    #[cfg(test)]
    pub(super) made: usize,
}

impl<T> Default for ChunkProducts<T> {
    fn default() -> Self {
        Self {
            products: Vec::new(),
            #[cfg(test)]
            made: 0,
        }
    }
}

impl<T: Element> ChunkProducts<T> {
    /// The product over these rows of a `whole` chunk, or of a shorter one, by the matrix with a number; `None` where it is
    /// not worth keeping.
    #[inline]
    pub(super) fn of(
        &mut self,
        (matrix, right): (usize, Packed<'_, T>),
        rows: Rows,
        whole: bool,
    ) -> Result<Option<&Product<T>>, CallError> {
        if right.rows() > DEEPEST {
            return Ok(None);
        }
        if self.products.len() <= matrix {
            self.products.resize_with(matrix + 1, Default::default);
        }
        let Some(known) = self.products.get_mut(matrix) else { return Ok(None) };
        let known = &mut known[usize::from(whole)];
        if known.as_ref().is_none_or(|product| !product.is_for(rows, right)) {
            match known {
                Some(product) => product.renew(rows, right).map_err(internal)?,
                None => *known = Some(Product::new(rows, right).map_err(internal)?),
            }
            #[cfg(test)]
            {
                self.made += 1;
            }
        }
        Ok(known.as_ref())
    }
}
