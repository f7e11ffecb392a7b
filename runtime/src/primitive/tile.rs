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

    /// Reads the first `count` scalars, at least one and fewer than `COUNT`; what the other lanes have is not said.
    ///
    /// # Safety
    ///
    /// So many scalars are readable, and the processor has the instruction set of the type.
    #[inline(always)]
    unsafe fn load_part(source: *const Self::Scalar, count: usize) -> Self {
        let mut buffer = [Self::Scalar::default(); 16];
        // SAFETY: count < COUNT <= 16, the length of the buffer, which is a local; the rest is the caller's promise.
        unsafe {
            std::ptr::copy_nonoverlapping(source, buffer.as_mut_ptr(), count);
            Self::load(buffer.as_ptr())
        }
    }

    /// Writes the first `count` scalars, at least one and fewer than `COUNT`.
    ///
    /// # Safety
    ///
    /// So many scalars are writable.
    #[inline(always)]
    unsafe fn store_part(self, destination: *mut Self::Scalar, count: usize) {
        let mut buffer = [Self::Scalar::default(); 16];
        // SAFETY: as above.
        unsafe {
            self.store(buffer.as_mut_ptr());
            std::ptr::copy_nonoverlapping(buffer.as_ptr(), destination, count);
        }
    }
}

#[cfg(feature = "jit")]
/// `for i in 0..length { destination[i] = function(source[i]) }`: whole registers, then part of one, so that the last
/// elements go through the same instructions.
///
/// # Safety
///
/// `source` is readable and `destination` writable for `length` scalars; where they overlap without being equal, what is written is
/// unspecified. The processor has the instruction set of `R`.
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
        // SAFETY: length - whole < COUNT scalars are left of the caller's extent; the read precedes the write.
        unsafe {
            function(R::load_part(source.add(whole), length - whole))
                .store_part(destination.add(whole), length - whole);
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
