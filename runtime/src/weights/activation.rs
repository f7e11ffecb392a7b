//! The activations that frameworks offer, and how the equations write them.

/// An element-wise function of one operand, in the vocabulary of ONNX, which has those of the others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Activation {
    /// `tanh(u)`.
    Tanh,
    /// `1 / (1 + e^-u)`.
    Sigmoid,
    /// `max(u, 0)`.
    Relu,
    /// `u / (1 + |u|)`.
    Softsign,
    /// `ln(1 + e^u)`.
    Softplus,
    /// `alpha u + beta`; the identity is `Affine { alpha: 1.0, beta: 0.0 }`.
    Affine {
        /// Factor.
        alpha: f32,
        /// Addend.
        beta: f32,
    },
    /// `u` where it is positive, else `alpha u`.
    LeakyRelu {
        /// Slope below zero.
        alpha: f32,
    },
    /// `u` where it is above `alpha`, else 0.
    ThresholdedRelu {
        /// Threshold.
        alpha: f32,
    },
    /// `alpha tanh(beta u)`.
    ScaledTanh {
        /// Factor outside.
        alpha: f32,
        /// Factor inside.
        beta: f32,
    },
    /// `clip(alpha u + beta, 0, 1)`.
    HardSigmoid {
        /// Slope.
        alpha: f32,
        /// Value at zero.
        beta: f32,
    },
    /// `u` where it is positive, else `alpha (e^u - 1)`.
    Elu {
        /// Depth.
        alpha: f32,
    },
}

/// How an activation stands in equations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Spelling {
    /// The operand itself.
    Nothing,
    /// A function of the language.
    Function(&'static str),
    /// A formula in `u`, to which a name is bound.
    Formula(String),
}

impl Activation {
    /// `u` itself.
    pub const IDENTITY: Self = Self::Affine { alpha: 1.0, beta: 0.0 };

    pub(super) fn spelling(self) -> Spelling {
        let formula = match self {
            Self::IDENTITY => return Spelling::Nothing,
            Self::Tanh => return Spelling::Function(r"\tanh"),
            Self::Sigmoid => return Spelling::Function(r"\sigma"),
            Self::Relu => return Spelling::Function(r"\operatorname{relu}"),
            Self::Softsign => return Spelling::Function(r"\operatorname{softsign}"),
            Self::Softplus => return Spelling::Function(r"\operatorname{softplus}"),
            Self::Affine { alpha, beta } => format!("{} + {}", scaled(alpha, "u"), number(beta)),
            Self::LeakyRelu { alpha } => format!(r"\max(u, 0) + {}", scaled(alpha, r"\min(u, 0)")),
            // The sign is 0 at the threshold and has no gradient.
            Self::ThresholdedRelu { alpha } => {
                format!(r"u \odot \max(\operatorname{{sign}}(u - {}), 0)", number(alpha))
            }
            Self::ScaledTanh { alpha, beta } => {
                format!(r"{} \odot \tanh({})", number(alpha), scaled(beta, "u"))
            }
            Self::HardSigmoid { alpha, beta } => {
                format!(r"\operatorname{{clip}}({} + {}, 0, 1)", scaled(alpha, "u"), number(beta))
            }
            Self::Elu { alpha } => {
                format!(r"\max(u, 0) + {}", scaled(alpha, r"(\exp(\min(u, 0)) - 1)"))
            }
        };
        Spelling::Formula(formula)
    }

    /// True where every number in it is finite.
    #[cfg_attr(not(feature = "onnx"), allow(dead_code, reason = "only files give numbers"))]
    pub(super) fn is_finite(self) -> bool {
        match self {
            Self::Tanh | Self::Sigmoid | Self::Relu | Self::Softsign | Self::Softplus => true,
            Self::LeakyRelu { alpha } | Self::ThresholdedRelu { alpha } | Self::Elu { alpha } => {
                alpha.is_finite()
            }
            Self::Affine { alpha, beta }
            | Self::ScaledTanh { alpha, beta }
            | Self::HardSigmoid { alpha, beta } => alpha.is_finite() && beta.is_finite(),
        }
    }
}

/// A number times an operand; once is the operand alone, since `1 u` is read by some as `1 - u` with its sign lost.
fn scaled(factor: f32, operand: &str) -> String {
    if factor == 1.0 { operand.to_owned() } else { format!("{} {operand}", number(factor)) }
}

/// A number of the equations: the shortest that is the same `f32`, never with an exponent.
pub(super) fn number(value: f32) -> String {
    if value.is_sign_negative() { format!("({value})") } else { value.to_string() }
}
