//! Integration tests: one binary, one module for each subject.

#![allow(mixed_script_confusables, reason = "equations have Greek letters")]

mod agreement;
mod decisions;
mod generated;
mod golden;
mod gradients;
mod hostile;
mod house;
mod initial;
mod layers;
mod macros;
mod order;
mod planner;
mod slices;
mod solved;
mod texts;
mod weights;
mod zoo;
