//! Ownership: labels name the owner of a container. Containers of others are never touched.

use crate::contract::Scope;
use haloy_ledger::deployment::effect::ReplicaSpec;
use haloy_ledger::ids::{EffectId, LedgerId, ReplicaId};
use std::collections::HashMap;

pub(super) const LEDGER: &str = "haloy.ledger";
pub(super) const APP: &str = "haloy.app";
pub(super) const TARGET: &str = "haloy.target";
pub(super) const DEPLOYMENT: &str = "haloy.deployment";
pub(super) const REPLICA: &str = "haloy.replica";
pub(super) const RELEASE: &str = "haloy.release";
pub(super) const EFFECT: &str = "haloy.effect";
pub(super) const PORT: &str = "haloy.port";
/// On the container of a release command; it is not a replica.
pub(super) const RELEASE_COMMAND: &str = "haloy.release-command";
/// On a volume: the path that it was made for.
pub(super) const VOLUME: &str = "haloy.volume";
/// On a container: the volumes of it that haloy made, with commas between them.
pub(super) const VOLUMES: &str = "haloy.volumes";

/// A container of ours.
pub(super) struct OwnContainer {
    pub(super) id: String,
    pub(super) labels: HashMap<String, String>,
}

/// Labels of a new container.
pub(super) fn of(scope: &Scope, effect: &EffectId, spec: &ReplicaSpec) -> HashMap<String, String> {
    let labels = [
        (LEDGER, scope.ledger.to_string()),
        (APP, scope.key.app.to_string()),
        (TARGET, scope.key.target.to_string()),
        (DEPLOYMENT, spec.replica.deployment.to_string()),
        (REPLICA, spec.replica.index.to_string()),
        (RELEASE, spec.release.to_string()),
        (EFFECT, effect.to_string()),
        (PORT, spec.port.to_string()),
    ];
    labels.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Labels of a new volume.
pub(super) fn of_volume(scope: &Scope, replica: ReplicaId, path: &str) -> HashMap<String, String> {
    let labels = [
        (LEDGER, scope.ledger.to_string()),
        (APP, scope.key.app.to_string()),
        (TARGET, scope.key.target.to_string()),
        (DEPLOYMENT, replica.deployment.to_string()),
        (REPLICA, replica.index.to_string()),
        (VOLUME, path.to_owned()),
    ];
    labels.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// A filter for everything of a replica.
pub(super) fn filter_replica(scope: &Scope, replica: ReplicaId) -> Vec<String> {
    let mut label = filter(scope);
    label.push(format!("{DEPLOYMENT}={}", replica.deployment));
    label.push(format!("{REPLICA}={}", replica.index));
    label
}

/// Whether labels are those of this target of this ledger.
pub(super) fn in_scope(labels: &HashMap<String, String>, scope: &Scope) -> bool {
    let is = |name: &str, value: &str| labels.get(name).is_some_and(|label| label == value);
    is(LEDGER, &scope.ledger.to_string())
        && is(APP, scope.key.app.as_str())
        && is(TARGET, scope.key.target.as_str())
}

/// A filter for everything of a target.
pub(super) fn filter(scope: &Scope) -> Vec<String> {
    vec![
        format!("{LEDGER}={}", scope.ledger),
        format!("{APP}={}", scope.key.app),
        format!("{TARGET}={}", scope.key.target),
    ]
}

/// A filter for everything of a ledger.
pub(super) fn filter_ledger(ledger: LedgerId) -> Vec<String> {
    vec![format!("{LEDGER}={ledger}")]
}

/// The replica named by labels.
pub(super) fn replica(labels: &HashMap<String, String>) -> Option<ReplicaId> {
    let deployment = labels.get(DEPLOYMENT)?.parse().ok()?;
    let index = labels.get(REPLICA)?.parse().ok()?;
    Some(ReplicaId { deployment, index })
}

/// Whether labels are those of this effect of this ledger.
pub(super) fn is_effect(labels: &HashMap<String, String>, scope: &Scope, effect: &EffectId) -> bool {
    let is = |name: &str, value: String| labels.get(name) == Some(&value);
    is(LEDGER, scope.ledger.to_string()) && is(EFFECT, effect.to_string())
}
