//! What travels beside an effect: values that it needs, and the environment of a hook.

use haloy_ledger::deployment::Effect;
use haloy_ledger::deployment::state::{Rollout, TargetState};
use haloy_ledger::ids::{DeploymentId, ReplicaId, TargetKey};
use haloy_ledger::release::ReleaseSpec;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The release whose values an effect needs.
pub(super) fn needs_values(
    state: &TargetState,
    effect: &Effect,
) -> Option<(DeploymentId, Option<Arc<ReleaseSpec>>)> {
    let named = matches!(effect, Effect::PushTag { .. } | Effect::DeleteRegistryTag { .. });
    if let (Some(naming), true) = (&state.naming, named) {
        return Some((naming.release, None));
    }
    if let (Some(_), Some(live)) = (&state.restart, &state.current)
        && matches!(effect, Effect::StartReplica(_) | Effect::AwaitHealthy { .. })
    {
        return Some((live.release, Some(live.spec.clone())));
    }
    let rollout = state.rollout.as_ref()?;
    let release = match effect {
        Effect::StartReplica(spec) => return Some(of_replica(state, rollout, spec.replica)),
        Effect::AwaitHealthy { replica, .. } => return Some(of_replica(state, rollout, *replica)),
        Effect::ResolveImage { .. }
        | Effect::BuildImage { .. }
        | Effect::PushImage { .. }
        | Effect::PushTag { .. }
        | Effect::DeleteRegistryTag { .. }
        | Effect::PullImage { .. }
        | Effect::RunHook { .. }
        | Effect::RunReleaseCommand { .. } => rollout.release,
        Effect::TagImage { .. }
        | Effect::EnsureNetwork { .. }
        | Effect::StopReplica { .. }
        | Effect::RemoveReplica { .. }
        | Effect::ApplyRoutes { .. }
        | Effect::Drain { .. }
        | Effect::RemoveLocalTag { .. }
        | Effect::RemoveVolume { .. } => return None,
    };
    Some((release, Some(rollout.spec.clone())))
}

/// The release that a replica of a rollout runs: one that is brought back runs what was live.
fn of_replica(
    state: &TargetState,
    rollout: &Rollout,
    replica: ReplicaId,
) -> (DeploymentId, Option<Arc<ReleaseSpec>>) {
    match &state.current {
        Some(live) if replica.index >= rollout.spec.config.replicas => {
            (live.release, Some(live.spec.clone()))
        }
        Some(_) | None => (rollout.release, Some(rollout.spec.clone())),
    }
}

/// Environment of a hook.
pub(super) fn facts(key: &TargetKey, state: &TargetState) -> BTreeMap<String, String> {
    let mut facts = BTreeMap::from([
        ("HALOY_APP".to_owned(), key.app.to_string()),
        ("HALOY_TARGET".to_owned(), key.target.to_string()),
    ]);
    if let Some(rollout) = &state.rollout {
        facts.insert("HALOY_DEPLOYMENT_ID".to_owned(), rollout.deployment.to_string());
        facts.insert("HALOY_RELEASE_ID".to_owned(), rollout.release.to_string());
        facts.insert("HALOY_IMAGE".to_owned(), rollout.spec.config.image.reference.to_string());
    }
    if let Some(live) = &state.current {
        facts.insert("HALOY_PREVIOUS_RELEASE_ID".to_owned(), live.release.to_string());
    }
    facts
}
