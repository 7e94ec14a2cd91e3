//! Executors that break the contract, each in one way: the suite finds every one of them, and names the way.

use crate::commands::{Folder, Hooks};
use async_trait::async_trait;
use haloy_executors::contract::tests::{Case, Step, Subject, World, suite};
use haloy_executors::mask::Mask;
use haloy_executors::*;
use haloy_ledger::deployment::Effect;
use haloy_ledger::ids::DeploymentId;
use haloy_ledger::outcome::{HookExit, LogTail, Observed, Outcome};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// Kinds of defect.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Wrong {
    /// Treats every attempt as another effect.
    DoesItAgain,
    /// Ignores a cancellation.
    DoesNotHear,
    /// Reports a cancelled effect as done.
    FinishesWhatWasCancelled,
    /// Has no deadline.
    TakesItsTime,
    /// Whatever happened, it went well.
    SaysThatItWentWell,
    /// Cuts foreign text before it is masked.
    Cuts,
    /// Begins with an empty world.
    BeginsAnew(PathBuf),
    /// Reports a capability that it does not have.
    Boasts,
    /// Does not report a capability that it has.
    IsModest,
    /// Answers with the outcome of another effect.
    AnswersSomethingElse,
    /// Does nothing for effects of other roles, and reports them as done.
    NodsAtEverything,
}

/// Hooks, done wrong.
struct Planted {
    wrong: Wrong,
    inner: Arc<dyn Executor>,
    attempts: AtomicU32,
}

impl Planted {
    fn around(inner: Arc<dyn Executor>, wrong: Wrong) -> Arc<dyn Executor> {
        if let Wrong::BeginsAnew(out) = &wrong {
            drop(std::fs::remove_file(out));
        }
        Arc::new(Self { wrong, inner, attempts: AtomicU32::new(0) })
    }
}

fn well() -> Outcome {
    Outcome::HookFinished { exit: HookExit::Code(0), log_tail: LogTail::default() }
}

#[async_trait]
impl Executor for Planted {
    fn role(&self) -> Role {
        self.inner.role()
    }

    fn capabilities(&self) -> &'static [Capability] {
        match &self.wrong {
            Wrong::Boasts => &[Capability::Hooks, Capability::Routes],
            Wrong::IsModest => &[],
            _right => self.inner.capabilities(),
        }
    }

    async fn execute(&self, cx: &EffectContext, effect: &Effect) -> Result<Outcome, ExecutorError> {
        let mut cx = cx.clone();
        match &self.wrong {
            Wrong::DoesItAgain => {
                let attempt = self.attempts.fetch_add(1, Ordering::SeqCst);
                cx.request.id.subject = format!("{}-{attempt}", cx.request.id.subject);
            }
            Wrong::DoesNotHear => cx.cancel = CancellationToken::new(),
            Wrong::TakesItsTime => cx.deadline = Instant::now() + Duration::from_secs(60),
            // Not masked line by line, either.
            Wrong::Cuts => {
                cx.values = Arc::new(Values { mask: Arc::new(Mask::default()), ..(*cx.values).clone() })
            }
            Wrong::NodsAtEverything if Role::of(effect) != self.role() => return Ok(well()),
            _right => {}
        }
        match (self.inner.execute(&cx, effect).await, &self.wrong) {
            (Err(_), Wrong::FinishesWhatWasCancelled) if cx.cancel.is_cancelled() => Ok(well()),
            (Ok(_), Wrong::SaysThatItWentWell) => Ok(well()),
            (Ok(done), Wrong::AnswersSomethingElse)
                if matches!(&done, Outcome::HookFinished { exit: HookExit::Code(0), .. }) =>
            {
                Ok(Outcome::RegistryTagRemoved)
            }
            (Ok(Outcome::HookFinished { exit, log_tail }), Wrong::Cuts) => {
                let (text, half) = (log_tail.0.trim_end().to_owned(), 14);
                let cut = text.len().saturating_sub(half);
                Ok(Outcome::HookFinished { exit, log_tail: LogTail(text[cut..].to_owned()) })
            }
            (done, _right) => done,
        }
    }

    async fn observe(&self, scope: &Scope) -> Result<Observed, ExecutorError> {
        self.inner.observe(scope).await
    }
}

struct WrongWorld {
    inner: Folder,
    wrong: Wrong,
}

impl WrongWorld {
    fn wrong(&self) -> Wrong {
        match &self.wrong {
            Wrong::BeginsAnew(_out) => Wrong::BeginsAnew(self.inner.path().join("out")),
            wrong => wrong.clone(),
        }
    }

    fn planted(&self, cases: Vec<Case>) -> Vec<Case> {
        let plant = |case: Case| Case { executor: Planted::around(case.executor, self.wrong()), ..case };
        cases.into_iter().map(plant).collect()
    }
}

#[async_trait]
impl World for WrongWorld {
    fn scope(&self) -> Scope {
        self.inner.scope()
    }

    fn deployment(&self) -> DeploymentId {
        self.inner.deployment()
    }

    fn executor(&self) -> Arc<dyn Executor> {
        Planted::around(self.inner.executor(), self.wrong())
    }

    fn next(&self, done: &[Outcome]) -> Option<Step> {
        self.inner.next(done)
    }

    async fn state(&self) -> String {
        self.inner.state().await
    }

    async fn refused(&self) -> Vec<Case> {
        self.planted(self.inner.refused().await)
    }

    async fn endless(&self) -> Vec<Case> {
        self.planted(self.inner.endless().await)
    }

    async fn telling(&self, secret: &str) -> Vec<Case> {
        self.planted(self.inner.telling(secret).await)
    }
}

#[async_trait]
impl Subject for Wrong {
    fn name(&self) -> String {
        format!("{self:?}")
    }

    fn repeats_after_a_crash(&self) -> bool {
        Hooks.repeats_after_a_crash()
    }

    async fn world(&self) -> Box<dyn World> {
        Box::new(WrongWorld { inner: Folder::fresh(), wrong: self.clone() })
    }
}

/// The suite finds this, and nothing that has nothing to do with it.
async fn finds(wrong: Wrong, what: &[&str]) {
    let found = suite(&wrong).await;
    for what in what {
        assert!(found.iter().any(|found| found.contains(what)), "nothing of `{what}` in {found:#?}");
    }
    let known = |found: &&String| what.iter().any(|what| found.contains(what));
    assert_eq!(found.iter().filter(known).count(), found.len(), "more than that: {found:#?}");
}

#[tokio::test]
async fn a_suite_finds_what_is_done_again() {
    finds(Wrong::DoesItAgain, &["repeated, makes"]).await;
}

#[tokio::test]
async fn a_suite_finds_who_does_not_hear_of_a_cancellation() {
    finds(Wrong::DoesNotHear, &["does not end after it was cancelled"]).await;
    finds(Wrong::FinishesWhatWasCancelled, &["cancelled, comes to Ok"]).await;
}

#[tokio::test]
async fn a_suite_finds_who_has_no_deadline() {
    finds(Wrong::TakesItsTime, &["does not end by its deadline"]).await;
}

#[tokio::test]
async fn a_suite_finds_success_where_there_is_none() {
    finds(Wrong::SaysThatItWentWell, &["refused, comes to", "ends by its deadline as a success"]).await;
}

#[tokio::test]
async fn a_suite_finds_an_answer_to_something_else() {
    finds(Wrong::AnswersSomethingElse, &["RunHook comes to Ok(RegistryTagRemoved)"]).await;
}

#[tokio::test]
async fn a_suite_finds_a_secret_that_was_cut() {
    finds(Wrong::Cuts, &["lets a secret through"]).await;
}

#[tokio::test]
async fn a_suite_finds_who_does_not_go_on_where_another_ended() {
    finds(Wrong::BeginsAnew(PathBuf::new()), &["after a crash behind effect"]).await;
}

#[tokio::test]
async fn a_suite_finds_capabilities_that_are_not_there_or_not_told() {
    finds(Wrong::Boasts, &["is not of its role", "no effect shows"]).await;
    finds(
        Wrong::IsModest,
        &["it can do nothing", "which it does not report, comes to", "it does not report"],
    )
    .await;
}

#[tokio::test]
async fn a_suite_finds_who_takes_what_is_not_its_role() {
    finds(Wrong::NodsAtEverything, &["which it does not report, comes to Ok"]).await;
}
