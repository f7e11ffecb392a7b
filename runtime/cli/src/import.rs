//! `gatewright import`: recurrent layers of other frameworks as files of equations and files of weights.
//!
//! Each direction of each layer is two files of one name: `NAME.md`, which every subcommand takes, and
//! `NAME.safetensors`, which `run --weights` takes: `param.N`, and `state.N` where the model says where states begin.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use gatewright::Element;
use gatewright::parameters::{Conversion, NamedTensor, tensors_from_bytes, write_atomically, write_tensors};
use gatewright::weights::onnx::{Choices, Given, Model, Reading};
use gatewright::weights::{Activation, Direction, Imported, Layer, keras, onnx, pytorch};

use crate::arguments::Precision;
use crate::failure::Failure;
use crate::print::{answer_line, message};

/// Frameworks by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Framework {
    /// A state_dict, in a file of torch.save or a safetensors file
    Pytorch,
    /// A model (.keras, or an older .h5), or its weights: a file of save_weights (.weights.h5), or a safetensors file with
    /// the path of each
    Keras,
    /// RNN, LSTM and GRU nodes of a model
    Onnx,
}

/// Whose reading counts where ONNX and ONNX Runtime part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReadingName {
    /// The specification
    Specification,
    /// ONNX Runtime: does not clip an LSTM's memory on its way out
    Runtime,
}

impl From<ReadingName> for Reading {
    fn from(name: ReadingName) -> Self {
        match name {
            ReadingName::Specification => Self::Specification,
            ReadingName::Runtime => Self::Runtime,
        }
    }
}

/// Take recurrent layers from PyTorch, Keras or ONNX: equations and weights of each
#[derive(Args, Debug)]
#[command(after_help = "Writes NAME.md and NAME.safetensors for each layer and direction. To run one:\n  \
    gatewright run NAME.md --weights NAME.safetensors --data IN --out OUT")]
pub(crate) struct Arguments {
    /// The file: what `torch.save(model.state_dict(), FILE)` or Keras's `model.save(FILE)` wrote, ONNX, or
    /// safetensors (PyTorch: `save_file(model.state_dict(), FILE)`; Keras: `save_file({w.path: numpy.array(w) for w in
    /// model.weights}, FILE)`)
    file: PathBuf,
    /// Where the file comes from
    #[arg(long, value_enum)]
    from: Framework,
    /// Folder to write to; made where it is missing
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// PyTorch: `nonlinearity` of every nn.RNN; Keras: `activation` of every layer. Default as there: tanh
    #[arg(long, value_name = "NAME")]
    activation: Option<String>,
    /// PyTorch: the entry of the file that is the state_dict, where it holds more
    #[arg(long, value_name = "NAME")]
    key: Option<String>,
    /// Keras: `recurrent_activation` of LSTM and GRU. Default as there: sigmoid
    #[arg(long, value_name = "NAME")]
    recurrent_activation: Option<String>,
    /// Keras: `reset_after` of every GRU, which one without bias does not tell
    #[arg(long, value_name = "BOOL")]
    reset_after: Option<bool>,
    /// ONNX: whose reading counts where they part. Default: specification
    #[arg(long, value_enum)]
    reading: Option<ReadingName>,
    /// Precision of the weights to write; f64 is rounded where f32 is asked for
    #[arg(long, value_enum, default_value_t = Precision::F32)]
    dtype: Precision,
}

impl Arguments {
    /// Refuses options of another framework.
    fn check(&self) -> Result<(), Failure> {
        let options = [
            ("--activation", self.activation.is_some(), self.from != Framework::Onnx),
            ("--key", self.key.is_some(), self.from == Framework::Pytorch),
            ("--recurrent-activation", self.recurrent_activation.is_some(), self.from == Framework::Keras),
            ("--reset-after", self.reset_after.is_some(), self.from == Framework::Keras),
            ("--reading", self.reading.is_some(), self.from == Framework::Onnx),
        ];
        for (option, given, allowed) in options {
            if given && !allowed {
                return Err(Failure::usage(format!("{option} says nothing of a file of this framework")));
            }
        }
        Ok(())
    }
}

/// f64 is rounded where f32 is asked for.
const CONVERSION: Conversion = Conversion::Round;

/// Runs the subcommand.
pub(crate) fn import(arguments: &Arguments) -> Result<(), Failure> {
    arguments.check()?;
    match arguments.dtype {
        Precision::F32 => import_in::<f32>(arguments),
        Precision::F64 => import_in::<f64>(arguments),
    }
}

/// A layer with the states it begins in and what else is to be said of it.
struct Part<T> {
    layer: Layer<T>,
    states: Vec<NamedTensor<T>>,
    remarks: Vec<String>,
}

fn import_in<T: Element>(arguments: &Arguments) -> Result<(), Failure> {
    let named = |name: &Option<String>| name.as_deref().map(keras::activation).transpose();
    let bytes = fs::read(&arguments.file).map_err(|error| Failure::file(&arguments.file, &error))?;
    let alone = |imported: Imported<T>| {
        let part = |layer| Part { layer, states: Vec::new(), remarks: Vec::new() };
        (imported.layers.into_iter().map(part).collect(), imported.rest)
    };
    let (parts, rest) = match arguments.from {
        Framework::Onnx => {
            let reading = arguments.reading.map(Reading::from).unwrap_or_default();
            parts_of(onnx::import::<T>(&bytes, Choices { conversion: CONVERSION, reading })?)
        }
        Framework::Pytorch => {
            let tensors = if pytorch::is_file(&bytes) {
                pytorch::state_dict::<T>(&bytes, CONVERSION, arguments.key.as_deref())?
            } else if arguments.key.is_some() {
                return Err(Failure::usage(
                    "--key is for files of torch.save: a safetensors file has one dictionary",
                ));
            } else {
                tensors_from_bytes::<T>(&bytes, CONVERSION)?
            };
            let activation = named(&arguments.activation)?.unwrap_or(Activation::Tanh);
            alone(pytorch::import(&tensors, activation)?)
        }
        Framework::Keras => {
            let choices = keras::Arguments {
                activation: named(&arguments.activation)?,
                recurrent_activation: named(&arguments.recurrent_activation)?,
                reset_after: arguments.reset_after,
            };
            alone(if keras::is_file(&bytes) {
                keras::import_file::<T>(&bytes, CONVERSION, &choices)?
            } else {
                keras::import(&tensors_from_bytes::<T>(&bytes, CONVERSION)?, &choices)?
            })
        }
    };
    fs::create_dir_all(&arguments.out).map_err(|error| Failure::file(&arguments.out, &error))?;
    let mut taken = BTreeMap::new();
    for part in parts {
        let name = file_name(&part.layer, &mut taken);
        write(&arguments.out, &name, part)?;
    }
    if !rest.is_empty() {
        message(format_args!("left alone, as no part of a recurrent layer: {}\n", rest.join(", ")));
    }
    Ok(())
}

fn parts_of<T: Element>(model: Model<T>) -> (Vec<Part<T>>, Vec<String>) {
    let mut parts = Vec::new();
    for node in model.nodes {
        let mut remarks = Vec::new();
        if node.batch_major {
            remarks.push("there the batch comes before time".to_owned());
        }
        match &node.lengths {
            Given::Nothing => {}
            Given::Constant(lengths) => remarks.push(format!("sequences have {lengths:?} steps")),
            Given::Value(name) => remarks.push(format!("`{name}` gives the steps of each sequence")),
        }
        for (at, layer) in node.layers.into_iter().enumerate() {
            let (mut states, mut remarks) = (Vec::new(), remarks.clone());
            for (state, given) in [("h", &node.initial_h), ("c", &node.initial_c)] {
                match given {
                    Given::Nothing => {}
                    Given::Constant(values) => {
                        let name = format!("state.{state}");
                        states.extend(values.get(at).map(|tensor| NamedTensor { name, ..tensor.clone() }));
                    }
                    Given::Value(name) => remarks.push(format!("`{name}` gives the first `{state}`")),
                }
            }
            parts.push(Part { layer, states, remarks });
        }
    }
    (parts, model.rest)
}

/// A name for the files of a layer: of letters that every system takes, and none that has been taken.
fn file_name<T>(layer: &Layer<T>, taken: &mut BTreeMap<String, usize>) -> String {
    let safe = |letter: char| if letter.is_ascii_alphanumeric() || letter == '-' { letter } else { '_' };
    let module: String = layer.name.chars().take(100).map(safe).collect();
    let module = if module.is_empty() { "layer" } else { &module };
    let direction = if layer.direction == Direction::Reverse { "_reverse" } else { "" };
    let name = format!("{module}_l{}{direction}", layer.index);
    let count = taken.entry(name.to_lowercase()).or_insert(0);
    *count += 1;
    // A name with a point is none of those above.
    if *count == 1 { name } else { format!("{name}.{count}") }
}

fn write<T: Element>(folder: &Path, name: &str, part: Part<T>) -> Result<(), Failure> {
    let Part { layer, states, mut remarks } = part;
    let equations = folder.join(format!("{name}.md"));
    write_atomically(&equations, layer.form.text().as_bytes())
        .map_err(|error| Failure::file(&equations, &error))?;
    let parameters = layer.tensors.iter().map(|tensor| NamedTensor {
        name: format!("param.{}", tensor.name),
        shape: tensor.shape.clone(),
        values: tensor.values.clone(),
    });
    let tensors: Vec<NamedTensor<T>> = parameters.chain(states).collect();
    write_tensors(&folder.join(format!("{name}.safetensors")), &tensors, &[])?;
    if layer.direction == Direction::Reverse {
        remarks.insert(0, "time runs backwards".to_owned());
    }
    let sizes: Vec<String> =
        layer.form.dimensions(layer.sizes).iter().map(|(name, size)| format!("{name} = {size}")).collect();
    let remarks: String = remarks.iter().map(|remark| format!("; {remark}")).collect();
    answer_line!("{}: {}{remarks}", equations.display(), sizes.join(", "))
}
