//! The release command as an effect: requested again, by another process, it is not run again.

use crate::harness::*;
use haloy_executors::{
    DockerExecutor, DockerOptions, EffectContext, EffectRequest, Executor, ExecutorError, NoProgress, Scope,
    Values,
};
use haloy_ledger::deployment::Effect;
use haloy_ledger::deployment::effect::ReplicaSpec;
use haloy_ledger::ids::*;
use haloy_ledger::outcome::{HookExit, Outcome};
use haloy_ledger::ports::{Clock, Entropy, SystemClock, SystemEntropy};
use haloy_ledger::release::{CommandForm, Resources};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// As a process that has done nothing yet does it.
async fn perform(context: EffectContext, effect: Effect) -> Result<Outcome, ExecutorError> {
    DockerExecutor::new(DockerOptions::default()).execute(&context, &effect).await
}

fn context(user: &User) -> EffectContext {
    let (now, entropy): (u64, &dyn Entropy) = (SystemClock.now().unix_ms(), &SystemEntropy);
    let deployment = DeploymentId::from_parts(now, entropy.ulid_bits());
    let line = serde_json::json!(["/app", "release", "/data/log", "7", "2000"]).to_string();
    let request = EffectRequest {
        id: EffectId { deployment, number: EffectNumber::RunReleaseCommand, subject: String::new() },
        scope: Scope {
            ledger: LedgerId::from_parts(now, entropy.ulid_bits()),
            key: TargetKey {
                app: AppName::new(user.app.as_str()).expect("a name"),
                target: TargetName::new("default").expect("a name"),
            },
        },
        deployment,
        attempt: 1,
        facts: BTreeMap::new(),
    };
    EffectContext {
        request,
        deadline: Instant::now() + Duration::from_secs(60),
        cancel: CancellationToken::new(),
        progress: Arc::new(NoProgress),
        values: Arc::new(Values { release_command: Some(line), ..Values::default() }),
        routes: None,
    }
}

fn effect(user: &User, context: &EffectContext, data: &Path) -> Effect {
    let image = docker(&["inspect", "-f", "{{.Id}}", &format!("{IMAGE}:v1")]);
    let container = ReplicaSpec {
        replica: ReplicaId { deployment: context.request.deployment, index: 0 },
        name: format!("{}-release", user.app),
        alias: None,
        release: context.request.deployment,
        image_id: Digest::new(image).expect("a digest"),
        network: "haloy".to_owned(),
        env: Vec::new(),
        volumes: vec![format!("{}:/data", data.display())],
        takes_over: Vec::new(),
        port: 8080,
        resources: Resources { memory_bytes: None, milli_cpus: None },
        init: None,
        grace_seconds: 2,
    };
    Effect::RunReleaseCommand { form: CommandForm::Exec, container: Box::new(container) }
}

#[test]
fn a_release_command_that_ran_is_only_asked_how_it_ended() {
    if !engine() {
        return;
    }
    let user = User::new("again");
    let data = tempfile::tempdir().expect("a folder");
    let context = context(&user);
    let effect = effect(&user, &context, data.path());
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let network = Effect::EnsureNetwork { network: "haloy".to_owned() };
        perform(context.clone(), network).await.expect("a network");
        // The first process is gone while the command runs.
        let first = tokio::spawn(perform(context.clone(), effect.clone()));
        let until = Instant::now() + Duration::from_secs(20);
        while !data.path().join("log").exists() {
            assert!(Instant::now() < until, "it never began");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        first.abort();
        assert!(first.await.is_err_and(|ended| ended.is_cancelled()));
        let label = format!("label=haloy.app={}", user.app);
        let id = docker(&["ps", "-aq", "--filter", &label]);
        assert_eq!(docker(&["wait", &id]), "7");
        let ended = perform(context, effect).await;
        assert!(matches!(ended, Ok(Outcome::HookFinished { exit: HookExit::Code(7), .. })), "{ended:?}");
        assert_eq!(docker(&["ps", "-aq", "--filter", &label]), "", "and it is gone");
    });
    let log = std::fs::read_to_string(data.path().join("log")).expect("it ran");
    assert_eq!(log, "v1\n", "once");
}
