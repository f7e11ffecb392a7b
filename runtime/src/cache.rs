//! The caches of a common core, by which products, blocks and what is fetched are cut.
//!
//! They are assumed, not asked for: how gradients are added up depends on how a run is cut, and its bits shall be the same on
//! every machine. A core with larger caches is cut finer than it needs; each use says which part of which cache it takes.

/// Bytes of a line.
pub(crate) const LINE: usize = 64;

/// Bytes of the cache next to the registers.
pub(crate) const L1: usize = 32 << 10;

/// Bytes of the next one, of a core's own.
pub(crate) const L2: usize = 1 << 20;

/// Whether so many bytes, used again and again, are taken to stay in L2 beside all else that passes through it: half of it.
pub(crate) fn stays_in_l2(bytes: usize) -> bool {
    bytes <= L2 / 2
}
