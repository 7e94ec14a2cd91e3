//! The front door while something breaks: haloy, the edge, a replica, Docker itself. Clients never retry.

use crate::edge::{HOST, get, routed, unharmed};
use crate::harness::*;
use crate::load::{self, Load, Way};
use crate::own_engine::{OwnEngine, apart};
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Random moments.
fn moments(count: usize, below: u64) -> Vec<u64> {
    use haloy_ledger::ports::{Entropy, SystemEntropy};
    let drawn = || {
        let mut random = [0; 8];
        SystemEntropy.fill(&mut random);
        u64::from_le_bytes(random) % below
    };
    let moments: Vec<u64> = std::iter::repeat_with(drawn).take(count).collect();
    println!("at these milliseconds: {moments:?}");
    moments
}

#[test]
fn haloy_killed_at_any_moment_of_a_rollout_costs_no_request() {
    if !engine() {
        return;
    }
    let user = User::new("killed");
    user.deploy("v1", &routed("rolling"));
    let load = Load::start(user.edge, HOST, 16, Way::KeepAlive);
    for (round, after) in moments(8, 1500).into_iter().enumerate() {
        let strategy = if round % 3 == 0 { "blue-green" } else { "rolling" };
        user.config(if round % 2 == 0 { "v2" } else { "v1" }, &routed(strategy));
        let mut deploy = user.command("deploy -q").stdout(Stdio::null()).spawn().expect("haloy runs");
        std::thread::sleep(Duration::from_millis(after));
        deploy.kill().expect("killed");
        deploy.wait().expect("ended");
        let settled = user.haloy("settle");
        assert!([0, 3, 4].contains(&settled.code), "{settled:?}");
        assert_eq!(user.containers("default").len(), 3, "after {after} ms: {settled:?}");
    }
    unharmed("haloy killed -9", load);
    user.haloy("replay").ok();
}

#[test]
fn a_killed_replica_costs_no_safe_request() {
    if !engine() {
        return;
    }
    let user = User::new("lost");
    user.deploy("v1", &routed("rolling"));
    let safe = Load::start(user.edge, HOST, 16, Way::KeepAlive);
    let other = Load::with(user.edge, HOST, 16, Way::KeepAlive, "POST");
    std::thread::sleep(Duration::from_millis(300));
    docker(&["kill", &user.containers("default")[0]]);
    std::thread::sleep(Duration::from_secs(3));
    let (done, failed) = other.end();
    println!("one replica of three killed: {} of {} POST failed", failed.len(), done + failed.len());
    let (done, failed) = safe.end();
    let (begun, silent): (Vec<_>, Vec<_>) = failed.iter().partition(|(_, why)| why == load::CUT_OFF);
    println!("one replica of three killed: {} GET cut off, {} failed of {done}", begun.len(), silent.len());
    assert!(silent.is_empty() && done > 50, "{done} done, {silent:?}");
}

/// The next message at a socket.
fn next(socket: &std::os::unix::net::UnixDatagram) -> String {
    let mut text = [0; 256];
    socket.set_read_timeout(Some(Duration::from_secs(10))).expect("set");
    let count = socket.recv(&mut text).expect("told");
    String::from_utf8_lossy(&text[..count]).into_owned()
}

#[test]
fn an_upgraded_edge_costs_nothing_and_what_it_left_is_waited_for() {
    if !engine() {
        return;
    }
    let mut user = User::new("edge");
    // What systemd would listen at.
    let notify = user.folder.path().join("notify.sock");
    let told = std::os::unix::net::UnixDatagram::bind(&notify).expect("bound");
    user.environment.push(("NOTIFY_SOCKET", notify.display().to_string()));
    user.deploy("v1", &routed("rolling"));
    let load = Load::start(user.edge, HOST, 16, Way::KeepAlive);
    let main = |process: Option<u32>| format!("READY=1\nMAINPID={}", process.expect("it runs"));
    assert_eq!(next(&told), main(user.edge_process()));
    for _ in 0..3 {
        let before = user.edge_process();
        user.haloy("edge upgrade").ok();
        assert_ne!(user.edge_process(), before);
        assert_eq!(next(&told), main(user.edge_process()), "the unit goes on with the one that took over");
        std::thread::sleep(Duration::from_millis(2500));
    }
    unharmed("edge upgraded three times", load);
    // A request that the previous edge still has, while its replica should be removed.
    let at = user.edge;
    let slow = std::thread::spawn(move || {
        let mut stream = load::connect(at).expect("the edge listens");
        load::ask(&mut stream, HOST, "/wait/4000").expect("answered")
    });
    std::thread::sleep(Duration::from_millis(300));
    let load = Load::start(user.edge, HOST, 8, Way::KeepAlive);
    user.haloy("edge upgrade").ok();
    user.deploy("v2", &routed("blue-green"));
    unharmed("deployed while the previous edge still had requests", load);
    let answer = slow.join().expect("answered");
    assert_eq!((answer.status, answer.body.as_str()), (200, "version v1\n"));
    let kinds = user.haloy("events -o json").ok().out;
    assert!(kinds.contains("EdgeReplaced"), "what the edge did is in the log");
}

#[test]
fn a_killed_edge_serves_again_from_its_file() {
    if !engine() {
        return;
    }
    let user = User::new("edgekill");
    user.deploy("v1", &routed("rolling"));
    let mut slowest = Vec::new();
    // Other work on this machine may delay it once; not three times.
    for round in 1..=3 {
        let load = Load::start(user.edge, HOST, 16, Way::KeepAlive);
        std::thread::sleep(Duration::from_millis(300));
        let log = std::fs::File::create(user.folder.path().join("edge.out")).expect("a file");
        let mut run = user.command("edge run");
        run.stdout(log);
        user.end_edge();
        let killed = Instant::now();
        let mut again = run.spawn().expect("haloy runs");
        std::thread::sleep(Duration::from_secs(1));
        let (done, failed) = load.end();
        let last = failed.iter().map(|(began, _)| began.saturating_duration_since(killed)).max();
        println!(
            "edge killed, round {round}: {} of {done} failed, the last begun after {last:?}",
            failed.len()
        );
        assert_eq!(get(&user, HOST, "/").body, "version v1\n");
        slowest.push(last.unwrap_or_default());
        user.end_edge();
        again.wait().expect("ended");
        user.haloy("settle").ok();
        if slowest.last().is_some_and(|last| *last <= Duration::from_millis(200)) {
            break;
        }
    }
    let within = slowest.iter().any(|last| *last <= Duration::from_millis(200));
    assert!(within, "requests failed that were begun later than 200 ms after: {slowest:?}");
    user.haloy("settle").ok();
    let kinds = user.haloy("events --kind EdgeStarted -o json").ok().json();
    assert!(
        kinds["data"].as_array().is_some_and(|events| events.len() > 1),
        "what the edge did is in the log"
    );
}

#[test]
fn docker_killed_with_live_restore_costs_no_request() {
    apart(|| {
        let mut own = OwnEngine::start(true);
        let user = User::new("dies");
        user.deploy("v1", &routed("rolling"));
        let load = Load::start(user.edge, HOST, 16, Way::KeepAlive);
        std::thread::sleep(Duration::from_millis(300));
        own.kill();
        std::thread::sleep(Duration::from_secs(1));
        // Without an engine a deploy is a recorded failure, and what runs is untouched.
        user.config("v2", &routed("rolling"));
        user.haloy("deploy").exits(3);
        own.serve();
        user.deploy("v2", &routed("rolling"));
        unharmed("engine killed, live-restore", load);
        assert_eq!(get(&user, HOST, "/").body, "version v2\n");
        assert_eq!(user.containers("default").len(), 3);
    });
}

#[test]
fn docker_killed_in_a_rollout_is_settled_by_the_next_command() {
    apart(|| {
        let mut own = OwnEngine::start(false);
        let user = User::new("dies-midway");
        user.deploy("v1", &routed("rolling"));
        user.config("v2", &routed("rolling"));
        let mut deploy =
            user.command("deploy -q").stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("runs");
        std::thread::sleep(Duration::from_millis(900));
        own.kill();
        let ended = deploy.wait().expect("it ends by itself");
        println!("deploy whose engine was killed: {ended}");
        own.serve();
        user.deploy("v3", &routed("rolling"));
        assert_eq!(user.containers("default").len(), 3, "nothing is left over");
        assert_eq!(get(&user, HOST, "/").body, "version v3\n");
        let status = user.haloy("status").ok().out;
        assert!(status.contains("3/3"), "{status}");
        user.haloy("replay").ok();
    });
}
