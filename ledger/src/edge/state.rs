//! What the rules need of the edge: claims and certificates.

use crate::event::EdgeEvent;
use crate::ids::{DeploymentId, TargetKey, Timestamp};
use crate::outcome::Failure;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// State of the edge, folded from its stream.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct EdgeState {
    /// Owner of each domain.
    pub claims: BTreeMap<String, Claim>,
    /// The latest certificate of each first name, and what became of the last attempt.
    pub certificates: BTreeMap<String, Certificate>,
}

/// The owner of a domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// App and target.
    pub holder: TargetKey,
    /// Names that redirect to it.
    pub aliases: Vec<String>,
    /// The deployment that claimed it.
    pub id: DeploymentId,
    /// The claim that this one replaced: it is valid again if that deployment fails.
    pub before: Option<Box<Claim>>,
    /// The move from another target was recorded.
    pub moved: bool,
}

/// A certificate, as reported.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Certificate {
    /// Names that it is for.
    pub names: Vec<String>,
    /// When it ends; none if there never was one.
    pub not_after: Option<Timestamp>,
    /// Issuer; none for a certificate of the user's own.
    pub ca: Option<String>,
    /// Why the last attempt failed, and when the next is made; none if it did not.
    pub failed: Option<(Failure, Timestamp)>,
}

/// Folds one event of the stream `edge`.
pub fn evolve(mut state: EdgeState, event: &EdgeEvent) -> EdgeState {
    match event {
        EdgeEvent::DomainClaimed(e) => {
            let before = state.claims.remove(&e.domain).map(|mut before| {
                before.before = None;
                Box::new(before)
            });
            let holder = TargetKey { app: e.app.clone(), target: e.target.clone() };
            let claim = Claim { holder, aliases: e.aliases.clone(), id: e.id, before, moved: false };
            state.claims.insert(e.domain.clone(), claim);
        }
        EdgeEvent::DomainReleased(e) => {
            let Some(mut claim) = state.claims.remove(&e.domain) else { return state };
            if claim.holder.app != e.app || claim.holder.target != e.target {
                // The domain had been taken over; its previous holder does not want it back.
                claim.before = None;
                state.claims.insert(e.domain.clone(), claim);
            } else if let (Some(_), Some(before)) = (&e.back_to, claim.before) {
                // What others got meanwhile is theirs.
                let mut before = *before;
                let others = |alias: &String| {
                    state
                        .claims
                        .iter()
                        .any(|(domain, claim)| domain == alias || claim.aliases.contains(alias))
                };
                before.aliases.retain(|alias| !others(alias));
                state.claims.insert(e.domain.clone(), before);
            }
        }
        EdgeEvent::DomainMoved(e) => {
            if let Some(claim) = state.claims.get_mut(&e.domain) {
                claim.moved = true;
            }
        }
        EdgeEvent::CertificateIssued(e) => {
            let ca = Some(e.ca.clone());
            certified(&mut state, &e.names, |known| (known.not_after, known.ca) = (Some(e.not_after), ca));
        }
        EdgeEvent::CertificateImported(e) => {
            certified(&mut state, &e.names, |known| (known.not_after, known.ca) = (Some(e.not_after), None));
        }
        EdgeEvent::CertificateFailed(e) => {
            let failed = Some((e.cause.clone(), e.next_try));
            certified(&mut state, &e.names, |known| known.failed = failed);
        }
        // Nothing follows from these: they are there to be read.
        EdgeEvent::AcmeAccountCreated(_)
        | EdgeEvent::UpstreamDown(_)
        | EdgeEvent::UpstreamUp(_)
        | EdgeEvent::EdgeStarted(_)
        | EdgeEvent::EdgeReplaced(_) => {}
    }
    state
}

fn certified(state: &mut EdgeState, names: &[String], change: impl FnOnce(&mut Certificate)) {
    let Some(first) = names.first() else { return };
    let known = state.certificates.entry(first.clone()).or_default();
    known.names = names.to_vec();
    known.failed = None;
    change(known);
}
