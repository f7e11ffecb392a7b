//! A graph as equations.
//!
//! Each value that the user has named, each root, each part that is needed more than once and each part that would be
//! nested too deeply is an equation; everything else stands where it is used. Written in the order of evaluation, from
//! operands that are written already: nothing recurses.

use std::collections::BTreeSet;

use gatewright::compiler::graph::{Graph, NodeId, Phase, Root};
use gatewright::compiler::operator::Operator;

use super::spelling::{Spelling, Written};

/// Operators nested in one equation.
const DEEPEST: usize = 8;

/// The phases in order, each with its headline.
const PHASES: [(Phase, &str); 4] = [
    (Phase::Before, "once, before the first step"),
    (Phase::Forward, "forward, at every step from the first to the last"),
    (Phase::Backward, "backward, at every step from the last to the first"),
    (Phase::After, "once, after the loop: t over all steps, b over all samples"),
];

/// One equation.
#[derive(Clone, Debug)]
struct Equation {
    phase: Phase,
    target: String,
    value: String,
}

/// All equations in plain text.
pub(crate) fn text(graph: &Graph) -> String {
    let equations = equations(graph, Spelling::Text);
    let mut text = String::new();
    for (phase, headline) in PHASES {
        let rows: Vec<&Equation> = equations.iter().filter(|equation| equation.phase == phase).collect();
        if rows.is_empty() {
            continue;
        }
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(headline);
        text.push('\n');
        for row in rows {
            text.push_str(&format!("  {} = {}\n", row.target, row.value));
        }
    }
    text
}

/// All equations in LaTeX, a block for each phase.
pub(crate) fn latex(graph: &Graph) -> String {
    let equations = equations(graph, Spelling::Latex);
    let mut text = String::new();
    for (phase, headline) in PHASES {
        let rows: Vec<String> = equations
            .iter()
            .filter(|equation| equation.phase == phase)
            .map(|row| format!("{} &= {}", row.target, row.value))
            .collect();
        if !rows.is_empty() {
            let rows = rows.join(" \\\\\n");
            text.push_str(&format!("% {headline}\n\\[\n\\begin{{aligned}}\n{rows}\n\\end{{aligned}}\n\\]\n"));
        }
    }
    text
}

fn equations(graph: &Graph, spelling: Spelling) -> Vec<Equation> {
    let uses = uses(graph);
    let mut equations = Vec::new();
    let mut written: Vec<Written> = Vec::with_capacity(graph.len());
    let taken = taken(graph);
    let mut made_up = [0_usize; 2];
    for (id, node) in graph.iter() {
        // Operands come before their users (I1).
        let operands: Vec<_> = node
            .operands
            .iter()
            .map(|operand| (&written[operand.0 as usize], graph.shape(*operand)))
            .collect();
        let value = spelling.operator(&node.operator, &operands, graph.signature());
        let phase = graph.phase(id);
        let names = names(graph, id, phase, spelling);
        let leaf = node.operands.is_empty();
        let small = value.depth <= 1
            && matches!(node.operator, Operator::Transpose | Operator::SliceColumns { .. })
            || leaf
            || matches!(node.operator, Operator::Broadcast(_) | Operator::BroadcastMatrix(..));
        let shared = uses[id.0 as usize] > 1 && !small;
        let name = match names.first() {
            Some(name) => Some(name.clone()),
            None if shared || value.depth > DEEPEST => {
                let backward = matches!(phase, Phase::Backward | Phase::After);
                let letter = if backward { "d" } else { "s" };
                let count = &mut made_up[usize::from(backward)];
                let name = loop {
                    *count += 1;
                    let name = format!("{letter}_{count}");
                    if !taken.contains(name.as_str()) {
                        break name;
                    }
                };
                Some(spelling.name(&name, phase.is_per_step().then_some(0)))
            }
            None => None,
        };
        let Some(name) = name else {
            written.push(value);
            continue;
        };
        // A leaf keeps its own name where it is read.
        let (read_as, others) = if leaf {
            (value, names.as_slice())
        } else {
            equations.push(Equation { phase, target: name.clone(), value: value.text });
            (Written::atom(name), names.get(1..).unwrap_or_default())
        };
        for other in others.iter().filter(|other| **other != read_as.text) {
            equations.push(Equation { phase, target: other.clone(), value: read_as.text.clone() });
        }
        written.push(read_as);
    }
    equations
}

/// Names that the cell uses, which made up ones must not be.
fn taken(graph: &Graph) -> BTreeSet<&str> {
    let signature = graph.signature();
    let ports = [&signature.inputs, &signature.states, &signature.parameters, &signature.outputs];
    let ports = ports.into_iter().flatten().map(|port| port.name.as_str());
    ports.chain(graph.iter().flat_map(|(id, _)| graph.labels(id)).map(String::as_str)).collect()
}

/// How often each node is read, roots included.
fn uses(graph: &Graph) -> Vec<usize> {
    let mut uses = vec![0; graph.len()];
    for node in graph.nodes() {
        for operand in &node.operands {
            uses[operand.0 as usize] += 1;
        }
    }
    for id in graph.roots().values() {
        uses[id.0 as usize] += 1;
    }
    uses
}

/// The names of a node: those of the equations, and of the roots it is.
fn names(graph: &Graph, id: NodeId, phase: Phase, spelling: Spelling) -> Vec<String> {
    let now = phase.is_per_step().then_some(0);
    let mut names: Vec<String> = Vec::new();
    let mut add = |name: String| {
        if !names.contains(&name) {
            names.push(name);
        }
    };
    for label in graph.labels(id) {
        // `differentiate` labels the gradient by the value `v` with `d_v`.
        match label.strip_prefix("d_").filter(|_| matches!(phase, Phase::Backward | Phase::After)) {
            Some(value) => add(spelling.gradient(value, now)),
            None => add(spelling.name(label, now)),
        }
    }
    for (&root, _) in graph.roots().iter().filter(|(_, root)| **root == id) {
        let Some(port) = graph.signature().port_of_root(root) else { continue };
        match root {
            Root::NextState(_) | Root::Output(_) => add(spelling.name(&port.name, Some(0))),
            Root::PreviousStateGradient(_) => add(spelling.gradient(&port.name, Some(-1))),
            Root::InputGradient(_) => add(spelling.gradient(&port.name, Some(0))),
            Root::ParameterGradient(_) => add(spelling.gradient(&port.name, None)),
        }
    }
    names
}
