//! Groups of kinds, as patterns: a read model that ignores a whole group says so in one line, and
//! still has to decide about every new kind.

/// Of the ledger as a whole.
macro_rules! ledger_events {
    () => {
        $crate::event::Event::LedgerCreated(_)
            | $crate::event::Event::FormatRaised(_)
            | $crate::event::Event::KeyAdded(_)
            | $crate::event::Event::KeyRetired(_)
            | $crate::event::Event::ClockStepped(_)
            | $crate::event::Event::ClockAccepted(_)
            | $crate::event::Event::Recovered(_)
            | $crate::event::Event::PayloadRedacted(_)
    };
}

/// Steps of a rollout that concern its replicas and effects, not its image and not its end.
macro_rules! step_events {
    () => {
        $crate::event::Event::DeploymentAdmitted(_)
            | $crate::event::Event::CancelRequested(_)
            | $crate::event::Event::NetworkReady(_)
            | $crate::event::Event::HookFinished(_)
            | $crate::event::Event::ReleaseCommandFinished(_)
            | $crate::event::Event::ReplicaStarted(_)
            | $crate::event::Event::ReplicaHealthy(_)
            | $crate::event::Event::ReplicaUnhealthy(_)
            | $crate::event::Event::RoutesApplied(_)
            | $crate::event::Event::ReplicaDrained(_)
            | $crate::event::Event::ReplicaStopped(_)
            | $crate::event::Event::ReplicaRemoved(_)
            | $crate::event::Event::ReplicaRestarted(_)
            | $crate::event::Event::RestartCutShort(_)
            | $crate::event::Event::EffectAttemptFailed(_)
            | $crate::event::Event::RolloutTurnedBack(_)
            | $crate::event::Event::RolloutInterrupted(_)
    };
}

/// That somebody asks for something to end or begin again, and that it did.
macro_rules! running_events {
    () => {
        $crate::event::Event::StopRequested(_)
            | $crate::event::Event::RestartRequested(_)
            | $crate::event::Event::RestartEnded(_)
    };
}

/// What registries were found to hold.
macro_rules! registry_events {
    () => {
        $crate::event::Event::TagMoved(_)
            | $crate::event::Event::RegistryUnreachable(_)
            | $crate::event::Event::ImagesChecked(_)
    };
}

/// Pins and holds.
macro_rules! hold_events {
    () => {
        $crate::event::Event::ReleasePinned(_)
            | $crate::event::Event::ReleaseUnpinned(_)
            | $crate::event::Event::HoldPlaced(_)
            | $crate::event::Event::HoldReleased(_)
    };
}

/// Of the stream `edge`: domains and certificates.
macro_rules! edge_events {
    () => {
        $crate::event::Event::DomainClaimed(_)
            | $crate::event::Event::DomainReleased(_)
            | $crate::event::Event::DomainMoved(_)
            | $crate::event::Event::CertificateIssued(_)
            | $crate::event::Event::CertificateFailed(_)
            | $crate::event::Event::CertificateImported(_)
            | $crate::event::Event::UpstreamDown(_)
            | $crate::event::Event::UpstreamUp(_)
            | $crate::event::Event::AcmeAccountCreated(_)
            | $crate::event::Event::EdgeStarted(_)
            | $crate::event::Event::EdgeReplaced(_)
    };
}

pub(crate) use {edge_events, hold_events, ledger_events, registry_events, running_events, step_events};
