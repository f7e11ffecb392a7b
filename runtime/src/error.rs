//! Errors of running a cell.

use gatewright_compiler::graph::solve::Unsolved;

/// Why a run was refused or given up. No result has been written of a run that was refused; one that gives up at a step that
/// is not solved may have written those of other steps, and no gradient by a parameter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The wrong number of slices.
    #[error("{what}: expected {expected} slices, found {found}")]
    Count {
        /// Which argument.
        what: &'static str,
        /// As many as the cell has.
        expected: usize,
        /// As many as were given.
        found: usize,
    },
    /// A slice of the wrong length.
    #[error("{what}{}: expected {expected} elements, found {found}", quoted(name))]
    Length {
        /// Which argument.
        what: &'static str,
        /// The input, state, output; empty for the flat parameters.
        name: String,
        /// Elements needed.
        expected: usize,
        /// Elements given.
        found: usize,
    },
    /// A sample with more steps than there are.
    #[error("sample {sample} has a length of {length}, but there are {steps} steps")]
    Longer {
        /// Which sample.
        sample: usize,
        /// Its length.
        length: usize,
        /// T.
        steps: usize,
    },
    /// A budget in bytes in which no run fits, however often its steps are computed again.
    #[error("a budget of {bytes} bytes is too small for this run: it needs at least {minimum}")]
    Budget {
        /// The budget.
        bytes: usize,
        /// The smallest budget that is enough; of a layer, what is enough for the first of its parts that refused.
        minimum: usize,
    },
    /// Something that an implementation of [`SequenceCell`](crate::sequence::SequenceCell) cannot do. Compiled cells can
    /// do all that can be asked for; one that holds its weights keeps nothing for a way back.
    #[error("this cell does not run {what}")]
    Unsupported {
        /// What was asked for.
        what: &'static str,
    },
    /// Sizes whose product overflows the address space.
    #[error("a run of {steps} steps and {batch} samples needs more elements than can be addressed")]
    TooLarge {
        /// T.
        steps: usize,
        /// B.
        batch: usize,
    },
    /// Sizes that could be addressed, but for which there is no memory.
    #[error("there is no memory for {elements} elements")]
    OutOfMemory {
        /// Elements that one block of samples needs.
        elements: usize,
    },
    /// A step whose equations need each other, and whose iteration does not end.
    #[error(transparent)]
    Unsolved(#[from] Unsolved),
    /// Backward without the tape of a forward run.
    #[error("no tape: run forward with `Keep::Tape` on this workspace first")]
    NoTape,
    /// A defect of this library: the plan or the compiled code refused a call it should accept.
    #[error("internal error: {0}")]
    Internal(String),
}

/// A name behind what it is the name of; nothing where there is none.
fn quoted(name: &str) -> String {
    if name.is_empty() { String::new() } else { format!(" `{name}`") }
}

/// Why a cell could not be compiled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CompileError {
    /// A dimension that is given twice.
    #[error("the dimension `{name}` is given twice")]
    RepeatedDimension {
        /// Its name.
        name: String,
    },
    /// A free dimension without a size.
    #[error("dimension `{name}` has no size: give it one")]
    MissingDimension {
        /// The dimension.
        name: String,
    },
    /// A size for a dimension that the cell does not have.
    #[error("the cell has no dimension `{name}`; it has: {known}")]
    UnknownDimension {
        /// The dimension.
        name: String,
        /// Those it has.
        known: String,
    },
    /// A size that overflows.
    #[error("`{name}` has more elements than can be addressed")]
    TooLarge {
        /// What is too large.
        name: String,
    },
    /// The planner has no order for something in the equations.
    #[error(transparent)]
    Plan(#[from] gatewright_compiler::plan::PlanError),
    /// A pass over the graph met a limit.
    #[error(transparent)]
    Pass(#[from] gatewright_compiler::passes::PassError),
    /// The code generator failed.
    #[error("code generation: {0}")]
    Code(String),
    /// This build has no code generator: use the interpreter.
    #[error("this build has no code generator (feature `jit`): use the interpreter")]
    NoBackend,
    /// An instruction set that this machine does not have.
    #[error("this machine cannot run code for {level:?}")]
    Level {
        /// The instruction set.
        level: crate::primitive::Level,
    },
    /// A defect of this library.
    #[error("internal error: {0}")]
    Internal(String),
}
