//! Curves with their spread over seeds, as SVG.

use plotters::prelude::*;

use super::candidate::Candidate;
use super::trial::{Trial, mean};
use crate::tasks::{Baseline, Metric};
use crate::train::run::Evaluation;

/// The mean over seeds as a line and lowest to highest as an area, for each candidate; a grey line is what a simple guess
/// reaches.
pub(super) fn svg(
    caption: &str,
    trials: &[(Candidate, Trial)],
    value: fn(&Evaluation) -> f64,
    metric: Option<(Metric, Baseline)>,
) -> Result<String, String> {
    let mut text = String::new();
    draw(caption, trials, value, metric, &mut text)
        .map_err(|error| format!("the curves could not be drawn: {error}"))?;
    Ok(text)
}

/// The colour of a candidate.
pub(super) fn colour(index: usize) -> RGBColor {
    let (red, green, blue) = Palette99::pick(index).rgb();
    RGBColor(red, green, blue)
}

/// At one step the lowest, the mean and the highest over seeds.
struct Spread {
    step: f64,
    low: f64,
    middle: f64,
    high: f64,
}

fn spreads(trial: &Trial, value: fn(&Evaluation) -> f64) -> Vec<Spread> {
    // None where no seed came to its end.
    let count = trial.runs.iter().map(Vec::len).min().unwrap_or(0);
    (0..count)
        .map(|at| {
            let values: Vec<f64> = trial.runs.iter().map(|run| value(&run[at])).collect();
            Spread {
                step: trial.runs[0][at].step as f64,
                low: values.iter().copied().fold(f64::INFINITY, f64::min),
                middle: mean(&values),
                high: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            }
        })
        .collect()
}

fn draw(
    caption: &str,
    trials: &[(Candidate, Trial)],
    value: fn(&Evaluation) -> f64,
    metric: Option<(Metric, Baseline)>,
    text: &mut String,
) -> Result<(), Box<dyn std::error::Error>> {
    let all: Vec<Vec<Spread>> = trials.iter().map(|(_, trial)| spreads(trial, value)).collect();
    let points = || all.iter().flatten();
    let steps = points().map(|point| point.step).fold(1.0, f64::max);
    let highest = points().map(|point| point.high).filter(|high| high.is_finite()).fold(1e-3, f64::max);
    let top = match metric {
        Some((Metric::Accuracy, _)) => 1.0,
        Some((_, baseline)) => highest.max(baseline.value) * 1.05,
        None => highest * 1.05,
    };
    let area = SVGBackend::with_string(text, (560, 360)).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption(caption, ("sans-serif", 16))
        .margin(12)
        .x_label_area_size(32)
        .y_label_area_size(52)
        .build_cartesian_2d(0.0..steps, 0.0..top)?;
    chart.configure_mesh().x_desc("step").light_line_style(WHITE).draw()?;
    if let Some((_, baseline)) = metric {
        chart
            .draw_series(LineSeries::new([(0.0, baseline.value), (steps, baseline.value)], BLACK.mix(0.3)))?;
    }
    for (index, spreads) in all.iter().enumerate() {
        let colour = colour(index);
        let ends = spreads.iter().map(|point| (point.step, point.low));
        let ends = ends.chain(spreads.iter().rev().map(|point| (point.step, point.high)));
        let ends: Vec<(f64, f64)> = ends.filter(|(_, end)| end.is_finite()).collect();
        chart.draw_series([Polygon::new(ends, colour.mix(0.15))])?;
        let line = spreads.iter().map(|point| (point.step, point.middle));
        let line = line.filter(|(_, middle)| middle.is_finite());
        chart.draw_series(LineSeries::new(line, colour.stroke_width(2)))?;
    }
    area.present()?;
    drop(chart);
    drop(area);
    Ok(())
}
