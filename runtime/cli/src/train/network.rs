//! The recurrent part of a model: the cell, or layers of it one upon the other, with regularisers in training.

use std::sync::Arc;

use gatewright::compiler::graph::{Bounded, Graph};
use gatewright::compiler::regularize::regularize;
use gatewright::layer::{RegularizedCell, Shared, Stack};
use gatewright::parameters::{Initializer, Random};

use super::learning::sizes;
use super::regularizing::Regularizers;
use crate::arguments::{BackendArguments, InitialValue};
use crate::failure::Failure;
use crate::session::Checked;

/// From what a network is built. Each seed has one of its own, as the masks depend on the seed.
pub(crate) struct Blueprint {
    /// The cell, and how its dimensions are called.
    pub(crate) checked: Checked,
    /// One step of it, or a graph made from that.
    pub(crate) graph: Graph,
    /// Who gives the input of the lowest layer, and how many numbers at each step.
    pub(crate) input: (String, usize),
    /// Size of every dimension that the input does not fix.
    pub(crate) hidden: usize,
    /// Layers one upon the other.
    pub(crate) layers: usize,
    /// What training changes at random.
    pub(crate) regularizers: Regularizers,
    /// How the element loops run.
    pub(crate) backend: BackendArguments,
}

/// A network that can be run.
pub(crate) struct Network {
    cell: Shared<f32>,
    /// Layers that draw masks.
    masked: Vec<Arc<RegularizedCell<f32>>>,
    /// What stands before the name of a parameter: a number for each of several layers.
    prefixes: Vec<String>,
}

impl Network {
    /// One cell, which draws no masks.
    #[cfg(test)]
    pub(crate) fn of(cell: Shared<f32>) -> Self {
        Self { cell, masked: Vec::new(), prefixes: vec![String::new()] }
    }

    /// One cell with masks.
    #[cfg(test)]
    pub(crate) fn masked_for_tests(
        graph: &Graph,
        sizes: &[(&str, usize)],
        choices: &[gatewright::compiler::regularize::Regularizer],
    ) -> Self {
        let options = gatewright::CompileOptions::default();
        let cell = RegularizedCell::from_graph(graph, sizes, options, choices, 9).expect("compiles");
        let cell = Arc::new(cell);
        Self { cell: cell.clone(), masked: vec![cell], prefixes: vec![String::new()] }
    }

    /// What runs.
    pub(crate) fn cell(&self) -> &Shared<f32> {
        &self.cell
    }

    /// The masks of the next training run become those of this step of the optimiser.
    pub(crate) fn masks_of_step(&self, step: usize) {
        for layer in &self.masked {
            layer.set_next_draw(step as u64);
        }
    }

    /// How parameters begin: the rules, but for what the command line says, in every layer.
    pub(crate) fn initializer<'a>(
        &self,
        seed: u64,
        initial: impl Iterator<Item = &'a InitialValue>,
    ) -> Initializer {
        initial
            .flat_map(|given| {
                self.prefixes.iter().map(move |prefix| (format!("{prefix}{}", given.name), given.value))
            })
            .fold(Initializer::new(seed), |initializer, (name, value)| initializer.constant(name, value))
    }
}

impl Blueprint {
    /// The network with the masks of this seed.
    pub(crate) fn build(&self, seed: u64) -> Result<Network, Failure> {
        let mut masked = Vec::new();
        let cell = self.stacked(|number, sizes| {
            let choices = self.regularizers.of_layer(number);
            if choices.is_empty() {
                return Ok(Arc::new(self.checked.compile_graph::<f32>(&self.graph, sizes, self.backend)?));
            }
            let seed = Random::named(seed, &format!("masks of layer {number}")).bits();
            let cell = self.checked.compile_regularized(&self.graph, sizes, self.backend, choices, seed)?;
            let cell = Arc::new(cell);
            masked.push(cell.clone());
            Ok(cell)
        })?;
        let prefixes = if self.layers == 1 {
            vec![String::new()]
        } else {
            (0..self.layers).map(|at| format!("{at}.")).collect()
        };
        Ok(Network { cell, masked, prefixes })
    }

    /// As the network runs without masks, with the bounded values of the top layer as further outputs; none where there
    /// are none.
    pub(crate) fn watched(&self) -> Result<Option<Watched>, Failure> {
        let data = |error: &dyn std::error::Error| Failure::data(error.to_string());
        let inference = |number: usize| {
            let regularized = regularize(&self.graph, self.regularizers.of_layer(number));
            regularized.map(|regularized| regularized.inference).map_err(|error| data(&error))
        };
        let top = inference(self.layers - 1)?;
        let bounded = top.bounded();
        let names: Vec<&str> = bounded.iter().map(|value| value.name.as_str()).collect();
        let Some(graph) = top.watch(&names).map_err(|error| data(&error))?.filter(|_| !names.is_empty())
        else {
            return Ok(None);
        };
        let cell = self.stacked(|number, sizes| {
            let below = if number + 1 < self.layers { Some(inference(number)?) } else { None };
            Ok(Arc::new(self.checked.compile_graph::<f32>(
                below.as_ref().unwrap_or(&graph),
                sizes,
                self.backend,
            )?))
        })?;
        Ok(Some(Watched { cell, values: bounded }))
    }

    /// The layers that `compile` makes of a number and the sizes of its dimensions.
    fn stacked(
        &self,
        mut compile: impl FnMut(usize, &[usize]) -> Result<Shared<f32>, Failure>,
    ) -> Result<Shared<f32>, Failure> {
        let (giver, features) = &self.input;
        let lowest = compile(0, &sizes(&self.checked, giver, *features, self.hidden)?)?;
        if self.layers == 1 {
            return Ok(lowest);
        }
        let mut layers = vec![lowest];
        for number in 1..self.layers {
            let below = layers[number - 1].layout().outputs.first().map_or(0, |port| port.size);
            let giver = format!("layer {}", number - 1);
            layers.push(compile(number, &sizes(&self.checked, &giver, below, self.hidden)?)?);
        }
        Ok(Arc::new(Stack::new(layers).map_err(|error| Failure::data(error.to_string()))?))
    }
}

/// A network whose top layer shows what its gates do.
pub(crate) struct Watched {
    /// What runs; the watched values are the last outputs.
    pub(crate) cell: Shared<f32>,
    /// Which values these are.
    pub(crate) values: Vec<Bounded>,
}
