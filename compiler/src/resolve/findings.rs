//! Diagnostics as the passes find them.

use crate::diagnostic::{Code, Diagnostic, Severity, advise};
use crate::limits::MAXIMUM_DIAGNOSTICS;
use crate::span::Span;
use std::collections::{BTreeMap, HashSet};

/// Diagnostics in the order found, at most `MAXIMUM_DIAGNOSTICS` of one code.
#[derive(Debug, Default)]
pub(super) struct Findings {
    kept: Vec<Diagnostic>,
    counts: BTreeMap<Code, (usize, Span)>,
}

impl Findings {
    /// Reports one finding.
    pub(super) fn report(&mut self, code: Code, span: Span, message: impl Into<String>) -> Further<'_> {
        let count = self.counts.entry(code).or_insert((0, span));
        count.0 = count.0.saturating_add(1);
        if count.0 > MAXIMUM_DIAGNOSTICS {
            return Further { diagnostic: None };
        }
        self.kept.push(Diagnostic { code, message: message.into(), span, labels: Vec::new(), help: None });
        Further { diagnostic: self.kept.last_mut() }
    }

    /// True where one more finding of the code would be kept: what only it needs may be dear to find.
    pub(super) fn keeps(&self, code: Code) -> bool {
        self.counts.get(&code).is_none_or(|(count, _)| *count < MAXIMUM_DIAGNOSTICS)
    }

    /// Everything found: by place, errors and the rest together, and a note where findings were dropped. A note at the
    /// place of an error speaks of a meaning that is not there, and is left out.
    pub(super) fn finish(mut self) -> Vec<Diagnostic> {
        let wrong: HashSet<Span> =
            self.kept.iter().filter(|found| found.is_error()).map(|found| found.span).collect();
        self.kept.retain(|found| found.code.severity() != Severity::Note || !wrong.contains(&found.span));
        for (code, (count, span)) in self.counts {
            if count > MAXIMUM_DIAGNOSTICS {
                let more = count - MAXIMUM_DIAGNOSTICS;
                self.kept.push(Diagnostic {
                    code: Code::MoreOfTheKind,
                    message: format!("{more} more of {}", code.as_str()),
                    span,
                    labels: Vec::new(),
                    help: None,
                });
            }
        }
        advise(&mut self.kept);
        self.kept.sort_by_key(|diagnostic| (diagnostic.span.start, diagnostic.span.end, diagnostic.code));
        self.kept
    }

    /// True where an error was found.
    pub(super) fn has_errors(&self) -> bool {
        self.counts.keys().any(|code| code.severity() == Severity::Error)
    }
}

/// A finding that may be given places and advice.
pub(super) struct Further<'a> {
    diagnostic: Option<&'a mut Diagnostic>,
}

impl Further<'_> {
    /// A further place with a remark.
    pub(super) fn label(mut self, span: Span, remark: impl Into<String>) -> Self {
        if let Some(diagnostic) = &mut self.diagnostic {
            diagnostic.labels.push((span, remark.into()));
        }
        self
    }

    /// What to do.
    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        if let Some(diagnostic) = &mut self.diagnostic {
            diagnostic.help = Some(help.into());
        }
        self
    }
}
