//! Which values are stored, and in which loops the others are computed.
//!
//! A value is stored when something reads it from memory — a product, an output, the next step — or when it is dear
//! (a transcendental function, a reduction) and another loop reads it. Cheap values are computed again in each loop
//! that reads them: `1 - z` costs less than its way through memory. What the backward loops read of the forward pass is
//! decided by the same rule, and is the tape.

use std::collections::{BTreeMap, BTreeSet};

use super::Section;
use super::flow::{Flow, FlowId, FlowKind};
use super::gradient::{RawGradient, RawTerm};
use super::section::{Sections, term_sections};

/// Which element loop: at most one for each section, level and number of lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct LoopKey {
    pub(super) section: Section,
    pub(super) level: usize,
    pub(super) lanes: usize,
}

/// What a loop writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// The value to its own place.
    Own(FlowId),
    /// The value to where the state is at the end of the step.
    NextState(FlowId, u32),
    /// The value to where the gradient of the state is for the step before.
    StateGradient(FlowId, u32),
    /// The value to the place of a product that adds onto it.
    Under(FlowId, FlowId),
    /// The value to a part of a join, from this element on.
    Part(FlowId, FlowId, usize),
    /// Zeros to a part of a join, from this element on, as many as the loop has lanes.
    Zeros(FlowId, usize),
    /// The value, summed over rows.
    Total(FlowId),
}

/// Where a value is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Storage {
    /// Read only within the step that made it.
    Step,
    /// Read only on the pass that made it, forward or back: kept for the steps of a chunk.
    Chunk,
    /// Kept for all steps.
    Sequence,
}

impl Storage {
    /// For a value of section `here` that is read in `sections`.
    fn of(here: Section, sections: &BTreeSet<Section>) -> Self {
        if sections.iter().all(|&section| section.shares_loop(here)) {
            Self::Step
        } else if sections.iter().all(|&section| section.is_backward() == here.is_backward()) {
            Self::Chunk
        } else {
            Self::Sequence
        }
    }
}

/// The outcome of the analysis.
#[derive(Clone, Debug, Default)]
pub(super) struct Demand {
    /// For each value, how it is stored; `None` for leaves but for unknowns, slices and what is computed where it is
    /// used.
    pub(super) storage: Vec<Option<Storage>>,
    /// For each value, the loops that read it.
    pub(super) readers: Vec<BTreeSet<LoopKey>>,
    /// For each value, the sections in which something reads it from memory without a loop.
    pub(super) memory: Vec<BTreeSet<Section>>,
    /// For each loop, the values it computes.
    pub(super) computed: BTreeMap<LoopKey, BTreeSet<FlowId>>,
    /// For each loop, what it writes.
    pub(super) targets: BTreeMap<LoopKey, Vec<Target>>,
    /// States whose earlier values are read outside the time loop: all steps are kept.
    pub(super) kept_states: BTreeSet<u32>,
    /// Gradients of states that are read outside the time loop: all steps are kept.
    pub(super) kept_gradients: BTreeSet<u32>,
}

impl Demand {
    fn write(&mut self, key: LoopKey, target: Target) {
        self.targets.entry(key).or_default().push(target);
    }
}

/// The first loop of a section that can have the value: for an element in its own section, the loop that computes it.
fn home_in(flow: &Flow, sections: &Sections, id: FlowId, section: Section) -> LoopKey {
    LoopKey { section, level: sections.read_level(flow, id, section), lanes: sections.lanes(id) }
}

/// Decides storage and place of computation for every value.
pub(super) fn analyse(flow: &Flow, sections: &Sections, gradients: &[RawGradient]) -> Demand {
    let count = flow.nodes.len();
    let mut demand = Demand {
        storage: vec![None; count],
        readers: vec![BTreeSet::new(); count],
        memory: vec![BTreeSet::new(); count],
        ..Demand::default()
    };
    let mut rooted = vec![false; count];
    for (state, &value) in (0_u32..).zip(&flow.next_states) {
        let here = sections.of(value);
        let key = home_in(flow, sections, value, if here.is_step() { here } else { Section::Step });
        demand.write(key, Target::NextState(value, state));
        demand.readers[value.0 as usize].insert(key);
        rooted[value.0 as usize] |= here.is_step();
    }
    for (section, solved) in [(Section::Solve, &flow.solved), (Section::BackwardSolve, &flow.solved_back)] {
        for solved in solved {
            demand.memory[solved.solution.0 as usize].insert(section);
            demand.memory[solved.unknown.0 as usize].insert(section);
        }
    }
    for &value in &flow.outputs {
        demand.memory[value.0 as usize].insert(Section::After);
    }
    for (state, &value) in (0_u32..).zip(&flow.previous_state_gradients) {
        if matches!(flow.node(value).kind, FlowKind::Product { .. }) {
            continue;
        }
        let key = home_in(flow, sections, value, Section::BackwardStep);
        demand.write(key, Target::StateGradient(value, state));
        demand.readers[value.0 as usize].insert(key);
    }
    for &value in flow.input_gradients.iter().flatten() {
        demand.memory[value.0 as usize].insert(Section::BackwardAfter);
    }
    for term in gradients.iter().flat_map(RawGradient::terms) {
        match *term {
            RawTerm::Outer { left, right, .. } => {
                demand.memory[left.0 as usize].insert(Section::BackwardAfter);
                demand.memory[right.0 as usize].insert(Section::BackwardAfter);
            }
            RawTerm::Sum { value, into } => {
                // Matrices of all steps would need much memory: they are summed in the loop that computes them.
                let matrix = into.rows != 1 && sections.of(value).is_backward();
                let section =
                    if matrix { sections.of(value).once_each_step() } else { Section::BackwardAfter };
                let key = home_in(flow, sections, value, section);
                demand.write(key, Target::Total(value));
                demand.readers[value.0 as usize].insert(key);
            }
        }
    }
    let from_gradient = made_from_gradients(flow);
    for id in flow.ids().rev() {
        visit(flow, sections, &mut demand, &rooted, &from_gradient, id);
    }
    demand
}

/// One value, after everything that reads it.
fn visit(
    flow: &Flow,
    sections: &Sections,
    demand: &mut Demand,
    rooted: &[bool],
    from_gradient: &[bool],
    id: FlowId,
) {
    let index = id.0 as usize;
    let node = flow.node(id);
    let here = sections.of(id);
    let readers = demand.readers[index].clone();
    let memory = demand.memory[index].clone();
    if readers.is_empty() && memory.is_empty() && node.under().is_none() {
        return;
    }
    let read_in: BTreeSet<Section> =
        readers.iter().map(|key| key.section).chain(memory.iter().copied()).collect();
    let storage = Storage::of(here, &read_in);
    match &node.kind {
        FlowKind::State(state) => {
            if read_in.iter().any(|&section| !section.shares_loop(Section::Step)) {
                demand.kept_states.insert(*state);
            }
        }
        FlowKind::StateGradient(state) => {
            if read_in.iter().any(|&section| !section.shares_loop(Section::BackwardStep)) {
                demand.kept_gradients.insert(*state);
            }
        }
        FlowKind::Unknown(_) | FlowKind::SolutionGradient(_) => {
            let pass = if node.backward { Section::BackwardSolve } else { Section::Solve };
            demand.storage[index] = Some(Storage::of(pass, &read_in));
        }
        _ if node.is_leaf() => {}
        FlowKind::Slice { .. } => {
            demand.memory[node.operands[0].0 as usize].extend(read_in);
        }
        FlowKind::Join { starts } => {
            demand.storage[index] = Some(storage);
            let mut end = 0;
            for (&operand, &start) in node.operands.iter().zip(starts) {
                if start > end {
                    zeros(demand, here, id, end, start);
                }
                end = start + flow.node(operand).lanes;
                let key = home_in(flow, sections, operand, here);
                demand.write(key, Target::Part(operand, id, start));
                demand.readers[operand.0 as usize].insert(key);
            }
            if node.lanes > end {
                zeros(demand, here, id, end, node.lanes);
            }
        }
        _ if node.is_sample_operation() => {
            demand.storage[index] = Some(storage);
            for &operand in &node.operands {
                demand.memory[operand.0 as usize].insert(here);
            }
        }
        FlowKind::Product { .. } => {
            let when = term_sections(flow, id, here);
            let all_rows = when.iter().any(|section| !section.is_step());
            demand.storage[index] = Some(if all_rows { storage.max(Storage::Chunk) } else { storage });
            for (&operand, section) in node.operands.iter().zip(when) {
                demand.memory[operand.0 as usize].insert(section);
            }
            if let Some(under) = node.under() {
                let key = home_in(flow, sections, under, here);
                demand.write(key, Target::Under(under, id));
                demand.readers[under.0 as usize].insert(key);
            }
        }
        _ => {
            let own = home_in(flow, sections, id, here);
            let elsewhere = readers.iter().any(|&key| key != own);
            let other_section = read_in.iter().any(|&section| section != here);
            let bound = node.is_dear() || (other_section && from_gradient[index]);
            // A state's new value lies in memory anyway.
            let stored = !memory.is_empty() || (elsewhere && (bound || rooted[index]));
            if stored {
                demand.storage[index] = Some(storage);
                if !rooted[index] {
                    demand.write(own, Target::Own(id));
                }
                compute(flow, demand, own, id);
            } else {
                for key in readers {
                    compute(flow, demand, key, id);
                }
            }
        }
    }
}

fn zeros(demand: &mut Demand, section: Section, join: FlowId, start: usize, end: usize) {
    demand.write(LoopKey { section, level: 0, lanes: end - start }, Target::Zeros(join, start));
}

fn compute(flow: &Flow, demand: &mut Demand, key: LoopKey, id: FlowId) {
    demand.computed.entry(key).or_default().insert(id);
    for &operand in &flow.node(id).operands {
        demand.readers[operand.0 as usize].insert(key);
    }
}

/// The cheap values made from a state's gradient: keeping one costs no more than keeping the gradient, and computing it
/// again is saved.
fn made_from_gradients(flow: &Flow) -> Vec<bool> {
    let mut made = vec![false; flow.nodes.len()];
    for id in flow.ids() {
        let node = flow.node(id);
        made[id.0 as usize] = match node.kind {
            FlowKind::StateGradient(_) | FlowKind::SolutionGradient(_) => true,
            _ if node.is_element() && !node.is_dear() => {
                node.operands.iter().any(|&operand| made[operand.0 as usize])
            }
            _ => false,
        };
    }
    made
}
