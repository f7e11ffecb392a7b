//! Control sequences, as TeX calls what begins with a backslash: `\\`, `\,`, `\sigma`, `\frac`, environments.
//!
//! # Invariants
//!
//! - A sequence that is no part of the language is a finding, never skipped in silence.

use super::{Letters, Lexer};
use crate::diagnostic::Code;
use crate::limits::MAXIMUM_DIAGNOSTICS;
use crate::source::ast::{Function, ProductSign};
use crate::source::command::{
    COMMANDS, FONTS, NOISE, NOISE_WITH_ARGUMENT, TEXT_FONTS, WORD_FONTS, accent, sign,
};
use crate::source::name;
use crate::source::text::place;
use crate::source::token::{Bracket, TokenKind};

impl Lexer<'_, '_> {
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

    pub(super) fn command(&mut self) {
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
            '%' if self.percent(length) => {}
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
            "num" | "SI" | "qty" => self.quantity(command, length),
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
