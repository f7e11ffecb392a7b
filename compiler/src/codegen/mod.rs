//! Plan to machine code.
