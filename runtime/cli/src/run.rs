//! `gatewright run`: a cell on the data of a file, forward and backward.
//!
//! The file, or two together, give `input.N [T, B, n]`, `param.N` and, where wanted, `state.N [B, n]`,
//! `grad_output.N` and `grad_final.N`, for batches that are ragged `lengths [B]`, and `resets [T, B]`; the answer holds `output.N`, `final.N` and, where a gradient was given,
//! `grad.input.N`, `grad.param.N` and `grad.state.N`. Answers that the file itself holds, as a file of reference data
//! does, are not read.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use gatewright::compiler::resolve::Cell;
use gatewright::compiler::shape::Shape;
use gatewright::parameters::{Conversion, NamedTensor, read_tensors, write_tensors};
use gatewright::sequence::{Backward, Forward, Keep, SequenceCell};
use gatewright::workspace::Workspace;
use gatewright::{CompiledCell, Element};

use crate::arguments::{BackendArguments, Precision, Sizes, SourceArguments, positive};
use crate::buffers::{buffers, too_large, views, views_mut, zeros};
use crate::dimension::DimensionSolver;
use crate::export::with_prefix;
use crate::failure::Failure;
use crate::session::Checked;
use crate::stretch::Stretches;

/// Run a cell on tensors of a safetensors file; write outputs, final states and gradients to another
#[derive(Args, Debug)]
#[command(
    after_help = "Reads input.N [T, B, n], param.N, and where present state.N [B, n] (else as the equations say, or zeros), grad_output.N \
    and grad_final.N (absent ones are zero; without any, nothing is differentiated); lengths [B], 0 to T, and resets [T, B], 1 where the state \
    of a sample begins anew before a step. Writes output.N, final.N, \
    grad.input.N, grad.param.N and grad.state.N. A value of two steps ago and earlier is a state too, as h_delay_2 for h_{t-2}: a \
    sequence goes on from all states that it ended with."
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    source: SourceArguments,
    /// Tensors to read
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// More tensors to read, such as `import` writes: weights that one has for many data
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,
    /// What stands before the names of the parameters in --weights, whose other tensors are left out: `cell.` in a file that
    /// `train` wrote
    #[arg(long, value_name = "TEXT", requires = "weights")]
    prefix: Option<String>,
    /// Where to write the answer
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Precision to compute in; f64 data is rounded where f32 is asked for
    #[arg(long, value_enum, default_value_t = Precision::F32)]
    dtype: Precision,
    /// Sizes that the data leave open
    #[arg(long, value_name = "NAME=SIZE,…")]
    dims: Option<Sizes>,
    /// Run every sample from its own last step to its first
    #[arg(long)]
    reverse: bool,
    /// Keep at most so many bytes for the gradients, and compute again what does not fit; the answer is the same
    #[arg(long, value_name = "BYTES", value_parser = positive)]
    memory: Option<usize>,
    #[command(flatten)]
    backend: BackendArguments,
}

/// Runs the subcommand.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let checked = Checked::read(&arguments.source)?;
    checked.print_findings();
    match arguments.dtype {
        Precision::F32 => run_in::<f32>(arguments, &checked),
        Precision::F64 => run_in::<f64>(arguments, &checked),
    }
}

fn run_in<T: Element>(arguments: &Arguments, checked: &Checked) -> Result<(), Failure> {
    let mut tensors =
        read_tensors::<T>(&arguments.data, Conversion::Round).map_err(Failure::in_file(&arguments.data))?;
    if let Some(weights) = &arguments.weights {
        let of_file = read_tensors::<T>(weights, Conversion::Round).map_err(Failure::in_file(weights))?;
        let of_file = match &arguments.prefix {
            None => of_file,
            Some(prefix) => with_prefix(of_file, prefix)?
                .into_iter()
                .map(|(name, tensor)| {
                    let name = format!("param.{name}");
                    (name.clone(), NamedTensor { name, ..tensor })
                })
                .collect(),
        };
        for (name, tensor) in of_file {
            if tensors.insert(name.clone(), tensor).is_some() {
                return Err(Failure::data(format!("`{name}` is in both files")));
            }
        }
    }
    let data = Data::arrange(&checked.cell, tensors, arguments.dims.as_ref())?;
    if arguments.memory.is_some() && data.gradients.is_none() {
        return Err(Failure::data(
            "`--memory` bounds what is kept for gradients, and the data ask for none: give `grad_output.N` or \
            `grad_final.N`, or leave it out",
        ));
    }
    let compiled = checked.compile::<T>(&data.sizes, arguments.backend)?;
    let answer = answer(arguments, &checked.cell, &compiled, &data)?;
    write_tensors(&arguments.out, &answer, &[])?;
    Ok(())
}

/// The tensors of a file in the order of the cell.
#[derive(Debug)]
struct Data<T> {
    steps: usize,
    batch: usize,
    /// Sizes of the cell's dimensions.
    sizes: Vec<usize>,
    inputs: Vec<NamedTensor<T>>,
    parameters: Vec<T>,
    /// One slice for each state, empty where the file gives none.
    initial_states: Vec<Vec<T>>,
    stretches: Stretches,
    /// `None` where the file asks for no gradient.
    gradients: Option<Gradients<T>>,
}

#[derive(Debug)]
struct Gradients<T> {
    outputs: Vec<Vec<T>>,
    final_states: Vec<Vec<T>>,
}

/// How names begin of what a run gives.
const ANSWERS: [&str; 5] = ["output.", "final.", "grad.input.", "grad.param.", "grad.state."];
/// How names begin that are of no parameter as `train` writes them.
const KINDS: [&str; 7] = ["output.", "final.", "grad.", "grad_", "input.", "state.", "param."];

/// Tensors of a file, taken out by name one after the other.
struct Tensors<T>(BTreeMap<String, NamedTensor<T>>);

impl<T> Tensors<T> {
    fn take(&mut self, kind: &str, name: &str) -> Option<NamedTensor<T>> {
        self.0.remove(&format!("{kind}.{name}"))
    }

    fn need(&mut self, kind: &str, name: &str) -> Result<NamedTensor<T>, Failure> {
        if let Some(tensor) = self.take(kind, name) {
            return Ok(tensor);
        }
        let lacking = format!("the data lack the tensor `{kind}.{name}`");
        let suffix = format!(".{name}");
        let others = self.0.keys().filter(|key| !KINDS.iter().any(|kind| key.starts_with(kind)));
        let alike = others.filter_map(|key| Some((key, key.strip_suffix(&suffix)?))).next();
        Err(Failure::data(match alike.filter(|_| kind == "param") {
            Some((key, prefix)) => {
                format!(
                    "{lacking}; `{key}` is read from a file that `--weights` and `--prefix {prefix}.` name"
                )
            }
            None => lacking,
        }))
    }
}

impl<T: Element> Data<T> {
    fn arrange(
        cell: &Cell,
        tensors: BTreeMap<String, NamedTensor<T>>,
        dims: Option<&Sizes>,
    ) -> Result<Self, Failure> {
        let mut tensors = Tensors(tensors);
        let mut solver = DimensionSolver::new(&cell.dimensions);
        if let Some(dims) = dims {
            solver.give(dims)?;
        }
        let mut extent = Extent::default();
        let mut inputs = Vec::with_capacity(cell.inputs.len());
        for variable in &cell.inputs {
            let tensor = tensors.need("input", &variable.name)?;
            extent.sequence(&mut solver, &tensor, &variable.shape)?;
            inputs.push(tensor);
        }
        let mut parameters = Vec::new();
        for variable in &cell.parameters {
            let tensor = tensors.need("param", &variable.name)?;
            solver.equate(&tensor.name, &variable.shape, &tensor.shape)?;
            parameters.extend_from_slice(&tensor.values);
        }
        let mut take_states = |kind: &str, extent: &mut Extent, solver: &mut DimensionSolver<'_>| {
            let mut states = Vec::with_capacity(cell.states.len());
            for state in &cell.states {
                let tensor = tensors.take(kind, &state.variable.name);
                if let Some(tensor) = &tensor {
                    extent.sample(solver, tensor, &state.variable.shape)?;
                }
                states.push(tensor);
            }
            Ok::<_, Failure>(states)
        };
        let initial = take_states("state", &mut extent, &mut solver)?;
        let finals = take_states("grad_final", &mut extent, &mut solver)?;
        let mut outputs = Vec::with_capacity(cell.outputs.len());
        for output in &cell.outputs {
            let tensor = tensors.take("grad_output", &output.name);
            if let Some(tensor) = &tensor {
                extent.sequence(&mut solver, tensor, output_shape(cell, output.value.0)?)?;
            }
            outputs.push(tensor);
        }
        let (lengths, resets) = (tensors.0.remove("lengths"), tensors.0.remove("resets"));
        if let Some(lengths) = &lengths {
            extent.sample(&mut solver, lengths, &Shape::Scalar)?;
        }
        if let Some(resets) = &resets {
            extent.sequence(&mut solver, resets, &Shape::Scalar)?;
        }
        let stretches = Stretches::read(lengths.as_ref(), resets.as_ref())?;
        refuse_unknown(&tensors.0)?;
        let sizes = solver.finish()?;
        let (steps, batch) = extent.finish()?;
        let states = |tensors: Vec<Option<NamedTensor<T>>>| {
            cell.states
                .iter()
                .zip(tensors)
                .map(|(state, tensor)| values(tensor, &state.variable.shape, &sizes, batch))
                .collect::<Result<Vec<_>, _>>()
        };
        let wanted = outputs.iter().chain(&finals).any(Option::is_some);
        let gradients = if wanted {
            let rows = steps.checked_mul(batch).ok_or_else(too_large)?;
            let outputs =
                cell.outputs.iter().zip(outputs).map(|(output, tensor)| {
                    values(tensor, output_shape(cell, output.value.0)?, &sizes, rows)
                });
            Some(Gradients { outputs: outputs.collect::<Result<_, _>>()?, final_states: states(finals)? })
        } else {
            None
        };
        let begin = |tensor: Option<NamedTensor<T>>| tensor.map(|tensor| tensor.values).unwrap_or_default();
        let initial_states = initial.into_iter().map(begin).collect();
        Ok(Self { steps, batch, inputs, parameters, initial_states, stretches, gradients, sizes })
    }
}

/// T and B, as far as they are known, with the tensor that told them.
#[derive(Debug, Default)]
struct Extent {
    steps: Option<(usize, String)>,
    batch: Option<(usize, String)>,
}

impl Extent {
    /// A tensor `[T, B, …]`.
    fn sequence<T>(
        &mut self,
        solver: &mut DimensionSolver<'_>,
        tensor: &NamedTensor<T>,
        shape: &Shape,
    ) -> Result<(), Failure> {
        let [steps, batch, axes @ ..] = tensor.shape.as_slice() else {
            return Err(Failure::data(format!(
                "`{}` must be [T, B, …], it is {:?}",
                tensor.name, tensor.shape
            )));
        };
        agree("steps", &mut self.steps, *steps, &tensor.name)?;
        agree("samples", &mut self.batch, *batch, &tensor.name)?;
        solver.equate(&tensor.name, shape, axes)
    }

    /// A tensor `[B, …]`.
    fn sample<T>(
        &mut self,
        solver: &mut DimensionSolver<'_>,
        tensor: &NamedTensor<T>,
        shape: &Shape,
    ) -> Result<(), Failure> {
        let [batch, axes @ ..] = tensor.shape.as_slice() else {
            return Err(Failure::data(format!("`{}` must be [B, …], it is {:?}", tensor.name, tensor.shape)));
        };
        agree("samples", &mut self.batch, *batch, &tensor.name)?;
        solver.equate(&tensor.name, shape, axes)
    }

    fn finish(self) -> Result<(usize, usize), Failure> {
        match (self.steps, self.batch) {
            (Some((steps, _)), Some((batch, _))) => Ok((steps, batch)),
            _ => Err(Failure::data(
                "no tensor tells the number of steps: the cell has no input, so give `grad_output.N`"
                    .to_owned(),
            )),
        }
    }
}

fn agree(what: &str, known: &mut Option<(usize, String)>, found: usize, name: &str) -> Result<(), Failure> {
    match known {
        Some((size, first)) if *size != found => {
            Err(Failure::data(format!("`{first}` has {size} {what}, `{name}` has {found}")))
        }
        Some(_) => Ok(()),
        None => {
            *known = Some((found, name.to_owned()));
            Ok(())
        }
    }
}

/// The answers a reference file holds are no part of the data; anything else that is left is a mistake.
fn refuse_unknown<T>(rest: &BTreeMap<String, NamedTensor<T>>) -> Result<(), Failure> {
    let unknown: Vec<&str> = rest
        .keys()
        .filter(|name| !ANSWERS.iter().any(|kind| name.starts_with(kind)))
        .map(String::as_str)
        .collect();
    if unknown.is_empty() {
        return Ok(());
    }
    Err(Failure::data(format!("the cell has nothing for the tensors {}", unknown.join(", "))))
}

fn output_shape(cell: &Cell, term: u32) -> Result<&Shape, Failure> {
    let term = cell.terms.get(term as usize);
    term.map(|term| &term.shape).ok_or_else(|| Failure::data("an output without a value".to_owned()))
}

/// The values of a tensor, or as many zeros.
fn values<T: Element>(
    tensor: Option<NamedTensor<T>>,
    shape: &Shape,
    sizes: &[usize],
    rows: usize,
) -> Result<Vec<T>, Failure> {
    if let Some(tensor) = tensor {
        return Ok(tensor.values);
    }
    let elements = shape
        .sizes(sizes)
        .and_then(|axes| axes.iter().try_fold(rows, |product, &axis| product.checked_mul(axis)))
        .ok_or_else(too_large)?;
    zeros(elements)
}

fn answer<T: Element>(
    arguments: &Arguments,
    cell: &Cell,
    compiled: &CompiledCell<T>,
    data: &Data<T>,
) -> Result<Vec<NamedTensor<T>>, Failure> {
    let layout = compiled.layout();
    let (steps, batch) = (data.steps, data.batch);
    let rows = steps.checked_mul(batch).ok_or_else(too_large)?;
    let inputs: Vec<&[T]> = data.inputs.iter().map(|tensor| tensor.values.as_slice()).collect();
    let mut outputs = buffers(layout.outputs.iter().map(|port| port.size), rows)?;
    let mut final_states = buffers(layout.states.iter().map(|port| port.size), batch)?;
    let mut workspace = Workspace::default();
    let keep = match (&data.gradients, arguments.memory) {
        (None, _) => Keep::Nothing,
        (Some(_), None) => Keep::Tape,
        (Some(_), Some(bytes)) => Keep::Checkpoints { bytes },
    };
    compiled.forward(
        Forward {
            steps,
            batch,
            sequences: data.stretches.sequences(arguments.reverse),
            parameters: &data.parameters,
            inputs: &inputs,
            initial_states: &views(&data.initial_states),
            outputs: &mut views_mut(&mut outputs),
            final_states: &mut views_mut(&mut final_states),
        },
        keep,
        &mut workspace,
    )?;

    let mut answer = Answer { sizes: &data.sizes, steps, batch, tensors: Vec::new() };
    for (output, values) in cell.outputs.iter().zip(outputs) {
        answer.sequence("output", &output.name, output_shape(cell, output.value.0)?, values)?;
    }
    // Those that the compiler made for a delay too: the next part of a sequence begins with them.
    for (state, values) in cell.states.iter().zip(final_states) {
        answer.sample("final", &state.variable.name, &state.variable.shape, values)?;
    }
    let Some(gradients) = &data.gradients else {
        return Ok(answer.tensors);
    };

    let mut parameter_gradients = zeros(layout.parameters.length())?;
    let mut input_gradients = buffers(layout.inputs.iter().map(|port| port.size), rows)?;
    let mut state_gradients = buffers(layout.states.iter().map(|port| port.size), batch)?;
    compiled.backward(
        Backward {
            parameters: &data.parameters,
            inputs: &inputs,
            output_gradients: &views(&gradients.outputs),
            final_state_gradients: &views(&gradients.final_states),
            parameter_gradients: &mut parameter_gradients,
            input_gradients: &mut views_mut(&mut input_gradients),
            initial_state_gradients: &mut views_mut(&mut state_gradients),
        },
        &mut workspace,
    )?;
    for (variable, values) in cell.inputs.iter().zip(input_gradients) {
        answer.sequence("grad.input", &variable.name, &variable.shape, values)?;
    }
    for entry in layout.parameters.entries().iter().filter(|entry| !entry.frozen) {
        let values = parameter_gradients.get(entry.offset..entry.offset + entry.length()).unwrap_or_default();
        answer.tensors.push(NamedTensor {
            name: format!("grad.param.{}", entry.name),
            shape: entry.shape.clone(),
            values: values.to_vec(),
        });
    }
    for (state, values) in cell.states.iter().zip(state_gradients) {
        answer.sample("grad.state", &state.variable.name, &state.variable.shape, values)?;
    }
    Ok(answer.tensors)
}

/// Tensors to be written.
struct Answer<'a, T> {
    sizes: &'a [usize],
    steps: usize,
    batch: usize,
    tensors: Vec<NamedTensor<T>>,
}

impl<T> Answer<'_, T> {
    fn sequence(&mut self, kind: &str, name: &str, shape: &Shape, values: Vec<T>) -> Result<(), Failure> {
        self.push(kind, name, vec![self.steps, self.batch], shape, values)
    }

    fn sample(&mut self, kind: &str, name: &str, shape: &Shape, values: Vec<T>) -> Result<(), Failure> {
        self.push(kind, name, vec![self.batch], shape, values)
    }

    fn push(
        &mut self,
        kind: &str,
        name: &str,
        mut axes: Vec<usize>,
        shape: &Shape,
        values: Vec<T>,
    ) -> Result<(), Failure> {
        axes.extend(shape.sizes(self.sizes).ok_or_else(too_large)?);
        self.tensors.push(NamedTensor { name: format!("{kind}.{name}"), shape: axes, values });
        Ok(())
    }
}
