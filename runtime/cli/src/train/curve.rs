//! The learning curve as SVG.

use plotters::prelude::*;

use super::Trained;
use crate::tasks::{Baseline, Metric};

/// Training loss and the metric on the test part, evaluation by evaluation, a line for each seed; a grey line is what a
/// simple guess reaches.
pub(crate) fn svg(
    title: &str,
    metric: Metric,
    baseline: Baseline,
    runs: &[Trained],
) -> Result<String, String> {
    let mut text = String::new();
    draw(title, metric, baseline, runs, &mut text)
        .map_err(|error| format!("the curve could not be drawn: {error}"))?;
    Ok(text)
}

fn draw(
    title: &str,
    metric: Metric,
    baseline: Baseline,
    runs: &[Trained],
    text: &mut String,
) -> Result<(), Box<dyn std::error::Error>> {
    let evaluations = || runs.iter().flat_map(|run| &run.evaluations);
    let steps = evaluations().map(|evaluation| evaluation.step).max().unwrap_or(1) as f64;
    let highest =
        |values: &mut dyn Iterator<Item = f64>| values.filter(|v| v.is_finite()).fold(1e-3, f64::max);
    let losses = highest(&mut evaluations().map(|evaluation| evaluation.loss)) * 1.05;
    let values = match metric {
        Metric::Accuracy => 1.0,
        _ => highest(&mut evaluations().map(|evaluation| evaluation.value).chain([baseline.value])) * 1.05,
    };
    let area = SVGBackend::with_string(text, (800, 400)).into_drawing_area();
    area.fill(&WHITE)?;
    let (left, right) = area.split_horizontally(400);
    for (panel, is_loss, top) in [(left, true, losses), (right, false, values)] {
        let caption = if is_loss { "training loss".to_owned() } else { format!("test {}", metric.name()) };
        let mut chart = ChartBuilder::on(&panel)
            .caption(format!("{title}: {caption}"), ("sans-serif", 16))
            .margin(12)
            .x_label_area_size(32)
            .y_label_area_size(52)
            .build_cartesian_2d(0.0..steps, 0.0..top)?;
        chart.configure_mesh().x_desc("step").light_line_style(WHITE).draw()?;
        if !is_loss {
            let guess = [(0.0, baseline.value), (steps, baseline.value)];
            chart.draw_series(LineSeries::new(guess, BLACK.mix(0.3)))?;
        }
        for (index, run) in runs.iter().enumerate() {
            let points = run.evaluations.iter().map(|evaluation| {
                (evaluation.step as f64, if is_loss { evaluation.loss } else { evaluation.value })
            });
            let points = points.filter(|(_, value)| value.is_finite());
            chart.draw_series(LineSeries::new(points, Palette99::pick(index).stroke_width(2)))?;
        }
    }
    area.present()?;
    drop(area);
    Ok(())
}
