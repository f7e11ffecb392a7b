//! How registers become [`Lanes`].

/// Implements [`Lanes`] and [`Register`] for a register, each operation as an expression of intrinsics over the
/// `operands` named at the top. (Expressions rather than closures, so that they are compiled inside the functions
/// that have the instruction set.)
macro_rules! implement_register {
    (
        $name:ident, $scalar:ident, $bare:ident, $mask_type:ident, $count:literal, $document:literal,
        operands $a:ident $b:ident $c:ident,
        splat $splat:expr, load $load:ident, store $store:ident,
        add $add:expr, subtract $subtract:expr, multiply $multiply:expr, divide $divide:expr,
        multiply_add $multiply_add:expr, at_most $at_most:expr, at_least $at_least:expr,
        less $less:expr, select $select:expr, absolute $absolute:expr, with_sign_of $with_sign_of:expr,
        bits_add $bits_add:expr, bits_subtract $bits_subtract:expr, bits_and $bits_and:expr,
        bits_or $bits_or:expr, up $up:expr, down $down:expr
        $(, load_part $load_part:expr, store_part $store_part:expr)?
    ) => {
        #[doc = $document]
        #[derive(Clone, Copy)]
        #[repr(transparent)]
        pub(crate) struct $name($bare);

        impl Lanes for $name {
            type Scalar = $scalar;
            type Mask = $mask_type;

            #[inline(always)]
            fn splat(self, value: $scalar) -> Self {
                let $a = value;
                // SAFETY: `self` proves the instruction set.
                Self(unsafe { $splat })
            }
            #[inline(always)]
            fn add(self, other: Self) -> Self {
                let ($a, $b) = (self.0, other.0);
                // SAFETY: `self` proves the instruction set.
                Self(unsafe { $add })
            }
            #[inline(always)]
            fn subtract(self, other: Self) -> Self {
                let ($a, $b) = (self.0, other.0);
                // SAFETY: `self` proves the instruction set.
                Self(unsafe { $subtract })
            }
            #[inline(always)]
            fn multiply(self, other: Self) -> Self {
                let ($a, $b) = (self.0, other.0);
                // SAFETY: `self` proves the instruction set.
                Self(unsafe { $multiply })
            }
            #[inline(always)]
            fn divide(self, other: Self) -> Self {
                let ($a, $b) = (self.0, other.0);
                // SAFETY: `self` proves the instruction set.
                Self(unsafe { $divide })
            }
            #[inline(always)]
            fn multiply_add(self, factor: Self, addend: Self) -> Self {
                let ($a, $b, $c) = (self.0, factor.0, addend.0);
                // SAFETY: `self` proves the instruction set.
                Self(unsafe { $multiply_add })
            }
            #[inline(always)]
            fn absolute(self) -> Self {
                let $a = self.0;
                // SAFETY: `self` proves the instruction set.
                Self(unsafe { $absolute })
            }
            #[inline(always)]
            fn with_sign_of(self, sign: Self) -> Self {
                let ($a, $b) = (self.0, sign.0);
                // SAFETY: `self` proves the instruction set.
                Self(unsafe { $with_sign_of })
            }
            #[inline(always)]
            fn less(self, other: Self) -> $mask_type {
                let ($a, $b) = (self.0, other.0);
                // SAFETY: `self` proves the instruction set.
                unsafe { $less }
            }
            #[inline(always)]
            fn select(mask: $mask_type, yes: Self, no: Self) -> Self {
                let ($a, $b, $c) = (mask, yes.0, no.0);
                // SAFETY: `yes` proves the instruction set.
                Self(unsafe { $select })
            }
            #[inline(always)]
            fn at_most(self, limit: Self) -> Self {
                let ($a, $b) = (self.0, limit.0);
                // SAFETY: `self` proves the instruction set.
                Self(unsafe { $at_most })
            }
            #[inline(always)]
            fn at_least(self, limit: Self) -> Self {
                let ($a, $b) = (self.0, limit.0);
                // SAFETY: `self` proves the instruction set.
                Self(unsafe { $at_least })
            }
            #[inline(always)]
            fn bits_add(self, other: Self) -> Self {
                let ($a, $b) = (self.0, other.0);
                // SAFETY: `self` proves the instruction set.
                Self(unsafe { $bits_add })
            }
            #[inline(always)]
            fn bits_subtract(self, other: Self) -> Self {
                let ($a, $b) = (self.0, other.0);
                // SAFETY: `self` proves the instruction set.
                Self(unsafe { $bits_subtract })
            }
            #[inline(always)]
            fn bits_and(self, other: Self) -> Self {
                let ($a, $b) = (self.0, other.0);
                // SAFETY: `self` proves the instruction set.
                Self(unsafe { $bits_and })
            }
            #[inline(always)]
            fn bits_or(self, other: Self) -> Self {
                let ($a, $b) = (self.0, other.0);
                // SAFETY: `self` proves the instruction set.
                Self(unsafe { $bits_or })
            }
            #[inline(always)]
            fn bits_to_exponent(self) -> Self {
                let $a = self.0;
                // SAFETY: `self` proves the instruction set.
                Self(unsafe { $up })
            }
            #[inline(always)]
            fn bits_from_exponent(self) -> Self {
                let $a = self.0;
                // SAFETY: `self` proves the instruction set.
                Self(unsafe { $down })
            }
            #[inline(always)]
            fn each(self, function: fn($scalar) -> $scalar) -> Self {
                let mut lanes = [0.0; $count];
                // SAFETY: the array has the size of the register; `self` proves the instruction set.
                unsafe { $store(lanes.as_mut_ptr(), self.0) };
                for lane in &mut lanes {
                    *lane = function(*lane);
                }
                // SAFETY: as above.
                Self(unsafe { $load(lanes.as_ptr()) })
            }
        }

        // SAFETY: the register is COUNT scalars; its only constructors are `load`, whose caller answers for the
        // instruction set, and methods of `Lanes`, which take a value.
        unsafe impl Register for $name {
            const COUNT: usize = $count;

            #[inline(always)]
            unsafe fn load(source: *const $scalar) -> Self {
                // SAFETY: the caller's promise; the instruction needs no alignment.
                Self(unsafe { $load(source) })
            }
            #[inline(always)]
            unsafe fn store(self, destination: *mut $scalar) {
                // SAFETY: the caller's promise; the instruction needs no alignment.
                unsafe { $store(destination, self.0) }
            }

            $(
                #[inline(always)]
                unsafe fn load_part(source: *const $scalar, count: usize) -> Self {
                    let ($a, $b) = (source, count);
                    // SAFETY: the caller's promise; lanes that the mask leaves out are not read.
                    Self(unsafe { $load_part })
                }
                #[inline(always)]
                unsafe fn store_part(self, destination: *mut $scalar, count: usize) {
                    let ($a, $b, $c) = (destination, count, self.0);
                    // SAFETY: the caller's promise; lanes that the mask leaves out are not written.
                    unsafe { $store_part }
                }
            )?
        }
    };
}

pub(crate) use implement_register;
