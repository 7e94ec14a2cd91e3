//! The face of haloy: the command line, its configuration file and its output.

pub mod config;
