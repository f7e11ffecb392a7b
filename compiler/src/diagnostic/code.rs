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

            /// True for what equations may say elsewhere, but not in this language: the hundred 4.
            #[must_use]
            pub const fn is_outside_the_language(self) -> bool {
                self.as_str().as_bytes()[3] == b'4'
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
    /// A character is no part of the language, such as a sign of another notation.
    /// For example, in `h_t = W x_t § b` the sign `§` has no meaning.
    /// Remove the character, or write the operation that it stands for.
    UnknownSymbol "GW0001" Error "unknown symbol";
    /// A LaTeX command is not known, mostly because of a slip; a single backslash at the end of a row counts too.
    /// For example, `\tnah(x_t)` is no command, and `\tanh(x_t)` is.
    /// Write what it stands for, or a word as `\mathrm{word}`; rows are parted by two backslashes.
    UnknownCommand "GW0002" Error "unknown command";
    /// A bracket is opened and never closed within its equation, or closed without being opened.
    /// For example, `h_t = \tanh(W x_t + b` lacks its `)`.
    /// Add the bracket that is missing, or remove the one too many.
    UnbalancedBracket "GW0003" Error "unbalanced bracket";
    /// An operator, a bracket or the end of the equation stands where a value is needed.
    /// For example, `h_t = W x_t +` ends with its sign.
    /// Write the operand that is missing, or remove the sign before it.
    ExpectedValue "GW0004" Error "a value is missing";
    /// A sign stands where it cannot stand, so the equation cannot be read on.
    /// For example, `\langle a, b \rangle` is no sign of the language, and `x.dot(W)` is code and no mathematics.
    /// Write one equation as `name = expression`, and part equations by `;`, a new line or two backslashes.
    UnexpectedToken "GW0005" Error "unexpected token";
    /// A row of mathematics has neither `=` nor `\in`, though it calculates something.
    /// For example, `\sigma(W x_t + b)` alone does not say which value it is.
    /// Write the name that it defines before it, as in `z_t = \sigma(W x_t + b)`.
    ExpectedEquation "GW0006" Error "not an equation";
    /// The left side of an equation is something other than one name.
    /// For example, `h_t + c_t = x_t` would have to be solved first.
    /// Define one name by each equation: `h_t = x_t - c_t`.
    LeftSide "GW0007" Error "the left side is no name";
    /// The text, or the part of it that was chosen, holds no equation.
    /// For example, a document may show its equations as pictures only.
    /// Give equations such as `h_t = \tanh(W x_t + U h_{t-1} + b)`, or choose another section.
    NoEquations "GW0008" Error "no equations";
    /// No heading of the document matches the section that was asked for.
    /// For example, `--section LSTM` needs a heading such as `## 3.1 LSTM`.
    /// Choose one of the headings that the help lists; its number or a part of it is enough.
    SectionNotFound "GW0009" Error "no such section";
    /// Several headings match the section that was asked for.
    /// For example, `--section gate` fits both `Update gate` and `Reset gate`.
    /// Give the whole heading, or its number.
    SectionAmbiguous "GW0010" Error "several such sections";
    /// Sections of the document define one name differently, so it holds several cells.
    /// For example, `h_t` under `LSTM` is another value than `h_t` under `GRU`.
    /// Choose one cell by its heading, as in `--section LSTM`.
    SectionsDiffer "GW0011" Error "the document holds several cells";
    /// A name has two different time indices, or two powers.
    /// For example, `h_t^{(t-1)}` is of this step and of the one before.
    /// Keep the index that is meant, and remove the other.
    DoubleIndex "GW0012" Error "a second index";
    /// A known function has a label, which may mean a function with parameters of its own.
    /// For example, `LN_1(x_t)` may have a gain and a bias that the equations do not name.
    /// Leave the label out, or bind the name: `f = LN`, or `f(u) = g \odot LN(u) + b`.
    LabelledFunction "GW0013" Error "a function with a label";
    /// A minus sign stands above or behind a name, where an accent was meant.
    /// For example, `h^-_t` may be `\bar{h}_t` or `\tilde{h}_t`.
    /// Write the accent out as a command.
    DanglingSign "GW0014" Error "a sign instead of an accent";
    /// A size in a declaration is neither a number, a name nor a sum of these.
    /// For example, `W \in \mathbb{R}^{n^2 \times d}` has a power.
    /// Give the size a name of its own, or its number.
    BadSize "GW0015" Error "not a size";
    /// Two sides of a chained equality are different expressions, and it is open which one is meant.
    /// For example, `h_t = \sigma(z_t) = \tanh(z_t)` says two things.
    /// Keep the side that is meant; a side that repeats the one before in other names may stay.
    ChainDiffers "GW0016" Error "the sides of a chained equality differ";
    /// The letter of the time stands as a value, mostly because an underscore was lost.
    /// For example, `h{t-1}` and `W xt` come from text in which `_` meant italics.
    /// Write the index with its underscore: `h_{t-1}`, `x_t`.
    LostIndex "GW0017" Error "an index without its underscore";
    /// A file cannot be opened or read.
    /// For example, `gatewright check lstn.md` where the file is called `lstm.md`.
    /// Correct the path; `gatewright zoo` lists what may stand behind `zoo:`.
    UnreadableFile "GW0018" Error "the file cannot be read";
    /// A file is not text in UTF-8.
    /// For example, a PDF, or text in Latin-1 with an accented letter.
    /// Save the file as UTF-8; of a PDF copy the equations into a file of text.
    NotText "GW0019" Error "the file is not UTF-8";
    /// A word stands before a parenthesis that is no function of the language.
    /// For example, `tahn(x_t)` is nearly `tanh(x_t)`.
    /// Correct the word, bind it as in `squash(u) = u / (1 + |u|)`, or declare it if it is a weight.
    UnknownFunction "GW0101" Error "unknown function";
    /// A letter is applied like a function, but no equation says which function it is.
    /// For example, in `h_t = \phi(W x_t + U h_{t-1})` nothing binds `\phi`.
    /// Add a line such as `\phi = \tanh`, or declare the letter, `\phi \in \mathbb{R}`, if it is a factor.
    UnboundActivation "GW0102" Error "unbound activation";
    /// A name is written with a time index in one place and without it, or with another letter, in another.
    /// For example, `h_t = x_t + h` may mean `h_{t-1}`, and `x_T` may mean `x_t`.
    /// Write the same index wherever the same value is meant, or give two values two names.
    MixedIndex "GW0103" Error "with and without a time index";
    /// A known function has too few or too many arguments.
    /// For example, `\max(x_t)` has one argument and needs two.
    /// Give the arguments that the message asks for; several values become one by `[a, b]`.
    ArgumentCount "GW0104" Error "wrong number of arguments";
    /// A function stands without an argument where a value is needed.
    /// For example, `h_t = \tanh + x_t` does not say of what.
    /// Give it its argument, as in `\tanh(x_t)`.
    FunctionAsValue "GW0105" Error "a function without argument";
    /// A function of the document is defined by itself, directly or through others.
    /// For example, `f(u) = f(u) + 1` never ends.
    /// Define it by other functions; what is carried from step to step is a state and no function.
    RecursiveFunction "GW0106" Error "a function defined by itself";
    /// One name is bound to two functions, or to a function and to a value.
    /// For example, `f = \tanh` and `f = \sigma` cannot both hold.
    /// Give one of the two another name.
    NameConflict "GW0107" Error "a name bound twice";
    /// Two declarations of one name differ.
    /// For example, `W \in \mathbb{R}^{n \times d}` and `W \in \mathbb{R}^{n}` cannot both hold.
    /// Keep the declaration that is meant, and remove the other.
    ConflictingDeclaration "GW0109" Error "two declarations differ";
    /// Blocks of their own define one name differently, and nothing reads the definition before: they give a choice.
    /// For example, `h_t = \tanh(c_t)` in one block and `h_t = o_t \odot c_t` in another leave open which is meant.
    /// Keep the definition that is meant, or put the alternatives under headings and choose one with `--section`.
    AlternativeDefinitions "GW0110" Error "alternative definitions";
    /// A declaration or an option names something that the equations do not have, or not in that part.
    /// For example, `V: frozen` freezes nothing where no equation reads a parameter `V`.
    /// Correct the name: only parameters are frozen, and only values of each step are outputs.
    NoSuchName "GW0111" Error "no such name";
    /// Sizes that the equations make equal cannot be equal; both places are named.
    /// For example, `h_t = \tanh(W [h_{t-1}, x_t]) + [h_{t-1}, x_t]` adds a vector to a longer one.
    /// Look at both places: one of them is not what the other needs.
    ShapeContradiction "GW0201" Error "shapes contradict each other";
    /// An operation has operands of a kind that it does not take.
    /// For example, a vector cannot be added to a matrix.
    /// Declare the operand that was read wrongly, as in `b: [n]`, or correct the operation.
    OperandKind "GW0202" Error "operands do not fit";
    /// A product can be read in two ways, or lacks a sign between two factors.
    /// For example, `U r_t h_{t-1}` may be `U (r_t \odot h_{t-1})` or `(U r_t) \odot h_{t-1}`, and `W x_t U h_{t-1}` most likely lacks a `+`.
    /// Set parentheses, or write the sign.
    AmbiguousProduct "GW0203" Error "ambiguous product";
    /// The equations restrict sizes without fixing them.
    /// For example, where `[a, b]` must be as long as `c`, the parts may be of any length.
    /// Declare the shapes, as in `a_t \in \mathbb{R}^{n}`.
    UnsolvedDimension "GW0204" Error "sizes cannot be solved";
    /// A weight is used as a matrix in one place and as a vector in another.
    /// For example, `W x_t + W \odot h_{t-1}` needs both.
    /// Give the two weights different names, or declare the one that is meant.
    MatrixAndVector "GW0205" Error "a matrix and a vector";
    /// A part of a vector, `a[n:2n]`, ends behind the vector, or nothing says that it does not.
    /// For example, `x_t[0:6]` with `x_t \in \mathbb{R}^{4}` reads two elements that there are not.
    /// Count from 0 and leave the end out, `a[0:4]` are four elements, or declare the size of the vector.
    SliceOutOfRange "GW0206" Error "a part ends behind its vector";
    /// Definitions of one step need each other, so none of them can be computed first.
    /// For example, `o_t = \sigma(W h_t)` and `h_t = o_t \odot c_t` wait for each other.
    /// Correct a time index, or choose a way out: `previous` reads the value of the step before, `fixed-point` solves the equations of the step.
    Cycle "GW0301" Error "cycle within one step";
    /// A value of a later step is read, which a cell cannot know.
    /// For example, `h_t = \tanh(U h_{t+1})` runs backwards in time.
    /// Correct the index; a backward direction is a cell of its own that reads the reversed sequence.
    FutureRead "GW0302" Error "the future is read";
    /// One name is defined at two different time indices.
    /// For example, `h_t = x_t` and `h_{t+1} = U h_t` define two values of `h` in one step.
    /// Define it at one index, and read the step before where that is meant.
    DefinedAtTwoTimes "GW0303" Error "defined at two times";
    /// No name of the equations carries a time index, so nothing varies from step to step.
    /// For example, `h_new = tanh(W x + U h_old)` says by words what the indices of `h_t = \tanh(W x_t + U h_{t-1})` say.
    /// Write the time indices: `x_t` for this step, `h_{t-1}` for the one before.
    NothingVaries "GW0305" Error "no time index";
    /// A sign reads as a convolution, which is outside the language and is never taken for a matrix product.
    /// For example, `W * \mathcal{X}_t` in a ConvLSTM is one.
    /// Where a matrix product is meant, write it side by side, `W X_t`, or with `\cdot`.
    Convolution "GW0401" Error "convolution";
    /// A power or the inverse of a matrix is outside the language.
    /// For example, `(I - A)^{-1} B` would have to be solved in each pass.
    /// Give the result itself as a weight, such as `\bar{B}`.
    MatrixPower "GW0402" Error "power of a matrix";
    /// The beginning of a state varies in time, belongs to a step that no equation reads, or is read and never given.
    /// For example, `h_0 = W x_t` differs from step to step, and `h_{-1} = 0` beside `h_0 = 1` is read by nothing but `h_{t-2}`.
    /// Let a state begin at a number or at a parameter, as in `h_0 = s`, or give its value when the cell runs.
    InitialState "GW0403" Error "an initial value";
    /// A definition by cases, or a comparison that is no condition, is outside the language.
    /// For example, `f(u) = u` for `u > 0`, else `0`, and `m_t = x_t < b`.
    /// Choose by `\operatorname{where}(u > 0, u, 0)`, or make a comparison 1 or 0 by `\mathbb{1}[x_t < b]`; `max`, `min` and `clip` serve too.
    Piecewise "GW0451" Error "piecewise definition";
    /// A sum or product over indices is outside the language.
    /// For example, `\sum_j W_{ij} x_j` is written by components.
    /// Write the matrix product, `W x_t`, or `sum(u)` for a sum over the features.
    SumOverIndices "GW0452" Error "sum over indices";
    /// A derivative or an integral by time is outside the language.
    /// For example, `\dot{h}(t) = A h(t) + B x(t)` says nothing about steps.
    /// Write the step of its discretisation, as in `h_t = h_{t-1} + \epsilon (A h_{t-1} + B x_t)`.
    DifferentialEquation "GW0453" Error "differential equation";
    /// A matrix of blocks is accepted only as one row before one column, and a stack of gates is not defined at once.
    /// For example, `[W & U]` before `[h_{t-1} \\ x_t]` is `W h_{t-1} + U x_t`.
    /// Write each row as an equation of its own.
    MatrixOfBlocks "GW0454" Error "matrix of blocks";
    /// A map is named without its weights, so there is nothing to learn by name.
    /// For example, `z_t = \sigma(Linear(x_t))` does not name the weight and the bias.
    /// Write the map out: `z_t = \sigma(W_z x_t + b_z)`.
    NamedMap "GW0455" Error "a map without weights";
    /// The exponential, logarithm or root of a matrix has two readings: of the matrix, or of each of its elements.
    /// For example, `\bar{A} = \exp(\Delta A)` with a full matrix `A`.
    /// Declare `A` as a vector for a diagonal matrix, `a \in \mathbb{R}^{n}`, or give `\bar{A}` itself as a weight.
    MatrixFunction "GW0456" Error "function of a matrix";
    /// A name is carried along a second index beside the time.
    /// For example, `s_{d-1}^t` is the value of the depth below, so `s_d^t` is a recursion in two directions.
    /// Write out the steps along the second index; a cell is one step in time.
    SecondIndex "GW0457" Error "recursion along a second index";
    /// A random draw, or the place of a maximum, has no gradient and is outside the language.
    /// For example, in `z_t \sim \mathcal{N}(\mu_t, I)` the equations decide a distribution, and `\arg\max(V h_t)` is no number that varies smoothly.
    /// Draw the noise outside and give it as an input, `z_t = \mu_t + \epsilon_t`, or use `softmax` for a choice.
    SampleOrChoice "GW0458" Error "a sample or a choice";
    /// An `i` or `j` that only parameters are multiplied by reads as the imaginary unit, and numbers are real here.
    /// For example, `\lambda = \exp(-\nu + i \theta)` is the eigenvalue of a complex recurrence.
    /// Write real and imaginary parts as two values, or declare `i` where it is a weight.
    ComplexNumber "GW0459" Error "a complex number";
    /// The gradient of a function is no value that an equation can have.
    /// For example, `S_t = -\eta \nabla \ell(M_{t-1}; x_t)` learns at each step, as memories of test time do.
    /// Write the gradient out: of `|M k - v|^2 / 2` by `M` it is `(M_{t-1} k_t - v_t) k_t^\top`.
    Gradient "GW0460" Error "a gradient";
    /// There are more definitions than the limit `MAXIMUM_DEFINITIONS`.
    /// For example, a generated text may unroll a sequence into one equation for each step.
    /// Write one step, or split the document.
    TooManyDefinitions "GW0501" Error "too many definitions";
    /// There are more names than the limit `MAXIMUM_NAMES`.
    /// For example, a generated text may number every value.
    /// Write one step with matrices instead of components.
    TooManyNames "GW0502" Error "too many names";
    /// There are more states, delays included, than the limit `MAXIMUM_STATES`.
    /// For example, `h_{t-100000}` needs a state for each step between.
    /// Use a shorter delay, or give the delayed value as an input.
    TooManyStates "GW0503" Error "too many states";
    /// The equations hold more operations than the limit `MAXIMUM_NODES`, functions written out.
    /// For example, functions that apply each other many times grow fast.
    /// Name intermediate values by equations of their own.
    TooManyOperations "GW0504" Error "too many operations";
    /// A size is above the limit `MAXIMUM_DIMENSION`.
    /// For example, `x_t \in \mathbb{R}^{99999999999}`.
    /// Give the size that is meant, or its name.
    DimensionTooLarge "GW0505" Error "a size is too large";
    /// The source is longer than the limit `MAXIMUM_SOURCE_BYTES`.
    /// For example, a whole book holds far more than its equations.
    /// Give the part that holds the cell.
    SourceTooLong "GW0551" Error "the source is too long";
    /// Brackets, fractions or scripts are nested deeper than the limit `MAXIMUM_NESTING`.
    /// For example, `((((…))))` with thousands of levels.
    /// Name inner parts by equations of their own.
    NestingTooDeep "GW0552" Error "nested too deep";
    /// One equation has more operators than the limit `MAXIMUM_OPERATORS`.
    /// For example, a sum written out term by term.
    /// Name parts of it by equations of their own.
    EquationTooLong "GW0553" Error "the equation is too long";
    /// A name is longer than the limit `MAXIMUM_NAME_BYTES`.
    /// For example, a sentence in `\mathrm{…}` is read as one name.
    /// Shorten the name, or write remarks in `\text{…}` behind the equation.
    NameTooLong "GW0554" Error "the name is too long";
    /// Nothing is carried from one step to the next, so this is no recurrent cell.
    /// For example, `h_t = \tanh(W x_t + b)` forgets everything.
    /// Read a defined value at an earlier step, as in `U h_{t-1}`, or go on if that is meant.
    NoState "GW0801" Warning "no state";
    /// A definition is replaced by a later one of the same name, and nothing reads it.
    /// For example, `h_t = x_t` above `h_t = U h_{t-1}` in one block has no effect.
    /// Remove one, or give one another name.
    OverwrittenDefinition "GW0802" Warning "overwritten definition";
    /// Nothing reads a definition, and it is neither a state nor the output; or a state is read by nothing that the output needs.
    /// For example, a gate `r_t` may have been forgotten in the candidate.
    /// Read it where it belongs, or remove it.
    UnreadDefinition "GW0803" Warning "unread definition";
    /// A name is declared that no equation has.
    /// For example, `V \in \mathbb{R}^{n}` without any `V` may be a slip for another name.
    /// Correct the name, or remove the declaration.
    UnusedDeclaration "GW0804" Warning "unused declaration";
    /// A line of text defines what equations read, and it could not be read: the name is a parameter, or the function the known one.
    /// For example, `W = \operatorname{diag}(\lambda_1, \dots, \lambda_N)` in a line of text beside `h_t = W h_{t-1} + x_t`.
    /// Write it as an equation of its own, in a way that can be read, or declare the name.
    UnreadText "GW0805" Warning "a definition in the text that is not read";
    /// Several equations read one parameter, so their gradients add.
    /// For example, `W_x` in all four gates of an LSTM is one matrix and not four.
    /// If the gates have weights of their own, label them: `W_{xi}`, `W_{xf}`.
    SharedParameter "GW0901" Note "shared parameter";
    /// A name that is read and never defined became an input beside another.
    /// For example, `\hat{z}_t` may be a slip for `z_t`.
    /// Correct the name, define it, or feed it as an input if that is meant.
    FurtherInput "GW0902" Note "a further input";
    /// A cycle within one step was cut by reading the value of the step before, as was asked for.
    /// For example, `o_t = \sigma(W h_t)` reads `h_{t-1}`.
    /// Nothing needs to be done; write `h_{t-1}` to say so in the equations.
    CyclePrevious "GW0903" Note "cycle cut";
    /// A vector stands before a matrix, so the rows of the matrix are features in.
    /// For example, `x_t W` has `W` of shape `[x, h]` and means `W^\top x_t`.
    /// Nothing needs to be done; weights are stored as written.
    RowConvention "GW0904" Note "row convention";
    /// Further findings of the same kind were left out, to keep the list short.
    /// For example, one lost bracket may cause hundreds.
    /// Correct the findings above it and check again.
    MoreOfTheKind "GW0905" Note "more of the same";
    /// The output is neither called `y` or `h` nor carried, or it is an `h` that a state is made from: another value may have been meant.
    /// For example, with `\hat{y}_t = softmax(V h_t)` the output is `\hat{y}` and not the state `h`.
    /// Nothing needs to be done; name the state, as in `h_t: output`, or leave the read-out away, if the state is meant.
    OutputChosen "GW0906" Note "output chosen";
    /// A name that nothing declares stands where only a number fits: before a matrix that varies in time, beside numbers in a sum.
    /// For example, `\beta_t v_t k_t^\top` scales the outer product by `\beta_t`.
    /// Declare the name, or write `diag(\beta_t)`, if each row has a factor of its own.
    ScalarRead "GW0907" Note "read as a scalar";
    /// A cycle within one step is solved by iteration, as was asked for.
    /// For example, with `o_t = \sigma(W h_t)` and `h_t = o_t \odot c_t` each step finds the `h_t` that both equations agree on.
    /// Nothing needs to be done; a run ends with an error that names step and sample where the iteration does not converge.
    CycleSolved "GW0908" Note "cycle solved";
    /// A number above a weight is a label, though the same weight stands there without it.
    /// For example, `W^2 h_{t-1}` beside `W x_t` has a second weight, called `W_2`.
    /// Nothing needs to be done; write a power as a product, `W W h_{t-1}`.
    NumberedWeight "GW0909" Note "a number above a weight";
    /// An exponent that nothing declares or gives is a parameter, and learned as weights are.
    /// For example, `(1 + x_t)^p` has a `p` for each element.
    /// Give its value, as in `p = 2`, or declare it if it is learned.
    LearnedExponent "GW0910" Note "a learned exponent";
    /// The text around the equations declares one of their names, but that could not be read, or does not fit them.
    /// For example, in `$x_t \in \mathbb{R}^{n^2}$` the size has a power, and `$x \in \mathbb{R}^{T \times d}$` is a whole sequence.
    /// Nothing needs to be done if the sizes that `check` shows are right; else declare the name as it is in one step.
    UnreadDeclaration "GW0911" Note "a declaration in the text is not used";
    /// A name without time index is joined with values that vary in time, and learned as weights are.
    /// For example, `W [h_{t-1}, e]` has a weight `e`, the same at each step.
    /// Write `e_t` for a value of this step, or declare it if it is a weight.
    JoinedWeight "GW0912" Note "a weight joined with values";
    /// `*` between a weight and a value is read as a matrix product, beside a sign for products element by element.
    /// For example, `i_t = \sigma(W * x_t)` beside `c_t = i_t \odot c_{t-1}` may be a gate of a convolutional LSTM.
    /// Write `W x_t` or `W \cdot x_t` where the product is meant; a convolution is outside the language.
    AsteriskProduct "GW0913" Note "an asterisk between a weight and a value";
    /// An upper-case Greek letter that only functions of elements are applied to, or an upper-case name that equations divide by, is read as a vector.
    /// For example, the decay `\exp(-\operatorname{softplus}(\Lambda) r_t)` has a number for each unit, not a matrix.
    /// Declare the name where something else is meant, as in `\Lambda \in \mathbb{R}^{n \times n}` or `C \in \mathbb{R}`.
    VectorRead "GW0914" Note "read as a vector";
    /// The time of one name stands above it in one place and below it in another; both are the same value.
    /// For example, `h_t = z_t \odot h^{(t-1)}` reads the value of `h_t` of the step before.
    /// Nothing needs to be done, unless one of them was meant to be a label.
    TwoNotations "GW0915" Note "two notations of the time";
    /// A name that is a constant elsewhere is a parameter here, and learned as weights are.
    /// For example, `\cos(2 \pi x_t)` has a `\pi` for each element.
    /// Write the number, as in `3.14159265`, or declare the name if it is learned.
    LearnedConstant "GW0916" Note "a learned constant";
    /// The text defines `\sigma`, which is the logistic function elsewhere, as another one.
    /// For example, `h_t = \sigma(W x_t + U h_{t-1})` where `\sigma = \tanh`.
    /// Nothing needs to be done, unless the definition speaks of another network; then leave it out.
    OwnSigma "GW0917" Note "a sigma of its own";
    /// The words of the text say which function a name is.
    /// For example, `h_t = \phi(W x_t + U h_{t-1})`, where `\phi` denotes the hyperbolic tangent.
    /// Nothing needs to be done, unless the words speak of another network; then leave them out, or define the name.
    SpokenFunction "GW0918" Note "a function named in words";
    /// A line of text gives a name a value: it is a constant, or stays a parameter where that holds in a case only.
    /// For example, `h_t = \alpha h_{t-1} + x_t`, where `\alpha = 0.9`.
    /// Nothing needs to be done, unless the text speaks of something else; then leave the line out, or write it as an equation.
    SpokenConstant "GW0919" Note "a constant in the text";
    /// A row defines nothing of the cell and was skipped.
    /// For example, a loss, the signature `h_t = LSTM(x_t)` or a derivative may stand among the equations.
    /// Nothing needs to be done, unless the row was meant to be part of the cell.
    SkippedRow "GW0950" Note "skipped";
    /// Layers are counted by a superscript; one layer is compiled, and the value of the layer below is its input.
    /// For example, `h_t^{(l)} = \tanh(W h_t^{(l-1)} + U h_{t-1}^{(l)})` is one layer.
    /// Stack cells to get several layers.
    OneLayer "GW0951" Note "one layer is compiled";
}

impl Code {
    /// What to do, as the help of a finding that has no better one.
    #[must_use]
    pub fn remedy(self) -> String {
        let sentence = self.explanation().lines().nth(2).unwrap_or_default().trim().trim_end_matches('.');
        let mut letters = sentence.chars();
        letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::Code;

    #[test]
    fn codes_are_unique_and_in_order() {
        let codes: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert!(codes.windows(2).all(|pair| pair[0] < pair[1]), "{codes:?}");
    }

    #[test]
    fn explanations_say_what_show_an_example_and_help() {
        for code in Code::ALL {
            let lines: Vec<&str> = code.explanation().lines().map(str::trim).collect();
            let [meaning, example, remedy] = lines.as_slice() else { panic!("{code:?}: {lines:?}") };
            assert!(example.starts_with("For example, "), "{code:?}: {example}");
            for sentence in [meaning, example, remedy] {
                assert!(sentence.ends_with('.') && sentence.len() > 20, "{code:?}: {sentence}");
            }
        }
    }
}
