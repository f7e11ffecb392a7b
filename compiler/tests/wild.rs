//! Equations as people write them: every set of `tests/wild` goes through the front end and is compared with what a
//! careful compiler should do.
//!
//! `cargo test -p gatewright-compiler --no-default-features --test wild -- --nocapture` prints the tables of outcomes;
//! with `UPDATE_EXPECT=1` they are written to `outcomes.md` beside the sets. `tests/wild` holds the sets that the
//! language was made with, `tests/wild/more` those that were collected later to see whether its rules hold.
//!
//! A set that should be accepted is right if it compiles with exactly the roles of the manifest (where the manifest
//! gives none, if it compiles); a document of several cells is right if the error offers its sections and each of
//! them compiles. A set that should be refused is right if one of the errors has a code that the manifest accepts as
//! its cause. A wrong cell without any note is never right.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use gatewright_compiler::diagnostic::{Code, Diagnostic, Severity};
use gatewright_compiler::passes::read;
use gatewright_compiler::resolve::{Cell, Options};
use gatewright_compiler::source::Syntax;

/// Names that an equation set gives to inputs, states, output and parameters.
#[derive(Debug, PartialEq, Eq)]
struct Roles {
    inputs: BTreeSet<String>,
    states: BTreeSet<String>,
    output: String,
    /// Constants are listed among the parameters.
    parameters: BTreeSet<String>,
}

/// One row of the manifest.
struct Set {
    id: String,
    file: String,
    accept: bool,
    roles: Option<Roles>,
    /// Codes of which one must be among the errors.
    causes: Vec<String>,
}

/// What became of one set.
struct Outcome {
    right: bool,
    /// It compiled, but should not have, or with other roles.
    wrong_cell: bool,
    /// Something was said about it.
    noted: bool,
    text: String,
    roles: &'static str,
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests").join(name)
}

fn names(column: &str) -> BTreeSet<String> {
    column.split_whitespace().map(str::to_owned).collect()
}

fn manifest(folder: &Path) -> Vec<Set> {
    let text = std::fs::read_to_string(folder.join("manifest.tsv")).expect("the manifest");
    text.lines()
        .skip(1)
        .map(|line| {
            let columns: Vec<&str> = line.split('\t').collect();
            let &[id, file, verdict, inputs, states, output, parameters, causes, _source, _message] =
                columns.as_slice()
            else {
                panic!("not ten columns: {line}")
            };
            let roles = (inputs != "?").then(|| Roles {
                inputs: names(inputs),
                states: names(states),
                output: output.to_owned(),
                parameters: names(parameters),
            });
            Set {
                id: id.to_owned(),
                file: file.to_owned(),
                accept: verdict != "reject",
                roles,
                causes: causes.split_whitespace().map(str::to_owned).collect(),
            }
        })
        .collect()
}

fn roles(cell: &Cell) -> Roles {
    let states = cell.states.iter().filter(|state| !state.hidden).map(|state| state.variable.name.clone());
    let constants = cell.constants.iter().map(|(name, _)| name.clone());
    Roles {
        inputs: cell.inputs.iter().map(|input| input.name.clone()).collect(),
        states: states.collect(),
        output: cell.outputs.first().map(|output| output.name.clone()).unwrap_or_default(),
        parameters: cell.parameters.iter().map(|one| one.name.clone()).chain(constants).collect(),
    }
}

/// The codes of the findings of at least this severity.
fn codes(findings: &[Diagnostic], severity: Severity) -> BTreeSet<&'static str> {
    findings.iter().filter(|one| one.code.severity() >= severity).map(|one| one.code.as_str()).collect()
}

fn listed(codes: &BTreeSet<&'static str>) -> String {
    codes.iter().copied().collect::<Vec<_>>().join(" ")
}

fn judge(folder: &Path, set: &Set) -> Outcome {
    let text = std::fs::read_to_string(folder.join(&set.file)).expect("the equations");
    let extension = Path::new(&set.file).extension().and_then(|end| end.to_str()).unwrap_or("");
    let syntax = Syntax::from_extension(extension).expect("a known extension");
    match read(&text, syntax, None, &Options::default()) {
        Ok(cell) => {
            let found = roles(&cell);
            let same = set.roles.as_ref().map(|expected| *expected == found);
            if std::env::var_os("WILD_ROLES").is_some() && (same == Some(false) || !set.accept) {
                println!("{}: {found:?}\n  expected {:?}", set.id, set.roles);
            }
            let notes = codes(&cell.diagnostics, Severity::Note);
            Outcome {
                right: set.accept && same != Some(false),
                wrong_cell: !set.accept || same == Some(false),
                noted: !notes.is_empty(),
                text: format!("cell {}", listed(&notes)).trim_end().to_owned(),
                roles: match same {
                    Some(true) => "same",
                    Some(false) => "differ",
                    None => "",
                },
            }
        }
        Err(findings) => {
            if std::env::var_os("WILD_ERRORS").is_some() {
                for found in findings.iter().filter(|one| one.is_error()) {
                    println!("{} {}: {}", set.id, found.code.as_str(), found.message);
                }
            }
            let errors = codes(&findings, Severity::Error);
            let sections = errors.contains(Code::SectionsDiffer.as_str())
                && ["A", "B", "C"]
                    .iter()
                    .filter(|section| text.contains(&format!("## {section}")))
                    .all(|section| read(&text, syntax, Some(section), &Options::default()).is_ok());
            let named = set.causes.iter().any(|cause| errors.contains(cause.as_str()));
            Outcome {
                right: if set.accept { sections } else { named },
                wrong_cell: false,
                noted: true,
                text: format!("{} {}", if sections { "sections" } else { "refused" }, listed(&errors)),
                roles: "",
            }
        }
    }
}

#[test]
fn real_equations_meet_the_manifest() {
    report(&folder("wild"));
}

#[test]
fn equations_collected_later_meet_the_manifest() {
    report(&folder("wild/more"));
}

/// Judges every set of a folder, prints the table, and asserts the shares and that no wrong cell comes in silence.
fn report(folder: &Path) {
    let sets = manifest(folder);
    let mut rows = String::new();
    let (mut accepted, mut refused) = ((0_usize, 0_usize), (0_usize, 0_usize));
    let mut wrong = Vec::new();
    let mut silent = Vec::new();
    for set in &sets {
        let outcome = judge(folder, set);
        let share = if set.accept { &mut accepted } else { &mut refused };
        share.0 += usize::from(outcome.right);
        share.1 += 1;
        if outcome.wrong_cell {
            wrong.push(set.id.as_str());
            if !outcome.noted {
                silent.push(set.id.as_str());
            }
        }
        let expected = if set.accept { "accept" } else { "reject" };
        let verdict = if outcome.right { "right" } else { "**wrong**" };
        writeln!(rows, "| {} | {expected} | {} | {} | {verdict} |", set.id, outcome.text, outcome.roles)
            .expect("a string takes all");
    }
    let percent = |(right, all): (usize, usize)| 100.0 * right as f64 / all.max(1) as f64;
    let list = |ids: &[&str]| if ids.is_empty() { "none".to_owned() } else { ids.join(", ") };
    let table = format!(
        "# Outcomes\n\n\
         Made by `UPDATE_EXPECT=1 cargo test -p gatewright-compiler --no-default-features --test wild`.\n\n\
         | | right | of | share |\n| --- | --- | --- | --- |\n\
         | should be accepted: a cell with exactly these roles | {} | {} | {:.1} % |\n\
         | should be refused: an error that names the cause | {} | {} | {:.1} % |\n\n\
         Compiled into another cell than the manifest gives: {}; of these without any note: {}.\n\n\
         | set | expected | outcome | roles | |\n| --- | --- | --- | --- | --- |\n{rows}",
        accepted.0,
        accepted.1,
        percent(accepted),
        refused.0,
        refused.1,
        percent(refused),
        list(&wrong),
        list(&silent),
    );
    println!("{table}");
    assert!(percent(accepted) >= 85.0, "{:.1} % of what should be accepted", percent(accepted));
    assert!(percent(refused) >= 90.0, "{:.1} % of what should be refused", percent(refused));
    assert!(silent.is_empty(), "wrong cells in silence: {silent:?}");
    expect_test::expect_file![folder.join("outcomes.md")].assert_eq(&table);
}
