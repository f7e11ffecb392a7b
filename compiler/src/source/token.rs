//! Tokens: the one alphabet that the three lexers write and the one parser reads.
//!
//! # Invariants
//!
//! - Scripts stay tokens (`Subscript`, then a word or a brace group): a name is put together by the parser, so
//!   that `\tilde{h_t}`, `{\bf h}_t` and `h_tilde_t` meet in one place.
//! - Fonts, sizes and spacing that only dress are gone; a font that sets letters apart is part of the word.
//! - A token whose lexer has already reported an error is `Unknown`; the parser gives up there in silence.

use super::ast::{Comparison, Function, ProductSign};
use crate::span::Span;

/// Kinds of bracket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bracket {
    /// `( )`, and `\{ \}`, which stand for parentheses in an expression.
    Round,
    /// `[ ]`.
    Square,
    /// `{ }`: groups without meaning of their own.
    Brace,
    /// `\langle \rangle`.
    Angle,
    /// `\begin{bmatrix} … \end{bmatrix}` and the other matrices.
    Matrix,
    /// `\begin{cases} … \end{cases}`.
    Cases,
    /// `\lfloor \rfloor`.
    Floor,
    /// `\lceil \rceil`.
    Ceiling,
}

/// What a token is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum TokenKind {
    /// A letter, or a word kept whole, in ASCII (`W`, `gamma`, `cal_W`, `xi`).
    Word {
        /// ASCII form.
        text: String,
        /// The first letter is upper case.
        upper: bool,
    },
    /// A number; `whole` where it was written without point and exponent.
    Number {
        /// Its value.
        value: f64,
        /// Its value where it is a whole number.
        whole: Option<u32>,
    },
    /// A known function, with the word it was spelled by.
    Function(Function, String),
    /// A decoration before its letter (`\tilde`).
    Accent(&'static str),
    /// A decoration after its letter (combining characters, `'`).
    Mark(&'static str),
    /// `_`.
    Subscript,
    /// `^`.
    Superscript,
    /// `\top`, `ᵀ` as a letter.
    Top,
    /// `\mathbb{R}`, `ℝ`.
    Reals,
    /// An opening bracket.
    Open(Bracket),
    /// A closing bracket.
    Close(Bracket),
    /// `|`.
    Bar,
    /// `\|`, `\Vert`, `‖`.
    DoubleBar,
    /// `+`.
    Plus,
    /// `-`.
    Minus,
    /// `/`.
    Slash,
    /// A written product.
    Product(ProductSign),
    /// `\oplus`, a concatenation.
    DirectSum,
    /// `\frac`, before two arguments.
    Fraction,
    /// `=`, `:=`, `\leftarrow`.
    Equals,
    /// `\in`.
    In,
    /// `,`.
    Comma,
    /// `;`.
    Semicolon,
    /// `:`.
    Colon,
    /// `.`.
    Period,
    /// `<`: a comparison, or a bracket of a time index.
    Less,
    /// `>`, likewise.
    Greater,
    /// `\to`, `→`: only in labels.
    Arrow,
    /// `\sum`, `\prod` and the like, by name.
    LargeOperator(&'static str),
    /// `\leq`, `==`.
    Comparison(Comparison),
    /// `\bmod`, `%` in text: the remainder, between its operands.
    Modulo,
    /// `\approx` and other relations, by name.
    Relation(&'static str),
    /// `\dots`.
    Ellipsis,
    /// `where`, in text and tokens.
    Where,
    /// `\underbrace`, `\overbrace`.
    Underbrace,
    /// Words that only remark (`\text{forget gate}`, `(7)`).
    Remark,
    /// `\\`.
    RowEnd,
    /// `&`.
    Align,
    /// `\quad` and wider.
    Quad,
    /// End of a line.
    Newline,
    /// Already reported.
    Unknown,
    /// Letters of a script that no name is written in; already reported.
    Foreign,
}

/// A token and its place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Token {
    /// What it is.
    pub(crate) kind: TokenKind,
    /// Where it stands.
    pub(crate) span: Span,
    /// A blank stands before it.
    pub(crate) spaced: bool,
}

impl TokenKind {
    /// True for what parts tokens without being part of an expression.
    pub(crate) const fn is_layout(&self) -> bool {
        matches!(self, Self::Align | Self::Quad | Self::Newline | Self::RowEnd)
    }

    /// True for what stands between two expressions that belong together: the one before it does not end an equation.
    pub(crate) const fn is_operator(&self) -> bool {
        matches!(
            self,
            Self::Plus
                | Self::Minus
                | Self::Product(_)
                | Self::Slash
                | Self::Equals
                | Self::DirectSum
                | Self::In
        )
    }

    /// True for what a lexer could not read, and has reported.
    pub(crate) const fn is_unreadable(&self) -> bool {
        matches!(self, Self::Unknown | Self::Foreign)
    }
}

/// A token in words.
pub(crate) fn describe(kind: &TokenKind) -> String {
    let sign = match kind {
        TokenKind::Word { text, .. } => return format!("the name `{text}`"),
        TokenKind::Number { value, .. } => return format!("the number `{value}`"),
        TokenKind::Function(_, spelled) => return format!("the function `{spelled}`"),
        TokenKind::Accent(accent) | TokenKind::Mark(accent) => return format!("the accent `{accent}`"),
        TokenKind::Remark => return "text".to_owned(),
        TokenKind::Unknown | TokenKind::Foreign => return "an unknown symbol".to_owned(),
        TokenKind::RowEnd => return "the end of a row".to_owned(),
        TokenKind::Quad | TokenKind::Newline => return "a gap".to_owned(),
        TokenKind::Ellipsis => return "an ellipsis".to_owned(),
        TokenKind::LargeOperator(name) => return format!("the {name} sign"),
        TokenKind::Comparison(comparison) => super::print::text::comparison(*comparison),
        TokenKind::Modulo => "%",
        TokenKind::Relation(name) => return format!("the relation `{name}`"),
        TokenKind::Underbrace => return "a brace".to_owned(),
        TokenKind::Fraction => return "a fraction".to_owned(),
        TokenKind::Subscript => "_",
        TokenKind::Superscript => "^",
        TokenKind::Top => "⊤",
        TokenKind::Reals => "ℝ",
        TokenKind::Open(Bracket::Round) => "(",
        TokenKind::Close(Bracket::Round) => ")",
        TokenKind::Open(Bracket::Square) => "[",
        TokenKind::Close(Bracket::Square) => "]",
        TokenKind::Open(Bracket::Brace) => "{",
        TokenKind::Close(Bracket::Brace) => "}",
        TokenKind::Open(Bracket::Angle) => "⟨",
        TokenKind::Close(Bracket::Angle) => "⟩",
        TokenKind::Open(Bracket::Floor) => "⌊",
        TokenKind::Close(Bracket::Floor) => "⌋",
        TokenKind::Open(Bracket::Ceiling) => "⌈",
        TokenKind::Close(Bracket::Ceiling) => "⌉",
        TokenKind::Open(Bracket::Matrix) | TokenKind::Close(Bracket::Matrix) => "matrix",
        TokenKind::Open(Bracket::Cases) | TokenKind::Close(Bracket::Cases) => "cases",
        TokenKind::Bar => "|",
        TokenKind::DoubleBar => "‖",
        TokenKind::Plus => "+",
        TokenKind::Minus => "-",
        TokenKind::Slash => "/",
        TokenKind::Product(sign) => super::print::text::product_sign(*sign),
        TokenKind::DirectSum => "⊕",
        TokenKind::Equals => "=",
        TokenKind::In => "∈",
        TokenKind::Comma => ",",
        TokenKind::Semicolon => ";",
        TokenKind::Colon => ":",
        TokenKind::Period => ".",
        TokenKind::Less => "<",
        TokenKind::Greater => ">",
        TokenKind::Arrow => "→",
        TokenKind::Where => "where",
        TokenKind::Align => "&",
    };
    format!("`{sign}`")
}
