use gatewright::cell;

cell! {
    pub Cell {
        z_t = sigmoid(W_z x_t + b_z);
        h_t = z_t * tanh(W_h x_t + b_h);
    }
}

fn main() {}
