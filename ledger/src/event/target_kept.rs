//! Kinds of the stream of a target about what is kept, and about stopping: appended to those of `target`.

macro_rules! with_kept {
    ($($before:tt)*) => {
        crate::event::catalogue::events! {
    $($before)*
    /// Removal of an artefact was planned.
    60 = PrunePlanned v 2 since "0.1.0" {
        /// The release that it belongs to.
        rel: DeploymentId,
        /// What goes.
        artefact: Artefact,
        /// By which rule.
        rule: PruneRule,
        /// The count in force.
        count: u16,
    }
    /// An artefact was removed, as planned. What it was stays known.
    61 = ArtefactPruned v 2 since "0.1.0" {
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
    62 = PruneFailed v 2 since "0.1.0" {
        /// The release that it belongs to.
        rel: DeploymentId,
        /// What stays.
        artefact: Artefact,
        /// Why.
        cause: Failure,
        /// What others wrote about it.
        #[serde(default, skip_serializing_if = "Option::is_none")] detail: Option<Private>,
    }
    /// An image is not where it should be: it was removed by others.
    63 = ImageLost v 2 since "0.1.0" {
        /// The release that it belongs to.
        rel: DeploymentId,
        /// Where it should be.
        place: ImagePlace,
        /// What was seen.
        cause: Failure,
        /// What others wrote about it.
        #[serde(default, skip_serializing_if = "Option::is_none")] detail: Option<Private>,
    }
    /// A lost image is there again.
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
        /// Digest at the time of the deploy.
        recorded: Digest,
        /// Current digest; none if the tag is gone.
        now: Option<Digest>,
    }
    /// A registry could not be queried about a release.
    66 = RegistryUnreachable v 2 since "0.1.0" {
        /// The release.
        rel: DeploymentId,
        /// The requested reference.
        reference: ImageRef,
        /// Why there was no answer.
        cause: Failure,
        /// What others wrote about it.
        #[serde(default, skip_serializing_if = "Option::is_none")] detail: Option<Private>,
    }
    /// Images were checked; what had changed was recorded before.
    67 = ImagesChecked v 1 since "0.1.0" {
        /// When, by the clock of the command.
        at: Timestamp,
        /// The releases of which it is known now.
        releases: Vec<DeploymentId>,
        /// Releases whose images could not be checked.
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
        /// Tag to make on the engine, where the image is there.
        local_tag: Option<String>,
        /// Tag to make in the registry, where requested.
        pushed: Option<PushedTag>,
    }
    /// A name is no longer used.
    71 = ReleaseUntagged v 1 since "0.1.0" {
        /// The name.
        name: ReleaseName,
        /// The release that had it.
        before: DeploymentId,
        /// Tag to remove from the engine.
        local_tag: String,
        /// Tag to remove from the registry, where requested.
        pushed: Option<ImageRef>,
    }
    /// A release is pinned: kept whatever the count is.
    72 = ReleasePinned v 1 since "0.1.0" {
        /// The release.
        rel: DeploymentId,
    }
    /// A release is unpinned: kept by the count only.
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
    /// What stays restorable changed: by another count, or because a newer release took a place.
    76 = RetentionChanged v 1 since "0.1.0" {
        /// Strategy in force.
        strategy: HistoryStrategy,
        /// Count in force.
        count: u16,
        /// Previous strategy and count.
        before: Option<RetentionBefore>,
        /// Releases that are no longer kept because of it.
        dropped: Vec<DeploymentId>,
    }
    /// A stop of the target was requested.
    80 = StopRequested v 2 since "0.1.0" {
        /// Time of the request, by the clock of the command.
        at: Timestamp,
        /// The containers are removed, too.
        remove: bool,
        /// Volumes that go with them, each by its name. Since version 2.
        #[serde(default, skip_serializing_if = "Vec::is_empty")] volumes: Vec<String>,
    }
    /// The target no longer runs.
    81 = TargetStopped v 1 since "0.1.0" {
        /// Replicas that were stopped.
        replicas: Vec<ReplicaId>,
    }
    /// A replica was restarted on request; or one that should run runs again, or runs at another address than
    /// recorded: the same container, with its current address.
    82 = ReplicaRestarted v 2 since "0.2.0" {
        /// Which replica.
        r: ReplicaId,
        /// Id on the engine.
        container_id: String,
        /// Current address.
        address: Option<String>,
        /// The address is the container's own for as long as that exists.
        fixed: bool,
        /// Why.
        cause: RestartCause,
    }
    /// A command was run in a replica, or a tunnel to one of its ports was opened.
    84 = ExecRun v 1 since "0.2.0" {
        /// What was done.
        what: ExecWhat,
        /// In which replica.
        r: ReplicaId,
        /// The command line, as JSON.
        argv: Private,
        /// The port, of a tunnel.
        port: Option<u16>,
        /// Code that it ended with, where it did.
        exit_code: Option<i64>,
        /// Milliseconds that it took.
        took_ms: u64,
    }
    /// A restart of the target was requested: its replicas one after the other, each in its present
    /// container.
    85 = RestartRequested v 1 since "0.2.0" {
        /// Time of the request, by the clock of the command.
        at: Timestamp,
        /// The replicas, in the order in which they are restarted.
        replicas: Vec<ReplicaId>,
    }
    /// A restart ends with the current replica: it was cancelled, or haloy died in the middle.
    86 = RestartCutShort v 1 since "0.2.0" {
        /// Why.
        cause: Failure,
    }
    /// A restart is over.
    87 = RestartEnded v 1 since "0.2.0" {
        /// Replicas that were restarted, and are well again.
        restarted: Vec<ReplicaId>,
        /// Why not all replicas were restarted, where some were not.
        cause: Option<Failure>,
    }
        }
    };
}
pub(super) use with_kept;
