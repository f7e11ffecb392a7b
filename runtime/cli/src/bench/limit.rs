//! The least time that a run can take on this machine: what its products, weights and functions cost alone.
//!
//! ```text
//! products before and after the loop     2 T B K N / peak
//! products of a step, T times            max(2 B K N / peak, bytes of the matrix / bandwidth)
//! sums of outer products                 2 T B m n / peak
//! transcendental functions               T B lanes / rate of the tile primitive
//! ```
//!
//! The peak is that of fused multiply-adds in registers, the bandwidth that of the cache which holds all matrices of
//! the loop. All is measured here and now, in every round of a suite, of which the fastest counts as it does for a timing.
//! Arithmetic besides transcendental functions, traffic of the tape, and synchronisation are taken to cost nothing.

use std::cell::RefCell;
use std::collections::BTreeMap;

use gatewright::Element;
use gatewright::compiler::operator::Unary;
use gatewright::compiler::plan::kernel::{Instruction, Kernel, Kind};
use gatewright::compiler::plan::{GradientTerm, ParameterGradient, Plan, Section, Step};
use gatewright::primitive::{Level, limit};

/// Bytes of a part of L2 and of one of L3, whose bandwidth is told with the table.
const DESCRIBED: [usize; 2] = [256 << 10, 16 << 20];

/// This machine's rates on one thread, and on several.
#[derive(Debug)]
pub(super) struct Machine {
    level: Level,
    pub(super) threads: usize,
    /// Floating-point operations in a second, on one thread and on all.
    pub(super) fused: (f64, f64),
    /// Values in a second of each tile primitive, on one thread.
    functions: BTreeMap<Unary, f64>,
    /// Bytes in a second by the bytes that are read again and again, on one thread.
    bandwidth: RefCell<BTreeMap<usize, f64>>,
}

impl Machine {
    pub(super) fn new<T: Element>(level: Level, threads: usize) -> Self {
        let (functions, bandwidth) = (BTreeMap::new(), RefCell::default());
        let mut machine = Self { level, threads, fused: (0.0, 0.0), functions, bandwidth };
        machine.measure::<T>();
        for bytes in DESCRIBED {
            machine.bandwidth::<T>(bytes);
        }
        machine
    }

    /// Measures every rate that was asked for so far; one that is higher than before is the rate from now on.
    pub(super) fn measure<T: Element>(&mut self) {
        let Self { level, threads, .. } = *self;
        let one = limit::fused_rate::<T>(level, 1);
        let all = if threads > 1 { limit::fused_rate::<T>(level, threads) } else { one };
        self.fused = (self.fused.0.max(one), self.fused.1.max(all).max(one));
        for function in Unary::PRIMITIVES {
            let rate = self.functions.entry(function).or_default();
            *rate = rate.max(limit::function_rate::<T>(level, function));
        }
        for (&bytes, rate) in self.bandwidth.get_mut() {
            *rate = rate.max(limit::read_rate::<T>(level, bytes));
        }
    }

    /// How much faster so many threads are than one where nothing holds them up.
    fn speedup(&self, threads: usize) -> f64 {
        if threads > 1 { self.fused.1 / self.fused.0 } else { 1.0 }
    }

    fn bandwidth<T: Element>(&self, bytes: usize) -> f64 {
        // Nearby sizes are one.
        let bytes = (bytes / 4096).next_power_of_two() * 4096;
        *self.bandwidth.borrow_mut().entry(bytes).or_insert_with(|| limit::read_rate::<T>(self.level, bytes))
    }

    /// The figures, as a line.
    pub(super) fn describe<T: Element>(&self) -> String {
        let giga = |rate: f64| rate / 1e9;
        let function = |function| self.functions.get(&function).copied().unwrap_or_default();
        let mut line = format!(
            "{:?}: {:.1} GFLOP/s of fused multiply-adds, {:.1} GB/s from 256 KiB, {:.1} GB/s from 16 MiB, {:.2} G sigmoid/s, \
             {:.2} G tanh/s on one thread",
            self.level,
            giga(self.fused.0),
            giga(self.bandwidth::<T>(DESCRIBED[0])),
            giga(self.bandwidth::<T>(DESCRIBED[1])),
            giga(function(Unary::Sigmoid)),
            giga(function(Unary::Tanh)),
        );
        if self.threads > 1 {
            line += &format!("; {} threads: {:.2} times as many", self.threads, self.speedup(self.threads));
        }
        line
    }

    /// Milliseconds that a run needs at the least: forward, or a whole training step.
    pub(super) fn milliseconds<T: Element>(
        &self,
        plan: &Plan,
        (steps, batch): (usize, usize),
        train: bool,
        threads: usize,
    ) -> f64 {
        let rows = steps as f64 * batch as f64;
        let mut seconds = 0.0;
        for section in Section::ALL.into_iter().filter(|section| train || !section.is_backward()) {
            let loop_bytes = loop_bytes::<T>(plan, section);
            for step in plan.program(section) {
                seconds += match step {
                    Step::Product { matrix, .. } => {
                        let weights = numbers(plan, *matrix);
                        let compute = 2.0 * weights as f64 * rows / self.fused.0;
                        if section.is_step() {
                            let bytes = (weights * size_of::<T>()) as f64 * steps as f64;
                            compute.max(bytes / self.bandwidth::<T>(loop_bytes))
                        } else {
                            compute
                        }
                    }
                    Step::SampleProduct { left, right, .. } => {
                        let products = left.strides.rows * left.strides.columns * right.strides.columns;
                        2.0 * products as f64 * rows / self.fused.0
                    }
                    Step::Loop { kernel, .. } => self.functions_of(&plan.kernels[*kernel]) * rows,
                    Step::Arrange { .. } | Step::RowMaximum { .. } => 0.0,
                };
            }
        }
        if train {
            let terms = plan.parameter_gradients.iter().flat_map(ParameterGradient::terms);
            let outer: usize = terms.map(outer_product).sum();
            seconds += 2.0 * outer as f64 * rows / self.fused.0;
        }
        seconds / self.speedup(threads) * 1e3
    }

    /// Seconds of the transcendental functions of one row.
    fn functions_of(&self, kernel: &Kernel) -> f64 {
        let kinds = kernel.kinds().unwrap_or_default();
        let cost = |(instruction, kind): (&Instruction, &Kind)| match (instruction, kind) {
            (Instruction::Unary(function, _), Kind::Lanes) => {
                self.functions.get(function).map_or(0.0, |rate| kernel.lanes as f64 / rate)
            }
            _ => 0.0,
        };
        kernel.instructions.iter().zip(&kinds).map(cost).sum()
    }
}

/// Numbers of a matrix that are read, without the zeros between its blocks.
fn numbers(plan: &Plan, matrix: usize) -> usize {
    plan.matrices[matrix].blocks.iter().map(|block| block.view.rows * block.view.columns).sum()
}

/// Bytes of all matrices of the loop that a section belongs to.
fn loop_bytes<T>(plan: &Plan, section: Section) -> usize {
    let sections = Section::ALL.into_iter().filter(|other| other.shares_loop(section));
    let matrices = sections.flat_map(|section| plan.program(section)).filter_map(|step| match step {
        Step::Product { matrix, .. } => Some(*matrix),
        _ => None,
    });
    matrices.map(|matrix| numbers(plan, matrix) * size_of::<T>()).sum()
}

/// Multiply-adds of a term for each row.
fn outer_product(term: &GradientTerm) -> usize {
    match *term {
        GradientTerm::Outer { rows, columns, .. } => rows * columns,
        GradientTerm::Sum { .. } => 0,
    }
}
