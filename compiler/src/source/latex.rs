//! LaTeX mathematics to tokens.
//!
//! Dress (fonts, sizes, spacing, `\left`) is dropped here; a run of letters is split as TeX reads it, but for
//! known functions and for words in an upright font.

use super::ast::{Comparison, Function, ProductSign};
use super::command::{
    COMMANDS, FONTS, JOINS, NOISE, NOISE_WITH_ARGUMENT, TEXT_FONTS, WORD_FONTS, WORDS, accent, sign,
};
use super::name;
use super::text::{html_tag, number_length, place, script_length, script_tokens};
use super::token::{Bracket, TokenKind};
use super::writer::Writer;
use crate::diagnostic::Code;
use crate::limits::MAXIMUM_DIAGNOSTICS;
use crate::span::Span;

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

    /// True where upright words follow from byte `from` on, in brackets or not.
    fn words_follow(&self, from: usize) -> bool {
        let text = self.text[from..].trim_start().trim_start_matches(['(', '[']);
        ["\\text", "\\mathrm", "\\mbox"].iter().any(|font| text.starts_with(font))
    }

    /// True where a blank of TeX stands before the position.
    fn gap_before(&self) -> bool {
        let before = self.text[..self.position].trim_end();
        ["\\,", "\\;", "\\:"].iter().any(|blank| before.ends_with(blank))
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

    fn command(&mut self) {
        let slashes = if self.doubled && self.rest().starts_with("\\\\") { 2 } else { 1 };
        let after = &self.rest()[slashes..];
        let letters = after.find(|next: char| !next.is_ascii_alphabetic()).unwrap_or(after.len());
        if letters == 0 {
            self.sign_command(slashes, after);
            return;
        }
        if self.doubled && slashes == 1 && after.starts_with('n') && !after[1..].starts_with("n") {
            // A line end that was written as in a string literal.
            self.push(TokenKind::Newline, 2);
            self.writer.spaced = true;
            return;
        }
        let name = &after[..letters];
        let length = slashes + letters;
        self.named_command(name, length);
    }

    /// `\\`, `\,`, `\{` and their like.
    fn sign_command(&mut self, slashes: usize, after: &str) {
        let Some(character) = after.chars().next() else {
            self.position += slashes;
            return;
        };
        let length = slashes + character.len_utf8();
        match character {
            '\\' => {
                let mut length =
                    if self.doubled && after[1..].starts_with('\\') { length + 1 } else { length };
                let tail = self.rest().get(length..).unwrap_or("");
                if tail.starts_with('*') && !tail.starts_with("*{") {
                    // `\\*` forbids a page break; a product never begins a row.
                    length += 1;
                }
                if let Some(inside) = tail.strip_prefix('[')
                    && let Some(end) = inside.bytes().take(16).position(|byte| byte == b']')
                    && inside.starts_with(|next: char| next.is_ascii_digit() || matches!(next, '.' | '-'))
                    && inside[..end].ends_with(|next: char| next.is_ascii_alphabetic())
                {
                    length += end + 2;
                }
                self.push(TokenKind::RowEnd, length);
            }
            '{' => self.push(TokenKind::Open(Bracket::Round), length),
            '}' => self.push(TokenKind::Close(Bracket::Round), length),
            '(' => self.push(TokenKind::Open(Bracket::Round), length),
            ')' => self.push(TokenKind::Close(Bracket::Round), length),
            '|' => self.push(TokenKind::DoubleBar, length),
            // `h^{\<t\>}`, `h^{<t\>}`.
            '<' => self.push(TokenKind::Less, length),
            '>' => self.push(TokenKind::Greater, length),
            '~' => self.push(TokenKind::Accent("tilde"), length),
            '^' => self.push(TokenKind::Accent("hat"), length),
            '=' => self.push(TokenKind::Accent("bar"), length),
            '_' => self.push(TokenKind::Subscript, length),
            '*' => self.push(TokenKind::Product(ProductSign::Asterisk), length),
            '&' => self.push(TokenKind::Align, length),
            // `\quad \# the state`: a remark behind a gap, to the end of its row.
            '#' if matches!(
                self.writer.tokens.last().map(|token| &token.kind),
                Some(TokenKind::Quad | TokenKind::Align)
            ) =>
            {
                let rest = self.rest();
                let end = rest.find(['\n', '&']).into_iter().chain(rest.find("\\\\")).min();
                self.push(TokenKind::Remark, end.unwrap_or(rest.len()));
            }
            // `\;\; \text{Output}`: a gap too.
            ',' | ';' | ':' if self.gap_before() && self.words_follow(self.position + length) => {
                self.push(TokenKind::Quad, length);
            }
            ',' | ';' | ':' | '!' | '/' | '-' => {
                self.position += length;
                self.writer.spaced = true;
            }
            // `\\\` at the end of a line: `\\`, written for a page that takes one backslash away.
            '\n' if self.text[..self.position].ends_with("\\\\") => self.position += slashes,
            '\n' => {
                let span = place(self.offset, self.position, self.position + slashes);
                let message = "a single backslash ends this row".to_owned();
                let help = Some("rows are parted by `\\\\`".to_owned());
                self.writer.unknown(Code::UnknownCommand, message, span, help);
                self.position += slashes;
            }
            // `… + b_f) \ i_t = …`: the end of a row that lost a backslash.
            _ if character.is_whitespace() && self.begins_row(self.position + length) => {
                self.push(TokenKind::RowEnd, length);
            }
            _ if character.is_whitespace() => {
                self.position += slashes;
                self.writer.spaced = true;
            }
            _ => {
                let span = place(self.offset, self.position, self.position + length);
                let message = format!("`\\{character}` is no command of the language");
                self.writer.unknown(Code::UnknownCommand, message, span, None);
                self.position += length;
            }
        }
    }

    /// True where one name with its index and a relation stand at `from`, behind a value.
    fn begins_row(&self, from: usize) -> bool {
        const LONGEST: usize = 40;
        let rest = self.text.get(from..).unwrap_or("").trim_start();
        let Some((name, _)) = rest.split_once('=').filter(|(name, _)| name.len() <= LONGEST) else {
            return false;
        };
        let name = name.trim_end().trim_end_matches('&').trim_end();
        let complete = matches!(
            self.writer.last_solid(),
            Some(
                TokenKind::Close(_) | TokenKind::Word { .. } | TokenKind::Number { .. } | TokenKind::Mark(_)
            )
        );
        complete
            && name.contains('_')
            && !name.contains([' ', '+', '(', ')', '[', ']', ',', '\n', '.', '*', '/'])
    }

    fn named_command(&mut self, command: &str, length: usize) {
        // `w^\to x_t`: an arrow names a direction where the other one occurs too; alone this short one is a slip.
        if command == "to"
            && self.writer.last_solid() == Some(&TokenKind::Superscript)
            && !["\\gets", "\\leftarrow", "\\from"].iter().any(|other| self.text.contains(other))
        {
            let span = place(self.offset, self.position, self.position + length);
            let message = "`\\to` stands where a transpose may have been meant".to_owned();
            let help = Some("write `^\\top`, or `^{\\rightarrow}` for a direction".to_owned());
            self.writer.unknown(Code::UnknownCommand, message, span, help);
            self.position += length;
            return;
        }
        if let Some(kind) = sign(command) {
            self.push(kind, length);
            return;
        }
        if let Some(accent) = accent(command) {
            self.push(TokenKind::Accent(accent), length);
            return;
        }
        if command == "sigma" {
            self.push(TokenKind::Function(Function::Sigmoid, "sigma".to_owned()), length);
            return;
        }
        if let Some(word) = name::greek_command(command) {
            let span = place(self.offset, self.position, self.position + length);
            self.writer.word(word, span);
            self.position += length;
            return;
        }
        if matches!(command, "ell" | "imath" | "jmath" | "partial" | "nabla" | "infty") {
            let kind = match command {
                "partial" => TokenKind::LargeOperator("derivative"),
                "nabla" => TokenKind::LargeOperator("gradient"),
                _ => TokenKind::Word { text: command.replace("math", ""), upper: false },
            };
            self.push(kind, length);
            return;
        }
        if let Some(function) = self.function(command, length) {
            self.push(TokenKind::Function(function, command.to_owned()), length);
            return;
        }
        // `\left.` and `\Bigr.` are brackets that are not there.
        let sized =
            length > 1 && self.text[self.position + length..].starts_with('.') && command.contains("ig");
        if matches!(command, "left" | "right" | "middle") || sized && NOISE.contains(&command) {
            self.position += length;
            self.delimiter();
            return;
        }
        if NOISE_WITH_ARGUMENT.contains(&command) {
            // `\tag*{3}`, `\hspace*{1cm}`: with a star too, which is no product.
            let star =
                matches!(command, "tag" | "hspace" | "vspace") && self.rest()[length..].starts_with('*');
            let from = self.position + length + usize::from(star);
            let end =
                self.argument(from).map_or_else(|| from + self.tag_length(command, from), |found| found.2);
            // `\hspace{1cm} \text{Output}`: a gap, as `\quad` is.
            if command == "hspace" && self.words_follow(end) {
                self.push(TokenKind::Quad, end - self.position);
            }
            self.position = end;
            return;
        }
        if NOISE.contains(&command) {
            self.position += length;
            self.writer.spaced = true;
            return;
        }
        match command {
            "R" | "Re" | "reals" | "Reals" => self.push(TokenKind::Reals, length),
            // A switch to an upright font: the rest of the group is words.
            "rm" | "sf" | "tt" | "bfseries" => {
                self.position += length;
                self.writer.spaced = true;
                if let Some(last) = self.groups.last_mut() {
                    *last = Letters::Whole;
                }
            }
            "begin" | "end" => self.environment(command, length),
            "mathcal" | "mathscr" | "cal" | "scr" | "mathfrak" | "mathbb" | "Bbb" => {
                self.alphabet(command, length)
            }
            // A frame dresses its content; `row` opens the group where it holds a whole equation.
            "boxed" | "fbox" | "Aboxed" => self.font(length, self.letters()),
            _ if FONTS.contains(&command) => self.font(length, Letters::Split),
            _ if WORD_FONTS.contains(&command) => self.upright(length, false),
            _ if TEXT_FONTS.contains(&command) => self.upright(length, true),
            _ => self.unknown_command(command, length),
        }
    }

    /// `\tag 1`, `\tag1`: a number without braces.
    fn tag_length(&self, command: &str, from: usize) -> usize {
        let rest = &self.text[from..];
        let blank = rest.len() - rest.trim_start_matches(' ').len();
        let number = rest[blank..].bytes().take_while(u8::is_ascii_digit).count();
        if command == "tag" && number > 0 { blank + number } else { 0 }
    }

    /// What `\left` and `\right` stand before, where it is no bracket of its own.
    fn delimiter(&mut self) {
        let rest = self.rest();
        let blank = rest.len() - rest.trim_start().len();
        if rest[blank..].starts_with('.') {
            self.position += blank + 1;
        } else if rest[blank..].starts_with("\\{") && rest[blank + 2..].trim_start().starts_with("\\begin") {
            // A brace that spans rows groups them and is closed by `\right.`.
            self.position += blank + 2;
        }
    }

    /// A font with its argument: the group stays, letters in it are read as `letters` says.
    fn font(&mut self, length: usize, letters: Letters) {
        if letters == Letters::Split && self.weight_and_value(length) {
            return;
        }
        let rest = &self.rest()[length..];
        let blank = rest.len() - rest.trim_start().len();
        self.position += length;
        if rest[blank..].starts_with('{') {
            self.position += blank;
            self.groups.push(letters);
            self.push(TokenKind::Open(Bracket::Brace), 1);
        }
    }

    /// `\mathbf{Wx}_t`, `\boldsymbol{W h}^{(t-1)}`: a weight and a value in one font; the time is the value's. Any other
    /// script may be a label of both.
    fn weight_and_value(&mut self, length: usize) -> bool {
        const TIMES: [&str; 8] = ["_t", "_{t", "_{(t", "^t", "^{t", "^{(t", "^{<t", "^{\\langle"];
        let Some((start, end, over)) = self.argument(self.position + length) else { return false };
        let letters: Vec<(usize, char)> =
            self.text[start..end].char_indices().filter(|(_, next)| !next.is_whitespace()).collect();
        let &[(weight, first), (value, second)] = letters.as_slice() else { return false };
        let script = self.text[over..].trim_start();
        let timed = TIMES.iter().any(|time| script.starts_with(time));
        if !timed || !first.is_ascii_uppercase() || !second.is_ascii_lowercase() {
            return false;
        }
        for (at, letter) in [(weight, first), (value, second)] {
            let span = place(self.offset, start + at, start + at + 1);
            self.writer.word(letter, span);
        }
        self.position = over;
        true
    }

    /// `\mathrm{…}`, `\text{…}`: a function, a word, several letters, or a remark.
    fn upright(&mut self, mut length: usize, text: bool) {
        if self.rest()[length..].starts_with('*') {
            length += 1;
        }
        let Some((start, end, over)) = self.argument(self.position + length) else {
            self.font(length, Letters::Whole);
            return;
        };
        let content = self.text[start..end].replace("\\_", "_");
        let trimmed = content.trim().trim_end_matches(':');
        let span = place(self.offset, self.position, over);
        if let Some(function) = self.function(trimmed, over - self.position) {
            self.writer.push(TokenKind::Function(function, trimmed.to_owned()), span);
            self.position = over;
            return;
        }
        // `\operatorname{hard sigmoid}`: two words for one, where a remark would be skipped in silence.
        let joined = trimmed.replace([' ', '~'], "_");
        if joined != trimmed
            && let Some(function) = name::function(&joined)
        {
            let message = format!("there is no function `{trimmed}`");
            let help = format!("did you mean `{}`?", name::function_name(function));
            self.writer.unknown(Code::UnknownFunction, message, span, Some(help));
            self.position = over;
            return;
        }
        let plain = !trimmed.is_empty()
            && trimmed.chars().all(|next| next.is_ascii_alphanumeric())
            && trimmed.starts_with(|next: char| next.is_ascii_alphabetic());
        if plain && !(text && trimmed.len() != content.len()) {
            self.writer.word(trimmed, span);
            self.position = over;
        } else if text && !content.contains(['$', '\\', '_', '^', '=']) {
            if trimmed.chars().all(|next| next.is_ascii_digit()) && !trimmed.is_empty() {
                self.font(length, Letters::Whole);
                return;
            }
            self.position = over;
            // `b_{\text{forget gate}}`: words below or above a name are its label.
            let plain = |word: &str| word.bytes().all(|byte| byte.is_ascii_alphanumeric());
            if self.begins_label() && !trimmed.is_empty() && trimmed.split_whitespace().all(plain) {
                let label = trimmed.split_whitespace().collect::<Vec<_>>().join("_");
                self.writer.word(label, span);
            } else if !self.step_in_words(trimmed, span) {
                self.writer.push(TokenKind::Remark, span);
            }
        } else {
            self.font(length, Letters::Whole);
        }
    }

    /// `h_{\text{t-1}}`, `h_{t\text{-}1}`: a step is no remark.
    fn step_in_words(&mut self, words: &str, span: Span) -> bool {
        let (time, step) = words.strip_prefix('t').map_or((false, words), |step| (true, step.trim_start()));
        let Some(number) = step.strip_prefix(['-', '−', '–', '+']).map(str::trim_start) else {
            return false;
        };
        if !number.chars().all(|next| next.is_ascii_digit()) {
            return false;
        }
        if time {
            self.writer.word("t", span);
        }
        self.writer.push(if step.starts_with('+') { TokenKind::Plus } else { TokenKind::Minus }, span);
        if !number.is_empty() {
            self.writer.number(number, span);
        }
        true
    }

    /// `\mathcal{W}`: letters of another alphabet.
    fn alphabet(&mut self, command: &str, length: usize) {
        let from = self.position + length;
        let rest = self.text[from..].trim_start();
        let blank = self.text.len() - from - rest.len();
        let (content, over) = match self.argument(from) {
            Some((start, end, over)) => (self.text[start..end].to_owned(), over),
            None => match rest.chars().next() {
                Some(letter) if letter.is_ascii_alphanumeric() => (letter.to_string(), from + blank + 1),
                _ => {
                    self.position = from;
                    return;
                }
            },
        };
        let span = place(self.offset, self.position, over);
        let letters = content.trim();
        if matches!(command, "mathbb" | "Bbb") && letters == "R" {
            self.writer.push(TokenKind::Reals, span);
        } else if !letters.is_empty() && letters.chars().all(|next| next.is_ascii_alphanumeric()) {
            let alphabet = match command {
                "mathfrak" => "frak",
                "mathbb" | "Bbb" => "bb",
                _ => "cal",
            };
            let upper = letters.starts_with(|next: char| next.is_ascii_uppercase());
            self.writer.push(TokenKind::Word { text: format!("{alphabet}_{letters}"), upper }, span);
        } else {
            // Decorations and scripts inside: read as a group, the alphabet is lost, so it is not read at all.
            let message = format!("`\\{command}` takes letters");
            self.writer.unknown(Code::UnknownCommand, message, span, None);
        }
        self.position = over;
    }

    fn environment(&mut self, command: &str, length: usize) {
        let Some((start, end, mut over)) = self.argument(self.position + length) else {
            self.position += length;
            return;
        };
        let name = self.text[start..end].trim().trim_end_matches('*').to_owned();
        let opening = command == "begin";
        let bracket = match name.as_str() {
            "bmatrix" | "pmatrix" | "matrix" | "Bmatrix" | "vmatrix" | "Vmatrix" | "smallmatrix" => {
                Some(Bracket::Matrix)
            }
            "cases" | "dcases" | "rcases" => Some(Bracket::Cases),
            // In brackets an array is a matrix, elsewhere rows of equations.
            "array" if opening => {
                let matrix = matches!(
                    self.writer.last_solid(),
                    Some(TokenKind::Open(Bracket::Square | Bracket::Round))
                );
                self.arrays.push(matrix);
                matrix.then_some(Bracket::Matrix)
            }
            "array" => self.arrays.pop().unwrap_or(false).then_some(Bracket::Matrix),
            _ => None,
        };
        if opening && matches!(name.as_str(), "array" | "alignat" | "alignedat" | "tabular") {
            // Column letters.
            over = self.argument(over).map_or(over, |found| found.2);
        }
        if opening && self.text[over..].starts_with('[') && self.text[over..].get(2..3) == Some("]") {
            // `\begin{aligned}[t]`.
            over += 3;
        }
        let span_length = over - self.position;
        let kind = match (bracket, opening) {
            (Some(bracket), true) => TokenKind::Open(bracket),
            (Some(bracket), false) => TokenKind::Close(bracket),
            (None, _) => TokenKind::RowEnd,
        };
        self.push(kind, span_length);
    }

    fn unknown_command(&mut self, command: &str, length: usize) {
        let span = place(self.offset, self.position, self.position + length);
        let known = COMMANDS
            .iter()
            .copied()
            .chain(name::function_names().filter(|word| !word.contains([' ', '-', '_'])))
            .filter(|word| word.len() > 1);
        // Only so many findings are kept; the search for a near word is the dearest part of this one.
        let nearest = if self.writer.diagnostics.len() < MAXIMUM_DIAGNOSTICS {
            name::nearest(command, known)
        } else {
            None
        };
        let help = nearest.map(|near| format!("did you mean `\\{near}`?"));
        let message = format!("`\\{command}` is no command of the language");
        self.writer.unknown(Code::UnknownCommand, message, span, help);
        self.position += length;
    }
}
