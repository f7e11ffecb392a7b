//! The command as a user meets it: exit codes, what goes to which stream, files.

mod bench;
mod catalogue;
mod check;
#[path = "../process/mod.rs"]
mod process;
mod run;
mod train;
mod weights;

use std::process::Output;

use process::{Folder, command, text};

fn gatewright(arguments: &[&str]) -> Output {
    command(arguments).output().expect("the command starts")
}

fn out(output: &Output) -> String {
    text(&output.stdout)
}

fn err(output: &Output) -> String {
    text(&output.stderr)
}

impl Folder {
    fn file(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, text).expect("written");
        path.display().to_string()
    }
}
