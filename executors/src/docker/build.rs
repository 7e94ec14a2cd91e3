//! Building an image on the engine that runs it, from a Dockerfile: with the user's own `docker build` where that
//! has BuildKit, else with the builder of the engine.

use super::Engine;
use super::buildkit::{Written, tell};
use super::context::{Context, Digests};
use super::errors::{Doing, failed};
use super::images::{id_of, platform};
use crate::contract::*;
use bollard::query_parameters::BuildImageOptions;
use futures_util::StreamExt;
use haloy_ledger::outcome::{FailureCode, Outcome};
use haloy_ledger::release::BuildSpec;
use std::collections::HashMap;
use std::path::PathBuf;

impl Engine<'_> {
    pub(super) async fn build(
        &self,
        cx: &EffectContext,
        spec: &BuildSpec,
        local_tag: &str,
    ) -> Result<Outcome, ExecutorError> {
        let (folder, dockerfile) = (PathBuf::from(&spec.context), spec.dockerfile.clone());
        let looked = tokio::task::spawn_blocking(move || Context::look(&folder, &dockerfile)).await;
        let context = crate::join::ended(looked).await.map_err(unreadable)?;
        let digests = match self.executor.build_cli(&self.facts.host).await {
            Some(cli) => {
                tell(cx, format!("building with {cli}"));
                cli.build(cx, spec, local_tag).await?;
                context.digests().await.map_err(unreadable)?
            }
            None => {
                tell(
                    cx,
                    "building with the engine's own builder: no docker with BuildKit was found".to_owned(),
                );
                self.build_here(cx, spec, local_tag, context).await?
            }
        };
        let image = self.docker.inspect_image(local_tag).await;
        let image = image.map_err(|error| failed(&error, Doing::Build, "the built image cannot be found"))?;
        Ok(Outcome::ImageBuilt {
            image_id: id_of(&image)?,
            context_digest: digests.context,
            dockerfile_digest: digests.dockerfile,
            platform: platform(&image),
            size: image.size.and_then(|size| u64::try_from(size).ok()),
        })
    }

    /// With the builder that every engine has; it knows nothing that came with BuildKit.
    async fn build_here(
        &self,
        cx: &EffectContext,
        spec: &BuildSpec,
        local_tag: &str,
        context: Context,
    ) -> Result<Digests, ExecutorError> {
        let options = BuildImageOptions {
            dockerfile: context.dockerfile.clone(),
            t: Some(local_tag.to_owned()),
            rm: true,
            forcerm: true,
            platform: spec.platform.clone().unwrap_or_default(),
            buildargs: Some(cx.values.build_args.iter().cloned().collect::<HashMap<_, _>>()),
            ..BuildImageOptions::default()
        };
        let (pieces, packing) = context.packed();
        let body = bollard::body_try_stream(pieces);
        let mut stream = Box::pin(self.docker.build_image(options, None, Some(body)));
        let mut written = Written::new(cx);
        let mut ended = Ok(());
        while let Some(info) = stream.next().await {
            match info {
                Ok(info) => written.push(info.stream.unwrap_or_default().as_bytes()),
                Err(error) => {
                    ended = Err(failed(&error, Doing::Build, "the build failed"));
                    break;
                }
            }
        }
        // Nothing reads the rest any more.
        drop(stream);
        let tail = written.finish();
        let packed = packing.ended().await;
        match (ended, packed) {
            (Ok(()), Ok(digests)) => Ok(digests),
            // The error of the engine explains why the rest was not read.
            (Err(failed), Ok(_)) => Err(explained(failed, &tail)),
            (Err(failed), Err(cause)) if cause.contains("broken pipe") => Err(explained(failed, &tail)),
            (Ok(()) | Err(_), Err(cause)) => Err(unreadable(cause)),
        }
    }
}

fn unreadable(cause: String) -> ExecutorError {
    ExecutorError::new(FailureCode::BuildFailed, "the build context cannot be read").saying(cause)
}

/// A failure of the engine's own builder, with what was written before; one that BuildKit would not have says so.
fn explained(failed: ExecutorError, tail: &str) -> ExecutorError {
    let said = format!("{}\n{tail}", failed.detail);
    if !failed.detail.to_lowercase().contains("buildkit") {
        return failed.saying(said);
    }
    let words =
        "the build failed: its Dockerfile needs BuildKit, so install a docker that has it (docker-buildx)";
    ExecutorError::new(FailureCode::BuildFailed, words).saying(said)
}
