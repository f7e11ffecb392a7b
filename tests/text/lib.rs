//! Texts that nobody means well, and the road that each of them takes through the compiler.
//!
//! `corpus` collects texts and words of the repository, `input` makes a text of a seed, `road` drives one text from
//! its spelling to a verified plan, `work` measures what that costs.

pub mod corpus;
pub mod input;
pub mod random;
pub mod road;
pub mod work;
