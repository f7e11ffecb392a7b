//! No text makes the front end panic, hang or say nothing.

mod campaign;
mod regression;
mod size;
