//! That simplified graphs mean the same, and what the rules make of small graphs.

use expect_test::expect;

use super::*;
use crate::differentiate::differentiate;
use crate::graph::Root;
use crate::graph::interpret::SequenceResults;
use crate::graph::samples::{self, Arrays, check_gradients};

/// Compares everything a sequence gives, relative in size.
fn assert_close(name: &str, found: &SequenceResults<f64>, expected: &SequenceResults<f64>) {
    let all = |results: &SequenceResults<f64>| -> Vec<f64> {
        let mut groups = vec![results.outputs.clone(), results.final_states.clone()];
        if let Some(gradients) = results.gradients.clone() {
            groups.extend([gradients.inputs, gradients.initial_states, gradients.parameters]);
        }
        groups.into_iter().flatten().flatten().collect()
    };
    let (found, expected) = (all(found), all(expected));
    assert_eq!(found.len(), expected.len(), "{name}");
    for (found, expected) in found.iter().zip(&expected) {
        assert!((found - expected).abs() <= 1e-10 * (1.0 + expected.abs()), "{name}: {found} {expected}");
    }
}

#[test]
fn simplified_cells_and_gradients_mean_the_same() {
    let (sizes, steps, batch) = ([3, 2], 4, 3);
    for (name, forward) in samples::all() {
        let simple = simplify(&forward);
        let gradient = differentiate(&simple).unwrap();
        let gradient = simplify(&gradient);
        let plain = differentiate(&forward).unwrap();
        let arrays = Arrays::<f64>::new(&forward, &sizes, steps, batch);
        let expected = arrays.run(&plain, &sizes, steps, batch);
        for graph in [&gradient, &simplify(&plain), &fuse_multiply_add(&gradient)] {
            graph.verify().unwrap();
            assert_close(name, &arrays.run(graph, &sizes, steps, batch), &expected);
        }
        check_gradients(name, &forward, &gradient);
    }
}

#[test]
fn simplifying_again_changes_nothing() {
    for (name, forward) in samples::all() {
        let gradient = simplify(&differentiate(&simplify(&forward)).unwrap());
        assert_eq!(simplify(&gradient).to_string(), gradient.to_string(), "{name}");
        assert_eq!(fuse_multiply_add(&fuse_multiply_add(&gradient)), fuse_multiply_add(&gradient), "{name}");
    }
}

/// A graph of one output from lines over `%0 = x`, `%1 = y` (vectors), `%2 = s` (scalar), `%3 = W`, `%4 = V`
/// (matrices `[d0, d0]`, the first constant over time) and `%5 = c` (a vector constant over time); prints what is left
/// of the nodes.
fn rewrite(lines: &str) -> String {
    let mut text = "dimension n\ninput x : [d0]\ninput y : [d0]\ninput s : []\nparameter W : [d0, d0]\n\
        parameter V : [d0, 2*d0]\nparameter c : [d0]\n"
        .to_owned();
    let shape = lines.trim().rsplit(" : ").next().unwrap();
    text.push_str(&format!("output o : {shape}\n"));
    text.push_str(
        "%0 = input(0) : [d0]\n%1 = input(1) : [d0]\n%2 = input(2) : []\n%3 = parameter(0) : [d0, d0]\n",
    );
    text.push_str("%4 = parameter(1) : [d0, 2*d0]\n%5 = parameter(2) : [d0]\n");
    let last = 5 + lines.trim().lines().count();
    text.push_str(lines.trim());
    text.push_str(&format!("\noutput(0) = %{last}\n"));
    let graph = Graph::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let simple = simplify(&graph);
    let arrays = Arrays::<f64>::new(&graph, &[3], 2, 2);
    assert_close(lines, &arrays.run(&simple, &[3], 2, 2), &arrays.run(&graph, &[3], 2, 2));
    expression(&simple, simple.root(Root::Output(0)).unwrap())
}

/// A node as nested calls.
fn expression(graph: &Graph, id: crate::graph::NodeId) -> String {
    use crate::operator::Operator;
    let node = graph.node(id);
    match node.operator {
        Operator::Input(index) => return ["x", "y", "s"][index as usize].to_owned(),
        Operator::Parameter(index) => return ["W", "V", "c"][index as usize].to_owned(),
        Operator::Constant(bits) => return f64::from_bits(bits).to_string(),
        _ => {}
    }
    let operands: Vec<String> = node.operands.iter().map(|&operand| expression(graph, operand)).collect();
    format!("{}({})", node.operator.name(), operands.join(", "))
}

#[test]
fn rules_of_arithmetic() {
    for (lines, expected) in [
        ("%6 = constant(2.0) : []\n%7 = constant(3.0) : []\n%8 = divide %6 %7 : []", "0.6666666666666666"),
        ("%6 = constant(0.0) : []\n%7 = add %0 %6 : [d0]", "x"),
        ("%6 = constant(0.0) : []\n%7 = subtract %6 %0 : [d0]", "negate(x)"),
        ("%6 = constant(0.0) : []\n%7 = multiply %6 %0 : [d0]", "multiply(0, x)"),
        ("%6 = constant(1.0) : []\n%7 = multiply %0 %6 : [d0]", "x"),
        ("%6 = constant(-1.0) : []\n%7 = divide %0 %6 : [d0]", "negate(x)"),
        ("%6 = constant(4.0) : []\n%7 = divide %0 %6 : [d0]", "multiply(0.25, x)"),
        ("%6 = constant(3.0) : []\n%7 = divide %0 %6 : [d0]", "divide(x, 3)"),
        ("%6 = negate %0 : [d0]\n%7 = negate %6 : [d0]", "x"),
        ("%6 = negate %1 : [d0]\n%7 = subtract %0 %6 : [d0]", "add(x, y)"),
        ("%6 = negate %0 : [d0]\n%7 = negate %1 : [d0]\n%8 = divide %6 %7 : [d0]", "divide(x, y)"),
        (
            "%6 = negate %0 : [d0]\n%7 = multiply %6 %1 : [d0]\n%8 = subtract %5 %7 : [d0]",
            "add(c, multiply(x, y))",
        ),
        ("%6 = constant(1.0) : []\n%7 = subtract %6 %0 : [d0]\n%8 = subtract %6 %7 : [d0]", "x"),
        ("%6 = subtract %0 %0 : [d0]", "subtract(x, x)"),
        ("%6 = constant(2.0) : []\n%7 = multiply %6 %0 : [d0]\n%8 = multiply %7 %6 : [d0]", "multiply(4, x)"),
        ("%6 = broadcast(d0) %2 : [d0]\n%7 = multiply %0 %6 : [d0]", "multiply(s, x)"),
        ("%6 = broadcast(d0) %2 : [d0]\n%7 = sigmoid %6 : [d0]", "broadcast(sigmoid(s))"),
        (
            "%6 = multiply %0 %1 : [d0]\n%7 = multiply %1 %0 : [d0]\n%8 = maximum %6 %7 : [d0]",
            "multiply(x, y)",
        ),
        ("%6 = constant(0.0) : []\n%7 = select %6 %0 %2 : [d0]", "broadcast(s)"),
        ("%6 = select %0 %1 %1 : [d0]", "y"),
        ("%6 = add %0 %0 : [d0]", "multiply(2, x)"),
        ("%6 = add %0 %1 : [d0]\n%7 = add %6 %0 : [d0]", "add(y, multiply(2, x))"),
        (
            "%6 = sigmoid %2 : []\n%7 = multiply %2 %0 : [d0]\n%8 = multiply %7 %6 : [d0]",
            "multiply(multiply(s, sigmoid(s)), x)",
        ),
        (
            "%6 = multiply %0 %1 : [d0]\n%7 = multiply %0 %2 : [d0]\n%8 = subtract %6 %7 : [d0]",
            "subtract(multiply(x, y), multiply(s, x))",
        ),
        (
            "%6 = tanh %1 : [d0]\n%7 = multiply %0 %1 : [d0]\n%8 = multiply %0 %6 : [d0]\n%9 = subtract %7 %8 : [d0]",
            "multiply(x, subtract(y, tanh(y)))",
        ),
    ] {
        assert_eq!(rewrite(lines), expected, "{lines}");
    }
}

#[test]
fn rules_of_structure() {
    for (lines, expected) in [
        ("%6 = identity(d0) : [d0, d0]\n%7 = matrix_vector %6 %0 : [d0]", "x"),
        (
            "%6 = transpose %3 : [d0, d0]\n%7 = transpose %6 : [d0, d0]\n%8 = matrix_vector %7 %0 : [d0]",
            "matrix_vector(W, x)",
        ),
        ("%6 = outer %0 %1 : [d0, d0]\n%7 = matrix_vector %6 %5 : [d0]", "multiply(sum(multiply(y, c)), x)"),
        (
            "%6 = concatenate %0 %1 : [2*d0]\n%7 = matrix_vector %4 %6 : [d0]",
            "add(matrix_vector(slice_columns(V), x), matrix_vector(slice_columns(V), y))",
        ),
        ("%6 = concatenate %0 %1 : [2*d0]\n%7 = slice(d0, d0) %6 : [d0]", "y"),
        ("%6 = concatenate %0 %1 %5 : [3*d0]\n%7 = slice(d0, 2*d0) %6 : [2*d0]", "concatenate(y, c)"),
        (
            "%6 = slice(0, 0) %0 : [0]\n%7 = concatenate %0 %1 : [2*d0]\n%8 = slice(0, d0) %7 : [d0]\n%9 = slice(d0, d0) %7 : [d0]\n%10 = concatenate %8 %9 : [2*d0]",
            "concatenate(x, y)",
        ),
        (
            "%6 = concatenate %0 %1 %5 : [3*d0]\n%7 = tanh %6 : [3*d0]\n%8 = slice(d0, 2*d0) %7 : [2*d0]\n%9 = slice(d0, d0) %8 : [d0]",
            "slice(tanh(concatenate(x, y, c)))",
        ),
        ("%6 = pad(1, d0+1) %0 : [d0+1]\n%7 = pad(2, d0+4) %6 : [d0+4]\n%8 = slice(3, d0) %7 : [d0]", "x"),
        ("%6 = pad(1, d0+1) %0 : [d0+1]\n%7 = pad(2, d0+4) %6 : [d0+4]", "pad(x)"),
        (
            "%6 = pad_columns(1, 2*d0+2) %4 : [d0, 2*d0+2]\n%7 = tanh %6 : [d0, 2*d0+2]\n%8 = slice_columns(2, 2*d0) %7 : [d0, 2*d0]\n%9 = slice_columns(d0, d0) %8 : [d0, d0]\n%10 = matrix_vector %9 %0 : [d0]",
            "matrix_vector(slice_columns(tanh(pad_columns(V))), x)",
        ),
        (
            "%6 = pad_columns(1, d0+1) %3 : [d0, d0+1]\n%7 = pad_columns(2, d0+4) %6 : [d0, d0+4]\n%8 = slice_columns(2, d0+2) %7 : [d0, d0+2]\n%9 = slice_columns(1, d0) %8 : [d0, d0]",
            "W",
        ),
        (
            "%6 = concatenate %0 %1 : [2*d0]\n%7 = tanh %6 : [2*d0]\n%8 = outer %5 %7 : [d0, 2*d0]\n%9 = slice_columns(0, d0) %8 : [d0, d0]",
            "outer(c, slice(tanh(concatenate(x, y))))",
        ),
        (
            "%6 = matrix_matrix %3 %4 : [d0, 2*d0]\n%7 = slice_columns(d0, d0) %6 : [d0, d0]",
            "matrix_matrix(W, slice_columns(V))",
        ),
        ("%6 = outer %0 %1 : [d0, d0]\n%7 = matrix_matrix %3 %6 : [d0, d0]", "outer(matrix_vector(W, x), y)"),
        (
            "%6 = outer %0 %1 : [d0, d0]\n%7 = matrix_matrix %6 %3 : [d0, d0]",
            "outer(x, matrix_vector(transpose(W), y))",
        ),
        ("%6 = outer %0 %1 : [d0, d0]\n%7 = transpose %6 : [d0, d0]", "outer(y, x)"),
        ("%6 = outer %0 %1 : [d0, d0]\n%7 = sum %6 : []", "multiply(sum(x), sum(y))"),
        ("%6 = pad(1, d0+1) %0 : [d0+1]\n%7 = outer %1 %6 : [d0, d0+1]", "pad_columns(outer(y, x))"),
        (
            "%6 = pad_columns(d0, 3*d0) %3 : [d0, 3*d0]\n%7 = concatenate %0 %1 %5 : [3*d0]\n%8 = matrix_vector %6 %7 : [d0]",
            "matrix_vector(W, y)",
        ),
        ("%6 = divide %0 %2 : [d0]\n%7 = sum %6 : []", "divide(sum(x), s)"),
        ("%6 = broadcast(4) %2 : [4]\n%7 = sum %6 : []", "multiply(4, s)"),
        ("%6 = pad(d0, 2*d0) %0 : [2*d0]\n%7 = slice(0, d0) %6 : [d0]", "broadcast(0)"),
        (
            "%6 = pad(d0, 2*d0) %0 : [2*d0]\n%7 = matrix_vector %4 %6 : [d0]",
            "matrix_vector(slice_columns(V), x)",
        ),
        (
            "%6 = pad(2*d0, 3*d0) %0 : [3*d0]\n%7 = pad(0, 3*d0) %1 : [3*d0]\n%8 = pad(d0, 3*d0) %5 : [3*d0]\n%9 = add %6 %7 : [3*d0]\n%10 = add %9 %8 : [3*d0]",
            "concatenate(y, c, x)",
        ),
        (
            "%6 = transpose %4 : [2*d0, d0]\n%7 = matrix_vector %6 %0 : [2*d0]\n%8 = slice(d0, d0) %7 : [d0]",
            "matrix_vector(transpose(slice_columns(V)), x)",
        ),
        ("%6 = multiply %0 %2 : [d0]\n%7 = sum %6 : []", "multiply(s, sum(x))"),
        (
            "%6 = multiply %3 %2 : [d0, d0]\n%7 = matrix_vector %6 %0 : [d0]",
            "multiply(s, matrix_vector(W, x))",
        ),
        ("%6 = outer %0 %1 : [d0, d0]\n%7 = negate %6 : [d0, d0]", "outer(negate(x), y)"),
        (
            "%6 = matrix_vector %3 %0 : [d0]\n%7 = matrix_vector %3 %1 : [d0]\n%8 = add %5 %7 : [d0]\n%9 = add %6 %8 : [d0]",
            "add(add(matrix_vector(W, x), matrix_vector(W, y)), c)",
        ),
        (
            "%6 = matrix_vector %3 %0 : [d0]\n%7 = subtract %5 %6 : [d0]\n%8 = subtract %1 %7 : [d0]",
            "subtract(add(matrix_vector(W, x), y), c)",
        ),
    ] {
        assert_eq!(rewrite(lines), expected, "{lines}");
    }
}

#[test]
fn the_simplified_gradient_of_the_lstm() {
    let gradient = simplify(&differentiate(&simplify(&samples::lstm(false))).unwrap());
    expect![[r#"
        dimension x
        dimension h
        input x : [d0]
        state h : [d1]
        state c : [d1]
        parameter W_i : [d1, d0+d1]
        parameter b_i : [d1]
        parameter W_f : [d1, d0+d1]
        parameter b_f : [d1]
        parameter W_g : [d1, d0+d1]
        parameter b_g : [d1]
        parameter W_o : [d1, d0+d1]
        parameter b_o : [d1]
        output h : [d1]
        %0 = input(0) : [d0]
        %1 = state(0) : [d1]
        %2 = state(1) : [d1]
        %3 = parameter(0) : [d1, d0+d1]
        %4 = parameter(1) : [d1]
        %5 = slice_columns(0, d1) %3 : [d1, d1]
        %6 = matrix_vector %5 %1 : [d1]
        %7 = slice_columns(d1, d0) %3 : [d1, d0]
        %8 = matrix_vector %7 %0 : [d1]
        %9 = add %6 %8 : [d1]
        %10 = add %9 %4 : [d1]
        %11 = sigmoid %10 : [d1]  ; i_t
        %12 = parameter(2) : [d1, d0+d1]
        %13 = parameter(3) : [d1]
        %14 = slice_columns(0, d1) %12 : [d1, d1]
        %15 = matrix_vector %14 %1 : [d1]
        %16 = slice_columns(d1, d0) %12 : [d1, d0]
        %17 = matrix_vector %16 %0 : [d1]
        %18 = add %15 %17 : [d1]
        %19 = add %18 %13 : [d1]
        %20 = sigmoid %19 : [d1]  ; f_t
        %21 = parameter(4) : [d1, d0+d1]
        %22 = parameter(5) : [d1]
        %23 = slice_columns(0, d1) %21 : [d1, d1]
        %24 = matrix_vector %23 %1 : [d1]
        %25 = slice_columns(d1, d0) %21 : [d1, d0]
        %26 = matrix_vector %25 %0 : [d1]
        %27 = add %24 %26 : [d1]
        %28 = add %27 %22 : [d1]
        %29 = tanh %28 : [d1]  ; g_t
        %30 = multiply %11 %29 : [d1]
        %31 = multiply_add %2 %20 %30 : [d1]  ; c_t
        %32 = parameter(6) : [d1, d0+d1]
        %33 = parameter(7) : [d1]
        %34 = slice_columns(0, d1) %32 : [d1, d1]
        %35 = matrix_vector %34 %1 : [d1]
        %36 = slice_columns(d1, d0) %32 : [d1, d0]
        %37 = matrix_vector %36 %0 : [d1]
        %38 = add %35 %37 : [d1]
        %39 = add %38 %33 : [d1]
        %40 = sigmoid %39 : [d1]  ; o_t
        %41 = tanh %31 : [d1]
        %42 = multiply %40 %41 : [d1]  ; h_t
        %43 = output_gradient(0) : [d1]
        %44 = state_gradient(0) : [d1]
        %45 = state_gradient(1) : [d1]
        %46 = add %43 %44 : [d1]  ; d_h_t
        %47 = multiply %41 %46 : [d1]  ; d_o_t
        %48 = multiply %40 %46 : [d1]
        %49 = constant(1.0) : []
        %50 = negated_multiply_add %41 %41 %49 : [d1]
        %51 = negated_multiply_add %40 %40 %40 : [d1]
        %52 = multiply %47 %51 : [d1]
        %53 = outer %52 %0 : [d1, d0]
        %54 = transpose %36 : [d0, d1]
        %55 = matrix_vector %54 %52 : [d0]
        %56 = total %53 : [d1, d0]
        %57 = pad_columns(d1, d0+d1) %56 : [d1, d0+d1]
        %58 = outer %52 %1 : [d1, d1]
        %59 = transpose %34 : [d1, d1]
        %60 = matrix_vector %59 %52 : [d1]
        %61 = total %58 : [d1, d1]
        %62 = pad_columns(0, d0+d1) %61 : [d1, d0+d1]
        %63 = total %52 : [d1]
        %64 = add %57 %62 : [d1, d0+d1]
        %65 = multiply_add %48 %50 %45 : [d1]  ; d_c_t
        %66 = multiply %29 %65 : [d1]  ; d_i_t
        %67 = multiply %11 %65 : [d1]  ; d_g_t
        %68 = multiply %20 %65 : [d1]
        %69 = multiply %2 %65 : [d1]  ; d_f_t
        %70 = negated_multiply_add %29 %29 %49 : [d1]
        %71 = multiply %67 %70 : [d1]
        %72 = outer %71 %0 : [d1, d0]
        %73 = transpose %25 : [d0, d1]
        %74 = matrix_vector %73 %71 : [d0]
        %75 = total %72 : [d1, d0]
        %76 = pad_columns(d1, d0+d1) %75 : [d1, d0+d1]
        %77 = outer %71 %1 : [d1, d1]
        %78 = transpose %23 : [d1, d1]
        %79 = matrix_vector %78 %71 : [d1]
        %80 = total %77 : [d1, d1]
        %81 = pad_columns(0, d0+d1) %80 : [d1, d0+d1]
        %82 = total %71 : [d1]
        %83 = add %76 %81 : [d1, d0+d1]
        %84 = negated_multiply_add %20 %20 %20 : [d1]
        %85 = multiply %69 %84 : [d1]
        %86 = outer %85 %0 : [d1, d0]
        %87 = transpose %16 : [d0, d1]
        %88 = matrix_vector %87 %85 : [d0]
        %89 = total %86 : [d1, d0]
        %90 = pad_columns(d1, d0+d1) %89 : [d1, d0+d1]
        %91 = outer %85 %1 : [d1, d1]
        %92 = transpose %14 : [d1, d1]
        %93 = matrix_vector %92 %85 : [d1]
        %94 = total %91 : [d1, d1]
        %95 = pad_columns(0, d0+d1) %94 : [d1, d0+d1]
        %96 = total %85 : [d1]
        %97 = add %90 %95 : [d1, d0+d1]
        %98 = negated_multiply_add %11 %11 %11 : [d1]
        %99 = multiply %66 %98 : [d1]
        %100 = outer %99 %0 : [d1, d0]
        %101 = transpose %7 : [d0, d1]
        %102 = matrix_vector %101 %99 : [d0]
        %103 = total %100 : [d1, d0]
        %104 = pad_columns(d1, d0+d1) %103 : [d1, d0+d1]
        %105 = outer %99 %1 : [d1, d1]
        %106 = transpose %5 : [d1, d1]
        %107 = matrix_vector %106 %99 : [d1]
        %108 = total %105 : [d1, d1]
        %109 = pad_columns(0, d0+d1) %108 : [d1, d0+d1]
        %110 = total %99 : [d1]
        %111 = add %104 %109 : [d1, d0+d1]
        %112 = add %60 %79 : [d1]
        %113 = add %112 %93 : [d1]
        %114 = add %113 %107 : [d1]
        %115 = add %55 %74 : [d0]
        %116 = add %115 %88 : [d0]
        %117 = add %116 %102 : [d0]
        next_state(0) = %42
        next_state(1) = %31
        output(0) = %42
        previous_state_gradient(0) = %114
        previous_state_gradient(1) = %68
        input_gradient(0) = %117
        parameter_gradient(0) = %111
        parameter_gradient(1) = %110
        parameter_gradient(2) = %97
        parameter_gradient(3) = %96
        parameter_gradient(4) = %83
        parameter_gradient(5) = %82
        parameter_gradient(6) = %64
        parameter_gradient(7) = %63
    "#]]
    .assert_eq(&fuse_multiply_add(&gradient).to_string());
}

#[test]
fn a_long_chain_needs_no_deep_stack() {
    let mut w = samples::Writer::new(&["x"]);
    let mut value = w.input("x", samples::vector(0));
    for _ in 0..5_000 {
        let other = w.unary(crate::operator::Unary::Tanh, value);
        value = w.add(other, value);
    }
    w.output("y", value);
    let graph = simplify(&w.graph);
    assert_eq!(graph.len(), 10_001);
    differentiate(&graph).unwrap();
    Graph::parse(&graph.to_string()).unwrap();
}

#[test]
fn a_chain_of_doublings_stays_small() {
    let mut w = samples::Writer::new(&["x"]);
    let mut value = w.input("x", samples::vector(0));
    for _ in 0..28 {
        value = w.concatenate(&[value, value]);
    }
    w.output("y", value);
    let operands = |graph: &Graph| graph.nodes().iter().map(|node| node.operands.len()).sum::<usize>();
    assert!(operands(&simplify(&w.graph)) < 10_000);
    assert!(operands(&simplify(&differentiate(&w.graph).unwrap())) < 100_000);
}
