//! What the integration tests share: random numbers and tolerances.

use gatewright::Element;

/// Numbers in (-1, 1) that look random and are the same everywhere: SplitMix64 (Steele, Lea and Flood, 2014).
#[derive(Clone, Debug)]
pub struct Numbers(u64);

impl Numbers {
    /// A sequence of its own for each seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    #[allow(clippy::should_implement_trait, reason = "an endless sequence is no iterator one would collect")]
    pub fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        (z >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }
}

/// `‖found - expected‖ / ‖expected‖`, in f64; infinite where lengths differ or a NaN stands in only one of them.
#[must_use]
pub fn relative_error<T: Element>(found: &[T], expected: &[T]) -> f64 {
    if found.len() != expected.len() {
        return f64::INFINITY;
    }
    let (mut difference, mut norm) = (0.0_f64, 0.0_f64);
    for (found, expected) in found.iter().zip(expected) {
        let (found, expected) = (found.to_f64(), expected.to_f64());
        if found.is_nan() && expected.is_nan() {
            continue;
        }
        difference += (found - expected).powi(2);
        norm += expected.powi(2);
    }
    if difference.is_nan() {
        f64::INFINITY
    } else if difference == 0.0 {
        0.0
    } else {
        (difference / norm.max(f64::MIN_POSITIVE)).sqrt()
    }
}
