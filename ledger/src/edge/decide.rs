//! Who may have a domain, and when it is given back.

use super::Report;
use super::rejection::Rejection;
use super::state::EdgeState;
use crate::defect::{Defect, planted};
use crate::deployment::TargetState;
use crate::event::*;
use crate::ids::{DeploymentId, TargetKey};
use crate::outcome::{Failure, FailureReport};
use crate::release::Domain;
use std::collections::BTreeSet;

/// Claims the domains that a deployment needs and does not have, or names their holder. `open` are
/// deployments that claimed something and have not ended: the claims they replaced may have to be given back.
pub fn claim(
    edge: &EdgeState,
    target: &TargetState,
    id: DeploymentId,
    wanted: &[Domain],
    take_over: bool,
    open: &BTreeSet<DeploymentId>,
) -> Result<Vec<EdgeEvent>, Rejection> {
    let me = target.key.clone();
    let mut events = Vec::new();
    for Domain { domain, aliases } in wanted {
        for name in std::iter::once(domain).chain(aliases) {
            if !planted(Defect::DomainTwice) {
                free(edge, &me, name, take_over && name == domain, open)?;
            }
        }
        let mine = edge.claims.get(domain).filter(|claim| claim.holder == me);
        if mine.is_none_or(|claim| claim.aliases != *aliases) {
            let (app, target) = (me.app.clone(), me.target.clone());
            let (domain, aliases) = (domain.clone(), aliases.clone());
            events.push(DomainClaimed { domain, aliases, app, target, id }.into());
        }
    }
    Ok(events)
}

/// No other target has a name, be it a domain or an alias, nor would have it again if a deployment fails.
fn free(
    edge: &EdgeState,
    me: &TargetKey,
    name: &str,
    take_over: bool,
    open: &BTreeSet<DeploymentId>,
) -> Result<(), Rejection> {
    let taken = |domain: &str, holder: &TargetKey, alias| Rejection::DomainTaken {
        domain: domain.to_owned(),
        holder: holder.to_string(),
        alias,
    };
    let named = |aliases: &[String]| aliases.iter().any(|alias| alias == name);
    for (domain, claim) in &edge.claims {
        let open = open.contains(&claim.id);
        let before = claim.before.as_deref().filter(|before| open && before.holder != *me);
        if let Some(before) = before.filter(|before| named(&before.aliases)) {
            return Err(taken(name, &before.holder, true));
        }
        if claim.holder == *me {
            continue;
        }
        if named(&claim.aliases) {
            return Err(taken(name, &claim.holder, true));
        }
        if domain == name && (!take_over || open) {
            return Err(taken(name, &claim.holder, false));
        }
    }
    Ok(())
}

/// What follows at the edge from events of a target that are already folded into `after`.
pub fn follow(edge: &EdgeState, after: &TargetState, events: &[TargetEvent]) -> Vec<EdgeEvent> {
    let me = after.key.clone();
    let mut follows = Vec::new();
    for event in events {
        match event {
            TargetEvent::RoutesApplied(e) => follows.extend(moved(edge, &me, e)),
            TargetEvent::DeploymentSucceeded(_) => follows.extend(no_longer_wanted(edge, &me, after)),
            TargetEvent::TargetStopped(_) if after.routes.base.is_empty() => {
                follows.extend(no_longer_wanted(edge, &me, after));
            }
            TargetEvent::DeploymentFailed(DeploymentFailed { id, .. })
            | TargetEvent::DeploymentRolledBack(DeploymentRolledBack { id, .. })
            | TargetEvent::DeploymentCancelled(DeploymentCancelled { id, .. })
            | TargetEvent::DeploymentInterrupted(DeploymentInterrupted { id, .. }) => {
                follows.extend(given_back(edge, &me, *id));
            }
            // No other event changes the owner of a domain.
            _other => {}
        }
    }
    follows
}

/// Domains that came from another target and are routed here now.
fn moved(edge: &EdgeState, me: &TargetKey, e: &RoutesApplied) -> Vec<EdgeEvent> {
    let here = |domain: &str| e.domains.iter().any(|routed| routed.domain == domain);
    let mine = edge.claims.iter().filter(|(domain, claim)| claim.holder == *me && here(domain));
    let moved = mine.filter(|(_, claim)| !claim.moved).filter_map(|(domain, claim)| {
        let from = claim.before.as_ref().filter(|before| before.holder != *me)?.holder.clone();
        Some(DomainMoved { domain: domain.clone(), from, to: me.clone(), id: claim.id }.into())
    });
    moved.collect()
}

fn release(domain: &str, me: &TargetKey, id: DeploymentId, back_to: Option<TargetKey>) -> EdgeEvent {
    let (app, target) = (me.app.clone(), me.target.clone());
    DomainReleased { domain: domain.to_owned(), app, target, id, back_to }.into()
}

/// What the target has and no longer names.
fn no_longer_wanted(edge: &EdgeState, me: &TargetKey, after: &TargetState) -> Vec<EdgeEvent> {
    let wanted = |domain: &str| after.routes.base.iter().any(|wanted| wanted.domain == domain);
    let by = after.current.as_ref().map(|live| live.deployment);
    // Domains that another deployment has taken over are given up for good as well: they would come back if
    // that one failed.
    let had = |claim: &super::Claim| claim.before.as_ref().is_some_and(|before| before.holder == *me);
    let mine = edge.claims.iter().filter(|(_, claim)| claim.holder == *me || had(claim));
    let mine = mine.filter(|(domain, _)| !wanted(domain));
    mine.map(|(domain, claim)| release(domain, me, by.unwrap_or(claim.id), None)).collect()
}

/// What a deployment that failed had claimed.
fn given_back(edge: &EdgeState, me: &TargetKey, id: DeploymentId) -> Vec<EdgeEvent> {
    // Taken over meanwhile by another, it must not come back from there either.
    let had = |claim: &super::Claim| {
        claim.before.as_ref().is_some_and(|before| before.holder == *me && before.id == id)
    };
    let mine = |claim: &super::Claim| claim.holder == *me && claim.id == id;
    let claimed = edge.claims.iter().filter(|(_, claim)| mine(claim) || had(claim));
    let back = |claim: &super::Claim| {
        claim.before.as_ref().filter(|_| mine(claim)).map(|before| before.holder.clone())
    };
    claimed.map(|(domain, claim)| release(domain, me, id, back(claim))).collect()
}

/// Whether a report says nothing new: an edge names the user's certificates each time it starts.
pub fn known(edge: &EdgeState, report: &Report) -> bool {
    let Report::Imported { names, not_after, .. } = report else { return false };
    let known = names.first().and_then(|first| edge.certificates.get(first));
    known.is_some_and(|known| {
        known.ca.is_none() && known.names == *names && known.not_after == Some(*not_after)
    })
}

/// What the edge saw, as an event.
pub fn report(report: Report) -> EdgeEvent {
    match report {
        Report::Issued { names, serial, not_after, ca, account, renewal } => {
            CertificateIssued { names, serial, not_after, ca, account, renewal }.into()
        }
        Report::NotIssued { names, cause, detail, next_try } => {
            let why = not_issued(cause, detail);
            let detail = why.private();
            CertificateFailed { names, cause: why.cause, detail, next_try }.into()
        }
        Report::Imported { names, serial, not_after } => {
            CertificateImported { names, serial, not_after }.into()
        }
        Report::Account { directory, account } => AcmeAccountCreated { directory, account }.into(),
        Report::Down { app, target, r, cause, more } => UpstreamDown { app, target, r, cause, more }.into(),
        Report::Up { app, target, r, cause, more } => UpstreamUp { app, target, r, cause, more }.into(),
        Report::Started { version, generation } => EdgeStarted { version, generation }.into(),
        Report::Replaced { before, after } => EdgeReplaced { before, after }.into(),
    }
}

/// An older edge may still run, or have left reports: the words of the authority are in its cause.
fn not_issued(cause: Failure, detail: Option<String>) -> FailureReport {
    match detail {
        Some(detail) => FailureReport::new(cause, detail),
        None => {
            let words = Failure::new(cause.code, "no certificate was issued");
            FailureReport::new(words, cause.text().to_owned())
        }
    }
}
