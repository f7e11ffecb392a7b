//! `gatewright derive`: the derived backward equations, and what the plan makes of them.

use clap::{Args, ValueEnum};
use gatewright::compiler::derivation::{Derivation, derive as derive_cell, escape_latex};
use gatewright::compiler::plan::{
    GradientTerm, MatrixView, OnceSource, ParameterGradient, Plan, Section, Start, Step,
};
use gatewright::compiler::resolve::Cell;
use gatewright::{Backend, CompileOptions, CompiledCell};

use crate::arguments::{Sizes, SourceArguments};
use crate::dimension::DimensionSolver;
use crate::failure::Failure;
use crate::print::{answer, answer_line};
use crate::session::Checked;

/// Print forward and derived backward equations, what leaves the time loop, and the bytes of tape for each step
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    source: SourceArguments,
    /// How to print the answer
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Sizes of dimensions for the plan; those not given are 64
    #[arg(long, value_name = "NAME=SIZE,…")]
    dims: Option<Sizes>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Plain text
    Text,
    /// LaTeX: headings, align* blocks and lists
    Latex,
    /// A picture of the forward and the adjoint graph for Graphviz
    Dot,
}

/// Size of a dimension that nobody gives.
const DEFAULT_SIZE: usize = 64;

/// Runs the subcommand.
pub(crate) fn derive(arguments: &Arguments) -> Result<(), Failure> {
    if arguments.format == Format::Dot && arguments.dims.is_some() {
        return Err(Failure::usage("--dims has no use with --format dot: the picture holds no sizes"));
    }
    let checked = Checked::read(&arguments.source)?;
    checked.print_findings();
    let cell = &checked.cell;
    let derivation = derive_cell(cell, &checked.source.document())
        .map_err(|error| Failure::data(format!("deriving the equations: {error}")))?;
    if arguments.format == Format::Dot {
        answer!("{}", derivation.to_dot())?;
        return Ok(());
    }
    let mut solver = DimensionSolver::new(&cell.dimensions);
    if let Some(sizes) = &arguments.dims {
        solver.give(sizes)?;
    }
    solver.fill(|_| DEFAULT_SIZE);
    let sizes = solver.finish()?;
    let (title, lines) = loops(cell, &derivation, &sizes, arguments.dims.as_ref())?;
    match arguments.format {
        Format::Text => {
            answer!("{}", derivation.to_text())?;
            answer_line!("\n{title}")?;
            for line in lines {
                answer_line!("  {line}")?;
            }
        }
        Format::Latex => {
            answer!("{}", derivation.to_latex())?;
            answer_line!("\n\\paragraph{{{}}}\n\\begin{{itemize}}", escape_latex(&title))?;
            for line in lines {
                answer_line!("\\item {}", escape_latex(&line))?;
            }
            answer_line!("\\end{{itemize}}")?;
        }
        Format::Dot => {}
    }
    Ok(())
}

/// What leaves the loop, in words: a title and lines.
fn loops(
    cell: &Cell,
    derivation: &Derivation,
    sizes: &[usize],
    given: Option<&Sizes>,
) -> Result<(String, Vec<String>), Failure> {
    let named: Vec<(&str, usize)> =
        cell.dimensions.iter().map(String::as_str).zip(sizes.iter().copied()).collect();
    let assumed = |name: &str| given.is_none_or(|given| given.0.iter().all(|(known, _)| known != name));
    let written: Vec<String> = named
        .iter()
        .map(|(name, size)| {
            let note = if assumed(name) { " (assumed: no --dims)" } else { "" };
            format!("{name} = {size}{note}")
        })
        .collect();
    let title = format!("What leaves the loop, for {}", written.join(", "));
    // The plan is the same for both back ends; this one compiles nothing.
    let options = CompileOptions { backend: Backend::Interpreter, ..CompileOptions::default() };
    let compiled = match CompiledCell::<f32>::new(cell, &named, options) {
        Ok(compiled) => compiled,
        // The equations stand even where the planner has no order for an operator.
        Err(gatewright::error::CompileError::Plan(error)) => {
            return Ok((title, vec![format!("there is no plan: {error}")]));
        }
        Err(error) => return Err(error.into()),
    };
    let description = Description { cell, derivation, sizes, plan: compiled.training_plan() };
    let mut lines = Vec::new();
    for (section, name) in [
        (Section::Before, "forward, before the loop, all T·B rows at once"),
        (Section::Prepare, "forward, in each step, before it is solved"),
        (Section::Solve, "forward, in each step, until it is solved"),
        (Section::Step, "forward, in each step"),
        (Section::After, "forward, after the loop, all T·B rows at once"),
        (Section::BackwardBefore, "backward, before the loop, all T·B rows at once"),
        (Section::BackwardPrepare, "backward, in each step, before it is solved"),
        (Section::BackwardSolve, "backward, in each step, until it is solved"),
        (Section::BackwardStep, "backward, in each step"),
        (Section::BackwardAfter, "backward, after the loop, all T·B rows at once"),
    ] {
        lines.extend(description.section(section).into_iter().map(|line| format!("{name}: {line}")));
    }
    lines.extend(description.gradients());
    lines.push(format!("Tape: {} bytes per step and sample (f32)", compiled.tape_bytes_per_step()));
    lines.push(format!(
        "Training holds {} bytes per step and sample (f32): the tape, and what products behind the loop back read of it",
        compiled.training_bytes_per_step()
    ));
    Ok((title, lines))
}

/// Puts a plan into words.
struct Description<'a> {
    cell: &'a Cell,
    derivation: &'a Derivation,
    sizes: &'a [usize],
    plan: &'a Plan,
}

impl Description<'_> {
    /// The products of a section, a line each, and how many element loops run there.
    fn section(&self, section: Section) -> Vec<String> {
        let mut lines = Vec::new();
        let (mut loops, mut samples) = (0_usize, 0_usize);
        for step in self.plan.program(section) {
            match step {
                Step::Product { matrix, start, .. } => {
                    lines.extend(self.product(*matrix, *start));
                }
                Step::SampleProduct { .. } => samples += 1,
                // No arithmetic.
                Step::Arrange { .. } | Step::RowMaximum { .. } => {}
                Step::Loop { .. } => loops += 1,
            }
        }
        match samples {
            0 => {}
            1 => lines.push("one product of matrices of the sample".to_owned()),
            samples => lines.push(format!("{samples} products of matrices of the sample")),
        }
        match loops {
            0 => {}
            1 => lines.push("one element loop".to_owned()),
            loops => lines.push(format!("{loops} element loops")),
        }
        lines
    }

    fn product(&self, matrix: usize, start: Start) -> Option<String> {
        let layout = self.plan.matrices.get(matrix)?;
        let mut blocks: Vec<String> = layout.blocks.iter().map(|block| self.view(block.view)).collect();
        blocks.dedup();
        let merged = match blocks.len() {
            0 | 1 => String::new(),
            count => {
                let mut rows: Vec<usize> = layout.blocks.iter().map(|block| block.row).collect();
                let mut columns: Vec<usize> = layout.blocks.iter().map(|block| block.column).collect();
                for places in [&mut rows, &mut columns] {
                    places.sort_unstable();
                    places.dedup();
                }
                let how = match (rows.len() > 1, columns.len() > 1) {
                    (false, true) => "same operand, results side by side",
                    (true, false) => "operands side by side, one sum",
                    _ => "operands and results side by side",
                };
                format!(", {count} merged ({how})")
            }
        };
        let added = match start {
            Start::Zero => "",
            Start::There => ", added to what is there",
            Start::Row(_) => ", added to biases",
        };
        let (rows, columns) = (layout.rows, layout.columns);
        Some(format!("product with {} [{rows} → {columns}]{merged}{added}", blocks.join(", ")))
    }

    /// A rectangle of a parameter: `W[:, 64:]`.
    fn view(&self, view: MatrixView) -> String {
        let (name, axes) = match view.source {
            OnceSource::Parameter(index) => {
                let parameter = self.cell.parameters.get(index as usize);
                let axes = parameter.and_then(|parameter| parameter.shape.sizes(self.sizes));
                (parameter.map_or("?", |parameter| &parameter.name).to_owned(), axes.unwrap_or_default())
            }
            OnceSource::Expression(index) => (format!("parameter expression {}", index + 1), Vec::new()),
        };
        let all_rows = view.row == 0 && axes.first().is_none_or(|&rows| view.rows == rows);
        let all_columns = view.column == 0 && view.columns == view.row_stride;
        let range = |start: usize, length: usize, whole: Option<usize>| {
            let first = if start == 0 { String::new() } else { start.to_string() };
            let end =
                if Some(start + length) == whole { String::new() } else { (start + length).to_string() };
            format!("{first}:{end}")
        };
        let part = if all_rows && all_columns {
            String::new()
        } else {
            let rows =
                if all_rows { ":".to_owned() } else { range(view.row, view.rows, axes.first().copied()) };
            format!("[{rows}, {}]", range(view.column, view.columns, Some(view.row_stride)))
        };
        format!("{name}{part}{}", if view.transposed { "^T" } else { "" })
    }

    /// How the gradients by the parameters come about.
    fn gradients(&self) -> Vec<String> {
        let (mut products, mut sums, mut both, mut expressions, mut zeros) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut beginnings = Vec::new();
        let ports = (0_u32..).zip(self.cell.parameters.iter().zip(&self.plan.parameter_gradients));
        for (number, (parameter, gradient)) in ports {
            let name = format!("∇{}", parameter.name);
            let begins = self.derivation.parameters_of_beginnings().any(|of| of == number);
            if begins {
                beginnings.push(name.clone());
            }
            match gradient {
                ParameterGradient::Expression { .. } => expressions.push(name),
                ParameterGradient::Terms(terms) => {
                    let outer =
                        terms.iter().filter(|term| matches!(term, GradientTerm::Outer { .. })).count();
                    match (outer, terms.len() - outer) {
                        (0, 0) if begins => {}
                        (0, 0) => zeros.push(name),
                        (0, _) => sums.push(name),
                        (1, 0) => products.push(name),
                        (count, 0) => products.push(format!("{name} ({count} products)")),
                        _ => both.push(name),
                    }
                }
            }
        }
        let line = |what: &str, names: Vec<String>| {
            (!names.is_empty()).then(|| format!("backward, after the loop, {what}: {}", names.join(", ")))
        };
        [
            line("one product over all T·B rows each", products),
            line("sums over all T·B rows", sums),
            line("products and sums over all T·B rows", both),
            line("from such totals, once", expressions),
            line("once, from the gradients by the initial states", beginnings),
            line("zero, nothing to compute", zeros),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}
