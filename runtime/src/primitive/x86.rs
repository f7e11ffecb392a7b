//! Registers of x86-64: 512 bits (AVX-512F) and 256 bits (AVX2 and FMA).

use std::arch::x86_64::*;

use gatewright_compiler::operator::elementary::Lanes;

use super::register::implement_register;
use super::tile::Register;

/// Ones in the first `count` lanes, of at most eight.
///
/// # Safety
///
/// The processor has AVX2.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn first_of_eight(count: usize) -> __m256i {
    _mm256_cmpgt_epi32(_mm256_set1_epi32(count as i32), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7))
}

/// Ones in the first `count` lanes, of at most four.
///
/// # Safety
///
/// The processor has AVX2.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn first_of_four(count: usize) -> __m256i {
    _mm256_cmpgt_epi64(_mm256_set1_epi64x(count as i64), _mm256_setr_epi64x(0, 1, 2, 3))
}

implement_register!(
    F32x16, f32, __m512, __mmask16, 16, "Sixteen f32 in a register of AVX-512.",
    operands a b c,
    splat _mm512_set1_ps(a), load _mm512_loadu_ps, store _mm512_storeu_ps,
    add _mm512_add_ps(a, b), subtract _mm512_sub_ps(a, b), multiply _mm512_mul_ps(a, b), divide _mm512_div_ps(a, b),
    multiply_add _mm512_fmadd_ps(a, b, c),
    // The instruction gives its second operand where either is NaN, or both are equal.
    at_most _mm512_min_ps(b, a), at_least _mm512_max_ps(b, a),
    less _mm512_cmp_ps_mask::<_CMP_LT_OQ>(a, b),
    select _mm512_mask_blend_ps(a, c, b),
    absolute _mm512_abs_ps(a),
    with_sign_of _mm512_castsi512_ps(_mm512_ternarylogic_epi32::<0b1101_1000>(_mm512_castps_si512(a), _mm512_castps_si512(b), _mm512_castps_si512(_mm512_set1_ps(-0.0)))),
    bits_add _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(a), _mm512_castps_si512(b))),
    bits_subtract _mm512_castsi512_ps(_mm512_sub_epi32(_mm512_castps_si512(a), _mm512_castps_si512(b))),
    bits_and _mm512_castsi512_ps(_mm512_and_epi32(_mm512_castps_si512(a), _mm512_castps_si512(b))),
    bits_or _mm512_castsi512_ps(_mm512_or_epi32(_mm512_castps_si512(a), _mm512_castps_si512(b))),
    up _mm512_castsi512_ps(_mm512_slli_epi32::<23>(_mm512_castps_si512(a))),
    down _mm512_castsi512_ps(_mm512_srli_epi32::<23>(_mm512_castps_si512(a))),
    load_part _mm512_maskz_loadu_ps(0xffff >> (16 - b), a), store_part _mm512_mask_storeu_ps(a, 0xffff >> (16 - b), c)
);

implement_register!(
    F64x8, f64, __m512d, __mmask8, 8, "Eight f64 in a register of AVX-512.",
    operands a b c,
    splat _mm512_set1_pd(a), load _mm512_loadu_pd, store _mm512_storeu_pd,
    add _mm512_add_pd(a, b), subtract _mm512_sub_pd(a, b), multiply _mm512_mul_pd(a, b), divide _mm512_div_pd(a, b),
    multiply_add _mm512_fmadd_pd(a, b, c),
    // The instruction gives its second operand where either is NaN, or both are equal.
    at_most _mm512_min_pd(b, a), at_least _mm512_max_pd(b, a),
    less _mm512_cmp_pd_mask::<_CMP_LT_OQ>(a, b),
    select _mm512_mask_blend_pd(a, c, b),
    absolute _mm512_abs_pd(a),
    with_sign_of _mm512_castsi512_pd(_mm512_ternarylogic_epi64::<0b1101_1000>(_mm512_castpd_si512(a), _mm512_castpd_si512(b), _mm512_castpd_si512(_mm512_set1_pd(-0.0)))),
    bits_add _mm512_castsi512_pd(_mm512_add_epi64(_mm512_castpd_si512(a), _mm512_castpd_si512(b))),
    bits_subtract _mm512_castsi512_pd(_mm512_sub_epi64(_mm512_castpd_si512(a), _mm512_castpd_si512(b))),
    bits_and _mm512_castsi512_pd(_mm512_and_epi64(_mm512_castpd_si512(a), _mm512_castpd_si512(b))),
    bits_or _mm512_castsi512_pd(_mm512_or_epi64(_mm512_castpd_si512(a), _mm512_castpd_si512(b))),
    up _mm512_castsi512_pd(_mm512_slli_epi64::<52>(_mm512_castpd_si512(a))),
    down _mm512_castsi512_pd(_mm512_srli_epi64::<52>(_mm512_castpd_si512(a))),
    load_part _mm512_maskz_loadu_pd(0xff >> (8 - b), a), store_part _mm512_mask_storeu_pd(a, 0xff >> (8 - b), c)
);

implement_register!(
    F32x8, f32, __m256, __m256, 8, "Eight f32 in a register of AVX2.",
    operands a b c,
    splat _mm256_set1_ps(a), load _mm256_loadu_ps, store _mm256_storeu_ps,
    add _mm256_add_ps(a, b), subtract _mm256_sub_ps(a, b), multiply _mm256_mul_ps(a, b), divide _mm256_div_ps(a, b),
    multiply_add _mm256_fmadd_ps(a, b, c),
    // The instruction gives its second operand where either is NaN, or both are equal.
    at_most _mm256_min_ps(b, a), at_least _mm256_max_ps(b, a),
    less _mm256_cmp_ps::<_CMP_LT_OQ>(a, b),
    select _mm256_blendv_ps(c, b, a),
    absolute _mm256_andnot_ps(_mm256_set1_ps(-0.0), a),
    with_sign_of _mm256_or_ps(_mm256_andnot_ps(_mm256_set1_ps(-0.0), a), _mm256_and_ps(_mm256_set1_ps(-0.0), b)),
    bits_add _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(a), _mm256_castps_si256(b))),
    bits_subtract _mm256_castsi256_ps(_mm256_sub_epi32(_mm256_castps_si256(a), _mm256_castps_si256(b))),
    bits_and _mm256_and_ps(a, b),
    bits_or _mm256_or_ps(a, b),
    up _mm256_castsi256_ps(_mm256_slli_epi32::<23>(_mm256_castps_si256(a))),
    down _mm256_castsi256_ps(_mm256_srli_epi32::<23>(_mm256_castps_si256(a))),
    load_part _mm256_maskload_ps(a, first_of_eight(b)), store_part _mm256_maskstore_ps(a, first_of_eight(b), c)
);

implement_register!(
    F64x4, f64, __m256d, __m256d, 4, "Four f64 in a register of AVX2.",
    operands a b c,
    splat _mm256_set1_pd(a), load _mm256_loadu_pd, store _mm256_storeu_pd,
    add _mm256_add_pd(a, b), subtract _mm256_sub_pd(a, b), multiply _mm256_mul_pd(a, b), divide _mm256_div_pd(a, b),
    multiply_add _mm256_fmadd_pd(a, b, c),
    // The instruction gives its second operand where either is NaN, or both are equal.
    at_most _mm256_min_pd(b, a), at_least _mm256_max_pd(b, a),
    less _mm256_cmp_pd::<_CMP_LT_OQ>(a, b),
    select _mm256_blendv_pd(c, b, a),
    absolute _mm256_andnot_pd(_mm256_set1_pd(-0.0), a),
    with_sign_of _mm256_or_pd(_mm256_andnot_pd(_mm256_set1_pd(-0.0), a), _mm256_and_pd(_mm256_set1_pd(-0.0), b)),
    bits_add _mm256_castsi256_pd(_mm256_add_epi64(_mm256_castpd_si256(a), _mm256_castpd_si256(b))),
    bits_subtract _mm256_castsi256_pd(_mm256_sub_epi64(_mm256_castpd_si256(a), _mm256_castpd_si256(b))),
    bits_and _mm256_and_pd(a, b),
    bits_or _mm256_or_pd(a, b),
    up _mm256_castsi256_pd(_mm256_slli_epi64::<52>(_mm256_castpd_si256(a))),
    down _mm256_castsi256_pd(_mm256_srli_epi64::<52>(_mm256_castpd_si256(a))),
    load_part _mm256_maskload_pd(a, first_of_four(b)), store_part _mm256_maskstore_pd(a, first_of_four(b), c)
);
