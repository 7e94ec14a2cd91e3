//! Judges a ledger after a fault. It knows what was there before, byte by byte, and compares that with what
//! haloy returns now.

use super::world::World;
use haloy_ledger::event::{AnyEvent, LedgerEvent};
use haloy_ledger::ids::{Position, Revision, StreamId};
use haloy_ledger::integrity::verify::{Asked, Report};
use haloy_ledger::ledger::Evidence;
use haloy_ledger::log::{AppendError, IdempotencyKey, LogError, Recorded};
use haloy_ledger::private::PrivateRow;
use haloy_ledger::release::Fingerprint;
use haloy_ledger::{CommandContext, Ledger, OpenError};
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

/// Everything that was there.
#[derive(Debug, Clone)]
pub struct Before {
    /// The exact bytes of every entry.
    pub entries: Vec<Vec<u8>>,
    rows: Rows,
    private: Vec<Vec<PrivateRow>>,
    streams: Vec<(StreamId, Vec<Position>)>,
    keys: BTreeSet<String>,
    vault: BTreeMap<String, Option<String>>,
    /// Rows that change when a repair is recorded, as a ledger showed on which nothing else happened.
    may_change: BTreeSet<Vec<u8>>,
}

/// Result of a trial.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Everything is as it was.
    Same,
    /// Everything is as it was, and a file that was damaged is whole again.
    Mended,
    /// Everything is as it was, and an event says what was repaired.
    Recorded,
    /// The ledger opens and everything is as it was; a check names the damaged copy.
    Verify(String),
    /// The ledger is not opened, or not written, or a value is not returned: with this code.
    Refused(String),
    /// The ledger opens, and a read reports that something cannot be read.
    Unreadable(String),
    /// The ledger is not opened, for a reason without a code.
    Unnamed(String),
    /// The content has changed, and no error says so.
    Silent(String),
    /// Something panicked.
    Panicked(String),
}

impl Outcome {
    /// Whether this may be.
    pub fn allowed(&self) -> bool {
        match self {
            Self::Same | Self::Mended | Self::Recorded | Self::Verify(_) | Self::Refused(_) => true,
            Self::Unreadable(_) | Self::Unnamed(_) | Self::Silent(_) | Self::Panicked(_) => false,
        }
    }
}

/// Checks of a trial, beside opening.
#[derive(Debug, Clone, Copy, Default)]
pub struct Also<'a> {
    /// A check runs before anything opens it.
    pub verify_first: bool,
    /// Open again, append, and open once more.
    pub again: bool,
    /// Recover what is refused; it must then be what it was.
    pub recover: bool,
    /// The damaged file, where it is a copy that opening may pass over, and its present content.
    pub copy: Option<(&'a Path, &'a [u8])>,
}

impl Before {
    /// Notes everything of a ledger that is well.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn of(ledger: &Ledger, world: &World) -> Result<Self, LogError> {
        let all = ledger.log().read_all(Position(0), usize::MAX)?;
        let mut streams: BTreeMap<String, (StreamId, Vec<Position>)> = BTreeMap::new();
        for event in &all {
            let stream = &event.envelope.stream;
            let known = streams.entry(stream.to_string()).or_insert_with(|| (stream.clone(), Vec::new()));
            known.1.push(event.head.position);
        }
        let vault = std::fs::read_dir(world.ledger().join("vault")).into_iter().flatten().flatten();
        let names = vault.map(|file| file.file_name().to_string_lossy().into_owned());
        let values = names.map(|name| {
            let value = ledger.vault().get(&Fingerprint(name.clone())).unwrap_or_default();
            (name, value)
        });
        Ok(Self {
            entries: ledger.log().read_entries(Position(0), usize::MAX)?,
            rows: rows(ledger)?,
            private: private(ledger, all.len())?,
            streams: streams.into_values().collect(),
            keys: all.iter().filter_map(key).collect(),
            vault: values.collect(),
            may_change: BTreeSet::new(),
        })
    }

    /// Learns which rows change when a repair is recorded, from a ledger where only that happened.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn learn(&mut self, recorded: &Ledger) -> Result<(), LogError> {
        let now = rows(recorded)?;
        let differs = |key: &&Vec<u8>| self.rows.get(*key) != now.get(*key);
        let changed = self.rows.keys().chain(now.keys()).filter(differs).cloned();
        self.may_change.extend(changed.collect::<Vec<_>>());
        Ok(())
    }

    /// Opens the ledger, and returns the result.
    pub fn judge(&self, world: &World, also: Also<'_>) -> Outcome {
        let judged = catch_unwind(AssertUnwindSafe(|| self.unguarded(world, also)));
        judged.unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            Outcome::Panicked(text.unwrap_or_default())
        })
    }

    fn unguarded(&self, world: &World, also: Also<'_>) -> Outcome {
        let named = if also.verify_first { verify(world, &Asked::default()).err() } else { None };
        let first = self.opened(world);
        if let (Outcome::Refused(code), true) = (&first, also.recover) {
            return self.recovered(world, code);
        }
        if !matches!(first, Outcome::Same | Outcome::Recorded) {
            return first;
        }
        if also.again
            && let Some(later) = self.later(world)
        {
            return Outcome::Silent(format!("{first:?}, and later {later:?}"));
        }
        let Some((path, bytes)) = also.copy.filter(|_| first == Outcome::Same) else { return first };
        let later = || verify(world, &Asked::default()).err();
        match named.or_else(later) {
            Some(fault) => Outcome::Verify(fault),
            None if std::fs::read(path).map_or(true, |now| now != bytes) => Outcome::Mended,
            None => Outcome::Silent("a damaged copy, and neither opening nor verify says so".to_owned()),
        }
    }

    /// Recovery brings everything back, or says by name why it does not; and then a check finds nothing.
    pub fn recovered(&self, world: &World, refused: &str) -> Outcome {
        let context = CommandContext::system("faults", "recovery");
        if let Err(error) = Ledger::recover(world.options(), &context) {
            return match refusal(&error) {
                Outcome::Refused(why) => Outcome::Refused(format!("{refused}, not recovered: {why}")),
                other => other,
            };
        }
        match self.opened(world) {
            Outcome::Same | Outcome::Recorded => {}
            Outcome::Refused(code) => return Outcome::Refused(format!("{refused}, recovered: {code}")),
            other => return Outcome::Silent(format!("{refused}, recovered, and then {other:?}")),
        }
        match verify(world, &Asked::default()) {
            Ok(_) => Outcome::Refused(format!("{refused}, recovered")),
            Err(fault) => Outcome::Silent(format!("{refused}, recovered, and verify names {fault}")),
        }
    }

    /// Goes on: appends something (that a head was lost), and checks that all is still there.
    fn later(&self, world: &World) -> Option<Outcome> {
        drop(std::fs::remove_file(world.ledger().join("head.a")));
        let all = [self.opened(world), self.opened(world)];
        all.into_iter().find(|later| *later != Outcome::Recorded)
    }

    fn opened(&self, world: &World) -> Outcome {
        let ledger = match Ledger::open(world.options()) {
            Ok(ledger) => ledger,
            Err(error) => return refusal(&error),
        };
        let found = match self.compare(&ledger) {
            Ok(found) => found,
            Err(error) => return Outcome::Unreadable(error.to_string()),
        };
        match (found, ledger.frozen()) {
            (Outcome::Same, Some((code, _))) => Outcome::Refused(code.to_owned()),
            (found, _) => found,
        }
    }

    /// Present content, against the previous one.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn compare(&self, ledger: &Ledger) -> Result<Outcome, LogError> {
        let silent = |what: String| Ok(Outcome::Silent(what));
        let entries = ledger.log().read_entries(Position(0), usize::MAX)?;
        if !entries.starts_with(&self.entries) {
            let same = entries.iter().zip(&self.entries).take_while(|(now, before)| now == before).count();
            let (now, before) = (entries.len(), self.entries.len());
            return silent(format!("{now} entries, {before} before, the first {same} are the same"));
        }
        let new = ledger.log().read_all(Position(self.entries.len() as u64), usize::MAX)?;
        if let Some(other) =
            new.iter().find(|event| !matches!(event.event, AnyEvent::Ledger(LedgerEvent::Recovered(_))))
        {
            return silent(format!("{} was added", other.event.name()));
        }
        if let Some(what) = self.different_rows(ledger, new.is_empty())? {
            return silent(what);
        }
        for (stream, positions) in &self.streams {
            let now = ledger.log().read_stream(stream, Revision(0), positions.len())?;
            if !now.iter().map(|event| event.head.position).eq(positions.iter().copied()) {
                return silent(format!("stream {stream} has other entries"));
            }
        }
        for key in &self.keys {
            let once = IdempotencyKey { key: key.clone(), command_digest: [0; 32] };
            match ledger.log().find_key(&once) {
                // In a rebuilt store a key is known without the command that it was used for.
                Err(AppendError::KeyReused { .. }) | Ok(Some(_)) => {}
                Err(AppendError::Log(error)) => return Err(error),
                Ok(None) | Err(_) => return silent(format!("the idempotency key {key} is not known")),
            }
        }
        if private(ledger, self.entries.len())? != self.private {
            return silent("private values are others".to_owned());
        }
        for (name, value) in &self.vault {
            match ledger.vault().get(&Fingerprint(name.clone())) {
                Ok(now) if now == *value => {}
                Ok(_) => return silent(format!("the value {name} of the vault is another")),
                Err(_) => return Ok(Outcome::Refused("vault-damaged".to_owned())),
            }
        }
        Ok(if new.is_empty() { Outcome::Same } else { Outcome::Recorded })
    }

    fn different_rows(&self, ledger: &Ledger, exactly: bool) -> Result<Option<String>, LogError> {
        let now = rows(ledger)?;
        let keys: BTreeSet<&Vec<u8>> = self.rows.keys().chain(now.keys()).collect();
        let differs = |key: &&&Vec<u8>| self.rows.get(**key) != now.get(**key);
        let mut bad = keys.iter().filter(differs).filter(|key| exactly || !self.may_change.contains(**key));
        if let Some(key) = bad.next() {
            return Ok(Some(format!("the row {key:02x?} is another, and {} more", bad.count())));
        }
        if exactly {
            return Ok(None);
        }
        let report = ledger.replay(&mut |_| {})?;
        Ok(report.differences.first().map(|found| format!("a row of {} differs", found.projection)))
    }
}

/// Runs the independent check; the name of its first fault, if it finds one.
///
/// # Errors
/// The name of the fault.
pub fn verify(world: &World, asked: &Asked) -> Result<Report, String> {
    let evidence = Evidence::open(&world.options()).map_err(|error| match refusal(&error) {
        Outcome::Refused(code) => code,
        other => format!("{other:?}"),
    })?;
    let report = evidence.verify(asked, &mut |_, _| {});
    match report.faults.first() {
        Some(fault) => Err(fault.code.name().to_owned()),
        None => Ok(report),
    }
}

/// What a refusal is called.
pub fn refusal(error: &OpenError) -> Outcome {
    match error {
        OpenError::Refused(fault) => Outcome::Refused(fault.code.name().to_owned()),
        OpenError::Keys(error) => {
            let debug = format!("{error:?}");
            Outcome::Refused(format!("keys: {}", debug.split(' ').next().unwrap_or_default()))
        }
        _without_a_name => Outcome::Unnamed(format!("{error:?}")),
    }
}

/// A row by scanning, and the same by asking for it.
fn rows(ledger: &Ledger) -> Result<Rows, LogError> {
    let mut found = Rows::new();
    let mut result = Ok(());
    ledger.log().read_rows(&mut |rows| {
        result = rows.scan(&[], false, None, &mut |key, value| {
            found.insert(key.to_vec(), value.to_vec());
            true
        });
        for (key, value) in &mut found {
            match rows.get(key) {
                Ok(Some(asked)) if asked == *value => {}
                Ok(_) => value.extend_from_slice(b"another when asked for"),
                Err(error) => result = Err(error),
            }
        }
    })?;
    result.map(|()| found).map_err(LogError::from)
}

fn private(ledger: &Ledger, entries: usize) -> Result<Vec<Vec<PrivateRow>>, LogError> {
    (0..entries as u64).map(|at| ledger.log().read_private(Position(at))).collect()
}

fn key(event: &Recorded) -> Option<String> {
    let StreamId::Target(target) = &event.envelope.stream else { return None };
    event.envelope.idem.as_ref().map(|key| format!("{target}/{key}"))
}
