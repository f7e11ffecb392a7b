//! Checkpoints: all that a run is, in one file.
//!
//! ```text
//! cell.W_xi, …, head.weight                  the variables
//! adam.first.cell.W_xi, adam.second.cell.W_xi, …   the moments of the optimiser
//! metadata `training`                        JSON: what the run is, where it is, how many steps Adam took
//! ```
//!
//! The random state is not among it: it follows from the seed and the position ([`super::run`]). A checkpoint is written
//! beside the last one, which then becomes the one before ([`write_keeping_previous`]): a kill at any moment leaves one
//! of the two, and what goes on from either is, bit for bit, the run that was not stopped.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use candle_core::{Device, Tensor};
use gatewright::parameters::{
    Conversion, NamedTensor, TensorFileError, metadata_from_bytes, previous, tensors_from_bytes,
    tensors_to_bytes, write_keeping_previous,
};
use gatewright_candle::AdamState;
use serde::{Deserialize, Serialize};

use super::run::{Position, Run};
use crate::failure::Failure;
use crate::print::message;

/// What a run is, by what decides it: the cell, the task, sizes, the seed. A checkpoint serves no other run.
pub(crate) type Identity = BTreeMap<String, String>;

/// The key of the metadata.
const TRAINING: &str = "training";
/// Of this layout. Another layout gets another number.
const VERSION: u32 = 1;

/// The metadata.
#[derive(Debug, Serialize, Deserialize)]
struct Training {
    version: u32,
    run: Identity,
    position: Position,
    adam_steps: usize,
}

/// A checkpoint that was read.
pub(crate) struct Checkpoint {
    training: Training,
    tensors: BTreeMap<String, NamedTensor<f32>>,
}

/// Where the moments of a variable stand.
fn moment_names(variable: &str) -> [String; 2] {
    [format!("adam.first.{variable}"), format!("adam.second.{variable}")]
}

/// Writes where `run` is, and keeps the checkpoint before.
pub(crate) fn save(path: &Path, run: &Run<'_>, identity: &Identity) -> Result<(), Failure> {
    let state = run.optimizer.state()?;
    let mut tensors = Vec::with_capacity(3 * state.moments.len());
    for ((name, variable), (first, second)) in run.model.variables().iter().zip(&state.moments) {
        let [first_name, second_name] = moment_names(name);
        tensors.push(named(name.clone(), variable)?);
        tensors.push(named(first_name, first)?);
        tensors.push(named(second_name, second)?);
    }
    let training = Training {
        version: VERSION,
        run: identity.clone(),
        position: run.position.clone(),
        adam_steps: state.steps,
    };
    let text = serde_json::to_string(&training)
        .map_err(|error| Failure::data(format!("the checkpoint could not be put in words: {error}")))?;
    let bytes = tensors_to_bytes(&tensors, &[(TRAINING, text)])?;
    write_keeping_previous(path, &bytes).map_err(|error| Failure::file(path, &error))
}

/// A tensor of candle as one of a file.
pub(crate) fn named(name: String, tensor: &Tensor) -> Result<NamedTensor<f32>, Failure> {
    let values = tensor.flatten_all()?.to_vec1::<f32>()?;
    Ok(NamedTensor { name, shape: tensor.dims().to_vec(), values })
}

impl Checkpoint {
    /// The last checkpoint, or the one before where a kill left no last one or the last is damaged; `None` where there
    /// is neither.
    pub(crate) fn load(path: &Path) -> Result<Option<Self>, Failure> {
        let last = match Self::read(path) {
            Ok(Some(last)) => return Ok(Some(last)),
            Ok(None) => None,
            Err(failure) => Some(failure),
        };
        match (Self::read(&previous(path))?, last) {
            (Some(before), Some(failure)) => {
                failure.print();
                message(format_args!("going on from {}, the checkpoint before\n", previous(path).display()));
                Ok(Some(before))
            }
            (None, Some(failure)) => Err(failure),
            (before, None) => Ok(before),
        }
    }

    fn read(path: &Path) -> Result<Option<Self>, Failure> {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Failure::file(path, &error)),
        };
        let damaged = |why: String| Failure::data(format!("{}: no checkpoint: {why}", path.display()));
        let file = |error: TensorFileError| damaged(error.to_string());
        let metadata = metadata_from_bytes(&bytes).map_err(file)?;
        let text = metadata.get(TRAINING).ok_or_else(|| damaged(format!("it has no `{TRAINING}`")))?;
        let training: Training = serde_json::from_str(text).map_err(|error| damaged(error.to_string()))?;
        if training.version != VERSION {
            return Err(damaged(format!("layout {} is not {VERSION}", training.version)));
        }
        let tensors = tensors_from_bytes(&bytes, Conversion::Exact).map_err(file)?;
        Ok(Some(Self { training, tensors }))
    }

    /// Brings `run` to where this checkpoint was made.
    pub(crate) fn restore(&self, run: &mut Run<'_>, identity: &Identity) -> Result<(), Failure> {
        let keys: std::collections::BTreeSet<&String> =
            self.training.run.keys().chain(identity.keys()).collect();
        let said = |run: &Identity, key: &String| run.get(key).cloned().unwrap_or_else(|| "not said".into());
        let differences: Vec<String> = keys
            .into_iter()
            .filter(|key| self.training.run.get(*key) != identity.get(*key))
            .map(|key| format!("{key} was {}, is {}", said(&self.training.run, key), said(identity, key)))
            .collect();
        if !differences.is_empty() {
            return Err(Failure::data(format!(
                "the checkpoint is of another run: {}; train without --resume to begin anew",
                differences.join("; ")
            )));
        }
        let mut moments = Vec::new();
        let mut values = Vec::new();
        for (name, variable) in run.model.variables() {
            let [first, second] = moment_names(name);
            values.push(self.tensor(name, variable)?);
            moments.push((self.tensor(&first, variable)?, self.tensor(&second, variable)?));
        }
        for ((_, variable), value) in run.model.variables().iter().zip(&values) {
            variable.set(value)?;
        }
        run.optimizer.restore(&AdamState { steps: self.training.adam_steps, moments })?;
        run.position = self.training.position.clone();
        Ok(())
    }

    /// The tensor of this name, which must be shaped as `like`.
    fn tensor(&self, name: &str, like: &Tensor) -> Result<Tensor, Failure> {
        let tensor = self.tensors.get(name);
        let Some(tensor) = tensor.filter(|tensor| tensor.shape == like.dims()) else {
            return Err(Failure::data(format!("the checkpoint has no `{name}` of shape {:?}", like.dims())));
        };
        Ok(Tensor::from_slice(&tensor.values, tensor.shape.as_slice(), &Device::Cpu)?)
    }
}

/// Removes the checkpoints of an earlier run of the same name.
pub(crate) fn remove(path: &Path) -> Result<(), Failure> {
    for path in [path.to_owned(), previous(path)] {
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(Failure::file(&path, &error)),
            _ => {}
        }
    }
    Ok(())
}

/// Removes what a kill left half written in `folder`: hidden files of this name that only ever lie there while the file
/// they become is written.
pub(crate) fn remove_unfinished(folder: &Path, name: &str) -> Result<(), Failure> {
    let beginnings = [format!(".{name}."), format!(".{name}_seed")];
    for entry in fs::read_dir(folder).map_err(|error| Failure::file(folder, &error))? {
        let entry = entry.map_err(|error| Failure::file(folder, &error))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if beginnings.iter().any(|beginning| name.starts_with(beginning)) && name.ends_with(".tmp") {
            fs::remove_file(entry.path()).map_err(|error| Failure::file(&entry.path(), &error))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::Arc;

    use gatewright::parameters::Initializer;
    use gatewright::sequence::SequenceCell;

    use super::super::model::{Model, elman::Elman};
    use super::super::network::Network;
    use super::super::run::Schedule;
    use super::*;
    use crate::tasks::{Given, Task, find};

    fn task() -> Box<dyn Task> {
        find("parity").expect("listed").open(&Given { data: None, length: Some(5) }).expect("drawn")
    }

    fn run(task: &dyn Task, hidden: usize) -> Run<'_> {
        let cell: Arc<dyn SequenceCell<f32>> = Arc::new(Elman::new(1, hidden, false));
        let model = Model::new(Network::of(cell), task, &Initializer::new(3), 3).expect("a model");
        let schedule =
            Schedule { steps: 20, evaluate_every: 6, batch: 4, learning_rate: 1e-2, decay: true, clip: 0.5 };
        Run::new(model, task, schedule, 3).expect("a run")
    }

    fn identity() -> Identity {
        [("seed".to_owned(), "3".to_owned())].into()
    }

    fn folder(name: &str) -> PathBuf {
        let folder =
            std::env::temp_dir().join(format!("gatewright-checkpoint-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a temporary folder");
        folder
    }

    #[test]
    fn a_run_that_goes_on_is_the_run_that_did_not_stop() {
        let folder = folder("resume");
        let (task, whole, parts) = (task(), folder.join("whole"), folder.join("parts"));
        let mut once = run(&*task, 4);
        while !once.is_done() {
            once.step().expect("learns");
        }
        save(&whole, &once, &identity()).expect("saved");
        // Stopped after every step, in the middle between evaluations too.
        loop {
            let mut part = run(&*task, 4);
            if let Some(checkpoint) = Checkpoint::load(&parts).expect("readable") {
                checkpoint.restore(&mut part, &identity()).expect("fits");
            }
            if part.is_done() {
                break;
            }
            part.step().expect("learns");
            save(&parts, &part, &identity()).expect("saved");
        }
        assert_eq!(fs::read(&whole).expect("there"), fs::read(&parts).expect("there"));
        assert_eq!(once.position.evaluations.len(), 4);
        drop(fs::remove_dir_all(&folder));
    }

    #[test]
    fn every_state_a_kill_leaves_has_a_checkpoint() {
        let folder = folder("kill");
        let (task, path) = (task(), folder.join("a.checkpoint"));
        let steps = |checkpoint: Option<Checkpoint>| checkpoint.map(|read| read.training.position.step);
        assert_eq!(steps(Checkpoint::load(&path).expect("nothing is no error")), None);
        let mut run = run(&*task, 4);
        for _ in 0..2 {
            run.step().expect("learns");
            save(&path, &run, &identity()).expect("saved");
        }
        let (last, before) = (fs::read(&path).expect("there"), fs::read(previous(&path)).expect("there"));
        // While the next is written: its neighbour is half there.
        let half = folder.join(".a.checkpoint.1.tmp");
        fs::write(&half, &last[..last.len() / 2]).expect("written");
        assert_eq!(steps(Checkpoint::load(&path).expect("readable")), Some(2));
        remove_unfinished(&folder, "a").expect("removed");
        assert!(!half.exists() && path.exists() && previous(&path).exists());
        // Between the renames: there is no last.
        fs::remove_file(&path).expect("removed");
        assert_eq!(steps(Checkpoint::load(&path).expect("readable")), Some(1));
        // A last one that is damaged wherever it may be cut.
        for length in [0, 1, 8, 100, last.len() / 2, last.len() - 1] {
            fs::write(&path, &last[..length]).expect("written");
            assert_eq!(steps(Checkpoint::load(&path).expect("the one before")), Some(1), "{length}");
        }
        fs::write(previous(&path), &before[..50]).expect("written");
        assert!(Checkpoint::load(&path).is_err(), "both are damaged");
        remove(&path).expect("removed");
        assert_eq!(fs::read_dir(&folder).expect("listed").count(), 0);
        drop(fs::remove_dir_all(&folder));
    }

    #[test]
    fn a_checkpoint_serves_no_other_run() {
        let folder = folder("other");
        let (task, path) = (task(), folder.join("a.checkpoint"));
        save(&path, &run(&*task, 4), &identity()).expect("saved");
        let checkpoint = Checkpoint::load(&path).expect("readable").expect("there");
        let mut other = identity();
        other.insert("seed".to_owned(), "4".to_owned());
        let Err(Failure::Data(message)) = checkpoint.restore(&mut run(&*task, 4), &other) else { panic!() };
        assert!(message.contains("seed was 3, is 4"), "{message}");
        let Err(Failure::Data(message)) = checkpoint.restore(&mut run(&*task, 5), &identity()) else {
            panic!()
        };
        assert!(message.contains("of shape"), "{message}");
        drop(fs::remove_dir_all(&folder));
    }
}
