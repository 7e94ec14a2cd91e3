//! What the entries of the store say, against each other, against what lies beside them, and against
//! what was computed from them.

use super::chain::{Chain, Linked};
use super::found;
use super::index::IndexCheck;
use super::private::{PrivateCheck, Values};
use super::report::Report;
use super::{Sources, rows};
use crate::ids::Position;
use crate::integrity::code::{Code, Fault};
use crate::integrity::mirror::Mirror;
use crate::integrity::tiles::WIDTH;
use crate::log::upgrade::StreamIndex;
use crate::log::{LogError, Stored};
use crate::ports::{Entropy, SystemEntropy};
use crate::projection::Folding;
use std::sync::Arc;

/// Up to this many events their read models are folded in memory, which is faster.
pub const IN_MEMORY: u64 = 200_000;
/// At least one row in this many is looked up by its key: enough to reach every table.
const SOME: u64 = 64;
/// About this many rows are looked up where there are many: each look-up reads whole blocks.
const ASKED: u64 = 1024;

/// Looks at one entry after the other.
pub struct Entries {
    stored: Option<Arc<dyn Stored>>,
    mirror: Option<Mirror>,
    /// Values of entries below this must have a second copy; those above may have one.
    mirrored: u64,
    /// Where the second copy may go on: others append meanwhile.
    end: Option<u64>,
    since: u64,
    next: u64,
    chain: Chain,
    index: IndexCheck,
    private: PrivateCheck,
    /// None once an event could not be folded, or where the check does not begin at the start.
    folding: Option<Folding>,
    /// Values of the group that is being read, for the second copy.
    values: Values,
    /// False once the entries do not follow each other any more.
    following: bool,
    faults: Vec<Fault>,
}

impl Entries {
    /// From a position on.
    pub fn new(sources: &Sources, since: u64, size: u64, mirrored: u64) -> Self {
        let mut faults = Vec::new();
        let newer = sources.stored.as_ref().is_some_and(|stored| stored.newer().is_some());
        let entropy: &dyn Entropy = &SystemEntropy;
        // Where there are many events, their read models do not fit into memory.
        let large = sources.places.as_ref().filter(|_| size > IN_MEMORY);
        let models = sources.stored.as_deref().map(rows::as_stored).transpose();
        let folding = models.and_then(|models| match (models.unwrap_or_default(), large) {
            (models, Some(places)) => Folding::on_disk(places.scratch(), models),
            (models, None) => Ok(Folding::in_memory(models)),
        });
        let folding =
            folding.map_err(|error| faults.push(Fault::new(Code::StoreUnreadable, error.to_string())));
        // The index of a newer store is its own business.
        let streams = sources.stored.as_deref().filter(|_| !newer).map(StreamIndex::read).transpose();
        let streams = streams.unwrap_or_else(|error| {
            faults.push(Fault::new(Code::StoreUnreadable, error.to_string()));
            None
        });
        let streams = streams.unwrap_or(StreamIndex::Current);
        Self {
            stored: sources.stored.clone(),
            mirror: sources.places.as_ref().map(super::Places::mirror).filter(|_| !newer),
            mirrored,
            end: sources.heads.is_some().then_some(size),
            since,
            next: since,
            chain: Chain::from(since),
            index: IndexCheck::new(streams, entropy.salt()),
            private: PrivateCheck::default(),
            folding: folding.ok().filter(|_| since == 0 && !newer),
            values: Values::default(),
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
                let mine = self.stored.as_ref().filter(|stored| stored.newer().is_none());
                let values = mine.map(|stored| self.values.of(stored.as_ref(), at));
                match values {
                    Some(Ok(rows)) => self.private.event(&mut recorded, &rows),
                    Some(Err(error)) => {
                        self.faults.push(Fault::new(Code::PrivateDiffers, error.to_string()).at(at))
                    }
                    None => {}
                }
                let folded = self.folding.as_mut().map(|folding| folding.event(*recorded));
                if let Some(Err(error)) = folded {
                    self.faults.push(rows::not_folded(&error));
                    self.folding = None;
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
        let Some(mut first) = self.values.take() else { return };
        let Some(mirror) = self.mirror.as_ref().filter(|_| self.following) else { return };
        let fault = match mirror.get(bundle) {
            Ok(mut second) => {
                second.retain(|at, _| self.end.is_none_or(|end| at.0 < end));
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

    /// Adds what is known only at the end.
    pub fn finish(self, report: &mut Report, size: u64) {
        report.faults.extend(self.faults);
        let Some(stored) = self.stored.filter(|_| self.following && self.next == size) else { return };
        report.looked("entries in order", self.next - self.since);
        report.looked("streams", self.chain.streams().count() as u64);
        if stored.newer().is_some() {
            return;
        }
        let whole = self.since == 0;
        let (stored, folding) = (stored.as_ref(), self.folding);
        // Read models take as long as all else together.
        let (beside, models) = std::thread::scope(|scope| {
            let models = scope.spawn(|| folding.map(|folding| rows::compare(folding, stored)));
            let private = self.private.finish(stored, size);
            let index = whole.then(|| self.index.finish(&self.chain, stored, size));
            let found = whole.then(|| found::by_key(stored, SOME.max(size / ASKED)));
            let models = models.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            ((private, index, found), models)
        });
        let (private, index, found) = beside;
        match private {
            Ok((values, erased)) => {
                report.looked("private values", values);
                report.looked("erased values", erased);
            }
            Err(fault) => report.faults.push(fault),
        }
        for (what, checked) in [("rows of the index", index), ("rows of read models", models)] {
            match checked {
                Some(Ok(rows)) => report.looked(what, rows),
                Some(Err(fault)) => report.faults.push(fault),
                None => {}
            }
        }
        report.faults.extend(found.and_then(Result::err));
    }
}
