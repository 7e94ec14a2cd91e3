//! The secret provider `sops`, with the real `sops` and real keys of `age`. Part of `make foreign`.

use crate::harness::*;
use crate::real::{CANARY, nowhere, program, traced, written};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

/// A user with a key.
struct Keyed {
    user: User,
    recipient: String,
}

impl Keyed {
    fn new(name: &str) -> Self {
        let mut user = User::new(name);
        let (folder, bin) = (user.folder.path().to_owned(), user.folder.path().join("bin"));
        for made in [&bin, &folder.join("home"), &folder.join("secrets")] {
            std::fs::create_dir(made).expect("made");
        }
        // Alone in its folder, so that no other program of ours comes before one of the system.
        std::os::unix::fs::symlink(program("sops"), bin.join("sops")).expect("linked");
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
        let recipient = key(&folder.join("key.txt"));
        user.environment.push(("PATH", path));
        // Keys of the user who runs the tests are not looked for.
        user.environment.push(("HOME", folder.join("home").display().to_string()));
        user.environment.push(("SOPS_AGE_KEY_FILE", folder.join("key.txt").display().to_string()));
        Self { user, recipient }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.user.folder.path().join(name)
    }

    /// A file below `secrets`, encrypted as its user would do it.
    fn encrypted(&self, name: &str, kind: &str, clear: &str) {
        let path = self.path("secrets").join(name);
        std::fs::write(&path, clear).expect("written");
        let mut command = Command::new(program("sops"));
        command.args(["encrypt", "--in-place", "--age", &self.recipient]);
        written(command.args(["--input-type", kind, "--output-type", kind]).arg(path));
    }

    /// Writes haloy.yaml with one variable for each reference.
    fn config(&self, sources: &str, references: &[&str]) {
        let env = references.iter().enumerate();
        let env: String = env
            .map(|(number, reference)| {
                format!("  - {{name: V{number}, from: {{secret: \"sops:{reference}\"}}}}\n")
            })
            .collect();
        self.user.config("v1", &format!("secret_providers:\n  sops: {sources}\nenv:\n{env}"));
    }

    /// A command that is refused, with words, before anything is recorded.
    #[track_caller]
    fn refused(&self, about: &str, change: impl Fn(&mut Command), words: &[&str]) {
        for line in ["validate-config", "deploy"] {
            let mut command = self.user.command(line);
            change(&mut command);
            let ran = self.user.run(&mut command).exits(2);
            for word in words {
                assert!(ran.err.contains(word), "{about}: `{word}` is not in\n{}", ran.err);
            }
            assert!(
                !ran.err.contains(CANARY) && !ran.out.contains(CANARY),
                "{about}: {}{}",
                ran.out,
                ran.err
            );
        }
        assert_eq!(self.user.haloy("events -o id").ok().out, "", "{about}: nothing was recorded");
    }
}

/// Makes a key and returns who it can decrypt for.
fn key(path: &std::path::Path) -> String {
    written(Command::new(program("age-keygen")).arg("-o").arg(path));
    written(Command::new(program("age-keygen")).arg("-y").arg(path)).trim().to_owned()
}

const YAML: &str = r#"# a comment
database:
  password: "canary-5wq8 it's \"quoted\" \\ pa$$ ${X} #7 %: "
  hosts: [canary-5wq8.example, {port: "05432"}]
lines: |
  -----BEGIN canary-5wq8-----
   second

  -----END-----
edges: "  canary-5wq8\ntrail  \n\tx\r\nend\n"
unicode: "canary-5wq8 grüße 😀 日本\u00a0\u2028|\u0085\ufeff"
like_json: '{"canary-5wq8": [1, "a"]}'
word: "yes"
"on": "off"
version: "1.10"
pin: "0755"
day: "2024-01-02"
long: "123456789012345678901234"
empty: ""
port: 5432
truth: true
# What sops itself changes, as docs/configuration.md says.
bare_version: 1.10
bare_pin: 0755
bare_day: 2024-01-02
"#;

const JSON: &str = r#"{"database": {"password": "canary-5wq8 \"q\" \\ \u00e9 <&> \ud83d\ude00\nline\ttab"},
 "hosts": ["a", {"port": 5432}], "version": "1.10", "half": 1234567.5, "truth": false, "empty": ""}"#;

const DOTENV: &str = "# a comment\nPLAIN=canary-5wq8 a b # c\nSINGLE='canary-5wq8 pa$$ ${X} #7'\n\
    LINES=\"canary-5wq8\\ntwo\"\n\nexport TOKEN=canary-5wq8-token\nRAW=canary-5wq8\\ntwo\n\
    UNICODE=\"canary-5wq8 grüße 😀\"\nEMPTY=\n";

/// References and the values that a container gets from them.
const ARRIVE: &[(&str, &str)] = &[
    ("yaml:database.password", "canary-5wq8 it's \"quoted\" \\ pa$$ ${X} #7 %: "),
    ("yaml:database.hosts.0", "canary-5wq8.example"),
    ("yaml:database.hosts.1.port", "05432"),
    ("yaml:lines", "-----BEGIN canary-5wq8-----\n second\n\n-----END-----\n"),
    ("yaml:edges", "  canary-5wq8\ntrail  \n\tx\r\nend\n"),
    ("yaml:unicode", "canary-5wq8 grüße 😀 日本\u{a0}\u{2028}|\u{85}\u{feff}"),
    ("yaml:like_json", "{\"canary-5wq8\": [1, \"a\"]}"),
    ("yaml:word", "yes"),
    ("yaml:on", "off"),
    ("yaml:version", "1.10"),
    ("yaml:pin", "0755"),
    ("yaml:day", "2024-01-02"),
    ("yaml:long", "123456789012345678901234"),
    ("yaml:empty", ""),
    ("yaml:port", "5432"),
    ("yaml:truth", "true"),
    ("yaml:bare_version", "1.1"),
    ("yaml:bare_pin", "493"),
    ("yaml:bare_day", "2024-01-02T00:00:00Z"),
    ("json:database.password", "canary-5wq8 \"q\" \\ é <&> 😀\nline\ttab"),
    ("json:hosts.1.port", "5432"),
    ("json:version", "1.10"),
    ("json:half", "1234567.5"),
    ("json:truth", "false"),
    ("json:empty", ""),
    ("env:PLAIN", "canary-5wq8 a b"),
    ("env:SINGLE", "canary-5wq8 pa$$ ${X} #7"),
    ("env:LINES", "canary-5wq8\ntwo"),
    ("env:TOKEN", "canary-5wq8-token"),
    ("env:RAW", "canary-5wq8\\ntwo"),
    ("env:UNICODE", "canary-5wq8 grüße 😀"),
    ("env:EMPTY", ""),
    ("told:pin", "0755"),
    ("capital:pin", "0755"),
];

#[test]
#[ignore = "needs sops: make foreign"]
fn what_sops_encrypted_arrives_in_a_container() {
    if !engine() {
        return;
    }
    let keyed = Keyed::new("sops");
    for (name, kind, clear) in
        [("app.yaml", "yaml", YAML), ("app.json", "json", JSON), (".env", "dotenv", DOTENV)]
    {
        keyed.encrypted(name, kind, clear);
    }
    // Endings that `sops` does not know.
    keyed.encrypted("app", "yaml", YAML);
    keyed.encrypted("APP.YML", "yaml", YAML);
    let references: Vec<&str> = ARRIVE.iter().map(|(reference, _)| *reference).collect();
    keyed.config(
        "{yaml: {file: secrets/app.yaml}, json: {file: secrets/app.json}, env: {file: secrets/.env}, \
         told: {file: secrets/app, format: yaml}, capital: {file: secrets/APP.YML}}",
        &references,
    );
    let checked = keyed.user.haloy("validate-config --show-resolved").ok();
    let (deployed, lines) = traced(&keyed.user, "deploy");
    let deployed = deployed.ok();
    let asked = lines.lines().filter(|line| line.contains("\"decrypt\""));
    assert_eq!(asked.count(), 5, "each source is asked once: {lines}");
    assert!(!lines.contains(CANARY), "{lines}");

    let [container] = &keyed.user.containers("default")[..] else { panic!("one container") };
    let env = docker(&["inspect", "-f", "{{json .Config.Env}}", container]);
    let env: Vec<String> = serde_json::from_str(&env).expect("JSON");
    let env: BTreeMap<&str, &str> = env.iter().filter_map(|entry| entry.split_once('=')).collect();
    for (number, (reference, value)) in ARRIVE.iter().enumerate() {
        assert_eq!(env.get(format!("V{number}").as_str()), Some(value), "{reference}");
    }
    assert_eq!(keyed.user.answers("default", "/env/V0"), [ARRIVE[0].1.trim()], "the app itself has it");
    let labels = docker(&["inspect", "-f", "{{json .Config.Labels}}", container]);
    let said = [checked.out, checked.err, deployed.out, deployed.err, labels].concat();
    nowhere(&keyed.user, &said);
}

#[test]
#[ignore = "needs sops: make foreign"]
fn what_sops_cannot_open_is_told_without_values() {
    if !engine() {
        return;
    }
    let keyed = Keyed::new("sealed");
    let same = |_: &mut Command| {};
    keyed.encrypted("app.yaml", "yaml", YAML);
    keyed.config("{app: {file: secrets/app.yaml}}", &["app:database.password"]);
    let other = keyed.path("other.txt");
    key(&other);
    let opens = "source `app` of sops: `sops` ended with exit code 128: failed to ";
    keyed.refused(
        "another key",
        |command| {
            command.env("SOPS_AGE_KEY_FILE", &other);
        },
        &[opens, "identity did not match any of the recipients"],
    );
    keyed.refused(
        "a file of keys that is not there",
        |command| {
            command.env("SOPS_AGE_KEY_FILE", keyed.path("none.txt"));
        },
        &[opens, "failed to open SOPS_AGE_KEY_FILE file", "no such file or directory"],
    );
    keyed.refused(
        "no key",
        |command| {
            command.env_remove("SOPS_AGE_KEY_FILE");
        },
        &[opens, "failed to load age identities"],
    );
    let text = std::fs::read_to_string(keyed.path("key.txt")).expect("a key");
    assert!(text.contains("AGE-SECRET-KEY-"), "what is looked for is in it");
    keyed.refused(
        "the key in the place of its file",
        |command| {
            command.env("SOPS_AGE_KEY_FILE", &text);
        },
        &[opens, "failed to open SOPS_AGE_KEY_FILE file"],
    );
    keyed.refused(
        "no sops",
        |command| {
            command.env("PATH", "/nowhere");
        },
        &["the program `sops` is not in PATH", "install it: https://github.com/getsops/sops/releases"],
    );
    keyed.config("{app: {file: secrets/none.yaml}}", &["app:database.password"]);
    keyed.refused("no file", same, &["secrets/none.yaml: No such file or directory"]);
    keyed.config("{app: {file: secrets/app.yaml}}", &["app:database.pasword"]);
    let words = ["source `app` of sops has no `database.pasword`", "did you mean `database.password`?"];
    keyed.refused("no entry", same, &words);
}

#[test]
#[ignore = "needs sops: make foreign"]
fn what_is_not_as_sops_wrote_it_is_told_without_values() {
    if !engine() {
        return;
    }
    let keyed = Keyed::new("changed");
    let same = |_: &mut Command| {};
    let path = |name: &str| keyed.path("secrets").join(name);
    for (name, clear) in [
        ("app.yaml", "password: *canary-5wq8\n"),
        ("app.json", "{\"password\": canary-5wq8}\n"),
        ("app.env", "canary-5wq8\n"),
    ] {
        std::fs::write(path(name), clear).expect("written");
        keyed.config(&format!("{{app: {{file: secrets/{name}}}}}"), &["app:password"]);
        let told = format!("secrets/{name} is not encrypted with `sops`");
        keyed.refused("in clear", same, &[&told, "encrypt it: sops encrypt --in-place"]);
    }
    // Lines that were added by hand, and one that is gone.
    keyed.encrypted("app.env", "dotenv", DOTENV);
    let text = std::fs::read_to_string(path("app.env")).expect("encrypted");
    std::fs::write(path("app.env"), format!("{CANARY}-line\n{text}")).expect("written");
    keyed.config("{app: {file: secrets/app.env}}", &["app:TOKEN"]);
    keyed.refused("a line without a name", same, &["`sops` ended with", "invalid dotenv input line"]);
    keyed.encrypted("app.yaml", "yaml", YAML);
    let text = std::fs::read_to_string(path("app.yaml")).expect("encrypted");
    keyed.config("{app: {file: secrets/app.yaml}}", &["app:database.password"]);
    std::fs::write(path("app.yaml"), format!("more: *{CANARY}\n{text}")).expect("written");
    keyed.refused("an alias of nothing", same, &["`sops` ended with", "unknown anchor"]);
    let gone: Vec<&str> = text.lines().filter(|line| !line.starts_with("pin:")).collect();
    std::fs::write(path("app.yaml"), gone.join("\n")).expect("written");
    keyed.refused("a line is gone", same, &["`sops` ended with exit code 51: MAC mismatch"]);
    // What `sops` itself has changed beyond recognition, and a key that cannot be named.
    for (kind, clear) in [("yaml", "number: 123456789012345678901234\n"), ("yaml", "number: 1234567.5\n")] {
        keyed.encrypted("app.yaml", kind, clear);
        keyed.config("{app: {file: secrets/app.yaml}}", &["app:number"]);
        let told = "`number` is a number that `sops` does not keep as it was written: put it in quotes";
        keyed.refused("a number", same, &[told]);
    }
    keyed.encrypted("app.yaml", "yaml", &format!("a.b: {CANARY}\n"));
    keyed.config("{app: {file: secrets/app.yaml}}", &["app:a.b"]);
    keyed.refused("a key with a dot", same, &["the key `a.b` in the file has a dot", "rename it"]);
}
