//! Opening a ledger: keys, log, projections that are behind, the first event.

use super::CommandContext;
use super::erasing;
use super::evidence::newer_in_place;
use super::options::{LedgerOptions, OpenError};
use super::signing::{self, Frozen, KeyMode};
use super::upgrade;
use crate::event::{AnyEvent, LedgerCreated, LedgerEvent};
use crate::files;
use crate::ids::{LedgerId, Position, StreamId};
use crate::integrity::background::Background;
use crate::integrity::code::{Code, Fault};
use crate::integrity::examine::{Examined, HeadFiles, examine};
use crate::integrity::heads::{self, Heads};
use crate::integrity::known::KeyHistory;
use crate::integrity::note::Signer;
use crate::integrity::places::Places;
use crate::integrity::publish::{CHECKPOINT, Publisher};
use crate::integrity::sealer::{Sealer, Signers};
use crate::log::*;
use crate::ports::{Clock, Entropy};
use crate::projection::{Projections, States};
use crate::secrets::{Fingerprinter, Keys, KeysError, Make, Vault};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

/// A ledger: the log, its read models and its secrets.
pub struct Ledger {
    pub(super) log: Arc<dyn EventLog>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) fingerprints: Fingerprinter,
    pub(super) vault: Arc<Vault>,
    pub(super) id: LedgerId,
    pub(super) origin: String,
    pub(super) tool: String,
    pub(super) newer: Option<LogError>,
    /// States that the writer has decoded.
    pub(super) states: Arc<States>,
    pub(super) frozen: Frozen,
    /// Where its parts lie; none for a log in memory.
    pub(super) places: Option<Places>,
    /// What it was opened with, to be written; none for a log in memory, and for one that is only read.
    pub(super) options: Option<LedgerOptions>,
    /// The keys that sign heads.
    pub(super) signers: Arc<Signers>,
    /// Publishes what is under a signed head; none where nothing is signed.
    pub(super) publisher: Weak<Background>,
    /// Who decides shares it; who met too many conflicts has it alone.
    pub(super) turns: std::sync::RwLock<()>,
    /// Whoever rotates the signing key does so alone.
    pub(super) rotating: std::sync::Mutex<()>,
    /// Whoever deploys to a target for the first time looks at the slugs of others, alone.
    pub(super) slugs: std::sync::Mutex<()>,
}

/// The parts of a ledger, for one that is not on disk.
pub struct Parts {
    /// The log; its projections must be those of [`Projections::published_in`] these states, or of
    /// [`Projections::default`].
    pub log: Arc<dyn EventLog>,
    /// States that the log's writer publishes.
    pub states: Arc<States>,
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
    ///
    /// A ledger that a newer haloy wrote is opened to show its entries, and nothing is written: see
    /// [`Ledger::newer`].
    ///
    /// # Errors
    /// [`OpenError::Refused`] if it is not what was signed.
    pub fn open(options: LedgerOptions) -> Result<Self, OpenError> {
        let places = options.places();
        finish_swap(&places.store(), &places.new_store())?;
        if erasing::unfinished(&places)? && newer_in_place(&places)?.is_none() {
            erasing::erase(&places)?;
        }
        let (store, examined) = examined(&places)?;
        let newer = store.newer().cloned();
        let entropy = options.entropy.as_ref();
        let known = examined.known.as_ref();
        let keys = match &newer {
            None => keys(&options, known)?,
            Some(_) if options.key_mode == KeyMode::Named => Keys::open(&options.keys, entropy, Make::None)?,
            Some(newer) => return Err(newer.clone().into()),
        };
        let new_id = LedgerId::from_parts(options.clock.now().unix_ms(), entropy.ulid_bits());
        let origin = known.map_or_else(|| origin_of(new_id), |known| known.origin.clone());
        let (signers, frozen) = signing::signers(&origin, known, &keys, options.key_mode);
        let sealed_before = known.is_some_and(|known| !known.signing.is_empty());
        let repaired = examined.repaired.clone();
        let unsealed = signers.is_empty() || newer.is_some();
        let signers = Arc::new(Signers::new(signers));
        let (seal, publisher): (Box<dyn Seal>, _) = match unsealed {
            true => (Box::new(Unsealed), Weak::new()),
            false => {
                let (sealer, publisher) = sealer(&places, &store, examined, origin, Arc::clone(&signers))?;
                (Box::new(sealer), publisher)
            }
        };
        let states = Arc::<States>::default();
        let log = FjallLog::start(
            store,
            FjallOptions {
                clock: Arc::clone(&options.clock),
                policy: options.clock_policy,
                in_batch: Box::new(Projections::published_in(Arc::clone(&states))),
                seal,
                frozen: frozen.clone(),
                bundle_after: options.bundle_after,
                progress: Arc::clone(&options.progress),
            },
        )?;
        let parts = Parts {
            log: Arc::new(log),
            states,
            clock: Arc::clone(&options.clock),
            entropy: Arc::clone(&options.entropy),
            keys: keys.clone(),
            vault: places.vault(),
            tool: options.tool.clone(),
        };
        let mut ledger = Self::assemble(parts, new_id, newer, options.progress.as_ref())?;
        (ledger.frozen, ledger.places) = (frozen, Some(places));
        (ledger.options, ledger.signers, ledger.publisher) = (Some(options), signers, publisher);
        if ledger.newer.is_none() && ledger.frozen.is_none() {
            upgrade::remove_gone(ledger.log())?;
            if !sealed_before {
                ledger.begin_sealing(&keys)?;
            }
            ledger.record_repaired(&repaired)?;
        }
        Ok(ledger)
    }

    /// A ledger from its parts: for simulation, and for tests.
    pub fn with(parts: Parts) -> Result<Self, OpenError> {
        let new_id = LedgerId::from_parts(parts.clock.now().unix_ms(), parts.entropy.ulid_bits());
        let ledger = Self::assemble(parts, new_id, None, &|_, _| {})?;
        upgrade::remove_gone(ledger.log())?;
        Ok(ledger)
    }

    pub(super) fn assemble(
        parts: Parts,
        new_id: LedgerId,
        newer: Option<LogError>,
        progress: &dyn Fn(u64, u64),
    ) -> Result<Self, OpenError> {
        let Parts { log, states, clock, entropy, keys, vault, tool } = parts;
        let fingerprints = Fingerprinter::new(&keys);
        if log.head().next == Position(0) {
            create(log.as_ref(), clock.as_ref(), entropy.as_ref(), &keys, &tool, new_id)?;
        }
        let first = log.read_all(Position(0), 1)?;
        let Some(AnyEvent::Ledger(LedgerEvent::LedgerCreated(created))) =
            first.first().map(|first| &first.event)
        else {
            return Err(OpenError::NotALedger);
        };
        let (id, origin) = (created.ledger_id, created.origin.clone());
        if newer.is_none() {
            upgrade::build(log.as_ref(), progress)?;
        }
        let vault = Arc::new(Vault::new(vault, &keys));
        Ok(Self {
            log,
            clock,
            entropy,
            fingerprints,
            vault,
            id,
            origin,
            tool,
            newer,
            states,
            frozen: None,
            places: None,
            options: None,
            signers: Arc::default(),
            publisher: Weak::new(),
            turns: std::sync::RwLock::default(),
            rotating: std::sync::Mutex::default(),
            slugs: std::sync::Mutex::default(),
        })
    }

    /// Id of this ledger; containers carry it in their labels.
    pub fn id(&self) -> LedgerId {
        self.id
    }

    /// Why nothing may be appended: the name of a fault, and what is wrong.
    pub fn frozen(&self) -> Option<(&'static str, &str)> {
        self.frozen.as_ref().map(|(code, cause)| (*code, cause.as_str()))
    }

    /// Name of the log in its signed heads.
    pub fn origin(&self) -> &str {
        &self.origin
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

/// The keys; what a rotation that was cut off left is finished.
fn keys(options: &LedgerOptions, known: Option<&KeyHistory>) -> Result<Keys, KeysError> {
    let entropy = options.entropy.as_ref();
    let mut keys = Keys::open(&options.keys, entropy, signing::may_make(known, options.key_mode))?;
    if signing::rotation_unfinished(known, &keys) {
        keys.finish_rotation(&options.keys)?;
    }
    Ok(keys)
}

/// Opens the store and compares it with the signed heads.
fn examined(places: &Places) -> Result<(FjallStore, Examined), OpenError> {
    let folder = places.store();
    let heads = HeadFiles::read(places)?;
    if !folder.exists() {
        if heads::exist(places.folder())? {
            return Err(store_missing(&folder));
        }
        // A store made here would be another ledger's, beside the published files of this one.
        if matches!(files::read_if_there(&places.published().join(CHECKPOINT)), Ok(Some(_))) {
            let cause =
                format!("entries were signed and published, and there is no store in {}", folder.display());
            return Err(OpenError::Refused(Fault::new(Code::LogShorter, cause).at(Position(0))));
        }
    }
    let mut store = FjallStore::open(&folder).map_err(unreadable)?;
    match examine(places, heads, store.stored().as_ref(), store.found()) {
        Ok(examined) => {
            examined.newer.iter().for_each(|newer| store.found_newer(newer.clone()));
            Ok((store, examined))
        }
        Err(fault) => {
            // The next open should check as closely as this one did.
            store.not_clean();
            Err(OpenError::Refused(fault))
        }
    }
}

pub(super) fn store_missing(folder: &Path) -> OpenError {
    let cause = format!("there are signed heads, and no store in {}", folder.display());
    OpenError::Refused(Fault::new(Code::StoreMissing, cause))
}

pub(super) fn unreadable(error: LogError) -> OpenError {
    match error {
        LogError::Unreadable { .. } | LogError::Store(_) => {
            OpenError::Refused(Fault::new(Code::StoreUnreadable, error.to_string()))
        }
        other => OpenError::Log(other),
    }
}

/// Starts what signs and publishes from here on. Stored entries that are not sealed are sealed, sealed ones
/// that are not published are published.
fn sealer(
    places: &Places,
    store: &FjallStore,
    examined: Examined,
    origin: String,
    signers: Arc<Signers>,
) -> Result<(Sealer, Weak<Background>), LogError> {
    let Examined { known, head, newest, tiles, frontier, .. } = examined;
    let heads = Heads::open(places.folder(), newest)
        .map_err(|error| LogError::Io { path: places.folder().to_owned(), cause: error.to_string() })?;
    let (size, published) = (frontier.size(), tiles.size());
    let publisher = Publisher::new(places.published().to_owned(), places.mirror(), store.stored(), tiles);
    let background = Arc::new(Background::start(publisher)?);
    let sealed = head.filter(|(head, _)| head.size == size);
    let named = known.is_some_and(|known| !known.signing.is_empty());
    let again = sealed.clone().filter(|_| published < size);
    if let Some((head, note)) = again {
        background.head(head, note);
    }
    let publisher = Arc::downgrade(&background);
    let mut sealer = Sealer::new(origin, signers, frontier, heads, background);
    if named && sealed.is_none() {
        sealer.sign()?;
    }
    Ok((sealer, publisher))
}

pub(super) fn origin_of(id: LedgerId) -> String {
    format!("haloy/{id}")
}

fn create(
    log: &dyn EventLog,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
    keys: &Keys,
    tool: &str,
    ledger_id: LedgerId,
) -> Result<(), AppendError> {
    let now = clock.now();
    let origin = origin_of(ledger_id);
    let created = LedgerCreated { ledger_id, origin: origin.clone(), format: FORMAT, key_ids: keys.ids() };
    let context = CommandContext::system(tool, ledger_id.to_string());
    let seal = |event: AnyEvent| {
        let envelope = context.envelope(&StreamId::Ledger, now, entropy, &Fingerprinter::new(keys));
        NewEvent::seal(envelope, event, || entropy.salt())
    };
    let mut events = vec![seal(created.into())];
    events.extend(keys.signing.map(|seed| seal(signing::added(&Signer::new(&origin, &seed)).into())));
    let write = StreamWrite { stream: StreamId::Ledger, expected: Expected::NoStream, events };
    log.append(vec![write], None, Stage::Sealed).map(drop)
}
