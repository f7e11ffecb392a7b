//! Parameters and other named tensors in safetensors files.
//!
//! `F16`, `BF16`, `F32`, `F64`, integers and truth values (0 and 1) are read as the numbers they are; `F32` and `F64` are
//! written. What is narrower widens exactly; `F64` becomes `f32`, and an integer that is too long for the numbers wanted
//! becomes the nearest, only where [`Conversion::Round`] allows it. Files are untrusted: whatever they hold, reading gives
//! values or an error.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use gatewright_compiler::operator::real::Real;
use half::{bf16, f16};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use super::error::{TensorDifference, TensorFileError};
use super::layout::ParameterLayout;
use super::{Parameters, write_atomically};

/// What may happen to numbers on their way from a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conversion {
    /// Every number stays what it is: `F64` is refused where `f32` is wanted, and so are integers that it cannot hold.
    Exact,
    /// What the numbers wanted cannot hold is rounded to the nearest.
    Round,
}

/// A tensor with its name.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedTensor<T> {
    /// Name in the file.
    pub name: String,
    /// Size along each axis.
    pub shape: Vec<usize>,
    /// Values, row-major.
    pub values: Vec<T>,
}

/// Reads all tensors of a file, by name.
///
/// # Errors
///
/// A file that cannot be read, is damaged, or holds what `conversion` or `T` do not allow.
pub fn read_tensors<T: Real>(
    path: &Path,
    conversion: Conversion,
) -> Result<BTreeMap<String, NamedTensor<T>>, TensorFileError> {
    let bytes = fs::read(path).map_err(|source| TensorFileError::Io { path: path.to_owned(), source })?;
    tensors_from_bytes(&bytes, conversion)
}

/// Reads all tensors of a file in memory, by name.
///
/// # Errors
///
/// Bytes that are damaged or hold what `conversion` or `T` do not allow.
pub fn tensors_from_bytes<T: Real>(
    bytes: &[u8],
    conversion: Conversion,
) -> Result<BTreeMap<String, NamedTensor<T>>, TensorFileError> {
    let file = SafeTensors::deserialize(bytes)?;
    let mut tensors = BTreeMap::new();
    for (name, view) in file.iter() {
        let values = numbers(name, &view, conversion)?;
        let tensor = NamedTensor { name: name.to_owned(), shape: view.shape().to_vec(), values };
        tensors.insert(name.to_owned(), tensor);
    }
    Ok(tensors)
}

fn numbers<T: Real>(
    name: &str,
    view: &TensorView<'_>,
    conversion: Conversion,
) -> Result<Vec<T>, TensorFileError> {
    let data = view.data();
    let values: Vec<T> = stored_numbers(name, view.dtype(), data, conversion)?;
    let elements = view.shape().iter().try_fold(1_usize, |size, &axis| size.checked_mul(axis));
    if elements != Some(values.len()) {
        let shape = view.shape().to_vec();
        return Err(TensorFileError::Extent { name: name.to_owned(), shape, bytes: data.len() });
    }
    Ok(values)
}

/// The numbers of the tensor `name` in the bytes of a file, little-endian.
pub(crate) fn stored_numbers<T: Real>(
    name: &str,
    dtype: Dtype,
    data: &[u8],
    conversion: Conversion,
) -> Result<Vec<T>, TensorFileError> {
    let would_round = || TensorFileError::WouldRound { name: name.to_owned(), found: format!("{dtype:?}") };
    let integer = |value: i128| {
        #[allow(clippy::cast_precision_loss, reason = "what is lost is looked at")]
        let nearest = T::from_f64(value as f64);
        #[allow(clippy::cast_possible_truncation, reason = "no integer of 64 bits is out of range")]
        let exact = nearest.to_f64() as i128 == value;
        if exact || conversion == Conversion::Round { Ok(nearest) } else { Err(would_round()) }
    };
    Ok(match dtype {
        Dtype::F16 => each(data, |two| T::from_f64(f16::from_le_bytes(two).into())),
        Dtype::BF16 => each(data, |two| T::from_f64(bf16::from_le_bytes(two).into())),
        Dtype::F32 => each(data, |four| T::from_f64(f32::from_le_bytes(four).into())),
        Dtype::F64 if T::BITS == 32 && conversion == Conversion::Exact => return Err(would_round()),
        Dtype::F64 => each(data, |eight| T::from_f64(f64::from_le_bytes(eight))),
        Dtype::BOOL | Dtype::U8 => each(data, |[one]: [u8; 1]| T::from_f64(one.into())),
        Dtype::I8 => each(data, |one| T::from_f64(i8::from_le_bytes(one).into())),
        Dtype::I16 => each(data, |two| T::from_f64(i16::from_le_bytes(two).into())),
        Dtype::U16 => each(data, |two| T::from_f64(u16::from_le_bytes(two).into())),
        Dtype::I32 => try_each(data, |four| integer(i32::from_le_bytes(four).into()))?,
        Dtype::U32 => try_each(data, |four| integer(u32::from_le_bytes(four).into()))?,
        Dtype::I64 => try_each(data, |eight| integer(i64::from_le_bytes(eight).into()))?,
        Dtype::U64 => try_each(data, |eight| integer(u64::from_le_bytes(eight).into()))?,
        other => {
            return Err(TensorFileError::ElementType { name: name.to_owned(), found: format!("{other:?}") });
        }
    })
}

/// What each `N` bytes are.
fn each<const N: usize, T>(data: &[u8], number: impl Fn([u8; N]) -> T) -> Vec<T> {
    data.as_chunks().0.iter().map(|&bytes| number(bytes)).collect()
}

/// What each `N` bytes are, or the first error.
fn try_each<const N: usize, T, E>(
    data: &[u8],
    number: impl Fn([u8; N]) -> Result<T, E>,
) -> Result<Vec<T>, E> {
    data.as_chunks().0.iter().map(|&bytes| number(bytes)).collect()
}

/// Writes tensors into one file, as a whole or not at all.
///
/// # Errors
///
/// [`TensorFileError::Extent`] where shape and values of a tensor do not agree, and whatever the system says.
pub fn write_tensors<T: Real>(
    path: &Path,
    tensors: &[NamedTensor<T>],
    metadata: &[(&str, String)],
) -> Result<(), TensorFileError> {
    let file = tensors_to_bytes(tensors, metadata)?;
    write_atomically(path, &file).map_err(|source| TensorFileError::Io { path: path.to_owned(), source })
}

/// The bytes of a file of tensors. The same tensors give the same bytes where `metadata` has at most one key: the order
/// of several is not fixed.
///
/// # Errors
///
/// [`TensorFileError::Extent`] where shape and values of a tensor do not agree.
pub fn tensors_to_bytes<T: Real>(
    tensors: &[NamedTensor<T>],
    metadata: &[(&str, String)],
) -> Result<Vec<u8>, TensorFileError> {
    let data: Vec<Vec<u8>> = tensors.iter().map(|tensor| bytes(&tensor.values)).collect();
    let dtype = if T::BITS == 32 { Dtype::F32 } else { Dtype::F64 };
    let mut views = Vec::with_capacity(tensors.len());
    for (tensor, data) in tensors.iter().zip(&data) {
        let view =
            TensorView::new(dtype, tensor.shape.clone(), data).map_err(|_| TensorFileError::Extent {
                name: tensor.name.clone(),
                shape: tensor.shape.clone(),
                bytes: data.len(),
            })?;
        views.push((tensor.name.as_str(), view));
    }
    let metadata: HashMap<String, String> =
        metadata.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    Ok(safetensors::serialize(views, (!metadata.is_empty()).then_some(metadata))?)
}

/// What the header of a file in memory says besides the tensors.
///
/// # Errors
///
/// Bytes that are damaged.
pub fn metadata_from_bytes(bytes: &[u8]) -> Result<BTreeMap<String, String>, TensorFileError> {
    let (_, header) = SafeTensors::read_metadata(bytes)?;
    Ok(header.metadata().iter().flatten().map(|(key, value)| (key.clone(), value.clone())).collect())
}

fn bytes<T: Real>(values: &[T]) -> Vec<u8> {
    if T::BITS == 32 {
        // The cast undoes the widening of `to_f64`, exactly.
        #[allow(clippy::cast_possible_truncation, reason = "the value was an f32")]
        return values.iter().flat_map(|value| (value.to_f64() as f32).to_le_bytes()).collect();
    }
    values.iter().flat_map(|value| value.to_f64().to_le_bytes()).collect()
}

/// Writes all parameters, each as one tensor named `prefix` and the parameter's name.
///
/// # Errors
///
/// Whatever the system says; the file is as it was then.
pub fn save<T: Real>(path: &Path, prefix: &str, parameters: &Parameters<T>) -> Result<(), TensorFileError> {
    let tensors: Vec<NamedTensor<T>> = parameters
        .layout()
        .entries()
        .iter()
        .map(|entry| NamedTensor {
            name: format!("{prefix}{}", entry.name),
            shape: entry.shape.clone(),
            values: parameters
                .values()
                .get(entry.offset..entry.offset + entry.length())
                .unwrap_or_default()
                .to_vec(),
        })
        .collect();
    write_tensors(path, &tensors, &[])
}

/// Reads all parameters of a layout from the tensors whose names begin with `prefix`; others are not looked at.
///
/// # Errors
///
/// [`TensorFileError::Different`] lists every tensor that is missing, unknown or of another shape.
pub fn load<T: Real>(
    path: &Path,
    prefix: &str,
    layout: &ParameterLayout,
    conversion: Conversion,
) -> Result<Parameters<T>, TensorFileError> {
    let tensors = read_tensors::<T>(path, conversion)?;
    let mut differences = Vec::new();
    let mut values = Vec::new();
    for entry in layout.entries() {
        let name = format!("{prefix}{}", entry.name);
        match tensors.get(&name) {
            None => differences.push(TensorDifference::Missing { name }),
            Some(tensor) if tensor.shape != entry.shape => differences.push(TensorDifference::Shape {
                name,
                expected: entry.shape.clone(),
                found: tensor.shape.clone(),
            }),
            // Entries lie in order and without gaps.
            Some(tensor) => values.extend_from_slice(&tensor.values),
        }
    }
    for name in tensors.keys() {
        if name.strip_prefix(prefix).is_some_and(|parameter| layout.entry(parameter).is_none()) {
            differences.push(TensorDifference::Unknown { name: name.clone() });
        }
    }
    if differences.is_empty() {
        return Ok(Parameters { layout: layout.clone(), values });
    }
    Err(TensorFileError::Different(differences))
}
