//! Secret providers: the programs of the user, and messages about them. No value is in any output or file.

use crate::harness::*;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

const CANARY: &str = "canary-7hq2";

const SHOP: &str = r#"name: shop
image: registry.example/shop:v1
secret_providers:
  sops:
    app: {file: secrets/app.yaml}
    env: {file: secrets/app.env}
  onepassword:
    db: {account: acme, vault: Live, item: Shop DB}
env:
  - {name: PASSWORD, from: {secret: "sops:app:database.password"}}
  - {name: FIRST, from: {secret: "sops:app:hosts.0"}}
  - {name: DOTENV, from: {secret: "sops:env:KEY"}}
  - {name: OP, from: {secret: "onepassword:db:password"}}
  - {name: URL, value: "postgres://shop:${PASSWORD}@${FIRST}/shop"}
"#;

/// Written by sops 3.13.3 for a file of another key.
const NO_KEY: &str = "Failed to get the data key required to decrypt the SOPS file.

Group 0: FAILED
  age15mnj2g5jezj48lg6tawwys0f8r3fqjq8djdrdsta9nyyg7s0a92qlnzmnk: FAILED
    - | failed to create reader for decrypting sops data key with
      | age: identity did not match any of the recipients: incorrect
      | identity for recipient block. Did not find keys in locations
      | 'SOPS_AGE_SSH_PRIVATE_KEY_FILE',
      | 'SOPS_AGE_SSH_PRIVATE_KEY_CMD', '/root/.ssh/id_ed25519',
      | '/root/.ssh/id_rsa', 'SOPS_AGE_KEY', and 'SOPS_AGE_KEY_CMD'.

Recovery failed because no master key was able to decrypt the file. In
order for SOPS to recover the file, at least one key has to be successful,
but none were.
";

/// A machine with `sops` and `op` of this kind.
fn with(sops: &str, op: &str) -> Scenario {
    let mut scenario = Scenario::with(SHOP);
    programs(&mut scenario, sops, op);
    scenario.file("secrets/app.yaml", "sops: encrypted\n");
    scenario.file("secrets/app.env", "sops_version=3.13.3\n");
    scenario
}

fn programs(scenario: &mut Scenario, sops: &str, op: &str) {
    for (name, lines) in [("bin/sops", sops), ("bin/op", op)] {
        scenario.file(name, format!("#!/bin/sh\n{lines}"));
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(scenario.path(name), mode).expect("executable");
    }
    let path = format!("{}:/usr/bin:/bin", scenario.path("bin").display());
    scenario.set("PATH", &path);
}

/// Notes how it was called, whether it has input, and answers.
fn sops(value: &str) -> String {
    format!(
        "echo \"sops $* $(cat | wc -c)\" >> calls\ncase $5 in\n\
         yaml) printf 'database: {{password: {value}-sops}}\\nhosts: [{value}-host]\\n' ;;\n\
         dotenv) echo 'KEY=\"{value}-dotenv\"' ;;\nesac\n"
    )
}

fn op(value: &str) -> String {
    format!(
        "echo \"op $* $(cat | wc -c)\" >> calls\n\
         echo '{{\"fields\": [{{\"label\": \"username\"}}, {{\"label\": \"password\", \"value\": \"{value}-op\"}}]}}'\n"
    )
}

/// Runs a command, and looks for values in its output.
fn haloy(scenario: &mut Scenario, line: &str) -> Ran {
    let ran = scenario.haloy(line);
    assert!(!ran.out.contains("canary") && !ran.err.contains("canary"), "{line}: {}{}", ran.out, ran.err);
    ran
}

#[test]
fn values_come_from_programs_and_each_source_is_asked_once() {
    let mut scenario = with(&sops(&format!("{CANARY}-1")), &op(&format!("{CANARY}-1")));
    haloy(&mut scenario, "validate-config --show-resolved");
    std::fs::remove_file(scenario.path("calls")).expect("they were called");
    haloy(&mut scenario, "deploy");
    let calls = std::fs::read_to_string(scenario.path("calls")).expect("they were called");
    let folder = scenario.path("secrets").canonicalize().expect("a folder").display().to_string();
    let calls: Vec<String> = calls.lines().map(|line| line.replace(&folder, "F")).collect();
    let expected = [
        "sops decrypt --input-type yaml --output-type yaml F/app.yaml 0",
        "sops decrypt --input-type dotenv --output-type dotenv F/app.env 0",
        "op item get Shop DB --vault Live --format json --account acme 0",
    ];
    assert_eq!(calls, expected);
    scenario.note("other values, and another version");
    programs(&mut scenario, &sops(&format!("{CANARY}-2")), &op(&format!("{CANARY}-2")));
    scenario.config(&SHOP.replace("shop:v1", "shop:v2"));
    haloy(&mut scenario, "deploy -q");
    haloy(&mut scenario, "rollback -q");
    scenario.note("sources that cannot be asked, or are named no more");
    programs(&mut scenario, "echo locked >&2\nexit 3\n", &op(&format!("{CANARY}-2")));
    scenario.config(&SHOP.replace("shop:v1", "shop:v2").replace("    db: {", "    other: {"));
    let ids = scenario.silently("rollback-targets -o id").ids();
    haloy(&mut scenario, &format!("rollback {} --secrets fresh", ids[0]));
    haloy(&mut scenario, &format!("rollback {}", ids[0]));
    let ids = scenario.silently("rollback-targets -o id").ids();
    haloy(&mut scenario, &format!("rollback {} --secrets recorded -q", ids[0]));
    for line in ["events -o ndjson", "history --json", "status --json", "verify -q"] {
        let ran = scenario.silently(line);
        assert!(ran.code == 0 && !ran.out.contains("canary"), "{line}: {}", ran.out);
    }
    let mut folders = vec![scenario.path("ledger")];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = std::fs::read(&path).expect("read");
                let found = bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes());
                assert!(!found, "{}", path.display());
            }
        }
    }
    scenario.end("secret_providers");
}

#[test]
fn what_goes_wrong_with_them_is_told_without_values() {
    let good = sops(CANARY);
    let mut scenario = with(&good, &op(CANARY));
    let echoes = "echo 'password: canary-7hq2-sops'\necho one >&2\necho two >&2\necho three >&2\n\
                  echo \"bad: 'canary-7hq2-sops'\" >&2\necho \"key $SOPS_AGE_KEY\" >&2\nexit 128\n";
    scenario.set("SOPS_AGE_KEY", "canary-of-the-environment");
    for (about, lines) in [
        ("it fails, and repeats what it should not", echoes),
        ("it says nothing", "exit 1\n"),
        ("it is ended", "kill -9 $$\n"),
        ("what it writes is not what was asked for", "echo \"a: [canary-7hq2\"\n"),
        ("it writes bytes", "printf '\\377canary-7hq2'\n"),
        ("it writes without end", "yes canary-7hq2\n"),
        ("a key has a dot", "echo 'database.password: canary-7hq2'\n"),
    ] {
        scenario.note(about);
        programs(&mut scenario, lines, &op(CANARY));
        haloy(&mut scenario, "validate-config");
    }
    scenario.note("op fails as well");
    programs(&mut scenario, &good, "echo '[ERROR] you are not signed in: canary-7hq2-host' >&2\nexit 1\n");
    haloy(&mut scenario, "deploy");
    scenario.note("keys that are not there, and one without a value");
    programs(&mut scenario, &good, &op(CANARY));
    let other = SHOP.replace("database.password", "database.pasword").replace("db:password", "db:username");
    scenario.config(&other);
    haloy(&mut scenario, "validate-config");
    scenario.note("what the file itself has wrong");
    let references = ["vault:a:b", "sops:app", "sops:ap:database.password", "onepassword:app:x"];
    let env: Vec<String> = references
        .iter()
        .enumerate()
        .map(|(n, reference)| format!("{{name: V{n}, from: {{secret: '{reference}'}}}}"))
        .collect();
    let head = SHOP.split("env:\n").next().expect("its beginning").to_owned();
    scenario.config(&format!("{head}env: [{}]\n", env.join(", ")));
    haloy(&mut scenario, "validate-config");
    scenario.config("name: shop\nimage: x\nsecret_providers: {sops: {a: {fil: x}, b: {file: x.ini}}, onepassword: {c: {vault: v}}, vault: {}}\n");
    haloy(&mut scenario, "validate-config");
    scenario.note("a file in clear");
    scenario.file("secrets/app.yaml", "database:\n  password: canary-7hq2\n");
    scenario.config(SHOP);
    haloy(&mut scenario, "validate-config");
    scenario.file("secrets/app.yaml", "sops: encrypted\n");
    scenario.note("no key opens it, in the words of sops 3.13");
    programs(&mut scenario, &format!("cat >&2 <<'EOF'\n{NO_KEY}EOF\nexit 128\n"), &op(CANARY));
    haloy(&mut scenario, "validate-config");
    scenario.note("no file, no program");
    scenario.config(&SHOP.replace("app.yaml", "none.yaml"));
    scenario.set("PATH", "/nowhere");
    haloy(&mut scenario, "validate-config");
    scenario.note("JSON, in its own spelling, and in a folder of its own");
    programs(&mut scenario, &good, &op(CANARY));
    let json = r#"{"name": "shop", "image": "registry.example/shop:v1",
        "secretProviders": {"sops": {"app": {"file": "../secrets/app.yaml", "format": "yaml"}}},
        "env": [{"name": "A", "from": {"secret": "sops:app:hosts.0"}}]}"#;
    scenario.file("other/haloy.json", json);
    haloy(&mut scenario, "validate-config -c other");
    scenario.end("secret_providers_wrong");
}

#[test]
fn who_keeps_haloy_waiting_is_named_and_a_signal_ends_it_with_what_it_started() {
    let good = sops(CANARY);
    let mut scenario = with(&good, &op(CANARY));
    programs(&mut scenario, &good, &format!("sleep 4\n{}", op(CANARY)));
    let slow = scenario.silently("validate-config");
    assert!(slow.code == 0 && slow.err.contains("waiting for op (source db) ("), "{}", slow.err);
    programs(&mut scenario, &good, "echo $$ > started\nsleep 60\n");
    let mut command = scenario.command(&words("deploy -q"));
    let running = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("haloy runs");
    let began = std::time::Instant::now();
    while std::fs::read_to_string(scenario.path("started")).map_or(true, |text| text.trim().is_empty()) {
        assert!(began.elapsed().as_secs() < 20, "op is not started");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let kill = |signal: &str, process: &str| {
        let sent = Command::new("kill").args([signal, process]).stderr(Stdio::null()).status();
        sent.expect("kill").success()
    };
    assert!(kill("-INT", &running.id().to_string()));
    let ended = Ran::of(&running.wait_with_output().expect("it ends"));
    assert!(ended.code == 130 && ended.err.contains("nothing was done"), "{} {}", ended.code, ended.err);
    let op_process = std::fs::read_to_string(scenario.path("started")).expect("a number");
    assert!(!kill("-0", op_process.trim()), "op goes on");
    assert!(scenario.silently("events -o id").out.is_empty(), "nothing was recorded");
}
