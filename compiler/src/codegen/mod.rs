//! Kernels to machine code, through Cranelift; nothing outside this folder names it.
//!
//! | part | does |
//! | --- | --- |
//! | `schedule` | splits a kernel into loops and calls of tile primitives, and says where values live between them |
//! | `emit` | writes the loop nest in Cranelift's intermediate form |
//! | `vector` | writes the arithmetic, always on 128-bit vectors |
//! | `memory` | owns the code and frees it |
//! | `call` | checks a call and makes it |
//!
//! A compiled kernel computes what [`crate::plan::interpret::run_kernel`] computes, bit for bit but for the payload of
//! NaN. All kernels of a cell go into one set: each set occupies pages of its own.
//!
//! Cranelift has 128-bit vectors and no wider, so transcendental functions, where width pays, are host functions over
//! tiles that reach the code through a table in each call. The code refers to no address of its process, but for
//! fused multiply-adds on machines that have none.

mod call;
mod emit;
mod error;
mod memory;
mod schedule;
mod vector;

pub use call::BoundKernel;
pub use error::CodegenError;

use std::sync::atomic::{AtomicU64, Ordering};

use cranelift_codegen::ir::{Function, UserFuncName};
use cranelift_codegen::isa::OwnedTargetIsa;
use cranelift_codegen::settings::{self, Configurable};
use cranelift_codegen::{Context, isa};
use cranelift_frontend::FunctionBuilderContext;
use cranelift_jit::{JITBuilder, JITModule};
use cranelift_module::{Linkage, Module, default_libcall_names};

use crate::plan::kernel::{Kernel, KernelBuffer, Precision};
use memory::CodeMemory;
use schedule::Schedule;

/// Most buffers of a kernel: their addresses are gathered on the stack.
pub const MAXIMUM_BUFFERS: usize = 64;
/// Most lanes of a kernel, and the largest width or stride of its buffers.
pub const MAXIMUM_EXTENT: usize = 1 << 40;
/// Most elements of scratch memory of a kernel.
pub const MAXIMUM_SCRATCH: usize = 1 << 32;

/// A set of compiled kernels of one precision.
#[derive(Debug)]
pub struct CompiledKernels {
    /// No other set of this process has it.
    number: u64,
    precision: Precision,
    entries: Vec<Entry>,
    memory: CodeMemory,
}

/// What a call must know of a kernel.
#[derive(Debug)]
struct Entry {
    buffers: Vec<KernelBuffer>,
    scratch_elements: usize,
    code_bytes: usize,
}

impl CompiledKernels {
    /// Compiles kernels for the machine that this runs on.
    ///
    /// # Errors
    /// A kernel is malformed or too large, or the machine is not supported.
    pub fn compile(kernels: &[Kernel], precision: Precision) -> Result<Self, CodegenError> {
        Self::compile_for(host()?, kernels, precision)
    }

    fn compile_for(
        isa: OwnedTargetIsa,
        kernels: &[Kernel],
        precision: Precision,
    ) -> Result<Self, CodegenError> {
        let target = isa.frontend_config();
        let mut jit = JITBuilder::with_isa(isa, default_libcall_names());
        // What Cranelift calls where the machine has no fused multiply-add.
        jit.symbol("fmaf", fused_single as *const u8);
        jit.symbol("fma", fused_double as *const u8);
        let mut module = JITModule::new(jit);
        let mut context = Context::new();
        let mut builder = FunctionBuilderContext::new();
        let mut functions = Vec::with_capacity(kernels.len());
        let mut entries = Vec::with_capacity(kernels.len());
        let outcome = kernels.iter().enumerate().try_for_each(|(index, kernel)| {
            let (schedule, scratch_elements) = prepare(kernel)?;
            let name = format!("kernel_{index}");
            context.func.signature = emit::signature(target);
            let id =
                module.declare_function(&name, Linkage::Export, &context.func.signature).map_err(internal)?;
            context.func.name = UserFuncName::user(0, id.as_u32());
            emit::emit(kernel, &schedule, precision, target, &mut context.func, &mut builder)?;
            module.define_function(id, &mut context).map_err(internal)?;
            let code_bytes = context.compiled_code().map_or(0, |code| code.code_buffer().len());
            module.clear_context(&mut context);
            functions.push(id);
            entries.push(Entry { buffers: kernel.buffers.clone(), scratch_elements, code_bytes });
            Ok::<(), CodegenError>(())
        });
        let finalized = outcome.and_then(|()| module.finalize_definitions().map_err(internal));
        if let Err(error) = finalized {
            // Frees what was compiled so far: a set without functions owns the module.
            drop(CodeMemory::new(module, &[]));
            return Err(error);
        }
        // From 1 on: 0 is the number of no set.
        static SETS: AtomicU64 = AtomicU64::new(1);
        let number = SETS.fetch_add(1, Ordering::Relaxed);
        Ok(Self { number, precision, entries, memory: CodeMemory::new(module, &functions) })
    }

    /// Number of kernels.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What the kernels compute in.
    #[must_use]
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Elements of scratch memory that suffice for each kernel of the set.
    #[must_use]
    pub fn scratch_elements(&self) -> usize {
        self.entries.iter().map(|entry| entry.scratch_elements).max().unwrap_or(0)
    }

    /// Bytes of machine code, constants included.
    #[must_use]
    pub fn code_bytes(&self) -> usize {
        self.entries.iter().map(|entry| entry.code_bytes).sum()
    }
}

/// The kernel in Cranelift's intermediate form, as text.
///
/// # Errors
/// As for [`CompiledKernels::compile`].
pub fn clif(kernel: &Kernel, precision: Precision) -> Result<String, CodegenError> {
    let isa = host()?;
    Ok(build(&*isa, kernel, precision)?.func.display().to_string())
}

fn build(isa: &dyn isa::TargetIsa, kernel: &Kernel, precision: Precision) -> Result<Context, CodegenError> {
    let (schedule, _) = prepare(kernel)?;
    let target = isa.frontend_config();
    let function = Function::with_name_signature(UserFuncName::user(0, 0), emit::signature(target));
    let mut context = Context::for_function(function);
    emit::emit(kernel, &schedule, precision, target, &mut context.func, &mut FunctionBuilderContext::new())?;
    Ok(context)
}

/// Checks a kernel and splits it into loops.
fn prepare(kernel: &Kernel) -> Result<(Schedule, usize), CodegenError> {
    kernel.verify()?;
    let too_large = |extent| CodegenError::TooLarge { kernel: kernel.name.clone(), extent };
    let extents = kernel.buffers.iter().flat_map(|buffer| [buffer.width, buffer.stride]);
    if let Some(extent) = extents.chain([kernel.lanes]).find(|extent| *extent > MAXIMUM_EXTENT) {
        return Err(too_large(extent));
    }
    if kernel.buffers.len() > MAXIMUM_BUFFERS {
        return Err(CodegenError::TooManyBuffers {
            kernel: kernel.name.clone(),
            buffers: kernel.buffers.len(),
            maximum: MAXIMUM_BUFFERS,
        });
    }
    let schedule = schedule::schedule(kernel, kernel.kinds()?);
    match schedule.scratch_elements {
        Some(elements) if elements <= MAXIMUM_SCRATCH => Ok((schedule, elements)),
        elements => Err(too_large(elements.unwrap_or(usize::MAX))),
    }
}

/// The instruction set of this machine.
fn host() -> Result<OwnedTargetIsa, CodegenError> {
    finish(cranelift_native::builder().map_err(|message| CodegenError::Host(message.to_owned()))?)
}

fn finish(builder: isa::Builder) -> Result<OwnedTargetIsa, CodegenError> {
    let mut flags = settings::builder();
    let values = [
        ("opt_level", "speed"),
        // `cranelift-jit` needs absolute addresses; calls may have to reach anywhere.
        ("is_pic", "false"),
        ("use_colocated_libcalls", "false"),
        ("unwind_info", "false"),
        ("enable_verifier", if cfg!(debug_assertions) { "true" } else { "false" }),
    ];
    for (name, value) in values {
        flags.set(name, value).map_err(internal)?;
    }
    let isa = builder.finish(settings::Flags::new(flags)).map_err(internal)?;
    // Without AVX, Cranelift 0.135 folds unaligned loads into `cmpps`, which faults; nor is it tested much there.
    let has_avx = isa.isa_flags().iter().any(|flag| flag.name == "has_avx" && flag.as_bool() == Some(true));
    if isa.name() == "x64" && !has_avx {
        return Err(CodegenError::Host("an x86-64 processor without AVX".to_owned()));
    }
    Ok(isa)
}

fn internal(error: impl std::fmt::Debug) -> CodegenError {
    CodegenError::Cranelift(format!("{error:?}"))
}

extern "C" fn fused_single(a: f32, b: f32, c: f32) -> f32 {
    a.mul_add(b, c)
}

extern "C" fn fused_double(a: f64, b: f64, c: f64) -> f64 {
    a.mul_add(b, c)
}

#[cfg(test)]
mod tests;
