//! `gatewright explain`: what a code of a finding means.

use clap::Args;
use gatewright::compiler::diagnostic::Code;

use crate::failure::Failure;
use crate::print::answer_line;

/// Say what the code of an error, warning or note means and what to do; without a code list them all
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Such as GW0201
    code: Option<String>,
}

/// Runs the subcommand.
pub(crate) fn explain(arguments: &Arguments) -> Result<(), Failure> {
    match &arguments.code {
        Some(code) => print_explanation(code),
        None => {
            for code in Code::ALL {
                answer_line!("{}  {:7}  {}", code.as_str(), code.severity().name(), code.title())?;
            }
            Ok(())
        }
    }
}

/// Prints the paragraph of one code; upper and lower case are one.
pub(crate) fn print_explanation(name: &str) -> Result<(), Failure> {
    let code = Code::ALL.iter().find(|code| code.as_str().eq_ignore_ascii_case(name)).ok_or_else(|| {
        Failure::usage(format!("there is no code `{name}`: `gatewright explain` lists all codes"))
    })?;
    answer_line!("{}[{}]: {}\n", code.severity().name(), code.as_str(), code.title())?;
    for line in code.explanation().lines() {
        answer_line!("{}", line.trim())?;
    }
    Ok(())
}
