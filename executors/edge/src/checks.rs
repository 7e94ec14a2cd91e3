//! Checks of replicas that are in a route: an engine says that a container runs while nothing in it answers.
//!
//! Each check asks for the health path of the replica's own release over a new connection that was shown to
//! end at its container, as with requests; so the current holder of an address cannot pass for the replica. A
//! connection that could not be shown to end there is not an answer of the replica, and changes nothing.

use super::body;
use super::identity::Doubt;
use super::link::Unanswered;
use super::observed::Observed;
use super::options::CheckTimes;
use super::routing::Routing;
use super::standing::Seen;
use super::upstream::{Check, Upstream};
use super::verify::Unconnected;
use hyper::{Request, header};
use std::sync::{Arc, Weak};
use tokio::time::Instant;

/// What a check needs.
#[derive(Clone)]
pub struct Checker {
    /// Replicas in a route.
    pub routing: Arc<Routing>,
    /// Where changes are reported.
    pub observed: Arc<Observed>,
    /// How often, and for how long.
    pub times: CheckTimes,
}

/// Checks every replica for as long as it is in a route.
pub async fn keep(checker: Checker) {
    let mut watches = tokio::task::JoinSet::new();
    let every = checker.times.every;
    loop {
        let table = checker.routing.table();
        let checked = table.upstreams().filter(|upstream| upstream.check().is_some() && upstream.watch());
        let new: Vec<_> = checked.map(Arc::downgrade).collect();
        drop(table);
        let count = u32::try_from(new.len()).unwrap_or(u32::MAX);
        for (number, upstream) in (0..count).zip(new) {
            // Spread over the time between two checks: each of them queries the engine.
            let first = Instant::now() + every / count * number;
            watches.spawn(watch(checker.clone(), upstream, first));
        }
        while watches.try_join_next().is_some() {}
        tokio::time::sleep(every).await;
    }
}

/// Checks one replica until it has left the routes. Between two checks no reference is held: a replica that
/// left need not wait for this.
async fn watch(checker: Checker, watched: Weak<Upstream>, first: Instant) {
    tokio::time::sleep_until(first).await;
    while let Some(upstream) = watched.upgrade() {
        if !checker.routing.table_guard().routes_to(&upstream) {
            upstream.unwatch();
            break;
        }
        let next = Instant::now() + checker.times.every;
        tokio::select! {
            () = once(&checker, &upstream) => {}
            () = upstream.cut.cancelled() => {}
        }
        drop(upstream);
        tokio::time::sleep_until(next).await;
    }
    checker.routing.upstreams.forget_unused();
}

async fn once(checker: &Checker, upstream: &Upstream) {
    let Some(check) = upstream.check() else { return };
    let seen = ask(checker, upstream, &check).await;
    if let Some(cause) = upstream.learn(seen) {
        checker.observed.tell(upstream, || cause);
    }
}

/// Answer of a replica, if it is shown to come from there.
async fn ask(checker: &Checker, upstream: &Upstream, check: &Check) -> Seen {
    let request = Request::get(&check.path)
        .header(header::HOST, &check.host)
        .header(header::USER_AGENT, "haloy-edge-check")
        .header(header::CONNECTION, "close")
        .body(body::empty());
    // A path that cannot be requested says nothing about the replica.
    let Ok(request) = request else { return Seen::Nothing };
    let connected = upstream.connect().await;
    checker.observed.connected(upstream, &connected);
    let mut link = match connected {
        Ok(link) => link,
        Err(Unconnected::Refused) => {
            upstream.mark();
            return Seen::Unconnected;
        }
        Err(Unconnected::Doubted(doubt)) => {
            upstream.pass_over();
            return match doubt {
                Doubt::Stopped | Doubt::Gone | Doubt::Nowhere => Seen::Unconnected,
                Doubt::Moves | Doubt::Unknown(_) => Seen::Nothing,
            };
        }
    };
    let limit = checker.times.limit;
    match tokio::time::timeout(limit, link.ask(request)).await {
        Ok(Ok(response)) => Seen::Status(response.status().as_u16()),
        Ok(Err(Unanswered::NotSent(_) | Unanswered::Lost)) => {
            Seen::Silent("closed the connection unanswered".to_owned())
        }
        Err(_elapsed) => Seen::Silent(format!("gave no answer within {} s", limit.as_secs())),
    }
}
