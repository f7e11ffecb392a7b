//! Parameters in one flat buffer, with a layout that names its parts.

mod layout;

pub use layout::{ParameterEntry, ParameterLayout, ParameterRole};
