//! Forward and derived backward equations of a cell, for people to read.
//!
//! The equations are those of the graph that is compiled ([`crate::passes`]), written in the user's own names: each
//! value that the equations name keeps its name, the gradient by it is its adjoint `δv`, and what is shared or long
//! gets a name of its own.
//!
//! | file | arrow |
//! | --- | --- |
//! | `name` | cell → the values that get names, and letters that no user has taken |
//! | `build` | graph → equations: which nodes are named, which are written out |
//! | [`equation`] | the equations as data: small trees over named values |
//! | `forward` | document → the forward equations with times counted from the step |
//! | `layout` | the sections of what is printed |
//! | `write` | equations → text or LaTeX |
//! | [`read`](mod@read) | the text or LaTeX that was printed → graph |
//! | `dot` | graph → a picture for Graphviz |
//!
//! # Invariants
//!
//! - Equations of a list read only what an earlier list or an earlier equation of the list defines, and unknowns; the
//!   lists are in the order of evaluation.
//! - What is printed can be read: `read` makes a graph of the text alone, with the roots of the graph that was derived.
//!   The tests run it, and hold its gradients against the rules of differentiation.
//! - A tree has at most `MAXIMUM_SIZE` leaves, so that walks over trees may recurse.

mod build;
mod dot;
pub mod equation;
mod forward;
mod layout;
mod name;
#[cfg(test)]
mod random;
pub mod read;
#[cfg(test)]
mod tests;
mod write;

pub use write::Style;

use crate::graph::Graph;
use crate::passes::PassError;
use crate::resolve::Cell;
use crate::source::ast::Document;
use equation::{Equation, Symbol};
use name::{Letters, StateName, Value};

/// What was derived of a cell.
#[derive(Clone, Debug)]
pub struct Derivation {
    /// The equations as written, times counted from the step.
    document: Document,
    /// Remarks about how the equations were read.
    remarks: Vec<String>,
    /// Forward and adjoint, simplified.
    graph: Graph,
    /// For each node of the graph its name, where it has one.
    names: Vec<Option<Symbol>>,
    /// The values that [`Symbol::Value`] counts.
    values: Vec<Value>,
    /// The states as users write them.
    states: Vec<StateName>,
    /// For each unknown the value that it is.
    unknowns: Vec<Option<u32>>,
    /// For each temporary whether each step has its own.
    temporaries: Vec<bool>,
    letters: Letters,
    /// Computed once, before the first step.
    pub once: Vec<Equation>,
    /// The step forward, in an order of evaluation; values that the user named included.
    pub forward: Vec<Equation>,
    /// The step of the walk back, in an order of evaluation.
    pub backward: Vec<Equation>,
    /// What the backward equations give for [`Symbol::Circling`]: solved with them by iteration, from zero on.
    pub solved: Vec<Equation>,
    /// What a step hands to the step before: gradients by the states as they entered it.
    pub carried: Vec<Equation>,
    /// Gradients by the inputs of the step.
    pub inputs: Vec<Equation>,
    /// Gradients by parameters, and what they are made of: once, after the walk back.
    pub totals: Vec<Equation>,
    /// What is to be added to gradients by parameters where the equations say how states begin, and what that is made
    /// of.
    pub beginnings: Vec<Equation>,
}

/// Derives the equations of a cell. `document` is what it was resolved from.
///
/// # Errors
///
/// A limit on the size of the graph.
pub fn derive(cell: &Cell, document: &Document) -> Result<Derivation, PassError> {
    build::derive(cell, document)
}

impl Derivation {
    /// The equations as plain text.
    #[must_use]
    pub fn to_text(&self) -> String {
        write::document(self, Style::Text)
    }

    /// The equations as LaTeX: headings, `align*` blocks and a list of the notation.
    #[must_use]
    pub fn to_latex(&self) -> String {
        write::document(self, Style::Latex)
    }

    /// The forward and the adjoint graph as a picture for Graphviz.
    #[must_use]
    pub fn to_dot(&self) -> String {
        dot::picture(self)
    }

    /// Numbers of the parameters whose gradients have a part from how the states begin.
    pub fn parameters_of_beginnings(&self) -> impl Iterator<Item = u32> {
        self.beginnings.iter().filter_map(|equation| match equation.symbol {
            Symbol::ParameterGradient(parameter) => Some(parameter),
            _ => None,
        })
    }

    /// Forward and adjoint graph that the equations were read from.
    #[must_use]
    pub fn graph(&self) -> &Graph {
        &self.graph
    }
}

/// Plain words as LaTeX text, for what stands beside [`Derivation::to_latex`].
#[must_use]
pub fn escape_latex(words: &str) -> String {
    write::escape(words)
}
