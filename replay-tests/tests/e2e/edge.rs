//! The front door: real replicas, the real edge, clients that never retry.

use crate::harness::*;
use crate::load::{self, Load, Way};
use std::time::{Duration, Instant};

pub const HOST: &str = "shop.example";

pub fn routed(strategy: &str) -> String {
    format!(
        "replicas: 3\ndeployment_strategy: {strategy}\ndomains:\n  - domain: {HOST}\n    aliases: [www.{HOST}]\n"
    )
}

pub fn get(user: &User, host: &str, path: &str) -> load::Answer {
    let mut stream = load::connect(user.edge).expect("the edge listens");
    load::ask(&mut stream, host, path).expect("the edge answers")
}

/// No request failed, and there were some that could.
#[track_caller]
pub fn unharmed(what: &str, load: Load) {
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
            2 => drop(user.haloy("rollback --yes").ok()),
            _other => drop(user.deploy("v3", &routed("rolling"))),
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

    // A deployment that fails gives back its claims.
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

/// An open upgrade through the edge, to the replica that answers for a host.
fn tunnel(user: &User, host: &str) -> std::net::TcpStream {
    use std::io::Write;
    let mut stream = load::connect(user.edge).expect("the edge listens");
    let ask = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
    stream.write_all(ask.as_bytes()).expect("written");
    let answer = load::answer(&mut stream).expect("answered");
    assert_eq!(answer.status, 101, "{}", answer.head);
    assert!(echoes(&mut stream));
    stream
}

fn echoes(stream: &mut std::net::TcpStream) -> bool {
    use std::io::{Read, Write};
    let mut back = [0; 4];
    stream.write_all(b"ping").and_then(|()| stream.read_exact(&mut back)).is_ok() && &back == b"ping"
}

#[test]
fn tunnels_of_other_apps_stay_and_those_of_the_switched_one_end() {
    if !engine() {
        return;
    }
    let user = User::new("tunnels");
    let both = |version: &str| {
        format!(
            "targets:\n  one: {{domains: [one.example], image: {IMAGE}:{version}}}\n  two: {{domains: [two.example]}}\n"
        )
    };
    user.config("v1", &both("v1"));
    user.haloy("deploy --target one --target two").ok();
    let (mut one, mut two) = (tunnel(&user, "one.example"), tunnel(&user, "two.example"));
    user.config("v1", &both("v2"));
    user.haloy("deploy --target one").ok();
    assert!(!echoes(&mut one), "its replica is gone");
    assert!(echoes(&mut two), "nobody touched it");
    assert!(echoes(&mut tunnel(&user, "one.example")), "a new one reaches the new release");
    user.haloy("rollback --target one --yes").ok();
    assert!(echoes(&mut two), "nor did the way back");
    let drained = user.haloy("events --kind ReplicaDrained -o json").ok().json();
    let left: Vec<u64> = drained["data"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|e| e["payload"]["left_in_flight"].as_u64())
        .collect();
    assert!(!left.is_empty() && left.iter().all(|left| *left == 0), "{left:?}");
}

#[test]
fn requests_are_logged_with_their_names_and_the_file_can_be_moved() {
    if !engine() {
        return;
    }
    let mut user = User::new("logged");
    let log = user.folder.path().join("access.log");
    user.environment.push(("HALOY_EDGE_ACCESS_LOG", log.display().to_string()));
    user.deploy("v1", &format!("domains: [{HOST}]\n"));
    let answer = get(&user, HOST, "/?token=not-for-logs");
    let name = answer.head.split("x-request-id: ").nth(1).and_then(|rest| rest.lines().next());
    let name = name.expect("a name").to_owned();
    let moved = user.folder.path().join("access.log.1");
    std::fs::rename(&log, &moved).expect("moved");
    user.haloy("edge reload").ok();
    get(&user, "nobody.example", "/later");
    user.haloy("edge stop").ok();
    let lines = |file: &std::path::Path| -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        assert!(!text.contains("not-for-logs"), "{text}");
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    };
    let first = lines(&moved).into_iter().find(|line| line["path"] == "/").expect("logged");
    assert_eq!(
        (&first["request_id"], &first["status"], &first["bytes"]),
        (&name.into(), &200.into(), &11.into())
    );
    assert_eq!(
        (&first["host"], &first["method"], &first["complete"]),
        (&HOST.into(), &"GET".into(), &true.into())
    );
    assert!(first["replica"].as_str().is_some_and(|at| at.ends_with(":8080")), "{first}");
    // It ends after its lame duck, and has written everything by then.
    let until = Instant::now() + Duration::from_secs(20);
    while !lines(&log).iter().any(|line| line["status"] == 404 && line["path"] == "/later") {
        assert!(Instant::now() < until, "the later request is in the new file");
        std::thread::sleep(Duration::from_millis(100));
    }
}
