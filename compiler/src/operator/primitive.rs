//! Tile primitives: how compiled code reaches the transcendental functions.
//!
//! A primitive computes one function over a run of elements. The runtime writes them once for each instruction set and
//! hands compiled code a table of them; this module says what the table holds, and calls it over slices.

use super::Unary;
use super::real::Real;

/// Number of entries of a table.
pub const PRIMITIVES: usize = Unary::PRIMITIVES.len();

/// One function over `length` elements.
pub type PrimitiveFunction<T> = unsafe extern "C" fn(destination: *mut T, source: *const T, length: usize);

/// The primitives of one instruction set, in the order of [`Unary::PRIMITIVES`].
///
/// Compiled code reads the table as a C array of function pointers.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub struct PrimitiveTable<T>([PrimitiveFunction<T>; PRIMITIVES]);

impl<T: Real> PrimitiveTable<T> {
    /// Takes one function for each entry of [`Unary::PRIMITIVES`].
    ///
    /// # Safety
    ///
    /// Called with `length` elements readable at `source` and writable at `destination`, each function must
    ///
    /// - write exactly those elements, and touch no memory other than both runs and its own stack and constants;
    /// - work on pointers aligned for `T` only, of any `length`, zero included;
    /// - need no instruction that this machine lacks;
    /// - return: no panic or other unwinding passes through compiled code;
    /// - allow `source == destination`, and make no references to the runs: where they overlap in any other way, the
    ///   values written are unspecified, but nothing else happens.
    ///
    /// Further, not for soundness but for the meaning: element `i` written is the scalar definition
    /// ([`Real::transcendental`]) of element `i` read, bit for bit but for the payload of NaN.
    pub const unsafe fn new(functions: [PrimitiveFunction<T>; PRIMITIVES]) -> Self {
        Self(functions)
    }

    /// The functions, in the order of [`Unary::PRIMITIVES`].
    #[must_use]
    pub const fn functions(&self) -> &[PrimitiveFunction<T>; PRIMITIVES] {
        &self.0
    }

    /// Applies `function` to every number, in place. False, and nothing done, if it is no primitive.
    #[must_use]
    pub fn apply_in_place(&self, function: Unary, values: &mut [T]) -> bool {
        let Some(primitive) = function.primitive_index().and_then(|index| self.0.get(index)) else {
            return false;
        };
        // SAFETY: source and destination are the whole of one slice that is borrowed mutably; the rest is the promise
        // of `new`.
        unsafe { primitive(values.as_mut_ptr(), values.as_ptr(), values.len()) };
        true
    }

    /// Applies `function` to every number of `source`. False, and nothing done, if it is no primitive or the lengths
    /// differ.
    #[must_use]
    pub fn apply(&self, function: Unary, destination: &mut [T], source: &[T]) -> bool {
        let Some(primitive) = function.primitive_index().and_then(|index| self.0.get(index)) else {
            return false;
        };
        if destination.len() != source.len() {
            return false;
        }
        // SAFETY: both slices have this length and cannot overlap, one being borrowed mutably; the rest is the promise
        // of `new`.
        unsafe { primitive(destination.as_mut_ptr(), source.as_ptr(), source.len()) };
        true
    }
}
