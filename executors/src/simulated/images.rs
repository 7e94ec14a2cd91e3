//! Images, tags and volumes of the simulated engine.

use super::world::{ENGINE, SimReplica, World, digest};
use crate::contract::{EffectContext, ExecutorError};
use haloy_ledger::ids::{Digest, ImageRef};
use haloy_ledger::outcome::{FailureCode, HookExit, LogTail, Outcome};
use haloy_ledger::release::{ResolvedImage, volumes};
use haloy_ledger::words;

pub(super) fn build(world: &mut World, cx: &EffectContext, local_tag: &str) -> Outcome {
    let args: Vec<String> =
        cx.values.build_args.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let image_id = digest(&args.join(" "));
    world.tags.insert(local_tag.to_owned(), image_id.clone());
    let platform = "linux/amd64".to_owned();
    let (context_digest, dockerfile_digest) = ("simulated".to_owned(), "simulated".to_owned());
    Outcome::ImageBuilt { image_id, context_digest, dockerfile_digest, platform, size: Some(1) }
}

pub(super) fn tag(
    world: &mut World,
    image_id: &Digest,
    local_tag: &str,
    covering: Option<&[String]>,
) -> Result<Outcome, ExecutorError> {
    if covering.is_some_and(|entries| !volumes::uncovered(&world.declared, entries).is_empty()) {
        let words = "the image keeps data where no entry of `volumes:` covers it";
        return Err(ExecutorError::new(FailureCode::VolumeUncovered, words));
    }
    world.tags.insert(local_tag.to_owned(), image_id.clone());
    let (image_id, local_tag) = (image_id.clone(), local_tag.to_owned());
    Ok(Outcome::ImageTagged { local_tag, image_id, engine_id: ENGINE.to_owned() })
}

pub(super) fn remove_tag(world: &mut World, local_tag: &str) -> Outcome {
    let gone = world.tags.remove(local_tag);
    let shared = gone.is_some_and(|id| world.tags.values().any(|other| *other == id));
    Outcome::LocalTagRemoved { freed: u64::from(!shared), shared }
}

/// Ends as a shell would with the line `exit CODE`; well with every other.
pub(super) fn release_command(cx: &EffectContext) -> Outcome {
    let line = cx.values.release_command.as_deref().unwrap_or_default();
    let code = line.strip_prefix("exit ").and_then(|code| code.parse().ok()).unwrap_or(0);
    Outcome::HookFinished { exit: HookExit::Code(code), log_tail: LogTail::new("simulated: no log") }
}

pub(super) fn remove_volume(world: &mut World, volume: &str) -> Result<Outcome, ExecutorError> {
    let uses = |found: &SimReplica| found.volumes.iter().any(|made| made.volume == volume);
    if world.replicas.values().any(uses) {
        return Err(ExecutorError::new(FailureCode::VolumeInUse, "a container uses the volume"));
    }
    Ok(Outcome::VolumeRemoved { freed: u64::from(world.volumes.remove(volume)) })
}

pub(super) fn resolve(world: &World, reference: &ImageRef) -> Result<Outcome, ExecutorError> {
    if world.missing.contains(reference.as_str()) {
        let words = words!("image {} is not in the registry", reference);
        return Err(ExecutorError::new(FailureCode::ImageNotFound, words));
    }
    Ok(Outcome::ImageResolved(ResolvedImage {
        reference: reference.clone(),
        index_digest: None,
        digest: Some(digest(reference.as_str())),
        image_id: None,
        platform: "linux/amd64".to_owned(),
        size: Some(1),
        created: None,
        revision: None,
        source: None,
    }))
}
