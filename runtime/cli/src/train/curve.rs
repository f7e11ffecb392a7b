//! The learning curve as SVG.

use plotters::prelude::*;

use super::Trained;

/// Loss on the training part and accuracy on the test part, epoch by epoch, a line for each seed.
pub(crate) fn svg(title: &str, runs: &[Trained]) -> Result<String, String> {
    let mut text = String::new();
    draw(title, runs, &mut text).map_err(|error| format!("the curve could not be drawn: {error}"))?;
    Ok(text)
}

fn draw(title: &str, runs: &[Trained], text: &mut String) -> Result<(), Box<dyn std::error::Error>> {
    let epochs = runs.iter().map(|run| run.epochs.len()).max().unwrap_or(1).max(1);
    let losses =
        runs.iter().flat_map(|run| &run.epochs).map(|epoch| epoch.loss).filter(|loss| loss.is_finite());
    let highest = losses.fold(1e-3, f64::max) * 1.05;
    let area = SVGBackend::with_string(text, (800, 400)).into_drawing_area();
    area.fill(&WHITE)?;
    let (left, right) = area.split_horizontally(400);
    let x = 1.0..(epochs as f64).max(2.0);
    for (panel, caption, top) in [(left, "training loss", highest), (right, "test accuracy", 1.0)] {
        let mut chart = ChartBuilder::on(&panel)
            .caption(format!("{title}: {caption}"), ("sans-serif", 16))
            .margin(12)
            .x_label_area_size(32)
            .y_label_area_size(44)
            .build_cartesian_2d(x.clone(), 0.0..top)?;
        chart.configure_mesh().x_desc("epoch").light_line_style(WHITE).draw()?;
        for (index, run) in runs.iter().enumerate() {
            let points = run.epochs.iter().enumerate().map(|(at, epoch)| {
                let value = if caption == "training loss" { epoch.loss } else { epoch.accuracy };
                ((at + 1) as f64, value)
            });
            let points = points.filter(|(_, value)| value.is_finite());
            chart.draw_series(LineSeries::new(points, Palette99::pick(index).stroke_width(2)))?;
        }
    }
    area.present()?;
    drop(area);
    Ok(())
}
