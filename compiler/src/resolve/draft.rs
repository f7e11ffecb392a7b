//! What the passes know of a document between syntax tree and cell.

use super::Options;
use super::expression::{Equation, Node, NodeId, NodeKind, Role, Source, Symbol, SymbolId};
use super::findings::Findings;
use crate::diagnostic::Code;
use crate::limits::MAXIMUM_NAMES;
use crate::span::Span;
use std::collections::{BTreeMap, HashMap, HashSet};

/// The state that the passes share. Each pass fills the part that is named after it.
#[derive(Debug)]
pub(super) struct Draft {
    /// How to resolve what equations leave open.
    pub(super) options: Options,
    /// Diagnostics.
    pub(super) findings: Findings,
    /// All names, in the order they first stand in the text.
    pub(super) symbols: Vec<Symbol>,
    /// Names by canonical form.
    by_name: HashMap<String, SymbolId>,
    /// All expressions, operands first.
    pub(super) nodes: Vec<Node>,
    /// How often functions of the document were applied.
    pub(super) applications: usize,
    /// Weights that a number above labels, in the order of their numbers: the number, and the weight without it.
    pub(super) numbered: BTreeMap<SymbolId, (u32, String)>,
    /// All definitions, in the order of the text.
    pub(super) equations: Vec<Equation>,
    /// Parameters that are not learned (after `mark`).
    pub(super) frozen: HashSet<SymbolId>,
    /// Outputs in order (after `mark`).
    pub(super) outputs: Vec<SymbolId>,
    /// No output was named.
    pub(super) output_chosen: bool,
    /// Names that an equation defines which could not be read.
    pub(super) lost: HashSet<SymbolId>,
    /// Equations that say where a state begins, by name and by how many steps before the first its value stands
    /// (after `initial`).
    pub(super) initial: HashMap<(SymbolId, u32), usize>,
    /// For each node whether its value changes from step to step (after `role`).
    pub(super) varying: Vec<bool>,
    /// For each node where it reads from (after `definition`).
    pub(super) sources: Vec<Source>,
    /// Equations in an order of evaluation (after `order`).
    pub(super) order: Vec<usize>,
}

impl Draft {
    /// A draft that knows nothing.
    pub(super) fn new(options: Options) -> Self {
        Self {
            options,
            findings: Findings::default(),
            symbols: Vec::new(),
            by_name: HashMap::new(),
            nodes: Vec::new(),
            applications: 0,
            numbered: BTreeMap::new(),
            equations: Vec::new(),
            frozen: HashSet::new(),
            outputs: Vec::new(),
            output_chosen: false,
            lost: HashSet::new(),
            initial: HashMap::new(),
            varying: Vec::new(),
            sources: Vec::new(),
            order: Vec::new(),
        }
    }

    /// The symbol of a canonical name, made where it is new. `None` where there are too many names.
    pub(super) fn intern(&mut self, canonical: &str, upper: bool, span: Span) -> Option<SymbolId> {
        if let Some(&known) = self.by_name.get(canonical) {
            return Some(known);
        }
        if self.symbols.len() >= MAXIMUM_NAMES {
            self.findings.report(
                Code::TooManyNames,
                span,
                format!("more than {MAXIMUM_NAMES} names (MAXIMUM_NAMES)"),
            );
            return None;
        }
        let id = SymbolId(self.symbols.len());
        self.symbols.push(Symbol {
            canonical: canonical.to_owned(),
            upper,
            first: span,
            declared: None,
            definitions: Vec::new(),
            role: Role::Unused,
            shift: 0,
        });
        self.by_name.insert(canonical.to_owned(), id);
        Some(id)
    }

    /// The symbol of a canonical name that is known.
    pub(super) fn lookup(&self, canonical: &str) -> Option<SymbolId> {
        self.by_name.get(canonical).copied()
    }

    /// A symbol.
    pub(super) fn symbol(&self, id: SymbolId) -> &Symbol {
        &self.symbols[id.0]
    }

    /// A node's kind.
    pub(super) fn kind(&self, id: NodeId) -> &NodeKind {
        &self.nodes[id.0].kind
    }

    /// A node's place.
    pub(super) fn span(&self, id: NodeId) -> Span {
        self.nodes[id.0].span
    }

    /// The reads of an equation from left to right: node, name, time as written.
    pub(super) fn reads(
        &self,
        equation: &Equation,
    ) -> impl Iterator<Item = (NodeId, SymbolId, Option<i32>)> + '_ {
        (equation.first_node..equation.end_node).filter_map(|index| match self.nodes[index].kind {
            NodeKind::Read { symbol, time } => Some((NodeId(index), symbol, time)),
            _ => None,
        })
    }

    /// A name as it would be written at a number of steps back.
    pub(super) fn written(&self, id: SymbolId, back: u32) -> String {
        let name = &self.symbol(id).canonical;
        let bare = self.symbol(id).definitions.first().is_some_and(|&at| self.equations[at].time.is_none());
        if back == 0 && bare {
            return name.clone();
        }
        if back == 0 { format!("{name}_t") } else { format!("{name}_{{t-{back}}}") }
    }
}
