//! Plain text by lines: what of each line is an equation, and what is a label, a remark or a comment mark.

use std::ops::Range;

use super::ast::Mark;
use super::name;

/// Signs that are no part of a remark.
const SIGNS: [char; 16] = ['=', '+', '_', '^', '{', '[', '*', '/', '⊙', '·', '∘', '×', '<', '>', '≤', '≥'];

/// Marks that stand before every line of a comment or a list.
const PREFIXES: [&str; 11] = ["///", "//!", "//", "#", "*", "%", "-", "|", ">", ";;", ";"];

/// How a time index begins behind its name in plain text.
const INDICES: [&str; 6] = ["_t", "_{t", "[t", "(t", "<sub>t", "ₜ"];

/// The ranges of `text` that hold equations, one for each line; empty lines are left out.
pub(crate) fn equations(text: &str) -> Vec<Range<usize>> {
    let mut lines: Vec<Range<usize>> = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let end = start + line.trim_end_matches(['\n', '\r']).len();
        lines.push(without_frame(text, trim(text, start..end)));
        start += line.len();
    }
    // Where a comment begins and ends.
    const DELIMITERS: [&str; 12] =
        ["/**", "/*", "*/", "**/", "/*!", "\"\"\"", "'''", "<!--", "-->", "r\"\"\"", "--[[", "]]"];
    if lines.iter().any(|line| is_rule(&text[line.clone()]) && text[line.clone()].contains('|')) {
        lines = lines.into_iter().flat_map(|line| cells(text, line)).collect();
    }
    lines.retain(|line| !line.is_empty() && !DELIMITERS.contains(&&text[line.clone()]));
    let prefix = common_prefix(text, &lines);
    let words = identifiers(text);
    // The line before goes on.
    let mut open = false;
    let mut kept = Vec::new();
    for mut line in lines {
        if let Some(prefix) = prefix {
            line = trim(text, line.start + prefix.len()..line.end);
        }
        if !open && let Some(length) = item_prefix(&text[line.clone()]) {
            line = trim(text, line.start + length..line.end);
        }
        line = without_bar(text, line);
        let whole = &text[line.clone()];
        if !open && is_pointer(whole) {
            continue;
        }
        let spans = if whole.contains('`') { code_spans(whole) } else { bindings(whole) };
        if !open && !spans.is_empty() {
            kept.extend(
                spans.into_iter().map(|span| trim(text, line.start + span.start..line.start + span.end)),
            );
            continue;
        }
        if is_heading(whole) || !open && (is_prose(whole, &words) || is_description(whole, &words)) {
            continue;
        }
        line = without_quotes(text, line);
        line = without_emphasis(text, line, &words);
        line = without_remark(text, line, &words);
        line = without_label(text, line);
        if !line.is_empty() {
            open = !balanced(&text[line.clone()]);
            kept.push(line);
        }
    }
    kept
}

/// `│ z_t = σ(W_z x_t) │`: a line of a box drawn around the equations; nothing of one that is the box itself, with its
/// title or without.
fn without_frame(text: &str, line: Range<usize>) -> Range<usize> {
    let whole = &text[line.clone()];
    let frame = |next: char| matches!(next, '\u{2500}'..='\u{257f}');
    if is_pointer(whole) || !whole.contains(frame) {
        return line;
    }
    if whole.starts_with(['┌', '╔', '╭', '├', '╠', '└', '╚', '╰'])
        && whole.ends_with(['┐', '╗', '╮', '┤', '╣', '┘', '╝', '╯'])
    {
        return line.start..line.start;
    }
    let blank = |next: char| frame(next) || next.is_whitespace();
    let start = line.start + whole.len() - whole.trim_start_matches(blank).len();
    start..start.max(line.start + whole.trim_end_matches(blank).len())
}

/// `   ↑ keep previous      ↑ new info`: words that point at the line above.
fn is_pointer(line: &str) -> bool {
    line.starts_with(['↑', '⬆', '▲', '└', '╰']) && !line.contains(['=', '＝', '∈'])
}

/// The code spans of a line of words that hold equations with a time: ``SSM: `h_t = A h_{t-1}`, `y_t = C h_t`.``
fn code_spans(line: &str) -> Vec<Range<usize>> {
    let (mut spans, mut position, mut outside) = (Vec::new(), 0, String::new());
    while let Some(open) = line[position..].find('`').map(|at| position + at) {
        let ticks = line[open..].bytes().take_while(|byte| *byte == b'`').count();
        let Some(close) = line[open + ticks..].find(&line[open..open + ticks]) else { break };
        let span = open + ticks..open + ticks + close;
        outside.push_str(&line[position..open]);
        position = span.end + ticks;
        let inside = &line[span.clone()];
        if inside.contains('=') && has_written_time(inside) {
            spans.push(span);
        }
    }
    outside.push_str(&line[position..]);
    // An equation of the line itself, with a name in ticks behind it, is none of them.
    if outside.contains(['=', '＝']) {
        spans.clear();
    }
    spans
}

/// `Equations (Default: f=Sigmoid, g=Tanh):` binds functions, and says nothing else.
fn bindings(line: &str) -> Vec<Range<usize>> {
    let Some((open, close)) = line.find('(').zip(line.rfind(')')).filter(|(open, close)| open < close) else {
        return Vec::new();
    };
    let inside = &line[open + 1..close];
    let start = open + 1 + inside.find(": ").map_or(0, |colon| colon + 2);
    let tail = line[close + 1..].trim_matches([':', '.', ' ']);
    if line[..open].contains('=') || !tail.is_empty() {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut position = start;
    for part in line[start..close].split(',') {
        let function = part.split_once('=').filter(|(name, function)| {
            name.trim().chars().count() == 1 && name::function(&function.trim().to_lowercase()).is_some()
        });
        if function.is_none() {
            return Vec::new();
        }
        found.push(position..position + part.len());
        position += part.len() + 1;
    }
    found
}

/// The first line that is program code beyond doubt: the head of a function, a class or a loop.
pub(crate) fn program(text: &str) -> Option<Range<usize>> {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let range = trim(text, start..start + line.len());
        let code = &text[range.clone()];
        let head = code.ends_with(':')
            && (code.starts_with("def ") && code.contains('(')
                || code.starts_with("class ")
                || code.starts_with("for ") && code.contains(" in ") && code.contains('(')
                || code.starts_with("while "));
        let braces = code.ends_with('{')
            && code.contains('(')
            && ["for (", "for(", "while (", "void ", "fn ", "function ", "if ("]
                .iter()
                .any(|word| code.starts_with(word));
        if head || braces {
            return Some(range);
        }
        start += line.len();
    }
    None
}

/// Drops the bar that ends the row of a table: one that no other bar of the line opens.
fn without_bar(text: &str, line: Range<usize>) -> Range<usize> {
    let whole = &text[line.clone()];
    match whole.strip_suffix('|') {
        Some(rest) if rest.matches('|').count() % 2 == 0 => trim(text, line.start..line.end - 1),
        _ => line,
    }
}

/// `GRU update:`, `**Forget gate:**`, `Complexity: O(n)`: words and a colon, and nothing that defines or declares.
fn is_heading(line: &str) -> bool {
    // A whole line in bold.
    let bold = ["**", "__"].iter().find_map(|mark| line.strip_prefix(mark)?.strip_suffix(mark));
    let line = bold.unwrap_or(line);
    let Some((label, rest)) = line.split_once(':') else {
        let letter = |next: char| next.is_alphabetic() || matches!(next, ' ' | '-');
        return bold.is_some() && line.chars().count() >= 3 && line.chars().all(letter);
    };
    let rest = rest.trim();
    // `Dimensions (input_size=d, hidden_size=n):`.
    let title = label.split_once(" (").filter(|(_, remark)| rest.is_empty() && remark.ends_with(')'));
    let label = title.map_or(label, |(title, _)| title);
    let words = label.split_whitespace().all(|word| {
        word.trim_matches(['(', ')', ',', '-']).chars().all(|next| next.is_alphanumeric() || next == '-')
    });
    let several = label.chars().filter(|next| next.is_alphabetic()).count() >= 3;
    let marks = match Mark::of(rest.trim_end_matches([',', '.', ';'])) {
        Some(Mark::Frozen) => true,
        // `Gate: output` is a title, `o_t: output` is none.
        Some(Mark::Output) => label.contains('_'),
        None => false,
    };
    let declares = rest.starts_with('[') || rest == "scalar" || marks;
    // `Output: h_t (1 - z_t) ⊙ n_t + …` calculates, and lacks its sign.
    let calculates = rest.contains("_t") && rest.contains(['+', '⊙', '*', '∘']);
    // `Total parameters: 3(n(n + d) + n) = 3n² + 3nd + 3n` counts.
    let counts = rest.starts_with(|first: char| first.is_ascii_digit()) && !has_written_time(rest);
    let defines = rest.contains(['∈', '←', '<', ':']) || rest.contains('=') && !counts;
    words && several && !declares && !calculates && !defines
}

fn trim(text: &str, range: Range<usize>) -> Range<usize> {
    let line = text.get(range.clone()).unwrap_or("");
    let start = range.start + (line.len() - line.trim_start().len());
    start..start + line.trim().len()
}

/// The mark that every line begins with. A single line keeps its `-` and `*` only where a blank follows.
fn common_prefix(text: &str, lines: &[Range<usize>]) -> Option<&'static str> {
    PREFIXES.into_iter().find(|prefix| {
        !lines.is_empty()
            && lines.iter().all(|line| {
                text[line.clone()]
                    .strip_prefix(prefix)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t']))
            })
    })
}

/// Length of `1. `, `2) `, `(3) `, `iv) ` or `- ` before what defines, declares or describes.
fn item_prefix(line: &str) -> Option<usize> {
    let inside = line.strip_prefix('(').unwrap_or(line);
    let bracket = line.len() - inside.len();
    let number = inside.bytes().take_while(u8::is_ascii_digit).count();
    let roman = inside.bytes().take_while(|byte| matches!(byte, b'i' | b'v' | b'x')).count();
    let length = number.max(roman);
    if let Some(rest) = inside.get(length..)
        && length > 0
        && (rest.starts_with(") ") || bracket == 0 && number > 0 && rest.starts_with(". "))
    {
        return Some(bracket + length + 2);
    }
    let mark = ["- ", "* ", "+ ", "• ", "‣ ", "– "].into_iter().find(|mark| line.starts_with(mark))?;
    // A sum may go on with `- W y_t`, but not with an equation.
    line[mark.len()..].contains(['=', '∈', ':', '←']).then_some(mark.len())
}

/// True for a word of a language: letters, and no name or function of the document.
fn is_plain_word(word: &str, names: &[&str]) -> bool {
    let word = word.trim_matches(|next: char| !next.is_alphanumeric());
    word.chars().count() >= 2
        && word.chars().all(|next| next.is_alphabetic() || matches!(next, '-' | '\'' | '’'))
        && names.binary_search(&word).is_err()
        && name::function(word).is_none()
        && !name::is_greek_word(word)
}

/// `|---|:-:|`: the rule below the head of a table.
fn is_rule(line: &str) -> bool {
    line.len() >= 3 && line.contains('-') && line.chars().all(|next| matches!(next, '-' | '|' | ':' | ' '))
}

/// The cells of a row of a table that define or declare; any other line as it is.
fn cells(text: &str, line: Range<usize>) -> Vec<Range<usize>> {
    let whole = &text[line.clone()];
    if !whole.starts_with('|') || is_rule(whole) {
        return vec![line];
    }
    let mut start = line.start;
    let mut cells = Vec::new();
    for cell in whole.split_inclusive('|') {
        let end = start + cell.trim_end_matches('|').len();
        if cell.contains(['=', '∈', '←', '＝']) {
            cells.push(trim(text, start..end));
        }
        start += cell.len();
    }
    cells
}

/// A sentence, the head of a table, or the rule below it: no sign that calculates, and most of it words.
fn is_prose(line: &str, names: &[&str]) -> bool {
    if is_rule(line) {
        return true;
    }
    let line = &without_tags(line);
    let begins = line.starts_with(|next: char| next.is_alphabetic() || matches!(next, '*' | '_' | '(' | '@'));
    if !begins || line.contains(['=', '+', '⊙', '∘', '·', '×', '←', '∈', '\\', '[', '^', '≤', '≥', '<', '＝'])
    {
        return false;
    }
    let words = line.split_whitespace().count();
    let plain = line.split_whitespace().filter(|word| is_plain_word(word, names)).count();
    plain >= 2 && plain * 2 > words
}

/// `S_t = Estado no tempo t`: words say what a name is, and define nothing.
fn is_description(line: &str, names: &[&str]) -> bool {
    let Some((left, right)) = line.split_once('=') else { return false };
    if !left.contains('_') || right.contains(['+', '*', '(', '[', '{', '⊙', '∘', '·', '×', '^', '=', '\\'])
    {
        return false;
    }
    let words = right.split_whitespace().count();
    let plain = right.split_whitespace().filter(|word| is_plain_word(word, names)).count();
    plain >= 2 && plain * 2 > words
}

/// A line without the tags of scripts, which would look like comparisons.
fn without_tags(line: &str) -> String {
    ["<sub>", "</sub>", "<sup>", "</sup>", "<b>", "</b>", "<i>", "</i>", "<em>", "</em>"]
        .iter()
        .fold(line.to_owned(), |line, tag| if line.contains(tag) { line.replace(tag, "_") } else { line })
}

/// `"h_t = tanh(W x_t)"`: an equation that is quoted as a whole.
fn without_quotes(text: &str, line: Range<usize>) -> Range<usize> {
    let inside = text[line.clone()]
        .strip_prefix(['"', '“', '”'])
        .and_then(|inside| inside.trim_end_matches(['.', ',', ';']).strip_suffix(['"', '“', '”']));
    match inside {
        Some(inside) if inside.contains('=') && !inside.contains(['"', '“', '”']) => {
            let start = line.start + text[line.clone()].find(inside).unwrap_or(0);
            trim(text, start..start + inside.len())
        }
        _ => line,
    }
}

/// `*h_t = tanh(W x_t)* (the state)`: an equation that is set in italics or bold as a whole.
fn without_emphasis(text: &str, line: Range<usize>, names: &[&str]) -> Range<usize> {
    let whole = &text[line.clone()];
    for mark in ["**", "__", "*", "_"] {
        let Some(inside) = whole.strip_prefix(mark).filter(|inside| inside.starts_with(char::is_alphabetic))
        else {
            continue;
        };
        let Some(close) = inside.rfind(mark) else { continue };
        let tail = inside[close + mark.len()..].trim();
        let remark = tail.is_empty()
            || tail.starts_with("//")
            || tail.starts_with('#')
            || is_remark(tail, names)
            || tail.len() <= 1 && tail.ends_with([',', '.', ';']);
        let ends = inside[..close].ends_with(|next: char| !next.is_whitespace());
        if inside[..close].contains('=') && ends && remark && balanced(&inside[..close]) {
            return trim(text, line.start + mark.len()..line.start + mark.len() + close);
        }
    }
    line
}

/// Every word of the text that is a name, cheaply: one letter, words with `_`, and what is defined or declared.
fn identifiers(text: &str) -> Vec<&str> {
    let mut words: Vec<&str> = text
        .split(|next: char| !(next.is_alphanumeric() || next == '_'))
        .filter(|word| word.contains('_') || word.chars().count() == 1)
        .collect();
    for line in text.lines() {
        let (left, right) = line.split_once(['=', ':']).unwrap_or(("", ""));
        if line[left.len()..].starts_with('=')
            || right.trim_start().starts_with(['[', '='])
            || right.trim() == "scalar"
        {
            words.extend(left.trim_end().rsplit(|next: char| !next.is_alphanumeric()).next());
        }
    }
    words.sort_unstable();
    words.dedup();
    words
}

/// Drops comments and tails of words.
fn without_remark(text: &str, line: Range<usize>, names: &[&str]) -> Range<usize> {
    let mut end = line.end;
    let whole = &text[line.clone()];
    let equals = whole.find('=').unwrap_or(whole.len());
    for mark in ["#", "//", "-->", "`", "←"] {
        // `← words` behind an equation; before one it defines.
        if let Some(position) =
            whole.find(mark).filter(|position| mark != "←" || *position > equals && equals < whole.len())
        {
            // An arrow to a function says something that the equation does not.
            let tail = whole[position + mark.len()..].trim();
            if mark != "-->" || name::function(tail).is_none() {
                end = end.min(line.start + position);
            }
        }
    }
    let mut line = trim(text, line.start..end);
    let whole = &text[line.clone()];
    // `— forget gate (0 = forget)`, `   [forget gate: what to forget]`: words behind a dash, or in brackets after a gap.
    let dash = [" — ", " – ", " -- ", " → ", " => "]
        .into_iter()
        .filter_map(|mark| whole.find(mark).map(|at| (at, at + mark.len())))
        .filter(|(at, _)| *at > equals)
        .min();
    if let Some((dash, after)) = dash
        && let Some(first) = whole[after..].trim_start_matches('(').split_whitespace().next()
        && is_plain_word(first, names)
        && balanced(&whole[..dash])
    {
        line = trim(text, line.start..line.start + dash);
    }
    // `y_t = V h_t 输出`: words of a script that no name is written in.
    let whole = &text[line.clone()];
    let foreign = whole.len()
        - whole.trim_end_matches(|next: char| is_ideograph(next) || " ，。、（）：".contains(next)).len();
    let from = whole.len() - foreign;
    if from > equals && whole[from..].starts_with(' ') && balanced(&whole[..from]) {
        line = trim(text, line.start..line.start + from);
    }
    let whole = &text[line.clone()];
    // `x_t ∈ ℝ^d: the input`.
    if let Some(set) = whole.find('∈')
        && let Some(colon) = whole[set..].find(": ").map(|at| set + at)
        && whole[colon + 1..].split_whitespace().any(|word| is_plain_word(word, names))
    {
        line = trim(text, line.start..line.start + colon);
    }
    let whole = &text[line.clone()];
    // `…, where o_t is the output gate`.
    if let Some(tail) = whole.find(", where ").or_else(|| whole.find(" where "))
        && tail > equals
        && !whole[tail..].contains(['=', '∈', ':', '(', '['])
        && balanced(&whole[..tail])
    {
        line = trim(text, line.start..line.start + tail);
    }
    let whole = &text[line.clone()];
    if whole.ends_with(']')
        && let Some(open) = whole.rfind("  [")
        && open > equals
        && is_remark(&whole[open + 3..whole.len() - 1], names)
        && balanced(&whole[..open])
    {
        line = trim(text, line.start..line.start + open);
    }
    let whole = &text[line.clone()];
    // A tail after two blanks, behind the last sign of mathematics.
    let signs = whole.replace(" / ", " , ");
    let last_sign =
        signs.rfind(SIGNS).map_or(0, |sign| sign + whole[sign..].chars().next().map_or(1, char::len_utf8));
    let from = last_sign.max(equals.min(whole.len()));
    if let Some(gap) = whole.get(from..).and_then(|tail| tail.find("  "))
        && is_remark(&whole[from + gap..], names)
        && balanced(&whole[..from + gap])
    {
        line = trim(text, line.start..line.start + from + gap);
    }
    // `"update gate"`.
    if let Some(inside) = whole.strip_suffix('"')
        && let Some(open) = inside.rfind(" \"")
        && open > equals
        && balanced(&whole[..open])
    {
        line = trim(text, line.start..line.start + open);
    }
    // A tail in parentheses.
    let whole = &text[line.clone()];
    if whole.ends_with(')')
        && let Some(open) = whole.rfind(" (")
        && open > equals
        && is_remark(&whole[open..], names)
        && whole[open + 2..whole.len() - 1]
            .chars()
            .all(|next| next.is_alphabetic() || matches!(next, ' ' | '-' | ','))
        && balanced(&whole[..open])
    {
        line = trim(text, line.start..line.start + open);
    }
    line
}

/// Chinese, Japanese and Korean.
fn is_ideograph(character: char) -> bool {
    matches!(character, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}')
}

fn balanced(text: &str) -> bool {
    let mut depth = 0_i32;
    for byte in text.bytes() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth -= 1,
            _ => {}
        }
    }
    depth == 0 && !text.trim_end().ends_with(['+', '-', '*', '/', '=', '⊙', '·', ','])
}

/// True for words that are no names: at least one word of two letters, and no sign of mathematics. One letter by its
/// name in brackets, `(alpha)`, is a factor, and so are several: dropped, they would be missing in silence.
fn is_remark(tail: &str, names: &[&str]) -> bool {
    // `hidden state / output`: a slash between words.
    let words = || tail.split(|next: char| !next.is_alphanumeric()).filter(|word| !word.is_empty());
    let slash =
        tail.contains(" / ") && words().all(|word| word.chars().count() >= 3 && !name::is_greek_word(word));
    let joined = if slash { tail.replace(" / ", " ") } else { tail.to_owned() };
    if joined.contains(SIGNS) {
        return false;
    }
    let inside = tail.trim();
    if let Some(inside) = inside.strip_prefix('(').and_then(|inside| inside.strip_suffix(')')) {
        let mut words = inside.split(|next: char| !next.is_alphanumeric()).filter(|word| !word.is_empty());
        if words.all(|word| name::is_greek_word(word) || word.chars().count() == 1) {
            return false;
        }
    }
    tail.split(|next: char| !next.is_alphanumeric()).any(|word| {
        word.chars().count() >= 2
            && word.chars().any(char::is_alphabetic)
            && names.binary_search(&word).is_err()
            && name::function(word).is_none()
    })
}

/// Drops words before the name that is defined: up to the last `:` before the first `=`, or without a colon where the
/// name has a time index.
fn without_label(text: &str, line: Range<usize>) -> Range<usize> {
    let whole = &text[line.clone()];
    let Some(equals) = whole.find(['=', '＝']) else { return line };
    let left = &whole[..equals];
    if let Some(colon) = left.rfind([':', '：']).filter(|colon| !whole[*colon..].starts_with(":=")) {
        let label = &whole[..colon];
        let words = label
            .chars()
            .all(|next| next.is_alphanumeric() || next.is_whitespace() || "-*()/'’&,.:".contains(next))
            && label.split_whitespace().all(|word| !word.ends_with(','))
            && label.chars().any(char::is_alphabetic);
        if words {
            // `**Forget gate:** f_t = …`.
            let after = whole[colon..].trim_start_matches([':', '：']).trim_start_matches('*');
            return trim(text, line.end - after.len()..line.end);
        }
        return line;
    }
    // `Next Hidden h_t = …`: a left side is one name.
    let left = left.trim_end();
    if let Some((label, name)) = left.rsplit_once([' ', '\t'])
        && has_written_time(name)
        && label.split_whitespace().all(|word| {
            word.chars().count() >= 3
                && word.chars().all(|next| next.is_alphabetic() || matches!(next, '_' | '-'))
                && !word.ends_with("_t")
                && name::function(word).is_none()
                && !name::is_greek_word(word)
        })
    {
        return trim(text, line.end - whole.len() + label.len()..line.end);
    }
    line
}

/// True where the time is written as an index of its own.
pub(crate) fn has_written_time(text: &str) -> bool {
    INDICES.iter().any(|index| text.contains(index))
}

/// True where a weight stands directly before a value, as in `Ah_{t-1} + Bx_t`: `h` is defined by itself, `Ah` never, and
/// both have an index.
pub(crate) fn has_glued_weights(text: &str) -> bool {
    let (mut defined, mut glued) = (Vec::new(), Vec::new());
    for line in equations(text) {
        let line = &text[line];
        let equals = line.find('=').unwrap_or(0);
        for (at, _) in INDICES.iter().flat_map(|index| line.match_indices(index)) {
            let start = line[..at]
                .char_indices()
                .rev()
                .take_while(|(_, next)| next.is_alphanumeric() || *next == '_')
                .last()
                .map_or(at, |(start, _)| start);
            let name = &line[start..at];
            if at < equals {
                defined.push(name.to_owned());
            } else if is_glued(name) {
                glued.push(name.to_owned());
            }
        }
    }
    glued.iter().any(|name| defined.iter().any(|known| *known == name[1..]))
        && !glued.iter().any(|name| defined.contains(name))
}

/// `Ah`: a weight and a value of one letter each.
pub(crate) fn is_glued(name: &str) -> bool {
    name.len() == 2
        && name.starts_with(|first: char| first.is_ascii_uppercase())
        && name.ends_with(|last: char| last.is_ascii_lowercase())
}

/// True where a name carries its time as a final `t`: `Ht-1` occurs.
pub(crate) fn has_suffix_time(text: &str) -> bool {
    ["t-1", "t−1"]
        .iter()
        .flat_map(|index| text.match_indices(index))
        .any(|(position, _)| text[..position].chars().next_back().is_some_and(char::is_alphanumeric))
}
