//! A plan in words: what is computed when, and what is left for the time loops.

use std::collections::BTreeSet;
use std::fmt::Write;

use gatewright::compiler::graph::Signature;
use gatewright::compiler::plan::{
    BufferRole, GradientTerm, OnceSource, PackedLayout, ParameterGradient, Place, Plan, Section, Step,
};

/// The sections in order, each with its headline.
const SECTIONS: [(Section, &str); 6] = [
    (Section::Before, "before the loop, all steps at once"),
    (Section::Step, "in the loop, at every step"),
    (Section::After, "after the loop, all steps at once"),
    (Section::BackwardBefore, "before the loop back, all steps at once"),
    (Section::BackwardStep, "in the loop back, at every step"),
    (Section::BackwardAfter, "after the loop back, all steps at once"),
];

/// The programs of a plan, and how the gradients by parameters come about.
pub(crate) fn schedule(plan: &Plan, signature: &Signature) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    for (section, headline) in SECTIONS {
        let program = plan.program(section);
        if program.is_empty() {
            continue;
        }
        let _ = writeln!(text, "  {headline}");
        for step in program {
            let _ = match step {
                Step::Product { operand, matrix, .. } => {
                    writeln!(
                        text,
                        "    product of {} with {}",
                        place(plan, signature, *operand),
                        packed(plan, signature, *matrix)
                    )
                }
                Step::Loop { kernel, .. } => match plan.kernels.get(*kernel) {
                    Some(kernel) => {
                        writeln!(text, "    element loop of {} lanes: {}", kernel.lanes, kernel.name)
                    }
                    None => Ok(()),
                },
            };
        }
    }
    let outer = |terms: &[GradientTerm]| terms.iter().any(|term| matches!(term, GradientTerm::Outer { .. }));
    let mut by_product = Vec::new();
    let mut by_sum = Vec::new();
    let mut by_expression = Vec::new();
    for (port, gradient) in signature.parameters.iter().zip(&plan.parameter_gradients) {
        match gradient {
            ParameterGradient::Terms(terms) if outer(terms) => by_product.push(port.name.as_str()),
            ParameterGradient::Terms(_) => by_sum.push(port.name.as_str()),
            ParameterGradient::Expression { .. } => by_expression.push(port.name.as_str()),
        }
    }
    let _ = writeln!(text, "  gradients by parameters, once");
    for (how, names) in [
        ("products over all rows", by_product),
        ("sums over all rows", by_sum),
        ("expressions of such products and sums", by_expression),
    ] {
        if !names.is_empty() {
            let _ = writeln!(text, "    {how}: {}", names.join(", "));
        }
    }
    text
}

fn place(plan: &Plan, signature: &Signature, place: Place) -> String {
    let buffer = plan.buffer(place.buffer);
    let port = |ports: &[gatewright::compiler::graph::Port], index: u32| {
        ports.get(index as usize).map_or_else(|| "?".to_owned(), |port| port.name.clone())
    };
    match buffer.role {
        BufferRole::Input(index) => port(&signature.inputs, index),
        BufferRole::State(index) => port(&signature.states, index),
        _ => format!("`{}` from column {}", buffer.name, place.column),
    }
}

/// The parameters in a packed matrix, and its size.
fn packed(plan: &Plan, signature: &Signature, matrix: usize) -> String {
    let Some(PackedLayout { rows, columns, blocks, .. }) = plan.matrices.get(matrix) else {
        return "?".to_owned();
    };
    let names: BTreeSet<String> = blocks
        .iter()
        .map(|block| match block.view.source {
            OnceSource::Parameter(index) => signature
                .parameters
                .get(index as usize)
                .map_or_else(|| "?".to_owned(), |port| port.name.clone()),
            OnceSource::Expression(index) => format!("expression {index} of parameters"),
        })
        .collect();
    let names: Vec<String> = names.into_iter().collect();
    format!("{} [{rows} × {columns}]", names.join(", "))
}
