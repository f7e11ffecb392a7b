//! `cell!`: the same cell as from text and from LaTeX, the same results, and typed views of its parameters.

use gatewright::compiler::resolve::{Cell, Options, resolve};
use gatewright::compiler::source::{Syntax, parse};
use gatewright::compiler::span::Span;
use gatewright::parameters::ViewError;
use gatewright::sequence::{Backward, Forward, Keep, SequenceCell};
use gatewright::workspace::Workspace;
use gatewright::{CompileOptions, CompiledCell, cell};
use gatewright_tests::Numbers;

cell! {
    /// Long short-term memory.
    pub Lstm {
        i_t = σ(W_xi [h_{t-1}, x_t] + b_i);
        f_t = σ(W_xf [h_{t-1}, x_t] + b_f);
        o_t = σ(W_xo [h_{t-1}, x_t] + b_o);
        C_t = f_t * C_{t-1} + i_t * tanh(W_hc [h_{t-1}, x_t] + b_c);
        h_t = o_t * tanh(C_t);
    }

    pub(crate) Gru {
        z_t = σ(W_xz [h_{t-1}, x_t] + b_z);
        r_t = σ(W_xr * [h_{t-1}, x_t] + b_r);
        h̃_t = tanh(W_xh [r_t * h_{t-1}, x_t] + b_h);
        h_t = (1 - z_t) * h_{t-1} + z_t * h̃_t;
        y_t = tanh(W_yo [h_t, x_t] + b_y);
    }
}
