//! Terms to the cell, once their sizes are known.
//!
//! # Invariants
//!
//! - Up to here sizes are the solver's own variables; in the cell they are its free dimensions, numbered in the order in
//!   which inputs have them, then in that in which they are read.
//! - A part is left out (`None`) only where an error was reported for it.

use super::builder::{Builder, Value};
use super::cell::{Cell, Definition, Output, State, Term, TermId, Unknown, Variable};
use super::dimension::scaled;
use super::draft::Draft;
use super::expression::{Role, SymbolId};
use super::term::Shapes;
use super::variable::Variables;
use crate::diagnostic::Code;
use crate::limits::MAXIMUM_DIMENSION;
use crate::shape::{Dimension, DimensionId, Shape};
use crate::span::Span;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Puts final dimensions in place of the variables and makes the cell. `None` where something is missing, for which
/// an error was reported.
pub(super) fn assemble(
    mut builder: Builder<'_>,
    draft: &Draft,
    variables: &Variables,
    shapes: &Shapes,
    values: &[Option<Value>],
    (next, initial): (Vec<Option<TermId>>, HashMap<u32, TermId>),
) -> Option<Cell> {
    let mut terms = std::mem::take(&mut builder.terms);
    let mut used = solve_terms(&mut builder, &mut terms);
    if builder.findings.has_errors() {
        return None;
    }
    let mut unknowns = Vec::with_capacity(variables.unknowns.len());
    for equation in &variables.unknowns {
        unknowns.push(builder.solver.resolve_shape(&shapes.unknowns.get(equation)?.1));
    }
    let mut named: HashMap<SymbolId, Shape> =
        shapes.of.iter().map(|(symbol, shape)| (*symbol, builder.solver.resolve_shape(shape))).collect();
    used.extend(free(named.values().chain(&unknowns).flat_map(Shape::axes)));
    let names = names(&mut builder, variables, &named, &used);
    let numbers = (0_u32..).zip(&names).map(|(number, (id, _))| (*id, DimensionId(number))).collect();
    for term in &mut terms {
        term.shape = term.shape.map(|size| renumber(size, &numbers));
        term.operator.each_dimension_mut(|size| *size = renumber(size, &numbers));
    }
    for shape in named.values_mut().chain(&mut unknowns) {
        *shape = shape.map(|size| renumber(size, &numbers));
    }
    let parts = Parts { draft, variables, values, named, unknowns };
    let outputs = parts.outputs().filter(|outputs| !outputs.is_empty())?;
    Some(Cell {
        dimensions: names.into_iter().map(|(_, name)| name).collect(),
        inputs: parts.as_first_read(&variables.inputs)?,
        states: parts.states(next, &initial)?,
        unknowns: parts.unknowns()?,
        parameters: parts.as_first_read(&variables.parameters)?,
        outputs,
        constants: parts.constants(),
        definitions: parts.definitions()?,
        terms,
        diagnostics: Vec::new(),
    })
}

/// Puts what the solver has found in place of its variables; gives those that are left. A size that is too large is
/// reported.
fn solve_terms(builder: &mut Builder<'_>, terms: &mut [Term]) -> BTreeSet<DimensionId> {
    let mut used = BTreeSet::new();
    // Each is told once, where it is met first.
    let mut too_large = BTreeSet::new();
    for term in terms {
        term.shape = builder.solver.resolve_shape(&term.shape);
        term.operator.each_dimension_mut(|size| {
            *size = builder.solver.resolve(size);
            used.extend(free([&*size]));
        });
        let axes = term.shape.axes();
        let largest = axes.iter().map(|size| size.constant_part()).max().unwrap_or(0);
        used.extend(free(axes));
        if largest as usize > MAXIMUM_DIMENSION && too_large.insert(largest) {
            let message = format!("a size of {largest} is above {MAXIMUM_DIMENSION} (MAXIMUM_DIMENSION)");
            builder.findings.report(Code::DimensionTooLarge, term.span, message);
        }
    }
    used
}

/// The free dimensions that are used, with their names: numbered by input first; named by what is read first.
fn names(
    builder: &mut Builder<'_>,
    variables: &Variables,
    named: &HashMap<SymbolId, Shape>,
    used: &BTreeSet<DimensionId>,
) -> Vec<(DimensionId, String)> {
    let inputs = variables.inputs.iter().filter_map(|input| named.get(input));
    let of_inputs = Vec::from_iter(free(inputs.flat_map(Shape::axes)));
    let mut names = builder.solver.names(used);
    names.sort_by_key(|(id, _)| of_inputs.iter().position(|input| input == id).unwrap_or(usize::MAX));
    names
}

/// What the parts of a cell are made from.
struct Parts<'a> {
    draft: &'a Draft,
    variables: &'a Variables,
    /// For each equation its value.
    values: &'a [Option<Value>],
    /// Shapes as the cell has them: of inputs, states and parameters, and of the unknowns in their order.
    named: HashMap<SymbolId, Shape>,
    unknowns: Vec<Shape>,
}

impl Parts<'_> {
    fn variable(&self, symbol: SymbolId, span: Span) -> Option<Variable> {
        let (name, shape) = (self.draft.symbol(symbol).canonical.clone(), self.named.get(&symbol)?.clone());
        Some(Variable { name, shape, span, frozen: self.draft.frozen.contains(&symbol) })
    }

    /// Inputs or parameters, each at the place where it is read first.
    fn as_first_read(&self, symbols: &[SymbolId]) -> Option<Vec<Variable>> {
        symbols.iter().map(|&symbol| self.variable(symbol, self.draft.symbol(symbol).first)).collect()
    }

    /// The value of an equation.
    fn value(&self, equation: usize) -> Option<TermId> {
        Some(self.values.get(equation).copied().flatten()?.term)
    }

    /// The states that the equations name, then the hidden ones.
    fn states(&self, next: Vec<Option<TermId>>, initial: &HashMap<u32, TermId>) -> Option<Vec<State>> {
        let Self { draft, variables, .. } = self;
        let mut states = Vec::with_capacity(next.len());
        for (at, (number, next)) in (0_u32..).zip(next).enumerate() {
            let (next, initial) = (next?, initial.get(&number).copied());
            let state = match variables.states.get(at) {
                Some(&symbol) => {
                    let known = draft.symbol(symbol);
                    let defined = known.definitions.first();
                    let span = defined.map_or(known.first, |&at| draft.equations[at].target_span);
                    State { variable: self.variable(symbol, span)?, next, initial, hidden: false }
                }
                None => {
                    let hidden = variables.hidden.get(at - variables.states.len())?;
                    let mut variable = self.variable(hidden.of, draft.symbol(hidden.of).first)?;
                    variable.name.clone_from(&hidden.name);
                    State { variable, next, initial, hidden: true }
                }
            };
            states.push(state);
        }
        Some(states)
    }

    fn unknowns(&self) -> Option<Vec<Unknown>> {
        let mut unknowns = Vec::with_capacity(self.unknowns.len());
        for (&index, shape) in self.variables.unknowns.iter().zip(&self.unknowns) {
            let equation = &self.draft.equations[index];
            let name = self.draft.symbol(equation.target).canonical.clone();
            let (shape, span) = (shape.clone(), equation.target_span);
            let variable = Variable { name, shape, span, frozen: false };
            unknowns.push(Unknown { variable, solution: self.value(index)? });
        }
        Some(unknowns)
    }

    fn outputs(&self) -> Option<Vec<Output>> {
        let output = |&symbol: &SymbolId| {
            let known = self.draft.symbol(symbol);
            let value = self.value(*known.definitions.last()?)?;
            Some(Output { name: known.canonical.clone(), value })
        };
        self.draft.outputs.iter().map(output).collect()
    }

    /// Names of numbers, but for the beginnings of states.
    fn constants(&self) -> Vec<(String, f64)> {
        let beginnings: BTreeSet<usize> = self.draft.initial.values().copied().collect();
        let mut constants = Vec::new();
        for (index, equation) in self.draft.equations.iter().enumerate() {
            let symbol = self.draft.symbol(equation.target);
            if let (Role::Constant(value), false) = (symbol.role, beginnings.contains(&index)) {
                constants.push((symbol.canonical.clone(), value));
            }
        }
        constants
    }

    /// The equations in the order in which they are computed.
    fn definitions(&self) -> Option<Vec<Definition>> {
        let mut definitions = Vec::new();
        for &index in &self.draft.order {
            let equation = &self.draft.equations[index];
            let symbol = self.draft.symbol(equation.target);
            if matches!(symbol.role, Role::Constant(_)) {
                continue;
            }
            definitions.push(Definition {
                name: symbol.canonical.clone(),
                value: self.value(index)?,
                span: equation.span,
                target_span: equation.target_span,
                statement: equation.statement,
            });
        }
        Some(definitions)
    }
}

/// The variables in some sizes.
fn free<'a>(sizes: impl IntoIterator<Item = &'a Dimension>) -> impl Iterator<Item = DimensionId> {
    sizes.into_iter().flat_map(Dimension::terms).map(|(id, _)| *id)
}

fn renumber(size: &Dimension, numbers: &BTreeMap<DimensionId, DimensionId>) -> Dimension {
    size.terms().iter().fold(Dimension::constant(size.constant_part()), |sum, (id, coefficient)| {
        let id = numbers.get(id).copied().unwrap_or(*id);
        sum.plus(&scaled(&Dimension::free(id), *coefficient))
    })
}
