//! Shapes of values for one sample at one step, with symbolic dimensions.
//!
//! Time and batch are never part of a shape: a per-step value of shape `[h]` is stored as rows of `h`
//! elements, one row for each step and sample.

use std::fmt;

/// A free dimension of a cell: an index into its table of dimension names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DimensionId(pub u32);

/// A size: a constant plus a sum of free dimensions, such as `h + x` for `[h_{t-1}, x_t]`.
///
/// Kept in canonical form: `terms` sorted by dimension, no coefficient zero.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Dimension {
    constant: u32,
    terms: Vec<(DimensionId, u32)>,
}

impl Dimension {
    /// A known size.
    #[must_use]
    pub fn constant(size: u32) -> Self {
        Self { constant: size, terms: Vec::new() }
    }

    /// One free dimension.
    #[must_use]
    pub fn free(id: DimensionId) -> Self {
        Self { constant: 0, terms: vec![(id, 1)] }
    }

    /// The constant part.
    #[must_use]
    pub fn constant_part(&self) -> u32 {
        self.constant
    }

    /// The free dimensions with their coefficients, sorted.
    #[must_use]
    pub fn terms(&self) -> &[(DimensionId, u32)] {
        &self.terms
    }

    /// The sum of two sizes.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        let mut terms = self.terms.clone();
        for &(id, coefficient) in &other.terms {
            match terms.binary_search_by_key(&id, |term| term.0) {
                Ok(at) => terms[at].1 = terms[at].1.saturating_add(coefficient),
                Err(at) => terms.insert(at, (id, coefficient)),
            }
        }
        Self { constant: self.constant.saturating_add(other.constant), terms }
    }

    /// What remains of this size after `other`; `None` where that is not known to be a size.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Option<Self> {
        let mut terms = self.terms.clone();
        for &(id, coefficient) in &other.terms {
            let at = terms.binary_search_by_key(&id, |term| term.0).ok()?;
            terms[at].1 = terms[at].1.checked_sub(coefficient)?;
        }
        terms.retain(|term| term.1 != 0);
        Some(Self { constant: self.constant.checked_sub(other.constant)?, terms })
    }

    /// This size `factor` times.
    #[must_use]
    pub fn times(&self, factor: u32) -> Self {
        if factor == 0 {
            return Self::default();
        }
        let terms =
            self.terms.iter().map(|&(id, coefficient)| (id, coefficient.saturating_mul(factor))).collect();
        Self { constant: self.constant.saturating_mul(factor), terms }
    }

    /// The size once every free dimension has one; `None` where `sizes` lacks an entry or the sum overflows.
    #[must_use]
    pub fn size(&self, sizes: &[usize]) -> Option<usize> {
        self.terms.iter().try_fold(self.constant as usize, |sum, &(id, coefficient)| {
            sum.checked_add(sizes.get(id.0 as usize)?.checked_mul(coefficient as usize)?)
        })
    }

    /// The dimension in words, given the names of the free dimensions: `h + x`, `2 h`, `7`.
    #[must_use]
    pub fn describe(&self, names: &[String]) -> String {
        let mut parts: Vec<String> = self
            .terms
            .iter()
            .map(|&(id, coefficient)| {
                let name = names.get(id.0 as usize).map_or("?", String::as_str);
                if coefficient == 1 { name.to_owned() } else { format!("{coefficient} {name}") }
            })
            .collect();
        if self.constant != 0 || parts.is_empty() {
            parts.push(self.constant.to_string());
        }
        parts.join(" + ")
    }
}

/// The shape of a value for one sample.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Shape {
    /// One number. Broadcasts against a vector or a matrix in element-wise operators.
    Scalar,
    /// `[n]`.
    Vector(Dimension),
    /// `[rows, columns]`, row-major.
    Matrix(Dimension, Dimension),
}

impl Shape {
    /// The dimension along each axis; none of a scalar.
    #[must_use]
    pub fn axes(&self) -> Vec<&Dimension> {
        match self {
            Self::Scalar => Vec::new(),
            Self::Vector(n) => vec![n],
            Self::Matrix(rows, columns) => vec![rows, columns],
        }
    }

    /// The shape with other dimensions along its axes, made from those that it has.
    #[must_use]
    pub fn map(&self, mut dimension: impl FnMut(&Dimension) -> Dimension) -> Self {
        match self {
            Self::Scalar => Self::Scalar,
            Self::Vector(n) => Self::Vector(dimension(n)),
            Self::Matrix(rows, columns) => {
                let rows = dimension(rows);
                Self::Matrix(rows, dimension(columns))
            }
        }
    }

    /// Sizes along each axis, once free dimensions are known.
    #[must_use]
    pub fn sizes(&self, sizes: &[usize]) -> Option<Vec<usize>> {
        self.axes().into_iter().map(|axis| axis.size(sizes)).collect()
    }

    /// The shape in words: `[]`, `[h]`, `[h, h + x]`.
    #[must_use]
    pub fn describe(&self, names: &[String]) -> String {
        let axes: Vec<String> = self.axes().into_iter().map(|axis| axis.describe(names)).collect();
        format!("[{}]", axes.join(", "))
    }
}

impl fmt::Display for Dimension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (id, coefficient) in &self.terms {
            match coefficient {
                1 => write!(f, "{separator}d{}", id.0)?,
                _ => write!(f, "{separator}{coefficient}*d{}", id.0)?,
            }
            separator = "+";
        }
        if self.constant != 0 || self.terms.is_empty() {
            write!(f, "{separator}{}", self.constant)?;
        }
        Ok(())
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scalar => write!(f, "[]"),
            Self::Vector(n) => write!(f, "[{n}]"),
            Self::Matrix(rows, columns) => write!(f, "[{rows}, {columns}]"),
        }
    }
}
