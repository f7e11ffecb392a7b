//! Functions that the words of a text name: `where $\phi$ denotes the hyperbolic tangent`, `$\sigma$ and $g$ are the sigmoid and
//! tanh functions`.
//!
//! # Invariants
//!
//! - What equations define, declare or index by the time is what they say, whatever the words are.
//! - Only a name that equations read is bound, with a note; one that is said to be two functions is not.
//! - Words that leave a choice, `such as`, `usually`, `or`, bind nothing; nor does what holds in a case only.

use std::collections::{BTreeMap, BTreeSet};

use super::ast::{ExpressionKind, Function, Statement, StatementKind};
use super::convention::Convention;
use super::find::{Block, Found, Place};
use super::{Reading, clause, conventions, finding, inline, name, read_one, read_with};
use crate::diagnostic::{Code, Diagnostic};
use crate::span::Span;

/// Functions by their names in words, longer ones before those that they begin with; and how each is written.
const FUNCTIONS: [(&[&str], &str); 19] = [
    (&["logistic", "sigmoid"], "sigmoid"),
    (&["sigmoid"], "sigmoid"),
    (&["logistic"], "sigmoid"),
    (&["hyperbolic", "tangent"], "tanh"),
    (&["tanh"], "tanh"),
    (&["rectified", "linear", "unit"], "relu"),
    (&["rectified", "linear"], "relu"),
    (&["rectifier"], "relu"),
    (&["relu"], "relu"),
    (&["exponential", "linear", "unit"], "elu"),
    (&["elu"], "elu"),
    (&["selu"], "selu"),
    (&["gelu"], "gelu"),
    (&["silu"], "silu"),
    (&["swish"], "silu"),
    (&["softplus"], "softplus"),
    (&["softsign"], "softsign"),
    (&["softmax"], "softmax"),
    (&["hard", "sigmoid"], "hard_sigmoid"),
];

/// Words between a name and what it is.
const VERBS: [&str; 10] =
    ["is", "are", "denotes", "denote", "represents", "represent", "being", "as", "means", "indicates"];

/// Those of them that are said of several names.
const OF_SEVERAL: [&str; 5] = ["are", "denote", "represent", "being", "stand"];

/// Words that say nothing of which function it is, before its name and behind it.
const AROUND: [&str; 31] = [
    "the",
    "a",
    "an",
    "our",
    "here",
    "simply",
    "usual",
    "standard",
    "common",
    "well",
    "known",
    "element",
    "elementwise",
    "wise",
    "point",
    "pointwise",
    "component",
    "componentwise",
    "entrywise",
    "nonlinear",
    "non",
    "linear",
    "linearity",
    "activation",
    "activations",
    "function",
    "functions",
    "nonlinearity",
    "nonlinearities",
    "squashing",
    "both",
];

/// Words behind the name of a function after which it is not that function, or not that alone.
const OTHERWISE: [&str; 12] =
    ["or", "like", "shaped", "type", "style", "variant", "derivative", "of", "with", "applied", "in", "on"];

/// Words that are read behind a name at most.
const MAXIMUM_WORDS: usize = 24;

/// Longest formula that is a name, in bytes.
const MAXIMUM_NAME: usize = 48;

/// Binds the functions of `reading`, which was read of `blocks`, that words name.
pub(super) fn bind(text: &str, found: &Found, blocks: &[Block], mut reading: Reading) -> Reading {
    let is_of_text = |block: &&Block| matches!(block.place, Place::Inline | Place::Span);
    let lines: Vec<Block> = found.blocks.iter().filter(is_of_text).cloned().collect();
    report_operators(text, &lines, &mut reading);
    let named = named(text, &lines);
    if named.is_empty() {
        return reading;
    }
    let convention = conventions(text, blocks);
    let own = Convention { own_sigma: true, ..convention.clone() };
    // By the name; `None` for one that is said to be two functions.
    let mut functions: BTreeMap<String, Option<(Statement, Function)>> = BTreeMap::new();
    for (at, written) in named {
        let Some((name, statement, function)) = function(text, &lines[at], written, &own) else { continue };
        let first = functions.entry(name).or_insert_with(|| Some((statement, function)));
        if first.as_ref().is_some_and(|(_, other)| *other != function) {
            *first = None;
        }
    }
    let sigma = functions.get("sigma").and_then(Option::as_ref);
    if sigma.is_some_and(|(_, function)| *function != Function::Sigmoid)
        && !convention.own_sigma
        && !reading.known_sigma
        && inline::applies_sigmoid(&reading.statements)
    {
        let again = read_with(text, blocks, &own);
        if open(&again.statements).contains("sigma") {
            reading = again;
        }
    }
    if functions.get("sigma").is_some_and(Option::is_none) && inline::applies_sigmoid(&reading.statements) {
        let message = "the text says that `sigma` is several functions: it is the logistic one here";
        let place = reading.statements.first().map_or(Span::default(), |first| first.span);
        reading.diagnostics.push(finding(Code::SpokenFunction, message, place));
    }
    let open = open(&reading.statements);
    for (name, said) in functions {
        if let Some((statement, function)) = said
            && open.contains(&name)
        {
            let message = format!("`{name}` is `{}` here, as the text says", name::function_name(function));
            reading.diagnostics.push(finding(Code::SpokenFunction, message, statement.span));
            reading.statements.push(statement);
        }
    }
    reading
}

/// `$D(\cdot)$`: a function of which the text says no more. Equations that read the name would take it for a weight.
fn report_operators(text: &str, lines: &[Block], reading: &mut Reading) {
    let name = |block: &Block| {
        let inside = text.get(block.range.clone())?.trim();
        let name = inside.strip_suffix("(\\cdot)").or_else(|| inside.strip_suffix("(·)"))?;
        let word = name.trim_matches(['\\', '{', '}', ' ']);
        word.chars().all(char::is_alphanumeric).then(|| (word.to_owned(), block.range.clone()))
    };
    let operators: BTreeMap<String, _> = lines.iter().filter_map(name).collect();
    if operators.is_empty() {
        return;
    }
    let open = open(&reading.statements);
    for (word, range) in operators.into_iter().filter(|(word, _)| open.contains(word)) {
        let place = super::text::place(0, range.start, range.end);
        let message = format!("`{word}` is a function here, and nothing says which");
        let help = format!("add a line such as `{word} = \\tanh`, or leave it out of the equations");
        reading
            .diagnostics
            .push(Diagnostic { help: Some(help), ..finding(Code::UnboundActivation, message, place) });
    }
}

/// The names that statements read, never at a step, and of which they do not say what they are.
pub(crate) fn open(statements: &[Statement]) -> BTreeSet<String> {
    let (mut read, mut said) = (BTreeSet::new(), BTreeSet::new());
    for statement in statements {
        let value = match &statement.kind {
            StatementKind::Definition { target, value } => {
                said.insert(&target.name.canonical);
                value
            }
            StatementKind::Function { name, parameter, body, .. } => {
                said.insert(&name.canonical);
                said.extend(parameter.as_ref().map(|parameter| &parameter.name.canonical));
                body
            }
            StatementKind::Declaration { target, .. } | StatementKind::Mark { target, .. } => {
                said.insert(&target.name.canonical);
                continue;
            }
        };
        inline::references(value, &mut |reference| {
            let names = if reference.time.is_none() { &mut read } else { &mut said };
            names.insert(&reference.name.canonical);
        });
    }
    read.difference(&said).map(|name| (*name).clone()).collect()
}

/// `NAME = FUNCTION` as a statement that stands where the name does, with the name and the function.
fn function(
    text: &str,
    name: &Block,
    written: &str,
    own: &Convention,
) -> Option<(String, Statement, Function)> {
    let inside = text.get(name.range.clone())?;
    let line = format!("{} = \\operatorname{{{written}}}", without_argument(inside));
    let all = 0..line.len();
    let block = Block { range: all.clone(), outer: all, ..name.clone() };
    let statements = read_one(&line, &block, own).statements;
    let [Statement { kind: StatementKind::Function { name: bound, body, .. }, .. }] = statements.as_slice()
    else {
        return None;
    };
    let ExpressionKind::FunctionName(function) = body.kind else { return None };
    let canonical = bound.canonical.clone();
    let mut statement = statements.into_iter().next()?;
    let place = super::text::place(0, name.range.start, name.range.end);
    statement.span = place;
    if let StatementKind::Function { name_span, body, .. } = &mut statement.kind {
        (*name_span, body.span) = (place, place);
    }
    Some((canonical, statement, function))
}

/// `f(\cdot)` without its parentheses.
fn without_argument(inside: &str) -> &str {
    match inside.trim().strip_suffix(')').and_then(|inside| inside.split_once('(')) {
        Some((name, _)) => name,
        None => inside,
    }
}

/// Formulas that are names of functions, by number, and how these are written.
fn named(text: &str, lines: &[Block]) -> Vec<(usize, &'static str)> {
    let cases = clause::said(text, lines).cases;
    let (mut found, mut at, mut chained) = (Vec::new(), 0, false);
    while let Some(first) = lines.get(at) {
        let mut words = Words { text, lines, at, position: first.outer.start, read: 0 };
        let named = words.clause(chained).filter(|_| !cases.contains(&first.range.start));
        // `$\sigma$ is the sigmoid and $\phi$ the hyperbolic tangent`.
        let mut next = words;
        next.separator();
        chained = named.is_some() && next.formula().is_some();
        found.extend(named.into_iter().flatten());
        at = words.at.max(at + 1);
    }
    found
}

/// A text word by word, from a formula on.
#[derive(Clone, Copy)]
struct Words<'t> {
    text: &'t str,
    lines: &'t [Block],
    /// The formula that comes next.
    at: usize,
    position: usize,
    read: usize,
}

impl<'t> Words<'t> {
    /// Names, a verb, and as many functions as names or one for all.
    fn clause(&mut self, chained: bool) -> Option<Vec<(usize, &'static str)>> {
        let mut names = vec![self.formula()?];
        loop {
            let mut further = *self;
            if !further.separator() {
                break;
            }
            let Some(name) = further.formula() else { break };
            names.push(name);
            *self = further;
        }
        let mut verb = *self;
        let word = verb.word()?;
        match word.as_str() {
            "stands" | "stand" if verb.word()? == "for" => *self = verb,
            word if VERBS.contains(&word) => *self = verb,
            "the" if chained => {}
            _ => return None,
        }
        if !OF_SEVERAL.contains(&word.as_str()) {
            // `the weights $W$, and $\phi$ is tanh`.
            names.drain(..names.len() - 1);
        }
        let mut functions = vec![self.function()?];
        while functions.len() < names.len() {
            let mut further = *self;
            further.separator();
            let Some(function) = further.function() else { break };
            functions.push(function);
            *self = further;
        }
        match functions.as_slice() {
            [function] => Some(names.into_iter().map(|name| (name, *function)).collect()),
            functions if functions.len() == names.len() => {
                Some(names.into_iter().zip(functions.iter().copied()).collect())
            }
            _ => None,
        }
    }

    /// The name of a function with what stands around it.
    fn function(&mut self) -> Option<&'static str> {
        self.pass_around();
        let (behind, written) = self.function_in_a_formula().or_else(|| {
            FUNCTIONS.iter().find_map(|(spoken, written)| {
                let mut words = *self;
                spoken
                    .iter()
                    .all(|spoken| words.word().as_deref() == Some(*spoken))
                    .then_some((words, *written))
            })
        })?;
        *self = behind;
        self.pass_around();
        let mut next = *self;
        next.word().is_none_or(|word| !OTHERWISE.contains(&word.as_str())).then_some(written)
    }

    /// `$\tanh$`, `$\mathrm{ReLU}$`, and the words behind it.
    fn function_in_a_formula(&self) -> Option<(Self, &'static str)> {
        let mut words = *self;
        let formula = words.formula()?;
        let inside = self.text.get(self.lines[formula].range.clone())?;
        let name = inside.rsplit(['\\', '{', ' ']).next()?.trim_end_matches('}').to_lowercase();
        let (_, written) = FUNCTIONS.iter().find(|(spoken, _)| *spoken == [name.as_str()])?;
        Some((words, written))
    }

    fn pass_around(&mut self) {
        loop {
            let mut next = *self;
            match next.word() {
                Some(word) if AROUND.contains(&word.as_str()) => *self = next,
                _ => return,
            }
        }
    }

    /// A comma, `and`, or both.
    fn separator(&mut self) -> bool {
        self.pass_blank();
        let start = self.position;
        if self.text[self.position..].starts_with(',') {
            self.position += 1;
        }
        let mut next = *self;
        if next.word().as_deref() == Some("and") {
            *self = next;
        }
        self.position > start
    }

    /// The formula that stands here.
    fn formula(&mut self) -> Option<usize> {
        self.pass_blank();
        let formula = self.lines.get(self.at)?;
        if formula.outer.start != self.position || formula.range.len() > MAXIMUM_NAME {
            return None;
        }
        self.position = formula.outer.end;
        self.at += 1;
        Some(self.at - 1)
    }

    /// The word that stands here, in lower case.
    fn word(&mut self) -> Option<String> {
        self.pass_blank();
        let rest = &self.text[self.position..];
        let length = rest.find(|next: char| !next.is_alphanumeric()).unwrap_or(rest.len());
        self.read += 1;
        if length == 0 || self.read > MAXIMUM_WORDS {
            return None;
        }
        self.position += length;
        Some(rest[..length].to_lowercase())
    }

    /// Blanks and hyphens, but no blank line.
    fn pass_blank(&mut self) {
        let rest = &self.text[self.position..];
        let length =
            rest.find(|next: char| !next.is_whitespace() && next != '-' && next != '~').unwrap_or(rest.len());
        if rest[..length].matches('\n').count() < 2 {
            self.position += length;
        }
    }
}
