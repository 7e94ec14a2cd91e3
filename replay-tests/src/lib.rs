//! The proof of haloy: support for its tests.
