//! Registers of 64-bit Arm: 128 bits (NEON).

use std::arch::aarch64::*;

use gatewright_compiler::operator::elementary::Lanes;

use super::register::implement_register;
use super::tile::Register;

implement_register!(
    F32x4, f32, float32x4_t, uint32x4_t, 4, "Four f32 in a register of NEON.",
    operands a b c,
    splat vdupq_n_f32(a), load vld1q_f32, store vst1q_f32,
    add vaddq_f32(a, b), subtract vsubq_f32(a, b), multiply vmulq_f32(a, b), divide vdivq_f32(a, b),
    multiply_add vfmaq_f32(c, a, b),
    at_most vbslq_f32(vcltq_f32(b, a), b, a), at_least vbslq_f32(vcltq_f32(a, b), b, a),
    less vcltq_f32(a, b),
    select vbslq_f32(a, b, c),
    absolute vabsq_f32(a),
    with_sign_of vbslq_f32(vreinterpretq_u32_f32(vdupq_n_f32(-0.0)), b, a),
    bits_add vreinterpretq_f32_u32(vaddq_u32(vreinterpretq_u32_f32(a), vreinterpretq_u32_f32(b))),
    bits_subtract vreinterpretq_f32_u32(vsubq_u32(vreinterpretq_u32_f32(a), vreinterpretq_u32_f32(b))),
    bits_and vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(a), vreinterpretq_u32_f32(b))),
    bits_or vreinterpretq_f32_u32(vorrq_u32(vreinterpretq_u32_f32(a), vreinterpretq_u32_f32(b))),
    up vreinterpretq_f32_u32(vshlq_n_u32::<23>(vreinterpretq_u32_f32(a))),
    down vreinterpretq_f32_u32(vshrq_n_u32::<23>(vreinterpretq_u32_f32(a)))
);

implement_register!(
    F64x2, f64, float64x2_t, uint64x2_t, 2, "Two f64 in a register of NEON.",
    operands a b c,
    splat vdupq_n_f64(a), load vld1q_f64, store vst1q_f64,
    add vaddq_f64(a, b), subtract vsubq_f64(a, b), multiply vmulq_f64(a, b), divide vdivq_f64(a, b),
    multiply_add vfmaq_f64(c, a, b),
    at_most vbslq_f64(vcltq_f64(b, a), b, a), at_least vbslq_f64(vcltq_f64(a, b), b, a),
    less vcltq_f64(a, b),
    select vbslq_f64(a, b, c),
    absolute vabsq_f64(a),
    with_sign_of vbslq_f64(vreinterpretq_u64_f64(vdupq_n_f64(-0.0)), b, a),
    bits_add vreinterpretq_f64_u64(vaddq_u64(vreinterpretq_u64_f64(a), vreinterpretq_u64_f64(b))),
    bits_subtract vreinterpretq_f64_u64(vsubq_u64(vreinterpretq_u64_f64(a), vreinterpretq_u64_f64(b))),
    bits_and vreinterpretq_f64_u64(vandq_u64(vreinterpretq_u64_f64(a), vreinterpretq_u64_f64(b))),
    bits_or vreinterpretq_f64_u64(vorrq_u64(vreinterpretq_u64_f64(a), vreinterpretq_u64_f64(b))),
    up vreinterpretq_f64_u64(vshlq_n_u64::<52>(vreinterpretq_u64_f64(a))),
    down vreinterpretq_f64_u64(vshrq_n_u64::<52>(vreinterpretq_u64_f64(a)))
);
