//! Tensors that hold the weights of all gates, taken apart and put together.
//!
//! All frameworks stack gates; they differ in the order, and in whether a matrix is stored as it is applied to a column
//! (`[gates · n, m]`) or to a row (`[m, gates · n]`).

use gatewright_compiler::operator::real::Real;

use super::form::{Form, PROJECTION, Sizes, parameter_name};
use crate::parameters::NamedTensor;

/// How a framework stacks gates.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stacking {
    /// Every gate that has a place, by its name in the equations.
    pub(super) gates: &'static [&'static str],
    /// Those of the peepholes.
    pub(super) peepholes: &'static [&'static str],
    /// Matrices are stored `[m, gates · n]`.
    pub(super) transposed: bool,
}

/// The weights of one layer and direction as a framework has them.
///
/// Invariant: lengths are those of the stacking and the sizes.
#[derive(Clone, Debug)]
pub(super) struct Stacked<T> {
    pub(super) input: Vec<T>,
    pub(super) recurrent: Vec<T>,
    /// Added to the product with the input; both biases, or none, where the framework has two.
    pub(super) input_bias: Option<Vec<T>>,
    /// Added to the recurrent product.
    pub(super) recurrent_bias: Option<Vec<T>>,
    pub(super) peepholes: Option<Vec<T>>,
    /// `[output, hidden]`, never transposed.
    pub(super) projection: Option<Vec<T>>,
}

impl Stacking {
    /// The block of one gate, `[rows, columns]` as it is applied to a column.
    fn block<T: Real>(self, stacked: &[T], gate: usize, rows: usize, columns: usize) -> Vec<T> {
        if self.transposed {
            let width = self.gates.len() * rows;
            let element = |row: usize, column: usize| stacked[column * width + gate * rows + row];
            return (0..rows)
                .flat_map(|row| (0..columns).map(move |column| (row, column)))
                .map(|(row, column)| element(row, column))
                .collect();
        }
        stacked[gate * rows * columns..(gate + 1) * rows * columns].to_vec()
    }

    /// All gates in one, each `[rows, columns]`; zeros for a gate without weights.
    fn stack<T: Real>(self, blocks: &[Option<&[T]>], rows: usize, columns: usize) -> Vec<T> {
        let value = |gate: usize, row: usize, column: usize| {
            blocks[gate].map_or(T::ZERO, |block| block[row * columns + column])
        };
        let gates = blocks.len();
        let mut stacked = Vec::with_capacity(gates * rows * columns);
        if self.transposed {
            for column in 0..columns {
                for gate in 0..gates {
                    stacked.extend((0..rows).map(|row| value(gate, row, column)));
                }
            }
        } else {
            for gate in 0..gates {
                for row in 0..rows {
                    stacked.extend((0..columns).map(|column| value(gate, row, column)));
                }
            }
        }
        stacked
    }

    /// Takes the weights of a layer apart.
    ///
    /// Biases that are only ever added become one: `b = b_input + b_recurrent`, rounded once. Weights of a gate that the
    /// form does not have are left out.
    pub(super) fn split<T: Real>(
        self,
        form: &Form,
        sizes: Sizes,
        stacked: &Stacked<T>,
    ) -> Vec<NamedTensor<T>> {
        let Sizes { input, hidden, output } = sizes;
        let mut tensors = Vec::new();
        let mut push = |name: String, shape: Vec<usize>, values: Vec<T>| {
            tensors.push(NamedTensor { name, shape, values });
        };
        for (at, gate) in self.gates.iter().enumerate().filter(|(_, gate)| form.family.gates().contains(gate))
        {
            let name = |base: &str| parameter_name(base, gate);
            push(name("W"), vec![hidden, input], self.block(&stacked.input, at, hidden, input));
            push(name("U"), vec![hidden, output], self.block(&stacked.recurrent, at, hidden, output));
            let biases = |biases: &Option<Vec<T>>| {
                let biases = biases.as_ref();
                biases
                    .map_or_else(|| vec![T::ZERO; hidden], |all| all[at * hidden..(at + 1) * hidden].to_vec())
            };
            if !form.bias {
                continue;
            }
            let (mut outer, inner) = (biases(&stacked.input_bias), biases(&stacked.recurrent_bias));
            if form.family.inner_bias() == Some(gate) {
                push(name("d"), vec![hidden], inner);
            } else if stacked.recurrent_bias.is_some() {
                outer.iter_mut().zip(&inner).for_each(|(outer, &inner)| *outer = *outer + inner);
            }
            push(name("b"), vec![hidden], outer);
        }
        for (at, gate) in self.peepholes.iter().enumerate() {
            if let (true, Some(all)) = (form.family.peepholes().contains(gate), &stacked.peepholes) {
                push(parameter_name("p", gate), vec![hidden], all[at * hidden..(at + 1) * hidden].to_vec());
            }
        }
        if let Some(projection) = &stacked.projection {
            push(PROJECTION.to_owned(), vec![output, hidden], projection.clone());
        }
        tensors
    }

    /// Puts the weights of a layer together. All of a bias goes to the input's, but for what only the recurrent one can
    /// be.
    pub(super) fn join<T: Real>(self, form: &Form, sizes: Sizes, tensors: &[NamedTensor<T>]) -> Stacked<T> {
        let Sizes { input, hidden, output } = sizes;
        let find = |name: &str| {
            tensors.iter().find(|tensor| tensor.name == name).map(|tensor| tensor.values.as_slice())
        };
        let gates = |base: &str| -> Vec<Option<&[T]>> {
            self.gates.iter().map(|gate| find(&parameter_name(base, gate))).collect()
        };
        let peepholes: Vec<Option<&[T]>> =
            self.peepholes.iter().map(|gate| find(&parameter_name("p", gate))).collect();
        // Vectors lie one after the other, whatever becomes of matrices.
        let vectors = Self { transposed: false, ..self };
        let bias = |base: &str| form.bias.then(|| vectors.stack(&gates(base), hidden, 1));
        Stacked {
            input: self.stack(&gates("W"), hidden, input),
            recurrent: self.stack(&gates("U"), hidden, output),
            input_bias: bias("b"),
            recurrent_bias: bias("d"),
            peepholes: peepholes.iter().any(Option::is_some).then(|| vectors.stack(&peepholes, hidden, 1)),
            projection: find(PROJECTION).map(<[T]>::to_vec),
        }
    }
}
