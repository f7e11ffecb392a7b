//! Nothing but a home for the examples beside this folder: `cargo run --release --example custom_cell`.
