//! What the words around a formula in a line of text say of it: `If $\alpha = 0$, …` gives no value to `\alpha`.
//!
//! Only the clause that the formula stands in is looked at, back to a full stop, a blank line or a comma behind words; formulas
//! between are skipped, so that `If $A = I$ and $B = 0$, …` speaks of a case twice.

use std::collections::HashSet;

use super::find::Block;

/// Words after which a formula holds in one case, is a choice among others or one of the training, and how many words stand
/// between at most: `if one sets`, `when we choose`, `We initialise the bias of the gate to`.
const CASES: [(&str, usize); 35] = [
    ("if", 3),
    ("when", 3),
    ("whenever", 3),
    ("unless", 3),
    ("suppose", 3),
    ("could", 3),
    ("might", 3),
    ("alternatively", 3),
    ("initialise", 6),
    ("initialised", 6),
    ("initialises", 6),
    ("initialising", 6),
    ("initialisation", 6),
    ("initialize", 6),
    ("initialized", 6),
    ("initializes", 6),
    ("initializing", 6),
    ("initialization", 6),
    ("start", 3),
    ("starts", 3),
    ("for", 0),
    ("setting", 0),
    ("case", 1),
    ("limit", 1),
    ("assuming", 1),
    ("baseline", 2),
    ("corresponds", 2),
    ("choosing", 0),
    ("choice", 2),
    ("compared", 1),
    ("contrast", 2),
    ("without", 3),
    ("training", 1),
    ("learned", 4),
    ("tried", 0),
];

/// Words around a formula that holds unless the text says something else: `Unless stated otherwise, $\alpha = 0.9$`.
const BY_DEFAULT: [&str; 5] = ["stated", "noted", "specified", "mentioned", "indicated"];

/// Two words before a formula that is of the training.
const OF_TRAINING: [[&str; 2]; 4] =
    [["batch", "size"], ["batch", "sizes"], ["weight", "decay"], ["dropout", "rate"]];

/// Words behind a formula, in its sentence, that say of which case it speaks: `With $\alpha = 0$ we recover …`.
const RECOVERS: [&str; 8] =
    ["corresponds", "recover", "recovers", "recovered", "reduces", "reduce", "degenerates", "collapses"];

/// Words directly behind a formula that holds for some arguments: `$g(x) = x$ if $x > 0$`.
const PIECES: [&str; 5] = ["if", "when", "whenever", "unless", "otherwise"];

/// Words behind a formula in which [`RECOVERS`] are looked for.
const WORDS_BEHIND: usize = 8;

/// Words between `output` and its formula at most.
const WORDS_OF_OUTPUT: usize = 6;

/// Bytes before and behind a formula that are looked at.
const MAXIMUM_BYTES: usize = 256;

/// Where formulas begin of which the words around them say more than they do.
#[derive(Debug, Default)]
pub(crate) struct Said {
    /// They hold in a case only, where learning begins, or for the training.
    pub(crate) cases: HashSet<usize>,
    /// They are the output.
    pub(crate) outputs: HashSet<usize>,
    /// They count something: `$W = 4$ workers`.
    pub(crate) counts: HashSet<usize>,
}

/// What the text says of its `inline` formulas.
pub(crate) fn said(text: &str, inline: &[Block]) -> Said {
    let mut said = Said::default();
    for (at, block) in inline.iter().enumerate() {
        let before = words_before(text, &inline[..at], block.outer.start);
        let behind = words_behind(text, &inline[at + 1..], block.outer.end);
        let start = block.range.start;
        let near = |(between, word): (usize, &String)| {
            CASES.iter().any(|(case, most)| case == word && between <= *most)
        };
        let of_training = || matches!(before.as_slice(), [last, first, ..] if OF_TRAINING.iter().any(|pair| pair == &[first, last]));
        let one_of = |words: &[String], list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
        let at_first = behind.words.iter().take(2).any(|word| word.starts_with("initial"));
        let by_default = one_of(&before, &BY_DEFAULT) || one_of(&behind.words, &BY_DEFAULT);
        let in_a_case =
            before.iter().enumerate().any(near) || behind.in_pieces || one_of(&behind.words, &RECOVERS);
        if of_training() || at_first || in_a_case && !by_default {
            said.cases.insert(start);
        }
        if behind.counts {
            said.counts.insert(start);
        }
        let mut output = before.iter().take(WORDS_OF_OUTPUT + 1).enumerate();
        let is_output = |(at, word): (usize, &String)| {
            let gate = at > 0 && before[at - 1].starts_with("gat");
            matches!(word.as_str(), "output" | "outputs") && !gate
        };
        if output.any(is_output) {
            said.outputs.insert(start);
        }
    }
    said
}

/// What stands behind a formula.
struct Behind {
    words: Vec<String>,
    in_pieces: bool,
    /// The first word is that of several things.
    counts: bool,
}

/// The words behind a formula in its sentence, in lower case; `after` it these formulas.
fn words_behind(text: &str, after: &[Block], end: usize) -> Behind {
    let mut formulas = after.iter().peekable();
    let mut behind = Behind { words: Vec::new(), in_pieces: false, counts: false };
    let (mut position, mut directly) = (end, true);
    let reach = end.saturating_add(MAXIMUM_BYTES);
    while position < reach && behind.words.len() < WORDS_BEHIND {
        if let Some(formula) = formulas.next_if(|formula| formula.outer.start <= position) {
            // `for $x > 0$`.
            let inside = text.get(formula.range.clone()).unwrap_or("");
            let bounds = ['<', '>', '≤', '≥'].iter().any(|sign| inside.contains(*sign))
                || ["\\le", "\\ge", "\\lt", "\\gt"].iter().any(|sign| inside.contains(sign));
            behind.in_pieces |= bounds && directly && behind.words.len() == 1 && behind.words[0] == "for";
            position = position.max(formula.outer.end);
            continue;
        }
        let Some(rest) = text.get(position..).filter(|rest| !rest.is_empty()) else { break };
        let length = rest.find(|next: char| !next.is_alphanumeric()).unwrap_or(rest.len());
        if length > 0 {
            behind.words.push(rest[..length].to_lowercase());
            behind.in_pieces |=
                directly && behind.words.len() == 1 && PIECES.contains(&behind.words[0].as_str());
            behind.counts |=
                directly && behind.words.len() == 1 && length > 3 && rest[..length].ends_with('s');
            position += length;
            continue;
        }
        let Some(sign) = rest.chars().next() else { break };
        if matches!(sign, '.' | ';' | ':' | '!' | '?' | '$') || rest.starts_with("\n\n") {
            break;
        }
        directly &= sign.is_whitespace();
        position += sign.len_utf8();
    }
    behind
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
    use super::said;
    use crate::source::Syntax;
    use crate::source::find::{Block, Place, find};

    #[test]
    fn what_a_formula_is_for_is_told_by_the_words_around_it() {
        let told = |text: &str| {
            let blocks = find(text, Syntax::Markdown).blocks;
            let inline: Vec<Block> =
                blocks.into_iter().filter(|block| block.place == Place::Inline).collect();
            let said = said(text, &inline);
            let letter = |block: &Block| match block.range.start {
                start if said.cases.contains(&start) => 'c',
                start if said.outputs.contains(&start) => 'o',
                _ => '-',
            };
            inline.iter().map(letter).collect::<String>()
        };
        assert_eq!(told("If $A = I$, $B = 0$ and $C = 1$, it is linear. Here $D = 2$."), "ccc-");
        assert_eq!(told("It is linear when one sets $A = I$; otherwise $B = 1$."), "c-");
        assert_eq!(told("We initialise the bias of the gate to $b = 1$, with $c = 2$."), "c-");
        assert_eq!(told("It stays when nothing comes at night with $b = 1$."), "-");
        assert_eq!(told("If it rains\n\n$b = 1$ and $c = 2$"), "--");
        assert_eq!(told("One could also use $s = \\tanh$, but $a = 1$."), "c-");
        assert_eq!(told("Wenn é, $a = 1$; if\n$b = 1$"), "-c");
        assert_eq!(told("For $a = 1$ it is linear; with $b = 0$ we recover the LSTM. Then $c = 1$."), "cc-");
        assert_eq!(told("where $g(x) = x$ if $x > 0$ and $f(x) = 0$ otherwise"), "ccc");
        assert_eq!(told("where $g(x) = x$ for $x \\ge 0$; $f(x) = x$ for all"), "cc-");
        assert_eq!(told("with batch size $b = 32$ and weight decay $c = 0.1$ at $d = 1$"), "cc-");
        assert_eq!(told("Unless otherwise stated, $a = 1$, and $b = 2$ unless noted otherwise."), "--");
        assert_eq!(told("with $a = 1$ at initialisation, choosing $b = 0$ and compared with $c = 1$"), "ccc");
        assert_eq!(told("The output of the layer is $o_t = g h$; the output gate is $g = 1$."), "o-");
    }
}
