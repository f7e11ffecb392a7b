//! Numbers as they are printed: `1{,}000`, `0{,}9`, `1\mathrm{e}{-3}`, `20\%`, `\num{1e-3}`, `\SI{20}{ms}`.

use super::Lexer;
use crate::diagnostic::Code;
use crate::source::text::{number_length, place};
use crate::source::token::TokenKind;
use crate::source::upright::{Blank, Upright};

/// The longest number that is looked at as a whole, in bytes.
const LONGEST: usize = 64;

/// The number that begins `text`, of which the first `length` bytes are plain: with commas in braces and an exponent in
/// an upright font; and how long it is. `None` where it is plain.
pub(super) fn written(text: &str, length: usize) -> Option<(String, usize)> {
    let mut number = text[..length].to_owned();
    let mut over = length;
    let digits = |from: usize| text[from..].bytes().take(LONGEST).take_while(u8::is_ascii_digit).count();
    // A group of three is one of thousands, unless the number would begin with 0.
    let mut grouped = false;
    while let Some(after) = text[over..].strip_prefix("{,}")
        && number.len() < LONGEST
        && number.bytes().all(|byte| byte.is_ascii_digit())
    {
        let from = text.len() - after.len();
        let count = digits(from);
        if count == 0 {
            break;
        }
        if count != 3 || number.starts_with('0') || number.len() > 3 && !grouped {
            number.push('.');
        } else {
            grouped = true;
        }
        number.push_str(&text[from..from + count]);
        over = from + count;
    }
    if let Some((exponent, length)) = exponent(&text[over..]) {
        number.push_str(&exponent);
        over += length;
    }
    (over > length).then_some((number, over))
}

/// `\mathrm{e}{-3}`, `\text{e-}3`, `\mathrm{e-3}`: an exponent, and how long it is written. A sign outside braces may
/// subtract from Euler's number.
fn exponent(text: &str) -> Option<(String, usize)> {
    let fonts = ["\\mathrm{", "\\text{", "\\textrm{", "\\mathsf{", "\\operatorname{"];
    let mut rest = fonts.iter().find_map(|font| text.strip_prefix(font))?.strip_prefix(['e', 'E'])?;
    let mut exponent = "e".to_owned();
    // The font may end anywhere, and braces may stand around the sign or around all of it.
    let (mut digits, mut braces) = (0, 1_usize);
    for byte in rest.bytes().take(LONGEST) {
        match byte {
            b'{' if digits == 0 => braces += 1,
            b'}' if braces > 0 => braces -= 1,
            b'-' | b'+' if digits == 0 && exponent.len() == 1 && braces > 0 => {
                exponent.push(char::from(byte))
            }
            b'0'..=b'9' => {
                digits += 1;
                exponent.push(char::from(byte));
            }
            _ => break,
        }
        rest = &rest[1..];
    }
    (digits > 0 && braces == 0).then(|| (exponent, text.len() - rest.len()))
}

/// The words of units as the package siunitx has them.
const PARTS: [(&str, &str); 27] = [
    ("milli", "m"),
    ("micro", "u"),
    ("nano", "n"),
    ("pico", "p"),
    ("kilo", "k"),
    ("mega", "M"),
    ("giga", "G"),
    ("centi", "c"),
    ("second", "s"),
    ("minute", "min"),
    ("hour", "h"),
    ("hertz", "Hz"),
    ("volt", "V"),
    ("ampere", "A"),
    ("farad", "F"),
    ("siemens", "S"),
    ("ohm", "Ohm"),
    ("metre", "m"),
    ("meter", "m"),
    ("kelvin", "K"),
    ("gram", "g"),
    ("joule", "J"),
    ("newton", "N"),
    ("pascal", "Pa"),
    ("percent", "%"),
    ("decibel", "dB"),
    ("radian", "rad"),
];

impl Lexer<'_, '_> {
    /// `20\%`: a hundredth of the number before. False where none is.
    pub(super) fn percent(&mut self, length: usize) -> bool {
        let end = place(self.offset, self.position, self.position + length).end;
        match self.writer.tokens.last_mut() {
            Some(last) if matches!(last.kind, TokenKind::Number { .. }) => {
                if let TokenKind::Number { value, whole } = &mut last.kind {
                    *value /= 100.0;
                    *whole = None;
                }
                last.span.end = end;
                self.position += length;
                true
            }
            _ => false,
        }
    }

    /// `\num{1e-3}`, `\SI{20}{ms}`, `\qty{20}{\ms}`: a number, and its unit as an upright word.
    pub(super) fn quantity(&mut self, command: &str, length: usize) {
        let from = self.position + length;
        let number = self.argument(from);
        let unit = number.filter(|_| command != "num").map(|(.., over)| self.argument(over));
        let over = unit.flatten().or(number).map_or(from, |argument| argument.2);
        let span = place(self.offset, self.position, over);
        let text: String = number
            .map_or("", |(start, end, _)| &self.text[start..end])
            .chars()
            .filter(|next| !next.is_whitespace() && *next != '~')
            .collect();
        let text = text.replace(',', ".");
        let (sign, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text.as_str()),
        };
        if digits.is_empty() || number_length(digits, true) != digits.len() || unit == Some(None) {
            let message = format!("`\\{command}` takes a number");
            self.writer.unknown(Code::UnknownCommand, message, span, None);
            self.position = over;
            return;
        }
        if sign {
            self.writer.push(TokenKind::Minus, span);
        }
        self.writer.number(digits, span);
        self.position = over;
        if let Some(Some((start, end, _))) = unit {
            let word = spelled(&self.text[start..end]);
            let span = place(self.offset, start, end);
            if word == "%" {
                self.percent(0);
            } else if !word.is_empty() {
                self.writer.uprights.push(Upright { span, blank: Blank::Thin, text: false });
                self.writer.word(word, span);
            }
        }
    }
}

/// `\milli\second` as `ms`.
fn spelled(unit: &str) -> String {
    unit.split('\\')
        .map(str::trim)
        .map(|part| PARTS.iter().find(|row| row.0 == part).map_or(part, |row| row.1))
        .collect()
}
