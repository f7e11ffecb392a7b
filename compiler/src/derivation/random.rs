//! Random cells as text, so that the printer and the reader meet every notation in every place. For tests.
//!
//! # Invariants
//!
//! - The same seed gives the same text.
//! - States are squashed, and what is divided, rooted or taken the logarithm of stays away from 0.

use std::fmt::Write;

/// The text of the cell of a seed. Vectors have the dimension `h`, the input has its own.
pub(super) fn cell(seed: u64) -> String {
    let mut generator = Generator {
        state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(0x5eed),
        made: Vec::new(),
        matrices: 0,
        memory: false,
    };
    generator.next();
    generator.memory = generator.choose(3) == 0;
    let mut text = String::new();
    for number in 0..generator.choose(4) {
        let value = generator.vector(3);
        let _ = writeln!(text, "u_{number}_t = {value}");
        generator.made.push(format!("u_{number}_t"));
    }
    if generator.memory {
        let (left, right) = (generator.vector(1), generator.vector(1));
        let decay = ["", "0.9 * ", "sigmoid(w_m^T x_t) * "][generator.choose(3)];
        let _ = writeln!(text, "r_t = tanh({left})\nk_t = tanh({right})");
        let _ = writeln!(text, "M_t = {decay}M_{{t-1}} + r_t k_t^T");
        generator.made.push("M_t k_t".to_owned());
    }
    let (first, second) = (generator.vector(4), generator.vector(3));
    // The dimension of the states, whatever else is read.
    let _ = writeln!(text, "c_t = tanh({first} + A [h_{{t-1}}, c_{{t-1}}, x_t])");
    let _ = writeln!(text, "h_t = sigmoid({second} + B c_t + b_0)");
    text
}

struct Generator {
    state: u64,
    /// Values that the equations have named.
    made: Vec<String>,
    matrices: usize,
    memory: bool,
}

impl Generator {
    fn next(&mut self) -> u64 {
        self.state =
            self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.state >> 33
    }

    fn choose(&mut self, count: usize) -> usize {
        self.next() as usize % count
    }

    fn fresh(&mut self) -> usize {
        self.matrices += 1;
        self.matrices
    }

    /// A vector of the dimension `h`; in parentheses or a single word wherever it may be a factor.
    fn vector(&mut self, depth: usize) -> String {
        let kind = self.choose(if depth == 0 { 8 } else { 33 });
        let depth = depth.saturating_sub(1);
        if kind == 5
            && let Some(at) = self.made.len().checked_sub(1)
        {
            let at = self.choose(at + 1);
            return format!("({})", self.made[at]);
        }
        let mut inner = || self.vector(depth);
        match kind {
            0 | 1 => "h_{t-1}".to_owned(),
            2 => "c_{t-1}".to_owned(),
            3 => format!("(V_{} x_t)", self.fresh()),
            4 => "b_1".to_owned(),
            5 | 6 => "h_{t-2}".to_owned(),
            7 => format!("(V_{} x_{{t-1}})", self.fresh()),
            8 => format!("({} + {})", inner(), inner()),
            9 => format!("({} - {})", inner(), inner()),
            10 | 11 => format!("({} .* {})", inner(), inner()),
            12 => format!("({} / (1 + abs({})))", inner(), inner()),
            13 => format!("max({}, {})", inner(), inner()),
            14 => format!("min({}, {})", inner(), inner()),
            15 => format!("sqrt(0.5 + {}^2)", inner()),
            16 => format!("log(1.5 + {}^2)", inner()),
            17 => {
                let value = inner();
                let functions = ["sigmoid", "tanh", "relu", "softplus", "sin", "cos", "abs", "sign"];
                format!("{}({value})", functions[self.choose(functions.len())])
            }
            18 => format!("exp(-abs({}))", inner()),
            19 => {
                let value = inner();
                let function = ["softmax", "LN", "silu", "hard_sigmoid", "elu"][self.choose(5)];
                format!("{function}({value})")
            }
            20 => {
                let (value, name) = (inner(), self.fresh());
                format!("(U_{name} {value})")
            }
            21 => {
                let (value, name) = (inner(), self.fresh());
                format!("((Q_{name} - Q_{name}^T) {value})")
            }
            22 => {
                let (value, name) = (inner(), self.fresh());
                format!("(P_{name}^T P_{name} {value})")
            }
            23 => {
                let (first, second, name) = (inner(), inner(), self.fresh());
                format!("(R_{name} [{first}, {second}, x_t])")
            }
            24 => format!("({} / ((2 + cos({})) .* (2 + sin({}))))", inner(), inner(), inner()),
            25 => format!("({} - ({} - {}) .* {})", inner(), inner(), inner(), inner()),
            26 => format!("where({} < {}, {}, {})", inner(), inner(), inner(), inner()),
            27 => format!("where({} <= 0.1, {}, 1)", inner(), inner()),
            28 => format!("mod({}, 1.5)", inner()),
            29 => format!("cumsum({})", inner()),
            30 => format!("round({})", inner()),
            31 => {
                let (value, name) = (inner(), self.fresh());
                format!("(rowsoftmax(S_{name}) {value})")
            }
            32 => {
                let (value, number) = (inner(), self.choose(4));
                format!("({} * {value})", ["0.5", "-0.25", "3", "1e-5"][number])
            }
            _ => {
                let value = inner();
                format!("({} * {value})", self.scalar(depth))
            }
        }
    }

    fn scalar(&mut self, depth: usize) -> String {
        match self.choose(6) {
            0 => "sigmoid(w_1^T h_{t-1})".to_owned(),
            1 => format!("sum({})", self.vector(depth)),
            2 => format!("mean({})", self.vector(depth)),
            3 => format!("norm(0.1 + {}^2)", self.vector(depth)),
            4 => {
                let value = self.vector(depth);
                format!("(c_{{t-1}}^T {value})")
            }
            _ => "sum(softplus(b_2) .* h_{t-1})".to_owned(),
        }
    }
}
