//! What the expansions of `cell!` and `#[cell]` call. Not for other code: it may change with every version.

use gatewright_compiler::resolve::{Cell, CyclePolicy, Options, resolve};
use gatewright_compiler::source::{Syntax, parse};

/// The cell of equations that the macro printed.
///
/// # Panics
///
/// Never for text that the macro of this version printed: it has read that text again with this parser, and compared
/// the cells, before it generated the call.
#[must_use]
pub fn cell(equations: &str, cycle: CyclePolicy) -> Cell {
    match resolve(&parse(equations, Syntax::Text, None).document, &Options { cycle, ..Options::default() }) {
        Ok(cell) => cell,
        Err(diagnostics) => unreachable!("the macro accepted these equations: {equations}\n{diagnostics:?}"),
    }
}
