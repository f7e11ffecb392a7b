//! What a parameter is for, told from how the graph uses it.

use gatewright_compiler::graph::{Graph, NodeId};
use gatewright_compiler::operator::{Binary, Operator};
use gatewright_compiler::shape::Shape;

use crate::parameters::ParameterRole;

/// The role of a parameter in a graph as the equations give it (before products are split).
pub(crate) fn role_of(graph: &Graph, parameter: u32, sizes: &[usize]) -> ParameterRole {
    let Some(shape) = graph.signature().parameters.get(parameter as usize).map(|port| &port.shape) else {
        return ParameterRole::Weight;
    };
    let Some((node, _)) = graph.iter().find(|(_, node)| node.operator == Operator::Parameter(parameter))
    else {
        return match shape {
            Shape::Scalar => ParameterRole::Scalar,
            Shape::Vector(_) => ParameterRole::Bias,
            Shape::Matrix(..) => ParameterRole::InputMatrix,
        };
    };
    match shape {
        Shape::Scalar => ParameterRole::Scalar,
        Shape::Vector(_) => {
            let added = graph
                .iter()
                .filter(|(_, user)| user.operands.contains(&node))
                .all(|(_, user)| matches!(user.operator, Operator::Binary(Binary::Add | Binary::Subtract)));
            if added { ParameterRole::Bias } else { ParameterRole::Weight }
        }
        Shape::Matrix(..) => matrix_role(graph, node, sizes),
    }
}

fn matrix_role(graph: &Graph, parameter: NodeId, sizes: &[usize]) -> ParameterRole {
    // The matrix itself and its transpose: both are applied.
    let mut forms = vec![parameter];
    forms.extend(
        graph
            .iter()
            .filter(|(_, node)| node.operator == Operator::Transpose && node.operands[0] == parameter)
            .map(|(id, _)| id),
    );
    for (_, node) in graph.iter() {
        if node.operator != Operator::MatrixVector || !forms.contains(&node.operands[0]) {
            continue;
        }
        let vector = node.operands[1];
        if *graph.operator(vector) == Operator::Concatenate {
            let recurrent_columns = graph
                .operands(vector)
                .iter()
                .take_while(|&&part| depends_on_state(graph, part))
                .filter_map(|&part| graph.shape(part).sizes(sizes))
                .map(|axes| axes.iter().product::<usize>())
                .sum();
            return ParameterRole::JoinedMatrix { recurrent_columns };
        }
        if depends_on_state(graph, vector) {
            return ParameterRole::RecurrentMatrix;
        }
    }
    ParameterRole::InputMatrix
}

fn depends_on_state(graph: &Graph, id: NodeId) -> bool {
    let mut waiting = vec![id];
    let mut seen = vec![false; graph.len()];
    while let Some(id) = waiting.pop() {
        if std::mem::replace(&mut seen[id.0 as usize], true) {
            continue;
        }
        if matches!(graph.operator(id), Operator::State(_)) {
            return true;
        }
        waiting.extend(graph.operands(id));
    }
    false
}
