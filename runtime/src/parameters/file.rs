//! Files that are either the old ones or the new ones, never half of each.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Writes a file as a whole: the bytes go to a neighbour named after the process, which then takes the file's name.
/// A link is followed; what is there and no file (a device, a pipe) is written to as it is.
///
/// # Errors
///
/// Whatever the system says; the file is as it was then.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let followed = fs::canonicalize(path);
    let path = followed.as_deref().unwrap_or(path);
    if path.exists() && !path.is_file() {
        return fs::write(path, bytes);
    }
    let neighbour = write_neighbour(path, bytes)?;
    fs::rename(&neighbour, path).inspect_err(|_| {
        // The first error is the one to report.
        drop(fs::remove_file(&neighbour));
    })
}

/// Writes a file as [`write_atomically`] does, and keeps the one that was there as [`previous`]: whenever the process
/// is killed or the machine stops, one of the two is whole, and is the last or the one before.
///
/// # Errors
///
/// Whatever the system says; the file, or the one before it, is as it was then.
pub fn write_keeping_previous(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let neighbour = write_neighbour(path, bytes)?;
    let renamed = match fs::rename(path, previous(path)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => fs::rename(&neighbour, path),
    };
    renamed.inspect_err(|_| drop(fs::remove_file(&neighbour)))?;
    sync_folder(path)
}

/// Where [`write_keeping_previous`] leaves the file before: the name with `.previous` behind it.
#[must_use]
pub fn previous(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".previous");
    path.with_file_name(name)
}

/// The bytes on the disk, under a name of the process beside the file's own.
fn write_neighbour(path: &Path, bytes: &[u8]) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "no file name"))?;
    let mut neighbour = OsString::from(".");
    neighbour.push(name);
    neighbour.push(format!(".{}.tmp", std::process::id()));
    let neighbour = path.with_file_name(neighbour);
    let written = File::create(&neighbour).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    match written {
        Ok(()) => Ok(neighbour),
        Err(error) => {
            drop(fs::remove_file(&neighbour));
            Err(error)
        }
    }
}

/// Names that changed are on the disk only when their folder is.
fn sync_folder(path: &Path) -> io::Result<()> {
    // Elsewhere a folder is no file that can be opened, and the system keeps the order by itself.
    if cfg!(unix) {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_before_is_kept_and_no_more() {
        let folder = std::env::temp_dir().join(format!("gatewright-previous-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a temporary folder");
        let path = folder.join("a.checkpoint");
        for text in ["one", "two", "three"] {
            write_keeping_previous(&path, text.as_bytes()).expect("written");
        }
        let read = |path: &Path| fs::read_to_string(path).expect("there");
        assert_eq!((read(&path).as_str(), read(&previous(&path)).as_str()), ("three", "two"));
        // As a kill between the two renames leaves it.
        fs::remove_file(&path).expect("removed");
        write_keeping_previous(&path, b"four").expect("written");
        assert_eq!((read(&path).as_str(), read(&previous(&path)).as_str()), ("four", "two"));
        assert_eq!(fs::read_dir(&folder).expect("listed").count(), 2, "nothing else is left");
        // What cannot be written changes nothing.
        let missing = folder.join("missing/a.checkpoint");
        assert!(write_keeping_previous(&missing, b"x").is_err() && write_atomically(&missing, b"x").is_err());
        drop(fs::remove_dir_all(&folder));
    }
}
