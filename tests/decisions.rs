//! What the planner decides so that a cell takes less time or less memory: the numbers would be right without it, so each
//! decision is read off the plan.

use std::collections::BTreeSet;

use gatewright::{Syntax, zoo};
use gatewright_compiler::operator::{Ternary, Unary};
use gatewright_compiler::passes;
use gatewright_compiler::plan::kernel::{Instruction, Kernel, ValueId};
use gatewright_compiler::plan::{BufferId, BufferRole, GradientTerm, Place, Plan, Section, Step, plan};
use gatewright_compiler::resolve::Cell;

/// Both plans of a cell, and the names of its parameters.
struct Planned {
    inference: Plan,
    training: Plan,
    parameters: Vec<String>,
}

impl Planned {
    /// The sizes of the dimensions differ, so that none is taken for another.
    fn new(cell: &Cell) -> Self {
        let graphs = passes::run(cell).expect("passes");
        let signature = graphs.gradient.signature();
        let sizes: Vec<usize> = (5..).take(signature.dimensions.len()).collect();
        Self {
            inference: plan(&graphs.forward, &sizes).expect("a plan"),
            training: plan(&graphs.gradient, &sizes).expect("a plan"),
            parameters: signature.parameters.iter().map(|parameter| parameter.name.clone()).collect(),
        }
    }

    fn text(text: &str) -> Self {
        Self::new(&gatewright::read_cell(text, Syntax::Text).expect("a cell"))
    }

    fn zoo(name: &str) -> Self {
        Self::new(&zoo::find(name).expect("a cell of the zoo").read().expect("reads"))
    }

    /// The terms of the gradient by a parameter.
    fn terms(&self, parameter: &str) -> Vec<GradientTerm> {
        let index = self.parameters.iter().position(|name| name == parameter).expect("a parameter");
        self.training.parameter_gradients[index].terms().copied().collect()
    }

    /// Where the values lie that a weight is multiplied by, for its gradient.
    fn factors(&self, parameter: &str) -> Vec<BufferRole> {
        let role = |term: GradientTerm| match term {
            GradientTerm::Outer { right, .. } => Some(self.training.buffer(right.buffer).role),
            GradientTerm::Sum { .. } => None,
        };
        self.terms(parameter).into_iter().filter_map(role).collect()
    }
}

fn products(plan: &Plan, section: Section) -> usize {
    plan.program(section).iter().filter(|step| matches!(step, Step::Product { .. })).count()
}

/// The element loops of a section, each with the buffers that it is bound to.
fn loops(plan: &Plan, section: Section) -> Vec<(&Kernel, &[(BufferId, usize)])> {
    let of = |step| match step {
        &Step::Loop { kernel, ref bindings } => Some((&plan.kernels[kernel], bindings.as_slice())),
        _ => None,
    };
    plan.program(section).iter().filter_map(of).collect()
}

/// The gradient by `k` reads `k` itself, which is therefore on the tape; to make it again for the gradient by `U` would be
/// work for nothing.
#[test]
fn a_factor_that_the_way_back_reads_is_not_computed_again() {
    let cell = Planned::text("k_t = sigmoid(W x_t + b) * h_{t-1}\nh_t = tanh(U k_t + c) * k_t");
    assert_eq!(cell.factors("U"), [BufferRole::Tape], "{}", cell.training);
}

/// `h` is cheap and made of what the way back reads, but it is a state, of which all steps lie in memory.
#[test]
fn a_factor_that_is_a_state_is_not_computed_again() {
    let text = "o_t = sigmoid(W x_t + U h_{t-1} + b)\nc_t = 0.5 c_{t-1} + tanh(R x_t)\nh_t = o_t * tanh(c_t)\n\
        y_t = V h_t";
    let cell = Planned::text(text);
    assert_eq!(cell.factors("V"), [BufferRole::State], "{}", cell.training);
}

/// `f ⊙ h` of the MGU is made of what the way back reads: it has memory for a chunk there, and none on the tape.
#[test]
fn a_factor_that_the_way_back_does_not_read_is_computed_again() {
    let cell = Planned::zoo("mgu");
    assert_eq!(cell.factors("U_h"), [BufferRole::Scratch], "{}", cell.training);
}

/// The gradient by `σ(C)` reads `v k^T`, which costs no more to make than to read.
#[test]
fn outer_products_of_a_sample_are_computed_again() {
    let text = r"k_t = W_k x_t \\ v_t = W_v x_t \\ C_t = \sigma(C_{t-1}) \odot (v_t k_t^\top) \\
        h_t = \tanh(C_t k_t) \\ C_t \in \mathbb{R}^{h \times h}";
    let cell = Planned::new(&gatewright::read_cell(text, Syntax::Latex).expect("a cell"));
    let plan = &cell.training;
    let outer = |section: Section| -> Vec<(Place, Place, BufferRole)> {
        let of = |step: &Step| match step {
            Step::SampleProduct { left, right, output } if left.strides.columns == 1 => {
                Some((left.place, right.place, plan.buffer(output.buffer).role))
            }
            _ => None,
        };
        plan.program(section).iter().filter_map(of).collect()
    };
    let forward = outer(Section::Step);
    assert_eq!(forward.len(), 1, "{plan}");
    assert_eq!(forward[0].2, BufferRole::Scratch, "{plan}");
    assert!(outer(Section::BackwardStep).contains(&forward[0]), "{plan}");
}

/// `f ⊙ c + i ⊙ g` is a product and a multiply-add.
#[test]
fn a_product_and_a_sum_are_one_instruction() {
    let cell = Planned::zoo("lstm");
    for plan in [&cell.inference, &cell.training] {
        let fused = |instruction: &&Instruction| {
            matches!(instruction, Instruction::Ternary(Ternary::MultiplyAdd, ..))
        };
        let count: usize = loops(plan, Section::Step)
            .iter()
            .map(|(kernel, _)| kernel.instructions.iter().filter(fused).count())
            .sum();
        assert_eq!(count, 1, "{plan}");
    }
}

/// Outer products of single samples are never made for a gradient: it is one product of all steps and samples.
#[test]
fn no_gradient_by_a_weight_is_summed_as_matrices() {
    let mut cells = 0;
    for entry in zoo::ALL.iter().filter(|entry| entry.lacks.is_none()) {
        let cell = Planned::new(&entry.read().expect("reads"));
        cells += 1;
        for gradient in &cell.training.parameter_gradients {
            let matrix = |term: &GradientTerm| matches!(term, GradientTerm::Sum { into, .. } if into.rows > 1 && into.columns > 1);
            assert!(!gradient.terms().any(matrix), "{}\n{}", entry.name, cell.training);
        }
    }
    assert!(cells > 90, "{cells}");
}

/// `W^T a + W^T b = W^T (a + b)`: on the way back, where neither product could have left the loop.
#[test]
fn gradients_through_one_weight_are_one_product() {
    let cell = Planned::text("h_t = tanh(W h_{t-1}) * sigmoid(W (h_{t-1} + 1)) + x_t");
    let plan = &cell.training;
    let [Step::Product { matrix, .. }] = plan
        .program(Section::BackwardStep)
        .iter()
        .filter(|step| matches!(step, Step::Product { .. }))
        .cloned()
        .collect::<Vec<_>>()[..]
    else {
        panic!("{plan}");
    };
    assert_eq!(plan.matrices[matrix].blocks.len(), 1, "{plan}");
}

/// `a q^T + a k^T = a (q + k)^T`: one matrix of a sample fewer.
#[test]
fn gradients_by_one_matrix_are_one_outer_product() {
    let text = "k_t = W_k x_t\nv_t = W_v x_t\nq_t = W_q x_t\nC_t = 0.5 C_{t-1} + v_t k_t^T\nh_t = tanh(C_t q_t + C_t k_t)";
    let cell = Planned::text(text);
    let plan = &cell.training;
    let outer = |step: &&Step| matches!(step, Step::SampleProduct { left, .. } if left.strides.columns == 1);
    assert_eq!(plan.program(Section::BackwardStep).iter().filter(outer).count(), 1, "{plan}");
}

/// What no state needs is computed for all steps at once, and so is its gradient.
#[test]
fn products_that_no_state_needs_come_after_the_loop() {
    let cell = Planned::text("h_t = tanh(W x_t + U h_{t-1})\ny_t = V h_t");
    for plan in [&cell.inference, &cell.training] {
        let found = [Section::Before, Section::Step, Section::After].map(|section| products(plan, section));
        assert_eq!(found, [1, 1, 1], "{plan}");
    }
    let plan = &cell.training;
    let back = [Section::BackwardBefore, Section::BackwardStep, Section::BackwardAfter];
    assert_eq!(back.map(|section| products(plan, section)), [1, 1, 1], "{plan}");
}

/// `U^T a + V^T b` is one sum, of which the output's gradient `b` is there before the loop back begins.
#[test]
fn a_part_of_a_gradient_that_no_later_step_changes_comes_before_the_loop() {
    let cell = Planned::text("h_t = tanh(W x_t + U h_{t-1})\ny_t = V h_{t-1}");
    let plan = &cell.training;
    let back = [Section::BackwardBefore, Section::BackwardStep, Section::BackwardAfter];
    assert_eq!(back.map(|section| products(plan, section)), [1, 1, 1], "{plan}");
}

/// `σ(s)` is stored over `s`, which nothing else reads: the LSTM's tape has no columns for its sums.
#[test]
fn activations_are_stored_over_their_sums() {
    let cell = Planned::zoo("lstm");
    let plan = &cell.training;
    let [(kernel, bindings)] = loops(plan, Section::Step)[..] else { panic!("{plan}") };
    let mut loaded = BTreeSet::new();
    for (index, instruction) in kernel.instructions.iter().enumerate() {
        let &Instruction::Unary(Unary::Sigmoid, sum) = instruction else { continue };
        let Instruction::Load { buffer, column } = kernel.instructions[sum.0 as usize] else {
            panic!("{plan}")
        };
        assert_eq!(plan.buffer(bindings[buffer].0).role, BufferRole::Tape, "{plan}");
        let gate = ValueId(index as u32);
        assert!(kernel.instructions.contains(&Instruction::Store { buffer, column, value: gate }), "{plan}");
        loaded.insert((buffer, column));
    }
    assert_eq!(loaded.len(), 3, "{plan}");
}

/// Under `tanh` lies a product that is on the tape; `V x_t` is needed for the step alone, but beside the other it is the
/// same product.
#[test]
fn products_of_one_operand_are_one_product() {
    let cell = Planned::text("h_t = tanh(W x_t + U h_{t-1}) + V x_t");
    for plan in [&cell.inference, &cell.training] {
        assert_eq!(products(plan, Section::Before), 1, "{plan}");
    }
}

/// One weight of two products is packed once.
#[test]
fn a_weight_of_two_products_is_packed_once() {
    let cell = Planned::text("h_t = tanh(W x_t + W h_{t-1})");
    let plan = &cell.inference;
    assert_eq!((products(plan, Section::Before), products(plan, Section::Step)), (1, 1), "{plan}");
    assert_eq!(plan.matrices.len(), 1, "{plan}");
}
