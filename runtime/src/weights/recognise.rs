//! From the equations of a cell to the form that they are.
//!
//! A cell is a form when its graph is that of the form's equations, whatever the names, the order, and whether a matrix
//! is applied to `[h_{t-1}, x_t]` or two matrices to each ([`Graph::compare`]). Then each of the form's parameters is one
//! of the cell's, or a block of columns of one.

use gatewright_compiler::graph::{Graph, Sameness, lower};
use gatewright_compiler::operator::real::Real;
use gatewright_compiler::passes::PassError;
use gatewright_compiler::resolve::Cell;
use gatewright_compiler::simplify::simplify;
use gatewright_compiler::source::Syntax;

use super::activation::Activation;
use super::error::WeightError;
use super::form::{Family, Form, PROJECTION, Reset, Sizes};
use super::{Direction, Layer, Tensors, axes, shape_error};
use crate::error::CompileError;
use crate::parameters::NamedTensor;
use crate::read::read_cell;

/// Finds the form that a cell is, and its parameters in `tensors`, which go by the names of the cell.
///
/// Forms with the usual activations are tried: a network with tanh or relu, an LSTM (with peepholes, coupled gates,
/// projection or none), a GRU with either reset, all with and without biases.
///
/// # Errors
///
/// [`WeightError::NoForm`] where it is none of them, and tensors that are missing or do not fit.
pub fn recognise<T: Real>(cell: &Cell, tensors: &Tensors<T>) -> Result<Layer<T>, WeightError> {
    let graph = graph_of(cell)?;
    for form in forms() {
        let known = graph_of(&read_cell(&form.text(), Syntax::Markdown)?)?;
        if let Sameness::Same(names) = graph.compare(&known) {
            return gather(&form, &names, tensors);
        }
    }
    Err(WeightError::NoForm)
}

fn graph_of(cell: &Cell) -> Result<Graph, WeightError> {
    let graph = lower(cell).map_err(|error| CompileError::from(PassError::from(error)))?;
    Ok(simplify(&graph))
}

fn forms() -> Vec<Form> {
    let (gate, tanh) = (Activation::Sigmoid, Activation::Tanh);
    let mut families: Vec<Family> =
        [tanh, Activation::Relu].map(|activation| Family::Simple { activation }).into();
    families.extend([Reset::Before, Reset::After].map(|reset| Family::Gru { gate, candidate: tanh, reset }));
    for choice in 0..8_u8 {
        let (peepholes, coupled, projection) = (choice & 1 != 0, choice & 2 != 0, choice & 4 != 0);
        families.push(Family::Lstm { gate, candidate: tanh, output: tanh, peepholes, coupled, projection });
    }
    let form = |bias| move |&family: &Family| Form { family, bias, clip: None };
    families.iter().map(form(true)).chain(families.iter().map(form(false))).collect()
}

/// A parameter of the cell, or some columns of it, with its name in the form.
struct Source<'a, T> {
    tensor: &'a NamedTensor<T>,
    /// Some columns: the next that no source before has taken.
    joined: bool,
    name: &'a str,
}

fn gather<T: Real>(
    form: &Form,
    names: &[(String, String)],
    tensors: &Tensors<T>,
) -> Result<Layer<T>, WeightError> {
    // Sizes do not matter for the names.
    let wanted = form.parameters(Sizes { input: 1, hidden: 1, output: 1 });
    let mut sources: Vec<Source<'_, T>> = Vec::new();
    for (from, to) in names {
        if wanted.iter().all(|(name, _)| name != to) {
            continue;
        }
        // A block is called `W[:, a .. b]`; blocks of one matrix come from left to right.
        let (name, joined) = from.split_once('[').map_or((from.as_str(), false), |(name, _)| (name, true));
        let tensor = tensors.get(name).ok_or_else(|| WeightError::Missing { tensor: name.to_owned() })?;
        sources.push(Source { tensor, joined, name: to });
    }
    let sizes = sizes(form, &sources)?;
    let mut gathered: Vec<NamedTensor<T>> = Vec::new();
    let mut columns_before: Option<(&str, usize)> = None;
    for (name, shape) in form.parameters(sizes) {
        if sources.iter().all(|source| source.name != name) {
            return Err(WeightError::Missing { tensor: name });
        }
        gathered.push(NamedTensor { name, shape, values: Vec::new() });
    }
    for source in &sources {
        let tensor = source.tensor;
        let Some(into) = gathered.iter_mut().find(|into| into.name == source.name) else { continue };
        if !source.joined {
            super::expect_shape(tensor, &into.shape)?;
            into.values = tensor.values.clone();
            continue;
        }
        let [rows, columns] = *axes(tensor, "[rows, columns]")?;
        let [_, width] = into.shape[..] else { return Err(shape_error(tensor, "a matrix")) };
        let first = columns_before.filter(|(name, _)| *name == tensor.name).map_or(0, |(_, first)| first);
        let fits = first.checked_add(width).is_some_and(|end| end <= columns);
        if !fits || rows != into.shape[0] || rows.checked_mul(columns) != Some(tensor.values.len()) {
            return Err(shape_error(tensor, format!("{} rows and {first} + {width} columns", into.shape[0])));
        }
        into.values =
            tensor.values.chunks_exact(columns).flat_map(|row| &row[first..first + width]).copied().collect();
        columns_before = Some((&tensor.name, first + width));
    }
    let layer = Layer {
        name: String::new(),
        index: 0,
        direction: Direction::Forward,
        form: *form,
        sizes,
        tensors: gathered,
    };
    layer.check()?;
    Ok(layer)
}

/// Sizes, read off the first gate's input matrix and the projection.
fn sizes<T>(form: &Form, sources: &[Source<'_, T>]) -> Result<Sizes, WeightError> {
    let find = |name: &str| {
        let source = sources.iter().find(|source| source.name == name);
        source.ok_or_else(|| WeightError::Missing { tensor: name.to_owned() })
    };
    let gate = form.family.gates().first().copied().unwrap_or_default();
    let input = find(&super::parameter_name("W", gate))?;
    let [hidden, columns] = *axes(input.tensor, "[rows, columns]")?;
    let output = if form.family.projects() {
        axes::<T, 2>(find(PROJECTION)?.tensor, "[output, hidden]")?[0]
    } else {
        hidden
    };
    // A joined matrix has the columns of the state beside those of the input.
    let state = if input.joined { output } else { 0 };
    let Some(input_size) = columns.checked_sub(state) else {
        return Err(shape_error(input.tensor, format!("more than {state} columns")));
    };
    Ok(Sizes { input: input_size, hidden, output })
}
