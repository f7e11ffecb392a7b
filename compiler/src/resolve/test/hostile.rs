//! Random documents: whatever they hold, there is a cell or there are errors, and never a panic.

use crate::operator::Operator;
use crate::resolve::{Cell, CyclePolicy, Options, resolve};
use crate::source::ast::{
    Comparison, Document, Expression, ExpressionKind, Function, Name, ProductSign, Reference, Size,
    Statement, StatementKind,
};
use crate::span::Span;

/// A linear congruential generator: tests must not depend on a seed from outside.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % limit
    }

    fn pick<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    fn span(&mut self) -> Span {
        let start = u32::try_from(self.below(100)).unwrap_or(0);
        Span::new(start, start + 1)
    }

    fn name(&mut self) -> Name {
        let canonical = self.pick(&[
            "x", "h", "c", "y", "W", "U", "b", "w", "alpha", "I", "g", "f", "h_tilde", "Phi", "cal_X", "h_0",
            "tahn",
        ]);
        let superscript =
            if self.below(8) == 0 { Some(u32::try_from(self.below(4)).unwrap_or(0)) } else { None };
        let upper = canonical.starts_with(|letter: char| letter.is_ascii_uppercase());
        Name { canonical: canonical.to_owned(), upper, superscript }
    }

    fn reference(&mut self) -> Reference {
        let name = self.name();
        let extreme = [i32::MIN, i32::MAX, -300, 7];
        let time = match self.below(24) {
            0 => Some(self.pick(&extreme)),
            1..=9 => Some(0),
            10..=14 => Some(-1),
            15 => Some(1),
            16 => Some(-2),
            _ => None,
        };
        Reference { name, time, span: self.span() }
    }

    fn expression(&mut self, depth: usize) -> Expression {
        let kind = if depth == 0 {
            match self.below(6) {
                0 => {
                    ExpressionKind::Number(self.pick(&[0.0, 1.0, 0.5, -3.0, f64::NAN, f64::INFINITY, 1e300]))
                }
                1 if self.below(10) == 0 => ExpressionKind::FunctionName(Function::Tanh),
                _ => ExpressionKind::Reference(self.reference()),
            }
        } else {
            let pair = |random: &mut Self| {
                let (left, right) = (random.below(depth), random.below(depth));
                (Box::new(random.expression(left)), Box::new(random.expression(right)))
            };
            match self.below(13) {
                0 => ExpressionKind::Negate(Box::new(self.expression(depth - 1))),
                1 | 2 => {
                    let (left, right) = pair(self);
                    ExpressionKind::Add(left, right)
                }
                3 => {
                    let (left, right) = pair(self);
                    ExpressionKind::Subtract(left, right)
                }
                4 => {
                    let (left, right) = pair(self);
                    ExpressionKind::Divide(left, right)
                }
                5 => {
                    let (left, right) = pair(self);
                    ExpressionKind::Power(left, right)
                }
                11 => {
                    let sign =
                        self.pick(&[Comparison::Less, Comparison::GreaterOrEqual, Comparison::NotEqual]);
                    let (left, right) = pair(self);
                    ExpressionKind::Compare(sign, left, right)
                }
                6 => ExpressionKind::Transpose(Box::new(self.expression(depth - 1))),
                7 => ExpressionKind::Group(Box::new(self.expression(depth - 1))),
                8 => ExpressionKind::Concatenate(self.several(depth, 0)),
                9 => {
                    let function = self.pick(&[
                        Function::Sigmoid,
                        Function::Softmax,
                        Function::LayerNorm,
                        Function::Maximum,
                        Function::Clip,
                        Function::Diagonal,
                        Function::Norm,
                        Function::Mean,
                        Function::Gelu,
                        Function::Selu,
                        Function::Where,
                        Function::Modulo,
                        Function::Round,
                        Function::Cumax,
                        Function::RowScale,
                        Function::TransposedProduct,
                        Function::Outer,
                        Function::Chunk,
                    ]);
                    ExpressionKind::Call(function, self.several(depth, 0))
                }
                10 => {
                    let sign = self.pick(&[
                        ProductSign::Dot,
                        ProductSign::Asterisk,
                        ProductSign::Hadamard,
                        ProductSign::Tensor,
                        ProductSign::At,
                        ProductSign::Cross,
                    ]);
                    let (left, right) = pair(self);
                    ExpressionKind::Product(sign, left, right)
                }
                _ => ExpressionKind::Chain(self.several(depth, 1)),
            }
        };
        Expression { kind, span: self.span() }
    }

    fn several(&mut self, depth: usize, least: usize) -> Vec<Expression> {
        (0..least + self.below(4)).map(|_| self.expression(depth - 1)).collect()
    }

    fn statement(&mut self) -> Statement {
        let depth = self.below(5);
        let kind = match self.below(12) {
            0 => StatementKind::Function {
                name: self.name(),
                name_span: self.span(),
                parameter: if self.below(3) == 0 { None } else { Some(self.reference()) },
                body: self.expression(depth),
            },
            1 => {
                let sizes = (0..self.below(4)).map(|_| match self.below(4) {
                    0 => Size::Known(self.pick(&[0, 1, 4, u32::MAX])),
                    1 => Size::Sum(vec![
                        Size::Named("h".to_owned()),
                        Size::Known(u32::MAX),
                        Size::Named("x".to_owned()),
                    ]),
                    _ => Size::Named(self.pick(&["h", "x", "n"]).to_owned()),
                });
                let sizes = sizes.collect();
                StatementKind::Declaration { target: self.reference(), sizes }
            }
            _ => StatementKind::Definition { target: self.reference(), value: self.expression(depth) },
        };
        Statement { kind, span: self.span() }
    }
}

/// The invariants of a cell that later stages rely on.
fn verify(cell: &Cell) {
    for (index, term) in cell.terms.iter().enumerate() {
        assert!(term.operands.iter().all(|operand| (operand.0 as usize) < index));
        let leaves = match term.operator {
            Operator::Input(at) => Some((at, cell.inputs.len())),
            Operator::State(at) => Some((at, cell.states.len())),
            Operator::Parameter(at) => Some((at, cell.parameters.len())),
            _ => None,
        };
        assert!(leaves.is_none_or(|(at, count)| (at as usize) < count));
    }
    let sizes = vec![3; cell.dimensions.len()];
    for term in &cell.terms {
        assert!(term.shape.sizes(&sizes).is_some());
    }
    for state in &cell.states {
        assert_eq!(cell.terms[state.next.0 as usize].shape, state.variable.shape);
    }
    assert_eq!(cell.outputs.len(), 1);
    let mut names: Vec<&str> =
        cell.inputs.iter().chain(&cell.parameters).map(|one| one.name.as_str()).collect();
    names.extend(cell.states.iter().map(|state| state.variable.name.as_str()));
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}

#[test]
fn ten_thousand_random_documents_never_panic() {
    let mut random = Random(7);
    let mut cells = 0;
    for _ in 0..10_000 {
        let statements = (0..random.below(6)).map(|_| random.statement()).collect();
        let document = Document { statements, ..Document::default() };
        let cycle = random.pick(&[CyclePolicy::Reject, CyclePolicy::Previous, CyclePolicy::FixedPoint]);
        match resolve(&document, &Options { cycle, ..Options::default() }) {
            Ok(cell) => {
                cells += 1;
                verify(&cell);
            }
            Err(diagnostics) => assert!(!diagnostics.is_empty()),
        }
    }
    assert!(cells > 100, "only {cells} of the documents were cells: the test tests nothing");
}

fn definition(name: &str, value: ExpressionKind) -> Statement {
    let span = Span::new(0, 1);
    let name = Name { canonical: name.to_owned(), upper: false, superscript: None };
    let target = Reference { name, time: Some(0), span };
    Statement { kind: StatementKind::Definition { target, value: Expression { kind: value, span } }, span }
}

fn read(name: &str, time: i32) -> Expression {
    let span = Span::new(0, 1);
    let name = Name { canonical: name.to_owned(), upper: false, superscript: None };
    Expression { kind: ExpressionKind::Reference(Reference { name, time: Some(time), span }), span }
}

#[test]
fn thousands_of_definitions_in_the_wrong_order_resolve() {
    let count = crate::limits::MAXIMUM_DEFINITIONS;
    let statements = (0..count)
        .map(|at| {
            let next = read(&format!("a{}", at + 1), if at % 100 == 0 { -1 } else { 0 });
            definition(&format!("a{at}"), ExpressionKind::Add(Box::new(next), Box::new(read("x", 0))))
        })
        .collect();
    let cell = resolve(&Document { statements, ..Document::default() }, &Options::default());
    assert_eq!(cell.map(|cell| cell.definitions.len()).map_err(|errors| errors.len()), Ok(count));
}

#[test]
fn limits_are_errors() {
    let many = (0..=crate::limits::MAXIMUM_DEFINITIONS)
        .map(|at| definition(&format!("a{at}"), ExpressionKind::Number(1.0)));
    let errors =
        resolve(&Document { statements: many.collect(), ..Document::default() }, &Options::default())
            .map_or_else(|found| found, |_| vec![]);
    assert_eq!(errors.first().map(|error| error.code.as_str()), Some("GW0501"));
    let names = (0..=crate::limits::MAXIMUM_NAMES).map(|at| read(&format!("a{at}"), 0)).collect();
    let statements = vec![definition("h", ExpressionKind::Concatenate(names))];
    let errors = resolve(&Document { statements, ..Document::default() }, &Options::default())
        .map_or_else(|found| found, |_| vec![]);
    assert_eq!(errors.first().map(|error| error.code.as_str()), Some("GW0502"));
    let statements = vec![definition("h", read("x", 0).kind), definition("c", read("h", -300).kind)];
    let errors = resolve(&Document { statements, ..Document::default() }, &Options::default())
        .map_or_else(|found| found, |_| vec![]);
    assert!(errors.iter().any(|error| error.code.as_str() == "GW0503"));
}
