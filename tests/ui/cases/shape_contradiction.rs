use gatewright::cell;

cell! {
    pub Cell {
        z_t = sigmoid(W_z x_t + U_z h_{t-1} + b_z);
        h_t = z_t * h_{t-1} + [z_t, x_t];
    }
}

fn main() {}
