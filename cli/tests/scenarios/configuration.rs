//! haloy.yaml: messages about it, and about mistakes in it.

use crate::deploying::shop;
use crate::harness::*;

#[test]
fn a_file_that_is_valid() {
    let mut scenario = Scenario::with(&shop(
        "v1",
        "replicas: 2\ndomains: [{domain: shop.example}]\nenv: [{name: KEY, from: {env: SHOP_KEY}}, {name: A, value: b}]\n",
    ));
    scenario.set("SHOP_KEY", "canary-1");
    scenario.haloy("validate-config");
    scenario.haloy("validate-config --show-resolved");
    scenario.haloy("validate-config --json");
    scenario.end("valid");
}

#[test]
fn mistakes_each_with_its_place() {
    let mut scenario = Scenario::new();
    scenario.haloy("validate-config");
    scenario.haloy("validate-config --config nowhere.yaml");
    scenario.file("notes.txt", "name: shop\n");
    scenario.haloy("validate-config --config notes.txt");
    let mistakes = [
        "name: [a\n",
        "- a\n",
        "",
        "name: a b\nimage: x\n",
        "name: shop\nimage: x\nreplica: 1\n",
        "name: shop\nimage: x\nreplicas: many\nport: 0\nhealth_check_path: healthy\n",
        "name: shop\nimage: x\nenv: {A: 1}\n",
        "name: shop\nimage: x\nenv: [{name: A}, {name: A, value: b, from: {env: C}}, {name: '1A=', value: c}]\n",
        "name: shop\nimage: x\nenv: [{name: KEY, from: {env: NOT_SET}}, {name: F, from: {file: nowhere}}]\n",
        "name: shop\nimage: x\nenv: [{name: KEY, from: {secret: 'vault:a:b'}}]\n",
        "name: shop\nimage: x\nvolumes: ['data', 'data:relative', '../up:/data']\n",
        "name: shop\nimage: x\ndomains: [{domain: 'a b'}, {domain: shop.example, aliases: [shop.example]}]\n",
        "name: shop\nimage: x\nresources: {memory: much, cpus: -1}\n",
        "name: shop\nimage: 'UPPER CASE'\n",
        "name: shop\nimage: {repository: x, history: {strategy: registry}}\n",
        "name: shop\nimage: x\nnaming_strategy: static\n",
        "name: shop\nimage_key: web\nimages: {wob: {repository: x}}\n",
        "name: shop\nname: again\nimage: x\n",
        "name: shop\nimage: x\nserver: 'a b'\n",
    ];
    for text in mistakes {
        scenario.config(text);
        scenario.note(&format!("{text:?}"));
        scenario.haloy("validate-config");
    }
    scenario.end("mistakes");
}

#[test]
fn values_arrive_as_written() {
    let mut scenario = Scenario::new();
    scenario.file(
        ".env",
        "\u{feff}export\tQUOTED=\"x\" # comment\nHASH='a # b' # c\nWIN=C:\\\\new\nLINES=\"one\ntwo\"\nBOTH=$QUOTED-${NONE:-y}\n",
    );
    let own = ["QUOTED", "HASH", "WIN", "LINES", "BOTH"]
        .map(|name| format!("{{name: {name}, from: {{env: {name}}}}}"));
    let show = "{name: SHOW, value: '<${QUOTED}><${HASH}><${WIN}><${BOTH}> $${QUOTED}'}";
    scenario.config(&format!(
        "\u{feff}x-version: &v 1.10\nname: shop\nimage: {{repository: shop, tag: *v}}\nenv: [{}, {show}]\n",
        own.join(", ")
    ));
    scenario.haloy("validate-config --show-resolved");
    let ran = scenario.silently("deploy -y -o id");
    assert_eq!(ran.code, 0, "{}", ran.err);
    scenario.haloy(&format!("show {}", ran.ids()[0]));
    for env in [b"A=1\nQUOTED='open\n".as_slice(), b"A=1\n\nB=\xff\n", b"QUOTED=pa$word\n", b"HASH=1\n"] {
        scenario.file(".env", env);
        scenario.note(&String::from_utf8_lossy(env).escape_debug().to_string());
        scenario.haloy("validate-config");
    }
    scenario.end("values");
}

#[test]
fn refused_before_anything_is_started() {
    let mut scenario = Scenario::new();
    let told = [
        "name: shop\nimage: {repository: shop, tag: }\n",
        "name: shop\nimage: Shop+x:v1\nports: ['80:8080']\nenv: {A: hunter2}\nvolumes: ['x:/d', ./data:/e:rx]\n\
         network: container:x\nresources: {memory: 10}\nhealth_check_path: /a b\n",
        "name: shop\nimage: shop:${VERSION}\nenv:\n  - A=hunter2\n  - {name: B, from: {env: NOT_SET}}\n",
        "name: shop\nimage: shop:v1\nnetwork: shpo\nresources: {cpus: 64}\n",
        "name: shop\nimage: shop:v1\n---\nname: other\n",
    ];
    for text in told {
        scenario.config(text);
        scenario.note(&format!("{text:?}"));
        scenario.haloy("validate-config");
        scenario.haloy("deploy -y");
    }
    scenario.note("nothing was recorded, and the network `shop` is there from now on");
    scenario.haloy("events");
    scenario.world(|world| world["networks"] = serde_json::json!(["shop"]));
    scenario.config("name: shop\nimage: shop:v1\nnetwork: shop\nresources: {cpus: 4}\n");
    scenario.haloy("validate-config");
    scenario.haloy("deploy -y");
    scenario.config("name: shop\nimage: shop:v2\nnetwork: shop\nresources: {cpus: 4}\n");
    scenario.haloy("deploy -y");
    scenario.note("somebody removed the network");
    scenario.world(|world| world["networks"] = serde_json::json!([]));
    scenario.haloy("rollback -y");
    scenario.note("two files");
    scenario.file("haloy.toml", "name = \"shop\"\n");
    scenario.haloy("validate-config");
    scenario.haloy("deploy -y");
    scenario.haloy("validate-config --config haloy.toml");
    scenario.end("refused_before");
}
