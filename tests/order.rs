//! Programs that read what nothing has written yet are refused.

use std::collections::HashSet;

use gatewright::{Syntax, zoo};
use gatewright_compiler::passes;
use gatewright_compiler::plan::kernel::Access;
use gatewright_compiler::plan::{BufferId, Plan, PlanError, Section, Step, plan};
use gatewright_compiler::resolve::Cell;

/// The plans of the step alone and of both directions. Sizes of dimensions differ.
fn plans(cell: &Cell) -> [Plan; 2] {
    let graphs = passes::run(cell).expect("passes");
    let dimensions = graphs.gradient.signature().dimensions.len();
    let sizes: Vec<usize> = (5..).take(dimensions).collect();
    [&graphs.forward, &graphs.gradient].map(|graph| plan(graph, &sizes).expect("a plan"))
}

/// Columns that instructions write, and do not only add onto.
fn written<'p>(plan: &Plan, steps: impl Iterator<Item = &'p Step>) -> HashSet<(BufferId, usize, usize)> {
    let mut found = HashSet::new();
    for step in steps {
        let note = |place: gatewright_compiler::plan::Place, length, access| {
            if access == Access::Write {
                found.extend((place.column..place.column + length).map(|at| (place.buffer, place.time, at)));
            }
            Ok::<(), PlanError>(())
        };
        plan.accesses(step, note).expect("nothing to refuse");
    }
    found
}

#[test]
fn a_plan_without_one_of_its_instructions_is_refused() {
    let (mut refused, mut shared) = (0, 0);
    for entry in zoo::ALL {
        for plan in plans(&entry.read().expect("reads")) {
            for section in Section::ALL {
                for (at, step) in plan.program(section).iter().enumerate() {
                    let alone = written(&plan, std::iter::once(step));
                    let mut broken = plan.clone();
                    broken.programs[section as usize].remove(at);
                    // Memory that another instruction writes too holds something all the same.
                    if alone.is_subset(&written(&plan, broken.programs.iter().flatten())) {
                        shared += 1;
                        continue;
                    }
                    let error = broken.verify().expect_err("a value is missing").to_string();
                    assert!(error.contains("P1: ") && error.contains("before it is written"), "{error}");
                    refused += 1;
                }
            }
        }
    }
    assert!(
        refused > 2 * shared,
        "{refused} refused, {shared} of memory that others write or that is added onto"
    );
}

/// A product that the loop back needs, run behind it: what the planner's rule for sections must never do.
#[test]
fn a_plan_that_computes_behind_the_loop_what_the_loop_reads_is_refused() {
    let text = "y_t = V σ(S tanh(R h_t)); h_t = tanh(W x_t + U h_{t-1})";
    let [_, mut plan] = plans(&gatewright::read_cell(text, Syntax::Text).expect("a cell"));
    let early = std::mem::take(&mut plan.programs[Section::BackwardBefore as usize]);
    assert!(early.iter().any(|step| matches!(step, Step::Product { .. })), "{plan}");
    plan.programs[Section::BackwardAfter as usize].extend(early);
    let error = plan.verify().expect_err("the loop reads what is not there").to_string();
    assert!(error.contains("P1: BackwardStep reads"), "{error}");
}

/// What the caller is not told to write, nobody has written.
#[test]
fn a_plan_of_which_a_port_is_forgotten_is_refused() {
    let text = "g_t = tanh(w * x_t + U h_{t-1} + b); h_t = h_{t-1} * g_t + x_t * g_t";
    let [_, plan] = plans(&gatewright::read_cell(text, Syntax::Text).expect("a cell"));
    let forget: [fn(&mut Plan); 4] = [
        |plan| plan.inputs.fill(None),
        |plan| plan.once.clear(),
        |plan| plan.output_gradients.fill(None),
        |plan| plan.inputs_read_back.fill(false),
    ];
    for (at, forget) in forget.into_iter().enumerate() {
        let mut broken = plan.clone();
        forget(&mut broken);
        assert_ne!(broken, plan, "{at}");
        let error = broken.verify().expect_err("a value is missing").to_string();
        assert!(error.contains("P1: ") && error.contains("before it is written"), "{at}: {error}");
    }
}
