//! Rebuilds a store from whichever copy of each entry is the signed one.

use super::checkpoint::TreeHead;
use super::code::{Code, Fault};
use super::hash::{Hash, leaf};
use super::mirror::Mirror;
use super::tiles::{self, WIDTH};
use super::verify::chain::{Chain, Linked};
use super::verify::private::commitments;
use super::verify::published::Published;
use super::verify::tree::Tree;
use crate::ids::Position;
use crate::log::{LogError, PrivateRows, Rebuild, Recorded, Stored};
use crate::private::PrivateRow;
use crate::projection::Projections;
use std::collections::BTreeSet;
use std::path::Path;

/// The copies to choose from.
pub struct Copies<'a> {
    /// The store, as far as it can be read.
    pub stored: Option<&'a dyn Stored>,
    /// What was published.
    pub published: Option<&'a Published>,
    /// The second copy of private values.
    pub mirror: &'a Mirror,
    /// Private values to leave out of the new store.
    pub without: &'a BTreeSet<(Position, u32)>,
}

/// What a new store has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rebuilt {
    /// Entries.
    pub entries: u64,
    /// Private values that no copy has.
    pub lost_values: u64,
}

/// Which copy is taken where hashes do not decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Prefer {
    /// The copy whose hash was published, otherwise the store's.
    Hashes,
    /// The store's.
    Stored,
    /// The published one.
    Published,
}

/// Builds a store in `folder`, whose first entries are exactly those of `head`; entries of the store above it
/// are kept as far as they follow.
///
/// # Errors
/// [`Code::RootDiffers`] if no choice of copies has the root that was signed.
pub fn rebuild(folder: &Path, copies: &Copies<'_>, head: &TreeHead) -> Result<Rebuilt, Fault> {
    let mut last = None;
    for prefer in [Prefer::Hashes, Prefer::Stored, Prefer::Published] {
        drop(std::fs::remove_dir_all(folder.parent().unwrap_or(folder)));
        match attempt(folder, copies, head, prefer) {
            Ok(rebuilt) => return Ok(rebuilt),
            Err(fault) => last = last.or(Some(fault)),
        }
    }
    drop(std::fs::remove_dir_all(folder.parent().unwrap_or(folder)));
    Err(last.unwrap_or_else(|| Fault::new(Code::RootDiffers, "there is no copy")))
}

fn unwritable(error: LogError) -> Fault {
    Fault::new(Code::StoreUnreadable, error.to_string())
}

fn attempt(folder: &Path, copies: &Copies<'_>, head: &TreeHead, prefer: Prefer) -> Result<Rebuilt, Fault> {
    let mut new = Rebuild::new(folder, Box::new(Projections::default())).map_err(unwritable)?;
    let mut chain = Chain::default();
    let mut tree = Tree::new(vec![head.size]);
    let mut rebuilt = Rebuilt::default();
    'groups: for index in 0.. {
        let group = Group::read(copies, index);
        for at in index * WIDTH..(index + 1) * WIDTH {
            let Some(entry) = group.entry(at, prefer, head.size) else { break 'groups };
            let linked = match chain.link(entry) {
                // Entries above the head are not signed yet: those that do not follow were torn.
                Err(_) if at >= head.size => break 'groups,
                linked => linked?,
            };
            let rows = match linked {
                Linked::Known(mut recorded) => group.rows(copies, &mut recorded, &mut rebuilt),
                Linked::Newer(_) => group.private.get(&Position(at)).cloned().unwrap_or_default(),
            };
            tree.push(leaf(entry));
            new.push(entry, &rows).map_err(unwritable)?;
            rebuilt.entries += 1;
        }
    }
    if tree.root_at(head.size) != Some(&head.root) {
        let found = tree.root_at(head.size).map_or("none".to_owned(), hex::encode);
        let cause = format!("no copies that are left make the {head} that was signed (they make {found})");
        let mut fault = Fault::new(Code::RootDiffers, cause);
        fault.position = (rebuilt.entries < head.size).then_some(Position(rebuilt.entries));
        return Err(fault);
    }
    new.finish().map_err(unwritable)?;
    Ok(rebuilt)
}

/// 256 entries, from every copy.
struct Group {
    first: u64,
    stored: Vec<Option<Vec<u8>>>,
    published: Vec<Vec<u8>>,
    hashes: Vec<Hash>,
    private: PrivateRows,
    mirrored: PrivateRows,
}

impl Group {
    fn read(copies: &Copies<'_>, index: u64) -> Self {
        let first = index * WIDTH;
        let published = copies.published.filter(|published| first < published.size());
        let bundle = published.and_then(|published| published.bundle(index).ok());
        let entries = bundle.and_then(|(bytes, width)| {
            let entries = tiles::decode_bundle(&bytes, width).ok()?;
            Some(entries.into_iter().map(<[u8]>::to_vec).collect())
        });
        let mut group = Self {
            first,
            stored: Vec::new(),
            published: entries.unwrap_or_default(),
            hashes: published.and_then(|published| published.tile(0, index).ok()).unwrap_or_default(),
            private: PrivateRows::new(),
            // A copy that cannot be read is treated as missing.
            mirrored: copies.mirror.get(index).unwrap_or_default(),
        };
        if let Some(stored) = copies.stored {
            group.read_stored(stored);
        }
        group
    }

    /// The whole group at once; one by one where that fails, so that a gap or a bad block does not hide
    /// what is behind it.
    fn read_stored(&mut self, stored: &dyn Stored) {
        let entries = |from: u64, limit: usize| {
            let mut entries = Vec::new();
            let read = stored.entries(Position(from), limit, &mut |bytes| {
                entries.push(bytes.to_vec());
                Ok(())
            });
            read.map(|()| entries)
        };
        self.stored = match entries(self.first, WIDTH as usize) {
            Ok(whole) => whole.into_iter().map(Some).collect(),
            Err(_) => {
                let one = |at| entries(at, 1).ok().and_then(|mut entries| entries.pop());
                (self.first..self.first + WIDTH).map(one).collect()
            }
        };
        let events = self.first..self.first + self.stored.len() as u64;
        let one = |at| Some((at, stored.private(at).ok()?));
        self.private = match stored.privates(Position(events.start)..Position(events.end)) {
            Ok(rows) => rows,
            Err(_) => events.map(Position).filter_map(one).collect(),
        };
    }

    fn entry(&self, at: u64, prefer: Prefer, signed: u64) -> Option<&[u8]> {
        let index = usize::try_from(at - self.first).ok()?;
        let stored = self.stored.get(index).and_then(Option::as_deref);
        let published = self.published.get(index).map(Vec::as_slice).filter(|_| at < signed);
        let hash = self.hashes.get(index).filter(|_| prefer == Prefer::Hashes && at < signed);
        let by_hash = hash.and_then(|hash| {
            stored.filter(|entry| leaf(entry) == *hash).or(published.filter(|entry| leaf(entry) == *hash))
        });
        by_hash.or(match prefer {
            Prefer::Hashes | Prefer::Stored => stored.or(published),
            Prefer::Published => published.or(stored),
        })
    }

    /// For every value that an event commits to, the copy that is the one.
    fn rows(&self, copies: &Copies<'_>, recorded: &mut Recorded, rebuilt: &mut Rebuilt) -> Vec<PrivateRow> {
        let at = recorded.head.position;
        let mut rows = Vec::new();
        for (field, commitment) in commitments(recorded) {
            if copies.without.contains(&(at, field)) {
                continue;
            }
            let both = [&self.private, &self.mirrored].into_iter().filter_map(|rows| rows.get(&at)).flatten();
            let mut right = both.filter(|row| row.field == field && row.commitment() == commitment);
            match right.next() {
                Some(row) => rows.push(row.clone()),
                None => rebuilt.lost_values += 1,
            }
        }
        rows
    }
}
