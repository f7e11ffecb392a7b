//! The front end over a text: what the tests of whole documents share.

use gatewright_compiler::diagnostic::{Diagnostic, Severity};
use gatewright_compiler::resolve::{Cell, CyclePolicy, Options, resolve};
use gatewright_compiler::source::{Syntax, parse};

/// Parses and resolves. A cell has the findings of both; without one there are at least the errors of the first stage
/// that found any.
pub(crate) fn compile(
    text: &str,
    syntax: Syntax,
    section: Option<&str>,
    cycle: CyclePolicy,
) -> Result<Cell, Vec<Diagnostic>> {
    let parsed = parse(text, syntax, section);
    let mut findings = parsed.diagnostics;
    let failed = findings.iter().any(|found| found.code.severity() == Severity::Error);
    if failed && parsed.document.statements.is_empty() {
        return Err(findings);
    }
    match resolve(&parsed.document, &Options { cycle }) {
        Ok(mut cell) if !failed => {
            cell.diagnostics.extend(findings);
            Ok(cell)
        }
        Ok(_) => Err(findings),
        Err(more) => {
            findings.extend(more);
            Err(findings)
        }
    }
}
