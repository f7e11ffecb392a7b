//! Where an answer goes that takes long: found out before the work, not behind it.

use std::fs::{OpenOptions, remove_file};
use std::io::ErrorKind;
use std::path::Path;

use crate::failure::Failure;

/// Checks that a file can be written. One that there is stays as it is; where there is none, there is none afterwards.
pub(crate) fn check_writable(path: &Path) -> Result<(), Failure> {
    let tried = match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(_) => remove_file(path),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            OpenOptions::new().append(true).open(path).map(drop)
        }
        Err(error) => Err(error),
    };
    tried.map_err(|error| Failure::file(path, &error))
}
