//! LaTeX mathematics to tokens.
//!
//! Dress (fonts, sizes, spacing, `\left`) is dropped here; a run of letters is split as TeX reads it, but for
//! known functions and for words in an upright font. Here are the characters; `control` reads what begins with a
//! backslash, and `font` the argument of a font.

mod control;
mod font;
mod number;

use super::ast::{Comparison, Function, ProductSign};
use super::command::{JOINS, WORDS, accent, sign};
use super::name;
use super::text::{html_tag, number_length, place, script_length, script_tokens};
use super::token::{Bracket, TokenKind};
use super::upright::{Blank, Upright};
use super::writer::Writer;

/// Reads `text`, which begins at byte `offset` of the source. `doubled` says that every backslash is written twice.
pub(crate) fn lex(text: &str, offset: usize, doubled: bool, writer: &mut Writer) {
    let mark = line_mark(text);
    Lexer { text, offset, position: 0, doubled, mark, groups: Vec::new(), arrays: Vec::new(), writer }.run();
}

/// The mark of a comment or a quotation that stands before every line of a block but the first.
fn line_mark(text: &str) -> Option<&'static str> {
    let lines: Vec<&str> =
        text.lines().skip(1).map(str::trim_start).filter(|line| !line.is_empty()).collect();
    ["///", "//!", "//", "*", ">", "|"]
        .into_iter()
        .find(|mark| lines.len() > 1 && lines.iter().all(|line| line.starts_with(mark)))
}

/// True where every command of `text` is written with two backslashes, as in a string literal.
pub(crate) fn is_doubled(text: &str) -> bool {
    let mut doubled = false;
    let mut position = 0;
    while let Some(next) = text.get(position..).and_then(|rest| rest.find('\\')) {
        let start = position + next;
        let run = text[start..].bytes().take_while(|byte| *byte == b'\\').count();
        let after = &text[start + run..];
        let letters = after.bytes().take_while(u8::is_ascii_alphabetic).count();
        position = start + run;
        if letters < 2 {
            continue;
        }
        if run % 2 == 1 {
            return false;
        }
        let word = &after[..letters];
        doubled |= matches!(word, "begin" | "end")
            || sign(word).is_some()
            || accent(word).is_some()
            || name::greek_command(word).is_some()
            || name::function(word).is_some();
    }
    doubled
}

/// Longest argument of a font or text command that is looked at as a whole, in bytes.
const MAXIMUM_ARGUMENT: usize = 1024;

/// How letters are read inside a brace group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Letters {
    /// One by one.
    Split,
    /// As whole words.
    Whole,
}

struct Lexer<'a, 'w> {
    text: &'a str,
    offset: usize,
    position: usize,
    doubled: bool,
    /// What stands before every line.
    mark: Option<&'static str>,
    groups: Vec<Letters>,
    /// For every open `array`: it is a matrix.
    arrays: Vec<bool>,
    writer: &'w mut Writer,
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

    fn letters(&self) -> Letters {
        self.groups.last().copied().unwrap_or(Letters::Split)
    }

    fn step(&mut self, character: char) {
        let length = character.len_utf8();
        match character {
            '\n' => {
                self.push(TokenKind::Newline, 1);
                self.writer.spaced = true;
                if let Some(mark) = self.mark {
                    let line = self.rest().trim_start_matches([' ', '\t']);
                    if let Some(after) = line.strip_prefix(mark) {
                        self.position = self.text.len() - after.len();
                    }
                }
            }
            // `$a$ = $b$` is one equation.
            '$' if self.text[..self.position].trim_end().ends_with('=')
                || self.rest()[1..].trim_start().starts_with('=') =>
            {
                self.position += 1;
                self.writer.spaced = true;
            }
            _ if character.is_whitespace() || matches!(character, '\u{200b}' | '\u{feff}') => {
                self.position += length;
                self.writer.spaced = true;
            }
            '%' => {
                let rest = self.rest();
                self.position += rest.find('\n').unwrap_or(rest.len());
            }
            '\\' => self.command(),
            '&' => self.ampersand(),
            '~' => {
                self.position += 1;
                self.writer.spaced = true;
            }
            // Comment marks before the lines of a block: no sign of mathematics.
            '#' => {
                self.position += 1;
                self.writer.spaced = true;
            }
            // `t{-}1`: braces around a sign take its blanks away.
            '{' if matches!(self.rest().get(..3), Some("{-}" | "{+}" | "{=}")) && !self.after_script() => {
                self.position += 1;
                self.step(self.rest().chars().next().unwrap_or('}'));
                self.position += 1;
            }
            // `{} + i_t`: nothing, so that a sign at the beginning of a row is set as one between values.
            '{' if self.is_empty_group() => {
                self.position += 2;
                self.writer.spaced = true;
            }
            '{' => {
                self.groups.push(self.letters());
                self.push(TokenKind::Open(Bracket::Brace), 1);
            }
            '}' => {
                self.groups.pop();
                self.push(TokenKind::Close(Bracket::Brace), 1);
            }
            '(' if self.rest().starts_with("(.)") => {
                self.push(TokenKind::Product(ProductSign::Hadamard), 3);
            }
            '(' => self.push(TokenKind::Open(Bracket::Round), 1),
            ')' => self.push(TokenKind::Close(Bracket::Round), 1),
            '[' => self.push(TokenKind::Open(Bracket::Square), 1),
            ']' => self.push(TokenKind::Close(Bracket::Square), 1),
            '|' if self.rest().starts_with("||") => self.push(TokenKind::DoubleBar, 2),
            '|' => self.push(TokenKind::Bar, 1),
            '_' => self.push(TokenKind::Subscript, 1),
            '^' => self.push(TokenKind::Superscript, 1),
            '\'' => self.push(TokenKind::Mark("prime"), 1),
            '+' => self.push(TokenKind::Plus, 1),
            '-' => self.push(TokenKind::Minus, 1),
            '/' => self.push(TokenKind::Slash, 1),
            '*' => self.push(TokenKind::Product(ProductSign::Asterisk), 1),
            '@' => self.push(TokenKind::Product(ProductSign::At), 1),
            '=' if self.rest().starts_with("==") => {
                self.push(TokenKind::Comparison(Comparison::Equal), 2);
            }
            '=' => self.push(TokenKind::Equals, 1),
            '!' if self.rest().starts_with("!=") => {
                self.push(TokenKind::Comparison(Comparison::NotEqual), 2);
            }
            ':' if self.rest().starts_with(":=") => self.push(TokenKind::Equals, 2),
            ':' => self.push(TokenKind::Colon, 1),
            '<' if html_tag(self.rest()).is_some() => self.tag(),
            '<' if self.rest().starts_with("<-") => self.push(TokenKind::Equals, 2),
            '<' if self.rest().starts_with("<=") => {
                self.push(TokenKind::Comparison(Comparison::LessOrEqual), 2);
            }
            '>' if self.rest().starts_with(">=") => {
                self.push(TokenKind::Comparison(Comparison::GreaterOrEqual), 2);
            }
            '<' => self.push(TokenKind::Less, 1),
            '>' => self.push(TokenKind::Greater, 1),
            ',' => self.push(TokenKind::Comma, 1),
            ';' => self.push(TokenKind::Semicolon, 1),
            '.' if self.rest().starts_with("...") => self.push(TokenKind::Ellipsis, 3),
            '.' if self.rest().starts_with("..") => self.push(TokenKind::Ellipsis, 2),
            '.' if self.rest().starts_with(".*") => self.push(TokenKind::Product(ProductSign::Hadamard), 2),
            '.' if !self.rest()[1..].starts_with(|next: char| next.is_ascii_digit()) => {
                self.push(TokenKind::Period, 1);
            }
            '.' | '0'..='9' => self.number(),
            _ if character.is_ascii_alphabetic() => self.run_of_letters(),
            'ᵀ' => {
                let span = place(self.offset, self.position, self.position + length);
                self.writer.push(TokenKind::Superscript, span);
                self.push(TokenKind::Top, length);
            }
            _ if name::subscript(character).is_some() => self.script(TokenKind::Subscript, name::subscript),
            _ if name::superscript(character).is_some() => {
                self.script(TokenKind::Superscript, name::superscript);
            }
            _ => {
                let span = place(self.offset, self.position, self.position + length);
                if !self.writer.unicode(character, span) {
                    self.writer.no_part(character, span);
                }
                self.position += length;
            }
        }
    }

    /// `&`, or an HTML entity.
    fn ampersand(&mut self) {
        for (entity, kind) in [
            ("&amp;", Some(TokenKind::Align)),
            ("&nbsp;", None),
            ("&emsp;", None),
            ("&ensp;", None),
            ("&lt;", Some(TokenKind::Less)),
            ("&gt;", Some(TokenKind::Greater)),
            ("&minus;", Some(TokenKind::Minus)),
            ("&times;", Some(TokenKind::Product(ProductSign::Cross))),
        ] {
            if self.rest().starts_with(entity) {
                match kind {
                    Some(kind) => self.push(kind, entity.len()),
                    None => {
                        self.position += entity.len();
                        self.writer.spaced = true;
                    }
                }
                return;
            }
        }
        self.push(TokenKind::Align, 1);
    }

    /// An HTML tag: `<sub>` is a script, the others are blanks.
    fn tag(&mut self) {
        let Some((kinds, length)) = html_tag(self.rest()) else { return };
        let span = place(self.offset, self.position, self.position + length);
        for kind in kinds {
            self.writer.push(kind.clone(), span);
        }
        self.position += length;
        self.writer.spaced |= kinds.is_empty();
    }

    fn number(&mut self) {
        // After a script sign TeX takes one digit, and as an argument of `\frac` too: `\frac12`.
        let before = |back: usize| {
            let at = self.writer.tokens.len().checked_sub(back)?;
            self.writer.tokens.get(at).map(|token| &token.kind)
        };
        let single = matches!(
            (before(2), before(1)),
            (_, Some(TokenKind::Subscript | TokenKind::Superscript | TokenKind::Fraction))
                | (Some(TokenKind::Fraction), Some(TokenKind::Number { .. } | TokenKind::Word { .. }))
        );
        let length =
            if single && !self.rest().starts_with('.') { 1 } else { number_length(self.rest(), true) };
        if !single
            && !self.begins_label()
            && let Some((number, length)) = number::written(self.rest(), length)
        {
            let span = place(self.offset, self.position, self.position + length);
            self.writer.number(&number, span);
            self.position += length;
            return;
        }
        let span = place(self.offset, self.position, self.position + length);
        self.writer.number(&self.rest()[..length], span);
        self.position += length;
    }

    fn script(&mut self, kind: TokenKind, value: fn(char) -> Option<char>) {
        let length = script_length(self.rest(), value);
        let run = self.rest()[..length].to_owned();
        script_tokens(&run, self.offset + self.position, kind, value, self.writer);
        self.position += length;
    }

    /// True before `{}` that is no argument and carries no scripts.
    fn is_empty_group(&self) -> bool {
        let argument = matches!(
            self.writer.tokens.last().map(|token| &token.kind),
            Some(
                TokenKind::Subscript
                    | TokenKind::Superscript
                    | TokenKind::Accent(_)
                    | TokenKind::Fraction
                    | TokenKind::Function(..)
                    | TokenKind::Close(Bracket::Brace)
            )
        );
        let after = self.rest().strip_prefix("{}").map(str::trim_start);
        !argument && after.is_some_and(|after| !after.starts_with(['_', '^']))
    }

    /// True directly behind the sign of a script.
    fn after_script(&self) -> bool {
        let last = self.writer.tokens.last().map(|token| &token.kind);
        matches!(last, Some(TokenKind::Subscript | TokenKind::Superscript))
    }

    /// True where a script begins, in braces or not.
    fn begins_label(&self) -> bool {
        let mut tokens = self.writer.tokens.iter().rev().map(|token| &token.kind);
        let script =
            |kind: Option<&TokenKind>| matches!(kind, Some(TokenKind::Subscript | TokenKind::Superscript));
        match tokens.next() {
            Some(TokenKind::Open(Bracket::Brace)) => script(tokens.next()),
            last => script(last),
        }
    }

    /// A run of ASCII letters: split as TeX does, known functions and words in an upright font kept whole.
    fn run_of_letters(&mut self) {
        let rest = self.rest();
        let length = rest.find(|next: char| !next.is_ascii_alphabetic()).unwrap_or(rest.len());
        let run = rest[..length].to_owned();
        let after_script = self.after_script();
        let spelled = run.len() > 1;
        if spelled && !after_script && self.function_of_two_words(&run) {
            return;
        }
        if self.letters() == Letters::Whole {
            // Digits belong to an upright word: `W_{\mathrm{h1}}`.
            self.word_or_function(&run, length);
            return;
        }
        if spelled && !after_script && self.function(&run, length).is_some() && run != "sigma" {
            self.word_or_function(&run, length);
            return;
        }
        let join = JOINS.contains(&run.as_str()) && self.is_applied(length);
        if spelled && !after_script && (WORDS.contains(&run.as_str()) || join) {
            let span = place(self.offset, self.position, self.position + length);
            self.writer.word(run, span);
            self.position += length;
            return;
        }
        // `Wtanh(…)`, `W_otanh(…)`: a function at the end of a run.
        let mut split = length;
        for function in ["sigmoid", "softmax", "softplus", "tanh", "relu", "ReLU"] {
            if run.len() > function.len() && run.ends_with(function) {
                split = length - function.len();
                break;
            }
        }
        for (position, letter) in run[..split].char_indices() {
            let span = place(self.offset, self.position + position, self.position + position + 1);
            self.writer.word(letter.to_string(), span);
        }
        self.position += split;
        if split < length {
            self.word_or_function(&run[split..], length - split);
        }
    }

    /// `hard_sigmoid(x)`, `hard\_tanh(x)`: one name, where TeX would set an index.
    fn function_of_two_words(&mut self, first: &str) -> bool {
        let after = &self.rest()[first.len()..];
        let Some(second) = after.strip_prefix("\\_").or_else(|| after.strip_prefix('_')) else {
            return false;
        };
        let letters = second.find(|next: char| !next.is_ascii_alphabetic()).unwrap_or(second.len());
        let word = format!("{first}_{}", &second[..letters]);
        let length = self.rest().len() - second.len() + letters;
        let Some(function) = self.function(&word, length).filter(|_| letters > 1) else { return false };
        self.push(TokenKind::Function(function, word), length);
        true
    }

    /// The function of a word of `length` bytes. `where` is one only before a parenthesis: elsewhere it is English.
    fn function(&self, word: &str, length: usize) -> Option<Function> {
        name::function(word).filter(|function| *function != Function::Where || self.is_applied(length))
    }

    /// True where a parenthesis follows after `length` bytes.
    fn is_applied(&self, length: usize) -> bool {
        let mut rest = self.rest().get(length..).unwrap_or("").trim_start();
        for size in ["\\left", "\\bigl", "\\Bigl", "\\biggl", "\\Biggl", "\\big", "\\Big", "\\!"] {
            rest = rest.strip_prefix(size).unwrap_or(rest).trim_start();
        }
        rest.starts_with('(')
    }

    fn word_or_function(&mut self, word: &str, length: usize) {
        match self.function(word, length) {
            Some(function) => self.push(TokenKind::Function(function, word.to_owned()), length),
            None => {
                let span = place(self.offset, self.position, self.position + length);
                if self.letters() == Letters::Whole {
                    self.writer.uprights.push(Upright { span, blank: Blank::No, text: false });
                }
                self.writer.word(word, span);
                self.position += length;
            }
        }
    }

    /// The argument in braces that follows, blanks skipped: where its content begins and ends, and where it is over.
    fn argument(&self, from: usize) -> Option<(usize, usize, usize)> {
        let rest = self.text.get(from..)?;
        let start = from + (rest.len() - rest.trim_start().len());
        if !self.text[start..].starts_with('{') {
            return None;
        }
        let mut depth = 0_usize;
        let mut escaped = false;
        // Longer arguments are read as groups, so that nested ones are not scanned again and again.
        for (position, byte) in self.text[start..].bytes().take(MAXIMUM_ARGUMENT).enumerate() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'{' => depth += 1,
                b'}' => {
                    depth -= 1;
                    if depth == 0 {
                        return Some((start + 1, start + position, start + position + 1));
                    }
                }
                _ => {}
            }
        }
        None
    }
}
