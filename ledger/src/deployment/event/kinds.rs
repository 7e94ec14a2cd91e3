//! Every kind of event that this version writes, in order of number.
//!
//! Reserved, never to be used for anything else: 2, 3, 4, 7, 8, 9, 22, 43, 44, 82 to 89, 100 to 121, and the ranges 130-149 (governance), 150-169 (fleet), 170-189 (witness).

use super::catalogue::events;
use super::parts::*;
use crate::ids::*;
use crate::outcome::*;
use crate::private::Private;
use crate::release::{HistoryStrategy, ResolvedImage};

events! {
    /// The ledger was made. Always the event at position 0.
    1 = LedgerCreated v 1 since "0.1.0" {
        /// Id of this ledger; labels on containers carry it.
        ledger_id: LedgerId,
        /// Name of this log to the outside, as in a signed head.
        origin: String,
        /// Format of the store; a newer one is read where possible and never written.
        format: u32,
        /// Ids of the keys in use: purpose and id.
        key_ids: Vec<String>,
    }
    /// The wall clock went back by more than a second.
    5 = ClockStepped v 1 since "0.1.0" {
        /// As read for the previous event.
        before: Timestamp,
        /// As read now.
        after: Timestamp,
    }
    /// Somebody vouched for a clock that is far ahead of the previous event.
    6 = ClockAccepted v 1 since "0.1.0" {
        /// As read for the previous event.
        before: Timestamp,
        /// As read now.
        after: Timestamp,
    }
    /// A deploy or rollback was asked for. Owes nothing yet.
    20 = DeploymentRequested v 2 since "0.1.0" {
        /// Id of the deployment.
        id: DeploymentId,
        /// When it was asked, by the clock of the command.
        at: Timestamp,
        /// What was asked.
        ask: Ask,
        /// The working tree, where there is one.
        git: Option<GitFacts>,
        /// The CI job, where there is one.
        ci: Option<CiFacts>,
    }
    /// Every gate let it pass; its effects are owed from here on.
    21 = DeploymentAdmitted v 1 since "0.1.0" {
        /// Id of the deployment.
        id: DeploymentId,
        /// The gates and what they said.
        by: Vec<Admission>,
    }
    /// Somebody asked to stop the rollout.
    23 = CancelRequested v 1 since "0.1.0" {
        /// Id of the deployment.
        id: DeploymentId,
    }
    /// It is known exactly which image is meant.
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
        /// What it is called there.
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
        /// What it points at.
        image_id: Digest,
        /// Which engine holds it.
        engine_id: String,
    }
    /// The network of the replicas is there.
    35 = NetworkReady v 1 since "0.1.0" {
        /// Id of the deployment.
        id: DeploymentId,
        /// Id on the engine.
        network_id: String,
    }
    /// A hook ended.
    36 = HookFinished v 1 since "0.1.0" {
        /// Id of the deployment.
        id: DeploymentId,
        /// Which hook.
        hook: HookId,
        /// How it ended.
        exit: HookExit,
        /// Its last lines.
        log_tail: Private,
    }
    /// A replica's container runs.
    40 = ReplicaStarted v 1 since "0.1.0" {
        /// Which replica, of which deployment.
        r: ReplicaId,
        /// Id on the engine.
        container_id: String,
        /// Its address, where it has one.
        address: Option<String>,
        /// Image that it runs.
        image_id: Digest,
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
    42 = ReplicaUnhealthy v 1 since "0.1.0" {
        /// Which replica.
        r: ReplicaId,
        /// Why.
        cause: Failure,
        /// Probes made.
        probes: u32,
        /// Code that it ended with, where it ended.
        exit_code: Option<i64>,
        /// Its last lines.
        log_tail: Private,
    }
    /// A replica no longer runs, as wanted.
    45 = ReplicaStopped v 1 since "0.1.0" {
        /// Which replica.
        r: ReplicaId,
        /// Code that it ended with.
        exit_code: Option<i64>,
        /// It had to be killed.
        forced: bool,
    }
    /// A replica's container is gone, as wanted.
    46 = ReplicaRemoved v 1 since "0.1.0" {
        /// Which replica.
        r: ReplicaId,
        /// Id that it had.
        container_id: Option<String>,
    }
    /// An effect went wrong and will be tried again, or was tried once too often.
    47 = EffectAttemptFailed v 1 since "0.1.0" {
        /// Which effect.
        eff: EffectId,
        /// Number of the attempt, from 1.
        attempt: u32,
        /// Why.
        cause: Failure,
        /// Whether trying again can help.
        retryable: bool,
    }
    /// An effect failed for good.
    48 = EffectFailed v 1 since "0.1.0" {
        /// Which effect.
        eff: EffectId,
        /// Why.
        cause: Failure,
        /// Attempts made.
        attempts: u32,
        /// Longer foreign text.
        detail: Private,
    }
    /// The rollout goes back to what ran before.
    49 = RolloutTurnedBack v 1 since "0.1.0" {
        /// Id of the deployment.
        id: DeploymentId,
        /// Why.
        cause: Failure,
        /// An old replica was retired already, so the old release has to be restored.
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
        /// Milliseconds since it was asked.
        took_ms: u64,
    }
    /// It failed.
    56 = DeploymentFailed v 1 since "0.1.0" {
        /// Id of the deployment.
        id: DeploymentId,
        /// Why.
        cause: Failure,
        /// What ran before runs unchanged.
        target_unchanged: bool,
    }
    /// It failed, and the release before was restored.
    57 = DeploymentRolledBack v 1 since "0.1.0" {
        /// Id of the deployment.
        id: DeploymentId,
        /// Why.
        cause: Failure,
        /// The release that is live again.
        restored: DeploymentId,
    }
    /// It was cancelled, and what ran before runs.
    58 = DeploymentCancelled v 1 since "0.1.0" {
        /// Id of the deployment.
        id: DeploymentId,
        /// What ran before runs unchanged; otherwise it was restored.
        target_unchanged: bool,
    }
    /// haloy died in the middle, and what ran before runs.
    59 = DeploymentInterrupted v 1 since "0.1.0" {
        /// Id of the deployment.
        id: DeploymentId,
        /// Why.
        cause: Failure,
        /// What ran before runs unchanged.
        target_unchanged: bool,
    }
    /// An artefact is to be removed.
    60 = PrunePlanned v 1 since "0.1.0" {
        /// The release that it belongs to.
        rel: DeploymentId,
        /// What goes.
        artefact: Artefact,
        /// By which rule.
        rule: PruneRule,
        /// The count in force.
        count: u16,
    }
    /// An artefact is gone, as planned. What it was stays known.
    61 = ArtefactPruned v 1 since "0.1.0" {
        /// The release that it belonged to.
        rel: DeploymentId,
        /// What went.
        artefact: Artefact,
        /// Bytes given back.
        freed: u64,
        /// Other tags still hold the image.
        shared: bool,
    }
    /// An artefact could not be removed; it is tried again with the next prune.
    62 = PruneFailed v 1 since "0.1.0" {
        /// The release that it belongs to.
        rel: DeploymentId,
        /// What stays.
        artefact: Artefact,
        /// Why.
        cause: Failure,
    }
    /// An image that should be there is not: somebody else removed it.
    63 = ImageLost v 1 since "0.1.0" {
        /// The release that it belongs to.
        rel: DeploymentId,
        /// Where it should be.
        place: ImagePlace,
        /// What was seen.
        cause: Failure,
    }
    /// An image that was lost is there again.
    64 = ImageFound v 1 since "0.1.0" {
        /// The release that it belongs to.
        rel: DeploymentId,
        /// Where it is.
        place: ImagePlace,
    }
    /// A tag in a registry points at another digest than was deployed. The digest is what counts.
    65 = TagMoved v 1 since "0.1.0" {
        /// The release that was deployed from it.
        rel: DeploymentId,
        /// The tag.
        reference: ImageRef,
        /// What it pointed at when the release was deployed.
        recorded: Digest,
        /// What it points at now; none if it is gone.
        now: Option<Digest>,
    }
    /// A registry could not be asked about a release.
    66 = RegistryUnreachable v 1 since "0.1.0" {
        /// The release.
        rel: DeploymentId,
        /// What was asked for.
        reference: ImageRef,
        /// Why there was no answer.
        cause: Failure,
    }
    /// Somebody looked whether images are where they should be; what had changed was recorded before.
    67 = ImagesChecked v 1 since "0.1.0" {
        /// When, by the clock of the command.
        at: Timestamp,
        /// The releases of which it is known now.
        releases: Vec<DeploymentId>,
        /// The releases of which nobody could tell.
        unanswered: Vec<DeploymentId>,
    }
    /// A release has a name from now on, or a name has another release.
    70 = ReleaseTagged v 1 since "0.1.0" {
        /// The name.
        name: ReleaseName,
        /// The release that had it.
        before: Option<DeploymentId>,
        /// The release that has it now.
        after: DeploymentId,
        /// Tag to be made on the engine, where the image is there.
        local_tag: Option<String>,
        /// Tag to be made in the registry, where asked for.
        pushed: Option<PushedTag>,
    }
    /// A name is no longer used.
    71 = ReleaseUntagged v 1 since "0.1.0" {
        /// The name.
        name: ReleaseName,
        /// The release that had it.
        before: DeploymentId,
        /// Tag to be removed from the engine.
        local_tag: String,
        /// Tag to be removed from the registry, where asked for.
        pushed: Option<ImageRef>,
    }
    /// A release is kept whatever the count says.
    72 = ReleasePinned v 1 since "0.1.0" {
        /// The release.
        rel: DeploymentId,
    }
    /// A release is kept by the count only.
    73 = ReleaseUnpinned v 1 since "0.1.0" {
        /// The release.
        rel: DeploymentId,
    }
    /// A release must be kept: an audit, a dispute, an investigation.
    74 = HoldPlaced v 1 since "0.1.0" {
        /// The release.
        rel: DeploymentId,
        /// Why.
        basis: Private,
    }
    /// A release need not be kept any more.
    75 = HoldReleased v 1 since "0.1.0" {
        /// The release.
        rel: DeploymentId,
    }
    /// What stays restorable changed: by another count, or since a newer release took a place.
    76 = RetentionChanged v 1 since "0.1.0" {
        /// Strategy in force.
        strategy: HistoryStrategy,
        /// Count in force.
        count: u16,
        /// Strategy and count before.
        before: Option<RetentionBefore>,
        /// Releases that are no longer kept because of it.
        dropped: Vec<DeploymentId>,
    }
    /// Somebody asked to stop the target.
    80 = StopRequested v 1 since "0.1.0" {
        /// When it was asked, by the clock of the command.
        at: Timestamp,
        /// The containers are removed, too.
        remove: bool,
    }
    /// The target no longer runs.
    81 = TargetStopped v 1 since "0.1.0" {
        /// Replicas that were stopped.
        replicas: Vec<ReplicaId>,
    }
}
