//! From a file to a checked cell to a compiled one: what every subcommand begins with.

use std::fs::File;
use std::io::{IsTerminal, Read};
use std::path::Path;
use std::time::{Duration, Instant};

use gatewright::compiler::diagnostic::{Code, Diagnostic, line_column, render};
use gatewright::compiler::graph::Graph;
use gatewright::compiler::limits::MAXIMUM_SOURCE_BYTES;
use gatewright::compiler::passes::read;
use gatewright::compiler::regularize::Regularizer;
use gatewright::compiler::resolve::{Cell, CyclePolicy, Options, settle};
use gatewright::compiler::source::ast::Document;
use gatewright::compiler::source::{Syntax, parse};
use gatewright::layer::RegularizedCell;
use gatewright::{Backend, CompileOptions, CompiledCell, Element, zoo};

use crate::arguments::{BackendArguments, BackendName, Cycle, SourceArguments};
use crate::failure::Failure;
use crate::print::message;

/// What stands before the name of a cell of the zoo where a file is expected.
pub(crate) const ZOO: &str = "zoo:";

/// The cell of the zoo that a command line names.
pub(crate) fn zoo_entry(name: &str) -> Result<&'static zoo::Entry, Failure> {
    zoo::find(name)
        .ok_or_else(|| Failure::usage(format!("the zoo has no `{name}`: `gatewright zoo` lists its cells")))
}

/// A text of equations, with what is needed to read it.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
    syntax: Syntax,
    section: Option<String>,
    options: Options,
}

/// A cell without errors, with the notes and warnings about it.
#[derive(Clone, Debug)]
pub(crate) struct Checked {
    pub(crate) source: Source,
    pub(crate) cell: Cell,
}

/// Why a file is no text to read equations from, and where in it that shows.
#[derive(Clone, Debug)]
pub(crate) struct Unread {
    pub(crate) code: Code,
    pub(crate) message: String,
    pub(crate) line: usize,
    pub(crate) column: usize,
    path: String,
}

impl Unread {
    /// What to do.
    pub(crate) const fn help(&self) -> &'static str {
        match self.code {
            Code::NotText => "save the equations as UTF-8; of a PDF copy them into a file of text",
            Code::SourceTooLong => "give the part that holds the cell",
            _ => "give the path of a file, or `zoo:NAME` for a cell of the zoo",
        }
    }
}

impl From<Unread> for Failure {
    fn from(unread: Unread) -> Self {
        let help = unread.help();
        let Unread { code, message, path, .. } = unread;
        let text = format!("{path}: {message} ({})\n  help: {help}", code.as_str());
        // A path that leads nowhere is a slip of the command line; a file of the wrong kind is wrong data.
        if code == Code::UnreadableFile { Self::Usage(text) } else { Self::Data(text) }
    }
}

/// The text of a file.
fn read_file(path: &Path) -> Result<String, Unread> {
    let unread = |code, message: String, (line, column)| Unread {
        code,
        message,
        line,
        column,
        path: path.display().to_string(),
    };
    let mut bytes = Vec::new();
    // Of a file that is too long no more is read than shows it.
    File::open(path)
        .and_then(|file| file.take(MAXIMUM_SOURCE_BYTES as u64 + 1).read_to_end(&mut bytes))
        .map_err(|error| unread(Code::UnreadableFile, error.to_string(), (1, 1)))?;
    if bytes.len() > MAXIMUM_SOURCE_BYTES {
        let message = format!("the source has more than {MAXIMUM_SOURCE_BYTES} bytes (MAXIMUM_SOURCE_BYTES)");
        return Err(unread(Code::SourceTooLong, message, (1, 1)));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let before = String::from_utf8_lossy(&error.as_bytes()[..valid]);
        let place = line_column(&before, u32::try_from(valid).unwrap_or(u32::MAX));
        let message = format!("the text is not UTF-8 from line {}, column {} on", place.0, place.1);
        unread(Code::NotText, message, place)
    })
}

impl Source {
    pub(crate) fn read(arguments: &SourceArguments) -> Result<Self, Unread> {
        let path = &arguments.file;
        let (text, syntax) = match path.to_str().and_then(|name| name.strip_prefix(ZOO)) {
            Some(name) => match zoo::find(name) {
                Some(entry) => (entry.text.to_owned(), Syntax::Markdown),
                None => {
                    let message = format!("the zoo has no `{name}`: `gatewright zoo` lists its cells");
                    let (code, path) = (Code::UnreadableFile, path.display().to_string());
                    return Err(Unread { code, message, line: 1, column: 1, path });
                }
            },
            None => {
                let text = read_file(path)?;
                let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
                (text, Syntax::from_extension(extension).unwrap_or(Syntax::Markdown))
            }
        };
        let cycle = match arguments.cycle {
            None => CyclePolicy::Reject,
            Some(Cycle::Previous) => CyclePolicy::Previous,
            Some(Cycle::FixedPoint) => CyclePolicy::FixedPoint,
        };
        Ok(Self {
            path: path.display().to_string(),
            text,
            syntax,
            section: arguments.section.clone(),
            options: Options { cycle, outputs: arguments.output.clone(), frozen: arguments.frozen.clone() },
        })
    }

    /// Parses and resolves; fails with all findings, errors among them.
    pub(crate) fn findings(&self) -> Result<Cell, Vec<Diagnostic>> {
        read(&self.text, self.syntax, self.section.as_deref(), &self.options)
    }

    /// The equations as written.
    pub(crate) fn document(&self) -> Document {
        settle(parse(&self.text, self.syntax, self.section.as_deref()), &self.options).document
    }

    /// Findings with excerpts and carets, in colour where standard error is a terminal.
    pub(crate) fn render(&self, diagnostics: &[Diagnostic]) -> String {
        render(diagnostics, &self.text, &self.path, std::io::stderr().is_terminal())
    }

    /// A short name for the cell: the file's name without its extension.
    pub(crate) fn name(&self) -> String {
        let path = self.path.strip_prefix(ZOO).unwrap_or(&self.path);
        let name = Path::new(path).file_stem();
        name.map_or_else(|| "cell".to_owned(), |name| name.to_string_lossy().into_owned())
    }
}

impl Checked {
    /// Reads and checks; errors are a failure.
    pub(crate) fn read(arguments: &SourceArguments) -> Result<Self, Failure> {
        let source = Source::read(arguments)?;
        match source.findings() {
            Ok(cell) => Ok(Self { source, cell }),
            Err(diagnostics) => Err(Failure::Equations(source.render(&diagnostics))),
        }
    }

    /// Prints notes and warnings to standard error.
    pub(crate) fn print_findings(&self) {
        message(format_args!("{}", self.source.render(&self.cell.diagnostics)));
    }

    /// Compiles for these sizes, in the order of the cell's dimensions.
    pub(crate) fn compile<T: Element>(
        &self,
        sizes: &[usize],
        arguments: BackendArguments,
    ) -> Result<CompiledCell<T>, Failure> {
        Ok(CompiledCell::new(&self.cell, &self.named(sizes), options(arguments))?)
    }

    /// As [`Checked::compile`], of a graph made from the cell's.
    pub(crate) fn compile_graph<T: Element>(
        &self,
        graph: &Graph,
        sizes: &[usize],
        arguments: BackendArguments,
    ) -> Result<CompiledCell<T>, Failure> {
        Ok(CompiledCell::from_graph(graph, &self.named(sizes), options(arguments))?)
    }

    /// As [`Checked::compile_graph`], with masks of this seed in training.
    pub(crate) fn compile_regularized<T: Element>(
        &self,
        graph: &Graph,
        sizes: &[usize],
        arguments: BackendArguments,
        choices: &[Regularizer],
        seed: u64,
    ) -> Result<RegularizedCell<T>, Failure> {
        Ok(RegularizedCell::from_graph(graph, &self.named(sizes), options(arguments), choices, seed)?)
    }

    fn named(&self, sizes: &[usize]) -> Vec<(&str, usize)> {
        self.cell.dimensions.iter().map(String::as_str).zip(sizes.iter().copied()).collect()
    }
}

fn options(arguments: BackendArguments) -> CompileOptions {
    let backend = match arguments.backend {
        BackendName::Jit => Backend::Jit,
        BackendName::Interpreter => Backend::Interpreter,
    };
    CompileOptions {
        backend,
        threads: arguments.threads,
        level: arguments.effective_level(),
        ..CompileOptions::default()
    }
}

/// Compiles from text to callable code, all of it within the time that is given back.
pub(crate) fn compile_text<T: Element>(
    source: &Source,
    sizes: &[usize],
    arguments: BackendArguments,
) -> Result<(CompiledCell<T>, Duration), Failure> {
    let source = source.clone();
    let started = Instant::now();
    let cell = source.findings().map_err(|diagnostics| Failure::Equations(source.render(&diagnostics)))?;
    let checked = Checked { source, cell };
    let compiled = checked.compile(sizes, arguments)?;
    Ok((compiled, started.elapsed()))
}
