//! The graph as a picture for Graphviz: one box for each node, one cluster for each phase, dashed edges from step to
//! step, dotted ones from what is solved to where it is read.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::Derivation;
use crate::graph::{Graph, NodeId, Phase, Root};
use crate::operator::Operator;
use crate::shape::Dimension;

pub(super) fn picture(derivation: &Derivation) -> String {
    let graph = &derivation.graph;
    let live = graph.reachable();
    let mut text = String::from(
        "digraph cell {\n  rankdir = TB;\n  node [shape = box, fontname = \"sans-serif\", fontsize = 11];\n",
    );
    let clusters = [
        (Phase::Before, "before", "once, before the first step"),
        (Phase::Forward, "forward", "forward, each step"),
        (Phase::Backward, "backward", "backward, each step"),
        (Phase::After, "after", "once, after the way back"),
    ];
    let roots: BTreeSet<NodeId> = graph.roots().values().copied().collect();
    for (phase, name, title) in clusters {
        let nodes: Vec<NodeId> = graph
            .iter()
            .map(|(id, _)| id)
            .filter(|&id| live[id.0 as usize] && graph.phase(id) == phase)
            .collect();
        if nodes.is_empty() {
            continue;
        }
        let _ = writeln!(text, "  subgraph cluster_{name} {{\n    label = \"{title}\";");
        for id in nodes {
            let bold = if roots.contains(&id) { ", style = bold" } else { "" };
            let _ = writeln!(text, "    n{} [label = \"{}\"{bold}];", id.0, escape(&label(derivation, id)));
        }
        text.push_str("  }\n");
    }
    for (id, node) in graph.iter().filter(|(id, _)| live[id.0 as usize]) {
        for operand in &node.operands {
            let _ = writeln!(text, "  n{} -> n{};", operand.0, id.0);
        }
    }
    // What a step is solved for is what its equations read.
    for (leaf, root) in
        [false, true].into_iter().flat_map(|backward| graph.unknowns(backward)).map(|one| (one.1, one.2))
    {
        let _ = writeln!(text, "  n{} -> n{} [style = dotted, constraint = false];", root.0, leaf.0);
    }
    // What a step hands on is what the next one, in its direction, begins with.
    for (index, _) in (0_u32..).zip(&graph.signature().states) {
        for (root, leaf) in [
            (Root::NextState(index), Operator::State(index)),
            (Root::PreviousStateGradient(index), Operator::StateGradient(index)),
        ] {
            let leaf = graph.iter().find(|(id, node)| live[id.0 as usize] && node.operator == leaf);
            if let (Some(from), Some((to, _))) = (graph.root(root), leaf) {
                let _ = writeln!(text, "  n{} -> n{} [style = dashed, constraint = false];", from.0, to.0);
            }
        }
    }
    text.push_str("}\n");
    text
}

/// The name of a node, if it has one, and what computes it.
fn label(derivation: &Derivation, id: NodeId) -> String {
    let graph = &derivation.graph;
    let operator = operator(graph, id);
    match derivation.names.get(id.0 as usize).copied().flatten() {
        Some(symbol) if operator.is_empty() => derivation.symbol_text(symbol),
        Some(symbol) => format!("{}\n{operator}", derivation.symbol_text(symbol)),
        None => operator,
    }
}

/// The operator in a word or a sign; empty for leaves that go by their name.
fn operator(graph: &Graph, id: NodeId) -> String {
    let names = &graph.signature().dimensions;
    let range = |start: &Dimension, length: &Dimension| {
        format!("{} : {}", start.describe(names), start.plus(length).describe(names))
    };
    match graph.operator(id) {
        Operator::Constant(bits) => f64::from_bits(*bits).to_string(),
        Operator::Input(_) | Operator::State(_) | Operator::Parameter(_) => String::new(),
        Operator::Unknown(_) | Operator::SolutionGradient(_) => "solved for".to_owned(),
        Operator::OutputGradient(_) => "given".to_owned(),
        Operator::StateGradient(_) => "from the step after".to_owned(),
        Operator::Slice { start, length } => format!("elements {}", range(start, length)),
        Operator::SliceColumns { start, length } => format!("columns {}", range(start, length)),
        Operator::Pad { start, .. } => format!("among zeros, at {}", start.describe(names)),
        Operator::PadColumns { start, .. } => format!("among zeros, at column {}", start.describe(names)),
        Operator::Total => "sum over steps and samples".to_owned(),
        operator => operator.name().replace('_', " "),
    }
}

fn escape(label: &str) -> String {
    label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
