//! What is being done, in words.

use super::words::count;
use haloy_ledger::deployment::Effect;
use haloy_ledger::event::HookStage;

/// What an effect does, while it does.
pub fn doing(effect: &Effect) -> String {
    match effect {
        Effect::ResolveImage { image, .. } => format!("finding image {}", image.reference),
        Effect::BuildImage { .. } => "building the image".to_owned(),
        Effect::PushImage { reference, .. } => format!("pushing {reference}"),
        Effect::PushTag { reference, .. } => format!("tagging {reference} in the registry"),
        Effect::DeleteRegistryTag { reference } => format!("removing {reference} from the registry"),
        Effect::PullImage { reference, .. } => format!("fetching {reference}"),
        Effect::TagImage { local_tag, .. } => format!("tagging {local_tag}"),
        Effect::EnsureNetwork { network } => format!("network {network}"),
        Effect::StartReplica(spec) => format!("starting replica {}", spec.replica.index + 1),
        Effect::AwaitHealthy { replica, .. } => {
            format!("waiting for replica {} to be healthy", replica.index + 1)
        }
        Effect::ApplyRoutes { desired } => match desired.backends.len() {
            0 => "taking the app out of the edge".to_owned(),
            some => format!("routing to {}", count(some, "replica")),
        },
        Effect::Drain { replica } => format!("draining replica {}", replica.index + 1),
        Effect::StopReplica { replica, .. } => format!("stopping replica {}", replica.index + 1),
        Effect::RemoveReplica { replica } => format!("removing replica {}", replica.index + 1),
        Effect::RemoveLocalTag { local_tag } => format!("removing tag {local_tag}"),
        Effect::RemoveVolume { volume } => format!("removing volume {volume}"),
        Effect::RunHook { hook, .. } => {
            let stage = match hook.stage {
                HookStage::PreDeploy => "pre_deploy",
                HookStage::PostDeploy => "post_deploy",
            };
            format!("running {stage} hook {}", hook.index + 1)
        }
        Effect::RunReleaseCommand { .. } => "running the release command".to_owned(),
    }
}
