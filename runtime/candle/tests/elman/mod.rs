//! A small cell written by hand, so that the layer is tested against something other than the compiler.
//!
//! ```text
//! h_t = tanh(W h_{t-1} + U x_t + g_t + b)
//! c_t = c_{t-1} / 2 + h_t
//! ```
//!
//! Inputs `x [n]` and, where asked for, `g [m]`; states and outputs `h [m]` and `c [m]`. Plain loops in clear order.

use gatewright::Real;
use gatewright::error::CallError;
use gatewright::parameters::{ParameterLayout, ParameterRole};
use gatewright::sequence::{Backward, CellLayout, Forward, Keep, Port, SequenceCell};
use gatewright::workspace::Workspace;
use gatewright_compiler::operator::Unary;

/// `W`, `U` and `b`.
type Blocks<'a, T> = (&'a [T], &'a [T], &'a [T]);

/// The cell.
#[derive(Debug)]
pub(crate) struct Elman {
    layout: CellLayout,
    inputs: usize,
    hidden: usize,
}

impl Elman {
    pub(crate) fn new(inputs: usize, hidden: usize, gain: bool) -> Self {
        let port = |name: &str, size| Port::vector(name, size);
        let mut ports = vec![port("x", inputs)];
        if gain {
            ports.push(port("g", hidden));
        }
        let parameters = ParameterLayout::new([
            ("W".to_owned(), vec![hidden, hidden], ParameterRole::RecurrentMatrix),
            ("U".to_owned(), vec![hidden, inputs], ParameterRole::InputMatrix),
            ("b".to_owned(), vec![hidden], ParameterRole::Bias),
        ])
        .expect("small");
        let states = vec![port("h", hidden), port("c", hidden)];
        let layout = CellLayout { inputs: ports, outputs: states.clone(), states, parameters };
        Self { layout, inputs, hidden }
    }

    fn parameters<'a, T>(&self, flat: &'a [T]) -> Result<Blocks<'a, T>, CallError> {
        check("parameters", "", flat.len(), self.layout.parameters.length())?;
        let (w, rest) = flat.split_at(self.hidden * self.hidden);
        let (u, b) = rest.split_at(self.hidden * self.inputs);
        Ok((w, u, b))
    }
}

fn check(what: &'static str, name: &str, found: usize, expected: usize) -> Result<(), CallError> {
    if found == expected {
        return Ok(());
    }
    Err(CallError::Length { what, name: name.to_owned(), expected, found })
}

fn half<T: Real>() -> T {
    T::from_f64(0.5)
}

/// The workspace holds T and B, `h` before every step and after the last, and `x`.
impl<T: Real> SequenceCell<T> for Elman {
    fn layout(&self) -> &CellLayout {
        &self.layout
    }

    fn forward(
        &self,
        call: Forward<'_, '_, T>,
        keep: Keep,
        workspace: &mut Workspace<T>,
    ) -> Result<(), CallError> {
        let (m, n, rows) = (self.hidden, self.inputs, call.batch);
        let (w, u, b) = self.parameters(call.parameters)?;
        if !call.sequences.is_whole(call.steps) {
            return Err(CallError::Unsupported { what: "lengths, resets or backwards" });
        }
        if matches!(keep, Keep::Checkpoints { .. }) {
            return Err(CallError::Unsupported { what: "with checkpoints" });
        }
        for (slice, port) in call.inputs.iter().zip(&self.layout.inputs) {
            check("input", &port.name, slice.len(), call.steps * rows * port.size)?;
        }
        let state = |k: usize| match call.initial_states.get(k) {
            Some(slice) if !slice.is_empty() => slice.to_vec(),
            _ => vec![T::ZERO; rows * m],
        };
        let (mut h, mut c) = (state(0), state(1));
        let mut tape = vec![T::from_f64(call.steps as f64), T::from_f64(rows as f64)];
        tape.extend_from_slice(&h);
        for t in 0..call.steps {
            let mut next = vec![T::ZERO; rows * m];
            for r in 0..rows {
                for i in 0..m {
                    let mut sum = b[i];
                    for j in 0..m {
                        sum = sum + w[i * m + j] * h[r * m + j];
                    }
                    for j in 0..n {
                        sum = sum + u[i * n + j] * call.inputs[0][(t * rows + r) * n + j];
                    }
                    if let Some(gain) = call.inputs.get(1) {
                        sum = sum + gain[(t * rows + r) * m + i];
                    }
                    next[r * m + i] = T::transcendental(Unary::Tanh, sum);
                }
            }
            h = next;
            for (c, h) in c.iter_mut().zip(&h) {
                *c = *c * half() + *h;
            }
            let place = t * rows * m..(t + 1) * rows * m;
            for (output, value) in call.outputs.iter_mut().zip([&h, &c]) {
                output[place.clone()].copy_from_slice(value);
            }
            tape.extend_from_slice(&h);
        }
        for (state, value) in call.final_states.iter_mut().zip([&h, &c]) {
            state.copy_from_slice(value);
        }
        tape.extend_from_slice(call.inputs[0]);
        let memory = workspace.own_memory();
        memory.clear();
        if keep == Keep::Tape {
            memory.extend_from_slice(&tape);
        }
        Ok(())
    }

    fn backward(&self, call: Backward<'_, '_, T>, workspace: &mut Workspace<T>) -> Result<(), CallError> {
        let (m, n) = (self.hidden, self.inputs);
        let (w, u, _) = self.parameters(call.parameters)?;
        let [steps, rows, tape @ ..] = workspace.own_memory().as_slice() else {
            return Err(CallError::NoTape);
        };
        let (steps, rows) = (steps.to_f64() as usize, rows.to_f64() as usize);
        let (h, x) = tape.split_at((steps + 1) * rows * m);
        let given = |slices: &[&[T]], k: usize, at: usize| match slices.get(k) {
            Some(slice) if !slice.is_empty() => slice[at],
            _ => T::ZERO,
        };
        call.parameter_gradients.fill(T::ZERO);
        let (dw, rest) = call.parameter_gradients.split_at_mut(m * m);
        let (du, db) = rest.split_at_mut(m * n);
        let mut dh: Vec<T> = (0..rows * m).map(|at| given(call.final_state_gradients, 0, at)).collect();
        let mut dc: Vec<T> = (0..rows * m).map(|at| given(call.final_state_gradients, 1, at)).collect();
        for t in (0..steps).rev() {
            let mut previous = vec![T::ZERO; rows * m];
            for r in 0..rows {
                for i in 0..m {
                    let (at, row) = (r * m + i, t * rows + r);
                    dc[at] = dc[at] + given(call.output_gradients, 1, row * m + i);
                    let now = h[(row + rows) * m + i];
                    let above = dh[at] + dc[at] + given(call.output_gradients, 0, row * m + i);
                    let d = above * (T::ONE - now * now);
                    dc[at] = dc[at] * half();
                    db[i] = db[i] + d;
                    for j in 0..m {
                        dw[i * m + j] = dw[i * m + j] + d * h[row * m + j];
                        previous[r * m + j] = previous[r * m + j] + d * w[i * m + j];
                    }
                    for j in 0..n {
                        du[i * n + j] = du[i * n + j] + d * x[row * n + j];
                    }
                    for (slice, factor) in call.input_gradients.iter_mut().zip([Some(u), None]) {
                        match factor {
                            _ if slice.is_empty() => {}
                            Some(u) => {
                                for j in 0..n {
                                    let so_far = if i == 0 { T::ZERO } else { slice[row * n + j] };
                                    slice[row * n + j] = so_far + d * u[i * n + j];
                                }
                            }
                            None => slice[row * m + i] = d,
                        }
                    }
                }
            }
            dh = previous;
        }
        for (slice, value) in call.initial_state_gradients.iter_mut().zip([&dh, &dc]) {
            if !slice.is_empty() {
                slice.copy_from_slice(value);
            }
        }
        Ok(())
    }
}
