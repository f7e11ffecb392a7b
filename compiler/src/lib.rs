#![doc = include_str!("../ARCHITECTURE.md")]
#![cfg_attr(not(feature = "jit"), forbid(unsafe_code))]

pub mod ablate;
#[cfg(feature = "jit")]
pub mod codegen;
pub mod derivation;
pub mod diagnostic;
pub mod differentiate;
pub mod graph;
#[doc = include_str!("../LANGUAGE.md")]
pub mod language {}
pub mod limits;
#[cfg(feature = "mathml")]
pub mod mathml;
pub mod operator;
pub mod passes;
pub mod plan;
pub mod regularize;
pub mod resolve;
pub mod shape;
pub mod simplify;
pub mod source;
pub mod span;
