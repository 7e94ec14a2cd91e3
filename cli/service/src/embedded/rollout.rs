//! Deploys, rollbacks and what a crash left: commands to the ledger, driven to their end.

use super::drive::{dispatcher, revive, settle_first};
use super::{As, Embedded, Open, check, choose, errors, queries, running, values};
use crate::*;
use haloy_executors::{Dispatcher, Driver};
use haloy_ledger::deployment::Command;
use haloy_ledger::deployment::command::{Deploy, Rollback};
use haloy_ledger::event::{AnyEvent, CiFacts, GitFacts, TargetEvent};
use haloy_ledger::ids::{DeploymentId, StreamId, TargetKey};
use haloy_ledger::{CommandContext, Executed};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use tokio::task::JoinSet;

/// Deploys several targets, four at once; one that fails stops those that have not started.
pub async fn deploy(
    service: &As,
    open: &Open,
    request: DeployRequest,
    follow: &Arc<dyn Follow>,
) -> Result<Deployed, Error> {
    let DeployRequest { targets, move_domains, why, git, ci } = request;
    let several = targets.len() > 1;
    let (here, context) = (&service.here, service.context(&why));
    let work = Arc::new(service.interrupt.work());
    let mut waiting: VecDeque<(usize, TargetRequest)> = targets.into_iter().enumerate().collect();
    let mut running = JoinSet::new();
    let (mut answers, mut errors, mut failed) = (Vec::new(), Vec::new(), false);
    loop {
        while running.len() < here.options.machine.at_once && !failed {
            let Some((number, target)) = waiting.pop_front() else { break };
            let mut context = context.clone();
            if let (Some(key), true) = (&mut context.idempotency_key, several) {
                *key = format!("{key}/{}", target.key.target);
            }
            let (git, ci, handle) = (git.clone(), ci.clone(), open.handle.clone());
            let (dispatcher, follow) = (dispatcher(here, open, follow), Arc::clone(follow));
            let (here, work) = (Arc::clone(here), Arc::clone(&work));
            running.spawn(async move {
                let one = One { here, dispatcher, follow, context, handle, work };
                (number, one.deploy(target, git, ci, move_domains).await)
            });
        }
        let Some(done) = running.join_next().await else { break };
        match haloy_executors::join::ended(done).await {
            (number, Ok(answer)) => {
                failed |= answer.failure().is_some();
                answers.push((number, answer));
            }
            (number, Err(error)) => {
                failed = true;
                errors.push((number, error));
            }
        }
    }
    open.handle.call(values::forget_unused).await;
    answers.sort_by_key(|(number, _)| *number);
    errors.sort_by_key(|(number, _)| *number);
    for (_, target) in waiting {
        follow.note(&format!("{} was not started", target.key));
    }
    let mut answers: Vec<DeploymentAnswer> = answers.into_iter().map(|(_, answer)| answer).collect();
    here.warn_of_neighbours(open.id, &mut answers).await;
    here.tell_of_certificates(open, &answers, follow).await;
    Ok(Deployed { answers, errors: errors.into_iter().map(|(_, error)| error).collect() })
}

/// Deployment of one target.
struct One {
    here: Arc<Embedded>,
    dispatcher: Arc<Dispatcher>,
    follow: Arc<dyn Follow>,
    context: CommandContext,
    handle: haloy_executors::LedgerHandle,
    work: Arc<Work>,
}

impl One {
    async fn deploy(
        &self,
        target: TargetRequest,
        git: Option<GitFacts>,
        ci: Option<CiFacts>,
        move_domains: bool,
    ) -> Result<DeploymentAnswer, Error> {
        let driver = self.handle.driver(&target.key).await;
        settle_first(&self.dispatcher, &driver, &self.context, &self.follow).await?;
        revive(&self.dispatcher, &driver, &self.context, &self.follow).await?;
        let (release, leases) = self.handle.call(move |ledger| values::seal(ledger, target)).await?;
        let (id, at) = (self.here.new_id(), self.here.now());
        let command =
            Command::Deploy(Box::new(Deploy { id, at, release, git, ci, engine: None, move_domains }));
        self.run(&driver, id, command, leases).await
    }

    /// Requests, drives to the end, and answers. From the request on, the log keeps the values.
    async fn run(
        &self,
        driver: &Driver,
        id: DeploymentId,
        command: Command,
        leases: values::Leases,
    ) -> Result<DeploymentAnswer, Error> {
        let key = driver.key();
        if self.work.is_interrupted() {
            return Err(Error::new(Kind::Interrupted, format!("{key}: nothing was begun")));
        }
        let executed = self.handle.execute(key, command, &self.context).await.map_err(errors::execute)?;
        drop(leases);
        let id = if executed.repeated { self.earlier(&executed).await?.unwrap_or(id) } else { id };
        if executed.repeated {
            self.follow.note(&format!("the same key was used before: following deployment {id}"));
        }
        self.follow.recorded(key, &executed.events);
        let driven = tokio::select! {
            driven = self.dispatcher.drive(driver, &self.context) => driven,
            never = self.cancel_on_interrupt(key, id) => match never {},
        };
        driven.map_err(errors::dispatch)?;
        answered(&self.dispatcher, key, id).await
    }

    /// Turns the deployment back on request; that is driven like everything else.
    async fn cancel_on_interrupt(&self, key: &TargetKey, id: DeploymentId) -> Infallible {
        self.work.asked().await;
        let cancel = Command::Cancel { id };
        if let Err(error) = self.dispatcher.ask_meanwhile(key, cancel, &self.context.consequence()).await {
            self.follow.note(&format!("it could not be cancelled: {error}"));
        }
        std::future::pending().await
    }

    /// The deployment that an idempotency key stands for.
    async fn earlier(&self, executed: &Executed) -> Result<Option<DeploymentId>, Error> {
        let Some((first, _)) = executed.positions else { return Ok(None) };
        let events = self.handle.call(move |ledger| ledger.log().read_all(first, 1)).await;
        Ok(events.map_err(errors::log)?.first().and_then(|recorded| match &recorded.event {
            AnyEvent::Target(TargetEvent::DeploymentRequested(requested)) => Some(requested.id),
            _other => None,
        }))
    }
}

/// How a deployment went, and where its replicas are now.
async fn answered(
    dispatcher: &Dispatcher,
    key: &TargetKey,
    id: DeploymentId,
) -> Result<DeploymentAnswer, Error> {
    let asked = key.clone();
    let mut answer = dispatcher.handle.view(move |view| queries::answer(view, &asked, id)).await?;
    let state = dispatcher.handle.state(key).await.map_err(errors::log)?;
    match dispatcher.observe(key).await {
        Ok(observed) => {
            answer.addresses = running::addresses(&state, &observed);
            answer.running = Some(running::running(&state, &observed));
        }
        Err(error) => answer.unseen = Some(error.to_string()),
    }
    Ok(answer)
}

/// Settles every target that owes something.
pub async fn settle(
    service: &As,
    open: &Open,
    why: &CommandMetadata,
    follow: &Arc<dyn Follow>,
) -> Result<Vec<DeploymentAnswer>, Error> {
    let (here, context) = (&service.here, &service.context(why));
    let pending = open.handle.view(|view| view.pending()).await.map_err(errors::log)?;
    let mut answers = Vec::new();
    for row in pending {
        let StreamId::Target(key) = row.stream else { continue };
        let dispatcher = dispatcher(here, open, follow);
        let driver = open.handle.driver(&key).await;
        if let Some(id) = settle_first(&dispatcher, &driver, context, follow).await? {
            answers.push(answered(&dispatcher, &key, id).await?);
        }
    }
    let targets = open.handle.view(|view| view.targets()).await.map_err(errors::log)?;
    let mut missing = 0;
    for state in targets {
        let driver = open.handle.driver(&state.key).await;
        missing += revive(&dispatcher(here, open, follow), &driver, context, follow).await?;
    }
    open.handle.call(values::forget_unused).await;
    here.bring_routes(open).await?;
    if missing > 0 {
        let text = format!("{} could not be made to run: see above", words::count(missing, "replica"));
        return Err(Error::new(Kind::Operational, text));
    }
    Ok(answers)
}

/// Looks, chooses, and makes an older release live.
pub async fn rollback(
    service: &As,
    open: &Open,
    request: RollbackRequest,
    follow: &Arc<dyn Follow>,
) -> Result<RollbackAnswer, Error> {
    let RollbackRequest { key, to, secrets, values: given, why, git, ci } = request;
    let (here, context) = (Arc::clone(&service.here), service.context(&why));
    let work = Arc::new(service.interrupt.work());
    let dispatcher = dispatcher(&here, open, follow);
    let driver = open.handle.driver(&key).await;
    settle_first(&dispatcher, &driver, &context, follow).await?;
    revive(&dispatcher, &driver, &context, follow).await?;
    // A removed image is found before anything is requested.
    let looked = dispatcher.record_observed(&driver, &context).await.map_err(errors::dispatch)?;
    follow.recorded(&key, &looked);
    let engine_id = here.engine_id().await;
    // Images kept by a registry are looked up, too: a moved tag is reported, the digest decides.
    let (asked, wanted) = (key.clone(), to.clone());
    let picked = open.handle.view(move |view| choose::pick(view, &asked, wanted.as_deref())).await?;
    let release = picked.row.release;
    check::check_one(&here, open, &driver, release, &context, follow).await?;
    let (asked, wanted) = (key.clone(), release.to_string());
    open.handle.view(move |view| choose::rollback_choice(view, &asked, Some(&wanted))).await?;
    let record = open.handle.view(move |view| view.release_record(release)).await.map_err(errors::log)?;
    let missing =
        || Error::new(Kind::NotRestorable, format!("release {release} was never resolved to an image"));
    let record = record.ok_or_else(missing)?;
    let spec = record.spec.clone();
    here.refuse_unfit(&spec.config).await?;
    let given = match values::given(release, &spec, secrets, given) {
        Ok(given) => given,
        Err(sources) => return Ok(RollbackAnswer::Asks(sources)),
    };
    if !given.unasked.is_empty() {
        follow.note(&format!(
            "using recorded values for: {}; their sources are not available on this machine",
            given.unasked.join(", ")
        ));
    }
    let values::Changed { secrets: changed_secrets, leases } =
        open.handle.call(move |ledger| values::changed(ledger, &spec, &given)).await?;
    let changed: Vec<String> = changed_secrets.iter().map(|changed| changed.name.clone()).collect();
    if !changed.is_empty() {
        follow.note(&format!("values that changed since that release: {}", changed.join(", ")));
    }
    let (id, at) = (here.new_id(), here.now());
    let ask = Rollback { id, at, to: record, engine_id, changed_secrets, secrets, git, ci, engine: None };
    let (follow, handle) = (Arc::clone(follow), open.handle.clone());
    let one = One { here, dispatcher, follow, context, handle, work };
    let mut answer = one.run(&driver, id, Command::Rollback(Box::new(ask)), leases).await?;
    open.handle.call(values::forget_unused).await;
    answer.changed_secrets = changed;
    Ok(RollbackAnswer::Ended(Box::new(answer)))
}

impl Embedded {
    async fn engine_id(&self) -> Option<String> {
        match &self.docker {
            Some(docker) => docker.facts().await.ok().map(|facts| facts.engine_id),
            None => None,
        }
    }
}
