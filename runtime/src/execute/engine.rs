//! A plan with its element loops made runnable.

use std::sync::Arc;

use gatewright_compiler::graph::Graph;
use gatewright_compiler::plan::Plan;
use gatewright_compiler::plan::interpret::run_kernel;

use super::compiled::Backend;
use super::gradient::GradientOrder;
use crate::error::{CallError, CompileError};
use crate::matmul::Element;
use crate::primitive::Level;

#[cfg(feature = "jit")]
use gatewright_compiler::{
    codegen::CompiledKernels, operator::primitive::PrimitiveTable, plan::kernel::Precision,
};

/// A plan, the graph it came from, and its element loops.
#[derive(Debug)]
pub(crate) struct Engine<T> {
    pub(crate) graph: Arc<Graph>,
    pub(crate) plan: Plan,
    /// How gradients by parameters are added up.
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
        Ok(Self { graph, gradients: GradientOrder::new(&plan), level, plan, loops })
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

    pub(crate) fn run_loop(
        &self,
        kernel: usize,
        arena: &mut [T],
        offsets: &[usize],
        rows: usize,
        scratch: &mut [T],
    ) -> Result<(), CallError> {
        let result = match &self.loops {
            Loops::Interpreted(_) => {
                let _ = scratch;
                run_kernel(&self.plan.kernels[kernel], arena, offsets, rows)
            }
            #[cfg(feature = "jit")]
            Loops::Compiled(compiled) => compiled.0.run(kernel, arena, offsets, rows, &compiled.1, scratch),
        };
        result.map_err(|error| CallError::Internal(error.to_string()))
    }
}
