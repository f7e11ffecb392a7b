//! Reads and writes of memory: addresses, whole vectors, single lanes, scalars.
//!
//! # Invariants
//!
//! - What does not fit the displacement of an instruction is added to the pointer.

use cranelift_codegen::ir::{InstBuilder, Type, Value};

use super::{Emitter, flags, immediate};
use crate::codegen::schedule::Place;
use crate::plan::kernel::Instruction;

impl Emitter<'_> {
    /// Stores of scalars come last, after every load of the row.
    pub(super) fn store_scalars(&mut self) {
        for instruction in &self.kernel.instructions {
            let (buffer, column, value, adds) = match *instruction {
                Instruction::StoreScalar { buffer, column, value } => (buffer, column, value, false),
                Instruction::AccumulateScalar { buffer, column, value } => (buffer, column, value, true),
                _ => continue,
            };
            let Some(x) = self.value(value) else { continue };
            let bytes = immediate(column * self.vectors.element_bytes());
            let mut element = self.builder.ins().extractlane(x, 0);
            let pointer = self.row[buffer];
            if adds {
                let old = self.load_at(self.vectors.element_type(), pointer, bytes);
                element = self.builder.ins().fadd(old, element);
            }
            let (pointer, offset) = self.displaced(pointer, bytes);
            self.builder.ins().store(flags(), element, pointer, offset);
        }
    }

    /// Pointer and bytes of the first lane of a place.
    fn base(&self, place: Place) -> (Option<Value>, usize) {
        let element = self.vectors.element_bytes();
        match place {
            Place::Buffer { buffer, column } => (self.row.get(buffer).copied(), column * element),
            Place::Scratch { element: first } => (self.scratch, first * element),
        }
    }

    /// Address of a place for a call.
    pub(super) fn address(&mut self, place: Place, j: Option<Value>) -> Value {
        let (pointer, offset) = self.element_address(place, j, 0);
        self.builder.ins().iadd_imm_s(pointer, i64::from(offset))
    }

    /// Pointer and displacement of byte `j + displacement` of a place.
    pub(super) fn element_address(
        &mut self,
        place: Place,
        j: Option<Value>,
        displacement: usize,
    ) -> (Value, i32) {
        let (pointer, bytes) = self.base(place);
        let pointer = match pointer {
            Some(pointer) => pointer,
            // Every place belongs to a buffer of the kernel or to scratch memory; both are set up in `run`.
            None => self.builder.ins().iconst(self.pointer, 0),
        };
        let pointer = match j {
            Some(j) => self.builder.ins().iadd(pointer, j),
            None => pointer,
        };
        self.displaced(pointer, immediate(bytes + displacement))
    }

    /// Moves into the pointer what does not fit the displacement of an instruction.
    fn displaced(&mut self, pointer: Value, bytes: i64) -> (Value, i32) {
        match i32::try_from(bytes) {
            // Room for the lanes of one vector.
            Ok(offset) if offset < i32::MAX - 64 => (pointer, offset),
            _ => (self.builder.ins().iadd_imm_s(pointer, bytes), 0),
        }
    }

    pub(super) fn load_at(&mut self, of: Type, pointer: Value, bytes: i64) -> Value {
        let (pointer, offset) = self.displaced(pointer, bytes);
        self.builder.ins().load(of, flags(), pointer, offset)
    }

    pub(super) fn read(&mut self, place: Place, j: Option<Value>, displacement: usize, live: usize) -> Value {
        let (pointer, offset) = self.element_address(place, j, displacement);
        let vectors = self.vectors;
        if live == vectors.lanes() {
            return self.builder.ins().load(vectors.vector_type(), flags(), pointer, offset);
        }
        let mut result = vectors.constant(&mut self.builder, 0.0);
        for (lane, offset) in (0..live).zip((offset..).step_by(vectors.element_bytes())) {
            let element = self.builder.ins().load(vectors.element_type(), flags(), pointer, offset);
            result = self.builder.ins().insertlane(result, element, u8::try_from(lane).unwrap_or(0));
        }
        result
    }

    pub(super) fn write(
        &mut self,
        place: Place,
        j: Option<Value>,
        displacement: usize,
        live: usize,
        value: Value,
    ) {
        let (pointer, offset) = self.element_address(place, j, displacement);
        let vectors = self.vectors;
        if live == vectors.lanes() {
            self.builder.ins().store(flags(), value, pointer, offset);
            return;
        }
        for (lane, offset) in (0..live).zip((offset..).step_by(vectors.element_bytes())) {
            let element = self.builder.ins().extractlane(value, u8::try_from(lane).unwrap_or(0));
            self.builder.ins().store(flags(), element, pointer, offset);
        }
    }
}
