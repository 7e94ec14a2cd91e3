//! The release command: one container of the new image, run to its end before any replica starts.
//!
//! A release command runs once. One that a killed haloy left goes on by itself: nothing waits for it, the
//! next deployment removes it once it has ended, and until then no other is started.

use super::body::body;
use super::errors::{self, Doing, failed};
use super::{Engine, labels, place};
use crate::contract::*;
use crate::mask::{Lines, Tail};
use bollard::models::{ContainerState, RestartPolicy, RestartPolicyNameEnum};
use bollard::query_parameters::{CreateContainerOptions, LogsOptions, RemoveContainerOptions};
use futures_util::StreamExt;
use haloy_ledger::deployment::effect::ReplicaSpec;
use haloy_ledger::locks::locked;
use haloy_ledger::outcome::{FailureCode, HookExit, LogTail, Outcome, Public};
use haloy_ledger::release::CommandForm;
use haloy_ledger::words;
use std::sync::Mutex;
use std::time::Duration;

/// Between two checks of a container whose output has ended.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// How the wait for a command ended.
enum Waited {
    /// The command ended.
    Ended(ContainerState),
    /// The container is gone, or the engine does not answer any more.
    Lost,
    /// The command was cancelled.
    Cancelled,
    TooLate,
}

impl Engine<'_> {
    pub(super) async fn release(
        &self,
        cx: &EffectContext,
        form: CommandForm,
        spec: &ReplicaSpec,
    ) -> Result<Outcome, ExecutorError> {
        let released = &self.executor.released;
        if let Some(outcome) = released.get(&cx.request.id) {
            return Ok(outcome);
        }
        // The command was erased: what it would have done is unknown, and it is not run.
        let Some(line) = &cx.values.release_command else {
            return Ok(Outcome::HookFinished { exit: HookExit::Unknown, log_tail: LogTail::default() });
        };
        let id = match self.earlier(cx, spec).await? {
            Some(id) => id,
            None => self.create_release(cx, spec, argv(form, line)?).await?,
        };
        self.start_once(&id).await?;
        let tail = Mutex::new(Tail::default());
        let exit = match self.wait_for(cx, &id, &tail).await {
            Waited::Ended(state) => {
                if state.oom_killed == Some(true) {
                    locked(&tail)
                        .push("haloy: it was killed for using more memory than `resources` gives".to_owned());
                }
                state.exit_code.and_then(|code| i32::try_from(code).ok()).map(HookExit::Code)
            }
            Waited::Lost => None,
            Waited::Cancelled => {
                self.end(&id, spec.grace_seconds).await;
                return Err(ExecutorError::cancelled());
            }
            Waited::TooLate => {
                self.end(&id, spec.grace_seconds).await;
                Some(HookExit::Killed)
            }
        };
        let log_tail = LogTail::new(&locked(&tail).text());
        let outcome = Outcome::HookFinished { exit: exit.unwrap_or(HookExit::Unknown), log_tail };
        released.put(&cx.request.id, &outcome);
        // A command whose end is unknown may still run.
        if exit.is_some() {
            drop(self.remove_release(&id).await);
        }
        Ok(outcome)
    }

    /// Starts it, unless it ran before: then only its end is of interest.
    async fn start_once(&self, id: &str) -> Result<(), ExecutorError> {
        if self.inspect_container(id).await?.as_ref().is_some_and(place::ran) {
            return Ok(());
        }
        let Err(error) = self.docker.start_container(id, None).await else { return Ok(()) };
        drop(self.remove_release(id).await);
        Err(failed(&error, Doing::Start, "starting the release command"))
    }

    /// The container of this very command, if it exists. Those of earlier deployments are removed; where one
    /// still runs, two would be at work at once.
    async fn earlier(&self, cx: &EffectContext, spec: &ReplicaSpec) -> Result<Option<String>, ExecutorError> {
        let mut label = labels::filter(&cx.request.scope);
        label.push(labels::RELEASE_COMMAND.to_owned());
        let mut own = None;
        for found in self.list(label).await? {
            if labels::is_effect(&found.labels, &cx.request.scope, &cx.request.id) {
                own = Some(found.id);
                continue;
            }
            let Some(container) = self.inspect_container(&found.id).await? else { continue };
            if container.state.and_then(|state| state.running) != Some(true) {
                self.remove_release(&found.id).await?;
                continue;
            }
            let name = container.name.unwrap_or_default();
            let words = words!(
                "the release command of an earlier deployment still runs, and {} waits for it",
                Public(&spec.name)
            );
            let said = format!(
                "wait for it with `docker wait {0}`, or end it with `docker stop {0}`",
                name.trim_start_matches('/')
            );
            return Err(ExecutorError::new(FailureCode::ReleaseCommandFailed, words).saying(said));
        }
        Ok(own)
    }

    async fn create_release(
        &self,
        cx: &EffectContext,
        spec: &ReplicaSpec,
        argv: Vec<String>,
    ) -> Result<String, ExecutorError> {
        let joined = self.joined(&spec.network).await?;
        let init = self.init(spec).await?;
        let mut body = body(cx, spec, (&joined.id, None), (&[], init));
        if let Some(labels) = &mut body.labels {
            labels.remove(labels::REPLICA);
            labels.insert(labels::RELEASE_COMMAND.to_owned(), "1".to_owned());
        }
        if let Some(env) = &mut body.env {
            env.retain(|entry| !entry.starts_with("HALOY_REPLICA_ID="));
        }
        if let Some(host) = &mut body.host_config {
            let name = Some(RestartPolicyNameEnum::NO);
            host.restart_policy = Some(RestartPolicy { name, maximum_retry_count: None });
        }
        // What is written is what runs, whatever the image would start.
        body.entrypoint = Some(argv);
        let options =
            CreateContainerOptions { name: Some(spec.name.clone()), ..CreateContainerOptions::default() };
        let created = self.docker.create_container(Some(options), body).await;
        let created = created
            .map_err(|error| failed(&error, Doing::Start, words!("creating {}", Public(&spec.name))))?;
        Ok(created.id)
    }

    /// Follows the output, until the command has ended.
    async fn wait_for(&self, cx: &EffectContext, id: &str, tail: &Mutex<Tail>) -> Waited {
        let ended = async {
            self.follow_output(cx, id, tail).await;
            loop {
                match self.inspect_container(id).await {
                    Ok(Some(container)) => {
                        let state = container.state.unwrap_or_default();
                        if state.running != Some(true) {
                            return Waited::Ended(state);
                        }
                    }
                    Ok(None) | Err(_) => return Waited::Lost,
                }
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        };
        tokio::select! {
            waited = ended => waited,
            () = cx.cancel.cancelled() => Waited::Cancelled,
            () = tokio::time::sleep_until(cx.deadline.into()) => Waited::TooLate,
        }
    }

    async fn follow_output(&self, cx: &EffectContext, id: &str, tail: &Mutex<Tail>) {
        let options = LogsOptions { follow: true, stdout: true, stderr: true, ..LogsOptions::default() };
        let mut output = Box::pin(self.docker.logs(id, Some(options)));
        let mut lines = Lines::new(cx.values.mask.masker());
        let take = |lines: Vec<String>| {
            for line in lines {
                cx.tell(Progress::Line(line.clone()));
                locked(tail).push(line);
            }
        };
        // An engine whose log driver keeps nothing has nothing to read; the end is checked all the same.
        while let Some(Ok(piece)) = output.next().await {
            take(lines.push(&piece.into_bytes()));
        }
        take(lines.finish());
    }

    /// Ends it and removes it. What stays has labels, and is found by the next deployment.
    async fn end(&self, id: &str, grace_seconds: u32) {
        drop(self.stop_container(id, grace_seconds).await);
        drop(self.remove_release(id).await);
    }

    /// With the unnamed volumes: they were made for this container alone.
    async fn remove_release(&self, id: &str) -> Result<(), ExecutorError> {
        let options = RemoveContainerOptions { force: true, v: true, ..RemoveContainerOptions::default() };
        match self.docker.remove_container(id, Some(options)).await {
            Ok(()) => Ok(()),
            Err(error) if errors::status(&error) == Some(404) => Ok(()),
            Err(error) => Err(failed(&error, Doing::Other, "removing the container of a release command")),
        }
    }
}

/// What is run: the line by a shell, or a list of texts as it is.
fn argv(form: CommandForm, line: &str) -> Result<Vec<String>, ExecutorError> {
    match form {
        CommandForm::Shell => Ok(vec!["/bin/sh".to_owned(), "-c".to_owned(), line.to_owned()]),
        CommandForm::Exec => serde_json::from_str(line).map_err(|_| {
            ExecutorError::new(
                FailureCode::ReleaseCommandFailed,
                "the release command as recorded cannot be read",
            )
        }),
    }
}
