use gatewright::cell;

cell! {
    pub Cell {
        h_t = tahn(W x_t + U h_{t-1} + b);
    }
}

fn main() {}
