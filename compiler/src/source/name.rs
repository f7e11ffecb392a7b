//! Letters, words and functions: from every way they are spelled to one ASCII form.

use super::ast::{Function, Name};

/// Greek letters: Unicode, ASCII word.
#[rustfmt::skip]
const GREEK: [(char, &str); 58] = [
    ('α', "alpha"), ('β', "beta"), ('γ', "gamma"), ('δ', "delta"), ('ε', "epsilon"), ('ϵ', "epsilon"),
    ('ζ', "zeta"), ('η', "eta"), ('θ', "theta"), ('ϑ', "vartheta"), ('ι', "iota"), ('κ', "kappa"), ('ϰ', "varkappa"),
    ('λ', "lambda"), ('μ', "mu"), ('µ', "mu"), ('ν', "nu"), ('ξ', "xi"), ('ο', "omicron"), ('π', "pi"), ('ϖ', "varpi"),
    ('ρ', "rho"), ('ϱ', "varrho"), ('σ', "sigma"), ('ς', "varsigma"), ('τ', "tau"), ('υ', "upsilon"), ('φ', "phi"),
    ('ϕ', "phi"), ('χ', "chi"), ('ψ', "psi"), ('ω', "omega"), ('Α', "Alpha"), ('Β', "Beta"), ('Γ', "Gamma"),
    ('Δ', "Delta"), ('∆', "Delta"), ('Ε', "Epsilon"), ('Ζ', "Zeta"), ('Η', "Eta"), ('Θ', "Theta"), ('Ι', "Iota"),
    ('Κ', "Kappa"), ('Λ', "Lambda"), ('Μ', "Mu"), ('Ν', "Nu"), ('Ξ', "Xi"), ('Ο', "Omicron"), ('Π', "Pi"),
    ('Ρ', "Rho"), ('Σ', "Sigma"), ('Τ', "Tau"), ('Υ', "Upsilon"), ('Φ', "Phi"), ('Χ', "Chi"), ('Ψ', "Psi"),
    ('Ω', "Omega"), ('ℓ', "ell"),
];

/// Letters with a decoration of their own: letter, base, decoration.
#[rustfmt::skip]
const COMPOSED: [(char, char, &str); 76] = [
    ('ã', 'a', "tilde"), ('ẽ', 'e', "tilde"), ('ĩ', 'i', "tilde"), ('ñ', 'n', "tilde"), ('õ', 'o', "tilde"),
    ('ũ', 'u', "tilde"), ('ṽ', 'v', "tilde"), ('ỹ', 'y', "tilde"), ('Ã', 'A', "tilde"), ('Ñ', 'N', "tilde"),
    ('Õ', 'O', "tilde"), ('Ũ', 'U', "tilde"), ('Ṽ', 'V', "tilde"), ('â', 'a', "hat"), ('ĉ', 'c', "hat"),
    ('ê', 'e', "hat"), ('ĝ', 'g', "hat"), ('ĥ', 'h', "hat"), ('î', 'i', "hat"), ('ĵ', 'j', "hat"),
    ('ô', 'o', "hat"), ('ŝ', 's', "hat"), ('û', 'u', "hat"), ('ŵ', 'w', "hat"), ('ŷ', 'y', "hat"), ('ẑ', 'z', "hat"),
    ('Ĉ', 'C', "hat"), ('Ĥ', 'H', "hat"), ('Ŷ', 'Y', "hat"), ('Ŵ', 'W', "hat"), ('ā', 'a', "bar"), ('ē', 'e', "bar"),
    ('ī', 'i', "bar"), ('ō', 'o', "bar"), ('ū', 'u', "bar"), ('ȳ', 'y', "bar"), ('ċ', 'c', "dot"), ('ḣ', 'h', "dot"),
    ('ẋ', 'x', "dot"), ('ẏ', 'y', "dot"), ('Ā', 'A', "bar"), ('Ē', 'E', "bar"), ('Ḡ', 'G', "bar"), ('ḡ', 'g', "bar"),
    ('Ī', 'I', "bar"), ('Ō', 'O', "bar"), ('Ū', 'U', "bar"), ('Ȳ', 'Y', "bar"), ('Ẽ', 'E', "tilde"),
    ('Ĩ', 'I', "tilde"), ('Ỹ', 'Y', "tilde"), ('Â', 'A', "hat"), ('Ê', 'E', "hat"), ('Ĝ', 'G', "hat"),
    ('Î', 'I', "hat"), ('Ĵ', 'J', "hat"), ('Ô', 'O', "hat"), ('Ŝ', 'S', "hat"), ('Û', 'U', "hat"), ('Ẑ', 'Z', "hat"),
    ('ȧ', 'a', "dot"), ('ḃ', 'b', "dot"), ('ḋ', 'd', "dot"), ('ė', 'e', "dot"), ('ḟ', 'f', "dot"), ('ġ', 'g', "dot"),
    ('ṁ', 'm', "dot"), ('ṅ', 'n', "dot"), ('ȯ', 'o', "dot"), ('ṗ', 'p', "dot"), ('ṙ', 'r', "dot"), ('ṡ', 's', "dot"),
    ('ẇ', 'w', "dot"), ('ż', 'z', "dot"), ('Ċ', 'C', "dot"), ('Ḣ', 'H', "dot"),
];

/// Decorations by combining character.
#[rustfmt::skip]
const COMBINING: [(char, &str); 10] = [
    ('\u{303}', "tilde"), ('\u{334}', "tilde"), ('\u{342}', "tilde"), ('\u{302}', "hat"), ('\u{304}', "bar"),
    ('\u{305}', "bar"), ('\u{307}', "dot"), ('\u{308}', "ddot"), ('\u{30c}', "check"), ('\u{20d7}', "vec"),
];

/// Subscript and superscript characters: character, what it stands for.
#[rustfmt::skip]
const SUBSCRIPTS: [(char, char); 38] = [
    ('₀', '0'), ('₁', '1'), ('₂', '2'), ('₃', '3'), ('₄', '4'), ('₅', '5'), ('₆', '6'), ('₇', '7'), ('₈', '8'),
    ('₉', '9'), ('₊', '+'), ('₋', '-'), ('₍', '('), ('₎', ')'), ('ₐ', 'a'), ('ₑ', 'e'), ('ₕ', 'h'), ('ᵢ', 'i'),
    ('ⱼ', 'j'), ('ₖ', 'k'), ('ₗ', 'l'), ('ₘ', 'm'), ('ₙ', 'n'), ('ₒ', 'o'), ('ₚ', 'p'), ('ᵣ', 'r'), ('ₛ', 's'),
    ('ₜ', 't'), ('ᵤ', 'u'), ('ᵥ', 'v'), ('ₓ', 'x'), ('ᵦ', 'β'), ('ᵧ', 'γ'), ('ᵨ', 'ρ'), ('ᵩ', 'φ'), ('ᵪ', 'χ'),
    ('ₔ', 'ə'), ('₌', '='),
];
#[rustfmt::skip]
const SUPERSCRIPTS: [(char, char); 44] = [
    ('⁰', '0'), ('¹', '1'), ('²', '2'), ('³', '3'), ('⁴', '4'), ('⁵', '5'), ('⁶', '6'), ('⁷', '7'), ('⁸', '8'),
    ('⁹', '9'), ('⁺', '+'), ('⁻', '-'), ('⁽', '('), ('⁾', ')'), ('ᵃ', 'a'), ('ᵇ', 'b'), ('ᶜ', 'c'), ('ᵈ', 'd'),
    ('ᵉ', 'e'), ('ᶠ', 'f'), ('ᵍ', 'g'), ('ʰ', 'h'), ('ⁱ', 'i'), ('ʲ', 'j'), ('ᵏ', 'k'), ('ˡ', 'l'), ('ᵐ', 'm'),
    ('ⁿ', 'n'), ('ᵒ', 'o'), ('ᵖ', 'p'), ('ʳ', 'r'), ('ˢ', 's'), ('ᵗ', 't'), ('ᵘ', 'u'), ('ᵛ', 'v'), ('ʷ', 'w'),
    ('ˣ', 'x'), ('ʸ', 'y'), ('ᶻ', 'z'), ('ᵀ', 'T'), ('ᵁ', 'U'), ('ᵂ', 'W'), ('ᴴ', 'H'), ('ⱽ', 'V'),
];

/// Functions by name in lower case.
#[rustfmt::skip]
const FUNCTIONS: [(&str, Function); 60] = [
    ("sigma", Function::Sigmoid), ("sigmoid", Function::Sigmoid), ("sigm", Function::Sigmoid),
    ("logistic", Function::Sigmoid), ("tanh", Function::Tanh), ("relu", Function::Relu),
    ("softplus", Function::Softplus), ("exp", Function::Exponential), ("ln", Function::Logarithm),
    ("log", Function::Logarithm), ("sqrt", Function::SquareRoot), ("abs", Function::Absolute),
    ("sin", Function::Sine), ("cos", Function::Cosine), ("max", Function::Maximum), ("min", Function::Minimum),
    ("elu", Function::Elu), ("selu", Function::Selu), ("gelu", Function::Gelu), ("silu", Function::Silu),
    ("swish", Function::Silu), ("softsign", Function::Softsign), ("hard_sigmoid", Function::HardSigmoid),
    ("hardsigmoid", Function::HardSigmoid), ("hard-sigmoid", Function::HardSigmoid), ("hard_tanh", Function::HardTanh), ("hardtanh", Function::HardTanh),
    ("hard-tanh", Function::HardTanh), ("clip", Function::Clip),
    ("sign", Function::Sign), ("sgn", Function::Sign), ("softmax", Function::Softmax),
    ("layernorm", Function::LayerNorm), ("layer_norm", Function::LayerNorm), ("mean", Function::Mean),
    ("sum", Function::Sum), ("norm", Function::Norm), ("logsigmoid", Function::LogSigmoid),
    ("diag", Function::Diagonal), ("where", Function::Where), ("indicator", Function::Indicator),
    ("mod", Function::Modulo), ("floor", Function::Floor), ("ceil", Function::Ceiling), ("round", Function::Round),
    ("cumsum", Function::CumulativeSum), ("revcumsum", Function::ReverseCumulativeSum), ("cumax", Function::Cumax),
    ("sumsq", Function::SumOfSquares), ("dot", Function::Dot), ("outer", Function::Outer),
    ("rowscale", Function::RowScale), ("tmatvec", Function::TransposedProduct), ("chunk", Function::Chunk),
    ("split", Function::Chunk), ("log_sigmoid", Function::LogSigmoid), ("ceiling", Function::Ceiling),
    ("clamp", Function::Clip),
    ("colsoftmax", Function::ColumnSoftmax), ("rowsoftmax", Function::RowSoftmax),
];

/// A letter of another alphabet by its ASCII word.
pub(crate) fn greek(letter: char) -> Option<&'static str> {
    GREEK.iter().find(|(unicode, _)| *unicode == letter).map(|(_, word)| *word)
}

/// The Greek letter of a LaTeX command, under the ASCII word of the letter.
pub(crate) fn greek_command(command: &str) -> Option<&'static str> {
    match command {
        "varepsilon" => return Some("epsilon"),
        "varphi" => return Some("varphi"),
        _ => {}
    }
    GREEK.iter().find(|(_, word)| *word == command).map(|(_, word)| *word)
}

/// The Unicode letter of an ASCII word.
pub(crate) fn greek_letter(word: &str) -> Option<char> {
    GREEK.iter().find(|(_, known)| *known == word).map(|(unicode, _)| *unicode)
}

/// True where `word` is the ASCII word of a Greek letter.
pub(crate) fn is_greek_word(word: &str) -> bool {
    greek_command(word).is_some()
}

/// A letter with a decoration of its own.
pub(crate) fn composed(letter: char) -> Option<(char, &'static str)> {
    COMPOSED.iter().find(|row| row.0 == letter).map(|row| (row.1, row.2))
}

/// The decoration of a combining character.
pub(crate) fn combining(character: char) -> Option<&'static str> {
    COMBINING.iter().find(|row| row.0 == character).map(|row| row.1)
}

/// What a subscript character stands for.
pub(crate) fn subscript(character: char) -> Option<char> {
    SUBSCRIPTS.iter().find(|row| row.0 == character).map(|row| row.1)
}

/// What a superscript character stands for.
pub(crate) fn superscript(character: char) -> Option<char> {
    SUPERSCRIPTS.iter().find(|row| row.0 == character).map(|row| row.1)
}

/// The function of a word. Case is not looked at, but for `LN` (layer norm) and `ln` (logarithm), and for `Norm`, which
/// is a layer in papers, while `norm` is a number.
pub(crate) fn function(word: &str) -> Option<Function> {
    match word {
        "LN" => return Some(Function::LayerNorm),
        "Sigma" | "SIGMA" | "Norm" => return None,
        _ => {}
    }
    if word.len() > 16 {
        return None;
    }
    FUNCTIONS.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|(_, function)| *function)
}

/// The name a function is printed by.
pub(crate) const fn function_name(function: Function) -> &'static str {
    match function {
        Function::Sigmoid => "sigmoid",
        Function::Tanh => "tanh",
        Function::Relu => "relu",
        Function::Softplus => "softplus",
        Function::Exponential => "exp",
        Function::Logarithm => "log",
        Function::SquareRoot => "sqrt",
        Function::Absolute => "abs",
        Function::Sine => "sin",
        Function::Cosine => "cos",
        Function::Maximum => "max",
        Function::Minimum => "min",
        Function::Elu => "elu",
        Function::Selu => "selu",
        Function::Gelu => "gelu",
        Function::Silu => "silu",
        Function::Softsign => "softsign",
        Function::HardSigmoid => "hard_sigmoid",
        Function::HardTanh => "hard_tanh",
        Function::Clip => "clip",
        Function::Sign => "sign",
        Function::Softmax => "softmax",
        Function::ColumnSoftmax => "colsoftmax",
        Function::RowSoftmax => "rowsoftmax",
        Function::LayerNorm => "layernorm",
        Function::Mean => "mean",
        Function::Sum => "sum",
        Function::Norm => "norm",
        Function::LogSigmoid => "logsigmoid",
        Function::Diagonal => "diag",
        Function::Where => "where",
        Function::Indicator => "indicator",
        Function::Modulo => "mod",
        Function::Floor => "floor",
        Function::Ceiling => "ceil",
        Function::Round => "round",
        Function::CumulativeSum => "cumsum",
        Function::ReverseCumulativeSum => "revcumsum",
        Function::Cumax => "cumax",
        Function::SumOfSquares => "sumsq",
        Function::Dot => "dot",
        Function::Outer => "outer",
        Function::RowScale => "rowscale",
        Function::TransposedProduct => "tmatvec",
        Function::Chunk => "chunk",
    }
}

/// How many arguments a function takes, from and to, and in words.
pub(crate) const fn argument_counts(function: Function) -> (usize, usize, &'static str) {
    match function {
        Function::Maximum | Function::Minimum => (2, usize::MAX, "two or more arguments"),
        Function::Clip => (3, 3, "three arguments, as in `clip(x, 0, 1)`"),
        Function::Where => (3, 3, "three arguments, as in `where(a < b, x, y)`"),
        Function::Modulo => (2, 2, "two arguments, as in `mod(a, b)`"),
        Function::Dot => (2, 2, "two arguments, as in `dot(a, b)`"),
        Function::Outer => (2, 2, "two arguments, as in `outer(a, b)`"),
        Function::RowScale => (2, 2, "two arguments, as in `rowscale(a, S)`"),
        Function::TransposedProduct => (2, 2, "two arguments, as in `tmatvec(S, q)`"),
        Function::Chunk => (3, 3, "three arguments, as in `chunk(a, 1, 4)`, the first of four equal parts"),
        _ => (1, 1, "one argument"),
    }
}

/// A number of things, with its verb.
pub(crate) fn counted(number: usize) -> String {
    match number {
        1 => "one is".to_owned(),
        _ => format!("{number} are"),
    }
}

/// The function whose name is nearest to `word`.
pub(crate) fn nearest_function(word: &str) -> Option<&'static str> {
    if word == "Norm" { Some("layernorm") } else { nearest(word, function_names()) }
}

/// Every function name, for the nearest known one.
pub(crate) fn function_names() -> impl Iterator<Item = &'static str> {
    FUNCTIONS.iter().map(|(name, _)| *name)
}

/// The parts of a name while its scripts are read.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct NameParts {
    /// Base letter or word.
    pub(crate) base: String,
    /// The base is upper case.
    pub(crate) upper: bool,
    /// Decorations, innermost first.
    pub(crate) decorations: Vec<String>,
    /// Labels below.
    pub(crate) labels: Vec<String>,
    /// Labels above.
    pub(crate) labels_above: Vec<String>,
    /// A number above that is a label or a power.
    pub(crate) superscript: Option<u32>,
}

impl NameParts {
    /// Written like a weight: in upper case, or `b`.
    pub(crate) fn is_weight(&self) -> bool {
        self.upper || self.base == "b"
    }

    /// The name: base, decorations, labels below, labels above.
    pub(crate) fn finish(&self) -> Name {
        let mut canonical = self.base.clone();
        for part in self.decorations.iter().chain(&self.labels).chain(&self.labels_above) {
            canonical.push('_');
            canonical.push_str(part);
        }
        Name { canonical, upper: self.upper, superscript: self.superscript }
    }
}

/// The entry of `known` nearest to `word`, if it is near enough to be a slip.
pub(crate) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let length = word.chars().count();
    if length > 32 {
        return None;
    }
    let allowed = if length <= 3 { 1 } else { 2 };
    let word = word.to_lowercase();
    // As many letters as one is longer are inserted at least. There may be thousands of words and of candidates.
    let longest = word.len() + allowed * char::MAX.len_utf8();
    known
        .filter(|candidate| {
            candidate.len() <= longest && length.abs_diff(candidate.chars().count()) <= allowed
        })
        .map(|candidate| (distance(&word, &candidate.to_lowercase()), candidate))
        .filter(|(steps, candidate)| *steps <= allowed && *steps < candidate.len().max(length))
        .min_by_key(|(steps, _)| *steps)
        .map(|(_, candidate)| candidate)
}

/// Edit distance (insertions, deletions, replacements, swaps of neighbours).
pub(crate) fn distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.chars().collect();
    let right: Vec<char> = right.chars().collect();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=right.len()).collect();
    for (row, a) in left.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, b) in right.iter().enumerate() {
            let mut best =
                (last[column] + usize::from(a != b)).min(last[column + 1] + 1).min(current[column] + 1);
            if row > 0 && column > 0 && left[row - 1] == *b && *a == right[column - 1] {
                best = best.min(before_last[column - 1] + 1);
            }
            current.push(best);
        }
        before_last = std::mem::replace(&mut last, current);
    }
    last.last().copied().unwrap_or(0)
}
