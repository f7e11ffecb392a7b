//! Large texts.
