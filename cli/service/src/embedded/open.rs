//! Opening the ledger: one process at a time, the others wait and name the holder.

use super::{Embedded, EmbeddedOptions, Machine, errors, find};
use crate::{Error, Follow, Interrupt, Kind, Writing};
use haloy_executors::LedgerHandle;
use haloy_executors::docker::ConnectError;
use haloy_ledger::files;
use haloy_ledger::ids::{LedgerId, TargetKey};
use haloy_ledger::ledger::{LedgerOptions, Parts};
use haloy_ledger::log::{ClockPolicy, LogError, MemoryLog, MemoryStore, Unsealed};
use haloy_ledger::projection::Projections;
use haloy_ledger::read::View;
use haloy_ledger::secrets::Keys;
use haloy_ledger::{CommandContext, Ledger, OpenError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// An open ledger; closing it gives it to the next process.
pub struct Open {
    pub handle: LedgerHandle,
    pub id: LedgerId,
    holder: PathBuf,
    _writing: Writing,
}

impl Drop for Open {
    fn drop(&mut self) {
        // Only a note for others; the lock is the store's own.
        drop(std::fs::remove_file(&self.holder));
    }
}

const RETRY: Duration = Duration::from_millis(100);
const HOLDER: &str = "holder";

impl Embedded {
    /// Opens the ledger for writing.
    pub(super) async fn open(
        &self,
        command: &str,
        interrupt: &Interrupt,
        follow: &Arc<dyn Follow>,
    ) -> Result<Open, Error> {
        let policy = self.clock_policy().await;
        // The waiting user should know why; steps that need Docker report that themselves.
        if let Some(docker) = &self.docker
            && let Err(error @ ConnectError::Silent { .. }) = docker.facts().await
        {
            follow.note(&format!("warning: {error}"));
        }
        let mut told = false;
        let ledger = self
            .wait_for(policy, |holder| {
                if !told {
                    follow.note(&format!("waiting for the ledger: {holder}"));
                    told = true;
                }
            })
            .await?;
        if let Some(newer) = ledger.newer() {
            return Err(errors::log(newer.clone()));
        }
        let holder = self.options.ledger.join(HOLDER);
        let (since, process) = (crate::time::rfc3339(self.now()), self.options.machine.process);
        drop(std::fs::write(&holder, format!("{command} (process {process}) since {since}")));
        let id = ledger.id();
        let (handle, _writing) = (LedgerHandle::new(Arc::new(ledger)), interrupt.writing());
        let open = Open { handle, id, holder, _writing };
        self.collect(&open, &CommandContext::system(self.options.machine.tool.clone(), "edge"), follow).await;
        Ok(open)
    }

    /// Opens the ledger, reads, and closes it before anything is printed. Where there is none yet, an empty
    /// one is read. A ledger that a newer haloy wrote is refused: its meaning is not known here.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Ledger) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let known = move |ledger: &Ledger| match ledger.newer() {
            Some(newer) => Err(errors::log(newer.clone())),
            None => Ok(read(ledger)),
        };
        self.read_entries(known).await?
    }

    /// An answer of one instant.
    pub(super) async fn view<T: Send + 'static>(
        &self,
        answer: impl FnOnce(&View<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.read(move |ledger| ledger.view(answer)).await?
    }

    /// An answer for each target, and for every one of the ledger where none is named, all of one instant.
    pub(super) async fn view_each<T: Send + 'static>(
        &self,
        keys: Option<Vec<TargetKey>>,
        answer: impl Fn(&View<'_>, &TargetKey) -> Result<T, Error> + Send + 'static,
    ) -> Result<Vec<T>, Error> {
        let all = move |view: &View<'_>| {
            find::keys_or_all(view, keys)?.iter().map(|key| answer(view, key)).collect()
        };
        self.view(all).await
    }

    /// The same, for reading entries alone: they are shown as they are, whatever version wrote them.
    pub(super) async fn read_entries<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Ledger) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let ledger = match self.is_there()? {
            true => self.patiently(ClockPolicy::default(), |_| {}, Ledger::open_to_read).await?,
            false => Ok(None),
        };
        let ledger = ledger.map_err(errors::open)?.map_or_else(|| empty(&self.options.machine), Ok)?;
        Ok(LedgerHandle::new(Arc::new(ledger)).call(read).await)
    }

    /// Whether there is a ledger. A ledger that this user may not read is not an absent one.
    pub(super) fn is_there(&self) -> Result<bool, Error> {
        let folder = &self.options.ledger;
        match std::fs::symlink_metadata(folder.join("log")) {
            Ok(_) => Ok(true),
            // A backup has what was published, and no store.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Ok(haloy_ledger::ledger::sizes(&self.ledger_options().places()) != (None, None))
            }
            Err(error) => {
                let message = format!("the ledger {} cannot be read: {error}", folder.display());
                Err(Error::new(Kind::Operational, message).hint(
                    "give the command as the user whose ledger it is, or name another one with --ledger DIR",
                ))
            }
        }
    }

    /// Id of the ledger, whatever process holds it; none where there is none yet.
    pub(super) async fn ledger_id(&self) -> Result<Option<LedgerId>, Error> {
        if !self.is_there()? {
            return Ok(None);
        }
        match haloy_ledger::ledger::named(&self.ledger_options().places()) {
            Some(id) => Ok(Some(id)),
            // No head has it: the entries do.
            None => self.read_entries(Ledger::id).await.map(Some),
        }
    }

    /// For an answer that makes no sense without a ledger.
    pub(super) fn must_be_there(&self) -> Result<(), Error> {
        if self.is_there()? {
            return Ok(());
        }
        let message = format!("there is no ledger in {}", self.options.ledger.display());
        Err(Error::new(Kind::Usage, message).hint("name one with --ledger DIR; the first deploy makes it"))
    }

    pub(super) async fn wait_for(
        &self,
        policy: ClockPolicy,
        waiting: impl FnMut(&str),
    ) -> Result<Ledger, Error> {
        let opened = self.patiently(policy, waiting, Ledger::open).await?;
        opened.map_err(errors::open)
    }

    /// Does something that locks the ledger, as soon as no other process has it.
    pub(super) async fn patiently<T: Send + 'static>(
        &self,
        policy: ClockPolicy,
        mut waiting: impl FnMut(&str),
        act: impl Fn(LedgerOptions) -> Result<T, OpenError> + Clone + Send + 'static,
    ) -> Result<Result<T, OpenError>, Error> {
        let started = Instant::now();
        let mut wait = None;
        loop {
            let mut options = self.ledger_options();
            options.clock_policy = policy;
            make_private(&self.options.ledger)?;
            let act = act.clone();
            let done = tokio::task::spawn_blocking(move || act(options)).await;
            match haloy_executors::join::ended(done).await {
                Err(OpenError::Log(LogError::Locked { path })) => {
                    let holder = std::fs::read_to_string(self.options.ledger.join(HOLDER));
                    let holder = match holder {
                        Ok(holder) if !holder.is_empty() => format!("held by {holder}"),
                        Ok(_) | Err(_) => "held by another process".to_owned(),
                    };
                    if started.elapsed() >= self.options.wait {
                        let message = format!("the ledger {} is {holder}", path.display());
                        let hint = "wait for it to end, or wait longer with --wait SECONDS";
                        return Err(Error::new(Kind::Locked, message).hint(hint));
                    }
                    waiting(&holder);
                    wait.get_or_insert_with(|| self.options.waits.begin(format!("the ledger, {holder}")));
                    tokio::time::sleep(RETRY).await;
                }
                done => return Ok(done),
            }
        }
    }

    pub(super) fn ledger_options(&self) -> LedgerOptions {
        let EmbeddedOptions { ledger, keys, publish, machine, .. } = &self.options;
        let mut options = LedgerOptions::new(ledger.clone(), keys.clone(), machine.tool.clone());
        options.publish.clone_from(publish);
        options.progress = Arc::clone(&self.options.upgrading);
        options.scratch.clone_from(&machine.scratch);
        options.memory.clone_from(&machine.memory);
        options.clock = Arc::clone(&machine.clock);
        options.entropy = Arc::clone(&machine.entropy.ledger);
        options
    }

    /// Difference between Docker's clock and ours; nothing where there is no Docker.
    pub(super) async fn clock_policy(&self) -> ClockPolicy {
        let mut policy = ClockPolicy { engine_offset: None, accept: self.options.accept_clock };
        if let Some(docker) = &self.docker
            && let Ok(facts) = docker.facts().await
            && let Ok(engine) = facts.clock.parse::<jiff::Timestamp>()
        {
            let engine = i64::try_from(engine.as_nanosecond()).unwrap_or(i64::MAX);
            // It was queried when the connection was made; no adjustable clock can say how long ago that is.
            let since = i64::try_from(facts.asked.elapsed().as_nanos()).unwrap_or(i64::MAX);
            policy.engine_offset = Some(engine.saturating_add(since).saturating_sub(self.now().0));
        }
        policy
    }
}

/// The ledger's folder, for its owner alone.
fn make_private(folder: &Path) -> Result<(), Error> {
    files::private_folder(folder).map_err(|error| {
        Error::new(Kind::Operational, format!("the ledger {} cannot be made: {error}", folder.display()))
            .hint("name a folder that this user may write with --ledger DIR")
    })
}

/// A ledger that nothing was ever written to.
fn empty(machine: &Machine) -> Result<Ledger, Error> {
    let (clock, entropy) = (Arc::clone(&machine.clock), Arc::clone(&machine.entropy.ledger));
    let log = MemoryLog::open(
        MemoryStore::default(),
        Arc::clone(&clock),
        ClockPolicy { engine_offset: None, accept: true },
        Box::new(Projections::default()),
        Box::new(Unsealed),
    );
    let keys = Keys::ephemeral(entropy.as_ref());
    let log = Arc::new(log.map_err(errors::log)?);
    let (states, vault, tool) = (Arc::default(), PathBuf::new(), machine.tool.clone());
    Ledger::with(Parts { log, states, clock, entropy, keys, vault, tool }).map_err(errors::open)
}
