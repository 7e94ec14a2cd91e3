//! One run: a seed, its commands, its crashes.

use super::config;
use super::coverage::{Coverage, Report};
use super::hooks::SimHooks;
use super::invariants::{self, Broken};
use super::judge::Judge;
use super::parts::{Random, Sabotage, SimClock, SimEntropy, open};
use super::routes;
use super::steps::Steps;
use super::watch::{GivenUp, ReleasedOnce, States};
use haloy_executors::simulated::{Faults, SimulatedExecutor};
use haloy_executors::*;
use haloy_ledger::deployment::Command;
use haloy_ledger::deployment::command::{Deploy, Rollback};
use haloy_ledger::event::SecretsFrom;
use haloy_ledger::ids::*;
use haloy_ledger::log::{MemoryLog, MemoryStore};
use haloy_ledger::outcome::Outcome;
use haloy_ledger::ports::{Clock, Entropy};
use haloy_ledger::release::*;
use haloy_ledger::secrets::Keys;
use haloy_ledger::{CommandContext, ExecuteError, Ledger};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Targets of a run.
const TARGETS: usize = 3;
/// Commands of a run.
const COMMANDS: usize = 40;

pub(super) struct Sim {
    pub(super) random: Random,
    pub(super) clock: Arc<SimClock>,
    entropy: Arc<SimEntropy>,
    pub(super) engine: Arc<SimulatedExecutor>,
    hooks: Arc<SimHooks>,
    keys: Keys,
    log: Arc<MemoryLog>,
    pub(super) ledger: Arc<Ledger>,
    /// What was stored one append earlier; only the sabotage that loses one needs it.
    earlier: Option<MemoryStore>,
    sabotage: Option<Sabotage>,
    targets: Vec<TargetKey>,
    /// Images were removed from outside or counts changed: some promises no longer hold.
    pub(super) meddled: bool,
    /// Counts and strategies change from deploy to deploy.
    varied: bool,
    /// Tags that were removed from outside, and may come back.
    pub(super) removed: Vec<(String, Digest)>,
    judge: Judge,
    given_up: GivenUp,
    released: ReleasedOnce,
    coverage: Coverage,
}

/// Runs one seed to its end, or to the first invariant that breaks.
pub fn run(seed: u64, sabotage: Option<Sabotage>) -> Report {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.expect("a runtime of one thread");
    let mut sim = Sim::new(seed, sabotage);
    let broken = runtime.block_on(sim.go()).err();
    let world = sim.engine.world();
    for (fault, count) in &world.struck {
        *sim.coverage.faults.entry((*fault).to_owned()).or_default() += count;
    }
    drop(world);
    let entries = sim.ledger.log().read_entries(Position(0), usize::MAX).unwrap_or_default();
    sim.coverage.count(&entries);
    Report { entries, coverage: sim.coverage, broken }
}

impl Sim {
    fn new(seed: u64, sabotage: Option<Sabotage>) -> Self {
        let mut random = Random(seed);
        let clock = Arc::new(SimClock::new());
        let entropy = Arc::new(SimEntropy(Mutex::new(Random(random.draw()))));
        let faults = Faults {
            retryable: 40,
            fatal: 8,
            lost_answer: 30,
            unhealthy: 0,
            repeated: 50,
            delay_ms: 1 + random.draw() % 50,
        };
        let engine = Arc::new(SimulatedExecutor::new(random.draw(), faults));
        let hooks = Arc::new(SimHooks(Mutex::new(Random(random.draw()))));
        let keys = Keys::ephemeral(entropy.as_ref());
        let (log, ledger) = open(MemoryStore::default(), &clock, &entropy, &keys, sabotage);
        let targets = (0..TARGETS)
            .map(|number| TargetKey {
                // Two targets of one app, and another app.
                app: AppName::new(if number < 2 { "shop" } else { "blog" }).expect("a name"),
                target: TargetName::new(format!("t{number}")).expect("a name"),
            })
            .collect();
        Self {
            random,
            clock,
            entropy,
            engine,
            hooks,
            keys,
            log,
            ledger,
            earlier: None,
            sabotage,
            targets,
            meddled: false,
            varied: seed % 4 == 3,
            removed: Vec::new(),
            judge: Judge::default(),
            given_up: GivenUp::default(),
            released: ReleasedOnce::default(),
            coverage: Coverage::default(),
        }
    }

    async fn go(&mut self) -> Result<(), Broken> {
        for number in 0..COMMANDS {
            let key = self.targets[self.random.below(TARGETS)].clone();
            match self.random.below(100) {
                0..=53 => self.deploy(&key).await?,
                54..=69 => self.rollback(&key).await?,
                70..=72 => self.stop(&key).await?,
                73..=74 => self.command(&key, Command::Restart { at: self.clock.now() }).await?,
                75..=78 => self.command(&key, Command::Prune { volumes: Vec::new() }).await?,
                79..=81 => self.meddle(&key),
                82..=86 => self.keep(&key).await?,
                87..=91 => self.name(&key).await?,
                92..=94 => self.look_at_registry(&key).await?,
                _other => self.late_outcome(&key)?,
            }
            if number % 8 == 7 {
                self.judge.learn(&self.ledger)?;
            }
            if number == COMMANDS / 2 {
                invariants::rebuilt(&self.ledger)?;
            }
        }
        for key in self.targets.clone() {
            self.settle(&key).await?;
        }
        invariants::known(&self.ledger, &self.engine.world())?;
        routes::the_same_table(&self.ledger)?;
        self.judge.learn(&self.ledger)?;
        invariants::rebuilt(&self.ledger)
    }

    fn dispatcher(&self) -> Dispatcher {
        let handle = LedgerHandle::inline(Arc::clone(&self.ledger));
        Dispatcher {
            handle: handle.clone(),
            ledger: self.ledger.id(),
            executors: vec![
                Arc::<SimulatedExecutor>::clone(&self.engine),
                Arc::new(SimulatedBeside::registry(Arc::clone(&self.engine))),
                Arc::new(SimulatedBeside::router(Arc::clone(&self.engine))),
                Arc::<SimHooks>::clone(&self.hooks),
            ],
            values: Arc::new(LedgerValues(handle)),
            limits: Limits { backoff: Duration::from_millis(10), ..Limits::default() },
            clock: Arc::<SimClock>::clone(&self.clock),
            entropy: Arc::<SimEntropy>::clone(&self.entropy),
            progress: Arc::new(NoProgress),
            observer: Arc::new(Quiet),
            changed: Arc::new(tokio::sync::Notify::new()),
        }
    }

    fn context(&self) -> CommandContext {
        CommandContext::system("simulation", "c")
    }

    fn new_id(&self) -> DeploymentId {
        let entropy: &dyn Entropy = self.entropy.as_ref();
        DeploymentId::from_parts(self.clock.now().unix_ms(), entropy.ulid_bits())
    }

    async fn deploy(&mut self, key: &TargetKey) -> Result<(), Broken> {
        let config = self.config(key);
        let wanted = config.retention.clone();
        let release = ReleaseSpec { config, config_digest: self.random.draw().to_string() };
        let before = self.ledger.state(key).map_err(|error| error.to_string())?;
        let (id, at) = (self.new_id(), self.clock.now());
        let move_domains = self.random.percent(25);
        let deploy = Deploy { id, at, release, git: None, ci: None, engine: None, move_domains };
        self.command(key, Command::Deploy(Box::new(deploy))).await?;
        self.as_foretold(key, &before, &wanted, id)
    }

    fn config(&mut self, key: &TargetKey) -> ConfigSnapshot {
        let registry = self.targets.last() == Some(key);
        let (config, usual) = config::config(&mut self.random, registry, self.varied);
        self.meddled |= !usual;
        config
    }

    async fn rollback(&mut self, key: &TargetKey) -> Result<(), Broken> {
        self.settle(key).await?;
        let dispatcher = self.dispatcher();
        let driver = dispatcher.handle.driver(key).await;
        dispatcher.record_observed(&driver, &self.context()).await.map_err(|error| error.to_string())?;
        let candidates = self.ledger.candidates(key).map_err(|error| error.to_string())?;
        if candidates.is_empty() {
            return Ok(());
        }
        let candidate = &candidates[self.random.below(candidates.len())];
        let record = self.ledger.release_record(candidate.row.release).map_err(|error| error.to_string())?;
        let Some(to) = record else { return Ok(()) };
        let ask = Rollback {
            id: self.new_id(),
            at: self.clock.now(),
            to,
            engine_id: Some("simulated".to_owned()),
            changed_secrets: Vec::new(),
            secrets: SecretsFrom::Recorded,
            git: None,
            ci: None,
            engine: None,
        };
        self.command(key, Command::Rollback(Box::new(ask))).await
    }

    async fn stop(&mut self, key: &TargetKey) -> Result<(), Broken> {
        let command =
            Command::Stop { remove: self.random.percent(50), volumes: Vec::new(), at: self.clock.now() };
        self.command(key, command).await
    }

    /// An outcome of a deployment that ended long ago must change nothing.
    fn late_outcome(&mut self, key: &TargetKey) -> Result<(), Broken> {
        let config = self.config(key);
        let spec = ReleaseSpec { config, config_digest: "late".to_owned() };
        let deploy = Deploy {
            id: self.new_id(),
            at: self.clock.now(),
            release: spec,
            git: None,
            ci: None,
            engine: None,
            move_domains: false,
        };
        let context = self.context();
        // A rollout in progress, so that a mistake would have something to confuse.
        let asked = self.ledger.execute(key, &Command::Deploy(Box::new(deploy)), &context);
        self.note(asked.map(drop));
        let before = self.ledger.head().next;
        for number in EffectNumber::ALL {
            let effect = EffectId { deployment: self.new_id(), number, subject: "0".to_owned() };
            let outcome = Box::new(Outcome::ReplicaStopped { exit_code: None, forced: false });
            let late = Command::RecordOutcome { effect, outcome, at: self.clock.now() };
            let done = self.ledger.execute(key, &late, &context);
            done.map_err(|error| error.to_string())?;
        }
        if self.ledger.head().next == before {
            Ok(())
        } else {
            Err(format!("{key}: a late outcome changed the log"))
        }
    }

    fn note(&mut self, done: Result<(), ExecuteError>) {
        let json = match done {
            Err(ExecuteError::Rejected(rejection)) => serde_json::to_value(&rejection),
            Err(ExecuteError::RejectedAtEdge(rejection)) => serde_json::to_value(&rejection),
            Ok(()) | Err(ExecuteError::Append(_) | ExecuteError::Log(_)) => return,
        };
        let name = json.unwrap_or_default()["rejection"].as_str().unwrap_or("other").to_owned();
        *self.coverage.rejections.entry(name).or_default() += 1;
    }

    /// Gives a command, and drives to the end, to a cancellation, or to a crash.
    pub(super) async fn command(&mut self, key: &TargetKey, command: Command) -> Result<(), Broken> {
        if self.sabotage == Some(Sabotage::EffectBeforeIntent) {
            self.earlier = Some(self.log.snapshot());
        }
        let context = self.context();
        let id = match &command {
            Command::Deploy(deploy) => Some(deploy.id),
            Command::Rollback(rollback) => Some(rollback.id),
            _other => None,
        };
        let taken = routes::taken(&self.ledger, key, &command);
        // Nothing drives it here: a crash left it, and every command settles that before it drives anything.
        let state = self.ledger.state(key).map_err(|error| error.to_string())?;
        let left_behind = state.rollout.is_some() || state.restart.is_some();
        match self.ledger.execute(key, &command, &context) {
            Ok(_) => taken.map_or(Ok(()), |taken| Err(format!("{key} got {taken}, unasked")))?,
            Err(error @ (ExecuteError::Rejected(_) | ExecuteError::RejectedAtEdge(_))) => {
                self.note(Err(error));
                // Now and then the obstacle is settled, as the next command would do.
                return self.settle(key).await;
            }
            Err(error) => return Err(error.to_string()),
        }
        if left_behind {
            return self.settle(key).await;
        }
        let crash = self.random.percent(35);
        let cancel = !crash && id.is_some() && self.random.percent(10);
        let left = if crash || cancel { self.random.below(120) } else { usize::MAX };
        let done = self.drive(key, left).await?;
        match (done, cancel, id) {
            (true, _, _) => self.check(key),
            (false, true, Some(id)) => {
                let asked = self.ledger.execute(key, &Command::Cancel { id }, &context);
                self.note(asked.map(drop));
                self.drive(key, usize::MAX).await?;
                self.check(key)
            }
            (false, _, _) => {
                self.crash()?;
                if self.random.percent(70) { self.settle(key).await } else { Ok(()) }
            }
        }
    }

    /// Drives for at most so many steps; true if it came to the end.
    async fn drive(&mut self, key: &TargetKey, left: usize) -> Result<bool, Broken> {
        let dispatcher = self.dispatcher();
        let context = self.context();
        let (ledger, engine) = (Arc::clone(&self.ledger), Arc::clone(&self.engine));
        let before = ledger.state(key).map_err(|error| error.to_string())?;
        // Where nothing ran before, nothing can go on running.
        let watched = invariants::runs(&before);
        let (mut broken, mut states) = (None, States::default());
        let (given_up, released) = (&mut self.given_up, &mut self.released);
        let mut look = || {
            if broken.is_none() {
                let well = routes::well(&ledger, &mut states, &engine.world());
                broken = well.err().filter(|_| !given_up.learn(&ledger));
            }
            if broken.is_none() {
                broken = released.look(&engine.world()).err();
            }
            if watched
                && broken.is_none()
                && let Ok(state) = states.of(&ledger, key)
            {
                broken = invariants::serves(state, &engine.world()).err();
            }
        };
        let driver = dispatcher.handle.driver(key).await;
        let mut driving = std::pin::pin!(dispatcher.drive(&driver, &context));
        let done = Steps { inner: driving.as_mut(), left, look: &mut look }.await;
        match (broken, done) {
            (Some(broken), _) => Err(broken),
            (None, Some(driven)) => driven.map(|_| true).map_err(|error| error.to_string()),
            (None, None) => Ok(false),
        }
    }

    /// The process dies: what is stored stays, everything else is gone.
    fn crash(&mut self) -> Result<(), Broken> {
        let stored = self.log.snapshot();
        let last = self.ledger.log().read_all(Position(stored.entries().len() as u64 - 1), 1);
        if let Ok(Some(event)) = last.map(|events| events.into_iter().next()) {
            *self.coverage.crashes.entry(event.event.name().to_owned()).or_default() += 1;
        }
        let acknowledged = self.ledger.head().next;
        let disk = match self.sabotage {
            Some(Sabotage::EffectBeforeIntent) => self.earlier.clone().unwrap_or(stored),
            Some(Sabotage::ProjectionOffByOne) | None => stored,
        };
        let (log, ledger) = open(disk, &self.clock, &self.entropy, &self.keys, self.sabotage);
        (self.log, self.ledger) = (log, ledger);
        invariants::known(&self.ledger, &self.engine.world())?;
        if self.ledger.head().next == acknowledged {
            return Ok(());
        }
        // Knowledge about what is lost is not valid any more.
        (self.judge, self.given_up) = (Judge::default(), GivenUp::default());
        if self.sabotage.is_none() { Err("an acknowledged event is lost".to_owned()) } else { Ok(()) }
    }

    async fn settle(&mut self, key: &TargetKey) -> Result<(), Broken> {
        let dispatcher = self.dispatcher();
        let driver = dispatcher.handle.driver(key).await;
        let settled = dispatcher.settle(&driver, &self.context()).await;
        settled.map_err(|error| error.to_string())?;
        self.check(key)
    }

    fn check(&mut self, key: &TargetKey) -> Result<(), Broken> {
        self.judge.learn(&self.ledger)?;
        let state = self.ledger.state(key).map_err(|error| error.to_string())?;
        let world = self.engine.world();
        routes::owned(&self.ledger, &state)?;
        if state.rollout.is_none() {
            self.judge.none_lost(&self.ledger, &state)?;
        }
        if self.meddled {
            return Ok(());
        }
        invariants::settled(&state, &world)?;
        invariants::restorable(&self.ledger, key, &world)
    }
}
