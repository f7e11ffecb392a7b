//! What users see when equations in `cell!` are wrong, as the compiler prints it.
//!
//! The messages are the macro's own; only the frame around them is the compiler's. Places and texts of many more errors
//! are tested without the compiler in `macros`. After a deliberate change: `TRYBUILD=overwrite cargo test --test ui`.

#[test]
fn ui() {
    trybuild::TestCases::new().compile_fail("cases/*.rs");
}
