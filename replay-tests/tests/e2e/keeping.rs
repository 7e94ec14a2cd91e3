//! Names, pins, holds, prunes and what-if, on a real engine and a real registry.

use crate::harness::*;
use crate::registries::Registry;

#[test]
fn a_name_works_wherever_an_id_does_and_asks_before_it_moves() {
    if !engine() {
        return;
    }
    let user = User::new("names");
    let old = user.deploy("v1", "");
    let new = user.deploy("v2", "");
    user.haloy(&format!("tag {old} stable")).ok();
    let image = |name: &str| docker(&["inspect", "-f", "{{.Id}}", name]);
    assert_eq!(image(&format!("{}:stable", user.app)), image(&format!("{IMAGE}:v1")));
    assert!(user.haloy("show stable").ok().out.contains(&old));
    let asked = user.haloy(&format!("tag {new} stable")).exits(2);
    assert!(asked.err.contains(&format!("moves from release {old} to {new}")), "{}", asked.err);
    user.haloy("rollback stable").ok();
    assert_eq!(user.answers("default", "/"), ["version v1"]);
    user.haloy(&format!("tag {new} stable --yes")).ok();
    assert_eq!(image(&format!("{}:stable", user.app)), image(&format!("{IMAGE}:v2")));
    assert!(user.haloy("tag").ok().out.contains("stable"));
    user.haloy("tag --remove stable").ok();
    assert!(!user.tags().contains(&"stable".to_owned()));
    user.haloy("tag --remove stable").exits(2);
    user.haloy("tag nowhere x").exits(2);
    user.haloy("tag ~1 before").ok();
    assert!(user.haloy("show before").ok().out.contains(&new), "{old} runs");
    let moves = user.haloy("events --kind ReleaseTagged --json").ok().json();
    assert_eq!(moves["data"][1]["payload"]["before"], old.as_str());
}

#[test]
fn a_name_reaches_the_registry_without_moving_a_layer() {
    if !engine() {
        return;
    }
    let user = User::new("pushtag");
    let Some(registry) = Registry::open(&user) else { return };
    let image = registry.push("v1", "v1");
    let text = format!("name: {}\nimage: {image}\n", user.app);
    std::fs::write(user.folder.path().join("haloy.yaml"), text).expect("written");
    let id = user.haloy("deploy -o id").ok().out.trim().to_owned();
    user.haloy(&format!("tag {id} v2.6 --push")).ok();
    let name = format!("{}/org/app:v2.6", registry.address);
    docker(&["pull", "-q", &name]);
    let digests = docker(&["inspect", "-f", "{{.RepoDigests}}", &name]);
    let history = user.haloy("history --json").ok().json();
    assert!(digests.contains(history["data"][0]["digest"].as_str().expect("a digest")), "{digests}");
    docker(&["rmi", &name]);
    // A registry deletes by digest: the release's first tag would go, too.
    let shared = user.haloy("tag --remove v2.6 --push").exits(1);
    assert!(shared.out.contains("which would go as well: v1"), "{}", shared.out);
    drop(registry);
    let failed = user.haloy(&format!("tag {id} v2.7 --push")).exits(1);
    assert!(failed.out.contains("recorded, but not carried out"), "{}", failed.out);
    user.haloy("rollback v2.7").exits(11);
    user.haloy("deploy").exits(3);
}

#[test]
fn pins_and_holds_outlast_the_count_and_a_lower_count_is_asked_about() {
    if !engine() {
        return;
    }
    let user = User::new("held");
    let history = |count: u16| format!("history: {{strategy: local, count: {count}}}\n");
    let ids: Vec<String> = ["v1", "v2", "v3"].iter().map(|v| user.deploy(v, &history(3))).collect();
    user.haloy(&format!("tag {} --pin", ids[0])).ok();
    user.haloy(&format!("hold {}", ids[1])).exits(2);
    user.run(user.command(&format!("hold {} -m", ids[1])).arg("incident 4711")).ok();
    assert!(user.haloy("hold").ok().out.contains("incident 4711"));
    user.deploy("v4", &history(3));
    let what_if = user.haloy("retention what-if --count 1 --json").ok().json();
    let drops: Vec<&str> = what_if["data"][0]["drops"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|row| row["release"].as_str())
        .collect();
    assert_eq!(drops, [ids[2].as_str()]);
    user.config("v1", &history(1));
    let asked = user.haloy("deploy").exits(2);
    assert!(asked.err.contains("`count` goes from 3 to 1") && asked.err.contains(&ids[2]), "{}", asked.err);
    user.haloy("deploy --yes").ok();
    assert!(!user.tags().contains(&ids[2]), "what-if said so");
    assert!(user.tags().contains(&ids[0]) && user.tags().contains(&ids[1]), "pinned and held");
    let prune = user.haloy("prune").ok().out;
    assert!(prune.contains("hold of") && prune.contains("incident 4711"), "{prune}");
    user.haloy(&format!("hold --release {}", ids[1])).ok();
    user.haloy(&format!("tag {} --unpin", ids[0])).ok();
    let prune = user.haloy("prune").ok().out;
    assert!(prune.contains("GIVES BACK") && prune.contains("in all"), "{prune}");
    user.haloy("prune --apply").ok();
    assert!(!user.tags().contains(&ids[0]) && !user.tags().contains(&ids[1]));
}

#[test]
fn what_if_names_the_rollbacks_of_the_past_that_would_have_failed() {
    if !engine() {
        return;
    }
    let user = User::new("whatif");
    let ids: Vec<String> = ["v1", "v2", "v3"].iter().map(|version| user.deploy(version, "")).collect();
    user.haloy(&format!("rollback {}", ids[0])).ok();
    let past = |count: u16| {
        let answer = user.haloy(&format!("retention what-if --count {count} --json")).ok().json();
        answer["data"][0]["past"][0]["possible"].clone()
    };
    assert_eq!((past(1), past(2)), (false.into(), true.into()));
    let text = user.haloy("retention what-if --count 1").ok().out;
    assert!(text.contains("would have failed: 1 of 1"), "{text}");
    let none = user.haloy("retention what-if --count 1 --over 0s --json").ok().json();
    assert_eq!(none["data"][0]["past"], serde_json::json!([]));
}
