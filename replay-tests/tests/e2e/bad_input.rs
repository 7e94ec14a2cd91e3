//! User mistakes, and the messages about them.

use crate::harness::*;
use std::process::Command;

#[test]
fn mistakes_in_the_file_name_their_place_and_record_nothing() {
    let user = User::new("config");
    let none = user.haloy("deploy").exits(2);
    assert!(none.err.contains("no haloy.yaml") && none.err.contains("hint:"), "{}", none.err);
    for (text, told) in [
        ("name: a\nimage: x\nreplica: 1\n", "did you mean `replicas`?"),
        ("name: [a\n", "haloy.yaml:"),
        ("name: a\nimage: x\nreplicas: many\n", "must be a whole number"),
        ("name: a\nimage: x\nenv: {A: 1}\n", "must be a list"),
    ] {
        std::fs::write(user.folder.path().join("haloy.yaml"), text).expect("written");
        let refused = user.haloy("deploy").exits(2);
        assert!(refused.err.contains(told), "{}", refused.err);
    }
    assert!(!user.folder.path().join("ledger").exists(), "nothing was recorded");
}

#[test]
fn no_docker_is_a_recorded_failure_with_its_cause() {
    let user = User::new("nodocker");
    user.config("v1", "");
    let failed = user.run(user.command("deploy").env("DOCKER_HOST", "unix:///nowhere.sock")).exits(3);
    assert!(failed.out.contains("Docker does not answer at unix:///nowhere.sock"), "{}", failed.out);
    let history = user.haloy("history --json").ok().json();
    assert_eq!(history["data"][0]["ending"], "failed");
    assert_eq!(history["data"][0]["cause"]["code"], "engine_unreachable");
    let doctor = user.run(user.command("doctor").env("DOCKER_HOST", "unix:///nowhere.sock")).exits(1);
    assert!(doctor.out.contains("fix:"), "{}", doctor.out);
}

#[test]
fn no_permission_on_the_socket_says_how_to_get_it() {
    if !engine() || !is_root() {
        return;
    }
    let user = User::new("perm");
    user.config("v1", "");
    // An unprivileged user, who may use the folder and not the socket.
    let folder = user.folder.path().display().to_string();
    let open = Command::new("chmod").args(["-R", "a+rwX", &folder]).status().expect("chmod");
    assert!(open.success());
    let copy = user.folder.path().join("haloy-copy");
    std::fs::copy(binary(), &copy).expect("copied");
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&copy).arg("deploy");
    command.current_dir(user.folder.path());
    command
        .env("HALOY_LEDGER", user.folder.path().join("ledger"))
        .env("HALOY_KEYS", user.folder.path().join("keys"));
    let failed = user.run(&mut command).exits(3);
    assert!(failed.out.contains("may not use Docker's socket"), "{} {}", failed.out, failed.err);
}

pub fn is_root() -> bool {
    let out = Command::new("id").arg("-u").output().expect("id");
    out.stdout.starts_with(b"0")
}

#[test]
fn an_image_that_is_nowhere_fails_and_the_old_one_stays() {
    if !engine() {
        return;
    }
    let user = User::new("noimage");
    user.deploy("v1", "");
    let text = format!(
        "name: {}\nimage: {{repository: haloy-e2e-nowhere, tag: v9, pull_policy: never}}\n",
        user.app
    );
    std::fs::write(user.folder.path().join("haloy.yaml"), text).expect("written");
    let failed = user.haloy("deploy").exits(3);
    assert!(failed.out.contains("haloy-e2e-nowhere:v9 is not on this engine"), "{}", failed.out);
    // A registry that does not answer.
    let text = format!("name: {}\nimage: 127.0.0.1:9/x/y:v1\n", user.app);
    std::fs::write(user.folder.path().join("haloy.yaml"), text).expect("written");
    let failed = user.haloy("deploy").exits(3);
    assert!(failed.out.contains("127.0.0.1:9"), "{}", failed.out);
    assert_eq!(user.answers("default", "/"), ["version v1"]);
}

#[test]
fn an_image_of_another_architecture_is_refused() {
    if !engine() {
        return;
    }
    let user = User::new("arch");
    let tag = format!("haloy-e2e-arch-{}:v1", user.app);
    let context = user.folder.path().join("context");
    std::fs::create_dir(&context).expect("a folder");
    std::fs::write(context.join("Dockerfile"), "FROM scratch\nCOPY Dockerfile /x\n").expect("written");
    docker(&["build", "-q", "--platform", "linux/s390x", "-t", &tag, &context.display().to_string()]);
    let text = format!("name: {}\nimage: {tag}\n", user.app);
    std::fs::write(user.folder.path().join("haloy.yaml"), text).expect("written");
    let failed = user.haloy("deploy");
    docker(&["rmi", &tag]);
    let failed = failed.exits(3);
    assert!(failed.out.contains("s390x"), "{}", failed.out);
}

#[test]
fn a_port_that_nothing_listens_on_is_named() {
    if !engine() {
        return;
    }
    let user = User::new("port");
    user.config("v1", "port: 9999\n");
    let failed = user.haloy("deploy").exits(3);
    assert!(failed.out.contains("9999"), "{}", failed.out);
    assert!(user.containers("default").is_empty());
}

#[test]
fn a_foreign_container_of_the_same_name_is_never_touched() {
    if !engine() {
        return;
    }
    let user = User::new("foreign");
    let foreign = docker(&["run", "-d", "--name", &user.app, &format!("{IMAGE}:v4")]);
    user.config("v1", "deployment_strategy: replace\nnaming_strategy: static\n");
    let failed = user.haloy("deploy");
    let alive = docker(&["inspect", "-f", "{{.State.Running}} {{.Config.Image}}", &foreign]);
    docker(&["rm", "-f", &foreign]);
    let failed = failed.exits(3);
    assert!(failed.out.contains(&user.app) && failed.out.contains("not"), "{}", failed.out);
    assert_eq!(alive, format!("true {IMAGE}:v4"));
}

#[test]
fn a_ledger_that_is_held_is_waited_for_and_named() {
    if !engine() {
        return;
    }
    let user = User::new("held");
    user.config("v1", "env: [{name: START_DELAY_MS, value: \"3000\"}]\n");
    let mut holder = user.command("deploy").spawn().expect("haloy runs");
    std::thread::sleep(std::time::Duration::from_millis(800));
    let held = user.haloy("deploy --wait 0").exits(8);
    assert!(held.err.contains("held by haloy deploy (process"), "{}", held.err);
    assert!(holder.wait().expect("it ends").success());
    user.haloy("status").ok();
}

#[test]
fn a_ledger_that_cannot_be_written_says_so() {
    if !engine() || !is_root() {
        return;
    }
    let user = User::new("readonly");
    user.deploy("v1", "");
    let ledger = user.folder.path().join("ledger").display().to_string();
    let mount =
        |arguments: &[&str]| Command::new("mount").args(arguments).status().is_ok_and(|s| s.success());
    if !(mount(&["--bind", &ledger, &ledger]) && mount(&["-o", "remount,ro,bind", &ledger])) {
        eprintln!("SKIPPED: this machine mounts nothing");
        return;
    }
    let refused = user.haloy("deploy");
    drop(Command::new("umount").arg(&ledger).status());
    let refused = refused.exits(1);
    assert!(refused.err.contains("Read-only") || refused.err.contains("read-only"), "{}", refused.err);
    user.haloy("deploy").ok();
}

#[test]
fn a_full_disk_acknowledges_nothing_and_is_survived() {
    if !engine() || !is_root() {
        return;
    }
    let user = User::new("full");
    let disk = user.folder.path().join("disk");
    std::fs::create_dir(&disk).expect("a folder");
    let at = disk.display().to_string();
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=80m", "tmpfs", &at]).status();
    if !mounted.is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: this machine mounts nothing");
        return;
    }
    let mounted = Mounted(disk.clone());
    let ledger = disk.join("ledger");
    user.config("v1", "");
    let deploy = |line: &str| user.run(user.command(line).env("HALOY_LEDGER", &ledger));
    let first = deploy("deploy");
    let filler = disk.join("filler");
    let filled =
        Command::new("dd").args(["if=/dev/zero", &format!("of={}", filler.display()), "bs=64k"]).output();
    let full = deploy("deploy");
    drop(std::fs::remove_file(&filler));
    let replayed = deploy("replay");
    let after = deploy("deploy");
    let again = deploy("replay");
    drop(mounted);
    assert!(filled.is_ok());
    assert_eq!(first.code, 0, "{}", first.err);
    assert_ne!(full.code, 101);
    assert_ne!(full.code, 0, "a full disk cannot take a deployment: {}", full.out);
    assert_eq!((replayed.code, after.code, again.code), (0, 0, 0), "{} {}", replayed.err, after.err);
}

#[test]
fn every_command_explains_itself_without_config_docker_or_ledger() {
    let user = User::new("help");
    for line in [
        "--help",
        "deploy --help",
        "rollback -h",
        "help exit-codes",
        "exit-codes",
        "completion bash",
        "config schema",
        "--version",
    ] {
        let ran = user.run(user.command(line).env("DOCKER_HOST", "unix:///nowhere")).ok();
        assert!(!ran.out.is_empty(), "{line}");
    }
    let wrong = user.haloy("depoy").exits(2);
    assert!(wrong.err.contains("deploy"), "{}", wrong.err);
    assert!(!user.folder.path().join("ledger").exists());
}

/// What only the engine knows, known before anything is recorded, run or made.
#[test]
fn a_network_that_is_not_there_and_cpus_that_are_not_are_refused_before() {
    if !engine() {
        return;
    }
    let user = User::new("fits");
    let network = format!("{}-net", user.app);
    let hook = "global_pre_deploy: [touch ran]\n";
    for (more, told) in [
        (format!("network: {network}\n"), format!("there is no network `{network}`")),
        ("resources: {cpus: 1000}\n".to_owned(), "`cpus` is 1000, and this engine has".to_owned()),
    ] {
        user.config("v1", &format!("{more}{hook}"));
        for command in ["validate-config", "deploy -y"] {
            let refused = user.haloy(command).exits(2);
            assert!(
                refused.err.contains(&told) && refused.err.contains("hint:"),
                "{command}: {}",
                refused.err
            );
        }
    }
    assert!(!user.folder.path().join("ran").exists(), "no hook was run");
    assert!(!user.folder.path().join("ledger").exists(), "nothing was recorded");
    let known =
        || docker(&["network", "ls", "--format", "{{.Name}}", "--filter", &format!("name={network}")]);
    assert_eq!(known(), "", "none was made");

    docker(&["network", "create", &network]);
    let more = format!("network: {network}\nresources: {{cpus: 1.5, memory: 64m}}\n");
    user.config("v1", &more);
    user.haloy("validate-config").ok();
    user.deploy("v1", &more);
    user.deploy("v2", &more);
    // Removed since: a rollback reports that before it stops anything.
    let ids = user.containers("default");
    for id in &ids {
        docker(&["network", "disconnect", "-f", &network, id]);
    }
    docker(&["network", "rm", &network]);
    let refused = user.haloy("rollback -y").exits(1);
    assert!(refused.err.contains(&format!("docker network create {network}")), "{}", refused.err);
    assert_eq!(user.containers("default"), ids, "what ran still runs");
    assert_eq!(known(), "", "none was made");
    for id in &ids {
        docker(&["rm", "-f", id]);
    }
}
