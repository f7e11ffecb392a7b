//! Initial values of parameters, by role.
//!
//! | role | values |
//! | --- | --- |
//! | input matrix | Glorot uniform: `U(-a, a)` with `a = sqrt(6 / (rows + columns))` (Glorot and Bengio 2010) |
//! | recurrent matrix | orthogonal (Saxe, McClelland and Ganguli 2014): columns, or rows where it is wide, orthonormal |
//! | joined matrix | the recurrent columns orthogonal, the others Glorot with their own number of columns |
//! | bias | 0 |
//! | weight (a vector that multiplies) | `U(-a, a)` with `a = 1 / sqrt(n)` |
//! | scalar | 1 |
//!
//! What the equations cannot tell is asked for by name: [`Initializer::constant`] starts a forget gate's bias at 1
//! (Gers, Schmidhuber and Cummins 2000; Jozefowicz, Zaremba and Sutskever 2015), or the gain of a normalisation.

use gatewright_compiler::operator::real::Real;

use super::error::ParameterError;
use super::layout::{ParameterEntry, ParameterLayout, ParameterRole};
use super::random::Random;
use super::{Parameters, filled};

/// How parameters begin.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Initializer {
    seed: u64,
    constants: Vec<(String, f64)>,
}

impl Initializer {
    /// The rules of this module, with this seed. The same seed gives the same values, parameter by parameter.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { seed, constants: Vec::new() }
    }

    /// Every element of the parameter `name` begins at `value`, whatever its role; the last call for a name counts.
    #[must_use]
    pub fn constant(mut self, name: impl Into<String>, value: f64) -> Self {
        self.constants.push((name.into(), value));
        self
    }

    /// The initial values of all parameters.
    ///
    /// # Errors
    ///
    /// [`ParameterError::Unknown`] where a constant names no parameter, [`ParameterError::NotAMatrix`] where role and
    /// shape disagree, [`ParameterError::TooLarge`] where the memory cannot be had.
    pub fn parameters<T: Real>(&self, layout: &ParameterLayout) -> Result<Parameters<T>, ParameterError> {
        for (name, _) in &self.constants {
            if layout.entry(name).is_none() {
                return Err(super::unknown(layout, name));
            }
        }
        let mut parameters = Parameters::zeros(layout.clone())?;
        for entry in layout.entries() {
            let values = parameters.get_mut(&entry.name)?;
            match self.constants.iter().rev().find(|(name, _)| *name == entry.name) {
                Some(&(_, value)) => values.fill(T::from_f64(value)),
                None => by_role(entry, &mut Random::named(self.seed, &entry.name), values)?,
            }
        }
        Ok(parameters)
    }
}

fn by_role<T: Real>(
    entry: &ParameterEntry,
    random: &mut Random,
    values: &mut [T],
) -> Result<(), ParameterError> {
    match entry.role {
        ParameterRole::Bias => values.fill(T::ZERO),
        ParameterRole::Scalar => values.fill(T::ONE),
        ParameterRole::Weight => uniform(values, 1.0 / float(values.len()).sqrt(), random),
        ParameterRole::InputMatrix => matrix(entry, 0, random, values)?,
        ParameterRole::RecurrentMatrix => matrix(entry, usize::MAX, random, values)?,
        ParameterRole::JoinedMatrix { recurrent_columns } => {
            matrix(entry, recurrent_columns, random, values)?
        }
    }
    Ok(())
}

/// The first `recurrent` columns orthogonal, the others Glorot uniform.
fn matrix<T: Real>(
    entry: &ParameterEntry,
    recurrent: usize,
    random: &mut Random,
    values: &mut [T],
) -> Result<(), ParameterError> {
    let &[rows, columns] = entry.shape.as_slice() else {
        return Err(ParameterError::NotAMatrix { name: entry.name.clone(), shape: entry.shape.clone() });
    };
    let recurrent = recurrent.min(columns);
    let bound = (6.0 / float(rows.saturating_add(columns - recurrent)).max(1.0)).sqrt();
    if columns == 0 {
        return Ok(());
    }
    let block = orthogonal(rows, recurrent, random)?;
    for (r, row) in values.chunks_exact_mut(columns).enumerate() {
        let (state, input) = row.split_at_mut(recurrent);
        for (c, value) in state.iter_mut().enumerate() {
            *value = T::from_f64(block[r * recurrent + c]);
        }
        uniform(input, bound, random);
    }
    Ok(())
}

fn uniform<T: Real>(values: &mut [T], bound: f64, random: &mut Random) {
    for value in values {
        *value = T::from_f64(random.uniform(-bound, bound));
    }
}

/// A random matrix with orthonormal columns (rows, where it is wider than tall), row-major, uniform among all of them.
///
/// The Q of a QR decomposition of a normal matrix by modified Gram–Schmidt, each vector orthogonalised twice: the
/// diagonal of R comes out positive, which is what makes Q unique and its distribution uniform (Mezzadri 2007).
fn orthogonal(rows: usize, columns: usize, random: &mut Random) -> Result<Vec<f64>, ParameterError> {
    let elements = rows.checked_mul(columns).ok_or(ParameterError::TooLarge { elements: usize::MAX })?;
    let (length, count) = (rows.max(columns), rows.min(columns));
    // Vector k of the basis is `basis[k * length ..][.. length]`.
    let mut basis = filled(elements, 0.0_f64)?;
    for k in 0..count {
        let (done, rest) = basis.split_at_mut(k * length);
        let vector = &mut rest[..length];
        // A normal vector lies in the span of the earlier ones with probability zero; a few draws are a proof.
        for _ in 0..8 {
            vector.fill_with(|| random.normal());
            for earlier in done.chunks_exact(length).chain(done.chunks_exact(length)) {
                let along = dot(earlier, vector);
                for (value, direction) in vector.iter_mut().zip(earlier) {
                    *value -= along * direction;
                }
            }
            let norm = dot(vector, vector).sqrt();
            if norm > 1e-8 {
                vector.iter_mut().for_each(|value| *value /= norm);
                break;
            }
        }
    }
    if rows < columns {
        return Ok(basis);
    }
    let mut tall = filled(elements, 0.0_f64)?;
    for (k, vector) in basis.chunks_exact(length.max(1)).enumerate() {
        for (r, &value) in vector.iter().enumerate() {
            tall[r * columns + k] = value;
        }
    }
    Ok(tall)
}

fn dot(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(l, r)| l * r).sum()
}

#[allow(clippy::cast_precision_loss, reason = "sizes are far below 2^53")]
fn float(size: usize) -> f64 {
    size as f64
}
