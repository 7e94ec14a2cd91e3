//! Changes in which replicas get requests: noticed at each attempt to connect.

use super::identity::{Doubt, Subject};
use super::observed::Observed;
use super::upstream::Upstream;
use super::verify::Unconnected;
use haloy_ledger::edge::Report;
use haloy_ledger::event::UpstreamCause;
use haloy_ledger::locks::locked;
use std::sync::Arc;
use std::time::Instant;

fn cause(unconnected: &Unconnected) -> UpstreamCause {
    match unconnected {
        Unconnected::Refused => UpstreamCause::Refused,
        Unconnected::Doubted(Doubt::Stopped) => UpstreamCause::NotRunning,
        Unconnected::Doubted(Doubt::Gone) => UpstreamCause::Gone,
        Unconnected::Doubted(Doubt::Nowhere) => UpstreamCause::NoAddress,
        Unconnected::Doubted(Doubt::Moves) => UpstreamCause::NotTheReplica,
        Unconnected::Doubted(Doubt::Unknown(_)) => UpstreamCause::EngineAway,
    }
}

impl Observed {
    /// An attempt to connect to a replica succeeded or failed: reported where that is new.
    pub fn connected<T>(self: &Arc<Self>, upstream: &Upstream, came_to: &Result<T, Unconnected>) {
        upstream.turned(came_to.is_err());
        self.tell(upstream, || came_to.as_ref().err().map_or(UpstreamCause::Verified, cause));
    }

    /// Tells the log of a replica that gets no requests from now on, or gets them again, where that is news.
    pub fn tell(self: &Arc<Self>, upstream: &Upstream, cause: impl FnOnce() -> UpstreamCause) {
        let Some(down) = upstream.news() else { return };
        let Subject { app, target, replica, .. } = upstream.subject();
        let (app, target, r) = (app.clone(), target.clone(), *replica);
        let Some(more) = self.changes.tell((app.clone(), target.clone()), Instant::now()) else { return };
        let cause = cause();
        let report = match down {
            false => Report::Up { app, target, r, cause, more },
            true => Report::Down { app, target, r, cause, more },
        };
        locked(&self.changes.waiting).push_back(report);
        let observed = Arc::clone(self);
        // Written to disk: no request waits for that.
        drop(tokio::task::spawn_blocking(move || {
            let _one_at_a_time = locked(&observed.changes.writing);
            let next = || locked(&observed.changes.waiting).pop_front();
            while let Some(report) = next() {
                observed.report(report);
            }
        }));
    }
}
