//! The `gatewright` command: checks, explains, runs, tests, times and trains recurrent cells written as equations.
//!
//! Results go to standard output, messages to standard error. The exit code is 0 where all is well, 1 where the
//! equations or the data are wrong, 2 where the command line is (a file that cannot be opened included).

#![forbid(unsafe_code)]

mod arguments;
mod bench;
mod buffers;
mod check;
mod compare;
mod derive;
mod describe;
mod destination;
mod dimension;
mod explain;
mod export;
mod failure;
mod gradcheck;
mod import;
mod print;
mod run;
mod same;
mod session;
mod stretch;
mod tasks;
mod train;
mod zoo;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use failure::Failure;

/// Recurrent cells from their gate equations: checked, derived, compiled to machine code, trained.
#[derive(Debug, Parser)]
#[command(
    name = "gatewright",
    version,
    after_help = "Exit code: 0 fine, 1 the equations or the data are wrong, \
    2 the command line is wrong or names a file that cannot be opened."
)]
struct Command {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Check(check::Arguments),
    Derive(derive::Arguments),
    Run(run::Arguments),
    Gradcheck(gradcheck::Arguments),
    Bench(bench::Arguments),
    Train(train::Arguments),
    Compare(compare::Arguments),
    Tasks(tasks::list::Arguments),
    Zoo(zoo::Arguments),
    Explain(explain::Arguments),
    Import(import::Arguments),
    Export(export::Arguments),
}

fn main() -> ExitCode {
    // clap itself prints what is wrong with a command line and exits with 2.
    let command = Command::parse();
    let result: Result<(), Failure> = match &command.action {
        Action::Check(arguments) => check::check(arguments),
        Action::Derive(arguments) => derive::derive(arguments),
        Action::Run(arguments) => run::run(arguments),
        Action::Gradcheck(arguments) => gradcheck::gradcheck(arguments),
        Action::Bench(arguments) => bench::bench(arguments),
        Action::Train(arguments) => train::train(arguments),
        Action::Compare(arguments) => compare::compare(arguments),
        Action::Tasks(arguments) => tasks::list::list(arguments),
        Action::Zoo(arguments) => zoo::zoo(arguments),
        Action::Explain(arguments) => explain::explain(arguments),
        Action::Import(arguments) => import::import(arguments),
        Action::Export(arguments) => export::export(arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.print();
            ExitCode::from(failure.exit_code())
        }
    }
}
