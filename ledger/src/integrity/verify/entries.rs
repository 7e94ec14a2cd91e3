//! What the entries of the store say, against each other, against what lies beside them, and against
//! what was computed from them.

use super::chain::{Chain, Linked};
use super::found;
use super::index::IndexCheck;
use super::private::PrivateCheck;
use super::report::Report;
use super::{Sources, rows};
use crate::ids::Position;
use crate::integrity::code::{Code, Fault};
use crate::integrity::mirror::{Mirror, PrivateRows};
use crate::integrity::tiles::WIDTH;
use crate::log::{LogError, Stored};
use crate::projection::Folding;
use std::sync::Arc;

/// Up to this many events their read models are folded in memory, which is faster.
pub const IN_MEMORY: u64 = 200_000;
/// One of so many rows is asked for by its key: enough to meet every table.
const SOME: u64 = 64;

/// Looks at one entry after the other.
pub struct Entries {
    stored: Option<Arc<dyn Stored>>,
    mirror: Option<Mirror>,
    /// Values of entries below this must have a second copy; those above may have one.
    mirrored: u64,
    since: u64,
    next: u64,
    chain: Chain,
    index: IndexCheck,
    private: PrivateCheck,
    /// None once an event could not be folded, or where the check does not begin at the start.
    folding: Option<Folding>,
    /// Values of the group that is being read, for the second copy of them.
    group: PrivateRows,
    /// None once the entries do not follow each other any more.
    following: bool,
    faults: Vec<Fault>,
}

impl Entries {
    /// From a position on.
    pub fn new(sources: &Sources, since: u64, size: u64, mirrored: u64) -> Self {
        let mut faults = Vec::new();
        // Where there are many events, their read models do not fit into memory.
        let folding = match sources.places.as_ref().filter(|_| size > IN_MEMORY) {
            Some(places) => Folding::on_disk(&places.scratch()),
            None => Ok(Folding::default()),
        };
        let folding =
            folding.map_err(|error| faults.push(Fault::new(Code::StoreUnreadable, error.to_string())));
        Self {
            stored: sources.stored.clone(),
            mirror: sources.places.as_ref().map(super::Places::mirror),
            mirrored,
            since,
            next: since,
            chain: Chain::from(since),
            index: IndexCheck::default(),
            private: PrivateCheck::default(),
            folding: folding.ok().filter(|_| since == 0),
            group: PrivateRows::new(),
            following: true,
            faults,
        }
    }

    /// The next entry.
    pub fn entry(&mut self, entry: &[u8]) {
        let at = Position(self.next);
        self.next += 1;
        if !self.following {
            return;
        }
        match self.chain.link(entry) {
            Ok(Linked::Known(mut recorded)) => {
                self.index.entry(&recorded.head, &recorded.envelope);
                let folded = self.folding.as_mut().map(|folding| folding.event(&recorded));
                if let Some(Err(error)) = folded {
                    self.faults.push(Fault::new(Code::RowsDiffer, error.to_string()).at(at));
                    self.folding = None;
                }
                match self.stored.as_ref().map_or(Ok(Vec::new()), |stored| stored.private(at)) {
                    Ok(rows) => {
                        self.private.event(&mut recorded, &rows);
                        self.group.insert(at, rows);
                    }
                    Err(error) => {
                        self.faults.push(Fault::new(Code::PrivateDiffers, error.to_string()).at(at))
                    }
                }
            }
            // Read models and private fields of a newer program are its own business.
            Ok(Linked::Newer(raw)) => {
                self.index.entry(&raw.head, &raw.envelope);
                self.folding = None;
            }
            Err(fault) => {
                self.following = false;
                self.faults.push(fault);
            }
        }
    }

    /// A group of 256 entries is read: the second copy of its private values.
    pub fn group(&mut self, bundle: u64) {
        let mut first = std::mem::take(&mut self.group);
        let Some(mirror) = self.mirror.as_ref().filter(|_| self.following) else { return };
        let fault = match mirror.get(bundle) {
            Ok(second) => {
                first.retain(|at, _| at.0 < self.mirrored || second.contains_key(at));
                self.private.mirror(&first, &second)
            }
            Err(error) => {
                let cause = format!("{}: {error}", mirror.path(bundle).display());
                Some(Fault::new(Code::MirrorDiffers, cause).at(Position(bundle * WIDTH)))
            }
        };
        let known = self.faults.iter().any(|fault| fault.code == Code::MirrorDiffers);
        self.faults.extend(fault.filter(|_| !known));
    }

    /// Reading stopped here.
    pub fn unreadable(&mut self, error: &LogError, at: u64) {
        self.following = false;
        self.faults.push(Fault::new(Code::StoreUnreadable, error.to_string()).at(Position(at)));
    }

    /// What can be said only at the end.
    pub fn finish(self, report: &mut Report, size: u64) {
        report.faults.extend(self.faults);
        let Some(stored) = self.stored.filter(|_| self.following && self.next == size) else { return };
        report.looked("entries in order", self.next - self.since);
        report.looked("streams", self.chain.streams().count() as u64);
        match self.private.finish(stored.as_ref(), size) {
            Ok((values, erased)) => {
                report.looked("private values", values);
                report.looked("erased values", erased);
            }
            Err(fault) => report.faults.push(fault),
        }
        if self.since > 0 {
            return;
        }
        match self.index.finish(&self.chain, stored.as_ref(), size) {
            Ok(rows) => report.looked("rows of the index", rows),
            Err(fault) => report.faults.push(fault),
        }
        match self.folding.map(|folding| rows::compare(folding, stored.as_ref())) {
            Some(Ok(rows)) => report.looked("rows of read models", rows),
            Some(Err(fault)) => report.faults.push(fault),
            None => {}
        }
        if let Err(fault) = found::by_key(stored.as_ref(), SOME) {
            report.faults.push(fault);
        }
    }
}
