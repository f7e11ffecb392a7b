//! A check of plans: what a program reads has been written (P1).
//!
//! The sections are walked in the order in which they run, and for each block of a buffer the columns are noted that hold
//! something. Columns are followed, not values: where memory is lent to one value after another, a read that comes too
//! early finds what the former has left, and this check has nothing against it.
//!
//! States pass from step to step: one step ahead in this step is here in the next. Gradients by states pass the other way.

use std::collections::HashMap;
use std::ops::Range;

use super::kernel::Access;
use super::verify::{broken, given};
use super::{
    BufferId, BufferKind, BufferRole, GradientTerm, ParameterGradient, Place, Plan, PlanError, Section,
    SolvedValue, Step,
};

/// The sections of both time loops.
const LOOPS: [[Section; 3]; 2] = [
    [Section::Prepare, Section::Solve, Section::Step],
    [Section::BackwardPrepare, Section::BackwardSolve, Section::BackwardStep],
];

/// Columns that hold something, for each block of a buffer.
struct Written<'p> {
    plan: &'p Plan,
    /// Ranges that do not touch: what is read at once was written side by side.
    columns: HashMap<(BufferId, usize), Vec<Range<usize>>>,
}

impl Plan {
    /// What the caller writes before a section runs.
    fn staged(&self, section: Section) -> Vec<(Place, usize)> {
        let ports = |places: &[Option<Place>], sizes: &[usize]| {
            given(places, sizes).map(|(&place, &size)| (place, size)).collect::<Vec<_>>()
        };
        let of_role = |role: BufferRole| {
            let buffers = (0..).zip(&self.buffers).filter(move |(_, buffer)| buffer.role == role);
            buffers
                .map(|(index, buffer)| (Place { buffer: BufferId(index), time: 0, column: 0 }, buffer.width))
        };
        let unknown = |solved: &SolvedValue| (solved.unknown, solved.length);
        match section {
            Section::Before => {
                let once = of_role(BufferRole::Once).flat_map(|(once, _)| {
                    let place = move |column| Place { column, ..once };
                    self.once.iter().map(move |value| (place(value.column), value.length))
                });
                ports(&self.inputs, &self.input_sizes).into_iter().chain(once).collect()
            }
            Section::Solve => self.unknowns.iter().map(unknown).collect(),
            Section::BackwardBefore => {
                let again = |(place, &back): (&Option<Place>, &bool)| place.filter(|_| back);
                let inputs: Vec<_> = self.inputs.iter().zip(&self.inputs_read_back).map(again).collect();
                let mut staged = ports(&inputs, &self.input_sizes);
                staged.extend(ports(&self.output_gradients, &self.output_sizes));
                staged.extend(of_role(BufferRole::Totals));
                staged
            }
            Section::BackwardSolve => self.unknown_gradients.iter().map(unknown).collect(),
            _ => Vec::new(),
        }
    }

    /// P1: what is read has been written.
    pub(super) fn verify_order(&self) -> Result<(), PlanError> {
        let mut written = Written { plan: self, columns: HashMap::new() };
        for section in Section::ALL {
            written.enter(section)?;
            for step in self.program(section) {
                self.accesses(step, |place, length, access| {
                    match (access, step) {
                        (Access::Write, _) => {}
                        // Gaps between the values of an operand meet rows of zeros in the matrix, and gaps between results are
                        // columns of zeros.
                        (Access::Read, Step::Product { operand, matrix, .. }) if place == *operand => {
                            for block in &self.matrices[*matrix].blocks {
                                let value = Place { column: place.column + block.row, ..place };
                                written.read(section, value, block.shape().0)?;
                            }
                        }
                        // A row of biases is the caller's, and zero where it has none.
                        (Access::Read, Step::Product { .. }) => {}
                        (Access::Add, Step::Product { matrix, .. }) => {
                            for block in &self.matrices[*matrix].blocks {
                                let value = Place { column: place.column + block.column, ..place };
                                written.read(section, value, block.shape().1)?;
                            }
                        }
                        (Access::Read | Access::Add, _) => written.read(section, place, length)?,
                    }
                    if access != Access::Read {
                        written.write(place, length);
                    }
                    Ok(())
                })?;
            }
            written.leave(section)?;
        }
        Ok(())
    }
}

impl Written<'_> {
    /// Notes what the caller and earlier steps have written when the section begins.
    fn enter(&mut self, section: Section) -> Result<(), PlanError> {
        let plan = self.plan;
        if section == Section::BackwardBefore {
            let kept =
                |buffer| matches!(plan.buffer(buffer).kind, BufferKind::Sequence { .. } | BufferKind::Once);
            self.columns.retain(|&(buffer, _), _| kept(buffer));
        }
        for (place, length) in plan.staged(section) {
            self.write(place, length);
        }
        // What any section of the loop hands on, all of them find.
        for step in LOOPS.iter().filter(|found| found[0] == section).flatten() {
            for step in self.plan.program(*step) {
                self.plan.accesses(step, |place, length, access| {
                    if access != Access::Read
                        && let Some(next) = self.handed_on(place)
                    {
                        self.mark(next, length);
                    }
                    Ok::<(), PlanError>(())
                })?;
            }
        }
        Ok(())
    }

    /// Checks what the caller reads when the section ends.
    fn leave(&self, section: Section) -> Result<(), PlanError> {
        let plan = self.plan;
        let solved = match section {
            Section::Solve => plan.unknowns.as_slice(),
            Section::BackwardSolve => &plan.unknown_gradients,
            _ => &[],
        };
        for solved in solved {
            self.read(section, solved.solution, solved.length)?;
            if let Some(start) = solved.start {
                self.read(section, start, solved.length)?;
            }
        }
        if section == Section::After {
            for (&place, &size) in plan.outputs.iter().zip(&plan.output_sizes) {
                self.read(section, place, size)?;
            }
            for (&state, &size) in plan.states.iter().zip(&plan.state_sizes) {
                self.read(section, Place { time: 1, ..state }, size)?;
            }
        }
        if section == Section::BackwardAfter {
            let by_inputs = given(&plan.input_gradients, &plan.input_sizes);
            for (&place, &size) in by_inputs.chain(plan.state_gradients.iter().zip(&plan.state_sizes)) {
                self.read(section, place, size)?;
            }
            for term in plan.parameter_gradients.iter().flat_map(ParameterGradient::terms) {
                if let GradientTerm::Outer { left, rows, right, columns, .. } = *term {
                    self.read(section, left, rows)?;
                    self.read(section, right, columns)?;
                }
            }
        }
        Ok(())
    }

    /// The same value as the next step that runs sees it.
    fn handed_on(&self, place: Place) -> Option<Place> {
        match (self.plan.buffer(place.buffer).role, place.time) {
            (BufferRole::State, 1) => Some(Place { time: 0, ..place }),
            (BufferRole::StateGradient, 0) => Some(Place { time: 1, ..place }),
            _ => None,
        }
    }

    fn write(&mut self, place: Place, length: usize) {
        self.mark(place, length);
        if let Some(next) = self.handed_on(place) {
            self.mark(next, length);
        }
    }

    fn mark(&mut self, place: Place, length: usize) {
        let mut new = place.column..place.column + length;
        let ranges = self.columns.entry((place.buffer, place.time)).or_default();
        ranges.retain(|old| {
            let apart = old.end < new.start || new.end < old.start;
            if !apart {
                new = old.start.min(new.start)..old.end.max(new.end);
            }
            apart
        });
        ranges.push(new);
    }

    fn read(&self, section: Section, place: Place, length: usize) -> Result<(), PlanError> {
        let ranges = self.columns.get(&(place.buffer, place.time)).map_or(&[][..], Vec::as_slice);
        let (start, end) = (place.column, place.column + length);
        if length == 0 || ranges.iter().any(|written| written.start <= start && end <= written.end) {
            return Ok(());
        }
        let (name, column, time) = (&self.plan.buffer(place.buffer).name, place.column, place.time);
        Err(broken(
            "P1",
            &format!(
                "{section:?} reads `{name}` from column {column} on, {time} steps ahead, before it is written"
            ),
        ))
    }
}
