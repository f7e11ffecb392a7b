//! What goes from lane to lane: reductions, whose partial results are combined behind the loop, and cumulative sums.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{BlockArg, InstBuilder, Value};

use super::{Emitter, PARTIALS, flags, immediate};
use crate::codegen::schedule::{Argument, Place};
use crate::operator::Binary;
use crate::plan::kernel::{Instruction, ValueId};

impl Emitter<'_> {
    /// The sums up to each lane of a row that is one tile; from the last lane on where `reverse` is set.
    ///
    /// ```text
    ///     j = first lane, sum = -0            -0 + x is x, whatever x is
    ///   head(j, sum):
    ///     sum += source[j]; destination[j] = sum
    ///     if j is not the last lane { head(j next, sum) }
    /// ```
    pub(super) fn cumulative_sum(&mut self, source: Argument, destination: Place, reverse: bool) {
        let element_type = self.vectors.element_type();
        let element = immediate(self.vectors.element_bytes());
        let end = immediate(self.kernel.lanes.saturating_sub(1)) * element;
        let (first, last, step) = if reverse { (end, 0, -element) } else { (0, end, element) };
        let scalar = match source {
            Argument::Scalar(value) => {
                // A value that is missing has been noted.
                let Some(value) = self.value(value) else { return };
                Ok(self.builder.ins().extractlane(value, 0))
            }
            Argument::Lanes(place) => Err(place),
        };
        let start = self.vectors.constant(&mut self.builder, -0.0);
        let start = self.builder.ins().extractlane(start, 0);
        let head = self.builder.create_block();
        let after = self.builder.create_block();
        let j = self.builder.append_block_param(head, self.pointer);
        let sum = self.builder.append_block_param(head, element_type);
        let first = self.builder.ins().iconst(self.pointer, first);
        self.builder.ins().jump(head, &[BlockArg::from(first), BlockArg::from(start)]);
        self.builder.switch_to_block(head);
        let x = match scalar {
            Ok(scalar) => scalar,
            Err(place) => {
                let (pointer, offset) = self.element_address(place, Some(j), 0);
                self.builder.ins().load(element_type, flags(), pointer, offset)
            }
        };
        let sum = self.builder.ins().fadd(sum, x);
        let (pointer, offset) = self.element_address(destination, Some(j), 0);
        self.builder.ins().store(flags(), sum, pointer, offset);
        let next = self.builder.ins().iadd_imm_s(j, step);
        let again = self.builder.ins().icmp_imm_s(IntCC::NotEqual, j, last);
        self.builder.ins().brif(again, head, &[BlockArg::from(next), BlockArg::from(sum)], after, &[]);
        self.builder.switch_to_block(after);
    }

    pub(super) fn start_value(&self, reduction: ValueId) -> f64 {
        match self.kernel.instructions[reduction.0 as usize] {
            Instruction::MaximumElement(_) => f64::NEG_INFINITY,
            _ => 0.0,
        }
    }

    pub(super) fn combination(&self, reduction: ValueId) -> Binary {
        match self.kernel.instructions[reduction.0 as usize] {
            Instruction::MaximumElement(_) => Binary::Maximum,
            _ => Binary::Add,
        }
    }

    /// `(p0 . p1) . (p2 . p3)`, in each lane.
    pub(super) fn combine_partials(&mut self, reduction: ValueId, partials: &[Value]) -> Value {
        let function = self.combination(reduction);
        let mut spread = Vec::with_capacity(PARTIALS);
        for partial in partials {
            for lane in 0..self.vectors.lanes() {
                spread.push(self.vectors.spread(
                    &mut self.builder,
                    *partial,
                    u8::try_from(lane).unwrap_or(0),
                ));
            }
        }
        while let [first, second, rest @ ..] = spread.as_slice() {
            let mut next = vec![self.vectors.binary(&mut self.builder, function, *first, *second)];
            for pair in rest.chunks(2) {
                next.push(match *pair {
                    [a, b] => self.vectors.binary(&mut self.builder, function, a, b),
                    [a, ..] => a,
                    [] => continue,
                });
            }
            spread = next;
        }
        spread[0]
    }
}
