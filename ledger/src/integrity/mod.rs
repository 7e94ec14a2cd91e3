//! What makes the log evidence: its tree, signed heads, published files, and an independent check.
//!
//! Reading order: [`hash`], [`frontier`], [`note`], [`checkpoint`], [`tiles`] (the formats), [`heads`],
//! [`partial_tiles`], [`mirror`], [`publish`], [`background`], [`sealer`] (writing), [`proof`] and [`check`],
//! [`known`], [`examine`] (the guarded open), [`verify`].

pub mod background;
pub mod check;
pub mod checkpoint;
pub mod code;
pub mod examine;
pub mod frontier;
pub mod hash;
pub mod heads;
pub mod known;
pub mod mirror;
pub mod note;
pub mod partial_tiles;
pub mod places;
pub mod proof;
pub mod proof_text;
pub mod prover;
pub mod publish;
pub mod rebuild;
pub mod sealer;
pub mod tiles;
pub mod verify;
