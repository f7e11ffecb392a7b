//! Tables whose bar stands for the sign of equality: `| $h_t$ | $o_t \odot \tanh(c_t)$ |`.
//!
//! Such a row defines nothing, and what it means would vanish in silence. Where nothing else defines its name, the second
//! cell is looked at like display mathematics, so that the missing sign is an error at its place.

use std::collections::HashSet;

use super::find::{Block, Place};

/// How a time index is spelled in LaTeX, blanks left out.
const TIMES: [&str; 7] = ["_t", "_{t", "^{(t", "^{<t", "^{\\langle t", "^{t", "(t)"];

/// Moves the second cells of such rows into the display.
pub(crate) fn cells_without_equals(text: &str, blocks: &mut [Block]) {
    let squeezed = |block: &Block| -> String {
        let inside = text.get(block.range.clone()).unwrap_or("");
        inside.chars().filter(|next| !next.is_whitespace()).collect()
    };
    let has_time = |inside: &str| TIMES.iter().any(|index| inside.contains(index));
    let pairs = blocks.windows(2).enumerate().filter(|(_, pair)| {
        let between = text.get(pair[0].outer.end..pair[1].outer.start).unwrap_or("");
        pair.iter().all(|block| block.place == Place::Inline) && between.trim_matches(' ') == "|"
    });
    let bare: Vec<(usize, String)> = pairs
        .filter_map(|(at, pair)| {
            let (name, value) = (squeezed(&pair[0]), squeezed(&pair[1]));
            let calculates = value.contains(['+', '(']) && value.contains(['\\', '+']);
            let sides = !name.contains(['=', '+', ',', '[']) && !value.contains("=");
            (sides && calculates && has_time(&name) && has_time(&value)).then_some((at + 1, name))
        })
        .collect();
    if bare.is_empty() {
        return;
    }
    let defined: HashSet<String> = blocks
        .iter()
        .map(squeezed)
        .flat_map(|block| {
            let sides = block.split("\\\\").filter_map(|row| Some(row.split_once('=')?.0.to_owned()));
            sides.map(|left| left.trim_matches('&').to_owned()).collect::<Vec<_>>()
        })
        .collect();
    for (at, name) in bare {
        if !defined.contains(&name) {
            blocks[at].place = Place::Display;
        }
    }
}
