//! Never the wrong app: whatever the engine does with addresses, a domain is answered by its own app or by
//! the edge with 503. Clients check the origin of each answer, all the time.

use crate::edge::get;
use crate::harness::*;
use crate::load;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

pub const A: &str = "a.example";
pub const B: &str = "b.example";

/// Two targets of one app that answer with different words: `one` has A and says v1, `two` has B and says v2.
fn two(network: &str, version: &str) -> String {
    format!(
        "network: {network}\ntargets:\n  one: {{domains: [{A}]}}\n  two: {{domains: [{B}], image: {IMAGE}:{version}}}\n"
    )
}

/// Clients of both domains, each request over a new connection of its own.
pub struct Watch {
    stop: Arc<AtomicBool>,
    answers: Arc<Mutex<BTreeMap<(&'static str, String), usize>>>,
    threads: Vec<std::thread::JoinHandle<()>>,
}

impl Watch {
    pub fn start(user: &User) -> Self {
        let (stop, answers) = (Arc::<AtomicBool>::default(), Arc::<Mutex<BTreeMap<_, usize>>>::default());
        let threads = [A, B, A, B].map(|host| {
            let (stop, answers, at) = (Arc::clone(&stop), Arc::clone(&answers), user.edge);
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let answer = load::connect(at).and_then(|mut stream| load::ask(&mut stream, host, "/"));
                    let told = match answer {
                        Ok(answer) if answer.status == 200 => answer.body.trim().to_owned(),
                        Ok(answer) => answer.status.to_string(),
                        Err(error) => error.to_string(),
                    };
                    *answers.lock().expect("not poisoned").entry((host, told)).or_default() += 1;
                    std::thread::sleep(Duration::from_millis(3));
                }
            })
        });
        Self { stop, answers, threads: threads.into() }
    }

    /// Answers by domain: none came from another app.
    #[track_caller]
    pub fn end(self, own: &[(&'static str, &[&str])]) -> BTreeMap<(&'static str, String), usize> {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().expect("it asked");
        }
        let answers = std::mem::take(&mut *self.answers.lock().expect("not poisoned"));
        println!("{answers:?}");
        for (host, told) in answers.keys() {
            let own = own.iter().find(|(domain, _)| domain == host).map(|(_, own)| *own).expect("known");
            // 502 where the app accepts no connection yet, or broke off while it was stopped.
            let fine = own.contains(&told.as_str()) || told == "503" || told == "502";
            assert!(fine, "{host} was answered with {told:?}: {answers:?}");
        }
        answers
    }
}

pub const OWN: [(&str, &[&str]); 2] = [(A, &["version v1"]), (B, &["version v2"])];

/// Waits until both domains answer with their own app, and says how long that took.
#[track_caller]
pub fn both_answer(user: &User, limit: Duration) -> Duration {
    let began = Instant::now();
    loop {
        let told: Vec<_> = [A, B].iter().map(|host| get(user, host, "/")).collect();
        let fine = told.iter().zip(["version v1\n", "version v2\n"]);
        if fine.clone().all(|(answer, own)| answer.status == 200 && answer.body == own) {
            return began.elapsed();
        }
        for (answer, own) in fine {
            assert!(answer.status != 200 || answer.body == own, "wrong app: {}", answer.body);
        }
        if began.elapsed() > limit {
            let status = user.haloy("edge status");
            panic!("after {limit:?}: {}, {}; {}", told[0].body, told[1].body, status.out);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub fn deployed(name: &str, network: &str) -> User {
    let user = User::new(name);
    user.config("v1", &two(network, "v2"));
    user.haloy("deploy --target one --target two").ok();
    both_answer(&user, Duration::from_secs(5));
    user
}

pub fn only(user: &User, target: &str) -> String {
    user.containers(target).remove(0)
}

/// A network of a user's own, with room for addresses that are named; removed with the test.
struct Network(String);

impl Network {
    fn new(name: &str, subnet: u8) -> Self {
        let name = format!("{name}-{}", std::process::id());
        docker(&["network", "create", "--subnet", &format!("10.{subnet}.7.0/24"), &name]);
        Self(name)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        drop(std::process::Command::new("docker").args(["network", "rm", &self.0]).output());
    }
}

/// A container that belongs to no app, removed with the test.
struct Foreign(String);

impl Foreign {
    fn start(network: &str, more: &[&str]) -> Self {
        let image = format!("{IMAGE}:v3");
        Self(docker(&[&["run", "-d", "--network", network], more, &[image.as_str()]].concat()))
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        drop(std::process::Command::new("docker").args(["rm", "-f", &self.0]).output());
    }
}

fn order(name: &str, network: &str) {
    let user = deployed(name, network);
    let (a, b) = (only(&user, "one"), only(&user, "two"));
    let watch = Watch::start(&user);
    let before = [address(&a), address(&b)];
    for round in 0..3 {
        let (first, second) = if round % 2 == 0 { (&b, &a) } else { (&a, &b) };
        docker(&["stop", "-t", "1", &a, &b]);
        std::thread::sleep(Duration::from_millis(200));
        docker(&["start", first, second]);
        let took = both_answer(&user, Duration::from_secs(5));
        println!("{name}, round {round}: {before:?} -> {:?}, in {took:?}", [address(&a), address(&b)]);
    }
    let answers = watch.end(&OWN);
    assert!(answers.contains_key(&(A, "503".to_owned())), "they were stopped for a while: {answers:?}");
    // And where no request showed the edge that they were stopped: its knowledge is from before.
    for (first, second) in [(&b, &a), (&a, &b)] {
        docker(&["stop", "-t", "1", &a, &b]);
        docker(&["start", first, second]);
        std::thread::sleep(Duration::from_millis(500));
        both_answer(&user, Duration::from_secs(5));
    }
}

#[test]
fn containers_started_in_another_order_keep_their_domains() {
    if engine() {
        order("order", "haloy");
    }
}

#[test]
fn containers_of_a_users_network_started_in_another_order_keep_their_domains() {
    if engine() {
        let network = Network::new("own-order", 211);
        order("own-order", &network.0);
    }
}

fn foreigner(name: &str, network: &str, named: bool) {
    let user = deployed(name, network);
    let a = only(&user, "one");
    let before = address(&a).expect("it runs");
    docker(&["stop", "-t", "1", &a]);
    let arguments = if named { vec!["--ip", before.as_str()] } else { Vec::new() };
    let foreign = Foreign::start(network, &arguments);
    println!("{name}: was at {before}, where the foreign one now is at {:?}", address(&foreign.0));
    std::thread::sleep(Duration::from_millis(500));
    // Only now: no request showed the edge that the container had stopped.
    let watch = Watch::start(&user);
    std::thread::sleep(Duration::from_millis(700));
    let page = get(&user, A, "/");
    assert_eq!(page.status, 503, "{}", page.body);
    assert!(page.body.contains("can be shown") || page.body.contains("no running replica"), "{}", page.body);
    let status = user.haloy("edge status").ok().out;
    assert!(status.contains("its container does not run"), "{status}");
    docker(&["start", &a]);
    both_answer(&user, Duration::from_secs(5));
    drop(foreign);
    watch.end(&OWN);
    both_answer(&user, Duration::from_secs(5));
}

#[test]
fn a_foreign_container_that_takes_the_address_is_sent_nothing() {
    if engine() {
        foreigner("foreign", "haloy", false);
    }
}

#[test]
fn a_foreign_container_that_takes_the_address_by_name_is_sent_nothing() {
    if engine() {
        let network = Network::new("foreign", 212);
        foreigner("foreign-ip", &network.0, true);
    }
}

/// The container leaves its network, another takes its address, it comes back at another one, all while it
/// runs: neither its start nor its process shows that.
#[test]
fn a_container_that_moves_while_it_runs_is_followed() {
    if !engine() {
        return;
    }
    let network = Network::new("moves", 213);
    let user = deployed("moves", &network.0);
    let a = only(&user, "one");
    let before = address(&a).expect("it runs");
    docker(&["network", "disconnect", &network.0, &a]);
    let foreign = Foreign::start(&network.0, &["--ip", &before]);
    std::thread::sleep(Duration::from_millis(500));
    let watch = Watch::start(&user);
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(get(&user, A, "/").status, 503);
    docker(&["network", "connect", &network.0, &a]);
    both_answer(&user, Duration::from_secs(5));
    docker(&["network", "disconnect", &network.0, &a]);
    drop(foreign);
    docker(&["network", "connect", "--ip", &before, &network.0, &a]);
    both_answer(&user, Duration::from_secs(5));
    watch.end(&OWN);
}

#[test]
fn a_neighbour_redeployed_after_a_swap_costs_no_request_of_the_other() {
    if !engine() {
        return;
    }
    let user = deployed("neighbour", "haloy");
    let (a, b) = (only(&user, "one"), only(&user, "two"));
    docker(&["stop", "-t", "1", &a, &b]);
    docker(&["start", &b, &a]);
    both_answer(&user, Duration::from_secs(5));
    let watch = Watch::start(&user);
    // Drains and cut connections are for a replica: not for the present holder of its address.
    for version in ["v3", "v4", "v2"] {
        user.config("v1", &two("haloy", version));
        user.haloy("deploy --target two").ok();
    }
    let answers = watch.end(&[OWN[0], (B, &["version v2", "version v3", "version v4"])]);
    let failed = answers.keys().filter(|(host, told)| *host == A && told != "version v1").count();
    assert_eq!(failed, 0, "A is nobody's neighbour's business: {answers:?}");
}
