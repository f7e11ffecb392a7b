//! When each value is computed: its section, and its level within the section.
//!
//! Within a section, level by level: first the products of the level, then its operations on matrices of a sample, then
//! its element loops. A product is one level above its operand, and so is such an operation; what reads a value across a
//! change of lanes is one level above it too.
//!
//! The rule, forward: a product leaves the loop to the front when it does not depend on the state, and to the back
//! when no state needs it; elements follow the products that need them or that they need, and else stay in the loop,
//! where their operands are at hand. Backward the same, with the gradient of the later step in place of the state.
//!
//! Where a step is solved, what the solution depends on is computed before all else in the loop: in `Solve` what depends
//! on an unknown, in `Prepare` the rest.

use super::Section;
use super::flow::{Flow, FlowId, FlowKind, Solved};

/// Section and level of every value.
#[derive(Clone, Debug)]
pub(super) struct Sections {
    pub(super) section: Vec<Section>,
    pub(super) level: Vec<usize>,
    /// Lanes of the loop that computes an element: its own, or for a scalar those of what it is made from.
    pub(super) lanes: Vec<usize>,
}

impl Sections {
    pub(super) fn of(&self, id: FlowId) -> Section {
        self.section[id.0 as usize]
    }

    pub(super) fn level(&self, id: FlowId) -> usize {
        self.level[id.0 as usize]
    }

    pub(super) fn lanes(&self, id: FlowId) -> usize {
        self.lanes[id.0 as usize]
    }

    /// The first level of `section` at which the value can be read from memory.
    pub(super) fn read_level(&self, flow: &Flow, id: FlowId, section: Section) -> usize {
        read_level(flow, (&self.section, &self.level), id, section)
    }
}

fn read_level(flow: &Flow, (of, level): (&[Section], &[usize]), id: FlowId, section: Section) -> usize {
    let (node, index) = (flow.node(id), id.0 as usize);
    if of[index] != section || node.is_leaf() {
        return 0;
    }
    level[index] + usize::from(matches!(node.kind, FlowKind::Join { .. }))
}

/// When the term of a product with this operand runs, in a product whose home is `home`.
fn term_section(flow: &Flow, operand: FlowId, home: Section) -> Section {
    let operand = flow.node(operand);
    match home {
        Section::Prepare | Section::Step if !operand.on_state => Section::Before,
        Section::BackwardPrepare | Section::BackwardStep if !operand.on_gradient => Section::BackwardBefore,
        other => other,
    }
}

/// For each operand of a product, when its term runs. Products that add onto a stored sum run whole, in the loop that
/// stores the sum.
pub(super) fn term_sections(flow: &Flow, product: FlowId, home: Section) -> Vec<Section> {
    let node = flow.node(product);
    let FlowKind::Product { terms, addend, .. } = &node.kind else { return Vec::new() };
    let when = |&operand: &FlowId| if *addend { home } else { term_section(flow, operand, home) };
    node.operands.iter().take(terms.len()).map(when).collect()
}

/// Assigns every value its section and level.
pub(super) fn assign(flow: &Flow) -> Sections {
    let solutions = |solved: &[Solved]| ancestors(flow, solved.iter().map(|solved| solved.solution));
    let (solved_forward, solved_backward) = (solutions(&flow.solved), solutions(&flow.solved_back));
    let either = |needed: Vec<bool>, solved: &[bool]| -> Vec<bool> {
        needed.into_iter().zip(solved).map(|(needed, &solved)| needed || solved).collect()
    };
    let needed_forward = either(ancestors(flow, flow.next_states.iter().copied()), &solved_forward);
    let needed_backward =
        either(ancestors(flow, flow.previous_state_gradients.iter().copied()), &solved_backward);
    // Where a value that stays in the time loop is computed.
    let within = |id: FlowId| {
        let (node, index) = (flow.node(id), id.0 as usize);
        match (node.backward, if node.backward { solved_backward[index] } else { solved_forward[index] }) {
            (false, true) if node.on_unknown => Section::Solve,
            (false, true) => Section::Prepare,
            (false, false) => Section::Step,
            (true, true) if node.on_unknown => Section::BackwardSolve,
            (true, true) => Section::BackwardPrepare,
            (true, false) => Section::BackwardStep,
        }
    };
    let count = flow.nodes.len();
    let mut section = vec![Section::Step; count];
    // Products first: they pull their operands.
    let (mut early_forward, mut early_backward) = (Vec::new(), Vec::new());
    for id in flow.ids() {
        let node = flow.node(id);
        let index = id.0 as usize;
        section[index] = within(id);
        if !matches!(node.kind, FlowKind::Product { .. }) {
            continue;
        }
        section[index] = match (node.backward, needed_forward[index], needed_backward[index]) {
            (false, ..) if !node.on_state => Section::Before,
            (false, true, _) | (true, _, true) if node.on_gradient || !node.backward => within(id),
            (false, ..) => Section::After,
            (true, _, true) => Section::BackwardBefore,
            (true, _, false) => Section::BackwardAfter,
        };
        for (&operand, when) in node.operands.iter().zip(term_sections(flow, id, section[index])) {
            match when {
                Section::Before => early_forward.push(operand),
                Section::BackwardBefore => early_backward.push(operand),
                _ => {}
            }
        }
    }
    let early_forward = ancestors(flow, early_forward.into_iter());
    let early_backward = ancestors(flow, early_backward.into_iter());
    let mut level = vec![0; count];
    let mut lanes: Vec<usize> = flow.nodes.iter().map(|node| node.lanes).collect();
    for id in flow.ids() {
        let node = flow.node(id);
        let index = id.0 as usize;
        if !matches!(node.kind, FlowKind::Product { .. }) {
            let late = node.operands.iter().any(|&operand| {
                matches!(section[operand.0 as usize], Section::After | Section::BackwardAfter)
            });
            section[index] = match node.backward {
                // A backward value that reads one of `After` simply comes later; only its own kind of lateness counts.
                true if node
                    .operands
                    .iter()
                    .any(|&operand| section[operand.0 as usize] == Section::BackwardAfter) =>
                {
                    Section::BackwardAfter
                }
                true if early_backward[index] && !node.on_gradient => Section::BackwardBefore,
                false if late => Section::After,
                false if early_forward[index] && !node.on_state => Section::Before,
                _ => within(id),
            };
        }
        let here = section[index];
        if node.scalar && node.is_element() {
            // A scalar is computed in the loop of the widest value it is made from.
            let widest = node
                .operands
                .iter()
                .filter(|&&operand| flow.node(operand).is_element() || !flow.node(operand).scalar)
                .max_by_key(|&&operand| (level[operand.0 as usize], lanes[operand.0 as usize]));
            lanes[index] = widest.map_or(1, |&operand| lanes[operand.0 as usize]);
        }
        let product = matches!(node.kind, FlowKind::Product { .. });
        for &operand in &node.operands {
            let from = operand.0 as usize;
            if section[from] != here || flow.node(operand).is_leaf() {
                continue;
            }
            let through_memory = product
                || node.is_sample_operation()
                || matches!(node.kind, FlowKind::Join { .. })
                || (matches!(node.kind, FlowKind::Slice { .. }) && flow.node(operand).is_element())
                || (node.is_element() && flow.node(operand).is_element() && lanes[from] != lanes[index])
                || matches!(flow.node(operand).kind, FlowKind::Join { .. });
            level[index] = level[index].max(level[from] + usize::from(through_memory));
        }
        // What a product adds onto is stored by a loop of its own section, wherever it was computed.
        if let Some(under) = node.under() {
            level[index] = level[index].max(read_level(flow, (&section, &level), under, here) + 1);
        }
    }
    Sections { section, level, lanes }
}

/// The given values and everything they are computed from.
fn ancestors(flow: &Flow, from: impl Iterator<Item = FlowId>) -> Vec<bool> {
    let mut found = vec![false; flow.nodes.len()];
    for id in from {
        found[id.0 as usize] = true;
    }
    for id in flow.ids().rev() {
        if found[id.0 as usize] {
            for &operand in &flow.node(id).operands {
                found[operand.0 as usize] = true;
            }
        }
    }
    found
}
