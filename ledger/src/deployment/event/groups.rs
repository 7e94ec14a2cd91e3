//! Groups of kinds, as patterns: a read model that ignores a whole group says so in one line, and
//! still has to decide about every new kind.

/// Of the ledger as a whole.
macro_rules! ledger_events {
    () => {
        $crate::deployment::Event::LedgerCreated(_)
            | $crate::deployment::Event::FormatRaised(_)
            | $crate::deployment::Event::KeyAdded(_)
            | $crate::deployment::Event::KeyRetired(_)
            | $crate::deployment::Event::ClockStepped(_)
            | $crate::deployment::Event::ClockAccepted(_)
            | $crate::deployment::Event::Recovered(_)
            | $crate::deployment::Event::PayloadRedacted(_)
    };
}

/// Steps of a rollout that concern its replicas and effects, not its image and not its end.
macro_rules! step_events {
    () => {
        $crate::deployment::Event::DeploymentAdmitted(_)
            | $crate::deployment::Event::CancelRequested(_)
            | $crate::deployment::Event::NetworkReady(_)
            | $crate::deployment::Event::HookFinished(_)
            | $crate::deployment::Event::ReleaseCommandFinished(_)
            | $crate::deployment::Event::ReplicaStarted(_)
            | $crate::deployment::Event::ReplicaHealthy(_)
            | $crate::deployment::Event::ReplicaUnhealthy(_)
            | $crate::deployment::Event::RoutesApplied(_)
            | $crate::deployment::Event::ReplicaDrained(_)
            | $crate::deployment::Event::ReplicaStopped(_)
            | $crate::deployment::Event::ReplicaRemoved(_)
            | $crate::deployment::Event::ReplicaRestarted(_)
            | $crate::deployment::Event::RestartCutShort(_)
            | $crate::deployment::Event::EffectAttemptFailed(_)
            | $crate::deployment::Event::RolloutTurnedBack(_)
            | $crate::deployment::Event::RolloutInterrupted(_)
    };
}

/// That somebody asks for something to end or begin again, and that it did.
macro_rules! running_events {
    () => {
        $crate::deployment::Event::StopRequested(_)
            | $crate::deployment::Event::RestartRequested(_)
            | $crate::deployment::Event::RestartEnded(_)
    };
}

/// What registries were found to hold.
macro_rules! registry_events {
    () => {
        $crate::deployment::Event::TagMoved(_)
            | $crate::deployment::Event::RegistryUnreachable(_)
            | $crate::deployment::Event::ImagesChecked(_)
    };
}

/// Pins and holds.
macro_rules! hold_events {
    () => {
        $crate::deployment::Event::ReleasePinned(_)
            | $crate::deployment::Event::ReleaseUnpinned(_)
            | $crate::deployment::Event::HoldPlaced(_)
            | $crate::deployment::Event::HoldReleased(_)
    };
}

/// Of the stream `edge`: domains and certificates.
macro_rules! edge_events {
    () => {
        $crate::deployment::Event::DomainClaimed(_)
            | $crate::deployment::Event::DomainReleased(_)
            | $crate::deployment::Event::DomainMoved(_)
            | $crate::deployment::Event::CertificateIssued(_)
            | $crate::deployment::Event::CertificateFailed(_)
            | $crate::deployment::Event::CertificateImported(_)
            | $crate::deployment::Event::UpstreamDown(_)
            | $crate::deployment::Event::UpstreamUp(_)
            | $crate::deployment::Event::AcmeAccountCreated(_)
            | $crate::deployment::Event::EdgeStarted(_)
            | $crate::deployment::Event::EdgeReplaced(_)
    };
}

pub(crate) use {edge_events, hold_events, ledger_events, registry_events, running_events, step_events};
