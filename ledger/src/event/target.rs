//! Kinds of the stream of a target, in order of number: here those of rollouts; `target_kept` appends its
//! own to the same list.
//!
//! Reserved, never to be used for anything else: 37, 83 and 88 to 92.

use super::field;
use super::parts::*;
use crate::ids::*;
use crate::outcome::*;
use crate::private::{FieldNumber, Private};
use crate::release::{Domain, HistoryStrategy, MadeVolume, ResolvedImage};

super::target_kept::with_kept! {
    /// What happened to a target.
    TargetEvent;

    /// A deploy or rollback was requested. Owes nothing yet.
    20 = DeploymentRequested v 4 since "0.1.0" {
        /// Id of the deployment.
        id: DeploymentId,
        /// Time of the request, by the clock of the command.
        at: Timestamp,
        /// What was requested.
        ask: DeploymentKind,
        /// The working tree, where there is one.
        git: Option<GitFacts>,
        /// The CI job, where there is one.
        ci: Option<CiFacts>,
        /// The engine that it will run on, as far as known at the time of the request. Since version 3.
        #[serde(default, skip_serializing_if = "Option::is_none")] engine: Option<EngineUsed>,
    }
    /// Every gate let it pass; its effects are owed from here on.
    21 = DeploymentAdmitted v 2 since "0.1.0" {
        /// Id of the deployment.
        id: DeploymentId,
        /// The gates and their decisions.
        by: Vec<Admission>,
    }
    /// A gate refused the deployment; nothing of it ever started.
    22 = DeploymentRefused v 1 since "0.2.0" {
        /// Id of the deployment.
        id: DeploymentId,
        /// The gate.
        gate: Gate,
        /// Rule of the gate, where it has rules.
        rule: Option<String>,
        /// The policy that the rule is of, and its version.
        policy: Option<String>,
        /// Why.
        cause: Failure,
    }
    /// A cancellation of the rollout was requested.
    23 = CancelRequested v 1 since "0.1.0" {
        /// Id of the deployment.
        id: DeploymentId,
    }
    /// The image is known exactly.
    30 = ImageResolved v 1 since "0.1.0" {
        /// Id of the deployment.
        id: DeploymentId,
        /// The image.
        image: ResolvedImage,
    }
    /// The image was built on the engine.
    31 = ImageBuilt v 1 since "0.1.0" {
        /// Id of the deployment.
        id: DeploymentId,
        /// Id on the engine.
        image_id: Digest,
        /// BLAKE3 of the context's files, in hex.
        context_digest: String,
        /// BLAKE3 of the Dockerfile, in hex.
        dockerfile_digest: String,
        /// `os/arch` of the result.
        platform: String,
        /// Bytes, where the engine says.
        size: Option<u64>,
    }
    /// The image was pushed to its registry.
    32 = ImagePushed v 1 since "0.1.0" {
        /// Id of the deployment, or of the release whose name was pushed.
        id: DeploymentId,
        /// Reference in the registry.
        reference: ImageRef,
        /// Digest of its manifest, as the registry says.
        digest: Digest,
    }
    /// The image is on the engine.
    33 = ImagePulled v 1 since "0.1.0" {
        /// Id of the deployment.
        id: DeploymentId,
        /// Id on the engine.
        image_id: Digest,
        /// Bytes fetched.
        bytes: u64,
        /// Fetched, or present before.
        from: PulledFrom,
    }
    /// The release has its own tag on the engine.
    34 = ImageTagged v 1 since "0.1.0" {
        /// Id of the deployment.
        id: DeploymentId,
        /// The release that the tag keeps.
        rel: DeploymentId,
        /// `<slug>:<release>`.
        local_tag: String,
        /// Image that it points at.
        image_id: Digest,
        /// Engine that holds the image.
        engine_id: String,
    }
    /// The network of the replicas is ready.
    35 = NetworkReady v 1 since "0.1.0" {
        /// Id of the deployment.
        id: DeploymentId,
        /// Id on the engine.
        network_id: String,
    }
    /// A hook ended.
    36 = HookFinished v 2 since "0.1.0" {
        /// Id of the deployment.
        id: DeploymentId,
        /// Which hook.
        hook: HookId,
        /// How it ended.
        exit: HookExit,
        /// Where it ran. Since version 2.
        #[serde(default)] ran: RanAt,
        /// Last lines of its output.
        log_tail: Private,
    }
    /// The release command ended. It is never run twice for one deployment.
    38 = ReleaseCommandFinished v 1 since "0.2.0" {
        /// Id of the deployment.
        id: DeploymentId,
        /// How it ended.
        exit: HookExit,
        /// Last lines of its output.
        log_tail: Private,
    }
    /// A replica's container runs.
    40 = ReplicaStarted v 2 since "0.1.0" {
        /// The replica.
        r: ReplicaId,
        /// Id on the engine.
        container_id: String,
        /// Address, where it has one.
        address: Option<String>,
        /// The address is the container's own for as long as that exists: kept over restarts, and given to
        /// no other. Since version 2.
        #[serde(default)] fixed: bool,
        /// Image that it runs.
        image_id: Digest,
        /// Volumes that haloy made for it: paths that its image declares and no entry of `volumes:` covers.
        /// Since version 2.
        #[serde(default, skip_serializing_if = "Vec::is_empty")] volumes: Vec<MadeVolume>,
    }
    /// A replica is well and stayed so long enough.
    41 = ReplicaHealthy v 1 since "0.1.0" {
        /// Which replica.
        r: ReplicaId,
        /// Probes made.
        probes: u32,
        /// Milliseconds from start to healthy.
        took_ms: u64,
        /// Kind of probe.
        how: HealthHow,
    }
    /// A replica did not become well.
    42 = ReplicaUnhealthy v 2 since "0.1.0" {
        /// Which replica.
        r: ReplicaId,
        /// Why.
        cause: Failure,
        /// What others wrote about it.
        #[serde(default, skip_serializing_if = "Option::is_none")] detail: Option<Private>,
        /// Probes made.
        probes: u32,
        /// Code that it ended with, where it ended.
        exit_code: Option<i64>,
        /// Last lines of its log.
        log_tail: Private,
    }
    /// The edge routes requests as this target desires, read back from the edge.
    43 = RoutesApplied v 1 since "0.1.0" {
        /// The deployment that owed the effect.
        id: DeploymentId,
        /// Size of the log that the routes were computed from; the edge never goes back to a smaller one.
        generation: u64,
        /// BLAKE3 of the whole table of routes, in hex, as the edge has it.
        digest: String,
        /// Domains of the target.
        domains: Vec<Domain>,
        /// Replicas of the target that get requests now.
        routed: Vec<ReplicaId>,
        /// Replicas that got requests before and get no new ones.
        out: Vec<ReplicaId>,
    }
    /// A replica that gets no new requests has ended those that it had, or was given no more time.
    44 = ReplicaDrained v 1 since "0.1.0" {
        /// Which replica.
        r: ReplicaId,
        /// Requests that were cut off.
        left_in_flight: u32,
        /// Milliseconds that it took.
        took_ms: u64,
    }
    /// A replica no longer runs, as wanted.
    45 = ReplicaStopped v 1 since "0.1.0" {
        /// Which replica.
        r: ReplicaId,
        /// Code that it ended with.
        exit_code: Option<i64>,
        /// Whether it had to be killed.
        forced: bool,
    }
    /// A replica's container is gone, as wanted.
    46 = ReplicaRemoved v 2 since "0.1.0" {
        /// Which replica.
        r: ReplicaId,
        /// Id that it had.
        container_id: Option<String>,
        /// Its volumes that the configuration does not name: they stay. Since version 2.
        #[serde(default, skip_serializing_if = "Vec::is_empty")] volumes: Vec<MadeVolume>,
    }
    /// An effect went wrong and will be tried again, or was tried once too often.
    47 = EffectAttemptFailed v 2 since "0.1.0" {
        /// Which effect.
        eff: EffectId,
        /// Number of the attempt, from 1.
        attempt: u32,
        /// Why.
        cause: Failure,
        /// What others wrote about it.
        #[serde(default, skip_serializing_if = "Option::is_none")] detail: Option<Private>,
        /// Whether trying again can help.
        retryable: bool,
    }
    /// An effect failed for good.
    48 = EffectFailed v 2 since "0.1.0" {
        /// Which effect.
        eff: EffectId,
        /// Why.
        cause: Failure,
        /// Attempts made.
        attempts: u32,
        /// What others wrote about it.
        detail: Private,
    }
    /// The rollout goes back to what ran before.
    49 = RolloutTurnedBack v 2 since "0.1.0" {
        /// Id of the deployment.
        id: DeploymentId,
        /// Why.
        cause: Failure,
        /// What others wrote about it.
        #[serde(default, skip_serializing_if = "Option::is_none")] detail: Option<Private>,
        /// An old replica had already been retired, so the old release has to be restored.
        after_retired: bool,
    }
    /// haloy died in the middle of a rollout; this is what was found afterwards.
    50 = RolloutInterrupted v 1 since "0.1.0" {
        /// Id of the deployment.
        id: DeploymentId,
        /// Effects that were owed.
        at_effects: Vec<EffectId>,
        /// What is really there.
        found: Observed,
        /// Whether the rollout goes on, or back.
        goes_on: bool,
    }
    /// The release is live and well.
    55 = DeploymentSucceeded v 1 since "0.1.0" {
        /// Id of the deployment.
        id: DeploymentId,
        /// The release that is live.
        rel: DeploymentId,
        /// Milliseconds since the request.
        took_ms: u64,
    }
    /// The deployment failed.
    56 = DeploymentFailed v 2 since "0.1.0" {
        /// Id of the deployment.
        id: DeploymentId,
        /// Why. What others wrote about it lies with the `RolloutTurnedBack` before.
        cause: Failure,
        /// What ran before runs unchanged.
        target_unchanged: bool,
    }
    /// The deployment failed, and the previous release was restored.
    57 = DeploymentRolledBack v 2 since "0.1.0" {
        /// Id of the deployment.
        id: DeploymentId,
        /// Why. What others wrote about it lies with the `RolloutTurnedBack` before.
        cause: Failure,
        /// The release that is live again.
        restored: DeploymentId,
    }
    /// The deployment was cancelled, and what ran before runs.
    58 = DeploymentCancelled v 1 since "0.1.0" {
        /// Id of the deployment.
        id: DeploymentId,
        /// What ran before runs unchanged; otherwise it was restored.
        target_unchanged: bool,
    }
    /// haloy died in the middle, and what ran before runs.
    59 = DeploymentInterrupted v 2 since "0.1.0" {
        /// Id of the deployment.
        id: DeploymentId,
        /// Why. What others wrote about it lies with the `RolloutTurnedBack` before.
        cause: Failure,
        /// What ran before runs unchanged.
        target_unchanged: bool,
    }
}

impl TargetEvent {
    /// Every private value of the event, with its field number.
    pub(super) fn private_fields(&mut self) -> Vec<(FieldNumber, &mut Private)> {
        match self {
            Self::DeploymentRequested(e) => match &mut e.ask {
                DeploymentKind::Deploy { release } => release.config.private_fields(),
                // The literals stay with the request that made the release: one redaction is enough.
                DeploymentKind::Rollback { .. } => Vec::new(),
            },
            Self::HookFinished(e) => vec![(field::LOG_TAIL, &mut e.log_tail)],
            Self::ReleaseCommandFinished(e) => vec![(field::LOG_TAIL, &mut e.log_tail)],
            Self::ReplicaUnhealthy(e) => {
                let detail = e.detail.iter_mut().map(|detail| (field::DETAIL, detail));
                detail.chain([(field::LOG_TAIL, &mut e.log_tail)]).collect()
            }
            Self::EffectFailed(e) => vec![(field::DETAIL, &mut e.detail)],
            Self::EffectAttemptFailed(e) => field::detail(&mut e.detail),
            Self::RolloutTurnedBack(e) => field::detail(&mut e.detail),
            Self::PruneFailed(e) => field::detail(&mut e.detail),
            Self::ImageLost(e) => field::detail(&mut e.detail),
            Self::RegistryUnreachable(e) => field::detail(&mut e.detail),
            Self::ExecRun(e) => vec![(field::ARGV, &mut e.argv)],
            Self::HoldPlaced(e) => vec![(field::BASIS, &mut e.basis)],
            Self::DeploymentAdmitted(_)
            | Self::DeploymentRefused(_)
            | Self::CancelRequested(_)
            | Self::ImageResolved(_)
            | Self::ImageBuilt(_)
            | Self::ImagePulled(_)
            | Self::ImageTagged(_)
            | Self::NetworkReady(_)
            | Self::ReplicaStarted(_)
            | Self::ReplicaHealthy(_)
            | Self::RoutesApplied(_)
            | Self::ReplicaDrained(_)
            | Self::ReplicaStopped(_)
            | Self::ReplicaRemoved(_)
            | Self::RolloutInterrupted(_)
            | Self::DeploymentSucceeded(_)
            | Self::DeploymentFailed(_)
            | Self::DeploymentRolledBack(_)
            | Self::DeploymentCancelled(_)
            | Self::DeploymentInterrupted(_)
            | Self::PrunePlanned(_)
            | Self::ArtefactPruned(_)
            | Self::ImageFound(_)
            | Self::ImagePushed(_)
            | Self::TagMoved(_)
            | Self::ImagesChecked(_)
            | Self::ReleaseTagged(_)
            | Self::ReleaseUntagged(_)
            | Self::ReleasePinned(_)
            | Self::ReleaseUnpinned(_)
            | Self::HoldReleased(_)
            | Self::RetentionChanged(_)
            | Self::StopRequested(_)
            | Self::TargetStopped(_)
            | Self::ReplicaRestarted(_)
            | Self::RestartRequested(_)
            | Self::RestartCutShort(_)
            | Self::RestartEnded(_) => Vec::new(),
        }
    }
}

impl ImageBuilt {
    /// The image, which no registry knows yet, under the reference that it was built for.
    pub fn image(&self, reference: ImageRef) -> ResolvedImage {
        ResolvedImage {
            reference,
            index_digest: None,
            digest: None,
            image_id: Some(self.image_id.clone()),
            platform: self.platform.clone(),
            size: self.size,
            created: None,
            revision: None,
            source: None,
        }
    }
}
