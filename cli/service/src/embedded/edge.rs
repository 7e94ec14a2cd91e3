//! The edge: what it serves, and how another takes over from it.

use super::running::Seen;
use super::{Embedded, Open, errors};
use crate::{Error, Finding, Kind, RouteRow, RoutesAnswer};
use haloy_edge::{Client, ControlError, EdgeStatus, ReplicaStatus};
use haloy_ledger::outcome::Backend;

pub fn refused(error: ControlError) -> Error {
    let message = error.to_string();
    match error {
        ControlError::NotRunning(_) => Error::new(Kind::Operational, message)
            .hint("start it with `haloy edge run`, or deploy an app that has a domain"),
        ControlError::BrokeOff(_) | ControlError::Refused { .. } => Error::new(Kind::Operational, message),
    }
}

impl Embedded {
    pub(super) fn client(&self) -> Client {
        Client::new(&self.options.edge_folder()).with_waits(self.options.waits.clone())
    }

    /// Status of the edge, after it has located every replica.
    pub(super) async fn looked_at_edge(&self) -> Result<EdgeStatus, ControlError> {
        match self.client().status_seen().await {
            // An edge of an older version cannot do that.
            Err(ControlError::Refused { status: 404, .. }) => self.client().status().await,
            status => status,
        }
    }

    pub(super) async fn edge_status(&self) -> Result<EdgeStatus, Error> {
        self.looked_at_edge().await.map_err(refused)
    }

    pub(super) async fn edge_reload(&self) -> Result<EdgeStatus, Error> {
        self.client().reload().await.map_err(refused)
    }

    pub(super) async fn edge_stop(&self) -> Result<EdgeStatus, Error> {
        self.client().stop().await.map_err(refused)
    }

    pub(super) async fn edge_upgrade(&self) -> Result<EdgeStatus, Error> {
        let nowhere = || Error::new(Kind::Operational, "where this program lies is not known");
        let program = self.options.machine.program.as_ref().ok_or_else(nowhere)?;
        let before = self.client().upgrade(program).await.map_err(refused)?;
        let after = self.client().status().await.map_err(refused)?;
        if after.pid == before.pid {
            return Err(Error::new(Kind::Operational, "the previous edge process is still running"));
        }
        Ok(after)
    }

    pub(super) async fn routes(&self) -> Result<RoutesAnswer, Error> {
        let (wanted, ledger) = self.view(|view| Ok((view.routes()?.snapshot, view.ledger()))).await?;
        let seen = Seen::ask(self.engine.as_ref(), ledger, &wanted.routes).await;
        let status = self.client().status().await.ok();
        let served = self.client().routes().await.ok().flatten();
        let until = |domain: &str| {
            let certificates = status.iter().flat_map(|status| &status.certificates);
            certificates.filter(|cert| cert.is_for(domain)).map(|cert| cert.not_after).max()
        };
        let refused = |domain: &str| {
            let refused = status.iter().flat_map(|status| &status.refused);
            refused.filter(|refused| refused.domain == domain).map(|refused| refused.cause.clone()).next()
        };
        let out = |backend: &Backend| {
            let all = status.iter().flat_map(|status| &status.replicas);
            let of_it = |seen: &&ReplicaStatus| {
                seen.subject.as_ref().is_some_and(|subject| subject.replica == backend.replica)
            };
            all.filter(of_it).any(|seen| seen.out.is_some())
        };
        let routes = wanted.routes.into_iter().map(|route| {
            let place = |backend: &Backend| {
                let (place, differs) = seen.place(&route, backend);
                (if out(backend) { place + " (out of the route)" } else { place }, differs)
            };
            let places: Vec<(String, bool)> = route.backends.iter().map(place).collect();
            RouteRow {
                certificate_until: until(&route.domain),
                certificate_refused: refused(&route.domain),
                in_force: served.as_ref().is_some_and(|served| served.routes.contains(&route)),
                differs: places.iter().any(|(_, differs)| *differs),
                replicas: places.into_iter().map(|(place, _)| place).collect(),
                domain: route.domain,
                aliases: route.aliases,
                app: route.app.to_string(),
                target: route.target.to_string(),
            }
        });
        let routes = routes.collect();
        Ok(RoutesAnswer { routes, generation: status.and_then(|status| status.generation) })
    }

    /// Only where something is routed: who has no domains needs no edge.
    pub(super) async fn edge_finding(&self) -> Option<Finding> {
        let answer = self.routes().await.ok()?;
        if answer.routes.is_empty() {
            return None;
        }
        let status = self.edge_status().await;
        let differ = answer.routes.iter().filter(|route| !route.in_force).count();
        let elsewhere = answer.routes.iter().filter(|route| route.differs).count();
        let (ok, found, fix) = match status {
            Err(_) => (false, "none runs".to_owned(), Some("haloy edge run".to_owned())),
            Ok(status) if differ > 0 => {
                let found = format!("process {} lacks {differ} route(s)", status.pid);
                (false, found, Some("haloy settle".to_owned()))
            }
            Ok(_) if elsewhere > 0 => {
                let found =
                    format!("{elsewhere} route(s) lead to where their replicas are not: haloy routes");
                (false, found, Some("haloy settle".to_owned()))
            }
            Ok(EdgeStatus { unreadable, .. }) if !unreadable.is_empty() => {
                let found = format!("no certificate from {}", unreadable.join(", "));
                let fix = "put chain and key in one PEM file, then: haloy edge reload";
                (false, found, Some(fix.to_owned()))
            }
            Ok(EdgeStatus { refused, .. }) if !refused.is_empty() => {
                let told = refused.iter().map(|refused| format!("{}: {}", refused.domain, refused.cause));
                let found = format!("no certificate for {}", told.collect::<Vec<_>>().join("; "));
                (false, found, Some("fix what the CA reports; haloy retries automatically".to_owned()))
            }
            Ok(status) => match in_doubt(&status) {
                Some(found) => {
                    let fix = "haloy status; once the container runs and the engine answers, the edge finds it by itself";
                    (false, found, Some(fix.to_owned()))
                }
                None => (true, format!("process {}, {} route(s)", status.pid, status.routes), None),
            },
        };
        Some(Finding { what: "edge".into(), ok, found, fix })
    }

    /// Sends the edge the routes of the log, where it serves others: it was restarted without its file, or
    /// could not be reached.
    pub(super) async fn bring_routes(&self, open: &Open) -> Result<(), Error> {
        let Some(edge) = &self.edge_router else { return Ok(()) };
        let routes = open.handle.view(|view| view.routes()).await.map_err(errors::log)?;
        let wanted = routes.snapshot;
        if wanted.routes.is_empty() {
            // No edge is needed; one that runs must not go on with what is gone.
            let Ok(status) = edge.client().status().await else { return Ok(()) };
            if status.routes == 0 {
                return Ok(());
            }
        } else {
            edge.ensure().await.map_err(errors::executor)?;
        }
        let status = edge.client().status().await.map_err(refused)?;
        // They are not part of the digest, and the edge may have lost its file of them.
        edge.client().contacts(&routes.contacts).await.map_err(refused)?;
        if status.digest != wanted.digest() {
            let (applied, _) = edge.tell(&wanted, &routes.contacts).await.map_err(refused)?;
            applied.map_err(refused)?;
        }
        Ok(())
    }
}

/// Replicas that get no new connections, and why.
fn in_doubt(status: &EdgeStatus) -> Option<String> {
    let doubted = status.replicas.iter().filter_map(|replica| {
        let out = || Some(format!("out of the route, it {}", replica.out.as_ref()?));
        let (subject, doubt) = (replica.subject.as_ref()?, replica.doubt.clone().or_else(out)?);
        Some(format!("replica {} of {}/{}: {doubt}", subject.replica.index + 1, subject.app, subject.target))
    });
    let doubted: Vec<String> = doubted.collect();
    (!doubted.is_empty()).then(|| format!("no requests to {}", doubted.join("; ")))
}
