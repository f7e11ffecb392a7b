//! Where two cells part that [`Graph::compare`] finds different: the equations that the other cell has nothing like.
//!
//! Both graphs are evaluated over the field of [`super::same`], all inputs one number, all states, all vectors among
//! the parameters, all matrices; so what differs in names alone agrees, and so does what differs in nothing but which
//! weight or gate is which.

use std::collections::BTreeMap;

use super::same::{Kind, Side, mix};
use super::{Graph, NodeId, Root};
use crate::operator::Operator;

impl Graph {
    /// Values with labels that compute what no value of `other` does, in the order of evaluation: the first of them
    /// reads only what both have. A value that something common to both is computed from is none of them; it is only
    /// cut in another way.
    #[must_use]
    pub fn unmatched(&self, other: &Self) -> Vec<NodeId> {
        // Gates that are alike are as many as the other has; the last ones are too many.
        let mut left: BTreeMap<u64, usize> = BTreeMap::new();
        for value in other.likeness() {
            *left.entry(value).or_default() += 1;
        }
        let likeness = self.likeness();
        let found = likeness.iter().map(|value| {
            let count = left.get_mut(value).filter(|count| **count > 0);
            count.map(|count| *count -= 1).is_some()
        });
        let mut common: Vec<bool> = found.collect();
        // Operands have smaller ids (I1).
        for (id, node) in self.iter().rev() {
            if common[id.0 as usize] {
                for operand in &node.operands {
                    common[operand.0 as usize] = true;
                }
            }
        }
        let missing = |id: &NodeId| !common[id.0 as usize] && !self.labels(*id).is_empty();
        self.iter().map(|(id, _)| id).filter(missing).collect()
    }

    /// For each node a number that is the same for what computes the same, names aside.
    fn likeness(&self) -> Vec<u64> {
        let side = Side::new(self);
        let mut states = 0_u32..;
        let leaves: Vec<u64> = side
            .leaves
            .iter()
            .map(|leaf| {
                let output =
                    leaf.kind == Kind::State && states.next().is_some_and(|state| self.is_output(state));
                mix(11, &[leaf.kind as u64, leaf.port.shape.axes().len() as u64, u64::from(output)])
            })
            .collect();
        side.values(&leaves, &|_| 0)
    }

    /// True for a state that the cell puts out.
    fn is_output(&self, state: u32) -> bool {
        let next = self.root(Root::NextState(state));
        let outputs = self.roots().iter().filter(|(root, _)| matches!(root, Root::Output(_)));
        next.is_some_and(|next| {
            outputs.into_iter().any(|(_, &id)| id == next && !matches!(self.operator(id), Operator::State(_)))
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::graph::{Graph, lower};
    use crate::passes::read;
    use crate::resolve::Options;
    use crate::simplify::simplify;
    use crate::source::Syntax;

    fn graph(text: &str) -> Graph {
        let cell = read(text, Syntax::Text, None, &Options::default()).expect("a cell");
        simplify(&lower(&cell).expect("a graph"))
    }

    fn first(left: &str, right: &str) -> Option<String> {
        let (left, right) = (graph(left), graph(right));
        left.unmatched(&right).first().map(|&id| left.labels(id).join(" "))
    }

    const LSTM: &str = "i_t = sigmoid(W_i x_t + U_i h_{t-1} + p_i * c_{t-1} + b_i)\n\
        g_t = tanh(W_g x_t + U_g h_{t-1} + b_g)\nc_t = (1 - i_t) * c_{t-1} + i_t * g_t\n\
        o_t = sigmoid(W_o x_t + U_o h_{t-1} + p_o * c_t + b_o)\nh_t = o_t * tanh(c_t)";

    #[test]
    fn the_first_equation_that_differs_is_named() {
        for (other, name) in [
            (LSTM.replace("p_o * c_t", "p_o * c_{t-1}"), "o"),
            (LSTM.replace("p_i * c_{t-1}", "p_i * h_{t-1}"), "i"),
            (LSTM.replace("tanh(W_g", "sigmoid(W_g"), "g"),
            (LSTM.replace("tanh(c_t)", "c_t"), "h"),
            (LSTM.replace("(1 - i_t) * c_{t-1}", "c_{t-1}"), "c"),
        ] {
            assert_eq!(first(LSTM, &other).as_deref(), Some(name), "{other}");
            assert_eq!(first(&other, LSTM).as_deref(), Some(name), "{other}");
        }
    }

    #[test]
    fn names_and_cuts_make_no_difference() {
        let other = "a_t = V [y_{t-1}, u_t]\nk_t = tanh(a_t + e)\nj_t = sigmoid(A u_t + (B y_{t-1} + r * s_{t-1}) + d)\n\
            s_t = s_{t-1} + j_t * (k_t - s_{t-1})\ny_t = tanh(s_t) * sigmoid(P u_t + Q y_{t-1} + q * s_t + f)";
        assert_eq!(first(LSTM, other), None);
        assert_eq!(first(other, LSTM), None);
    }
}
