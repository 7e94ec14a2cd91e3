//! What the service in this process is given: where the ledger and its keys lie, how long it waits for them, and
//! everything of its process and machine that it does not read itself.

use crate::Counter;
use haloy_edge::Waits;
use haloy_executors::Limits;
use haloy_ledger::ports::{Clock, Entropy};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How the service finds its ledger, how long it waits, and what it knows of its machine.
#[derive(Clone)]
pub struct EmbeddedOptions {
    /// Folder of the ledger.
    pub ledger: PathBuf,
    /// Folder of the keys.
    pub keys: PathBuf,
    /// Where the published tree lies, if not in the ledger.
    pub publish: Option<PathBuf>,
    /// How long to wait for another process.
    pub wait: Duration,
    /// Whether the user vouches for the clock.
    pub accept_clock: bool,
    /// Limits of the dispatcher.
    pub limits: Limits,
    /// Services that are waited for.
    pub waits: Waits,
    /// How long Docker may take to answer its first request; none = the default.
    pub docker_timeout: Option<Duration>,
    /// How long a registry may take to answer; none = the default.
    pub registry_timeout: Option<Duration>,
    /// Folder of certificates for registries; none = Docker's own.
    pub registry_certs: Option<PathBuf>,
    /// How long the edge lets a replica finish its requests; none = the default.
    pub drain: Option<Duration>,
    /// Receives progress while the ledger of an older haloy is brought up to date: events done, events in all.
    pub upgrading: Counter,
    /// The process and the machine.
    pub machine: Machine,
}

impl EmbeddedOptions {
    /// For a ledger in a folder, with its keys in another one, and defaults for everything else.
    pub fn new(ledger: PathBuf, keys: PathBuf, machine: Machine) -> Self {
        Self {
            ledger,
            keys,
            publish: None,
            wait: Duration::ZERO,
            accept_clock: false,
            limits: Limits::default(),
            waits: Waits::default(),
            docker_timeout: None,
            registry_timeout: None,
            registry_certs: None,
            drain: None,
            upgrading: Arc::new(|_, _| {}),
            machine,
        }
    }

    /// Folder of the edge: one for each ledger, since generations are positions of its log.
    pub fn edge_folder(&self) -> PathBuf {
        self.ledger.join("edge")
    }
}

/// The process and the machine that the service works in, as the starting program knows them.
#[derive(Clone)]
pub struct Machine {
    /// Where time comes from.
    pub clock: Arc<dyn Clock>,
    /// Where randomness comes from.
    pub entropy: Entropies,
    /// Program and version that holds the ledger.
    pub tool: String,
    /// Number of this process.
    pub process: u32,
    /// This program, which is also the edge; none where its place is not known.
    pub program: Option<PathBuf>,
    /// Folder for temporary files of readers.
    pub scratch: PathBuf,
    /// The same in memory, for what is small; none where there is none.
    pub memory: Option<PathBuf>,
    /// Targets of one deploy at once.
    pub at_once: usize,
}

/// Source of randomness, one for each use: in a test, one use cannot shift what another gets.
#[derive(Clone)]
pub struct Entropies {
    /// Salts and keys of the ledger.
    pub ledger: Arc<dyn Entropy>,
    /// Ids of deployments and commands.
    pub ids: Arc<dyn Entropy>,
    /// Pauses between attempts.
    pub dispatcher: Arc<dyn Entropy>,
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Machine")
            .field("tool", &self.tool)
            .field("process", &self.process)
            .field("program", &self.program)
            .field("at_once", &self.at_once)
            .finish_non_exhaustive()
    }
}
