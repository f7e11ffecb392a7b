//! Scalar, vector or matrix: the kind of every expression, before any size is known.
//!
//! Parameters have the kind of their declaration, else upper case reads as a matrix and lower case as a vector; an
//! upper-case one that stands beside `\odot` takes the kind of what it meets. What is defined has the kind of its
//! definition, found by going round until nothing changes, since a state is read before it is known.

use super::draft::Draft;
use super::expression::{NodeId, NodeKind, Role, Source, SymbolId};
use super::initial::step_label;
use super::number;
use super::product::{Factor, Kind, product_kind};
use super::vector;
use crate::diagnostic::Code;
use crate::source::ast::{Function, ProductSign, Size};
use crate::source::function_name;
use std::collections::{BTreeSet, HashMap};

/// How often all equations are looked at again after the first answer; honest cells need one round.
pub(super) const ROUNDS: usize = 8;

/// The kinds found.
#[derive(Debug)]
pub(super) struct Kinds {
    /// Of inputs and parameters, by symbol.
    pub(super) symbols: Vec<Kind>,
    /// Of definitions, by equation.
    pub(super) equations: Vec<Kind>,
    /// Of expressions.
    pub(super) nodes: Vec<Kind>,
    /// Of expressions, when everything had a kind for the first time.
    pub(super) settled: Vec<Kind>,
    /// Name of the batch axis, where per-step values are declared with one.
    pub(super) batch: Option<String>,
}

/// Finds all kinds.
pub(super) fn infer(draft: &mut Draft) -> Kinds {
    // Terms of sums are vectors, unless what they are added to is a matrix.
    let addends = vector::addends(draft);
    let mut vectors: BTreeSet<SymbolId> = addends.keys().copied().collect();
    let letters = vector::applied_letters(draft);
    vectors.extend(&letters);
    let divisors = vector::divisors(draft);
    vectors.extend(divisors.names.union(&divisors.numerators));
    let mut kinds = attempt(draft, &BTreeSet::new(), &vectors);
    let met = |symbol: &SymbolId| {
        let others = addends.get(symbol).into_iter().flatten();
        others.into_iter().any(|other| matches!(kinds.nodes[other.0], Kind::Matrix | Kind::Diagonal))
    };
    let matrices: Vec<SymbolId> = vectors.iter().copied().filter(met).collect();
    if !matrices.is_empty() {
        vectors.retain(|symbol| !matrices.contains(symbol));
        kinds = attempt(draft, &BTreeSet::new(), &vectors);
    }
    vector::note(draft, &letters, "functions make its elements", "where a matrix is meant, declare `?`");
    let columns = vector::number_columns(draft, &kinds);
    if !columns.is_empty() {
        vectors.extend(columns);
        kinds = attempt(draft, &BTreeSet::new(), &vectors);
    }
    let mut scalars = number::letter_scales(draft, &kinds, &divisors.names);
    scalars.extend(number::matrix_scales(draft, &kinds));
    let input = |symbol: &SymbolId| draft.symbol(*symbol).role == Role::Input;
    scalars.extend(number::identity_scales(draft).into_iter().filter(input));
    let mut parts = number::declared_numbers(draft, &kinds);
    parts.extend(number::weights_of_numbers(draft, &kinds));
    parts.retain(|symbol| !scalars.contains(symbol));
    if !scalars.is_empty() || !parts.is_empty() {
        number::note_scales(draft, &scalars);
        number::note_parts(draft, &parts);
        scalars.extend(parts);
        kinds = attempt(draft, &scalars, &vectors);
    }
    number::number_biases(draft, &mut kinds, &mut scalars, &vectors);
    for (read, why) in [
        (&divisors.names, "an equation divides by it"),
        (&divisors.numerators, "it is divided like a number"),
    ] {
        let read = read.difference(&scalars).copied().collect();
        vector::note(draft, &read, why, "declare what is meant, as in `? \\in \\mathbb{R}` for one number");
    }
    vector::report_divisors(draft, &kinds, &divisors);
    let diagonal = diagonal_uses(draft);
    report_double_use(draft, &mut kinds, &diagonal);
    matrix_functions(draft, &kinds);
    number::inner_states(draft, &kinds);
    kinds
}

/// The kinds, where the names in `scalars` are scalars and those in `vectors` vectors.
pub(super) fn attempt(draft: &Draft, scalars: &BTreeSet<SymbolId>, vectors: &BTreeSet<SymbolId>) -> Kinds {
    let batch = batch_axis(draft);
    let mut kinds = Kinds {
        symbols: vec![Kind::Unknown; draft.symbols.len()],
        equations: vec![Kind::Unknown; draft.equations.len()],
        nodes: vec![Kind::Unknown; draft.nodes.len()],
        settled: Vec::new(),
        batch,
    };
    let diagonal = diagonal_uses(draft);
    let scales = number::identity_scales(draft);
    for (index, symbol) in draft.symbols.iter().enumerate() {
        let id = SymbolId(index);
        let declared = kinds.declared(draft, id).map(|sizes| match sizes.len() {
            0 => Kind::Scalar,
            1 => Kind::Vector,
            _ => Kind::Matrix,
        });
        let declared = declared.or_else(|| scalars.contains(&id).then_some(Kind::Scalar));
        kinds.symbols[index] = match (declared, symbol.role) {
            (Some(kind), _) => kind,
            (None, _) if vectors.contains(&id) => Kind::Vector,
            (None, _) if scales.contains(&id) => Kind::Scalar,
            (None, Role::Parameter) if diagonal.contains(&id) => Kind::Unknown,
            // `\Delta t`, the size of a step.
            (None, Role::Parameter | Role::Input) if symbol.canonical == "Deltat" => Kind::Scalar,
            (None, Role::Parameter) if symbol.upper => Kind::Matrix,
            (None, Role::Identity) => Kind::Matrix,
            (None, Role::Constant(_)) => Kind::Scalar,
            _ => Kind::Vector,
        };
        if let Some(kind) = declared {
            for &equation in &symbol.definitions {
                kinds.equations[equation] = kind;
            }
        }
    }
    settle(draft, &mut kinds);
    kinds
}

/// `\exp(A)` of a matrix of parameters: the exponential of the matrix, or of each element? And `\exp(\Delta_t A)`.
fn matrix_functions(draft: &mut Draft, kinds: &Kinds) {
    let mut found = Vec::new();
    for (at, node) in draft.nodes.iter().enumerate() {
        if let NodeKind::Call(function, arguments) = &node.kind
            && let Function::Exponential | Function::Logarithm | Function::SquareRoot = function
            && let [argument] = arguments.as_slice()
            && (kinds.nodes[argument.0] == Kind::Matrix && !draft.varying[at]
                || *function == Function::Exponential && is_step_of_matrix(draft, kinds, *argument))
        {
            found.push((node.span, *function));
        }
    }
    for (span, function) in found {
        let name = function_name(function);
        draft
            .findings
            .report(Code::MatrixFunction, span, format!("`{name}` of a matrix is outside the language"))
            .help(
                "declare the weight as a vector, for a diagonal matrix, or give the matrix itself as a weight; \
                 `colsoftmax(A)` and `rowsoftmax(A)` divide the exponentials by their sums",
            );
    }
}

/// `\Delta_t A`, `-\Delta t \cdot A`: a step along a matrix of parameters, before which no row stands.
fn is_step_of_matrix(draft: &Draft, kinds: &Kinds, mut node: NodeId) -> bool {
    while let NodeKind::Negate(inner) = draft.kind(node) {
        node = *inner;
    }
    let NodeKind::Factors { factors, .. } = draft.kind(node) else { return false };
    let step = |factor: &NodeId| number::is_step_size(draft, *factor);
    let matrix = |factor: &NodeId| kinds.nodes[factor.0] == Kind::Matrix && !draft.varying[factor.0];
    let number = |factor: &&NodeId| kinds.nodes[factor.0] == Kind::Scalar;
    factors.last().is_some_and(matrix) && factors.iter().any(step)
        || factors.iter().any(matrix) && factors.iter().filter(number).any(step)
}

/// What begins as a matrix, `P_0 = I`, is one, though its equation may not say so (`P_t = P_{t-1} (I - w_t w_t^\top)`).
fn begin(draft: &Draft, kinds: &mut Kinds) {
    for (at, equation) in draft.equations.iter().enumerate() {
        let Some((base, _)) = step_label(&draft.symbol(equation.target).canonical) else { continue };
        let Some(state) = draft.lookup(base).filter(|_| equation.time.is_none()) else { continue };
        let identity = draft.sources[equation.first_node..equation.end_node].contains(&Source::Identity);
        if !identity || draft.symbol(state).declared.is_some() || draft.varying[equation.value.0] {
            continue;
        }
        kinds.evaluate(draft, at);
        if definition_kind(kinds.nodes[equation.value.0]) == Kind::Matrix {
            for &definition in &draft.symbol(state).definitions {
                kinds.equations[definition] = Kind::Matrix;
            }
        }
    }
}

/// Goes round until every equation has a kind and none changes.
fn settle(draft: &Draft, kinds: &mut Kinds) {
    begin(draft, kinds);
    let readers = readers(draft);
    let mut queue: BTreeSet<usize> = (0..draft.equations.len()).collect();
    loop {
        while let Some(equation) = queue.pop_first() {
            let decided = kinds.evaluate(draft, equation);
            for symbol in decided {
                queue.extend(readers.get(&Reader::Symbol(symbol)).into_iter().flatten());
            }
            let value = draft.equations[equation].value;
            let found = definition_kind(kinds.nodes[value.0]);
            if kinds.equations[equation] == Kind::Unknown && found != Kind::Unknown {
                kinds.equations[equation] = found;
                queue.extend(readers.get(&Reader::Equation(equation)).into_iter().flatten());
            }
        }
        // Nothing says what this is (`h_t = U h_{t-1}`): a vector. States first, since others are made from them.
        let unknown = |equation: &usize| kinds.equations[*equation] == Kind::Unknown;
        let carried = |equation: &usize| readers.contains_key(&Reader::State(*equation));
        let all = 0..draft.equations.len();
        if let Some(equation) =
            all.clone().filter(unknown).find(carried).or_else(|| all.clone().find(unknown))
        {
            kinds.equations[equation] = Kind::Vector;
            queue.extend(readers.get(&Reader::Equation(equation)).into_iter().flatten());
            continue;
        }
        for kind in &mut kinds.symbols {
            if *kind == Kind::Unknown {
                *kind = Kind::Matrix;
            }
        }
        break;
    }
    kinds.settled.clone_from(&kinds.nodes);
    for _ in 0..ROUNDS {
        let mut changed = false;
        for equation in 0..draft.equations.len() {
            kinds.evaluate(draft, equation);
            let found = definition_kind(kinds.nodes[draft.equations[equation].value.0]);
            let declared = kinds.declared(draft, draft.equations[equation].target).is_some();
            if found != Kind::Unknown && !declared && kinds.equations[equation] != found {
                kinds.equations[equation] = found;
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
}

/// A definition keeps columns and full matrices.
const fn definition_kind(kind: Kind) -> Kind {
    match kind {
        Kind::Row => Kind::Vector,
        Kind::Diagonal => Kind::Matrix,
        kind => kind,
    }
}

#[derive(PartialEq, Eq, Hash)]
enum Reader {
    Equation(usize),
    State(usize),
    Symbol(SymbolId),
}

/// The equations that must be looked at again when something becomes known.
fn readers(draft: &Draft) -> HashMap<Reader, BTreeSet<usize>> {
    let mut readers: HashMap<Reader, BTreeSet<usize>> = HashMap::new();
    for (index, equation) in draft.equations.iter().enumerate() {
        for source in &draft.sources[equation.first_node..equation.end_node] {
            match *source {
                Source::Equation(source) => {
                    readers.entry(Reader::Equation(source)).or_default().insert(index);
                }
                Source::Unknown(source) => {
                    readers.entry(Reader::Equation(source)).or_default().insert(index);
                    readers.entry(Reader::State(source)).or_default().insert(index);
                }
                Source::Delayed(symbol, _) => {
                    if let Some(&last) = draft.symbol(symbol).definitions.last() {
                        readers.entry(Reader::Equation(last)).or_default().insert(index);
                        readers.entry(Reader::State(last)).or_default().insert(index);
                    }
                }
                Source::Parameter(symbol) => {
                    readers.entry(Reader::Symbol(symbol)).or_default().insert(index);
                }
                Source::None | Source::Input(..) | Source::Identity => {}
            }
        }
    }
    readers
}

impl Kinds {
    /// The declared sizes of a name for one sample.
    pub(super) fn declared<'d>(&self, draft: &'d Draft, symbol: SymbolId) -> Option<&'d [Size]> {
        let known = draft.symbol(symbol);
        let sizes = known.declared.as_ref()?.sizes.as_slice();
        match (&self.batch, known.role, sizes) {
            (Some(batch), Role::Input | Role::PerStep, [Size::Named(first), rest @ ..]) if first == batch => {
                Some(rest)
            }
            _ => Some(sizes),
        }
    }

    /// Finds the kinds of an equation's expressions; gives the parameters whose kind was decided.
    fn evaluate(&mut self, draft: &Draft, equation: usize) -> Vec<SymbolId> {
        let mut decided = Vec::new();
        let equation = &draft.equations[equation];
        for at in equation.first_node..equation.end_node {
            if let NodeKind::Factors { factors, signs, .. } = &draft.nodes[at].kind {
                for position in 0..factors.len() {
                    let Some(symbol) = self.undecided(draft, factors[position]) else { continue };
                    if !is_diagonal_place(signs, position) {
                        continue;
                    }
                    if let Some(kind) = self.meets(draft, factors, signs, position) {
                        self.symbols[symbol.0] = kind;
                        self.nodes[factors[position].0] = kind;
                        decided.push(symbol);
                    }
                }
            }
            self.nodes[at] = self.node_kind(draft, at);
        }
        decided
    }

    fn undecided(&self, draft: &Draft, node: NodeId) -> Option<SymbolId> {
        match draft.sources[node.0] {
            Source::Parameter(symbol) if self.symbols[symbol.0] == Kind::Unknown => Some(symbol),
            _ => None,
        }
    }

    /// The kind that a parameter beside `\odot` must have to meet its neighbours.
    fn meets(
        &self,
        draft: &Draft,
        factors: &[NodeId],
        signs: &[ProductSign],
        position: usize,
    ) -> Option<Kind> {
        let kind = |at: usize| {
            factors.get(at).map(|node| {
                // Two weights multiplied element by element are two matrices.
                if self.undecided(draft, *node).is_some() { Kind::Matrix } else { self.nodes[node.0] }
            })
        };
        // A matrix to the right may be bound to what follows it: its product is the neighbour.
        let mut right = position + 1;
        while kind(right) == Some(Kind::Matrix)
            && signs.get(right).is_some_and(|sign| *sign != ProductSign::Hadamard)
        {
            right += 1;
        }
        let neighbours = [position.checked_sub(1).and_then(kind), kind(right)];
        let mut found = None;
        for neighbour in neighbours.into_iter().flatten() {
            match neighbour {
                Kind::Vector | Kind::Row => return Some(Kind::Vector),
                Kind::Unknown => return None,
                Kind::Matrix | Kind::Diagonal | Kind::Scalar => found = Some(Kind::Matrix),
            }
        }
        found
    }

    fn node_kind(&self, draft: &Draft, at: usize) -> Kind {
        let of = |node: &NodeId| self.nodes[node.0];
        match &draft.nodes[at].kind {
            NodeKind::Faulty => Kind::Vector,
            NodeKind::Number(_) => Kind::Scalar,
            NodeKind::Read { .. } => match draft.sources[at] {
                Source::Equation(equation) | Source::Unknown(equation) => self.equations[equation],
                Source::Delayed(symbol, _) => {
                    draft.symbol(symbol).definitions.last().map_or(Kind::Vector, |&last| self.equations[last])
                }
                Source::Input(symbol, _) | Source::Parameter(symbol) => self.symbols[symbol.0],
                Source::Identity => Kind::Matrix,
                Source::None => Kind::Vector,
            },
            NodeKind::Negate(a) | NodeKind::Slice(a, ..) => of(a),
            NodeKind::Add(a, b)
            | NodeKind::Subtract(a, b)
            | NodeKind::Divide(a, b)
            | NodeKind::Power(a, b)
            | NodeKind::Compare(_, a, b) => join(of(a), of(b)),
            NodeKind::Transpose(a) if matches!(draft.kind(*a), NodeKind::Concatenate(_)) => Kind::Vector,
            NodeKind::Transpose(a) => match of(a) {
                Kind::Vector => Kind::Row,
                Kind::Row => Kind::Vector,
                kind => kind,
            },
            NodeKind::Concatenate(parts) => {
                if !parts.is_empty() && parts.iter().all(|part| of(part) == Kind::Row) {
                    Kind::Row
                } else {
                    Kind::Vector
                }
            }
            NodeKind::Call(
                Function::Mean | Function::Sum | Function::Norm | Function::SumOfSquares | Function::Dot,
                _,
            ) => Kind::Scalar,
            NodeKind::Call(Function::Outer | Function::RowScale, _) => Kind::Matrix,
            NodeKind::Call(Function::TransposedProduct, _) => Kind::Vector,
            // The numbers are no operands.
            NodeKind::Call(Function::Chunk, arguments) => arguments.first().map_or(Kind::Vector, of),
            NodeKind::Call(Function::Diagonal, _) => Kind::Diagonal,
            NodeKind::Call(Function::ColumnSoftmax | Function::RowSoftmax, _) => Kind::Matrix,
            NodeKind::Call(_, arguments) => arguments.iter().map(of).reduce(join).unwrap_or(Kind::Vector),
            NodeKind::Factors { factors, signs, .. } => {
                let factors: Vec<Factor> = factors
                    .iter()
                    .map(|node| Factor { kind: of(node), varying: draft.varying[node.0] })
                    .collect();
                product_kind(&factors, signs).unwrap_or(Kind::Unknown)
            }
        }
    }
}

/// The kind of two values element by element; a scalar joins with everything.
pub(super) const fn join(a: Kind, b: Kind) -> Kind {
    match (a, b) {
        (Kind::Unknown, Kind::Scalar) | (Kind::Scalar, Kind::Unknown) => Kind::Unknown,
        (Kind::Unknown | Kind::Scalar, kind) | (kind, Kind::Unknown | Kind::Scalar) => kind,
        (Kind::Row, _) | (_, Kind::Row) => Kind::Row,
        (Kind::Matrix, _) | (_, Kind::Matrix) => Kind::Matrix,
        (Kind::Diagonal, Kind::Diagonal) => Kind::Diagonal,
        _ => Kind::Vector,
    }
}

/// A factor that only `\odot` joins to its neighbours.
fn is_diagonal_place(signs: &[ProductSign], position: usize) -> bool {
    let left = position.checked_sub(1).and_then(|at| signs.get(at));
    let right = signs.get(position);
    match (left, right) {
        (None, None) => false,
        (left, right) => {
            let hadamard =
                |sign: Option<&ProductSign>| sign.is_none_or(|sign| *sign == ProductSign::Hadamard);
            hadamard(left) && hadamard(right)
        }
    }
}

/// Undeclared upper-case parameters that stand beside `\odot` somewhere.
fn diagonal_uses(draft: &Draft) -> BTreeSet<SymbolId> {
    let mut found = BTreeSet::new();
    for node in &draft.nodes {
        let NodeKind::Factors { factors, signs, .. } = &node.kind else { continue };
        for (position, factor) in factors.iter().enumerate() {
            if let Source::Parameter(symbol) = draft.sources[factor.0]
                && draft.symbol(symbol).upper
                && is_diagonal_place(signs, position)
            {
                found.insert(symbol);
            }
        }
    }
    found
}

/// A weight that is a vector beside `\odot` cannot be a matrix before a vector.
fn report_double_use(draft: &mut Draft, kinds: &mut Kinds, diagonal: &BTreeSet<SymbolId>) {
    let mut first_diagonal = HashMap::new();
    let mut first_matrix = HashMap::new();
    for node in &draft.nodes {
        let NodeKind::Factors { factors, signs, .. } = &node.kind else { continue };
        for (position, factor) in factors.iter().enumerate() {
            let Source::Parameter(symbol) = draft.sources[factor.0] else { continue };
            if !diagonal.contains(&symbol) || kinds.symbols[symbol.0] != Kind::Vector {
                continue;
            }
            let places =
                if is_diagonal_place(signs, position) { &mut first_diagonal } else { &mut first_matrix };
            places.entry(symbol).or_insert(draft.span(*factor));
        }
    }
    for symbol in diagonal {
        if let (Some(&vector), Some(&matrix)) = (first_diagonal.get(symbol), first_matrix.get(symbol))
            && draft.symbol(*symbol).declared.is_none()
        {
            let name = draft.symbol(*symbol).canonical.clone();
            draft
                .findings
                .report(
                    Code::MatrixAndVector,
                    matrix,
                    format!("`{name}` is used as a matrix and as a vector"),
                )
                .label(matrix, "a matrix, applied to what follows")
                .label(vector, "a vector, element by element")
                .help(format!("give the two weights different names, or declare `{name}`"));
        }
    }
}

/// `X_t \in \mathbb{R}^{n \times d}`, `H_t \in \mathbb{R}^{n \times h}`: where every per-step declaration has two
/// axes and the same name first, the first is the batch.
fn batch_axis(draft: &Draft) -> Option<String> {
    let (mut batch, mut input) = (None, false);
    let mut others: BTreeSet<&str> = BTreeSet::new();
    for symbol in &draft.symbols {
        let Some(declared) = &symbol.declared else { continue };
        match (symbol.role, declared.sizes.as_slice()) {
            (Role::Input | Role::PerStep, [Size::Named(first), second]) => {
                if batch.is_some_and(|batch| batch != first) || *second == Size::Named(first.clone()) {
                    return None;
                }
                batch = Some(first);
                input |= symbol.role == Role::Input;
            }
            (Role::Input | Role::PerStep, _) => return None,
            (_, sizes) => others.extend(sizes.iter().filter_map(|size| match size {
                Size::Named(name) => Some(name.as_str()),
                _ => None,
            })),
        }
    }
    batch
        .filter(|batch| input && !others.contains(batch.as_str()) && !applies_declared_matrix(draft))
        .cloned()
}

/// `M_t x_t`: what is declared with two axes is applied to a value of the step that is not, as a matrix is.
fn applies_declared_matrix(draft: &Draft) -> bool {
    let symbol = |node: NodeId| match draft.sources[node.0] {
        Source::Input(symbol, _) | Source::Delayed(symbol, _) => Some(symbol),
        Source::Equation(at) => draft.equations.get(at).map(|equation| equation.target),
        _ => None,
    };
    let axes = |node: NodeId| {
        let declared = draft.symbol(symbol(node)?).declared.as_ref();
        Some(declared.map(|declared| declared.sizes.len()))
    };
    draft.nodes.iter().any(|node| {
        let NodeKind::Factors { factors, signs, .. } = &node.kind else { return false };
        factors.windows(2).zip(signs).any(|(pair, sign)| {
            *sign != ProductSign::Hadamard
                && axes(pair[0]) == Some(Some(2))
                && matches!(axes(pair[1]), Some(None | Some(1)))
        })
    })
}
