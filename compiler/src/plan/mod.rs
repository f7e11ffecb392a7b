//! Graphs to plan: what is computed when, from which memory, by which product or element loop.
//!
//! A plan is made for known feature sizes, and for any number of steps T and samples B. It knows nothing of
//! instruction sets: products are named, element loops are [`kernel::Kernel`]s.
//!
//! # The road through this folder
//!
//! | file | arrow |
//! | --- | --- |
//! | [`flow`](self) | graph → flow: sums of products become one node each, matrices become views of parameters |
//! | `sample` | the part of it for matrices that each sample has its own of at each step |
//! | `again` | what the way back computes again instead of finding it on the tape |
//! | `section` | flow → when each value is computed: before, within or after the time loop, forward and backward |
//! | `demand` | which values are stored, and in which loops the others are computed again |
//! | `layout` | stored values → columns of buffers, so that products which share an operand lie side by side |
//! | `gradient` | gradients by parameters → outer products over all rows, sums over all rows |
//! | `emit` | everything → programs of products and element loops |
//! | `fuse` | multiply-adds within a loop |
//! | `access` | what an instruction of a program reads and writes |
//! | `track` | where a buffer lies at each step, once its arena is known |
//! | `verify`, `order` | checks of a plan against the invariants below |
//!
//! # Invariants
//!
//! - **P1** sections run in the order of [`Section`]; a program reads only what an earlier instruction, or an earlier
//!   step of the same loop, has written.
//! - **P2** outside the time loops only `Sequence`, `Chunk` and `Once` buffers are touched: all rows are known there.
//! - **P3** each value starts at a column that is a multiple of [`COLUMN_ALIGNMENT`]; the columns between values are
//!   zero, or hold what a product of zeros gives.
//! - **P4** a parameter gradient is zero, or a sum of outer products and row sums, or an expression of such totals.
//! - **P5** a section that is solved ([`Section::is_solved`]) may run any number of times: what it reads before it has
//!   written it, it writes nowhere, and it adds onto nothing but what it has written itself.
//! - **P6** a `Chunk` buffer is touched on one pass only, forward or back, and never a step ahead; but for inputs, which the
//!   caller stages on both, and which are only read.
//!
//! # Unknowns
//!
//! Where the equations of a step are solved ([`crate::graph::solve`]), the time loop has three sections in place of one:
//! `Prepare` computes what the solution needs and no unknown decides, `Solve` is one iteration, and `Step` is the rest.
//! In each step the caller runs `Prepare`, sets each of [`Plan::unknowns`] to where it begins, runs `Solve` and replaces
//! it by its solution until all are solved, runs `Solve` a last time, so that everything it has computed is of the
//! solved values, and then runs `Step`. So does the walk back, with [`Plan::unknown_gradients`]. Without unknowns
//! `Prepare` and `Solve` are empty.
//!
//! # Matrices that vary in time
//!
//! A matrix state (`C_t = f_t C_{t-1} + v_t k_t^T`) has `rows * columns` columns of a buffer, its rows one after the
//! other. What works element by element are element loops over so many lanes, with scalars of the sample as factors.
//! What does not is [`Step::SampleProduct`] (`v k^T`, `C q`, `C^T v`, `A C`) or [`Step::Arrange`] (a transpose or slice
//! that an element loop reads), [`Step::RowMaximum`] (of `rowsoftmax(C)`). Each has the section and the level that an element-wise
//! operation in its place would have.
//! A matrix of a row has at most [`MAXIMUM_DIMENSION`] elements.
//!
//! # Time and memory
//!
//! Each pass goes through the steps in chunks: all its sections over the steps of a chunk, then over those of the next.
//! The walk back takes the same chunks, last to first, and adds up gradients by parameters at the end of each. What a pass
//! leaves to itself alone (`Chunk`) therefore needs memory for one chunk, which stays in a cache; what the walk back reads of
//! the way forward (`Sequence`) needs it for all steps. Inputs are the caller's: they are staged chunk by chunk on each pass
//! whose programs read them, and are not on the tape. Gradients by parameters may read them from where the caller has them.
//!
//! A `Sequence` buffer has one block of B rows for each step. States have one block more: block `t` is the state as it
//! enters step `t`, so the value after step `t` is `time = 1` ahead, and no copy carries a state from step to step.

use crate::graph::{Graph, NodeId};
use crate::limits::MAXIMUM_DIMENSION;

mod access;
mod again;
mod demand;
mod emit;
mod flow;
mod fuse;
mod gradient;
pub mod interpret;
pub mod kernel;
mod layout;
mod order;
mod print;
mod sample;
mod section;
mod track;
mod verify;

pub use gradient::{GradientTerm, ParameterGradient};
pub use track::{Moment, Steps, Track};

use kernel::Kernel;

/// Every stored value starts at a multiple of this many elements: one cache line of `f32`.
pub const COLUMN_ALIGNMENT: usize = 16;

/// When an instruction runs. The order of the variants is the order in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Section {
    /// All T·B rows, before the time loop: what does not depend on a state.
    Before,
    /// The time loop, first step to last: what the solution of the step needs and no unknown decides.
    Prepare,
    /// The same loop: one iteration of what unknowns decide and their solution needs.
    Solve,
    /// The same loop: the rest; all of it where nothing is solved.
    Step,
    /// All T·B rows, after the time loop: what no state needs.
    After,
    /// All T·B rows, before the loop back: what does not depend on a later step's gradient.
    BackwardBefore,
    /// The time loop, last step to first: as `Prepare`.
    BackwardPrepare,
    /// The same loop: as `Solve`.
    BackwardSolve,
    /// The same loop: as `Step`.
    BackwardStep,
    /// All T·B rows, after the loop back: gradients by inputs and parameters.
    BackwardAfter,
}

impl Section {
    /// All sections, in order.
    pub const ALL: [Self; 10] = [
        Self::Before,
        Self::Prepare,
        Self::Solve,
        Self::Step,
        Self::After,
        Self::BackwardBefore,
        Self::BackwardPrepare,
        Self::BackwardSolve,
        Self::BackwardStep,
        Self::BackwardAfter,
    ];

    /// True within a time loop.
    #[must_use]
    pub const fn is_step(self) -> bool {
        matches!(
            self,
            Self::Prepare
                | Self::Solve
                | Self::Step
                | Self::BackwardPrepare
                | Self::BackwardSolve
                | Self::BackwardStep
        )
    }

    /// True where the section is run again and again until the step is solved.
    #[must_use]
    pub const fn is_solved(self) -> bool {
        matches!(self, Self::Solve | Self::BackwardSolve)
    }

    /// Where in the same loop a value of this section may be added onto something: an iteration runs any number of
    /// times, and once it is solved `Step` finds its values in memory.
    #[must_use]
    pub const fn once_each_step(self) -> Self {
        match self {
            Self::Solve => Self::Step,
            Self::BackwardSolve => Self::BackwardStep,
            other => other,
        }
    }

    /// True where both are of one time loop.
    #[must_use]
    pub const fn shares_loop(self, other: Self) -> bool {
        self.is_step() && other.is_step() && self.is_backward() == other.is_backward()
    }

    /// True for the sections of the backward pass.
    #[must_use]
    pub const fn is_backward(self) -> bool {
        matches!(
            self,
            Self::BackwardBefore
                | Self::BackwardPrepare
                | Self::BackwardSolve
                | Self::BackwardStep
                | Self::BackwardAfter
        )
    }
}

/// How many rows a buffer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BufferKind {
    /// T blocks of B rows; with `extra`, one block more.
    Sequence {
        /// One block beyond the last step.
        extra: bool,
    },
    /// One block of B rows for each step of a chunk: nothing is kept from chunk to chunk.
    Chunk {
        /// Of the walk back.
        backward: bool,
    },
    /// Two blocks of B rows, used in turn: block `(t + time) % 2`.
    Ring,
    /// B rows, new at each step.
    Step,
    /// One row, the same at every step.
    Once,
}

/// What a buffer is filled from or read out to, besides the plan's own instructions. Where each port lies within the
/// buffers of its kind, the plan says: [`Plan::inputs`], [`Plan::states`] and so on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BufferRole {
    /// Input sequences, of which the caller stages each chunk before it is run, and before it is walked back where
    /// [`Plan::inputs_read_back`] says so. Only read.
    Input,
    /// States. Block 0 is the initial value.
    State,
    /// Unknowns of the step: see [`Plan::unknowns`].
    Unknown,
    /// Unknowns of the walk back: see [`Plan::unknown_gradients`].
    SolutionGradient,
    /// Gradients by output sequences, staged before the backward run.
    OutputGradient,
    /// Gradients by states. Block T is the gradient by the final state.
    StateGradient,
    /// Parameters and expressions of parameters, staged before the run: see [`Plan::once`].
    Once,
    /// Sums over all rows, zero before the backward run: see [`ParameterGradient`].
    Totals,
    /// What the backward pass reads from the forward pass.
    Tape,
    /// Anything else.
    Scratch,
}

/// A buffer of the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Buffer {
    /// For readers.
    pub name: String,
    /// What for.
    pub role: BufferRole,
    /// How many rows.
    pub kind: BufferKind,
    /// Elements from row to row, a multiple of [`COLUMN_ALIGNMENT`].
    pub width: usize,
}

/// Index of a [`Buffer`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BufferId(pub u32);

/// Where a value is: a buffer, how many steps ahead, and its first column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// Which buffer.
    pub buffer: BufferId,
    /// 0 for this step's block, 1 for the next one's.
    pub time: usize,
    /// First element in each row.
    pub column: usize,
}

/// A rectangle of a matrix that is constant over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MatrixView {
    /// The matrix: a parameter or an expression of parameters.
    pub source: OnceSource,
    /// First row.
    pub row: usize,
    /// Number of rows.
    pub rows: usize,
    /// First column.
    pub column: usize,
    /// Number of columns.
    pub columns: usize,
    /// Columns of the whole matrix: elements from row to row.
    pub row_stride: usize,
    /// The rectangle is meant transposed.
    pub transposed: bool,
}

/// Where the elements of a matrix are within a value: element `(i, j)` at
/// `offset + i * row_stride + j * column_stride`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MatrixStrides {
    /// Element (0, 0).
    pub offset: usize,
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub columns: usize,
    /// From row to row.
    pub row_stride: usize,
    /// From column to column.
    pub column_stride: usize,
}

/// A matrix of which each sample has its own, or one that all share where the buffer is of kind
/// [`BufferKind::Once`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SampleMatrix {
    /// The value that holds it.
    pub place: Place,
    /// Its elements within the value.
    pub strides: MatrixStrides,
}

/// Something constant over time that is stored whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum OnceSource {
    /// A parameter, by number.
    Parameter(u32),
    /// An expression of parameters: index into [`Plan::expressions`].
    Expression(u32),
}

/// A block of a packed matrix at this row and column. For `y = M v` with `M` the view (transposed as it says), rows of
/// the block are elements of `v` and columns elements of `y`: it is `M^T`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MatrixBlock {
    /// What.
    pub view: MatrixView,
    /// First row within the packed matrix.
    pub row: usize,
    /// First column within the packed matrix.
    pub column: usize,
}

impl MatrixBlock {
    /// Its rows and columns within the packed matrix.
    pub(crate) const fn shape(&self) -> (usize, usize) {
        let MatrixView { rows, columns, transposed, .. } = self.view;
        if transposed { (rows, columns) } else { (columns, rows) }
    }
}

/// A matrix packed once per run: rows are elements of the operand, columns elements of the result. Zero where no block
/// lies.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PackedLayout {
    /// Elements of the operand (K).
    pub rows: usize,
    /// Elements of the result (N).
    pub columns: usize,
    /// What it is made of.
    pub blocks: Vec<MatrixBlock>,
    /// Packed before the backward run rather than before the forward run.
    pub backward: bool,
}

/// What the sums of a product start at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Nothing.
    Zero,
    /// What is there: `output += …`.
    There,
    /// A row of the [`BufferRole::Once`] buffer, the same for all: biases, and zeros where there are none.
    Row(Place),
}

/// One instruction of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// `output = start + operand · matrix` for each row.
    Product {
        /// K elements of each row.
        operand: Place,
        /// Index into [`Plan::matrices`].
        matrix: usize,
        /// N elements of each row.
        output: Place,
        /// What the sums start at.
        start: Start,
    },
    /// `output = left · right` for each row: a product of two matrices, written row by row. No element of the operands
    /// lies in the output.
    SampleProduct {
        /// As many columns as the right one has rows.
        left: SampleMatrix,
        /// The other.
        right: SampleMatrix,
        /// `left.rows * right.columns` elements of each row.
        output: Place,
    },
    /// The matrix among columns of zeros, for each row: columns `start ..` of `total`, written row by row. No element of
    /// it lies in the output.
    Arrange {
        /// The matrix.
        from: SampleMatrix,
        /// `from.rows * total` elements of each row.
        output: Place,
        /// Column that its first one becomes.
        start: usize,
        /// Number of columns of the result.
        total: usize,
    },
    /// The largest element of each row of the matrix, for each row. No element of it lies in the output.
    RowMaximum {
        /// The matrix.
        from: SampleMatrix,
        /// `from.rows` elements of each row.
        output: Place,
    },
    /// An element loop.
    Loop {
        /// Index into [`Plan::kernels`].
        kernel: usize,
        /// For each of the kernel's buffers: which, and how many steps ahead.
        bindings: Vec<(BufferId, usize)>,
    },
}

/// A value that is constant over time, staged into one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OnceValue {
    /// What.
    pub source: OnceSource,
    /// Where in the [`BufferRole::Once`] buffer.
    pub column: usize,
    /// Elements.
    pub length: usize,
}

/// A value that is solved for by iteration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SolvedValue {
    /// The user's name of the unknown.
    pub name: String,
    /// Elements of each row.
    pub length: usize,
    /// What an iteration reads.
    pub unknown: Place,
    /// What it gives instead.
    pub solution: Place,
    /// Where the iteration begins; at zero where this is `None`.
    pub start: Option<Place>,
}

/// A compiled cell's orders: buffers, packed matrices, element loops, and one program for each section.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Sizes of the free dimensions.
    pub sizes: Vec<usize>,
    /// All buffers.
    pub buffers: Vec<Buffer>,
    /// All packed matrices.
    pub matrices: Vec<PackedLayout>,
    /// All element loops.
    pub kernels: Vec<Kernel>,
    /// The program of each section, in the order of [`Section::ALL`].
    pub programs: [Vec<Step>; Section::ALL.len()],
    /// Vectors and scalars that are constant over time.
    pub once: Vec<OnceValue>,
    /// Expressions of parameters, computed once: nodes of the graph with the number of their elements.
    pub expressions: Vec<(NodeId, usize)>,
    /// Elements of each input in one row.
    pub input_sizes: Vec<usize>,
    /// Elements of each state in one row.
    pub state_sizes: Vec<usize>,
    /// Elements of each output in one row.
    pub output_sizes: Vec<usize>,
    /// Where each input is staged; `None` where nothing reads it.
    pub inputs: Vec<Option<Place>>,
    /// For each input whether the walk back reads it.
    pub inputs_read_back: Vec<bool>,
    /// Where each state is as it enters a step; one step ahead is where it leaves.
    pub states: Vec<Place>,
    /// What each step is solved for.
    pub unknowns: Vec<SolvedValue>,
    /// What each step of the walk back is solved for: gradients by solutions.
    pub unknown_gradients: Vec<SolvedValue>,
    /// Where the gradient by each output is staged; `None` where nothing reads it.
    pub output_gradients: Vec<Option<Place>>,
    /// Where the gradient by each state goes for the step before; it comes from one step ahead. Empty without
    /// gradients.
    pub state_gradients: Vec<Place>,
    /// Where each output is at the end of each chunk of the forward run.
    pub outputs: Vec<Place>,
    /// Where the gradient by each input is at the end of each chunk of the backward run; `None` where it is zero.
    pub input_gradients: Vec<Option<Place>>,
    /// How the gradient by each parameter comes about.
    pub parameter_gradients: Vec<ParameterGradient>,
}

impl Plan {
    /// The program of a section.
    #[must_use]
    #[inline]
    pub fn program(&self, section: Section) -> &[Step] {
        &self.programs[section as usize]
    }

    /// The buffer. Panics where the id is of another plan.
    #[must_use]
    #[inline]
    pub fn buffer(&self, id: BufferId) -> &Buffer {
        &self.buffers[id.0 as usize]
    }

    /// Elements that the tape keeps for each sample and step: everything the backward pass reads from the forward
    /// pass, states included. Inputs are not on it.
    #[must_use]
    pub fn tape_elements(&self) -> usize {
        let kept = |role| matches!(role, BufferRole::State | BufferRole::Unknown | BufferRole::Tape);
        self.sequences().filter(|buffer| kept(buffer.role)).map(|buffer| buffer.width).sum()
    }

    /// Elements that a run holds for each sample and step: the tape, and gradients by states that are read outside the
    /// loop back.
    #[must_use]
    pub fn sequence_elements(&self) -> usize {
        self.sequences().map(|buffer| buffer.width).sum()
    }

    /// The buffers that have a block for each step: a state that the way back does not read has two for all.
    fn sequences(&self) -> impl Iterator<Item = &Buffer> {
        self.buffers.iter().filter(|buffer| matches!(buffer.kind, BufferKind::Sequence { .. }))
    }
}

/// Why no plan could be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// A dimension without size, or one that is too large.
    #[error(
        "the size of `{name}` is missing or too large: an axis has at most {MAXIMUM_DIMENSION} elements, and a value no more \
        than can be addressed"
    )]
    Size {
        /// The dimension, or the value whose size is too large.
        name: String,
    },
    /// A defect of the planner: an invariant does not hold.
    #[error("internal error of the planner: {0}")]
    Internal(String),
}

/// Makes the plan of a simplified graph, with gradients where the graph has them.
///
/// `sizes` gives each free dimension of the graph's signature its size.
///
/// # Errors
///
/// Sizes missing or too large; an invariant that does not hold.
pub fn plan(graph: &Graph, sizes: &[usize]) -> Result<Plan, PlanError> {
    let mut flow = flow::Flow::build(graph, sizes)?;
    let gradients = gradient::collect(graph, &mut flow)?;
    let sections = section::assign(&flow);
    let demand = demand::analyse(&flow, &sections, &gradients);
    let layout = layout::place(&flow, &sections, &demand, &gradients)?;
    let plan = emit::emit(flow, &sections, &demand, layout, gradients)?;
    // In every build: it costs little beside the code generator, and what it finds would be a wrong gradient.
    plan.verify()?;
    Ok(plan)
}
