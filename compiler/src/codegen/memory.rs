//! The life of compiled code: who owns its memory and when that is freed.
//!
//! Dropping a `JITModule` leaks its code by design; `free_memory` releases it, and is sound only when nobody can run
//! the code any more. So the addresses never leave this type: they are lent together with `&CodeMemory`, and `Drop`
//! needs the value itself.

use std::mem::ManuallyDrop;

use cranelift_jit::JITModule;
use cranelift_module::FuncId;

/// Finalised code and the addresses of its functions.
pub(super) struct CodeMemory {
    module: ManuallyDrop<JITModule>,
    addresses: Vec<*const u8>,
}

/// What the next argument rests on, for the compiler to check.
const _: fn() = || {
    fn is_send<T: Send>() {}
    is_send::<JITModule>();
};

// SAFETY: `JITModule` is `Send`; `addresses` points to memory that the module owns and that moves with it.
unsafe impl Send for CodeMemory {}
// SAFETY: through a shared reference only `address` can be called, which reads a vector that is never changed. The
// module, which has interior mutability, is private and touched by `drop` alone, which has exclusive access. The code
// pointed to is mapped read-execute and has no mutable data of its own.
unsafe impl Sync for CodeMemory {}

impl CodeMemory {
    /// Takes over a module with functions that are defined in it and finalised; without functions it may be in any state.
    pub(super) fn new(module: JITModule, functions: &[FuncId]) -> Self {
        let addresses = functions.iter().map(|function| module.get_finalized_function(*function)).collect();
        Self { module: ManuallyDrop::new(module), addresses }
    }

    /// Address of a function; valid to call as long as `self` is borrowed.
    #[inline]
    pub(super) fn address(&self, index: usize) -> Option<*const u8> {
        self.addresses.get(index).copied()
    }
}

impl Drop for CodeMemory {
    fn drop(&mut self) {
        // SAFETY: `module` is taken once, here, and `self` is not used afterwards.
        let module = unsafe { ManuallyDrop::take(&mut self.module) };
        // SAFETY: code is only run by `CompiledKernels`, which borrows itself, and with it `self`, for the
        // whole call; since `drop` has exclusive access, no call is under way, and no address outlives `self`.
        unsafe { module.free_memory() };
    }
}

impl std::fmt::Debug for CodeMemory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CodeMemory").field("functions", &self.addresses.len()).finish_non_exhaustive()
    }
}
