//! What a product means, by the kinds of its factors.
//!
//! Given the factors of a chain with the sign before each, [`read_product`] says which rule joins which two, in an
//! order of evaluation:
//!
//! 1. scalars are set aside and scale the result;
//! 2. a matrix binds to what stands to its right, matrices nearest a vector first: `U V x` is `U (V x)`;
//! 3. a row meets the vector to its right: `n^\top q` is an inner product;
//! 4. what remains is joined from left to right.

use crate::source::ast::ProductSign;

/// What kind of value an expression is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Not known yet.
    Unknown,
    /// One number.
    Scalar,
    /// A column of numbers.
    Vector,
    /// A vector, transposed.
    Row,
    /// A matrix.
    Matrix,
    /// A vector that stands for the matrix with it on the diagonal.
    Diagonal,
}

impl Kind {
    /// In words.
    pub(super) const fn describe(self) -> &'static str {
        match self {
            Self::Unknown => "a value of unknown shape",
            Self::Scalar => "a scalar",
            Self::Vector => "a vector",
            Self::Row => "a transposed vector",
            Self::Matrix => "a matrix",
            Self::Diagonal => "a diagonal matrix",
        }
    }

    const fn is_matrix(self) -> bool {
        matches!(self, Self::Matrix | Self::Diagonal)
    }
}

/// How two factors are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Rule {
    /// Element by element, or by a scalar.
    Multiply,
    /// Matrix times vector.
    MatrixVector,
    /// Matrix times matrix.
    MatrixMatrix,
    /// Vector or row times matrix: the transposed matrix times the vector. True where the row convention is used.
    VectorMatrix,
    /// Vector times row.
    Outer,
    /// Row times vector.
    Inner,
    /// Diagonal matrix times matrix.
    DiagonalMatrix,
    /// Matrix times diagonal matrix.
    MatrixDiagonal,
}

/// One factor.
#[derive(Clone, Copy, Debug)]
pub(super) struct Factor {
    /// Its kind.
    pub(super) kind: Kind,
    /// Its value changes from step to step.
    pub(super) varying: bool,
}

/// One step of a product: operands below the number of factors are factors, the others results of earlier steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// What joins them.
    pub(super) rule: Rule,
    /// Left operand.
    pub(super) left: usize,
    /// Right operand.
    pub(super) right: usize,
    /// Kind of the result.
    pub(super) kind: Kind,
}

/// Why a product has no meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The kind of a factor is not known yet.
    Unknown,
    /// A matrix, a vector and another vector side by side: factors at these positions.
    Ambiguous(usize, usize),
    /// Kinds that no rule joins, with the positions of the factors where they begin.
    NoRule(Kind, Kind, usize, usize),
}

/// A factor or an intermediate result.
#[derive(Clone, Copy)]
struct Item {
    operand: usize,
    kind: Kind,
    varying: bool,
    /// Sign before it.
    sign: ProductSign,
    /// Position of its first factor.
    position: usize,
    /// It begins with a matrix that was bound to the vector.
    applied: bool,
}

struct Reading {
    count: usize,
    steps: Vec<Step>,
}

impl Reading {
    fn join(&mut self, rule: Rule, left: Item, right: Item, kind: Kind) -> Item {
        self.steps.push(Step { rule, left: left.operand, right: right.operand, kind });
        Item {
            operand: self.count + self.steps.len() - 1,
            kind,
            varying: left.varying || right.varying,
            sign: left.sign,
            position: left.position,
            applied: true,
        }
    }
}

/// The rule for two neighbours, and what it makes. `constant` says that the right one is constant over time.
fn rule(left: Kind, right: Kind, hadamard: bool, constant: bool) -> Option<(Rule, Kind)> {
    use Kind::{Diagonal, Matrix, Row, Vector};
    if hadamard {
        return (left == right && left != Diagonal).then_some((Rule::Multiply, left));
    }
    Some(match (left, right) {
        (Vector, Vector) | (Diagonal | Vector, Diagonal) | (Diagonal, Vector) => {
            (Rule::Multiply, if (left, right) == (Diagonal, Diagonal) { Diagonal } else { Vector })
        }
        (Row, Diagonal) => (Rule::Multiply, Row),
        (Vector, Row) => (Rule::Outer, Matrix),
        (Row, Vector) => (Rule::Inner, Kind::Scalar),
        (Matrix, Vector) => (Rule::MatrixVector, Vector),
        (Matrix, Matrix) => (Rule::MatrixMatrix, Matrix),
        (Vector, Matrix) if constant => (Rule::VectorMatrix, Vector),
        (Row, Matrix) => (Rule::VectorMatrix, Row),
        (Diagonal, Matrix) => (Rule::DiagonalMatrix, Matrix),
        (Matrix, Diagonal) => (Rule::MatrixDiagonal, Matrix),
        _ => return None,
    })
}

/// Reads a product of two or more factors; `signs[k]` stands between factor `k` and `k + 1`.
pub(super) fn read_product(factors: &[Factor], signs: &[ProductSign]) -> Result<Vec<Step>, Refusal> {
    if factors.iter().any(|factor| factor.kind == Kind::Unknown) {
        return Err(Refusal::Unknown);
    }
    let mut scalars: Vec<Item> = Vec::new();
    let mut items: Vec<Item> = Vec::new();
    for (position, factor) in factors.iter().enumerate() {
        let sign = position
            .checked_sub(1)
            .and_then(|at| signs.get(at).copied())
            .unwrap_or(ProductSign::Juxtaposition);
        let (kind, varying) = (factor.kind, factor.varying);
        let item = Item { operand: position, kind, varying, sign, position, applied: false };
        if kind == Kind::Scalar { scalars.push(item) } else { items.push(item) }
    }
    let mut reading = Reading { count: factors.len(), steps: Vec::new() };
    let items = bind_matrices(&mut reading, items)?;
    let items = inner_products(&mut reading, &mut scalars, items);
    let mut rest = items.into_iter();
    let mut product = rest.next();
    for item in rest {
        let Some(left) = product else { break };
        let hadamard = item.sign == ProductSign::Hadamard;
        // `W x_t U h_{t-1}`: a sign is missing, most likely a `+`.
        if left.applied
            && item.applied
            && item.sign == ProductSign::Juxtaposition
            && item.kind == Kind::Vector
        {
            return Err(Refusal::Ambiguous(left.position, item.position));
        }
        // `z_t @ h_{t-1}`: `@` is a product with a matrix, and of two vectors an inner one in code.
        let code = item.sign == ProductSign::At && left.kind == Kind::Vector && item.kind == Kind::Vector;
        let Some((rule, kind)) = rule(left.kind, item.kind, hadamard, !item.varying).filter(|_| !code) else {
            return Err(Refusal::NoRule(left.kind, item.kind, left.position, item.position));
        };
        let joined = reading.join(rule, left, item, kind);
        if kind == Kind::Scalar {
            scalars.push(joined);
            product = None;
        } else {
            product = Some(joined);
        }
    }
    // Scalars first among themselves: one multiplication of the large operand.
    let scale =
        scalars.into_iter().reduce(|left, right| reading.join(Rule::Multiply, left, right, Kind::Scalar));
    if let (Some(scale), Some(product)) = (scale, product) {
        reading.join(Rule::Multiply, scale, product, product.kind);
    }
    Ok(reading.steps)
}

/// Second rule. Matrices that nothing to their right takes, but a vector or row to their left, wait for it.
fn bind_matrices(reading: &mut Reading, items: Vec<Item>) -> Result<Vec<Item>, Refusal> {
    // From right to left; `done` holds what was read, the last pushed standing leftmost.
    let mut done: Vec<Item> = Vec::with_capacity(items.len());
    for (at, &item) in items.iter().enumerate().rev() {
        let Some(&right) = done.last() else {
            done.push(item);
            continue;
        };
        let binds = item.kind.is_matrix() && right.sign != ProductSign::Hadamard;
        if binds && right.kind == Kind::Vector {
            let beyond = done.len().checked_sub(2).and_then(|at| done.get(at));
            if let Some(beyond) = beyond
                && right.sign == ProductSign::Juxtaposition
                && beyond.sign == ProductSign::Juxtaposition
                && beyond.kind == Kind::Vector
                && !beyond.applied
            {
                return Err(Refusal::Ambiguous(right.position, beyond.position));
            }
            done.pop();
            let rule = if item.kind == Kind::Diagonal { Rule::Multiply } else { Rule::MatrixVector };
            done.push(reading.join(rule, item, right, Kind::Vector));
        } else if binds && right.kind.is_matrix() && !waits(&items[..at], item.sign) {
            let Some((rule, kind)) = rule(item.kind, right.kind, false, true) else {
                return Err(Refusal::NoRule(item.kind, right.kind, item.position, right.position));
            };
            done.pop();
            done.push(reading.join(rule, item, right, kind));
        } else {
            done.push(item);
        }
    }
    done.reverse();
    Ok(done)
}

/// True where the matrices that end a chain have a vector or row before them to meet first.
fn waits(before: &[Item], mut sign: ProductSign) -> bool {
    for item in before.iter().rev() {
        if sign == ProductSign::Hadamard {
            return false;
        }
        match item.kind {
            Kind::Vector | Kind::Row => return true,
            _ => sign = item.sign,
        }
    }
    false
}

/// Third rule.
fn inner_products(reading: &mut Reading, scalars: &mut Vec<Item>, items: Vec<Item>) -> Vec<Item> {
    let mut kept: Vec<Item> = Vec::with_capacity(items.len());
    for item in items {
        match kept.last().copied() {
            Some(row)
                if row.kind == Kind::Row
                    && item.kind == Kind::Vector
                    && item.sign != ProductSign::Hadamard =>
            {
                kept.pop();
                scalars.push(reading.join(Rule::Inner, row, item, Kind::Scalar));
            }
            _ => kept.push(item),
        }
    }
    kept
}

/// The kind of a product, where it has a meaning.
pub(super) fn product_kind(factors: &[Factor], signs: &[ProductSign]) -> Option<Kind> {
    match read_product(factors, signs) {
        Ok(steps) => steps.last().map(|step| step.kind),
        // Element by element with a vector: whatever the unknown factors are, the result is a vector.
        Err(Refusal::Unknown) if signs.iter().all(|sign| *sign == ProductSign::Hadamard) => {
            factors.iter().map(|factor| factor.kind).find(|kind| matches!(kind, Kind::Vector | Kind::Matrix))
        }
        Err(_) => None,
    }
}
