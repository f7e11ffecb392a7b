use gatewright::cell;

cell! {
    pub Cell {
        o_t = sigmoid(W_o x_t + V_o h_t + b_o);
        c_t = tanh(W_c x_t + U_c h_{t-1} + b_c);
        h_t = o_t * tanh(c_t);
    }
}

fn main() {}
