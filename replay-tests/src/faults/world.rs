//! A ledger on disk that has a past: simulated deploys through the real dispatcher, reasons, literals
//! and secrets.

use crate::simulation::{Random, SimEntropy};
use haloy_executors::simulated::Faults;
use haloy_executors::*;
use haloy_ledger::deployment::Command;
use haloy_ledger::deployment::command::Deploy;
use haloy_ledger::ids::*;
use haloy_ledger::log::BUILT;
use haloy_ledger::ports::{Clock, Entropy};
use haloy_ledger::release::*;
use haloy_ledger::secrets::Lease;
use haloy_ledger::{CommandContext, Ledger, LedgerOptions};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Time and randomness of a run: they go on when the ledger is closed and opened again.
#[derive(Clone)]
pub struct World {
    folder: PathBuf,
    clock: Arc<Steady>,
    entropy: Arc<SimEntropy>,
}

/// A millisecond later at each look.
struct Steady(AtomicI64);

impl Clock for Steady {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.fetch_add(1_000_000, Ordering::Relaxed))
    }
}

impl World {
    /// A world whose ledger lies in this folder, beside its keys.
    pub fn new(folder: &Path, seed: u64) -> Self {
        let start = BUILT.0 + 86_400_000_000_000;
        Self {
            folder: folder.to_owned(),
            clock: Arc::new(Steady(AtomicI64::new(start))),
            entropy: Arc::new(SimEntropy(Mutex::new(Random(seed)))),
        }
    }

    /// The same world, with its ledger in another folder.
    #[must_use]
    pub fn at(&self, folder: &Path) -> Self {
        Self { folder: folder.to_owned(), ..self.clone() }
    }

    /// Where ledger and keys lie.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The ledger itself.
    pub fn ledger(&self) -> PathBuf {
        self.folder.join("ledger")
    }

    /// How it is opened.
    pub fn options(&self) -> LedgerOptions {
        let mut options = LedgerOptions::new(self.ledger(), self.folder.join("keys"), "faults");
        options.clock = Arc::<Steady>::clone(&self.clock);
        options.entropy = Arc::<SimEntropy>::clone(&self.entropy);
        // Events are few here, and are to lie in both of their shapes.
        options.bundle_after = 256;
        options
    }

    /// Deploys to some targets in turn.
    ///
    /// # Errors
    /// The first error, as text.
    pub fn deploy(&self, ledger: &Arc<Ledger>, times: std::ops::Range<usize>) -> Result<(), String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let engine = Arc::new(SimulatedExecutor::new(7, Faults { delay_ms: 1, ..Faults::default() }));
        let handle = LedgerHandle::inline(Arc::clone(ledger));
        times.into_iter().try_for_each(|number| runtime.block_on(self.one(&handle, ledger, &engine, number)))
    }

    /// Deploys as often to one target, all at once, and prunes it as often meanwhile.
    ///
    /// # Errors
    /// The first error, as text.
    pub fn deploy_together(&self, ledger: &Arc<Ledger>, times: usize) -> Result<(), String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let engine = Arc::new(SimulatedExecutor::new(7, Faults { delay_ms: 1, ..Faults::default() }));
        let handle = LedgerHandle::inline(Arc::clone(ledger));
        let deploys = (0..times).map(|number| self.one(&handle, ledger, &engine, 3 * number));
        let prunes = (0..times).map(|_| self.prune(&handle, ledger, &engine));
        let all = async {
            let both = futures_util::future::join(
                futures_util::future::join_all(deploys),
                futures_util::future::join_all(prunes),
            );
            let (deployed, pruned) = both.await;
            deployed.into_iter().chain(pruned).collect()
        };
        runtime.block_on(all)
    }

    /// Waits until everything is published.
    ///
    /// # Errors
    /// If that takes long.
    pub fn published(&self, ledger: &Ledger) -> Result<(), String> {
        let size = ledger.head().next.0.to_string();
        for _ in 0..500 {
            let checkpoint = std::fs::read_to_string(self.ledger().join("published/checkpoint"));
            if checkpoint.is_ok_and(|checkpoint| checkpoint.lines().nth(1) == Some(&size)) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Err(format!("{size} entries are not published"))
    }

    fn key(number: usize) -> Result<TargetKey, String> {
        let app = AppName::new(["shop", "blog", "mail"][number % 3]).map_err(|error| error.to_string())?;
        let target = TargetName::new("production").map_err(|error| error.to_string())?;
        Ok(TargetKey { app, target })
    }

    async fn one(
        &self,
        handle: &LedgerHandle,
        ledger: &Arc<Ledger>,
        engine: &Arc<SimulatedExecutor>,
        number: usize,
    ) -> Result<(), String> {
        let (release, lease) = self.release(ledger, number)?;
        let entropy: &dyn Entropy = self.entropy.as_ref();
        let at = self.clock.now();
        let id = DeploymentId::from_parts(at.unix_ms(), entropy.ulid_bits());
        let deploy = Deploy { id, at, release, git: None, ci: None, engine: None, move_domains: false };
        let mut context = CommandContext::system("faults", format!("deploy {number}"));
        context.reason = Some(format!("the reason of deploy {number}"));
        context.idempotency_key = Some(format!("key-{number}"));
        let command = Command::Deploy(Box::new(deploy));
        let done = self.ask(handle, ledger, engine, (Self::key(number)?, command, context)).await;
        drop(lease);
        done
    }

    async fn prune(
        &self,
        handle: &LedgerHandle,
        ledger: &Arc<Ledger>,
        engine: &Arc<SimulatedExecutor>,
    ) -> Result<(), String> {
        let context = CommandContext::system("faults", "prune");
        let command = Command::Prune { volumes: Vec::new() };
        self.ask(handle, ledger, engine, (Self::key(0)?, command, context)).await
    }

    /// As the service does it: waits for its turn, settles what is unfinished, gives the command, and drives
    /// to the end.
    async fn ask(
        &self,
        handle: &LedgerHandle,
        ledger: &Arc<Ledger>,
        engine: &Arc<SimulatedExecutor>,
        (key, command, context): (TargetKey, Command, CommandContext),
    ) -> Result<(), String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let dispatcher = self.dispatcher(handle.clone(), ledger, engine);
        let driver = handle.driver(&key).await;
        dispatcher.settle(&driver, &context.consequence()).await.map_err(|error| text(&error))?;
        handle.execute(&key, command, &context).await.map_err(|error| text(&error))?;
        let driven = dispatcher.drive(&driver, &context).await;
        driven.map(drop).map_err(|error| text(&error))
    }

    fn release(&self, ledger: &Ledger, number: usize) -> Result<(ReleaseSpec, Lease), String> {
        let (mut config, _) = crate::simulation::config(&mut Random(number as u64), false, false);
        // Here it is about what is stored, not about how deploys end.
        config.domains.clear();
        config.hooks = Hooks::default();
        let source = ValueSource::Secret(format!("env::SECRET_{number}"));
        let value = format!("the secret of deploy {number}");
        let fingerprint = ledger.fingerprints().value(&source, &value);
        let kept = ledger.vault().put(&fingerprint, &value, self.entropy.as_ref());
        let lease = kept.map_err(|error| error.to_string())?;
        let name = "SECRET".to_owned();
        config.env.push(ValueEntry { name, source, fingerprint, value: None });
        Ok((ReleaseSpec { config, config_digest: number.to_string() }, lease))
    }

    fn dispatcher(
        &self,
        handle: LedgerHandle,
        ledger: &Arc<Ledger>,
        engine: &Arc<SimulatedExecutor>,
    ) -> Dispatcher {
        Dispatcher {
            handle: handle.clone(),
            ledger: ledger.id(),
            executors: vec![
                Arc::<SimulatedExecutor>::clone(engine),
                Arc::new(SimulatedBeside::registry(Arc::clone(engine))),
                Arc::new(SimulatedBeside::router(Arc::clone(engine))),
            ],
            values: Arc::new(LedgerValues(handle)),
            limits: Limits { backoff: Duration::from_millis(10), ..Limits::default() },
            clock: Arc::<Steady>::clone(&self.clock),
            entropy: Arc::<SimEntropy>::clone(&self.entropy),
            progress: Arc::new(NoProgress),
            observer: Arc::new(Quiet),
            changed: Arc::new(tokio::sync::Notify::new()),
        }
    }
}
