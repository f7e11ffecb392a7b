//! ZIP archives, which PyTorch and Keras put their files into.
//!
//! Files are untrusted: all that is ever read of an archive is together no longer than the archive. Both frameworks store
//! without compression, so that no file of theirs is longer.

use std::io::{Cursor, Read};

use zip::ZipArchive;

use super::error::WeightError;

/// What an archive begins with.
pub(super) const MAGIC: &[u8] = b"PK\x03\x04";

/// An archive in memory, and how much of it was read.
pub(super) struct Archive<'a> {
    zip: ZipArchive<Cursor<&'a [u8]>>,
    /// What the file should have been.
    format: &'static str,
    /// Bytes that may still be read.
    left: u64,
}

impl<'a> Archive<'a> {
    pub(super) fn open(bytes: &'a [u8], format: &'static str) -> Result<Self, WeightError> {
        let file = |problem: String| WeightError::File { format, problem };
        let zip = ZipArchive::new(Cursor::new(bytes)).map_err(|error| file(error.to_string()))?;
        Ok(Self { zip, format, left: bytes.len() as u64 })
    }

    fn error(&self, problem: String) -> WeightError {
        WeightError::File { format: self.format, problem }
    }

    /// The folder, with a slash, in which an entry of this name lies.
    pub(super) fn folder_of(&mut self, name: &str) -> Result<Option<String>, WeightError> {
        for number in 0..self.zip.len() {
            let path = match self.zip.by_index(number) {
                Ok(entry) => entry.name().map(|path| path.into_owned()).map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            };
            let path = path.map_err(|problem| self.error(problem))?;
            if let Some(folder) = path.strip_suffix(name).filter(|folder| folder.ends_with('/')) {
                return Ok(Some(folder.to_owned()));
            }
        }
        Ok(None)
    }

    pub(super) fn has(&self, path: &str) -> bool {
        self.zip.index_for_name(path).is_some()
    }

    pub(super) fn read(&mut self, path: &str) -> Result<Vec<u8>, WeightError> {
        let mut bytes = Vec::new();
        let read = match self.zip.by_name(path) {
            Ok(entry) => entry.take(self.left + 1).read_to_end(&mut bytes).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        read.map_err(|problem| self.error(format!("{path}: {problem}")))?;
        let left = self.left.checked_sub(bytes.len() as u64);
        self.left = left.ok_or_else(|| self.error("its parts are longer than the whole".to_owned()))?;
        Ok(bytes)
    }
}
