//! Volumes that haloy made, for paths of an image that the configuration does not name.

use super::{Embedded, errors};
use crate::*;
use haloy_ledger::ids::TargetKey;
use haloy_ledger::read::View;
use haloy_ledger::release::volumes::parts_of;
use std::collections::BTreeSet;

/// Volumes of a target that haloy made: those that its containers have, then those that none has any more.
/// What anybody names in `volumes:`, of whatever target, is that user's and not among them.
pub fn volumes(view: &View<'_>, key: &TargetKey) -> Result<Vec<VolumeRow>, Error> {
    let mut named = BTreeSet::new();
    for state in view.targets().map_err(errors::log)? {
        let live = state.current.iter().flat_map(|live| &live.spec.config.volumes);
        let new = state.rollout.iter().flat_map(|rollout| &rollout.spec.config.volumes);
        let sources = live.chain(new).filter_map(|entry| parts_of(entry));
        named.extend(sources.map(|(source, _)| source.to_owned()));
    }
    let state = view.state(key).map_err(errors::log)?;
    let replicas = state.current.iter().flat_map(|live| &live.replicas);
    let used = replicas.flat_map(|replica| replica.volumes.iter().map(|made| (made, replica.id, true)));
    let left = state.volumes.iter().map(|left| (&left.made, left.replica, false));
    let all = used.chain(left).filter(|(made, ..)| !named.contains(&made.volume));
    let rows = all.map(|(made, replica, used)| VolumeRow {
        volume: made.volume.clone(),
        path: made.path.clone(),
        deployment: replica.deployment,
        used,
        bytes: None,
        stays: false,
    });
    Ok(rows.collect())
}

impl Embedded {
    /// Fills in their sizes, where the engine reports them.
    pub(super) async fn measure(&self, rows: &mut [VolumeRow]) {
        let (Some(docker), false) = (&self.docker, rows.is_empty()) else { return };
        let names: Vec<String> = rows.iter().map(|row| row.volume.clone()).collect();
        let Ok(sizes) = docker.volume_sizes(&names).await else { return };
        for row in rows {
            row.bytes = sizes.get(&row.volume).copied();
        }
    }
}
