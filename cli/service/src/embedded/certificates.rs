//! Certificates that a deploy is the first to request: the user learns from which authority, and under which
//! terms.

use super::{Embedded, Open};
use crate::{DeploymentAnswer, Follow};
use haloy_edge::AuthorityStatus;
use haloy_ledger::edge::{EdgeState, Route};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a deploy waits for the edge to find out where the terms are.
const PATIENCE: Duration = Duration::from_secs(2);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// Names of routes that the edge requests a certificate for, and that never had one and were never refused
/// one.
fn first_asked(authority: &AuthorityStatus, edge: &EdgeState, routes: &[&Route]) -> Vec<String> {
    let known = |name: &String| edge.certificates.values().any(|known| known.names.contains(name));
    let routed =
        |name: &String| routes.iter().any(|route| route.domain == *name || route.aliases.contains(name));
    authority.names.iter().filter(|name| routed(name) && !known(name)).cloned().collect()
}

/// The host of an address.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest)
}

fn notice(authority: &AuthorityStatus, names: &[String]) -> String {
    let terms = match &authority.terms {
        Some(terms) => format!("whose terms are at {terms}"),
        None => "which has not said where its terms are".to_owned(),
    };
    format!(
        "a certificate for {} is requested from {}, {terms}; to request none, add `acme: off`",
        names.join(", "),
        host(&authority.directory)
    )
}

impl Embedded {
    /// Reports the deployed names for which a certificate is requested for the first time.
    pub(super) async fn tell_of_certificates(
        &self,
        open: &Open,
        answers: &[DeploymentAnswer],
        follow: &Arc<dyn Follow>,
    ) {
        // A simulated machine has no edge that would ask.
        if self.edge_router.is_none() || answers.iter().all(|answer| answer.domains.is_empty()) {
            return;
        }
        let known = open.handle.view(|view| Ok((view.routes()?.snapshot.routes, view.edge()?))).await;
        let known: Result<_, haloy_ledger::log::LogError> = known;
        let Ok((routes, edge)) = known else { return };
        let of_it = |answer: &DeploymentAnswer, route: &Route| {
            answer.failure().is_none()
                && route.app.as_str() == answer.app
                && route.target.as_str() == answer.target
        };
        let routes: Vec<&Route> =
            routes.iter().filter(|route| answers.iter().any(|answer| of_it(answer, route))).collect();
        let until = Instant::now() + PATIENCE;
        loop {
            let Some(authority) = self.client().status().await.ok().and_then(|status| status.authority)
            else {
                return;
            };
            let names = first_asked(&authority, &edge, &routes);
            if names.is_empty() {
                return;
            }
            if authority.asked || Instant::now() >= until {
                return follow.note(&notice(&authority, &names));
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whom_it_is_asked_from_and_by_whose_terms() {
        let mut authority = AuthorityStatus {
            directory: "https://acme.shop.com:14000/dir".to_owned(),
            names: Vec::new(),
            terms: Some("https://acme.shop.com/terms".to_owned()),
            asked: true,
        };
        let names = ["a.com".to_owned(), "www.a.com".to_owned()];
        assert_eq!(
            notice(&authority, &names),
            "a certificate for a.com, www.a.com is requested from acme.shop.com:14000, whose terms are at \
             https://acme.shop.com/terms; to request none, add `acme: off`"
        );
        authority.terms = None;
        assert!(notice(&authority, &names).contains("has not said where its terms are"));
    }
}
