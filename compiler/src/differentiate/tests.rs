//! Derived gradients against central differences, and what a derived graph looks like.

use expect_test::expect;

use super::*;
use crate::graph::Signature;
use crate::graph::samples::{self, Writer, check_gradients, vector};

#[test]
fn gradients_of_cells_agree_with_central_differences() {
    for (name, forward) in samples::all() {
        let gradient = differentiate(&forward).unwrap();
        gradient.verify().unwrap();
        check_gradients(name, &forward, &gradient);
    }
}

#[test]
fn gradients_through_solved_cycles_agree_with_central_differences() {
    for (name, text) in samples::SOLVED {
        let forward = samples::solved(text);
        let gradient = differentiate(&forward).unwrap();
        gradient.verify().unwrap();
        let read = name != "unread";
        assert_eq!(!gradient.unknowns(false).is_empty(), read, "{name}");
        assert_eq!(!gradient.unknowns(true).is_empty(), read, "{name}");
        check_gradients(name, &forward, &gradient);
        let simplified = crate::simplify::simplify(&gradient);
        check_gradients(name, &crate::simplify::simplify(&forward), &simplified);
        assert_eq!(Graph::parse(&simplified.to_string()).as_ref(), Ok(&simplified), "{name}");
    }
}

#[test]
fn nothing_flows_to_what_nothing_reads() {
    let mut w = Writer::new(&["x", "h"]);
    let x = w.input("x", vector(0));
    let h = w.state("h", vector(1));
    let unread = w.parameter("W", crate::shape::Shape::Matrix(samples::free(1), samples::free(0)));
    let read = w.parameter("b", vector(1));
    w.next(0, h);
    w.output("y", read);
    let gradient = differentiate(&w.graph).unwrap();
    let _ = (x, unread);
    for root in [Root::InputGradient(0), Root::ParameterGradient(0)] {
        assert!(gradient.is_zero(gradient.root(root).unwrap()));
    }
    expect![[r#"
        dimension x
        dimension h
        input x : [d0]
        state h : [d1]
        parameter W : [d1, d0]
        parameter b : [d1]
        output y : [d1]
        %0 = state(0) : [d1]
        %1 = parameter(1) : [d1]
        %2 = output_gradient(0) : [d1]
        %3 = state_gradient(0) : [d1]
        %4 = total %2 : [d1]
        %5 = constant(0.0) : []
        %6 = broadcast(d0) %5 : [d0]
        %7 = broadcast_matrix(d1, d0) %5 : [d1, d0]
        next_state(0) = %0
        output(0) = %1
        previous_state_gradient(0) = %3
        input_gradient(0) = %6
        parameter_gradient(0) = %7
        parameter_gradient(1) = %4
    "#]]
    .assert_eq(&gradient.to_string());
    check_gradients("unread", &w.graph, &gradient);
}

#[test]
fn a_graph_with_gradients_is_not_differentiated_again() {
    let gradient = differentiate(&samples::gru(false)).unwrap();
    assert_eq!(differentiate(&gradient), Err(DifferentiateError::HasGradients));
    let empty = differentiate(&Graph::new(Signature::default())).unwrap();
    assert!(empty.is_empty());
}

#[test]
fn the_gradient_of_the_lstm() {
    let gradient = differentiate(&samples::lstm(false)).unwrap();
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
        %3 = concatenate %1 %0 : [d0+d1]
        %4 = parameter(0) : [d1, d0+d1]
        %5 = parameter(1) : [d1]
        %6 = matrix_vector %4 %3 : [d1]
        %7 = add %6 %5 : [d1]
        %8 = sigmoid %7 : [d1]  ; i_t
        %9 = parameter(2) : [d1, d0+d1]
        %10 = parameter(3) : [d1]
        %11 = matrix_vector %9 %3 : [d1]
        %12 = add %11 %10 : [d1]
        %13 = sigmoid %12 : [d1]  ; f_t
        %14 = parameter(4) : [d1, d0+d1]
        %15 = parameter(5) : [d1]
        %16 = matrix_vector %14 %3 : [d1]
        %17 = add %16 %15 : [d1]
        %18 = tanh %17 : [d1]  ; g_t
        %19 = multiply %13 %2 : [d1]
        %20 = multiply %8 %18 : [d1]
        %21 = add %19 %20 : [d1]  ; c_t
        %22 = parameter(6) : [d1, d0+d1]
        %23 = parameter(7) : [d1]
        %24 = matrix_vector %22 %3 : [d1]
        %25 = add %24 %23 : [d1]
        %26 = sigmoid %25 : [d1]  ; o_t
        %27 = tanh %21 : [d1]
        %28 = multiply %26 %27 : [d1]  ; h_t
        %29 = output_gradient(0) : [d1]
        %30 = state_gradient(0) : [d1]
        %31 = state_gradient(1) : [d1]
        %32 = add %29 %30 : [d1]  ; d_h_t
        %33 = multiply %32 %27 : [d1]  ; d_o_t
        %34 = multiply %32 %26 : [d1]
        %35 = constant(1.0) : []
        %36 = multiply %27 %27 : [d1]
        %37 = subtract %35 %36 : [d1]
        %38 = multiply %34 %37 : [d1]
        %39 = subtract %35 %26 : [d1]
        %40 = multiply %26 %39 : [d1]
        %41 = multiply %33 %40 : [d1]
        %42 = outer %41 %3 : [d1, d0+d1]
        %43 = transpose %22 : [d0+d1, d1]
        %44 = matrix_vector %43 %41 : [d0+d1]
        %45 = total %41 : [d1]
        %46 = total %42 : [d1, d0+d1]
        %47 = add %31 %38 : [d1]  ; d_c_t
        %48 = multiply %47 %18 : [d1]  ; d_i_t
        %49 = multiply %47 %8 : [d1]  ; d_g_t
        %50 = multiply %47 %2 : [d1]  ; d_f_t
        %51 = multiply %47 %13 : [d1]
        %52 = multiply %18 %18 : [d1]
        %53 = subtract %35 %52 : [d1]
        %54 = multiply %49 %53 : [d1]
        %55 = outer %54 %3 : [d1, d0+d1]
        %56 = transpose %14 : [d0+d1, d1]
        %57 = matrix_vector %56 %54 : [d0+d1]
        %58 = total %54 : [d1]
        %59 = total %55 : [d1, d0+d1]
        %60 = subtract %35 %13 : [d1]
        %61 = multiply %13 %60 : [d1]
        %62 = multiply %50 %61 : [d1]
        %63 = outer %62 %3 : [d1, d0+d1]
        %64 = transpose %9 : [d0+d1, d1]
        %65 = matrix_vector %64 %62 : [d0+d1]
        %66 = total %62 : [d1]
        %67 = total %63 : [d1, d0+d1]
        %68 = subtract %35 %8 : [d1]
        %69 = multiply %8 %68 : [d1]
        %70 = multiply %48 %69 : [d1]
        %71 = outer %70 %3 : [d1, d0+d1]
        %72 = transpose %4 : [d0+d1, d1]
        %73 = matrix_vector %72 %70 : [d0+d1]
        %74 = total %70 : [d1]
        %75 = total %71 : [d1, d0+d1]
        %76 = add %44 %57 : [d0+d1]
        %77 = add %76 %65 : [d0+d1]
        %78 = add %77 %73 : [d0+d1]
        %79 = slice(0, d1) %78 : [d1]
        %80 = slice(d1, d0) %78 : [d0]
        next_state(0) = %28
        next_state(1) = %21
        output(0) = %28
        previous_state_gradient(0) = %79
        previous_state_gradient(1) = %51
        input_gradient(0) = %80
        parameter_gradient(0) = %75
        parameter_gradient(1) = %74
        parameter_gradient(2) = %67
        parameter_gradient(3) = %66
        parameter_gradient(4) = %59
        parameter_gradient(5) = %58
        parameter_gradient(6) = %46
        parameter_gradient(7) = %45
    "#]]
    .assert_eq(&gradient.to_string());
}

/// The gradient by `x` of the sum of `f(x, y)`, given as the line that makes `%2` from `%0 = x` and `%1 = y`.
fn gradient_at(line: &str, x: &[f64], y: &[f64]) -> Vec<f64> {
    let shape = line.rsplit(" : ").next().unwrap();
    let text = format!(
        "dimension n\ninput x : [d0]\ninput y : [d0]\noutput o : {shape}\n\
         %0 = input(0) : [d0]\n%1 = input(1) : [d0]\n{line}\noutput(0) = %2\n"
    );
    let graph = differentiate(&Graph::parse(&text).unwrap()).unwrap();
    let ones = vec![1.0; if shape == "[]" { 1 } else { x.len() }];
    let arguments = crate::graph::interpret::SequenceArguments {
        inputs: vec![x, y],
        initial_states: vec![],
        parameters: vec![],
        gradients: Some(crate::graph::interpret::GradientArguments {
            outputs: vec![&ones],
            final_states: vec![],
        }),
    };
    let results = crate::graph::interpret::run_sequence(&graph, &[x.len()], &arguments, 1, 1).unwrap();
    results.gradients.unwrap().inputs.remove(0)
}

#[test]
fn subgradients_at_kinks_are_the_stated_ones() {
    let x = [0.0, -0.0, 1.0, -1.0];
    for (line, expected) in [
        ("%2 = relu %0 : [d0]", [0.0, 0.0, 1.0, 0.0]),
        ("%2 = absolute %0 : [d0]", [0.0, 0.0, 1.0, -1.0]),
        ("%2 = step %0 : [d0]", [0.0; 4]),
        ("%2 = sign %0 : [d0]", [0.0; 4]),
        ("%2 = less %0 %1 : [d0]", [0.0; 4]),
        ("%2 = less_or_equal %0 %1 : [d0]", [0.0; 4]),
        ("%2 = floor %0 : [d0]", [0.0; 4]),
        ("%2 = round %0 : [d0]", [1.0; 4]),
        ("%2 = maximum %0 %1 : [d0]", [1.0, 1.0, 1.0, 0.0]),
        ("%2 = maximum %1 %0 : [d0]", [0.0, 0.0, 1.0, 0.0]),
        ("%2 = minimum %0 %1 : [d0]", [1.0, 1.0, 0.0, 1.0]),
        ("%2 = minimum %1 %0 : [d0]", [0.0, 0.0, 0.0, 1.0]),
        ("%2 = select %0 %0 %1 : [d0]", [0.0, 0.0, 1.0, 1.0]),
    ] {
        assert_eq!(gradient_at(line, &x, &[0.0; 4]), expected, "{line}");
    }
    let largest = "%2 = maximum_element %0 : []";
    assert_eq!(gradient_at(largest, &[3.0, 1.0, 3.0], &[0.0; 3]), [0.5, 0.0, 0.5]);
    assert_eq!(gradient_at("%2 = cumulative_sum %0 : [d0]", &[1.0, 2.0, 3.0], &[0.0; 3]), [3.0, 2.0, 1.0]);
    let reverse = "%2 = reverse_cumulative_sum %0 : [d0]";
    assert_eq!(gradient_at(reverse, &[1.0, 2.0, 3.0], &[0.0; 3]), [1.0, 2.0, 3.0]);
    assert_eq!(gradient_at("%2 = square_root %0 : [d0]", &[0.0, 4.0], &[0.0; 2]), [f64::INFINITY, 0.25]);
}
