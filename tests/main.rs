//! Integration tests: one binary, one module for each subject.

#![allow(mixed_script_confusables, reason = "equations have Greek letters")]

mod agreement;
mod golden;
mod gradients;
mod macros;
mod zoo;
