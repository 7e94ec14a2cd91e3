//! The face of haloy.
