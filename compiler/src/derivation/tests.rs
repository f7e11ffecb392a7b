//! The equations compute what the graph means, and read as they should.

use std::path::Path;

use expect_test::expect;

use super::random;
use super::read::read as read_back;
use super::{Derivation, Style, derive};
use crate::differentiate::differentiate;
use crate::graph::interpret::{GradientArguments, SequenceArguments, run_sequence};
use crate::graph::samples::SOLVED;
use crate::graph::{Graph, Port, lower};
use crate::passes::{check, split_initial};
use crate::resolve::{Cell, CyclePolicy, Options, resolve};
use crate::source::ast::Document;
use crate::source::{Syntax, parse};

fn read(text: &str, syntax: Syntax) -> (Cell, Document) {
    read_with(text, syntax, CyclePolicy::Previous)
}

fn read_with(text: &str, syntax: Syntax, cycle: CyclePolicy) -> (Cell, Document) {
    let document = parse(text, syntax, None).document;
    let cell = resolve(&document, &Options { cycle, ..Options::default() });
    (cell.unwrap_or_else(|found| panic!("{text}: {found:?}")), document)
}

fn derived(text: &str, syntax: Syntax) -> Derivation {
    let (cell, document) = read(text, syntax);
    derive(&cell, &document).expect("derives")
}

fn golden(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden").join(format!("{name}.tex"));
    std::fs::read_to_string(path).expect("a golden file")
}

fn views(arrays: &[Vec<f64>]) -> Vec<&[f64]> {
    arrays.iter().map(Vec::as_slice).collect()
}

/// Numbers that look random.
fn numbers(seed: &mut u64, count: usize) -> Vec<f64> {
    let mut next = || {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*seed >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

const STEPS: usize = 3;
const BATCH: usize = 2;

/// Runs what was printed, in both styles, and compares everything that comes out with the rules of differentiation
/// applied to what the equations say, not simplified.
fn agrees(name: &str, cell: &Cell, derivation: &Derivation) {
    let options = match cell.unknowns.is_empty() {
        true => Options { cycle: CyclePolicy::Previous, ..Options::default() },
        false => Options { cycle: CyclePolicy::FixedPoint, ..Options::default() },
    };
    let (step, initial) = split_initial(&lower(cell).expect("lowers")).expect("is split");
    let reference = differentiate(&step).expect("differentiates");
    let signature = reference.signature();
    let sizes: Vec<usize> = (0..signature.dimensions.len()).map(|at| 3 + at).collect();
    let count = |port: &Port| port.shape.sizes(&sizes).expect("sizes").iter().product::<usize>();
    let mut seed = 7;
    let mut draw = |ports: &[Port], rows: usize| -> Vec<Vec<f64>> {
        ports.iter().map(|port| numbers(&mut seed, rows * count(port))).collect()
    };
    let parameters = draw(&signature.parameters, 1);
    let inputs = draw(&signature.inputs, STEPS * BATCH);
    let states = draw(&signature.states, BATCH);
    let output_gradients = draw(&signature.outputs, STEPS * BATCH);
    let final_gradients = draw(&signature.states, BATCH);
    let arguments = SequenceArguments {
        inputs: views(&inputs),
        initial_states: views(&states),
        parameters: views(&parameters),
        gradients: Some(GradientArguments {
            outputs: views(&output_gradients),
            final_states: views(&final_gradients),
        }),
    };
    let run = |graph: &Graph| {
        let results = run_sequence(graph, &sizes, &arguments, STEPS, BATCH).expect("runs");
        let gradients = results.gradients.expect("gradients");
        [
            ("output", results.outputs),
            ("final state", results.final_states),
            ("gradient by the input", gradients.inputs),
            ("gradient by the initial state", gradients.initial_states),
            ("gradient by the parameter", gradients.parameters),
        ]
    };
    let expected = run(&reference);
    for (printed, style) in [(derivation.to_text(), Style::Text), (derivation.to_latex(), Style::Latex)] {
        let read =
            read_back(&printed, style, &options).unwrap_or_else(|error| panic!("{name}: {error}\n{printed}"));
        let graph = read.graph;
        graph.verify().expect("a graph");
        assert_eq!(graph.signature(), signature, "{name}");
        for ((what, found), (_, wanted)) in run(&graph).iter().zip(&expected) {
            for (number, (found, wanted)) in found.iter().zip(wanted).enumerate() {
                assert_eq!(found.len(), wanted.len());
                for (found, wanted) in found.iter().zip(wanted) {
                    assert!(
                        (found - wanted).abs() <= 1e-9 * wanted.abs().max(1.0)
                            || found.is_nan() && wanted.is_nan(),
                        "{name}: {what} {number}: {found} is not {wanted}\n{printed}",
                    );
                }
            }
        }
        assert_eq!(read.initial.is_some(), initial.is_some(), "{name}");
        if let (Some(found), Some(wanted)) = (&read.initial, &initial) {
            found.verify().expect("a graph");
            let gradients: Vec<&[f64]> = wanted
                .states()
                .iter()
                .map(|&state| &final_gradients[state as usize][..count(&signature.states[state as usize])])
                .collect();
            let run = |graph: &Graph| {
                let arguments = SequenceArguments {
                    inputs: Vec::new(),
                    initial_states: Vec::new(),
                    parameters: views(&parameters),
                    gradients: Some(GradientArguments {
                        outputs: gradients.clone(),
                        final_states: Vec::new(),
                    }),
                };
                let results = run_sequence(graph, &sizes, &arguments, 1, 1).expect("runs");
                results.gradients.expect("gradients").parameters.concat()
            };
            for (found, wanted) in run(found).iter().zip(run(wanted.graph())) {
                let close = (found - wanted).abs() <= 1e-9 * wanted.abs().max(1.0);
                assert!(close, "{name}: {found} is not {wanted}\n{printed}");
            }
        }
    }
}

#[test]
fn equations_of_every_golden_cell_compute_its_gradients() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).expect("the golden files") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        if path.extension().is_some_and(|extension| extension == "tex") {
            let solved = name.ends_with("fixed_point");
            let cycle = if solved { CyclePolicy::FixedPoint } else { CyclePolicy::Previous };
            let (cell, document) = read_with(&golden(&name), Syntax::Latex, cycle);
            let derivation = derive(&cell, &document).expect("derives");
            agrees(&name, &cell, &derivation);
            assert!(!derivation.to_text().contains('?') && !derivation.to_latex().contains('?'), "{name}");
            assert!(!derivation.to_text().contains("NaN"), "{name}");
            count += 1;
        }
    }
    assert!(count > 20);
}

#[test]
fn what_is_printed_of_every_zoo_cell_computes_its_gradients() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../runtime/zoo");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).expect("the zoo") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).expect("a file of the zoo");
        let parsed = parse(&text, Syntax::Markdown, None);
        // Whether each cell is read at all is for the tests of the zoo to say.
        let Ok(cell) = check(parsed.clone(), &Options::default()) else { continue };
        agrees(&name, &cell, &derive(&cell, &parsed.document).expect("derives"));
        count += 1;
    }
    assert!(count >= 99, "{count} cells of the zoo are read");
}

#[test]
fn what_is_printed_of_random_cells_computes_their_gradients() {
    let number = |name: &str, default: u64| {
        std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    let (first, count) = (number("GATEWRIGHT_SEED", 0), number("GATEWRIGHT_CELLS", 60));
    let mut all = String::new();
    for seed in first..first + count {
        let text = random::cell(seed);
        let parsed = parse(&text, Syntax::Text, None);
        let cell = check(parsed.clone(), &Options::default())
            .unwrap_or_else(|found| panic!("seed {seed}: {found:?}\n{text}"));
        let derivation = derive(&cell, &parsed.document).expect("derives");
        agrees(&format!("seed {seed}"), &cell, &derivation);
        all.push_str(&derivation.to_text());
    }
    // No notation goes untested.
    for sign in [
        " ⊙ ",
        " / ",
        "^2",
        "^T",
        "Σ_t ",
        "[:, ",
        "0_{",
        "1_{",
        "1[",
        " < ",
        " > 0]",
        "dim(",
        "if(",
        "sum(",
        "max(",
        "min(",
        "abs(",
        "sqrt(",
        "sigmoid(",
        "tanh(",
        "exp(",
        "log(",
        "sin(",
        "cos(",
        "relu(",
        "softplus(",
        "sign(",
        " = 0\n",
        "e-",
        " ≤ ",
        "cumsum(",
        "revcumsum(",
        "floor(",
        "rowmax(",
        "round(",
    ] {
        assert!(count < 60 || all.contains(sign), "`{sign}` occurs in no cell");
    }
}

#[test]
fn unusual_cells_have_equations_too() {
    for text in [
        // Matrix states, outer products.
        "C_t = C_{t-1} + v_t k_t^T; y_t = C_t q_t; v_t = W_v x_t; k_t = W_k x_t; q_t = W_q x_t",
        // Parameter expressions.
        "A = W - W^T - 0.1 I; h_t = h_{t-1} + 0.2 * tanh(A h_{t-1} + V x_t + b)",
        // Delays and lags.
        "h_t = tanh(W x_t + V x_{t-1} + U h_{t-1} + R h_{t-3})",
        // One value with two names, an output that is a leaf.
        "c_t = tanh(W x_t + U c_{t-1}); h_t = c_t",
        "h_t = tanh(W x_t + U h_{t-1}); y_t = h_{t-1}",
        // Kinks, quotients, reductions.
        "h_t = max(U h_{t-1}, relu(W x_t)) / (1 + sum(abs(h_{t-1})))",
        "s_t = softmax(W x_t + U h_{t-1}); h_t = norm(s_t) * s_t + LN(h_{t-1}) + softplus(x_t)",
        // Nothing flows to a weight, names that are taken.
        "h_t = tanh(a x_t + delta h_{t-1} + v * sign(W x_t)); e_t = W_e h_t",
        // Chains of products.
        "h_t = tanh(U V x_t + U V h_{t-1}) .* (U V h_{t-1})",
        // What is given and not learned; two outputs.
        "h_t = tanh(W x_t + U h_{t-1}); U: frozen",
        "h_t = tanh(W x_t + U h_{t-1}); y_t = V h_t; h_t, y_t: output",
        // Row convention.
        "h_t = tanh(x_t W + h_{t-1} U)",
        // Conditions, steps, scans and parts.
        "h_t = where(x_t <= h_{t-1}, tanh(W x_t), h_{t-1}) + indicator(x_t > b) * mod(x_t, 2 + h_{t-1} .* h_{t-1})",
        "u_t = round(3 h_{t-1}); h_t = tanh(floor(2 x_t) + u_t .* x_t) + ceil(h_{t-1})",
        "f_t = cumax(W x_t + U h_{t-1}); h_t = f_t .* h_{t-1} + revcumsum(f_t) .* x_t",
        "i_t, f_t = split(W x_t + U h_{t-1} + b); h_t = sigmoid(f_t) * h_{t-1} + tanh(i_t)",
    ] {
        let (cell, document) = read(text, Syntax::Text);
        let derivation = derive(&cell, &document).expect("derives");
        agrees(text, &cell, &derivation);
        let printed = derivation.to_text();
        assert!(!printed.contains('?') && !printed.contains("NaN"), "{printed}");
        assert!(derivation.to_dot().ends_with("}\n"));
    }
}

#[test]
fn solved_cycles_have_equations_too() {
    for (name, text) in SOLVED {
        let (cell, document) = read_with(text, Syntax::Text, CyclePolicy::FixedPoint);
        let derivation = derive(&cell, &document).expect("derives");
        agrees(name, &cell, &derivation);
        let printed = derivation.to_text();
        assert!(!printed.contains('?') && !printed.contains("NaN"), "{printed}");
        assert_eq!(printed.contains("Solved with these by iteration"), name != "unread", "{printed}");
        assert!(derivation.to_dot().ends_with("}\n"));
    }
}

#[test]
fn a_solved_cycle_reads_well() {
    let (cell, document) = read_with(
        "h_t = o_t * tanh(U h_{t-1}); o_t = sigmoid(W x_t + V h_t)",
        Syntax::Text,
        CyclePolicy::FixedPoint,
    );
    let derivation = derive(&cell, &document).expect("derives");
    expect![[r#"
        Forward, as written
          h_t = o_t * tanh(U h_{t-1})
          o_t = sigmoid(W x_t + V h_t)

        Parts of the forward step that the way back speaks of
          a_o_t = W x_t + V h_t
          a_v1_t = U h_{t-1}
          v1_t = tanh(a_v1_t)

        Backward, at each step t = T, …, 1
          δh_t = ∂L/∂h_t + δh_t^{←t+1} + δh_t^{↺}
          δo_t = δh_t ⊙ v1_t
          δa_o_t = δo_t ⊙ o_t ⊙ (1 - o_t)
          δv1_t = δh_t ⊙ o_t
          δa_v1_t = δv1_t ⊙ (1 - v1_t^2)

        Solved with these by iteration, from zero until nothing changes
          δh_t^{↺} = V^T δa_o_t

        Handed to the step before
          δh_{t-1}^{←t} = U^T δa_v1_t

        Gradients by the inputs
          δx_t = W^T δa_o_t

        Gradients by the parameters, once
          ∇U = Σ_t δa_v1_t h_{t-1}^T
          ∇W = Σ_t δa_o_t x_t^T
          ∇V = Σ_t δa_o_t h_t^T

        First and last step
          ∇h_0 = δh_{t-1}^{←t} at t = 1
          δh_t^{←t+1} at t = T is given: gradient of the loss by the final h_T

        Notation
          δv_t: gradient of the loss L by v at step t, over all ways through this and later steps
          ∇p: gradient of the loss by p, over all steps and samples for a parameter
          ∂L/∂y_t: gradient by the output y at step t alone, as the loss gives it
          δv_t^{←t+1}: the part of δv_t that comes back from step t+1; step t hands δv_{t-1}^{←t} to the step before
          δv_t^{↺}: the part of δv_t that comes back to v through the cycle of the step
          a_v_t: the argument of the function that gives v
          v1, v2, …: parts of the equations without a name of their own
          ⊙: element by element; a scalar meets every element
          Σ_t: over all steps and all samples, up to the next + or -
          `h_t` is solved for by iteration at each step
    "#]].assert_eq(&derivation.to_text());
    expect![[r#"
        \paragraph{Forward, as written}
        \begin{align*}
        h_t &= o_t * \tanh(U h_{t-1}) \\
        o_t &= \sigma(W x_t + V h_t)
        \end{align*}

        \paragraph{Parts of the forward step that the way back speaks of}
        \begin{align*}
        a^{o}_t &= W x_t + V h_t \\
        a^{v_1}_t &= U h_{t-1} \\
        v_{1,t} &= \tanh(a^{v_1}_t)
        \end{align*}

        \paragraph{Backward, at each step $t = T, \dots, 1$}
        \begin{align*}
        \delta h_t &= \frac{\partial L}{\partial h_t} + \delta h_t^{\leftarrow t+1} + \delta h_t^{\circlearrowleft} \\
        \delta o_t &= \delta h_t \odot v_{1,t} \\
        \delta a^{o}_t &= \delta o_t \odot o_t \odot \left(1 - o_t\right) \\
        \delta v_{1,t} &= \delta h_t \odot o_t \\
        \delta a^{v_1}_t &= \delta v_{1,t} \odot \left(1 - v_{1,t}^{2}\right)
        \end{align*}

        \paragraph{Solved with these by iteration, from zero until nothing changes}
        \begin{align*}
        \delta h_t^{\circlearrowleft} &= V^{\top} \delta a^{o}_t
        \end{align*}

        \paragraph{Handed to the step before}
        \begin{align*}
        \delta h_{t-1}^{\leftarrow t} &= U^{\top} \delta a^{v_1}_t
        \end{align*}

        \paragraph{Gradients by the inputs}
        \begin{align*}
        \delta x_t &= W^{\top} \delta a^{o}_t
        \end{align*}

        \paragraph{Gradients by the parameters, once}
        \begin{align*}
        \nabla U &= \sum_t \delta a^{v_1}_t h_{t-1}^{\top} \\
        \nabla W &= \sum_t \delta a^{o}_t x_t^{\top} \\
        \nabla V &= \sum_t \delta a^{o}_t h_t^{\top}
        \end{align*}

        \paragraph{First and last step}
        \begin{align*}
        \nabla h_0 &= \delta h_{t-1}^{\leftarrow t} \bigr|_{t = 1} \\
        \delta h_t^{\leftarrow t+1} \bigr|_{t = T} &\quad \text{is given: gradient of the loss by the final } h_T
        \end{align*}

        \paragraph{Notation}
        \begin{itemize}
        \item $\delta v_t$: gradient of the loss L by v at step t, over all ways through this and later steps
        \item $\nabla p$: gradient of the loss by p, over all steps and samples for a parameter
        \item $\partial L / \partial y_t$: gradient by the output y at step t alone, as the loss gives it
        \item $\delta v_t^{\leftarrow t+1}$: the part of $\delta v_t$ that comes back from step t+1; step t hands $\delta v_{t-1}^{\leftarrow t}$ to the step before
        \item $\delta v_t^{\circlearrowleft}$: the part of $\delta v_t$ that comes back to v through the cycle of the step
        \item $a^{v}_t$: the argument of the function that gives v
        \item $v_1, v_2, \dots$: parts of the equations without a name of their own
        \item $\odot$: element by element; a scalar meets every element
        \item $\sum_t$: over all steps and all samples, up to the next + or -
        \item 'h\_t' is solved for by iteration at each step
        \end{itemize}
    "#]].assert_eq(&derivation.to_latex());
}

#[test]
fn gradients_by_declared_beginnings_go_on_to_parameters() {
    for text in [
        "h_0 = tanh(b_0); h_t = tanh(W x_t + U h_{t-1})",
        "h_0 = softmax(A a + b); c_0 = 0.5; c_t = sigmoid(W x_t + U h_{t-1}) + 0.1 * c_{t-1}; h_t = tanh(A c_t + b)",
        "C_0 = a b^T; C_t = 0.9 * C_{t-1} + v_t k_t^T; v_t = W x_t; k_t = V x_t; y_t = C_t k_t + a",
    ] {
        let (cell, document) = read(text, Syntax::Text);
        agrees(text, &cell, &derive(&cell, &document).expect("derives"));
    }
    let text = derived("h_0 = tanh(b_0); h_t = tanh(W x_t + U h_{t-1})", Syntax::Text).to_text();
    assert!(text.contains("∇b_0 += (Σ ∇h_0) ⊙ (1 - tanh(b_0)^2)"), "{text}");
}

/// Sets the mathematics as rustdoc and browsers do: a command that is not known, a brace that is not closed or a second
/// superscript is an error.
#[test]
fn latex_can_be_set() {
    let random = (0..40).map(|seed| (format!("seed {seed}"), random::cell(seed), CyclePolicy::Reject));
    let solved =
        SOLVED.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned(), CyclePolicy::FixedPoint));
    let begun = "h'_0 = tanh(b_0); h'_t = tanh(W x_t + U (h'_{t-1}^2 .* W x_t)) .* h'_{t-1}^2".to_owned();
    for (name, text, cycle) in random.chain(solved).chain([("begun".to_owned(), begun, CyclePolicy::Reject)])
    {
        let (cell, document) = read_with(&text, Syntax::Text, cycle);
        let printed = derive(&cell, &document).expect("derives").to_latex();
        for block in printed.split("\\begin{align*}").skip(1) {
            let block = block.split("\\end{align*}").next().expect("the block ends");
            let storage = pulldown_latex::Storage::new();
            let block = format!("\\begin{{align*}}{block}\\end{{align*}}");
            for event in pulldown_latex::Parser::new(&block, &storage) {
                assert!(event.is_ok(), "{name}: {event:?}\n{block}");
            }
        }
    }
}

#[test]
fn elman_reads_well() {
    expect![[r#"
            Forward, as written
              h_t = tanh(W x_t + U h_{t-1} + b)

            Parts of the forward step that the way back speaks of
              a_h_t = W x_t + U h_{t-1} + b

            Backward, at each step t = T, …, 1
              δh_t = ∂L/∂h_t + δh_t^{←t+1}
              δa_h_t = δh_t ⊙ (1 - h_t^2)

            Handed to the step before
              δh_{t-1}^{←t} = U^T δa_h_t

            Gradients by the inputs
              δx_t = W^T δa_h_t

            Gradients by the parameters, once
              ∇W = Σ_t δa_h_t x_t^T
              ∇U = Σ_t δa_h_t h_{t-1}^T
              ∇b = Σ_t δa_h_t

            First and last step
              ∇h_0 = δh_{t-1}^{←t} at t = 1
              δh_t^{←t+1} at t = T is given: gradient of the loss by the final h_T

            Notation
              δv_t: gradient of the loss L by v at step t, over all ways through this and later steps
              ∇p: gradient of the loss by p, over all steps and samples for a parameter
              ∂L/∂y_t: gradient by the output y at step t alone, as the loss gives it
              δv_t^{←t+1}: the part of δv_t that comes back from step t+1; step t hands δv_{t-1}^{←t} to the step before
              a_v_t: the argument of the function that gives v
              ⊙: element by element; a scalar meets every element
              Σ_t: over all steps and all samples, up to the next + or -
        "#]]
    .assert_eq(&derived(&golden("elman"), Syntax::Latex).to_text());
    expect![[r#"
        \paragraph{Forward, as written}
        \begin{align*}
        h_t &= \tanh(W x_t + U h_{t-1} + b)
        \end{align*}

        \paragraph{Parts of the forward step that the way back speaks of}
        \begin{align*}
        a^{h}_t &= W x_t + U h_{t-1} + b
        \end{align*}

        \paragraph{Backward, at each step $t = T, \dots, 1$}
        \begin{align*}
        \delta h_t &= \frac{\partial L}{\partial h_t} + \delta h_t^{\leftarrow t+1} \\
        \delta a^{h}_t &= \delta h_t \odot \left(1 - h_t^{2}\right)
        \end{align*}

        \paragraph{Handed to the step before}
        \begin{align*}
        \delta h_{t-1}^{\leftarrow t} &= U^{\top} \delta a^{h}_t
        \end{align*}

        \paragraph{Gradients by the inputs}
        \begin{align*}
        \delta x_t &= W^{\top} \delta a^{h}_t
        \end{align*}

        \paragraph{Gradients by the parameters, once}
        \begin{align*}
        \nabla W &= \sum_t \delta a^{h}_t x_t^{\top} \\
        \nabla U &= \sum_t \delta a^{h}_t h_{t-1}^{\top} \\
        \nabla b &= \sum_t \delta a^{h}_t
        \end{align*}

        \paragraph{First and last step}
        \begin{align*}
        \nabla h_0 &= \delta h_{t-1}^{\leftarrow t} \bigr|_{t = 1} \\
        \delta h_t^{\leftarrow t+1} \bigr|_{t = T} &\quad \text{is given: gradient of the loss by the final } h_T
        \end{align*}

        \paragraph{Notation}
        \begin{itemize}
        \item $\delta v_t$: gradient of the loss L by v at step t, over all ways through this and later steps
        \item $\nabla p$: gradient of the loss by p, over all steps and samples for a parameter
        \item $\partial L / \partial y_t$: gradient by the output y at step t alone, as the loss gives it
        \item $\delta v_t^{\leftarrow t+1}$: the part of $\delta v_t$ that comes back from step t+1; step t hands $\delta v_{t-1}^{\leftarrow t}$ to the step before
        \item $a^{v}_t$: the argument of the function that gives v
        \item $\odot$: element by element; a scalar meets every element
        \item $\sum_t$: over all steps and all samples, up to the next + or -
        \end{itemize}
    "#]]
    .assert_eq(&derived(&golden("elman"), Syntax::Latex).to_latex());
}

#[test]
fn lstm_reads_well() {
    expect![[r#"
        Forward, as written
          i_t = sigmoid(W_xi · [h_{t-1}, x_t] + b_i)
          f_t = sigmoid(W_xf · [h_{t-1}, x_t] + b_f)
          o_t = sigmoid(W_xo · [h_{t-1}, x_t] + b_o)
          C_t = f_t · C_{t-1} + i_t · tanh(W_hc · [h_{t-1}, x_t] + b_c)
          h_t = o_t · tanh(C_t)

        Parts of the forward step that the way back speaks of
          a_i_t = W_xi [h_{t-1}, x_t] + b_i
          a_f_t = W_xf [h_{t-1}, x_t] + b_f
          a_o_t = W_xo [h_{t-1}, x_t] + b_o
          a_v1_t = W_hc [h_{t-1}, x_t] + b_c
          v1_t = tanh(a_v1_t)

        Backward, at each step t = T, …, 1
          δh_t = ∂L/∂h_t + δh_t^{←t+1}
          δo_t = δh_t ⊙ tanh(C_t)
          δa_o_t = δo_t ⊙ o_t ⊙ (1 - o_t)
          δC_t = δC_t^{←t+1} + δh_t ⊙ o_t ⊙ (1 - tanh(C_t)^2)
          δi_t = δC_t ⊙ v1_t
          δa_i_t = δi_t ⊙ i_t ⊙ (1 - i_t)
          δv1_t = δC_t ⊙ i_t
          δa_v1_t = δv1_t ⊙ (1 - v1_t^2)
          δf_t = δC_t ⊙ C_{t-1}
          δa_f_t = δf_t ⊙ f_t ⊙ (1 - f_t)

        Handed to the step before
          δC_{t-1}^{←t} = δC_t ⊙ f_t
          δh_{t-1}^{←t} = W_hc[:, :h]^T δa_v1_t + W_xo[:, :h]^T δa_o_t + W_xf[:, :h]^T δa_f_t
              + W_xi[:, :h]^T δa_i_t

        Gradients by the inputs
          δx_t = W_hc[:, h:]^T δa_v1_t + W_xo[:, h:]^T δa_o_t + W_xf[:, h:]^T δa_f_t + W_xi[:, h:]^T δa_i_t

        Gradients by the parameters, once
          ∇W_xi = Σ_t δa_i_t [h_{t-1}, x_t]^T
          ∇b_i = Σ_t δa_i_t
          ∇W_xf = Σ_t δa_f_t [h_{t-1}, x_t]^T
          ∇b_f = Σ_t δa_f_t
          ∇W_xo = Σ_t δa_o_t [h_{t-1}, x_t]^T
          ∇b_o = Σ_t δa_o_t
          ∇W_hc = Σ_t δa_v1_t [h_{t-1}, x_t]^T
          ∇b_c = Σ_t δa_v1_t

        First and last step
          ∇C_0 = δC_{t-1}^{←t} at t = 1
          δC_t^{←t+1} at t = T is given: gradient of the loss by the final C_T
          ∇h_0 = δh_{t-1}^{←t} at t = 1
          δh_t^{←t+1} at t = T is given: gradient of the loss by the final h_T

        Notation
          δv_t: gradient of the loss L by v at step t, over all ways through this and later steps
          ∇p: gradient of the loss by p, over all steps and samples for a parameter
          ∂L/∂y_t: gradient by the output y at step t alone, as the loss gives it
          δv_t^{←t+1}: the part of δv_t that comes back from step t+1; step t hands δv_{t-1}^{←t} to the step before
          a_v_t: the argument of the function that gives v
          v1, v2, …: parts of the equations without a name of their own
          ⊙: element by element; a scalar meets every element
          Σ_t: over all steps and all samples, up to the next + or -
          W[:, a:b]: columns a up to b (without b) of W, counted from 0; W[:, :b] the first b, W[:, a:] from a on
    "#]]
    .assert_eq(&derived(&golden("seed000_lstm"), Syntax::Latex).to_text());
}

#[test]
fn one_value_with_two_names_and_two_values_with_one_name_are_told_apart() {
    let text = derived("c_t = tanh(W x_t + U c_{t-1}); h_t = c_t", Syntax::Text).to_text();
    assert!(text.contains("h_t and c_t are one value"), "{text}");
    let text = derived(&golden("seed004_rnn"), Syntax::Latex).to_text();
    assert!(text.contains("δh_t^(1) = ") && text.contains("δh_t = "), "{text}");
}

#[test]
fn numbers_and_signs_stand_where_they_read_best() {
    let text = derived(&golden("cornn"), Syntax::Latex).to_text();
    assert!(text.contains("δy_{t-1}^{←t} = W^T δa_v1_t + δy_t - 0.15 δz_t"), "{text}");
}

#[test]
fn conditions_and_scans_read_as_they_are_written() {
    let derivation = derived(
        "m_t = where(x_t <= b, 2, 0); h_t = cumsum(m_t .* h_{t-1}) + round(floor(x_t) - ceil(b)) .* h_{t-1}",
        Syntax::Text,
    );
    expect![[r#"
        Forward, as written
          m_t = where(x_t <= b, 2, 0)
          h_t = cumsum(m_t ⊙ h_{t-1}) + round(floor(x_t) - ceil(b)) ⊙ h_{t-1}

        Parts of the forward step that the way back speaks of
          e1_t = round(floor(x_t) + floor(-b))

        Backward, at each step t = T, …, 1
          δh_t = ∂L/∂h_t + δh_t^{←t+1}

        Handed to the step before
          δh_{t-1}^{←t} = δh_t ⊙ e1_t + revcumsum(δh_t) ⊙ m_t

        Gradients by the inputs
          δx_t = 0

        Gradients by the parameters, once
          ∇b = 0

        First and last step
          ∇h_0 = δh_{t-1}^{←t} at t = 1
          δh_t^{←t+1} at t = T is given: gradient of the loss by the final h_T

        Notation
          δv_t: gradient of the loss L by v at step t, over all ways through this and later steps
          ∇p: gradient of the loss by p, over all steps and samples for a parameter
          ∂L/∂y_t: gradient by the output y at step t alone, as the loss gives it
          δv_t^{←t+1}: the part of δv_t that comes back from step t+1; step t hands δv_{t-1}^{←t} to the step before
          e1, e2, …: parts that are shared or long
          ⊙: element by element; a scalar meets every element
          revcumsum(v): each element the sum of the elements of v from it on
    "#]].assert_eq(&derivation.to_text());
    let latex = derivation.to_latex();
    for part in ["\\operatorname{revcumsum}", "\\operatorname{cumsum}", "\\lfloor x_t \\rfloor", "x_t \\le b"]
    {
        assert!(latex.contains(part), "{part} in {latex}");
    }
}
