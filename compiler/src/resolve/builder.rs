//! Terms with their shapes while sizes are still being solved.
//!
//! Every method that makes a term states the equations of sizes that its operator needs. `None` stands for something
//! an error was reported for, and passes silently through whatever is made from it.

use super::cell::{Term, TermId};
use super::dimension::{Clash, Range, Solver};
use super::findings::Findings;
use super::kind::join;
use super::product::{Kind, Refusal, Rule, Step};
use crate::diagnostic::Code;
use crate::limits::MAXIMUM_NODES;
use crate::operator::{Binary, Operator, Unary};
use crate::shape::{Dimension, Shape};
use crate::span::Span;
use std::collections::HashMap;

/// A term and the way it stands: a row and a column are the same term.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value {
    /// The term.
    pub(super) term: TermId,
    /// How it stands.
    pub(super) kind: Kind,
    /// Where it was written.
    pub(super) span: Span,
}

/// Makes terms.
pub(super) struct Builder<'f> {
    pub(super) findings: &'f mut Findings,
    pub(super) solver: Solver,
    pub(super) terms: Vec<Term>,
    leaves: HashMap<Operator, TermId>,
    row_convention: bool,
}

impl<'f> Builder<'f> {
    pub(super) fn new(findings: &'f mut Findings) -> Self {
        let (solver, terms, leaves) = (Solver::default(), Vec::new(), HashMap::new());
        Self { findings, solver, terms, leaves, row_convention: false }
    }

    /// Shape of a term.
    pub(super) fn shape(&self, term: TermId) -> Shape {
        self.terms.get(term.0 as usize).map_or(Shape::Scalar, |term| term.shape.clone())
    }

    fn emit(
        &mut self,
        operator: Operator,
        operands: Vec<TermId>,
        shape: Shape,
        span: Span,
    ) -> Option<TermId> {
        if self.terms.len() >= MAXIMUM_NODES {
            // Once is enough: nothing can be made from here on.
            if self.terms.len() == MAXIMUM_NODES {
                let message = format!("more than {MAXIMUM_NODES} operations (MAXIMUM_NODES)");
                self.findings.report(Code::TooManyOperations, span, message);
            }
            return None;
        }
        let id = TermId(u32::try_from(self.terms.len()).ok()?);
        self.terms.push(Term { operator, operands, shape, span });
        Some(id)
    }

    /// A leaf; the same leaf is made once.
    pub(super) fn leaf(&mut self, operator: Operator, shape: Shape, span: Span) -> Option<TermId> {
        if let Some(&known) = self.leaves.get(&operator) {
            return Some(known);
        }
        let id = self.emit(operator.clone(), Vec::new(), shape, span)?;
        self.leaves.insert(operator, id);
        Some(id)
    }

    /// A number.
    pub(super) fn number(&mut self, value: f64, span: Span) -> Option<Value> {
        let term = self.leaf(Operator::Constant(value.to_bits()), Shape::Scalar, span)?;
        Some(Value { term, kind: Kind::Scalar, span })
    }

    /// The number that a value is, where it is one.
    pub(super) fn as_number(&self, value: Value) -> Option<f64> {
        match self.terms.get(value.term.0 as usize)?.operator {
            Operator::Constant(bits) => Some(f64::from_bits(bits)),
            _ => None,
        }
    }

    /// An element-wise function.
    pub(super) fn unary(&mut self, function: Unary, a: Value, span: Span) -> Option<Value> {
        if function == Unary::Negate
            && let Some(number) = self.as_number(a)
        {
            return self.number(-number, span);
        }
        let a = if a.kind == Kind::Diagonal && function != Unary::Negate { self.full(a)? } else { a };
        let term = self.emit(Operator::Unary(function), vec![a.term], self.shape(a.term), span)?;
        Some(Value { term, kind: a.kind, span })
    }

    /// An element-wise function of two; `doing` says what is done, as in «added».
    pub(super) fn binary(
        &mut self,
        function: Binary,
        a: Value,
        b: Value,
        doing: &str,
        span: Span,
    ) -> Option<Value> {
        let (mut a, mut b) = (a, b);
        if function == Binary::Divide && b.kind == Kind::Diagonal {
            self.findings
                .report(Code::OperandKind, span, "a diagonal matrix divides by the zeros beside its diagonal")
                .label(b.span, b.kind.describe())
                .help("divide the vectors, as in `diag(a / b)`");
            return None;
        }
        // What stands beside the diagonal stays zero, or all elements are needed.
        let stays = match (a.kind, b.kind) {
            (Kind::Diagonal, Kind::Diagonal) => keeps_zeros(function),
            _ => (a.kind == Kind::Scalar || b.kind == Kind::Scalar) && scales(function),
        };
        if !stays {
            (a, b) = (self.full(a)?, self.full(b)?);
        }
        let kind = join(a.kind, b.kind);
        let (left, right) = (self.shape(a.term), self.shape(b.term));
        let matrix = |kind| kind == Kind::Matrix;
        if a.kind != Kind::Scalar && b.kind != Kind::Scalar {
            if matrix(a.kind) != matrix(b.kind) {
                self.findings
                    .report(
                        Code::OperandKind,
                        span,
                        format!("{} and {} cannot be {doing}", a.kind.describe(), b.kind.describe()),
                    )
                    .label(a.span, a.kind.describe())
                    .label(b.span, b.kind.describe());
                return None;
            }
            self.equal(a, b, doing, span);
        }
        let shape = if a.kind == Kind::Scalar { right } else { left };
        let term = self.emit(Operator::Binary(function), vec![a.term, b.term], shape, span)?;
        Some(Value { term, kind, span })
    }

    /// States that two values have one shape.
    pub(super) fn equal(&mut self, a: Value, b: Value, doing: &str, whole: Span) {
        let (left, right) = ((self.shape(a.term), a.span), (self.shape(b.term), b.span));
        let reason = format!("are {doing}");
        self.solver.unify(&Clash { reason, whole, left, right, unsolved: false });
    }

    /// A diagonal matrix with all its elements: `I \odot u 1^\top`.
    pub(super) fn full(&mut self, a: Value) -> Option<Value> {
        let (Kind::Diagonal, Shape::Vector(n)) = (a.kind, self.shape(a.term)) else { return Some(a) };
        let square = Shape::Matrix(n.clone(), n.clone());
        let identity = self.leaf(Operator::Identity(n.clone()), square.clone(), a.span)?;
        let ones = self.ones(&n, a.span)?;
        let rows = self.emit(Operator::Outer, vec![a.term, ones], square.clone(), a.span)?;
        let term = self.emit(Operator::Binary(Binary::Multiply), vec![identity, rows], square, a.span)?;
        Some(Value { term, kind: Kind::Matrix, span: a.span })
    }

    /// A scalar repeated to fill a shape; anything else as it is.
    pub(super) fn spread(&mut self, a: Value, shape: &Shape, span: Span) -> Option<Value> {
        match (self.shape(a.term), shape) {
            (Shape::Scalar, Shape::Vector(n)) => {
                let operator = Operator::Broadcast(n.clone());
                let term = self.emit(operator, vec![a.term], shape.clone(), span)?;
                Some(Value { term, kind: Kind::Vector, span })
            }
            (Shape::Scalar, Shape::Matrix(rows, columns)) => {
                let operator = Operator::BroadcastMatrix(rows.clone(), columns.clone());
                let term = self.emit(operator, vec![a.term], shape.clone(), span)?;
                Some(Value { term, kind: Kind::Matrix, span })
            }
            _ => Some(a),
        }
    }

    /// A vector of ones.
    pub(super) fn ones(&mut self, n: &Dimension, span: Span) -> Option<TermId> {
        let one = self.number(1.0, span)?;
        self.emit(Operator::Broadcast(n.clone()), vec![one.term], Shape::Vector(n.clone()), span)
    }

    /// Sum of the elements.
    pub(super) fn sum(&mut self, a: Value, span: Span) -> Option<Value> {
        if a.kind == Kind::Scalar {
            return Some(a);
        }
        let term = self.emit(Operator::Sum, vec![a.term], Shape::Scalar, span)?;
        Some(Value { term, kind: Kind::Scalar, span })
    }

    /// Largest element of a vector.
    pub(super) fn largest(&mut self, a: Value, span: Span) -> Option<Value> {
        let term = self.emit(Operator::MaximumElement, vec![a.term], Shape::Scalar, span)?;
        Some(Value { term, kind: Kind::Scalar, span })
    }

    /// `choice != 0 ? a : b` for three values that meet each other; a scalar meets everything.
    pub(super) fn choose(&mut self, choice: Value, a: Value, b: Value, span: Span) -> Option<Value> {
        let mut values = [choice, a, b];
        for value in &mut values {
            *value = self.full(*value)?;
        }
        let mut first: Option<Value> = None;
        for value in values.into_iter().filter(|value| value.kind != Kind::Scalar) {
            match first {
                None => first = Some(value),
                Some(met) if (met.kind == Kind::Matrix) != (value.kind == Kind::Matrix) => {
                    let (left, right) = (met.kind.describe(), value.kind.describe());
                    self.findings
                        .report(
                            Code::OperandKind,
                            span,
                            format!("`where` cannot choose among {left} and {right}"),
                        )
                        .label(met.span, left)
                        .label(value.span, right);
                    return None;
                }
                Some(met) => self.equal(met, value, "chosen from element by element", span),
            }
        }
        let [choice, a, b] = values;
        let shape = first.map_or(Shape::Scalar, |first| self.shape(first.term));
        let kind = join(choice.kind, join(a.kind, b.kind));
        let operator = Operator::Ternary(crate::operator::Ternary::Select);
        let term = self.emit(operator, vec![choice.term, a.term, b.term], shape, span)?;
        Some(Value { term, kind, span })
    }

    /// Sums up to each element of a vector, or from each on.
    pub(super) fn cumulative_sum(&mut self, reverse: bool, a: Value, span: Span) -> Option<Value> {
        let operator = Operator::CumulativeSum { reverse };
        let term = self.emit(operator, vec![a.term], self.shape(a.term), span)?;
        Some(Value { term, kind: a.kind, span })
    }

    /// Part number `part`, counted from 0, of `count` equal parts of a vector.
    pub(super) fn chunk(&mut self, a: Value, part: u32, count: u32, span: Span) -> Option<Value> {
        let Shape::Vector(total) = self.shape(a.term) else { return None };
        let length = self.solver.fresh(4, "part");
        let whole = super::dimension::scaled(&length, count);
        let clash = Clash {
            reason: format!("must be one size, since a vector is cut into {count} equal parts"),
            whole: span,
            left: (Shape::Vector(total.clone()), a.span),
            right: (Shape::Vector(whole.clone()), span),
            unsolved: false,
        };
        self.solver.unify_sizes(&total, &whole, &clash);
        let start = super::dimension::scaled(&length, part);
        let operator = Operator::Slice { start, length: length.clone() };
        let term = self.emit(operator, vec![a.term], Shape::Vector(length), span)?;
        Some(Value { term, kind: a.kind, span })
    }

    /// Elements of a vector from `start` on, up to `end` or to the last.
    pub(super) fn slice(
        &mut self,
        a: Value,
        start: Dimension,
        end: Option<Dimension>,
        span: Span,
    ) -> Option<Value> {
        let a = self.vector(a, span)?;
        let Shape::Vector(total) = self.shape(a.term) else { return None };
        let length = self.solver.fresh(4, "part");
        let until = start.plus(&length);
        let clash = Clash {
            reason: "are where this part ends and where it is to end".to_owned(),
            whole: span,
            left: (Shape::Vector(end.clone().unwrap_or_else(|| total.clone())), a.span),
            right: (Shape::Vector(until.clone()), span),
            unsolved: false,
        };
        self.solver.unify_sizes(end.as_ref().unwrap_or(&total), &until, &clash);
        if let Some(end) = end {
            self.solver.within(Range { total, end, of: a.span, whole: span });
        }
        let operator = Operator::Slice { start, length: length.clone() };
        let term = self.emit(operator, vec![a.term], Shape::Vector(length), span)?;
        Some(Value { term, kind: a.kind, span })
    }

    /// Largest element of each row of a matrix.
    pub(super) fn row_maximum(&mut self, a: Value, span: Span) -> Option<Value> {
        let Shape::Matrix(rows, _) = self.shape(a.term) else { return None };
        let term = self.emit(Operator::RowMaximum, vec![a.term], Shape::Vector(rows), span)?;
        Some(Value { term, kind: Kind::Vector, span })
    }

    /// Sum of each row of a matrix.
    pub(super) fn row_sums(&mut self, a: Value, span: Span) -> Option<Value> {
        let Shape::Matrix(rows, columns) = self.shape(a.term) else { return None };
        let ones = self.ones(&columns, span)?;
        let term = self.emit(Operator::MatrixVector, vec![a.term, ones], Shape::Vector(rows), span)?;
        Some(Value { term, kind: Kind::Vector, span })
    }

    /// A vector as a matrix like another: in each column, or in each row.
    pub(super) fn repeated(&mut self, a: Value, like: Value, rows: bool, span: Span) -> Option<Value> {
        let shape @ Shape::Matrix(..) = self.shape(like.term) else { return None };
        let Shape::Matrix(m, n) = &shape else { return None };
        let ones = self.ones(if rows { m } else { n }, span)?;
        let operands = if rows { vec![ones, a.term] } else { vec![a.term, ones] };
        let term = self.emit(Operator::Outer, operands, shape, span)?;
        Some(Value { term, kind: Kind::Matrix, span })
    }

    /// `choice != 0 ? a : b`, all of one shape.
    pub(super) fn select(&mut self, choice: Value, a: Value, b: Value, span: Span) -> Option<Value> {
        let (choice, a, b) = (self.full(choice)?, self.full(a)?, self.full(b)?);
        let operator = Operator::Ternary(crate::operator::Ternary::Select);
        let term = self.emit(operator, vec![choice.term, a.term, b.term], self.shape(choice.term), span)?;
        Some(Value { term, kind: choice.kind, span })
    }

    /// Number of elements of a vector, as a value: the sum of as many ones.
    pub(super) fn count(&mut self, a: Value, span: Span) -> Option<Value> {
        let Shape::Vector(n) = self.shape(a.term) else { return self.number(1.0, span) };
        if n.terms().is_empty() {
            return self.number(f64::from(n.constant_part()), span);
        }
        let ones = self.ones(&n, span)?;
        self.sum(Value { term: ones, kind: Kind::Vector, span }, span)
    }

    /// Transpose: of a vector only the way it stands changes.
    pub(super) fn transpose(&mut self, a: Value, span: Span) -> Option<Value> {
        let kind = match a.kind {
            Kind::Vector => Kind::Row,
            Kind::Row => Kind::Vector,
            kind => kind,
        };
        let Shape::Matrix(rows, columns) = self.shape(a.term) else { return Some(Value { kind, span, ..a }) };
        if let Some(Term { operator: Operator::Transpose, operands, .. }) = self.terms.get(a.term.0 as usize)
            && let Some(&term) = operands.first()
        {
            return Some(Value { term, kind, span });
        }
        let term = self.emit(Operator::Transpose, vec![a.term], Shape::Matrix(columns, rows), span)?;
        Some(Value { term, kind, span })
    }

    /// Vectors one after the other; a scalar counts as a vector of one element.
    pub(super) fn concatenate(&mut self, parts: &[Value], span: Span) -> Option<Value> {
        let row = !parts.is_empty() && parts.iter().all(|part| part.kind == Kind::Row);
        let mut total = Dimension::default();
        let mut operands = Vec::with_capacity(parts.len());
        for part in parts {
            match self.shape(part.term) {
                Shape::Vector(n) if part.kind != Kind::Diagonal => {
                    total = total.plus(&n);
                    operands.push(part.term);
                }
                Shape::Scalar => {
                    let one = Dimension::constant(1);
                    let operator = Operator::Broadcast(one.clone());
                    operands.push(self.emit(
                        operator,
                        vec![part.term],
                        Shape::Vector(one.clone()),
                        part.span,
                    )?);
                    total = total.plus(&one);
                }
                _ => {
                    let message = format!("{} stands in a concatenation of vectors", part.kind.describe());
                    self.findings
                        .report(Code::OperandKind, part.span, message)
                        .help("concatenate vectors: `[h_{t-1}, x_t]`");
                    return None;
                }
            }
        }
        let kind = if row { Kind::Row } else { Kind::Vector };
        let term = match operands.as_slice() {
            [] => {
                self.findings.report(Code::OperandKind, span, "a concatenation of nothing");
                return None;
            }
            &[only] => only,
            _ => self.emit(Operator::Concatenate, operands, Shape::Vector(total), span)?,
        };
        Some(Value { term, kind, span })
    }

    /// Carries out the steps of a product.
    pub(super) fn product(&mut self, factors: &[Value], steps: &[Step], span: Span) -> Option<Value> {
        let mut values: Vec<Value> = factors.to_vec();
        for step in steps {
            let (left, right) = (*values.get(step.left)?, *values.get(step.right)?);
            let whole = if steps.len() == 1 { span } else { left.span.to(right.span) };
            values.push(self.step(step.rule, left, right, step.kind, whole)?);
        }
        values.last().copied().map(|value| Value { span, ..value })
    }

    pub(super) fn step(
        &mut self,
        rule: Rule,
        left: Value,
        right: Value,
        kind: Kind,
        span: Span,
    ) -> Option<Value> {
        match rule {
            Rule::Multiply => {
                if left.kind == Kind::Scalar || right.kind == Kind::Scalar {
                    return self.binary(Binary::Multiply, left, right, "multiplied", span);
                }
                self.equal(left, right, "multiplied element by element", span);
                let shape = self.shape(left.term);
                let term =
                    self.emit(Operator::Binary(Binary::Multiply), vec![left.term, right.term], shape, span)?;
                Some(Value { term, kind, span })
            }
            Rule::MatrixVector => self.matrix_vector(left, right, span),
            Rule::VectorMatrix => {
                if left.kind == Kind::Vector && !self.row_convention {
                    self.row_convention = true;
                    self.findings
                        .report(
                            Code::RowConvention,
                            span,
                            "the vector stands before the matrix: rows of the matrix are features in",
                        )
                        .help(
                            "the parameter is stored as written; `W x` would have features out as its rows",
                        );
                }
                let transposed = self.transpose(right, right.span)?;
                let product = self.matrix_vector(transposed, left, span)?;
                Some(Value { kind, ..product })
            }
            Rule::MatrixMatrix => {
                let (Shape::Matrix(m, k), Shape::Matrix(l, n)) =
                    (self.shape(left.term), self.shape(right.term))
                else {
                    return None;
                };
                self.inner_sizes(left, right, &k, &l, span);
                let term = self.emit(
                    Operator::MatrixMatrix,
                    vec![left.term, right.term],
                    Shape::Matrix(m, n),
                    span,
                )?;
                Some(Value { term, kind, span })
            }
            Rule::Outer => {
                let (Shape::Vector(m), Shape::Vector(n)) = (self.shape(left.term), self.shape(right.term))
                else {
                    return None;
                };
                let term =
                    self.emit(Operator::Outer, vec![left.term, right.term], Shape::Matrix(m, n), span)?;
                Some(Value { term, kind, span })
            }
            Rule::Inner => {
                let (row, column) =
                    (Value { kind: Kind::Vector, ..left }, Value { kind: Kind::Vector, ..right });
                let products = self.binary(Binary::Multiply, row, column, "multiplied", span)?;
                self.sum(products, span)
            }
            // Scaling rows: each column of the matrix times u, which is `M \odot u 1^\top`; columns likewise.
            Rule::DiagonalMatrix | Rule::MatrixDiagonal => {
                let rows = rule == Rule::DiagonalMatrix;
                let (vector, matrix) = if rows { (left, right) } else { (right, left) };
                let (Shape::Vector(size), Shape::Matrix(m, n)) =
                    (self.shape(vector.term), self.shape(matrix.term))
                else {
                    return None;
                };
                let (meets, other) = if rows { (&m, &n) } else { (&n, &m) };
                self.inner_sizes(left, right, &size, meets, span);
                let ones = self.ones(other, span)?;
                let operands = if rows { vec![vector.term, ones] } else { vec![ones, vector.term] };
                let shape = Shape::Matrix(m.clone(), n.clone());
                let scale = self.emit(Operator::Outer, operands, shape.clone(), span)?;
                let operands = if rows { vec![scale, matrix.term] } else { vec![matrix.term, scale] };
                let term = self.emit(Operator::Binary(Binary::Multiply), operands, shape, span)?;
                Some(Value { term, kind, span })
            }
        }
    }

    fn matrix_vector(&mut self, matrix: Value, vector: Value, span: Span) -> Option<Value> {
        let (Shape::Matrix(m, n), Shape::Vector(k)) = (self.shape(matrix.term), self.shape(vector.term))
        else {
            return None;
        };
        self.inner_sizes(matrix, vector, &n, &k, span);
        let term =
            self.emit(Operator::MatrixVector, vec![matrix.term, vector.term], Shape::Vector(m), span)?;
        Some(Value { term, kind: Kind::Vector, span })
    }

    /// The sizes that meet within a product.
    fn inner_sizes(&mut self, left: Value, right: Value, a: &Dimension, b: &Dimension, whole: Span) {
        let clash = Clash {
            reason: "are multiplied".to_owned(),
            whole,
            left: (self.shape(left.term), left.span),
            right: (self.shape(right.term), right.span),
            unsolved: false,
        };
        self.solver.unify_sizes(a, b, &clash);
    }

    /// Reports why a product has no meaning.
    pub(super) fn refuse(&mut self, refusal: Refusal, factors: &[Value], span: Span) {
        let place = |at: usize| factors.get(at).map_or(span, |factor| factor.span);
        match refusal {
            Refusal::Unknown => {}
            Refusal::Ambiguous(first, second) => {
                self.findings
                    .report(Code::AmbiguousProduct, span, "this product has two readings")
                    .label(place(first), "the matrix may be applied to this alone")
                    .label(place(second), "or to its product with this")
                    .help("write `W (r_t \\odot h_{t-1})` or `(W r_t) \\odot h_{t-1}`");
            }
            Refusal::NoRule(left, right, first, second) => {
                let message = format!("{} and {} cannot be multiplied", left.describe(), right.describe());
                let help = match (left, right) {
                    (Kind::Vector, Kind::Matrix) | (Kind::Matrix, Kind::Vector) => {
                        "to scale a matrix, declare the factor a scalar (`\\gamma \\in \\mathbb{R}`), give it \
                         (`\\gamma = 0.01`), or write `diag(u)` to scale its rows"
                    }
                    (Kind::Row, Kind::Row) | (Kind::Matrix, Kind::Row) => "a transpose is too many here",
                    _ => {
                        "`v k^\\top` is an outer product, `n^\\top q` an inner one, `\\odot` element by element"
                    }
                };
                self.findings
                    .report(Code::OperandKind, span, message)
                    .label(place(first), left.describe())
                    .label(place(second), right.describe())
                    .help(help);
            }
        }
    }
}

/// True where the function of two zeros is zero.
const fn keeps_zeros(function: Binary) -> bool {
    !matches!(function, Binary::Divide | Binary::LessOrEqual)
}

const fn scales(function: Binary) -> bool {
    matches!(function, Binary::Multiply)
}
