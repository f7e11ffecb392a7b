//! How much of a step must wait: products that the step before decides.

use super::{Graph, Root};
use crate::operator::Operator;

impl Graph {
    /// Products of a matrix and a vector that follow one another within a step, each of them dependent on the step
    /// before: the length of the longest chain. No order of evaluation has fewer products one after the other, so
    /// this bounds how fast a step can be. Of a graph without gradients.
    ///
    /// States that hold earlier inputs and nothing else (input lags) are known before the loop and do not count. Of what
    /// is solved by iteration, one iteration counts.
    #[must_use]
    pub fn recurrent_products(&self) -> usize {
        let chains = self.chains();
        self.roots.values().filter_map(|root| chains[root.0 as usize]).max().unwrap_or(0)
    }

    /// For each node whether the step before decides it. Of a graph without gradients.
    pub(crate) fn recurrent(&self) -> Vec<bool> {
        self.chains().iter().map(Option::is_some).collect()
    }

    /// For each node the longest chain that ends in it; `None` where it does not depend on the step before.
    fn chains(&self) -> Vec<Option<usize>> {
        let mut recurrent = vec![true; self.signature.states.len()];
        let mut unknown = vec![true; self.signature.unknowns.len()];
        loop {
            let mut chains: Vec<Option<usize>> = Vec::with_capacity(self.nodes.len());
            for node in &self.nodes {
                // Operands have smaller ids (I1).
                let longest = node.operands.iter().filter_map(|operand| chains[operand.0 as usize]).max();
                chains.push(match node.operator {
                    Operator::State(state) => recurrent[state as usize].then_some(0),
                    Operator::Unknown(index) => unknown[index as usize].then_some(0),
                    Operator::MatrixVector => longest.map(|length| length + 1),
                    _ => longest,
                });
            }
            // A state whose next value depends on no recurrent state is none itself. Each round takes at least one
            // state away or is the last.
            let mut changed = false;
            for (state, recurrent) in (0_u32..).zip(&mut recurrent) {
                let next = self.root(Root::NextState(state));
                let depends = next.is_some_and(|next| chains[next.0 as usize].is_some());
                changed |= *recurrent && !depends;
                *recurrent &= depends;
            }
            for (index, unknown) in (0_u32..).zip(&mut unknown) {
                let depends =
                    self.root(Root::Solution(index)).is_some_and(|root| chains[root.0 as usize].is_some());
                changed |= *unknown && !depends;
                *unknown &= depends;
            }
            if !changed {
                return chains;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::graph::lower;
    use crate::passes::read;
    use crate::resolve::{CyclePolicy, Options};
    use crate::source::Syntax;

    #[test]
    fn chains_begin_at_states_that_wait() {
        for (text, expected) in [
            ("h_t = tanh(W x_t + U h_{t-1})", 1),
            ("h_t = tanh(W x_t + u * h_{t-1})", 0),
            // Two products side by side are a chain of one.
            ("h_t = tanh(W x_t + U h_{t-1}) * sigmoid(V h_{t-1})", 1),
            ("h_t = tanh(W x_t + U (sigmoid(V h_{t-1}) * h_{t-1}))", 2),
            ("h_t = tanh(W x_t + U tanh(V x_{t-2})) + h_{t-1}", 0),
            ("h_t = tanh(W x_t + U h_{t-3})", 1),
            ("z_t = W x_t\nh_t = V z_{t-1} + a * h_{t-1}", 0),
            // Solved by iteration, with and without the step before.
            ("h_t = tanh(W tanh(V h_t) + U h_{t-1})", 2),
            ("z_t = tanh(V z_t + x_t)\nh_t = a * h_{t-1} + z_t", 1),
        ] {
            let options = Options { cycle: CyclePolicy::FixedPoint, ..Options::default() };
            let cell = read(text, Syntax::Text, None, &options).expect("a cell");
            assert_eq!(lower(&cell).expect("a graph").recurrent_products(), expected, "{text}");
        }
    }
}
