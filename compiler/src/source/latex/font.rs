//! Fonts and alphabets: dress that is dropped, words in an upright font, letters of another alphabet.

use super::{Letters, Lexer};
use crate::diagnostic::Code;
use crate::source::name;
use crate::source::text::place;
use crate::source::token::{Bracket, TokenKind};
use crate::source::upright::{Blank, Upright};
use crate::span::Span;

impl Lexer<'_, '_> {
    /// A font with its argument: the group stays, letters in it are read as `letters` says.
    pub(super) fn font(&mut self, length: usize, letters: Letters) {
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
    pub(super) fn upright(&mut self, mut length: usize, text: bool) {
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
            let command = self.rest().trim_start_matches('\\');
            let text = ["text", "mbox", "hbox", "emph"].iter().any(|font| command.starts_with(font));
            self.writer.uprights.push(Upright { span, blank: self.blank_before(), text });
            self.writer.word(trimmed, span);
            self.position = over;
        } else if !text
            && let Some(word) = in_brackets(trimmed)
            && let blank = self.blank_before()
            && blank > Blank::No
        {
            // `\ \mathrm{(forget)}`: the brackets around the word, whichever side of the font they stand on.
            self.writer.push(TokenKind::Open(Bracket::Round), span);
            self.writer.uprights.push(Upright { span, blank, text: true });
            self.writer.word(word, span);
            self.writer.push(TokenKind::Close(Bracket::Round), span);
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

    /// The blank before the position, or before a bracket there.
    fn blank_before(&self) -> Blank {
        let before = self.text[..self.position].trim_end();
        let before = before.strip_suffix(['(', '[']).unwrap_or(before).trim_end();
        let ends = |blanks: &[&str]| blanks.iter().any(|blank| before.ends_with(blank));
        if ends(&["\\,", "\\;", "\\:"]) {
            Blank::Thin
        } else if ends(&["~", "\\hfill", "\\quad", "\\qquad", "\\enspace"])
            || before.ends_with('\\') && !before.ends_with("\\\\")
        {
            Blank::Wide
        } else {
            Blank::No
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
    pub(super) fn alphabet(&mut self, command: &str, length: usize) {
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
}

/// The one word in the brackets that `text` is.
fn in_brackets(text: &str) -> Option<&str> {
    let inside = |open, close| text.strip_prefix(open)?.strip_suffix(close);
    let word: &str = inside('(', ')').or_else(|| inside('[', ']'))?;
    (word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_alphabetic())).then_some(word)
}
