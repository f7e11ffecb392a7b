//! The files that Keras writes: `model.save("….keras")` and `model.save_weights("….weights.h5")` of Keras 3, and the
//! older `….h5`.
//!
//! ```text
//! layers/lstm/vars  @name = first             .weights.h5: where a variable lies is no name, so the names of the
//! layers/lstm/cell/vars  @name = lstm_cell    layers are put in its place; variables of a cell have numbers
//! layers/lstm/cell/vars/0, 1, 2               kernel, recurrent_kernel, bias
//!
//! @model_config = {…}                         .h5: the arguments of each layer, where the whole model was saved
//! model_weights/first  @weight_names = …      names of variables begin behind this group
//! model_weights/first/…/lstm_cell/kernel
//!
//! config.json, model.weights.h5               .keras: an archive of a model's configuration and weights
//! ```
//!
//! What `model_config` says of a layer counts; a choice of the caller that contradicts it is an error, and so is what
//! equations cannot say. Files are untrusted: external files are not followed, and no group is entered twice.

use std::collections::{BTreeMap, BTreeSet};

use gatewright_compiler::operator::real::Real;
use hdf5_reader::group::Group;
use hdf5_reader::{Dataset, Datatype, Hdf5File};
use safetensors::tensor::Dtype;
use serde_json::Value;

use super::{Arguments, activation, import_each};
use crate::parameters::{Conversion, NamedTensor, TensorFileError, stored_numbers};
use crate::weights::archive::{self, Archive};
use crate::weights::{Activation, Imported, Tensors, WeightError};

/// Whether bytes are those of such a file, by how they begin.
#[must_use]
pub fn is_file(bytes: &[u8]) -> bool {
    bytes.starts_with(archive::MAGIC) || bytes.starts_with(MAGIC)
}

/// What a file of HDF5 begins with.
const MAGIC: &[u8] = b"\x89HDF\r\n\x1a\n";
/// What the file should have been.
const FORMAT: &str = "Keras";

/// The cells of Keras: beginnings of the names that their layers give them.
const CELLS: [&str; 3] = ["lstm_cell", "gru_cell", "simple_rnn_cell"];
/// Their variables, in the order of their numbers.
const VARIABLES: [&str; 3] = ["kernel", "recurrent_kernel", "bias"];
/// The layers they are in.
const LAYERS: [&str; 3] = ["LSTM", "GRU", "SimpleRNN"];

/// Takes the recurrent layers of a file; `arguments` where the file does not tell how its layers were made.
///
/// # Errors
///
/// Bytes that are no such file, arguments that contradict it, what `conversion` does not allow, and as
/// [`super::import`].
pub fn import_file<T: Real>(
    bytes: &[u8],
    conversion: Conversion,
    arguments: &Arguments,
) -> Result<Imported<T>, WeightError> {
    if !bytes.starts_with(archive::MAGIC) {
        return import_told(bytes, None, conversion, arguments);
    }
    let mut archive = Archive::open(bytes, FORMAT)?;
    let config = archive.read("config.json")?;
    let weights = archive.read("model.weights.h5")?;
    let config = String::from_utf8(config).map_err(|error| problem(&format!("config.json: {error}")))?;
    import_told(&weights, Some(config), conversion, arguments)
}

/// From the HDF5 file alone, and what is said of the model beside it.
fn import_told<T: Real>(
    bytes: &[u8],
    config: Option<String>,
    conversion: Conversion,
    arguments: &Arguments,
) -> Result<Imported<T>, WeightError> {
    let opened = Hdf5File::from_bytes(bytes).map_err(file)?;
    let root = opened.root_group().map_err(file)?;
    let tensors = Walk::default().tensors(root.clone(), conversion)?;
    let config = match config {
        None => attribute(&root, "model_config")?,
        config => config,
    };
    let Some(text) = config else {
        return super::import(&tensors, arguments);
    };
    let config: Value = serde_json::from_str(&text)
        .map_err(|error| problem(&format!("the configuration of the model: {error}")))?;
    let told = layers_told(&config);
    import_each(&tensors, |prefix| told_arguments(&told, prefix, arguments))
}

fn file(error: impl std::fmt::Display) -> WeightError {
    problem(&error.to_string())
}

fn problem(problem: &str) -> WeightError {
    WeightError::File { format: FORMAT, problem: problem.to_owned() }
}

/// The text of an attribute; none where there is none.
fn attribute(group: &Group, name: &str) -> Result<Option<String>, WeightError> {
    let attributes = group.attributes().map_err(file)?;
    let found = attributes.into_iter().find(|attribute| attribute.name == name);
    found.map(|attribute| attribute.read_string().map_err(file)).transpose()
}

/// A way through the groups of a file.
#[derive(Default)]
struct Walk {
    seen: BTreeSet<u64>,
}

/// A group that is yet to be looked at.
struct Place {
    group: Group,
    /// What stands before the names of its variables, with a slash.
    prefix: String,
}

impl Walk {
    fn tensors<T: Real>(mut self, root: Group, conversion: Conversion) -> Result<Tensors<T>, WeightError> {
        let mut tensors = Tensors::new();
        let mut open = vec![Place { group: root, prefix: String::new() }];
        while let Some(Place { group, prefix }) = open.pop() {
            if !self.seen.insert(group.address()) {
                continue;
            }
            let own = |name: &str| attribute(&group, name);
            let numbered = own("name")?;
            let (groups, datasets) = group.members().map_err(file)?;
            for dataset in datasets {
                let variable = variable(dataset.name(), numbered.as_deref(), &group);
                let name = format!("{prefix}{variable}");
                let tensor = tensor(&dataset, name.clone(), conversion)?;
                if tensors.insert(name.clone(), tensor).is_some() {
                    return Err(problem(&format!("two variables are called `{name}`")));
                }
            }
            for inner in groups {
                let prefix = inner_prefix(&group, &inner, &prefix)?;
                open.push(Place { group: inner, prefix });
            }
        }
        Ok(tensors)
    }
}

/// What stands before the names of a group's variables, given what stands before those of the group around it.
fn inner_prefix(around: &Group, inner: &Group, prefix: &str) -> Result<String, WeightError> {
    if has(inner, "weight_names")? {
        return Ok(String::new());
    }
    // The variables of the object around it, and the layers of the model.
    if (inner.name() == "vars" && around.name() != "vars") || (inner.name() == "layers" && prefix.is_empty())
    {
        return Ok(prefix.to_owned());
    }
    // The object that this group is, by its own name where it says one.
    let name = inner.group("vars").ok().map(|vars| attribute(&vars, "name")).transpose()?.flatten();
    Ok(format!("{prefix}{}/", name.as_deref().unwrap_or(inner.name())))
}

/// Whether a group has an attribute, of whatever type.
fn has(group: &Group, name: &str) -> Result<bool, WeightError> {
    Ok(group.attributes().map_err(file)?.iter().any(|attribute| attribute.name == name))
}

/// The name of a variable: that of its data, or by its number where they are those of a cell.
fn variable(name: &str, owner: Option<&str>, group: &Group) -> String {
    let of_cell =
        group.name() == "vars" && owner.is_some_and(|owner| CELLS.iter().any(|cell| owner.starts_with(cell)));
    let number = name.parse::<usize>().ok().filter(|_| of_cell);
    number.and_then(|number| VARIABLES.get(number)).map_or_else(|| name.to_owned(), |name| (*name).to_owned())
}

fn tensor<T: Real>(
    dataset: &Dataset,
    name: String,
    conversion: Conversion,
) -> Result<NamedTensor<T>, WeightError> {
    let dtype = match dataset.dtype() {
        Datatype::FloatingPoint { size: 2, .. } => Dtype::F16,
        Datatype::FloatingPoint { size: 4, .. } => Dtype::F32,
        Datatype::FloatingPoint { size: 8, .. } => Dtype::F64,
        Datatype::FixedPoint { size: 1, signed: true, .. } => Dtype::I8,
        Datatype::FixedPoint { size: 2, signed: true, .. } => Dtype::I16,
        Datatype::FixedPoint { size: 4, signed: true, .. } => Dtype::I32,
        Datatype::FixedPoint { size: 8, signed: true, .. } => Dtype::I64,
        Datatype::FixedPoint { size: 1, signed: false, .. } => Dtype::U8,
        Datatype::FixedPoint { size: 2, signed: false, .. } => Dtype::U16,
        Datatype::FixedPoint { size: 4, signed: false, .. } => Dtype::U32,
        Datatype::FixedPoint { size: 8, signed: false, .. } => Dtype::U64,
        other => return Err(TensorFileError::ElementType { name, found: format!("{other:?}") }.into()),
    };
    let shape = dataset.shape().iter().map(|&axis| usize::try_from(axis)).collect::<Result<Vec<_>, _>>();
    let shape = shape.map_err(file)?;
    let mut data = dataset.read_native_bytes().map_err(file)?;
    if cfg!(target_endian = "big") {
        data.chunks_exact_mut(dtype.bitsize() / 8).for_each(<[u8]>::reverse);
    }
    let values = stored_numbers(&name, dtype, &data, conversion)?;
    if shape.iter().try_fold(1_usize, |product, &axis| product.checked_mul(axis)) != Some(values.len()) {
        return Err(TensorFileError::Extent { name, shape, bytes: data.len() }.into());
    }
    Ok(NamedTensor { name, shape, values })
}

/// The configurations of all recurrent layers by name.
fn layers_told(config: &Value) -> BTreeMap<String, &Value> {
    let mut told = BTreeMap::new();
    let mut open = vec![config];
    while let Some(value) = open.pop() {
        match value {
            Value::Array(values) => open.extend(values),
            Value::Object(fields) => {
                let class = fields.get("class_name").and_then(Value::as_str);
                if let Some(own) =
                    fields.get("config").filter(|_| class.is_some_and(|class| LAYERS.contains(&class)))
                    && let Some(name) = own.get("name").and_then(Value::as_str)
                {
                    told.insert(name.to_owned(), own);
                }
                open.extend(fields.values());
            }
            _ => {}
        }
    }
    told
}

/// How the layer was made whose variables stand behind `prefix`.
fn told_arguments(
    told: &BTreeMap<String, &Value>,
    prefix: &str,
    arguments: &Arguments,
) -> Result<Arguments, WeightError> {
    // The layer's own part of the path is the innermost that has a configuration; Keras 2 put the direction before it.
    let found = prefix.split('/').rev().find_map(|part| {
        let bare = part.strip_prefix("forward_").or_else(|| part.strip_prefix("backward_"));
        [Some(part), bare].into_iter().flatten().find_map(|name| Some((part, *told.get(name)?)))
    });
    let refuse = |attribute: &str, problem: String| {
        let node = prefix.trim_end_matches('/').to_owned();
        WeightError::Attribute { node, attribute: attribute.to_owned(), problem }
    };
    let Some((part, config)) = found else {
        return Err(refuse("model_config", "it says nothing of this layer".to_owned()));
    };
    let turned = config.get("go_backwards").and_then(Value::as_bool).unwrap_or(false);
    if turned && !part.starts_with("backward_") {
        return Err(refuse(
            "go_backwards",
            "a layer that turns its sequence round is not supported".to_owned(),
        ));
    }
    let function = |key: &'static str,
                    given: Option<Activation>|
     -> Result<Option<Activation>, WeightError> {
        let said = match config.get(key) {
            None => return Ok(given),
            Some(Value::String(name)) => activation(name).map_err(|error| refuse(key, error.to_string()))?,
            Some(other) => return Err(refuse(key, format!("{other} is not supported"))),
        };
        match given {
            Some(given) if given != said => {
                Err(refuse(key, "the file says another than was asked for".to_owned()))
            }
            _ => Ok(Some(said)),
        }
    };
    let said = config.get("reset_after").and_then(Value::as_bool);
    let reset_after = match (said, arguments.reset_after) {
        (Some(said), Some(given)) if said != given => {
            return Err(refuse("reset_after", "the file says another than was asked for".to_owned()));
        }
        (said, given) => said.or(given),
    };
    Ok(Arguments {
        activation: function("activation", arguments.activation)?,
        recurrent_activation: function("recurrent_activation", arguments.recurrent_activation)?,
        reset_after,
    })
}
