//! Routes, and the edge itself, which is real here: it listens at ports that the system gives.

use crate::deploying::shop;
use crate::harness::*;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

const DOMAIN: &str = "domains: [{domain: shop.example, aliases: [www.shop.example]}]\n";

#[test]
fn routes_and_whose_a_domain_is() {
    let mut scenario = Scenario::with(&shop("v1", DOMAIN));
    scenario.haloy("deploy");
    scenario.haloy("routes");
    scenario.haloy("routes --json");
    scenario.haloy("doctor");
    scenario.note("another app wants the domain");
    let blog = |more: &str| format!("name: blog\nimage: registry.example/blog:v1\n{more}");
    scenario.config(&blog(DOMAIN));
    scenario.haloy("deploy");
    scenario.haloy("deploy -q --move-domains");
    scenario.haloy("routes");
    scenario.note("another app that looks like it to Docker");
    scenario.config("name: SHOP\nimage: registry.example/shop:v1\n");
    scenario.haloy("deploy");
    scenario.config(&blog(""));
    scenario.haloy("deploy");
    scenario.haloy("routes -o ndjson");
    scenario.end("routes");
}

/// Ended when the test is over, however it ended.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn the_edge_itself() {
    let mut scenario = Scenario::new();
    for command in ["edge status", "edge reload", "edge stop", "edge upgrade"] {
        scenario.haloy(command);
    }
    let run = "edge run --http 127.0.0.1:0 --https 127.0.0.1:0";
    let mut command = scenario.command(&words(run));
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("haloy runs");
    let mut child = Ended(child);
    let until = Instant::now() + Duration::from_secs(20);
    while scenario.silently("edge status").code != 0 {
        assert!(Instant::now() < until, "the edge does not come up");
        std::thread::sleep(Duration::from_millis(50));
    }
    scenario.haloy("edge status");
    scenario.haloy("edge status --json");
    scenario.haloy("edge reload");
    scenario.haloy(run);
    scenario.haloy("edge stop");
    let ended = child.0.wait().expect("it ends");
    assert_eq!(ended.code(), Some(0));
    scenario.note("what it does not take");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = taken.local_addr().expect("an address");
    scenario.haloy(&format!("edge run --http {taken} --https 127.0.0.1:0"));
    scenario.haloy("edge run --http shop.example");
    scenario.haloy("edge run --http 127.0.0.1:0 --https 127.0.0.1:0 --access-log /srv/nowhere/log");
    scenario.end("edge");
}
