//! Hooks: commands of the user, run on the machine of the command.

use crate::contract::*;
use crate::mask::{Lines, Tail};
use crate::process::Group;
use async_trait::async_trait;
use haloy_ledger::deployment::Effect;
use haloy_ledger::event::HookStage;
use haloy_ledger::ids::EffectId;
use haloy_ledger::locks::locked;
use haloy_ledger::outcome::*;
use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::Mutex;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

/// Bytes of output that are read at once.
const CHUNK: usize = 8 * 1024;

/// Runs hooks. Within one process a hook runs once; after a crash it is never repeated (D8).
#[derive(Default)]
pub struct HookExecutor {
    done: Mutex<BTreeMap<EffectId, Outcome>>,
}

#[async_trait]
impl Executor for HookExecutor {
    fn role(&self) -> Role {
        Role::Hooks
    }

    fn capabilities(&self) -> &'static [Capability] {
        &[Capability::Hooks]
    }

    async fn execute(&self, cx: &EffectContext, effect: &Effect) -> Result<Outcome, ExecutorError> {
        let Effect::RunHook { hook, folder } = effect else {
            return Err(ExecutorError::not_supported("this executor runs hooks only"));
        };
        let (before_lines, after_lines) = &cx.values.hooks;
        let lines = match hook.stage {
            HookStage::PreDeploy => before_lines,
            HookStage::PostDeploy => after_lines,
        };
        // The command line was erased: what it would have done is unknown, and it is not run.
        let Some(Some(command)) = lines.get(usize::from(hook.index)) else {
            return Ok(Outcome::HookFinished { exit: HookExit::Unknown, log_tail: LogTail::default() });
        };
        let before = locked(&self.done).get(&cx.request.id).cloned();
        if let Some(outcome) = before {
            return Ok(outcome);
        }
        let outcome = run(cx, command, folder).await?;
        locked(&self.done).insert(cx.request.id.clone(), outcome.clone());
        Ok(outcome)
    }

    async fn observe(&self, _scope: &Scope) -> Result<Observed, ExecutorError> {
        Ok(Observed::default())
    }
}

async fn run(cx: &EffectContext, command: &str, folder: &str) -> Result<Outcome, ExecutorError> {
    let shell = std::env::var("SHELL").unwrap_or_else(|_| "/bin/sh".to_owned());
    let mut child = Command::new(&shell)
        .arg("-c")
        .arg(command)
        .current_dir(if folder.is_empty() { "." } else { folder })
        .envs(cx.request.facts.iter())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // A process group of its own, so that its children end with it.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| {
            let said = format!("{shell}: {error}");
            ExecutorError::new(FailureCode::HookFailed, "the shell could not be started").saying(said)
        })?;
    let group = Group::of(&child);
    let lines = Output { cx, tail: Mutex::default() };
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let exit = tokio::select! {
        exit = async { tokio::join!(child.wait(), lines.read(out), lines.read(err)).0 } => match exit {
            Ok(status) => status.code().map_or(HookExit::Killed, HookExit::Code),
            Err(error) => {
                let failed = ExecutorError::new(FailureCode::HookFailed, "waiting for the hook failed");
                return Err(failed.saying(error.to_string()));
            }
        },
        () = cx.cancel.cancelled() => {
            drop(group);
            drop(child.wait().await);
            return Err(ExecutorError::cancelled());
        }
        () = tokio::time::sleep_until(cx.deadline.into()) => HookExit::Killed,
    };
    if exit == HookExit::Killed {
        drop(group);
        drop(child.wait().await);
    } else {
        group.ended();
    }
    let log_tail = LogTail::new(&locked(&lines.tail).text());
    Ok(Outcome::HookFinished { exit, log_tail })
}

struct Output<'a> {
    cx: &'a EffectContext,
    tail: Mutex<Tail>,
}

impl Output<'_> {
    async fn read(&self, from: Option<impl AsyncRead + Unpin>) {
        let Some(mut from) = from else { return };
        let mut lines = Lines::new(self.cx.values.mask.masker());
        let mut chunk = [0; CHUNK];
        while let Ok(bytes @ 1..) = from.read(&mut chunk).await {
            self.take(lines.push(&chunk[..bytes]));
        }
        self.take(lines.finish());
    }

    fn take(&self, lines: Vec<String>) {
        for line in lines {
            self.cx.tell(Progress::Line(line.clone()));
            locked(&self.tail).push(line);
        }
    }
}
