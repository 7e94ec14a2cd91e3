//! The guarded open: before anything is served or signed, the store is compared with the signed heads.

use super::checkpoint::TreeHead;
use super::code::{Code, Fault};
use super::frontier::Frontier;
use super::hash::leaf;
use super::heads::{self, Slot};
use super::known::KeyHistory;
use super::partial_tiles::PartialTiles;
use super::places::Places;
use super::publish::CHECKPOINT;
use super::tiles::WIDTH;
use super::verify::chain::{Chain, Linked};
use super::verify::found;
use super::verify::index::IndexCheck;
use super::verify::private::{PrivateCheck, Values};
use super::verify::rows;
use crate::files;
use crate::ids::Position;
use crate::log::upgrade::StreamIndex;
use crate::log::{LogError, StoreCondition, Stored, codec};
use crate::ports::{Entropy, SystemEntropy};
use crate::projection::Folding;

/// A store that is not as it was left is checked entry by entry if it has no more than this many; of a
/// larger one the last bundle and everything above the published tree (the rest: `haloy verify`).
pub const WHOLE_CHECK: u64 = 50_000;

/// What was found, and is good enough to go on with.
pub struct Examined {
    /// What the log says of itself; none if it is empty.
    pub known: Option<KeyHistory>,
    /// The newest signed head, as it was signed, and its file if it is one of the two.
    pub head: Option<(TreeHead, String)>,
    /// The newer one of the two files of heads.
    pub newest: Option<usize>,
    /// The published tree, as far as it can be extended.
    pub tiles: PartialTiles,
    /// The whole tree.
    pub frontier: Frontier,
    /// Faults that are repaired by going on.
    pub repaired: Vec<Fault>,
    /// Why it is read, and not written: its events say that it is newer than this program.
    pub newer: Option<LogError>,
}

/// The files that have signed heads, unchanged. They are read before anything is compared with them.
pub struct HeadFiles {
    slots: [Slot; 2],
    checkpoint: std::io::Result<Option<Vec<u8>>>,
}

impl HeadFiles {
    /// Reads them.
    ///
    /// # Errors
    /// [`LogError::Io`] if a head of the ledger exists and cannot be read. Published files may lie elsewhere,
    /// and a ledger goes on without them.
    pub fn read(places: &Places) -> Result<Self, LogError> {
        let checkpoint = files::read_if_there(&places.published().join(CHECKPOINT));
        Ok(Self { slots: heads::read(places.folder())?, checkpoint })
    }
}

/// A valid head, and where it lies.
struct Signed {
    head: TreeHead,
    note: String,
    slot: Option<usize>,
}

fn unreadable(error: LogError) -> Fault {
    let position = match &error {
        LogError::BadEntry { position, .. } => Some(*position),
        _other => None,
    };
    Fault { code: Code::StoreUnreadable, cause: error.to_string(), position }
}

/// Compares the store with the heads.
///
/// # Errors
/// The fault that it is refused for.
pub fn examine(
    places: &Places,
    heads: HeadFiles,
    stored: &dyn Stored,
    found: StoreCondition,
) -> Result<Examined, Fault> {
    let size = stored.next().map_err(unreadable)?.0;
    // The index and the rows of a newer store are its own business; its entries are not.
    let known = if stored.newer().is_some() { KeyHistory::scan(stored) } else { KeyHistory::read(stored) };
    let known = known.map_err(unreadable)?;
    let Some(known) = known else { return nothing_yet(&heads, size) };
    let mut repaired = Vec::new();
    let signed = signed_heads(places, heads, &known, size, &mut repaired)?;
    let best = signed.iter().max_by_key(|signed| signed.head.size);
    if let Some(best) = best
        && size < best.head.size
    {
        let cause = format!("it has {size} entries, and {} were signed", best.head.size);
        return Err(Fault::new(Code::LogShorter, cause).at(Position(size)));
    }
    let published = signed.iter().find(|signed| signed.slot.is_none());
    let tiles = published_tiles(places, published.map(|signed| &signed.head), &mut repaired);
    let mut newer = known.newer();
    let frontier = match found {
        StoreCondition::Modified if size <= WHOLE_CHECK && stored.newer().is_none() => {
            whole(stored, size, &signed, &mut newer)?
        }
        StoreCondition::Modified | StoreCondition::CleanShutdown | StoreCondition::Absent => {
            tail(stored, size, &tiles, &signed, &mut newer)?
        }
    };
    let newest = signed.iter().filter(|signed| signed.slot.is_some()).max_by_key(|signed| signed.head.size);
    Ok(Examined {
        newest: newest.and_then(|signed| signed.slot),
        head: best.map(|best| (best.head.clone(), best.note.clone())),
        known: Some(known),
        tiles,
        frontier,
        repaired,
        newer,
    })
}

fn nothing_yet(heads: &HeadFiles, size: u64) -> Result<Examined, Fault> {
    if size > 0 {
        let cause = "the events of the ledger itself cannot be found";
        return Err(Fault::new(Code::IndexDiffers, cause).at(Position(0)));
    }
    let head = heads.slots.iter().any(|slot| !matches!(slot, Slot::Missing | Slot::Empty));
    if head || matches!(heads.checkpoint, Ok(Some(_))) {
        return Err(Fault::new(Code::LogShorter, "it has no entries, and some were signed").at(Position(0)));
    }
    if let Err(error) = &heads.checkpoint {
        // There may have been a log: a new one does not take its place.
        return Err(Fault::new(Code::CheckpointDamaged, format!("it cannot be read: {error}")));
    }
    let (tiles, frontier) = (PartialTiles::default(), Frontier::default());
    Ok(Examined { known: None, head: None, newest: None, tiles, frontier, repaired: Vec::new(), newer: None })
}

/// Every valid head: of both files, and the published one.
fn signed_heads(
    places: &Places,
    heads: HeadFiles,
    known: &KeyHistory,
    size: u64,
    repaired: &mut Vec<Fault>,
) -> Result<Vec<Signed>, Fault> {
    let mut signed: Vec<Signed> = Vec::new();
    let HeadFiles { slots, checkpoint } = heads;
    let any = slots.iter().any(|slot| !matches!(slot, Slot::Missing));
    for (slot, name) in
        slots.into_iter().zip(heads::NAMES).enumerate().map(|(at, (slot, name))| ((at, slot), name))
    {
        let (at, slot) = slot;
        match slot {
            Slot::Note(bytes) => match counts(&bytes, known) {
                Ok((head, note)) => signed.push(Signed { head, note, slot: Some(at) }),
                Err(cause) => repaired.push(Fault::new(Code::HeadDamaged, format!("{name}: {cause}"))),
            },
            Slot::Damaged => {
                repaired.push(Fault::new(Code::HeadDamaged, format!("{name} is not as it was written")))
            }
            Slot::Missing if any => {
                repaired.push(Fault::new(Code::HeadDamaged, format!("{name} is missing")))
            }
            Slot::Missing | Slot::Empty => {}
        }
    }
    match checkpoint {
        Ok(Some(bytes)) => match counts(&bytes, known) {
            Ok((head, note)) => signed.push(Signed { head, note, slot: None }),
            Err(cause) => repaired.push(Fault::new(Code::CheckpointDamaged, cause)),
        },
        Ok(None) if size > 0 && places.published().join("tile").exists() => {
            repaired.push(Fault::new(Code::CheckpointDamaged, "the published checkpoint is missing"));
        }
        Err(error) if size > 0 => {
            let cause = format!("the published checkpoint cannot be read: {error}");
            repaired.push(Fault::new(Code::CheckpointDamaged, cause));
        }
        Ok(None) | Err(_) => {}
    }
    // Only a ledger older than heads may have none, or one whose first head was never written.
    let begun = known.only_begun(size) && repaired.is_empty();
    if signed.iter().all(|signed| signed.slot.is_none()) && !begun {
        let why =
            repaired.first().map_or("both files are empty or gone".to_owned(), |fault| fault.cause.clone());
        return Err(Fault::new(Code::HeadMissing, format!("no signed head is valid: {why}")));
    }
    for one in &signed {
        let fork =
            signed.iter().find(|other| other.head.size == one.head.size && other.head.root != one.head.root);
        if let Some(other) = fork {
            let cause = format!("two heads were signed: {} and {}", one.head, other.head);
            return Err(Fault::new(Code::Fork, cause));
        }
    }
    Ok(signed)
}

/// A head that a key of the log signed, for this log.
fn counts(bytes: &[u8], known: &KeyHistory) -> Result<(TreeHead, String), String> {
    let note = String::from_utf8(bytes.to_vec()).map_err(|_| "it is not text".to_owned())?;
    let all: Vec<_> = known.signing.iter().map(|key| key.verifier.clone()).collect();
    let head = TreeHead::verified(bytes, &all).map_err(|error| error.to_string())?;
    if head.origin != known.origin {
        return Err(format!("it is of {}, not of {}", head.origin, known.origin));
    }
    TreeHead::verified(bytes, &known.counting(head.size))
        .map_err(|_| "its key was retired before".to_owned())?;
    Ok((head, note))
}

/// The published tree, if its right edge has the root of its checkpoint; otherwise it is rebuilt.
fn published_tiles(places: &Places, head: Option<&TreeHead>, repaired: &mut Vec<Fault>) -> PartialTiles {
    let Some(head) = head else { return PartialTiles::default() };
    let tiles = PartialTiles::load(places.published(), head.size);
    match tiles.filter(|tiles| tiles.frontier().root() == head.root) {
        Some(tiles) => tiles,
        None => {
            let cause = "the tiles at the right edge do not make the root of the checkpoint";
            repaired.push(Fault::new(Code::TileDiffers, cause));
            PartialTiles::default()
        }
    }
}

/// Checks that the tree, when it has the size of a head, has the root of that head.
fn compare(frontier: &Frontier, signed: &[Signed]) -> Result<(), Fault> {
    let here = signed.iter().filter(|signed| signed.head.size == frontier.size());
    let root = || frontier.root();
    for Signed { head, .. } in here {
        if root() != head.root {
            let cause = format!(
                "the first {} entries have root {}, and {head} was signed",
                head.size,
                hex::encode(root())
            );
            return Err(Fault::new(Code::RootDiffers, cause));
        }
    }
    Ok(())
}

/// The last bundle of what is published, and everything above it.
fn tail(
    stored: &dyn Stored,
    size: u64,
    tiles: &PartialTiles,
    signed: &[Signed],
    newer: &mut Option<LogError>,
) -> Result<Frontier, Fault> {
    let mut frontier = tiles.frontier();
    let mut at = tiles.size() - tiles.size() % WIDTH;
    let mut leaves = tiles.last_leaves().iter();
    let (mut fault, mut broken) = (None, compare(&frontier, signed).err());
    let read = stored.entries(Position(at), usize::MAX, &mut |entry| {
        let leaf = leaf(entry);
        *newer = newer.take().or_else(|| codec::newer(entry));
        match leaves.next() {
            Some(published) if *published != leaf => {
                let cause = format!("the entry at {at} is not the one that was published");
                fault = fault.take().or(Some(Fault::new(Code::RootDiffers, cause).at(Position(at))));
            }
            Some(_) => {}
            None => {
                frontier.push(leaf);
                broken = broken.take().or_else(|| compare(&frontier, signed).err());
            }
        }
        at += 1;
        Ok(())
    });
    read.map_err(unreadable)?;
    if at < size || frontier.size() != size {
        return Err(
            Fault::new(Code::StoreUnreadable, format!("the entry at {at} is missing")).at(Position(at))
        );
    }
    fault.or(broken).map_or(Ok(frontier), Err)
}

/// Everything: entries, their private values, what finds them, and what is computed from them.
fn whole(
    stored: &dyn Stored,
    size: u64,
    signed: &[Signed],
    newer: &mut Option<LogError>,
) -> Result<Frontier, Fault> {
    let mut frontier = Frontier::default();
    let entropy: &dyn Entropy = &SystemEntropy;
    let streams = StreamIndex::read(stored).map_err(unreadable)?;
    let (mut chain, mut index) = (Chain::default(), IndexCheck::new(streams, entropy.salt()));
    let (mut private, mut values) = (PrivateCheck::default(), Values::default());
    let mut folding = Some(Folding::in_memory(rows::as_stored(stored).map_err(unreadable)?));
    let mut fault = None;
    let read = stored.entries(Position(0), usize::MAX, &mut |entry| {
        if fault.is_some() {
            return Ok(());
        }
        frontier.push(leaf(entry));
        let linked = compare(&frontier, signed).and_then(|()| chain.link(entry));
        match linked {
            Ok(Linked::Known(mut recorded)) => {
                index.entry(&recorded.head, &recorded.envelope);
                let values = values.of(stored, recorded.head.position)?;
                private.event(&mut recorded, &values);
                if let Some(fold) = &mut folding {
                    fold.event(*recorded)?;
                }
            }
            // Read models of a newer program are its own business.
            Ok(Linked::Newer(raw)) => {
                index.entry(&raw.head, &raw.envelope);
                *newer = newer.take().or_else(|| codec::newer(entry));
                folding = None;
            }
            Err(found) => fault = Some(found),
        }
        Ok(())
    });
    read.map_err(unreadable)?;
    if let Some(fault) = fault {
        return Err(fault);
    }
    if frontier.size() != size {
        let at = Position(frontier.size());
        return Err(Fault::new(Code::StoreUnreadable, format!("the entry at {at} is missing")).at(at));
    }
    // Private values that should be erased and still exist are left to the erasure.
    private.there(stored, size)?;
    index.finish(&chain, stored, size)?;
    if let Some(folding) = folding {
        rows::compare(folding, stored)?;
    }
    found::by_key(stored, 1)?;
    Ok(frontier)
}
