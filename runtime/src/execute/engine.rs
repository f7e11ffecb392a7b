//! A plan with its element loops made runnable.

use std::sync::Arc;

use gatewright_compiler::graph::Graph;
use gatewright_compiler::plan::interpret::run_kernel;
use gatewright_compiler::plan::{
    Buffer, BufferKind, BufferRole, Moment, Place, Plan, Section, Step, Steps, Track,
};

use super::compiled::{Backend, internal};
use super::gradient::GradientOrder;
use super::in_place::{Columns, packed_in_place};
use crate::error::{CallError, CompileError};
use crate::matmul::Element;
use crate::primitive::Level;

#[cfg(feature = "jit")]
use gatewright_compiler::{
    codegen::{BoundKernel, CompiledKernels},
    operator::primitive::PrimitiveTable,
    plan::kernel::Precision,
};

/// A plan, the graph it came from, and its element loops.
#[derive(Debug)]
pub(crate) struct Engine<T> {
    pub(crate) graph: Arc<Graph>,
    pub(crate) plan: Plan,
    /// The buffers that hold states, and those that hold gradients by them, each once.
    pub(crate) state_buffers: Vec<usize>,
    pub(crate) state_gradient_buffers: Vec<usize>,
    /// The buffers of the tape that element loops of a step back read at their own step.
    pub(crate) read_back: Vec<usize>,
    /// What element loops of a step back write for the products behind the loop: buffers of a chunk.
    pub(crate) adjoints: Vec<usize>,
    /// The buffer of what element loops sum for gradients by parameters.
    pub(super) totals: Option<usize>,
    /// The inputs that the way back packs where the caller has them.
    pub(super) packed_in_place: Vec<Option<Columns>>,
    /// How products are added up to gradients by parameters.
    pub(crate) gradients: GradientOrder,
    /// Of matrix products and tile primitives; this machine can run it.
    pub(crate) level: Level,
    loops: Loops<T>,
}

/// How element loops run.
#[derive(Debug)]
enum Loops<T> {
    Interpreted(std::marker::PhantomData<T>),
    #[cfg(feature = "jit")]
    Compiled(Box<(CompiledKernels, PrimitiveTable<T>)>),
}

/// An element loop, and where its buffers lie at each step of a piece.
#[derive(Debug)]
pub(super) enum BoundLoop {
    Interpreted {
        kernel: usize,
        rows: usize,
        tracks: Vec<Track>,
    },
    #[cfg(feature = "jit")]
    Compiled(BoundKernel),
}

impl Default for BoundLoop {
    /// One that is bound to nothing.
    fn default() -> Self {
        Self::Interpreted { kernel: 0, rows: 0, tracks: Vec::new() }
    }
}

/// The buffers of places, each once.
fn buffers(places: &[Place]) -> Vec<usize> {
    let mut buffers: Vec<usize> = places.iter().map(|place| place.buffer.0 as usize).collect();
    buffers.sort_unstable();
    buffers.dedup();
    buffers
}

/// What element loops of a step back read that is kept for all steps, each once.
fn read_back(plan: &Plan) -> Vec<usize> {
    touched_back(plan, |buffer| {
        matches!(buffer.kind, BufferKind::Sequence { .. }) && buffer.role != BufferRole::StateGradient
    })
}

/// What element loops of a step back touch of what lies in memory for a chunk and is nothing that is staged, each once.
fn adjoints(plan: &Plan) -> Vec<usize> {
    touched_back(plan, |buffer| {
        matches!(buffer.kind, BufferKind::Chunk { .. }) && buffer.role == BufferRole::Scratch
    })
}

/// The buffers of a kind that element loops of a step back touch at their own step, each once.
fn touched_back(plan: &Plan, of: impl Fn(&Buffer) -> bool) -> Vec<usize> {
    let sections = Section::ALL.into_iter().filter(|section| section.is_step() && section.is_backward());
    let mut found = Vec::new();
    for step in sections.flat_map(|section| plan.program(section)) {
        let Step::Loop { bindings, .. } = step else { continue };
        for &(buffer, time) in bindings {
            // One step ahead is what the step before has touched.
            if of(plan.buffer(buffer)) && time == 0 {
                found.push(buffer.0 as usize);
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

impl<T: Element> Engine<T> {
    pub(crate) fn new(
        graph: Arc<Graph>,
        plan: Plan,
        backend: Backend,
        level: Level,
    ) -> Result<Self, CompileError> {
        if !level.is_available() {
            return Err(CompileError::Level { level });
        }
        let loops = match backend {
            Backend::Interpreter => Loops::Interpreted(std::marker::PhantomData),
            #[cfg(feature = "jit")]
            Backend::Jit => {
                let kernels = CompiledKernels::compile(&plan.kernels, Precision::of::<T>())
                    .map_err(|error| CompileError::Code(error.to_string()))?;
                let primitives = T::primitives(level).ok_or(CompileError::Level { level })?;
                Loops::Compiled(Box::new((kernels, *primitives)))
            }
            #[cfg(not(feature = "jit"))]
            Backend::Jit => return Err(CompileError::NoBackend),
        };
        let (state_buffers, state_gradient_buffers) = (buffers(&plan.states), buffers(&plan.state_gradients));
        let packed_in_place = packed_in_place(&plan);
        let gradients = GradientOrder::new::<T>(&plan, &packed_in_place);
        let (read_back, adjoints) = (read_back(&plan), adjoints(&plan));
        let totals = plan.buffers.iter().position(|buffer| buffer.role == BufferRole::Totals);
        Ok(Self {
            graph,
            plan,
            state_buffers,
            state_gradient_buffers,
            read_back,
            adjoints,
            totals,
            packed_in_place,
            gradients,
            level,
            loops,
        })
    }

    /// Elements of the buffers of states in one row.
    pub(crate) fn state_width(&self) -> usize {
        self.state_buffers.iter().map(|&buffer| self.plan.buffers[buffer].width).sum()
    }

    /// Elements of all states of a row.
    pub(crate) fn state_elements(&self) -> usize {
        self.plan.state_sizes.iter().sum()
    }

    /// Buffers of the element loop that has the most.
    pub(crate) fn most_bindings(&self) -> usize {
        self.plan.kernels.iter().map(|kernel| kernel.buffers.len()).max().unwrap_or(0)
    }

    /// Scratch elements that a call of [`Engine::run_loop`] needs.
    pub(crate) fn scratch_elements(&self) -> usize {
        match &self.loops {
            Loops::Interpreted(_) => 0,
            #[cfg(feature = "jit")]
            Loops::Compiled(compiled) => compiled.0.scratch_elements(),
        }
    }

    /// Bytes of machine code; 0 for the interpreter.
    pub(crate) fn code_bytes(&self) -> usize {
        match &self.loops {
            Loops::Interpreted(_) => 0,
            #[cfg(feature = "jit")]
            Loops::Compiled(compiled) => compiled.0.code_bytes(),
        }
    }

    /// Makes `bound` an element loop over so many rows, its buffers on these tracks at each of some steps; in its memory.
    pub(super) fn bind_loop(
        &self,
        bound: &mut BoundLoop,
        (kernel, rows): (usize, usize),
        (tracks, steps): (&[Track], Steps),
    ) -> Result<(), CallError> {
        match &self.loops {
            Loops::Interpreted(_) => {
                let _ = steps;
                *bound = BoundLoop::Interpreted { kernel, rows, tracks: tracks.to_vec() };
                Ok(())
            }
            #[cfg(feature = "jit")]
            Loops::Compiled(compiled) => {
                if let BoundLoop::Interpreted { .. } = bound {
                    *bound = BoundLoop::Compiled(BoundKernel::default());
                }
                let BoundLoop::Compiled(bound) = bound else { return Err(internal("an interpreted loop")) };
                compiled.0.bind(bound, kernel, rows, (tracks, steps)).map_err(internal)
            }
        }
    }

    /// Runs an element loop at one of the steps that it was bound to.
    #[inline]
    pub(super) fn run_bound(
        &self,
        bound: &BoundLoop,
        moment: Moment,
        arena: &mut [T],
        scratch: &mut [T],
    ) -> Result<(), CallError> {
        match (&self.loops, bound) {
            #[cfg(feature = "jit")]
            (Loops::Compiled(compiled), BoundLoop::Compiled(bound)) => {
                compiled.0.run_bound(bound, moment, arena, &compiled.1, scratch).map_err(internal)
            }
            (_, BoundLoop::Interpreted { kernel, rows, tracks }) => {
                let offsets: Vec<usize> = tracks.iter().map(|track| track.at(moment)).collect();
                run_kernel(&self.plan.kernels[*kernel], arena, &offsets, *rows).map_err(internal)
            }
            #[cfg(feature = "jit")]
            (Loops::Interpreted(_), BoundLoop::Compiled(_)) => Err(internal("code for an interpreter")),
        }
    }

    /// Runs an element loop over rows of an arena, each operand from its offset on.
    pub(crate) fn run_loop(
        &self,
        kernel: usize,
        arena: &mut [T],
        offsets: &[usize],
        rows: usize,
        scratch: &mut [T],
    ) -> Result<(), CallError> {
        match &self.loops {
            Loops::Interpreted(_) => {
                let _ = scratch;
                run_kernel(&self.plan.kernels[kernel], arena, offsets, rows).map_err(internal)
            }
            #[cfg(feature = "jit")]
            Loops::Compiled(compiled) => {
                compiled.0.run(kernel, arena, offsets, rows, &compiled.1, scratch).map_err(internal)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::execute::tests::interpreted;

    #[test]
    fn an_lstm_has_a_tape_to_fetch_on_the_way_back() {
        let cell = interpreted("lstm", &[("x", 3), ("h", 4)], 1);
        let (engine, inference) = (&cell.training, &cell.inference);
        let names = engine.read_back.iter().map(|&buffer| engine.plan.buffers[buffer].name.as_str());
        // Gates and the squashed state, and the state that the step began with.
        assert_eq!(names.collect::<Vec<_>>(), ["c", "tape"]);
        assert!(inference.read_back.is_empty());
    }
}
