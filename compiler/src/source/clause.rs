//! What the words before a formula in a line of text say of it: `If $\alpha = 0$, …` gives no value to `\alpha`.
//!
//! Only the clause that the formula stands in is looked at, back to a full stop, a blank line or a comma behind words; formulas
//! between are skipped, so that `If $A = I$ and $B = 0$, …` speaks of a case twice.

use std::collections::HashSet;

use super::find::Block;

/// Words after which a formula holds in one case, or is a choice among others.
const CASES: [&str; 8] = ["if", "when", "whenever", "unless", "suppose", "could", "might", "alternatively"];

/// Words that stand between one of those and its formula at most: `if one sets`, `when we choose`.
const BETWEEN: usize = 3;

/// How a word begins after which a formula says where learning starts, and the words between at most: `We initialise the bias of
/// the gate to`.
const LEARNING: (&str, usize) = ("initiali", 6);

/// Bytes before a formula that are looked at.
const MAXIMUM_BYTES: usize = 256;

/// Where those of the `inline` formulas begin of which the text says before that they hold in a case only, or at first.
pub(crate) fn cases(text: &str, inline: &[Block]) -> HashSet<usize> {
    let holds_in_a_case = |&at: &usize| {
        let words = words_before(text, &inline[..at], inline[at].outer.start);
        let mut near = words.iter().enumerate();
        near.any(|(between, word)| {
            CASES.contains(&word.as_str()) && between <= BETWEEN
                || word.starts_with(LEARNING.0) && between <= LEARNING.1
        })
    };
    (0..inline.len()).filter(holds_in_a_case).map(|at| inline[at].range.start).collect()
}

/// The words before a formula in its clause, in lower case, the last one first, without `and`; `before` it these formulas.
fn words_before(text: &str, before: &[Block], start: usize) -> Vec<String> {
    let mut formulas = before.iter().rev().peekable();
    let floor = start.saturating_sub(MAXIMUM_BYTES);
    let (mut words, mut word) = (Vec::new(), String::new());
    let (mut end, mut blank) = (start, false);
    while end > floor {
        if let Some(formula) = formulas.next_if(|formula| formula.outer.end >= end) {
            keep(&mut word, &mut words);
            end = end.min(formula.outer.start);
            continue;
        }
        let Some(character) = text.get(..end).and_then(|before| before.chars().next_back()) else { break };
        end -= character.len_utf8();
        let empty_line = character == '\n' && std::mem::replace(&mut blank, true);
        blank &= character.is_whitespace();
        if character.is_alphanumeric() {
            word.extend(character.to_lowercase());
            continue;
        }
        keep(&mut word, &mut words);
        let ends = match character {
            '.' | ';' | ':' | '!' | '?' | '$' | '|' => true,
            ',' => !words.is_empty(),
            _ => empty_line,
        };
        if ends {
            return words;
        }
    }
    keep(&mut word, &mut words);
    words
}

/// Takes over a word that was read from its end on.
fn keep(word: &mut String, words: &mut Vec<String>) {
    let read: String = std::mem::take(word).chars().rev().collect();
    if !read.is_empty() && read != "and" {
        words.push(read);
    }
}

#[cfg(test)]
mod tests {
    use super::cases;
    use crate::source::Syntax;
    use crate::source::find::{Block, Place, find};

    #[test]
    fn cases_and_first_values_are_told_by_the_words_before() {
        let told = |text: &str| {
            let blocks = find(text, Syntax::Markdown).blocks;
            let inline: Vec<Block> =
                blocks.into_iter().filter(|block| block.place == Place::Inline).collect();
            let cases = cases(text, &inline);
            inline
                .iter()
                .map(|block| if cases.contains(&block.range.start) { 'c' } else { '-' })
                .collect::<String>()
        };
        assert_eq!(told("If $A = I$, $B = 0$ and $C = 1$, it is linear. Here $D = 2$."), "ccc-");
        assert_eq!(told("It is linear when one sets $A = I$; otherwise $B = 1$."), "c-");
        assert_eq!(told("We initialise the bias of the gate to $b = 1$, with $c = 2$."), "c-");
        assert_eq!(told("It stays when nothing comes at night with $b = 1$."), "-");
        assert_eq!(told("If it rains\n\n$b = 1$ and $c = 2$"), "--");
        assert_eq!(told("One could also use $s = \\tanh$, but $a = 1$."), "c-");
        assert_eq!(told("Wenn é, $a = 1$; if\n$b = 1$"), "-c");
    }
}
