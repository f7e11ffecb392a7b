//! Cells whose steps are solved by iteration: compiled and interpreted they compute what their graph means, and say so
//! where nothing is to be found.

use gatewright::error::CallError;
use gatewright::sequence::{Forward, Keep, SequenceCell, Sequences};
use gatewright::workspace::Workspace;
use gatewright::{Backend, CompileOptions, CompiledCell, Element};
use gatewright_compiler::graph::{Graph, NodeId, Port, Root, lower};
use gatewright_compiler::operator::{Binary, Operator, Unary};
use gatewright_compiler::passes;
use gatewright_compiler::plan::{Section, Step};
use gatewright_compiler::resolve::{CyclePolicy, Options};
use gatewright_compiler::shape::Shape;
use gatewright_compiler::source::Syntax;
use gatewright_tests::generate::{choose, generate};
use gatewright_tests::{
    Numbers, StepArguments, relative_error, slices, slices_mut, training_step, training_step_in,
};

use crate::agreement::{arguments, meaning};

/// Name and equations. Weights are numbers in (-1, 1); what multiplies the loops makes them contractions.
const CELLS: [(&str, &str); 13] = [
    // The gate of the output sees the new state, the others the old one.
    (
        "lstm",
        "f_t = sigmoid(W_f x_t + U_f h_{t-1} + b_f)\ni_t = sigmoid(W_i x_t + U_i h_{t-1} + b_i)\n\
         o_t = sigmoid(W_o x_t + 0.05 * U_o h_{t-1} + 0.05 * V_o h_t + b_o)\n\
         c_t = f_t * c_{t-1} + i_t * tanh(W_c x_t + U_c h_{t-1} + b_c)\nh_t = o_t * tanh(c_t)",
    ),
    ("implicit", "h_t = tanh(W x_t + 0.05 * U h_t + 0.5 * h_{t-1})"),
    // All gates in one loop: a wide product of the unknown.
    (
        "gru",
        "z_t = sigmoid(W_z x_t + 0.05 * U_z h_t)\nr_t = sigmoid(W_r x_t + 0.05 * U_r h_t)\n\
         k_t = tanh(W x_t + 0.05 * U (r_t * h_t))\nh_t = (1 - z_t) * h_{t-1} + z_t * k_t",
    ),
    // Two loops, one of which feeds the other, and a projection that nothing needs in the loop.
    (
        "two_loops",
        "a_t = 0.05 * tanh(A b_t + W x_t)\nb_t = sigmoid(B a_t + h_{t-1})\n\
         h_t = 0.05 * tanh(C r_t + b_t) + 0.25 * a_t\nr_t = 0.3 * sigmoid(D h_t + V x_t) * r_{t-1}\ny_t = P h_t",
    ),
    // Several names on one loop, none of them a state, through reductions and a concatenation.
    (
        "long_loop",
        "p_t = tanh(W x_t + 0.02 * Q [s_t, h_{t-1}])\nq_t = p_t * sigmoid(h_{t-1})\ns_t = softmax(q_t - r_t)\n\
         r_t = 0.2 * mean(s_t) * q_t\nh_t = q_t + 0.5 * s_t",
    ),
    // Two unknowns of one loop; a product of the unknown with nothing before it, and one without iteration.
    (
        "entangled",
        "u_t = 0.05 * tanh(A v_t - B u_t + W x_t)\nv_t = 0.3 * sin(0.05 * C u_t + v_t) + 0.5 * v_{t-1}\n\
         h_t = u_t * v_t + tanh(0.1 * D v_t + 0.1 * E h_{t-1})",
    ),
    (
        "scalar",
        "A = W - 0.1 * V\ns_t = 0.2 * mean(tanh(A x_t)) / (2 + s_t * s_t) + 0.1 * mean(h_{t-1})\n\
         h_t = s_t * tanh(0.1 * U h_{t-1} + A x_t)",
    ),
    // A matrix for each sample that is its own delta: what is written depends on what is read from the new state.
    (
        "implicit_delta_rule",
        "k_t = softmax(W_k x_t)\nv_t = tanh(W_v x_t)\nC_t = C_{t-1} + 0.2 * (v_t - C_t k_t) k_t^T\n\
         h_t = C_t tanh(0.1 * W_q x_t)",
    ),
    // Gradients by whole matrices, one for each sample, of which the walk back is solved: they are summed once a step.
    (
        "implicit_matrix",
        "c_t = U * mean(x_t) - 0.1 * mean(x_t) * c_t^T + 0.1 * c_{t-1}\nh_t = c_t x_t\nwhere U: [x, x]",
    ),
    (
        "implicit_summed_matrix",
        "C_t = 0.1 * tanh(A + C_t + (W x_t) x_t^T) + 0.1 * B .* C_t + 0.5 * C_{t-1}\nh_t = C_t x_t",
    ),
    // What the gradient of the state adds its product onto is computed by the walk back's iteration.
    ("carried", "h_t = h_{t-1} - 0.5 * h_t + V h_{t-1} + x_t"),
    // Without states on the loop, and with the unknown in the state of another.
    (
        "stateless",
        "a_t = 0.5 * b_t + x_t\nb_t = 0.5 * tanh(a_t)\nh_t = 0.5 * h_{t-1} + b_t * a_t\nc_t = c_{t-1} * a_t",
    ),
    // The loop is only in what nothing reads, and would not converge.
    ("unread", "h_t = tanh(W x_t + 0.1 * U h_{t-1})\nz_t = 3 * z_t + x_t\ny_t = h_t"),
];

fn graph(text: &str) -> Graph {
    let options = Options { cycle: CyclePolicy::FixedPoint, ..Options::default() };
    let cell = passes::read(text, Syntax::Text, None, &options);
    lower(&cell.unwrap_or_else(|found| panic!("{text}: {found:?}"))).unwrap()
}

fn sizes(graph: &Graph, x: usize, h: usize) -> Vec<usize> {
    graph.signature().dimensions.iter().map(|name| if name == "x" { x } else { h }).collect()
}

fn compile<T: Element>(graph: &Graph, sizes: &[usize], options: CompileOptions) -> CompiledCell<T> {
    let names = graph.signature().dimensions.iter().map(String::as_str);
    let named: Vec<(&str, usize)> = names.zip(sizes.iter().copied()).collect();
    CompiledCell::from_graph(graph, &named, options).unwrap()
}

const BACKENDS: [Backend; 2] = [Backend::Jit, Backend::Interpreter];

fn agree<T: Element>(tolerance: f64) {
    for (name, text) in CELLS {
        let graph = graph(text);
        for (steps, batch, x, h) in
            [(4, 3, 3, 4), (3, 33, 8, 17), (1, 1, 5, 40), (0, 2, 3, 3), (2, 0, 3, 3), (2, 2, 0, 3)]
        {
            let sizes = sizes(&graph, x, h);
            let arguments = arguments::<T>(&graph, &sizes, steps, batch);
            let expected = meaning(&graph, &sizes, &arguments);
            for backend in BACKENDS {
                let options = CompileOptions { backend, threads: 2, ..CompileOptions::default() };
                let cell = compile::<T>(&graph, &sizes, options);
                let found = training_step(&cell, &arguments);
                assert_eq!(found.len(), expected.len());
                for ((what, found), expected) in found.iter().zip(&expected) {
                    let error = relative_error(found, expected);
                    assert!(
                        error <= tolerance,
                        "{name} T={steps} B={batch} x={x} h={h} {backend:?}: {what} differs by {error:.1e}\n{graph}{}",
                        cell.training_plan()
                    );
                }
                let solved = !cell.training_plan().program(Section::Solve).is_empty();
                assert_eq!(solved, name != "unread", "{name}");
            }
        }
    }
}

#[test]
fn agrees_in_f64() {
    agree::<f64>(1e-10);
}

#[test]
fn agrees_in_f32() {
    agree::<f32>(1e-4);
}

/// An iteration has the products of the unknowns alone: one wide one where several gates read them.
#[test]
fn only_what_unknowns_decide_is_iterated() {
    for (name, forward, backward) in [("lstm", 1, 1), ("implicit", 1, 1), ("gru", 2, 2), ("stateless", 0, 0)]
    {
        let (_, text) = CELLS.into_iter().find(|cell| cell.0 == name).unwrap();
        let graph = graph(text);
        let cell = compile::<f64>(&graph, &sizes(&graph, 3, 16), CompileOptions::default());
        let plan = cell.training_plan();
        for (section, expected) in [(Section::Solve, forward), (Section::BackwardSolve, backward)] {
            let products = plan.program(section).iter().filter(|step| matches!(step, Step::Product { .. }));
            assert_eq!(products.count(), expected, "{name}, {section:?}\n{plan}");
        }
    }
}

fn same_bits<T: Element>(left: &[(String, Vec<T>)], right: &[(String, Vec<T>)], when: &str) {
    for ((what, left), (_, right)) in left.iter().zip(right) {
        let same = left.iter().zip(right).all(|(a, b)| a.to_f64().to_bits() == b.to_f64().to_bits());
        assert!(same && left.len() == right.len(), "{when}: {what}\n{left:?}\n{right:?}");
    }
}

/// Neither the back end nor the number of threads nor what the memory held before decides a bit.
#[test]
fn results_do_not_depend_on_how_they_are_computed() {
    for (name, text) in CELLS {
        let graph = graph(text);
        let sizes = sizes(&graph, 5, 9);
        let arguments = arguments::<f32>(&graph, &sizes, 3, 40);
        let mut other = arguments.clone();
        for array in other.inputs.iter_mut().chain(&mut other.states).chain(&mut other.output_gradients) {
            array.iter_mut().for_each(|x| *x *= -3.0);
        }
        let run = |backend, threads| {
            let options = CompileOptions { backend, threads, ..CompileOptions::default() };
            let cell = compile::<f32>(&graph, &sizes, options);
            let mut workspace = Workspace::default();
            training_step_in(&cell, &other, &mut workspace);
            training_step_in(&cell, &arguments, &mut workspace)
        };
        let one = run(Backend::Jit, 1);
        same_bits(&one, &run(Backend::Jit, 3), name);
        same_bits(&one, &run(Backend::Interpreter, 2), name);
    }
}

/// A sample is solved as if it were alone, however long the others of its block take.
#[test]
fn samples_do_not_wait_for_each_other() {
    for (name, text) in CELLS {
        let graph = graph(text);
        let sizes = sizes(&graph, 3, 4);
        let (steps, batch) = (3, 6);
        let together = arguments::<f64>(&graph, &sizes, steps, batch);
        let cell = compile::<f64>(&graph, &sizes, CompileOptions::default());
        let all = training_step(&cell, &together);
        for sample in 0..batch {
            let rows = |array: &Vec<f64>, blocks: usize| -> Vec<f64> {
                let width = array.len() / (blocks * batch);
                let row =
                    |block: usize| (block * batch + sample) * width..(block * batch + sample + 1) * width;
                (0..blocks).flat_map(|block| array[row(block)].to_vec()).collect()
            };
            let list = |arrays: &[Vec<f64>], blocks| arrays.iter().map(|array| rows(array, blocks)).collect();
            let alone = StepArguments {
                steps,
                batch: 1,
                inputs: list(&together.inputs, steps),
                states: list(&together.states, 1),
                parameters: together.parameters.clone(),
                output_gradients: list(&together.output_gradients, steps),
                final_gradients: list(&together.final_gradients, 1),
            };
            for ((what, alone), (_, all)) in training_step(&cell, &alone).iter().zip(&all) {
                if what.starts_with("grad.param") {
                    continue;
                }
                let per_step = what.starts_with("output") || what.starts_with("grad.input");
                let error = relative_error(alone, &rows(all, if per_step { steps } else { 1 }));
                assert!(error <= 1e-14, "{name}, sample {sample}: {what} differs by {error:.1e}");
            }
        }
    }
}

/// Runs forward; `Ok` with the outputs and final states.
fn forward<T: Element>(
    cell: &CompiledCell<T>,
    arguments: &StepArguments<T>,
    keep: Keep,
    workspace: &mut Workspace<T>,
) -> Result<Vec<Vec<T>>, CallError> {
    let layout = cell.layout();
    let (steps, batch) = (arguments.steps, arguments.batch);
    let zeros = |ports: &[gatewright::sequence::Port], rows: usize| -> Vec<Vec<T>> {
        ports.iter().map(|port| vec![T::ZERO; rows * port.size]).collect()
    };
    let (mut outputs, mut finals) = (zeros(&layout.outputs, steps * batch), zeros(&layout.states, batch));
    let parameters: Vec<T> = arguments.parameters.iter().flatten().copied().collect();
    cell.forward(
        Forward {
            steps,
            batch,
            sequences: Sequences::default(),
            parameters: &parameters,
            inputs: &slices(&arguments.inputs),
            initial_states: &slices(&arguments.states),
            outputs: &mut slices_mut(&mut outputs),
            final_states: &mut slices_mut(&mut finals),
        },
        keep,
        workspace,
    )?;
    outputs.extend(finals);
    Ok(outputs)
}

#[test]
fn what_does_not_converge_is_named() {
    for (text, finite) in [
        // Expands beyond all numbers, or goes round for ever.
        ("h_t = 3 * h_t + 0.1 * h_{t-1} + x_t", false),
        ("h_t = x_t - 1.5 * h_t + h_{t-1}", true),
        ("h_t = 4 * sin(h_t + x_t) + 0.1 * h_{t-1}", true),
        ("h_t = x_t - h_t + 0 * h_{t-1}", true),
    ] {
        let graph = graph(text);
        let sizes = sizes(&graph, 2, 2);
        for backend in BACKENDS {
            for keep in [Keep::Nothing, Keep::Tape] {
                let options = CompileOptions { backend, ..CompileOptions::default() };
                let cell = compile::<f64>(&graph, &sizes, options);
                // Zero is a solution where nothing comes in: the sample 2 fails first, at step 1.
                let mut arguments = arguments::<f64>(&graph, &sizes, 3, 4);
                arguments.states.iter_mut().flatten().for_each(|x| *x = 0.0);
                arguments.inputs.iter_mut().flatten().for_each(|x| *x = 0.0);
                let width = arguments.inputs[0].len() / 12;
                arguments.inputs[0][(4 + 2) * width] = 0.7;
                let mut workspace = Workspace::default();
                let error = forward(&cell, &arguments, keep, &mut workspace).expect_err("no solution");
                let CallError::Unsolved(unsolved) = &error else { panic!("{text}: {error}") };
                assert_eq!((unsolved.step, unsolved.sample, unsolved.backward), (1, 2, false), "{text}");
                assert_eq!((unsolved.name.as_str(), unsolved.finite), ("h", finite), "{text}: {error}");
                assert!(error.to_string().starts_with("step 1, sample 2: `h` "), "{error}");
                // The workspace serves again.
                arguments.inputs[0].fill(0.0);
                forward(&cell, &arguments, keep, &mut workspace).expect("zero");
            }
        }
    }
}

#[test]
fn numbers_that_are_not_finite_are_named() {
    let graph = graph(CELLS[0].1);
    let sizes = sizes(&graph, 2, 2);
    for backend in BACKENDS {
        let cell = compile::<f32>(&graph, &sizes, CompileOptions { backend, ..CompileOptions::default() });
        let mut arguments = arguments::<f32>(&graph, &sizes, 3, 40);
        arguments.inputs[0][(2 * 40 + 35) * 2] = f32::NAN;
        let error = forward(&cell, &arguments, Keep::Tape, &mut Workspace::default()).expect_err("no number");
        let CallError::Unsolved(unsolved) = error else { panic!("{error}") };
        assert_eq!((unsolved.step, unsolved.sample, unsolved.finite), (2, 35, false));
    }
}

/// Zero solves `u = (5 + a) u`, and is where the iteration begins; the way back does not end.
#[test]
fn a_walk_back_that_does_not_converge_is_named() {
    let graph = graph("u_t = (5 + a) * u_t\nh_t = 0.5 * h_{t-1} + u_t * x_t");
    let sizes = sizes(&graph, 2, 2);
    for backend in BACKENDS {
        let cell = compile::<f64>(&graph, &sizes, CompileOptions { backend, ..CompileOptions::default() });
        let arguments = arguments::<f64>(&graph, &sizes, 3, 2);
        let mut workspace = Workspace::default();
        forward(&cell, &arguments, Keep::Tape, &mut workspace).expect("zero");
        let parameters: Vec<f64> = arguments.parameters.iter().flatten().copied().collect();
        let mut gradients = vec![0.0; parameters.len()];
        let error = cell.backward(
            gatewright::sequence::Backward {
                parameters: &parameters,
                inputs: &slices(&arguments.inputs),
                output_gradients: &slices(&arguments.output_gradients),
                final_state_gradients: &slices(&arguments.final_gradients),
                parameter_gradients: &mut gradients,
                input_gradients: &mut [],
                initial_state_gradients: &mut [],
            },
            &mut workspace,
        );
        let Err(CallError::Unsolved(unsolved)) = error else { panic!("{error:?}") };
        assert_eq!((unsolved.step, unsolved.backward), (2, true));
        assert!(gradients.iter().all(|&gradient| gradient == 0.0), "something was written");
        assert!(unsolved.to_string().contains("the gradient by `"), "{unsolved}");
    }
}

#[test]
fn tolerance_and_limit_are_the_callers() {
    let graph = graph("h_t = 0.9 * h_t + x_t + 0.1 * h_{t-1}");
    let sizes = sizes(&graph, 2, 2);
    let arguments = arguments::<f64>(&graph, &sizes, 2, 2);
    let run = |tolerance, iterations| {
        let solve = gatewright_compiler::graph::solve::SolveOptions { tolerance, iterations };
        let cell = compile::<f64>(&graph, &sizes, CompileOptions { solve, ..CompileOptions::default() });
        forward(&cell, &arguments, Keep::Nothing, &mut Workspace::default())
    };
    let exact = run(32, 1000).expect("it converges");
    let Err(CallError::Unsolved(unsolved)) = run(32, 20) else { panic!("20 iterations are too few") };
    assert_eq!(unsolved.iterations, 20);
    let rough = run(1 << 30, 1000).expect("it converges");
    let error = relative_error(&rough[0], &exact[0]);
    assert!(1e-9 < error && error < 1e-4, "{error:.1e}");
    assert!(matches!(run(32, 0), Err(CallError::Unsolved(_))));
}

/// A random cell whose step is solved: values of a generated cell that take a little of a later value.
fn with_unknowns(seed: u64) -> Option<(Graph, Vec<usize>)> {
    let generated = generate(seed);
    let forward = &generated.graph;
    let mut numbers = Numbers::new(seed ^ 0xc7c1e);
    // An earlier value, and a later one of its shape.
    let candidates: Vec<_> = forward
        .iter()
        .filter(|(id, node)| {
            forward.phase(*id).is_per_step()
                && !matches!(node.shape, Shape::Matrix(..))
                && !node.operands.is_empty()
        })
        .map(|(id, _)| id)
        .collect();
    let mut loops = Vec::new();
    for _ in 0..=choose(&mut numbers, 3) {
        let early = *candidates.get(choose(&mut numbers, candidates.len()))?;
        let late: Vec<_> = candidates
            .iter()
            .copied()
            .filter(|late| *late >= early && forward.shape(*late) == forward.shape(early))
            .collect();
        let late = late[choose(&mut numbers, late.len())];
        if loops.iter().all(|&(known, _)| known != early) {
            loops.push((early, late));
        }
    }
    let mut signature = forward.signature().clone();
    for (index, &(early, _)) in loops.iter().enumerate() {
        let (name, shape) = (format!("u{index}"), forward.shape(early).clone());
        signature.unknowns.push(Port { name, shape });
    }
    let mut graph = Graph::new(signature);
    let mut places: Vec<NodeId> = Vec::with_capacity(forward.len());
    for (id, node) in forward.iter() {
        let operands = node.operands.iter().map(|operand| places[operand.0 as usize]).collect();
        let mut place = graph.insert(node.operator.clone(), operands).unwrap();
        if let Some(index) = loops.iter().position(|&(early, _)| early == id) {
            let unknown = graph.leaf(Operator::Unknown(index as u32)).unwrap();
            let little = graph.constant(0.05).unwrap();
            let scaled = graph.binary(Binary::Multiply, little, unknown).unwrap();
            place = graph.binary(Binary::Add, place, scaled).unwrap();
        }
        places.push(place);
    }
    for (index, &(_, late)) in loops.iter().enumerate() {
        let solution = graph.unary(Unary::Tanh, places[late.0 as usize]).unwrap();
        graph.set_root(Root::Solution(index as u32), solution).unwrap();
    }
    for (&root, id) in forward.roots() {
        graph.set_root(root, places[id.0 as usize]).unwrap();
    }
    Some((graph.compact(), generated.sizes))
}

/// Every loop that is made converges: what does not is counted, and is no more than a few.
#[test]
fn random_loops_are_solved_as_the_graph_means() {
    let mut workspace = Workspace::default();
    let (mut right, mut unsolved) = (0, 0);
    for seed in 0..70 {
        let Some((graph, sizes)) = with_unknowns(seed) else { continue };
        if graph.unknowns(false).is_empty() || sizes.contains(&0) {
            continue;
        }
        let (steps, batch) = [(3, 2), (1, 5), (2, 3), (4, 1), (1, 33)][seed as usize % 5];
        let mut arguments = arguments::<f64>(&graph, &sizes, steps, batch);
        for (array, port) in arguments.parameters.iter_mut().zip(&graph.signature().parameters) {
            let axes = port.shape.sizes(&sizes).unwrap();
            let scale = if axes.len() == 2 { 0.7 / (axes[1].max(1) as f64).sqrt() } else { 0.7 };
            array.iter_mut().for_each(|weight| *weight *= scale);
        }
        let compiled = |backend, threads| {
            let options = CompileOptions { backend, threads, ..CompileOptions::default() };
            compile::<f64>(&graph, &sizes, options)
        };
        let cell = compiled(Backend::Jit, 2);
        // The graph itself, by its interpreter.
        let expected = match std::panic::catch_unwind(|| meaning(&graph, &sizes, &arguments)) {
            Ok(expected) => expected,
            Err(_) => {
                assert!(forward(&cell, &arguments, Keep::Tape, &mut workspace).is_err(), "{seed}");
                unsolved += 1;
                continue;
            }
        };
        let found = training_step_in(&cell, &arguments, &mut workspace);
        for ((what, found), expected) in found.iter().zip(&expected) {
            let norm = expected.iter().map(|x| x * x).sum::<f64>().sqrt();
            let error = relative_error(found, expected) * norm / (norm + 1e-2);
            assert!(
                error <= 1e-9 || norm == 0.0 && error.is_nan() && found == expected,
                "{seed}: {what} differs by {error:.1e}\n{graph}\n{}",
                cell.training_plan()
            );
        }
        let interpreted = training_step_in(&compiled(Backend::Interpreter, 1), &arguments, &mut workspace);
        same_bits(&found, &interpreted, &format!("{seed}, interpreted"));
        right += 1;
    }
    assert!(right > 35 && unsolved * 10 <= right, "{right} right, {unsolved} unsolved");
}

mod spelled {
    gatewright::cell! {
        #[cycle(fixed_point)]
        pub(super) Tokens { h_t = tanh(W x_t + 0.05 * U h_t + 0.5 * h_{t-1}); }
    }

    /// A cycle that is solved: $$ h_t = \tanh(W x_t + 0.05 U h_t + 0.5 h_{t-1}) $$
    #[gatewright::documented::cell(cycle = "fixed-point")]
    pub(super) struct Documented;
}

#[test]
fn every_spelling_has_solved_cycles() {
    let (_, text) = CELLS[1];
    let options = Options { cycle: CyclePolicy::FixedPoint, ..Options::default() };
    let read = gatewright::read_cell_with(text, Syntax::Text, &options).expect("a cell");
    for cell in [read, spelled::Tokens::cell(), spelled::Documented::cell()] {
        assert_eq!(lower(&cell).unwrap().to_string(), graph(text).to_string());
    }
}

/// What the walk back sums over iterations or once a step is measured, not only compared with another derivation.
#[test]
fn gradients_equal_central_differences() {
    for (name, text) in CELLS {
        let graph = graph(text);
        for (steps, batch, x, h) in [(3, 2, 3, 4), (2, 5, 4, 4)] {
            let sizes = sizes(&graph, x, h);
            let arguments = arguments::<f64>(&graph, &sizes, steps, batch);
            for backend in BACKENDS {
                let options = CompileOptions { backend, ..CompileOptions::default() };
                let cell = compile::<f64>(&graph, &sizes, options);
                crate::gradients::assert_gradients(name, &cell, arguments.clone());
            }
        }
    }
}
