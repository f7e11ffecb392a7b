//! That simplified graphs mean the same, and what the rules make of small graphs.

use expect_test::expect;

use super::*;
use crate::differentiate::differentiate;
use crate::graph::Root;
use crate::graph::interpret::SequenceResults;
use crate::graph::samples::{self, Arrays, check_gradients};
use crate::operator::Operator;

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
        for graph in [&gradient, &simplify(&plain)] {
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
    }
}

/// A graph of one output from lines over `%0 = x`, `%1 = y` (vectors), `%2 = s` (scalar), `%3 = W`, `%4 = V`
/// (matrices `[d0, d0]`, the first constant over time) and `%5 = c` (a vector constant over time).
fn graph_of(lines: &str) -> Graph {
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
    Graph::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Simplifies a graph of these lines and prints what is left of the nodes.
fn rewrite(lines: &str) -> String {
    let graph = graph_of(lines);
    let simple = simplify(&graph);
    let arrays = Arrays::<f64>::new(&graph, &[3], 2, 2);
    assert_close(lines, &arrays.run(&simple, &[3], 2, 2), &arrays.run(&graph, &[3], 2, 2));
    expression(&simple, simple.root(Root::Output(0)).unwrap())
}

/// A node as nested calls.
fn expression(graph: &Graph, id: crate::graph::NodeId) -> String {
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

/// The gradient by `W`, `V` or `c`, by its number; `output_gradient()` is the gradient by the output.
fn gradient_by(parameter: u32, lines: &str) -> String {
    let raw = differentiate(&simplify(&graph_of(lines))).unwrap();
    let simple = simplify(&raw);
    let arrays = Arrays::<f64>::new(&raw, &[3], 2, 2);
    assert_close(lines, &arrays.run(&simple, &[3], 2, 2), &arrays.run(&raw, &[3], 2, 2));
    expression(&simple, simple.root(Root::ParameterGradient(parameter)).unwrap())
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
        // What is constant over time would be added at each step.
        (
            "%6 = multiply %0 %1 : [d0]\n%7 = multiply %0 %5 : [d0]\n%8 = add %6 %7 : [d0]",
            "add(multiply(x, y), multiply(x, c))",
        ),
    ] {
        assert_eq!(rewrite(lines), expected, "{lines}");
    }
}

/// Matrices that vary in time are taken apart before they meet a vector or another matrix.
#[test]
fn rules_of_matrices_that_vary_in_time() {
    let outer = "%6 = outer %0 %1 : [d0, d0]\n";
    for (lines, expected) in [
        (
            "%7 = identity(d0) : [d0, d0]\n%8 = subtract %7 %6 : [d0, d0]\n%9 = matrix_vector %8 %0 : [d0]",
            "subtract(x, multiply(sum(multiply(x, y)), x))",
        ),
        (
            "%7 = add %3 %6 : [d0, d0]\n%8 = matrix_vector %7 %0 : [d0]",
            "add(matrix_vector(W, x), multiply(sum(multiply(x, y)), x))",
        ),
        (
            "%7 = multiply %2 %3 : [d0, d0]\n%8 = add %7 %6 : [d0, d0]\n%9 = matrix_vector %8 %0 : [d0]",
            "add(multiply(sum(multiply(x, y)), x), multiply(s, matrix_vector(W, x)))",
        ),
        (
            "%7 = multiply %3 %6 : [d0, d0]\n%8 = matrix_vector %7 %5 : [d0]",
            "multiply(x, matrix_vector(W, multiply(y, c)))",
        ),
        (
            "%7 = multiply %3 %6 : [d0, d0]\n%8 = transpose %7 : [d0, d0]\n%9 = matrix_vector %8 %5 : [d0]",
            "multiply(y, matrix_vector(transpose(W), multiply(x, c)))",
        ),
        (
            "%7 = identity(d0) : [d0, d0]\n%8 = subtract %7 %6 : [d0, d0]\n%9 = matrix_matrix %3 %8 : [d0, d0]",
            "subtract(W, outer(matrix_vector(W, x), y))",
        ),
        (
            "%7 = tanh %6 : [d0, d0]\n%8 = matrix_matrix %3 %7 : [d0, d0]\n%9 = matrix_vector %8 %1 : [d0]",
            "matrix_vector(W, matrix_vector(tanh(outer(x, y)), y))",
        ),
        (
            "%7 = outer %5 %0 : [d0, d0]\n%8 = multiply %6 %7 : [d0, d0]",
            "outer(multiply(x, c), multiply(x, y))",
        ),
    ] {
        assert_eq!(rewrite(&format!("{outer}{lines}")), expected, "{lines}");
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

/// What is constant over time is applied once, after the last step.
#[test]
fn constants_leave_totals() {
    for (lines, expected) in [
        (
            "%6 = add %0 %5 : [d0]\n%7 = constant(2.0) : []\n%8 = multiply %7 %6 : [d0]",
            "multiply(2, total(output_gradient()))",
        ),
        (
            "%6 = sum %3 : []\n%7 = add %0 %5 : [d0]\n%8 = divide %7 %6 : [d0]",
            "divide(total(output_gradient()), sum(W))",
        ),
        ("%6 = subtract %0 %5 : [d0]", "negate(total(output_gradient()))"),
        ("%6 = add %0 %5 : [d0]\n%7 = sum %6 : []", "broadcast(total(output_gradient()))"),
    ] {
        assert_eq!(gradient_by(2, lines), expected, "{lines}");
    }
}

/// Each outer product is totalled on its own, though both are addends of one matrix's gradient: so each is a product of
/// all steps and samples, and no matrix is made at a step.
#[test]
fn outer_products_are_totalled_one_by_one() {
    let lines = "%6 = outer %0 %1 : [d0, d0]\n%7 = tanh %6 : [d0, d0]\n%8 = add %3 %7 : [d0, d0]\n\
        %9 = matrix_vector %8 %0 : [d0]\n%10 = matrix_vector %8 %1 : [d0]\n%11 = multiply %9 %10 : [d0]";
    let graph = simplify(&differentiate(&simplify(&graph_of(lines))).unwrap());
    let totals: Vec<&Operator> = graph
        .nodes()
        .iter()
        .filter(|node| node.operator == Operator::Total)
        .map(|node| graph.operator(node.operands[0]))
        .collect();
    assert_eq!(totals, [&Operator::Outer; 2], "{graph}");
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
        %30 = multiply %2 %20 : [d1]
        %31 = multiply %11 %29 : [d1]
        %32 = add %30 %31 : [d1]  ; c_t
        %33 = parameter(6) : [d1, d0+d1]
        %34 = parameter(7) : [d1]
        %35 = slice_columns(0, d1) %33 : [d1, d1]
        %36 = matrix_vector %35 %1 : [d1]
        %37 = slice_columns(d1, d0) %33 : [d1, d0]
        %38 = matrix_vector %37 %0 : [d1]
        %39 = add %36 %38 : [d1]
        %40 = add %39 %34 : [d1]
        %41 = sigmoid %40 : [d1]  ; o_t
        %42 = tanh %32 : [d1]
        %43 = multiply %41 %42 : [d1]  ; h_t
        %44 = output_gradient(0) : [d1]
        %45 = state_gradient(0) : [d1]
        %46 = state_gradient(1) : [d1]
        %47 = add %44 %45 : [d1]  ; d_h_t
        %48 = multiply %42 %47 : [d1]  ; d_o_t
        %49 = multiply %41 %47 : [d1]
        %50 = constant(1.0) : []
        %51 = multiply %42 %42 : [d1]
        %52 = subtract %50 %51 : [d1]
        %53 = multiply %49 %52 : [d1]
        %54 = subtract %50 %41 : [d1]
        %55 = multiply %41 %54 : [d1]
        %56 = multiply %48 %55 : [d1]
        %57 = outer %56 %0 : [d1, d0]
        %58 = transpose %37 : [d0, d1]
        %59 = matrix_vector %58 %56 : [d0]
        %60 = total %57 : [d1, d0]
        %61 = pad_columns(d1, d0+d1) %60 : [d1, d0+d1]
        %62 = outer %56 %1 : [d1, d1]
        %63 = transpose %35 : [d1, d1]
        %64 = matrix_vector %63 %56 : [d1]
        %65 = total %62 : [d1, d1]
        %66 = pad_columns(0, d0+d1) %65 : [d1, d0+d1]
        %67 = total %56 : [d1]
        %68 = add %61 %66 : [d1, d0+d1]
        %69 = add %46 %53 : [d1]  ; d_c_t
        %70 = multiply %29 %69 : [d1]  ; d_i_t
        %71 = multiply %11 %69 : [d1]  ; d_g_t
        %72 = multiply %20 %69 : [d1]
        %73 = multiply %2 %69 : [d1]  ; d_f_t
        %74 = multiply %29 %29 : [d1]
        %75 = subtract %50 %74 : [d1]
        %76 = multiply %71 %75 : [d1]
        %77 = outer %76 %0 : [d1, d0]
        %78 = transpose %25 : [d0, d1]
        %79 = matrix_vector %78 %76 : [d0]
        %80 = total %77 : [d1, d0]
        %81 = pad_columns(d1, d0+d1) %80 : [d1, d0+d1]
        %82 = outer %76 %1 : [d1, d1]
        %83 = transpose %23 : [d1, d1]
        %84 = matrix_vector %83 %76 : [d1]
        %85 = total %82 : [d1, d1]
        %86 = pad_columns(0, d0+d1) %85 : [d1, d0+d1]
        %87 = total %76 : [d1]
        %88 = add %81 %86 : [d1, d0+d1]
        %89 = subtract %50 %20 : [d1]
        %90 = multiply %20 %89 : [d1]
        %91 = multiply %73 %90 : [d1]
        %92 = outer %91 %0 : [d1, d0]
        %93 = transpose %16 : [d0, d1]
        %94 = matrix_vector %93 %91 : [d0]
        %95 = total %92 : [d1, d0]
        %96 = pad_columns(d1, d0+d1) %95 : [d1, d0+d1]
        %97 = outer %91 %1 : [d1, d1]
        %98 = transpose %14 : [d1, d1]
        %99 = matrix_vector %98 %91 : [d1]
        %100 = total %97 : [d1, d1]
        %101 = pad_columns(0, d0+d1) %100 : [d1, d0+d1]
        %102 = total %91 : [d1]
        %103 = add %96 %101 : [d1, d0+d1]
        %104 = subtract %50 %11 : [d1]
        %105 = multiply %11 %104 : [d1]
        %106 = multiply %70 %105 : [d1]
        %107 = outer %106 %0 : [d1, d0]
        %108 = transpose %7 : [d0, d1]
        %109 = matrix_vector %108 %106 : [d0]
        %110 = total %107 : [d1, d0]
        %111 = pad_columns(d1, d0+d1) %110 : [d1, d0+d1]
        %112 = outer %106 %1 : [d1, d1]
        %113 = transpose %5 : [d1, d1]
        %114 = matrix_vector %113 %106 : [d1]
        %115 = total %112 : [d1, d1]
        %116 = pad_columns(0, d0+d1) %115 : [d1, d0+d1]
        %117 = total %106 : [d1]
        %118 = add %111 %116 : [d1, d0+d1]
        %119 = add %64 %84 : [d1]
        %120 = add %119 %99 : [d1]
        %121 = add %120 %114 : [d1]
        %122 = add %59 %79 : [d0]
        %123 = add %122 %94 : [d0]
        %124 = add %123 %109 : [d0]
        next_state(0) = %43
        next_state(1) = %32
        output(0) = %43
        previous_state_gradient(0) = %121
        previous_state_gradient(1) = %72
        input_gradient(0) = %124
        parameter_gradient(0) = %118
        parameter_gradient(1) = %117
        parameter_gradient(2) = %103
        parameter_gradient(3) = %102
        parameter_gradient(4) = %88
        parameter_gradient(5) = %87
        parameter_gradient(6) = %68
        parameter_gradient(7) = %67
    "#]]
    .assert_eq(&gradient.to_string());
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
