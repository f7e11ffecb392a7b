//! The numbers in the definitions, for each type.
//!
//! The polynomials are our own fits: Remez exchange in 60 decimal digits for the weight named at each, then
//! coefficients rounded one after the other from the lowest, the rest fitted again after each (f64: after each of
//! the first three). Stated is the largest weighted error with the rounded coefficients.

use crate::operator::real::Real;

/// The numbers that the definitions need.
pub trait Constants: Real {
    /// 1.5 times 2 to the length of the stored significand. Adding it rounds to an integer, which then stands in
    /// the lowest bits.
    const ROUND: Self;
    /// [`Constants::ROUND`] and the bias of the exponent: once the integer is rounded with this,
    /// `bits_to_exponent` makes its power of two.
    const ROUND_AND_BIAS: Self;
    /// `log2(e)`.
    const LOG2_E: Self;
    /// `-ln 2`, the part that one number holds.
    const NEGATIVE_LN_2_HIGH: Self;
    /// `-ln 2`, what is missing in the other part.
    const NEGATIVE_LN_2_LOW: Self;
    /// `q` in `e^r = 1 + r + r^2 q(r)` for `|r| <= ln(2) / 2`, constant term first.
    /// Weight: relative to `e^r - 1`. Error 2^-26.1 (f32), 2^-59.6 (f64).
    const EXPONENTIAL: &'static [Self];
    /// `R` in `2 atanh(s) = 2 s + s^3 R(s^2)` for `|s| <= (sqrt(2) - 1) / (sqrt(2) + 1)`.
    /// Weight: relative to `2 s`. Error 2^-30.2 (f32), 2^-59.5 (f64).
    const LOGARITHM: &'static [Self];
    /// `R` in `2 atanh(w / 2) = w + w^3 R(w^2)` for `0 <= w <= 2 / 3`.
    /// Weight: relative to `w`. Error 2^-27.7 (f32), 2^-59.4 (f64).
    const SOFTPLUS: &'static [Self];

    /// At and below this, `e^x` rounds to zero.
    const EXPONENTIAL_IS_ZERO: Self;
    /// At and above this, `e^x` rounds to infinity.
    const EXPONENTIAL_IS_INFINITE: Self;
    /// At and above this, `1 / (1 + e^-x)` and `tanh(x)` round to one.
    const SATURATED: Self;
    /// A power of two: the middle of the exponents, so that `2^n` for every `n` an exponential may need is a
    /// normal number once moved towards zero by so much. It is the number of places to move by.
    const MOVE: Self;
    /// `2^MOVE`.
    const MOVE_UP: Self;
    /// `2^-MOVE`.
    const MOVE_DOWN: Self;
    /// Number of places that the denominator of the sigmoid is moved by.
    const SIGMOID_MOVE: Self;
    /// `2^-SIGMOID_MOVE`.
    const SIGMOID_ONE: Self;

    /// The smallest normal number.
    const SMALLEST_NORMAL: Self;
    /// A power of two that makes every subnormal number normal.
    const NORMALISE: Self;
    /// Its exponent.
    const NORMALISE_EXPONENT: Self;
    /// The number whose bits are those of 1 less those of `sqrt(1/2)`.
    const ONE_LESS_ROOT_BITS: Self;
    /// `sqrt(1/2)`, rounded down.
    const ROOT_OF_HALF: Self;
    /// The number whose bits are all of the stored significand.
    const SIGNIFICAND_BITS: Self;
    /// 2 to the length of the stored significand: an integer put into its lowest bits is added to it.
    const INTEGER: Self;
    /// [`Constants::INTEGER`] and the bias of the exponent.
    const INTEGER_AND_BIAS: Self;

    /// One half.
    const HALF: Self;
    /// Two.
    const TWO: Self;
    /// Infinity.
    const INFINITY: Self;
    /// Not a number.
    const NAN: Self;

    /// Sine, from the `libm` crate: the same code on every machine.
    fn sine(self) -> Self;
    /// Cosine, from the `libm` crate.
    fn cosine(self) -> Self;
}

impl Constants for f32 {
    const ROUND: Self = 12_582_912.0;
    const ROUND_AND_BIAS: Self = 12_582_912.0 + 127.0;
    const LOG2_E: Self = std::f32::consts::LOG2_E;
    const NEGATIVE_LN_2_HIGH: Self = -std::f32::consts::LN_2;
    const NEGATIVE_LN_2_LOW: Self = 1.904_654_2e-9;
    const EXPONENTIAL: &'static [Self] =
        &[0.499_999_97, 0.166_665_39, 0.041_667_756, 0.008_367_122, 0.001_383_573_2];
    const LOGARITHM: &'static [Self] = &[0.666_667_76, 0.399_775_8, 0.298_709_3];
    const SOFTPLUS: &'static [Self] =
        &[0.666_664_1 / 8.0, 0.400_217_5 / 32.0, 0.279_982_12 / 128.0, 0.280_294_27 / 512.0];
    const EXPONENTIAL_IS_ZERO: Self = -104.0;
    const EXPONENTIAL_IS_INFINITE: Self = 89.0;
    const SATURATED: Self = 20.0;
    const MOVE: Self = 64.0;
    const MOVE_UP: Self = f32::from_bits((127 + 64) << 23);
    const MOVE_DOWN: Self = f32::from_bits((127 - 64) << 23);
    const SIGMOID_MOVE: Self = 32.0;
    const SIGMOID_ONE: Self = f32::from_bits((127 - 32) << 23);
    const SMALLEST_NORMAL: Self = f32::MIN_POSITIVE;
    const NORMALISE: Self = 8_388_608.0;
    const NORMALISE_EXPONENT: Self = 23.0;
    const ONE_LESS_ROOT_BITS: Self = f32::from_bits(0x3f80_0000 - 0x3f35_04f3);
    const ROOT_OF_HALF: Self = f32::from_bits(0x3f35_04f3);
    const SIGNIFICAND_BITS: Self = f32::from_bits(0x007f_ffff);
    const INTEGER: Self = 8_388_608.0;
    const INTEGER_AND_BIAS: Self = 8_388_608.0 + 127.0;
    const HALF: Self = 0.5;
    const TWO: Self = 2.0;
    const INFINITY: Self = f32::INFINITY;
    const NAN: Self = f32::NAN;

    fn sine(self) -> Self {
        libm::sinf(self)
    }
    fn cosine(self) -> Self {
        libm::cosf(self)
    }
}

impl Constants for f64 {
    const ROUND: Self = 6_755_399_441_055_744.0;
    const ROUND_AND_BIAS: Self = 6_755_399_441_055_744.0 + 1023.0;
    const LOG2_E: Self = std::f64::consts::LOG2_E;
    const NEGATIVE_LN_2_HIGH: Self = -std::f64::consts::LN_2;
    const NEGATIVE_LN_2_LOW: Self = -2.319_046_813_846_299_6e-17;
    const EXPONENTIAL: &'static [Self] = &[
        0.5,
        0.166_666_666_666_666_77,
        0.041_666_666_666_666_7,
        0.008_333_333_333_321_778,
        0.001_388_888_888_887_199_8,
        0.000_198_412_698_844_466_04,
        2.480_158_730_783_213e-5,
        2.755_724_707_538_613_5e-6,
        2.755_733_405_709_368e-7,
        2.510_769_555_640_754_3e-8,
        2.088_139_575_804_612e-9,
    ];
    const LOGARITHM: &'static [Self] = &[
        0.666_666_666_666_673_4,
        0.399_999_999_994_164_3,
        0.285_714_287_421_077_2,
        0.222_221_985_942_567_7,
        0.181_835_635_278_473_46,
        0.153_140_649_406_580_4,
        0.147_958_558_532_702_98,
    ];
    const SOFTPLUS: &'static [Self] = &[
        0.666_666_666_666_663_1 / 8.0,
        0.400_000_000_001_562_1 / 32.0,
        0.285_714_285_479_58 / 128.0,
        0.222_222_239_642_864_08 / 512.0,
        0.181_817_440_917_555_92 / 2048.0,
        0.153_865_567_614_893_95 / 8192.0,
        0.133_010_111_268_402_2 / 32768.0,
        0.121_058_142_768_706_4 / 131_072.0,
        0.083_412_007_577_897_45 / 524_288.0,
        0.170_166_755_006_713_4 / 2_097_152.0,
    ];
    const EXPONENTIAL_IS_ZERO: Self = -746.0;
    const EXPONENTIAL_IS_INFINITE: Self = 710.0;
    const SATURATED: Self = 40.0;
    const MOVE: Self = 512.0;
    const MOVE_UP: Self = f64::from_bits((1023 + 512) << 52);
    const MOVE_DOWN: Self = f64::from_bits((1023 - 512) << 52);
    const SIGMOID_MOVE: Self = 64.0;
    const SIGMOID_ONE: Self = f64::from_bits((1023 - 64) << 52);
    const SMALLEST_NORMAL: Self = f64::MIN_POSITIVE;
    const NORMALISE: Self = 4_503_599_627_370_496.0;
    const NORMALISE_EXPONENT: Self = 52.0;
    const ONE_LESS_ROOT_BITS: Self = f64::from_bits(0x3ff0_0000_0000_0000 - 0x3fe6_a09e_667f_3bcc);
    const ROOT_OF_HALF: Self = f64::from_bits(0x3fe6_a09e_667f_3bcc);
    const SIGNIFICAND_BITS: Self = f64::from_bits(0x000f_ffff_ffff_ffff);
    const INTEGER: Self = 4_503_599_627_370_496.0;
    const INTEGER_AND_BIAS: Self = 4_503_599_627_370_496.0 + 1023.0;
    const HALF: Self = 0.5;
    const TWO: Self = 2.0;
    const INFINITY: Self = f64::INFINITY;
    const NAN: Self = f64::NAN;

    fn sine(self) -> Self {
        libm::sin(self)
    }
    fn cosine(self) -> Self {
        libm::cos(self)
    }
}
