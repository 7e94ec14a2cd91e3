//! A planted value is found nowhere but, encrypted, in the vault.

use crate::harness::*;

const CANARY: &str = "canary-8f3kq9-value";

fn holds(bytes: &[u8], needle: &str) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle.as_bytes())
}

#[test]
fn a_canary_is_in_no_file_no_output_and_no_label() {
    if !engine() {
        return;
    }
    let user = User::new("canary");
    std::fs::write(user.folder.path().join("file.txt"), format!("{CANARY}\n")).expect("written");
    let env = "env:\n  - {name: A, from: {env: CANARY}}\n  - {name: B, from: {file: file.txt}}\n  - {name: C, value: \"x-${A}\"}\n  - {name: LOG, value: \"connecting with ${A}\"}\n";
    let mut said = String::new();
    user.config("v1", env);
    let ran = user.run(user.command("deploy").env("CANARY", CANARY)).ok();
    said += &(ran.out + &ran.err);
    assert_eq!(user.answers("default", "/env/C"), [format!("x-{CANARY}")], "the app does get it");
    // A replica that fails, and whose log contains it.
    user.config("v2", &format!("{env}  - {{name: STATUS, value: \"500\"}}\n"));
    let ran = user.run(user.command("deploy").env("CANARY", CANARY)).exits(3);
    assert!(ran.out.contains("connecting with ***"), "{}", ran.out);
    said += &(ran.out + &ran.err);
    for line in ["events -o ndjson", "history --json", "status --json", "rollback-targets --json"] {
        said += &user.haloy(line).ok().out;
    }
    said += &user.run(user.command("validate-config --show-resolved").env("CANARY", CANARY)).ok().out;
    let encoded = "Y2FuYXJ5LThmM2txOS12YWx1Z";
    assert!(!said.contains(CANARY) && !said.contains(encoded), "{said}");
    for container in user.containers("default") {
        let labels = docker(&["inspect", "-f", "{{json .Config.Labels}}", &container]);
        assert!(!labels.contains(CANARY), "{labels}");
    }
    let all = crate::canaries::files(&user.folder.path().join("ledger"));
    assert!(all.iter().any(|path| path.to_string_lossy().contains("vault")), "the vault is among them");
    for path in all {
        let bytes = std::fs::read(&path).expect("read");
        assert!(!holds(&bytes, CANARY) && !holds(&bytes, encoded), "{}", path.display());
    }
}

#[test]
fn changed_secrets_are_named_and_recorded_ones_can_be_had_back() {
    if !engine() {
        return;
    }
    let user = User::new("changed");
    let env = "env: [{name: PASSWORD, from: {env: PW}}]\n";
    user.config("v1", env);
    user.run(user.command("deploy").env("PW", "first-password")).ok();
    user.config("v2", env);
    user.run(user.command("deploy").env("PW", "second-password")).ok();
    // Not set here: the recorded value is used, and that is reported.
    let ran = user.run(user.command("rollback").env_remove("PW")).ok();
    assert!(ran.err.contains("using recorded values") && ran.err.contains("PASSWORD"), "{}", ran.err);
    assert_eq!(user.answers("default", "/env/PASSWORD"), ["first-password"]);
    let ids = user.haloy("rollback-targets -o id").ok().out;
    let ran = user.run(user.command(&format!("rollback {}", ids.trim())).env("PW", "third-password")).ok();
    assert!(ran.out.contains("PASSWORD"), "{}", ran.out);
    assert_eq!(user.answers("default", "/env/PASSWORD"), ["third-password"]);
}
