//! Stand-in until the packed kernels land.

use gatewright_compiler::operator::real::Real;

/// Element.
pub trait MatmulElement: Real {}
impl MatmulElement for f32 {}
impl MatmulElement for f64 {}

/// Rows in an arena.
#[derive(Clone, Copy, Debug)]
pub struct Rows {
    pub offset: usize,
    pub stride: usize,
}

/// Packed.
#[derive(Clone, Debug)]
pub struct PackedMatrix<T> {
    rows: usize,
    columns: usize,
    elements: Vec<T>,
}

impl<T: Real> PackedMatrix<T> {
    pub fn zeroed(rows: usize, columns: usize) -> Self {
        Self { rows, columns, elements: vec![T::ZERO; rows * columns] }
    }
    #[allow(clippy::too_many_arguments, reason = "stand-in")]
    pub fn place(&mut self, row: usize, column: usize, source: &[T], rows: usize, columns: usize, stride: usize, transposed: bool) {
        for i in 0..rows {
            for j in 0..columns {
                let (r, c) = if transposed { (row + j, column + i) } else { (row + i, column + j) };
                self.elements[r * self.columns + c] = source[i * stride + j];
            }
        }
    }
}

pub fn multiply<T: Real>(arena: &mut [T], a: Rows, m: usize, b: &PackedMatrix<T>, c: Rows, accumulate: bool) -> Result<(), std::fmt::Error> {
    for i in 0..m {
        for j in 0..b.columns {
            let at = c.offset + i * c.stride + j;
            let mut sum = if accumulate { arena[at] } else { T::ZERO };
            for k in 0..b.rows {
                sum = arena[a.offset + i * a.stride + k].mul_add(b.elements[k * b.columns + j], sum);
            }
            arena[at] = sum;
        }
    }
    Ok(())
}

#[allow(clippy::too_many_arguments, reason = "stand-in")]
pub fn add_outer_products<T: Real>(arena: &[T], left: Rows, m: usize, right: Rows, n: usize, k: usize, total: &mut [T], offset: usize, stride: usize) -> Result<(), std::fmt::Error> {
    for i in 0..m {
        for j in 0..n {
            for r in 0..k {
                let at = offset + i * stride + j;
                total[at] = arena[left.offset + r * left.stride + i].mul_add(arena[right.offset + r * right.stride + j], total[at]);
            }
        }
    }
    Ok(())
}
