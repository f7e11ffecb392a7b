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
    /// A known function with too few or too many arguments.
    ArgumentCount "GW0104" Error "wrong number of arguments";
    /// A minus sign where an accent was meant, as in `h^-_t`.
    DanglingSign "GW0014" Error "a sign instead of an accent";
    /// A word before a parenthesis that is nearly, but not quite, a known function.
    UnknownFunction "GW0101" Error "unknown function";
    /// A known function with a label, as in `LN_1(x)`: it may mean a function with parameters of its own.
    LabelledFunction "GW0013" Error "a function with a label";
    /// A size in a declaration is neither a number, a name nor a sum of these.
    BadSize "GW0015" Error "not a size";
    /// Two further sides of a chained equality differ: `a = f(x) = g(x)`.
    ChainDiffers "GW0016" Error "the sides of a chained equality differ";
    /// The letter of the time stands as a value, mostly because an underscore was lost.
    LostIndex "GW0017" Error "an index without its underscore";
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
    /// The source is longer than `MAXIMUM_SOURCE_BYTES`.
    SourceTooLong "GW0551" Error "the source is too long";
    /// Brackets, fractions or scripts are nested deeper than `MAXIMUM_NESTING`.
    NestingTooDeep "GW0552" Error "nested too deep";
    /// One equation has more operators than `MAXIMUM_OPERATORS`.
    EquationTooLong "GW0553" Error "the equation is too long";
    /// A name is longer than `MAXIMUM_NAME_BYTES`.
    NameTooLong "GW0554" Error "the name is too long";
    /// There are more definitions than `MAXIMUM_DEFINITIONS`.
    TooManyDefinitions "GW0501" Error "too many definitions";
    /// A row that is no equation of a cell (a loss, a signature, a remark) was skipped.
    SkippedRow "GW0950" Note "skipped";
    /// Layers are counted by a superscript; one layer is compiled.
    OneLayer "GW0951" Note "one layer is compiled";
    /// Further findings of the same kind were left out.
    MoreOfTheKind "GW0905" Note "more of the same";
}
