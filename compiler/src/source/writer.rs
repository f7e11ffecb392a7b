//! What the lexers share: the token list they write, words of identifiers, Unicode letters and scripts.

use super::ast::{Comparison, ProductSign};
use super::name;
use super::token::{Bracket, Token, TokenKind};
use super::upright::Upright;
use crate::diagnostic::{Code, Diagnostic};
use crate::span::Span;

/// Tokens and findings of one lexer.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    /// Tokens so far.
    pub(crate) tokens: Vec<Token>,
    /// Findings so far.
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// Words in an upright font, in LaTeX.
    pub(crate) uprights: Vec<Upright>,
    /// A blank was passed since the last token.
    pub(crate) spaced: bool,
    /// Index of the last token that is no layout.
    solid: Option<usize>,
}

impl Writer {
    /// A writer of further tokens of a text with these findings.
    pub(crate) fn after(diagnostics: Vec<Diagnostic>) -> Self {
        Self { diagnostics, ..Self::default() }
    }

    /// Appends a token.
    pub(crate) fn push(&mut self, kind: TokenKind, span: Span) {
        let spaced = std::mem::take(&mut self.spaced);
        if !kind.is_layout() {
            self.solid = Some(self.tokens.len());
        }
        self.tokens.push(Token { kind, span, spaced });
    }

    /// The last token that is no layout.
    pub(crate) fn last_solid(&self) -> Option<&TokenKind> {
        self.solid.and_then(|index| self.tokens.get(index)).map(|token| &token.kind)
    }

    /// Appends a word.
    pub(crate) fn word(&mut self, text: impl Into<String>, span: Span) {
        let text = text.into();
        let upper = text.chars().next().is_some_and(char::is_uppercase);
        self.push(TokenKind::Word { text, upper }, span);
    }

    /// Appends a number.
    pub(crate) fn number(&mut self, text: &str, span: Span) {
        match text.parse::<f64>() {
            Ok(value) if value.is_finite() => {
                self.push(TokenKind::Number { value, whole: text.parse().ok() }, span);
            }
            _ => {
                let message = format!("the number `{}` is too large", text.get(..32).unwrap_or(text));
                let help = Some("numbers are of 64 bits: the largest is `1.7e308`".to_owned());
                self.unknown(Code::UnknownSymbol, message, span, help);
            }
        }
    }

    /// Reports what cannot be read, and leaves a token that stops the parser there.
    pub(crate) fn unknown(&mut self, code: Code, message: String, span: Span, help: Option<String>) {
        self.push(TokenKind::Unknown, span);
        self.diagnostics.push(Diagnostic { code, message, span, labels: Vec::new(), help });
    }

    /// Reports a character that has no meaning; letters side by side are one word.
    pub(crate) fn no_part(&mut self, character: char, span: Span) {
        const TAIL: &str = "` is no part of the language";
        if character.is_alphabetic()
            && let Some(last) = self.tokens.last_mut().filter(|last| last.kind == TokenKind::Foreign)
            && last.span.end == span.start
            && let Some(found) = self.diagnostics.last_mut()
            && let Some(word) = found.message.strip_suffix(TAIL)
        {
            found.message = format!("{word}{character}{TAIL}");
            last.span = last.span.to(span);
            found.span = last.span;
            return;
        }
        let kind = if character.is_alphabetic() { TokenKind::Foreign } else { TokenKind::Unknown };
        self.push(kind, span);
        self.diagnostics.push(Diagnostic {
            code: Code::UnknownSymbol,
            message: format!("`{character}{TAIL}"),
            span,
            labels: Vec::new(),
            help: None,
        });
    }

    /// Appends a letter that is not ASCII, or a mark, script or sign that stands for itself. False where the
    /// character is none of these.
    pub(crate) fn unicode(&mut self, character: char, span: Span) -> bool {
        if character == '∞' {
            self.word("infty", span);
            return true;
        }
        if let Some(word) = name::greek(character) {
            if word == "sigma" {
                self.push(TokenKind::Function(super::ast::Function::Sigmoid, "sigma".to_owned()), span);
            } else {
                self.word(word, span);
            }
            return true;
        }
        if let Some((base, decoration)) = name::composed(character) {
            self.word(base.to_string(), span);
            self.push(TokenKind::Mark(decoration), span);
            return true;
        }
        if let Some(decoration) = name::combining(character) {
            if decoration != "vec" {
                self.push(TokenKind::Mark(decoration), span);
            }
            return true;
        }
        if let Some((text, upper)) = mathematical_letter(character) {
            self.push(TokenKind::Word { text, upper }, span);
            return true;
        }
        if let Some(letter) = mathematical_greek(character) {
            return self.unicode(letter, span);
        }
        let kind = match character {
            '⊙' | '∘' | '•' | '⋆' | '∙' | '⨀' | '○' | '◦' => {
                TokenKind::Product(ProductSign::Hadamard)
            }
            '·' | '⋅' | '‧' => TokenKind::Product(ProductSign::Dot),
            '×' => TokenKind::Product(ProductSign::Cross),
            '∗' => TokenKind::Product(ProductSign::Asterisk),
            '⊗' => TokenKind::Product(ProductSign::Tensor),
            '⊕' => TokenKind::DirectSum,
            '−' | '–' | '—' | '－' => TokenKind::Minus,
            '＋' => TokenKind::Plus,
            '∈' => TokenKind::In,
            'ℝ' => TokenKind::Reals,
            '←' | '≔' | '＝' | '≜' => TokenKind::Equals,
            '→' | '↦' => TokenKind::Arrow,
            '≤' | '⩽' => TokenKind::Comparison(Comparison::LessOrEqual),
            '≥' | '⩾' => TokenKind::Comparison(Comparison::GreaterOrEqual),
            '≠' => TokenKind::Comparison(Comparison::NotEqual),
            '⌊' => TokenKind::Open(Bracket::Floor),
            '⌋' => TokenKind::Close(Bracket::Floor),
            '⌈' => TokenKind::Open(Bracket::Ceiling),
            '⌉' => TokenKind::Close(Bracket::Ceiling),
            '𝟙' => TokenKind::Word { text: "bb_1".to_owned(), upper: false },
            '≈' => TokenKind::Relation("approx"),
            '…' | '⋯' => TokenKind::Ellipsis,
            '⊤' => TokenKind::Top,
            '′' | '’' | 'ʹ' => TokenKind::Mark("prime"),
            '‖' | '∥' => TokenKind::DoubleBar,
            '∣' => TokenKind::Bar,
            '⟨' | '〈' => TokenKind::Open(Bracket::Angle),
            '⟩' | '〉' => TokenKind::Close(Bracket::Angle),
            '∑' => TokenKind::LargeOperator("sum"),
            '∏' => TokenKind::LargeOperator("product"),
            '∫' => TokenKind::LargeOperator("integral"),
            '∂' => TokenKind::LargeOperator("derivative"),
            '√' => {
                self.push(TokenKind::Function(super::ast::Function::SquareRoot, "sqrt".to_owned()), span);
                return true;
            }
            '（' => TokenKind::Open(Bracket::Round),
            '）' => TokenKind::Close(Bracket::Round),
            '，' | '、' => TokenKind::Comma,
            '。' => TokenKind::Period,
            '；' => TokenKind::Semicolon,
            '：' => TokenKind::Colon,
            _ => return false,
        };
        self.push(kind, span);
        true
    }

    /// Appends an identifier: base, then its parts at `_`. `at(start, end)` gives the place of a byte range.
    /// A trailing `_` leaves an open subscript.
    pub(crate) fn identifier(&mut self, text: &str, at: impl Fn(usize, usize) -> Span) {
        let whole = at(0, text.len());
        if let Some(function) = name::function(text) {
            self.push(TokenKind::Function(function, text.to_owned()), whole);
            return;
        }
        if text == "σ" {
            self.push(TokenKind::Function(super::ast::Function::Sigmoid, "sigma".to_owned()), whole);
            return;
        }
        // `cal_W`: a letter of another alphabet is one letter.
        if let Some((alphabet, rest)) = text.split_once('_')
            && matches!(alphabet, "cal" | "frak" | "bb")
        {
            let letter = rest.split('_').next().unwrap_or("");
            if !letter.is_empty() && letter.is_ascii() {
                let end = alphabet.len() + 1 + letter.len();
                let upper = letter.starts_with(|first: char| first.is_ascii_uppercase());
                self.push(TokenKind::Word { text: text[..end].to_owned(), upper }, at(0, end));
                let mut start = end + 1;
                for part in rest.split('_').skip(1) {
                    self.push(TokenKind::Subscript, at(start - 1, start));
                    if !part.is_empty() {
                        self.letters(part, start, &at);
                    }
                    start += part.len() + 1;
                }
                return;
            }
        }
        // A known function before its label (`sigma_g`, `hard_sigmoid` is above) stays one with its label.
        let mut start = 0;
        for (number, part) in text.split('_').enumerate() {
            let end = start + part.len();
            if number > 0 {
                let dash = at(start.saturating_sub(1), start);
                self.push(TokenKind::Subscript, dash);
            }
            if !part.is_empty() {
                if number == 0
                    && let Some(function) = name::function(if part == "σ" { "sigma" } else { part })
                {
                    let spelled = if part == "σ" { "sigma" } else { part };
                    self.push(TokenKind::Function(function, spelled.to_owned()), at(start, end));
                } else {
                    self.letters(part, start, &at);
                }
            }
            start = end + 1;
        }
    }

    /// Appends one word of an identifier: ASCII kept whole, Greek letters spelled out, marks after it.
    fn letters(&mut self, part: &str, start: usize, at: &impl Fn(usize, usize) -> Span) {
        let mut text = String::new();
        let mut marks = Vec::new();
        let mut upper = false;
        for character in part.chars() {
            let first = text.is_empty();
            if let Some(word) = name::greek(character) {
                text.push_str(word);
                upper |= first && character.is_uppercase();
            } else if let Some((base, decoration)) = name::composed(character) {
                text.push(base);
                marks.push(decoration);
                upper |= first && base.is_uppercase();
            } else if let Some(decoration) = name::combining(character) {
                marks.push(decoration);
            } else {
                text.push(character);
                upper |= first && character.is_uppercase();
            }
        }
        let span = at(start, start + part.len());
        if text.chars().all(|character| character.is_ascii_digit()) {
            self.number(&text, span);
        } else if !text.is_ascii() {
            self.unknown(
                Code::UnknownSymbol,
                format!("`{part}` holds a letter that is neither Latin nor Greek"),
                span,
                Some("name it with Latin or Greek letters".to_owned()),
            );
        } else {
            self.push(TokenKind::Word { text, upper }, span);
        }
        for mark in marks {
            self.push(TokenKind::Mark(mark), span);
        }
    }
}

/// The letter of the mathematical alphabets of Unicode (bold and italic dress; script is `cal_`), and whether it is
/// upper case.
fn mathematical_letter(character: char) -> Option<(String, bool)> {
    /// Letters that Unicode had before it had their alphabets.
    const OTHERS: [(char, &str, char); 16] = [
        ('ℎ', "", 'h'),
        ('ℬ', "cal_", 'B'),
        ('ℰ', "cal_", 'E'),
        ('ℱ', "cal_", 'F'),
        ('ℋ', "cal_", 'H'),
        ('ℐ', "cal_", 'I'),
        ('ℒ', "cal_", 'L'),
        ('ℳ', "cal_", 'M'),
        ('ℛ', "cal_", 'R'),
        ('ℯ', "cal_", 'e'),
        ('ℊ', "cal_", 'g'),
        ('ℴ', "cal_", 'o'),
        ('ℭ', "frak_", 'C'),
        ('ℌ', "frak_", 'H'),
        ('ℑ', "frak_", 'I'),
        ('ℜ', "frak_", 'R'),
    ];
    if let Some((_, alphabet, letter)) = OTHERS.iter().find(|row| row.0 == character) {
        return Some((format!("{alphabet}{letter}"), letter.is_ascii_uppercase()));
    }
    let code = u32::from(character);
    // Latin alphabets of 52 letters from U+1D400; script ones set letters apart.
    if !(0x1D400..0x1D6A4).contains(&code) {
        return None;
    }
    let offset = code - 0x1D400;
    let (alphabet, letter) = (offset / 52, offset % 52);
    let base = if letter < 26 { b'A' } else { b'a' };
    let upper = letter < 26;
    let letter = char::from(base + u8::try_from(letter % 26).ok()?);
    let alphabet = match alphabet {
        3 | 4 => "cal_",
        5 | 7 => "frak_",
        6 => "bb_",
        _ => "",
    };
    Some((format!("{alphabet}{letter}"), upper))
}

/// The Greek letter that a bold or italic one of the mathematical alphabets dresses: `𝜎` is `σ`.
fn mathematical_greek(character: char) -> Option<char> {
    const LETTERS: [char; 58] = [
        'Α', 'Β', 'Γ', 'Δ', 'Ε', 'Ζ', 'Η', 'Θ', 'Ι', 'Κ', 'Λ', 'Μ', 'Ν', 'Ξ', 'Ο', 'Π', 'Ρ', 'Θ', 'Σ', 'Τ',
        'Υ', 'Φ', 'Χ', 'Ψ', 'Ω', '∇', 'α', 'β', 'γ', 'δ', 'ε', 'ζ', 'η', 'θ', 'ι', 'κ', 'λ', 'μ', 'ν', 'ξ',
        'ο', 'π', 'ρ', 'ς', 'σ', 'τ', 'υ', 'φ', 'χ', 'ψ', 'ω', '∂', 'ϵ', 'ϑ', 'ϰ', 'ϕ', 'ϱ', 'ϖ',
    ];
    let offset = u32::from(character).checked_sub(0x1D6A8)?;
    // Five alphabets.
    (offset < 290).then(|| LETTERS[offset as usize % 58])
}
