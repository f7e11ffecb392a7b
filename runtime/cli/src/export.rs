//! `gatewright export`: weights of a cell as those of a layer of another framework.

use std::path::PathBuf;

use clap::Args;
use gatewright::Element;
use gatewright::parameters::{Conversion, NamedTensor, read_tensors, write_atomically, write_tensors};
use gatewright::weights::onnx::Reading;
use gatewright::weights::{Direction, Tensors, keras, onnx, pytorch, recognise};

use crate::arguments::{Precision, SourceArguments};
use crate::failure::Failure;
use crate::import::Framework;
use crate::print::answer_line;
use crate::session::Checked;

/// Give the weights of a cell that PyTorch, Keras or ONNX has to that framework
#[derive(Args, Debug)]
#[command(
    after_help = "The cell is known by its equations, whatever the names in them: a network with tanh or \
    relu, an LSTM, a GRU. PyTorch: load_state_dict(load_file(OUT)); Keras: assign each variable; ONNX: a model \
    of one node."
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    source: SourceArguments,
    /// Weights, as `import` and `train` write them
    #[arg(long, value_name = "FILE")]
    weights: PathBuf,
    /// What stands before the names of the parameters in that file: `cell.` in one that `train` wrote
    #[arg(long, value_name = "TEXT", default_value = "param.")]
    prefix: String,
    /// Whose layer
    #[arg(long, value_enum)]
    to: Framework,
    /// Where to write: safetensors, or a model
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Name of the module, layer or node
    #[arg(long, value_name = "NAME", default_value = "")]
    name: String,
    /// PyTorch: number of the layer in its module. Default: 0
    #[arg(long, value_name = "NUMBER")]
    layer: Option<usize>,
    /// PyTorch and ONNX: the direction from the last step to the first
    #[arg(long)]
    reverse: bool,
    /// Precision to write
    #[arg(long, value_enum, default_value_t = Precision::F32)]
    dtype: Precision,
}

/// The tensors whose names begin so, by the rest of their names.
pub(crate) fn with_prefix<T>(tensors: Tensors<T>, prefix: &str) -> Result<Tensors<T>, Failure> {
    let (found, others): (Vec<_>, Vec<_>) =
        tensors.into_iter().partition(|(name, _)| name.starts_with(prefix));
    if found.is_empty() {
        let others: Vec<String> =
            others.into_iter().take(NAMES).map(|(name, _)| format!("`{name}`")).collect();
        let others = if others.is_empty() { "none".to_owned() } else { others.join(", ") };
        return Err(Failure::data(format!(
            "no tensor of the weights is named `{prefix}…` (--prefix TEXT); there are {others}"
        )));
    }
    let stripped = |(name, tensor): (String, NamedTensor<T>)| {
        let name = name[prefix.len()..].to_owned();
        (name.clone(), NamedTensor { name, ..tensor })
    };
    Ok(found.into_iter().map(stripped).collect())
}

/// As many names are listed in a message.
const NAMES: usize = 8;

/// Runs the subcommand.
pub(crate) fn export(arguments: &Arguments) -> Result<(), Failure> {
    if arguments.layer.is_some() && arguments.to != Framework::Pytorch {
        return Err(Failure::usage("--layer says nothing of a layer of this framework"));
    }
    if arguments.reverse && arguments.to == Framework::Keras {
        return Err(Failure::usage("--reverse says nothing of a layer of Keras: its name does"));
    }
    match arguments.dtype {
        Precision::F32 => export_in::<f32>(arguments),
        Precision::F64 => export_in::<f64>(arguments),
    }
}

fn export_in<T: Element>(arguments: &Arguments) -> Result<(), Failure> {
    let checked = Checked::read(&arguments.source)?;
    checked.print_findings();
    let weights = &arguments.weights;
    let tensors = read_tensors::<T>(weights, Conversion::Round).map_err(Failure::in_file(weights))?;
    let tensors = with_prefix(tensors, &arguments.prefix)?;
    let mut layer = recognise(&checked.cell, &tensors)?;
    layer.name.clone_from(&arguments.name);
    layer.index = arguments.layer.unwrap_or(0);
    if arguments.reverse {
        layer.direction = Direction::Reverse;
    }
    let out = &arguments.out;
    match arguments.to {
        Framework::Pytorch => write_tensors(out, &pytorch::export(&layer)?, &[])?,
        Framework::Keras => {
            let exported = keras::export(&layer)?;
            write_tensors(out, &exported.tensors, &[])?;
            let named = |activation| keras::activation_name(activation).unwrap_or_default();
            let keras::Arguments { activation, recurrent_activation, reset_after } = exported.arguments;
            let of_layer: Vec<String> = [
                activation.map(|activation| format!("activation={}", named(activation))),
                recurrent_activation.map(|gate| format!("recurrent_activation={}", named(gate))),
                reset_after.map(|after| format!("reset_after={}", if after { "True" } else { "False" })),
                (!layer.form.bias).then(|| "use_bias=False".to_owned()),
            ]
            .into_iter()
            .flatten()
            .collect();
            answer_line!("for a layer with {}", of_layer.join(", "))?;
        }
        Framework::Onnx => {
            let bytes = onnx::export(&[layer], Reading::Specification)?;
            write_atomically(out, &bytes).map_err(|error| Failure::file(out, &error))?;
        }
    }
    Ok(())
}
