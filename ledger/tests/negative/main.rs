//! Hostile input: whatever is read from outside is refused when one part of it is wrong, and no bytes at all
//! make a reader panic or trust what was not signed.

mod any_bytes;
mod binary;
mod paths;
mod random;
mod samples;
mod text;
