//! Hooks: commands of the user on this machine.

use crate::{cases, keeps_the_contract};
use async_trait::async_trait;
use haloy_executors::contract::tests::{Case, Step, Subject, World};
use haloy_executors::*;
use haloy_ledger::deployment::Effect;
use haloy_ledger::event::{HookId, HookStage};
use haloy_ledger::ids::*;
use haloy_ledger::outcome::Outcome;
use std::sync::Arc;

/// The executor of hooks.
pub struct Hooks;

/// A folder that hooks write to.
pub struct Folder(tempfile::TempDir);

#[async_trait]
impl Subject for Hooks {
    fn name(&self) -> String {
        "hooks".to_owned()
    }

    fn repeats_after_a_crash(&self) -> bool {
        false
    }

    async fn world(&self) -> Box<dyn World> {
        Box::new(Folder::fresh())
    }
}

impl Folder {
    pub fn fresh() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    pub fn path(&self) -> &std::path::Path {
        self.0.path()
    }

    /// A hook with this line; none for one that was erased.
    fn hook(&self, index: u16, line: Option<&str>) -> Step {
        let folder = self.0.path().display().to_string();
        let effect = Effect::RunHook { hook: HookId { stage: HookStage::PreDeploy, index }, folder };
        let mut lines = vec![None; usize::from(index)];
        lines.push(line.map(str::to_owned));
        let values = Values { hooks: (lines, Vec::new()), ..Values::default() };
        Step::new(EffectNumber::RunHook, format!("pre-{index}"), effect).with(values)
    }
}

fn executor() -> Arc<dyn Executor> {
    Arc::new(HookExecutor::default())
}

#[async_trait]
impl World for Folder {
    fn executor(&self) -> Arc<dyn Executor> {
        executor()
    }

    fn next(&self, done: &[Outcome]) -> Option<Step> {
        let lines = ["echo one >> out", "echo two | tee -a out", "echo three >> out"];
        let line = lines.get(done.len())?;
        Some(self.hook(u16::try_from(done.len()).ok()?, Some(line)))
    }

    async fn state(&self) -> String {
        format!("{:?}", std::fs::read_to_string(self.0.path().join("out")).unwrap_or_default())
    }

    async fn refused(&self) -> Vec<Case> {
        let steps = [self.hook(0, Some("exit 3")), self.hook(1, None), self.hook(2, Some("kill -9 $$"))];
        let mut elsewhere = self.hook(3, Some("true"));
        let hook = HookId { stage: HookStage::PreDeploy, index: 3 };
        elsewhere.effect = Effect::RunHook { hook, folder: "/nowhere/at/all".to_owned() };
        cases(&executor(), steps.into_iter().chain([elsewhere]))
    }

    async fn endless(&self) -> Vec<Case> {
        // The second one leaves a child behind, which holds its output open.
        cases(&executor(), [self.hook(0, Some("sleep 600")), self.hook(1, Some("sleep 600 & sleep 600"))])
    }

    async fn telling(&self, secret: &str) -> Vec<Case> {
        let plain = format!("echo 'the password is {secret}'");
        // Across the border of what is read at once, on a line that is longer than any that is kept whole.
        let across = format!("printf '%08180d' 0; printf '{secret}'; printf '%0100d' 0; exit 1");
        let slow = format!("printf '%s' '{}'; sleep 0.2; printf '%s' '{}'; echo", &secret[..9], &secret[9..]);
        cases(&executor(), [plain, across, slow].iter().zip(0..).map(|(line, i)| self.hook(i, Some(line))))
    }
}

#[tokio::test]
async fn hooks_keep_the_contract() {
    keeps_the_contract(&Hooks).await;
}
