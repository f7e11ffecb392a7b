//! The checked cell: roles, shapes and the meaning of every definition, ready to be lowered to a graph.
//!
//! # Invariants
//!
//! - Terms refer only to earlier terms; definitions are in an order of evaluation.
//! - Every name has one canonical ASCII form, unique among inputs, states and parameters.
//! - Operators are those of [`crate::operator`]; a term's shape is the one its operator's shape rule gives.
//! - Delays above one and input lags are states of their own, marked `hidden`, whose names no user wrote.

use crate::diagnostic::Diagnostic;
use crate::operator::Operator;
use crate::shape::Shape;
use crate::span::Span;

/// A term of a [`Cell`]: an index into `Cell::terms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TermId(pub u32);

/// One operator applied to terms.
#[derive(Clone, Debug, PartialEq)]
pub struct Term {
    /// What computes it.
    pub operator: Operator,
    /// From what.
    pub operands: Vec<TermId>,
    /// Shape for one sample.
    pub shape: Shape,
    /// Where it was written.
    pub span: Span,
}

/// An input, state or parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct Variable {
    /// Canonical ASCII name.
    pub name: String,
    /// Shape for one sample; parameters as stored.
    pub shape: Shape,
    /// Where it was first read or defined.
    pub span: Span,
    /// A parameter that is given and not learned: it has no gradient.
    pub frozen: bool,
}

/// A state and what becomes of it.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// Name, shape and place.
    pub variable: Variable,
    /// Its value at the end of the step.
    pub next: TermId,
    /// Its declared value before the first step, constant over time; `None` for zero.
    pub initial: Option<TermId>,
    /// Made by the compiler for a delay above one or an input lag.
    pub hidden: bool,
}

impl State {
    /// The name that users write, and how many steps back it is read: `("h", 1)` for `h_{t-1}`. Those that the
    /// compiler makes are called `NAME_delay_STEPS`, with underscores behind where that name is taken.
    #[must_use]
    pub fn delay(&self) -> (&str, u32) {
        let name = self.variable.name.as_str();
        let made = name.rsplit_once("_delay_").filter(|_| self.hidden);
        let made = made.and_then(|(of, back)| Some((of, back.trim_end_matches('_').parse().ok()?)));
        made.unwrap_or((name, 1))
    }
}

/// A value of the step that its equations give and need, solved by iteration.
#[derive(Clone, Debug, PartialEq)]
pub struct Unknown {
    /// Name and shape of the value, and the place of its definition.
    pub variable: Variable,
    /// What the equations give for it.
    pub solution: TermId,
}

/// A definition in evaluation order.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    /// Canonical ASCII name of the value.
    pub name: String,
    /// The value.
    pub value: TermId,
    /// The whole equation.
    pub span: Span,
    /// Its left side.
    pub target_span: Span,
    /// Index of the statement in the document that made it.
    pub statement: usize,
}

/// An output sequence.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// Canonical ASCII name.
    pub name: String,
    /// Its value at this step.
    pub value: TermId,
}

/// A checked cell.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// Names of the free dimensions, in the order of [`crate::shape::DimensionId`].
    pub dimensions: Vec<String>,
    /// Inputs, in the order they are first read.
    pub inputs: Vec<Variable>,
    /// States, in the order they are defined.
    pub states: Vec<State>,
    /// Unknowns, in the order they are defined: cycles within one step are cut at them.
    pub unknowns: Vec<Unknown>,
    /// Parameters, in the order they are first read.
    pub parameters: Vec<Variable>,
    /// Outputs, one or more: those that are named, in that order, else the one that is chosen.
    pub outputs: Vec<Output>,
    /// Given numbers (`\epsilon = 0.01`), by canonical name.
    pub constants: Vec<(String, f64)>,
    /// Definitions in evaluation order.
    pub definitions: Vec<Definition>,
    /// All terms.
    pub terms: Vec<Term>,
    /// Notes and warnings; a cell has no errors.
    pub diagnostics: Vec<Diagnostic>,
}

impl Cell {
    /// The cell without the places of its source: equal for equations that say the same in the same order, however they
    /// are spelled.
    #[must_use]
    pub fn placeless(mut self) -> Self {
        let nowhere = Span::default();
        let variables = self.inputs.iter_mut().chain(&mut self.parameters);
        let variables = variables.chain(self.states.iter_mut().map(|state| &mut state.variable));
        for variable in variables.chain(self.unknowns.iter_mut().map(|unknown| &mut unknown.variable)) {
            variable.span = nowhere;
        }
        for definition in &mut self.definitions {
            (definition.span, definition.target_span) = (nowhere, nowhere);
        }
        for term in &mut self.terms {
            term.span = nowhere;
        }
        for Diagnostic { span, labels, .. } in &mut self.diagnostics {
            *span = nowhere;
            for label in labels {
                label.0 = nowhere;
            }
        }
        self
    }
}
