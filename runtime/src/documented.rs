//! `#[cell]`: cells whose documentation holds their equations, or names the file that does.
//!
//! A module of its own, since Rust has one name for one macro: what `cell!` is called at the root of the crate, no
//! attribute can be called there.

/// ```
/// use gatewright::CompileOptions;
/// use gatewright::documented::cell;
///
/// /// The minimal gated unit of Zhou et al. (2016): one gate $f_t$ does the work of two.
/// ///
/// /// $$
/// /// f_t = \sigma(W_f [h_{t-1}, x_t] + b_f) \\
/// /// \tilde{h}_t = \tanh(W_h [f_t \odot h_{t-1}, x_t] + b_h) \\
/// /// h_t = (1 - f_t) \odot h_{t-1} + f_t \odot \tilde{h}_t
/// /// $$
/// #[cell]
/// pub struct MinimalGatedUnit;
///
/// assert_eq!(MinimalGatedUnit::PARAMETERS, ["W_f", "b_f", "W_h", "b_h"]);
/// let sizes = MinimalGatedUnitSizes { x: 3, h: 4 };
/// let compiled = MinimalGatedUnit::compile::<f32>(sizes, CompileOptions::default())?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub use gatewright_macros::documented_cell as cell;
