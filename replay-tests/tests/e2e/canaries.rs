//! Secrets where foreign text comes in: hooks, builds, health checks, logs, registries, credential helpers.
//! Looked for in every file of the ledger, every output and every label, in clear and in the quotings of
//! others.

use crate::harness::*;
use crate::registries::base64;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};

/// A key in a file, over several lines.
const KEY: &str = "-----BEGIN CANARY-----\ncanary-key-b7Qm0xK9vR2sT5wZ8yL1cN4dF6gH3jP\ncanary-key-Xe8Ua2Vi5Wo9Yq1Sr4Tt7Mb0Nn3Kc6Ll\nshort7x\n-----END CANARY-----";
/// Characters that every quoting writes differently.
const HARD: &str = "canary\"env'5&%+/=é\\$x-9k2";

/// Every file below a folder.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() { all.extend(files(&path)) } else { all.push(path) }
    }
    all
}

/// Files below a folder that hold a text.
pub fn files_with(folder: &Path, needle: &str) -> Vec<PathBuf> {
    let mut files = files(folder);
    files.retain(|path| {
        let bytes = std::fs::read(path).unwrap_or_default();
        bytes.windows(needle.len()).any(|window| window == needle.as_bytes())
    });
    files
}

/// What must be found nowhere of a value: itself, its lines, and how others write it.
fn quoted(value: &str) -> Vec<String> {
    let json = serde_json::to_string(value).expect("JSON");
    let encoded = |before: &str| {
        let text = format!("{before}{value}");
        // Without what also holds bits of its neighbours.
        let (from, to) = ((before.len() * 8).div_ceil(6), text.len() * 8 / 6);
        base64(text.as_bytes())[from..to].to_owned()
    };
    let mut all = vec![
        value.to_owned(),
        json.trim_matches('"').to_owned(),
        format!("{value:?}").trim_matches('"').to_owned(),
    ];
    all.extend(value.lines().map(str::to_owned));
    all.extend(["", "u", "us"].map(encoded));
    all.push(hex::encode(value));
    all.push(value.replace('\'', "'\\''"));
    all.push(value.as_bytes().escape_ascii().to_string());
    all
}

struct Watched {
    user: User,
    said: String,
    values: Vec<String>,
}

impl Watched {
    fn new(name: &str) -> Self {
        Self { user: User::new(name), said: String::new(), values: Vec::new() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.user.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, text).expect("written");
    }

    fn secret(&mut self, name: &'static str, value: &str) {
        self.values.push(value.to_owned());
        self.user.environment.push((name, value.to_owned()));
    }

    /// Runs a command, and keeps its output.
    #[track_caller]
    fn runs(&mut self, line: &str, code: i32) -> String {
        let ran = self.user.haloy(line).exits(code);
        let said = ran.out + &ran.err;
        self.said += &said;
        said
    }

    /// No value is anywhere.
    fn judge(mut self) {
        for line in
            ["events -o ndjson", "history --json", "status --json", "rollback-targets --json", "doctor"]
        {
            let ran = self.user.haloy(line);
            self.said += &(ran.out + &ran.err);
        }
        let ids = self.user.haloy("history --json").ok().json();
        for row in ids["data"].as_array().expect("rows") {
            let id = row["id"].as_str().or(row["deployment"].as_str()).expect("an id");
            self.runs(&format!("show {id}"), 0);
            self.runs(&format!("show {id} --json"), 0);
        }
        let ledger = self.path("ledger");
        let labels: String = (self.user.containers("default").iter())
            .map(|container| docker(&["inspect", "-f", "{{json .Config.Labels}}", container]))
            .collect();
        for value in self.values.iter().flat_map(|value| quoted(value)) {
            assert!(!self.said.contains(&value), "{value:?} in\n{}", self.said);
            assert!(!labels.contains(&value), "{value:?} in {labels}");
            assert_eq!(files_with(&ledger, &value), Vec::<PathBuf>::new(), "{value:?}");
        }
    }
}

#[test]
fn what_hooks_and_logs_and_health_checks_write_shows_no_secret() {
    if !engine() {
        return;
    }
    let mut watched = Watched::new("canary-output");
    watched.secret("CANARY", HARD);
    watched.values.push(KEY.to_owned());
    watched.write("key.pem", &format!("{KEY}\n"));
    let env = "env:\n  - {name: A, from: {env: CANARY}}\n  - {name: B, from: {file: key.pem}}\n  - {name: LOG, value: \"log has ${A} and\\n${B}\"}\n  - {name: COMPLAINT, value: \"check has ${A}\"}\n";
    let hooks = "pre_deploy:\n  - 'echo \"hook has $CANARY\"; cat key.pem; base64 key.pem; printf %s \"x$CANARY\" | base64; od -An -v -tx1 key.pem | tr -d \" \\n\"; printf \"hook has %s\" \"$CANARY\"; sleep 0.1; echo'\n";
    watched.user.config("v1", &format!("{env}{hooks}"));
    watched.runs("deploy", 0);
    let container = watched.user.containers("default").remove(0);
    assert!(docker(&["logs", &container]).contains(HARD), "the app does have it");
    // It answers, and is never well.
    watched.user.config("v1", &format!("{env}  - {{name: STATUS, value: \"500\"}}\n"));
    let said = watched.runs("deploy", 3);
    assert!(said.contains("log has ***"), "{said}");
    // A HEALTHCHECK that says why.
    let dockerfile =
        format!("FROM {IMAGE}:v1\nHEALTHCHECK --interval=1s --retries=1 CMD [\"/app\", \"healthcheck\"]\n");
    watched.write("checked/Dockerfile", &dockerfile);
    let image = format!("{}-checked", watched.user.app);
    docker(&["build", "-q", "-t", &image, &watched.path("checked").display().to_string()]);
    let text =
        format!("name: {}\nimage: {image}\n{env}  - {{name: STATUS, value: \"500\"}}\n", watched.user.app);
    watched.write("haloy.yaml", &text);
    let said = watched.runs("deploy", 3);
    assert!(said.contains("HEALTHCHECK"), "{said}");
    // A hook that fails.
    watched.user.config("v2", &format!("{env}pre_deploy: ['cat key.pem; echo $CANARY; exit 3']\n"));
    watched.runs("deploy", 3);
    watched.judge();
    docker(&["rmi", &image]);
}

#[test]
fn what_a_build_writes_shows_no_build_argument() {
    if !engine() {
        return;
    }
    let mut watched = Watched::new("canary-build");
    watched.secret("CANARY", "canary-of-the-build-5e1f0a");
    let dockerfile = format!("FROM {IMAGE}:v1\nARG TOKEN\nARG CODE\nRUN [\"/app\", \"say\"]\n");
    watched.write("Dockerfile", &dockerfile);
    for (code, exit) in [("0", 0), ("3", 3)] {
        let text = format!(
            "name: {}\nimage:\n  build_config:\n    args:\n      - {{name: TOKEN, from: {{env: CANARY}}}}\n      - {{name: LOG, value: \"build has ${{TOKEN}}\"}}\n      - {{name: CRASH, value: \"{code}\"}}\n",
            watched.user.app
        );
        watched.write("haloy.yaml", &text);
        let dockerfile = format!("FROM {IMAGE}:v1\nARG LOG\nARG CRASH\nRUN [\"/app\"]\n");
        watched.write("Dockerfile", &dockerfile);
        let said = watched.runs("deploy", exit);
        assert!(exit == 0 || said.contains("build has ***"), "{said}");
    }
    watched.judge();
}

/// A registry that knows nothing and repeats what it receives.
pub fn echoing() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("known").to_string();
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let (mut head, mut byte) = (Vec::new(), [0]);
            while !head.ends_with(b"\r\n\r\n") && client.read(&mut byte).is_ok_and(|read| read == 1) {
                head.push(byte[0]);
            }
            let head = String::from_utf8_lossy(&head).into_owned();
            let sent = head.lines().find(|line| line.to_ascii_lowercase().starts_with("authorization:"));
            let (status, more, message) = match sent {
                None => {
                    ("401 Unauthorized", "WWW-Authenticate: Basic realm=\"echo\"\r\n", "log in".to_owned())
                }
                Some(sent) => ("400 Bad Request", "", format!("sentence-of-the-registry about {sent}")),
            };
            let body = serde_json::json!({ "errors": [{ "code": "UNKNOWN", "message": message, "detail": message }] });
            let body = body.to_string();
            let answer = format!(
                "HTTP/1.1 {status}\r\nDocker-Distribution-Api-Version: registry/2.0\r\nContent-Type: application/json\r\n{more}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
            drop(client.write_all(answer.as_bytes()));
        }
    });
    address
}

#[test]
fn what_a_registry_repeats_shows_no_credential() {
    if !engine() {
        return;
    }
    let mut watched = Watched::new("canary-registry");
    watched.secret("CANARY", "canary-of-the-registry-77c1");
    let address = echoing();
    for history in ["strategy: local, count: 3", "strategy: registry, count: 3, pattern: \"v*\""] {
        let text = format!(
            "name: {}\nimage:\n  repository: {address}/org/app\n  tag: v1\n  history: {{{history}}}\n  registry:\n    username: {{value: ci}}\n    password: {{from: {{env: CANARY}}}}\n",
            watched.user.app
        );
        watched.write("haloy.yaml", &text);
        watched.runs("deploy", 3);
    }
    watched.judge();
}

#[test]
fn what_a_credential_helper_gives_is_hidden_like_a_secret_of_the_file() {
    if !engine() {
        return;
    }
    let mut watched = Watched::new("canary-helper");
    let password = "canary-of-the-helper-90b2";
    watched.values.push(password.to_owned());
    let address = echoing();
    let helper = format!(
        "#!/bin/sh\ncat > /dev/null\necho 'the helper says {password}' >&2\necho '{{\"ServerURL\":\"{address}\",\"Username\":\"ci\",\"Secret\":\"{password}\"}}'\n"
    );
    watched.write("bin/docker-credential-canary", &helper);
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(watched.path("bin/docker-credential-canary"), mode).expect("executable");
    watched.write("docker/config.json", &format!("{{\"credHelpers\":{{\"{address}\":\"canary\"}}}}"));
    let path = format!("{}:{}", watched.path("bin").display(), std::env::var("PATH").unwrap_or_default());
    let config = watched.path("docker").display().to_string();
    watched.user.environment.extend([("PATH", path), ("DOCKER_CONFIG", config)]);
    for history in ["strategy: local, count: 3", "strategy: registry, count: 3, pattern: \"v*\""] {
        let text = format!(
            "name: {}\nimage:\n  repository: {address}/org/app\n  tag: v1\n  history: {{{history}}}\n",
            watched.user.app
        );
        watched.write("haloy.yaml", &text);
        let said = watched.runs("deploy", 3);
        assert!(said.contains("sentence-of-the-registry"), "it was sent, and came back: {said}");
    }
    watched.judge();
}

#[test]
fn a_value_that_no_variable_can_have_is_refused_before_anything_is_recorded() {
    if !engine() {
        return;
    }
    let mut watched = Watched::new("refused");
    watched.user.deploy("v1", "");
    let before = watched.user.haloy("events -o ndjson").ok().out;
    for (content, why) in
        [("canary-nul\0value-31\n", "NUL"), (&*"canary-long-31".repeat(9000), "larger than")]
    {
        watched.write("key.bin", content);
        watched.user.config("v2", "env: [{name: KEY, from: {file: key.bin}}]\n");
        let said = watched.runs("deploy", 2);
        assert!(said.contains(why) && said.contains("`KEY`") && said.contains("key.bin"), "{said}");
    }
    // No process can be given as much; a file of variables can hold it.
    watched.write(".env", &format!("LONG={}\n", "canary-env-31".repeat(10_300)));
    for source in ["from: {env: LONG}", "value: \"a\\0b\"", "value: \"${LONG}${LONG}\""] {
        watched
            .user
            .config("v2", &format!("env: [{{name: KEY, {source}}}, {{name: LONG, from: {{env: LONG}}}}]\n"));
        let said = watched.runs("deploy", 2);
        assert!(said.contains("`KEY`") && (said.contains("NUL") || said.contains("bytes")), "{said}");
    }
    assert_eq!(watched.user.haloy("events -o ndjson").ok().out, before, "nothing was recorded");
    watched.values.extend(["canary-nul", "value-31", "canary-long-31", "canary-env-31"].map(str::to_owned));
    watched.judge();
}
