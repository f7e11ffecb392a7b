//! The cell as users hold it: equations compiled for given feature sizes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use gatewright_compiler::graph::solve::SolveOptions;
use gatewright_compiler::graph::{Graph, InitialStates, lower};
use gatewright_compiler::passes::{self, PassError};
use gatewright_compiler::plan::{Plan, plan};
use gatewright_compiler::resolve::Cell;

use super::engine::Engine;
use super::roles::Roles;
use crate::error::{CallError, CompileError};
use crate::matmul::Element;
use crate::parameters::ParameterLayout;
use crate::primitive::Level;
use crate::sequence::{CellLayout, Port};

/// How the element loops of a cell run. Both give the same bits from the same matrix products.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Backend {
    /// Machine code.
    Jit,
    /// The interpreter: on any host, some fifty times slower.
    Interpreter,
}

impl Default for Backend {
    /// Machine code where this build has it.
    fn default() -> Self {
        if cfg!(feature = "jit") { Self::Jit } else { Self::Interpreter }
    }
}

/// Choices of [`CompiledCell::new`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompileOptions {
    /// How element loops run.
    pub backend: Backend,
    /// Most threads that a run may use, at least 1. The result does not depend on it.
    pub threads: usize,
    /// How steps are solved whose equations need each other. Read where the cell was resolved with
    /// [`CyclePolicy::FixedPoint`](gatewright_compiler::resolve::CyclePolicy::FixedPoint).
    pub solve: SolveOptions,
    /// The instruction set of matrix products and transcendental functions. Of what is on one machine, all but
    /// [`Level::Portable`] give the same bits.
    pub level: Level,
}

impl Default for CompileOptions {
    /// One thread, and the best that this build and this machine have.
    fn default() -> Self {
        Self { backend: Backend::default(), threads: 1, solve: SolveOptions::default(), level: Level::best() }
    }
}

/// A cell compiled for known feature sizes, for any number of steps and samples.
///
/// ```
/// use gatewright::compiler::source::Syntax;
/// use gatewright::{CompileOptions, CompiledCell, read_cell};
///
/// let cell = read_cell("h_t = tanh(W x_t + U h_{t-1} + b)", Syntax::Text)?;
/// let compiled = CompiledCell::<f32>::new(&cell, &[("x", 3), ("h", 4)], CompileOptions::default())?;
/// assert_eq!(compiled.parameter_layout().length(), 4 * 3 + 4 * 4 + 4);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct CompiledCell<T> {
    pub(crate) layout: CellLayout,
    pub(crate) parameter_ranges: Vec<(usize, usize)>,
    pub(crate) inference: Arc<Engine<T>>,
    pub(super) training: Arc<Engine<T>>,
    pub(super) initial: Option<InitialStates>,
    pub(crate) threads: usize,
    pub(crate) solve: SolveOptions,
    compile_time: Duration,
}

impl<T: Element> CompiledCell<T> {
    /// Compiles a checked cell. `dimensions` gives each free dimension its size by name (`("x", 128)`).
    ///
    /// # Errors
    ///
    /// A dimension that is missing, unknown, given twice or too large; an operator without code; a failure of the code generator.
    pub fn new(
        cell: &Cell,
        dimensions: &[(&str, usize)],
        options: CompileOptions,
    ) -> Result<Self, CompileError> {
        let started = Instant::now();
        let forward = lower(cell).map_err(PassError::from)?;
        let mut compiled = Self::from_graph(&forward, dimensions, options)?;
        compiled.compile_time = started.elapsed();
        Ok(compiled)
    }

    /// Compiles the forward graph of a step, as [`CompiledCell::new`] does a cell.
    ///
    /// # Errors
    ///
    /// As [`CompiledCell::new`].
    pub fn from_graph(
        forward: &Graph,
        dimensions: &[(&str, usize)],
        options: CompileOptions,
    ) -> Result<Self, CompileError> {
        let started = Instant::now();
        let sizes = sizes_of(&forward.signature().dimensions, dimensions)?;
        let layout = layout_of(forward, &sizes)?;
        let graphs = passes::run_from_graph(forward)?;
        let engine = |graph: Graph| -> Result<Arc<Engine<T>>, CompileError> {
            let plan = plan(&graph, &sizes)?;
            log::debug!("plan:\n{plan}");
            Ok(Arc::new(Engine::new(Arc::new(graph), plan, options.backend, options.level)?))
        };
        let inference = engine(graphs.forward)?;
        let training = engine(graphs.gradient)?;
        let parameter_ranges =
            layout.parameters.entries().iter().map(|entry| (entry.offset, entry.length())).collect();
        Ok(Self {
            layout,
            parameter_ranges,
            inference,
            training,
            initial: graphs.initial,
            threads: options.threads.max(1),
            solve: options.solve,
            compile_time: started.elapsed(),
        })
    }

    /// Names, shapes and offsets of the parameters.
    #[must_use]
    pub fn parameter_layout(&self) -> &ParameterLayout {
        &self.layout.parameters
    }

    /// Time that [`CompiledCell::new`] took.
    #[must_use]
    pub fn compile_time(&self) -> Duration {
        self.compile_time
    }

    /// Bytes of machine code.
    #[must_use]
    pub fn code_bytes(&self) -> usize {
        self.inference.code_bytes() + self.training.code_bytes()
    }

    /// Bytes that a training run keeps for each sample and step, padding included.
    #[must_use]
    pub fn tape_bytes_per_step(&self) -> usize {
        self.training.plan.tape_elements() * size_of::<T>()
    }

    /// Bytes that a training run holds for each sample and step: the tape, and gradients by states that what is behind the
    /// loop back reads. The rest of the way back has memory for a chunk of steps.
    #[must_use]
    pub fn training_bytes_per_step(&self) -> usize {
        self.training.plan.sequence_elements() * size_of::<T>()
    }

    /// The plan of a training step.
    #[must_use]
    pub fn training_plan(&self) -> &Plan {
        &self.training.plan
    }

    /// The plan of inference.
    #[must_use]
    pub fn inference_plan(&self) -> &Plan {
        &self.inference.plan
    }
}

/// Sizes of the free dimensions, in the cell's order.
fn sizes_of(free: &[String], dimensions: &[(&str, usize)]) -> Result<Vec<usize>, CompileError> {
    for (at, (name, _)) in dimensions.iter().enumerate() {
        if dimensions[..at].iter().any(|(before, _)| before == name) {
            return Err(CompileError::RepeatedDimension { name: (*name).to_owned() });
        }
        if !free.iter().any(|known| known == name) {
            let known = free.join(", ");
            return Err(CompileError::UnknownDimension { name: (*name).to_owned(), known });
        }
    }
    free.iter()
        .map(|name| {
            let given = dimensions.iter().find(|(given, _)| given == name);
            given.map(|&(_, size)| size).ok_or_else(|| CompileError::MissingDimension { name: name.clone() })
        })
        .collect()
}

fn layout_of(graph: &Graph, sizes: &[usize]) -> Result<CellLayout, CompileError> {
    let signature = graph.signature();
    let size = |port: &gatewright_compiler::graph::Port| {
        let axes = port.shape.sizes(sizes);
        axes.and_then(|axes| axes.iter().try_fold(1_usize, |product, &axis| product.checked_mul(axis)))
            .ok_or_else(|| CompileError::TooLarge { name: port.name.clone() })
    };
    let ports = |ports: &[gatewright_compiler::graph::Port]| {
        ports
            .iter()
            .map(|port| {
                let size = size(port)?;
                let axes = port.shape.sizes(sizes).filter(|axes| !axes.is_empty());
                Ok(Port { name: port.name.clone(), size, axes: axes.unwrap_or_else(|| vec![1]) })
            })
            .collect::<Result<Vec<_>, CompileError>>()
    };
    let roles = Roles::new(graph, sizes);
    let mut parameters = Vec::with_capacity(signature.parameters.len());
    for (index, port) in (0_u32..).zip(&signature.parameters) {
        size(port)?;
        let axes = port.shape.sizes(sizes).unwrap_or_default();
        parameters.push((port.name.clone(), axes, roles.of(index)));
    }
    let mut parameters = ParameterLayout::new(parameters)
        .ok_or_else(|| CompileError::TooLarge { name: "the parameters".to_owned() })?;
    parameters.freeze(&signature.frozen);
    Ok(CellLayout {
        inputs: ports(&signature.inputs)?,
        states: ports(&signature.states)?,
        outputs: ports(&signature.outputs)?,
        parameters,
    })
}

/// A refusal of something that the plan has made right.
pub(crate) fn internal(error: impl std::fmt::Display) -> CallError {
    CallError::Internal(error.to_string())
}
