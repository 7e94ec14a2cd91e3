//! Addresses: who has which, over restarts of containers and of the engine, beside other ledgers, foreign
//! containers, and networks of another kind. Each in a network namespace and with an engine of its own.

use crate::edge::{HOST, get as at_edge};
use crate::harness::*;
use crate::own_engine::{OwnEngine, apart};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// The address that a container was created with.
fn asked(id: &str) -> String {
    docker(&[
        "inspect",
        "-f",
        "{{range .NetworkSettings.Networks}}{{with .IPAMConfig}}{{.IPv4Address}}{{end}}{{end}}",
        id,
    ])
}

/// The address that a container has on one network.
fn address_on(network: &str, id: &str) -> String {
    let format =
        format!("{{{{with index .NetworkSettings.Networks \"{network}\"}}}}{{{{.IPAddress}}}}{{{{end}}}}");
    docker(&["inspect", "-f", &format, id])
}

fn networks() -> Vec<String> {
    let list = docker(&["network", "ls", "--format", "{{.Name}}", "--filter", "driver=bridge"]);
    let mut names: Vec<String> = list.lines().filter(|name| *name != "bridge").map(str::to_owned).collect();
    names.sort();
    names
}

fn routed(host: &str) -> String {
    format!("domains: [{host}]\n")
}

/// A container that haloy knows nothing of.
fn foreign(name: &str, more: &[&str]) {
    docker(&[&["run", "-d", "--init", "--name", name], more, &[&format!("{IMAGE}:v4")]].concat());
}

#[track_caller]
fn soon(what: &str, is_so: impl Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < until, "{what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_replica_keeps_its_address_over_every_restart() {
    apart(|| {
        let mut own = OwnEngine::start(false);
        let (a, b) = (User::new("a"), User::new("b"));
        a.deploy("v1", &routed(HOST));
        b.deploy("v2", &routed(HOST));
        let ids = || (a.containers("default").remove(0), b.containers("default").remove(0));
        let before = (address(&ids().0).expect("it runs"), address(&ids().1).expect("it runs"));
        assert_eq!((asked(&ids().0), asked(&ids().1)), before, "their own");
        let same = |what: &str| {
            let now = (address(&ids().0), address(&ids().1));
            assert_eq!(now, (Some(before.0.clone()), Some(before.1.clone())), "{what}");
            soon(what, || {
                at_edge(&a, HOST, "/").body == "version v1\n" && at_edge(&b, HOST, "/").body == "version v2\n"
            });
        };
        docker(&["stop", &ids().0, &ids().1]);
        docker(&["start", &ids().1, &ids().0]);
        same("stopped, and started in another order");
        own.stop();
        own.serve();
        soon("an engine that was ended starts them again", || {
            a.addresses("default").len() + b.addresses("default").len() == 2
        });
        same("a restart of the engine");
        own.kill();
        own.serve();
        // A killed one does not.
        let status = a.haloy("status").ok().out;
        assert!(status.contains("0/1") && status.contains("start it with: haloy settle"), "{status}");
        let doctor = a.haloy("doctor");
        assert!(doctor.out.contains("1 of 1 do not run"), "{doctor:?}");
        let settled = a.haloy("settle").ok();
        assert!(settled.err.contains("did not run and was started again"), "{settled:?}");
        // The other one is put right by the next deploy.
        let deployed = b.config("v2", &routed(HOST)).haloy("deploy").ok();
        assert!(deployed.err.contains("did not run and was started again"), "{deployed:?}");
        soon("they answer", || {
            at_edge(&a, HOST, "/").body == "version v1\n" && at_edge(&b, HOST, "/").body == "version v2\n"
        });
        assert_eq!(address(&ids().0), Some(before.0.clone()), "the same container, at the same address");
        // The edge may have found it silent meanwhile, and wants to see it well twice.
        soon("doctor has nothing against it", || {
            a.haloy("doctor").out.matches("running, where the log has them").count() == 1
        });
        let events = a.haloy("events --kind ReplicaRestarted -o json").ok().json();
        assert_eq!(events["data"][0]["payload"]["cause"], "not_running", "{events}");
        a.haloy("replay").ok();
    });
}

#[test]
fn two_ledgers_never_give_out_one_address() {
    apart(|| {
        let _own = OwnEngine::start(false);
        let users: Vec<User> = ["a", "b", "c"].into_iter().map(User::new).collect();
        let stopped = User::new("stopped");
        stopped.deploy("v1", "replicas: 3\n");
        stopped.haloy("stop").ok();
        let mut seen = BTreeSet::new();
        for version in ["v1", "v2", "v3"] {
            // At once, by processes that know nothing of each other.
            std::thread::scope(|scope| {
                for user in &users {
                    scope.spawn(move || user.deploy(version, "replicas: 3\n"));
                }
            });
            let everybody = docker(&["ps", "-aq"]);
            let asked: Vec<String> = everybody.lines().map(asked).collect();
            let different: BTreeSet<String> = asked.iter().cloned().collect();
            assert_eq!((asked.len(), different.len()), (12, 12), "{asked:?}");
            let running = users.iter().flat_map(|user| user.addresses("default"));
            for address in running {
                assert!(seen.insert(address.clone()), "{address} was used a moment ago");
            }
        }
        assert_eq!(networks(), ["haloy"]);
        // A stopped container comes back to what it had.
        docker(
            &[&["start"][..], &stopped.containers("default").iter().map(String::as_str).collect::<Vec<_>>()]
                .concat(),
        );
        assert_eq!(stopped.answers("default", "/"), ["version v1"; 3]);
    });
}

#[test]
fn a_full_range_leads_to_addresses_of_the_engine() {
    apart(|| {
        let pools = serde_json::json!({"default-address-pools": [{"base": "10.77.0.0/16", "size": 28}]});
        let _own = OwnEngine::with(&pools);
        let (a, b) = (User::new("many"), User::new("more"));
        a.deploy("v1", "replicas: 7\ndeployment_strategy: replace\n");
        let all: Vec<String> = a.containers("default").iter().map(|id| asked(id)).collect();
        assert!(all.iter().all(|address| !address.is_empty()), "{all:?}");
        b.deploy("v2", "replicas: 2\n");
        let ids = b.containers("default");
        assert!(ids.iter().all(|id| asked(id).is_empty() && address(id).is_some()), "the engine chose");
        assert_eq!(b.answers("default", "/"), ["version v2"; 2]);
        let started = b.haloy("events --kind ReplicaStarted -o json").ok().json();
        assert_eq!(started["data"][0]["payload"]["fixed"], false, "{started}");
        let started = a.haloy("events --kind ReplicaStarted -o json").ok().json();
        assert_eq!(started["data"][0]["payload"]["fixed"], true, "{started}");
    });
}

/// The answer of the engine's name server to a container about a name. A process of its own, since it has to
/// be in the container's network namespace.
pub fn resolved(from: &str, name: &str) -> String {
    let process = docker(&["inspect", "-f", "{{.State.Pid}}", from]);
    let out = std::process::Command::new("nsenter")
        .args(["-t", &process, "-n"])
        .arg(std::env::current_exe().expect("a path"))
        .args(["--exact", "networks::asks_the_name_server", "--ignored", "--nocapture"])
        .env("HALOY_E2E_NAME", name)
        .output()
        .expect("nsenter");
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let found = text.lines().find_map(|line| line.split_once("ADDRESS ")).map(|(_, found)| found.to_owned());
    found.unwrap_or_else(|| {
        panic!("{name} as {from} sees it: {text} {}", String::from_utf8_lossy(&out.stderr))
    })
}

#[test]
#[ignore = "asked by another test, in the network namespace of a container"]
fn asks_the_name_server() {
    let name = std::env::var("HALOY_E2E_NAME").expect("a name");
    let mut question = vec![0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        question.push(u8::try_from(label.len()).expect("a label"));
        question.extend(label.as_bytes());
    }
    question.extend([0, 0, 1, 0, 1]);
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").expect("a socket");
    socket.set_read_timeout(Some(Duration::from_secs(5))).expect("set");
    socket.send_to(&question, "127.0.0.11:53").expect("sent");
    let mut answer = [0; 512];
    let count = socket.recv(&mut answer).expect("answered");
    // An A record, at the end, ends with its address.
    let answers = u16::from_be_bytes([answer[6], answer[7]]);
    assert!(answers > 0, "{name} is not known");
    let address: Vec<String> = answer[count - 4..count].iter().map(u8::to_string).collect();
    println!("ADDRESS {}", address.join("."));
}

#[test]
fn an_older_network_is_left_while_everybody_finds_everybody() {
    apart(|| {
        let _own = OwnEngine::start(false);
        // As an older version made it.
        docker(&["network", "create", "--label", "haloy.network=1", "haloy"]);
        foreign("older", &["--network", "haloy"]);
        let user = User::new("moving");
        user.config("v1", "");
        let deployed = user.haloy("deploy").ok();
        assert!(deployed.err.contains("as long as others are on that one alone: older"), "{deployed:?}");
        assert_eq!(networks(), ["haloy", "haloy-2"]);
        let first = user.containers("default").remove(0);
        assert_eq!(asked(&first), address_on("haloy-2", &first));
        let name = docker(&["inspect", "-f", "{{slice .Name 1}}", &first]);
        assert_eq!(resolved("older", &name), address_on("haloy", &first), "by who is on the older one");
        assert_eq!(resolved(&first, "older"), address_on("haloy", "older"), "and the other way");
        assert_eq!(get(&address_on("haloy-2", &first), "/").expect("answered"), "version v1");
        // Nothing needs it any more: the next replicas are not on it, and then it is removed.
        docker(&["rm", "-f", "older"]);
        user.deploy("v2", "");
        let second = user.containers("default").remove(0);
        assert_eq!(address_on("haloy", &second), "");
        let deployed = user.config("v3", "").haloy("deploy").ok();
        assert!(deployed.err.contains("the older network haloy was removed"), "{deployed:?}");
        assert_eq!(networks(), ["haloy-2"]);
        assert_eq!(user.answers("default", "/"), ["version v3"]);
        user.haloy("replay").ok();
    });
}

#[test]
fn an_older_network_that_nobody_is_on_is_made_again() {
    apart(|| {
        let _own = OwnEngine::start(false);
        docker(&["network", "create", "--label", "haloy.network=1", "haloy"]);
        // It would not start without its network, so it counts as a user.
        docker(&["create", "--name", "idle", "--network", "haloy", &format!("{IMAGE}:v4")]);
        let user = User::new("again");
        user.deploy("v1", "");
        assert_eq!(networks(), ["haloy", "haloy-2"]);
        user.haloy("stop --remove").ok();
        docker(&["rm", "idle"]);
        docker(&["network", "rm", "haloy-2"]);
        user.deploy("v2", "");
        assert_eq!(networks(), ["haloy"]);
        let id = user.containers("default").remove(0);
        assert_eq!(address(&id), Some(asked(&id)));
    });
}

#[test]
fn an_address_that_somebody_took_is_said_and_put_right() {
    apart(|| {
        let _own = OwnEngine::start(false);
        let user = User::new("robbed");
        user.deploy("v1", &routed(HOST));
        let id = user.containers("default").remove(0);
        let before = address(&id).expect("it runs");
        docker(&["stop", &id]);
        foreign("thief", &["--network", "haloy", "--ip", &before]);
        let refused = std::process::Command::new("docker").args(["start", &id]).output().expect("docker");
        assert!(String::from_utf8_lossy(&refused.stderr).contains("Address already in use"), "{refused:?}");
        let status = user.haloy("status").ok().out;
        assert!(status.contains("Docker does not run it; start it with: haloy settle"), "{status}");
        let routes = user.haloy("routes").ok().out;
        assert!(routes.contains("differs") && routes.contains("not running"), "{routes}");
        let settled = user.haloy("settle").ok();
        assert!(settled.err.contains("did not run and was started again"), "{settled:?}");
        assert_eq!(user.containers("default"), std::slice::from_ref(&id), "the same container");
        let now = address(&id).expect("it runs");
        assert!(now != before && asked(&id) == now, "{now} after {before}");
        soon("its own app", || at_edge(&user, HOST, "/").body == "version v1\n");
        assert_eq!(get(&before, "/").expect("untouched"), "version v4");
        let status = user.haloy("status").ok().out;
        assert!(status.contains(&format!("http://{now}:")) && !status.contains("differs"), "{status}");
        let routes = user.haloy("routes").ok().out;
        assert!(routes.contains(&now) && routes.contains("in force"), "{routes}");
        user.haloy("replay").ok();
    });
}

#[test]
fn what_is_shown_is_where_a_container_is_now() {
    apart(|| {
        let mut own = OwnEngine::start(false);
        docker(&["network", "create", "other"]);
        let (a, b) = (User::new("one"), User::new("two"));
        let more = format!("network: other\n{}", routed(HOST));
        a.deploy("v1", &more);
        b.deploy("v2", &more);
        let ids = || (a.containers("default").remove(0), b.containers("default").remove(0));
        let before = (address(&ids().0).expect("it runs"), address(&ids().1).expect("it runs"));
        docker(&["stop", &ids().0, &ids().1]);
        docker(&["start", &ids().1, &ids().0]);
        let now = (address(&ids().0).expect("it runs"), address(&ids().1).expect("it runs"));
        assert_eq!(now, (before.1, before.0), "the engine gave them each other's");
        let status = a.haloy("status").ok().out;
        assert!(status.contains(&format!("http://{}:", now.0)) && status.contains("differs"), "{status}");
        let routes = a.haloy("routes").ok().out;
        assert!(routes.contains(&now.0) && routes.contains("differs"), "{routes}");
        let doctor = a.haloy("doctor");
        assert!(
            doctor.code == 1 && doctor.out.contains("1 of 1 are not where the log has them"),
            "{doctor:?}"
        );
        let settled = a.haloy("settle").ok();
        assert!(settled.err.contains("was found started again"), "{settled:?}");
        assert!(!a.haloy("status").ok().out.contains("differs"));
        soon("its own app", || at_edge(&a, HOST, "/").body == "version v1\n");
        // Recorded addresses are not shown as facts when they cannot be verified.
        own.kill();
        let status = a.haloy("status").exits(1).out;
        assert!(status.contains("?/1") && status.contains("unknown") && !status.contains(&now.0), "{status}");
        let routes = a.haloy("routes").ok().out;
        assert!(routes.contains("unknown") && !routes.contains(&now.0), "{routes}");
        assert!(a.haloy("doctor").out.contains("replicas   unknown"));
    });
}
