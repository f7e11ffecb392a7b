//! Nothing: the package exists for its test, which has the compiler check the cases in `cases/`.
