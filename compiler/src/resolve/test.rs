//! Tests over documents as they are written.

mod golden;
