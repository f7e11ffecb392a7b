//! Parameters in one flat buffer, with a layout that names its parts.

mod layout;
mod view;

pub use layout::{ParameterEntry, ParameterLayout, ParameterRole};
pub use view::{MatrixView, MatrixViewMut, Parts, PartsMut, ViewError};
