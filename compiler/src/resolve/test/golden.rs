//! Roles and shapes of every golden document against its reference data.

use crate::resolve::{Cell, CyclePolicy, Options, Variable, resolve};
use crate::shape::Shape;
use crate::source::{Syntax, parse};

/// What the reference data holds: `name:sizes`, sorted by name.
struct Case {
    file: &'static str,
    cycle: &'static str,
    output: &'static str,
    inputs: &'static str,
    states: &'static str,
    parameters: &'static str,
}

#[rustfmt::skip]
const CASES: &[Case] = &[
    Case {
        file: "cifg",
        cycle: "",
        output: "h:4",
        inputs: "x:3",
        states: "c:4 h:4",
        parameters: "U_c:4x4 U_f:4x4 U_o:4x4 W_c:4x3 W_f:4x3 W_o:4x3 b_c:4 b_f:4 b_o:4",
    },
    Case {
        file: "cornn",
        cycle: "",
        output: "y:4",
        inputs: "x:3",
        states: "y:4 z:4",
        parameters: "V:4x3 W:4x4 b:4 cal_W:4x4",
    },
    Case {
        file: "elman",
        cycle: "",
        output: "h:4",
        inputs: "x:3",
        states: "h:4",
        parameters: "U:4x4 W:4x3 b:4",
    },
    Case {
        file: "fast_grnn",
        cycle: "",
        output: "h:4",
        inputs: "x:3",
        states: "h:4",
        parameters: "U:4x4 W:4x3 b_h:4 b_z:4 nu: zeta:",
    },
    Case {
        file: "gru_reset_after",
        cycle: "",
        output: "h:4",
        inputs: "x:3",
        states: "h:4",
        parameters: "W_hn:4x4 W_hr:4x4 W_hz:4x4 W_in:4x3 W_ir:4x3 W_iz:4x3 b_hn:4 b_hr:4 b_hz:4 b_in:4 b_ir:4 b_iz:4",
    },
    Case {
        file: "indrnn",
        cycle: "",
        output: "h:4",
        inputs: "x:3",
        states: "h:4",
        parameters: "W:4x3 b:4 u:4",
    },
    Case {
        file: "janet",
        cycle: "",
        output: "h:4",
        inputs: "x:3",
        states: "c:4 h:4",
        parameters: "U_c:4x4 U_f:4x4 W_c:4x3 W_f:4x3 b_c:4 b_f:4",
    },
    Case {
        file: "lstm_layer_norm",
        cycle: "",
        output: "h:4",
        inputs: "x:3",
        states: "c:4 h:4",
        parameters: "U_f:4x4 U_g:4x4 U_i:4x4 U_o:4x4 W_f:4x3 W_g:4x3 W_i:4x3 W_o:4x3 b_c:4 b_f:4 b_g:4 b_i:4 b_o:4 gamma_c:4 gamma_f:4 gamma_g:4 gamma_i:4 gamma_o:4",
    },
    Case {
        file: "lstm_peephole",
        cycle: "",
        output: "h:4",
        inputs: "x:3",
        states: "c:4 h:4",
        parameters: "U_c:4x4 U_f:4x4 U_i:4x4 U_o:4x4 W_c:4x3 W_f:4x3 W_i:4x3 W_o:4x3 b_c:4 b_f:4 b_i:4 b_o:4 w_cf:4 w_ci:4 w_co:4",
    },
    Case {
        file: "lstm_projected",
        cycle: "",
        output: "y:2",
        inputs: "x:3",
        states: "c:4 r:2",
        parameters: "U_c:4x2 U_f:4x2 U_i:4x2 U_o:4x2 W_c:4x3 W_f:4x3 W_i:4x3 W_o:4x3 W_r:2x4 b_c:4 b_f:4 b_i:4 b_o:4",
    },
    Case {
        file: "mgu",
        cycle: "",
        output: "h:4",
        inputs: "x:3",
        states: "h:4",
        parameters: "W_f:4x7 W_h:4x7 b_f:4 b_h:4",
    },
    Case {
        file: "min_gru",
        cycle: "",
        output: "h:4",
        inputs: "x:3",
        states: "h:4",
        parameters: "W_h:4x3 W_z:4x3 b_h:4 b_z:4",
    },
    Case {
        file: "mut1",
        cycle: "",
        output: "h:4",
        inputs: "x:3",
        states: "h:4",
        parameters: "V:4x3 W_hh:4x4 W_hr:4x4 W_xr:4x3 W_xz:4x3 b_h:4 b_r:4 b_z:4",
    },
    Case {
        file: "mut3",
        cycle: "",
        output: "h:4",
        inputs: "x:3",
        states: "h:4",
        parameters: "W_hh:4x4 W_hr:4x4 W_hz:4x4 W_xh:4x3 W_xr:4x3 W_xz:4x3 b_h:4 b_r:4 b_z:4",
    },
    Case {
        file: "ran",
        cycle: "",
        output: "h:4",
        inputs: "x:3",
        states: "c:4 h:4",
        parameters: "U_f:4x4 U_i:4x4 W_c:4x3 W_f:4x3 W_i:4x3 b_f:4 b_i:4",
    },
    Case {
        file: "seed000_gru",
        cycle: "",
        output: "y:2",
        inputs: "x:3",
        states: "h:4",
        parameters: "W_xh:4x7 W_xr:4x7 W_xz:4x7 W_yo:2x7 b_h:4 b_r:4 b_y:2 b_z:4",
    },
    Case {
        file: "seed000_lstm",
        cycle: "",
        output: "h:4",
        inputs: "x:3",
        states: "C:4 h:4",
        parameters: "W_hc:4x7 W_xf:4x7 W_xi:4x7 W_xo:4x7 b_c:4 b_f:4 b_i:4 b_o:4",
    },
    Case {
        file: "seed001_gru3",
        cycle: "",
        output: "y:4",
        inputs: "x:3",
        states: "h:4",
        parameters: "W_h:4x7 W_o:4x7 W_r:4x7 W_z:4x7 b_h:4 b_o:4 b_r:4 b_z:4",
    },
    Case {
        file: "seed002_gru",
        cycle: "",
        output: "h:4",
        inputs: "u:2 x:3 z_hat:4",
        states: "c:4 h:4",
        parameters: "W_hh:4x4 W_hr:4x4 W_hz:4x4 W_ur:4x2 W_uz:4x2 W_x:4x3",
    },
    Case {
        file: "seed002_lstm",
        cycle: "",
        output: "h:4",
        inputs: "x:3",
        states: "c:4 h:4",
        parameters: "W_ch:4x4 W_cx:4x3 W_fh:4x4 W_fx:4x3 W_ih:4x4 W_ix:4x3 W_oh:4x4 W_ox:4x3 b_c:4 b_f:4 b_i:4 b_o:4",
    },
    Case {
        file: "seed003_gru",
        cycle: "",
        output: "h:4",
        inputs: "x:3",
        states: "h:4",
        parameters: "W_h:4x7 W_r:4x7 W_z:4x7 b_h:4 b_r:4 b_z:4",
    },
    Case {
        file: "seed003_lstm",
        cycle: "",
        output: "h:4",
        inputs: "x:3",
        states: "C:4 h:4",
        parameters: "W_c:4x7 W_f:4x7 W_i:4x7 W_o:4x7 b_c:4 b_f:4 b_i:4 b_o:4",
    },
    Case {
        file: "seed004_gru",
        cycle: "",
        output: "h:4",
        inputs: "x:3",
        states: "h:4",
        parameters: "W_hh:4x4 W_hr:4x4 W_hz:4x4 W_xh:4x3 W_xr:4x3 W_xz:4x3 b_h:4 b_r:4 b_z:4",
    },
    Case {
        file: "seed004_lstm_fixed_point",
        cycle: "fixed-point",
        output: "h:4",
        inputs: "x:3",
        states: "c:4 h:4",
        parameters: "W_hc:4x4 W_hf:4x4 W_hi:4x4 W_ho:4x4 W_xc:4x3 W_xi:4x3 W_xo:4x3 b_c:4 b_f:4 b_i:4 b_o:4",
    },
    Case {
        file: "seed004_lstm_previous",
        cycle: "previous",
        output: "h:4",
        inputs: "x:3",
        states: "c:4 h:4",
        parameters: "W_hc:4x4 W_hf:4x4 W_hi:4x4 W_ho:4x4 W_xc:4x3 W_xi:4x3 W_xo:4x3 b_c:4 b_f:4 b_i:4 b_o:4",
    },
    Case {
        file: "seed004_rnn",
        cycle: "",
        output: "h:4",
        inputs: "x:3",
        states: "c:4 h:4",
        parameters: "W_hc:4x4 W_hf:4x4 W_hh:4x4 W_hi:4x4 W_ho:4x4 W_xc:4x3 W_xh:4x3 W_xi:4x3 W_xo:4x3 b_c:4 b_f:4 b_h:4 b_i:4 b_o:4",
    },
    Case {
        file: "slstm",
        cycle: "",
        output: "h:4",
        inputs: "x:3",
        states: "c:4 h:4 m:4 n:4",
        parameters: "R_f:4x4 R_i:4x4 R_o:4x4 R_z:4x4 W_f:4x3 W_i:4x3 W_o:4x3 W_z:4x3 b_f:4 b_i:4 b_o:4 b_z:4",
    },
    Case {
        file: "ugrnn",
        cycle: "",
        output: "h:4",
        inputs: "x:3",
        states: "h:4",
        parameters: "U_c:4x4 U_g:4x4 W_c:4x3 W_g:4x3 b_c:4 b_g:4",
    },
];

/// The sizes of the reference data, recovered by matching the inputs and states of the cell.
fn sizes(cell: &Cell, case: &Case) -> Vec<usize> {
    let mut sizes = vec![0; cell.dimensions.len()];
    let all = [case.inputs, case.states, case.output, case.parameters].join(" ");
    let known: Vec<(&str, &str)> = all.split_whitespace().filter_map(|entry| entry.split_once(':')).collect();
    let mut learn = |name: &str, shape: &Shape| {
        let Some((_, text)) = known.iter().find(|(known, _)| *known == name) else { return };
        for (axis, size) in shape.axes().into_iter().zip(text.split('x')) {
            if let (&[(id, 1)], 0, Ok(size)) = (axis.terms(), axis.constant_part(), size.parse()) {
                sizes[id.0 as usize] = size;
            }
        }
    };
    cell.inputs.iter().for_each(|input| learn(&input.name, &input.shape));
    cell.states.iter().for_each(|state| learn(&state.variable.name, &state.variable.shape));
    cell.parameters.iter().for_each(|parameter| learn(&parameter.name, &parameter.shape));
    sizes
}

fn listed<'a>(variables: impl Iterator<Item = &'a Variable>, sizes: &[usize]) -> String {
    let mut all: Vec<String> = variables
        .map(|variable| {
            let shape = variable.shape.sizes(sizes).unwrap_or_default();
            let shape: Vec<String> = shape.iter().map(ToString::to_string).collect();
            format!("{}:{}", variable.name, shape.join("x"))
        })
        .collect();
    all.sort();
    all.join(" ")
}

#[test]
fn every_golden_document_has_the_roles_and_shapes_of_its_data() {
    let mut failures = Vec::new();
    for case in CASES {
        let path = format!("{}/../tests/golden/{}.tex", env!("CARGO_MANIFEST_DIR"), case.file);
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let parsed = parse(&text, Syntax::Latex, None);
        let cycle = match case.cycle {
            "previous" => CyclePolicy::Previous,
            "fixed-point" => CyclePolicy::FixedPoint,
            _ => CyclePolicy::Reject,
        };
        let cell = match resolve(&parsed.document, &Options { cycle, ..Options::default() }) {
            Ok(cell) => cell,
            Err(found) => {
                failures.push(format!("{}: {found:#?}\n{:?}", case.file, parsed.diagnostics));
                continue;
            }
        };
        let sizes = sizes(&cell, case);
        let output = cell.outputs.iter().map(|output| {
            let shape = cell.terms[output.value.0 as usize].shape.clone();
            Variable { name: output.name.clone(), shape, span: crate::span::Span::default(), frozen: false }
        });
        let output: Vec<Variable> = output.collect();
        let found = [
            listed(output.iter(), &sizes),
            listed(cell.inputs.iter(), &sizes),
            listed(cell.states.iter().map(|state| &state.variable), &sizes),
            listed(cell.parameters.iter(), &sizes),
        ];
        let wanted = [case.output, case.inputs, case.states, case.parameters];
        for (found, wanted) in found.iter().zip(wanted) {
            if found != wanted {
                failures.push(format!("{}:\n  found  {found}\n  wanted {wanted}", case.file));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
