//! PyYAML as a second reader, where it is installed: the same texts at the same places.
//!
//! PyYAML follows YAML 1.1, this reader YAML 1.2. The *type* of a scalar differs: `yes`, `on`, `1_000`,
//! `0b1`, `017` and dates are not text in 1.1, `0o17` and `1e3` are not numbers there. Its *text* does not;
//! so the resolvers of PyYAML are removed, except for the merge key, and texts are compared.

use super::*;
use crate::config::tree::{Node, Value};
use serde_json::json;
use std::process::{Command, Stdio};

const READER: &str = r"
import json, re, sys, yaml
class Texts(yaml.SafeLoader): pass
Texts.yaml_implicit_resolvers = {'<': [('tag:yaml.org,2002:merge', re.compile('^<<$'))]}
print(json.dumps([yaml.load(text, Texts) for text in json.load(sys.stdin)]))
";

const FILES: [&str; 14] = [
    "a: 1.10\nb: 0755\nc: [0x1F, 1_000, 1e3]\nd: {e: .5, f: yes}\n",
    "x: &v 1.10\ny: *v\nz: [*v, {k: *v}]\n",
    "b: &b {p: 0755, q: 1}\nc:\n  <<: *b\n  q: 012\nd: {<<: [*b, {p: 2, r: 3}]}\n",
    "n: &n\n  <<: {a: 1.0}\n  b: 2\nm:\n  c: 3\n  <<: *n\n",
    "a: >\n  folded\n  1.10\n\n  twice\nb: |+\n  kept\n\nc: >-\n  x\n   y\n",
    "a: plain over\n  two lines\nb: 'it''s'\nc: \"tab\\t nl\\n u\\u00e9 x\\x41\"\n",
    "? 1.10\n: 0755\n? yes\n: no\n2024-01-02: 12:30:45\n",
    "a: !!str 1.10\nb: !!str 0755\nc: ! 1\n",
    "- - a\n  - 1.10\n- {x: [], y: {}}\n-\n  - ~x\n",
    "a: b#c # comment\nd: 'e # f' # g\nh: \"i\"   # j\n",
    "url: http://x:1/a?b=c#d\ntime: 22:22\nver: 1.2.3\nneg: -x\n",
    "a: 'x\n  y'\nb: \"x\n\n  y\\\n  z\"\n",
    "list:\n- a\n- b: 1.0\n  c: 2\n",
    "---\na: 1.10\n...\n",
];

fn texts(node: &Node) -> serde_json::Value {
    match &node.value {
        Value::Null(text) | Value::Bool(_, text) | Value::Number(text) | Value::Text(text) => json!(text),
        Value::List(items) => items.iter().map(texts).collect(),
        Value::Map(entries) => {
            let entries = entries.iter().map(|(key, value)| (key.written.clone(), texts(value)));
            serde_json::Value::Object(entries.collect())
        }
    }
}

#[test]
fn pyyaml_reads_the_same_texts() {
    let mut python = Command::new("python3");
    let known = python.args(["-c", "import yaml"]).stderr(Stdio::null()).status();
    if !known.is_ok_and(|status| status.success()) {
        println!("PyYAML is not installed here");
        return;
    }
    let mut child = Command::new("python3")
        .args(["-c", READER])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python runs");
    let stdin = child.stdin.take().expect("its input");
    serde_json::to_writer(stdin, &FILES).expect("written");
    let output = child.wait_with_output().expect("it ends");
    let theirs: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).expect("its answer");
    for (file, theirs) in FILES.iter().zip(theirs) {
        let ours = formats::parse(file, Format::Yaml).unwrap_or_else(|error| panic!("{file}: {error:?}"));
        assert_eq!(texts(&ours), theirs, "{file}");
    }
}
