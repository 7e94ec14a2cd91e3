//! Honesty: capabilities it lacks, work that failed, and text that must stay secret.

use super::judge::good;
use super::subject::{Beside, Case, Step, Subject, World, context};
use crate::contract::{Capability, ExecutorError, Progress, ProgressSink, Retry, Values};
use crate::mask::{Mask, MaskedProgress};
use haloy_ledger::deployment::Effect;
use haloy_ledger::deployment::effect::ReplicaSpec;
use haloy_ledger::event::{HookId, HookStage};
use haloy_ledger::ids::{Digest, EffectId, EffectNumber, ImageRef, ReplicaId};
use haloy_ledger::locks::locked;
use haloy_ledger::outcome::{FailureCode, Outcome};
use haloy_ledger::release::{BuildSpec, CommandForm, Resources};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// More time than any step of a suite needs.
const ENOUGH: Duration = Duration::from_secs(60);

/// Progress of effects.
#[derive(Default)]
struct KeptProgress(Mutex<Vec<Progress>>);

impl ProgressSink for KeptProgress {
    fn progress(&self, _effect: &EffectId, progress: Progress) {
        locked(&self.0).push(progress);
    }
}

async fn perform(
    world: &dyn World,
    case: &Case,
    told: Arc<dyn ProgressSink>,
) -> Result<Outcome, ExecutorError> {
    let beside = Beside { limit: ENOUGH, cancel: CancellationToken::new(), progress: told };
    case.executor.execute(&context(world, &case.step, beside), &case.step.effect).await
}

/// Whatever the world refuses, or lets fail, is an error or a bad outcome, and never a good one.
pub async fn honest(subject: &dyn Subject) -> Vec<String> {
    let name = subject.name();
    let (world, mut found) = (subject.world().await, Vec::new());
    let cases = world.refused().await;
    if cases.is_empty() {
        found.push(format!("{name}: no effect is known that the world refuses"));
    }
    for case in &cases {
        match perform(&*world, case, Arc::new(KeptProgress::default())).await {
            Ok(outcome) if good(&outcome) => {
                found.push(format!("{name}: {:?}, refused, comes to {outcome:?}", case.step.number));
            }
            Ok(_bad) => {}
            Err(error) if error.cause.code == FailureCode::NotSupported => {
                found.push(format!("{name}: {:?} is not supported, and so not refused", case.step.number));
            }
            Err(_refused) => {}
        }
    }
    world.clear().await;
    found
}

/// Foreign text reaches the record masked: it arrived whole at the masking, or was masked before it was cut.
pub async fn secrets(subject: &dyn Subject) -> Vec<String> {
    /// No part of it occurs in any other text.
    const SECRET: &str = "qzx7-vk3w-9jhq-xw4z-kq8v-zj5x";
    /// A piece long enough to reveal something.
    const PIECE: usize = 9;
    let name = subject.name();
    let (world, mut found) = (subject.world().await, Vec::new());
    for case in &mut world.telling(SECRET).await {
        let mask = Arc::new(Mask::new(&[SECRET.to_owned()]));
        case.step.values = Values { mask: Arc::clone(&mask), ..case.step.values.clone() };
        let told = Arc::new(KeptProgress::default());
        let to: Arc<dyn ProgressSink> = Arc::<KeptProgress>::clone(&told);
        let masked = Arc::new(MaskedProgress::new(Arc::clone(&mask), to));
        let result = mask.result(perform(&*world, case, masked).await);
        let told = locked(&told.0);
        let recorded = format!("{result:?} {told:?}");
        let number = case.step.number;
        if SECRET
            .as_bytes()
            .windows(PIECE)
            .any(|piece| recorded.as_bytes().windows(PIECE).any(|there| there == piece))
        {
            found.push(format!("{name}: {number:?} lets a secret through: {recorded}"));
        } else if !recorded.contains("***") {
            found.push(format!("{name}: {number:?} tells nothing that could be masked: {recorded}"));
        }
    }
    world.clear().await;
    found
}

/// The executor reports capabilities of its role; shows an effect of each; and refuses every other effect.
pub async fn own_role(subject: &dyn Subject) -> Vec<String> {
    let name = subject.name();
    let (world, mut found) = (subject.world().await, Vec::new());
    let executor = world.executor();
    let can: BTreeSet<Capability> = executor.capabilities().iter().copied().collect();
    found.extend(
        can.iter()
            .filter(|can| can.role() != executor.role())
            .map(|can| format!("{name}: {can:?} is not of its role, {:?}", executor.role())),
    );
    if can.is_empty() {
        found.push(format!("{name}: it can do nothing"));
    }
    for (capability, step) in others(&*world).into_iter().filter(|(needs, _)| !can.contains(needs)) {
        let case = Case { executor: Arc::clone(&executor), step };
        match perform(&*world, &case, Arc::new(KeptProgress::default())).await {
            Err(ExecutorError { cause, retry: Retry::Never, .. })
                if cause.code == FailureCode::NotSupported => {}
            other => {
                found.push(format!("{name}: {capability:?}, which it does not report, comes to {other:?}"))
            }
        }
    }
    let mut shown: BTreeSet<Capability> = subject.not_shown().iter().copied().collect();
    let mut done = Vec::new();
    while let Some(step) = world.next(&done) {
        shown.insert(Capability::of(&step.effect));
        match perform(
            &*world,
            &Case { executor: Arc::clone(&executor), step },
            Arc::new(KeptProgress::default()),
        )
        .await
        {
            Ok(outcome) => done.push(outcome),
            // Whether it should have been done is for the others to say.
            Err(_failed) => break,
        }
    }
    found.extend(can.difference(&shown).map(|can| format!("{name}: no effect shows that it can do {can:?}")));
    found.extend(shown.difference(&can).map(|shown| format!("{name}: it does not report {shown:?}")));
    world.clear().await;
    found
}

/// One effect for each capability.
fn others(world: &dyn World) -> Vec<(Capability, Step)> {
    let reference = || ImageRef::new("127.0.0.1:9/none:v1").expect("a reference");
    let digest = || Digest::new(format!("sha256:{}", "0".repeat(64))).expect("a digest");
    let replica = ReplicaId { deployment: world.deployment(), index: 0 };
    let folder = String::new();
    let build = BuildSpec {
        context: folder.clone(),
        dockerfile: "Dockerfile".to_owned(),
        platform: None,
        args: Vec::new(),
        push: false,
    };
    let container = ReplicaSpec {
        replica,
        name: "none".to_owned(),
        alias: None,
        release: world.deployment(),
        image_id: digest(),
        network: "none".to_owned(),
        env: Vec::new(),
        volumes: Vec::new(),
        takes_over: Vec::new(),
        port: 8080,
        resources: Resources { memory_bytes: None, milli_cpus: None },
        init: None,
        grace_seconds: 1,
    };
    use EffectNumber as N;
    let effects = [
        (N::RemoveLocalTag, Effect::RemoveLocalTag { local_tag: "none:v1".to_owned() }),
        (N::BuildImage, Effect::BuildImage { build, local_tag: "none:v1".to_owned() }),
        (N::PushImage, Effect::PushImage { image_id: digest(), reference: reference() }),
        (N::RemoveReplica, Effect::RemoveReplica { replica }),
        (N::RemoveVolume, Effect::RemoveVolume { volume: "none".to_owned() }),
        (
            N::RunReleaseCommand,
            Effect::RunReleaseCommand { form: CommandForm::Shell, container: Box::new(container) },
        ),
        (N::PushTag, Effect::PushTag { reference: reference(), digest: digest() }),
        (N::Drain, Effect::Drain { replica }),
        (N::RunHook, Effect::RunHook { hook: HookId { stage: HookStage::PreDeploy, index: 0 }, folder }),
    ];
    let step = |(number, effect)| (Capability::of(&effect), Step::new(number, "other", effect));
    effects.into_iter().map(step).collect()
}
