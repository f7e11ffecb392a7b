//! From a schedule to Cranelift's intermediate form.
//!
//! The function made, for a row of several tiles and one segment after another:
//!
//! ```text
//! fn kernel(buffers, rows, primitives, scratch)
//!     for row in 0 .. rows                          offsets of the row, one for each distinct stride
//!         pointers = buffers[i] + offset            scalars of segment 0
//!         for tile in 0 .. tiles                    left out where there is one tile
//!             for vector in tile                    segment 0; left out where there is one vector
//!                 reads, arithmetic, writes
//!             remaining lanes, as one vector        only where lanes do not fill vectors, in the last tile
//!             primitives[f](destination, source, lanes of the tile), or a loop that sums from lane to lane
//!             scalars of segment 1
//!             for vector in tile                    segment 1
//!                 ...
//!         stores of scalars
//! ```
//!
//! Rows with a reduction have one tile, so scalars that come from reductions are known before what uses them, and
//! scalars of rows with several tiles do not depend on tiles.
//!
//! A vector of `f64` holds two lanes, but reductions have four partial results by `lane % 4`; loops that carry a
//! reduction therefore take two vectors of `f64` at a time.
//!
//! Here are the loops and what stands in them; `access` reads and writes memory, `reduction` combines lanes.

#![forbid(unsafe_code)]

mod access;
mod reduction;

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{
    AbiParam, BlockArg, Function, InstBuilder, MemFlagsData, SigRef, Signature, Type, Value,
};
use cranelift_codegen::isa::TargetFrontendConfig;
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};

use super::error::CodegenError;
use super::schedule::{Argument, Schedule, Segment, Step, TileFunction};
use super::vector::{VECTOR_BYTES, Vectors};
use crate::operator::Unary;
use crate::plan::kernel::{Instruction, Kernel, Kind, Precision, ValueId};

/// Partial results of a reduction.
const PARTIALS: usize = 4;

/// The signature of compiled kernels: `(buffers, rows, primitives, scratch)`.
pub(super) fn signature(target: TargetFrontendConfig) -> Signature {
    let mut signature = Signature::new(target.default_call_conv);
    let pointer = AbiParam::new(target.pointer_type());
    signature.params.extend([pointer; 4]);
    signature
}

/// Builds the function of a kernel into `function`, whose signature is set.
///
/// The kernel has been verified and its columns and strides, in bytes, fit an `i64`.
pub(super) fn emit(
    kernel: &Kernel,
    schedule: &Schedule,
    precision: Precision,
    target: TargetFrontendConfig,
    function: &mut Function,
    context: &mut FunctionBuilderContext,
) -> Result<(), CodegenError> {
    let builder = FunctionBuilder::new(function, context);
    let emitter = Emitter {
        builder,
        kernel,
        schedule,
        vectors: Vectors::new(precision),
        pointer: target.pointer_type(),
        primitive_signature: None,
        target,
        row: Vec::new(),
        scalars: vec![None; kernel.instructions.len()],
        missing: None,
        lanes: vec![None; kernel.instructions.len()],
        scratch: None,
        table: None,
    };
    match emitter.run() {
        None => Ok(()),
        Some(value) => {
            let message = format!("{value} of kernel `{}` is used before it is known", kernel.name);
            Err(CodegenError::Cranelift(message))
        }
    }
}

/// Memory accesses neither trap (there is no handler) nor assume alignment beyond that of an element.
fn flags() -> MemFlagsData {
    MemFlagsData::new().with_notrap()
}

/// A byte offset as an immediate. Compilation refuses kernels whose offsets do not fit.
fn immediate(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// The part of a row that the loops of one tile cover; bytes from the start of the lanes.
#[derive(Clone, Copy)]
struct Tile {
    /// First byte; `None` where it is zero.
    start: Option<Value>,
    /// End of the tile; `None` where the tile is the whole row.
    end: Option<Value>,
}

struct Emitter<'a> {
    builder: FunctionBuilder<'a>,
    kernel: &'a Kernel,
    schedule: &'a Schedule,
    vectors: Vectors,
    pointer: Type,
    primitive_signature: Option<SigRef>,
    target: TargetFrontendConfig,
    /// Pointer to the row, for each buffer.
    row: Vec<Value>,
    /// Scalars known so far, one number in all lanes.
    scalars: Vec<Option<Value>>,
    /// A value that was used before it was known: a mistake of the schedule.
    missing: Option<ValueId>,
    /// Lane values of the body being written.
    lanes: Vec<Option<Value>>,
    scratch: Option<Value>,
    table: Option<Value>,
}

impl Emitter<'_> {
    /// Writes the function; returns a value that the schedule forgot, if any.
    fn run(mut self) -> Option<ValueId> {
        let entry = self.builder.create_block();
        self.builder.append_block_params_for_function_params(entry);
        self.builder.switch_to_block(entry);
        let (buffers, rows, table, scratch) = match *self.builder.block_params(entry) {
            [buffers, rows, table, scratch] => (buffers, rows, table, scratch),
            // The signature has four parameters.
            _ => return Some(ValueId(0)),
        };
        self.table = Some(table);
        self.scratch = Some(scratch);

        let mut strides: Vec<usize> = self.kernel.buffers.iter().map(|buffer| buffer.stride).collect();
        strides.retain(|stride| *stride != 0);
        strides.sort_unstable();
        strides.dedup();

        let head = self.builder.create_block();
        let exit = self.builder.create_block();
        let remaining = self.builder.append_block_param(head, self.pointer);
        let offsets: Vec<Value> =
            strides.iter().map(|_| self.builder.append_block_param(head, self.pointer)).collect();
        let zero = self.builder.ins().iconst(self.pointer, 0);
        let mut first = vec![BlockArg::from(rows)];
        first.extend(strides.iter().map(|_| BlockArg::from(zero)));
        self.builder.ins().brif(rows, head, &first, exit, &[]);

        self.builder.switch_to_block(head);
        for (index, buffer) in self.kernel.buffers.iter().enumerate() {
            let slot = immediate(index * self.target.pointer_bytes() as usize);
            let base = self.load_at(self.pointer, buffers, slot);
            let pointer = match strides.binary_search(&buffer.stride) {
                Ok(at) => self.builder.ins().iadd(base, offsets[at]),
                Err(_) => base,
            };
            self.row.push(pointer);
        }
        self.row_body();

        let mut next = vec![BlockArg::from(self.builder.ins().iadd_imm_s(remaining, -1))];
        for (stride, offset) in strides.iter().zip(&offsets) {
            let bytes = immediate(stride * self.vectors.element_bytes());
            next.push(BlockArg::from(self.builder.ins().iadd_imm_s(*offset, bytes)));
        }
        let again = self.builder.ins().icmp_imm_s(IntCC::NotEqual, remaining, 1);
        self.builder.ins().brif(again, head, &next, exit, &[]);
        self.builder.switch_to_block(exit);
        self.builder.ins().return_(&[]);
        self.builder.seal_all_blocks();
        self.builder.finalize(self.target);
        self.missing
    }

    /// Everything that happens to one row.
    fn row_body(&mut self) {
        let schedule = self.schedule;
        if schedule.tiles <= 1 {
            let tile = Tile { start: None, end: None };
            for segment in &schedule.segments {
                self.scalars_of(segment);
                self.segment(segment, tile);
            }
        } else {
            // Several tiles mean no reductions, so no scalar waits for a loop.
            for segment in &schedule.segments {
                self.scalars_of(segment);
            }
            let element = self.vectors.element_bytes();
            let length = immediate(schedule.tile * element);
            let row_end = immediate(self.kernel.lanes * element);
            let scratch = self.scratch;
            let head = self.builder.create_block();
            let after = self.builder.create_block();
            let start = self.builder.append_block_param(head, self.pointer);
            let zero = self.builder.ins().iconst(self.pointer, 0);
            self.builder.ins().jump(head, &[BlockArg::from(zero)]);
            self.builder.switch_to_block(head);
            let mut end = self.builder.ins().iadd_imm_s(start, length);
            let next = end;
            if !self.kernel.lanes.is_multiple_of(schedule.tile) {
                let limit = self.builder.ins().iconst(self.pointer, row_end);
                end = self.builder.ins().umin(end, limit);
            }
            // Scratch tiles are indexed by the same offset as rows.
            self.scratch = scratch.map(|scratch| self.builder.ins().isub(scratch, start));
            for segment in &schedule.segments {
                self.segment(segment, Tile { start: Some(start), end: Some(end) });
            }
            self.scratch = scratch;
            let again = self.builder.ins().icmp_imm_s(IntCC::UnsignedLessThan, next, row_end);
            self.builder.ins().brif(again, head, &[BlockArg::from(next)], after, &[]);
            self.builder.switch_to_block(after);
        }
        self.store_scalars();
    }

    /// Evaluates the scalars that are known before a loop.
    fn scalars_of(&mut self, segment: &Segment) {
        for &value in &segment.scalars {
            let result = match self.kernel.instructions[value.0 as usize] {
                Instruction::LoadScalar { buffer, column } => {
                    let bytes = immediate(column * self.vectors.element_bytes());
                    let element = self.load_at(self.vectors.element_type(), self.row[buffer], bytes);
                    Some(self.builder.ins().splat(self.vectors.vector_type(), element))
                }
                Instruction::Constant(number) => Some(self.vectors.constant(&mut self.builder, number)),
                Instruction::Unary(function, x) if function.is_primitive() => {
                    let x = self.value(x);
                    x.map(|x| self.scalar_primitive(function, x))
                }
                // Reductions were put here by the loop before; a row without lanes has no loop.
                Instruction::Sum(_) => self.scalars[value.0 as usize]
                    .or_else(|| Some(self.vectors.constant(&mut self.builder, 0.0))),
                Instruction::MaximumElement(_) => self.scalars[value.0 as usize]
                    .or_else(|| Some(self.vectors.constant(&mut self.builder, f64::NEG_INFINITY))),
                _ => self.arithmetic(value),
            };
            self.scalars[value.0 as usize] = result;
        }
    }

    /// A primitive of one number passes through scratch memory.
    fn scalar_primitive(&mut self, function: Unary, x: Value) -> Value {
        let bytes = immediate(self.schedule.scalar_element * self.vectors.element_bytes());
        let element = self.builder.ins().extractlane(x, 0);
        if let Some(scratch) = self.scratch {
            let place = self.builder.ins().iadd_imm_s(scratch, bytes);
            self.builder.ins().store(flags(), element, place, 0);
            let one = self.builder.ins().iconst(self.pointer, 1);
            self.call(function, place, place, one);
            let element = self.builder.ins().load(self.vectors.element_type(), flags(), place, 0);
            return self.builder.ins().splat(self.vectors.vector_type(), element);
        }
        x
    }

    /// One loop over the vectors of a tile, the remaining lanes, and the calls that follow.
    ///
    /// ```text
    ///     j = tile start, partials = start values
    ///   head(j, partials):
    ///     body
    ///     j += step; if j < end of full vectors { head(j, partials) }
    /// ```
    fn segment(&mut self, segment: &Segment, tile: Tile) {
        let idle =
            segment.writes.is_empty() && segment.accumulations.is_empty() && segment.reductions.is_empty();
        if self.schedule.tiles == 0 {
            return;
        }
        if !idle {
            self.segment_loop(segment, tile);
        }
        if segment.calls.is_empty() {
            return;
        }
        let element = immediate(self.vectors.element_bytes());
        let length = match (tile.start, tile.end) {
            (Some(start), Some(end)) => {
                let bytes = self.builder.ins().isub(end, start);
                self.builder.ins().ushr_imm_u(bytes, i64::from(element.ilog2()))
            }
            _ => self.builder.ins().iconst(self.pointer, immediate(self.kernel.lanes)),
        };
        for call in &segment.calls {
            let function = match call.function {
                TileFunction::Primitive(function) => function,
                TileFunction::CumulativeSum { reverse } => {
                    self.cumulative_sum(call.source, call.destination, reverse);
                    continue;
                }
            };
            // A primitive of a scalar is a scalar, and no call.
            let Argument::Lanes(source) = call.source else { continue };
            let source = self.address(source, tile.start);
            let destination = self.address(call.destination, tile.start);
            let length = match call.tiles {
                1 => length,
                // Only full tiles are merged.
                tiles => self.builder.ins().iconst(self.pointer, immediate(tiles * self.schedule.tile)),
            };
            self.call(function, destination, source, length);
        }
    }

    fn segment_loop(&mut self, segment: &Segment, tile: Tile) {
        let vectors = self.vectors;
        let lanes = self.kernel.lanes;
        let unroll = if segment.reductions.is_empty() { 1 } else { PARTIALS / vectors.lanes() };
        let group = unroll * vectors.lanes();
        let step = immediate(unroll * VECTOR_BYTES);
        let tail = lanes % group;
        let full_end = (lanes - tail) * vectors.element_bytes();

        // One partial vector for each reduction and each unrolled vector.
        let mut partials: Vec<Value> = Vec::new();
        for value in &segment.reductions {
            let start = self.start_value(*value);
            let start = self.vectors.constant(&mut self.builder, start);
            partials.extend(std::iter::repeat_n(start, unroll));
        }

        let groups = lanes / group;
        match (tile.start, tile.end) {
            (Some(start), Some(end)) => {
                // Several tiles: no reductions, hence no partial results to carry past the loop.
                let end_of_vectors = if tail == 0 {
                    end
                } else {
                    let limit = self.builder.ins().iconst(self.pointer, immediate(full_end));
                    self.builder.ins().umin(end, limit)
                };
                let head = self.builder.create_block();
                let after = self.builder.create_block();
                let j = self.builder.append_block_param(head, self.pointer);
                let last = lanes % self.schedule.tile;
                if last != 0 && last < group {
                    // The last tile has no full vector.
                    let any = self.builder.ins().icmp(IntCC::UnsignedLessThan, start, end_of_vectors);
                    self.builder.ins().brif(any, head, &[BlockArg::from(start)], after, &[]);
                } else {
                    self.builder.ins().jump(head, &[BlockArg::from(start)]);
                }
                self.builder.switch_to_block(head);
                self.body(segment, Some(j), 0, vectors.lanes());
                let next = self.builder.ins().iadd_imm_s(j, step);
                let again = self.builder.ins().icmp(IntCC::UnsignedLessThan, next, end_of_vectors);
                self.builder.ins().brif(again, head, &[BlockArg::from(next)], after, &[]);
                self.builder.switch_to_block(after);
                if tail != 0 {
                    let remaining = self.builder.create_block();
                    let done = self.builder.create_block();
                    let row_end = immediate(lanes * vectors.element_bytes());
                    let is_last = self.builder.ins().icmp_imm_s(IntCC::Equal, end, row_end);
                    self.builder.ins().brif(is_last, remaining, &[], done, &[]);
                    self.builder.switch_to_block(remaining);
                    let j = self.builder.ins().iconst(self.pointer, immediate(full_end));
                    self.body(segment, Some(j), 0, tail);
                    self.builder.ins().jump(done, &[]);
                    self.builder.switch_to_block(done);
                }
            }
            _ => {
                match groups {
                    0 => {}
                    1 => partials = self.bodies(segment, None, 0, group, &partials),
                    _ => partials = self.counted_loop(segment, step, full_end, group, &partials),
                }
                if tail != 0 {
                    partials = self.bodies(segment, None, full_end, tail, &partials);
                }
            }
        }
        for (value, partial) in segment.reductions.iter().zip(partials.chunks(unroll)) {
            let result = self.combine_partials(*value, partial);
            self.scalars[value.0 as usize] = Some(result);
        }
    }

    /// The loop over the full vectors of a row that is one tile.
    fn counted_loop(
        &mut self,
        segment: &Segment,
        step: i64,
        full_end: usize,
        group: usize,
        partials: &[Value],
    ) -> Vec<Value> {
        let head = self.builder.create_block();
        let after = self.builder.create_block();
        let j = self.builder.append_block_param(head, self.pointer);
        let carried: Vec<Value> = partials
            .iter()
            .map(|_| self.builder.append_block_param(head, self.vectors.vector_type()))
            .collect();
        let zero = self.builder.ins().iconst(self.pointer, 0);
        let arguments = |j: Value, partials: &[Value]| -> Vec<BlockArg> {
            std::iter::once(j).chain(partials.iter().copied()).map(BlockArg::from).collect()
        };
        self.builder.ins().jump(head, &arguments(zero, partials));
        self.builder.switch_to_block(head);
        let partials = self.bodies(segment, Some(j), 0, group, &carried);
        let next = self.builder.ins().iadd_imm_s(j, step);
        let again = self.builder.ins().icmp_imm_s(IntCC::UnsignedLessThan, next, immediate(full_end));
        self.builder.ins().brif(again, head, &arguments(next, &partials), after, &[]);
        self.builder.switch_to_block(after);
        partials
    }

    /// The body for `lanes` lanes, at most a group, from byte `j + displacement` on.
    fn bodies(
        &mut self,
        segment: &Segment,
        j: Option<Value>,
        displacement: usize,
        lanes: usize,
        partials: &[Value],
    ) -> Vec<Value> {
        let mut result = partials.to_vec();
        let width = self.vectors.lanes();
        let unroll = partials.len().checked_div(segment.reductions.len()).unwrap_or(1);
        for (vector, first) in (0..lanes).step_by(width).enumerate() {
            let live = width.min(lanes - first);
            self.body(segment, j, displacement + vector * VECTOR_BYTES, live);
            for (index, reduction) in segment.reductions.iter().enumerate() {
                let Some(partial) = result.get_mut(index * unroll + vector) else { continue };
                let Some(operand) = self.kernel.instructions[reduction.0 as usize].operands().next() else {
                    continue;
                };
                let Some(x) = self.value(operand) else { continue };
                let neutral = self.start_value(*reduction);
                let x = self.vectors.keep(&mut self.builder, x, live, neutral);
                let function = self.combination(*reduction);
                *partial = self.vectors.binary(&mut self.builder, function, *partial, x);
            }
        }
        result
    }

    /// One iteration for the `live` first lanes of the vector at byte `j + displacement`: all reads, then arithmetic,
    /// then all writes.
    fn body(&mut self, segment: &Segment, j: Option<Value>, displacement: usize, live: usize) {
        for step in &segment.steps {
            // Every value that a body uses is a step of the same segment, so none of an earlier body is seen.
            match *step {
                Step::Read(value, place) => {
                    self.lanes[value.0 as usize] = Some(self.read(place, j, displacement, live));
                }
                Step::Evaluate(value) => self.lanes[value.0 as usize] = self.arithmetic(value),
            }
        }
        for &(value, place) in &segment.writes {
            if let Some(x) = self.value(value) {
                self.write(place, j, displacement, live, x);
            }
        }
        for &(value, place) in &segment.accumulations {
            if let Some(x) = self.value(value) {
                let old = self.read(place, j, displacement, live);
                let new = self.builder.ins().fadd(old, x);
                self.write(place, j, displacement, live, new);
            }
        }
    }

    /// A value of a loop, or a scalar.
    fn value(&mut self, value: ValueId) -> Option<Value> {
        let found = match self.schedule.kinds[value.0 as usize] {
            Kind::Lanes => self.lanes[value.0 as usize],
            _ => self.scalars[value.0 as usize],
        };
        if found.is_none() {
            self.missing.get_or_insert(value);
        }
        found
    }

    /// An element-wise function. The schedule puts operands first, so they are known.
    fn arithmetic(&mut self, value: ValueId) -> Option<Value> {
        match self.kernel.instructions[value.0 as usize] {
            Instruction::Unary(function, x) => {
                let x = self.value(x)?;
                self.vectors.unary(&mut self.builder, function, x)
            }
            Instruction::Binary(function, a, b) => {
                let (a, b) = (self.value(a)?, self.value(b)?);
                Some(self.vectors.binary(&mut self.builder, function, a, b))
            }
            Instruction::Ternary(function, a, b, c) => {
                let (a, b, c) = (self.value(a)?, self.value(b)?, self.value(c)?);
                Some(self.vectors.ternary(&mut self.builder, function, a, b, c))
            }
            _ => None,
        }
    }

    /// `primitives[function](destination, source, length)`.
    fn call(&mut self, function: Unary, destination: Value, source: Value, length: Value) {
        let (Some(index), Some(table)) = (function.primitive_index(), self.table) else { return };
        let signature = match self.primitive_signature {
            Some(signature) => signature,
            None => {
                let mut signature = Signature::new(self.target.default_call_conv);
                signature.params.extend([AbiParam::new(self.pointer); 3]);
                let signature = self.builder.import_signature(signature);
                *self.primitive_signature.insert(signature)
            }
        };
        let slot = immediate(index * self.target.pointer_bytes() as usize);
        let callee = self.load_at(self.pointer, table, slot);
        self.builder.ins().call_indirect(signature, callee, &[destination, source, length]);
    }
}
