//! Texts that mean harm, or nothing, through every flag, field and variable: nothing panics, nothing that
//! is refused is recorded, and what a terminal would obey never gets to one.

use crate::deploying::{SHOP, shop};
use crate::harness::*;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// Everything that a terminal obeys or hides, in one text: colours, a cleared screen, a title, carriage
/// return, bell, backspace, C1, text from right to left, byte order mark, separators, a hidden space.
pub const OBEYED: &str = "a\u{1b}[31mb\u{1b}[2Jc\u{1b}]0;d\u{7}\re\u{8}\u{7f}\u{9b}1mf\u{85}\u{202e}g\u{2066}\u{feff}h\u{2028}i\u{200b}j";
/// Lines of its own, which look like haloy's.
pub const LINES: &str = "a\nerror: b\nhint: rm -rf /\tc";
/// What a shell, YAML, SQL, a path and a template make something of.
pub const CLEVER: &str =
    "'\"`$(touch owned)${HOME};|&<>\\ ../../x: {a: [b}, - *x !!y %s {{.}} -- # é👩\u{200d}🚀";

/// Every text, by name.
pub fn corpus() -> Vec<(&'static str, OsString)> {
    vec![
        ("obeyed", OBEYED.into()),
        ("lines", LINES.into()),
        ("clever", CLEVER.into()),
        ("empty", "".into()),
        ("blank", " ".into()),
        ("like an option", "--yes".into()),
        ("no text", OsString::from_vec(b"a\xff\xfe\x80b".to_vec())),
        ("long", "x".repeat(100_000).into()),
    ]
}

/// Whether a terminal would obey it; written again here, so that one mistake is not made twice.
fn obeyed(c: char) -> bool {
    let hidden = [0x61c, 0x200b, 0x200e, 0x200f, 0xfeff];
    let ranges = [0x2028..=0x202e, 0x2060..=0x206f, 0xfff9..=0xfffb, 0xe0000..=0xe007f];
    let code = u32::from(c);
    c.is_control() && c != '\n' && c != '\t'
        || hidden.contains(&code)
        || ranges.iter().any(|range| range.contains(&code))
}

/// What must be true of everything that is ever printed.
#[track_caller]
fn is_decent(what: &str, ran: &Ran) {
    let known = haloy::error::EXIT_CODES.iter().any(|(code, _)| i32::from(*code) == ran.code);
    assert!(known && ran.code != 70, "{what}: ended with {}: {}", ran.code, ran.err);
    for text in [&ran.out, &ran.err] {
        let found = text.chars().find(|c| obeyed(*c));
        assert_eq!(found, None, "{what}: {text:?}");
    }
    let longest = ran.err.lines().map(str::len).max().unwrap_or(0);
    assert!(longest < 8_000, "{what}: a line of {longest} bytes");
    if matches!(ran.code, 1 | 2) && ran.out.is_empty() {
        assert!(ran.err.starts_with("error: "), "{what}: {:?}", ran.err);
    }
}

/// Events under the newest published head.
fn size(scenario: &Scenario) -> u64 {
    let head = std::fs::read_to_string(scenario.path("ledger/published/checkpoint")).unwrap_or_default();
    head.lines().nth(1).and_then(|size| size.parse().ok()).unwrap_or(0)
}

/// A command in which `@` stands for the text, and `%` for an id.
fn give(scenario: &mut Scenario, line: &str, id: &str, text: &OsString) -> Ran {
    let line = line.replace('%', id);
    let words: Vec<OsString> = words(&line)
        .into_iter()
        .map(|word| if word == "@" { text.clone() } else { OsString::from(word) })
        .collect();
    let mut command = scenario.command(&[]);
    Ran::of(&command.args(words).output().expect("haloy runs"))
}

/// Gives every command with every text.
fn push(scenario: &mut Scenario, lines: &[&str]) {
    let id = scenario.silently("status -o id").ids()[0].clone();
    for line in lines {
        for (name, text) in corpus() {
            let before = size(scenario);
            let ran = give(scenario, line, &id, &text);
            let what = format!("{line} with {name}");
            is_decent(&what, &ran);
            if ran.code == 2 {
                assert_eq!(size(scenario), before, "{what}: refused, and recorded");
            }
        }
    }
    assert!(!scenario.path("owned").exists(), "somebody ran it");
}

/// Reads everything in every form, and checks that JSON still has the written text.
fn read_all(scenario: &mut Scenario, written: &[&str]) {
    let id = scenario.silently("history -o id").ids()[0].clone();
    let reads =
        ["status", "history", "rollback-targets --explain", "tag", "hold", "events", "routes", "doctor"];
    let show = format!("show {id}");
    let mut documents = String::new();
    for read in reads.iter().copied().chain([show.as_str()]) {
        for form in ["", "--json", "-o ndjson", "-o id"] {
            let line = format!("{read} {form}");
            let ran = scenario.silently(&line);
            is_decent(&line, &ran);
            assert_eq!(ran.code, 0, "{line}: {}", ran.err);
            if form == "--json" {
                let read: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
                documents.push_str(&strings(&read));
            }
        }
    }
    for text in written {
        assert!(documents.contains(text), "{text:?} is nowhere");
    }
}

/// All texts of a document.
fn strings(value: &serde_json::Value) -> String {
    use serde_json::Value;
    match value {
        Value::String(text) => format!("{text}\u{1}"),
        Value::Array(list) => list.iter().map(strings).collect(),
        Value::Object(map) => map.values().map(strings).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => String::new(),
    }
}

#[test]
fn flags_that_are_recorded() {
    let mut scenario = Scenario::with(SHOP);
    scenario.silently("deploy -q");
    push(
        &mut scenario,
        &[
            "tag % stable -y -m @",
            "tag % stable -y --ticket @",
            "key rotate -m @",
            "redact % --field ticket --basis @ -y",
            "stop --idempotency-key @",
        ],
    );
    for text in [OBEYED, LINES, CLEVER] {
        let id = scenario.silently("status -o id").ids()[0].clone();
        let held = give(&mut scenario, "hold % -m @", &id, &text.into());
        is_decent("hold", &held);
        let ran = give(&mut scenario, "deploy -m @ --ticket @", "", &text.into());
        assert_eq!(ran.code, 0, "{}", ran.err);
        is_decent("deploy", &ran);
    }
    read_all(&mut scenario, &[OBEYED, LINES, CLEVER]);
}

#[test]
fn flags_that_name_something() {
    let mut scenario = Scenario::with(SHOP);
    scenario.silently("deploy -q");
    push(
        &mut scenario,
        &[
            "show @",
            "rollback @",
            "rollback --target @",
            "deploy --target @",
            "deploy --config @",
            "status --target @",
            "logs --target @",
            "tag @ --pin",
            "tag % @ -y",
            "tag --remove @",
            "hold @ -m x",
            "redact @ --basis x -y",
            "redact % --field @ --basis x -y",
            "prove @",
            "events --kind @",
            "events --deployment @",
        ],
    );
}

#[test]
fn flags_that_are_files_numbers_and_words() {
    let mut scenario = Scenario::with(SHOP);
    scenario.silently("deploy -q");
    push(
        &mut scenario,
        &[
            "verify @ --key x",
            "verify haloy.yaml --key @",
            "verify --against @",
            "restore @",
            "status --ledger @/x",
            "history -n @",
            "history -o @",
            "retention what-if --count @",
            "retention what-if --count 1 --over @",
            "completion @",
            "edge run --http @",
            "edge status @",
            "@",
            "deploy @",
        ],
    );
}

#[test]
fn variables() {
    let mut scenario = Scenario::with(SHOP);
    scenario.silently("deploy -q");
    for (name, text) in corpus() {
        for variable in ["HALOY_ACTOR", "HALOY_HERE", "HALOY_HEALTH_TIMEOUT", "GITHUB_ACTOR", "GITHUB_RUN_ID"]
        {
            let before = size(&scenario);
            let mut command = scenario.command(&words("deploy -q"));
            let ran = Ran::of(
                &command.env("GITHUB_ACTIONS", "1").env(variable, &text).output().expect("haloy runs"),
            );
            let what = format!("{variable} is {name}");
            is_decent(&what, &ran);
            assert!(ran.code != 2 || size(&scenario) == before, "{what}: refused, and recorded");
        }
    }
    read_all(&mut scenario, &[OBEYED, LINES, CLEVER]);
}

/// haloy.yaml with a text in one of its fields, as JSON: that can escape every character.
fn fields(text: &str) -> Vec<(&'static str, serde_json::Value)> {
    use serde_json::json;
    let with = |key: &str, value: serde_json::Value| {
        let mut file = json!({ "name": "shop", "image": "registry.example/shop:v1" });
        file[key] = value;
        file
    };
    vec![
        ("name", with("name", json!(text))),
        ("image", with("image", json!(text))),
        ("image.tag", with("image", json!({ "repository": "shop", "tag": text }))),
        (
            "image.registry",
            with(
                "image",
                json!({ "repository": "x.example/y", "registry": { "server": text, "username": text, "password": text } }),
            ),
        ),
        (
            "image.history.pattern",
            with(
                "image",
                json!({ "repository": "x.example/y", "history": { "strategy": "registry", "pattern": text } }),
            ),
        ),
        (
            "image.build_config",
            with(
                "image",
                json!({ "repository": "x", "build_config": { "context": text, "dockerfile": text, "platform": text } }),
            ),
        ),
        (
            "build args",
            with(
                "image",
                json!({ "repository": "x", "build_config": { "args": [{ "name": "A", "value": text }] } }),
            ),
        ),
        ("env.name", with("env", json!([{ "name": text, "value": "x" }]))),
        ("env.value", with("env", json!([{ "name": "A", "value": text }]))),
        ("env.from.env", with("env", json!([{ "name": "A", "from": { "env": text } }]))),
        ("env.from.file", with("env", json!([{ "name": "A", "from": { "file": text } }]))),
        ("domains", with("domains", json!([{ "domain": text, "aliases": [text] }]))),
        ("acme_email", with("acme_email", json!(text))),
        ("volumes", with("volumes", json!([text, format!("{text}:/data"), format!("data:{text}")]))),
        ("network", with("network", json!(text))),
        ("health_check_path", with("health_check_path", json!(format!("/{text}")))),
        ("server", with("server", json!(text))),
        ("pre_deploy", with("pre_deploy", json!([format!("# {text}")]))),
        ("deployment_strategy", with("deployment_strategy", json!(text))),
        ("resources", with("resources", json!({ "memory": text, "cpus": text }))),
        ("preset", with("preset", json!(text))),
        ("an unknown key", with(text, json!(text))),
        ("a target", with("targets", json!({ text: { "name": text } }))),
        ("image_key", with("image_key", json!(text))),
    ]
}

#[test]
fn fields_of_the_file() {
    let mut scenario = Scenario::new();
    scenario.file("Dockerfile", "FROM scratch\n");
    let long = "x".repeat(100_000);
    for text in [OBEYED, LINES, CLEVER, "", " ", "a\0b", &long] {
        for (name, file) in fields(text) {
            scenario.file("haloy.json", &*haloy::output::foreign::json(&file.to_string()));
            let what = format!("{name} is {:?}", text.chars().take(20).collect::<String>());
            let ran = scenario.silently("validate-config --show-resolved");
            is_decent(&what, &ran);
            if ran.code == 2 {
                assert!(ran.err.contains("haloy.json:"), "{what} has no place: {}", ran.err);
            }
            // Free texts may hold lines and colours; everything else may not, and nothing may hold NUL.
            let free = ["env.value", "build args", "pre_deploy"].contains(&name);
            let obeyed = text == OBEYED || text == LINES;
            assert!(ran.code == 2 || !text.contains('\0') && (!obeyed || free), "{what} is taken");
        }
    }
    assert!(!scenario.path("ledger").exists(), "something was recorded");
}

#[test]
fn texts_that_are_free_are_deployed_and_shown() {
    let mut scenario = Scenario::new();
    for text in [OBEYED, LINES, CLEVER] {
        // The hook writes it, too, and then fails with it on its last line.
        scenario.file("text", text);
        let file = serde_json::json!({
            "name": "shop", "image": "registry.example/shop:v1",
            "env": [{ "name": "A", "value": text }],
            "pre_deploy": [format!("# {text}\ncat text"), "cat text >&2; exit 3"],
        });
        scenario.file("haloy.json", &*haloy::output::foreign::json(&file.to_string()));
        for line in ["deploy", "deploy --progress json", "deploy --json"] {
            let ran = scenario.silently(line);
            is_decent(line, &ran);
            assert_eq!(ran.code, 3, "{}", ran.err);
        }
    }
    read_all(&mut scenario, &[OBEYED, LINES, CLEVER]);
}

#[test]
fn names_of_files_folders_and_branches() {
    let mut scenario = Scenario::with(SHOP);
    let folder = format!("{}/", OBEYED.replace('/', ""));
    for name in ["no such file", "haloy.yaml", "sub.txt"] {
        let path = format!("{folder}{name}");
        if name == "haloy.yaml" {
            scenario.file(&path, "name: a b\n");
        }
        let ran = give(&mut scenario, "deploy --config @", "", &path.into());
        is_decent(name, &ran);
        assert_eq!(ran.code, 2);
    }
    let path = scenario.path("").join(std::ffi::OsStr::from_bytes(b"\xff"));
    std::fs::create_dir(&path).expect("a folder");
    std::fs::write(path.join("haloy.yaml"), SHOP).expect("written");
    let ran = give(&mut scenario, "validate-config --json --config @", "", &path.into());
    is_decent("a folder that is no text", &ran);
    // A branch of git may have any character except control characters.
    let branch = "a\u{202e}b\u{feff}é";
    let here = scenario.path("");
    let git = |arguments: &[&str]| {
        let mut command = std::process::Command::new("git");
        command.arg("-C").arg(&here).args(["-c", "user.name=a", "-c", "user.email=a@b.c"]).args(arguments);
        command.output().is_ok_and(|output| output.status.success())
    };
    if git(&["init", "-q"]) && git(&["checkout", "-q", "-b", branch]) {
        assert!(git(&["add", "haloy.yaml"]) && git(&["commit", "-q", "-m", "first"]));
        scenario.config(&shop("v1", ""));
        assert_eq!(scenario.silently("deploy -q").code, 0);
        read_all(&mut scenario, &[branch]);
    }
}

#[test]
fn a_result_that_cannot_be_written_is_told() {
    let mut scenario = Scenario::with(SHOP);
    scenario.silently("deploy -q");
    let mut command = scenario.command(&words("history"));
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("it is there");
    let ran = Ran::of(&command.stdout(full).output().expect("haloy runs"));
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("its result could not be written"), "{}", ran.err);
}
