//! Texts that once broke a stage, as short as they were when it was mended. Each comes to its plans, and those to their
//! verification.

use gatewright_compiler::resolve::{CyclePolicy, Options};
use gatewright_compiler::source::Syntax;
use gatewright_tests_text::input::{Input, Spelling};
use gatewright_tests_text::road::{End, drive_whole};

use Syntax::{Latex, Text};

/// What broke, the text, its syntax, and what is done with cycles.
const CASES: [(&str, &str, Syntax, CyclePolicy); 8] = [
    (
        "a matrix was totalled in each iteration of the walk back (seed 1657899)",
        "c_t = U x_t - ((x_t) (c_t)^\\top) \\\\",
        Latex,
        CyclePolicy::FixedPoint,
    ),
    (
        "the same, carried on",
        "c_t = U * mean(x_t) - 0.1 * mean(x_t) * c_t^T + 0.1 * c_{t-1}\nh_t = c_t x_t\nwhere U: [x, x]",
        Text,
        CyclePolicy::FixedPoint,
    ),
    (
        "the same, of a sum within a function",
        "C_t = 0.1 * tanh(A + C_t + (W x_t) x_t^T) + 0.5 * C_{t-1}\nh_t = C_t x_t",
        Text,
        CyclePolicy::FixedPoint,
    ),
    (
        "a choice between a matrix and a diagonal (seed 2402611)",
        "S_t = S[t-1] - selu(diag(o_t)) + elu(diag(o_t))",
        Text,
        CyclePolicy::Reject,
    ),
    (
        "the same, in a product (seed 3484568)",
        "z_t = (\\operatorname{selu}(\\operatorname{diag}(U x_t))) ([U_z x_t, U_z c_{t-1}])^\\top \\\\\n",
        Latex,
        CyclePolicy::Previous,
    ),
    (
        "the same, of an earlier value (seed 4161211)",
        "o_t = \\operatorname{selu}(\\operatorname{diag}(S_{t-2})) \\\\\n",
        Latex,
        CyclePolicy::FixedPoint,
    ),
    (
        "the same, of a parameter (seed 4648618)",
        "r_t = selu(diag(alpha))\nc_t = 1e-5\no_t = c[t-1]\nS_t = S[t-1] * S[t-1] + U * S[t-1]",
        Text,
        CyclePolicy::Previous,
    ),
    (
        "two products with gaps behind their columns, and a third added onto both (seed 12421)",
        "o_t = σ(W_o x_t + U_o h_{t-1})\nf_t = σ(W_f s_t + U_f h_{t-1})\nh_t = f_t * h_{t-1} + o_t",
        Text,
        CyclePolicy::Reject,
    ),
];

#[test]
fn what_broke_once_comes_to_a_plan() {
    for (what, text, syntax, cycle) in CASES {
        for sizes in [[3, 4, 2, 5], [1; 4], [17, 8, 3, 6]] {
            let input = Input {
                text: text.to_owned(),
                spelling: Spelling::Text(syntax),
                section: None,
                options: Options { cycle, ..Options::default() },
                sizes,
            };
            assert_eq!(drive_whole(&input), End::Planned, "{what}: {text}");
        }
    }
}
