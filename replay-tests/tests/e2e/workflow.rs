//! The seed's workflow, retention, and what is restorable.

use crate::harness::*;

/// Ids that `rollback-targets -o id` lists: newest first, without the current one.
fn targets(user: &User, more: &str) -> Vec<String> {
    let out = user.haloy(&format!("rollback-targets -o id {more}")).ok().out;
    out.lines().map(str::to_owned).collect()
}

#[test]
fn deploy_three_times_list_and_roll_back() {
    if !engine() {
        return;
    }
    let user = User::new("seed");
    let v1 = user.deploy("v1", "");
    let v2 = user.deploy("v2", "");
    let v3 = user.deploy("v3", "");
    assert_eq!(user.answers("default", "/"), ["version v3"]);
    assert_eq!(targets(&user, ""), [v2.clone(), v1.clone()]);
    let table = user.haloy("rollback-targets").ok().out;
    assert!(table.contains(&v3) && table.contains("current") && table.contains("default"), "{table}");

    user.haloy(&format!("rollback dep_{v2}")).ok();
    assert_eq!(user.answers("default", "/"), ["version v2"]);
    assert_eq!(user.containers("default").len(), 1, "nothing of the left release stays");
    // Rolling back twice goes further back, never forward into the fault.
    user.haloy("rollback -m again").ok();
    assert_eq!(user.answers("default", "/"), ["version v1"]);
    user.haloy("rollback").exits(11);
    let listed = targets(&user, "");
    assert!(listed.contains(&v3) && listed.contains(&v2), "what was left stays restorable: {listed:?}");
    user.haloy(&format!("rollback {}", &v3[..20])).ok();
    assert_eq!(user.answers("default", "/"), ["version v3"]);
    user.haloy("replay").ok();
}

#[test]
fn refusals_name_their_cause_and_change_nothing() {
    if !engine() {
        return;
    }
    let user = User::new("refuse");
    let v1 = user.deploy("v1", "");
    let current = user.haloy(&format!("rollback {v1}")).exits(11);
    assert!(current.err.contains("is the current one"), "{}", current.err);
    let unknown = user.haloy("rollback 01zzzz").exits(11);
    assert!(unknown.err.contains("no deployment `01zzzz`"), "{}", unknown.err);
    let none = user.haloy("rollback").exits(11);
    assert!(none.err.contains("no earlier good release"), "{}", none.err);
    assert_eq!(user.answers("default", "/"), ["version v1"]);
}

#[test]
fn count_two_over_six_deployments_keeps_exactly_the_right_tags() {
    if !engine() {
        return;
    }
    let user = User::new("count");
    let history = "history: {strategy: local, count: 2}\n";
    let mut releases = Vec::new();
    for version in ["v1", "v2", "v3", "v4", "v1", "v2"] {
        releases.push(user.deploy(version, history));
    }
    let mut kept = releases[3..].to_vec();
    kept.sort();
    assert_eq!(user.tags(), kept, "the current one and two earlier ones");
    let explained = user.haloy("rollback-targets --explain").ok().out;
    assert!(explained.contains("beyond count 2"), "{explained}");
    user.haloy(&format!("rollback {}", releases[0])).exits(11);
    // A failed deployment neither uses up a place nor evicts a good one.
    user.config("v3", &format!("{history}env: [{{name: STATUS, value: \"503\"}}]\n"));
    user.haloy("deploy").exits(3);
    assert_eq!(user.tags(), kept);
}

#[test]
fn a_rollback_restores_env_and_replicas() {
    if !engine() {
        return;
    }
    let user = User::new("restore");
    user.deploy("v1", "replicas: 2\nenv: [{name: GREETING, value: hello}]\n");
    user.deploy("v2", "replicas: 1\nenv: [{name: GREETING, value: goodbye}]\n");
    assert_eq!(user.answers("default", "/env/GREETING"), ["goodbye"]);
    user.haloy("rollback").ok();
    assert_eq!(user.answers("default", "/env/GREETING"), ["hello", "hello"]);
}

#[test]
fn two_targets_of_one_app_roll_back_independently() {
    if !engine() {
        return;
    }
    let user = User::new("targets");
    let both =
        "targets:\n  production: {server: prod.example.com}\n  staging: {server: staging.example.com}\n";
    user.config("v1", both);
    user.haloy("deploy --all").ok();
    user.config("v2", both);
    user.haloy("deploy --target production,staging").ok();
    user.haloy("rollback --target production").ok();
    assert_eq!(user.answers("production", "/"), ["version v1"]);
    assert_eq!(user.answers("staging", "/"), ["version v2"]);
    let refused = user.run(user.command("deploy --all").env("HALOY_HERE", "0")).exits(2);
    assert!(refused.err.contains("prod.example.com") && refused.err.contains("--here"), "{}", refused.err);
}

#[test]
fn two_ledgers_on_one_engine_leave_each_other_alone() {
    if !engine() {
        return;
    }
    let (one, mut two) = (User::new("ledgers"), User::new("ledgers"));
    two.app = one.app.clone();
    one.deploy("v1", "");
    let of_one = one.containers("default");
    two.deploy("v2", "");
    two.haloy("stop --remove").ok();
    assert_eq!(one.containers("default"), of_one, "the other ledger's container is untouched");
    assert_eq!(one.answers("default", "/"), ["version v1"]);
}

#[test]
fn an_image_deleted_by_hand_is_explained() {
    if !engine() {
        return;
    }
    let user = User::new("lost");
    let v1 = user.deploy("v1", "");
    // An image without any other name: it is removed with its last one.
    let own = format!("{}-own:1", user.app);
    own_image(&user, &own);
    let text = format!("name: {}\nimage: {own}\n", user.app);
    std::fs::write(user.folder.path().join("haloy.yaml"), text).expect("written");
    let lost = user.haloy("deploy -o id").ok().out.trim().to_owned();
    user.deploy("v2", "");
    // Without its own tag, under another one: it is there, and a rollback restores its tag.
    docker(&["rmi", &format!("{}:{v1}", user.app)]);
    user.haloy(&format!("rollback {v1}")).ok();
    assert_eq!(user.answers("default", "/"), ["version v1"]);
    assert!(user.tags().contains(&v1), "it has its own tag again");
    user.deploy("v2", "");
    let saved = user.folder.path().join("own.tar").display().to_string();
    docker(&["save", "-o", &saved, &own]);
    docker(&["rmi", &own, &format!("{}:{lost}", user.app)]);
    let v1 = lost;
    let refused = user.haloy(&format!("rollback {v1}")).exits(11);
    assert!(refused.err.contains("not restorable: lost"), "{}", refused.err);
    assert_eq!(user.answers("default", "/"), ["version v2"], "the running release is untouched");
    let explained = user.haloy("rollback-targets --explain").ok().out;
    assert!(explained.contains("lost:"), "{explained}");
    // It is found again after it was brought back.
    docker(&["load", "-q", "-i", &saved]);
    docker(&["tag", &own, &format!("{}:{v1}", user.app)]);
    user.haloy(&format!("rollback {v1}")).ok();
    assert_eq!(user.answers("default", "/"), ["version v1"]);
    docker(&["rmi", &own]);
}

/// Builds an image of the test app that exists nowhere else, under one name.
fn own_image(user: &User, name: &str) {
    let folder = user.folder.path().join("own");
    std::fs::create_dir_all(&folder).expect("made");
    let dockerfile = format!("FROM {IMAGE}:v1\nLABEL of={}\n", user.app);
    std::fs::write(folder.join("Dockerfile"), dockerfile).expect("written");
    docker(&["build", "-q", "-t", name, &folder.display().to_string()]);
}

#[test]
fn strategy_none_deploys_and_strategy_registry_says_not_yet() {
    if !engine() {
        return;
    }
    let user = User::new("strategy");
    let none = "history: {strategy: none}\n";
    let v1 = user.deploy("v1", none);
    user.deploy("v2", none);
    assert_eq!(user.tags().len(), 1, "only what runs keeps a tag");
    let refused = user.haloy(&format!("rollback {v1}")).exits(11);
    assert!(refused.err.contains("strategy none"), "{}", refused.err);
    let listed = user.haloy("rollback-targets").ok().out;
    assert!(listed.contains("history strategy is none"), "{listed}");
    user.config("v3", "history: {strategy: registry, pattern: \"v*\"}\n");
    let not_yet = user.haloy("deploy").exits(3);
    assert!(not_yet.out.contains("registry"), "{}", not_yet.out);
    assert_eq!(user.answers("default", "/"), ["version v2"]);
}

#[test]
fn the_same_idempotency_key_deploys_once() {
    if !engine() {
        return;
    }
    let user = User::new("idem");
    user.config("v1", "");
    let first = user.haloy("deploy --idempotency-key k1 -o id").ok().out;
    let again = user.haloy("deploy --idempotency-key k1 -o id").ok().out;
    assert_eq!(first, again);
    user.config("v2", "");
    user.haloy("deploy --idempotency-key k1").exits(9);
    assert_eq!(user.answers("default", "/"), ["version v1"]);
}
