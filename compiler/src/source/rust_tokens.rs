//! Rust tokens to tokens: the spelling of `cell!`.
//!
//! Places are numbers of Rust tokens; [`TokenSpans`] leads from them back to the compiler's places.

use proc_macro2::{Delimiter, Ident, Literal, Punct, Spacing, TokenStream, TokenTree};

use super::ast::{Comparison, Function, ProductSign};
use super::token::{Bracket, TokenKind};
use super::writer::Writer;
use crate::diagnostic::Code;
use crate::limits::{MAXIMUM_NESTING, MAXIMUM_SOURCE_BYTES};
use crate::span::Span;

/// The compiler's place of every Rust token, by number.
#[derive(Clone, Debug, Default)]
pub struct TokenSpans {
    spans: Vec<proc_macro2::Span>,
}

impl TokenSpans {
    /// The place of the first token of `span`, or of the last token where `span` lies after all.
    #[must_use]
    pub fn first(&self, span: Span) -> proc_macro2::Span {
        let index = usize::try_from(span.start).unwrap_or(usize::MAX);
        self.at(index)
    }

    /// The place of the last token of `span`.
    #[must_use]
    pub fn last(&self, span: Span) -> proc_macro2::Span {
        let end = usize::try_from(span.end.max(span.start.saturating_add(1))).unwrap_or(usize::MAX);
        self.at(end - 1)
    }

    /// The place of all of `span`: joined where the compiler can join places, else its first token.
    #[must_use]
    pub fn join(&self, span: Span) -> proc_macro2::Span {
        let first = self.first(span);
        first.join(self.last(span)).unwrap_or(first)
    }

    /// How many tokens were read.
    #[must_use]
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// True where nothing was read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    fn at(&self, index: usize) -> proc_macro2::Span {
        self.spans.get(index).or(self.spans.last()).copied().unwrap_or_else(proc_macro2::Span::call_site)
    }
}

/// Reads a token stream.
pub(crate) fn lex(tokens: TokenStream, writer: &mut Writer) -> TokenSpans {
    let mut lexer = Lexer { spans: TokenSpans::default(), writer, full: false };
    lexer.stream(tokens, 0);
    lexer.spans
}

struct Lexer<'w> {
    spans: TokenSpans,
    writer: &'w mut Writer,
    /// The limit was met, and said.
    full: bool,
}

impl Lexer<'_> {
    /// Numbers a token.
    fn number(&mut self, place: proc_macro2::Span) -> Span {
        let start = u32::try_from(self.spans.spans.len()).unwrap_or(u32::MAX);
        self.spans.spans.push(place);
        Span::new(start, start.saturating_add(1))
    }

    fn stream(&mut self, tokens: TokenStream, depth: usize) {
        let mut trees = tokens.into_iter().peekable();
        while let Some(tree) = trees.next() {
            if self.spans.len() >= MAXIMUM_SOURCE_BYTES {
                if !self.full {
                    let message = format!("more than {MAXIMUM_SOURCE_BYTES} tokens (MAXIMUM_SOURCE_BYTES)");
                    self.writer.unknown(Code::SourceTooLong, message, Span::default(), None);
                }
                self.full = true;
                return;
            }
            match tree {
                TokenTree::Group(group) => {
                    let bracket = match group.delimiter() {
                        Delimiter::Parenthesis => Some(Bracket::Round),
                        Delimiter::Bracket => Some(Bracket::Square),
                        Delimiter::Brace => Some(Bracket::Brace),
                        Delimiter::None => None,
                    };
                    let open = bracket.map(|bracket| (bracket, self.number(group.span_open())));
                    if let Some((bracket, span)) = open {
                        self.writer.push(TokenKind::Open(bracket), span);
                    }
                    if depth >= MAXIMUM_NESTING {
                        let span = open.map_or_else(Span::default, |open| open.1);
                        let message =
                            format!("brackets are nested deeper than {MAXIMUM_NESTING} (MAXIMUM_NESTING)");
                        self.writer.unknown(Code::NestingTooDeep, message, span, None);
                    } else {
                        self.stream(group.stream(), depth + 1);
                    }
                    if let Some((bracket, _)) = open {
                        let span = self.number(group.span_close());
                        self.writer.push(TokenKind::Close(bracket), span);
                    }
                }
                TokenTree::Ident(ident) => {
                    let applied = matches!(trees.peek(), Some(TokenTree::Group(group))
                        if group.delimiter() == Delimiter::Parenthesis);
                    self.identifier(&ident, applied);
                }
                TokenTree::Punct(punct) => {
                    let next = match trees.peek() {
                        Some(TokenTree::Punct(next)) if punct.spacing() == Spacing::Joint => {
                            Some(next.as_char())
                        }
                        _ => None,
                    };
                    if self.pair(&punct, next) {
                        trees.next();
                    }
                }
                TokenTree::Literal(literal) => self.literal(&literal),
            }
        }
    }

    /// A word; `applied` says that a parenthesis follows.
    fn identifier(&mut self, ident: &Ident, applied: bool) {
        let span = self.number(ident.span());
        let text = ident.to_string();
        let text = text.strip_prefix("r#").unwrap_or(&text);
        if text == "where" {
            // `where(a < b, x, y)` is a function, `where w: [h]` begins declarations.
            let function = TokenKind::Function(Function::Where, text.to_owned());
            self.writer.push(if applied { function } else { TokenKind::Where }, span);
            return;
        }
        self.writer.identifier(text, |_, _| span);
    }

    /// A sign; true where it took the next sign with it.
    fn pair(&mut self, punct: &Punct, next: Option<char>) -> bool {
        let span = self.number(punct.span());
        let two = match (punct.as_char(), next) {
            ('.', Some('*')) => Some(TokenKind::Product(ProductSign::Hadamard)),
            (':', Some('=')) | ('<', Some('-')) => Some(TokenKind::Equals),
            ('-', Some('>')) => Some(TokenKind::Arrow),
            ('=', Some('=')) => Some(TokenKind::Comparison(Comparison::Equal)),
            ('!', Some('=')) => Some(TokenKind::Comparison(Comparison::NotEqual)),
            ('<', Some('=')) => Some(TokenKind::Comparison(Comparison::LessOrEqual)),
            ('>', Some('=')) => Some(TokenKind::Comparison(Comparison::GreaterOrEqual)),
            ('|', Some('|')) => Some(TokenKind::DoubleBar),
            _ => None,
        };
        if let Some(kind) = two {
            let second = self.number(punct.span());
            self.writer.push(kind, span.to(second));
            return true;
        }
        let kind = match punct.as_char() {
            '+' => TokenKind::Plus,
            '-' => TokenKind::Minus,
            '*' => TokenKind::Product(ProductSign::Asterisk),
            '@' => TokenKind::Product(ProductSign::At),
            '/' => TokenKind::Slash,
            '%' => TokenKind::Modulo,
            '=' => TokenKind::Equals,
            '^' => TokenKind::Superscript,
            '|' => TokenKind::Bar,
            ',' => TokenKind::Comma,
            ';' => TokenKind::Semicolon,
            ':' => TokenKind::Colon,
            '.' => TokenKind::Period,
            '<' => TokenKind::Less,
            '>' => TokenKind::Greater,
            '\'' => TokenKind::Mark("prime"),
            '~' => TokenKind::Mark("tilde"),
            other => {
                let message = format!("`{other}` is no part of the language");
                self.writer.unknown(Code::UnknownSymbol, message, span, None);
                return false;
            }
        };
        self.writer.push(kind, span);
        false
    }

    fn literal(&mut self, literal: &Literal) {
        let span = self.number(literal.span());
        let text = literal.to_string().replace('_', "");
        let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
        if let Some(value) = number {
            self.writer.push(TokenKind::Number { value, whole: text.parse().ok() }, span);
        } else {
            let message = format!("`{text}` is no number");
            let digits =
                text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(text.len());
            let (digits, suffix) = text.split_at(digits);
            let is_type =
                suffix.starts_with(['f', 'u', 'i']) && suffix[1..].bytes().all(|byte| byte.is_ascii_digit());
            let is_type = (is_type && suffix.len() > 1) || suffix.ends_with("size");
            let has_exponent =
                suffix.starts_with(['e', 'E']) && suffix.ends_with(|letter: char| letter.is_ascii_digit());
            let has_base = digits == "0" && suffix.starts_with(['x', 'o', 'b']) && suffix.len() > 1;
            let help = if digits.is_empty() || suffix.is_empty() || has_exponent || has_base {
                "write numbers as `0.5` or `2e-3`; the largest is `1.7e308`".to_owned()
            } else if is_type {
                format!("numbers have no type here: write `{digits}`")
            } else {
                format!("Rust reads the letters as a part of the number: write `{digits} {suffix}`")
            };
            let help = Some(help);
            self.writer.unknown(Code::UnknownSymbol, message, span, help);
        }
    }
}
