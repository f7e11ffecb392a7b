//! A small generator of random numbers, the same on every machine.
//!
//! SplitMix64 of Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (OOPSLA 2014): the k-th number
//! is a mix of `seed + k * gamma`. It is no generator for cryptography.

/// A stream of random numbers, fixed by its seed and its name.
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
}

/// The golden ratio times 2^64, made odd.
const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

impl Random {
    /// The stream of this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { state: mix(seed) }
    }

    /// The stream of this seed and name: streams of different names do not touch each other, so that one more
    /// parameter changes the initial values of no other.
    #[must_use]
    pub fn named(seed: u64, name: &str) -> Self {
        Self { state: mix(mix(seed) ^ fingerprint(name)) }
    }

    /// The stream of this seed and these numbers.
    #[must_use]
    pub fn numbered<const N: usize>(seed: u64, numbers: [u64; N]) -> Self {
        Self {
            state: numbers
                .into_iter()
                .fold(mix(seed), |state, number| mix(state ^ mix(number.wrapping_add(GAMMA)))),
        }
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GAMMA);
        mix(self.state)
    }

    /// Uniform in `[0, 1)`, a multiple of 2^-53.
    pub fn unit(&mut self) -> f64 {
        #[allow(clippy::cast_precision_loss, reason = "53 bits fit the significand")]
        let numerator = (self.bits() >> 11) as f64;
        numerator * (1.0 / 9_007_199_254_740_992.0)
    }

    /// Uniform in `[low, high)`.
    pub fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Normal with mean 0 and variance 1, by the polar method of Marsaglia.
    pub fn normal(&mut self) -> f64 {
        loop {
            let (u, v) = (self.uniform(-1.0, 1.0), self.uniform(-1.0, 1.0));
            let square = u * u + v * v;
            if square > 0.0 && square < 1.0 {
                return u * (-2.0 * square.ln() / square).sqrt();
            }
        }
    }

    /// Uniform in `0 .. bound`; 0 where `bound` is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        // The high half of a 128-bit product; its bias is below bound / 2^64.
        let product = u128::from(self.bits()) * (bound as u128);
        usize::try_from(product >> 64).unwrap_or(0)
    }

    /// A random order of the elements, by Fisher and Yates.
    pub fn shuffle<T>(&mut self, elements: &mut [T]) {
        for last in (1..elements.len()).rev() {
            elements.swap(last, self.below(last + 1));
        }
    }
}

/// Enough of a text to tell it from another, the same on every machine: FNV-1a over its bytes.
#[must_use]
pub fn fingerprint(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// The finaliser of SplitMix64 (variant 13 of Stafford).
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
