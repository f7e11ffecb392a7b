//! `cell!` and `#[cell]`: the same cell as from text and from LaTeX, the same results, and typed views of its parameters.

use gatewright::compiler::resolve::{Cell, Options, resolve};
use gatewright::compiler::source::parse;
use gatewright::parameters::ViewError;
use gatewright::sequence::{Backward, Forward, Keep, SequenceCell, Sequences};
use gatewright::workspace::Workspace;
use gatewright::{CompileOptions, CompiledCell, Syntax, cell, documented, read_section, zoo};
use gatewright_tests::Numbers;

cell! {
    /// Long short-term memory.
    pub Lstm {
        i_t = σ(W_xi [h_{t-1}, x_t] + b_i);
        f_t = σ(W_xf [h_{t-1}, x_t] + b_f);
        o_t = σ(W_xo [h_{t-1}, x_t] + b_o);
        C_t = f_t * C_{t-1} + i_t * tanh(W_hc [h_{t-1}, x_t] + b_c);
        h_t = o_t * tanh(C_t);
    }

    pub(crate) Gru {
        z_t = σ(W_xz [h_{t-1}, x_t] + b_z);
        r_t = σ(W_xr * [h_{t-1}, x_t] + b_r);
        h̃_t = tanh(W_xh [r_t * h_{t-1}, x_t] + b_h);
        h_t = (1 - z_t) * h_{t-1} + z_t * h̃_t;
        y_t = tanh(W_yo [h_t, x_t] + b_y);
    }

    /// Every kind of parameter, sizes that are given, and a cycle that is cut.
    #[cycle(previous)]
    Mixed {
        ε = 0.01;
        A = W - W^T - λ I;
        o_t = tanh(A h_t + V^1 x_t + w_o * h_{t-1} + b);
        h_t = h_{t-1} + ε * o_t * s;
        where λ: scalar, s: scalar, w_o: [h], x: [3];
    }
}

cell! {
    #[cycle(fixed_point)]
    Solution {
        o_t = σ(W h_t + U x_t + b);
        h_t = o_t * tanh(V h_{t-1} + o_t);
    }
}

/// Neither parameters nor open sizes.
mod bare {
    gatewright::cell! { pub(super) Sum { h_t = h_{t-1} + x_t; where x: [2]; } }
}

#[allow(deprecated, reason = "a warning of a cell is silenced like any other")]
mod silenced {
    gatewright::cell! {
        pub(super) Gated {
            z_t = tanh(v_t);
            h_t = tanh(x_t + u_t * h_{t-1});
        }

        #[cfg(any())]
        pub(super) Absent { h_t = x_t + h_{t-1} }
    }
}

/// The LSTM of Gers et al. (2000), in the order of its equations.
///
/// $$
/// i_t = \sigma(W_{xi} [h_{t-1}, x_t] + b_i) \\
/// f_t = \sigma(W_{xf} [h_{t-1}, x_t] + b_f) \\
/// o_t = \sigma(W_{xo} [h_{t-1}, x_t] + b_o) \\
/// C_t = f_t \odot C_{t-1} + i_t \odot \tanh(W_{hc} [h_{t-1}, x_t] + b_c) \\
/// h_t = o_t \odot \tanh(C_t)
/// $$
#[documented::cell]
pub struct DocumentedLstm;

#[documented::cell(file = "equations/lstm.md", section = "2.1")]
#[cfg(test)]
pub(crate) struct FiledLstm;

/// A name is taken from the sum `a + b`, not from $a$ or from this: `c = 1`.
/**
 * A cycle that is cut, and the input that is meant.
 *
 * \begin{align}
 * x_t &\in \mathbb{R}^3 \\
 * o_t &= \tanh(W h_t + V x_t + \epsilon u_t) \label{output} \\
 * h_t &= h_{t-1} + o_t
 * \end{align}
 */
#[documented::cell(cycle = "previous")]
#[allow(deprecated, reason = "the second input")]
struct DocumentedCycle;

/// $$ o_t = \sigma(W h_t + U x_t + b), \quad h_t = o_t \odot \tanh(V h_{t-1} + o_t) $$
#[documented::cell(cycle = "fixed-point")]
struct DocumentedSolution;

#[documented::cell(file = "golden/seed000_gru.tex")]
struct FiledGru;

const LSTM_TEXT: &str = "
i_t = sigmoid(W_xi [h_{t-1}, x_t] + b_i)
f_t = sigmoid(W_xf [h_{t-1}, x_t] + b_f)
o_t = sigmoid(W_xo [h_{t-1}, x_t] + b_o)
C_t = f_t ⊙ C_{t-1} + i_t ⊙ tanh(W_hc [h_{t-1}, x_t] + b_c)
h_t = o_t ⊙ tanh(C_t)
";

fn read(text: &str, syntax: Syntax) -> Cell {
    resolve(&parse(text, syntax, None).document, &Options::default()).unwrap()
}

/// Outputs, final states and gradients of a training step with made-up numbers.
fn train(cell: &CompiledCell<f64>) -> Vec<Vec<f64>> {
    let (steps, batch) = (5, 3);
    let mut numbers = Numbers::new(11);
    let mut random = |length: usize| (0..length).map(|_| numbers.next()).collect::<Vec<f64>>();
    let layout = cell.layout();
    let sequences: Vec<usize> = layout.inputs.iter().map(|port| steps * batch * port.size).collect();
    let outputs: Vec<usize> = layout.outputs.iter().map(|port| steps * batch * port.size).collect();
    let states: Vec<usize> = layout.states.iter().map(|port| batch * port.size).collect();
    let parameters = random(layout.parameters.length());
    let inputs: Vec<Vec<f64>> = sequences.iter().map(|&length| random(length)).collect();
    let output_gradients: Vec<Vec<f64>> = outputs.iter().map(|&length| random(length)).collect();
    let mut results: Vec<Vec<f64>> = outputs.iter().chain(&states).map(|&length| vec![0.0; length]).collect();
    let mut gradient = vec![0.0; parameters.len()];
    let (first, last) = results.split_at_mut(outputs.len());
    let mut workspace = Workspace::default();
    let forward = Forward {
        steps,
        batch,
        sequences: Sequences::default(),
        parameters: &parameters,
        inputs: &inputs.iter().map(Vec::as_slice).collect::<Vec<_>>(),
        initial_states: &[],
        outputs: &mut first.iter_mut().map(Vec::as_mut_slice).collect::<Vec<_>>(),
        final_states: &mut last.iter_mut().map(Vec::as_mut_slice).collect::<Vec<_>>(),
    };
    cell.forward(forward, Keep::Tape, &mut workspace).unwrap();
    let backward = Backward {
        parameters: &parameters,
        inputs: &inputs.iter().map(Vec::as_slice).collect::<Vec<_>>(),
        output_gradients: &output_gradients.iter().map(Vec::as_slice).collect::<Vec<_>>(),
        final_state_gradients: &[],
        parameter_gradients: &mut gradient,
        input_gradients: &mut [],
        initial_state_gradients: &mut [],
    };
    cell.backward(backward, &mut workspace).unwrap();
    results.push(gradient);
    results
}

#[test]
fn the_spelling_does_not_matter() {
    let options = CompileOptions::default();
    let latex = |text| read(text, Syntax::Latex);
    let cases = [
        (
            Lstm::cell(),
            &[("x", 3), ("h", 4)][..],
            vec![
                read(LSTM_TEXT, Syntax::Text),
                latex(include_str!("golden/seed000_lstm.tex")),
                DocumentedLstm::cell(),
                FiledLstm::cell(),
                read_section(
                    include_str!("equations/lstm.md"),
                    Syntax::Markdown,
                    "LSTM",
                    &Options::default(),
                )
                .unwrap(),
            ],
        ),
        (
            Gru::cell(),
            &[("x", 3), ("h", 4), ("y", 2)],
            vec![latex(include_str!("golden/seed000_gru.tex")), FiledGru::cell()],
        ),
    ];
    for (cell, sizes, others) in cases {
        let expected = train(&CompiledCell::new(&cell, sizes, options).unwrap());
        assert!(expected.iter().flatten().any(|number| *number != 0.0));
        for other in others {
            assert_eq!(other.clone().placeless(), cell.clone().placeless());
            assert_eq!(train(&CompiledCell::new(&other, sizes, options).unwrap()), expected);
        }
    }
}

#[test]
fn sizes_have_names() {
    let compiled = Lstm::compile::<f64>(LstmSizes { x: 3, h: 4 }, CompileOptions::default()).unwrap();
    let other = CompiledCell::new(&Lstm::cell(), &[("h", 4), ("x", 3)], CompileOptions::default()).unwrap();
    assert_eq!(train(&compiled), train(&other));
    let names =
        |ports: &[gatewright::sequence::Port]| ports.iter().map(|port| port.name.clone()).collect::<Vec<_>>();
    let layout = compiled.layout();
    assert_eq!(names(&layout.inputs), Lstm::INPUTS);
    assert_eq!(names(&layout.states), Lstm::STATES);
    assert_eq!(names(&layout.outputs), Lstm::OUTPUTS);
    assert_eq!(Lstm::DIMENSIONS, ["x", "h"]);
    assert_eq!(Lstm::PARAMETERS, ["W_xi", "b_i", "W_xf", "b_f", "W_xo", "b_o", "W_hc", "b_c"]);
    assert_eq!((Gru::STATES, Gru::OUTPUTS), (&["h"][..], &["y"][..]));
}

#[test]
fn parameters_have_names() {
    let compiled = Lstm::compile::<f32>(LstmSizes { x: 3, h: 2 }, CompileOptions::default()).unwrap();
    let mut flat: Vec<f32> = (0_u8..48).map(f32::from).collect();
    let view = LstmParameters::view(&compiled, &flat).unwrap();
    assert_eq!((view.W_xi.rows(), view.W_xi.columns()), (2, 5));
    assert_eq!(view.W_xi.row(1), Some(&[5.0, 6.0, 7.0, 8.0, 9.0][..]));
    assert_eq!((view.W_xi.row(2), view.W_xi.get(0, 5), view.W_xi.get(1, 4)), (None, None, Some(&9.0)));
    assert_eq!(view.b_i, [10.0, 11.0]);
    assert_eq!(view.b_c, [46.0, 47.0]);

    let parameters = LstmParametersMut::view(&compiled, &mut flat).unwrap();
    parameters.b_f.fill(1.0);
    let mut weights = parameters.W_hc;
    *weights.get(1, 0).unwrap() = -1.0;
    weights.row(0).unwrap().fill(0.5);
    assert_eq!(weights.as_view().elements()[..6], [0.5, 0.5, 0.5, 0.5, 0.5, -1.0]);
    assert_eq!(flat[22..24], [1.0, 1.0]);

    let expected = ViewError::Length { expected: 48, found: 47 };
    assert_eq!(LstmParameters::view(&compiled, &flat[1..]).unwrap_err(), expected);
    let mut numbers = vec![0.0_f32; 48];
    let gru = Gru::compile::<f32>(GruSizes { x: 3, h: 2, y: 2 }, CompileOptions::default()).unwrap();
    assert_eq!(gru.layout().parameters.length(), 48);
    let expected = ViewError::Name { expected: "W_xi".to_owned(), found: Some("W_xz".to_owned()) };
    assert_eq!(LstmParametersMut::view(&gru, &mut numbers).unwrap_err(), expected);
}

#[test]
fn every_kind_of_parameter() {
    let compiled = Mixed::compile::<f64>(MixedSizes { h: 2 }, CompileOptions::default()).unwrap();
    let layout = &compiled.layout().parameters;
    let flat: Vec<f64> = (0..layout.length()).map(|at| at as f64).collect();
    let view = MixedParameters::view(&compiled, &flat).unwrap();
    let offset = |name: &str| layout.entry(name).unwrap().offset as f64;
    assert_eq!(*view.λ, offset("lambda"));
    assert_eq!(*view.s, offset("s"));
    assert_eq!(view.w_o[1], offset("w_o") + 1.0);
    assert_eq!((view.V_1.rows(), view.V_1.columns(), view.V_1.elements()[0]), (2, 3, offset("V_1")));
    assert_eq!(Mixed::cell().constants, [("epsilon".to_owned(), 0.01)]);
    assert!(train(&compiled).iter().flatten().all(|number| number.is_finite()));
}

#[test]
fn notes_stop_nothing() {
    assert_eq!(silenced::Gated::INPUTS, ["v", "x", "u"]);
    assert!(silenced::Gated::cell().diagnostics.len() > 2);
}

#[test]
fn a_cell_without_parameters_and_sizes() {
    let compiled = bare::Sum::compile::<f64>(bare::SumSizes {}, CompileOptions::default()).unwrap();
    assert_eq!(compiled.layout().parameters.length(), 0);
    let mut last = [0.0; 2];
    let forward = Forward {
        steps: 2,
        batch: 1,
        sequences: Sequences::default(),
        parameters: &[],
        inputs: &[&[1.0, 2.0, 3.0, 4.0]],
        initial_states: &[],
        outputs: &mut [],
        final_states: &mut [&mut last],
    };
    compiled.forward(forward, Keep::Nothing, &mut Workspace::default()).unwrap();
    assert_eq!(last, [4.0, 6.0]);
}

#[test]
fn a_documented_cell_has_all_that_a_cell_has() {
    assert_eq!(DocumentedLstm::PARAMETERS, Lstm::PARAMETERS);
    assert_eq!((DocumentedLstm::INPUTS, DocumentedLstm::STATES), (Lstm::INPUTS, Lstm::STATES));
    let options = CompileOptions::default();
    let compiled = DocumentedLstm::compile::<f32>(DocumentedLstmSizes { x: 3, h: 2 }, options).unwrap();
    let mut flat: Vec<f32> = (0_u8..48).map(f32::from).collect();
    let view = DocumentedLstmParameters::view(&compiled, &flat).unwrap();
    assert_eq!((view.W_xi.rows(), view.W_xi.columns(), view.b_c), (2, 5, &[46.0, 47.0][..]));
    DocumentedLstmParametersMut::view(&compiled, &mut flat).unwrap().b_f.fill(1.0);
    assert_eq!(flat[22..24], [1.0, 1.0]);

    assert_eq!(DocumentedCycle::INPUTS, ["x", "u"]);
    assert_eq!(DocumentedCycle::PARAMETERS, ["W", "V", "epsilon"]);
    let compiled = DocumentedCycle::compile::<f64>(DocumentedCycleSizes { h: 2 }, options).unwrap();
    assert!(train(&compiled).iter().flatten().all(|number| number.is_finite()));
}

#[test]
fn cycles_are_solved_in_both_spellings() {
    let options = CompileOptions::default();
    let solution = Solution::compile::<f64>(SolutionSizes { x: 3, h: 2 }, options).unwrap();
    let documented = DocumentedSolution::compile::<f64>(DocumentedSolutionSizes { x: 3, h: 2 }, options);
    assert_eq!(train(&documented.unwrap()), train(&solution));
    assert_eq!(Solution::cell().unknowns.len(), 1);
}

#[test]
fn the_zoo_compiles_in_two_lines() {
    let cell = zoo::ELMAN.read().unwrap();
    assert!(CompiledCell::<f32>::new(&cell, &[("x", 3), ("h", 4)], CompileOptions::default()).is_ok());
}
