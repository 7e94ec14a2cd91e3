//! What a check found, for people and programs.

use crate::integrity::code::Fault;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// The answer of `haloy verify`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Name of the log.
    pub origin: Option<String>,
    /// Entries of the store, or of the published tree where there is no store.
    pub entries: u64,
    /// Root over all entries, in hex.
    pub root: String,
    /// Entries `0..proved` are exactly those that were signed.
    pub proved: u64,
    /// Entries below this were not checked themselves; their published hashes were.
    pub since: u64,
    /// Ids of the keys that signed the newest head.
    pub signed_by: Vec<String>,
    /// What was checked, and how much of it.
    pub looked_at: Vec<Looked>,
    /// What is wrong; nothing if all is as it was signed.
    pub faults: Vec<Fault>,
    /// The head that was kept elsewhere.
    pub against: Option<Against>,
    /// Bytes of entries.
    pub bytes: u64,
    /// Why index, private values and read models of the store were not checked: a newer haloy wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newer: Option<String>,
}

/// A part of the check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Looked {
    /// Kind of what was counted.
    pub what: Cow<'static, str>,
    /// How many.
    pub count: u64,
}

/// A kept head, and today's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Against {
    /// Size of the tree.
    pub size: u64,
    /// Root of the tree, in hex.
    pub root: String,
    /// Today's root at that size, in hex; none if today's log is shorter.
    pub today: Option<String>,
    /// Today's log begins with it.
    pub extends: bool,
}

impl Report {
    pub(super) fn looked(&mut self, what: &'static str, count: u64) {
        self.looked_at.push(Looked { what: what.into(), count });
    }

    /// The first entry that something is wrong with.
    pub fn first_bad(&self) -> Option<u64> {
        self.faults.iter().filter_map(|fault| fault.position).map(|position| position.0).min()
    }
}
