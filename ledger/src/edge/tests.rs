//! Claims: one owner, a failed deployment gives back, a move is one switch.

use super::*;
use crate::deployment::TargetState;
use crate::event::*;
use crate::ids::*;
use crate::outcome::Backend;
use crate::release::{AcmeMode, Domain};
use std::collections::BTreeSet;

fn target(name: &str) -> TargetState {
    let target = TargetName::new("t").expect("a name");
    TargetState::new(TargetKey { app: AppName::new(name).expect("a name"), target })
}

fn domain(name: &str, aliases: &[&str]) -> Domain {
    Domain { domain: name.to_owned(), aliases: aliases.iter().map(|a| (*a).to_owned()).collect() }
}

fn none() -> BTreeSet<DeploymentId> {
    BTreeSet::new()
}

fn id(number: u128) -> DeploymentId {
    DeploymentId::from_parts(1, number)
}

fn fold(edge: EdgeState, events: &[EdgeEvent]) -> EdgeState {
    events.iter().fold(edge, evolve)
}

fn claimed(edge: EdgeState, by: &str, number: u128, wanted: &[Domain]) -> EdgeState {
    let events = claim(&edge, &target(by), id(number), wanted, false, &none()).expect("free");
    fold(edge, &events)
}

fn failed(number: u128) -> TargetEvent {
    let cause = crate::outcome::Failure::new(crate::outcome::FailureCode::Other, "x");
    DeploymentFailed { id: id(number), cause, target_unchanged: true }.into()
}

#[test]
fn a_name_has_one_owner_be_it_domain_or_alias() {
    let edge = claimed(EdgeState::default(), "shop", 1, &[domain("a.example", &["www.a.example"])]);
    for wanted in
        [domain("a.example", &[]), domain("www.a.example", &[]), domain("b.example", &["a.example"])]
    {
        let refused = claim(&edge, &target("blog"), id(2), &[wanted], false, &none());
        assert!(matches!(refused, Err(Rejection::DomainTaken { holder, .. }) if holder == "shop/t"));
    }
    let again =
        claim(&edge, &target("shop"), id(3), &[domain("a.example", &["www.a.example"])], false, &none());
    assert_eq!(again, Ok(Vec::new()), "what one has need not be claimed again");
}

#[test]
fn a_failed_deployment_gives_back_what_it_newly_claimed() {
    let edge = claimed(EdgeState::default(), "shop", 1, &[domain("a.example", &[])]);
    let more = claimed(
        edge.clone(),
        "shop",
        2,
        &[domain("a.example", &["www.a.example"]), domain("b.example", &[])],
    );
    let back = follow(&more, &target("shop"), &[failed(2)]);
    assert_eq!(fold(more, &back), edge);
}

#[test]
fn a_domain_that_was_taken_over_goes_back_if_the_deployment_fails() {
    let edge = claimed(EdgeState::default(), "shop", 1, &[domain("a.example", &[])]);
    let events =
        claim(&edge, &target("blog"), id(2), &[domain("a.example", &[])], true, &none()).expect("taken over");
    let taken = fold(edge.clone(), &events);
    assert_eq!(taken.claims["a.example"].holder.app.as_str(), "blog");
    let back = follow(&taken, &target("blog"), &[failed(2)]);
    assert_eq!(fold(taken, &back), edge);
}

#[test]
fn a_move_is_recorded_once_when_the_edge_has_switched() {
    let edge = claimed(EdgeState::default(), "shop", 1, &[domain("a.example", &[])]);
    let events =
        claim(&edge, &target("blog"), id(2), &[domain("a.example", &[])], true, &none()).expect("taken over");
    let taken = fold(edge, &events);
    let applied: TargetEvent = RoutesApplied {
        id: id(2),
        generation: 9,
        digest: String::new(),
        domains: vec![domain("a.example", &[])],
        routed: Vec::new(),
        out: Vec::new(),
    }
    .into();
    let moved = follow(&taken, &target("blog"), std::slice::from_ref(&applied));
    assert!(matches!(&moved[..], [EdgeEvent::DomainMoved(e)] if e.from.app.as_str() == "shop"));
    let after = fold(taken, &moved);
    assert_eq!(follow(&after, &target("blog"), &[applied]), Vec::new());
}

#[test]
fn a_domain_that_is_no_longer_named_is_free_after_success() {
    let edge =
        claimed(EdgeState::default(), "shop", 1, &[domain("a.example", &[]), domain("b.example", &[])]);
    let mut after = target("shop");
    after.routes.base = vec![domain("b.example", &[])];
    let succeeded: TargetEvent = DeploymentSucceeded { id: id(3), rel: id(3), took_ms: 1 }.into();
    let edge = fold(edge.clone(), &follow(&edge, &after, &[succeeded]));
    assert_eq!(edge.claims.keys().collect::<Vec<_>>(), ["b.example"]);
}

#[test]
fn what_an_unfinished_deployment_may_have_to_give_back_is_nobody_elses() {
    let edge = claimed(EdgeState::default(), "shop", 1, &[domain("a.example", &["www.a.example"])]);
    // Deployment 2 gives the alias up, and may fail.
    let edge = claimed(edge, "shop", 2, &[domain("a.example", &[])]);
    let (open, alias) = (BTreeSet::from([id(2)]), [domain("www.a.example", &[])]);
    let refused = claim(&edge, &target("blog"), id(3), &alias, false, &open);
    assert!(matches!(refused, Err(Rejection::DomainTaken { holder, .. }) if holder == "shop/t"));
    assert!(claim(&edge, &target("blog"), id(3), &alias, false, &none()).is_ok(), "once it has ended");
    // A domain is not taken over from a deployment that has not ended either.
    let wanted = [domain("a.example", &[])];
    assert!(claim(&edge, &target("blog"), id(3), &wanted, true, &open).is_err());
    assert!(claim(&edge, &target("blog"), id(3), &wanted, true, &none()).is_ok());
}

fn backend(container: Option<&str>, health: Option<&str>) -> Backend {
    let text = |text: Option<&str>| text.map(str::to_owned);
    let replica = ReplicaId { deployment: id(1), index: 0 };
    let (container, health) = (text(container), text(health));
    Backend { replica, container, address: "10.0.0.2".to_owned(), port: 80, health }
}

fn table(backend: Backend, acme: Option<AcmeMode>) -> RouteSnapshot {
    let app = AppName::new("shop").expect("a name");
    let target = TargetName::new("t").expect("a name");
    let (domain, aliases) = ("a.example".to_owned(), Vec::new());
    let route = Route { domain, aliases, app, target, backends: vec![backend], acme };
    RouteSnapshot { ledger: LedgerId::from_parts(1, 1), generation: 3, routes: vec![route] }
}

#[test]
fn what_an_older_version_did_not_say_is_no_difference_and_leaves_no_trace() {
    let full = table(backend(Some("c"), Some("/up")), Some(AcmeMode::Off));
    for lacks in [
        table(backend(None, None), None),
        table(backend(Some("c"), None), None),
        table(backend(Some("c"), Some("/up")), None),
    ] {
        assert!(full.same_but_for_unsaid(&lacks) && lacks.same_but_for_unsaid(&full));
        assert_ne!(full.digest(), lacks.digest());
    }
    let others = [backend(Some("d"), Some("/up")), backend(Some("c"), Some("/other"))];
    for other in others {
        assert!(!full.same_but_for_unsaid(&table(other, Some(AcmeMode::Off))));
    }
    // As every earlier version wrote it, byte by byte.
    #[derive(serde::Serialize)]
    struct Old {
        replica: ReplicaId,
        container: Option<String>,
        address: String,
        port: u16,
    }
    let now = backend(Some("c"), None);
    let Backend { replica, container, address, port, .. } = now.clone();
    let old = rmp_serde::to_vec_named(&Old { replica, container, address, port }).expect("data");
    assert_eq!(rmp_serde::to_vec_named(&now).expect("data"), old);
    assert_eq!(rmp_serde::from_slice::<Backend>(&old).expect("read"), now);
}
