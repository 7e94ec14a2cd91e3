//! The independent check: it re-derives everything, and believes nothing but the codec and the hash.
//!
//! One pass over the log: [`copies`] hashes the three copies on threads of their own, while [`entries`]
//! checks what the entries say. [`signed`] reads the heads, [`report`] is the answer.

pub mod chain;
pub mod copies;
pub mod entries;
pub mod found;
pub mod index;
mod judge;
mod leftovers;
pub mod private;
pub mod published;
pub mod report;
pub mod rows;
pub mod signed;
mod sources;
pub mod tree;

use super::code::{Code, Fault};
use super::known::KeyHistory;
use super::places::Places;
use super::tiles::{self, WIDTH};
use crate::ids::Position;
use crate::log::{LogError, Stored};
use copies::{Copies, Group, Hashed, HashedGroup};
use entries::Entries;
use published::Published;
pub use report::{Against, Looked, Report};
use signed::Believed;
pub use sources::Sources;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// What to verify.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// Entries below this position are trusted to match their published hashes.
    pub since: u64,
    /// A head that was kept elsewhere: the bytes of a checkpoint.
    pub against: Option<Vec<u8>>,
}

/// Groups that wait to be hashed, on each thread.
const AHEAD: usize = 16;
/// Most threads that hash.
const HASHING: usize = 4;

/// Checks everything. `progress` receives how many entries of how many are done.
pub fn verify(sources: &Sources, asked: &Asked, progress: &mut dyn FnMut(u64, u64)) -> Report {
    let mut faults = sources.faults.clone();
    let (heads, bad) = sources
        .heads
        .clone()
        .unwrap_or_else(|| signed::all(sources.places.as_ref().map(Places::folder), &sources.published));
    faults.extend(bad);
    let size = stored_size(sources, &mut faults);
    let checkpoint = heads.iter().find(|head| head.place == super::publish::CHECKPOINT);
    let published = checkpoint.map(|head| Published::new(&sources.published, head.head.size));
    let believed = believed(sources, published.as_ref(), &mut faults);
    let against = asked.against.clone().map(|note| signed::read("the kept head", note));
    let mut wanted: Vec<u64> = heads.iter().map(|head| head.head.size).chain([size]).collect();
    wanted.extend(against.iter().flatten().map(|head| head.head.size));
    let since = asked.since.min(size) / WIDTH * WIDTH;
    let total = size.max(published.as_ref().map_or(0, Published::size));
    let mirrored = published.as_ref().map_or(0, Published::size);
    let mut entries = Entries::new(sources, since, size, mirrored);
    let copies = Copies::new(published.as_ref(), &wanted);
    let hashed = pass(sources, copies, published.as_ref(), &mut entries, (since, size, total), progress);
    let mut report = Report {
        origin: heads.first().map(|head| head.head.origin.clone()),
        entries: total.min(if sources.stored.is_some() { size } else { total }),
        root: String::new(),
        proved: 0,
        since,
        signed_by: Vec::new(),
        looked_at: Vec::new(),
        faults,
        against: None,
        bytes: hashed.bytes,
        newer: sources.stored.as_ref().and_then(|stored| stored.newer()).map(ToString::to_string),
    };
    judge::judge(&mut report, &hashed, &heads, &believed, size, sources);
    if let Some(against) = against {
        judge::against(&mut report, &hashed, against, &believed, size.max(total));
    }
    entries.finish(&mut report, size);
    leftovers::look(&sources.published, &mut report.faults);
    report.faults.sort_by_key(|fault| (fault.position.is_none(), fault.position));
    report.faults.dedup();
    report
}

fn stored_size(sources: &Sources, faults: &mut Vec<Fault>) -> u64 {
    let Some(stored) = &sources.stored else { return 0 };
    match stored.next() {
        Ok(next) => next.0,
        Err(error) => {
            faults.push(Fault::new(Code::StoreUnreadable, error.to_string()));
            0
        }
    }
}

pub(crate) fn believed(
    sources: &Sources,
    published: Option<&Published>,
    faults: &mut Vec<Fault>,
) -> Believed {
    if !sources.keys.is_empty() {
        return Believed::Keys(sources.keys.clone());
    }
    let known = sources.stored.as_deref().map(|stored| match stored.newer() {
        Some(_) => KeyHistory::scan(stored),
        None => KeyHistory::read(stored),
    });
    match known {
        Some(Ok(Some(known))) => return Believed::Log(known),
        Some(Err(error)) => faults.push(Fault::new(Code::StoreUnreadable, error.to_string())),
        Some(Ok(None)) | None => {}
    }
    published.and_then(known_from).map_or(Believed::Nobody, Believed::Log)
}

/// Keys of a published log.
pub(crate) fn known_from(published: &Published) -> Option<KeyHistory> {
    let mut known = None;
    for index in 0..published.size().div_ceil(WIDTH) {
        let Ok((bytes, width)) = published.bundle(index) else {
            // The size is that of a checkpoint which nothing is believed of yet.
            if published.has(index) { continue } else { break }
        };
        for entry in tiles::decode_bundle(&bytes, width).unwrap_or_default() {
            KeyHistory::fold_entry(&mut known, entry);
        }
    }
    known
}

/// Hands groups to the threads that hash them, in turn.
struct Groups {
    threads: Vec<SyncSender<Group>>,
    turn: usize,
}

impl Groups {
    fn send(&mut self, group: Group) {
        // Sending fails only if a thread panicked, which comes up when the threads are joined.
        drop(self.threads[self.turn % self.threads.len()].send(group));
        self.turn += 1;
    }
}

/// Reads the store once, in order, and has every group hashed beside.
fn pass(
    sources: &Sources,
    mut copies: Copies<'_>,
    published: Option<&Published>,
    entries: &mut Entries,
    (since, size, total): (u64, u64, u64),
    progress: &mut dyn FnMut(u64, u64),
) -> Hashed {
    std::thread::scope(|scope| {
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(HASHING);
        let (threads, hashed): (Vec<_>, Vec<Receiver<HashedGroup>>) = (0..threads)
            .map(|_| {
                let (groups, waiting) = sync_channel::<Group>(AHEAD);
                let (hashed, collected) = sync_channel(AHEAD);
                // The receiver is gone only if the thread that collects has panicked.
                scope
                    .spawn(move || waiting.iter().for_each(|group| drop(hashed.send(group.hash(published)))));
                (groups, collected)
            })
            .unzip();
        let collecting = scope.spawn(move || {
            // In the turn in which they were handed out; the first that is not there is the end.
            let in_turn = (0..hashed.len()).cycle().map_while(|turn| hashed[turn].recv().ok());
            in_turn.for_each(|group| copies.group(group));
            copies.finish()
        });
        let mut groups = Groups { threads, turn: 0 };
        for index in 0..since / WIDTH {
            groups.send(Group { index, stored: None, hashes_only: true });
        }
        let reached = match &sources.stored {
            Some(stored) => read(stored.as_ref(), entries, &mut groups, (since, size, total), progress),
            None => since,
        };
        // Nothing is read beyond what is published, whatever the keys of the store say.
        let published_groups = published.map_or(0, |published| published.size().div_ceil(WIDTH));
        for index in reached.div_ceil(WIDTH)..published_groups {
            groups.send(Group { index, stored: None, hashes_only: false });
            progress((index * WIDTH).min(total), total);
            if published.is_some_and(|published| !published.has(index)) {
                // Both copies end here, and so do their trees: what a forged size names goes on for ever.
                break;
            }
        }
        drop(groups);
        match collecting.join() {
            Ok(hashed) => hashed,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

fn read(
    stored: &dyn Stored,
    entries: &mut Entries,
    groups: &mut Groups,
    (since, size, total): (u64, u64, u64),
    progress: &mut dyn FnMut(u64, u64),
) -> u64 {
    let mut at = since;
    let mut bundle = Vec::new();
    let limit = usize::try_from(size - since).unwrap_or(usize::MAX);
    let done = stored.entries(Position(since), limit, &mut |entry| {
        tiles::push_entry(&mut bundle, entry)
            .map_err(|error| LogError::BadEntry { position: Position(at), cause: error.to_string() })?;
        entries.entry(entry);
        at += 1;
        if at.is_multiple_of(WIDTH) {
            let stored = Some(std::mem::take(&mut bundle));
            groups.send(Group { index: at / WIDTH - 1, stored, hashes_only: false });
            entries.group(at / WIDTH - 1);
            progress(at, total);
        }
        Ok(())
    });
    if !bundle.is_empty() {
        groups.send(Group { index: at / WIDTH, stored: Some(bundle), hashes_only: false });
        entries.group(at / WIDTH);
        progress(at, total);
    }
    if let Err(error) = done {
        entries.unreadable(&error, at);
    }
    at
}
