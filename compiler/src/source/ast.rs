//! The syntax tree: equations as they were written, before any name is resolved.
//!
//! All three spellings give this tree. It keeps what later stages need to decide meaning — whether a product was
//! written with a sign or by juxtaposition, whether an operand stood in parentheses — and nothing of the dress
//! (fonts, sizes, spacing, alignment). Every node has its span in the source.

use crate::span::Span;

/// A document: the statements in the order they were written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document {
    /// Statements in order.
    pub statements: Vec<Statement>,
    /// What lines of text around the equations declare of their names. [`crate::resolve::settle`] makes statements of
    /// those that fit; until then they mean nothing.
    pub explanations: Vec<Explanation>,
    /// What equations define that could not be read: their readers are not to blame.
    pub lost: Vec<Reference>,
}

/// A declaration in a line of text beside the equations: `$x_t \in \mathbb{R}^{d}$ is the input`.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// What it declares.
    pub declaration: Statement,
    /// It speaks of this very name, near the equations: if it contradicts them, one of both is wrong. Else
    /// (`W_* \in …`, under a heading without equations) it may speak of something else.
    pub firm: bool,
}

/// One equation or declaration.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// What it says.
    pub kind: StatementKind,
    /// All of it.
    pub span: Span,
}

/// What a statement says.
#[derive(Clone, Debug, PartialEq)]
pub enum StatementKind {
    /// `target = value`. Chained equality `a = b = e` is parsed as `a = e`, `b = e`.
    Definition {
        /// The left side.
        target: Reference,
        /// The right side.
        value: Expression,
    },
    /// `\Phi(v) = …`: a function of one argument, or `g = \tanh`: an alias, where `parameter` is `None` and
    /// `body` a bare `FunctionName`.
    Function {
        /// The function's name.
        name: Name,
        /// Place of the name.
        name_span: Span,
        /// The argument's name; `None` for an alias.
        parameter: Option<Reference>,
        /// The body.
        body: Expression,
    },
    /// `W \in \mathbb{R}^{n \times d}`, `w: [h]`, `alpha: scalar`.
    Declaration {
        /// What is declared.
        target: Reference,
        /// Size along each axis; empty for a scalar.
        sizes: Vec<Size>,
    },
    /// `W: frozen`, `y_t: output`.
    Mark {
        /// What is marked.
        target: Reference,
        /// As what.
        mark: Mark,
    },
}

/// What a name is declared to be for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mark {
    /// A parameter that is given and not learned.
    Frozen,
    /// A value that is an output.
    Output,
}

impl Mark {
    /// The mark of a word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        match word {
            "frozen" => Some(Self::Frozen),
            "output" => Some(Self::Output),
            _ => None,
        }
    }

    /// The word of the mark.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Frozen => "frozen",
            Self::Output => "output",
        }
    }
}

/// A size in a declaration: a number or the name of a dimension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Size {
    /// A number.
    Known(u32),
    /// A dimension by name.
    Named(String),
    /// A sum of sizes, `h + x`.
    Sum(Vec<Size>),
    /// A size several times, `4 h`.
    Multiple(u32, Box<Size>),
}

impl Size {
    /// The dimensions by name, from left to right.
    pub(crate) fn names(&self) -> Vec<&str> {
        // Sums within sums are walked by an explicit stack.
        let (mut names, mut pending) = (Vec::new(), vec![self]);
        while let Some(size) = pending.pop() {
            match size {
                Self::Known(_) => {}
                Self::Named(name) => names.push(name.as_str()),
                Self::Sum(parts) => pending.extend(parts.iter().rev()),
                Self::Multiple(_, part) => pending.push(part),
            }
        }
        names
    }
}

/// The name of a value: a base letter or word, decorations and labels.
///
/// `canonical` is the key under which two spellings are the same name, and the key in files:
/// base, decorations, labels, joined by `_` (`W_xi`, `h_tilde`, `cal_W`, `W_z_1`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name {
    /// Canonical ASCII form.
    pub canonical: String,
    /// First letter of the base is upper case: an unindexed one reads as a matrix.
    pub upper: bool,
    /// A superscript number that is a label or a power, as `2` in `u_t^2`; `resolve` decides. Not part of `canonical`.
    pub superscript: Option<u32>,
}

/// A name at a time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reference {
    /// Which value.
    pub name: Name,
    /// `Some(0)` for `h_t`, `Some(-1)` for `h_{t-1}`, `None` for no time index.
    pub time: Option<i32>,
    /// Place, time index included.
    pub span: Span,
}

/// An expression with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression {
    /// What it is.
    pub kind: ExpressionKind,
    /// Where it stands.
    pub span: Span,
}

impl Expression {
    /// It and all that it is made of, each before its parts, from the last one on. Uses a stack of its own, since trees lean
    /// to the left.
    pub(crate) fn walk(&self) -> impl Iterator<Item = &Self> {
        let mut stack = vec![self];
        std::iter::from_fn(move || {
            let next = stack.pop()?;
            stack.extend(next.operands());
            Some(next)
        })
    }

    /// The expressions that it is made of, in order.
    #[must_use]
    pub fn operands(&self) -> Vec<&Self> {
        match &self.kind {
            ExpressionKind::Number(_) | ExpressionKind::FunctionName(_) | ExpressionKind::Reference(_) => {
                Vec::new()
            }
            ExpressionKind::Negate(inner)
            | ExpressionKind::Transpose(inner)
            | ExpressionKind::Slice { of: inner, .. }
            | ExpressionKind::Group(inner) => vec![inner],
            ExpressionKind::Add(left, right)
            | ExpressionKind::Subtract(left, right)
            | ExpressionKind::Compare(_, left, right)
            | ExpressionKind::Product(_, left, right)
            | ExpressionKind::Divide(left, right)
            | ExpressionKind::Power(left, right) => vec![left, right],
            ExpressionKind::Chain(inner)
            | ExpressionKind::Concatenate(inner)
            | ExpressionKind::Call(_, inner) => inner.iter().collect(),
        }
    }

    /// As [`Expression::operands`], to be changed.
    pub(crate) fn operands_mut(&mut self) -> Vec<&mut Self> {
        match &mut self.kind {
            ExpressionKind::Number(_) | ExpressionKind::FunctionName(_) | ExpressionKind::Reference(_) => {
                Vec::new()
            }
            ExpressionKind::Negate(inner)
            | ExpressionKind::Transpose(inner)
            | ExpressionKind::Slice { of: inner, .. }
            | ExpressionKind::Group(inner) => vec![inner],
            ExpressionKind::Add(left, right)
            | ExpressionKind::Subtract(left, right)
            | ExpressionKind::Compare(_, left, right)
            | ExpressionKind::Product(_, left, right)
            | ExpressionKind::Divide(left, right)
            | ExpressionKind::Power(left, right) => vec![left, right],
            ExpressionKind::Chain(inner)
            | ExpressionKind::Concatenate(inner)
            | ExpressionKind::Call(_, inner) => inner.iter_mut().collect(),
        }
    }
}

/// How a product was written; precedence differs and so may meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProductSign {
    /// Side by side: `W x_t`.
    Juxtaposition,
    /// `\cdot` or `·`.
    Dot,
    /// `*` or `\ast`.
    Asterisk,
    /// `\times` or `×`.
    Cross,
    /// `\odot`, `⊙`, `\circ`, `∘`, `.*`, `\bullet`, `\star`, `\bigodot`, `(.)`: element by element.
    Hadamard,
    /// `\otimes`.
    Tensor,
    /// `@`: matrix product.
    At,
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `<`.
    Less,
    /// `<=`, `\le`, `≤`.
    LessOrEqual,
    /// `>`.
    Greater,
    /// `>=`, `\ge`, `≥`.
    GreaterOrEqual,
    /// `==`. A single `=` always defines.
    Equal,
    /// `!=`, `\ne`, `≠`.
    NotEqual,
}

/// What an expression is.
#[derive(Clone, Debug, PartialEq)]
pub enum ExpressionKind {
    /// A literal number.
    Number(f64),
    /// A name.
    Reference(Reference),
    /// A known function standing without argument (`g = \tanh`).
    FunctionName(Function),
    /// `-e`.
    Negate(Box<Expression>),
    /// `l + r`.
    Add(Box<Expression>, Box<Expression>),
    /// `l - r`.
    Subtract(Box<Expression>, Box<Expression>),
    /// A product of two factors. Juxtaposition chains are `Chain`.
    Product(ProductSign, Box<Expression>, Box<Expression>),
    /// Juxtaposed factors, two or more, in order: `U V x_t`. A known function takes its argument before the chain
    /// is formed.
    Chain(Vec<Expression>),
    /// `l / r` or `\frac{l}{r}`.
    Divide(Box<Expression>, Box<Expression>),
    /// `e^p` with a power that is no label, no time and no transpose.
    Power(Box<Expression>, Box<Expression>),
    /// `e^\top`.
    Transpose(Box<Expression>),
    /// `[a, b]`, `[a; b]`, a one-column `bmatrix`.
    Concatenate(Vec<Expression>),
    /// A comparison, element by element: the condition of `where`, or what `\mathbb{1}[…]` tells. Nowhere else.
    Compare(Comparison, Box<Expression>, Box<Expression>),
    /// A known function and its arguments.
    Call(Function, Vec<Expression>),
    /// `a[n:2n]`: elements of a vector, counted from 0; the end is not one of them, and without it all the rest is.
    Slice {
        /// Of what.
        of: Box<Expression>,
        /// How many elements come before.
        start: Size,
        /// How many come before what is behind.
        end: Option<Size>,
    },
    /// A parenthesised expression, kept because `name(argument)` may be an application or a product.
    Group(Box<Expression>),
}

/// The functions the language knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Function {
    /// `σ`, `\sigma`, `sigmoid`, `sigm`.
    Sigmoid,
    /// `tanh`.
    Tanh,
    /// `relu`, `ReLU`.
    Relu,
    /// `softplus`.
    Softplus,
    /// `exp`, `e^{u}`.
    Exponential,
    /// `ln`, `log`.
    Logarithm,
    /// `sqrt`.
    SquareRoot,
    /// `abs`, `|x|`.
    Absolute,
    /// `sin`.
    Sine,
    /// `cos`.
    Cosine,
    /// `max` of two or more.
    Maximum,
    /// `min` of two or more.
    Minimum,
    /// `elu`.
    Elu,
    /// `selu`.
    Selu,
    /// `gelu`.
    Gelu,
    /// `silu`, `swish`.
    Silu,
    /// `softsign`.
    Softsign,
    /// `hard_sigmoid`: `clip(0.2 x + 0.5, 0, 1)` unless stated otherwise.
    HardSigmoid,
    /// `hard_tanh`: `clip(x, -1, 1)`.
    HardTanh,
    /// `clip(x, low, high)`.
    Clip,
    /// `sign`.
    Sign,
    /// `softmax` over the feature axis.
    Softmax,
    /// `colsoftmax`: softmax of each column of a matrix.
    ColumnSoftmax,
    /// `rowsoftmax`: softmax of each row of a matrix.
    RowSoftmax,
    /// `LayerNorm`, `LN`: epsilon 1e-5, biased variance, no gain or bias.
    LayerNorm,
    /// `mean` over the feature axis.
    Mean,
    /// `sum` over the feature axis.
    Sum,
    /// `norm`: Euclidean, over the feature axis.
    Norm,
    /// `logsigmoid`.
    LogSigmoid,
    /// `diag`.
    Diagonal,
    /// `where(c, a, b)`: `a` where the condition holds (a value: where it is not zero), else `b`.
    Where,
    /// `\mathbb{1}[a < b]`, `indicator(a < b)`: 1 where the condition holds, else 0.
    Indicator,
    /// `mod(a, b)`, `a \bmod b`: `a - b \lfloor a / b \rfloor`, which has the sign of `b`.
    Modulo,
    /// `floor`, `\lfloor x \rfloor`; its derivative is zero.
    Floor,
    /// `ceil`, `\lceil x \rceil`; its derivative is zero.
    Ceiling,
    /// `round`, of two nearest the even one; its gradient is passed on unchanged (straight through).
    Round,
    /// `cumsum`: the sum of the elements up to each.
    CumulativeSum,
    /// `revcumsum`: the sum of the elements from each on.
    ReverseCumulativeSum,
    /// `cumax`: `cumsum(softmax(x))`, as ON-LSTM has it.
    Cumax,
    /// `sumsq`: the sum of the squares of the elements.
    SumOfSquares,
    /// `dot(a, b)`: `a^\top b`.
    Dot,
    /// `outer(a, b)`: `a b^\top`.
    Outer,
    /// `rowscale(a, S)`: `diag(a) S`.
    RowScale,
    /// `tmatvec(S, q)`: `S^\top q`.
    TransposedProduct,
    /// `chunk(a, j, m)`, `split(a, j, m)`: the `j`-th of `m` equal parts of a vector, counted from 1. A list of names on
    /// the left side of `chunk(a)` or `chunk(a, m)` is read as one such definition for each.
    Chunk,
}
