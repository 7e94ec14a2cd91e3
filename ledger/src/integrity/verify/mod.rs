//! The independent check: it believes nothing but the codec and the hash.

pub mod chain;
pub mod index;
pub mod rows;
