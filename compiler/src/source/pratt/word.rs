//! Words and names that are applied like functions, or stand for operations the language does not have.
//!
//! # Invariants
//!
//! - Nothing is consumed: a check looks at the tokens around the position and either reports, or leaves all as it was.

use super::{Named, Parser, Stop};
use crate::diagnostic::Code;
use crate::source::ast::ProductSign;
use crate::source::name::{self, NameParts};
use crate::source::token::{Bracket, Token, TokenKind};
use crate::span::Span;

/// Words for maps whose weights have no names.
#[rustfmt::skip]
const MAPS: [&str; 16] = [
    "linear", "lin", "fc", "dense", "affine", "mlp", "ffn", "ffnn", "fnn", "nn", "dnn", "net", "network", "encoder",
    "decoder", "embedding",
];

/// Words for convolutions, over grids or graphs.
const CONVOLUTIONS: [&str; 12] = [
    "conv",
    "cnn",
    "convd",
    "gc",
    "gcn",
    "gconv",
    "graphconv",
    "chebconv",
    "diffconv",
    "gnn",
    "gat",
    "dwconv",
];

/// Words for normalization over a batch.
const NORMALIZATIONS: [&str; 4] = ["bn", "batchnorm", "batchnormalization", "batchnormalisation"];

/// Words for what has no gradient: the place of a maximum, a random draw.
const CHOICES: [&str; 8] =
    ["argmax", "argmin", "argsort", "topk", "sample", "multinomial", "bernoulli", "onehot"];

/// Longest run of letters that is read as a word.
const LONGEST_WORD: usize = 24;

impl Parser<'_> {
    /// `foo(x_t)` in LaTeX: letters written together before a parenthesis are no product but a word that is no function.
    pub(super) fn check_word(&mut self) -> Result<(), Stop> {
        let letter = |index: usize| match self.sequence.tokens.get(index) {
            Some(Token { kind: TokenKind::Word { text, upper }, spaced, .. }) if text.len() == 1 => {
                Some((text.as_str(), *upper, *spaced))
            }
            _ => None,
        };
        let start = self.position;
        let spaced = letter(start).is_none_or(|(_, _, spaced)| spaced);
        if !spaced && start.checked_sub(1).is_some_and(|before| letter(before).is_some()) {
            // Not the first letter of its run.
            return Ok(());
        }
        let mut word = String::new();
        let mut end = start;
        while let Some((text, upper, spaced)) = letter(end)
            && (end == start || !spaced && !upper)
            && word.len() <= LONGEST_WORD
        {
            word.push_str(text);
            end += 1;
        }
        let capital = word.starts_with(|first: char| first.is_ascii_uppercase());
        // `GC(A, X_t)`: capitals alone are a word where several arguments follow.
        let mut capitals = start;
        while let Some((_, true, spaced)) = letter(capitals)
            && (capitals == start || !spaced)
            && capitals - start <= LONGEST_WORD
        {
            capitals += 1;
        }
        if capitals >= start + 2
            && capitals < self.end
            && self.sequence.kind(capitals) == Some(&TokenKind::Open(Bracket::Round))
            && let Some(close) = self.sequence.partner(capitals)
        {
            let word: String = (start..capitals).filter_map(letter).map(|(text, ..)| text).collect();
            let span = self.sequence.span(start, capitals);
            self.check_foreign(&word, span)?;
            if self.sequence.parts(capitals + 1, close).len() > 1 {
                let message = format!("`{word}` is applied like a function, but nothing binds it");
                let help =
                    format!("write out what it computes, or bind it: `\\mathrm{{{word}}}(u) = W u + b`");
                return self.fail(Code::UnboundActivation, message, span, Some(help));
            }
        }
        let applied = end < self.end
            && self
                .sequence
                .tokens
                .get(end)
                .is_some_and(|token| token.kind == TokenKind::Open(Bracket::Round) && !token.spaced);
        if !applied || word.len() < if capital { 4 } else { 3 } || word.len() > LONGEST_WORD {
            return Ok(());
        }
        let span = self.sequence.span(start, end);
        self.check_foreign(&word, span)?;
        let help = match name::nearest_function(&word) {
            Some(near) => {
                format!("did you mean `{near}`? A product of letters is written with blanks between them")
            }
            None => format!(
                "bind it, as in `\\mathrm{{{word}}}(u) = W u + b`; a product of letters is written with blanks \
                 between them"
            ),
        };
        let message = format!("there is no function `{word}`");
        self.fail(Code::UnknownFunction, message, span, Some(help))
    }

    /// Words for operations that are outside the language.
    fn check_foreign(&mut self, word: &str, span: Span) -> Result<(), Stop> {
        let letters: String = word
            .chars()
            .filter(char::is_ascii_alphabetic)
            .map(|letter| letter.to_ascii_lowercase())
            .collect();
        if word.len() > 1 && CONVOLUTIONS.contains(&letters.as_str()) {
            let message = format!("`{word}` reads as a convolution, which is outside the language");
            return self.fail(Code::Convolution, message, span, None);
        }
        if word.len() > 1 && MAPS.contains(&letters.as_str()) {
            let message = format!("`{word}` names no weights");
            let help = Some("write the map out, as in `W_z x_t + b_z`".to_owned());
            return self.fail(Code::NamedMap, message, span, help);
        }
        if NORMALIZATIONS.contains(&letters.as_str()) {
            let message = format!("`{word}` reads as batch normalization, which is outside the language");
            let help = "its statistics are those of a batch, and a cell is one sample: normalize the input \
                        outside, or write `LN` for the values of one sample";
            return self.fail(Code::UnknownFunction, message, span, Some(help.to_owned()));
        }
        if CHOICES.contains(&letters.as_str()) {
            let message = format!("`{word}` has no gradient and is outside the language");
            return self.fail(Code::SampleOrChoice, message, span, None);
        }
        Ok(())
    }

    /// Names that stand for something the equations do not say.
    pub(super) fn check_name(&mut self, named: &Named) -> Result<(), Stop> {
        let bare = NameParts { base: named.parts.base.clone(), ..NameParts::default() };
        if named.parts.base == "t"
            && self.convention.time == "t"
            && named.time.is_none()
            && named.parts == bare
        {
            let message = "the time `t` stands as a value";
            let help = "an index needs its underscore: `h_t`, `h_{t-1}`; the time itself is an input of its own, such \
                        as `\\tau_t` with `\\tau_t \\in \\mathbb{R}`";
            let help = Some(help.to_owned());
            return self.fail(Code::LostIndex, message, named.span, help);
        }
        if named.parts.base.starts_with("bb_")
            && matches!(self.kind(), Some(TokenKind::Open(Bracket::Round | Bracket::Square)))
        {
            let message = "an expectation or a probability is outside the language";
            return self.fail(Code::SampleOrChoice, message, named.span, None);
        }
        let round = self.kind() == Some(&TokenKind::Open(Bracket::Round));
        // `\mathrm{MLP}_w[s_t, m_{t-1}]` is applied too.
        if !round && self.kind() != Some(&TokenKind::Open(Bracket::Square)) {
            return Ok(());
        }
        if named.time.is_some() {
            return if round { self.check_gate(named) } else { Ok(()) };
        }
        self.check_foreign(&named.parts.base, named.span)?;
        if !round {
            return Ok(());
        }
        let word = named.parts.base.len() > 2 && !name::is_greek_word(&named.parts.base);
        if (!named.parts.upper || word)
            && let Some(close) = self.sequence.partner(self.position).filter(|close| *close < self.end)
            && self.sequence.parts(self.position + 1, close).len() > 1
        {
            let name = named.parts.finish().canonical;
            let message = format!("`{name}` is applied like a function, but nothing binds it");
            let help = "bind functions of one argument, as in `f(u) = \\tanh(W u + b)`, and give several \
                        values as one: `f([x_t, h_{t-1}])`";
            return self.fail(Code::UnboundActivation, message, named.span, Some(help.to_owned()));
        }
        Ok(())
    }

    /// `o_t \odot f_t(c_t)`: a value of this step stands before one name in parentheses, as a function does, in a
    /// product whose other sign is written.
    fn check_gate(&mut self, named: &Named) -> Result<(), Stop> {
        let start = (0..self.position)
            .rev()
            .find(|at| self.sequence.tokens.get(*at).is_some_and(|token| token.span.end <= named.span.start));
        let written = start.is_some_and(|before| {
            matches!(self.sequence.kind(before), Some(TokenKind::Product(ProductSign::Hadamard)))
        });
        if written
            && let Some(close) = self.sequence.partner(self.position).filter(|close| *close < self.end)
            && self.sequence.after_name(self.position + 1) == Some(close)
            && self.sequence.tokens.get(self.position).is_some_and(|open| !open.spaced)
        {
            let message = format!(
                "`{}_t` is a value of this step, but applied like a function",
                named.parts.finish().canonical
            );
            let help = "write the function that is meant, such as `\\tanh(c_t)`, or the sign of a product";
            return self.fail(Code::UnboundActivation, message, named.span, Some(help.to_owned()));
        }
        Ok(())
    }
}
