//! What a framework's recurrent layer computes within a step: everything but its weights.
//!
//! A form is what all frameworks have in common. From it follow the equations, the names and the shapes of the
//! parameters; from a framework only how it names and stacks them.

use super::activation::{Activation, Spelling};

/// The equations of a layer, as choices.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Form {
    /// Which cell.
    pub family: Family,
    /// With biases.
    pub bias: bool,
    /// What goes into each activation is clipped.
    pub clip: Option<Clip>,
}

/// A clip of what goes into activations, to `[-threshold, threshold]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clip {
    /// Finite and above zero.
    pub threshold: f32,
    /// Also before the activation of an LSTM's memory on its way out.
    pub memory: bool,
}

/// Which cell, with its activations.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Family {
    /// `h_t = f(W x_t + U h_{t-1} + b)`.
    Simple {
        /// Of the state.
        activation: Activation,
    },
    /// Long short-term memory.
    Lstm {
        /// Of the gates `i`, `f` and `o`.
        gate: Activation,
        /// Of the candidate `g`.
        candidate: Activation,
        /// Of the memory `c` on its way out.
        output: Activation,
        /// Gates see the memory.
        peepholes: bool,
        /// The forget gate is `1 - i_t`.
        coupled: bool,
        /// `h_t` is a matrix times what the output gate lets through.
        projection: bool,
    },
    /// Gated recurrent unit; `z_t` weighs the old state.
    Gru {
        /// Of the gates `z` and `r`.
        gate: Activation,
        /// Of the candidate.
        candidate: Activation,
        /// Where the reset gate acts.
        reset: Reset,
    },
}

/// Where the reset gate of a GRU acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reset {
    /// On the state, before the recurrent product.
    Before,
    /// On the recurrent product and the bias that belongs to it.
    After,
}

/// Sizes of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Of `x`.
    pub input: usize,
    /// Of the gates.
    pub hidden: usize,
    /// Of `h`: that of the gates, but for a projection.
    pub output: usize,
}

impl Family {
    /// The LSTM of Keras, and of PyTorch without projection.
    pub const LSTM: Self = Self::Lstm {
        gate: Activation::Sigmoid,
        candidate: Activation::Tanh,
        output: Activation::Tanh,
        peepholes: false,
        coupled: false,
        projection: false,
    };

    /// What the gates are called, in the order of the equations; the one of a simple cell has no name.
    #[must_use]
    pub fn gates(&self) -> &'static [&'static str] {
        match self {
            Self::Simple { .. } => &[""],
            Self::Lstm { coupled: false, .. } => &["i", "f", "g", "o"],
            Self::Lstm { coupled: true, .. } => &["i", "g", "o"],
            Self::Gru { .. } => &["r", "z", "h"],
        }
    }

    /// The gates that see the memory.
    #[must_use]
    pub fn peepholes(&self) -> &'static [&'static str] {
        match self {
            Self::Lstm { peepholes: true, coupled: false, .. } => &["i", "f", "o"],
            Self::Lstm { peepholes: true, coupled: true, .. } => &["i", "o"],
            _ => &[],
        }
    }

    /// The gate whose two biases cannot be one.
    #[must_use]
    pub fn inner_bias(&self) -> Option<&'static str> {
        matches!(self, Self::Gru { reset: Reset::After, .. }).then_some("h")
    }

    /// True where `h` has a size of its own.
    #[must_use]
    pub fn projects(&self) -> bool {
        matches!(self, Self::Lstm { projection: true, .. })
    }
}

/// The canonical name of the matrix of a projection: the one that PyTorch calls `weight_hr`. No gate's.
pub(super) const PROJECTION: &str = "W_hr";

/// The canonical name of the parameter `base` of a gate.
#[must_use]
pub fn parameter_name(base: &str, gate: &str) -> String {
    if gate.is_empty() { base.to_owned() } else { format!("{base}_{gate}") }
}

impl Form {
    /// Names and shapes of all parameters.
    #[must_use]
    pub fn parameters(&self, sizes: Sizes) -> Vec<(String, Vec<usize>)> {
        let Sizes { input, hidden, output } = sizes;
        let mut parameters = Vec::new();
        for gate in self.family.gates() {
            parameters.push((parameter_name("W", gate), vec![hidden, input]));
            parameters.push((parameter_name("U", gate), vec![hidden, output]));
            if self.bias {
                parameters.push((parameter_name("b", gate), vec![hidden]));
            }
        }
        if let (true, Some(gate)) = (self.bias, self.family.inner_bias()) {
            parameters.push((parameter_name("d", gate), vec![hidden]));
        }
        for gate in self.family.peepholes() {
            parameters.push((parameter_name("p", gate), vec![hidden]));
        }
        if self.family.projects() {
            parameters.push((PROJECTION.to_owned(), vec![output, hidden]));
        }
        parameters
    }

    /// The dimensions of the equations by name.
    #[must_use]
    pub fn dimensions(&self, sizes: Sizes) -> Vec<(&'static str, usize)> {
        let mut dimensions = vec![("x", sizes.input), ("h", sizes.output)];
        if self.family.projects() {
            dimensions.push(("c", sizes.hidden));
        }
        dimensions
    }

    /// The equations as a Markdown document, spelled like those of the zoo.
    ///
    /// ```
    /// use gatewright::weights::{Activation, Family, Form};
    ///
    /// let form = Form { family: Family::Simple { activation: Activation::Tanh }, bias: true, clip: None };
    /// assert!(form.text().contains(r"h_t &= \tanh(W x_t + U h_{t-1} + b)"));
    /// ```
    #[must_use]
    pub fn text(&self) -> String {
        let (title, states) = match self.family {
            Family::Simple { .. } => ("Recurrent network", "h"),
            Family::Lstm { .. } => ("LSTM", "c, h"),
            Family::Gru { reset: Reset::Before, .. } => ("GRU, reset before the product", "h"),
            Family::Gru { reset: Reset::After, .. } => ("GRU, reset after the product", "h"),
        };
        let mut text = format!("# {title}\n\n$$\n\\begin{{aligned}}\n");
        text.push_str(&self.equations().join(" \\\\\n"));
        text + &format!("\n\\end{{aligned}}\n$$\n\n- Inputs: x\n- States: {states}\n- Output: h\n")
    }

    fn equations(&self) -> Vec<String> {
        let mut writer = Writer { form: self, functions: Vec::new(), equations: Vec::new() };
        writer.write();
        let functions = writer.functions.into_iter();
        let functions = functions.map(|(name, formula)| format!("{name}(u) &= {formula}"));
        functions.chain(writer.equations).collect()
    }
}

/// Names for functions that the language has no name for.
const FUNCTION_NAMES: [&str; 3] = [r"\phi", r"\psi", r"\chi"];

struct Writer<'a> {
    form: &'a Form,
    /// Names of functions with their formulas in `u`.
    functions: Vec<(&'static str, String)>,
    equations: Vec<String>,
}

impl Writer<'_> {
    /// `W_q x_t + U_q h_{t-1} + p_q ⊙ peephole + b_q`
    fn sum(&self, gate: &str, peephole: &str) -> String {
        let name = |base: &str| if gate.is_empty() { base.to_owned() } else { format!("{base}_{gate}") };
        let mut sum = format!("{} x_t + {} h_{{t-1}}", name("W"), name("U"));
        if self.form.family.peepholes().contains(&gate) {
            sum.push_str(&format!(r" + {} \odot {peephole}", name("p")));
        }
        sum + &self.bias(&name("b"))
    }

    fn bias(&self, name: &str) -> String {
        if self.form.bias { format!(" + {name}") } else { String::new() }
    }

    /// `f(clip(operand, -c, c))`
    fn apply(&mut self, activation: Activation, operand: &str, clip: Option<Clip>) -> String {
        let operand = match clip {
            Some(Clip { threshold, .. }) => {
                format!(r"\operatorname{{clip}}({operand}, -{threshold}, {threshold})")
            }
            None => operand.to_owned(),
        };
        match activation.spelling() {
            Spelling::Nothing => operand,
            Spelling::Function(name) => format!("{name}({operand})"),
            Spelling::Formula(formula) => {
                let known = self.functions.iter().find(|(_, known)| *known == formula).map(|(name, _)| *name);
                let name = known.unwrap_or_else(|| {
                    // No family has more than three activations.
                    let name = FUNCTION_NAMES[self.functions.len() % FUNCTION_NAMES.len()];
                    self.functions.push((name, formula));
                    name
                });
                format!("{name}({operand})")
            }
        }
    }

    fn define(&mut self, name: &str, value: &str) {
        self.equations.push(format!("{name}_t &= {value}"));
    }

    fn define_gate(&mut self, name: &str, activation: Activation, sum: &str) {
        let value = self.apply(activation, sum, self.form.clip);
        self.define(name, &value);
    }

    fn write(&mut self) {
        match self.form.family {
            Family::Simple { activation } => self.define_gate("h", activation, &self.sum("", "")),
            Family::Lstm { gate, candidate, output, coupled, projection, .. } => {
                let before = "c_{t-1}";
                self.define_gate("i", gate, &self.sum("i", before));
                if coupled {
                    self.define("f", "1 - i_t");
                } else {
                    self.define_gate("f", gate, &self.sum("f", before));
                }
                self.define_gate("g", candidate, &self.sum("g", before));
                self.define("c", r"f_t \odot c_{t-1} + i_t \odot g_t");
                self.define_gate("o", gate, &self.sum("o", "c_t"));
                let clip = self.form.clip.filter(|clip| clip.memory);
                let memory = self.apply(output, "c_t", clip);
                let passed = format!(r"o_t \odot {memory}");
                self.define("h", &if projection { format!("W_{{hr}} ({passed})") } else { passed });
            }
            Family::Gru { gate, candidate, reset } => {
                self.define_gate("r", gate, &self.sum("r", ""));
                self.define_gate("z", gate, &self.sum("z", ""));
                let bias = self.bias("b_h");
                let sum = match reset {
                    Reset::Before => format!(r"W_h x_t + U_h (r_t \odot h_{{t-1}}){bias}"),
                    Reset::After => {
                        let inner = self.bias("d_h");
                        format!(r"W_h x_t{bias} + r_t \odot (U_h h_{{t-1}}{inner})")
                    }
                };
                self.define_gate("k", candidate, &sum);
                self.define("h", r"(1 - z_t) \odot k_t + z_t \odot h_{t-1}");
            }
        }
    }
}
