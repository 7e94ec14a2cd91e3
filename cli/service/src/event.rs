//! Events as sentences.

use super::words::{count, rule, unnamed, with_detail};
use haloy_ledger::event::{
    AnyEvent, DeploymentKind, EdgeEvent, ExecWhat, LedgerEvent, PayloadRedacted, Recovered, RestartCause,
    TargetEvent, UpstreamCause,
};
use haloy_ledger::outcome::HookExit;
use haloy_ledger::private::Private;

/// An event in a sentence.
pub fn sentence(event: &AnyEvent) -> String {
    match event {
        AnyEvent::Ledger(event) => of_the_ledger(event),
        AnyEvent::Target(event) => of_a_target(event),
        AnyEvent::Edge(event) => at_edge(event),
    }
}

/// An event of the ledger itself, in a sentence.
fn of_the_ledger(event: &LedgerEvent) -> String {
    match event {
        LedgerEvent::LedgerCreated(e) => format!("ledger {} created", e.ledger_id),
        LedgerEvent::FormatRaised(e) => format!("store format {} is {} from here on", e.from, e.to),
        LedgerEvent::KeyAdded(e) => format!("{} key {} is valid from here on", e.purpose, e.key_id),
        LedgerEvent::KeyRetired(e) => format!("key {} retired: {}", e.key_id, e.cause),
        LedgerEvent::Recovered(e) => recovered(e),
        LedgerEvent::PayloadRedacted(e) => redacted(e),
        LedgerEvent::ClockStepped(_) => "the clock went back".to_owned(),
        LedgerEvent::ClockAccepted(_) => "a clock far ahead was vouched for".to_owned(),
    }
}

/// An event of a target, in a sentence.
pub fn of_a_target(event: &TargetEvent) -> String {
    match event {
        TargetEvent::DeploymentRequested(e) => match &e.ask {
            DeploymentKind::Deploy { release } => {
                format!("deploy {} of {} requested", e.id, release.config.image.reference)
            }
            DeploymentKind::Rollback { restores, .. } => {
                format!("rollback {} to release {restores} requested", e.id)
            }
        },
        TargetEvent::DeploymentAdmitted(_) => "admitted".to_owned(),
        TargetEvent::CancelRequested(_) => "cancellation requested".to_owned(),
        TargetEvent::ImageResolved(e) => {
            let digest = e.image.digest.as_ref().map_or("known to this engine only", |digest| digest.short());
            format!("image {} is {digest}", e.image.reference)
        }
        TargetEvent::ImageBuilt(e) => format!("image {} built", e.image_id.short()),
        TargetEvent::ImagePulled(e) => format!("image {} is here", e.image_id.short()),
        TargetEvent::ImageTagged(e) => format!("tagged {}", e.local_tag),
        TargetEvent::NetworkReady(_) => "network ready".to_owned(),
        TargetEvent::HookFinished(e) => match e.exit {
            HookExit::Code(0) => "hook finished".to_owned(),
            HookExit::Code(code) => format!("hook failed, it ended with code {code}"),
            HookExit::Killed => "hook failed, it was ended by a signal or by its time limit".to_owned(),
            HookExit::Unknown => "how the hook ended is not known: haloy was ended meanwhile".to_owned(),
        },
        TargetEvent::RoutesApplied(e) => {
            format!("{} receiving traffic, {} out", count(e.routed.len(), "replica"), e.out.len())
        }
        TargetEvent::EffectAttemptFailed(e) => {
            with_detail(format!("attempt {} failed: {}", e.attempt, e.cause), plain(&e.detail))
        }
        TargetEvent::EffectFailed(e) => {
            format!("given up after {}: {}", count(e.attempts as usize, "attempt"), e.cause)
        }
        TargetEvent::RolloutTurnedBack(e) => format!("turned back: {}", e.cause),
        TargetEvent::RolloutInterrupted(e) => {
            format!("found interrupted; it goes {}", if e.goes_on { "on" } else { "back" })
        }
        TargetEvent::DeploymentRefused(e) => format!("refused: {}", e.cause),
        TargetEvent::ReleaseCommandFinished(e) => match e.exit {
            HookExit::Code(0) => "release command finished".to_owned(),
            HookExit::Code(code) => format!("release command failed, it ended with code {code}"),
            HookExit::Killed => {
                "release command failed, it was ended by a signal or by its time limit".to_owned()
            }
            HookExit::Unknown => {
                "how the release command ended is not known: haloy was ended meanwhile".to_owned()
            }
        },
        TargetEvent::DeploymentSucceeded(e) => format!("succeeded after {}", super::time::took(e.took_ms)),
        TargetEvent::DeploymentFailed(e) => format!("failed: {}", e.cause),
        TargetEvent::DeploymentRolledBack(e) => {
            format!("failed, release {} restored: {}", e.restored, e.cause)
        }
        TargetEvent::DeploymentCancelled(_) => "cancelled".to_owned(),
        TargetEvent::DeploymentInterrupted(e) => format!("interrupted: {}", e.cause),
        other => running(other),
    }
}

/// An event about stopping and restarting, in a sentence.
fn running(event: &TargetEvent) -> String {
    match event {
        TargetEvent::StopRequested(e) if !e.volumes.is_empty() => {
            format!("stop requested, with volumes {}", e.volumes.join(", "))
        }
        TargetEvent::StopRequested(_) => "stop requested".to_owned(),
        TargetEvent::RestartRequested(e) => {
            format!("restart of {} requested", count(e.replicas.len(), "replica"))
        }
        TargetEvent::RestartCutShort(e) => {
            format!("the restart ends with the replica under way: {}", e.cause)
        }
        TargetEvent::RestartEnded(e) => {
            let done = count(e.restarted.len(), "replica");
            e.cause.as_ref().map_or(format!("restarted, {done}"), |cause| {
                format!("the restart ended after {done}: {cause}")
            })
        }
        TargetEvent::TargetStopped(e) => format!("stopped, {}", count(e.replicas.len(), "replica")),
        other => replica(other),
    }
}

/// An event about a replica, in a sentence.
fn replica(event: &TargetEvent) -> String {
    match event {
        TargetEvent::ReplicaStarted(e) => {
            let address = e.address.as_ref().map(|address| format!(" at {address}")).unwrap_or_default();
            let made: String = e.volumes.iter().map(|made| format!("; warning: {}", unnamed(made))).collect();
            format!("replica {} started{address}{made}", e.r.index + 1)
        }
        TargetEvent::ReplicaHealthy(e) => {
            format!("replica {} healthy after {}", e.r.index + 1, super::time::took(e.took_ms))
        }
        TargetEvent::ReplicaUnhealthy(e) => {
            with_detail(format!("replica {} unhealthy: {}", e.r.index + 1, e.cause), plain(&e.detail))
        }
        TargetEvent::ReplicaDrained(e) => match e.left_in_flight {
            0 => format!("replica {} of {} drained", e.r.index + 1, e.r.deployment),
            some => format!("replica {} of {}: {some} requests cut off", e.r.index + 1, e.r.deployment),
        },
        TargetEvent::ReplicaStopped(e) => {
            let forced =
                if e.forced { "; it did not end by itself, and was killed after its grace" } else { "" };
            format!("replica {} of {} stopped{forced}", e.r.index + 1, e.r.deployment)
        }
        TargetEvent::ReplicaRemoved(e) => {
            let kept =
                e.volumes.iter().map(|made| format!("; volume {} of {} stays", made.volume, made.path));
            format!("replica {} of {} removed{}", e.r.index + 1, e.r.deployment, kept.collect::<String>())
        }
        TargetEvent::ExecRun(e) => match e.what {
            ExecWhat::Exec => format!("a command ran in replica {}", e.r.index + 1),
            ExecWhat::Tunnel => format!("a tunnel was opened to replica {}", e.r.index + 1),
        },
        TargetEvent::ReplicaRestarted(e) => {
            let what = match e.cause {
                RestartCause::NotRunning => "did not run and was started again",
                RestartCause::Moved => "was found started again",
                RestartCause::Asked => "restarted",
            };
            let at = e.address.as_deref().map(|address| format!(" at {address}")).unwrap_or_default();
            format!("replica {} of {} {what}{at}", e.r.index + 1, e.r.deployment)
        }
        kept => keeping(kept),
    }
}

/// What is still plain of a detail: that of an event that was recorded just now, by this process.
fn plain(detail: &Option<Private>) -> Option<&str> {
    match detail {
        Some(Private::Plain(text)) => Some(text),
        Some(Private::Committed(_)) | None => None,
    }
}

/// An event about what is kept, in a sentence.
fn keeping(event: &TargetEvent) -> String {
    match event {
        TargetEvent::PrunePlanned(e) if e.artefact.is_volume() => {
            format!(
                "volume {} is scheduled for removal, with its data: {}",
                e.artefact.tag(),
                rule(e.rule, Some(e.count))
            )
        }
        TargetEvent::ArtefactPruned(e) if e.artefact.is_volume() => {
            format!("volume {} removed, with its data", e.artefact.tag())
        }
        TargetEvent::PruneFailed(e) if e.artefact.is_volume() => {
            with_detail(format!("volume {} stays: {}", e.artefact.tag(), e.cause), plain(&e.detail))
        }
        TargetEvent::PrunePlanned(e) => {
            format!("{} is scheduled for removal: {}", e.artefact.tag(), rule(e.rule, Some(e.count)))
        }
        TargetEvent::ArtefactPruned(e) => format!("{} removed", e.artefact.tag()),
        TargetEvent::PruneFailed(e) => format!("{} could not be removed: {}", e.artefact.tag(), e.cause),
        TargetEvent::ImageLost(e) => {
            with_detail(format!("image of release {} is lost: {}", e.rel, e.cause), plain(&e.detail))
        }
        TargetEvent::ImageFound(e) => format!("image of release {} is there again", e.rel),
        TargetEvent::RetentionChanged(e) => match e.dropped.len() {
            0 => format!("from now on {} keeps {}", e.strategy, e.count),
            some => {
                format!("{} keeps {}: {} no longer restorable", e.strategy, e.count, count(some, "release"))
            }
        },
        TargetEvent::ImagePushed(e) => format!("{} pushed, {}", e.reference, e.digest.short()),
        TargetEvent::TagMoved(e) => match &e.now {
            Some(now) if *now == e.recorded => format!("{} points at {} again", e.reference, now.short()),
            Some(now) => format!(
                "{} moved: it pointed at {} when release {} was deployed, and now at {}",
                e.reference,
                e.recorded.short(),
                e.rel,
                now.short()
            ),
            None => format!("{} is gone from the registry; release {} has its digest", e.reference, e.rel),
        },
        TargetEvent::RegistryUnreachable(e) => {
            with_detail(format!("release {} could not be looked for: {}", e.rel, e.cause), plain(&e.detail))
        }
        TargetEvent::ImagesChecked(e) => match e.unanswered.len() {
            0 => format!("looked for {}", count(e.releases.len(), "image")),
            some => format!("looked for {}, {some} unknown", count(e.releases.len() + some, "image")),
        },
        TargetEvent::ReleaseTagged(e) => match e.before {
            Some(before) => format!("{} moved from release {before} to {}", e.name, e.after),
            None => format!("{} is release {}", e.name, e.after),
        },
        TargetEvent::ReleaseUntagged(e) => format!("{} is no longer release {}", e.name, e.before),
        TargetEvent::ReleasePinned(e) => format!("release {} pinned", e.rel),
        TargetEvent::ReleaseUnpinned(e) => format!("release {} no longer pinned", e.rel),
        TargetEvent::HoldPlaced(e) => format!("release {} held", e.rel),
        TargetEvent::HoldReleased(e) => format!("release {} no longer held", e.rel),
        other => other.name().to_owned(),
    }
}

/// Why a replica gets no requests.
fn upstream(cause: UpstreamCause) -> &'static str {
    match cause {
        UpstreamCause::Gone => "its container is gone",
        UpstreamCause::NotRunning => "its container does not run",
        UpstreamCause::NoAddress => "its container has no address",
        UpstreamCause::NotTheReplica => "what answers at its address is not the replica",
        UpstreamCause::EngineAway => "the engine does not answer",
        UpstreamCause::Refused => "it accepts no connections",
        UpstreamCause::Verified => "it was shown to be the replica",
        UpstreamCause::Unanswered => "it does not answer the checks of the edge",
        UpstreamCause::Unwell => "it answers the checks of the edge with an error",
        UpstreamCause::Answers => "it answers the checks of the edge again",
    }
}

/// An event of the edge, in a sentence.
fn at_edge(event: &EdgeEvent) -> String {
    match event {
        EdgeEvent::DomainClaimed(e) => format!("{} belongs to {}/{}", e.domain, e.app, e.target),
        EdgeEvent::DomainReleased(e) => match &e.back_to {
            Some(before) => format!("{} is with {before} again", e.domain),
            None => format!("{} no longer belongs to {}/{}", e.domain, e.app, e.target),
        },
        EdgeEvent::DomainMoved(e) => format!("{} moved from {} to {}", e.domain, e.from, e.to),
        EdgeEvent::CertificateIssued(e) => {
            format!("certificate for {} issued by {}", e.names.join(", "), e.ca)
        }
        EdgeEvent::CertificateFailed(e) => format!("no certificate for {}: {}", e.names.join(", "), e.cause),
        EdgeEvent::CertificateImported(e) => format!("own certificate for {} in use", e.names.join(", ")),
        EdgeEvent::AcmeAccountCreated(e) => format!("account {} made at {}", e.account, e.directory),
        EdgeEvent::UpstreamDown(e) => {
            // Where no other is well either, requests are sent to it all the same.
            let what = match e.cause {
                UpstreamCause::Unanswered | UpstreamCause::Unwell => "is out of the route",
                UpstreamCause::Gone
                | UpstreamCause::NotRunning
                | UpstreamCause::NoAddress
                | UpstreamCause::NotTheReplica
                | UpstreamCause::EngineAway
                | UpstreamCause::Refused
                | UpstreamCause::Verified
                | UpstreamCause::Answers => "gets no requests",
            };
            format!("replica {} of {}/{} {what}: {}", e.r.index + 1, e.app, e.target, upstream(e.cause))
        }
        EdgeEvent::UpstreamUp(e) => {
            format!("replica {} of {}/{} gets requests again", e.r.index + 1, e.app, e.target)
        }
        EdgeEvent::EdgeStarted(e) => format!("edge {} started", e.version),
        EdgeEvent::EdgeReplaced(e) => format!("edge {} took over from {}", e.after, e.before),
    }
}

fn recovered(e: &Recovered) -> String {
    let lost = if e.to < e.from { format!(", {} entries fewer", e.from.0 - e.to.0) } else { String::new() };
    let after = if e.codes.is_empty() { String::new() } else { format!(" after {}", e.codes.join(", ")) };
    format!("{} rebuilt from {}{after}{lost}", e.repaired.join(", "), e.source)
}

fn redacted(e: &PayloadRedacted) -> String {
    format!("{} of {} erased: {}", count(e.fields.len(), "private value"), e.position, e.basis)
}
