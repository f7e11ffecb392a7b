//! The report: one HTML page that needs nothing else.

use std::fmt::Write;

use gatewright::compiler::mathml;

use super::Budget;
use super::candidate::Candidate;
use super::chart::{colour, svg};
use super::trial::{Trial, deviation, mean};
use crate::tasks::Baseline;

const STYLE: &str = "body{font:16px/1.5 sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem;color:#222}\
table{border-collapse:collapse;margin:1rem 0}th,td{padding:.25rem .75rem;text-align:right;border-bottom:1px solid #ddd}\
th:first-child,td:first-child{text-align:left}.key{display:inline-block;width:.8em;height:.8em;margin-right:.5em}\
math{margin:.5rem 0}details{margin:.5rem 0}svg{max-width:100%;height:auto}.best{font-weight:bold}";

/// The whole page.
pub(super) fn html(
    budget: &Budget<'_>,
    regularizers: &[String],
    baseline: Baseline,
    trials: &[(Candidate, Trial)],
) -> Result<String, String> {
    let mut page = String::new();
    // Writing to a string does not fail.
    let _ = write(&mut page, budget, regularizers, baseline, trials)?;
    Ok(page)
}

fn write(
    page: &mut String,
    budget: &Budget<'_>,
    regularizers: &[String],
    baseline: Baseline,
    trials: &[(Candidate, Trial)],
) -> Result<std::fmt::Result, String> {
    let (schedule, metric) = (budget.schedule, budget.metric);
    let losses = svg("training loss", trials, |at| at.loss, None)?;
    let values = svg(&format!("test {}", metric.name()), trials, |at| at.value, Some((metric, baseline)))?;
    let mut body = || -> std::fmt::Result {
        let title = format!("Cells on {}", escape(budget.entry.name));
        writeln!(
            page,
            "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>{title}</title>"
        )?;
        writeln!(page, "<style>{STYLE}</style>\n<h1>{title}</h1>")?;
        writeln!(page, "<p>{} ({}).</p>", escape(budget.entry.summary), escape(budget.entry.source))?;
        writeln!(
            page,
            "<p>Every cell: {} seeds from {} on, {} steps of Adam with step width {}{} in batches of {} sequences, gradients \
            clipped at {}, one linear head. For comparison, {}: {} {}.</p>",
            budget.learning.seeds,
            budget.learning.first_seed,
            schedule.steps,
            schedule.learning_rate,
            if schedule.decay { ", falling linearly to zero," } else { "" },
            schedule.batch,
            schedule.clip,
            escape(baseline.name),
            metric.name(),
            metric.show(baseline.value)
        )?;
        if budget.learning.layers > 1 {
            writeln!(page, "<p>{} layers, one upon the other.</p>", budget.learning.layers)?;
        }
        if !budget.learning.initial.is_empty() {
            let initial = budget.learning.initial.iter();
            let initial: Vec<String> =
                initial.map(|given| format!("{} = {}", given.name, given.value)).collect();
            writeln!(page, "<p>Where a cell has it, it starts at {}.</p>", escape(&initial.join(", ")))?;
        }
        if !regularizers.is_empty() {
            writeln!(page, "<p>In training: {}.</p>", escape(&regularizers.join("; ")))?;
        }
        results(page, budget, trials)?;
        writeln!(page, "<h2>Curves</h2>\n<p>Mean over seeds, and from the lowest to the highest.</p>")?;
        writeln!(page, "{values}\n{losses}")?;
        gates(page, trials)?;
        equations(page, trials)
    };
    Ok(body())
}

/// The table of results.
fn results(page: &mut String, budget: &Budget<'_>, trials: &[(Candidate, Trial)]) -> std::fmt::Result {
    let metric = budget.metric;
    let means: Vec<f64> = trials.iter().map(|(_, trial)| mean(&trial.values())).collect();
    let is_best = |value: f64| means.iter().all(|&other| other.is_nan() || metric.is_better(value, other));
    writeln!(page, "<h2>Results</h2>\n<table>\n<tr><th>cell<th>hidden size<th>parameters<th>ms a step")?;
    writeln!(page, "<th>test {} (mean ± deviation)<th>lowest<th>highest", metric.name())?;
    for (index, ((candidate, trial), &middle)) in trials.iter().zip(&means).enumerate() {
        let values = trial.values();
        let best = if is_best(middle) { " class=\"best\"" } else { "" };
        let name = escape(&candidate.name);
        write!(
            page,
            "<tr><td>{}{name}<td>{}<td>{}",
            key(index),
            candidate.blueprint.hidden,
            trial.parameters
        )?;
        if values.is_empty() {
            writeln!(page, "<td>–<td>–<td>–<td>–")?;
            continue;
        }
        writeln!(
            page,
            "<td>{:.2}<td{best}>{} ± {}<td>{}<td>{}",
            trial.step_seconds * 1e3,
            metric.show(middle),
            metric.show(deviation(&values)),
            metric.show(values.iter().copied().fold(f64::INFINITY, f64::min)),
            metric.show(values.iter().copied().fold(f64::NEG_INFINITY, f64::max))
        )?;
    }
    writeln!(page, "</table>")?;
    for (index, (candidate, trial)) in trials.iter().enumerate() {
        for (seed, reason) in &trial.broken {
            let name = escape(&candidate.name);
            writeln!(
                page,
                "<p>{}{name}, seed {seed}, is not in these figures: {}.</p>",
                key(index),
                escape(reason)
            )?;
        }
    }
    Ok(())
}

/// What gates do.
fn gates(page: &mut String, trials: &[(Candidate, Trial)]) -> std::fmt::Result {
    writeln!(
        page,
        "<h2>Gates</h2>\n<p>Named values in the test part after training with the first seed that came to its end. Low and high: share of \
        activations in the lowest and the highest tenth of the range (Karpathy et al. 2015). Dead: units that never \
        move.</p>\n<table>\n<tr><th>cell<th>value<th>mean<th>deviation<th>low<th>high<th>dead units"
    )?;
    for (index, (candidate, trial)) in trials.iter().enumerate() {
        for (name, activity) in &trial.gates {
            writeln!(
                page,
                "<tr><td>{}{}<td>{}<td>{:.3}<td>{:.3}<td>{:.1} %<td>{:.1} %<td>{} of {}",
                key(index),
                escape(&candidate.name),
                escape(name),
                activity.mean,
                activity.deviation,
                activity.low * 100.0,
                activity.high * 100.0,
                activity.dead,
                activity.units
            )?;
        }
    }
    writeln!(page, "</table>")
}

/// The equations, as MathML; what the renderer does not know stays LaTeX.
fn equations(page: &mut String, trials: &[(Candidate, Trial)]) -> std::fmt::Result {
    writeln!(page, "<h2>Equations</h2>")?;
    for (index, (candidate, _)) in trials.iter().enumerate() {
        writeln!(page, "<h3>{}{}</h3>", key(index), escape(&candidate.name))?;
        if let Some(change) = &candidate.change {
            writeln!(page, "<p>The equations below, but {}.</p>", escape(change))?;
        }
        match mathml::latex(&candidate.latex, true) {
            Some(mathml) => writeln!(page, "{mathml}")?,
            None => writeln!(page, "<pre>{}</pre>", escape(&candidate.latex))?,
        }
    }
    Ok(())
}

/// A spot of a candidate's colour.
fn key(index: usize) -> String {
    let colour = colour(index);
    format!(
        "<span class=\"key\" style=\"background:#{:02x}{:02x}{:02x}\"></span>",
        colour.0, colour.1, colour.2
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_text_and_equations_are_mathml() {
        assert_eq!(escape("a<b & \"c\""), "a&lt;b &amp; &quot;c&quot;");
        let shown = mathml::latex("\\begin{align*} h_t &= \\tanh(W x_t) \\end{align*}", true).expect("known");
        assert!(shown.starts_with("<math") && shown.contains("tanh") && !shown.contains("merror"));
    }
}
