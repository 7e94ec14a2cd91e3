//! Never the wrong app, while the engine itself ends and comes back: gracefully, killed, with live-restore
//! and without.

use crate::edge::get;
use crate::harness::*;
use crate::identity::*;
use crate::own_engine::{OwnEngine, apart};
use std::time::Duration;

/// Both apps, then the engine is away for a while; they are found again within seconds of its answer.
fn restarted(name: &str, live_restore: bool, end: fn(&mut OwnEngine)) {
    let mut own = OwnEngine::start(live_restore);
    let user = deployed(name, "haloy");
    for round in 0..3 {
        let before = [only(&user, "one"), only(&user, "two")].map(|id| address(&id));
        let watch = Watch::start(&user);
        std::thread::sleep(Duration::from_millis(200));
        end(&mut own);
        std::thread::sleep(Duration::from_millis(1500));
        own.serve();
        // A killed engine considers its containers stopped by hand, and does not start them again.
        for target in ["two", "one"] {
            docker(&["start", &only(&user, target)]);
        }
        let took = both_answer(&user, Duration::from_secs(10));
        let now = [only(&user, "one"), only(&user, "two")].map(|id| address(&id));
        println!("{name}, round {round}: {before:?} -> {now:?}, {took:?} after the engine answered");
        let answers = watch.end(&OWN);
        let failed: usize =
            answers.iter().filter(|((_, told), _)| !told.starts_with("version")).map(|(_, n)| n).sum();
        assert!(!live_restore || failed == 0, "with live-restore nothing fails: {answers:?}");
    }
}

#[test]
fn a_graceful_restart_of_the_engine_gives_no_domain_to_another_app() {
    apart(|| restarted("graceful", false, OwnEngine::stop));
}

#[test]
fn a_killed_engine_gives_no_domain_to_another_app() {
    apart(|| restarted("killed", false, OwnEngine::kill));
}

#[test]
fn with_live_restore_no_request_fails_while_the_engine_is_away() {
    apart(|| restarted("live", true, OwnEngine::kill));
}

/// Containers that end while the engine is away are restarted by it before it answers, in any order: another
/// may have the address of one by then.
#[test]
fn containers_that_end_while_the_engine_is_away_are_not_taken_for_each_other() {
    apart(|| {
        let mut own = OwnEngine::start(true);
        let user = deployed("ended", "haloy");
        for _ in 0..3 {
            let processes = ["one", "two"]
                .map(|target| docker(&["inspect", "-f", "{{.State.Pid}}", &only(&user, target)]));
            let watch = Watch::start(&user);
            own.kill();
            for process in &processes {
                let killed = std::process::Command::new("kill").args(["-9", process]).status();
                assert!(killed.is_ok_and(|status| status.success()));
            }
            std::thread::sleep(Duration::from_millis(300));
            assert_eq!(get(&user, A, "/").status, 503);
            own.serve();
            // It is the engine that takes long: it starts the containers of a user's policy by and by.
            both_answer(&user, Duration::from_secs(40));
            watch.end(&OWN);
        }
    });
}
