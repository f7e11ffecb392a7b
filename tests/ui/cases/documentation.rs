use gatewright::documented::cell;

/// A unit with two slips; both are shown, each on its line.
///
/// $$
/// z_t = \sigmod(W_z x_t + U_z h_{t-1} + b_z) \\
/// g_t = \tanh(W_g [h_{t-1}, x_t] + ) \\
/// h_t = (1 - z_t) \odot h_{t-1} + z_t \odot g_t
/// $$
#[cell]
pub struct Gated;

/**
 * Sizes that do not agree.
 *
 * $$ h_t = \tanh(W x_t + U h_{t-1}) + [h_{t-1}, x_t] $$
 */
#[cell]
pub struct Block;

#[cell(file = "cases/none.md", sections = "3.1")]
pub struct Wrong;

#[cell(file = "cases/none.md")]
pub struct None;

#[doc = include_str!("documentation.rs")]
#[cell]
pub struct Included;

/// $$ h_t = x_t + h_{t-1} $$
#[cell]
#[derive(PartialEq)]
pub enum Kind {
    A,
}

fn main() {
    let _ = GatedParameters::<f32>::view;
    let _ = (Gated, Kind::A);
}
