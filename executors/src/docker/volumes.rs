//! Volumes of paths that an image declares and the configuration does not cover.
//!
//! By itself, the engine gives such a path an anonymous volume, and removes it with the container. So haloy
//! gives it one with a name and labels: it outlives every container, and is removed only on request.

use super::errors::{self, Doing, failed};
use super::labels::OwnContainer;
use super::{Engine, labels};
use crate::contract::*;
use bollard::models::*;
use bollard::query_parameters::{DataUsageOptions, ListVolumesOptions, RemoveVolumeOptions};
use haloy_ledger::deployment::effect::ReplicaSpec;
use haloy_ledger::ids::{Digest, ReplicaId};
use haloy_ledger::outcome::{FailureCode, Outcome, Public};
use haloy_ledger::release::{MadeVolume, volumes};
use haloy_ledger::words;
use std::collections::{BTreeMap, HashMap};

/// A volume of a new container: the path in it, and the name on the engine.
pub(super) struct Mounted {
    pub(super) path: String,
    pub(super) volume: String,
}

impl Engine<'_> {
    /// Volumes for every path that the image declares and the configuration does not name; made where they do
    /// not exist.
    pub(super) async fn volumes_for(
        &self,
        cx: &EffectContext,
        spec: &ReplicaSpec,
    ) -> Result<Vec<Mounted>, ExecutorError> {
        let mut mounted = Vec::new();
        for path in volumes::uncovered(&self.declared(&spec.image_id).await?, &spec.volumes) {
            let known = MadeVolume::known_as(&path);
            let before = spec.takes_over.iter().find(|made| made.path == known);
            let volume = match before {
                Some(made) if self.volume(&made.volume).await?.is_some() => made.volume.clone(),
                // The volume was removed by others: there is nothing left to take over.
                Some(_) | None => self.make_volume(cx, spec, &path).await?,
            };
            mounted.push(Mounted { path, volume });
        }
        Ok(mounted)
    }

    /// Paths that an image declares as a `VOLUME`.
    async fn declared(&self, image_id: &Digest) -> Result<Vec<String>, ExecutorError> {
        let image = self.inspect(image_id.as_str()).await?;
        Ok(image.and_then(|image| image.config?.volumes).unwrap_or_default())
    }

    async fn volume(&self, name: &str) -> Result<Option<Volume>, ExecutorError> {
        match self.docker.inspect_volume(name).await {
            Ok(volume) => Ok(Some(volume)),
            Err(error) if errors::status(&error) == Some(404) => Ok(None),
            Err(error) => Err(failed(&error, Doing::Other, "looking at a volume")),
        }
    }

    /// Made once: its name is that of the replica and the path, so a second attempt finds it.
    async fn make_volume(
        &self,
        cx: &EffectContext,
        spec: &ReplicaSpec,
        path: &str,
    ) -> Result<String, ExecutorError> {
        let name = name(&cx.request.scope, spec.replica, path);
        let request = VolumeCreateRequest {
            name: Some(name.clone()),
            labels: Some(labels::of_volume(&cx.request.scope, spec.replica, path)),
            ..VolumeCreateRequest::default()
        };
        let volume = self.docker.create_volume(request).await;
        let volume = volume.map_err(|error| failed(&error, Doing::Start, "making a volume"))?;
        if labels::in_scope(&volume.labels, &cx.request.scope) {
            return Ok(name);
        }
        let words = words!("a volume named {} already exists, and is not ours", Public(&name));
        Err(ExecutorError::new(FailureCode::NameTaken, words))
    }

    /// Refuses an image that keeps data where `volumes:` names no place for it; says where the data of what
    /// runs now lies, so that it can be named.
    pub(super) async fn refuse_uncovered(
        &self,
        cx: &EffectContext,
        image_id: &Digest,
        entries: &[String],
    ) -> Result<(), ExecutorError> {
        let paths = volumes::uncovered(&self.declared(image_id).await?, entries);
        let Some(path) = paths.first() else { return Ok(()) };
        let mut lines = Vec::new();
        for path in &paths {
            lines.push(match self.mounted_now(&cx.request.scope, path).await? {
                Some(volume) => format!("- {volume}:{path} (where it is now)"),
                None => {
                    format!(
                        "- {}-{}:{path}",
                        cx.request.scope.key.app.slug(),
                        path.replace('/', "-").trim_matches('-')
                    )
                }
            });
        }
        let known = MadeVolume::known_as(path);
        let words =
            words!("the image keeps data at {}, and no entry of `volumes:` covers it", Public(&known));
        let detail = format!("add to `volumes:` in haloy.yaml: {}", lines.join("; "));
        Err(ExecutorError::new(FailureCode::VolumeUncovered, words).saying(detail))
    }

    /// The volume that a container of this target has at a path.
    async fn mounted_now(&self, scope: &Scope, path: &str) -> Result<Option<String>, ExecutorError> {
        for found in self.all(scope).await? {
            let Some(container) = self.inspect_container(&found.id).await? else { continue };
            let there = mounts(&container).into_iter().find(|mounted| mounted.path == path);
            if let Some(mounted) = there {
                return Ok(Some(mounted.volume));
            }
        }
        Ok(None)
    }

    /// Unnamed volumes of a replica: those of its container, and those made for it.
    pub(super) async fn left_by(
        &self,
        scope: &Scope,
        replica: ReplicaId,
        found: Option<&OwnContainer>,
    ) -> Result<Vec<MadeVolume>, ExecutorError> {
        let mut left: BTreeMap<String, MadeVolume> = BTreeMap::new();
        if let Some(found) = found
            && let Some(container) = self.inspect_container(&found.id).await?
        {
            let made = unnamed(&container, &found.labels);
            left.extend(made.into_iter().map(|made| (made.volume.clone(), made)));
        }
        let filters = Some(HashMap::from([("label".to_owned(), labels::filter_replica(scope, replica))]));
        let listed = self.docker.list_volumes(Some(ListVolumesOptions { filters })).await;
        let listed = listed.map_err(|error| failed(&error, Doing::Other, "listing volumes"))?;
        for volume in listed.volumes.unwrap_or_default() {
            let path = volume.labels.get(labels::VOLUME).map(|path| MadeVolume::known_as(path));
            let made = MadeVolume { path: path.unwrap_or_default(), volume: volume.name };
            left.entry(made.volume.clone()).or_insert(made);
        }
        Ok(left.into_values().collect())
    }

    /// Removes a volume that is ours, or has no name of anybody's. Never one that a container uses.
    pub(super) async fn remove_volume(&self, scope: &Scope, name: &str) -> Result<Outcome, ExecutorError> {
        let Some(volume) = self.volume(name).await? else {
            return Ok(Outcome::VolumeRemoved { freed: 0 });
        };
        if !labels::in_scope(&volume.labels, scope) && !anonymous(&volume) {
            let words = words!("volume {} was not made by haloy for this target", Public(name));
            return Err(ExecutorError::new(FailureCode::NameTaken, words));
        }
        let sizes = self.volume_sizes(std::slice::from_ref(&volume.name)).await?;
        let freed = sizes.get(name).copied().unwrap_or(0);
        match self.docker.remove_volume(name, Some(RemoveVolumeOptions { force: false })).await {
            Ok(()) => Ok(Outcome::VolumeRemoved { freed }),
            Err(error) if errors::status(&error) == Some(404) => Ok(Outcome::VolumeRemoved { freed: 0 }),
            Err(error) if errors::status(&error) == Some(409) => {
                let words = words!("volume {} is in use by a container, and stays", Public(name));
                Err(ExecutorError::new(FailureCode::VolumeInUse, words).saying(errors::sentence(&error)))
            }
            Err(error) => Err(failed(&error, Doing::Other, words!("removing volume {}", Public(name)))),
        }
    }

    /// Bytes in these volumes, where that can be known: engines say it since Docker 29, of older ones it is
    /// known where their files can be read.
    pub(super) async fn volume_sizes(
        &self,
        names: &[String],
    ) -> Result<BTreeMap<String, u64>, ExecutorError> {
        let options = DataUsageOptions { verbose: true, ..DataUsageOptions::default() };
        let usage = self.docker.df(Some(options)).await;
        let usage = usage.map_err(|error| failed(&error, Doing::Other, "measuring volumes"))?;
        let told = usage.volume_usage.and_then(|usage| usage.items).unwrap_or_default();
        let mut sizes: BTreeMap<String, u64> = told.iter().filter_map(reported_size).collect();
        sizes.retain(|name, _| names.contains(name));
        for name in names {
            if sizes.contains_key(name) {
                continue;
            }
            let Some(volume) = self.volume(name).await? else { continue };
            let folder = std::path::PathBuf::from(volume.mountpoint);
            let size = tokio::task::spawn_blocking(move || size_of(&folder)).await;
            if let Ok(Ok(size)) = size {
                sizes.insert(name.clone(), size);
            }
        }
        Ok(sizes)
    }
}

/// Name and size, as an engine tells of a volume.
fn reported_size(item: &serde_json::Value) -> Option<(String, u64)> {
    Some((item["Name"].as_str()?.to_owned(), item["UsageData"]["Size"].as_u64()?))
}

/// Bytes of all files below a folder.
fn size_of(folder: &std::path::Path) -> std::io::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() { size_of(&entry.path())? } else { metadata.len() };
    }
    Ok(bytes)
}

/// Volumes in a container, by path.
fn mounts(container: &ContainerInspectResponse) -> Vec<Mounted> {
    let volumes = container.mounts.iter().flatten().filter(|m| m.typ.as_deref() == Some("volume"));
    let mounted =
        volumes.filter_map(|m| Some(Mounted { path: m.destination.clone()?, volume: m.name.clone()? }));
    mounted.collect()
}

/// Volumes of a container that no entry of the configuration names: made by haloy, as its label says, or by
/// the engine for a path without an entry.
pub(super) fn unnamed(
    container: &ContainerInspectResponse,
    labels: &HashMap<String, String>,
) -> Vec<MadeVolume> {
    let binds = container.host_config.as_ref().and_then(|host| host.binds.as_deref()).unwrap_or_default();
    let bound =
        |path: &str| binds.iter().filter_map(|bind| volumes::parts_of(bind)).any(|(_, at)| at == path);
    let made: Vec<&str> =
        labels.get(labels::VOLUMES).map(|names| names.split(',').collect()).unwrap_or_default();
    let ours = mounts(container).into_iter();
    let ours = ours.filter(|m| made.contains(&m.volume.as_str()) || !bound(&m.path));
    let mut ours: Vec<MadeVolume> =
        ours.map(|m| MadeVolume { path: MadeVolume::known_as(&m.path), volume: m.volume }).collect();
    ours.sort();
    ours
}

/// A volume that the engine made for a container of an older haloy: its name is 64 digits, chosen by nobody.
fn anonymous(volume: &Volume) -> bool {
    let digits = volume.name.len() == 64 && volume.name.chars().all(|c| c.is_ascii_hexdigit());
    digits && volume.options.is_empty() && !volume.labels.contains_key(labels::LEDGER)
}

/// The name of a volume: its owner for people, and enough of a digest to be unique.
fn name(scope: &Scope, replica: ReplicaId, path: &str) -> String {
    let of = format!("{}\n{}\n{}\n{path}", scope.ledger, replica.deployment, replica.index);
    let digest = blake3::hash(of.as_bytes()).to_hex();
    format!("haloy-{}-{}-{}", scope.key.app.slug(), scope.key.target.slug(), &digest[..12])
}
