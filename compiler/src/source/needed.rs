//! What was skipped and what could not be read, once all equations are: a note where another equation says what it is, an
//! error where equations need what it names.
//!
//! # Invariants
//!
//! - A row that is skipped never becomes a weight: what equations read of it, they define, or it is an error.

use std::collections::{HashMap, HashSet};

use super::ast::{Reference, Statement, StatementKind};
use super::find::Found;
use super::statement::Sample;
use super::{finding, inline};
use crate::diagnostic::{Code, Diagnostic};
use crate::span::Span;

/// Where a discrete form stands beside it, under the same heading, a differential equation is an explanation.
pub(super) fn skip_differential(statements: &[Statement], found: &Found, diagnostics: &mut [Diagnostic]) {
    if !diagnostics.iter().any(|one| one.code == Code::DifferentialEquation) {
        return;
    }
    let heading = |span: Span| found.heading_at(usize::try_from(span.start).unwrap_or(usize::MAX));
    let steps: Vec<Option<usize>> = statements
        .iter()
        .filter(|statement| match &statement.kind {
            StatementKind::Definition { value, .. } => {
                let mut delayed = false;
                inline::references(value, &mut |read| delayed |= read.time.is_some_and(|time| time < 0));
                delayed
            }
            _ => false,
        })
        .map(|statement| heading(statement.span))
        .collect();
    for one in diagnostics.iter_mut().filter(|one| one.code == Code::DifferentialEquation) {
        if steps.contains(&heading(one.span)) {
            one.code = Code::SkippedRow;
            one.message = "this differential equation is skipped: its discrete form is read".to_owned();
            one.help = None;
        } else if let Some(Some(step)) = steps.first()
            && let Some(section) = found.headings.get(*step)
        {
            one.help =
                Some(format!("its discrete form is a cell of its own: `--section \"{}\"`", section.title));
        }
    }
}

/// `\theta \leftarrow \theta - \eta \nabla_\theta L` beside a cell says how its weights are learned, and
/// `\delta_t = \nabla_{h_t} L_t` is read by nothing. Where equations read what a gradient would define, it is an error.
pub(super) fn skip_gradients(statements: &[Statement], lost: &[Reference], diagnostics: &mut [Diagnostic]) {
    if statements.is_empty() || !diagnostics.iter().any(|one| one.code == Code::Gradient) {
        return;
    }
    let mut read = HashSet::new();
    for statement in statements {
        if let StatementKind::Definition { value, .. } = &statement.kind {
            inline::references(value, &mut |name| {
                read.insert(&name.name.canonical);
            });
        }
    }
    let missing = |name: &Reference| {
        name.time.is_some()
            && read.contains(&name.name.canonical)
            && !defines(statements, &name.name.canonical)
    };
    if lost.iter().any(missing) {
        return;
    }
    for one in diagnostics.iter_mut().filter(|one| one.code == Code::Gradient) {
        one.code = Code::SkippedRow;
        one.message = "a step of descent is no part of the cell: skipped".to_owned();
        one.help = None;
    }
}

pub(super) fn defines(statements: &[Statement], name: &str) -> bool {
    statements.iter().any(|statement| {
        matches!(&statement.kind, StatementKind::Definition { target, .. } if target.name.canonical == name)
    })
}

/// `h_t = \mathrm{LSTM}(x_t, h_{t-1})`: an error where equations read what it defines, and nothing else defines that.
pub(super) fn report_signatures(
    signatures: &[(Reference, String, Span)],
    statements: &[Statement],
    diagnostics: &mut Vec<Diagnostic>,
) {
    for (target, word, span) in signatures {
        let mut read = false;
        for statement in statements {
            if let StatementKind::Definition { value, .. } = &statement.kind {
                inline::references(value, &mut |reference| read |= reference.name == target.name);
            }
        }
        if read && !defines(statements, &target.name.canonical) {
            let message = format!("`{word}` names no weights, but `{}` is needed", target.name.canonical);
            diagnostics.push(Diagnostic {
                help: Some("write the equations of the cell out".to_owned()),
                ..finding(Code::NamedMap, message, *span)
            });
        }
    }
}

/// `L = \sum_t …`: skipped as a loss, but an error where an equation reads it, which would take it for a weight.
pub(super) fn report_losses(
    losses: Vec<(String, Span, Vec<Diagnostic>)>,
    statements: &[Statement],
    diagnostics: &mut Vec<Diagnostic>,
) {
    for (word, span, found) in losses {
        let mut read = false;
        for statement in statements {
            if let StatementKind::Definition { value, .. } | StatementKind::Function { body: value, .. } =
                &statement.kind
            {
                inline::references(value, &mut |reference| read |= reference.name.canonical == word);
            }
        }
        if !read || defines(statements, &word) {
            continue;
        }
        diagnostics.retain(|one| one.code != Code::SkippedRow || one.span != span);
        if found.is_empty() {
            let message = format!("`{word}` is needed, but this equation cannot be read");
            diagnostics.push(finding(Code::UnexpectedToken, message, span));
        }
        diagnostics.extend(found);
    }
}

/// How many definitions one after the other are followed from the last step.
const MAXIMUM_READOUTS: usize = 8;

/// `\hat y = \sigma(W h_T + b)` behind a cell: what is made of the last step alone, and read at no step, is no part of it.
pub(super) fn without_readouts(
    statements: Vec<Statement>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Statement> {
    let at_steps: HashSet<String> = statements
        .iter()
        .filter_map(|statement| match &statement.kind {
            StatementKind::Definition { target, .. } if target.time.is_some() => {
                Some(target.name.canonical.clone())
            }
            _ => None,
        })
        .collect();
    let is_last = |read: &Reference| {
        read.time.is_none()
            && read.name.canonical.strip_suffix("_T").is_some_and(|base| at_steps.contains(base))
    };
    let mut of_the_last: HashSet<String> = HashSet::new();
    for _ in 0..MAXIMUM_READOUTS {
        let before = of_the_last.len();
        for statement in &statements {
            if let StatementKind::Definition { target, value } = &statement.kind
                && target.time.is_none()
            {
                let mut found = false;
                inline::references(value, &mut |read| {
                    found |= is_last(read) || of_the_last.contains(&read.name.canonical);
                });
                if found {
                    of_the_last.insert(target.name.canonical.clone());
                }
            }
        }
        if of_the_last.len() == before {
            break;
        }
    }
    // What a step reads of it, or of the last step itself, stays to be an error.
    let needed = statements.iter().any(|statement| match &statement.kind {
        StatementKind::Definition { target, value } if !of_the_last.contains(&target.name.canonical) => {
            let mut found = false;
            inline::references(value, &mut |read| {
                found |= is_last(read) || of_the_last.contains(&read.name.canonical);
            });
            found
        }
        StatementKind::Declaration { target, .. } => is_last(target),
        _ => false,
    });
    if of_the_last.is_empty() || needed {
        return statements;
    }
    let is_of_the_last = |statement: &Statement| matches!(&statement.kind, StatementKind::Definition { target, .. } if of_the_last.contains(&target.name.canonical));
    let (skipped, kept): (Vec<Statement>, Vec<Statement>) = statements.into_iter().partition(is_of_the_last);
    for statement in skipped {
        let message = "this is made of the last step alone, which is no part of the cell: skipped";
        diagnostics.push(finding(Code::SkippedRow, message, statement.span));
    }
    kept
}

/// `z_t \sim \mathcal{N}(\mu_t, I)`: an error where equations of the cell decide the distribution and read what was
/// drawn. Else it says where an input or a weight comes from.
pub(super) fn report_samples(
    samples: &[Sample],
    statements: &[Statement],
    diagnostics: &mut Vec<Diagnostic>,
) {
    for sample in samples.iter().filter(|sample| sample.drawn.time.is_some()) {
        let mut read = false;
        for statement in statements {
            if let StatementKind::Definition { value, .. } = &statement.kind {
                inline::references(value, &mut |reference| read |= reference.name == sample.drawn.name);
            }
        }
        if read && sample.from.iter().any(|name| defines(statements, name)) {
            let message = format!("`{}` is drawn at random", sample.drawn.name.canonical);
            diagnostics.push(Diagnostic {
                help: Some(
                    "draw the noise outside, as an input: `z_t = \\mu_t + s_t \\odot \\epsilon_t`".to_owned(),
                ),
                ..finding(Code::SampleOrChoice, message, sample.span)
            });
        }
    }
}

/// `b_f \sim \log(\mathcal{U}([1, T])), \quad b_i = -b_f`: what is drawn here is learned, and where only it begins is said,
/// so is `b_i` meant to be; but the equation holds for all of training.
pub(super) fn note_ties(samples: &[Sample], statements: &[Statement], diagnostics: &mut [Diagnostic]) {
    let drawn: HashMap<&str, Span> = samples
        .iter()
        .filter(|sample| sample.drawn.time.is_none())
        .map(|sample| (sample.drawn.name.canonical.as_str(), sample.span))
        .collect();
    if drawn.is_empty() {
        return;
    }
    for statement in statements {
        let StatementKind::Definition { target, value } = &statement.kind else { continue };
        let (mut first, mut others) = (None, target.time.is_some());
        inline::references(value, &mut |read| match drawn.get(read.name.canonical.as_str()) {
            Some(place) if read.time.is_none() => first = Some((&read.name.canonical, *place)),
            _ => others = true,
        });
        let Some((source, place)) = first.filter(|_| !others) else { continue };
        let said =
            |one: &&mut Diagnostic| one.code == Code::SkippedRow && one.span == place && one.help.is_none();
        if let Some(note) = diagnostics.iter_mut().find(said) {
            let name = &target.name.canonical;
            note.message = format!(
                "a distribution defines nothing: skipped; `{name}` is made of `{source}` in all of training, not only where \
                 it begins"
            );
            note.labels.push((statement.span, "the equation that holds".to_owned()));
            note.help =
                Some(format!("leave the equation out where `{name}` is a weight of its own that begins so"));
        }
    }
}

/// `h_t = f_W(h_{t-1}, x_t)` announces what an equation of the same name then says.
pub(super) fn skip_general_forms(
    general: &[(String, Span)],
    statements: &[Statement],
    diagnostics: &mut [Diagnostic],
) {
    if general.is_empty() {
        return;
    }
    let defined: HashSet<&str> = statements
        .iter()
        .filter_map(|statement| match &statement.kind {
            StatementKind::Definition { target, .. } => Some(target.name.canonical.as_str()),
            _ => None,
        })
        .collect();
    let skipped: HashSet<Span> =
        general.iter().filter(|(name, _)| defined.contains(name.as_str())).map(|(_, place)| *place).collect();
    for found in diagnostics {
        if found.code == Code::UnboundActivation && skipped.contains(&found.span) {
            found.code = Code::SkippedRow;
            found.message = "this general form is skipped: another equation says what it is".to_owned();
            found.help = None;
        }
    }
}

/// Drops what is called like a loss and read by nothing, with a note.
pub(super) fn without_losses(
    statements: Vec<Statement>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Statement> {
    const LOSSES: [&str; 15] = [
        "L", "J", "E", "cal_L", "cal_J", "Loss", "loss", "CE", "BCE", "MSE", "RMSE", "MAE", "NLL", "KL",
        "PPL",
    ];
    let is_loss = |statement: &Statement| matches!(&statement.kind, StatementKind::Definition { target, .. } if LOSSES.contains(&target.name.canonical.as_str()));
    if statements.len() < 2 || !statements.iter().any(is_loss) {
        return statements;
    }
    let mut read = HashSet::new();
    for statement in statements.iter().filter(|statement| !is_loss(statement)) {
        if let StatementKind::Definition { value, .. } | StatementKind::Function { body: value, .. } =
            &statement.kind
        {
            inline::references(value, &mut |reference| {
                read.insert(reference.name.canonical.clone());
            });
        }
    }
    let (kept, dropped): (Vec<Statement>, Vec<Statement>) = statements.into_iter().partition(|statement| {
        !is_loss(statement)
            || matches!(&statement.kind, StatementKind::Definition { target, .. } if read.contains(&target.name.canonical))
    });
    if kept.is_empty() {
        return dropped;
    }
    for statement in dropped {
        if let StatementKind::Definition { target, .. } = &statement.kind {
            let message = format!(
                "`{}` is read as a loss, which is no part of the cell: skipped",
                target.name.canonical
            );
            diagnostics.push(finding(Code::SkippedRow, message, statement.span));
        }
    }
    kept
}
