//! Forward graph to forward and adjoint graph.
