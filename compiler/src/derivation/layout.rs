//! The sections of a printed derivation, in the order they are printed and read in.

use super::write::Style;

/// A section.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Section {
    /// The equations of the user.
    Written,
    /// Values constant over time.
    Once,
    /// Values of the forward step that have no equation of the user.
    Parts,
    /// Adjoints of a step.
    Backward,
    /// What the adjoints of a step give for those that go round a cycle.
    Solved,
    /// What a step hands to the step before.
    Carried,
    /// Gradients by the inputs of a step.
    Inputs,
    /// Gradients by the parameters.
    Totals,
    /// How the walk back begins and ends.
    Ends,
    /// What the gradients by declared initial states add to those by parameters.
    Beginnings,
    /// Explanations, for people alone.
    Notation,
}

impl Section {
    /// All sections, in order.
    pub(super) const ALL: [Self; 11] = [
        Self::Written,
        Self::Once,
        Self::Parts,
        Self::Backward,
        Self::Solved,
        Self::Carried,
        Self::Inputs,
        Self::Totals,
        Self::Ends,
        Self::Beginnings,
        Self::Notation,
    ];

    /// The heading.
    pub(super) const fn title(self, style: Style) -> &'static str {
        match self {
            Self::Written => "Forward, as written",
            Self::Once => "Parts that are computed once",
            Self::Parts => "Parts of the forward step that the way back speaks of",
            Self::Backward => {
                style.pick("Backward, at each step t = T, …, 1", "Backward, at each step $t = T, \\dots, 1$")
            }
            Self::Solved => "Solved with these by iteration, from zero until nothing changes",
            Self::Carried => "Handed to the step before",
            Self::Inputs => "Gradients by the inputs",
            Self::Totals => "Gradients by the parameters, once",
            Self::Ends => "First and last step",
            Self::Beginnings => "Added by how the states begin, once",
            Self::Notation => "Notation",
        }
    }
}

/// What a heading line says in either style.
pub(super) fn heading(style: Style, title: &str) -> String {
    match style {
        Style::Text => title.to_owned(),
        Style::Latex => format!("\\paragraph{{{title}}}"),
    }
}

/// What a row begins with that goes on with the equation of the row above.
pub(super) const fn continuation(style: Style) -> &'static str {
    style.pick("      ", "&\\quad ")
}
