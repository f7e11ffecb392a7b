//! Adam against candle's own, and against itself after a stop.

#![allow(missing_docs, reason = "tests")]

use candle_core::{Device, Tensor, Var};
use candle_nn::{AdamW, Optimizer, ParamsAdamW};
use gatewright_candle::Adam;

fn variables() -> Vec<Var> {
    let values = |count: usize| (0..count).map(|at| (at as f32 * 0.7).sin()).collect::<Vec<_>>();
    let tensors = [Tensor::new(values(5), &Device::Cpu), Tensor::from_vec(values(6), (2, 3), &Device::Cpu)];
    tensors.into_iter().map(|tensor| Var::from_tensor(&tensor.expect("made")).expect("made")).collect()
}

/// A loss whose gradient changes from step to step; the second variable has none at every third.
fn step<O: Optimizer>(optimizer: &mut O, variables: &[Var], at: usize) {
    let mut loss = ((variables[0].as_tensor() - f64::from(at as u32) * 0.1).expect("made"))
        .powf(4.0)
        .expect("made")
        .sum_all()
        .expect("made");
    if at % 3 != 0 {
        let second = variables[1].as_tensor().exp().expect("made").sum_all().expect("made");
        loss = (loss + second).expect("made");
    }
    optimizer.backward_step(&loss).expect("steps");
}

fn bits(variables: &[Var]) -> Vec<u32> {
    let values = |variable: &Var| variable.flatten_all().expect("flat").to_vec1::<f32>().expect("f32");
    variables.iter().flat_map(values).map(f32::to_bits).collect()
}

#[test]
fn it_is_the_adam_of_candle_bit_for_bit() {
    for weight_decay in [0.0, 0.02] {
        let parameters = ParamsAdamW { lr: 0.03, weight_decay, ..ParamsAdamW::default() };
        let (ours, theirs) = (variables(), variables());
        let mut one = Adam::new(ours.clone(), parameters.clone()).expect("made");
        let mut other = AdamW::new(theirs.clone(), parameters).expect("made");
        for at in 0..20 {
            step(&mut one, &ours, at);
            step(&mut other, &theirs, at);
            assert_eq!(bits(&ours), bits(&theirs), "step {at}");
        }
        assert_ne!(bits(&ours), bits(&variables()));
    }
}

#[test]
fn it_goes_on_from_its_state_as_if_it_had_not_stopped() {
    let parameters = ParamsAdamW { lr: 0.03, weight_decay: 0.0, ..ParamsAdamW::default() };
    let whole = variables();
    let mut optimizer = Adam::new(whole.clone(), parameters.clone()).expect("made");
    (0..9).for_each(|at| step(&mut optimizer, &whole, at));
    let state = optimizer.state().expect("a copy");
    let stopped: Vec<Var> = whole
        .iter()
        .map(|variable| Var::from_tensor(&variable.copy().expect("made")).expect("made"))
        .collect();
    (9..20).for_each(|at| step(&mut optimizer, &whole, at));

    let mut resumed = Adam::new(stopped.clone(), parameters.clone()).expect("made");
    resumed.restore(&state).expect("fits");
    (9..20).for_each(|at| step(&mut resumed, &stopped, at));
    assert_eq!(bits(&stopped), bits(&whole));

    let mut fewer = Adam::new(vec![stopped[0].clone()], parameters.clone()).expect("made");
    assert!(fewer.restore(&state).is_err(), "another number of variables");
    let turned = vec![stopped[1].clone(), stopped[0].clone()];
    assert!(Adam::new(turned, parameters).expect("made").restore(&state).is_err(), "other shapes");
}
