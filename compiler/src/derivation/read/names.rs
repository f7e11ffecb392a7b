//! The names that right sides may use: those of the forward equations, those that a gradient begins with, and those
//! that equations have defined.

use std::collections::BTreeMap;

use super::ReadError;
use crate::derivation::name::{self, StateName, ValueName, label, labelled};
use crate::derivation::write::Style;
use crate::derivation::write::symbol::{
    arriving, circling, delta, given, initial as initial_gradient, leaving, nabla, name as spell, state,
    written,
};
use crate::graph::{Graph, GraphError, InitialStates, NodeId, Phase, Root, lower};
use crate::operator::Operator;
use crate::passes::split_initial;
use crate::resolve::{Cell, Options, resolve};
use crate::shape::{DimensionId, Shape};
use crate::source::{Syntax, parse};

/// The names of a derivation, as they are printed.
pub(super) struct Names {
    style: Style,
    values: BTreeMap<String, NodeId>,
    dimensions: BTreeMap<String, DimensionId>,
    /// What a left side says that is a gradient.
    roots: BTreeMap<String, Root>,
    states: Vec<StateName>,
    /// The adjoint sign of this page, once it is known.
    deltas: [&'static str; 2],
}

/// The graph of the forward equations with the names in it; and those of where states begin, where they are declared.
pub(super) type Forward = (Graph, Names, Option<(Graph, Names)>);

/// Reads the forward equations.
pub(super) fn read(rows: &[&str], style: Style, options: &Options) -> Result<Forward, ReadError> {
    let (text, syntax) = match style {
        Style::Text => (rows.join("\n"), Syntax::Text),
        Style::Latex => {
            (format!("\\begin{{align*}}\n{}\n\\end{{align*}}", rows.join(" \\\\\n")), Syntax::Latex)
        }
    };
    let parsed = parse(&text, syntax, None);
    let cell = crate::passes::check(parsed.clone(), options).map_err(ReadError::Forward)?;
    let mut numbered = resolve(&parsed.document, options).map_err(ReadError::Forward)?;
    for (number, definition) in numbered.definitions.iter_mut().enumerate() {
        definition.name = label(number);
    }
    let failed = |error: GraphError| ReadError::Graph { row: text.clone(), error: Box::new(error) };
    let lowered = lower(&numbered).map_err(failed)?;
    let (step, initial) = split_initial(&lowered).map_err(|error| ReadError::Initial(Box::new(error)))?;
    let mut graph = add_gradient_leaves(&step).map_err(failed)?;
    let values = name::written(&cell, &parsed.document);
    let names = Names::new(style, &cell, &values, &mut graph)?;
    let beginnings = match initial {
        Some(initial) => Some(Names::before_the_first_step(style, &names, &cell, &initial)?),
        None => None,
    };
    Ok((graph, names, beginnings))
}

/// The forward part of a graph with gradients.
fn forward_of(graph: &Graph) -> Result<Graph, GraphError> {
    let mut forward = Graph::new(graph.signature().clone());
    let mut places = vec![NodeId(u32::MAX); graph.len()];
    for (id, node) in graph.iter().filter(|(id, _)| graph.phase(*id) <= Phase::Forward) {
        let operands = node.operands.iter().map(|operand| places[operand.0 as usize]).collect();
        places[id.0 as usize] = forward.insert(node.operator.clone(), operands)?;
    }
    for (&root, id) in graph.roots().iter().filter(|(root, _)| !root.is_gradient()) {
        forward.set_root(root, places[id.0 as usize])?;
    }
    Ok(forward)
}

/// The graph itself; leaves of gradients are inserted as they are named.
fn add_gradient_leaves(graph: &Graph) -> Result<Graph, GraphError> {
    let mut graph = graph.clone();
    let signature = graph.signature().clone();
    for (index, _) in (0_u32..).zip(&signature.outputs) {
        graph.leaf(Operator::OutputGradient(index))?;
    }
    for (index, _) in (0_u32..).zip(&signature.states) {
        graph.leaf(Operator::StateGradient(index))?;
    }
    Ok(graph)
}

impl Names {
    fn new(style: Style, cell: &Cell, values: &[name::Value], graph: &mut Graph) -> Result<Self, ReadError> {
        let deltas = [delta(style, false), delta(style, true)];
        let states = name::states(cell);
        let mut names = Self {
            style,
            values: BTreeMap::new(),
            dimensions: BTreeMap::new(),
            roots: BTreeMap::new(),
            states: states.clone(),
            deltas,
        };
        for (number, dimension) in (0_u32..).zip(&cell.dimensions) {
            names.dimensions.insert(spell(style, dimension, None), DimensionId(number));
        }
        let mut leaf = |operator: Operator| {
            graph
                .leaf(operator)
                .map_err(|error| ReadError::Graph { row: String::new(), error: Box::new(error) })
        };
        for (number, parameter) in (0_u32..).zip(&cell.parameters) {
            let spelled = spell(style, &parameter.name, None);
            names.roots.insert(format!("{}{spelled}", nabla(style)), Root::ParameterGradient(number));
            names.define(&spelled, leaf(Operator::Parameter(number))?)?;
        }
        for (number, input) in (0_u32..).zip(&cell.inputs) {
            let spelled = spell(style, &input.name, Some(0));
            for delta in deltas {
                names.roots.insert(format!("{delta}{spelled}"), Root::InputGradient(number));
            }
            names.define(&spelled, leaf(Operator::Input(number))?)?;
        }
        for (number, name) in (0_u32..).zip(&states) {
            let (enters, leaves) =
                (state(style, &name.canonical, name.back, 0), state(style, &name.canonical, name.back, 1));
            names.define(&enters, leaf(Operator::State(number))?)?;
            let from_later = leaf(Operator::StateGradient(number))?;
            for delta in deltas {
                names.roots.insert(leaving(style, delta, &enters), Root::PreviousStateGradient(number));
                names.values.insert(arriving(style, delta, &leaves), from_later);
            }
        }
        for (number, unknown) in (0_u32..).zip(name::unknowns(cell)) {
            let from_cycle = leaf(Operator::SolutionGradient(number))?;
            let Some(value) = unknown.and_then(|value| values.get(value as usize)) else { continue };
            let ValueName::Written { canonical, definition } = &value.name else { continue };
            let spelled = written(style, canonical, *definition, value.indexed.then_some(0));
            for delta in deltas {
                names.roots.insert(circling(style, delta, &spelled), Root::UnknownGradient(number));
                names.values.insert(circling(style, delta, &spelled), from_cycle);
            }
        }
        for (number, output) in (0_u32..).zip(&cell.outputs) {
            let from_loss = leaf(Operator::OutputGradient(number))?;
            for time in [None, Some(0)] {
                names.values.insert(given(style, &spell(style, &output.name, time)), from_loss);
            }
        }
        for (id, _) in graph.iter() {
            for number in labelled(graph, id).0 {
                let Some(value) = values.get(number as usize) else { continue };
                let ValueName::Written { canonical, definition } = &value.name else { continue };
                names.define(&written(style, canonical, *definition, value.indexed.then_some(0)), id)?;
            }
        }
        Ok(names)
    }

    /// The names with which rows say what the gradients by declared initial states add.
    fn before_the_first_step(
        style: Style,
        names: &Self,
        cell: &Cell,
        initial: &InitialStates,
    ) -> Result<(Graph, Self), ReadError> {
        let failed = |error| ReadError::Graph { row: String::new(), error: Box::new(error) };
        let mut graph = forward_of(initial.graph()).map_err(failed)?;
        let mut own = Self {
            style,
            values: BTreeMap::new(),
            dimensions: names.dimensions.clone(),
            roots: BTreeMap::new(),
            states: Vec::new(),
            deltas: names.deltas,
        };
        for (number, parameter) in (0_u32..).zip(&cell.parameters) {
            let spelled = spell(style, &parameter.name, None);
            own.roots.insert(format!("{}{spelled}", nabla(style)), Root::ParameterGradient(number));
            own.define(&spelled, graph.leaf(Operator::Parameter(number)).map_err(failed)?)?;
        }
        for (output, &state) in (0_u32..).zip(initial.states()) {
            let gradient = graph.leaf(Operator::OutputGradient(output)).map_err(failed)?;
            if let Some(name) = names.states.get(state as usize) {
                own.define(&initial_gradient(style, &name.canonical, name.back), gradient)?;
            }
        }
        Ok((graph, own))
    }

    /// Names a value.
    pub(super) fn define(&mut self, name: &str, value: NodeId) -> Result<(), ReadError> {
        match self.values.insert(name.to_owned(), value) {
            Some(before) if before != value => Err(ReadError::Ambiguous { name: name.to_owned() }),
            _ => Ok(()),
        }
    }

    /// The gradient that a left side is.
    pub(super) fn root(&self, name: &str) -> Option<Root> {
        self.roots.get(name).copied()
    }

    /// All gradients that are wanted.
    pub(super) fn roots(&self) -> impl Iterator<Item = Root> {
        self.roots.values().copied()
    }

    /// The shape of the value that the name is the gradient by.
    pub(super) fn shape_of_gradient(&self, name: &str, graph: &Graph) -> Option<Shape> {
        if let Some(root) = self.root(name) {
            return graph.signature().port_of_root(root).map(|port| port.shape.clone());
        }
        let signs = self.deltas.into_iter().chain([nabla(self.style)]);
        let mut values = signs.filter_map(|sign| self.values.get(name.strip_prefix(sign)?));
        values.next().map(|&value| graph.shape(value).clone())
    }

    /// The longest name that `text` begins with, and the rest.
    pub(super) fn longest<'t>(&self, text: &'t str) -> Option<(NodeId, &'t str)> {
        longest(&self.values, text)
    }

    /// The longest name of a dimension that `text` begins with, and the rest.
    pub(super) fn longest_dimension<'t>(&self, text: &'t str) -> Option<(DimensionId, &'t str)> {
        longest(&self.dimensions, text)
    }

    /// Checks that the rows say of every state where its gradients begin and end.
    pub(super) fn check_ends(&self, rows: &[&str]) -> Result<(), ReadError> {
        for name in &self.states {
            let (enters, leaves) = (
                state(self.style, &name.canonical, name.back, 0),
                state(self.style, &name.canonical, name.back, 1),
            );
            let says = |what: &dyn Fn(&str) -> String, ends: bool| {
                let found = self.deltas.into_iter().any(|delta| {
                    let what = what(delta);
                    rows.iter().any(|row| if ends { row.ends_with(&what) } else { row.starts_with(&what) })
                });
                if found { Ok(()) } else { Err(ReadError::Ends { row: what(self.deltas[0]) }) }
            };
            let first = |delta: &str| {
                let leaving = leaving(self.style, delta, &enters);
                match self.style {
                    Style::Text => format!(" = {leaving} at t = 1"),
                    Style::Latex => format!(" &= {leaving} \\bigr|_{{t = 1}}"),
                }
            };
            let last = |delta: &str| {
                let arriving = arriving(self.style, delta, &leaves);
                match self.style {
                    Style::Text => format!("{arriving} at t = T is given: "),
                    Style::Latex => format!("{arriving} \\bigr|_{{t = T}} "),
                }
            };
            says(&first, true)?;
            says(&last, false)?;
        }
        Ok(())
    }
}

/// The longest key that `text` begins with, not cut out of a longer word, and the rest of the text.
fn longest<'t, V: Copy>(names: &BTreeMap<String, V>, text: &'t str) -> Option<(V, &'t str)> {
    let word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    // Keys that begin the text are not greater than it, and share its first letter.
    let first = text.chars().next()?;
    let candidates = names.range(first.to_string()..=text.to_owned());
    let whole = candidates.filter_map(|(name, value)| {
        let rest = text.strip_prefix(name.as_str())?;
        let cut = name.ends_with(word) && rest.starts_with(word);
        (!cut).then_some((name.len(), *value, rest))
    });
    whole.max_by_key(|(length, ..)| *length).map(|(_, value, rest)| (value, rest))
}
