//! `gatewright derive`: the derived backward equations.
