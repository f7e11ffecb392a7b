//! Constant tensors of a model.

use gatewright_compiler::operator::real::Real;

use super::message::{TensorProto, data_type};
use crate::parameters::{Conversion, NamedTensor, TensorFileError};
use crate::weights::error::WeightError;

/// What `data_type` is called, for messages.
fn type_name(data_type: i32) -> String {
    let names = [
        "UNDEFINED",
        "FLOAT",
        "UINT8",
        "INT8",
        "UINT16",
        "INT16",
        "INT32",
        "INT64",
        "STRING",
        "BOOL",
        "FLOAT16",
        "DOUBLE",
        "UINT32",
        "UINT64",
        "COMPLEX64",
        "COMPLEX128",
        "BFLOAT16",
    ];
    let name = usize::try_from(data_type).ok().and_then(|index| names.get(index));
    name.map_or_else(|| format!("type {data_type}"), |name| (*name).to_owned())
}

/// The shape of a tensor whose numbers are in the model, as a whole.
fn shape_of(tensor: &TensorProto) -> Result<Vec<usize>, WeightError> {
    // 1 is EXTERNAL.
    if tensor.data_location != 0 || !tensor.external_data.is_empty() {
        return Err(WeightError::ExternalData { tensor: tensor.name.clone() });
    }
    let problem = |what: &str| WeightError::Model { problem: format!("tensor `{}` {what}", tensor.name) };
    if tensor.segment.is_some() {
        return Err(problem("is one segment of a larger one"));
    }
    let axes = tensor.dims.iter().map(|&axis| usize::try_from(axis));
    axes.collect::<Result<_, _>>().map_err(|_| problem("has a negative size"))
}

fn checked<T>(
    tensor: &TensorProto,
    shape: Vec<usize>,
    values: Vec<T>,
) -> Result<NamedTensor<T>, WeightError> {
    let elements = shape.iter().try_fold(1_usize, |product, &axis| product.checked_mul(axis));
    if elements != Some(values.len()) {
        let bytes = values.len().saturating_mul(size_of::<T>());
        return Err(TensorFileError::Extent { name: tensor.name.clone(), shape, bytes }.into());
    }
    Ok(NamedTensor { name: tensor.name.clone(), shape, values })
}

/// The bytes of `raw_data` in words of `N`; a rest makes the tensor one of no shape.
fn words<const N: usize>(tensor: &TensorProto, raw: &[u8]) -> Result<Vec<[u8; N]>, WeightError> {
    let (words, rest) = raw.as_chunks::<N>();
    if rest.is_empty() {
        return Ok(words.to_vec());
    }
    let problem = format!("tensor `{}` has {} bytes, not a multiple of {N}", tensor.name, raw.len());
    Err(WeightError::Model { problem })
}

/// The numbers of a `FLOAT` or `DOUBLE` tensor.
pub(super) fn numbers<T: Real>(
    tensor: &TensorProto,
    conversion: Conversion,
) -> Result<NamedTensor<T>, WeightError> {
    let shape = shape_of(tensor)?;
    let raw = tensor.raw_data.as_deref();
    let values: Vec<T> = match tensor.data_type {
        data_type::FLOAT => {
            let floats = match raw {
                Some(raw) => words(tensor, raw)?.into_iter().map(f32::from_le_bytes).collect(),
                None => tensor.float_data.clone(),
            };
            floats.into_iter().map(|value| T::from_f64(value.into())).collect()
        }
        data_type::DOUBLE if T::BITS == 32 && conversion == Conversion::Exact => {
            return Err(TensorFileError::WouldRound { name: tensor.name.clone() }.into());
        }
        data_type::DOUBLE => {
            let doubles = match raw {
                Some(raw) => words(tensor, raw)?.into_iter().map(f64::from_le_bytes).collect(),
                None => tensor.double_data.clone(),
            };
            doubles.into_iter().map(T::from_f64).collect()
        }
        other => {
            let found = type_name(other);
            return Err(TensorFileError::ElementType { name: tensor.name.clone(), found }.into());
        }
    };
    checked(tensor, shape, values)
}

/// The numbers of an `INT32` tensor, none of them negative.
pub(super) fn counts(tensor: &TensorProto) -> Result<NamedTensor<usize>, WeightError> {
    let shape = shape_of(tensor)?;
    let problem = |what: String| WeightError::Model { problem: format!("tensor `{}` {what}", tensor.name) };
    if tensor.data_type != data_type::INT32 {
        return Err(problem(format!("holds {}, not INT32", type_name(tensor.data_type))));
    }
    let integers: Vec<i32> = match tensor.raw_data.as_deref() {
        Some(raw) => words(tensor, raw)?.into_iter().map(i32::from_le_bytes).collect(),
        None => tensor.int32_data.clone(),
    };
    let counts = integers.into_iter().map(usize::try_from).collect::<Result<_, _>>();
    checked(tensor, shape, counts.map_err(|_| problem("has a negative number".to_owned()))?)
}

/// A tensor to be written.
pub(super) fn message<T: Real>(name: &str, shape: &[usize], values: &[T]) -> TensorProto {
    let raw = |bytes: Vec<u8>| Some(bytes);
    // The cast undoes the widening of `to_f64`, exactly.
    #[allow(clippy::cast_possible_truncation, reason = "the value was an f32")]
    let (data_type, raw_data) = if T::BITS == 32 {
        (
            data_type::FLOAT,
            raw(values.iter().flat_map(|value| (value.to_f64() as f32).to_le_bytes()).collect()),
        )
    } else {
        (data_type::DOUBLE, raw(values.iter().flat_map(|value| value.to_f64().to_le_bytes()).collect()))
    };
    let dims = shape.iter().map(|&axis| i64::try_from(axis).unwrap_or(i64::MAX)).collect();
    TensorProto { dims, data_type, name: name.to_owned(), raw_data, ..TensorProto::default() }
}
