//! Constant tensors of a model.

use std::borrow::Cow;

use gatewright_compiler::operator::real::Real;
use safetensors::tensor::Dtype;

use super::message::{TensorProto, data_type};
use crate::parameters::{Conversion, NamedTensor, TensorFileError, stored_numbers};
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

/// Refuses data that is no row of words of `width` bytes.
fn whole_words(tensor: &TensorProto, data: &[u8], width: usize) -> Result<(), WeightError> {
    if data.len().is_multiple_of(width) {
        return Ok(());
    }
    let problem = format!("tensor `{}` has {} bytes, not a multiple of {width}", tensor.name, data.len());
    Err(WeightError::Model { problem })
}

/// The numbers of a tensor of `FLOAT`, `DOUBLE`, `FLOAT16` or `BFLOAT16`.
pub(super) fn numbers<T: Real>(
    tensor: &TensorProto,
    conversion: Conversion,
) -> Result<NamedTensor<T>, WeightError> {
    let shape = shape_of(tensor)?;
    let name = &tensor.name;
    let dtype = match tensor.data_type {
        data_type::FLOAT => Dtype::F32,
        data_type::DOUBLE => Dtype::F64,
        data_type::FLOAT16 => Dtype::F16,
        data_type::BFLOAT16 => Dtype::BF16,
        other => {
            let found = type_name(other);
            return Err(TensorFileError::ElementType { name: name.clone(), found }.into());
        }
    };
    let data = match (&tensor.raw_data, dtype) {
        (Some(raw), _) => Cow::Borrowed(raw.as_slice()),
        (None, Dtype::F32) => tensor.float_data.iter().flat_map(|value| value.to_le_bytes()).collect(),
        (None, Dtype::F64) => tensor.double_data.iter().flat_map(|value| value.to_le_bytes()).collect(),
        // Two bytes in each number of four.
        (None, _) => {
            tensor.int32_data.iter().flat_map(|bits| bits.to_le_bytes().into_iter().take(2)).collect()
        }
    };
    whole_words(tensor, &data, dtype.bitsize() / 8)?;
    let values = stored_numbers(name, dtype, &data, conversion)?;
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
        Some(raw) => {
            whole_words(tensor, raw, size_of::<i32>())?;
            raw.as_chunks().0.iter().map(|&word| i32::from_le_bytes(word)).collect()
        }
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
