//! Groups of kinds of a target, as patterns: a read model that ignores a whole group says so in one line, and
//! still has to decide about every new kind.

/// Steps of a rollout that concern its replicas and effects, not its image and not its end.
macro_rules! step_events {
    () => {
        $crate::event::TargetEvent::DeploymentAdmitted(_)
            | $crate::event::TargetEvent::CancelRequested(_)
            | $crate::event::TargetEvent::NetworkReady(_)
            | $crate::event::TargetEvent::HookFinished(_)
            | $crate::event::TargetEvent::ReleaseCommandFinished(_)
            | $crate::event::TargetEvent::ReplicaStarted(_)
            | $crate::event::TargetEvent::ReplicaHealthy(_)
            | $crate::event::TargetEvent::ReplicaUnhealthy(_)
            | $crate::event::TargetEvent::RoutesApplied(_)
            | $crate::event::TargetEvent::ReplicaDrained(_)
            | $crate::event::TargetEvent::ReplicaStopped(_)
            | $crate::event::TargetEvent::ReplicaRemoved(_)
            | $crate::event::TargetEvent::ReplicaRestarted(_)
            | $crate::event::TargetEvent::RestartCutShort(_)
            | $crate::event::TargetEvent::EffectAttemptFailed(_)
            | $crate::event::TargetEvent::RolloutTurnedBack(_)
            | $crate::event::TargetEvent::RolloutInterrupted(_)
    };
}

/// Requests to stop or restart, and their ends.
macro_rules! running_events {
    () => {
        $crate::event::TargetEvent::StopRequested(_)
            | $crate::event::TargetEvent::RestartRequested(_)
            | $crate::event::TargetEvent::RestartEnded(_)
    };
}

/// What registries were found to hold.
macro_rules! registry_events {
    () => {
        $crate::event::TargetEvent::TagMoved(_)
            | $crate::event::TargetEvent::RegistryUnreachable(_)
            | $crate::event::TargetEvent::ImagesChecked(_)
    };
}

/// Pins and holds.
macro_rules! hold_events {
    () => {
        $crate::event::TargetEvent::ReleasePinned(_)
            | $crate::event::TargetEvent::ReleaseUnpinned(_)
            | $crate::event::TargetEvent::HoldPlaced(_)
            | $crate::event::TargetEvent::HoldReleased(_)
    };
}

pub(crate) use {hold_events, registry_events, running_events, step_events};
