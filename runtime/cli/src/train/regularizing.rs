//! What a command line says about regularisers.
//!
//! | option | what is dropped while training | where |
//! | --- | --- | --- |
//! | `--dropout` | elements of the input | what the lowest layer reads |
//! | `--layer-dropout` | elements of the input | what a layer reads from the one below |
//! | `--recurrent-dropout` | elements of a state, where a matrix multiplies it | every layer |
//! | `--zoneout` | steps of an element of a state | every layer |
//! | `--drop-connect` | elements of a matrix that multiplies a state | every layer |
//!
//! The masks of a step of the optimiser depend on the seed, the layer and the number of the step alone; there are none
//! when the test part is judged. A choice that does not fit the cell is an error of
//! [`gatewright::compiler::regularize`].

use std::str::FromStr;

use clap::Args;
use gatewright::compiler::regularize::{Drawn, Kind, Regularizer};

use crate::failure::Failure;

/// `0.2` or `c=0.2`: a probability, of everything the option is for or of one name.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Choice {
    target: Option<String>,
    rate: f64,
}

impl FromStr for Choice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (target, rate) = match text.split_once('=') {
            Some((name, rate)) => (Some(name.trim().to_owned()), rate),
            None => (None, text),
        };
        // Whether it is a probability is asked where the choice is applied.
        let rate = rate.trim().parse().map_err(|_| format!("`{rate}` is no number"))?;
        Ok(Self { target, rate })
    }
}

/// Random changes of the cell that training makes.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Regularisers")]
pub(crate) struct RegularizingArguments {
    /// Drop elements of the input sequence with this probability (Srivastava et al. 2014)
    #[arg(long, value_name = "[NAME=]RATE")]
    dropout: Vec<Choice>,
    /// Drop elements of what one layer gives the next with this probability
    #[arg(long, value_name = "RATE")]
    layer_dropout: Option<f64>,
    /// Drop elements of states, or of one, where matrices multiply them (Gal and Ghahramani 2016). May be given several
    /// times
    #[arg(long, value_name = "[NAME=]RATE")]
    recurrent_dropout: Vec<Choice>,
    /// Let elements of states, or of one, stay as they were (Krueger et al. 2017). May be given several times
    #[arg(long, value_name = "[NAME=]RATE")]
    zoneout: Vec<Choice>,
    /// Drop elements of the matrices, or of one, that multiply states (Wan et al. 2013, Merity et al. 2018). May be given
    /// several times
    #[arg(long, value_name = "[NAME=]RATE")]
    drop_connect: Vec<Choice>,
    /// Draw the masks of the three dropouts once for a sequence, not anew at each step
    #[arg(long)]
    variational: bool,
}

/// The choices for each layer.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Regularizers {
    lowest: Vec<Regularizer>,
    upper: Vec<Regularizer>,
}

impl RegularizingArguments {
    /// The choices for a network of so many layers.
    pub(crate) fn regularizers(&self, layers: usize) -> Result<Regularizers, Failure> {
        if self.layer_dropout.is_some() && layers < 2 {
            return Err(Failure::usage(
                "--layer-dropout is for what one layer gives the next: --layers 2 or more",
            ));
        }
        let drops = [&self.dropout, &self.recurrent_dropout].iter().any(|choices| !choices.is_empty());
        if self.variational && !drops && self.layer_dropout.is_none() {
            return Err(Failure::usage(
                "--variational says how often --dropout, --layer-dropout and --recurrent-dropout draw, and none is given",
            ));
        }
        let drawn = if self.variational { Drawn::EachSequence } else { Drawn::EachStep };
        let every = [
            (Kind::RecurrentDropout, &self.recurrent_dropout, drawn),
            (Kind::Zoneout, &self.zoneout, Drawn::EachStep),
            (Kind::DropConnect, &self.drop_connect, Drawn::EachSequence),
        ];
        let of = |kind, choices: &[Choice], drawn| -> Vec<Regularizer> {
            let one = |choice: &Choice| Regularizer {
                kind,
                target: choice.target.clone(),
                rate: choice.rate,
                drawn,
            };
            choices.iter().map(one).collect()
        };
        let every: Vec<Regularizer> =
            every.into_iter().flat_map(|(kind, choices, drawn)| of(kind, choices, drawn)).collect();
        let between: Vec<Choice> =
            self.layer_dropout.iter().map(|&rate| Choice { target: None, rate }).collect();
        let with = |dropout: &[Choice]| [of(Kind::Dropout, dropout, drawn), every.clone()].concat();
        Ok(Regularizers { lowest: with(&self.dropout), upper: with(&between) })
    }
}

impl Regularizers {
    /// Those of a layer.
    pub(crate) fn of_layer(&self, number: usize) -> &[Regularizer] {
        if number == 0 { &self.lowest } else { &self.upper }
    }

    /// Each of them in words; what the lowest layer has and what those above have are told apart where they differ.
    pub(crate) fn words(&self, layers: usize) -> Vec<String> {
        let mut words = Vec::new();
        for regularizer in &self.lowest {
            let above = layers < 2 || self.upper.contains(regularizer);
            words.push(if above {
                said(regularizer)
            } else {
                format!("{} in the lowest layer", said(regularizer))
            });
        }
        if layers > 1 {
            let new = self.upper.iter().filter(|one| !self.lowest.contains(one));
            words.extend(new.map(|one| format!("{} between layers", said(one))));
        }
        words
    }
}

fn said(regularizer: &Regularizer) -> String {
    let Regularizer { kind, target, rate, drawn } = regularizer;
    let target = target.as_ref().map_or_else(String::new, |name| format!(" of {name}"));
    let drawn = match (kind, drawn) {
        (Kind::DropConnect, _) => "for all sequences of a step of the optimiser",
        (_, Drawn::EachStep) => "at each step",
        (_, Drawn::EachSequence) => "for each sequence",
    };
    format!("{}{target} {rate} {drawn}", kind.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_a_rate_with_or_without_a_name() {
        let parsed = |text: &str| text.parse::<Choice>();
        assert_eq!(parsed("0.25"), Ok(Choice { target: None, rate: 0.25 }));
        assert_eq!(parsed("c = 0.5"), Ok(Choice { target: Some("c".to_owned()), rate: 0.5 }));
        for wrong in ["", "c", "c=", "c=x"] {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn layers_above_the_lowest_have_a_dropout_of_their_own() {
        let choice = |rate| vec![Choice { target: None, rate }];
        let arguments = RegularizingArguments {
            dropout: choice(0.1),
            layer_dropout: Some(0.2),
            zoneout: choice(0.3),
            variational: true,
            ..RegularizingArguments::default()
        };
        let regularizers = arguments.regularizers(2).expect("two layers");
        let rates = |number| -> Vec<(Kind, f64, Drawn)> {
            regularizers.of_layer(number).iter().map(|one| (one.kind, one.rate, one.drawn)).collect()
        };
        let zoneout = (Kind::Zoneout, 0.3, Drawn::EachStep);
        assert_eq!(rates(0), [(Kind::Dropout, 0.1, Drawn::EachSequence), zoneout]);
        assert_eq!(rates(1), [(Kind::Dropout, 0.2, Drawn::EachSequence), zoneout]);
        assert_eq!(rates(1), rates(2));
        assert_eq!(
            regularizers.words(2),
            [
                "dropout 0.1 for each sequence in the lowest layer",
                "zoneout 0.3 at each step",
                "dropout 0.2 for each sequence between layers"
            ]
        );
        assert!(arguments.regularizers(1).is_err(), "there is nothing between one layer");
        let idle = RegularizingArguments { variational: true, zoneout: choice(0.1), ..Default::default() };
        assert!(idle.regularizers(1).is_err(), "no dropout draws");
    }
}
