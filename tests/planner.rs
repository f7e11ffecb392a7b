//! What the planner once got wrong, one test for each mistake, and what it must do for cells of any size.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use gatewright::workspace::Workspace;
use gatewright::{Backend, CompileOptions, CompiledCell, zoo};
use gatewright_compiler::graph::Graph;
use gatewright_compiler::operator::Unary;
use gatewright_compiler::passes;
use gatewright_compiler::plan::kernel::{Instruction, ValueId};
use gatewright_compiler::plan::{BufferRole, Plan, Section, Start, Step, plan};
use gatewright_tests::{relative_error, training_step, training_step_in};

use crate::agreement::{arguments, meaning};

/// Compiles and compares with the interpreter of the graph, at several T and B.
fn check(text: &str, sizes: &[usize]) {
    let graph: Graph = text.parse().unwrap();
    let dimensions: Vec<(&str, usize)> =
        graph.signature().dimensions.iter().map(String::as_str).zip(sizes.iter().copied()).collect();
    let cell = CompiledCell::<f64>::from_graph(&graph, &dimensions, CompileOptions::default()).unwrap();
    for (steps, batch) in [(1, 1), (4, 3), (0, 2), (2, 0), (3, 33)] {
        let arguments = arguments(&graph, sizes, steps, batch);
        let found = training_step(&cell, &arguments);
        for ((what, found), expected) in found.iter().zip(meaning(&graph, sizes, &arguments)) {
            let error = relative_error(found, &expected);
            assert!(error < 1e-12, "T={steps} B={batch}: {what}: {error:.1e}\n{}", cell.training_plan());
        }
    }
}

/// `V c` was run as a product over rows, of which `c` has but one.
#[test]
fn a_product_of_a_constant_vector_is_a_constant() {
    let text = "\
dimension h
dimension x
state h : [d0]
parameter W : [d0, d0]
parameter V : [d0, d1]
parameter c : [d1]
output h : [d0]
%0 = state(0) : [d0]
%1 = parameter(0) : [d0, d0]
%2 = matrix_vector %1 %0 : [d0]
%3 = parameter(1) : [d0, d1]
%4 = parameter(2) : [d1]
%5 = softplus %4 : [d1]
%6 = matrix_vector %3 %5 : [d0]
%7 = add %2 %6 : [d0]
%8 = tanh %7 : [d0]
next_state(0) = %8
output(0) = %8";
    check(text, &[5, 3]);
}

/// `[h, c]` with a constant `c`, split.
#[test]
fn a_constant_may_be_part_of_an_operand() {
    let text = "\
dimension h
dimension x
state h : [d0]
parameter W : [d0, d0+d1]
parameter c : [d1]
output h : [d0]
%0 = state(0) : [d0]
%1 = parameter(1) : [d1]
%2 = concatenate %0 %1 : [d0+d1]
%3 = parameter(0) : [d0, d0+d1]
%4 = matrix_vector %3 %2 : [d0]
%5 = tanh %4 : [d0]
next_state(0) = %5
output(0) = %5";
    check(text, &[5, 3]);
}

/// The gradient of the state is all there is to take the gradients by `W` and `x` from, and it was gone by then.
#[test]
fn the_gradient_of_a_state_is_kept_for_weights_and_inputs() {
    let text = "\
dimension h
dimension x
input x : [d1]
state h : [d0]
parameter W : [d0, d1]
%0 = input(0) : [d1]
%1 = parameter(0) : [d0, d1]
%2 = matrix_vector %1 %0 : [d0]
next_state(0) = %2";
    check(text, &[5, 3]);
}

/// The gradient by `h` comes from the output alone, so it is computed before the loop back; the memory of a state's
/// gradient holds single steps.
#[test]
fn the_gradient_of_a_state_may_need_no_later_step() {
    let text = "\
dimension h
input x : [d0]
state h : [d0]
parameter V : [d0, d0]
output y : [d0]
%0 = state(0) : [d0]
%1 = parameter(0) : [d0, d0]
%2 = matrix_vector %1 %0 : [d0]
%3 = tanh %0 : [d0]
%4 = add %2 %3 : [d0]
%5 = input(0) : [d0]
next_state(0) = %5
output(0) = %4";
    check(text, &[5]);
}

/// What the gradient of `h` adds its product onto is computed before the loop back, where a product reads it. It was stored
/// behind the product, of which nothing was left.
#[test]
fn a_product_adds_onto_what_was_computed_before_the_loop() {
    let text = "\
dimension h
input x : [d0]
state h : [d0]
state c : [d0]
parameter V : [d0, d0]
parameter B : [d0, d0]
parameter Q : [d0, d0]
output y : [d0]
%0 = state(0) : [d0]
%1 = state(1) : [d0]
%2 = parameter(2) : [d0, d0]
%3 = matrix_vector %2 %1 : [d0]
%4 = tanh %3 : [d0]
%5 = parameter(1) : [d0, d0]
%6 = matrix_vector %5 %4 : [d0]
%7 = add %0 %6 : [d0]
%8 = tanh %7 : [d0]
%9 = input(0) : [d0]
%10 = parameter(0) : [d0, d0]
%11 = matrix_vector %10 %0 : [d0]
%12 = add %11 %9 : [d0]
%13 = add %1 %9 : [d0]
%14 = tanh %13 : [d0]
next_state(0) = %12
next_state(1) = %14
output(0) = %8";
    check(text, &[5]);
}

/// Values of no elements shared their first column with their neighbours, and buffers had rows of no width.
#[test]
fn a_dimension_may_be_empty() {
    let text = "\
dimension h
dimension n
state h : [d0]
state e : [d1]
parameter V : [d1, d0]
parameter W : [d0, d0+d1]
output y : [d1]
%0 = state(0) : [d0]
%1 = state(1) : [d1]
%2 = parameter(0) : [d1, d0]
%3 = matrix_vector %2 %0 : [d1]
%4 = concatenate %0 %1 : [d0+d1]
%5 = parameter(1) : [d0, d0+d1]
%6 = matrix_vector %5 %4 : [d0]
%7 = tanh %6 : [d0]
%8 = sum %3 : []
%9 = multiply %7 %8 : [d0]
next_state(0) = %9
next_state(1) = %3
output(0) = %3";
    check(text, &[5, 0]);
    check(text, &[0, 5]);
    check(text, &[0, 0]);
}

/// `s_t = sigmoid(W x)` lies where the wide product was, and beside it the product leaves infinity times zero.
#[test]
fn infinity_does_not_spread_from_beside_a_value() {
    let text = "\
dimension h
input x : [d0]
state h : [d0]
parameter W : [d0, d0]
parameter U : [d0, d0]
parameter V : [d0, 2*d0]
output y : [d0]
%0 = input(0) : [d0]
%1 = parameter(0) : [d0, d0]
%2 = matrix_vector %1 %0 : [d0]
%3 = sigmoid %2 : [d0]
%4 = parameter(1) : [d0, d0]
%5 = matrix_vector %4 %0 : [d0]
%6 = tanh %5 : [d0]
%7 = concatenate %3 %6 : [2*d0]
%8 = parameter(2) : [d0, 2*d0]
%9 = matrix_vector %8 %7 : [d0]
%10 = state(0) : [d0]
%11 = add %9 %10 : [d0]
next_state(0) = %11
output(0) = %11";
    let graph: Graph = text.parse().unwrap();
    let cell = CompiledCell::<f64>::from_graph(&graph, &[("h", 3)], CompileOptions::default()).unwrap();
    let mut arguments = arguments::<f64>(&graph, &[3], 2, 2);
    arguments.inputs[0][0] = f64::INFINITY;
    let expected = meaning(&graph, &[3], &arguments);
    let found = training_step(&cell, &arguments);
    assert!(expected[0].iter().all(|y| y.is_finite()));
    assert!(relative_error(&found[0].1, &expected[0]) < 1e-12, "{:?}", found[0].1);
}

/// The text of a graph, written line by line.
struct Writer {
    text: String,
    nodes: usize,
}

impl Writer {
    fn new(header: &str) -> Self {
        Self { text: format!("dimension h\n{header}\n"), nodes: 0 }
    }

    fn line(&mut self, line: &str) {
        let _ = writeln!(self.text, "{line}");
    }

    /// A vector.
    fn node(&mut self, what: &str) -> usize {
        let _ = writeln!(self.text, "%{} = {what} : [d0]", self.nodes);
        self.nodes += 1;
        self.nodes - 1
    }

    /// Square matrix `parameter` times `vector`.
    fn product(&mut self, parameter: usize, vector: usize) -> usize {
        let _ = writeln!(self.text, "%{} = parameter({parameter}) : [d0, d0]", self.nodes);
        self.nodes += 1;
        self.node(&format!("matrix_vector %{} %{vector}", self.nodes - 1))
    }

    fn graph(mut self, value: usize) -> Graph {
        self.line(&format!("next_state(0) = %{value}\noutput(0) = %{value}"));
        self.text.parse().unwrap()
    }
}

/// A chain of gates, each `tanh(W g)` of the one before.
fn chained_gates(count: usize) -> Graph {
    let mut w = Writer::new("state h : [d0]\noutput y : [d0]");
    (0..count).for_each(|gate| w.line(&format!("parameter W{gate} : [d0, d0]")));
    let mut last = w.node("state(0)");
    for gate in 0..count {
        let product = w.product(gate, last);
        last = w.node(&format!("tanh %{product}"));
    }
    w.graph(last)
}

/// A chain of cheap arithmetic.
fn chained_arithmetic(count: usize) -> Graph {
    let mut w = Writer::new("state h : [d0]\ninput x : [d0]\noutput y : [d0]");
    let (x, h) = (w.node("input(0)"), w.node("state(0)"));
    let mut last = h;
    for _ in 0..count / 2 {
        let product = w.node(&format!("multiply %{last} %{x}"));
        last = w.node(&format!("add %{product} %{h}"));
    }
    w.graph(last)
}

/// Many gates of one input and one state, summed.
fn parallel_gates(count: usize) -> Graph {
    let mut w = Writer::new("state h : [d0]\ninput x : [d0]\noutput y : [d0]");
    (0..2 * count).for_each(|index| w.line(&format!("parameter W{index} : [d0, d0]")));
    let (x, h) = (w.node("input(0)"), w.node("state(0)"));
    let mut last = h;
    for gate in 0..count {
        let (a, b) = (w.product(2 * gate, x), w.product(2 * gate + 1, h));
        let sum = w.node(&format!("add %{a} %{b}"));
        let gate = w.node(&format!("tanh %{sum}"));
        last = w.node(&format!("add %{last} %{gate}"));
    }
    w.graph(last)
}

/// Many states, each of itself and its neighbours.
fn many_states(count: usize) -> String {
    let mut w = Writer::new("");
    for state in 0..count {
        w.line(&format!(
            "state h{state} : [d0]\nparameter W{state} : [d0, d0]\ninput x{state} : [d0]\noutput y{state} : [d0]"
        ));
    }
    let states: Vec<usize> = (0..count).map(|state| w.node(&format!("state({state})"))).collect();
    let mut next = Vec::new();
    for state in 0..count {
        let a = w.product(state, states[(state + 1) % count]);
        let b = w.node(&format!("multiply %{} %{}", states[state], states[(state + 7) % count]));
        let x = w.node(&format!("input({state})"));
        let sum = w.node(&format!("add %{a} %{b}"));
        let sum = w.node(&format!("add %{sum} %{x}"));
        next.push(w.node(&format!("tanh %{sum}")));
    }
    for (state, next) in next.iter().enumerate() {
        w.line(&format!("next_state({state}) = %{next}\noutput({state}) = %{next}"));
    }
    w.text
}

/// An element loop with a buffer for each state, input and output had more than a loop may have.
#[test]
fn many_states_share_buffers() {
    check(&many_states(100), &[3]);
}

/// Gradients of states that share a buffer were summed by one wide product, beside them too, where nothing ever wrote
/// zeros again.
#[test]
fn columns_beside_gradients_of_states_stay_zero() {
    // h_0' = tanh(sum_k W_k h_k), and the others h_k' = V_k h_0 + h_k / 2.
    let count = 6;
    let mut w = Writer::new("");
    (0..count).for_each(|state| w.line(&format!("state h{state} : [d0]")));
    (0..2 * count).for_each(|index| w.line(&format!("parameter W{index} : [d0, d0]")));
    let states: Vec<usize> = (0..count).map(|state| w.node(&format!("state({state})"))).collect();
    let mut sum = w.product(0, states[0]);
    for (state, &value) in states.iter().enumerate().skip(1) {
        let product = w.product(state, value);
        sum = w.node(&format!("add %{sum} %{product}"));
    }
    let mut next = vec![w.node(&format!("tanh %{sum}"))];
    let factor = w.nodes;
    w.line(&format!("%{factor} = constant(0.5) : []"));
    w.nodes += 1;
    for (state, &value) in states.iter().enumerate().skip(1) {
        let product = w.product(count + state, states[0]);
        let half = w.node(&format!("multiply %{factor} %{value}"));
        next.push(w.node(&format!("add %{product} %{half}")));
    }
    for (state, next) in next.iter().enumerate() {
        w.line(&format!("next_state({state}) = %{next}"));
    }
    let graph: Graph = w.text.parse().unwrap();
    let cell = CompiledCell::<f64>::from_graph(&graph, &[("h", 3)], CompileOptions::default()).unwrap();
    let clean = arguments::<f64>(&graph, &[3], 3, 2);
    let mut spoilt = clean.clone();
    spoilt.final_gradients.iter_mut().flatten().for_each(|gradient| *gradient = f64::INFINITY);
    // What the test is about: the gradients are summed where they lie, side by side.
    let plan = cell.training_plan().to_string();
    assert!(plan.contains("+="), "{plan}");
    let mut workspace = Workspace::default();
    training_step_in(&cell, &spoilt, &mut workspace);
    assert_eq!(training_step_in(&cell, &clean, &mut workspace), training_step(&cell, &clean));
}

/// Planning takes time in proportion to the equations; it once went with their square. The bound is generous: a build
/// without optimization takes a fifth of it.
#[test]
fn large_cells_are_planned_in_time() {
    let cells = [
        ("chained gates", chained_gates(1000)),
        ("chained arithmetic", chained_arithmetic(2000)),
        ("parallel gates", parallel_gates(300)),
        ("states", many_states(256).parse().unwrap()),
    ];
    for (name, graph) in cells {
        let graphs = passes::run_from_graph(&graph).unwrap();
        let started = Instant::now();
        plan(&graphs.gradient, &[8]).unwrap();
        let took = started.elapsed();
        assert!(took < Duration::from_secs(5), "{name}: {took:?}");
        let options = CompileOptions { backend: Backend::Interpreter, ..CompileOptions::default() };
        CompiledCell::<f32>::from_graph(&graph, &[("h", 8)], options).unwrap();
    }
}

/// `W x_t + U h_{t-1} + b` starts at `b`: where it begins before the loop, there, else in the loop, and no loop adds it.
#[test]
fn products_start_at_biases() {
    let starts = |plan: &Plan, section: Section| {
        let starts = |step: &&Step| matches!(step, Step::Product { start: Start::Row(_), .. });
        plan.program(section).iter().filter(starts).count()
    };
    // In Elman's network, in two gates side by side, and in a candidate whose reset gate is applied after the product.
    for (name, before, within) in
        [("elman", 1, 0), ("lstm", 1, 0), ("mgu", 1, 0), ("gru_v3", 1, 0), ("gru_v1", 1, 1)]
    {
        let cell = zoo::find(name).expect("a cell of the zoo").read().expect("reads");
        let options = CompileOptions { backend: Backend::Interpreter, ..CompileOptions::default() };
        let cell = CompiledCell::<f32>::new(&cell, &[("x", 3), ("h", 20)], options).expect("compiles");
        for plan in [cell.inference_plan(), cell.training_plan()] {
            let found = (starts(plan, Section::Before), starts(plan, Section::Step));
            assert_eq!(found, (before, within), "{name}\n{plan}");
            let reads_constants = |step: &Step| match step {
                Step::Loop { bindings, .. } => {
                    bindings.iter().any(|&(buffer, _)| plan.buffer(buffer).role == BufferRole::Once)
                }
                _ => false,
            };
            assert!(!plan.program(Section::Step).iter().any(reads_constants), "{name}\n{plan}");
        }
    }
}

/// What is multiplied by a matrix is cheap to make again from what the way back reads anyway, and then on no tape: `f ⊙ h`
/// of the MGU, `r ⊙ h` of the GRU; but not a sum, whose addends it does not read.
#[test]
fn factors_of_outer_products_are_computed_again() {
    let elman = "a_t = sigmoid(W x_t + b)\nh_t = tanh(U (a_t + h_{t-1}) + c)";
    let read = |name: &str| zoo::find(name).expect("a cell of the zoo").read().expect("reads");
    let sum = gatewright::read_cell(elman, gatewright_compiler::source::Syntax::Text).expect("a cell");
    // Of the MGU the gate and the candidate, of the GRU one gate more; of the sum the gate and the sum.
    for (cell, kept) in [(read("mgu"), 2), (read("gru_v3"), 3), (sum, 2)] {
        let options = CompileOptions { backend: Backend::Interpreter, ..CompileOptions::default() };
        let cell = CompiledCell::<f32>::new(&cell, &[("x", 3), ("h", 16)], options).expect("compiles");
        let plan = cell.training_plan();
        let tape = plan.buffers.iter().find(|buffer| buffer.role == BufferRole::Tape).expect("a tape");
        assert_eq!(tape.width, kept * 16, "{plan}");
    }
}

/// The three sigmoids of an LSTM lie side by side, whatever the order of its equations, and are one call.
#[test]
fn gates_of_one_function_lie_side_by_side() {
    let text = "i_t = sigmoid(W_i x_t + U_i h_{t-1} + b_i)\ng_t = tanh(W_g x_t + U_g h_{t-1} + b_g)\n\
        f_t = sigmoid(W_f x_t + U_f h_{t-1} + b_f)\nk_t = tanh(W_k x_t + U_k h_{t-1} + b_k)\n\
        o_t = sigmoid(W_o x_t + U_o h_{t-1} + b_o)\nc_t = f_t * c_{t-1} + i_t * g_t * k_t\nh_t = o_t * tanh(c_t)";
    let cell = gatewright::read_cell(text, gatewright::Syntax::Text).expect("a cell");
    let options = CompileOptions { backend: Backend::Interpreter, ..CompileOptions::default() };
    let cell = CompiledCell::<f32>::new(&cell, &[("x", 3), ("h", 16)], options).expect("compiles");
    for plan in [cell.inference_plan(), cell.training_plan()] {
        let [Step::Product { .. }, Step::Loop { kernel, .. }] = plan.program(Section::Step) else {
            panic!("{plan}");
        };
        let kernel = &plan.kernels[*kernel];
        let loaded = |value: &ValueId| match kernel.instructions[value.0 as usize] {
            Instruction::Load { buffer, column } => Some((buffer, column)),
            _ => None,
        };
        let columns = |function: Unary| -> Vec<(usize, usize)> {
            let of = |instruction: &Instruction| match instruction {
                Instruction::Unary(other, value) if *other == function => loaded(value),
                _ => None,
            };
            let mut columns: Vec<(usize, usize)> = kernel.instructions.iter().filter_map(of).collect();
            columns.sort_unstable();
            columns
        };
        for (function, count) in [(Unary::Sigmoid, 3), (Unary::Tanh, 2)] {
            let columns = columns(function);
            assert_eq!(columns.len(), count, "{plan}");
            let side_by_side =
                |pair: &[(usize, usize)]| pair[0].0 == pair[1].0 && pair[0].1 + 16 == pair[1].1;
            assert!(columns.windows(2).all(side_by_side), "{columns:?}\n{plan}");
        }
    }
}
