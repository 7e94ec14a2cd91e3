//! Every kind of event that this version writes, in order of number: here those of the ledger and of
//! rollouts; `kinds_kept` and `kinds_edge` append theirs to the same list.
//!
//! Reserved, never to be used for anything else: 9 to 11, 37, 83, 85 to 92, 103, 104, 122, 123 and the
//! ranges 130-149 (governance), 150-169 (fleet), 170-189 (witness), 190-199 (access).

use super::parts::*;
use crate::ids::*;
use crate::outcome::*;
use crate::private::Private;
use crate::release::{Domain, HistoryStrategy, MadeVolume, ResolvedImage};

super::kinds_kept::with_kept! {
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
    /// The store has another format from here on.
    2 = FormatRaised v 1 since "0.1.0" {
        /// The format before.
        from: u32,
        /// The format from here on.
        to: u32,
        /// Program that raised it.
        tool: String,
    }
    /// A key counts from here on.
    3 = KeyAdded v 1 since "0.1.0" {
        /// Id of the key.
        key_id: String,
        /// What signatures are checked with; none for a key that signs nothing.
        verifier_key: Option<String>,
        /// What it is for: `signing`, `fingerprint` or `vault`.
        purpose: String,
    }
    /// A key no longer counts.
    4 = KeyRetired v 1 since "0.1.0" {
        /// Id of the key.
        key_id: String,
        /// `rotated` (it signed this, too) or `lost` (it could not).
        cause: String,
        /// The last head under the key, for one that signs: the text of a checkpoint.
        last_head: Option<String>,
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
    /// Something of the ledger was made anew after a fault, or brought back from a backup.
    7 = Recovered v 1 since "0.1.0" {
        /// Where it came from: `published`, `store` or `backup`.
        source: String,
        /// Entries that were there before; those that could be read.
        from: Position,
        /// Entries that are there now.
        to: Position,
        /// Names of the faults that were found, in the order in which they were.
        codes: Vec<String>,
        /// What was made anew: `store`, `published`, `private`, `heads`.
        repaired: Vec<String>,
        /// The last head that was signed before, where it is not of this log any more.
        lost_head: Option<String>,
    }
    /// Private values of an event were erased, and nobody can bring them back.
    8 = PayloadRedacted v 1 since "0.1.0" {
        /// The event.
        position: Position,
        /// Numbers of its private fields.
        fields: Vec<u32>,
        /// Why: a law, a request, a contract. Not private: it must not repeat what is erased.
        basis: String,
    }
    /// A deploy or rollback was asked for. Owes nothing yet.
    20 = DeploymentRequested v 4 since "0.1.0" {
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
        /// The engine that it is to run on, as far as it was known when it was asked. Since version 3.
        #[serde(default, skip_serializing_if = "Option::is_none")] engine: Option<EngineUsed>,
    }
    /// Every gate let it pass; its effects are owed from here on.
    21 = DeploymentAdmitted v 2 since "0.1.0" {
        /// Id of the deployment.
        id: DeploymentId,
        /// The gates and what they said.
        by: Vec<Admission>,
    }
    /// A gate said no; nothing of it ever started.
    22 = DeploymentRefused v 1 since "0.2.0" {
        /// Id of the deployment.
        id: DeploymentId,
        /// The gate.
        gate: Gate,
        /// The rule of it, where it has rules.
        rule: Option<String>,
        /// The policy that the rule is of, and its version.
        policy: Option<String>,
        /// Why.
        cause: Failure,
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
    36 = HookFinished v 2 since "0.1.0" {
        /// Id of the deployment.
        id: DeploymentId,
        /// Which hook.
        hook: HookId,
        /// How it ended.
        exit: HookExit,
        /// Where it ran. Since version 2.
        #[serde(default)] ran: RanAt,
        /// Its last lines.
        log_tail: Private,
    }
    /// The release command ended. It is never run twice for one deployment.
    38 = ReleaseCommandFinished v 1 since "0.2.0" {
        /// Id of the deployment.
        id: DeploymentId,
        /// How it ended.
        exit: HookExit,
        /// Its last lines.
        log_tail: Private,
    }
    /// A replica's container runs.
    40 = ReplicaStarted v 2 since "0.1.0" {
        /// Which replica, of which deployment.
        r: ReplicaId,
        /// Id on the engine.
        container_id: String,
        /// Its address, where it has one.
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
        /// Its last lines.
        log_tail: Private,
    }
    /// The edge sends requests as this target wishes, read back from it.
    43 = RoutesApplied v 1 since "0.1.0" {
        /// The deployment that owed it.
        id: DeploymentId,
        /// Size of the log that the routes were computed from; the edge never goes back to a smaller one.
        generation: u64,
        /// BLAKE3 of the whole table of routes, in hex, as the edge has it.
        digest: String,
        /// Domains of the target, as wished.
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
        /// It had to be killed.
        forced: bool,
    }
    /// A replica's container is gone, as wanted.
    46 = ReplicaRemoved v 2 since "0.1.0" {
        /// Which replica.
        r: ReplicaId,
        /// Id that it had.
        container_id: Option<String>,
        /// Volumes of it that nobody named: they stay. Since version 2.
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
    56 = DeploymentFailed v 2 since "0.1.0" {
        /// Id of the deployment.
        id: DeploymentId,
        /// Why. What others wrote about it lies with the `RolloutTurnedBack` before.
        cause: Failure,
        /// What ran before runs unchanged.
        target_unchanged: bool,
    }
    /// It failed, and the release before was restored.
    57 = DeploymentRolledBack v 2 since "0.1.0" {
        /// Id of the deployment.
        id: DeploymentId,
        /// Why. What others wrote about it lies with the `RolloutTurnedBack` before.
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
    59 = DeploymentInterrupted v 2 since "0.1.0" {
        /// Id of the deployment.
        id: DeploymentId,
        /// Why. What others wrote about it lies with the `RolloutTurnedBack` before.
        cause: Failure,
        /// What ran before runs unchanged.
        target_unchanged: bool,
    }
}
