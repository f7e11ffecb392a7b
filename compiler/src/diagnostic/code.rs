//! The table of diagnostic codes.

use super::Severity;

/// Makes the enumeration and its table from one row per code.
macro_rules! codes {
    ($($(#[doc = $explanation:literal])+ $variant:ident $code:literal $severity:ident $title:literal;)+) => {
        /// A stable code. New codes are added at the end of their hundred; none is ever reused.
        ///
        /// Hundreds: 0 reading, 1 names and roles, 2 shapes, 3 time and cycles, 4 outside the language, 5 limits,
        /// 8 warnings, 9 notes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code {
            $($(#[doc = $explanation])+ $variant,)+
        }

        impl Code {
            /// Every code, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// `GW0001` and so on.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// How grave it is.
            #[must_use]
            pub const fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)+ }
            }

            /// What it is about, in a few words.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)+ }
            }

            /// What it means and what to do, in a paragraph.
            #[must_use]
            pub const fn explanation(self) -> &'static str {
                match self { $(Self::$variant => concat!($($explanation, "\n"),+),)+ }
            }
        }
    };
}

// One row per code: explanation, variant, code, severity, title.
codes! {
    /// A character that is no part of the language, such as a sign of another notation. Remove it, or write the operation it stands for.
    UnknownSymbol "GW0001" Error "unknown symbol";
    /// A LaTeX command that the language does not know. The help names the nearest known one.
    UnknownCommand "GW0002" Error "unknown command";
    /// An opening bracket without its closing one, or the other way round.
    UnbalancedBracket "GW0003" Error "unbalanced bracket";
    /// An operator, a bracket or the end stands where a value is needed.
    ExpectedValue "GW0004" Error "a value is missing";
    /// A token that cannot stand where it stands.
    UnexpectedToken "GW0005" Error "unexpected token";
    /// A row of mathematics with neither `=` nor `\in`: equations are `name = expression`.
    ExpectedEquation "GW0006" Error "not an equation";
    /// The left side of an equation is not one name. Only names are defined.
    LeftSide "GW0007" Error "the left side is no name";
    /// The text holds no equation at all, or the part that was chosen does not.
    NoEquations "GW0008" Error "no equations";
    /// No heading of the document matches the section that was asked for.
    SectionNotFound "GW0009" Error "no such section";
    /// Several headings match the section that was asked for. Give more of the heading.
    SectionAmbiguous "GW0010" Error "several such sections";
    /// Sections define one name differently, so the document holds several cells. Choose one with `--section`.
    SectionsDiffer "GW0011" Error "the document holds several cells";
    /// A name has two different time indices or two powers.
    DoubleIndex "GW0012" Error "a second index";
    /// A known function with a label, as in `LN_1(x)`: it may mean a function with parameters of its own.
    LabelledFunction "GW0013" Error "a function with a label";
    /// A minus sign where an accent was meant, as in `h^-_t`.
    DanglingSign "GW0014" Error "a sign instead of an accent";
    /// A size in a declaration is neither a number, a name nor a sum of these.
    BadSize "GW0015" Error "not a size";
    /// Two further sides of a chained equality differ: `a = f(x) = g(x)`.
    ChainDiffers "GW0016" Error "the sides of a chained equality differ";
    /// The letter of the time stands as a value, mostly because an underscore was lost.
    LostIndex "GW0017" Error "an index without its underscore";
    /// A word before a parenthesis that is nearly, but not quite, a known function.
    UnknownFunction "GW0101" Error "unknown function";
    /// A letter applied like a function that no equation binds. Bind it, as in `\phi = \tanh`.
    UnboundActivation "GW0102" Error "unbound activation";
    /// A name is read with a time index in one place and without one in another. These would be two values of one name.
    MixedIndex "GW0103" Error "with and without a time index";
    /// A known function with too few or too many arguments.
    ArgumentCount "GW0104" Error "wrong number of arguments";
    /// A function stands without an argument where a value is needed.
    FunctionAsValue "GW0105" Error "a function without argument";
    /// A function of the document is defined by itself.
    RecursiveFunction "GW0106" Error "a function defined by itself";
    /// One name is bound to two functions, or to a function and a value.
    NameConflict "GW0107" Error "a name bound twice";
    /// Two declarations of one name differ.
    ConflictingDeclaration "GW0109" Error "two declarations differ";
    /// Blocks of their own define one name differently, and nothing reads the definition before. Keep the one that is meant, or put the alternatives under headings and choose one with `--section`.
    AlternativeDefinitions "GW0110" Error "alternative definitions";
    /// Sizes that the equations make equal cannot be equal. Both places are named.
    ShapeContradiction "GW0201" Error "shapes contradict each other";
    /// An operation on operands of a kind that it does not take, as a vector added to a matrix.
    OperandKind "GW0202" Error "operands do not fit";
    /// A product that can be read in two ways, as `W r_t h_{t-1}`. Set parentheses.
    AmbiguousProduct "GW0203" Error "ambiguous product";
    /// Sizes that the equations restrict without fixing them. Declare the shapes.
    UnsolvedDimension "GW0204" Error "sizes cannot be solved";
    /// A weight is used as a matrix in one place and as a vector in another.
    MatrixAndVector "GW0205" Error "a matrix and a vector";
    /// Definitions of one step need each other. Correct a time index, or choose `previous` or `fixed-point`.
    Cycle "GW0301" Error "cycle within one step";
    /// A value of a later step is read.
    FutureRead "GW0302" Error "the future is read";
    /// One name is defined at two different time indices.
    DefinedAtTwoTimes "GW0303" Error "defined at two times";
    /// Solving a cycle by iteration is not supported yet.
    FixedPointUnsupported "GW0304" Error "fixed-point is not supported yet";
    /// A convolution is outside the language. Where a matrix product is meant, write it side by side.
    Convolution "GW0401" Error "convolution";
    /// A power or the inverse of a matrix is outside the language.
    MatrixPower "GW0402" Error "power of a matrix";
    /// An equation gives a state an initial value other than zero. Initial values are given when the cell runs.
    InitialState "GW0403" Error "an initial value";
    /// A definition by cases with conditions is outside the language. Write it with `max`, `min`, `clip` or a known function.
    Piecewise "GW0451" Error "piecewise definition";
    /// A sum or product over indices that is no matrix product is outside the language.
    SumOverIndices "GW0452" Error "sum over indices";
    /// Derivatives and integrals by time are outside the language. Write the step of the discretisation.
    DifferentialEquation "GW0453" Error "differential equation";
    /// A matrix of blocks is accepted only as one row before one column.
    MatrixOfBlocks "GW0454" Error "matrix of blocks";
    /// A map such as `Linear(x)` is named without its weights, so there is nothing to learn by name.
    NamedMap "GW0455" Error "a map without weights";
    /// The exponential, logarithm or root of a matrix is not element by element, so `\exp(A)` with a matrix `A` has two readings.
    MatrixFunction "GW0456" Error "function of a matrix";
    /// A name is carried along a second index, as the layers or the depth in `s_{d-1}^t`. A cell is one step along one index.
    SecondIndex "GW0457" Error "recursion along a second index";
    /// There are more definitions than `MAXIMUM_DEFINITIONS`.
    TooManyDefinitions "GW0501" Error "too many definitions";
    /// There are more names than `MAXIMUM_NAMES`.
    TooManyNames "GW0502" Error "too many names";
    /// There are more states, delays included, than `MAXIMUM_STATES`.
    TooManyStates "GW0503" Error "too many states";
    /// The equations hold more operations than `MAXIMUM_NODES`.
    TooManyOperations "GW0504" Error "too many operations";
    /// A size is above `MAXIMUM_DIMENSION`.
    DimensionTooLarge "GW0505" Error "a size is too large";
    /// The source is longer than `MAXIMUM_SOURCE_BYTES`.
    SourceTooLong "GW0551" Error "the source is too long";
    /// Brackets, fractions or scripts are nested deeper than `MAXIMUM_NESTING`.
    NestingTooDeep "GW0552" Error "nested too deep";
    /// One equation has more operators than `MAXIMUM_OPERATORS`.
    EquationTooLong "GW0553" Error "the equation is too long";
    /// A name is longer than `MAXIMUM_NAME_BYTES`.
    NameTooLong "GW0554" Error "the name is too long";
    /// Nothing is carried from one step to the next.
    NoState "GW0801" Warning "no state";
    /// A definition is replaced by a later one, and nothing reads it.
    OverwrittenDefinition "GW0802" Warning "overwritten definition";
    /// A definition that nothing reads.
    UnreadDefinition "GW0803" Warning "unread definition";
    /// A name is declared that no equation has.
    UnusedDeclaration "GW0804" Warning "unused declaration";
    /// A parameter is read by several equations: their gradients add.
    SharedParameter "GW0901" Note "shared parameter";
    /// A name that is never defined became an input beside another.
    FurtherInput "GW0902" Note "a further input";
    /// A cycle was cut by reading the value of the step before.
    CyclePrevious "GW0903" Note "cycle cut";
    /// A vector stands before a matrix: rows of the matrix are features in.
    RowConvention "GW0904" Note "row convention";
    /// Further findings of the same kind were left out.
    MoreOfTheKind "GW0905" Note "more of the same";
    /// The output was chosen among several values that could be meant.
    OutputChosen "GW0906" Note "output chosen";
    /// A Greek letter that nothing declares or defines stands before a matrix that varies in time: it is one number.
    ScalarRead "GW0907" Note "read as a scalar";
    /// A row that is no equation of a cell (a loss, a signature, a remark) was skipped.
    SkippedRow "GW0950" Note "skipped";
    /// Layers are counted by a superscript; one layer is compiled.
    OneLayer "GW0951" Note "one layer is compiled";
}

#[cfg(test)]
mod tests {
    use super::Code;

    #[test]
    fn codes_are_unique_and_in_order() {
        let codes: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert!(codes.windows(2).all(|pair| pair[0] < pair[1]), "{codes:?}");
    }
}
