#![deny(deprecated)]

use gatewright::cell;

cell! {
    /// `c_hat_t` is misspelled in the last equation, `s_t` is an input on purpose.
    pub Cell {
        z_t = sigmoid(W_z x_t + U_z h_{t-1} + V_z s_t);
        c_tilde_t = tanh(W_c x_t + U_c h_{t-1} + b_c);
        h_t = (1 - z_t) * h_{t-1} + z_t * c_hat_t;
        where s: [s];
    }
}

fn main() {}
