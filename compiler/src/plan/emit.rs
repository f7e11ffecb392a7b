//! Programs: the products, operations on matrices of a sample and element loops of each section, in order.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::demand::{Demand, LoopKey, Target};
use super::flow::{Flow, FlowId, FlowKind, Solved};
use super::fuse::fuse;
use super::gradient::{GradientTerm, RawGradient, RawTerm};
use super::kernel::{Instruction, Kernel, KernelBuffer, ValueId};
use super::layout::{Layout, aligned, target_place};
use super::section::{Sections, term_sections};
use super::{
    BufferId, BufferKind, MatrixBlock, MatrixStrides, MatrixView, OnceValue, PackedLayout, Place, Plan,
    PlanError, SampleMatrix, Section, SolvedValue, Start, Step,
};

/// Everything decided so far, as a plan.
pub(super) fn emit(
    flow: Flow,
    sections: &Sections,
    demand: &Demand,
    layout: Layout,
    gradients: Vec<RawGradient>,
) -> Result<Plan, PlanError> {
    let mut emitter = Emitter {
        flow: &flow,
        sections,
        demand,
        layout: &layout,
        matrices: Vec::new(),
        matrix_of: HashMap::new(),
        kernels: Vec::new(),
        written: BTreeSet::new(),
        starts: Vec::new(),
        once_width: layout.buffers[layout.once_buffer.0 as usize].width,
    };
    let mut programs: [Vec<Step>; Section::ALL.len()] = Default::default();
    for section in Section::ALL {
        programs[section as usize] = emitter.section(section)?;
    }
    let Emitter { matrices, kernels, starts, once_width, .. } = emitter;
    let (mut buffers, mut once) = (layout.buffers.clone(), layout.once.clone());
    buffers[layout.once_buffer.0 as usize].width = once_width;
    once.extend(starts);
    let place_of = |id: FlowId| {
        layout
            .place_of(&flow, id)
            .ok_or_else(|| PlanError::Internal(format!("`{}` has no place", flow.node(id).name)))
    };
    let solved = |solved: &[Solved]| -> Result<Vec<SolvedValue>, PlanError> {
        let place = |solved: &Solved| {
            Ok(SolvedValue {
                name: flow.unknown_names[solved.index as usize].clone(),
                length: flow.node(solved.unknown).lanes,
                unknown: place_of(solved.unknown)?,
                solution: place_of(solved.solution)?,
                start: solved.start.map(|state| layout.states[state as usize]),
            })
        };
        solved.iter().map(place).collect()
    };
    let (unknowns, unknown_gradients) = (solved(&flow.solved)?, solved(&flow.solved_back)?);
    let outputs = flow.outputs.iter().map(|&id| place_of(id)).collect::<Result<_, _>>()?;
    let input_gradients =
        flow.input_gradients.iter().map(|id| id.map(place_of).transpose()).collect::<Result<_, _>>()?;
    let finish = |term: &RawTerm| {
        Ok(match *term {
            RawTerm::Outer { left, right, row, column, row_stride } => GradientTerm::Outer {
                left: place_of(left)?,
                rows: flow.node(left).lanes,
                right: place_of(right)?,
                columns: flow.node(right).lanes,
                row,
                column,
                row_stride,
            },
            RawTerm::Sum { value, into } => {
                GradientTerm::Sum { column: layout.totals.get(&value).map_or(0, |place| place.column), into }
            }
        })
    };
    let parameter_gradients =
        gradients.iter().map(|gradient| gradient.try_map(finish)).collect::<Result<_, PlanError>>()?;
    Ok(Plan {
        sizes: flow.sizes.clone(),
        buffers,
        matrices,
        kernels,
        programs,
        once,
        expressions: flow.expressions.clone(),
        input_sizes: flow.input_sizes.clone(),
        state_sizes: flow.state_sizes.clone(),
        output_sizes: flow.output_sizes.clone(),
        inputs: layout.inputs.clone(),
        inputs_read_back: layout.inputs_read_back.clone(),
        states: layout.states.clone(),
        unknowns,
        unknown_gradients,
        output_gradients: layout.output_gradients.clone(),
        state_gradients: layout.state_gradients.clone(),
        outputs,
        input_gradients,
        parameter_gradients,
    })
}

struct Emitter<'a> {
    flow: &'a Flow,
    sections: &'a Sections,
    demand: &'a Demand,
    layout: &'a Layout,
    matrices: Vec<PackedLayout>,
    /// Where each packed matrix is found: equal ones are packed once.
    matrix_of: HashMap<PackedLayout, usize>,
    kernels: Vec<Kernel>,
    /// Products that an earlier instruction has written: later terms add.
    written: BTreeSet<FlowId>,
    /// What products start at, behind all else in the buffer of constants, and how wide that is.
    starts: Vec<OnceValue>,
    once_width: usize,
}

/// One term of a product, at the time it runs.
#[derive(Clone, Copy, Debug)]
struct Part {
    product: FlowId,
    operand: FlowId,
    view: MatrixView,
}

impl Emitter<'_> {
    fn section(&mut self, section: Section) -> Result<Vec<Step>, PlanError> {
        let mut by_level: BTreeMap<usize, Vec<Part>> = BTreeMap::new();
        for product in self.flow.ids() {
            if self.demand.storage[product.0 as usize].is_none() {
                continue;
            }
            let node = self.flow.node(product);
            let FlowKind::Product { terms, .. } = &node.kind else { continue };
            let home = self.sections.of(product);
            if node.under().is_some() {
                self.written.insert(product);
            }
            let when = term_sections(self.flow, product, home);
            for ((&operand, &view), when) in node.operands.iter().zip(terms).zip(when) {
                if when != section {
                    continue;
                }
                // A term that runs ahead of its product's home runs as soon as its operand is there.
                let level = if when == home {
                    self.sections.level(product)
                } else if self.sections.of(operand) == when && !self.flow.node(operand).is_leaf() {
                    self.sections.level(operand) + 1
                } else {
                    0
                };
                by_level.entry(level).or_default().push(Part { product, operand, view });
            }
        }
        let mut sample_operations: BTreeMap<usize, Vec<FlowId>> = BTreeMap::new();
        for id in self.flow.ids() {
            let stored = self.demand.storage[id.0 as usize].is_some();
            if stored && self.flow.node(id).is_sample_operation() && self.sections.of(id) == section {
                sample_operations.entry(self.sections.level(id)).or_default().push(id);
            }
        }
        // Sorted by level: the loops of one level are a range. What no target asks for is not computed.
        let loops: BTreeSet<LoopKey> =
            self.demand.targets.keys().filter(|key| key.section == section).copied().collect();
        let levels: BTreeSet<usize> = by_level
            .keys()
            .chain(sample_operations.keys())
            .copied()
            .chain(loops.iter().map(|key| key.level))
            .collect();
        let mut program = Vec::new();
        for level in levels {
            if let Some(parts) = by_level.get(&level) {
                self.products(parts, &mut program)?;
            }
            for &id in sample_operations.get(&level).into_iter().flatten() {
                program.push(self.sample_operation(id)?);
            }
            let first = LoopKey { section, level, lanes: 0 };
            for key in loops.range(first..).take_while(|key| key.level == level) {
                if let Some(step) = self.element_loop(*key)? {
                    program.push(step);
                }
            }
        }
        Ok(program)
    }

    fn place_of(&self, id: FlowId) -> Result<Place, PlanError> {
        self.layout
            .place_of(self.flow, id)
            .ok_or_else(|| PlanError::Internal(format!("`{}` has no place", self.flow.node(id).name)))
    }

    fn sample_operation(&self, id: FlowId) -> Result<Step, PlanError> {
        let node = self.flow.node(id);
        let output = self.place_of(id)?;
        let operand = |position: usize, strides: MatrixStrides| {
            let value = *node
                .operands
                .get(position)
                .ok_or_else(|| PlanError::Internal(format!("`{}` lacks an operand", node.name)))?;
            Ok(SampleMatrix { place: self.place_of(value)?, strides })
        };
        match node.kind {
            FlowKind::SampleProduct { left, right } => {
                Ok(Step::SampleProduct { left: operand(0, left)?, right: operand(1, right)?, output })
            }
            FlowKind::Arrange { from, start, total } => {
                Ok(Step::Arrange { from: operand(0, from)?, output, start, total })
            }
            FlowKind::RowMaximum { from } => Ok(Step::RowMaximum { from: operand(0, from)?, output }),
            _ => Err(PlanError::Internal(format!("`{}` is no operation on matrices", node.name))),
        }
    }

    /// The products of one level: those with the same operands and adjoining results are one wide product; operands
    /// that adjoin are one long row.
    fn products(&mut self, parts: &[Part], program: &mut Vec<Step>) -> Result<(), PlanError> {
        // For each product its terms, sorted by where the operands lie.
        let mut by_product: BTreeMap<FlowId, Vec<(Place, Part)>> = BTreeMap::new();
        for &part in parts {
            by_product.entry(part.product).or_default().push((self.place_of(part.operand)?, part));
        }
        let mut products = Vec::new();
        for (product, mut terms) in by_product {
            terms.sort_by_key(|&(place, part)| (place, part.view));
            products.push((self.place_of(product)?, product, terms));
        }
        products.sort_by_key(|product| product.0);
        let mut first = 0;
        while first < products.len() {
            let mut end = first + 1;
            while end < products.len() && self.joins(&products[end - 1], &products[end]) {
                end += 1;
            }
            self.wide_product(&products[first..end], program);
            for product in &products[first..end] {
                self.written.insert(product.1);
            }
            first = end;
        }
        Ok(())
    }

    /// True where the second product's columns continue the first one's, with the same operands.
    fn joins(&self, left: &PlacedProduct, right: &PlacedProduct) -> bool {
        let node = self.flow.node(left.1);
        let lanes = node.lanes;
        // A wide product adds onto the columns between its parts as well; there a loop has to have written zeros.
        let adds_onto_pads = node.under().is_some() && lanes != aligned(lanes);
        let next = Place { column: left.0.column + aligned(lanes), ..left.0 };
        let operands =
            |product: &PlacedProduct| product.2.iter().map(|term| term.1.operand).collect::<Vec<_>>();
        let distinct =
            |product: &PlacedProduct| product.2.windows(2).all(|pair| pair[0].1.operand != pair[1].1.operand);
        next == right.0
            && !adds_onto_pads
            && self.written.contains(&left.1) == self.written.contains(&right.1)
            && operands(left) == operands(right)
            && distinct(left)
            && distinct(right)
    }

    /// What products side by side start at: a row of their biases, if any has one.
    fn start(&mut self, products: &[PlacedProduct], output: Place, columns: usize) -> Start {
        let mut biases = Vec::new();
        for &(place, product, _) in products {
            let node = self.flow.node(product);
            if let FlowKind::Product { start: Some(source), .. } = node.kind {
                let column = self.once_width + place.column - output.column;
                biases.push(OnceValue { source, column, length: node.lanes });
            }
        }
        if biases.is_empty() {
            return Start::Zero;
        }
        let first = self.once_width;
        self.once_width += aligned(columns);
        self.starts.append(&mut biases);
        Start::Row(Place { buffer: self.layout.once_buffer, time: 0, column: first })
    }

    fn wide_product(&mut self, products: &[PlacedProduct], program: &mut Vec<Step>) {
        let Some(&(output, leader, ref terms)) = products.first() else { return };
        let column_of = |product: &PlacedProduct| product.0.column - output.column;
        let columns =
            products.last().map_or(0, |product| column_of(product) + self.flow.node(product.1).lanes);
        let mut start = match self.written.contains(&leader) {
            true => Start::There,
            false => self.start(products, output, columns),
        };
        let mut first = 0;
        while first < terms.len() {
            let mut end = first + 1;
            while end < terms.len() {
                let (before, after) = (terms[end - 1], terms[end]);
                let next = before.0.column + aligned(self.flow.node(before.1.operand).lanes);
                let adjoins = after.0 == Place { column: next, ..before.0 };
                if !adjoins || !self.pads_are_zero(before.1.operand) {
                    break;
                }
                end += 1;
            }
            let operand = terms[first].0;
            let rows =
                terms[end - 1].0.column - operand.column + self.flow.node(terms[end - 1].1.operand).lanes;
            let blocks = products
                .iter()
                .flat_map(|product| {
                    product.2[first..end].iter().map(move |&(place, part)| MatrixBlock {
                        view: part.view,
                        row: place.column - operand.column,
                        column: column_of(product),
                    })
                })
                .collect();
            let backward = self.sections.of(leader).is_backward();
            let packed = PackedLayout { rows, columns, blocks, backward };
            let matrix = match self.matrix_of.get(&packed) {
                Some(&known) => known,
                None => {
                    self.matrices.push(packed.clone());
                    self.matrix_of.insert(packed, self.matrices.len() - 1);
                    self.matrices.len() - 1
                }
            };
            program.push(Step::Product { operand, matrix, output, start });
            start = Start::There;
            first = end;
        }
    }

    /// True where the columns between this value and the next hold zeros, so that a row may run across them. Products
    /// leave NaN there where their operands are infinite.
    fn pads_are_zero(&self, id: FlowId) -> bool {
        let node = self.flow.node(id);
        node.lanes == aligned(node.lanes)
            || !(matches!(node.kind, FlowKind::Product { .. } | FlowKind::Slice { .. })
                || self.layout.over_products.contains(&id))
    }

    fn element_loop(&mut self, key: LoopKey) -> Result<Option<Step>, PlanError> {
        let none = BTreeSet::new();
        let computed = self.demand.computed.get(&key).unwrap_or(&none);
        let Some(targets) = self.demand.targets.get(&key) else { return Ok(None) };
        let mut builder = LoopBuilder {
            emitter: self,
            key,
            computed,
            kernel: Kernel {
                name: String::new(),
                lanes: key.lanes,
                buffers: Vec::new(),
                instructions: Vec::new(),
            },
            bindings: Vec::new(),
            values: HashMap::new(),
            loads: HashMap::new(),
            stored: HashSet::new(),
        };
        let mut names = Vec::new();
        for &target in targets {
            builder.target(target, &mut names)?;
        }
        let (mut kernel, bindings) = (builder.kernel, builder.bindings);
        names.dedup();
        kernel.name = names.join(", ");
        fuse(&mut kernel);
        kernel
            .verify()
            .map_err(|error| PlanError::Internal(format!("element loop `{}`: {error}", kernel.name)))?;
        self.kernels.push(kernel);
        Ok(Some(Step::Loop { kernel: self.kernels.len() - 1, bindings }))
    }
}

type PlacedProduct = (Place, FlowId, Vec<(Place, Part)>);

/// Straight-line code for one element loop.
struct LoopBuilder<'a, 'b> {
    emitter: &'a Emitter<'b>,
    key: LoopKey,
    computed: &'a BTreeSet<FlowId>,
    kernel: Kernel,
    bindings: Vec<(BufferId, usize)>,
    values: HashMap<FlowId, ValueId>,
    loads: HashMap<(Place, bool), ValueId>,
    stored: HashSet<(Place, ValueId)>,
}

impl LoopBuilder<'_, '_> {
    fn target(&mut self, target: Target, names: &mut Vec<String>) -> Result<(), PlanError> {
        let place = target_place(self.emitter.flow, self.emitter.layout, target)
            .ok_or_else(|| PlanError::Internal("a loop writes to nowhere".to_owned()))?;
        let (value, scalar, name) = match target {
            Target::Own(id)
            | Target::NextState(id, _)
            | Target::StateGradient(id, _)
            | Target::Under(id, _)
            | Target::Part(id, ..)
            | Target::Total(id) => {
                let value = self.value(id)?;
                let node = self.emitter.flow.node(id);
                (value, node.scalar, node.name.clone())
            }
            Target::Zeros(..) => (self.push(Instruction::Constant(0.0)), false, "zeros".to_owned()),
        };
        let total = matches!(target, Target::Total(_));
        names.push(if total { format!("Σ {name}") } else { name });
        let buffer = self.buffer(place);
        let column = place.column;
        let instruction = match (total, scalar) {
            (false, false) => Instruction::Store { buffer, column, value },
            (false, true) => Instruction::StoreScalar { buffer, column, value },
            (true, false) => Instruction::Accumulate { buffer, column, value },
            (true, true) => Instruction::AccumulateScalar { buffer, column, value },
        };
        let width = column + if scalar { 1 } else { self.key.lanes };
        self.widen(buffer, width);
        // The same place twice would be the same value twice.
        if self.stored.insert((place, value)) {
            self.push(instruction);
        }
        Ok(())
    }

    fn push(&mut self, instruction: Instruction) -> ValueId {
        self.kernel.instructions.push(instruction);
        ValueId(self.kernel.instructions.len() as u32 - 1)
    }

    fn buffer(&mut self, place: Place) -> usize {
        let binding = (place.buffer, place.time);
        if let Some(known) = self.bindings.iter().position(|&known| known == binding) {
            return known;
        }
        let buffer = &self.emitter.layout.buffers[place.buffer.0 as usize];
        let stride = if buffer.kind == BufferKind::Once { 0 } else { buffer.width };
        let name = if place.time == 0 { buffer.name.clone() } else { format!("{}, next block", buffer.name) };
        self.kernel.buffers.push(KernelBuffer { stride, width: 0, name });
        self.bindings.push(binding);
        self.bindings.len() - 1
    }

    fn widen(&mut self, buffer: usize, width: usize) {
        let at = &mut self.kernel.buffers[buffer].width;
        *at = (*at).max(width);
    }

    /// The value within this loop: computed, operands first, or loaded.
    fn value(&mut self, id: FlowId) -> Result<ValueId, PlanError> {
        let mut waiting = vec![id];
        while let Some(&at) = waiting.last() {
            if self.values.contains_key(&at) {
                waiting.pop();
                continue;
            }
            let flow = self.emitter.flow;
            let node = flow.node(at);
            if !self.computed.contains(&at) {
                let value = self.load(at)?;
                self.values.insert(at, value);
                waiting.pop();
                continue;
            }
            let missing: Vec<FlowId> = node
                .operands
                .iter()
                .rev()
                .filter(|operand| !self.values.contains_key(operand))
                .copied()
                .collect();
            if !missing.is_empty() {
                waiting.extend(missing);
                continue;
            }
            let operand = |k: usize| self.values[&node.operands[k]];
            let value = match node.kind {
                FlowKind::Unary(function) => self.push(Instruction::Unary(function, operand(0))),
                FlowKind::Binary(function) => {
                    self.push(Instruction::Binary(function, operand(0), operand(1)))
                }
                FlowKind::Ternary(function) => {
                    self.push(Instruction::Ternary(function, operand(0), operand(1), operand(2)))
                }
                FlowKind::Sum => self.push(Instruction::Sum(operand(0))),
                FlowKind::MaximumElement => self.push(Instruction::MaximumElement(operand(0))),
                FlowKind::CumulativeSum { reverse } => {
                    self.push(Instruction::CumulativeSum { reverse, value: operand(0) })
                }
                FlowKind::Copy => operand(0),
                _ => return Err(PlanError::Internal(format!("a loop cannot compute `{}`", node.name))),
            };
            self.values.insert(at, value);
            waiting.pop();
        }
        Ok(self.values[&id])
    }

    fn load(&mut self, id: FlowId) -> Result<ValueId, PlanError> {
        let node = self.emitter.flow.node(id);
        if let FlowKind::Constant(number) = node.kind {
            return Ok(self.push(Instruction::Constant(number)));
        }
        let place = self.emitter.place_of(id)?;
        let scalar = node.scalar;
        if let Some(&known) = self.loads.get(&(place, scalar)) {
            return Ok(known);
        }
        if !scalar && node.lanes != self.key.lanes {
            return Err(PlanError::Internal(format!(
                "`{}` has {} lanes, its loop {}",
                node.name, node.lanes, self.key.lanes
            )));
        }
        let buffer = self.buffer(place);
        let column = place.column;
        self.widen(buffer, column + if scalar { 1 } else { self.key.lanes });
        let instruction = if scalar {
            Instruction::LoadScalar { buffer, column }
        } else {
            Instruction::Load { buffer, column }
        };
        let value = self.push(instruction);
        self.loads.insert((place, scalar), value);
        Ok(value)
    }
}
