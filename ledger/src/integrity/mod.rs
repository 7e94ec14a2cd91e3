//! What makes the log evidence: its tree, signed heads, published files, and an independent check.

pub mod check;
pub mod checkpoint;
pub mod frontier;
pub mod hash;
pub mod note;
pub mod proof;
pub mod proof_text;
pub mod tiles;
