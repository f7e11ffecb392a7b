//! The loop that every tile primitive is, over the registers of one level.

use gatewright_compiler::operator::elementary::Lanes;

/// Registers as [`Lanes`], with the way to fill them.
///
/// # Safety
///
/// `COUNT` is at most 16 and the type is exactly `COUNT` scalars, without padding. Every method of [`Lanes`] may
/// rely on the instruction set of the type: a value of it exists only where that was found, since values come from
/// `load` or from another value.
pub(crate) unsafe trait Register: Lanes {
    /// Number of lanes.
    const COUNT: usize;

    /// Reads `COUNT` scalars.
    ///
    /// # Safety
    ///
    /// The scalars are readable, and the processor has the instruction set of the type.
    unsafe fn load(source: *const Self::Scalar) -> Self;

    /// Writes `COUNT` scalars.
    ///
    /// # Safety
    ///
    /// The scalars are writable.
    unsafe fn store(self, destination: *mut Self::Scalar);
}

#[cfg(feature = "jit")]
/// `for i in 0..length { destination[i] = function(source[i]) }`: whole registers, then the rest through a buffer
/// of one register, so that the last elements go through the same instructions.
///
/// # Safety
///
/// `source` is readable and `destination` writable for `length` scalars; they are equal or do not overlap. The
/// processor has the instruction set of `R`.
#[inline(always)]
pub(crate) unsafe fn run<R: Register>(
    destination: *mut R::Scalar,
    source: *const R::Scalar,
    length: usize,
    function: impl Fn(R) -> R,
) {
    let whole = length - length % R::COUNT;
    let mut start = 0;
    while start < whole {
        // SAFETY: start + COUNT <= whole <= length, the caller's extent; the read precedes the write.
        unsafe { function(R::load(source.add(start))).store(destination.add(start)) };
        start += R::COUNT;
    }
    if whole < length {
        let mut buffer = [R::Scalar::default(); 16];
        // SAFETY: length - whole < COUNT <= 16 = the length of the buffer, which is a local and overlaps nothing;
        // the rest of both slices is within the caller's extent.
        unsafe {
            std::ptr::copy_nonoverlapping(source.add(whole), buffer.as_mut_ptr(), length - whole);
            function(R::load(buffer.as_ptr())).store(buffer.as_mut_ptr());
            std::ptr::copy_nonoverlapping(buffer.as_ptr(), destination.add(whole), length - whole);
        }
    }
}

/// A single number is a register of one lane, on every processor.
macro_rules! implement_scalar {
    ($scalar:ident) => {
        // SAFETY: one scalar is one scalar, and needs no instruction set.
        unsafe impl Register for $scalar {
            const COUNT: usize = 1;

            #[inline(always)]
            unsafe fn load(source: *const $scalar) -> Self {
                // SAFETY: the caller's promise.
                unsafe { source.read() }
            }
            #[inline(always)]
            unsafe fn store(self, destination: *mut $scalar) {
                // SAFETY: the caller's promise.
                unsafe { destination.write(self) }
            }
        }
    };
}

implement_scalar!(f32);
implement_scalar!(f64);
