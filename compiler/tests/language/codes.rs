//! Every code has a text that triggers it and no other error, and what is printed for it is kept as it is.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use expect_test::expect_file;
use gatewright_compiler::diagnostic::{Code, Diagnostic, Severity, render};
use gatewright_compiler::passes::read;
use gatewright_compiler::resolve::{CyclePolicy, Options};
use gatewright_compiler::source::Syntax;

/// A text that triggers a code, short enough to be shown.
const EXAMPLES: &[(Code, &str)] = &[
    (Code::UnknownSymbol, "h_t = W x_t § h_{t-1}"),
    (Code::UnknownCommand, "h_t = \\tnah(W x_t + U h_{t-1})"),
    (Code::UnbalancedBracket, "h_t = tanh(W x_t + U h_{t-1}"),
    (Code::ExpectedValue, "h_t = W x_t + U h_{t-1} +"),
    (Code::UnexpectedToken, "h_t = \\langle h_{t-1}, x_t \\rangle"),
    (Code::ExpectedEquation, "h_t = z_t h_{t-1}; z_t = W x_t; sigmoid(W x_t + b)"),
    (Code::LeftSide, "h_t + c_t = x_t + h_{t-1}"),
    (Code::NoEquations, "# A title\n\nAnd some words."),
    (
        Code::SectionsDiffer,
        "# LSTM\n$$h_t = \\tanh(h_{t-1} + x_t)$$\n# GRU\n$$h_t = \\sigma(h_{t-1} + x_t)$$",
    ),
    (Code::DoubleIndex, "h_t^{(t-1)} = x_t"),
    (Code::LabelledFunction, "h_t = \\mathrm{LN}_1(x_t + h_{t-1})"),
    (Code::DanglingSign, "h_t = h_{t-1} + \\sigma(g^-_t)"),
    (Code::BadSize, "h_t = W x_t + h_{t-1} \\\\ W \\in \\mathbb{R}^{n^2 \\times d}"),
    (Code::ChainDiffers, "h_t = \\sigma(x_t + h_{t-1}) = \\tanh(x_t + h_{t-1})"),
    (Code::LostIndex, "h{t} = W x_t + U h_{t-1}"),
    (Code::UnknownFunction, "h_t = tahn(W x_t + U h_{t-1})"),
    (Code::UnboundActivation, "h_t = \\phi(W x_t + U h_{t-1})"),
    (Code::MixedIndex, "h_t = W x_t + U h"),
    (Code::ArgumentCount, "h_t = max(x_t) + h_{t-1}"),
    (Code::FunctionAsValue, "h_t = tanh + x_t + h_{t-1}"),
    (Code::RecursiveFunction, "f(u) = f(u) + 1; h_t = f(x_t) + h_{t-1}"),
    (Code::NameConflict, "f = tanh; f = sigmoid; h_t = f(x_t) + h_{t-1}"),
    (
        Code::ConflictingDeclaration,
        "W \\in \\mathbb{R}^{n \\times d} \\\\ W \\in \\mathbb{R}^{n} \\\\ h_t = W x_t + h_{t-1}",
    ),
    (
        Code::AlternativeDefinitions,
        "$$h_t = \\tanh(x_t + h_{t-1})$$\n\nor\n\n$$h_t = \\sigma(x_t + h_{t-1})$$",
    ),
    (Code::NoSuchName, "h_t = W x_t + U h_{t-1}; V: frozen"),
    (Code::ShapeContradiction, "h_t = tanh(W [h_{t-1}, x_t]) + [h_{t-1}, x_t]"),
    (Code::OperandKind, "h_t = h_{t-1} + b + b k^\\top"),
    (Code::AmbiguousProduct, "h_t = W x_t U h_{t-1}"),
    (Code::UnsolvedDimension, "h_t = [a_t, b_t] + c_t + [d_t, e_t] + 0 h_{t-1}"),
    (Code::SliceOutOfRange, "h_t = x_t[0:6] + h_{t-1}; x_t: [4]"),
    (Code::MatrixAndVector, "h_t = W x_t + W \\odot h_{t-1}"),
    (Code::Cycle, "o_t = sigmoid(W h_t + x_t); h_t = o_t * h_{t-1}"),
    (Code::FutureRead, "h_t = tanh(x_t + U h_{t+1})"),
    (Code::DefinedAtTwoTimes, "h_t = x_t \\\\ h_{t+1} = U h_t"),
    (Code::NothingVaries, "h_new = tanh(W x + U h_old)"),
    (Code::Convolution, "h_t = W * \\mathcal{X}_t + h_{t-1}"),
    (Code::MatrixPower, "h_t = (I - A)^{-1} x_t + h_{t-1}"),
    (Code::InitialState, "h_t = W x_t + h_{t-1}; h_0 = W x_t"),
    (Code::Piecewise, "h_t = h_{t-1} + \\begin{cases} x_t & x_t > 0 \\\\ 0 & x_t \\le 0 \\end{cases}"),
    (Code::SumOverIndices, "h_t = \\sum_k x_{t-k} + h_{t-1}"),
    (Code::DifferentialEquation, "\\frac{dh}{dt} = -h(t) + W x(t)"),
    (Code::MatrixOfBlocks, "h_t = \\begin{pmatrix} A & B \\\\ C & D \\end{pmatrix} h_{t-1}"),
    (Code::NamedMap, "h_t = tanh(Linear(x_t) + h_{t-1})"),
    (Code::MatrixFunction, "A = \\exp(\\Delta B) \\\\ h_t = A h_{t-1} + x_t"),
    (Code::SecondIndex, "s_d^{t} = \\tanh(W s_{d-1}^{t} + U s_d^{t-1})"),
    (Code::SampleOrChoice, "h_t = \\tanh(x_t + U h_{t-1}) \\\\ y_t = \\arg\\max(V h_t)"),
    (Code::ComplexNumber, "a = \\exp(-\\nu + i \\theta) \\\\ h_t = a h_{t-1} + x_t"),
    (Code::Gradient, "h_t = h_{t-1} - \\nabla \\ell(h_{t-1}, x_t)"),
    (Code::OwnSigma, "h_t = \\sigma(W x_t + U h_{t-1}) \\\\ \\sigma = \\tanh"),
    (Code::SpokenFunction, "$$h_t = \\phi(W x_t + U h_{t-1})$$\nwhere $\\phi$ is the hyperbolic tangent."),
    (Code::SpokenConstant, "$$h_t = \\alpha h_{t-1} + x_t$$\nwhere $\\alpha = 0.9$."),
    (
        Code::UnreadText,
        "$$h_t = W h_{t-1} + x_t$$\nwith $W = \\operatorname{diag}(\\lambda_1, \\dots, \\lambda_N)$.",
    ),
    (Code::TooManyStates, "h_t = x_t + h_{t-1000}"),
    (Code::DimensionTooLarge, "h_t = x_t + h_{t-1} \\\\ x_t \\in \\mathbb{R}^{99999999}"),
    (Code::NoState, "h_t = tanh(W x_t)"),
    (Code::OverwrittenDefinition, "h_t = x_t; h_t = W x_t + h_{t-1}"),
    (Code::UnreadDefinition, "z_t = sigmoid(x_t); h_t = x_t + h_{t-1}"),
    (Code::UnusedDeclaration, "h_t = W x_t + h_{t-1}; V: [n]"),
    (Code::SharedParameter, "z_t = sigmoid(W x_t); h_t = z_t h_{t-1} + W x_t"),
    (Code::FurtherInput, "z_t = \\sigma(x_t) \\\\ h_t = z_t h_{t-1} + \\hat{z}_t"),
    (Code::CyclePrevious, "o_t = sigmoid(W h_t + x_t); h_t = o_t * h_{t-1}"),
    (Code::RowConvention, "h_t = x_t W + h_{t-1}"),
    (Code::OutputChosen, "s_t = x_t + s_{t-1}; o_t = V s_t"),
    (Code::ScalarRead, "S_t = \\alpha_t S_{t-1} + v_t k_t^\\top"),
    (Code::CycleSolved, "o_t = sigmoid(W h_t + x_t); h_t = o_t * h_{t-1}"),
    (Code::NumberedWeight, "h_t = \\tanh(W x_t + W^2 h_{t-1})"),
    (Code::LearnedExponent, "h_t = h_{t-1} + (1 + x_t)^p"),
    (Code::LearnedConstant, "h_t = \\cos(2 \\pi x_t) + U h_{t-1}"),
    (
        Code::UnreadDeclaration,
        "with $W \\in \\mathbb{R}^{n^2 \\times d}$\n\n$$h_t = \\tanh(W x_t + U h_{t-1})$$",
    ),
    (Code::JoinedWeight, "h_t = \\tanh(W [h_{t-1}, x_t, e])"),
    (Code::VectorRead, "h_t = \\sigma(\\Lambda) h_{t-1} + x_t"),
    (Code::AsteriskProduct, "i_t = \\sigma(W * x_t); h_t = i_t \\odot h_{t-1}"),
    (Code::TwoNotations, "h_t = \\tanh(W x_t + U h^{(t-1)})"),
    (Code::SkippedRow, "$$h_t = x_t + h_{t-1}$$\n$$L = \\sum_t (y_t - h_t)^2$$"),
    (Code::OneLayer, "h_t^{(l)} = \\tanh(W h_t^{(l-1)} + U h_{t-1}^{(l)})"),
];

/// Texts that are too long to be shown, and those that need a section.
fn long_examples() -> Vec<(Code, String, Option<&'static str>)> {
    let cell = "# A\n$$h_t = x_t + h_{t-1}$$\n# AB\n$$c_t = x_t$$\n";
    vec![
        (Code::SectionNotFound, cell.to_owned(), Some("nowhere")),
        (
            Code::SectionAmbiguous,
            "# 1 gate\n$$h_t = x_t$$\n# 2 gate\n$$c_t = x_t$$\n".to_owned(),
            Some("gate"),
        ),
        (Code::TooManyDefinitions, (0..5000).map(|at| format!("a_{at} = x_t\n")).collect(), None),
        (Code::TooManyNames, format!("h_t = h_{{t-1}}{}", too_many_names()), None),
        (Code::TooManyOperations, too_many_operations(), None),
        (Code::SourceTooLong, "h_t = x_t\n".repeat(200_000), None),
        (Code::NestingTooDeep, format!("h_t = {}x_t{}", "(".repeat(500), ")".repeat(500)), None),
        (Code::EquationTooLong, format!("h_t = h_{{t-1}}{}", " + x_t".repeat(600)), None),
        (Code::NameTooLong, format!("h_t = {} x_t + h_{{t-1}}", "W".to_owned() + &"a".repeat(300)), None),
        (Code::MoreOfTheKind, (0..100).map(|at| format!("h_{at} = §\n")).collect(), None),
    ]
}

/// More than 16,384 names in lines that are not too long.
fn too_many_names() -> String {
    (0..400)
        .map(|line| {
            let terms: String = (0..50).map(|at| format!(" + w{line}z{at}")).collect();
            format!("\nc{line}_t = x_t{terms}")
        })
        .collect()
}

/// Functions that apply each other: each doubles what the one before is.
fn too_many_operations() -> String {
    let mut text = "f0(u) = u + 1\n".to_owned();
    for at in 1..24 {
        let before = at - 1;
        let _ = writeln!(text, "f{at}(u) = f{before}(f{before}(u))");
    }
    text + "h_t = f23(x_t) + h_{t-1}"
}

/// Codes of those who read files: the compiler is given text.
const OF_FILES: [Code; 2] = [Code::UnreadableFile, Code::NotText];

/// What is found in a text.
fn findings(code: Code, text: &str, section: Option<&str>) -> Vec<Diagnostic> {
    let cycle = match code {
        Code::CyclePrevious => CyclePolicy::Previous,
        Code::CycleSolved => CyclePolicy::FixedPoint,
        _ => CyclePolicy::Reject,
    };
    let syntax =
        if section.is_some() || text.starts_with('#') { Syntax::Markdown } else { crate::syntax(text) };
    match read(text, syntax, section, &Options { cycle, ..Options::default() }) {
        Ok(cell) => cell.diagnostics,
        Err(found) => found,
    }
}

/// The code is found, and no error that is not it.
#[track_caller]
fn triggers(code: Code, text: &str, found: &[Diagnostic]) {
    let shown: String = text.chars().take(200).collect();
    let errors: BTreeSet<Code> =
        found.iter().map(|one| one.code).filter(|one| one.severity() == Severity::Error).collect();
    let expected = if code.severity() == Severity::Error || code == Code::MoreOfTheKind {
        errors.len() == 1
    } else {
        errors.is_empty()
    };
    let listed: String = crate::listed(found).chars().take(2000).collect();
    assert!(found.iter().any(|one| one.code == code) && expected, "{code:?}\n{shown}\n{listed}");
}

#[test]
fn every_code_has_an_example_that_triggers_it_alone() {
    let mut seen: BTreeSet<Code> = BTreeSet::new();
    let mut faults = String::new();
    for (code, text) in EXAMPLES {
        seen.insert(*code);
        if std::panic::catch_unwind(|| triggers(*code, text, &findings(*code, text, None))).is_err() {
            let _ = writeln!(faults, "{code:?}");
        }
    }
    for (code, text, section) in long_examples() {
        seen.insert(code);
        if std::panic::catch_unwind(|| triggers(code, &text, &findings(code, &text, section))).is_err() {
            let _ = writeln!(faults, "{code:?}");
        }
    }
    assert_eq!(faults, "");
    let missing: Vec<&Code> =
        Code::ALL.iter().filter(|code| !seen.contains(code) && !OF_FILES.contains(code)).collect();
    assert!(missing.is_empty(), "no example for {missing:?}");
}

#[test]
fn every_error_says_where_what_and_what_to_do() {
    for (code, text) in EXAMPLES {
        for found in findings(*code, text, None).iter().filter(|one| one.code == *code) {
            assert!(found.span.end as usize <= text.len(), "{code:?}");
            assert!(!found.message.is_empty(), "{code:?}");
            if code.severity() == Severity::Error {
                assert!(found.help.is_some(), "{code:?} gives no advice: {}", found.message);
            }
        }
    }
}

#[test]
fn what_is_printed_for_every_code() {
    let mut printed = String::new();
    for (code, text) in EXAMPLES {
        let found: Vec<Diagnostic> =
            findings(*code, text, None).into_iter().filter(|one| one.code == *code).collect();
        let _ = writeln!(printed, "{}", render(&found, text, "cell", false).trim_end());
        printed.push('\n');
    }
    expect_file!["codes.txt"].assert_eq(&printed);
}
