//! Clients, counted.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;

/// How many connections there are, of whom.
#[derive(Default)]
pub struct Clients(pub(super) Mutex<Counts>);

/// The numbers themselves.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) all: usize,
    pub(super) of: HashMap<IpAddr, usize>,
}
