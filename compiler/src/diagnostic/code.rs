//! The table of diagnostic codes.

use super::Severity;

/// A stable code. New codes are added at the end of their hundred; none is ever reused.
///
/// Hundreds: 0 reading, 1 names and roles, 2 shapes, 3 time and cycles, 4 outside the language, 5 limits,
/// 8 warnings, 9 notes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Code {
    /// A character or command that is no part of the language.
    UnknownSymbol,
    /// A word before a parenthesis that is no known function.
    UnknownFunction,
    /// A letter applied like a function that no equation binds.
    UnboundActivation,
    /// A name read with a time index and without one.
    MixedIndex,
    /// A function with too few or too many arguments.
    ArgumentCount,
    /// A function that stands without an argument.
    FunctionAsValue,
    /// A function that is defined by itself.
    RecursiveFunction,
    /// A name bound to two functions, or to a function and a value.
    NameConflict,
    /// A document in which nothing is defined.
    NothingDefined,
    /// Two declarations of one name that differ.
    ConflictingDeclaration,
    /// Sizes that must be equal and cannot be.
    ShapeContradiction,
    /// Operands of a kind that the operation does not take.
    OperandKind,
    /// A product that has two readings.
    AmbiguousProduct,
    /// Sizes that the equations do not fix.
    UnsolvedDimension,
    /// A weight used as a matrix and as a vector.
    MatrixAndVector,
    /// Definitions of one step that need each other.
    Cycle,
    /// A value of a later step is read.
    FutureRead,
    /// One name defined at two times.
    DefinedAtTwoTimes,
    /// A cycle that would have to be solved by iteration.
    FixedPointUnsupported,
    /// A convolution.
    Convolution,
    /// A power of a matrix, its inverse included.
    MatrixPower,
    /// An initial value other than zero.
    InitialState,
    /// More definitions than `MAXIMUM_DEFINITIONS`.
    TooManyDefinitions,
    /// More names than `MAXIMUM_NAMES`.
    TooManyNames,
    /// More states, delays included, than `MAXIMUM_STATES`.
    TooManyStates,
    /// More operations than `MAXIMUM_NODES`.
    TooManyOperations,
    /// A size above `MAXIMUM_DIMENSION`.
    DimensionTooLarge,
    /// Nothing is carried from step to step.
    NoState,
    /// A definition that a later one replaces and nothing reads.
    OverwrittenDefinition,
    /// A definition that nothing reads.
    UnreadDefinition,
    /// A declaration of a name that no equation has.
    UnusedDeclaration,
    /// A parameter read by several equations.
    SharedParameter,
    /// An input after the first.
    FurtherInput,
    /// A cycle that was cut by reading the step before.
    CyclePrevious,
    /// A product with the vector before the matrix.
    RowConvention,
    /// Findings of one kind beyond `MAXIMUM_DIAGNOSTICS`.
    MoreOfTheKind,
}

impl Code {
    /// `GW0001` and so on.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnknownSymbol => "GW0001",
            Self::UnknownFunction => "GW0101",
            Self::UnboundActivation => "GW0102",
            Self::MixedIndex => "GW0103",
            Self::ArgumentCount => "GW0104",
            Self::FunctionAsValue => "GW0105",
            Self::RecursiveFunction => "GW0106",
            Self::NameConflict => "GW0107",
            Self::NothingDefined => "GW0108",
            Self::ConflictingDeclaration => "GW0109",
            Self::ShapeContradiction => "GW0201",
            Self::OperandKind => "GW0202",
            Self::AmbiguousProduct => "GW0203",
            Self::UnsolvedDimension => "GW0204",
            Self::MatrixAndVector => "GW0205",
            Self::Cycle => "GW0301",
            Self::FutureRead => "GW0302",
            Self::DefinedAtTwoTimes => "GW0303",
            Self::FixedPointUnsupported => "GW0304",
            Self::Convolution => "GW0401",
            Self::MatrixPower => "GW0402",
            Self::InitialState => "GW0403",
            Self::TooManyDefinitions => "GW0501",
            Self::TooManyNames => "GW0502",
            Self::TooManyStates => "GW0503",
            Self::TooManyOperations => "GW0504",
            Self::DimensionTooLarge => "GW0505",
            Self::NoState => "GW0801",
            Self::OverwrittenDefinition => "GW0802",
            Self::UnreadDefinition => "GW0803",
            Self::UnusedDeclaration => "GW0804",
            Self::SharedParameter => "GW0901",
            Self::FurtherInput => "GW0902",
            Self::CyclePrevious => "GW0903",
            Self::RowConvention => "GW0904",
            Self::MoreOfTheKind => "GW0905",
        }
    }

    /// How grave it is: codes from 800 are warnings, from 900 notes.
    #[must_use]
    pub const fn severity(self) -> Severity {
        match self.as_str().as_bytes() {
            [_, _, _, b'8', ..] => Severity::Warning,
            [_, _, _, b'9', ..] => Severity::Note,
            _ => Severity::Error,
        }
    }
}
