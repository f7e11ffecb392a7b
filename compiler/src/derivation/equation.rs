//! Equations as data: a named value and the tree that computes it.
//!
//! Trees are made by the functions here, which keep them readable: sums and products are flat, and what the compiler
//! has cut by columns (`W[:, :h] h + W[:, h:] x`) is put together again (`W [h, x]`).

use crate::operator::{Binary, Unary};
use crate::shape::{Dimension, Shape};

/// A value with a name. Numbers count the ports of the graph's signature where nothing else is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Symbol {
    /// A parameter.
    Parameter(u32),
    /// An input at this step.
    Input(u32),
    /// A state as it enters this step.
    State(u32),
    /// An unknown: the value that the equations of the step agree on.
    Unknown(u32),
    /// A value that the user or the derivation has named.
    Value(u32),
    /// Gradient by that value, over all ways.
    Adjoint(u32),
    /// Gradient by an output at this step as the loss gives it.
    OutputGradient(u32),
    /// Gradient by a state before the first step.
    Initial(u32),
    /// Gradient by a state as it leaves this step: what the next step hands back.
    Arriving(u32),
    /// Gradient by a state as it entered this step: what this step hands back.
    Leaving(u32),
    /// Gradient by an unknown over all ways through the unknowns of the step: solved for as they are.
    Circling(u32),
    /// Gradient by an input at this step.
    InputGradient(u32),
    /// Gradient by a parameter.
    ParameterGradient(u32),
    /// A part that several equations share, or too long to write out.
    Temporary {
        /// Counted from 0.
        number: u32,
        /// Depends on a gradient.
        gradient: bool,
    },
}

impl Symbol {
    /// True for values that depend on a gradient.
    #[must_use]
    pub const fn is_gradient(self) -> bool {
        match self {
            Self::Parameter(_) | Self::Input(_) | Self::State(_) | Self::Unknown(_) | Self::Value(_) => false,
            Self::Temporary { gradient, .. } => gradient,
            _ => true,
        }
    }
}

/// `symbol = value`.
#[derive(Clone, Debug, PartialEq)]
pub struct Equation {
    /// The left side.
    pub symbol: Symbol,
    /// The right side.
    pub value: Expression,
    /// Shape of both for one sample.
    pub shape: Shape,
}

/// A term of a sum.
#[derive(Clone, Debug, PartialEq)]
pub struct Term {
    /// Taken away rather than added.
    pub subtracted: bool,
    /// What.
    pub value: Expression,
}

/// The right side of an equation, or a part of it. A scalar meets every element of a vector or matrix.
#[derive(Clone, Debug, PartialEq)]
pub enum Expression {
    /// A number.
    Number(f64),
    /// A named value.
    Name(Symbol),
    /// The size of a dimension.
    Size(Dimension),
    /// The identity matrix.
    Identity(Dimension),
    /// A function of each element.
    Call(Unary, Box<Expression>),
    /// Terms, added and subtracted from left to right. Never empty.
    Sum(Vec<Term>),
    /// Factors, element by element. Two or more.
    Product(Vec<Expression>),
    /// A quotient, element by element.
    Quotient(Box<Expression>, Box<Expression>),
    /// The square of each element.
    Square(Box<Expression>),
    /// Maximum, minimum or comparison (1 or 0), element by element.
    Compare(Binary, Box<Expression>, Box<Expression>),
    /// The second where the first is not zero, else the third; element by element.
    Select(Box<Expression>, Box<Expression>, Box<Expression>),
    /// Matrix times vector or matrix.
    Apply(Box<Expression>, Box<Expression>),
    /// `u v^T`.
    Outer(Box<Expression>, Box<Expression>),
    /// Transpose of a matrix.
    Transpose(Box<Expression>),
    /// Vectors one after the other.
    Concatenate(Vec<Expression>),
    /// Elements of a vector, or columns of a matrix.
    Part {
        /// Of what.
        whole: Box<Expression>,
        /// Which.
        range: Range,
        /// Columns of a matrix.
        columns: bool,
    },
    /// A vector, or columns of a matrix, among zeros.
    Pad {
        /// What.
        part: Box<Expression>,
        /// Where it comes to lie.
        range: Range,
        /// Columns of a matrix.
        columns: bool,
    },
    /// Sum of all elements.
    ElementSum(Box<Expression>),
    /// Largest element of each row of a matrix.
    RowMaximum(Box<Expression>),
    /// Largest element.
    MaximumElement(Box<Expression>),
    /// Sums up to each element; from the last one on where the flag is set.
    CumulativeSum(bool, Box<Expression>),
    /// A scalar in every element of a shape.
    Fill(Box<Expression>, Shape),
    /// Sum over all steps and samples.
    Total(Box<Expression>),
    /// Sum over all samples.
    SampleTotal(Box<Expression>),
}

/// Elements `start .. start + length` of `total`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    /// First element.
    pub start: Dimension,
    /// Number of elements.
    pub length: Dimension,
    /// Size of the whole.
    pub total: Dimension,
}

impl Range {
    /// The element after the last.
    #[must_use]
    pub fn end(&self) -> Dimension {
        self.start.plus(&self.length)
    }
}

impl Expression {
    /// `left + right`, or `left - right`.
    #[must_use]
    pub fn sum(left: Self, subtracted: bool, right: Self) -> Self {
        let mut terms = left.into_terms(false);
        terms.extend(right.into_terms(subtracted));
        join_columns(&mut terms);
        join_outer_products(&mut terms);
        match terms.as_slice() {
            [Term { subtracted: false, value }] => value.clone(),
            _ => Self::Sum(terms),
        }
    }

    /// `-operand`.
    #[must_use]
    pub fn negated(operand: Self) -> Self {
        match operand {
            Self::Number(value) => Self::Number(-value),
            operand => Self::Sum(operand.into_terms(true)),
        }
    }

    fn into_terms(self, subtracted: bool) -> Vec<Term> {
        match self {
            Self::Sum(terms) => terms
                .into_iter()
                .map(|term| Term { subtracted: term.subtracted != subtracted, ..term })
                .collect(),
            value => vec![Term { subtracted, value }],
        }
    }

    /// `left ⊙ right`: one number first, then what depends on a gradient.
    #[must_use]
    pub fn product(left: Self, right: Self) -> Self {
        if left == right {
            return Self::Square(Box::new(left));
        }
        let mut number = 1.0;
        let mut factors = Vec::new();
        for side in [left, right] {
            let (factor, rest) = side.without_number();
            number *= factor;
            match rest {
                Some(Self::Product(inner)) => factors.extend(inner),
                Some(rest) => factors.push(rest),
                None => {}
            }
        }
        factors.sort_by_key(|factor| !factor.has_gradient());
        // A sign goes to the sum that the product may stand in.
        let negative = number < 0.0 && !factors.is_empty();
        let number = if negative { -number } else { number };
        if factors.is_empty() || number != 1.0 {
            factors.insert(0, Self::Number(number));
        }
        let product = match <[Self; 1]>::try_from(factors) {
            Ok([single]) => single,
            Err(factors) => Self::Product(factors),
        };
        if negative { Self::negated(product) } else { product }
    }

    /// The number that a product or quotient begins with, or its sign, and what remains; `None` where that is 1.
    fn without_number(self) -> (f64, Option<Self>) {
        match self {
            Self::Number(number) => (number, None),
            Self::Sum(mut terms) if terms.len() == 1 => match terms.pop() {
                Some(Term { subtracted, value }) => {
                    let (number, rest) = value.without_number();
                    (if subtracted { -number } else { number }, rest)
                }
                None => (1.0, None),
            },
            Self::Product(mut factors) => match factors.first() {
                Some(&Self::Number(number)) => {
                    factors.remove(0);
                    let rest = match <[Self; 1]>::try_from(factors) {
                        Ok([single]) => single,
                        Err(factors) => Self::Product(factors),
                    };
                    (number, Some(rest))
                }
                _ => (1.0, Some(Self::Product(factors))),
            },
            Self::Quotient(over, under) => match over.without_number() {
                (number, Some(over)) => (number, Some(Self::Quotient(Box::new(over), under))),
                (number, None) => (1.0, Some(Self::Quotient(Box::new(Self::Number(number)), under))),
            },
            other => (1.0, Some(other)),
        }
    }

    /// The transpose, without transposing twice and drawn into outer products.
    #[must_use]
    pub fn transposed(operand: Self) -> Self {
        match operand {
            Self::Transpose(inner) => *inner,
            Self::Outer(left, right) => Self::Outer(right, left),
            Self::Total(inner) => Self::Total(Box::new(Self::transposed(*inner))),
            operand => Self::Transpose(Box::new(operand)),
        }
    }

    /// What a run of one step means for the time before the first: gradients by outputs are gradients by the states of
    /// these numbers, and totals are over samples.
    pub(super) fn before_the_first_step(&mut self, states: &[u32]) {
        if let Self::Name(Symbol::OutputGradient(output)) = self
            && let Some(&state) = states.get(*output as usize)
        {
            *self = Self::Name(Symbol::Initial(state));
        }
        if let Self::Total(inner) = self {
            let inner = std::mem::replace(&mut **inner, Self::Number(0.0));
            *self = Self::SampleTotal(Box::new(inner));
        }
        self.operands_mut(|operand| operand.before_the_first_step(states));
    }

    /// True where a gradient occurs in the tree.
    fn has_gradient(&self) -> bool {
        if let Self::Name(symbol) = self {
            return symbol.is_gradient();
        }
        let mut found = false;
        self.operands(|operand| found |= operand.has_gradient());
        found
    }

    /// Calls `visit` with each operand.
    pub fn operands<'a>(&'a self, mut visit: impl FnMut(&'a Self)) {
        match self {
            Self::Number(_) | Self::Name(_) | Self::Size(_) | Self::Identity(_) => {}
            Self::Call(_, a)
            | Self::Square(a)
            | Self::Transpose(a)
            | Self::Part { whole: a, .. }
            | Self::Pad { part: a, .. }
            | Self::ElementSum(a)
            | Self::MaximumElement(a)
            | Self::CumulativeSum(_, a)
            | Self::RowMaximum(a)
            | Self::Fill(a, _)
            | Self::SampleTotal(a)
            | Self::Total(a) => visit(a),
            Self::Sum(terms) => terms.iter().for_each(|term| visit(&term.value)),
            Self::Product(parts) | Self::Concatenate(parts) => parts.iter().for_each(visit),
            Self::Quotient(a, b) | Self::Compare(_, a, b) | Self::Apply(a, b) | Self::Outer(a, b) => {
                visit(a);
                visit(b);
            }
            Self::Select(a, b, c) => {
                visit(a);
                visit(b);
                visit(c);
            }
        }
    }

    /// As [`Expression::operands`], to be changed.
    fn operands_mut(&mut self, mut visit: impl FnMut(&mut Self)) {
        match self {
            Self::Number(_) | Self::Name(_) | Self::Size(_) | Self::Identity(_) => {}
            Self::Call(_, a)
            | Self::Square(a)
            | Self::Transpose(a)
            | Self::Part { whole: a, .. }
            | Self::Pad { part: a, .. }
            | Self::ElementSum(a)
            | Self::MaximumElement(a)
            | Self::CumulativeSum(_, a)
            | Self::RowMaximum(a)
            | Self::Fill(a, _)
            | Self::SampleTotal(a)
            | Self::Total(a) => visit(a),
            Self::Sum(terms) => terms.iter_mut().for_each(|term| visit(&mut term.value)),
            Self::Product(parts) | Self::Concatenate(parts) => parts.iter_mut().for_each(visit),
            Self::Quotient(a, b) | Self::Compare(_, a, b) | Self::Apply(a, b) | Self::Outer(a, b) => {
                visit(a);
                visit(b);
            }
            Self::Select(a, b, c) => {
                visit(a);
                visit(b);
                visit(c);
            }
        }
    }
}

/// Parts that tile the whole: indices into `ranges`, first element to last. `None` where none does.
fn tiling(ranges: &[(usize, &Range)]) -> Option<Vec<usize>> {
    let total = &ranges.first()?.1.total;
    let (mut end, mut chain) = (Dimension::default(), Vec::new());
    while end != *total {
        let next = ranges.iter().find(|(at, range)| range.start == end && !chain.contains(at))?;
        // A part without elements would not get on.
        if next.1.length == Dimension::default() {
            return None;
        }
        chain.push(next.0);
        end = next.1.end();
    }
    Some(chain)
}

/// Puts the joined term in the place of the first of the chain.
fn replace(terms: &mut Vec<Term>, chain: &[usize], joined: Expression) {
    let Some(&first) = chain.iter().min() else { return };
    terms[first].value = joined;
    let mut at = 0;
    terms.retain(|_| {
        at += 1;
        at - 1 == first || !chain.contains(&(at - 1))
    });
}

/// A term that holds one part of something that can be joined: what it has in common with the other parts, where it
/// lies, and the vector of its own.
type Piece = (Expression, Range, Expression);

/// `W[:, :h] a + W[:, h:] b = W [a, b]`.
fn join_columns(terms: &mut Vec<Term>) {
    let piece = |term: &Term| -> Option<Piece> {
        let Expression::Apply(matrix, vector) = &term.value else { return None };
        let Expression::Part { whole, range, columns: true } = &**matrix else { return None };
        Some(((**whole).clone(), range.clone(), (**vector).clone()))
    };
    join(terms, piece, |matrix, vectors| Expression::Apply(Box::new(matrix), Box::new(vectors)));
}

/// `[Σ d a^T, 0] + [0, Σ d b^T] = Σ d [a, b]^T`.
fn join_outer_products(terms: &mut Vec<Term>) {
    let piece = |term: &Term| -> Option<Piece> {
        let Expression::Pad { part, range, columns: true } = &term.value else { return None };
        let Expression::Total(inner) = &**part else { return None };
        let Expression::Outer(left, right) = &**inner else { return None };
        Some(((**left).clone(), range.clone(), (**right).clone()))
    };
    join(terms, piece, |left, right| {
        Expression::Total(Box::new(Expression::Outer(Box::new(left), Box::new(right))))
    });
}

/// Joins pieces of one sign that tile their whole.
fn join(
    terms: &mut Vec<Term>,
    piece: impl Fn(&Term) -> Option<Piece>,
    make: impl Fn(Expression, Expression) -> Expression,
) {
    let mut first = 0;
    while first < terms.len() {
        if let Some((common, ..)) = piece(&terms[first]) {
            let sign = terms[first].subtracted;
            let pieces: Vec<(usize, Piece)> = terms
                .iter()
                .enumerate()
                .filter(|(_, term)| term.subtracted == sign)
                .filter_map(|(at, term)| Some((at, piece(term).filter(|found| found.0 == common)?)))
                .collect();
            let ranges: Vec<(usize, &Range)> = pieces.iter().map(|(at, piece)| (*at, &piece.1)).collect();
            if let Some(chain) = tiling(&ranges).filter(|chain| chain.len() > 1) {
                let vector =
                    |at: &usize| pieces.iter().find(|piece| piece.0 == *at).map(|piece| piece.1.2.clone());
                let vectors = chain.iter().filter_map(vector).collect();
                replace(terms, &chain, make(common, Expression::Concatenate(vectors)));
            }
        }
        first += 1;
    }
}
