//! Every request and every answer is the same after a round trip through JSON, and its debug output shows no
//! value.

mod answers;
mod requests;

use haloy_ledger::event::{CiFacts, GitFacts};
use haloy_ledger::ids::*;
use haloy_ledger::outcome::{Failure, FailureCode};
use haloy_service::CommandMetadata;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use std::fmt::Debug;

/// The same after it was JSON, and the JSON the same again.
fn same<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: T) {
    let text = serde_json::to_string(&value).expect("JSON");
    let back: T = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!(back, value);
    assert_eq!(serde_json::to_string(&back).expect("JSON"), text);
    // A reader that is older than the writer ignores unknown fields.
    if let serde_json::Value::Object(mut fields) = serde_json::to_value(&value).expect("JSON") {
        let one_of_several = fields.len() == 1;
        if !one_of_several {
            fields.insert("new_in_another_version".to_owned(), json!(1));
            assert_eq!(serde_json::from_value::<T>(fields.into()).expect("tolerant"), value);
        }
    }
}

fn id() -> DeploymentId {
    "01k99q0xv74s3h8r0z8z44vf3y".parse().expect("an id")
}

fn key() -> TargetKey {
    let (app, target) = (AppName::new("shop").expect("a name"), TargetName::new("live").expect("a name"));
    TargetKey { app, target }
}

fn name() -> ReleaseName {
    ReleaseName::new("spring").expect("a name")
}

fn text() -> String {
    "\"quoted\"\nü\u{0}".to_owned()
}

fn failure() -> Failure {
    Failure::new(FailureCode::ImageNotFound, haloy_ledger::words!("no image {}", 7))
}

fn why() -> CommandMetadata {
    CommandMetadata { reason: Some(text()), ticket: None, key: Some("k".to_owned()) }
}

fn git() -> Option<GitFacts> {
    let committed = Some(Timestamp(-1));
    Some(GitFacts { commit: "ab".to_owned(), branch: None, dirty: true, committed })
}

fn ci() -> Option<CiFacts> {
    Some(CiFacts { system: "github".to_owned(), run: "1".to_owned() })
}

/// What is added to the service is added here.
#[test]
fn nothing_is_left_out() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let here = [include_str!("requests.rs"), include_str!("answers.rs")].concat();
    let mut known = 0;
    for file in ["requests", "answers", "answers_kept", "evidence", "health", "status", "values", "error"] {
        let text = std::fs::read_to_string(folder.join(format!("{file}.rs"))).expect("a source");
        for line in text.lines() {
            let named = line.strip_prefix("pub struct ").or_else(|| line.strip_prefix("pub enum "));
            let Some(name) = named.and_then(|rest| rest.split([' ', '(', ';']).next()) else { continue };
            let made = [format!("{name} {{"), format!("{name}::")].iter().any(|made| here.contains(made));
            assert!(made, "{name} is not sent through JSON here");
            known += 1;
        }
    }
    assert!(known > 40, "{known} types");
}
