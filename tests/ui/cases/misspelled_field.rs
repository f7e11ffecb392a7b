use gatewright::{CompileOptions, cell};

cell! {
    pub Cell {
        h_t = tanh(W_xh x_t + U h_{t-1} + b);
    }
}

fn main() {
    let compiled = Cell::compile::<f32>(CellSizes { x: 3, h: 4 }, CompileOptions::default()).unwrap();
    let flat = vec![0.0; compiled.parameter_layout().length()];
    let parameters = CellParameters::view(&compiled, &flat).unwrap();
    println!("{:?}", parameters.W_hx);
}
