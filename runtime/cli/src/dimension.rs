//! Sizes of a cell's free dimensions, read off data or given by name.
//!
//! Each axis of each tensor is one equation `constant + c1 d1 + c2 d2 + … = size`. Equations with one unknown are solved
//! until none is left; then every equation is checked, so that each tensor that does not fit is named.

use gatewright::compiler::shape::{Dimension, Shape};

use crate::arguments::Sizes;
use crate::failure::Failure;

/// What is known of the dimensions so far.
#[derive(Debug)]
pub(crate) struct DimensionSolver<'a> {
    names: &'a [String],
    sizes: Vec<Option<usize>>,
    equations: Vec<Equation>,
}

/// One axis of one tensor.
#[derive(Debug)]
struct Equation {
    tensor: String,
    dimension: Dimension,
    size: usize,
}

impl<'a> DimensionSolver<'a> {
    pub(crate) fn new(names: &'a [String]) -> Self {
        Self { names, sizes: vec![None; names.len()], equations: Vec::new() }
    }

    /// Sizes given by name on the command line.
    pub(crate) fn give(&mut self, sizes: &Sizes) -> Result<(), Failure> {
        for (name, size) in &sizes.0 {
            let Some(at) = self.names.iter().position(|known| known == name) else {
                let known = if self.names.is_empty() {
                    "its equations declare all sizes".to_owned()
                } else {
                    format!("it has: {}", self.names.join(", "))
                };
                return Err(Failure::usage(format!("the cell has no dimension `{name}`; {known}")));
            };
            self.sizes[at] = Some(*size);
        }
        Ok(())
    }

    /// The axes `found` of a tensor must be those of `shape`.
    pub(crate) fn equate(&mut self, tensor: &str, shape: &Shape, found: &[usize]) -> Result<(), Failure> {
        let axes = shape.axes();
        if axes.len() != found.len() {
            return Err(Failure::data(format!(
                "`{tensor}` has the axes {found:?} (those of steps and samples aside), the equations need {}",
                if axes.is_empty() { "none".to_owned() } else { shape.describe(self.names) }
            )));
        }
        for (dimension, &size) in axes.into_iter().zip(found) {
            self.equations.push(Equation { tensor: tensor.to_owned(), dimension: dimension.clone(), size });
        }
        self.solve();
        Ok(())
    }

    /// Solves what has one unknown, until nothing changes.
    fn solve(&mut self) {
        let mut changed = true;
        while changed {
            changed = false;
            for equation in &self.equations {
                let mut rest = Some(equation.size);
                let mut unknown = None;
                let mut unknowns = 0;
                rest = rest.and_then(|rest| rest.checked_sub(equation.dimension.constant_part() as usize));
                for &(id, coefficient) in equation.dimension.terms() {
                    match self.sizes.get(id.0 as usize).copied().flatten() {
                        Some(size) => {
                            let product = size.checked_mul(coefficient as usize);
                            rest = rest.and_then(|rest| rest.checked_sub(product?));
                        }
                        None => {
                            unknowns += 1;
                            unknown = Some((id.0 as usize, coefficient as usize));
                        }
                    }
                }
                if let (1, Some((id, coefficient)), Some(rest)) = (unknowns, unknown, rest)
                    && coefficient > 0
                    && rest % coefficient == 0
                    && let Some(size) = self.sizes.get_mut(id)
                {
                    *size = Some(rest / coefficient);
                    changed = true;
                }
            }
        }
    }

    /// Gives every dimension that is still free this size, and knows what follows from each.
    pub(crate) fn fill(&mut self, mut size: impl FnMut(usize) -> usize) {
        for at in 0..self.sizes.len() {
            if self.sizes[at].is_none() {
                self.sizes[at] = Some(size(at));
                self.solve();
            }
        }
    }

    /// All sizes, in the order of the cell's dimensions.
    pub(crate) fn finish(&self) -> Result<Vec<usize>, Failure> {
        let missing: Vec<&str> = self
            .names
            .iter()
            .zip(&self.sizes)
            .filter(|(_, size)| size.is_none())
            .map(|(name, _)| &**name)
            .collect();
        let known: Vec<usize> = self.sizes.iter().map(|size| size.unwrap_or(0)).collect();
        if missing.is_empty() {
            for equation in &self.equations {
                let expected = equation.dimension.size(&known);
                if expected != Some(equation.size) {
                    let sizes: Vec<String> = self
                        .names
                        .iter()
                        .zip(&known)
                        .map(|(name, size)| format!("{name} = {size}"))
                        .collect();
                    return Err(Failure::data(format!(
                        "`{}` has an axis of {}, the equations need {}{}",
                        equation.tensor,
                        equation.size,
                        equation.dimension.describe(self.names),
                        if equation.dimension.terms().is_empty() {
                            String::new()
                        } else {
                            format!(
                                ", which is {} for {}",
                                expected.map_or_else(|| "too large".to_owned(), |size| size.to_string()),
                                sizes.join(", ")
                            )
                        }
                    )));
                }
            }
            return Ok(known);
        }
        Err(Failure::usage(format!("sizes needed for: {} (--dims NAME=SIZE,…)", missing.join(", "))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gatewright::compiler::shape::DimensionId;

    fn free(id: u32) -> Dimension {
        Dimension::free(DimensionId(id))
    }

    #[test]
    fn sums_are_solved_and_contradictions_named() {
        let names = ["x".to_owned(), "h".to_owned()];
        let joined = Shape::Matrix(free(1), free(1).plus(&free(0)));
        let mut solver = DimensionSolver::new(&names);
        solver.equate("W", &joined, &[4, 7]).expect("two axes");
        assert_eq!(solver.finish().expect("solved"), [3, 4]);
        solver.equate("b", &Shape::Vector(free(1)), &[5]).expect("one axis");
        let Err(Failure::Data(message)) = solver.finish() else { panic!("must contradict") };
        assert!(message.contains("`b`") && message.contains("axis of 5"), "{message}");
        assert!(solver.equate("b", &Shape::Vector(free(1)), &[5, 5]).is_err());
    }

    #[test]
    fn impossible_sizes_are_errors_not_overflows() {
        let names = ["x".to_owned(), "h".to_owned()];
        let mut solver = DimensionSolver::new(&names);
        solver.equate("b", &Shape::Vector(free(1)), &[usize::MAX]).expect("one axis");
        solver.equate("W", &Shape::Vector(free(1).plus(&free(1)).plus(&free(0))), &[3]).expect("one axis");
        assert!(matches!(solver.finish(), Err(Failure::Usage(_))), "x stays unknown");
        solver.fill(|_| 1);
        assert!(matches!(solver.finish(), Err(Failure::Data(_))));
        assert!(solver.give(&Sizes(vec![("q".to_owned(), 1)])).is_err());
    }
}
