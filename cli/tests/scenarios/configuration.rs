//! haloy.yaml: what is told of it, and of mistakes in it.

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
