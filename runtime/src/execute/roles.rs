//! What a parameter is for, told from how the graph uses it.

use gatewright_compiler::graph::{Graph, NodeId, Root};
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
    /// For each node, whether it is an unknown or a state of the step before, or one that is gated, squashed or cut.
    before: Vec<bool>,
}

impl<'a> Roles<'a> {
    /// Of a graph as the equations give it (before products are split).
    pub(crate) fn new(graph: &'a Graph, sizes: &'a [usize]) -> Self {
        let mut roles = Self {
            graph,
            sizes,
            nodes: vec![None; graph.signature().parameters.len()],
            users: vec![Vec::new(); graph.len()],
            before: vec![false; graph.len()],
        };
        // Operands come before their nodes (I1).
        for (id, node) in graph.iter() {
            for operand in &node.operands {
                roles.users[operand.0 as usize].push(id);
            }
            let of = |position: usize| {
                node.operands.get(position).is_some_and(|operand| roles.before[operand.0 as usize])
            };
            // A sum is a value of its own: `h_t = (1 - z_t) h_{t-1} + z_t k_t` is no longer the state before.
            roles.before[id.0 as usize] = match node.operator {
                Operator::State(state) => !holds_inputs(graph, state),
                Operator::Unknown(_) => true,
                Operator::Binary(Binary::Multiply) => of(0) || of(1),
                Operator::Unary(_) | Operator::Binary(Binary::Divide) | Operator::Slice { .. } => of(0),
                _ => false,
            };
            if let Operator::Parameter(parameter) = node.operator
                && let Some(place) = roles.nodes.get_mut(parameter as usize)
            {
                *place = Some(id);
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
                    .take_while(|&&part| self.before[part.0 as usize])
                    .filter_map(|&part| graph.shape(part).sizes(self.sizes))
                    .map(|axes| axes.iter().product::<usize>())
                    .sum();
                return ParameterRole::JoinedMatrix { recurrent_columns };
            }
            if self.before[vector.0 as usize] {
                return ParameterRole::RecurrentMatrix;
            }
        }
        ParameterRole::InputMatrix
    }
}

/// True for a state that holds earlier inputs and nothing else.
fn holds_inputs(graph: &Graph, state: u32) -> bool {
    let mut state = state;
    // No chain of delays is longer than there are states.
    for _ in 0..graph.signature().states.len() {
        match graph.root(Root::NextState(state)).map(|next| graph.operator(next)) {
            Some(Operator::Input(_)) => return true,
            Some(&Operator::State(before)) => state = before,
            _ => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use gatewright_compiler::graph::lower;
    use gatewright_compiler::source::Syntax;

    use super::Roles;
    use crate::parameters::ParameterRole;
    use crate::read_cell;

    #[test]
    fn recurrent_is_what_the_state_before_meets() {
        let text = "r_t = sigmoid(W_r x_t + U_r h_{t-1} + V_r x_{t-1})\n\
            k_t = tanh(W_h x_t + U_h (r_t * h_{t-1}))\n\
            m_t = P k_t\nh_t = (1 - r_t) * h_{t-1} + r_t * m_t\ny_t = V h_t + J [h_{t-1}, x_t]";
        let graph = lower(&read_cell(text, Syntax::Text).expect("a cell")).expect("a graph");
        let sizes = vec![4; graph.signature().dimensions.len()];
        let roles = Roles::new(&graph, &sizes);
        for (index, parameter) in (0_u32..).zip(&graph.signature().parameters) {
            let expected = match parameter.name.as_str() {
                "U_r" | "U_h" => ParameterRole::RecurrentMatrix,
                "J" => ParameterRole::JoinedMatrix { recurrent_columns: 4 },
                _ => ParameterRole::InputMatrix,
            };
            assert_eq!(roles.of(index), expected, "{}", parameter.name);
        }
    }
}
