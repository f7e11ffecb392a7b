//! Arguments that several subcommands share.

use std::num::IntErrorKind;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};
use gatewright::primitive::Level;

/// Where the equations are and how to read them.
#[derive(Args, Clone, Debug)]
pub(crate) struct SourceArguments {
    /// Equations: LaTeX (.tex), Markdown with LaTeX (.md, .rst, .txt) or plain text (.cell); other names are read as
    /// Markdown. `zoo:NAME` is a published cell: `gatewright zoo` lists them
    pub(crate) file: PathBuf,
    /// Read only the part of the document under this heading
    #[arg(long, value_name = "HEADING")]
    pub(crate) section: Option<String>,
    /// What to do where values of one step need each other (without it that is an error)
    #[arg(long, value_enum)]
    pub(crate) cycle: Option<Cycle>,
    /// Values that are outputs, as if the equations said `NAME: output`
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    pub(crate) output: Vec<String>,
    /// Parameters that are given and not learned, as if the equations said `NAME: frozen`
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    pub(crate) frozen: Vec<String>,
}

/// Ways out of a cycle within one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Cycle {
    /// Read the value of the step before along the cycle's state
    Previous,
    /// Solve the equations of the step by iteration; a run ends with an error where that does not converge
    FixedPoint,
}

/// Element types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Precision {
    /// Single precision
    F32,
    /// Double precision
    F64,
}

/// How the element loops run.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct BackendArguments {
    /// Machine code, or the interpreter that is its meaning
    #[arg(long, value_enum, default_value_t = BackendName::Jit)]
    pub(crate) backend: BackendName,
    /// Most threads to use; results do not depend on it
    #[arg(long, default_value_t = 1, value_parser = positive)]
    pub(crate) threads: usize,
    /// Instruction set of matrix products and transcendental functions; the best of this machine where absent
    #[arg(long, value_enum)]
    pub(crate) level: Option<LevelName>,
}

impl BackendArguments {
    /// The instruction set that is used.
    pub(crate) fn effective_level(&self) -> Level {
        self.level.map_or_else(Level::best, Level::from)
    }
}

/// Instruction sets by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LevelName {
    /// x86-64 with AVX-512
    Avx512,
    /// x86-64 with AVX2 and FMA
    Avx2,
    /// 64-bit Arm
    Neon,
    /// One number at a time, on any machine
    Portable,
}

impl From<LevelName> for Level {
    fn from(name: LevelName) -> Self {
        match name {
            LevelName::Avx512 => Self::Avx512,
            LevelName::Avx2 => Self::Avx2,
            LevelName::Neon => Self::Neon,
            LevelName::Portable => Self::Portable,
        }
    }
}

/// Back ends by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum BackendName {
    /// Machine code
    Jit,
    /// The interpreter
    Interpreter,
}

/// `x=3,h=4`: sizes of dimensions by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sizes(pub(crate) Vec<(String, usize)>);

impl FromStr for Sizes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut sizes: Vec<(String, usize)> = Vec::new();
        for part in text.split(',') {
            let (name, size) =
                part.split_once('=').ok_or_else(|| format!("`{part}` is not of the form NAME=SIZE"))?;
            let (name, size) = (name.trim().to_owned(), size.trim());
            let size = size.parse().map_err(|_| format!("`{size}` is no size"))?;
            if sizes.iter().any(|(known, _)| *known == name) {
                return Err(format!("`{name}` has two sizes"));
            }
            sizes.push((name, size));
        }
        Ok(Self(sizes))
    }
}

/// `b_f=1`: an initial value by the parameter's name.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct InitialValue {
    pub(crate) name: String,
    pub(crate) value: f64,
}

impl FromStr for InitialValue {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
        let value: f64 = value
            .trim()
            .parse()
            .ok()
            .filter(|value: &f64| value.is_finite())
            .ok_or_else(|| format!("`{value}` is no finite number"))?;
        Ok(Self { name: name.trim().to_owned(), value })
    }
}

/// A number of at least one.
pub(crate) fn positive(text: &str) -> Result<usize, String> {
    match text.parse::<usize>() {
        Err(error) if *error.kind() == IntErrorKind::PosOverflow => {
            Err(format!("`{text}` is larger than {}, the most there can be", usize::MAX))
        }
        Ok(0) | Err(_) => Err(format!("`{text}` is not a whole number above zero")),
        Ok(number) => Ok(number),
    }
}

/// A finite number above zero.
pub(crate) fn positive_number(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() && number > 0.0 => Ok(number),
        _ => Err(format!("`{text}` is not a finite number above zero")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_above_zero_are_finite() {
        assert_eq!(positive_number("3e-3"), Ok(3e-3));
        for wrong in ["0", "-1", "NaN", "inf", "", "x"] {
            assert!(positive_number(wrong).is_err(), "{wrong}");
        }
        assert!(positive("0").is_err() && positive("-1").is_err());
    }

    #[test]
    fn initial_values_are_finite() {
        let initial: InitialValue = "b_f = 1".parse().expect("valid");
        assert_eq!((initial.name.as_str(), initial.value), ("b_f", 1.0));
        for wrong in ["", "b_f", "b_f=", "b_f=x", "b_f=NaN", "b_f=inf"] {
            assert!(wrong.parse::<InitialValue>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn sizes_are_read_once_each() {
        let sizes: Sizes = "x=3, h=4".parse().expect("valid");
        assert_eq!(sizes.0, [("x".to_owned(), 3), ("h".to_owned(), 4)]);
        for wrong in ["", "x", "x=", "x=-1", "x=3,x=4", "x=3,,h=4"] {
            assert!(wrong.parse::<Sizes>().is_err(), "{wrong}");
        }
    }
}
