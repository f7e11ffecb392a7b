//! Scalar definitions of the transcendental functions.
