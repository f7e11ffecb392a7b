//! Numbers that begin on a cache line, zero at first; many of them in pages that are large where the system has such.
//!
//! A large operand has more pages than the TLB has entries: rows that lie far from each other, as those of a gradient by weights
//! do, are each in another page of 4 KiB. Of pages of 2 MiB there are few enough.

use bytemuck::Pod;
use memmap2::MmapMut;

use crate::cache::LINE;

/// Bytes from which on pages are asked for: of fewer, large ones would leave too much unused.
const PAGES_FROM: usize = 2 << 20;

/// Numbers that begin on a cache line.
#[derive(Debug)]
pub(crate) struct AlignedVec<T> {
    memory: Memory<T>,
    length: usize,
}

#[derive(Debug)]
enum Memory<T> {
    /// As much as is needed to begin on a line, and where that is.
    Heap(Vec<T>, usize),
    /// Pages of their own.
    Pages(MmapMut),
}

impl<T> Default for AlignedVec<T> {
    fn default() -> Self {
        Self { memory: Memory::Heap(Vec::new(), 0), length: 0 }
    }
}

impl<T> AlignedVec<T> {
    /// How many.
    pub(crate) fn length(&self) -> usize {
        self.length
    }
}

impl<T: Pod> AlignedVec<T> {
    /// So many zeros; `None` where there is no memory for them.
    pub(crate) fn zeroed(length: usize) -> Option<Self> {
        let bytes = length.checked_mul(size_of::<T>()).filter(|&bytes| isize::try_from(bytes).is_ok())?;
        if bytes >= PAGES_FROM {
            let pages = MmapMut::map_anon(bytes).ok()?;
            // A hint, which a system need not take.
            #[cfg(target_os = "linux")]
            let _ = pages.advise(memmap2::Advice::HugePage);
            return Some(Self { memory: Memory::Pages(pages), length });
        }
        let slack = LINE / size_of::<T>().max(1);
        let total = length.checked_add(slack)?;
        let mut elements = Vec::new();
        elements.try_reserve_exact(total).ok()?;
        elements.resize(total, T::zeroed());
        // `align_offset` may refuse; the elements are then merely not aligned.
        let start = elements.as_ptr().align_offset(LINE).min(slack);
        Some(Self { memory: Memory::Heap(elements, start), length })
    }

    /// Exactly `length` elements; all zero where the length differs from before, as they were where it does not.
    /// False where there is no memory for them; there are none then.
    #[must_use]
    pub(crate) fn resize(&mut self, length: usize) -> bool {
        if length == self.length {
            return true;
        }
        // The old ones go first.
        *self = Self::default();
        let Some(new) = Self::zeroed(length) else { return false };
        *self = new;
        true
    }

    #[inline]
    pub(crate) fn as_slice(&self) -> &[T] {
        match &self.memory {
            Memory::Heap(elements, start) => &elements[*start..start + self.length],
            Memory::Pages(pages) => bytemuck::cast_slice(pages),
        }
    }

    #[inline]
    pub(crate) fn as_mut_slice(&mut self) -> &mut [T] {
        match &mut self.memory {
            Memory::Heap(elements, start) => &mut elements[*start..*start + self.length],
            Memory::Pages(pages) => bytemuck::cast_slice_mut(pages),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{AlignedVec, LINE, Memory, PAGES_FROM};

    #[test]
    fn few_numbers_and_many_begin_on_a_line_and_are_zero_at_first() {
        for length in [0, 1, 1000, PAGES_FROM / 8, PAGES_FROM / 8 + 3] {
            let mut numbers = AlignedVec::<f64>::zeroed(length).expect("memory");
            assert_eq!(matches!(numbers.memory, Memory::Pages(_)), length * 8 >= PAGES_FROM);
            assert_eq!((numbers.length(), numbers.as_slice().len()), (length, length));
            assert!(numbers.as_slice().as_ptr().addr().is_multiple_of(LINE));
            assert!(numbers.as_slice().iter().all(|&number| number == 0.0));
            numbers.as_mut_slice().fill(1.0);
            assert!(numbers.resize(length) && numbers.as_slice().iter().all(|&number| number == 1.0));
            assert!(numbers.resize(length + 1) && numbers.as_slice().iter().all(|&number| number == 0.0));
        }
    }

    /// Whether the mapping that a place is in is one of large pages, where the system says so at all.
    #[cfg(target_os = "linux")]
    fn has_large_pages(place: usize) -> Option<bool> {
        let maps = std::fs::read_to_string("/proc/self/smaps").ok()?;
        let mut inside = false;
        for line in maps.lines() {
            let range = line.split_once(' ').and_then(|(range, _)| range.split_once('-'));
            let parsed = range.map(|(low, high)| [low, high].map(|part| usize::from_str_radix(part, 16)));
            if let Some([Ok(low), Ok(high)]) = parsed {
                inside = (low..high).contains(&place);
            } else if inside && let Some(flags) = line.strip_prefix("VmFlags:") {
                return Some(flags.split_whitespace().any(|flag| flag == "hg"));
            }
        }
        None
    }

    /// Where the system, or what emulates it, shows that a mapping was to have large pages, ours is to.
    #[test]
    #[cfg(target_os = "linux")]
    fn many_numbers_ask_for_large_pages() {
        let probe = memmap2::MmapMut::map_anon(PAGES_FROM).expect("memory");
        let shows = probe.advise(memmap2::Advice::HugePage).is_ok()
            && has_large_pages(probe.as_ptr().addr()) == Some(true);
        let numbers = AlignedVec::<f64>::zeroed(PAGES_FROM / 4).expect("memory");
        let found = has_large_pages(numbers.as_slice().as_ptr().addr());
        assert!(!shows || found == Some(true), "{found:?}");
    }

    #[test]
    fn more_than_there_is_memory_for_is_told() {
        assert!(AlignedVec::<f32>::zeroed(usize::MAX).is_none());
        assert!(!AlignedVec::<f32>::default().resize(isize::MAX.unsigned_abs() / 8));
    }
}
