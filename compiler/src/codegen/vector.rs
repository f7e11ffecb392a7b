//! Arithmetic on 128-bit vectors: the one form in which every value of a kernel is computed.
//!
//! Lane values are vectors of consecutive lanes. Scalars are vectors with the same number in each lane, and the last
//! lanes of a row that do not fill a vector are a vector whose upper lanes hold zero and whose results are dropped.
//! So an element meets the same instructions wherever it lies, and its result cannot depend on that.

#![forbid(unsafe_code)]

use cranelift_codegen::ir::condcodes::FloatCC;
use cranelift_codegen::ir::{ConstantData, Endianness, InstBuilder, MemFlagsData, Type, Value, types};
use cranelift_frontend::FunctionBuilder;

use crate::operator::{Binary, Ternary, Unary};
use crate::plan::kernel::Precision;

/// Emits vector instructions of one precision.
#[derive(Clone, Copy, Debug)]
pub(super) struct Vectors {
    precision: Precision,
}

/// Bytes of a vector.
pub(super) const VECTOR_BYTES: usize = 16;

impl Vectors {
    pub(super) fn new(precision: Precision) -> Self {
        Self { precision }
    }

    /// Bytes of an element.
    pub(super) fn element_bytes(self) -> usize {
        self.precision.bytes()
    }

    /// Lanes of a vector.
    pub(super) fn lanes(self) -> usize {
        VECTOR_BYTES / self.element_bytes()
    }

    pub(super) fn element_type(self) -> Type {
        match self.precision {
            Precision::Single => types::F32,
            Precision::Double => types::F64,
        }
    }

    pub(super) fn vector_type(self) -> Type {
        match self.precision {
            Precision::Single => types::F32X4,
            Precision::Double => types::F64X2,
        }
    }

    /// The same number in each lane, rounded to the precision.
    #[allow(clippy::cast_possible_truncation, reason = "rounding to the nearest f32 is what it is for")]
    pub(super) fn constant(self, builder: &mut FunctionBuilder<'_>, value: f64) -> Value {
        match self.precision {
            Precision::Single => self.bits(builder, [u64::from((value as f32).to_bits()); 4]),
            Precision::Double => self.bits(builder, [value.to_bits(); 4]),
        }
    }

    /// A vector constant from the bits of its lanes.
    fn bits(self, builder: &mut FunctionBuilder<'_>, lanes: [u64; 4]) -> Value {
        let mut bytes = Vec::with_capacity(VECTOR_BYTES);
        for lane in lanes.iter().take(self.lanes()) {
            bytes.extend_from_slice(&lane.to_le_bytes()[..self.element_bytes()]);
        }
        let constant = builder.func.dfg.constants.insert(ConstantData::from(bytes));
        builder.ins().vconst(self.vector_type(), constant)
    }

    /// All bits set in the first `live` lanes, none in the others.
    fn first_lanes(self, builder: &mut FunctionBuilder<'_>, live: usize) -> Value {
        let mut lanes = [0; 4];
        for lane in lanes.iter_mut().take(live) {
            *lane = u64::MAX;
        }
        self.bits(builder, lanes)
    }

    fn sign_bits(self, builder: &mut FunctionBuilder<'_>) -> Value {
        self.constant(builder, -0.0)
    }

    /// Compares; all bits of a lane are set where it holds.
    fn compare(self, builder: &mut FunctionBuilder<'_>, condition: FloatCC, a: Value, b: Value) -> Value {
        let mask = builder.ins().fcmp(condition, a, b);
        let flags = MemFlagsData::new().with_endianness(Endianness::Little);
        builder.ins().bitcast(self.vector_type(), flags, mask)
    }

    /// `a < b ? x : y`.
    fn where_less(self, builder: &mut FunctionBuilder<'_>, a: Value, b: Value, x: Value, y: Value) -> Value {
        let mask = self.compare(builder, FloatCC::LessThan, a, b);
        builder.ins().bitselect(mask, x, y)
    }

    /// 1 where `a < b`, else 0.
    fn less(self, builder: &mut FunctionBuilder<'_>, a: Value, b: Value) -> Value {
        self.indicator(builder, FloatCC::LessThan, a, b)
    }

    /// 1 where the condition holds, else 0.
    fn indicator(self, builder: &mut FunctionBuilder<'_>, condition: FloatCC, a: Value, b: Value) -> Value {
        let mask = self.compare(builder, condition, a, b);
        let one = self.constant(builder, 1.0);
        builder.ins().band(mask, one)
    }

    /// `x` in the first `live` lanes, `neutral` in the others.
    pub(super) fn keep(
        self,
        builder: &mut FunctionBuilder<'_>,
        x: Value,
        live: usize,
        neutral: f64,
    ) -> Value {
        if live == self.lanes() {
            return x;
        }
        let mask = self.first_lanes(builder, live);
        let neutral = self.constant(builder, neutral);
        builder.ins().bitselect(mask, x, neutral)
    }

    /// The same number in each lane: the one in lane `lane` of `x`.
    pub(super) fn spread(self, builder: &mut FunctionBuilder<'_>, x: Value, lane: u8) -> Value {
        let element = builder.ins().extractlane(x, lane);
        builder.ins().splat(self.vector_type(), element)
    }

    /// A function of one operand that is not a primitive; `None` for primitives.
    pub(super) fn unary(self, builder: &mut FunctionBuilder<'_>, function: Unary, x: Value) -> Option<Value> {
        Some(match function {
            Unary::Negate => {
                // `fneg` rebuilds its mask each time; a constant is loaded once before the loop.
                let sign = self.sign_bits(builder);
                builder.ins().bxor(x, sign)
            }
            Unary::Absolute => {
                let sign = self.sign_bits(builder);
                builder.ins().band_not(x, sign)
            }
            Unary::Sign => {
                let zero = self.constant(builder, 0.0);
                let above = self.less(builder, zero, x);
                let below = self.less(builder, x, zero);
                builder.ins().fsub(above, below)
            }
            Unary::Step => {
                let zero = self.constant(builder, 0.0);
                self.less(builder, zero, x)
            }
            Unary::Relu => {
                let zero = self.constant(builder, 0.0);
                self.where_less(builder, x, zero, zero, x)
            }
            Unary::Floor => builder.ins().floor(x),
            Unary::Round => builder.ins().nearest(x),
            Unary::SquareRoot => builder.ins().sqrt(x),
            Unary::Sigmoid
            | Unary::Tanh
            | Unary::Exponential
            | Unary::Logarithm
            | Unary::Softplus
            | Unary::Sine
            | Unary::Cosine => return None,
        })
    }

    /// A function of two operands.
    pub(super) fn binary(
        self,
        builder: &mut FunctionBuilder<'_>,
        function: Binary,
        a: Value,
        b: Value,
    ) -> Value {
        match function {
            Binary::Add => builder.ins().fadd(a, b),
            Binary::Subtract => builder.ins().fsub(a, b),
            Binary::Multiply => builder.ins().fmul(a, b),
            Binary::Divide => builder.ins().fdiv(a, b),
            Binary::Maximum => {
                // `a < b ? b : a` is one instruction on x86-64 and passes NaN from `a` only.
                let larger = self.where_less(builder, a, b, b, a);
                self.or_nan(builder, b, larger)
            }
            Binary::Minimum => {
                let smaller = self.where_less(builder, b, a, b, a);
                self.or_nan(builder, b, smaller)
            }
            Binary::Less => self.less(builder, a, b),
            Binary::LessOrEqual => self.indicator(builder, FloatCC::LessThanOrEqual, a, b),
        }
    }

    /// `b` where it is NaN, else `otherwise`.
    fn or_nan(self, builder: &mut FunctionBuilder<'_>, b: Value, otherwise: Value) -> Value {
        let mask = self.compare(builder, FloatCC::Unordered, b, b);
        builder.ins().bitselect(mask, b, otherwise)
    }

    /// A function of three operands. The negations become part of the multiply-add instruction.
    pub(super) fn ternary(
        self,
        builder: &mut FunctionBuilder<'_>,
        function: Ternary,
        a: Value,
        b: Value,
        c: Value,
    ) -> Value {
        match function {
            Ternary::MultiplyAdd => builder.ins().fma(a, b, c),
            Ternary::MultiplySubtract => {
                let c = builder.ins().fneg(c);
                builder.ins().fma(a, b, c)
            }
            Ternary::NegatedMultiplyAdd => {
                let a = builder.ins().fneg(a);
                builder.ins().fma(a, b, c)
            }
            Ternary::Select => {
                let zero = self.constant(builder, 0.0);
                let mask = self.compare(builder, FloatCC::NotEqual, a, zero);
                builder.ins().bitselect(mask, b, c)
            }
        }
    }
}
