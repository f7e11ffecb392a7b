//! What the integration tests share: random numbers, one training step, and the distance of two results.

pub mod call;
pub mod golden;

use gatewright::sequence::{Backward, Forward, Keep, Port, SequenceCell, Sequences};
use gatewright::workspace::Workspace;
use gatewright::{CompiledCell, Element};

pub mod generate;

/// Arguments of a training step, each list in the order of the cell's layout.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StepArguments<T> {
    /// T.
    pub steps: usize,
    /// B.
    pub batch: usize,
    /// `[T, B, n]` for each input.
    pub inputs: Vec<Vec<T>>,
    /// `[B, n]` for each state.
    pub states: Vec<Vec<T>>,
    /// Each parameter.
    pub parameters: Vec<Vec<T>>,
    /// `[T, B, n]` for each output.
    pub output_gradients: Vec<Vec<T>>,
    /// `[B, n]` for each state.
    pub final_gradients: Vec<Vec<T>>,
}

/// The arrays as slices.
#[must_use]
pub fn slices<T>(arrays: &[Vec<T>]) -> Vec<&[T]> {
    arrays.iter().map(Vec::as_slice).collect()
}

/// The arrays as slices to write to.
#[must_use]
pub fn slices_mut<T>(arrays: &mut [Vec<T>]) -> Vec<&mut [T]> {
    arrays.iter_mut().map(Vec::as_mut_slice).collect()
}

/// Runs forward and backward; everything that comes out, under the names that data files use: `output.N`, `final.N`,
/// `grad.input.N`, `grad.state.N`, `grad.param.N`.
///
/// # Panics
///
/// Where the cell refuses the arguments: the test is wrong then.
pub fn training_step<T: Element>(
    cell: &CompiledCell<T>,
    arguments: &StepArguments<T>,
) -> Vec<(String, Vec<T>)> {
    training_step_in(cell, arguments, &mut Workspace::default())
}

/// As [`training_step`], in memory that may have served other runs.
///
/// # Panics
///
/// Where the cell refuses the arguments: the test is wrong then.
pub fn training_step_in<T: Element>(
    cell: &CompiledCell<T>,
    arguments: &StepArguments<T>,
    workspace: &mut Workspace<T>,
) -> Vec<(String, Vec<T>)> {
    let layout = cell.layout();
    let (steps, batch) = (arguments.steps, arguments.batch);
    // Something other than zero, so that what is not written is seen.
    let filled = |ports: &[Port], rows: usize| -> Vec<Vec<T>> {
        ports.iter().map(|port| vec![T::from_f64(7.0); rows * port.size]).collect()
    };
    let mut outputs = filled(&layout.outputs, steps * batch);
    let mut finals = filled(&layout.states, batch);
    let mut input_gradients = filled(&layout.inputs, steps * batch);
    let mut state_gradients = filled(&layout.states, batch);
    let mut parameter_gradients = vec![T::from_f64(7.0); layout.parameters.length()];
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
        Keep::Tape,
        workspace,
    )
    .expect("forward");
    cell.backward(
        Backward {
            parameters: &parameters,
            inputs: &slices(&arguments.inputs),
            output_gradients: &slices(&arguments.output_gradients),
            final_state_gradients: &slices(&arguments.final_gradients),
            parameter_gradients: &mut parameter_gradients,
            input_gradients: &mut slices_mut(&mut input_gradients),
            initial_state_gradients: &mut slices_mut(&mut state_gradients),
        },
        workspace,
    )
    .expect("backward");
    let named = |kind: &str, ports: &[Port], arrays: Vec<Vec<T>>| -> Vec<(String, Vec<T>)> {
        ports.iter().map(|port| format!("{kind}.{}", port.name)).zip(arrays).collect()
    };
    let mut results = named("output", &layout.outputs, outputs);
    results.extend(named("final", &layout.states, finals));
    results.extend(named("grad.input", &layout.inputs, input_gradients));
    results.extend(named("grad.state", &layout.states, state_gradients));
    results.extend(layout.parameters.entries().iter().map(|entry| {
        let gradient = &parameter_gradients[entry.offset..entry.offset + entry.length()];
        (format!("grad.param.{}", entry.name), gradient.to_vec())
    }));
    results
}

/// Numbers in (-1, 1) that look random and are the same everywhere: SplitMix64 (Steele, Lea and Flood, 2014).
#[derive(Clone, Debug)]
pub struct Numbers(u64);

impl Numbers {
    /// A sequence of its own for each seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    #[allow(clippy::should_implement_trait, reason = "an endless sequence is no iterator one would collect")]
    pub fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        (z >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }
}

/// `‖found - expected‖ / ‖expected‖`, in f64; infinite where lengths differ or a NaN stands in only one of them.
#[must_use]
pub fn relative_error<T: Element>(found: &[T], expected: &[T]) -> f64 {
    if found.len() != expected.len() {
        return f64::INFINITY;
    }
    let (mut difference, mut norm) = (0.0_f64, 0.0_f64);
    for (found, expected) in found.iter().zip(expected) {
        let (found, expected) = (found.to_f64(), expected.to_f64());
        if found.is_nan() && expected.is_nan() {
            continue;
        }
        difference += (found - expected).powi(2);
        norm += expected.powi(2);
    }
    if difference.is_nan() {
        f64::INFINITY
    } else if difference == 0.0 {
        0.0
    } else {
        (difference / norm.max(f64::MIN_POSITIVE)).sqrt()
    }
}
