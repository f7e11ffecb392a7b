//! A graph for Graphviz: a box for each node, a cluster for each phase.

use std::fmt::Write;

use gatewright::compiler::graph::{Graph, Phase};
use gatewright::compiler::operator::Operator;

/// The graph in the language of `dot`.
pub(crate) fn dot(graph: &Graph) -> String {
    let mut text =
        String::from("digraph step {\n  rankdir = BT;\n  node [shape = box, fontname = \"sans-serif\"];\n");
    // Writing to a string cannot fail.
    for (phase, name) in [
        (Phase::Before, "before"),
        (Phase::Forward, "forward"),
        (Phase::Backward, "backward"),
        (Phase::After, "after"),
    ] {
        let _ = writeln!(text, "  subgraph cluster_{name} {{\n    label = \"{name}\";");
        for (id, node) in graph.iter().filter(|(id, _)| graph.phase(*id) == phase) {
            let mut label = match (&node.operator, graph.constant_value(id)) {
                (_, Some(value)) => value.to_string(),
                (operator, None) => match graph.signature().port_of_leaf(operator) {
                    Some(port) => format!("{} {}", title(operator), port.name),
                    None => title(operator),
                },
            };
            for name in graph.labels(id) {
                label = format!("{name}: {label}");
            }
            let shape = node.shape.describe(&graph.signature().dimensions);
            let _ = writeln!(text, "    n{} [label = {}];", id.0, quoted(&format!("{label}\n{shape}")));
        }
        text.push_str("  }\n");
    }
    for (id, node) in graph.iter() {
        for operand in &node.operands {
            let _ = writeln!(text, "  n{} -> n{};", operand.0, id.0);
        }
    }
    for (index, (root, id)) in graph.roots().iter().enumerate() {
        let name = graph.signature().port_of_root(*root).map_or("?", |port| port.name.as_str());
        let kind = format!("{root:?}");
        let kind = kind.split('(').next().unwrap_or_default();
        let label = quoted(&format!("{kind} {name}"));
        let _ = writeln!(text, "  r{index} [shape = ellipse, label = {label}];\n  n{} -> r{index};", id.0);
    }
    text.push_str("}\n");
    text
}

/// The operator in a word.
fn title(operator: &Operator) -> String {
    match operator {
        Operator::Unary(function) => function.name().to_owned(),
        Operator::Binary(function) => function.name().to_owned(),
        Operator::Ternary(function) => function.name().to_owned(),
        operator => {
            let name = format!("{operator:?}");
            name.split(['(', ' ', '{']).next().unwrap_or_default().to_owned()
        }
    }
}

/// A string of the `dot` language. Names are ASCII letters, digits and `_`, but a quote costs nothing.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}
