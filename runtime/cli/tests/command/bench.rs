//! Times: a line of `bench`, and the table of a suite.

use crate::process::Folder;
use crate::{err, gatewright, out};

#[test]
fn bench_prints_a_line_for_each_mode() {
    let output = gatewright(&[
        "bench",
        "examples/equations/mgu.md",
        "--dims",
        "x=3,h=4",
        "--batch",
        "2",
        "--steps",
        "3",
        "--mode",
        "fwd,infer,train,compile,stream",
        "--label",
        "S0",
        "--budget",
        "0.01",
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let lines: Vec<Vec<String>> =
        out(&output).lines().map(|line| line.split(',').map(str::to_owned).collect()).collect();
    assert_eq!(lines.len(), 5);
    for (line, mode) in lines.iter().zip(["fwd", "infer", "train", "compile", "stream"]) {
        assert_eq!(line[..5], ["gatewright", "mgu", "S0", mode, "1"]);
        let times: Vec<f64> = line[5..].iter().map(|time| time.parse().expect("milliseconds")).collect();
        assert!(times[1] <= times[0] && times[0] <= times[2], "{line:?}");
        // What 99 of 100 steps stay below is between the median and the largest.
        match times[3..] {
            [] => assert_ne!(mode, "stream"),
            [late] => assert!(mode == "stream" && times[0] <= late && late <= times[2], "{line:?}"),
            _ => panic!("{line:?}"),
        }
    }
}

/// Of a cell whose equations say all sizes none is given; what is of a suite is refused.
#[test]
fn options_that_say_nothing_are_refused() {
    let folder = Folder::new("bench_options");
    let cell = folder.file("sizes.cell", "h_t = tanh(W x_t + U h_{t-1})\nwhere x_t: [3], h_t: [4]\n");
    let bench = |more: &[&str]| {
        let output = gatewright(&[&["bench", &cell, "--steps", "2", "--budget", "0.01"], more].concat());
        (output.status.code(), err(&output))
    };
    assert_eq!(bench(&[]), (Some(0), String::new()));
    for (more, said) in [
        (["--dims", "x=3"], "no dimension `x`; its equations declare all sizes"),
        (["--rounds", "3"], "--rounds says nothing of a single cell"),
        (["--only", "a"], "--only says nothing of a single cell"),
        (["--peers", "nofile"], "--peers says nothing of a single cell"),
    ] {
        let (code, message) = bench(&more);
        assert!(code == Some(2) && message.contains(said), "{more:?}: {message}");
    }
    let output = gatewright(&["bench", "zoo:mgu"]);
    assert!(output.status.code() == Some(2) && err(&output).contains("--dims"), "{}", err(&output));
}

/// A suite gives one row of a table for each line, number of threads and mode, with the limit of the machine beside.
#[test]
fn a_suite_is_a_table() {
    let folder = Folder::new("suite");
    let cell = folder.file("own.cell", "h_t = tanh(W x_t + U h_{t-1})\n");
    let own = cell.rsplit('/').next().expect("a name");
    let header = "label,name,cell,steps,batch,dims";
    let table = folder
        .file("suite.csv", &format!("{header}\nA,elman,{own},3,2,x=3 h=4\nB,mgu,zoo:mgu,2,40,x=3 h=4\n"));
    let peers = folder.file("peers.csv", "other,mgu,B,fwd,1,1000,1000,1000\n");
    let line = [
        "--mode",
        "fwd,infer,train",
        "--budget",
        "0.01",
        "--threads",
        "2",
        "--clock",
        "cpu",
        "--peers",
        &peers,
    ];
    let output = gatewright(&[&["bench", "--suite", &table][..], &line[..]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let text = out(&output);
    let rows: Vec<Vec<&str>> = text
        .lines()
        .filter(|line| line.starts_with("| A") || line.starts_with("| B"))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    assert_eq!(rows.len(), 12, "{text}");
    for row in &rows {
        let number = |column: usize| row[column].parse::<f64>().unwrap_or_else(|_| panic!("{row:?}"));
        assert!(number(4) >= number(5) && number(6) > 0.0 && number(7) > 0.0, "{row:?}");
    }
    // Both ways to run forward have the peer's one beside.
    let beside: Vec<&str> = rows.iter().filter(|row| row.contains(&"other 1000")).map(|row| row[2]).collect();
    assert_eq!(beside, ["fwd", "infer"], "{text}");
    for (options, code) in [
        (vec!["--dims", "x=3"], 2),
        (vec!["--only", "C"], 2),
        (vec!["--mode", "stream"], 2),
        (vec!["--peers", table.as_str()], 1),
    ] {
        let output = gatewright(&[&["bench", "--suite", &table][..], &options].concat());
        assert_eq!(output.status.code(), Some(code), "{options:?}: {}", err(&output));
    }
    let wrong = folder.file("wrong.csv", &format!("{header}\nA,elman,{own},3,2\n"));
    let output = gatewright(&["bench", "--suite", &wrong]);
    assert_eq!(output.status.code(), Some(1));
    assert!(err(&output).contains("line 2"), "{}", err(&output));
}

#[test]
fn what_would_break_the_line_of_bench_is_refused() {
    for option in [["--label", "a,b"], ["--cell", "a\"b"], ["--label", "a\nb"]] {
        let mut line = vec!["bench", "examples/equations/mgu.md", "--dims", "x=3,h=4"];
        line.extend(option);
        let output = gatewright(&line);
        assert_eq!(output.status.code(), Some(2), "{option:?}");
        assert!(err(&output).contains("would break the line"), "{}", err(&output));
    }
    let folder = Folder::new("comma");
    let file = folder.file("a,b.cell", "h_t = tanh(W x_t + U h_{t-1})\n");
    let output = gatewright(&["bench", &file, "--dims", "x=3,h=4"]);
    assert_eq!(output.status.code(), Some(2), "{}", err(&output));
}
