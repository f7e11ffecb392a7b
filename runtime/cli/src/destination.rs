//! Where an answer goes that takes long: found out before the work, not behind it.

use std::fs::{OpenOptions, remove_file};
use std::io::{Error, ErrorKind};
use std::path::Path;

use crate::failure::Failure;

/// Checks that a file can be put in its place as [`write_atomically`](gatewright::parameters::write_atomically) does it: as a
/// neighbour that takes its name. What there is under the name is not touched.
pub(crate) fn check_writable(path: &Path) -> Result<(), Failure> {
    let tried = || -> Result<(), Error> {
        let place = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        if place.is_dir() || path.as_os_str().is_empty() {
            return Err(ErrorKind::IsADirectory.into());
        }
        if place.exists() && !place.is_file() {
            // A pipe or a device is written as it is: to open it would tell a reader that this is all.
            return Ok(());
        }
        let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let neighbour = folder.join(format!(".gatewright-{}", std::process::id()));
        OpenOptions::new().write(true).create_new(true).open(&neighbour)?;
        remove_file(&neighbour)
    };
    tried().map_err(|error| Failure::file(path, &error))
}
