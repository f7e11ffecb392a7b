//! Which parameter lies where in the flat buffer.

/// What a parameter is for, as far as its shape and use in the equations tell; initialisers go by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ParameterRole {
    /// A matrix applied to a state (or to something computed from one).
    RecurrentMatrix,
    /// A matrix applied to an input.
    InputMatrix,
    /// A matrix applied to several joined vectors, such as `[h_{t-1}, x_t]`: the first `recurrent_columns` columns
    /// meet the state.
    JoinedMatrix {
        /// Columns that meet the state.
        recurrent_columns: usize,
    },
    /// A vector that is only added.
    Bias,
    /// A vector that multiplies (a peephole, a gain).
    Weight,
    /// A learned scalar.
    Scalar,
}

/// One parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterEntry {
    /// Canonical ASCII name, the key in files.
    pub name: String,
    /// Size along each axis, row-major: `[]`, `[n]` or `[rows, columns]`.
    pub shape: Vec<usize>,
    /// First element in the flat buffer.
    pub offset: usize,
    /// What it is for.
    pub role: ParameterRole,
    /// Given and not learned: its gradient is zero, and nothing is computed for it.
    pub frozen: bool,
}

impl ParameterEntry {
    /// Number of elements.
    #[must_use]
    pub fn length(&self) -> usize {
        self.shape.iter().product()
    }
}

/// The layout of the flat parameter buffer: entries in order, without gaps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParameterLayout {
    entries: Vec<ParameterEntry>,
    length: usize,
}

impl ParameterLayout {
    /// Lays parameters out one after the other; `None` where the total overflows.
    #[must_use]
    pub fn new(parameters: impl IntoIterator<Item = (String, Vec<usize>, ParameterRole)>) -> Option<Self> {
        let mut layout = Self::default();
        for (name, shape, role) in parameters {
            let size = shape.iter().try_fold(1_usize, |size, &axis| size.checked_mul(axis))?;
            let offset = layout.length;
            layout.length = layout.length.checked_add(size)?;
            layout.entries.push(ParameterEntry { name, shape, offset, role, frozen: false });
        }
        Some(layout)
    }

    /// Lays all parameters of another layout behind these, their names behind `prefix` and a full stop; `None` where the
    /// total overflows.
    pub(crate) fn append(&mut self, prefix: &str, other: &Self) -> Option<()> {
        let first = self.length;
        self.length = first.checked_add(other.length)?;
        self.entries.extend(other.entries.iter().map(|entry| ParameterEntry {
            name: format!("{prefix}.{}", entry.name),
            offset: first + entry.offset,
            ..entry.clone()
        }));
        Some(())
    }

    /// Marks parameters as frozen, by their numbers.
    pub(crate) fn freeze(&mut self, frozen: &std::collections::BTreeSet<u32>) {
        for (number, entry) in (0_u32..).zip(&mut self.entries) {
            entry.frozen = frozen.contains(&number);
        }
    }

    /// The parameters, in the order of the flat buffer.
    #[must_use]
    pub fn entries(&self) -> &[ParameterEntry] {
        &self.entries
    }

    /// The parameter of this name.
    #[must_use]
    pub fn entry(&self, name: &str) -> Option<&ParameterEntry> {
        self.entries.iter().find(|entry| entry.name == name)
    }

    /// Elements of the flat buffer.
    #[must_use]
    pub fn length(&self) -> usize {
        self.length
    }
}
