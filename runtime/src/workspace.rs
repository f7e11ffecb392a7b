//! Memory of a run: the tape and everything else that lives while a sequence is processed.

/// Memory of one run at a time, kept between runs so that a training loop allocates once.
///
/// Grows to the largest run it has served; [`Workspace::default`] is empty.
#[derive(Clone, Debug, Default)]
pub struct Workspace<T> {
    pub(crate) arena: Vec<T>,
}
