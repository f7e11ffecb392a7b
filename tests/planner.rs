//! What the planner once got wrong, one test for each mistake, and what it must do for cells of any size.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use gatewright::{Backend, CompileOptions, CompiledCell};
use gatewright_compiler::graph::Graph;
use gatewright_compiler::{passes, plan};

/// `h' = tanh(W_k h_k)` a thousand times over: a chain of gates, each of the one before.
fn chain(gates: usize) -> Graph {
    let mut text = String::from("dimension h\nstate h : [d0]\n");
    for gate in 0..gates {
        let _ = writeln!(text, "parameter W{gate} : [d0, d0]\nparameter b{gate} : [d0]");
    }
    text.push_str("output y : [d0]\n%0 = state(0) : [d0]\n");
    let mut last = 0;
    for gate in 0..gates {
        let next = 5 * gate + 1;
        let _ = writeln!(text, "%{next} = parameter({}) : [d0, d0]", 2 * gate);
        let _ = writeln!(text, "%{} = parameter({}) : [d0]", next + 1, 2 * gate + 1);
        let _ = writeln!(text, "%{} = matrix_vector %{next} %{last} : [d0]", next + 2);
        let _ = writeln!(text, "%{} = add %{} %{} : [d0]", next + 3, next + 2, next + 1);
        let _ = writeln!(text, "%{} = tanh %{} : [d0]", next + 4, next + 3);
        last = next + 4;
    }
    let _ = writeln!(text, "next_state(0) = %{last}\noutput(0) = %{last}");
    text.parse().unwrap()
}

/// The text of a graph, built line by line.
struct Writer {
    text: String,
    nodes: usize,
}

impl Writer {
    fn node(&mut self, what: &str) -> usize {
        let _ = writeln!(self.text, "%{} = {what}", self.nodes);
        self.nodes += 1;
        self.nodes - 1
    }
}

/// `c = tanh(x); c = c * x + c / 2 ...`: cheap arithmetic only.
fn cheap(count: usize) -> Graph {
    let mut w =
        Writer { text: "dimension h\nstate h : [d0]\ninput x : [d0]\noutput y : [d0]\n".into(), nodes: 0 };
    let x = w.node("input(0) : [d0]");
    let h = w.node("state(0) : [d0]");
    let mut last = w.node(&format!("multiply %{x} %{h} : [d0]"));
    for _ in 0..count / 2 {
        let product = w.node(&format!("multiply %{last} %{x} : [d0]"));
        last = w.node(&format!("add %{product} %{h} : [d0]"));
    }
    let _ = writeln!(w.text, "next_state(0) = %{last}\noutput(0) = %{last}");
    w.text.parse().unwrap()
}

/// Many gates of one input, summed.
fn wide(count: usize) -> Graph {
    let mut w =
        Writer { text: "dimension h\nstate h : [d0]\ninput x : [d0]\noutput y : [d0]\n".into(), nodes: 0 };
    for gate in 0..count {
        let _ = writeln!(w.text, "parameter W{gate} : [d0, d0]\nparameter U{gate} : [d0, d0]");
    }
    let x = w.node("input(0) : [d0]");
    let h = w.node("state(0) : [d0]");
    let mut last = h;
    for gate in 0..count {
        let matrix = w.node(&format!("parameter({}) : [d0, d0]", 2 * gate));
        let a = w.node(&format!("matrix_vector %{matrix} %{x} : [d0]"));
        let matrix = w.node(&format!("parameter({}) : [d0, d0]", 2 * gate + 1));
        let b = w.node(&format!("matrix_vector %{matrix} %{h} : [d0]"));
        let sum = w.node(&format!("add %{a} %{b} : [d0]"));
        let gate = w.node(&format!("tanh %{sum} : [d0]"));
        last = w.node(&format!("add %{last} %{gate} : [d0]"));
    }
    let _ = writeln!(w.text, "next_state(0) = %{last}\noutput(0) = %{last}");
    w.text.parse().unwrap()
}

/// Many states, each of its neighbour.
fn states(count: usize) -> Graph {
    let mut w = Writer { text: "dimension h\n".into(), nodes: 0 };
    for state in 0..count {
        let _ =
            writeln!(w.text, "state h{state} : [d0]\nparameter W{state} : [d0, d0]\noutput y{state} : [d0]");
    }
    let mut next = Vec::new();
    let states: Vec<usize> = (0..count).map(|state| w.node(&format!("state({state}) : [d0]"))).collect();
    for state in 0..count {
        let matrix = w.node(&format!("parameter({state}) : [d0, d0]"));
        let a = w.node(&format!("matrix_vector %{matrix} %{} : [d0]", states[(state + 1) % count]));
        let b = w.node(&format!("multiply %{} %{} : [d0]", states[state], states[(state + 7) % count]));
        let sum = w.node(&format!("add %{a} %{b} : [d0]"));
        next.push(w.node(&format!("tanh %{sum} : [d0]")));
    }
    for (state, next) in next.iter().enumerate() {
        let _ = writeln!(w.text, "next_state({state}) = %{next}\noutput({state}) = %{next}");
    }
    w.text.parse().unwrap()
}

#[test]
fn time_it() {
    for (name, graph) in [
        ("chain", chain(500)),
        ("chain", chain(2000)),
        ("cheap", cheap(1000)),
        ("cheap", cheap(4000)),
        ("wide", wide(500)),
        ("wide", wide(2000)),
        ("states", states(64)),
        ("states", states(256)),
    ] {
        let started = Instant::now();
        let graphs = passes::run_from_graph(&graph).unwrap();
        let passed = started.elapsed();
        let started = Instant::now();
        let planned = plan::plan(&graphs.gradient, &[8]).unwrap();
        let planning = started.elapsed();
        let started = Instant::now();
        let options = CompileOptions { backend: Backend::Interpreter, threads: 1 };
        CompiledCell::<f32>::from_graph(&graph, &[("h", 8)], options).unwrap();
        let all = started.elapsed();
        println!(
            "{name} {}: passes {passed:?} plan {planning:?} all {all:?} kernels {}",
            graph.len(),
            planned.kernels.len()
        );
        let started = Instant::now();
        let options = CompileOptions { backend: Backend::Jit, threads: 1 };
        let r = CompiledCell::<f32>::from_graph(&graph, &[("h", 8)], options)
            .map(|_| ())
            .map_err(|e| e.to_string());
        println!("  jit {:?} {r:?}", started.elapsed());
        let _ = Duration::ZERO;
    }
}
