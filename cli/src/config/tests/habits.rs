//! All mistakes of a file in one go, and what people of other tools write first.

use super::*;
use crate::config::locate::{LocateError, locate};

#[test]
fn mistakes_of_every_kind_are_told_at_once_and_once() {
    let said = mistakes(
        "name: app\nimage: {repository: My/App, tag: 'a b', pul_policy: always}\nreplicas: many\n\
         volumes: ['x:/d', 'data:/e:rx']\nnetwork: host\nresources: {memory: 10, cpus: 0}\n\
         env:\n  - A=1\n  - {name: B, from: {env: HALOY_NOT_SET_ANYWHERE}}\n\
         health_check_path: up\ndomains: [bad]\nserver: 'x:0'\nnaming_strategy: statc\n\
         targets:\n  one: {}\n  two: {port: 0}\n",
    );
    let places: Vec<&str> =
        said.lines().filter_map(|line| line.strip_prefix("haloy.yaml:")?.split(": ").next()).collect();
    let expected = [
        "2:21", "2:34", "2:41", "3:11", "4:11", "4:19", "5:10", "6:21", "6:31", "8:5", "9:27", "10:20",
        "11:11", "12:9", "13:18", "16:15",
    ];
    assert_eq!(places, expected, "{said}");
}

#[test]
fn what_follows_from_a_mistake_is_no_second_one() {
    for (file, count) in [
        ("name: app\nimage: {repositry: a/b}\n", 1),
        ("name: app\nimage: [a/b]\n", 1),
        ("name: app\nimage: {repository: a/b, tag: [v1], history: {strategy: registry, pattern: 'v*'}}\n", 1),
        ("name: app\nimage: a/b\nnaming_strategy: static\ndeployment_strategy: replce\n", 1),
        ("name: app\nimage_key: web\nimages: {web: 3}\n", 1),
        ("name: app\nimage: {repository: a/b, build_config: {dockerfle: x}}\n", 1),
        ("name: [app]\nimage: a/b\n", 1),
        ("name: app\nimage: a/b\nenv: [{name: A, value: [x]}, {name: B, value: '${A}'}]\n", 1),
        ("name: app\nimage: a/b\nenv: [{name: A, from: {envv: x}}]\n", 2),
    ] {
        let said = mistakes(file);
        assert_eq!(said.matches("haloy.yaml:").count(), count, "{file}{said}");
    }
}

#[test]
fn a_command_that_needs_no_values_asks_for_none() {
    let text = format!("{APP}replica: 1\nenv: [{{name: A, from: {{env: HALOY_NOT_SET_ANYWHERE}}}}]\n");
    let told = |values| {
        let parsed = ConfigFile::parse(PathBuf::from("haloy.yaml"), text.clone(), Format::Yaml, values);
        parsed.expect_err("a mistake").to_string()
    };
    assert!(told(true).contains("HALOY_NOT_SET_ANYWHERE, which is not set"));
    assert!(!told(false).contains("which is not set"));
}

#[test]
fn habits_of_compose_and_kamal_get_an_example() {
    for (lines, told) in [
        ("env: {A: hunter2}", "write a list: `env: [{name: A, value: \"...\"}]`"),
        ("env:\n  clear: {A: hunter2}\n  secret: [B]", "{name: B, from: {env: B}}"),
        ("env:\n  - A=hunter2", "write `- {name: A, value: \"...\"}`"),
        ("env:\n  - A", "write `- {name: A, value: \"...\"}`"),
        ("env:\n  - A: hunter2", "write `- {name: A, value: \"...\"}`"),
        ("env:\n  - {key: A, value: hunter2}", "write `name: LOG_LEVEL`"),
        ("environment: {A: hunter2}", "write `env: [{name: LOG_LEVEL, value: info}]`"),
        ("env_file: .env", "`.env` is read"),
        ("ports: ['80:8080']", "write `port: 8080`, where the app listens"),
        ("expose: [80]", "write `port: 8080`"),
        ("build: .", "write `image: {build_config: {context: .,"),
        ("services: {web: {image: x}}", "this is a Compose file"),
        ("version: '3'", "delete it: this file has no version"),
        ("restart: always", "delete it: Docker restarts what ends"),
        ("healthcheck: {test: x}", "write `health_check_path: /health`"),
        ("networks: [a]", "write `network: shop`"),
        ("network_mode: host", "write `network: shop`"),
        ("deploy: {replicas: 2}", "write `replicas: 2`"),
        ("mem_limit: 1g", "write `resources: {memory: 512m"),
        ("command: x", "set CMD in its Dockerfile"),
        ("depends_on: [db]", "each app is deployed on its own"),
        ("service: shop", "write `name: shop`"),
        ("servers: [1.2.3.4]", "write `server: shop.example`"),
        ("registry: {username: x}", "write `image: {registry: {server: ghcr.io"),
        ("builder: {arch: amd64}", "write `image: {build_config:"),
        ("proxy: {host: x, ssl: true}", "write `domains: [shop.example]`"),
        ("accessories: {db: {}}", "with `preset: database`"),
        ("volumes: {data: /d}", "write a list: `volumes: [\"data:/var/lib/data\"]`"),
        ("domains: shop.example", "write a list: `domains: [shop.example]`"),
        ("domains: [{host: a.example}]", "write `domain: shop.example`"),
        ("resources: 512m", "write `resources: {memory: 512m, cpus: 0.5}`"),
        ("history: local", "write `history: {strategy: local, count: 5}`"),
        ("targets: {a: {ports: [80]}}", "write `port: 8080`"),
    ] {
        let said = mistakes(&format!("{APP}{lines}\n"));
        assert!(said.contains(told), "{lines}: {said}");
        assert!(!said.contains("hunter2"), "a value may be a secret: {said}");
    }
    for (image, told) in [
        ("{name: nginx}", "write `repository: ghcr.io/you/app`"),
        ("{repository: a, version: 1}", "write `tag: v1`"),
        ("{repository: a, build: .}", "write `build_config: {context: .}`"),
        ("{repository: a, build: yes}", "write `build: true`"),
        ("{repository: a, build_config: .}", "write `build_config: {context: .}`"),
        ("{repository: a, context: .}", "write `build_config: {context: ., dockerfile"),
        ("{repository: a, username: u}", "write `registry: {server: ghcr.io"),
        ("{repository: a, registry: hunter2}", "write `registry: {server: ghcr.io"),
        ("{repository: a, build_config: {args: {A: hunter2}}}", "write a list: `args: [{name: A,"),
        ("3", "write `image: ghcr.io/you/app:v1`"),
    ] {
        let said = mistakes(&format!("name: app\nimage: {image}\n"));
        assert!(said.contains(told), "{image}: {said}");
        assert!(!said.contains("hunter2"), "a value may be a secret: {said}");
    }
    for empty in ["", "# nothing\n", "---\n"] {
        assert!(mistakes(empty).contains("begin with `name: my-app`"), "{empty:?}");
    }
}

#[test]
fn two_files_side_by_side_are_both_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let inner = folder.path().join("inner");
    std::fs::create_dir_all(&inner).expect("made");
    let here = |named: Option<&Path>| locate(named, &inner);
    std::fs::write(folder.path().join("haloy.yaml"), "").expect("written");
    assert_eq!(here(None), Ok(folder.path().join("haloy.yaml")));
    for other in ["haloy.yml", "haloy.json", "haloy.toml"] {
        std::fs::write(folder.path().join(other), "").expect("written");
        let both =
            LocateError::Several(folder.path().to_owned(), vec!["haloy.yaml".to_owned(), other.to_owned()]);
        assert_eq!(here(None), Err(both.clone()));
        assert_eq!(here(Some(folder.path())), Err(both), "a folder that is named has two as well");
        let named = folder.path().join(other);
        assert_eq!(here(Some(&named)), Ok(named.clone()), "one that is named is meant");
        std::fs::remove_file(named).expect("removed");
    }
    // A link to nothing is not skipped for the file of another app above it.
    std::os::unix::fs::symlink("nowhere", inner.join("haloy.yaml")).expect("made");
    assert_eq!(here(None), Ok(inner.join("haloy.yaml")));
    let opened = ConfigFile::open(None, &inner);
    assert!(matches!(opened, Err(ConfigError::Unreadable { .. })), "{opened:?}");
}
