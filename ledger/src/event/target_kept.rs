//! Kinds of the stream of a target about what is kept, and about stopping: appended to those of `target`.

macro_rules! with_kept {
    ($($before:tt)*) => {
        crate::event::catalogue::events! {
    $($before)*
    /// An artefact is to be removed.
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
    /// An artefact is gone, as planned. What it was stays known.
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
    /// An image that should be there is not: somebody else removed it.
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
    66 = RegistryUnreachable v 2 since "0.1.0" {
        /// The release.
        rel: DeploymentId,
        /// What was asked for.
        reference: ImageRef,
        /// Why there was no answer.
        cause: Failure,
        /// What others wrote about it.
        #[serde(default, skip_serializing_if = "Option::is_none")] detail: Option<Private>,
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
    80 = StopRequested v 2 since "0.1.0" {
        /// When it was asked, by the clock of the command.
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
    /// A replica was restarted because somebody asked for it; or one that should run runs again, or runs
    /// elsewhere than it was known to: the same container, with the address that it has now.
    82 = ReplicaRestarted v 2 since "0.2.0" {
        /// Which replica.
        r: ReplicaId,
        /// Id on the engine.
        container_id: String,
        /// Its address.
        address: Option<String>,
        /// The address is the container's own for as long as that exists.
        fixed: bool,
        /// Why.
        cause: RestartCause,
    }
    /// Somebody ran a command in a replica, or opened a way to one of its ports.
    84 = ExecRun v 1 since "0.2.0" {
        /// What it was.
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
    /// Somebody asked to restart the target: its replicas one after the other, each in the container that it
    /// has.
    85 = RestartRequested v 1 since "0.2.0" {
        /// When it was asked, by the clock of the command.
        at: Timestamp,
        /// The replicas, in the order in which they are restarted.
        replicas: Vec<ReplicaId>,
    }
    /// A restart ends with the replica that is under way: somebody cancelled it, or haloy died in the middle.
    86 = RestartCutShort v 1 since "0.2.0" {
        /// Why.
        cause: Failure,
    }
    /// A restart is over.
    87 = RestartEnded v 1 since "0.2.0" {
        /// Replicas that were restarted, and were seen to be well again.
        restarted: Vec<ReplicaId>,
        /// Why not all of them, where not all were.
        cause: Option<Failure>,
    }
        }
    };
}
pub(super) use with_kept;
