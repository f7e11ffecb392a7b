//! Reads a printed derivation: from text or LaTeX alone to a graph that computes what the equations say.
//!
//! | file | reads |
//! | --- | --- |
//! | `rows` | the printed page → sections of rows |
//! | `names` | the forward equations → the names that right sides may use |
//! | `expression` | a right side → nodes |
//!
//! The forward equations are read by the ordinary parser, resolved and lowered; the equations after them are read here.
//! Their notation is that of the language, and beyond it:
//!
//! | text | LaTeX | |
//! | --- | --- | --- |
//! | `δv_t` | `\delta v_t` | adjoint of a value or an input; one name |
//! | `δv_t^{←t+1}`, `δv_{t-1}^{←t}` | `\delta v_t^{\leftarrow t+1}` | part of an adjoint that the step after hands back; that this step hands back |
//! | `δv_t^{↺}` | `\delta v_t^{\circlearrowleft}` | part of an adjoint that comes back through the cycle of the step |
//! | `∂L/∂y_t` | `\frac{\partial L}{\partial y_t}` | gradient by an output alone; one name |
//! | `∇p += e`, `Σ e` | `\nabla p \mathrel{+}= e`, `\sum e` | what the gradients by initial states add; sum over all samples |
//! | `∇p` | `\nabla p` | gradient by what is constant over time; one name |
//! | `Σ_t e` | `\sum_t e` | sum over all steps and samples, up to the next `+` or `-` |
//! | `u v^T` | `u v^{\top}` | outer product of vectors |
//! | `v[a:b]`, `W[:, a:b]` | `v[a{:}b]` | elements, columns |
//! | `0_{n}`, `0_{:×n}`, `1_{n}`, `I_{n}` | `\mathbf{1}_{n}` | zeros, columns of zeros, ones, the identity |
//! | `1[a < b]`, `1[a > 0]` | `\mathbf{1}[a < b]` | 1 where it holds, else 0 |
//! | `if(c, a, b)` | `\operatorname{if}(c, a, b)` | `a` where `c` is not 0, else `b` |
//! | `sum(v)`, `max(v)`, `rowmax(M)`, `dim(h)` | `\dim(h)` | over the elements; of each row; the size of a dimension |
//! | `cumsum(v)`, `revcumsum(v)` | `\operatorname{cumsum}(v)` | sums up to each element; from each element on |
//!
//! Only `⊙` and `/` are element by element; juxtaposition is a product of matrices, an outer product, or a scalar
//! before what it scales. A scalar meets every element.
//!
//! # Invariants
//!
//! - What is not understood is an error: no character is skipped but blanks, and the list of the notation.
//! - Nesting is limited, so that recursion is bounded whatever the text.

mod expression;
mod names;
mod rows;

use thiserror::Error;

use super::layout::Section;
use super::write::{Style, adds_sign};
use crate::diagnostic::Diagnostic;
use crate::differentiate::DifferentiateError;
use crate::graph::{Graph, GraphError, Root};
use crate::resolve::Options;
use crate::shape::Shape;
use names::Names;

/// Why a printed derivation cannot be read.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// A line is neither a heading, nor a row, nor what stands around rows.
    #[error("`{line}` is no part of a printed derivation")]
    Layout {
        /// The line.
        line: String,
    },
    /// The forward equations are no cell.
    #[error("the forward equations cannot be read: {}", .0.first().map_or("nothing is found", |found| &found.message))]
    Forward(Vec<Diagnostic>),
    /// Two values have one name.
    #[error("two values are called `{name}`")]
    Ambiguous {
        /// The name.
        name: String,
    },
    /// A row is not understood from some place on.
    #[error("in `{row}`: {expected} is expected at `{rest}`")]
    Row {
        /// The row.
        row: String,
        /// What is left of it.
        rest: String,
        /// What would have been understood.
        expected: &'static str,
    },
    /// An equation breaks a rule of shapes or phases.
    #[error("in `{row}`: {error}")]
    Graph {
        /// The row.
        row: String,
        /// The rule.
        error: Box<GraphError>,
    },
    /// Where states begin cannot be told from the step.
    #[error("where states begin: {0}")]
    Initial(Box<DifferentiateError>),
    /// No equation gives a gradient.
    #[error("no equation gives {root:?}")]
    Missing {
        /// The gradient.
        root: Root,
    },
    /// The rows about the first and the last step do not tell of a state what they must.
    #[error("nothing says `{row}`")]
    Ends {
        /// The row that is missing.
        row: String,
    },
}

/// What a printed derivation says.
#[derive(Clone, Debug, PartialEq)]
pub struct Read {
    /// The step, with forward and gradient roots.
    pub graph: Graph,
    /// Where states begin, where the equations say so: a graph like that of
    /// [`InitialStates`](crate::graph::InitialStates).
    pub initial: Option<Graph>,
}

/// Reads what [`super::Derivation::to_text`] or [`super::Derivation::to_latex`] has printed. `options` are those that
/// the cell was resolved with.
///
/// # Errors
///
/// Where the text is not such a print.
pub fn read(printed: &str, style: Style, options: &Options) -> Result<Read, ReadError> {
    let page = rows::read(printed, style)?;
    let of = |section: Section| page.iter().filter(move |part| part.0 == section).flat_map(|part| &part.1);
    let forward: Vec<&str> = of(Section::Written).map(String::as_str).collect();
    let (mut graph, mut names, beginnings) = names::read(&forward, style, options)?;
    for section in [
        Section::Once,
        Section::Parts,
        Section::Backward,
        Section::Solved,
        Section::Carried,
        Section::Inputs,
        Section::Totals,
    ] {
        for row in of(section) {
            equation(row, style, &mut graph, &mut names)?;
        }
    }
    names.check_ends(&of(Section::Ends).map(String::as_str).collect::<Vec<_>>())?;
    for root in names.roots() {
        match (root, graph.root(root)) {
            (_, Some(_)) => {}
            // Nothing goes round this cycle on the way back.
            (Root::UnknownGradient(_), None) => set_zero(&mut graph, root)?,
            _ => return Err(ReadError::Missing { root }),
        }
    }
    let Some((mut initial, mut names)) = beginnings else {
        return match of(Section::Beginnings).next() {
            Some(row) => Err(ReadError::Layout { line: row.clone() }),
            None => Ok(Read { graph, initial: None }),
        };
    };
    for row in of(Section::Beginnings) {
        // Nothing is there yet that could be added to.
        let row = row.replacen(adds_sign(style), style.pick(" = ", " &= "), 1);
        equation(&row, style, &mut initial, &mut names)?;
    }
    for root in names.roots() {
        if initial.root(root).is_none() {
            set_zero(&mut initial, root)?;
        }
    }
    Ok(Read { graph, initial: Some(initial) })
}

/// Says of a gradient that it is zero.
fn set_zero(graph: &mut Graph, root: Root) -> Result<(), ReadError> {
    let failed = |error| ReadError::Graph { row: String::new(), error: Box::new(error) };
    let shape = graph.signature().port_of_root(root).map(|port| port.shape.clone());
    let zero = graph.zero(&shape.unwrap_or(Shape::Scalar)).map_err(failed)?;
    graph.set_root(root, zero).map_err(failed)
}

/// Reads `name = value`, and names the value.
fn equation(row: &str, style: Style, graph: &mut Graph, names: &mut Names) -> Result<(), ReadError> {
    let equals = style.pick(" = ", " &= ");
    let Some((left, right)) = row.split_once(equals) else {
        return Err(ReadError::Row { row: row.to_owned(), rest: row.to_owned(), expected: "an equation" });
    };
    let failed = |error: GraphError| ReadError::Graph { row: row.to_owned(), error: Box::new(error) };
    let node = match right {
        // The zero of whatever shape the left side has.
        "0" => {
            let shape = names.shape_of_gradient(left, graph).unwrap_or(Shape::Scalar);
            graph.zero(&shape).map_err(failed)?
        }
        _ => expression::read(row, row.len() - right.len(), style, graph, names)?,
    };
    let root = names.root(left);
    if let Some(root) = root {
        graph.set_root(root, node).map_err(failed)?;
    }
    match root {
        // The name is that of what the equations read, which they give again.
        Some(Root::UnknownGradient(_)) => Ok(()),
        _ => names.define(left, node),
    }
}
