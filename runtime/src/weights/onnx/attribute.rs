//! Attributes of a recurrent node, and the forms that they make.
//!
//! Every attribute is either understood or an error that names it. Values and names are those of the operators `RNN`,
//! `LSTM` and `GRU` from version 7 on; `activations` go by upper and lower case alike.

use super::Reading;
use super::message::{AttributeProto, NodeProto, attribute_type};
use super::node::Kind;
use crate::weights::Direction;
use crate::weights::activation::Activation;
use crate::weights::error::WeightError;
use crate::weights::form::{Clip, Family, Form, Reset};

/// Attributes as they stand.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Attributes {
    activations: Option<Vec<String>>,
    alpha: Vec<f32>,
    beta: Vec<f32>,
    clip: Option<f32>,
    direction: Option<String>,
    pub(super) hidden_size: Option<i64>,
    pub(super) batch_major: bool,
    coupled: bool,
    after: bool,
}

/// An error about one attribute.
pub(super) fn problem(node: &str, attribute: &str, problem: impl Into<String>) -> WeightError {
    WeightError::Attribute { node: node.to_owned(), attribute: attribute.to_owned(), problem: problem.into() }
}

impl Attributes {
    pub(super) fn read(node: &NodeProto, name: &str, kind: Kind) -> Result<Self, WeightError> {
        let mut attributes = Self::default();
        let mut seen: Vec<&str> = Vec::new();
        for attribute in &node.attribute {
            let reader = Reader { node: name, attribute };
            if seen.contains(&attribute.name.as_str()) {
                return Err(reader.problem("it is given twice"));
            }
            seen.push(&attribute.name);
            match (attribute.name.as_str(), kind) {
                ("activations", _) => attributes.activations = Some(reader.strings()?),
                ("activation_alpha", _) => attributes.alpha = reader.floats()?,
                ("activation_beta", _) => attributes.beta = reader.floats()?,
                ("clip", _) => attributes.clip = Some(reader.clip()?),
                ("direction", _) => attributes.direction = Some(reader.string()?),
                ("hidden_size", _) => attributes.hidden_size = Some(reader.integer()?),
                ("layout", _) => attributes.batch_major = reader.switch()?,
                ("input_forget", Kind::Lstm) => attributes.coupled = reader.switch()?,
                // Any number but 0 means so.
                ("linear_before_reset", Kind::Gru) => attributes.after = reader.integer()? != 0,
                _ => return Err(reader.problem(format!("{} has no such attribute", kind.operator()))),
            }
        }
        Ok(attributes)
    }

    /// The directions, in the order in which tensors have them.
    pub(super) fn directions(&self, node: &str) -> Result<&'static [Direction], WeightError> {
        match self.direction.as_deref() {
            None | Some("forward") => Ok(&[Direction::Forward]),
            Some("reverse") => Ok(&[Direction::Reverse]),
            Some("bidirectional") => Ok(&[Direction::Forward, Direction::Reverse]),
            Some(other) => Err(problem(
                node,
                "direction",
                format!("`{other}` is none of `forward`, `reverse` and `bidirectional`"),
            )),
        }
    }

    /// The form of each direction.
    pub(super) fn forms(
        &self,
        node: &str,
        kind: Kind,
        peepholes: bool,
        bias: bool,
        reading: Reading,
    ) -> Result<Vec<Form>, WeightError> {
        let directions = self.directions(node)?.len();
        let activations = self.activations(node, kind, directions, reading)?;
        let memory = reading == Reading::Specification;
        let clip = self.clip.map(|threshold| Clip { threshold, memory });
        let forms = activations.chunks_exact(kind.activations()).map(|chosen| {
            let family = match (kind, chosen) {
                (Kind::Lstm, &[gate, candidate, output]) => Family::Lstm {
                    gate,
                    candidate,
                    output,
                    peepholes,
                    coupled: self.coupled,
                    projection: false,
                },
                (Kind::Gru, &[gate, candidate]) => {
                    let reset = if self.after { Reset::After } else { Reset::Before };
                    Family::Gru { gate, candidate, reset }
                }
                (_, chosen) => Family::Simple { activation: chosen[0] },
            };
            Form { family, bias, clip }
        });
        Ok(forms.collect())
    }

    fn activations(
        &self,
        node: &str,
        kind: Kind,
        directions: usize,
        reading: Reading,
    ) -> Result<Vec<Activation>, WeightError> {
        let wanted = kind.activations() * directions;
        let Some(names) = &self.activations else {
            let given = if self.alpha.is_empty() { "activation_beta" } else { "activation_alpha" };
            if self.alpha.is_empty() && self.beta.is_empty() {
                return Ok(kind.default_activations().repeat(directions));
            }
            return Err(problem(node, given, "it is given without `activations`"));
        };
        if names.len() != wanted {
            let message = format!("{wanted} are needed, {} are given", names.len());
            return Err(problem(node, "activations", message));
        }
        // Each function takes the next number of what it needs.
        let (mut alpha, mut beta) = (self.alpha.iter().copied(), self.beta.iter().copied());
        let mut found = Vec::with_capacity(wanted);
        for name in names {
            let mut need = |attribute: &str, default: Option<f32>| {
                let numbers = if attribute == "activation_alpha" { &mut alpha } else { &mut beta };
                numbers.next().or(default).ok_or_else(|| {
                    problem(node, attribute, format!("`{name}` needs a number and has no default"))
                })
            };
            let (first, second) = ("activation_alpha", "activation_beta");
            let activation = match name.to_ascii_lowercase().as_str() {
                "tanh" => Activation::Tanh,
                "sigmoid" => Activation::Sigmoid,
                "relu" => Activation::Relu,
                "softsign" => Activation::Softsign,
                "softplus" => Activation::Softplus,
                "leakyrelu" => Activation::LeakyRelu { alpha: need(first, Some(0.01))? },
                "thresholdedrelu" => {
                    let default = if reading == Reading::Runtime { 0.0 } else { 1.0 };
                    Activation::ThresholdedRelu { alpha: need(first, Some(default))? }
                }
                "elu" => Activation::Elu { alpha: need(first, Some(1.0))? },
                "hardsigmoid" => {
                    Activation::HardSigmoid { alpha: need(first, Some(0.2))?, beta: need(second, Some(0.5))? }
                }
                "scaledtanh" => {
                    Activation::ScaledTanh { alpha: need(first, None)?, beta: need(second, None)? }
                }
                "affine" => Activation::Affine { alpha: need(first, None)?, beta: need(second, None)? },
                _ => return Err(problem(node, "activations", format!("`{name}` is not supported"))),
            };
            found.push(activation);
        }
        for (attribute, rest) in [("activation_alpha", alpha), ("activation_beta", beta)] {
            if rest.len() > 0 {
                let message = format!("{} numbers more than the activations take", rest.len());
                return Err(problem(node, attribute, message));
            }
        }
        if !found.iter().all(|activation| activation.is_finite()) {
            return Err(problem(node, "activation_alpha", "a number of an activation is not finite"));
        }
        Ok(found)
    }
}

/// One attribute of one node.
struct Reader<'a> {
    node: &'a str,
    attribute: &'a AttributeProto,
}

impl Reader<'_> {
    fn problem(&self, message: impl Into<String>) -> WeightError {
        problem(self.node, &self.attribute.name, message)
    }

    fn expect(&self, attribute_type: i32, what: &str) -> Result<(), WeightError> {
        if self.attribute.r#type == attribute_type {
            Ok(())
        } else {
            Err(self.problem(format!("it is not {what}")))
        }
    }

    fn integer(&self) -> Result<i64, WeightError> {
        self.expect(attribute_type::INT, "an integer")?;
        Ok(self.attribute.i.unwrap_or_default())
    }

    fn switch(&self) -> Result<bool, WeightError> {
        match self.integer()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(self.problem(format!("{other} is neither 0 nor 1"))),
        }
    }

    fn clip(&self) -> Result<f32, WeightError> {
        self.expect(attribute_type::FLOAT, "a number")?;
        let clip = self.attribute.f.unwrap_or_default();
        if clip.is_finite() && clip > 0.0 {
            return Ok(clip);
        }
        Err(self.problem(format!("{clip} is not a finite number above zero")))
    }

    fn floats(&self) -> Result<Vec<f32>, WeightError> {
        self.expect(attribute_type::FLOATS, "a list of numbers")?;
        Ok(self.attribute.floats.clone())
    }

    fn text(&self, bytes: &[u8]) -> Result<String, WeightError> {
        String::from_utf8(bytes.to_vec()).map_err(|_| self.problem("it is not UTF-8"))
    }

    fn string(&self) -> Result<String, WeightError> {
        self.expect(attribute_type::STRING, "a string")?;
        self.text(self.attribute.s.as_deref().unwrap_or_default())
    }

    fn strings(&self) -> Result<Vec<String>, WeightError> {
        self.expect(attribute_type::STRINGS, "a list of strings")?;
        self.attribute.strings.iter().map(|bytes| self.text(bytes)).collect()
    }
}
