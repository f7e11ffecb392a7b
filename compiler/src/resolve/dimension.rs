//! Unification of sizes.
//!
//! Every size that the equations do not fix is a variable, numbered by `DimensionId` while this pass runs. A
//! variable is free or bound to a size; binding never makes a circle. An equation of sizes that no single variable
//! solves waits until others have been solved.

use crate::shape::{Dimension, DimensionId, Shape};
use crate::span::Span;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// How often the equations that wait are tried again.
const MAXIMUM_ROUNDS: usize = 256;

/// What a variable is named after: the best label of the variables that turned out equal. The order of the fields is
/// the order of preference.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Label {
    /// 0 declared, 1 input or state, 2 definition, 3 parameter, 4 none.
    pub(super) rank: u8,
    /// First come, first served.
    pub(super) order: u32,
    /// The name.
    pub(super) name: String,
}

/// Two shapes that must be equal, and where each stands.
#[derive(Clone, Debug)]
pub(super) struct Clash {
    /// What makes them equal, as in «are added».
    pub(super) reason: String,
    /// All of it.
    pub(super) whole: Span,
    /// One shape and its place.
    pub(super) left: (Shape, Span),
    /// The other shape and its place.
    pub(super) right: (Shape, Span),
    /// The sizes do not contradict each other, but cannot be solved.
    pub(super) unsolved: bool,
}

/// A part of a vector that must lie in it.
#[derive(Clone, Debug)]
pub(super) struct Range {
    /// How many elements the vector has.
    pub(super) total: Dimension,
    /// How many elements of it come before what is behind the part.
    pub(super) end: Dimension,
    /// Place of the vector.
    pub(super) of: Span,
    /// Place of the part.
    pub(super) whole: Span,
}

#[derive(Clone, Debug)]
struct Variable {
    binding: Option<Dimension>,
    label: Label,
}

/// The variables and what is known of them.
#[derive(Debug, Default)]
pub(super) struct Solver {
    variables: Vec<Variable>,
    declared: HashMap<String, DimensionId>,
    deferred: Vec<(Dimension, Dimension, Clash)>,
    ranges: Vec<Range>,
    /// Contradictions.
    pub(super) clashes: Vec<Clash>,
}

enum Outcome {
    Solved,
    Deferred,
    Contradiction,
}

impl Solver {
    /// A new variable.
    pub(super) fn fresh(&mut self, rank: u8, name: &str) -> Dimension {
        let order = u32::try_from(self.variables.len()).unwrap_or(u32::MAX);
        let label = Label { rank, order, name: name.to_owned() };
        self.variables.push(Variable { binding: None, label });
        Dimension::free(DimensionId(order))
    }

    /// The variable of a declared name.
    pub(super) fn declared(&mut self, name: &str) -> Dimension {
        if let Some(&id) = self.declared.get(name) {
            return Dimension::free(id);
        }
        let dimension = self.fresh(0, name);
        if let Some(&(id, _)) = dimension.terms().first() {
            self.declared.insert(name.to_owned(), id);
        }
        dimension
    }

    /// Names a free variable after `name` where that is better than what it has.
    pub(super) fn suggest(&mut self, dimension: &Dimension, rank: u8, name: &str) {
        let resolved = self.resolve(dimension);
        if let (0, &[(id, 1)]) = (resolved.constant_part(), resolved.terms())
            && let Some(variable) = self.variables.get_mut(id.0 as usize)
            && variable.label.rank > rank
        {
            variable.label = Label { rank, order: variable.label.order, name: name.to_owned() };
        }
    }

    /// The size with all bound variables replaced.
    pub(super) fn resolve(&mut self, dimension: &Dimension) -> Dimension {
        let mut current = dimension.clone();
        let mut rounds = 0;
        loop {
            let bound =
                |id: &DimensionId| self.variables.get(id.0 as usize).and_then(|one| one.binding.as_ref());
            if current.terms().iter().all(|(id, _)| bound(id).is_none()) {
                break;
            }
            let mut next = Dimension::constant(current.constant_part());
            for (id, coefficient) in current.terms() {
                let one = bound(id).cloned().unwrap_or_else(|| Dimension::free(*id));
                next = next.plus(&scaled(&one, *coefficient));
            }
            current = next;
            rounds += 1;
        }
        // Path compression: the next reader finds the answer in one step.
        if rounds > 1
            && let &[(id, 1)] = dimension.terms()
            && dimension.constant_part() == 0
            && let Some(variable) = self.variables.get_mut(id.0 as usize)
        {
            variable.binding = Some(current.clone());
        }
        current
    }

    /// The shape with all bound variables replaced.
    pub(super) fn resolve_shape(&mut self, shape: &Shape) -> Shape {
        shape.map(|dimension| self.resolve(dimension))
    }

    /// Makes two shapes equal, or keeps `clash` where they cannot be.
    pub(super) fn unify(&mut self, clash: &Clash) {
        match (&clash.left.0, &clash.right.0) {
            (Shape::Scalar, Shape::Scalar) => {}
            (Shape::Vector(a), Shape::Vector(b)) => self.unify_sizes(a, b, clash),
            (Shape::Matrix(a, b), Shape::Matrix(c, d)) => {
                let before = self.clashes.len();
                self.unify_sizes(a, c, clash);
                if self.clashes.len() == before {
                    self.unify_sizes(b, d, clash);
                }
            }
            _ => self.clashes.push(clash.clone()),
        }
    }

    /// Makes two sizes equal, or keeps `clash` where they cannot be.
    pub(super) fn unify_sizes(&mut self, a: &Dimension, b: &Dimension, clash: &Clash) {
        match self.solve(a, b) {
            Outcome::Solved => {}
            Outcome::Deferred => self.deferred.push((a.clone(), b.clone(), clash.clone())),
            Outcome::Contradiction => self.clashes.push(clash.clone()),
        }
    }

    /// States that a part must lie in its vector.
    pub(super) fn within(&mut self, range: Range) {
        self.ranges.push(range);
    }

    /// The parts that are not known to lie in their vectors, and whether they are known not to.
    pub(super) fn ranges_beyond(&mut self) -> Vec<(Range, bool)> {
        let mut beyond = Vec::new();
        for range in std::mem::take(&mut self.ranges) {
            let (total, end) = (self.resolve(&range.total), self.resolve(&range.end));
            if total.minus(&end).is_none() {
                beyond.push((range, end.minus(&total).is_some()));
            }
        }
        beyond
    }

    /// A vector of which only parts say anything ends where the last of them does.
    fn close_ranges(&mut self) {
        for _ in 0..=self.ranges.len().min(MAXIMUM_ROUNDS) {
            let mut ends: BTreeMap<DimensionId, Vec<Dimension>> = BTreeMap::new();
            for range in self.ranges.clone() {
                let (total, end) = (self.resolve(&range.total), self.resolve(&range.end));
                if let (0, &[(id, 1)]) = (total.constant_part(), total.terms())
                    && self.label(id).rank > 0
                {
                    ends.entry(id).or_default().push(end);
                }
            }
            let mut bound = false;
            for (id, ends) in ends {
                let ends: Vec<Dimension> = ends.iter().map(|end| self.resolve(end)).collect();
                let Some(first) = ends.first() else { continue };
                let last =
                    ends.iter().fold(first, |last, end| if end.minus(last).is_some() { end } else { last });
                let own = last.terms().iter().any(|(term, _)| *term == id);
                if !own && ends.iter().all(|end| last.minus(end).is_some()) {
                    self.bind(id, last.clone());
                    bound = true;
                }
            }
            if !bound {
                break;
            }
        }
    }

    /// Solves what waited; joins a declared name with the natural name that is spelled the same.
    pub(super) fn finish(&mut self) {
        self.retry();
        self.close_ranges();
        self.retry();
        for (_, _, clash) in std::mem::take(&mut self.deferred) {
            self.clashes.push(Clash { unsolved: true, ..clash });
        }
        for index in 0..self.variables.len() {
            let variable = &self.variables[index];
            if variable.binding.is_none()
                && variable.label.rank > 0
                && let Some(&declared) = self.declared.get(&variable.label.name)
            {
                let own = Dimension::free(DimensionId(u32::try_from(index).unwrap_or(u32::MAX)));
                self.solve(&own, &Dimension::free(declared));
            }
        }
    }

    /// Solves what waited, as far as that can be solved now.
    fn retry(&mut self) {
        for _ in 0..=self.deferred.len().min(MAXIMUM_ROUNDS) {
            let waiting = std::mem::take(&mut self.deferred);
            let before = waiting.len();
            for (a, b, clash) in waiting {
                self.unify_sizes(&a, &b, &clash);
            }
            if self.deferred.len() == before {
                break;
            }
        }
    }

    /// The free variables in order of preference, each with its final name, unique.
    pub(super) fn names(&mut self, used: &BTreeSet<DimensionId>) -> Vec<(DimensionId, String)> {
        let mut free: Vec<(Label, DimensionId)> = self
            .variables
            .iter()
            .enumerate()
            .map(|(index, variable)| {
                (variable.label.clone(), DimensionId(u32::try_from(index).unwrap_or(u32::MAX)))
            })
            .filter(|(_, id)| used.contains(id))
            .collect();
        free.sort();
        let mut taken: HashMap<String, u32> = HashMap::new();
        let mut names: Vec<(DimensionId, String)> = Vec::with_capacity(free.len());
        for (label, id) in free {
            let mut name = label.name.clone();
            while let Some(count) = taken.get_mut(&name) {
                *count += 1;
                name = format!("{}_{count}", label.name);
            }
            taken.insert(name.clone(), 1);
            names.push((id, name));
        }
        names
    }

    /// Solves `a = b`: the difference is `sum of coefficient * variable + constant = 0`.
    fn solve(&mut self, a: &Dimension, b: &Dimension) -> Outcome {
        let (a, b) = (self.resolve(a), self.resolve(b));
        let mut difference: BTreeMap<DimensionId, i64> = BTreeMap::new();
        for &(id, coefficient) in a.terms() {
            *difference.entry(id).or_default() += i64::from(coefficient);
        }
        for &(id, coefficient) in b.terms() {
            *difference.entry(id).or_default() -= i64::from(coefficient);
        }
        difference.retain(|_, coefficient| *coefficient != 0);
        let mut constant = i64::from(a.constant_part()) - i64::from(b.constant_part());
        // `4 i = 4 f` is `i = f`, and `2 h = 3` has no solution.
        let common =
            difference.values().fold(0, |common, &coefficient| greatest_divisor(common, coefficient));
        if common > 1 {
            if constant % common != 0 {
                return Outcome::Contradiction;
            }
            constant /= common;
            difference.values_mut().for_each(|coefficient| *coefficient /= common);
        }
        let positive = difference.values().any(|&coefficient| coefficient > 0);
        let negative = difference.values().any(|&coefficient| coefficient < 0);
        match (positive, negative) {
            (false, false) => return if constant == 0 { Outcome::Solved } else { Outcome::Contradiction },
            // No size is negative, and a size of zero for all samples is no cell: `h = h + x`.
            (true, false) if constant >= 0 => return Outcome::Contradiction,
            (false, true) if constant <= 0 => return Outcome::Contradiction,
            _ => {}
        }
        if let (1, Some((&id, &coefficient))) = (difference.len(), difference.first_key_value()) {
            let size = -constant / coefficient;
            if -constant % coefficient != 0 {
                return Outcome::Contradiction;
            }
            let Ok(size) = u32::try_from(size) else { return Outcome::Contradiction };
            self.bind(id, Dimension::constant(size));
            return Outcome::Solved;
        }
        // `v = others`: v with coefficient ±1, all others and the constant on the other side.
        let candidates: Vec<DimensionId> = difference
            .iter()
            .filter(|&(id, &coefficient)| {
                let sign = -coefficient;
                coefficient.abs() == 1
                    && constant * sign >= 0
                    && difference.iter().all(|(other, &value)| other == id || value * sign > 0)
            })
            .map(|(id, _)| *id)
            .collect();
        if let (&[first, second], 0) = (candidates.as_slice(), constant)
            && difference.len() == 2
        {
            let (one, other) = (self.label(first), self.label(second));
            if one.rank == 0 && other.rank == 0 {
                return Outcome::Contradiction;
            }
            let (keep, give) = if one <= other { (first, second) } else { (second, first) };
            self.bind(give, Dimension::free(keep));
            return Outcome::Solved;
        }
        let worst = candidates.into_iter().max_by_key(|id| self.label(*id));
        let Some(variable) = worst else { return Outcome::Deferred };
        let mut value = Dimension::constant(u32::try_from(constant.unsigned_abs()).unwrap_or(u32::MAX));
        for (&id, &coefficient) in &difference {
            if id != variable {
                let coefficient = u32::try_from(coefficient.unsigned_abs()).unwrap_or(u32::MAX);
                value = value.plus(&scaled(&Dimension::free(id), coefficient));
            }
        }
        self.bind(variable, value);
        Outcome::Solved
    }

    fn label(&self, id: DimensionId) -> Label {
        self.variables
            .get(id.0 as usize)
            .map_or(Label { rank: 4, order: id.0, name: String::new() }, |variable| variable.label.clone())
    }

    fn bind(&mut self, id: DimensionId, value: Dimension) {
        if let Some(variable) = self.variables.get_mut(id.0 as usize) {
            variable.binding = Some(value);
        }
    }

    /// Names of all variables by number, for messages while solving.
    pub(super) fn working_names(&self) -> Vec<String> {
        self.variables.iter().map(|variable| variable.label.name.clone()).collect()
    }
}

/// The greatest common divisor, of the absolute values.
fn greatest_divisor(a: i64, b: i64) -> i64 {
    let (mut a, mut b) = (a.abs(), b.abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// `count` times a size.
pub(super) fn scaled(dimension: &Dimension, mut count: u32) -> Dimension {
    let (mut sum, mut power) = (Dimension::default(), dimension.clone());
    while count > 0 {
        if count & 1 == 1 {
            sum = sum.plus(&power);
        }
        count >>= 1;
        if count > 0 {
            power = power.plus(&power);
        }
    }
    sum
}
