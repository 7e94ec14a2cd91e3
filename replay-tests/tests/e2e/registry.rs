//! Images from a real registry: strategy `local` pulls from one, strategy `registry` rolls back from one.

use crate::harness::*;
use crate::registries::*;

/// A configuration with strategy `registry`.
fn configured(user: &User, image: &str, more: &str) {
    let (repository, tag) = image.rsplit_once(':').expect("a tag");
    let text = format!(
        "name: {}\nimage:\n  repository: {repository}\n  tag: {tag}\n  history: {{strategy: registry, count: 5, pattern: \"v*\"}}\n{more}",
        user.app
    );
    std::fs::write(user.folder.path().join("haloy.yaml"), text).expect("written");
}

fn deploy(user: &User, image: &str) -> String {
    configured(user, image, "");
    user.haloy("deploy -o id").ok().out.trim().to_owned()
}

/// What the engine knows of a registry: names by tag and by digest.
fn forget_images(registry: &Registry) {
    let repository = format!("{}/org/app", registry.address);
    let list = docker(&["images", "--digests", "--format", "{{.Repository}}@{{.Digest}}", &repository]);
    for image in list.lines() {
        docker(&["rmi", "-f", image]);
    }
}

#[test]
fn pulled_by_digest_and_rolled_back_to_while_the_registry_is_down() {
    if !engine() {
        return;
    }
    let user = User::new("registry");
    let Some(registry) = Registry::open(&user) else { return };
    let image = registry.push("v1", "stable");
    let deploy = || {
        let text = format!("name: {}\nimage: {image}\n", user.app);
        std::fs::write(user.folder.path().join("haloy.yaml"), text).expect("written");
        user.haloy("deploy")
    };
    deploy().ok();
    // The tag moves: the next deploy takes what it points at now.
    registry.push("v2", "stable");
    deploy().ok();
    assert_eq!(user.answers("default", "/"), ["version v2"]);
    let history = user.haloy("history --json").ok().json();
    let digests: Vec<_> =
        (0..2).map(|row| history["data"][row]["digest"].as_str().expect("a digest")).collect();
    assert!(digests[0].starts_with("sha256:") && digests[0] != digests[1], "{digests:?}");
    let missing = format!("name: {}\nimage: {}/org/app:nowhere\n", user.app, registry.address);
    std::fs::write(user.folder.path().join("haloy.yaml"), missing).expect("written");
    let failed = user.haloy("deploy").exits(3);
    assert!(failed.out.contains("nowhere"), "{}", failed.out);
    drop(registry);
    user.haloy("rollback").ok();
    assert_eq!(user.answers("default", "/"), ["version v1"]);
}

#[test]
fn the_workflow_of_the_seed_on_an_engine_that_keeps_the_current_release_only() {
    if !engine() {
        return;
    }
    let user = User::new("seed-registry");
    let Some(registry) = Registry::open(&user) else { return };
    let versions = [("v1", "v2.5.1"), ("v2", "v2.6.0"), ("v3", "v2.7.0")];
    let ids: Vec<String> =
        versions.iter().map(|(version, tag)| deploy(&user, &registry.push(version, tag))).collect();
    assert_eq!(user.tags(), [ids[2].as_str()], "the host keeps the current release only");
    let list = user.haloy("rollback-targets").ok().out;
    for (_, tag) in versions {
        assert!(list.contains(tag), "{list}");
    }
    assert!(list.contains("registry, keeps 5"), "{list}");
    forget_images(&registry);
    user.haloy(&format!("rollback {}", ids[1])).ok();
    assert_eq!(user.answers("default", "/"), ["version v2"]);
    let targets = user.haloy("rollback-targets --json").ok().json();
    let verdicts: Vec<_> = (0..3).map(|row| targets["data"][0]["releases"][row]["verdict"].clone()).collect();
    assert_eq!(verdicts, ["ready", "current", "ready"]);
}

#[test]
fn a_tag_that_was_overwritten_is_told_and_the_old_digest_runs() {
    if !engine() {
        return;
    }
    let user = User::new("moved");
    let Some(registry) = Registry::open(&user) else { return };
    let old = deploy(&user, &registry.push("v1", "v1.0"));
    deploy(&user, &registry.push("v2", "v1.1"));
    registry.push("v3", "v1.0");
    forget_images(&registry);
    let ran = user.haloy("rollback").ok();
    assert!(ran.err.contains("v1.0 moved"), "{}", ran.err);
    assert_eq!(user.answers("default", "/"), ["version v1"], "the digest wins over the tag");
    let moved = user.haloy("events --kind TagMoved --json").ok().json();
    assert_eq!(moved["data"].as_array().map(Vec::len), Some(1));
    assert_eq!(moved["data"][0]["payload"]["rel"], old.as_str());
    let list = user.haloy("rollback-targets").ok().out;
    assert!(list.contains("tag moved to"), "{list}");
}

#[test]
fn a_registry_that_is_down_matters_only_for_what_the_host_dropped() {
    if !engine() {
        return;
    }
    let user = User::new("down");
    let Some(mut registry) = Registry::open(&user) else { return };
    let old = deploy(&user, &registry.push("v1", "v1"));
    let new = deploy(&user, &registry.push("v2", "v2"));
    // The digest was fetched by hand: the host has it, without a name of ours.
    let history = user.haloy("history --json").ok().json();
    let digest = history["data"][1]["digest"].as_str().expect("a digest").to_owned();
    let name = format!("{}/org/app@{digest}", registry.address);
    docker(&["pull", "-q", &name]);
    registry.stop();
    let ran = user.haloy("rollback").ok();
    assert!(ran.err.contains("connection refused") || ran.err.contains("Connection refused"), "{}", ran.err);
    assert_eq!(user.answers("default", "/"), ["version v1"]);
    registry.start_again();
    user.haloy(&format!("rollback {new}")).ok();
    assert_eq!(user.answers("default", "/"), ["version v2"]);
    registry.stop();
    forget_images(&registry);
    let refused = user.haloy(&format!("rollback {old}")).exits(11);
    assert!(refused.out.contains("rollback-targets --check"), "{}", refused.out);
    assert_eq!(user.answers("default", "/"), ["version v2"], "what runs is untouched");
    let events = user.haloy("events --kind RegistryUnreachable --json").ok().json();
    assert!(events["data"].as_array().is_some_and(|events| !events.is_empty()));
    let list = user.haloy("rollback-targets").ok().out;
    assert!(list.contains("registry did not answer"), "{list}");
}

#[test]
fn an_image_that_the_registry_lost_is_found_by_a_check_and_refused() {
    if !engine() {
        return;
    }
    let user = User::new("lost");
    let Some(mut registry) = Registry::open(&user) else { return };
    let old = deploy(&user, &registry.push("v1", "v1"));
    deploy(&user, &registry.push("v2", "v2"));
    registry.lose();
    forget_images(&registry);
    // Before anybody looks, the record says what was last known; looking changes it.
    assert!(user.haloy("rollback-targets").ok().out.contains("ready"));
    let checked = user.haloy("rollback-targets --check --explain").ok();
    assert!(
        checked.out.contains("not restorable: lost") && checked.out.contains("last looked for"),
        "{}",
        checked.out
    );
    let refused = user.haloy(&format!("rollback {old}")).exits(11);
    assert!(refused.err.contains("lost") && refused.err.contains("--check"), "{}", refused.err);
    // Pushed again it is there again: the same bytes have the same digest.
    registry.push("v1", "v1");
    user.haloy(&format!("rollback {old}")).ok();
    assert_eq!(user.answers("default", "/"), ["version v1"]);
}

#[test]
fn with_password_and_certificate_of_an_own_authority() {
    if !engine() {
        return;
    }
    let user = User::new("closed");
    let Some(registry) = Registry::closed(&user) else { return };
    let image = registry.push("v1", "v1");
    let login = "env:\n  - {name: A, value: b}\n";
    let auth = |password: &str| {
        format!("  registry: {{username: {{value: ci}}, password: {{from: {{env: {password}}}}}}}\n{login}")
    };
    let certs = user.folder.path().join("certs.d");
    let run = |line: &str| {
        let mut command = user.command(line);
        command.env("HALOY_REGISTRY_CERTS", &certs).env("GOOD", PASSWORD).env("BAD", "wrong-pass-word");
        user.run(&mut command)
    };
    configured(&user, &image, &auth("GOOD"));
    run("deploy").ok();
    assert_eq!(user.answers("default", "/"), ["version v1"]);
    configured(&user, &image, &auth("BAD"));
    let wrong = run("deploy").exits(3);
    assert!(wrong.out.contains("refuses the password of user `ci`"), "{}", wrong.out);
    assert!(!format!("{}{}", wrong.out, wrong.err).contains("wrong-pass-word"));
    configured(&user, &image, "");
    let none = run("deploy").exits(3);
    assert!(none.out.contains("asks for credentials") && none.out.contains("docker login"), "{}", none.out);
    configured(&user, &image.replace("org/app", "org/other"), &auth("GOOD"));
    let unknown = run("deploy").exits(3);
    assert!(unknown.out.contains("org/other:v1 is not in registry"), "{}", unknown.out);
    configured(&user, &image.replace(":v1", ":v9"), &auth("GOOD"));
    let missing = run("deploy").exits(3);
    assert!(missing.out.contains("org/app:v9 is not in registry"), "{}", missing.out);
    assert!(missing.out.contains("there is v1"), "{}", missing.out);
    // Without the authority no certificate is trusted.
    let name = certs.join(&registry.address).join("ca.crt");
    std::fs::write(&name, std::fs::read(user.folder.path().join("registry-closed/tls.crt")).expect("there"))
        .expect("written");
    configured(&user, &image, &auth("GOOD"));
    let untrusted = run("deploy").exits(3);
    assert!(untrusted.out.contains("certs.d"), "{}", untrusted.out);
    // The password is in the vault, encrypted, and nowhere else.
    for entry in files(&user.folder.path().join("ledger")) {
        let bytes = std::fs::read(&entry).expect("readable");
        assert!(!contains(&bytes, PASSWORD.as_bytes()), "{} holds the password", entry.display());
    }
    for id in user.containers("default") {
        assert!(!docker(&["inspect", &id]).contains(PASSWORD), "a container knows the password");
    }
    for line in ["events --json", "history --json", "show ~1", "rollback-targets --explain --json"] {
        let ran = run(line);
        assert!(!format!("{}{}", ran.out, ran.err).contains(PASSWORD), "{line} shows the password");
    }
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

fn files(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn credentials_that_docker_login_left_are_used() {
    if !engine() {
        return;
    }
    let user = User::new("stored");
    let Some(registry) = Registry::closed(&user) else { return };
    let image = registry.push("v1", "v1");
    configured(&user, &image, "");
    let mut command = user.command("deploy");
    // The folder that `docker --config` wrote when the image was pushed.
    command
        .env("HALOY_REGISTRY_CERTS", user.folder.path().join("certs.d"))
        .env("DOCKER_CONFIG", user.folder.path().join("registry-closed/docker"));
    user.run(&mut command).ok();
    assert_eq!(user.answers("default", "/"), ["version v1"]);
}

#[test]
fn broken_answers_have_their_own_errors_and_passing_ones_pass() {
    if !engine() {
        return;
    }
    let user = User::new("faults");
    let Some(registry) = Registry::open(&user) else { return };
    registry.push("v1", "v1");
    let proxy = Proxy::before(&registry, Fault::SlowDown(2));
    let image = format!("{}/org/app:v1", proxy.address);
    let run = |line: &str| user.run(user.command(line).env("HALOY_REGISTRY_TIMEOUT", "1"));
    configured(&user, &image, "");
    run("deploy").ok();
    assert_eq!(user.answers("default", "/"), ["version v1"]);
    let attempts = user.haloy("events --kind EffectAttemptFailed --json").ok();
    assert!(attempts.out.contains("asks to slow down (429)"), "{}", attempts.out);
    for (fault, said) in [
        (Fault::Silent, "no answer within 1 s"),
        (Fault::Truncated, "end of file"),
        (Fault::SlowDown(99), "asks to slow down (429), again in 1 s"),
    ] {
        proxy.set(fault);
        let failed = run("deploy").exits(3);
        assert!(failed.out.contains(said), "{fault:?}: {}", failed.out);
        assert_eq!(user.answers("default", "/"), ["version v1"]);
    }
}

#[test]
fn built_here_pushed_and_rolled_back_to_by_the_digest_that_came_back() {
    if !engine() {
        return;
    }
    let user = User::new("pushed");
    let Some(registry) = Registry::open(&user) else { return };
    let write =
        |name: &str, text: &str| std::fs::write(user.folder.path().join(name), text).expect("written");
    write("Dockerfile", &format!("FROM {IMAGE}:v1\nARG V\nENV VERSION=$V\n"));
    for version in ["v1", "v2"] {
        let build =
            format!("  build_config: {{push: registry, args: [{{name: V, value: built-{version}}}]}}\n");
        configured(&user, &format!("{}/org/built:{version}", registry.address), &build);
        user.haloy("deploy").ok();
        assert_eq!(user.answers("default", "/"), [format!("version built-{version}")]);
    }
    let pushed = user.haloy("events --kind ImagePushed --json").ok().json();
    assert_eq!(pushed["data"].as_array().map(Vec::len), Some(2));
    let name = format!("{}/org/built", registry.address);
    for image in docker(&["images", "--digests", "--format", "{{.Repository}}@{{.Digest}}", &name]).lines() {
        docker(&["rmi", "-f", image]);
    }
    user.haloy("rollback").ok();
    assert_eq!(user.answers("default", "/"), ["version built-v1"]);
}
