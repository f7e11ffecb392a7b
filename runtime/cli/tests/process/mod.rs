//! The command as another program, and a folder for what it writes.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The root of the repository, where the command is started.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The command with these arguments.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gatewright"));
    command.args(arguments).current_dir(root()).env_remove("RUST_BACKTRACE");
    command
}

/// What a stream of the command holds.
pub(crate) fn text(stream: &[u8]) -> String {
    String::from_utf8_lossy(stream).into_owned()
}

/// A folder of one test, removed at the end.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let tests = env!("CARGO_CRATE_NAME");
        let path = std::env::temp_dir().join(format!("gatewright-{tests}-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a temporary folder");
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}
