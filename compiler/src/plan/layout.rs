//! Stored values to columns of buffers.
//!
//! Products that share operands get columns side by side, so that one wide product serves them all (the gates of an
//! LSTM are one); operands of one product get columns side by side, so that it reads one long row. A value that a loop
//! computes from a product which nobody else reads is stored over that product.

use std::collections::{BTreeMap, BTreeSet};

use super::demand::{Demand, Storage, Target};
use super::flow::{Flow, FlowId, FlowKind};
use super::gradient::{RawGradient, RawTerm};
use super::section::{Sections, term_sections};
use super::{
    Buffer, BufferId, BufferKind, BufferRole, COLUMN_ALIGNMENT, OnceSource, OnceValue, Place, PlanError,
    Section,
};
use crate::operator::Unary;

/// Most inputs, states or outputs that get buffers of their own. An element loop is called with an address for each
/// buffer, of which there must not be many, however many states a cell has.
const PORTS_WITH_BUFFERS: usize = 4;

/// Buffers, and where each value lies in them.
#[derive(Clone, Debug, Default)]
pub(super) struct Layout {
    pub(super) buffers: Vec<Buffer>,
    /// The buffer of what is constant over time.
    pub(super) once_buffer: BufferId,
    /// Where readers find a value; `None` for what is computed where it is used and for constants.
    pub(super) places: Vec<Option<Place>>,
    /// Where each state is as it enters the step; the value as it leaves is one step ahead.
    pub(super) states: Vec<Place>,
    /// Where the gradient of each state goes for the step before; it comes from one step ahead.
    pub(super) state_gradients: Vec<Place>,
    /// Where each input is staged; `None` where nothing reads it.
    pub(super) inputs: Vec<Option<Place>>,
    /// For each input whether the walk back reads it.
    pub(super) inputs_read_back: Vec<bool>,
    /// Where the gradient by each output is staged; `None` where nothing reads it.
    pub(super) output_gradients: Vec<Option<Place>>,
    /// Where sums over rows go: for each summed value, its column.
    pub(super) totals: BTreeMap<FlowId, Place>,
    pub(super) once: Vec<OnceValue>,
    /// Elements that lie where a product was: the columns beside them hold what the product left there.
    pub(super) over_products: BTreeSet<FlowId>,
}

/// Columns from a value to its neighbour: the next multiple of the alignment. An empty value has columns of its own
/// too, so that no two values begin in one place and no buffer with rows is without width.
pub(super) fn aligned(elements: usize) -> usize {
    elements.max(1).div_ceil(COLUMN_ALIGNMENT) * COLUMN_ALIGNMENT
}

/// A width for rows of a cache: an odd number of lines, where rows are long enough to tell. Rows a power of two apart
/// would meet in the same few sets of a cache, and evict each other between one element of a product and the next.
fn staggered(width: usize) -> usize {
    let lines = width / COLUMN_ALIGNMENT;
    if lines >= 4 && lines.is_multiple_of(2) { width + COLUMN_ALIGNMENT } else { width }
}

impl Layout {
    fn buffer(&mut self, name: &str, role: BufferRole, kind: BufferKind) -> BufferId {
        self.buffers.push(Buffer { name: name.to_owned(), role, kind, width: 0 });
        BufferId(self.buffers.len() as u32 - 1)
    }

    /// The next free columns for one of `count` ports of a kind: in a buffer of its own where there are few, else in one
    /// that all of them share.
    fn port(
        &mut self,
        name: String,
        role: BufferRole,
        kind: BufferKind,
        count: usize,
        lanes: usize,
    ) -> Place {
        let shared = (count > PORTS_WITH_BUFFERS)
            .then(|| self.buffers.iter().position(|buffer| (buffer.role, buffer.kind) == (role, kind)))
            .flatten();
        let buffer = match shared {
            Some(index) => BufferId(index as u32),
            None => self.buffer(&name, role, kind),
        };
        if shared.is_some() && !self.buffers[buffer.0 as usize].name.ends_with(" …") {
            self.buffers[buffer.0 as usize].name.push_str(" …");
        }
        self.take(buffer, lanes)
    }

    /// The next free columns of a buffer.
    fn take(&mut self, buffer: BufferId, lanes: usize) -> Place {
        let buffer_of = &mut self.buffers[buffer.0 as usize];
        let column = buffer_of.width;
        buffer_of.width += aligned(lanes);
        Place { buffer, time: 0, column }
    }

    /// Where a value is, slices followed to what they cut.
    pub(super) fn place_of(&self, flow: &Flow, id: FlowId) -> Option<Place> {
        let mut offset = 0;
        let mut at = id;
        while let FlowKind::Slice { start } = flow.node(at).kind {
            offset += start;
            at = flow.node(at).operands[0];
        }
        let place = self.places[at.0 as usize]?;
        Some(Place { column: place.column + offset, ..place })
    }
}

/// Gives every stored value its place.
pub(super) fn place(
    flow: &Flow,
    sections: &Sections,
    demand: &Demand,
    gradients: &[RawGradient],
) -> Result<Layout, PlanError> {
    let mut layout = Layout {
        places: vec![None; flow.nodes.len()],
        inputs: vec![None; flow.input_names.len()],
        inputs_read_back: vec![false; flow.input_names.len()],
        output_gradients: vec![None; flow.output_names.len()],
        ..Layout::default()
    };
    leaves(flow, demand, &mut layout);
    states(flow, demand, &mut layout);
    let mut slots = Slots::new(flow, sections, demand, &layout);
    slots.reuse(flow, sections, demand);
    slots.join(flow, sections);
    slots.assign(flow, sections, &mut layout);
    layout.over_products = slots.over.keys().copied().collect();
    let totals = layout.buffer("totals", BufferRole::Totals, BufferKind::Once);
    for term in gradients.iter().flat_map(RawGradient::terms) {
        if let RawTerm::Sum { value, .. } = *term
            && !layout.totals.contains_key(&value)
        {
            let place = layout.take(totals, flow.node(value).lanes);
            layout.totals.insert(value, place);
        }
    }
    for buffer in &mut layout.buffers {
        buffer.width = staggered(buffer.width);
    }
    Ok(layout)
}

/// Places of inputs, output gradients, and what is constant over time.
fn leaves(flow: &Flow, demand: &Demand, layout: &mut Layout) {
    let once = layout.buffer("once", BufferRole::Once, BufferKind::Once);
    layout.once_buffer = once;
    for id in flow.ids() {
        let index = id.0 as usize;
        if demand.readers[index].is_empty() && demand.memory[index].is_empty() {
            continue;
        }
        let node = flow.node(id);
        let sequence = BufferKind::Sequence { extra: false };
        let chunk = BufferKind::Chunk { backward: node.backward };
        let place = match node.kind {
            FlowKind::Input(input) => {
                let name = flow.input_names[input as usize].clone();
                let count = flow.input_names.len();
                let read_in = demand.readers[index].iter().map(|key| key.section);
                let read_back = read_in.chain(demand.memory[index].iter().copied()).any(Section::is_backward);
                let place = layout.port(name, BufferRole::Input, chunk, count, node.lanes);
                layout.inputs[input as usize] = Some(place);
                layout.inputs_read_back[input as usize] = read_back;
                place
            }
            FlowKind::OutputGradient(output) => {
                let name = format!("gradient of {}", flow.output_names[output as usize]);
                let count = flow.output_names.len();
                let chunk = BufferKind::Chunk { backward: true };
                let place = layout.port(name, BufferRole::OutputGradient, chunk, count, node.lanes);
                layout.output_gradients[output as usize] = Some(place);
                place
            }
            FlowKind::Unknown(unknown) | FlowKind::SolutionGradient(unknown) => {
                let name = &flow.unknown_names[unknown as usize];
                let (name, role) = match node.backward {
                    false => (format!("{name}, solved"), BufferRole::Unknown),
                    true => (format!("gradient of {name}, solved"), BufferRole::SolutionGradient),
                };
                let kind = match demand.storage[index] {
                    Some(Storage::Sequence) => sequence,
                    Some(Storage::Chunk) => chunk,
                    Some(Storage::Step) | None => BufferKind::Step,
                };
                layout.port(name, role, kind, flow.unknown_names.len(), node.lanes)
            }
            FlowKind::Once(source) => {
                let place = layout.take(once, node.lanes);
                layout.once.push(OnceValue { source, column: place.column, length: node.lanes });
                place
            }
            _ => continue,
        };
        layout.places[index] = Some(place);
    }
}

/// Places of states and their gradients, and of the values that become them.
fn states(flow: &Flow, demand: &Demand, layout: &mut Layout) {
    for (state, &value) in (0_u32..).zip(&flow.next_states) {
        let kept = demand.kept_states.contains(&state)
            || demand.storage[value.0 as usize] > Some(Storage::Step)
            // A backward pass may follow: gradients by the initial state alone do not read it.
            || flow.outputs.contains(&value);
        let kind = if kept { BufferKind::Sequence { extra: true } } else { BufferKind::Ring };
        let (name, lanes) = (flow.state_names[state as usize].clone(), flow.state_sizes[state as usize]);
        let place = layout.port(name, BufferRole::State, kind, flow.next_states.len(), lanes);
        layout.states.push(place);
        if layout.places[value.0 as usize].is_none() {
            layout.places[value.0 as usize] = Some(Place { time: 1, ..place });
        }
    }
    for state in (0_u32..).take(flow.previous_state_gradients.len()) {
        let name = format!("gradient of {}", flow.state_names[state as usize]);
        let kept = demand.kept_gradients.contains(&state);
        let kind = if kept { BufferKind::Sequence { extra: true } } else { BufferKind::Ring };
        let lanes = flow.state_sizes[state as usize];
        let place = layout.port(name, BufferRole::StateGradient, kind, flow.next_states.len(), lanes);
        layout.state_gradients.push(place);
    }
    for id in flow.ids() {
        match flow.node(id).kind {
            FlowKind::State(state) => layout.places[id.0 as usize] = Some(layout.states[state as usize]),
            FlowKind::StateGradient(state) => {
                let place = layout.state_gradients[state as usize];
                layout.places[id.0 as usize] = Some(Place { time: 1, ..place });
            }
            _ => {}
        }
    }
    for (state, &value) in flow.previous_state_gradients.iter().enumerate() {
        if flow.node(value).under().is_some() {
            layout.places[value.0 as usize] = Some(layout.state_gradients[state]);
        }
    }
}

/// The buffers that computed values share, by pass and storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Class {
    backward: bool,
    storage: Storage,
}

/// Values that need columns of their own.
struct Slots {
    products: Vec<(Class, FlowId)>,
    elements: Vec<(Class, FlowId)>,
    /// Elements stored over a product.
    over: BTreeMap<FlowId, FlowId>,
}

impl Slots {
    fn new(flow: &Flow, sections: &Sections, demand: &Demand, layout: &Layout) -> Self {
        let mut slots = Self { products: Vec::new(), elements: Vec::new(), over: BTreeMap::new() };
        for id in flow.ids() {
            let index = id.0 as usize;
            let (Some(storage), None) = (demand.storage[index], layout.places[index]) else { continue };
            let class = Class { backward: sections.of(id).is_backward(), storage };
            match flow.node(id).kind {
                FlowKind::Product { .. } => slots.products.push((class, id)),
                _ => slots.elements.push((class, id)),
            }
        }
        slots
    }

    /// Stores elements over products that only their own loop reads. An iteration must find what was computed once as
    /// it was: there only over what the iteration itself has computed. A product that lies under an element of the tape
    /// is on the tape.
    fn reuse(&mut self, flow: &Flow, sections: &Sections, demand: &Demand) {
        let free: BTreeMap<FlowId, Class> = self
            .products
            .iter()
            .filter(|(_, id)| {
                demand.memory[id.0 as usize].is_empty() && demand.readers[id.0 as usize].len() == 1
            })
            .map(|&(class, id)| (id, class))
            .collect();
        let under = |product: Class, element: Class| {
            let longer = (product.storage, element.storage) == (Storage::Chunk, Storage::Sequence);
            product.backward == element.backward && (product.storage == element.storage || longer)
        };
        let mut taken = BTreeMap::new();
        for &(class, element) in &self.elements {
            let node = flow.node(element);
            if !node.is_element() || node.scalar {
                continue;
            }
            // Down through what the loop computes on the way, to the first product that is free.
            let mut waiting = vec![element];
            let mut seen = BTreeSet::new();
            while let Some(id) = waiting.pop() {
                for &operand in flow.node(id).operands.iter().rev() {
                    if !seen.insert(operand) {
                        continue;
                    }
                    if flow.node(operand).is_element() && demand.storage[operand.0 as usize].is_none() {
                        waiting.push(operand);
                    } else if free.get(&operand).is_some_and(|&product| under(product, class))
                        && !taken.contains_key(&operand)
                        && flow.node(operand).lanes == node.lanes
                        && (!sections.of(element).is_solved() || sections.of(operand) == sections.of(element))
                        && demand.readers[operand.0 as usize].iter().all(|key| {
                            key.section == sections.of(element)
                                && demand.computed.get(key).is_some_and(|values| values.contains(&element))
                        })
                    {
                        taken.insert(operand, class);
                        self.over.insert(element, operand);
                        waiting.clear();
                        break;
                    }
                }
            }
        }
        for (class, id) in &mut self.products {
            *class = taken.get(id).copied().unwrap_or(*class);
        }
    }

    /// Keeps products on the tape that share an operand with one which is there: beside it they are one product.
    fn join(&mut self, flow: &Flow, sections: &Sections) {
        let terms = |id: FlowId| {
            let when = term_sections(flow, id, sections.of(id));
            when.into_iter().zip(flow.node(id).operands.iter().copied())
        };
        let is_kept = |class: Class| class.storage == Storage::Sequence;
        let mut kept: BTreeSet<(Section, FlowId)> = self
            .products
            .iter()
            .filter(|(class, _)| is_kept(*class))
            .flat_map(|&(_, id)| terms(id))
            .collect();
        loop {
            let before = kept.len();
            for (class, id) in &mut self.products {
                if class.storage == Storage::Chunk && terms(*id).any(|term| kept.contains(&term)) {
                    class.storage = Storage::Sequence;
                    kept.extend(terms(*id));
                }
            }
            if kept.len() == before {
                break;
            }
        }
    }

    /// Columns for every slot.
    fn assign(&mut self, flow: &Flow, sections: &Sections, layout: &mut Layout) {
        // Products with the same terms next to each other; a sorted list of terms puts `{x}` next to `{x, h}`.
        let signature = |id: FlowId| {
            let when = term_sections(flow, id, sections.of(id));
            let mut terms: Vec<(Section, FlowId)> =
                when.into_iter().zip(flow.node(id).operands.iter().copied()).collect();
            terms.sort_unstable();
            terms.dedup();
            terms
        };
        // Of those, products under the same function next to each other: one call runs over all of them.
        let mut functions: BTreeMap<FlowId, Unary> = BTreeMap::new();
        for id in flow.ids() {
            let node = flow.node(id);
            if let (FlowKind::Unary(function), &[operand]) = (&node.kind, node.operands.as_slice()) {
                functions.entry(operand).or_insert(*function);
            }
        }
        self.products.sort_by_cached_key(|&(class, id)| {
            (class, sections.of(id), signature(id), functions.get(&id).copied(), id)
        });
        let mut buffers: BTreeMap<Class, BufferId> = BTreeMap::new();
        let mut take = |layout: &mut Layout, class: Class, lanes: usize| {
            let buffer = *buffers.entry(class).or_insert_with(|| {
                let (name, role, kind) = match (class.backward, class.storage) {
                    (_, Storage::Sequence) => {
                        ("tape", BufferRole::Tape, BufferKind::Sequence { extra: false })
                    }
                    (false, Storage::Chunk) => {
                        ("chunk", BufferRole::Scratch, BufferKind::Chunk { backward: false })
                    }
                    (false, Storage::Step) => ("step", BufferRole::Scratch, BufferKind::Step),
                    (true, Storage::Chunk) => {
                        ("adjoint", BufferRole::Scratch, BufferKind::Chunk { backward: true })
                    }
                    (true, Storage::Step) => ("adjoint step", BufferRole::Scratch, BufferKind::Step),
                };
                layout.buffer(name, role, kind)
            });
            layout.take(buffer, lanes)
        };
        for &(class, id) in &self.products {
            layout.places[id.0 as usize] = Some(take(layout, class, flow.node(id).lanes));
        }
        // Operands by the products that read them, so that each product's operands form one run where that can be.
        let mut readers: BTreeMap<FlowId, Vec<FlowId>> = BTreeMap::new();
        for id in flow.ids() {
            if matches!(flow.node(id).kind, FlowKind::Product { .. }) {
                for &operand in &flow.node(id).operands {
                    readers.entry(operand).or_default().push(id);
                }
            }
        }
        let none = Vec::new();
        self.elements
            .sort_by_cached_key(|&(class, id)| (class, readers.get(&id).unwrap_or(&none).clone(), id));
        for &(class, id) in &self.elements {
            let place = match self.over.get(&id) {
                Some(&product) => layout.places[product.0 as usize],
                None => Some(take(layout, class, flow.node(id).lanes)),
            };
            layout.places[id.0 as usize] = place;
        }
    }
}

/// What a loop writes, as a place; `None` where the place is missing, which is a defect.
pub(super) fn target_place(flow: &Flow, layout: &Layout, target: Target) -> Option<Place> {
    match target {
        Target::Own(id) => layout.places[id.0 as usize],
        Target::NextState(_, state) => {
            layout.states.get(state as usize).map(|&place| Place { time: 1, ..place })
        }
        Target::StateGradient(_, state) => layout.state_gradients.get(state as usize).copied(),
        Target::Under(_, product) => layout.place_of(flow, product),
        Target::Part(_, join, start) | Target::Zeros(join, start) => {
            layout.place_of(flow, join).map(|place| Place { column: place.column + start, ..place })
        }
        Target::Total(id) => layout.totals.get(&id).copied(),
    }
}

/// The matrix or vector that a once value is, for printing.
pub(super) fn once_name(source: OnceSource) -> String {
    match source {
        OnceSource::Parameter(index) => format!("parameter {index}"),
        OnceSource::Expression(index) => format!("expression {index}"),
    }
}
