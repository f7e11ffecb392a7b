//! The tensors of a file that `torch.save` wrote: a ZIP archive of a pickle and of the bytes of each storage.
//!
//! ```text
//! model/data.pkl      what is stored, as calls of `torch._utils._rebuild_tensor_v2(storage, offset, size, stride, …)`
//! model/byteorder     "little"
//! model/data/0, …     the storages
//! ```
//!
//! Nothing of it is run. Files are untrusted: no more is made of an archive than a few times its length.

use std::collections::BTreeMap;

use gatewright_compiler::operator::real::Real;
use safetensors::tensor::Dtype;

use super::archive::{self, Archive};
use super::error::WeightError;
use super::pickle::{Id, Pickle, Value};
use super::{Tensors, most_read};
use crate::parameters::{Conversion, NamedTensor, TensorFileError, stored_numbers};

/// What the file should have been.
const FORMAT: &str = "PyTorch";
/// What a file begins with that PyTorch wrote before 1.6.
const OLD_FILE: &[u8] = b"\x80\x02\x8a\x0a";
/// Most axes of a tensor: operations of PyTorch take no more.
const MOST_AXES: usize = 64;

/// Whether bytes are those of a file of `torch.save`, by how they begin.
#[must_use]
pub fn is_file(bytes: &[u8]) -> bool {
    bytes.starts_with(archive::MAGIC) || bytes.starts_with(OLD_FILE)
}

/// Reads the tensors of a `state_dict`: the dictionary that was saved, or the one under `key` in it.
///
/// # Errors
///
/// Bytes that are no such file, a key that it has not, tensors of another kind than dense real numbers, and what
/// `conversion` does not allow.
pub fn state_dict<T: Real>(
    bytes: &[u8],
    conversion: Conversion,
    key: Option<&str>,
) -> Result<Tensors<T>, WeightError> {
    if bytes.starts_with(OLD_FILE) {
        return Err(file(
            "it is a bare pickle, as PyTorch wrote before 1.6: load it there and save it again",
        ));
    }
    let mut archive = Archive::open(bytes, FORMAT)?;
    let folder = archive.folder_of("data.pkl")?.ok_or_else(|| file("the archive has no data.pkl"))?;
    let pickled = archive.read(&format!("{folder}data.pkl"))?;
    let pickle = Pickle::read(&pickled).map_err(|problem| file(&format!("data.pkl: {problem}")))?;
    // Absent in files before 2.0, which are of little-endian machines.
    let order = format!("{folder}byteorder");
    if archive.has(&order) && archive.read(&order)? != b"little" {
        return Err(file("its numbers are big-endian: save it on another machine"));
    }
    let mut storages = Storages { archive, folder, read: BTreeMap::new() };
    let mut tensors = Tensors::new();
    let mut left = most_read(bytes.len());
    for (name, value) in entries(&pickle, key)? {
        let Some(dense) = Dense::find(&pickle, name, value)? else { continue };
        let data = dense.gather(name, storages.storage(dense.storage)?, &mut left)?;
        let values = stored_numbers(name, dense.dtype, &data, conversion)?;
        tensors.insert(name.to_owned(), NamedTensor { name: name.to_owned(), shape: dense.size, values });
    }
    Ok(tensors)
}

fn file(problem: &str) -> WeightError {
    WeightError::File { format: FORMAT, problem: problem.to_owned() }
}

/// The named values of the dictionary that is meant.
fn entries<'a>(pickle: &Pickle<'a>, key: Option<&str>) -> Result<Vec<(&'a str, Id)>, WeightError> {
    let named = |id: Id| -> Option<Vec<(&'a str, Id)>> {
        let Value::Dictionary(pairs) = pickle.get(id) else { return None };
        Some(pairs.iter().filter_map(|&(name, value)| Some((pickle.text(name)?, value))).collect())
    };
    let Some(whole) = named(pickle.root()) else {
        return Err(file("it is no dictionary: save `model.state_dict()`, not the model"));
    };
    let is_dictionary = |id: Id| matches!(pickle.get(id), Value::Dictionary(_));
    let inner: Vec<&str> = whole.iter().filter(|(_, id)| is_dictionary(*id)).map(|(name, _)| *name).collect();
    let list = || if inner.is_empty() { "none".to_owned() } else { format!("`{}`", inner.join("`, `")) };
    match key {
        None if whole.iter().any(|(_, id)| matches!(pickle.get(*id), Value::Call(..))) => Ok(whole),
        None => Err(WeightError::Choice {
            choice: "key",
            problem: format!("the file holds no tensors by name; dictionaries in it: {}", list()),
        }),
        Some(key) => {
            let found = whole.iter().find(|(name, _)| *name == key).and_then(|(_, id)| named(*id));
            found.ok_or_else(|| WeightError::Choice {
                choice: "key",
                problem: format!("the file has no dictionary `{key}`; those in it: {}", list()),
            })
        }
    }
}

/// A dense tensor in a storage.
struct Dense<'a> {
    storage: &'a str,
    dtype: Dtype,
    offset: usize,
    size: Vec<usize>,
    stride: Vec<usize>,
}

impl<'a> Dense<'a> {
    /// The tensor that a value is; none where it is no tensor.
    fn find(pickle: &Pickle<'a>, name: &str, value: Id) -> Result<Option<Self>, WeightError> {
        let strange = || file(&format!("`{name}` is no tensor as torch.save writes them"));
        let mut value = value;
        // A parameter is around its tensor, and what was a subclass is around the call that made it.
        for _ in 0..3 {
            let &Value::Call(function, arguments) = pickle.get(value) else { return Ok(None) };
            let Value::Global(module, function) = *pickle.get(function) else { return Ok(None) };
            let Some(given) = pickle.sequence(arguments) else { return Err(strange()) };
            match (module, function, given) {
                ("torch._utils", "_rebuild_tensor_v2", &[storage, offset, size, stride, ..]) => {
                    let dense = Self::from_arguments(pickle, [storage, offset, size, stride]);
                    return dense.ok_or_else(strange)?.map(Some).map_err(|found| {
                        TensorFileError::ElementType { name: name.to_owned(), found }.into()
                    });
                }
                ("torch._utils", "_rebuild_parameter", &[data, ..]) => value = data,
                ("torch._utils" | "torch._tensor", function, _) => {
                    return Err(file(&format!(
                        "`{name}` is made by `{function}`: only dense tensors are read"
                    )));
                }
                _ => return Ok(None),
            }
        }
        Err(strange())
    }

    /// From the arguments of `_rebuild_tensor_v2`; the inner error is the name of a type of numbers.
    fn from_arguments(
        pickle: &Pickle<'a>,
        [storage, offset, size, stride]: [Id; 4],
    ) -> Option<Result<Self, String>> {
        let &Value::Persistent(name) = pickle.get(storage) else { return None };
        let &[_, kind, key, ..] = pickle.sequence(name)? else { return None };
        let &Value::Global(_, kind) = pickle.get(kind) else { return None };
        let dtype = match kind {
            "FloatStorage" => Dtype::F32,
            "DoubleStorage" => Dtype::F64,
            "HalfStorage" => Dtype::F16,
            "BFloat16Storage" => Dtype::BF16,
            "LongStorage" => Dtype::I64,
            "IntStorage" => Dtype::I32,
            "ShortStorage" => Dtype::I16,
            "CharStorage" => Dtype::I8,
            "ByteStorage" => Dtype::U8,
            "BoolStorage" => Dtype::BOOL,
            other => return Some(Err(other.trim_end_matches("Storage").to_owned())),
        };
        let sizes = |id: Id| {
            let axes = pickle.sequence(id).filter(|axes| axes.len() <= MOST_AXES)?;
            axes.iter().map(|&id| pickle.size(id)).collect::<Option<Vec<_>>>()
        };
        let (size, stride) = (sizes(size)?, sizes(stride)?);
        if size.len() != stride.len() {
            return None;
        }
        Some(Ok(Self { storage: pickle.text(key)?, dtype, offset: pickle.size(offset)?, size, stride }))
    }

    /// The bytes of the elements, row-major.
    fn gather(&self, name: &str, storage: &[u8], left: &mut usize) -> Result<Vec<u8>, WeightError> {
        let width = self.dtype.bitsize() / 8;
        let outside = || {
            let (shape, bytes) = (self.size.clone(), storage.len());
            WeightError::from(TensorFileError::Extent { name: name.to_owned(), shape, bytes })
        };
        let elements = self.size.iter().try_fold(1_usize, |product, &axis| product.checked_mul(axis));
        let bytes = elements.and_then(|elements| elements.checked_mul(width)).ok_or_else(outside)?;
        // What is kept of a tensor without elements, too, of which a file may name one many times.
        let cost = size_of_val(&self.size[..]) + name.len() + bytes;
        if bytes > storage.len() {
            return Err(outside());
        }
        *left = left
            .checked_sub(cost)
            .ok_or_else(|| file("its tensors share storages so often that they are many times its length"))?;
        let mut gathered = Vec::with_capacity(bytes);
        let mut place = vec![0_usize; self.size.len()];
        for _ in 0..bytes / width {
            let at = place
                .iter()
                .zip(&self.stride)
                .try_fold(self.offset, |at, (&place, &stride)| at.checked_add(place.checked_mul(stride)?));
            let element = at.and_then(|at| {
                let start = at.checked_mul(width)?;
                storage.get(start..start.checked_add(width)?)
            });
            gathered.extend_from_slice(element.ok_or_else(outside)?);
            // The last axis first.
            for (place, &size) in place.iter_mut().zip(&self.size).rev() {
                *place += 1;
                if *place < size {
                    break;
                }
                *place = 0;
            }
        }
        Ok(gathered)
    }
}

/// The storages of an archive, each read once.
struct Storages<'a> {
    archive: Archive<'a>,
    /// The folder in it, with a slash.
    folder: String,
    read: BTreeMap<String, Vec<u8>>,
}

impl Storages<'_> {
    fn storage(&mut self, key: &str) -> Result<&[u8], WeightError> {
        if !self.read.contains_key(key) {
            let bytes = self.archive.read(&format!("{}data/{key}", self.folder))?;
            self.read.insert(key.to_owned(), bytes);
        }
        Ok(self.read.get(key).map_or(&[], Vec::as_slice))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::{MOST_AXES, state_dict};
    use crate::parameters::Conversion;

    /// A file with so many names of one tensor, which has one element and so many axes.
    fn file(names: usize, axes: usize) -> Vec<u8> {
        let text = |text: &str| [&b"X"[..], &(text.len() as u32).to_le_bytes(), text.as_bytes()].concat();
        let ones = [&b"("[..], &b"K\x01".repeat(axes), b"t"].concat();
        let storage =
            [b"(".to_vec(), text("storage"), b"ctorch\nFloatStorage\n".to_vec(), text("0")].concat();
        let tensor = [
            &b"ctorch._utils\n_rebuild_tensor_v2\n("[..],
            &storage,
            &[text("cpu"), b"K\x01tQ".to_vec()].concat(),
            b"K\x00",
            &ones,
            &ones,
            b"\x89N",
            b"tRq\x00",
        ]
        .concat();
        let name =
            |at: usize| [text(&at.to_string()), if at == 0 { tensor.clone() } else { b"h\x00".to_vec() }];
        let pairs: Vec<u8> = (0..names).flat_map(name).flatten().collect();
        let pickle = [&b"\x80\x02}("[..], &pairs, b"u."].concat();
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for (path, bytes) in [("m/data.pkl", &pickle[..]), ("m/data/0", &1.5_f32.to_le_bytes())] {
            zip.start_file(path, SimpleFileOptions::default()).expect("a file");
            zip.write_all(bytes).expect("written");
        }
        zip.finish().expect("an archive").into_inner()
    }

    #[test]
    fn a_tensor_has_many_names_within_reason() {
        let read = |names, axes| state_dict::<f32>(&file(names, axes), Conversion::Exact, None);
        let tensors = read(3, MOST_AXES).expect("reads");
        assert!(tensors.len() == 3 && tensors.values().all(|tensor| tensor.values == [1.5]));
        assert!(tensors.values().all(|tensor| tensor.shape == [1; MOST_AXES]));
        assert!(read(1, MOST_AXES + 1).is_err());
        // A dozen bytes of the file for a name, half a kilobyte for each.
        let refused = read(200_000, MOST_AXES).expect_err("refused").to_string();
        assert!(refused.contains("many times its length"), "{refused}");
        assert_eq!(read(10_000, MOST_AXES).expect("reads").len(), 10_000);
    }
}
