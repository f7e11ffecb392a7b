//! What a parameter is for, told from how the graph uses it.

use gatewright_compiler::graph::{Graph, NodeId};
use gatewright_compiler::operator::{Binary, Operator};
use gatewright_compiler::shape::Shape;

use crate::parameters::ParameterRole;

/// What the roles of all parameters are told from, gathered in one walk.
pub(crate) struct Roles<'a> {
    graph: &'a Graph,
    sizes: &'a [usize],
    /// For each parameter its node; `None` where nothing reads it.
    nodes: Vec<Option<NodeId>>,
    /// For each node the nodes that read it.
    users: Vec<Vec<NodeId>>,
    /// For each node, whether it depends on a state or an unknown.
    on_state: Vec<bool>,
}

impl<'a> Roles<'a> {
    /// Of a graph as the equations give it (before products are split).
    pub(crate) fn new(graph: &'a Graph, sizes: &'a [usize]) -> Self {
        let mut roles = Self {
            graph,
            sizes,
            nodes: vec![None; graph.signature().parameters.len()],
            users: vec![Vec::new(); graph.len()],
            on_state: vec![false; graph.len()],
        };
        // Operands come before their nodes (I1).
        for (id, node) in graph.iter() {
            for operand in &node.operands {
                roles.users[operand.0 as usize].push(id);
                roles.on_state[id.0 as usize] |= roles.on_state[operand.0 as usize];
            }
            match node.operator {
                Operator::State(_) | Operator::Unknown(_) => roles.on_state[id.0 as usize] = true,
                Operator::Parameter(parameter) => {
                    if let Some(place) = roles.nodes.get_mut(parameter as usize) {
                        *place = Some(id);
                    }
                }
                _ => {}
            }
        }
        roles
    }

    /// The role of a parameter.
    pub(crate) fn of(&self, parameter: u32) -> ParameterRole {
        let index = parameter as usize;
        let Some(shape) = self.graph.signature().parameters.get(index).map(|port| &port.shape) else {
            return ParameterRole::Weight;
        };
        match (shape, self.nodes.get(index).copied().flatten()) {
            (Shape::Scalar, _) => ParameterRole::Scalar,
            (Shape::Vector(_), None) => ParameterRole::Bias,
            (Shape::Vector(_), Some(node)) => {
                let added = self.users(node).iter().all(|&user| {
                    matches!(self.graph.operator(user), Operator::Binary(Binary::Add | Binary::Subtract))
                });
                if added { ParameterRole::Bias } else { ParameterRole::Weight }
            }
            (Shape::Matrix(..), None) => ParameterRole::InputMatrix,
            (Shape::Matrix(..), Some(node)) => self.matrix_role(node),
        }
    }

    fn users(&self, id: NodeId) -> &[NodeId] {
        &self.users[id.0 as usize]
    }

    fn matrix_role(&self, parameter: NodeId) -> ParameterRole {
        let graph = self.graph;
        // Products with the matrix itself and with its transpose, in the order of the equations.
        let mut products: Vec<(NodeId, NodeId)> = Vec::new();
        for &user in self.users(parameter) {
            products.push((user, parameter));
            if *graph.operator(user) == Operator::Transpose {
                products.extend(self.users(user).iter().map(|&product| (product, user)));
            }
        }
        products.sort_unstable();
        for (product, matrix) in products {
            if *graph.operator(product) != Operator::MatrixVector || graph.operands(product)[0] != matrix {
                continue;
            }
            let vector = graph.operands(product)[1];
            if *graph.operator(vector) == Operator::Concatenate {
                let recurrent_columns = graph
                    .operands(vector)
                    .iter()
                    .take_while(|&&part| self.on_state[part.0 as usize])
                    .filter_map(|&part| graph.shape(part).sizes(self.sizes))
                    .map(|axes| axes.iter().product::<usize>())
                    .sum();
                return ParameterRole::JoinedMatrix { recurrent_columns };
            }
            if self.on_state[vector.0 as usize] {
                return ParameterRole::RecurrentMatrix;
            }
        }
        ParameterRole::InputMatrix
    }
}
