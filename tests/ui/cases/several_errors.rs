use gatewright::{CompileOptions, cell};

cell! {
    /// Both cells are wrong, and all errors are shown; what uses them has none of its own.
    pub First {
        z_t = sigmod(W_z x_t + U_z h_{t-1} + b_z);
        g_t = tanh(W_g [h_{t-1}, x_t] + );
        h_t = (1 - z_t) * h_{t-1} + z_t * g_{t+1};
    }

    #[derive(Clone)]
    pub Second {
        h_t = phi(W x_t + U h_{t-1} + b) # 2;
    }
}

fn compile(sizes: SecondSizes) {
    let compiled = Second::compile::<f32>(sizes, CompileOptions::default()).unwrap();
    let _ = FirstParameters::view(&compiled, &[]).unwrap().W_z;
}

fn main() {
    let _ = compile;
}
