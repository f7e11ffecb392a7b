//! Names with their scripts: which part is time, label, power, transpose or decoration.

use super::ast::ProductSign;
use super::name::NameParts;
use super::pratt::{Named, Parser, Stop};
use super::token::{Bracket, TokenKind, describe};
use crate::diagnostic::Code;
use crate::limits::{MAXIMUM_NAME_BYTES, MAXIMUM_STATES};

impl Parser<'_> {
    /// A name at the position: base, decorations, scripts, and a time index in parentheses.
    pub(crate) fn name(&mut self) -> Result<Named, Stop> {
        let start = self.position;
        let mut named = self.base()?;
        loop {
            match self.kind() {
                Some(TokenKind::Mark(mark)) => {
                    named.parts.decorations.push((*mark).to_owned());
                    self.position += 1;
                }
                Some(TokenKind::Subscript) => self.subscript(&mut named)?,
                Some(TokenKind::Superscript) => self.superscript(&mut named)?,
                // `h(t-1)`, `h[t-1]`: a bracket that holds a time and nothing else.
                Some(TokenKind::Open(Bracket::Round | Bracket::Square)) if named.time.is_none() => {
                    let Some(close) = self.sequence.partner(self.position).filter(|close| *close < self.end)
                    else {
                        break;
                    };
                    self.check_distance(self.position + 1, close)?;
                    let Some(time) = self.time(self.position + 1, close) else { break };
                    named.time = Some(time);
                    self.position = close + 1;
                }
                _ => break,
            }
        }
        // `h_prev`, `c_{\text{old}}`: the value of the step before.
        if named.time.is_none()
            && named.parts.labels_above.is_empty()
            && matches!(named.parts.labels.as_slice(), [label] if self.convention.previous && is_previous(label))
        {
            named.parts.labels.clear();
            named.time = Some(-1);
        }
        // Of what varies in time every component is meant; a weight keeps its label.
        if let (Some(component), Some(_)) = (&self.convention.component, named.time) {
            named.parts.labels.retain(|label| label != component);
            named.parts.labels_above.retain(|label| label != component);
        }
        named.span = self.sequence.span(start, self.position);
        let length = named.parts.finish().canonical.len();
        if length > MAXIMUM_NAME_BYTES {
            let message =
                format!("the name has {length} bytes, more than {MAXIMUM_NAME_BYTES} (MAXIMUM_NAME_BYTES)");
            return self.fail(Code::NameTooLong, message, named.span, None);
        }
        Ok(named)
    }

    /// The base of a name: a word, a decorated base, a name in braces.
    fn base(&mut self) -> Result<Named, Stop> {
        let mut accents = Vec::new();
        while let Some(TokenKind::Accent(accent)) = self.kind() {
            accents.push(*accent);
            self.position += 1;
        }
        let mut named = match self.kind() {
            Some(TokenKind::Word { text, upper }) => {
                let step_size =
                    self.position + 1 < self.end && self.sequence.is_step_size(text, self.position);
                self.position += if step_size { 2 } else { 1 };
                let base = if step_size { "Deltat".to_owned() } else { text.clone() };
                Named { parts: NameParts { base, upper: *upper, ..NameParts::default() }, ..Named::default() }
            }
            Some(TokenKind::Function(_, spelled)) => {
                self.position += 1;
                let base = match spelled.as_str() {
                    "sigmoid" | "sigm" => "sigma",
                    other => other,
                };
                let upper = base.starts_with(|letter: char| letter.is_uppercase());
                Named {
                    parts: NameParts { base: base.replace([' ', '-'], "_"), upper, ..NameParts::default() },
                    ..Named::default()
                }
            }
            Some(TokenKind::Open(Bracket::Brace)) => {
                let Some(close) = self.sequence.partner(self.position).filter(|close| *close < self.end)
                else {
                    let span = self.here();
                    return self.fail(Code::UnbalancedBracket, "this brace is never closed", span, None);
                };
                if let Some(TokenKind::Function(..)) = self.sequence.kind(self.position + 1)
                    && close == self.position + 2
                    && !accents.is_empty()
                {
                    return self
                        .within((self.position + 1, close, close + 1), Self::base)
                        .map(|named| decorate(named, accents));
                }
                if self.sequence.after_name(self.position + 1) != Some(close) {
                    let span = self.sequence.span(self.position, close + 1);
                    let message = "a decoration stands over one name";
                    return self.fail(Code::UnexpectedToken, message, span, None);
                }
                // Nesting of braces is bounded where brackets are matched.
                self.within((self.position + 1, close, close + 1), Self::name)?
            }
            Some(TokenKind::Unknown | TokenKind::Foreign) => return Err(Stop),
            other => {
                let found = other.map_or_else(|| "the end".to_owned(), describe);
                let span = self.here();
                let message = format!("{found} stands where a name is needed");
                return self.fail(Code::UnexpectedToken, message, span, None);
            }
        };
        named = decorate(named, accents);
        Ok(named)
    }

    /// The tokens `start..end` as a time: `t`, `t-1`.
    fn time(&self, start: usize, end: usize) -> Option<i32> {
        let index = self.sequence.index(start, end)?;
        (index.letter == self.convention.time).then_some(index.offset)
    }

    /// `x[t-4294967295]`: no number of steps that can be counted.
    fn check_distance(&mut self, start: usize, end: usize) -> Result<(), Stop> {
        if !self.sequence.is_beyond(start, end, &self.convention.time) {
            return Ok(());
        }
        let span = self.sequence.span(start, end);
        let message = format!("this step is farther away than MAXIMUM_STATES = {MAXIMUM_STATES} steps");
        self.fail(Code::TooManyStates, message, span, None)
    }

    fn set_time(&mut self, named: &mut Named, time: i32, place: (usize, usize)) -> Result<(), Stop> {
        if named.time.is_some_and(|before| before != time) {
            let span = self.sequence.span(place.0, place.1);
            return self.fail(Code::DoubleIndex, "a second time index on one name", span, None);
        }
        named.time = Some(time);
        Ok(())
    }

    /// The script after the sign at the position.
    fn script_range(&mut self) -> Result<(usize, usize, usize), Stop> {
        match self.sequence.script(self.position + 1).filter(|script| script.2 <= self.end) {
            Some(script) => Ok(script),
            None => {
                let span = self.here();
                self.fail(Code::UnexpectedToken, "nothing follows this script sign", span, None)
            }
        }
    }

    /// Whether a letter is the number of layers, where they are counted: `L` for `l`.
    fn is_last_layer(&self, text: &str) -> bool {
        self.convention.layer.as_ref().is_some_and(|layer| layer.to_uppercase() == text && layer != text)
    }

    /// A layer index: this layer needs none, the value of the layer below is the input.
    fn layer(&mut self, named: &mut Named, offset: i32, place: (usize, usize)) -> Result<(), Stop> {
        match offset {
            0 => named.layer = Some(0),
            -1 => {
                named.layer = Some(-1);
                named.parts = NameParts { base: "x".to_owned(), ..NameParts::default() };
            }
            _ => {
                let span = self.sequence.span(place.0, place.1);
                let message = "only the layer below is known";
                return self.fail(Code::UnexpectedToken, message, span, None);
            }
        }
        Ok(())
    }

    /// `h_t-1`, written without a blank: as it stands one less than `h_t`, and hardly meant so.
    fn lost_braces(&mut self, sign: usize, time: usize) -> Result<(), Stop> {
        let token = |index: usize| self.sequence.tokens.get(index).filter(|_| index < self.end);
        let (Some(sign), Some(letter), Some(minus), Some(number)) =
            (token(sign), token(time), token(time + 1), token(time + 2))
        else {
            return Ok(());
        };
        // The parts of a Rust identifier have one place.
        let written = sign.span != letter.span && letter.span.end == minus.span.start;
        if written
            && minus.kind == TokenKind::Minus
            && matches!(number.kind, TokenKind::Number { whole: Some(1..=9), .. })
            && !minus.spaced
            && !number.spaced
        {
            let message = "the index ends before the sign: this reads as one value less a number";
            let help = "write `h_{t-1}` for the step before, and blanks, `h_t - 1`, for a difference";
            return self.fail(Code::LostIndex, message, letter.span.to(number.span), Some(help.to_owned()));
        }
        Ok(())
    }

    fn subscript(&mut self, named: &mut Named) -> Result<(), Stop> {
        let (start, end, over) = self.script_range()?;
        if start == self.position + 1 && end == start + 1 && self.time(start, end) == Some(0) {
            self.lost_braces(self.position, start)?;
        }
        for (start, end) in self.sequence.parts(start, end) {
            let (inner_start, inner_end, _) = self.sequence.without_brackets(start, end);
            let index = self.sequence.index(inner_start, inner_end);
            if index.is_some_and(|index| {
                index.offset < 0 && self.convention.second.as_deref() == Some(index.letter)
            }) {
                let span = self.sequence.span(start, end);
                let message = "this is a recursion along a second index";
                let help =
                    Some("a cell is one step in time: write out the steps along this index".to_owned());
                return self.fail(Code::SecondIndex, message, span, help);
            }
            if let Some(time) = self.time(inner_start, inner_end) {
                self.set_time(named, time, (start, end))?;
            } else {
                self.check_index(inner_start, inner_end)?;
                let label = self.label(named, inner_start, inner_end)?;
                if !label.is_empty() {
                    named.parts.labels.push(label);
                }
            }
        }
        self.position = over;
        Ok(())
    }

    /// `h_{1-t}`, `h_{t_{-1}}`, `h_{t-k}`: arithmetic with the time that is no step before or behind this one; as a
    /// label it would be a name of its own. So would the sign that an empty index leaves, as in `W x_ + b`.
    fn check_index(&mut self, start: usize, end: usize) -> Result<(), Stop> {
        self.check_distance(start, end)?;
        let kinds = || (start..end).filter_map(|index| self.sequence.kind(index));
        let sign = |kind: &TokenKind| matches!(kind, TokenKind::Plus | TokenKind::Minus);
        let time =
            |kind: &TokenKind| matches!(kind, TokenKind::Word { text, .. } if *text == self.convention.time);
        let lists =
            kinds().any(|kind| matches!(kind, TokenKind::Colon | TokenKind::Arrow | TokenKind::Equals));
        let span = self.sequence.span(start, end);
        // `z_ * h_{t-1}`; a star directly behind `_` is a label.
        let product = matches!(self.sequence.kind(start), Some(TokenKind::Product(_)))
            && self.sequence.tokens.get(start).is_some_and(|token| token.spaced);
        if start + 1 == end
            && (kinds().any(sign) || product)
            && self.sequence.kind(start + 1) != Some(&TokenKind::Close(Bracket::Brace))
        {
            let help = Some("write the index behind `_`, as in `x_t`".to_owned());
            return self.fail(Code::ExpectedValue, "an index is missing: a sign follows `_`", span, help);
        }
        // `h_{2t}`, `h_{t/2}`: another clock.
        let scaled = kinds().any(|kind| *kind == TokenKind::Slash)
            || matches!(self.sequence.kind(start), Some(TokenKind::Number { .. }));
        if kinds().any(time) && (kinds().any(sign) || scaled) && !lists {
            let message = "this index is neither a step, such as `t` or `t-1`, nor a label";
            let help = "write `h_{t-1}` for the step before; a delay is a number";
            return self.fail(Code::UnexpectedToken, message, span, Some(help.to_owned()));
        }
        Ok(())
    }

    fn superscript(&mut self, named: &mut Named) -> Result<(), Stop> {
        let (start, end, over) = self.script_range()?;
        if self.is_transpose(start, end) {
            named.transposed = true;
            self.position = over;
            return Ok(());
        }
        let (inner_start, inner_end, bracketed) = self.sequence.without_brackets(start, end);
        let mut parts = self.sequence.parts(start, end);
        // `W^{(i, t)}`: the brackets are around the list.
        let listed = self.sequence.parts(inner_start, inner_end);
        let inside = bracketed && listed.len() > 1;
        if inside {
            parts = listed;
        }
        let several = parts.len() > 1;
        // `e^{x}_t` is a name as `e_t^{x}` is.
        let indexed = named.time.is_some() || self.sequence.kind(over) == Some(&TokenKind::Subscript);
        for (start, end) in parts {
            if inside && let Some(time) = self.time(start, end) {
                self.set_time(named, time, (start, end))?;
                continue;
            }
            self.superscript_part(named, start, end, several, indexed)?;
        }
        self.position = over;
        Ok(())
    }

    fn superscript_part(
        &mut self,
        named: &mut Named,
        start: usize,
        end: usize,
        several: bool,
        indexed: bool,
    ) -> Result<(), Stop> {
        let (from, to, bracketed) = self.sequence.without_brackets(start, end);
        if let Some(index) = self.sequence.index(from, to) {
            if index.letter == self.convention.time
                && (bracketed || index.offset != 0 || self.convention.time_above)
            {
                return self.set_time(named, index.offset, (start, end));
            }
            if index.letter == self.convention.time && index.letter == "t" && !several {
                let span = self.sequence.span(start, end);
                let message = "the time `t` stands above a name, but elsewhere below";
                let help = "write an index as `h_t`, and a transpose as `W^\\top`; a power of the time is outside the \
                            language";
                return self.fail(Code::LostIndex, message, span, Some(help.to_owned()));
            }
            if self.convention.layer.as_deref() == Some(index.letter) {
                return self.layer(named, index.offset, (start, end));
            }
        }
        let single = to == from + 1;
        let euler = named.parts.base == "e" && !self.convention.letter_e && !indexed;
        match self.sequence.kind(from) {
            // `h_t^{(0)}`, where layers are counted, is the input of the first, and `h_t^{(L)}` the value of the last.
            Some(TokenKind::Number { whole: Some(0), .. })
                if single && self.convention.layer.is_some() && indexed =>
            {
                return self.layer(named, -1, (start, end));
            }
            Some(TokenKind::Word { text, .. }) if single && indexed && self.is_last_layer(text) => {
                return self.layer(named, 0, (start, end));
            }
            Some(TokenKind::Number { whole: Some(number), .. }) if single && !euler => {
                if bracketed || several || named.parts.superscript.is_some() {
                    named.parts.labels_above.push(number.to_string());
                } else {
                    named.parts.superscript = Some(*number);
                }
                return Ok(());
            }
            Some(TokenKind::Product(ProductSign::Asterisk)) if single => {
                named.parts.labels_above.push("star".to_owned());
                return Ok(());
            }
            Some(TokenKind::Plus) if single => {
                named.parts.labels_above.push("plus".to_owned());
                return Ok(());
            }
            Some(TokenKind::Minus) if single => {
                let span = self.sequence.span(start, end);
                let message = "a minus sign above a name is no accent";
                let help = Some("write `\\bar{h}` or `\\tilde{h}`".to_owned());
                return self.fail(Code::DanglingSign, message, span, help);
            }
            _ => {}
        }
        if (from..to).all(|index| matches!(self.sequence.kind(index), Some(TokenKind::Mark(_)))) && from < to
        {
            for index in from..to {
                if let Some(TokenKind::Mark(mark)) = self.sequence.kind(index) {
                    named.parts.decorations.push((*mark).to_owned());
                }
            }
            return Ok(());
        }
        if self.is_label(from, to)
            && !euler
            && !(!several && !indexed && self.is_timed_power(named, from, to))
        {
            let label = self.label(named, from, to)?;
            named.parts.labels_above.push(label);
            return Ok(());
        }
        if several {
            let span = self.sequence.span(start, end);
            return self.fail(Code::UnexpectedToken, "this script is neither a label nor a time", span, None);
        }
        let power = self.within((start, end, end), Self::expression)?;
        if named.power.replace(Box::new(power)).is_some() {
            let span = self.sequence.span(start, end);
            return self.fail(Code::DoubleIndex, "a second power on one name", span, None);
        }
        Ok(())
    }

    /// `\alpha^{c r_t}`: no label is a product with a value of a step in it. Those of weights may name such values
    /// ([`Self::label`]), and a value of a step, `x_t^{i_t}`, may have any other one above it.
    fn is_timed_power(&self, named: &Named, start: usize, end: usize) -> bool {
        if named.parts.is_weight() {
            return false;
        }
        let (mut index, mut timed) = (start, false);
        while index < end {
            if matches!(self.sequence.kind(index), Some(TokenKind::Number { .. })) {
                index += 1;
                continue;
            }
            let Some(after) = self.sequence.after_name(index).filter(|after| *after <= end) else {
                return false;
            };
            timed |= (index..after).any(|sign| {
                self.sequence.kind(sign) == Some(&TokenKind::Subscript)
                    && self
                        .sequence
                        .script(sign + 1)
                        .is_some_and(|(from, to, over)| over == after && self.time(from, to).is_some())
            });
            index = after;
        }
        timed
    }

    /// True where the tokens read as a label: words, digits, decorations, arrows; no operator.
    fn is_label(&self, start: usize, end: usize) -> bool {
        start < end
            && (start..end).all(|index| {
                matches!(
                    self.sequence.kind(index),
                    Some(
                        TokenKind::Word { .. }
                            | TokenKind::Number { whole: Some(_), .. }
                            | TokenKind::Function(..)
                            | TokenKind::Mark(_)
                            | TokenKind::Accent(_)
                            | TokenKind::Arrow
                            | TokenKind::Open(Bracket::Brace)
                            | TokenKind::Close(Bracket::Brace)
                            | TokenKind::Subscript
                    )
                )
            })
            && !matches!(self.sequence.kind(start), Some(TokenKind::Number { .. }) if end > start + 1)
    }

    /// The canonical form of a label. That of a weight may name a value of a step, `W_{x_t}`.
    fn label(&mut self, named: &Named, start: usize, end: usize) -> Result<String, Stop> {
        let of_weight = named.parts.is_weight();
        let mut label = String::new();
        let mut accent: Option<&str> = None;
        let has = |kind: &TokenKind| (start..end).any(|index| self.sequence.kind(index) == Some(kind));
        if has(&TokenKind::Plus) && has(&TokenKind::Subscript) {
            // `W_{hh + b_h}`: what follows the weight has slipped into its label.
            let span = self.sequence.span(start, end);
            let help = Some("close the brace before the sum: `W_{hh} + b_h`".to_owned());
            return self.fail(Code::UnexpectedToken, "a sum of names stands in a label", span, help);
        }
        for index in start..end {
            let Some(kind) = self.sequence.kind(index) else { break };
            match kind {
                TokenKind::Word { text, .. } => {
                    label.push_str(text);
                    if let Some(accent) = accent.take() {
                        label.push('_');
                        label.push_str(accent);
                    }
                }
                TokenKind::Function(_, spelled) => label.push_str(&spelled.replace([' ', '-'], "_")),
                TokenKind::Number { whole: Some(number), .. } => label.push_str(&number.to_string()),
                TokenKind::Accent(found) => accent = Some(found),
                TokenKind::Mark(mark) => {
                    label.push('_');
                    label.push_str(mark);
                }
                TokenKind::Subscript | TokenKind::Superscript | TokenKind::Comma => label.push('_'),
                TokenKind::Arrow => label.push_str("_to_"),
                TokenKind::Plus => label.push_str("_plus_"),
                TokenKind::Minus => label.push_str("_minus_"),
                TokenKind::Product(ProductSign::Asterisk | ProductSign::Hadamard) => label.push_str("star"),
                TokenKind::Bar => label.push_str("_bar_"),
                TokenKind::Slash => label.push_str("_over_"),
                TokenKind::Period => label.push('_'),
                TokenKind::Open(_) | TokenKind::Close(_) => {}
                TokenKind::Unknown | TokenKind::Foreign => return Err(Stop),
                other => {
                    let span = self.sequence.span(index, index + 1);
                    let message = format!("{} is no part of a label", describe(other));
                    let help = super::pratt::outside(other).1;
                    return self.fail(Code::UnexpectedToken, message, span, help);
                }
            }
        }
        let parts = || label.split('_').filter(|part| !part.is_empty());
        if !of_weight && parts().any(|part| part == "t") {
            // `\gamma_{x_t}`, `x_{t'}`: neither a value of this step nor a name without time.
            let span = self.sequence.span(start, end);
            let help = "write the time as an index of its own: `\\gamma_{x,t}` for a label beside it, `h_{t-1}` for the \
                        step before";
            return self.fail(
                Code::UnexpectedToken,
                "the time stands within another index",
                span,
                Some(help.to_owned()),
            );
        }
        // A part `t` would read as the time.
        Ok(parts().map(|part| if part == "t" { "time" } else { part }).collect::<Vec<_>>().join("_"))
    }
}

/// Words for the step before.
pub(crate) fn is_previous(label: &str) -> bool {
    matches!(label, "prev" | "previous" | "old")
}

/// Puts accents over a base, the innermost first.
fn decorate(mut named: Named, mut accents: Vec<&'static str>) -> Named {
    accents.reverse();
    named.parts.decorations.extend(accents.into_iter().map(str::to_owned));
    named
}
