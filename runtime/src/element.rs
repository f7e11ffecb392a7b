//! The two precisions that cells run in.

use gatewright_compiler::operator::real::Real;

use crate::matmul::MatmulElement;

#[cfg(feature = "jit")]
use gatewright_compiler::{operator::primitive::PrimitiveTable, plan::kernel::Precision};

/// `f32` or `f64`, with its kernels.
pub trait Element: Real + MatmulElement {
    /// The precision of compiled code.
    #[cfg(feature = "jit")]
    const PRECISION: Precision;

    /// The tile primitives of this machine.
    #[cfg(feature = "jit")]
    fn primitives() -> PrimitiveTable<Self>;
}

macro_rules! element {
    ($t:ty, $precision:ident) => {
        impl Element for $t {
            #[cfg(feature = "jit")]
            const PRECISION: Precision = Precision::$precision;

            #[cfg(feature = "jit")]
            fn primitives() -> PrimitiveTable<Self> {
                crate::primitive::PrimitiveTable::<$t>::best().for_compiled_code()
            }
        }
    };
}

element!(f32, F32);
element!(f64, F64);
