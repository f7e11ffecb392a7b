//! The text form of a graph: it prints, and what it prints parses to an equal graph.
//!
//! ```text
//! dimension h
//! state c : [d0]
//! output c : [d0]
//! %0 = state(0) : [d0]
//! %1 = sigmoid %0 : [d0]  ; f_t
//! next_state(0) = %1
//! output(0) = %1
//! ```
//!
//! One thing a line: free dimensions (`d0`, `d1`, … in this order), ports, nodes, roots. A node is written
//! `%id = operator(what it holds) %operand … : shape  ; labels`. Names that are not made of ASCII letters, digits and
//! `_` are quoted. Empty lines are skipped. Parsing ends with `verify`, so that a graph read from text is as sound as
//! one that was built.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::builder::result_phase;
use super::verify::VerifyError;
use super::{Graph, Node, NodeId, Phase, Port, Root, Signature};
use crate::limits;
use crate::operator::{Binary, Operator, Ternary, Unary};
use crate::shape::{Dimension, DimensionId, Shape};

/// Why a text is no graph.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TextError {
    /// Something else was expected.
    #[error("line {line}: expected {expected} at `{found}`")]
    Expected {
        /// From 1.
        line: usize,
        /// What was expected.
        expected: &'static str,
        /// What is there instead.
        found: String,
    },
    /// A node out of order.
    #[error("line {line}: the next node is %{next}")]
    Numbering {
        /// From 1.
        line: usize,
        /// The id that this line must define.
        next: usize,
    },
    /// More nodes or names than a graph may have.
    #[error("line {line}: a limit is exceeded: {limit}")]
    Limit {
        /// From 1.
        line: usize,
        /// The constant that holds the limit.
        limit: &'static str,
    },
    /// An invariant does not hold.
    #[error(transparent)]
    Invalid(#[from] VerifyError),
}

/// Writes a name as it is, or quoted.
struct Name<'a>(&'a str);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.is_empty() && self.0.bytes().all(is_name_byte) {
            return f.write_str(self.0);
        }
        f.write_str("\"")?;
        for character in self.0.chars() {
            match character {
                '"' | '\\' => write!(f, "\\{character}")?,
                // Kept on one line, and no character is lost.
                _ if character.is_control() || character == '\u{2028}' || character == '\u{2029}' => {
                    write!(f, "\\u{{{:x}}}", u32::from(character))?;
                }
                _ => write!(f, "{character}")?,
            }
        }
        f.write_str("\"")
    }
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Writes the operator with what it holds.
struct Spelling<'a>(&'a Operator);

impl fmt::Display for Spelling<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name())?;
        match self.0 {
            Operator::Constant(bits) => {
                let value = f64::from_bits(*bits);
                // Not-a-numbers differ in their bits; all other numbers are told by their shortest form.
                if value.is_nan() { write!(f, "(nan {bits:x})") } else { write!(f, "({value:?})") }
            }
            Operator::Identity(n) | Operator::Broadcast(n) => write!(f, "({n})"),
            Operator::Slice { start: a, length: b }
            | Operator::SliceColumns { start: a, length: b }
            | Operator::Pad { start: a, total: b }
            | Operator::PadColumns { start: a, total: b }
            | Operator::BroadcastMatrix(a, b) => write!(f, "({a}, {b})"),
            other => match other.port() {
                Some(index) => write!(f, "({index})"),
                None => Ok(()),
            },
        }
    }
}

/// Writes a root as the text form has it.
struct RootSpelling(Root);

/// A root's name, and the root of a number.
type NamedRoot = (&'static str, fn(u32) -> Root);

const ROOTS: [NamedRoot; 8] = [
    ("next_state", Root::NextState),
    ("solution", Root::Solution),
    ("output", Root::Output),
    ("initial_state", Root::InitialState),
    ("previous_state_gradient", Root::PreviousStateGradient),
    ("unknown_gradient", Root::UnknownGradient),
    ("input_gradient", Root::InputGradient),
    ("parameter_gradient", Root::ParameterGradient),
];

impl fmt::Display for RootSpelling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, index) = match self.0 {
            Root::NextState(index) => ("next_state", index),
            Root::Solution(index) => ("solution", index),
            Root::Output(index) => ("output", index),
            Root::InitialState(index) => ("initial_state", index),
            Root::PreviousStateGradient(index) => ("previous_state_gradient", index),
            Root::UnknownGradient(index) => ("unknown_gradient", index),
            Root::InputGradient(index) => ("input_gradient", index),
            Root::ParameterGradient(index) => ("parameter_gradient", index),
        };
        write!(f, "{name}({index})")
    }
}

impl fmt::Display for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for name in &self.signature.dimensions {
            writeln!(f, "dimension {}", Name(name))?;
        }
        let signature = &self.signature;
        for (kind, ports) in [
            ("input", &signature.inputs),
            ("state", &signature.states),
            ("unknown", &signature.unknowns),
            ("parameter", &signature.parameters),
            ("output", &signature.outputs),
        ] {
            for port in ports {
                writeln!(f, "{kind} {} : {}", Name(&port.name), port.shape)?;
            }
        }
        for parameter in &signature.frozen {
            writeln!(f, "frozen {parameter}")?;
        }
        for input in &signature.given {
            writeln!(f, "given {input}")?;
        }
        for (id, node) in self.iter() {
            write!(f, "%{} = {}", id.0, Spelling(&node.operator))?;
            for operand in &node.operands {
                write!(f, " %{}", operand.0)?;
            }
            write!(f, " : {}", node.shape)?;
            let mut separator = "  ; ";
            for label in self.labels(id) {
                write!(f, "{separator}{}", Name(label))?;
                separator = ", ";
            }
            writeln!(f)?;
        }
        for (&root, id) in &self.roots {
            writeln!(f, "{} = %{}", RootSpelling(root), id.0)?;
        }
        Ok(())
    }
}

/// One line, read from left to right.
struct Line<'a> {
    number: usize,
    rest: &'a str,
}

impl<'a> Line<'a> {
    fn expected(&self, expected: &'static str) -> TextError {
        TextError::Expected { line: self.number, expected, found: self.rest.chars().take(40).collect() }
    }

    fn limit(&self, limit: &'static str) -> TextError {
        TextError::Limit { line: self.number, limit }
    }

    /// Takes `token` where it comes next, after spaces.
    fn take(&mut self, token: &str) -> bool {
        let rest = self.rest.trim_start();
        match rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn must(&mut self, token: &'static str) -> Result<(), TextError> {
        if self.take(token) { Ok(()) } else { Err(self.expected(token)) }
    }

    /// The characters that come next and are accepted.
    fn run(&mut self, accept: impl Fn(u8) -> bool) -> &'a str {
        let rest = self.rest.trim_start();
        let end = rest.bytes().position(|byte| !accept(byte)).unwrap_or(rest.len());
        // All accepted bytes are ASCII, so `end` is a boundary of characters.
        let (run, rest) = rest.split_at(end);
        self.rest = rest;
        run
    }

    fn number<N: FromStr>(&mut self) -> Result<N, TextError> {
        let run = self.run(|byte| byte.is_ascii_digit());
        run.parse().map_err(|_| self.expected("a number in range"))
    }

    fn name(&mut self) -> Result<String, TextError> {
        if !self.take("\"") {
            let run = self.run(is_name_byte);
            return if run.is_empty() { Err(self.expected("a name")) } else { Ok(run.to_owned()) };
        }
        let mut name = String::new();
        let mut characters = self.rest.chars();
        loop {
            match characters.next() {
                Some('"') => break,
                Some('\\') => match characters.next() {
                    Some('u') => {
                        let (code, rest) = characters
                            .as_str()
                            .strip_prefix('{')
                            .and_then(|rest| rest.split_once('}'))
                            .ok_or_else(|| self.expected("a name"))?;
                        let character = u32::from_str_radix(code, 16).ok().and_then(char::from_u32);
                        name.push(character.ok_or_else(|| self.expected("a character"))?);
                        characters = rest.chars();
                    }
                    Some(character) => name.push(character),
                    None => return Err(self.expected("a name")),
                },
                Some(character) => name.push(character),
                None => return Err(self.expected("a name")),
            }
        }
        self.rest = characters.as_str();
        Ok(name)
    }

    fn node(&mut self) -> Result<NodeId, TextError> {
        self.must("%")?;
        self.number().map(NodeId)
    }

    /// `d0+2*d1+3`.
    fn dimension(&mut self) -> Result<Dimension, TextError> {
        let mut result = Dimension::default();
        loop {
            if self.take("d") {
                result = result.plus(&Dimension::free(DimensionId(self.number()?)));
            } else {
                let number: u32 = self.number()?;
                if number as usize > limits::MAXIMUM_DIMENSION {
                    return Err(self.limit("MAXIMUM_DIMENSION"));
                }
                let factor = if self.take("*") {
                    self.must("d")?;
                    Dimension::free(DimensionId(self.number()?)).times(number)
                } else {
                    Dimension::constant(number)
                };
                result = result.plus(&factor);
            }
            if !self.take("+") {
                return Ok(result);
            }
        }
    }

    fn shape(&mut self) -> Result<Shape, TextError> {
        self.must("[")?;
        if self.take("]") {
            return Ok(Shape::Scalar);
        }
        let first = self.dimension()?;
        let shape =
            if self.take(",") { Shape::Matrix(first, self.dimension()?) } else { Shape::Vector(first) };
        self.must("]")?;
        Ok(shape)
    }

    fn port(&mut self) -> Result<Port, TextError> {
        let name = self.name()?;
        self.must(":")?;
        Ok(Port { name, shape: self.shape()? })
    }

    /// `(n)`.
    fn index(&mut self) -> Result<u32, TextError> {
        self.must("(")?;
        let index = self.number()?;
        self.must(")")?;
        Ok(index)
    }

    fn one_dimension(&mut self) -> Result<Dimension, TextError> {
        self.must("(")?;
        let dimension = self.dimension()?;
        self.must(")")?;
        Ok(dimension)
    }

    fn two_dimensions(&mut self) -> Result<(Dimension, Dimension), TextError> {
        self.must("(")?;
        let first = self.dimension()?;
        self.must(",")?;
        let second = self.dimension()?;
        self.must(")")?;
        Ok((first, second))
    }

    fn constant(&mut self) -> Result<Operator, TextError> {
        self.must("(")?;
        let bits = if self.take("nan ") {
            let run = self.run(|byte| byte.is_ascii_hexdigit());
            u64::from_str_radix(run, 16).ok().filter(|&bits| f64::from_bits(bits).is_nan())
        } else {
            let run = self.run(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
            run.parse().ok().filter(|value: &f64| !value.is_nan()).map(f64::to_bits)
        };
        let bits = bits.ok_or_else(|| self.expected("a number"))?;
        self.must(")")?;
        Ok(Operator::Constant(bits))
    }

    fn operator(&mut self) -> Result<Operator, TextError> {
        let name = self.run(is_name_byte);
        Ok(match name {
            "constant" => self.constant()?,
            "input" => Operator::Input(self.index()?),
            "state" => Operator::State(self.index()?),
            "unknown" => Operator::Unknown(self.index()?),
            "parameter" => Operator::Parameter(self.index()?),
            "output_gradient" => Operator::OutputGradient(self.index()?),
            "state_gradient" => Operator::StateGradient(self.index()?),
            "solution_gradient" => Operator::SolutionGradient(self.index()?),
            "identity" => Operator::Identity(self.one_dimension()?),
            "broadcast" => Operator::Broadcast(self.one_dimension()?),
            "broadcast_matrix" => {
                let (rows, columns) = self.two_dimensions()?;
                Operator::BroadcastMatrix(rows, columns)
            }
            "slice" => {
                let (start, length) = self.two_dimensions()?;
                Operator::Slice { start, length }
            }
            "slice_columns" => {
                let (start, length) = self.two_dimensions()?;
                Operator::SliceColumns { start, length }
            }
            "pad" => {
                let (start, total) = self.two_dimensions()?;
                Operator::Pad { start, total }
            }
            "pad_columns" => {
                let (start, total) = self.two_dimensions()?;
                Operator::PadColumns { start, total }
            }
            "matrix_vector" => Operator::MatrixVector,
            "outer" => Operator::Outer,
            "matrix_matrix" => Operator::MatrixMatrix,
            "transpose" => Operator::Transpose,
            "concatenate" => Operator::Concatenate,
            "sum" => Operator::Sum,
            "maximum_element" => Operator::MaximumElement,
            "cumulative_sum" => Operator::CumulativeSum { reverse: false },
            "reverse_cumulative_sum" => Operator::CumulativeSum { reverse: true },
            "row_maximum" => Operator::RowMaximum,
            "total" => Operator::Total,
            _ => {
                let unary = Unary::ALL.into_iter().find(|function| function.name() == name);
                let binary = Binary::ALL.into_iter().find(|function| function.name() == name);
                let ternary = Ternary::ALL.into_iter().find(|function| function.name() == name);
                unary
                    .map(Operator::Unary)
                    .or(binary.map(Operator::Binary))
                    .or(ternary.map(Operator::Ternary))
                    .ok_or_else(|| TextError::Expected {
                        line: self.number,
                        expected: "an operator",
                        found: name.to_owned(),
                    })?
            }
        })
    }
}

/// A graph as it is read, before `verify`.
fn read(text: &str) -> Result<Graph, TextError> {
    let mut graph = Graph::new(Signature::default());
    for (index, content) in text.lines().enumerate() {
        let mut line = Line { number: index + 1, rest: content };
        if content.trim().is_empty() {
            continue;
        }
        if line.take("%") {
            read_node(&mut graph, &mut line)?;
        } else {
            let word = line.run(is_name_byte);
            if line.rest.starts_with('(') {
                let (_, root) =
                    ROOTS.iter().find(|(name, _)| *name == word).ok_or_else(|| line.expected("a root"))?;
                let root = root(line.index()?);
                line.must("=")?;
                let id = line.node()?;
                if graph.roots.insert(root, id).is_some() {
                    return Err(VerifyError::RepeatedRoot { root }.into());
                }
            } else {
                let signature = &mut graph.signature;
                match word {
                    "dimension" => signature.dimensions.push(line.name()?),
                    "input" => signature.inputs.push(line.port()?),
                    "state" => signature.states.push(line.port()?),
                    "unknown" => signature.unknowns.push(line.port()?),
                    "parameter" => signature.parameters.push(line.port()?),
                    "output" => signature.outputs.push(line.port()?),
                    "frozen" => {
                        signature.frozen.insert(line.number()?);
                    }
                    "given" => {
                        signature.given.insert(line.number()?);
                    }
                    _ => return Err(line.expected("a dimension, port, node or root")),
                }
            }
        }
        if !line.rest.trim().is_empty() {
            return Err(line.expected("the end of the line"));
        }
    }
    Ok(graph)
}

/// The rest of `%id = operator operands : shape ; labels`.
fn read_node(graph: &mut Graph, line: &mut Line<'_>) -> Result<(), TextError> {
    let next = graph.nodes.len();
    let id: u32 = line.number()?;
    if id as usize != next {
        return Err(TextError::Numbering { line: line.number, next });
    }
    if next >= limits::MAXIMUM_NODES {
        return Err(line.limit("MAXIMUM_NODES"));
    }
    let id = NodeId(id);
    line.must("=")?;
    let operator = line.operator()?;
    let mut operands = Vec::new();
    while line.rest.trim_start().starts_with('%') {
        operands.push(line.node()?);
    }
    line.must(":")?;
    let shape = line.shape()?;
    let mut more = line.take(";");
    while more {
        graph.labels.entry(id).or_default().push(line.name()?);
        more = line.take(",");
    }
    // Where no phase is right the graph breaks I1 or I5, and `verify` says so.
    let phases = operands.iter().filter_map(|operand| graph.phases.get(operand.0 as usize).copied());
    graph.phases.push(result_phase(&operator, phases).unwrap_or(Phase::Before));
    graph.interned.entry((operator.clone(), operands.clone())).or_insert(id);
    graph.nodes.push(Node { operator, operands, shape });
    Ok(())
}

impl Graph {
    /// Reads the text form.
    ///
    /// # Errors
    ///
    /// Where the text does not follow the form, or the graph breaks an invariant.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        let graph = read(text)?;
        graph.verify()?;
        Ok(graph)
    }
}

impl FromStr for Graph {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        Self::parse(text)
    }
}
