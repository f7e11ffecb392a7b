//! The road of one text: parse, print, check, render, lower, differentiate, simplify, plan, derive.
//!
//! A text ends in a cell or in errors. Whatever it is, places lie in it and findings can be shown. A cell passes all
//! later stages but for limits, and what they make passes its verification.

use gatewright_compiler::derivation::derive;
use gatewright_compiler::diagnostic::{Code, Diagnostic, render};
use gatewright_compiler::graph::{GraphError, lower};
use gatewright_compiler::passes::{self, PassError};
use gatewright_compiler::plan::{self, PlanError};
use gatewright_compiler::resolve::Cell;
use gatewright_compiler::source::{Parsed, parse, parse_tokens, print_latex, print_text};

use crate::input::{Input, Spelling};

/// Where a text got to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It is no stream of Rust tokens.
    NoTokens,
    /// Errors; the code of the first.
    Refused(Code),
    /// A cell that is beyond a limit of a later stage.
    Limited,
    /// A cell that is too large for the time there is.
    Large,
    /// A cell with its plans.
    Planned,
}

/// Most nodes of a gradient whose plan and derivation are made, where texts are many: most time would go into few.
const MAXIMUM_PLANNED: usize = 300;

/// Drives one input down the road, to the plan where the cell is small.
///
/// # Panics
///
/// Where a stage breaks its word, which is what is looked for.
#[must_use]
pub fn drive(input: &Input) -> End {
    drive_to(input, MAXIMUM_PLANNED)
}

/// Drives one input down the whole road, however large its cell is.
///
/// # Panics
///
/// As [`drive`].
#[must_use]
pub fn drive_whole(input: &Input) -> End {
    drive_to(input, usize::MAX)
}

fn drive_to(input: &Input, most: usize) -> End {
    let text = input.text.as_str();
    let parsed = match input.spelling {
        Spelling::Text(syntax) => {
            let parsed = parse(text, syntax, input.section);
            verify_places(text, &parsed);
            parsed
        }
        Spelling::Tokens => match text.parse() {
            Ok(tokens) => parse_tokens(tokens).0,
            Err(_) => return End::NoTokens,
        },
    };
    // What is printed is printable, whatever was read.
    let (_, _) = (print_text(&parsed.document), print_latex(&parsed.document));
    let document = parsed.document.clone();
    match passes::check(parsed, &input.options) {
        Err(diagnostics) => {
            let first = diagnostics.iter().find(|found| found.is_error());
            let first = first.unwrap_or_else(|| panic!("refused without an error: {diagnostics:?}"));
            show(text, &diagnostics, input.spelling);
            End::Refused(first.code)
        }
        Ok(cell) => {
            assert!(
                cell.diagnostics.iter().all(|found| !found.is_error()),
                "accepted with an error: {:?}",
                cell.diagnostics
            );
            show(text, &cell.diagnostics, input.spelling);
            let end = compile(&cell, &input.sizes, most);
            if end == End::Planned
                && let Ok(derivation) = derive(&cell, &document)
            {
                assert!(!derivation.to_text().is_empty() && !derivation.to_latex().is_empty());
            }
            end
        }
    }
}

/// Every place lies in the source, on boundaries of characters.
fn verify_places(text: &str, parsed: &Parsed) {
    let labelled = parsed
        .diagnostics
        .iter()
        .flat_map(|found| std::iter::once(found.span).chain(found.labels.iter().map(|label| label.0)));
    for span in labelled.chain(parsed.document.statements.iter().map(|statement| statement.span)) {
        let range = span.start as usize..span.end as usize;
        assert!(text.get(range).is_some(), "{span:?} is no place of the text");
    }
}

/// Findings can be shown in every way.
fn show(text: &str, diagnostics: &[Diagnostic], spelling: Spelling) {
    for found in diagnostics {
        assert!(!found.message.is_empty(), "{found:?} says nothing");
    }
    if let Spelling::Text(_) = spelling {
        // What is shown first stands for the rest: excerpts of all would take most of the time.
        let some = &diagnostics[..diagnostics.len().min(3)];
        assert_eq!(render(some, text, "text", false).is_empty(), some.is_empty());
    }
}

/// Every stage after the check.
fn compile(cell: &Cell, sizes: &[usize; 4], most: usize) -> End {
    let lowered = match lower(cell) {
        Ok(lowered) => lowered,
        Err(GraphError::TooManyNodes) => return End::Limited,
        Err(error) => panic!("lowering: {error}"),
    };
    let graphs = match passes::run_from_graph(&lowered) {
        Ok(graphs) => graphs,
        Err(PassError::Lower(GraphError::TooManyNodes)) => return End::Limited,
        Err(error) => panic!("passes: {error}"),
    };
    for graph in [&graphs.forward, &graphs.gradient] {
        graph.verify().unwrap_or_else(|error| panic!("{error}\n{graph}"));
    }
    if graphs.gradient.len() > most {
        return End::Large;
    }
    for graph in [&graphs.forward, &graphs.gradient] {
        let count = graph.signature().dimensions.len();
        let sizes: Vec<usize> = sizes.iter().copied().cycle().take(count).collect();
        match plan::plan(graph, &sizes) {
            Ok(plan) => plan.verify().unwrap_or_else(|error| panic!("{error}\n{graph}\n{plan}")),
            Err(PlanError::Size { .. }) => return End::Limited,
            Err(error) => panic!("{error} at {sizes:?}\n{graph}"),
        }
    }
    End::Planned
}
