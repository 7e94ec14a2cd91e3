//! What a target does with images and containers as if there were no edge in front of them: the shape of a
//! rollout, a stop or a restart, without its data.

use super::state::{Direction, Live, Replica, ReplicaPhase, Restart, Rollout, TargetState};
use crate::defect::{Defect, planted};
use crate::event::{HookId, HookStage};
use crate::ids::ReplicaId;
use crate::outcome::HookExit;
use crate::release::RolloutStrategy;

/// A step that can be taken now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Run a hook.
    Hook(HookId),
    /// Find out which image is meant.
    Resolve,
    /// Build it.
    Build,
    /// Push what was built.
    Push,
    /// Have it on the engine.
    Pull,
    /// Tag the image for the release; for a rollback, make sure that the tag still exists.
    Tag,
    /// Have the network.
    Network,
    /// Run the release command.
    ReleaseCommand,
    /// Start a replica of the new release, or from `replicas` on, of the old one.
    Start(u16),
    /// Wait until it is well.
    Await(u16),
    /// Start a replica of what is live again, in the container that it has.
    StartAgain(ReplicaId),
    /// Wait until it is well again.
    AwaitAgain(ReplicaId),
    /// Stop a replica.
    Stop(ReplicaId),
    /// Remove its container.
    Remove(ReplicaId),
    /// Tell the edge who gets requests.
    Routes,
    /// Wait until a replica that gets no new requests has ended those that it had.
    Drain(ReplicaId),
}

/// Steps for images and containers as if there were no edge in front of them.
pub(super) fn moves(state: &TargetState) -> Vec<Step> {
    if let (Some(stop), Some(current)) = (&state.stop, &state.current) {
        return current.replicas.iter().filter_map(|r| stopping(r, stop.remove)).collect();
    }
    if let (Some(restart), Some(current)) = (&state.restart, &state.current) {
        return restarting(current, restart).into_iter().collect();
    }
    match &state.rollout {
        Some(rollout) => match &rollout.direction {
            Direction::Forward => forward(state, rollout),
            Direction::Back { after_retired, .. } => back(state.current.as_ref(), rollout, *after_retired),
        },
        None => Vec::new(),
    }
}

fn forward(state: &TargetState, rollout: &Rollout) -> Vec<Step> {
    if let Some(step) = next_hook(rollout, HookStage::PreDeploy).or_else(|| image_step(rollout)) {
        return vec![step];
    }
    if !state.strays.is_empty() {
        return state.strays.iter().map(|id| Step::Remove(*id)).collect();
    }
    if rollout.network_id.is_none() {
        return vec![Step::Network];
    }
    // Like hooks, it belongs to a deploy: a rollback must not run a migration twice.
    if rollout.spec.config.release_command.is_some() && !rollout.rollback {
        match rollout.release_command {
            None => return vec![Step::ReleaseCommand],
            Some(HookExit::Code(0)) => {}
            // Nothing may start after one that failed: the rollout is about to turn.
            Some(HookExit::Code(_) | HookExit::Killed | HookExit::Unknown) => return Vec::new(),
        }
    }
    let old = state.current.as_ref().map_or(&[][..], |live| &live.replicas);
    let steps = match rollout.spec.config.rollout {
        RolloutStrategy::Rolling => one_by_one(rollout, old),
        RolloutStrategy::Replace => first_then(retiring(old), || starting(rollout)),
        RolloutStrategy::BlueGreen => {
            first_then(starting(rollout), || if blocked(rollout) { Vec::new() } else { retiring(old) })
        }
    };
    if steps.is_empty() && !blocked(rollout) {
        return next_hook(rollout, HookStage::PostDeploy).into_iter().collect();
    }
    steps
}

fn next_hook(rollout: &Rollout, stage: HookStage) -> Option<Step> {
    let hooks = &rollout.spec.config.hooks;
    let count = match stage {
        HookStage::PreDeploy => hooks.pre_deploy.len(),
        HookStage::PostDeploy => hooks.post_deploy.len(),
    };
    // Hooks belong to a deploy; a rollback must not run a migration twice.
    let count = if rollout.rollback { 0 } else { count };
    (0..count)
        .map(|index| HookId { stage, index: index as u16 })
        .find(|id| !rollout.hooks.iter().any(|(done, _)| done == id))
        .map(Step::Hook)
}

fn image_step(rollout: &Rollout) -> Option<Step> {
    let Some(image) = &rollout.image else {
        return Some(if rollout.spec.config.image.build.is_some() { Step::Build } else { Step::Resolve });
    };
    let build = rollout.spec.config.image.build.as_ref();
    if build.is_some_and(|build| build.push) && image.digest.is_none() {
        return Some(Step::Push);
    }
    if image.image_id.is_none() {
        return Some(Step::Pull);
    }
    rollout.tagged.is_none().then_some(Step::Tag)
}

/// Rolling: one new replica well, one old retired, next. What has no counterpart goes all at once.
fn one_by_one(rollout: &Rollout, old: &[Replica]) -> Vec<Step> {
    let new = usize::from(rollout.spec.config.replicas);
    for (index, leaving) in old.iter().enumerate().take(new) {
        if rollout.replica(index as u16).is_some_and(bad) {
            return Vec::new();
        }
        let step = start_or_await(rollout, index as u16);
        let early = planted(Defect::EarlyRetire) && matches!(step, Some(Step::Await(_)));
        if let Some(step) = step.filter(|_| !early) {
            return vec![step];
        }
        if let Some(step) = retire(leaving) {
            return vec![step];
        }
    }
    let rest = new.min(old.len())..new;
    let more: Vec<Step> = rest.filter_map(|index| start_or_await(rollout, index as u16)).collect();
    first_then(more, || if blocked(rollout) { Vec::new() } else { retiring(old) })
}

/// A replica that is neither starting nor well: nothing of the old release may be stopped for it.
fn bad(replica: &Replica) -> bool {
    !serves(replica)
}

fn blocked(rollout: &Rollout) -> bool {
    rollout.replicas.iter().any(bad)
}

fn first_then(first: Vec<Step>, then: impl FnOnce() -> Vec<Step>) -> Vec<Step> {
    if first.is_empty() { then() } else { first }
}

fn starting(rollout: &Rollout) -> Vec<Step> {
    (0..rollout.spec.config.replicas).filter_map(|index| start_or_await(rollout, index)).collect()
}

fn start_or_await(rollout: &Rollout, index: u16) -> Option<Step> {
    match rollout.replica(index).map(|r| r.phase) {
        None => Some(Step::Start(index)),
        Some(ReplicaPhase::Started) => Some(Step::Await(index)),
        Some(
            ReplicaPhase::Wanted
            | ReplicaPhase::Healthy
            | ReplicaPhase::Leaving
            | ReplicaPhase::Unhealthy
            | ReplicaPhase::Stopped
            | ReplicaPhase::Removed,
        ) => None,
    }
}

fn retiring(replicas: &[Replica]) -> Vec<Step> {
    replicas.iter().filter_map(retire).collect()
}

/// The next step in retiring a replica.
fn retire(replica: &Replica) -> Option<Step> {
    match replica.phase {
        ReplicaPhase::Started
        | ReplicaPhase::Healthy
        | ReplicaPhase::Leaving
        | ReplicaPhase::Unhealthy
        | ReplicaPhase::Wanted => Some(Step::Stop(replica.id)),
        ReplicaPhase::Stopped => Some(Step::Remove(replica.id)),
        ReplicaPhase::Removed => None,
    }
}

fn stopping(replica: &Replica, remove: bool) -> Option<Step> {
    retire(replica).filter(|step| remove || matches!(step, Step::Stop(_)))
}

/// One replica after the other: the others go on serving.
fn restarting(current: &Live, restart: &Restart) -> Option<Step> {
    let id = *restart.left.first()?;
    if restart.started {
        return Some(Step::AwaitAgain(id));
    }
    let replica = current.replicas.iter().find(|replica| replica.id == id)?;
    Some(if gone(replica) { Step::StartAgain(id) } else { Step::Stop(id) })
}

/// Back to the old release. What runs keeps running until its replacement is well, but for
/// `replace`, where two releases must never run side by side.
fn back(current: Option<&Live>, rollout: &Rollout, after_retired: bool) -> Vec<Step> {
    let new = usize::from(rollout.spec.config.replicas);
    let leaving: Vec<Step> = (rollout.replicas.iter())
        .filter(|r| usize::from(r.id.index) < new || r.phase == ReplicaPhase::Unhealthy || gone(r))
        .chain(
            current
                .iter()
                .flat_map(|live| &live.replicas)
                .filter(|r| r.phase == ReplicaPhase::Leaving || gone(r)),
        )
        .filter_map(retire)
        .collect();
    let restoring = || match current {
        Some(live) if after_retired => (0..missing(live))
            .filter_map(|k| start_or_await(rollout, rollout.spec.config.replicas + k))
            .collect(),
        Some(_) | None => Vec::new(),
    };
    match rollout.spec.config.rollout {
        RolloutStrategy::Replace => first_then(leaving, restoring),
        RolloutStrategy::Rolling | RolloutStrategy::BlueGreen => first_then(restoring(), || leaving),
    }
}

fn gone(replica: &Replica) -> bool {
    matches!(replica.phase, ReplicaPhase::Stopped | ReplicaPhase::Removed)
}

/// How many replicas of the old release have to be started again.
pub fn missing(live: &Live) -> u16 {
    if live.stopped {
        return 0;
    }
    live.replicas.iter().filter(|r| !serves(r)).count() as u16
}

/// Whether a replica is taken to serve.
pub fn serves(replica: &Replica) -> bool {
    match replica.phase {
        ReplicaPhase::Started | ReplicaPhase::Healthy => true,
        ReplicaPhase::Wanted
        | ReplicaPhase::Leaving
        | ReplicaPhase::Unhealthy
        | ReplicaPhase::Stopped
        | ReplicaPhase::Removed => false,
    }
}

impl Rollout {
    /// A replica of this rollout by its number.
    pub fn replica(&self, index: u16) -> Option<&Replica> {
        self.replicas.iter().find(|r| r.id.index == index)
    }
}
