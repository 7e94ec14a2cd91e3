//! Commands of the user that belong to a deployment: hooks and the release command. How one ended decides
//! whether the rollout goes on.

use super::conclude;
use super::deciding::Deciding;
use crate::deployment::effect::Effect;
use crate::event::*;
use crate::ids::DeploymentId;
use crate::outcome::{Failure, FailureCode, HookExit};
use crate::private::Private;
use crate::words;

/// A command ended, successfully or not.
pub(super) fn finished(
    deciding: &mut Deciding,
    id: DeploymentId,
    effect: &Effect,
    exit: HookExit,
    log_tail: Private,
) {
    let (name, failed, unknown) = match effect {
        Effect::RunHook { hook, .. } => {
            deciding.push(HookFinished { id, hook: *hook, exit, ran: RanAt::Server, log_tail });
            match hook.stage {
                // A warning only.
                HookStage::PostDeploy => return,
                HookStage::PreDeploy => (
                    words!("pre_deploy hook {}", hook.index + 1),
                    FailureCode::HookFailed,
                    FailureCode::HookUnknown,
                ),
            }
        }
        Effect::RunReleaseCommand { .. } => {
            deciding.push(ReleaseCommandFinished { id, exit, log_tail });
            let name = "the release command".into();
            (name, FailureCode::ReleaseCommandFailed, FailureCode::ReleaseCommandUnknown)
        }
        _other => return,
    };
    let cause = match exit {
        HookExit::Code(0) => return,
        HookExit::Code(code) => Failure::new(failed, words!("{} ended with code {}", name, code)),
        HookExit::Killed => Failure::new(failed, words!("{} was killed or could not be run", name)),
        HookExit::Unknown => Failure::new(unknown, words!("it is not known whether {} ran to its end", name)),
    };
    conclude::turn_back(deciding, cause);
}

/// The end of a command is unknown: haloy died while it may have run.
pub(super) fn unknown(deciding: &mut Deciding, id: DeploymentId, command: &Effect) {
    finished(deciding, id, command, HookExit::Unknown, String::new().into());
}
