//! What others say is shown, lies in no hashed byte, and can be erased: hook, app, health check, builder,
//! engine, registry.

use crate::canaries::{echoing, files_with};
use crate::harness::*;
use std::path::PathBuf;

struct Told {
    user: User,
    /// Each deployment that failed, and what must be shown with it.
    sentences: Vec<(String, Vec<&'static str>)>,
}

impl Told {
    fn path(&self, name: &str) -> PathBuf {
        self.user.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, text).expect("written");
    }

    /// An image from a Dockerfile.
    fn image(&self, name: &str, dockerfile: &str) -> String {
        self.write(&format!("{name}/Dockerfile"), dockerfile);
        let image = format!("{}-{name}", self.user.app);
        docker(&["build", "-q", "-t", &image, &self.path(name).display().to_string()]);
        image
    }

    /// Deploys what fails.
    #[track_caller]
    fn fails(&mut self, config: &str, sentences: &[&'static str]) {
        self.write("haloy.yaml", &format!("name: {}\n{config}", self.user.app));
        let ran = self.user.haloy("deploy").exits(3);
        let said = ran.out + &ran.err;
        for sentence in sentences {
            assert!(said.contains(sentence), "{sentence} is not in\n{said}");
        }
        let history = self.user.haloy("history --json").ok().json();
        let id = history["data"][0]["id"].as_str().expect("an id").to_owned();
        self.sentences.push((id, sentences.to_vec()));
    }
}

#[test]
fn what_others_say_is_shown_lies_in_no_hashed_byte_and_can_be_erased() {
    if !engine() {
        return;
    }
    let mut told = Told { user: User::new("foreign"), sentences: Vec::new() };
    let plain = format!("image: {IMAGE}:v1\n");
    told.fails(
        &format!("{plain}pre_deploy: ['echo sentence-of-the-$((2 * 21))-hook; exit 3']\n"),
        &["sentence-of-the-42-hook"],
    );
    let dockerfile = format!(
        "FROM {IMAGE}:v1\nENV STATUS=500 LOG=sentence-of-the-app COMPLAINT=sentence-of-the-check\nHEALTHCHECK --interval=1s --retries=1 CMD [\"/app\", \"healthcheck\"]\n"
    );
    let checked = told.image("checked", &dockerfile);
    told.fails(&format!("image: {checked}\n"), &["sentence-of-the-app", "sentence-of-the-check"]);
    let dockerfile = format!("FROM {IMAGE}:v1\nUSER sentence-of-the-engine\n");
    let missing = told.image("missing", &dockerfile);
    told.fails(&format!("image: {missing}\n"), &["sentence-of-the-engine"]);
    let dockerfile = format!("FROM {IMAGE}:v1\nENV CRASH=3 LOG=sentence-of-the-builder\nRUN [\"/app\"]\n");
    told.write("Dockerfile", &dockerfile);
    told.fails("image:\n  build_config: {}\n", &["sentence-of-the-builder"]);
    let address = echoing();
    told.fails(
        &format!("image:\n  repository: {address}/org/app\n  tag: v1\n  history: {{strategy: registry, count: 3, pattern: \"v*\"}}\n  registry: {{username: {{value: ci}}, password: {{value: pass-of-nobody}}}}\n"),
        &["sentence-of-the-registry"],
    );

    let (ledger, user) = (told.path("ledger"), &told.user);
    for (id, sentences) in &told.sentences {
        let shown = user.haloy(&format!("show {id}")).ok().out;
        for sentence in sentences {
            assert!(shown.contains(sentence), "{sentence} is not in\n{shown}");
            assert_eq!(files_with(&ledger.join("published"), sentence), Vec::<PathBuf>::new(), "{sentence}");
            assert!(!files_with(&ledger, sentence).is_empty(), "the search finds what is there");
        }
        let events = user.haloy("events -o ndjson").ok().out;
        for event in events.lines() {
            let event: serde_json::Value = serde_json::from_str(event).expect("JSON");
            let public = event["payload"].to_string();
            assert!(!public.contains("sentence-of"), "{public}");
        }
    }
    for (id, sentences) in &told.sentences {
        user.run(user.command(&format!("redact {id} -y --basis")).arg("request 90")).ok();
        let shown = user.haloy(&format!("show {id}")).ok().out;
        for sentence in sentences {
            assert_eq!(files_with(&ledger, sentence), Vec::<PathBuf>::new(), "{sentence}");
            assert!(!shown.contains(sentence) && shown.contains("(redacted)"), "{shown}");
        }
    }
    user.haloy("verify").ok();
    for image in [checked, missing] {
        docker(&["rmi", "-f", &image]);
    }
}
