//! Training as a user meets it: stopped at any moment, resumed, and what it leaves.

use std::collections::BTreeMap;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use gatewright::parameters::Random;

mod process;

use process::{Folder, command, text};

fn output(arguments: &[&str]) -> Output {
    command(arguments).output().expect("the command starts")
}

impl Folder {
    /// The files of a folder in it, but for the checkpoint before the last: where a kill came decides which that is.
    fn files(&self, name: &str) -> BTreeMap<String, Vec<u8>> {
        let entries = std::fs::read_dir(self.0.join(name)).expect("the folder");
        let names = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
        names
            .filter(|file| !file.ends_with(".previous"))
            .map(|file| (file.clone(), std::fs::read(self.0.join(name).join(file)).expect("readable")))
            .collect()
    }
}

/// Two seeds with a hundred and more steps each, a checkpoint after every third.
fn line(out: &str) -> Vec<&str> {
    let fixed = "train zoo:mgu --task japanese_vowels --hidden 6 --batch 20 --steps 110 --evaluate-every 13 \
        --checkpoint-every 3 --seeds 2 --no-progress";
    fixed.split_whitespace().chain(["--out", out]).collect()
}

#[test]
fn a_run_that_is_killed_again_and_again_ends_as_one_that_is_not() {
    let folder = Folder::new("kill");
    let (whole, killed) = (folder.path("whole"), folder.path("killed"));
    let started = Instant::now();
    let once = output(&line(&whole));
    let took = started.elapsed();
    assert_eq!(once.status.code(), Some(0), "{}", text(&once.stderr));

    // Moments spread over a little less than the whole run, so that most kills meet it at work.
    let mut random = Random::new(u64::from(std::process::id()));
    let mut arguments = line(&killed);
    let mut kills = 0;
    for _ in 0..12 {
        let mut child = command(&arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the command starts");
        std::thread::sleep(took.mul_f64(random.uniform(0.1, 0.5)) + Duration::from_millis(5));
        // Unix: SIGKILL.
        child.kill().expect("killed");
        if !child.wait().expect("ended").success() {
            kills += 1;
        }
        arguments = line(&killed);
        arguments.push("--resume");
    }
    assert!(kills > 0, "no kill met the run at work");
    let last = output(&arguments);
    assert_eq!(last.status.code(), Some(0), "after {kills} kills: {}", text(&last.stderr));

    let (expected, found) = (folder.files("whole"), folder.files("killed"));
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(
        names(&expected),
        [
            "mgu_japanese_vowels.jsonl",
            "mgu_japanese_vowels.svg",
            "mgu_japanese_vowels_seed0.checkpoint",
            "mgu_japanese_vowels_seed0.safetensors",
            "mgu_japanese_vowels_seed1.checkpoint",
            "mgu_japanese_vowels_seed1.safetensors"
        ]
    );
    assert_eq!(names(&found), names(&expected));
    for (name, bytes) in expected {
        assert!(found[&name] == bytes, "{name} differs after {kills} kills");
    }
}

#[test]
fn the_log_is_a_line_of_json_for_each_evaluation() {
    let folder = Folder::new("log");
    let (out, log, curve) = (folder.path("out"), folder.path("log.jsonl"), folder.path("curve.svg"));
    let fixed = "train zoo:elman --task parity --length 6 --hidden 4 --steps 10 --evaluate-every 4 --seeds 2 \
        --first-seed 7";
    let mut arguments: Vec<&str> = fixed.split_whitespace().collect();
    arguments.extend(["--out", &out, "--log", &log, "--curve", &curve]);
    let done = output(&arguments);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    let lines: Vec<serde_json::Value> = std::fs::read_to_string(&log)
        .expect("the log")
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let places: Vec<(u64, u64)> = lines
        .iter()
        .map(|line| (line["seed"].as_u64().expect("a seed"), line["step"].as_u64().expect("a step")))
        .collect();
    assert_eq!(places, [(7, 4), (7, 8), (7, 10), (8, 4), (8, 8), (8, 10)]);
    for line in &lines {
        assert_eq!((&line["task"], &line["cell"]), (&"parity".into(), &"elman".into()));
        assert_eq!(line["metric"], "accuracy");
        assert!(line["loss"].is_f64() && line["test_loss"].is_f64() && line["value"].is_f64(), "{line}");
    }
    assert!(std::fs::read_to_string(&curve).expect("the curve").starts_with("<svg"));

    // More steps of the same run go on where it was; other equations or numbers are another run.
    let resumed = |change: &[&str]| {
        let mut arguments = arguments.clone();
        arguments.push("--resume");
        for pair in change.chunks(2) {
            match arguments.iter().position(|argument| *argument == pair[0]) {
                Some(at) => arguments[at + 1] = pair[1],
                None => arguments.extend(pair),
            }
        }
        output(&arguments)
    };
    let more = resumed(&["--steps", "15"]);
    assert!(text(&more.stdout).contains("for the steps from 10 on"), "{}", text(&more.stderr));
    let same = resumed(&["--steps", "15"]);
    assert!(text(&same.stdout).contains("nothing left to do"), "{}", text(&same.stderr));
    let fewer = resumed(&["--steps", "12"]);
    assert_eq!(fewer.status.code(), Some(2));
    assert!(text(&fewer.stderr).contains("15 steps are done already"), "{}", text(&fewer.stderr));
    for change in [
        ["--length", "7"],
        ["--batch", "8"],
        ["--learning-rate", "0.1"],
        ["--initial", "b=1"],
        // The only one that rounds in another way.
        ["--level", "portable"],
    ] {
        let other = resumed(&[change[0], change[1], "--steps", "15"]);
        assert_eq!(other.status.code(), Some(1), "{change:?}");
        assert!(text(&other.stderr).contains(&format!("of another run: {} was", change[0])), "{change:?}");
    }
}

#[test]
fn regularisers_are_said_resumed_and_no_part_of_what_is_judged() {
    let folder = Folder::new("regularised");
    let fixed = "train zoo:lstm --task parity --length 8 --hidden 5 --batch 8 --evaluate-every 4 --seeds 1 --layers 2 \
        --dropout 0.1 --layer-dropout 0.2 --recurrent-dropout h=0.3 --zoneout c=0.5 --zoneout h=0.05 \
        --drop-connect U_f=0.4 --variational";
    let trained = |name: &str, more: &[&str]| {
        let out = folder.path(name);
        let arguments: Vec<&str> =
            fixed.split_whitespace().chain(["--out", &out]).chain(more.iter().copied()).collect();
        output(&arguments)
    };
    let whole = trained("whole", &["--steps", "12"]);
    let said = text(&whole.stdout);
    assert_eq!(whole.status.code(), Some(0), "{}", text(&whole.stderr));
    for regularizer in [
        "dropout 0.1 for each sequence in the lowest layer",
        "dropout 0.2 for each sequence between layers",
        "recurrent-dropout of h 0.3 for each sequence",
        "zoneout of c 0.5 at each step",
        "zoneout of h 0.05 at each step",
        "drop-connect of U_f 0.4 for all sequences of a step of the optimiser",
    ] {
        assert!(said.contains(&format!("in training  {regularizer}")), "{regularizer}: {said}");
    }
    // Stopped twice, once between evaluations.
    for steps in ["5", "8", "12"] {
        let mut more = vec!["--steps", steps, "--checkpoint-every", "1"];
        if steps != "5" {
            more.push("--resume");
        }
        let part = trained("parts", &more);
        assert_eq!(part.status.code(), Some(0), "{}", text(&part.stderr));
    }
    let (whole, parts) = (folder.files("whole"), folder.files("parts"));
    let weights = "lstm_parity_seed0.safetensors";
    assert!(whole[weights] == parts[weights], "a stop changes nothing");
    let lines = |files: &BTreeMap<String, Vec<u8>>| -> Vec<serde_json::Value> {
        let log = text(&files["lstm_parity.jsonl"]);
        log.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    };
    let last = |lines: &[serde_json::Value]| lines.last().expect("an evaluation").clone();
    assert_eq!(last(&lines(&whole))["test_loss"], last(&lines(&parts))["test_loss"]);
    assert_eq!(last(&lines(&whole))["layers"], 2);
    assert_eq!(last(&lines(&whole))["regularizers"].as_array().expect("a list").len(), 6);
    let header: serde_json::Value = serde_json::from_slice(
        &whole[weights][8..][..u64::from_le_bytes(*whole[weights].first_chunk().expect("long")) as usize],
    )
    .expect("a header");
    for name in ["cell.0.W_f", "cell.1.W_f", "head.weight"] {
        assert!(header[name].is_object(), "{name}: {header}");
    }
    // Other masks are another run.
    let other = trained("parts", &["--steps", "14", "--resume", "--zoneout", "0.2"]);
    assert_eq!(other.status.code(), Some(2), "{}", text(&other.stderr));
    let other: Vec<&str> = fixed.split_whitespace().take_while(|word| *word != "--drop-connect").collect();
    let out = folder.path("parts");
    let other: Vec<&str> = other.into_iter().chain(["--out", &out, "--resume"]).collect();
    let other = output(&other);
    assert_eq!(other.status.code(), Some(1));
    assert!(text(&other.stderr).contains("of another run: regularisers was"), "{}", text(&other.stderr));
}

#[test]
fn what_cannot_be_trained_says_why() {
    let folder = Folder::new("refused");
    let out = folder.path("out");
    for (arguments, code, says) in [
        ("zoo:gru_v3 --task nothing", 2, "possible values: digits, digits_by_pixels"),
        ("zoo:gru_v3 --task characters", 2, "needs a file"),
        ("zoo:gru_v3 --task characters --data examples/equations/none.md", 2, "none.md"),
        ("zoo:gru_v3 --task adding --epochs 3", 2, "--steps says how long"),
        ("zoo:gru_v3 --task adding --data README.md", 2, "reads no file"),
        ("zoo:gru_v3 --task digits --length 5", 2, "no --length"),
        ("zoo:gru_v3 --task digits --epochs 2 --steps 5", 2, "cannot be used with"),
        ("zoo:gru_v3 --task digits --epochs 18446744073709551615", 2, "more than can be counted"),
        ("zoo:gru_v3 --task sunspots --data README.md", 1, "line 1"),
        ("zoo:augru --task digits", 1, "the cell reads 2"),
        ("zoo:gru_v3 --task digits --zoneout c=0.1", 2, "`c` is not a state that the equations define"),
        ("zoo:gru_v3 --task digits --dropout 1", 2, "the rate 1 of dropout is not in [0, 1)"),
        ("zoo:gru_v3 --task digits --dropout x=0.1 --dropout 0.2", 2, "dropout is chosen twice for `x`"),
        ("zoo:indrnn --task digits --drop-connect 0.2", 2, "the cell has not a learned matrix"),
        ("zoo:gru_v3 --task digits --layer-dropout 0.2", 2, "--layers 2 or more"),
        ("zoo:gru_v3 --task digits --variational --zoneout 0.1", 2, "none is given"),
    ] {
        let arguments: Vec<&str> =
            ["train"].into_iter().chain(arguments.split_whitespace()).chain(["--out", &out]).collect();
        let refused = output(&arguments);
        let message = text(&refused.stderr);
        assert_eq!(refused.status.code(), Some(code), "{arguments:?}: {message}");
        assert!(message.contains(says), "{arguments:?}: {message}");
    }
}

#[test]
fn the_tasks_are_listed_and_told() {
    let list = text(&output(&["tasks"]).stdout);
    assert_eq!(list.lines().count(), 9);
    assert!(list.lines().any(|line| line.starts_with("sunspots ")), "{list}");
    let told = text(&output(&["tasks", "sunspots"]).stdout);
    for part in ["33.18 (persistence)", "≤ 19.5", "59 test sequences", "--hidden 32"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(text(&output(&["tasks", "characters"]).stdout).contains("--data"));
    assert_eq!(output(&["tasks", "none"]).status.code(), Some(2));
}
