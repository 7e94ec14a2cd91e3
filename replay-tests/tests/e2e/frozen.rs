//! A replica that is frozen: its container runs, its kernel takes connections, and nothing in it answers.

use crate::edge::{HOST, get};
use crate::harness::*;
use crate::load::{Load, Way};
use std::time::{Duration, Instant};

/// Reasons of the edge for each replica, once this many are out of the route.
#[track_caller]
fn until_out(user: &User, count: usize) -> Vec<String> {
    let began = Instant::now();
    loop {
        let status = user.haloy("edge status -o json").ok().json();
        let replicas = status["data"]["replicas"].as_array().expect("a list").clone();
        let out = replicas.iter().filter_map(|replica| replica["out"].as_str().map(str::to_owned));
        let out: Vec<String> = out.collect();
        if out.len() == count {
            println!("{count} out after {:?}", began.elapsed());
            return out;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{replicas:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_frozen_replica_leaves_the_route_and_comes_back() {
    if !engine() {
        return;
    }
    let user = User::new("frozen");
    user.deploy("v1", &format!("replicas: 2\nhealth_check_path: /up\ndomains: [{HOST}]\n"));
    let containers = user.containers("default");
    let load = Load::start(user.edge, HOST, 8, Way::KeepAlive);
    std::thread::sleep(Duration::from_millis(500));
    docker(&["pause", &containers[0]]);
    let why = until_out(&user, 1);
    assert_eq!(why, ["gave no answer within 2 s, when the edge asked for GET /up"]);
    let mut slowest = Duration::ZERO;
    for _ in 0..100 {
        let began = Instant::now();
        assert_eq!(get(&user, HOST, "/").status, 200);
        slowest = slowest.max(began.elapsed());
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(slowest < Duration::from_millis(900), "nobody waits for it any more: {slowest:?}");
    // No request failed before either: repeatable requests to it were repeated.
    let (done, failed) = load.end();
    println!("{} failed of {done}, slowest {slowest:?}", failed.len());
    assert!(failed.is_empty() && done > 100, "{:?}", failed.first());
    let said = user.haloy("status").ok().out;
    assert!(said.contains("out of the route: it gave no answer within 2 s"), "{said}");
    assert!(said.contains("1/2") && !said.contains("not served"), "{said}");
    let routes = user.haloy("routes").ok().out;
    assert_eq!(routes.matches("(out of the route)").count(), 1, "{routes}");
    docker(&["unpause", &containers[0]]);
    until_out(&user, 0);

    // With no others left they are tried all the same, and serve as soon as one can.
    docker(&["pause", &containers[0], &containers[1]]);
    until_out(&user, 2);
    assert!(user.haloy("status").ok().out.contains("no replica answers the checks of the edge"));
    docker(&["unpause", &containers[0], &containers[1]]);
    assert_eq!(get(&user, HOST, "/").status, 200);
    until_out(&user, 0);
    assert_eq!(user.haloy("status --exit-code").ok().out.matches("out of the route").count(), 0);

    user.haloy("settle").ok();
    let kinds = |kind: &str| {
        let events = user.haloy(&format!("events --kind {kind} -o json")).ok().json();
        let causes = events["data"].as_array().expect("a list").clone().into_iter();
        causes
            .map(|event| event["payload"]["cause"].as_str().unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(kinds("UpstreamDown"), ["unanswered"; 3]);
    assert_eq!(kinds("UpstreamUp"), ["answers"; 3]);
}
