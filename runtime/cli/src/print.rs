//! What the command says, on streams that may be closed or full.
//!
//! The macros of the standard library panic where a stream takes no more; `gatewright derive … | head` is no reason to.

use std::fmt::Arguments;
use std::io::{ErrorKind, Write};

use crate::failure::Failure;

/// Writes an answer and its end to standard output.
///
/// # Errors
///
/// The stream took no more: silent where its reader has gone, who has seen what there was to see.
pub(crate) fn write_answer(text: Arguments<'_>, end: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    out.write_fmt(format_args!("{text}{end}")).and_then(|()| out.flush()).map_err(|error| {
        match error.kind() {
            ErrorKind::BrokenPipe => Failure::Unread,
            _ => Failure::usage(format!("standard output: {error}")),
        }
    })
}

/// Writes a message to standard error. Where that cannot be done there is nobody to tell.
pub(crate) fn message(text: Arguments<'_>) {
    let _ = std::io::stderr().lock().write_fmt(text);
}

/// `print!`, but for what [`write_answer`] says.
macro_rules! answer {
    ($($argument:tt)*) => { $crate::print::write_answer(format_args!($($argument)*), "") };
}

/// `println!`, but for what [`write_answer`] says.
macro_rules! answer_line {
    ($($argument:tt)*) => { $crate::print::write_answer(format_args!($($argument)*), "\n") };
}

pub(crate) use {answer, answer_line};
