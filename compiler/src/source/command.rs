//! The commands of LaTeX: what each stands for, and which mean nothing.

use super::ast::{Comparison, ProductSign};
use super::token::{Bracket, TokenKind};

/// Words that are kept whole, since they name no product of letters.
pub(crate) const WORDS: [&str; 12] =
    ["LSTM", "GRU", "RNN", "Linear", "linear", "lin", "FC", "Dense", "Affine", "MLP", "Conv", "BatchNorm"];

/// Words that join their arguments: `concat(a, b)` is `[a, b]`.
pub(crate) const JOINS: [&str; 7] =
    ["concat", "Concat", "CONCAT", "concatenate", "Concatenate", "cat", "Cat"];

/// Commands that mean nothing to us.
#[rustfmt::skip]
pub(crate) const NOISE: [&str; 48] = [
    "left", "right", "middle", "big", "Big", "bigg", "Bigg", "bigl", "bigr", "Bigl", "Bigr", "biggl", "biggr",
    "Biggl", "Biggr", "bigm", "Bigm", "nonumber", "notag", "displaystyle", "textstyle", "scriptstyle", "limits",
    "nolimits", "thinspace", "medspace", "negthinspace", "noindent", "centering", "mathstrut", "strut", "hfill", "bf",
    "it", "em", "boldmath", "small", "large", "normalsize", "footnotesize", "allowbreak", "newline", "mathrel",
    "mathbin", "mathop", "mathord", "mathopen", "mathclose",
];
/// Commands with one argument that goes with them.
pub(crate) const NOISE_WITH_ARGUMENT: [&str; 15] = [
    "textcolor",
    "colorbox",
    "label",
    "tag",
    "hspace",
    "vspace",
    "phantom",
    "vphantom",
    "hphantom",
    "color",
    "ref",
    "eqref",
    "cite",
    "footnote",
    "rule",
];
/// Fonts that dress letters.
pub(crate) const FONTS: [&str; 10] =
    ["mathbf", "boldsymbol", "bm", "pmb", "vec", "mathbfit", "symbf", "bold", "mathbfup", "mathnormal"];
/// Fonts that dress words and keep them whole.
pub(crate) const WORD_FONTS: [&str; 10] =
    ["mathrm", "mathit", "operatorname", "mathsf", "mathtt", "textsf", "textup", "textsc", "mathup", "mbox"];
/// Text fonts: words, or a remark.
pub(crate) const TEXT_FONTS: [&str; 9] =
    ["text", "textrm", "textit", "textbf", "textnormal", "texttt", "intertext", "emph", "hbox"];

/// Commands of one sign.
pub(crate) fn sign(command: &str) -> Option<TokenKind> {
    Some(match command {
        "odot" | "circ" | "bullet" | "star" | "bigodot" | "bigcirc" | "diamond" => {
            TokenKind::Product(ProductSign::Hadamard)
        }
        "cdot" | "cdotp" | "centerdot" => TokenKind::Product(ProductSign::Dot),
        "times" => TokenKind::Product(ProductSign::Cross),
        "ast" => TokenKind::Product(ProductSign::Asterisk),
        "otimes" => TokenKind::Product(ProductSign::Tensor),
        "oplus" => TokenKind::DirectSum,
        "frac" | "dfrac" | "tfrac" | "cfrac" => TokenKind::Fraction,
        "top" | "intercal" | "transpose" | "mathsfT" | "tran" => TokenKind::Top,
        "prime" => TokenKind::Mark("prime"),
        "in" => TokenKind::In,
        "coloneqq" | "leftarrow" | "gets" | "triangleq" | "doteq" | "equiv" => TokenKind::Equals,
        "to" | "rightarrow" | "longrightarrow" | "Rightarrow" | "mapsto" => TokenKind::Arrow,
        "langle" => TokenKind::Open(Bracket::Angle),
        "rangle" => TokenKind::Close(Bracket::Angle),
        "lbrace" | "lparen" => TokenKind::Open(Bracket::Round),
        "rbrace" | "rparen" => TokenKind::Close(Bracket::Round),
        "lbrack" => TokenKind::Open(Bracket::Square),
        "rbrack" => TokenKind::Close(Bracket::Square),
        "vert" | "lvert" | "rvert" | "mid" => TokenKind::Bar,
        "Vert" | "lVert" | "rVert" | "parallel" => TokenKind::DoubleBar,
        "quad" | "qquad" | "enspace" | "enskip" => TokenKind::Quad,
        "underbrace" | "overbrace" => TokenKind::Underbrace,
        "sum" => TokenKind::LargeOperator("sum"),
        "prod" => TokenKind::LargeOperator("product"),
        "int" => TokenKind::LargeOperator("integral"),
        "arg" => TokenKind::LargeOperator("choice"),
        "lt" => TokenKind::Less,
        "gt" => TokenKind::Greater,
        "le" | "leq" | "leqslant" => TokenKind::Comparison(Comparison::LessOrEqual),
        "ge" | "geq" | "geqslant" => TokenKind::Comparison(Comparison::GreaterOrEqual),
        "ne" | "neq" => TokenKind::Comparison(Comparison::NotEqual),
        "bmod" | "mod" => TokenKind::Modulo,
        "lfloor" => TokenKind::Open(Bracket::Floor),
        "rfloor" => TokenKind::Close(Bracket::Floor),
        "lceil" => TokenKind::Open(Bracket::Ceiling),
        "rceil" => TokenKind::Close(Bracket::Ceiling),
        "approx" | "simeq" | "cong" => TokenKind::Relation("approx"),
        "sim" => TokenKind::Relation("sim"),
        "propto" => TokenKind::Relation("propto"),
        "ll" => TokenKind::Relation("<<"),
        "gg" => TokenKind::Relation(">>"),
        "subset" | "subseteq" => TokenKind::Relation("subset"),
        "forall" => TokenKind::Relation("forall"),
        "ldots" | "cdots" | "dots" | "vdots" | "dotsc" | "dotsb" => TokenKind::Ellipsis,
        _ => return None,
    })
}

pub(crate) fn accent(command: &str) -> Option<&'static str> {
    Some(match command {
        "tilde" | "widetilde" => "tilde",
        "hat" | "widehat" => "hat",
        "bar" | "overline" => "bar",
        "dot" => "dot",
        "ddot" => "ddot",
        "check" | "widecheck" => "check",
        "breve" => "breve",
        "acute" => "acute",
        "grave" => "grave",
        "mathring" => "ring",
        "overrightarrow" => "rightarrow",
        "overleftarrow" => "leftarrow",
        "underline" => "underline",
        _ => return None,
    })
}

/// Commands a slip may have meant.
#[rustfmt::skip]
pub(crate) const COMMANDS: [&str; 58] = [
    "odot", "circ", "bullet", "star", "cdot", "times", "ast", "otimes", "oplus", "frac", "top", "prime", "in",
    "leftarrow", "langle", "rangle", "left", "right", "quad", "qquad", "tilde", "widetilde", "hat", "widehat", "bar",
    "overline", "dot", "mathrm", "mathbf", "mathcal", "mathbb", "text", "operatorname", "boldsymbol", "begin", "end",
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "kappa", "lambda", "mu", "nu", "xi", "pi",
    "rho", "sigma", "tau", "phi", "chi", "psi", "omega", "sqrt",
];
