//! Integration tests: one binary, one module for each subject.

mod agreement;
mod generated;
mod golden;
mod hostile;
mod planner;
