//! Plain text to tokens: the spelling of `cell!` with `.*`, `⊙` and the other signs of a keyboard.

use super::ast::{Comparison, Function, ProductSign};
use super::name;
use super::token::{Bracket, TokenKind};
use super::writer::Writer;
use crate::diagnostic::Code;
use crate::span::Span;

/// How names are read, seen over the whole text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TextStyle {
    /// `Ht-1`, `Xt`: a final `t` is the time index.
    pub(crate) suffix_time: bool,
    /// `Ah_{t-1}`: a weight directly before a value.
    pub(crate) glued_weights: bool,
}

/// Reads `text`, which begins at byte `offset` of the source.
pub(crate) fn lex(text: &str, offset: usize, style: TextStyle, writer: &mut Writer) {
    Lexer { text, offset, position: 0, style, writer }.run();
}

struct Lexer<'a, 'w> {
    text: &'a str,
    offset: usize,
    position: usize,
    style: TextStyle,
    writer: &'w mut Writer,
}

/// The place of bytes `start..end` of a text that begins at `offset`.
pub(crate) fn place(offset: usize, start: usize, end: usize) -> Span {
    let number = |value: usize| u32::try_from(offset.saturating_add(value)).unwrap_or(u32::MAX);
    Span::new(number(start), number(end))
}

fn begins_identifier(character: char) -> bool {
    character.is_ascii_alphabetic() || name::greek(character).is_some() || name::composed(character).is_some()
}

fn continues_identifier(character: char) -> bool {
    begins_identifier(character)
        || character.is_ascii_digit()
        || character == '_'
        || name::combining(character).is_some()
}

impl<'a> Lexer<'a, '_> {
    fn rest(&self) -> &'a str {
        self.text.get(self.position..).unwrap_or("")
    }

    fn push(&mut self, kind: TokenKind, length: usize) {
        let span = place(self.offset, self.position, self.position + length);
        self.writer.push(kind, span);
        self.position += length;
    }

    fn run(&mut self) {
        while let Some(character) = self.rest().chars().next() {
            self.step(character);
        }
    }

    fn step(&mut self, character: char) {
        let rest = self.rest();
        let length = character.len_utf8();
        if character == '\n' {
            self.push(TokenKind::Newline, 1);
            self.writer.spaced = true;
            return;
        }
        if character.is_whitespace() || matches!(character, '\u{200b}' | '\u{feff}') {
            self.position += length;
            self.writer.spaced = true;
            return;
        }
        if character == '\\' && rest[1..].starts_with([' ', ',', ';', ':', '!']) {
            // A blank of LaTeX.
            self.position += 2;
            self.writer.spaced = true;
            return;
        }
        if character == '&'
            && let Some(length) = self.entity(rest)
        {
            self.position += length;
            return;
        }
        if character == 'Σ' && is_sum(&rest[length..]) {
            self.push(TokenKind::LargeOperator("sum"), length);
            return;
        }
        if character == '#' || rest.starts_with("//") {
            self.position += rest.find('\n').unwrap_or(rest.len());
            return;
        }
        const SIGNS: [(&str, TokenKind); 36] = [
            ("(.)", TokenKind::Product(ProductSign::Hadamard)),
            (".*", TokenKind::Product(ProductSign::Hadamard)),
            ("**", TokenKind::Superscript),
            (":=", TokenKind::Equals),
            ("==", TokenKind::Comparison(Comparison::Equal)),
            ("!=", TokenKind::Comparison(Comparison::NotEqual)),
            ("<=", TokenKind::Comparison(Comparison::LessOrEqual)),
            (">=", TokenKind::Comparison(Comparison::GreaterOrEqual)),
            ("%", TokenKind::Modulo),
            ("<-", TokenKind::Equals),
            ("->", TokenKind::Arrow),
            ("||", TokenKind::DoubleBar),
            ("+", TokenKind::Plus),
            ("-", TokenKind::Minus),
            ("*", TokenKind::Product(ProductSign::Asterisk)),
            ("@", TokenKind::Product(ProductSign::At)),
            ("/", TokenKind::Slash),
            ("=", TokenKind::Equals),
            ("(", TokenKind::Open(Bracket::Round)),
            (")", TokenKind::Close(Bracket::Round)),
            ("[", TokenKind::Open(Bracket::Square)),
            ("]", TokenKind::Close(Bracket::Square)),
            ("{", TokenKind::Open(Bracket::Brace)),
            ("}", TokenKind::Close(Bracket::Brace)),
            ("|", TokenKind::Bar),
            (",", TokenKind::Comma),
            (";", TokenKind::Semicolon),
            (":", TokenKind::Colon),
            ("^", TokenKind::Superscript),
            ("_", TokenKind::Subscript),
            ("'", TokenKind::Mark("prime")),
            ("<", TokenKind::Less),
            (">", TokenKind::Greater),
            ("&", TokenKind::Align),
            ("~", TokenKind::Mark("tilde")),
            ("ᵀ", TokenKind::Top),
        ];
        if character == '<'
            && let Some((kinds, length)) = html_tag(rest)
        {
            let span = place(self.offset, self.position, self.position + length);
            for kind in kinds {
                self.writer.push(kind.clone(), span);
            }
            self.position += length;
            return;
        }
        if character == 'ᵀ' {
            // A transpose stands without a sign of its own.
            let span = place(self.offset, self.position, self.position + length);
            self.writer.push(TokenKind::Superscript, span);
        }
        // `~h_t`, and a combining tilde before its letter: an accent that stands before what it decorates.
        let mark = if character == '~' { Some("tilde") } else { name::combining(character) };
        if let Some(mark) = mark.filter(|mark| *mark != "vec")
            && rest[length..].starts_with(|next: char| next.is_ascii_alphabetic())
            && (self.writer.spaced
                || !self.writer.tokens.last().is_some_and(|last| {
                    matches!(last.kind, TokenKind::Word { .. } | TokenKind::Mark(_) | TokenKind::Close(_))
                }))
        {
            self.push(TokenKind::Accent(mark), length);
            return;
        }
        // `Ct(hat)`: the word of an accent, which is no value.
        if character == '('
            && let Some(accent) =
                ["(hat)", "(tilde)", "(bar)"].iter().find(|accent| rest.starts_with(**accent))
            && self.text[..self.position].ends_with(continues_identifier)
        {
            let span = place(self.offset, self.position, self.position + accent.len());
            let help = "write the accent into the name: `C̃_t`, `C_tilde_t`";
            let message = format!("`{accent}` is an accent in brackets");
            self.writer.unknown(Code::DanglingSign, message, span, Some(help.to_owned()));
            self.position += accent.len();
            return;
        }
        if let Some((sign, kind)) = SIGNS.iter().find(|(sign, _)| rest.starts_with(sign)) {
            self.push(kind.clone(), sign.len());
            // `C~t-1`.
            let after = self.rest();
            if self.style.suffix_time
                && *sign == "~"
                && after.starts_with('t')
                && !after[1..].starts_with(continues_identifier)
            {
                let letter = place(self.offset, self.position, self.position + 1);
                self.writer.push(TokenKind::Subscript, letter);
                self.position += 1;
                self.suffix_time(letter);
            }
            return;
        }
        if character.is_ascii_digit()
            || (character == '.' && rest[1..].starts_with(|next: char| next.is_ascii_digit()))
        {
            self.number();
            return;
        }
        if character == '.' {
            let dots = rest.bytes().take(3).take_while(|byte| *byte == b'.').count();
            if dots > 1 {
                self.push(TokenKind::Ellipsis, dots);
                return;
            }
            if rest[1..].starts_with('T') && !rest[2..].starts_with(continues_identifier) {
                self.push(TokenKind::Superscript, 1);
                self.push(TokenKind::Top, 1);
                return;
            }
            self.push(TokenKind::Period, 1);
            return;
        }
        if begins_identifier(character) {
            self.identifier();
            return;
        }
        if name::subscript(character).is_some() {
            self.script(TokenKind::Subscript, name::subscript);
            return;
        }
        if name::superscript(character).is_some() {
            self.script(TokenKind::Superscript, name::superscript);
            return;
        }
        let span = place(self.offset, self.position, self.position + length);
        if !self.writer.unicode(character, span) {
            self.writer.no_part(character, span);
        }
        self.position += length;
    }

    /// `&sigma;`, `&middot;`, `&nbsp;`: a character of HTML by its name; its length.
    fn entity(&mut self, text: &str) -> Option<usize> {
        let name = &text[1..1 + text.bytes().take(10).position(|byte| byte == b';')?.checked_sub(1)?];
        let length = name.len() + 2;
        let character = match name {
            "nbsp" | "ensp" | "emsp" | "thinsp" => {
                self.writer.spaced = true;
                return Some(length);
            }
            "middot" | "sdot" => '·',
            "times" => '×',
            "minus" => '−',
            "otimes" => '⊗',
            "oplus" => '⊕',
            "odot" => '⊙',
            "compfn" => '∘',
            "isin" => '∈',
            "larr" => '←',
            "prime" => '′',
            "sum" => '∑',
            _ => name::greek_letter(name)?,
        };
        let span = place(self.offset, self.position, self.position + length);
        self.writer.unicode(character, span).then_some(length)
    }

    fn number(&mut self) {
        let length = number_length(self.rest(), true);
        let span = place(self.offset, self.position, self.position + length);
        self.writer.number(&self.rest()[..length], span);
        self.position += length;
    }

    fn identifier(&mut self) {
        let rest = self.rest();
        let length = rest.find(|next| !continues_identifier(next)).unwrap_or(rest.len());
        let (offset, start) = (self.offset, self.position);
        let word = rest[..length].to_owned();
        self.position += length;
        let at = |from: usize, to: usize| place(offset, start + from, start + to);
        if matches!(word.as_str(), "where" | "Where") {
            // `where(a < b, x, y)` is a function, `where w: [h]` begins declarations.
            let applied = self.rest().trim_start_matches([' ', '\t']).starts_with('(');
            let kind = if applied { TokenKind::Function(Function::Where, word) } else { TokenKind::Where };
            self.writer.push(kind, at(0, length));
            return;
        }
        // `act(` is a word before its argument, `ot(1 - zt)` a gate.
        let applied = word.len() > 2 && self.rest().starts_with('(');
        if self.style.suffix_time
            && word.len() > 1
            && !applied
            && name::function(&word).is_none()
            && word.ends_with('t')
        {
            self.writer.identifier(&word[..length - 1], at);
            self.writer.push(TokenKind::Subscript, at(length - 1, length));
            self.suffix_time(at(length - 1, length));
            return;
        }
        let base = word.split('_').next().unwrap_or("");
        if self.style.glued_weights
            && super::lines::is_glued(base)
            && name::function(base).is_none()
            && (word[2..].starts_with("_t") && word[4..].is_empty()
                || word.len() <= 3
                    && ["{t", "[t", "(t", "<sub>t", "ₜ"].iter().any(|index| self.rest().starts_with(*index)))
        {
            self.writer.identifier(&word[..1], at);
            self.writer.identifier(&word[1..], |from, to| at(from + 1, to + 1));
            return;
        }
        self.writer.identifier(&word, at);
    }

    /// `t`, `t-1` at the end of a name without a sign of its own.
    fn suffix_time(&mut self, letter: Span) {
        let rest = self.rest();
        let sign = rest.chars().next().filter(|sign| matches!(sign, '-' | '−')).map_or(0, char::len_utf8);
        let after = if sign > 0 { &rest[sign..] } else { "" };
        let digits = after.find(|next: char| !next.is_ascii_digit()).unwrap_or(after.len());
        self.writer.push(TokenKind::Open(Bracket::Brace), letter);
        self.writer.word("t", letter);
        if digits > 0 {
            let text = after[..digits].to_owned();
            self.push(TokenKind::Minus, sign);
            let span = place(self.offset, self.position, self.position + digits);
            self.writer.number(&text, span);
            self.position += digits;
        }
        let end = place(self.offset, self.position.saturating_sub(1), self.position);
        self.writer.push(TokenKind::Close(Bracket::Brace), end);
    }

    /// A run of Unicode script characters, as a script in braces.
    fn script(&mut self, kind: TokenKind, value: fn(char) -> Option<char>) {
        let length = script_length(self.rest(), value);
        let run = self.rest()[..length].to_owned();
        script_tokens(&run, self.offset + self.position, kind, value, self.writer);
        self.position += length;
    }
}

/// The tokens of the HTML tag that `text` begins with, and its length.
pub(crate) fn html_tag(text: &str) -> Option<(&'static [TokenKind], usize)> {
    const SUBSCRIPT: [TokenKind; 2] = [TokenKind::Subscript, TokenKind::Open(Bracket::Brace)];
    const SUPERSCRIPT: [TokenKind; 2] = [TokenKind::Superscript, TokenKind::Open(Bracket::Brace)];
    const CLOSE: [TokenKind; 1] = [TokenKind::Close(Bracket::Brace)];
    // What ends a line or an item may stand between two equations.
    const GAP: [TokenKind; 1] = [TokenKind::Quad];
    const TAGS: [(&str, &[TokenKind]); 28] = [
        ("<sub>", &SUBSCRIPT),
        ("</sub>", &CLOSE),
        ("<sup>", &SUPERSCRIPT),
        ("</sup>", &CLOSE),
        ("<br>", &GAP),
        ("<br/>", &GAP),
        ("<br />", &GAP),
        ("<li>", &[]),
        ("</li>", &GAP),
        ("<ul>", &[]),
        ("</ul>", &[]),
        ("<ol>", &[]),
        ("</ol>", &[]),
        ("<p>", &[]),
        ("</p>", &[]),
        ("<div>", &[]),
        ("</div>", &[]),
        ("<i>", &[]),
        ("</i>", &[]),
        ("<b>", &[]),
        ("</b>", &[]),
        ("<em>", &[]),
        ("</em>", &[]),
        ("<math>", &[]),
        ("</math>", &[]),
        ("<span>", &[]),
        ("</span>", &[]),
        ("</strong>", &[]),
    ];
    if let Some((tag, kinds)) = TAGS.iter().find(|(tag, _)| text.starts_with(tag)) {
        return Some((*kinds, tag.len()));
    }
    // `<span class="…">`: a tag with attributes.
    let name = text.strip_prefix('<')?.split(|next: char| !next.is_ascii_alphanumeric()).next()?;
    let kinds: &[TokenKind] = match name {
        "sub" => &SUBSCRIPT,
        "sup" => &SUPERSCRIPT,
        "span" | "div" | "p" | "i" | "b" | "em" | "strong" | "li" | "ul" | "td" | "code" => &[],
        _ => return None,
    };
    let attributes = text.get(1 + name.len()..)?;
    let end = attributes.bytes().take(MAXIMUM_TAG).position(|byte| byte == b'>')?;
    let inside = &attributes[..end];
    (inside.starts_with(' ') && inside.contains("=\"") || inside.starts_with(' ') && inside.contains("='"))
        .then_some((kinds, 1 + name.len() + end + 1))
}

/// Longest HTML tag, in bytes.
const MAXIMUM_TAG: usize = 256;

/// Length in bytes of the run of script characters that `text` begins with.
pub(crate) fn script_length(text: &str, value: fn(char) -> Option<char>) -> usize {
    text.find(|next| value(next).is_none()).unwrap_or(text.len())
}

/// Writes a run of Unicode script characters as a script in braces.
pub(crate) fn script_tokens(
    run: &str,
    offset: usize,
    kind: TokenKind,
    value: fn(char) -> Option<char>,
    writer: &mut Writer,
) {
    let whole = place(offset, 0, run.len());
    writer.push(kind, whole);
    writer.push(TokenKind::Open(Bracket::Brace), whole);
    let mut digits = String::new();
    let mut digits_start = 0;
    let flush = |digits: &mut String, start: usize, end: usize, writer: &mut Writer| {
        if !digits.is_empty() {
            writer.number(digits, place(offset, start, end));
            digits.clear();
        }
    };
    for (position, character) in run.char_indices() {
        let Some(meaning) = value(character) else { continue };
        let span = place(offset, position, position + character.len_utf8());
        if meaning.is_ascii_digit() {
            if digits.is_empty() {
                digits_start = position;
            }
            digits.push(meaning);
            continue;
        }
        flush(&mut digits, digits_start, position, writer);
        match meaning {
            '+' => writer.push(TokenKind::Plus, span),
            '-' => writer.push(TokenKind::Minus, span),
            '(' => writer.push(TokenKind::Open(Bracket::Round), span),
            ')' => writer.push(TokenKind::Close(Bracket::Round), span),
            letter => match name::greek(letter) {
                Some(word) => writer.word(word, span),
                None => writer.word(letter.to_string(), span),
            },
        }
    }
    flush(&mut digits, digits_start, run.len(), writer);
    writer.push(TokenKind::Close(Bracket::Brace), whole);
}

/// Length in bytes of the number that `text` begins with: digits, a point, and an exponent where one is allowed.
pub(crate) fn number_length(text: &str, exponent: bool) -> usize {
    let digits =
        |from: usize| text.get(from..).map_or(0, |rest| rest.bytes().take_while(u8::is_ascii_digit).count());
    let mut length = digits(0);
    if text[length..].starts_with('.') && digits(length + 1) > 0 {
        length += 1 + digits(length + 1);
    }
    if exponent && text[length..].starts_with(['e', 'E']) {
        let sign = usize::from(text[length + 1..].starts_with(['+', '-']));
        let count = digits(length + 1 + sign);
        let next = text.get(length + 1 + sign + count..).and_then(|rest| rest.chars().next());
        if count > 0 && !next.is_some_and(continues_identifier) {
            length += 1 + sign + count;
        }
    }
    length
}

/// True for the limits of a sum behind `Σ`, `_{i=1}^{n}` or `_{j ∈ N}`; else it is a name.
fn is_sum(rest: &str) -> bool {
    rest.strip_prefix("_{")
        .and_then(|inside| inside.split('}').next())
        .is_some_and(|limits| limits.contains(['=', '∈', '≤', '<']))
}
