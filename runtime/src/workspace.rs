//! Memory of a run: the tape and everything else that lives while a sequence is processed.

/// Memory of one run at a time, kept between runs so that a training loop allocates once.
///
/// Grows to the largest run it has served; [`Workspace::default`] is empty.
#[derive(Clone, Debug, Default)]
pub struct Workspace<T> {
    pub(crate) arena: Vec<T>,
}

impl<T> Workspace<T> {
    /// The memory itself, for whoever implements [`SequenceCell`](crate::sequence::SequenceCell) by hand: what a
    /// forward run leaves here, the backward run finds.
    #[must_use]
    pub fn memory(&mut self) -> &mut Vec<T> {
        &mut self.arena
    }
}
