//! Rules of the house that a reader relies on: where `unsafe` may stand, how long a file may be, that every example is
//! listed.

use std::fs;
use std::path::{Path, PathBuf};

/// Files that may hold `unsafe`: code memory, calls into compiled code, matrix and primitive kernels, the contract of the
/// primitives, and an allocator that counts.
const UNSAFE_ALLOWED: [&str; 7] = [
    "compiler/src/codegen/call.rs",
    "compiler/src/codegen/memory.rs",
    "compiler/src/codegen/tests.rs",
    "compiler/src/operator/primitive.rs",
    "runtime/src/matmul/",
    "runtime/src/primitive/",
    "tests/allocation.rs",
];

/// A file that is longer does several things. The aim is 200 lines, seldom 600.
const LONGEST_FILE: usize = 700;

fn is_of_name(letter: char) -> bool {
    letter.is_alphanumeric() || "_`\"".contains(letter)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// All Rust files of the repository, with their paths from its root.
fn sources() -> Vec<(String, String)> {
    let root = root();
    let mut found = Vec::new();
    let mut waiting: Vec<PathBuf> = ["compiler", "macros", "runtime", "examples", "tests"]
        .iter()
        .map(|folder| root.join(folder))
        .collect();
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                if path.file_name().is_some_and(|name| name != "target") {
                    waiting.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(found.len() > 100, "only {} files were found", found.len());
    found
}

#[test]
fn unsafe_code_stands_in_named_modules() {
    for (name, text) in sources() {
        let allowed = UNSAFE_ALLOWED.iter().any(|allowed| name.starts_with(allowed));
        // Assembled, so that this file does not hold what it looks for.
        let word = ["un", "safe"].concat();
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            // Of a block, a function, an implementation, a trait or a list of foreign ones; no name of a lint.
            let found = code.match_indices(&word).any(|(at, _)| {
                let (before, behind) = (&code[..at], &code[at + word.len()..]);
                !before.ends_with(is_of_name) && !behind.starts_with(is_of_name)
            });
            assert!(allowed || !found, "{name}:{}: {line}", number + 1);
        }
    }
}

#[test]
fn files_do_one_thing() {
    for (name, text) in sources() {
        let lines = text.lines().count();
        assert!(lines <= LONGEST_FILE, "{name} has {lines} lines");
    }
}

#[test]
fn every_example_is_listed() {
    let manifest = fs::read_to_string(root().join("examples/Cargo.toml")).unwrap();
    for entry in fs::read_dir(root().join("examples")).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        if name.ends_with(".rs") {
            assert!(manifest.contains(&format!("path = \"{name}\"")), "{name} is not in examples/Cargo.toml");
        }
    }
}
