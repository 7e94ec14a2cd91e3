//! Opening a ledger: keys, log, projections that are behind, the first event.

use super::CommandContext;
use crate::deployment::event::LedgerCreated;
use crate::ids::{LedgerId, Position, StreamId};
use crate::log::*;
use crate::ports::{Clock, Entropy, SystemClock, SystemEntropy};
use crate::projection::{CATCH_UP_EVENTS, Projections};
use crate::secrets::{Fingerprinter, Keys, KeysError, Vault};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// What a ledger is opened with.
pub struct LedgerOptions {
    /// Folder of the ledger: `log/` and `vault/` lie in it.
    pub folder: PathBuf,
    /// Folder of the keys, outside of it.
    pub keys: PathBuf,
    /// Where time comes from.
    pub clock: Arc<dyn Clock>,
    /// Where randomness comes from.
    pub entropy: Arc<dyn Entropy>,
    /// What is known and wanted about the clock.
    pub clock_policy: ClockPolicy,
    /// Program and version, as recorded.
    pub tool: String,
}

impl LedgerOptions {
    /// With the clock and the randomness of this machine.
    pub fn new(folder: PathBuf, keys: PathBuf, tool: impl Into<String>) -> Self {
        Self {
            folder,
            keys,
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            clock_policy: ClockPolicy::default(),
            tool: tool.into(),
        }
    }
}

/// Why a ledger cannot be opened.
#[derive(Debug, Clone, thiserror::Error)]
pub enum OpenError {
    /// The keys.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The first event could not be written.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// Event 0 is not what every ledger starts with.
    #[error("the log does not start with LedgerCreated: this is not a ledger of haloy")]
    NotALedger,
}

/// A ledger: the log, its read models and its secrets.
pub struct Ledger {
    pub(super) log: Arc<dyn EventLog>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) fingerprints: Fingerprinter,
    pub(super) vault: Vault,
    pub(super) id: LedgerId,
    pub(super) newer_format: Option<u32>,
}

/// The parts of a ledger, for one that is not on disk.
pub struct Parts {
    /// The log; its projections must be those of [`Projections::default`].
    pub log: Arc<dyn EventLog>,
    /// Where time comes from.
    pub clock: Arc<dyn Clock>,
    /// Where randomness comes from.
    pub entropy: Arc<dyn Entropy>,
    /// Keys.
    pub keys: Keys,
    /// Folder of the vault.
    pub vault: PathBuf,
    /// Program and version, as recorded.
    pub tool: String,
}

impl Ledger {
    /// Opens the ledger in a folder, creating it where there is none.
    pub fn open(options: LedgerOptions) -> Result<Self, OpenError> {
        let keys = Keys::open(&options.keys, options.entropy.as_ref())?;
        let log = FjallLog::open(FjallOptions {
            folder: options.folder.join("log"),
            clock: Arc::clone(&options.clock),
            policy: options.clock_policy,
            in_batch: Box::new(Projections::default()),
            seal: Box::new(Unsealed),
        })?;
        let newer_format = log.newer_format();
        let mut ledger = Self::with(Parts {
            log: Arc::new(log),
            clock: options.clock,
            entropy: options.entropy,
            keys,
            vault: options.folder.join("vault"),
            tool: options.tool,
        })?;
        ledger.newer_format = newer_format;
        Ok(ledger)
    }

    /// A ledger made of parts: for simulation, and for tests.
    pub fn with(parts: Parts) -> Result<Self, OpenError> {
        let Parts { log, clock, entropy, keys, vault, tool } = parts;
        let fingerprints = Fingerprinter::new(&keys);
        if log.head().next == Position(0) {
            create(log.as_ref(), clock.as_ref(), entropy.as_ref(), &keys, &tool)?;
        }
        let first = log.read_all(Position(0), 1)?;
        let Some(crate::deployment::Event::LedgerCreated(created)) = first.first().map(|first| &first.event)
        else {
            return Err(OpenError::NotALedger);
        };
        let id = created.ledger_id;
        catch_up(log.as_ref())?;
        let vault = Vault::new(vault, &keys);
        Ok(Self { log, clock, entropy, fingerprints, vault, id, newer_format: None })
    }

    /// Id of this ledger; containers carry it in their labels.
    pub fn id(&self) -> LedgerId {
        self.id
    }

    /// Format of the store, if it is newer than this program: then it is read and never written.
    pub fn newer_format(&self) -> Option<u32> {
        self.newer_format
    }

    /// Makes fingerprints of secrets.
    pub fn fingerprints(&self) -> &Fingerprinter {
        &self.fingerprints
    }

    /// Secret values of live and restorable releases.
    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    /// Where the ledger's randomness comes from.
    pub fn entropy(&self) -> &dyn Entropy {
        self.entropy.as_ref()
    }

    /// The log itself.
    pub fn log(&self) -> &dyn EventLog {
        self.log.as_ref()
    }
}

fn create(
    log: &dyn EventLog,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
    keys: &Keys,
    tool: &str,
) -> Result<(), AppendError> {
    let now = clock.now();
    let ledger_id = LedgerId::from_parts(now.unix_ms(), entropy.ulid_bits());
    let created = LedgerCreated {
        ledger_id,
        origin: format!("haloy/{ledger_id}"),
        format: FORMAT,
        key_ids: keys.ids(),
    };
    let context = CommandContext::system(tool, ledger_id.to_string());
    let envelope = context.envelope(&StreamId::Ledger, now, entropy, &Fingerprinter::new(keys));
    let events = vec![NewEvent::seal(envelope, created.into(), || entropy.salt())];
    let write = StreamWrite { stream: StreamId::Ledger, expected: Expected::NoStream, events };
    log.append(vec![write], None, Stage::Sealed).map(drop)
}

/// Builds projections that are new or of a changed version, beside the old ones. Resumable: rows
/// and checkpoint are written together.
fn catch_up(log: &dyn EventLog) -> Result<(), LogError> {
    let next = log.head().next;
    let mut behind = Ok(Vec::new());
    log.read_rows(&mut |rows| behind = Projections::default().behind(rows, next))?;
    let behind = behind.map_err(|error| LogError::Store(error.to_string()))?;
    for projection in behind {
        let mut fold = Projections::default().keep(projection.id);
        let mut from = projection.from;
        while from < next {
            let events = log.read_all(from, CATCH_UP_EVENTS)?;
            let Some(last) = events.last() else { break };
            from = last.head.position.next();
            let written = fold_rows(log, &mut fold, &events)?;
            log.put_rows(written)?;
        }
    }
    Ok(())
}

type Writes = Vec<(Vec<u8>, Option<Vec<u8>>)>;

fn fold_rows(log: &dyn EventLog, fold: &mut Projections, events: &[Recorded]) -> Result<Writes, LogError> {
    let mut result = Ok(Vec::new());
    log.read_rows(&mut |rows| {
        let mut writes = BTreeMap::new();
        let mut overlay = Overlay::new(rows, &mut writes);
        let folded = events.iter().try_for_each(|event| fold.apply(event, &mut overlay));
        result = folded.and_then(|()| fold.finish(&mut overlay)).map(|()| writes.into_iter().collect());
    })?;
    result
}
