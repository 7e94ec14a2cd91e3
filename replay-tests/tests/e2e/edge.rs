//! The front door: real replicas, the real edge, clients that never retry.

use crate::harness::*;
use crate::load::{self, Load, Way};
use std::time::{Duration, Instant};

const HOST: &str = "shop.example";

fn routed(strategy: &str) -> String {
    format!(
        "replicas: 3\ndeployment_strategy: {strategy}\ndomains:\n  - domain: {HOST}\n    aliases: [www.{HOST}]\n"
    )
}

fn get(user: &User, host: &str, path: &str) -> load::Answer {
    let mut stream = load::connect(user.edge).expect("the edge listens");
    load::ask(&mut stream, host, path).expect("the edge answers")
}

/// None failed, and there was something to fail.
#[track_caller]
fn unharmed(what: &str, load: Load) {
    let (done, failed) = load.end();
    println!("{what}: {} failed of {}", failed.len(), done + failed.len());
    let first: Vec<_> = failed.iter().take(3).map(|(_, why)| why).collect();
    assert!(failed.is_empty() && done > 50, "{what}: {} of {done} failed: {first:?}", failed.len());
}

fn switches(name: &str, way: Way) {
    if !engine() {
        return;
    }
    let user = User::new(name);
    user.deploy("v1", &routed("rolling"));
    user.deploy("v2", &routed("blue-green"));
    let load = Load::start(user.edge, HOST, 32, way);
    for round in 0..20 {
        match round % 4 {
            0 => drop(user.deploy("v1", &routed("rolling"))),
            1 => drop(user.deploy("v2", &routed("blue-green"))),
            _back => drop(user.haloy("rollback --yes").ok()),
        }
    }
    unharmed(name, load);
    let events = user.haloy("events --kind RoutesApplied -o json").ok().json();
    let generations: Vec<u64> = events["data"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|e| e["payload"]["generation"].as_u64())
        .collect();
    assert!(generations.is_sorted() && generations.len() > 20, "{generations:?}");
}

#[test]
fn twenty_switches_cost_no_request_of_kept_connections() {
    switches("kept", Way::KeepAlive);
}

#[test]
fn twenty_switches_cost_no_request_of_new_connections() {
    switches("fresh", Way::Fresh);
}

#[test]
fn haloy_killed_in_a_rollout_costs_no_request() {
    if !engine() {
        return;
    }
    let user = User::new("killed");
    user.deploy("v1", &routed("rolling"));
    let load = Load::start(user.edge, HOST, 16, Way::KeepAlive);
    for (round, after) in [90_u64, 350, 620, 780, 1010].into_iter().enumerate() {
        user.config(if round % 2 == 0 { "v2" } else { "v1" }, &routed("rolling"));
        let mut deploy =
            user.command("deploy -q").stdout(std::process::Stdio::null()).spawn().expect("haloy runs");
        std::thread::sleep(Duration::from_millis(after));
        deploy.kill().expect("killed");
        deploy.wait().expect("ended");
        let settled = user.haloy("settle");
        assert!([0, 3, 4].contains(&settled.code), "{settled:?}");
    }
    unharmed("haloy killed -9", load);
    assert_eq!(user.containers("default").len(), 3);
}

#[test]
fn a_killed_replica_costs_no_safe_request() {
    if !engine() {
        return;
    }
    let user = User::new("lost");
    user.deploy("v1", &routed("rolling"));
    let load = Load::start(user.edge, HOST, 16, Way::KeepAlive);
    std::thread::sleep(Duration::from_millis(300));
    docker(&["kill", &user.containers("default")[0]]);
    std::thread::sleep(Duration::from_secs(3));
    unharmed("one replica of three killed", load);
}

#[test]
fn a_killed_edge_serves_again_from_its_file_and_an_upgrade_costs_nothing() {
    if !engine() {
        return;
    }
    let user = User::new("edge");
    user.deploy("v1", &routed("rolling"));
    let load = Load::start(user.edge, HOST, 16, Way::KeepAlive);
    for _ in 0..3 {
        let before = user.edge_process();
        user.haloy("edge upgrade").ok();
        assert_ne!(user.edge_process(), before);
        std::thread::sleep(Duration::from_millis(2500));
    }
    unharmed("edge upgraded three times", load);
    let load = Load::start(user.edge, HOST, 16, Way::KeepAlive);
    std::thread::sleep(Duration::from_millis(200));
    user.end_edge();
    let killed = Instant::now();
    let log = std::fs::File::create(user.folder.path().join("edge.out")).expect("a file");
    let mut again = user.command("edge run").stdout(log).spawn().expect("haloy runs");
    while user.edge_process().is_none() {
        assert!(again.try_wait().expect("asked").is_none(), "it serves");
    }
    let serves = Instant::now();
    std::thread::sleep(Duration::from_millis(500));
    let (done, failed) = load.end();
    println!("edge killed: serves after {:?}, {} of {done} failed", serves - killed, failed.len());
    let late: Vec<_> = failed.iter().filter(|(began, _)| *began > serves).collect();
    assert!(late.is_empty(), "{late:?}");
    assert_eq!(get(&user, HOST, "/").body, "version v1\n");
    let events = user.haloy("settle").ok();
    drop(events);
    let kinds = user.haloy("events -o json").ok().out;
    assert!(
        kinds.contains("EdgeStarted") && kinds.contains("EdgeReplaced"),
        "what the edge did is in the log"
    );
    user.haloy("edge stop").ok();
    again.wait().expect("ended");
}

#[test]
fn a_domain_has_one_owner_and_moves_in_one_switch() {
    if !engine() {
        return;
    }
    let user = User::new("owner");
    let two = |first: &str, second: &str| {
        let domains = |host: &str| if host.is_empty() { "[]".to_owned() } else { format!("[{host}]") };
        format!(
            "targets:\n  one: {{domains: {}}}\n  two: {{domains: {}, image: {IMAGE}:v2}}\n",
            domains(first),
            domains(second)
        )
    };
    user.config("v1", &two(HOST, HOST));
    user.haloy("deploy --target one").ok();
    let refused = user.haloy("deploy --target two").exits(2);
    assert!(refused.err.contains(&format!("domain {HOST} belongs to {}/one", user.app)), "{}", refused.err);
    assert_eq!(user.containers("two").len(), 0, "it is refused before anything starts");
    let load = Load::start(user.edge, HOST, 8, Way::KeepAlive);
    std::thread::sleep(Duration::from_millis(200));
    user.haloy("deploy --target two --move-domains").ok();
    unharmed("domain moved", load);
    assert_eq!(get(&user, HOST, "/").body, "version v2\n");
    let moved = user.haloy("events --kind DomainMoved -o json").ok().json();
    assert_eq!(moved["data"].as_array().map(Vec::len), Some(1));

    // A deployment that fails gives back what it claimed.
    user.config("v1", "targets:\n  three: {domains: [c.example], env: [{name: STATUS, value: '503'}]}\n");
    user.haloy("deploy").exits(3);
    assert_eq!(get(&user, "c.example", "/").status, 404);
    user.config("v3", "targets:\n  four: {domains: [c.example]}\n");
    user.haloy("deploy").ok();
    assert_eq!(get(&user, "c.example", "/").body, "version v3\n");
}

#[test]
fn the_edge_answers_for_itself_and_says_what_to_do() {
    if !engine() {
        return;
    }
    let user = User::new("pages");
    user.deploy("v1", &routed("replace"));
    let alias = get(&user, &format!("www.{HOST}"), "/a?b=1");
    assert_eq!(alias.status, 308);
    assert!(
        alias.head.contains(&format!("location: http://{HOST}:{}/a?b=1", user.edge.port())),
        "{}",
        alias.head
    );
    assert_eq!(get(&user, "nobody.example", "/").status, 404);
    let routes = user.haloy("routes").ok().out;
    assert!(routes.contains(HOST) && routes.contains("in force"), "{routes}");
    user.haloy("stop").ok();
    let stopped = get(&user, HOST, "/");
    assert_eq!(stopped.status, 503);
    assert!(stopped.body.contains("haloy status"), "{}", stopped.body);
    user.haloy("stop --remove").ok();
    assert_eq!(get(&user, HOST, "/").status, 404);
}
