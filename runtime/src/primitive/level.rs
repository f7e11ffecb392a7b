//! Instruction sets that kernels are written for.

/// An instruction set, from the widest to the one that is always there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// x86-64 with AVX-512F: 16 lanes of f32.
    Avx512,
    /// x86-64 with AVX2 and FMA: 8 lanes of f32.
    Avx2,
    /// 64-bit Arm: 4 lanes of f32.
    Neon,
    /// One number at a time, on any machine.
    Portable,
}

impl Level {
    /// Every level there is, the best first.
    pub const ALL: [Self; 4] = [Self::Avx512, Self::Avx2, Self::Neon, Self::Portable];

    /// Whether this machine can run it.
    #[must_use]
    pub fn is_available(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => {
                is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx2")
                    && is_x86_feature_detected!("fma")
            }
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "aarch64")]
            Self::Neon => std::arch::is_aarch64_feature_detected!("neon"),
            Self::Portable => true,
            #[allow(unreachable_patterns, reason = "which levels are left depends on the target")]
            _ => false,
        }
    }

    /// Blocks of columns, 64 bytes each, of a panel of a matrix that is packed for the kernels of the level: two where most kernels
    /// take two, one where they take one, so that what they read are lines that follow each other.
    pub(crate) const fn blocks_of_panel(self) -> usize {
        match self {
            Self::Avx512 | Self::Portable => 2,
            Self::Avx2 | Self::Neon => 1,
        }
    }

    /// The best level of this machine.
    #[must_use]
    pub fn best() -> Self {
        Self::ALL.into_iter().find(|level| level.is_available()).unwrap_or(Self::Portable)
    }
}
