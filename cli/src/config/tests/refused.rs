//! What the engine always refuses, refused before: with place, cause and what to write.

use super::*;
use crate::config::reference;

#[test]
fn references_that_no_registry_takes() {
    let long = "t".repeat(129);
    for (text, told) in [
        ("My-org/app:v1", "write `my-org/app:v1`"),
        ("ghcr.io/My/App:v1", "has capital letters in its name"),
        ("a+b:v1", "has `a+b` in its name"),
        ("http://ghcr.io/a:v1", "write it without `http://`: `ghcr.io/a:v1`"),
        ("docker://a:v1", "write it without `docker://`"),
        ("a//b:v1", "write `a/b`"),
        ("/a:v1", "has nothing between two slashes"),
        ("a/:v1", "has nothing between two slashes"),
        ("app:${VERSION}", "with a variable in it"),
        ("$APP", "with a variable in it"),
        ("app:v1+build", "write e.g. `v1-build`"),
        ("app:.v1", "write e.g. `v1`"),
        ("app:", "the tag is empty"),
        (long.as_str(), ""),
        ("registry:99999/app:v1", "whose port is not one"),
        ("registry:0/app", "whose port is not one"),
        ("reg_istry.io:5000/app", "which is not the name of a host"),
        ("a..b", "has `a..b` in its name"),
        ("a___b", "has `a___b` in its name"),
        ("a_-b", "has `a_-b` in its name"),
        ("-a", "has `-a` in its name"),
        ("a-", "has `a-` in its name"),
        ("app@sha256:12", "`sha256:12` is not a digest"),
        ("app@v1", "`v1` is not a digest"),
        ("a b", "must not have white space"),
        ("caf\u{e9}", "must not have `\\u{e9}` in it"),
        ("", "has no name"),
    ] {
        let text = if text == long { format!("app:{long}") } else { text.to_owned() };
        let (cause, hint) = reference::check(&text).expect_err(&text);
        assert!(format!("{cause}; {hint}").contains(told), "{text}: {cause}; {hint}");
        assert!(!hint.is_empty());
        if !text.is_empty() {
            let said = mistakes(&format!("name: app\nimage: '{text}'\n"));
            assert!(said.contains("haloy.yaml:2:8: ") && said.contains("hint: "), "{said}");
            assert_eq!(said.matches("haloy.yaml:").count(), 1, "told once: {said}");
        }
    }
    let digest = format!("sha256:{}", "a".repeat(64));
    for text in [
        "nginx",
        "nginx:1.27",
        "my-org/app:v1",
        "localhost/app",
        "localhost:5000/app:V1.0_x",
        "ghcr.io/a/b/c:v1",
        "REG.example.com/app",
        "x/a.b-c_d__e---f:_x",
        "127.0.0.1:5000/a",
        &format!("app@{digest}"),
        &format!("app:v1@{digest}"),
        &format!("app:{}", "t".repeat(128)),
    ] {
        assert_eq!(reference::check(text), Ok(()), "{text}");
    }
}

#[test]
fn tags_and_repositories_of_images_that_nobody_picks() {
    let file = |image: &str| format!("name: a\nimage: x/y\nimages: {{other: {image}}}\n");
    assert!(mistakes(&file("{repository: X/y}")).contains("write `x/y`"));
    assert!(mistakes(&file("{repository: x, tag: 'a b'}")).contains("the tag is `a b`"));
    assert!(mistakes(&file("{repository: 'x:1', tag: b}")).contains("already has a tag"));
    let digest = format!("sha256:{}", "a".repeat(64));
    assert!(mistakes(&file(&format!("{{repository: x, tag: '{digest}'}}"))).contains("which is a digest"));
}

#[test]
fn volumes_that_the_engine_refuses() {
    for (volume, told) in [
        ("x:/d", "write `x-data:/d`"),
        ("data:/d:rx", "write `data:/d:ro`"),
        ("data:/d:", "has the option ``"),
        ("data:/d:copy", "it takes ro, rw, z, Z, nocopy"),
        ("data:/d:ro,rw", "of ro, rw write one"),
        ("data:/d:Z,z", "of z, Z write one"),
        ("/srv:/d:nocopy", "which is for volumes with a name"),
        ("data:/d:rshared", "which is for folders of the machine"),
        ("data:/", "write `data:/data`"),
        ("data:/d/..", "whole file system"),
        ("/data", "write `data:/data`"),
        ("data", "write `data:/var/lib/data`"),
        ("data:d", "write `data:/d`"),
        (":/d", "is not the name of a volume"),
        ("a b:/d", "is not the name of a volume"),
        ("_x:/d", "is not the name of a volume"),
        ("data:/a:/b:ro", "has too many `:`"),
        ("${DATA}:/d", "has a variable in it"),
        ("~/d:/d", "write `/home/you/d:/d`"),
    ] {
        let said = mistakes(&format!("{APP}volumes:\n  - '{volume}'\n"));
        assert!(said.contains(told) && said.contains("haloy.yaml:4:5: "), "{volume}: {said}");
    }
    let folder = std::env::current_dir().expect("a folder");
    let said = mistakes(&format!("{APP}volumes: ['./data:/d', '../up:/u', 'a/b:/b']\n"));
    assert!(said.contains(&format!("write `{}/data:/d`", folder.display())), "{said}");
    assert!(said.contains(&format!("write `{}/up:/u`", folder.parent().expect("above").display())), "{said}");
    let twice = mistakes(&format!("{APP}volumes:\n  - data:/d\n  - /srv:/e/../d/:ro\n"));
    assert!(twice.contains("haloy.yaml:5:5: `/d` is mounted twice; first in line 4"), "{twice}");
    let fine = "['ab:/d', '/srv:/e:ro', 'c.d_e-f:/g:ro,z,nocopy', '/x y:/h', '/srv:/i:rprivate,ro,cached']";
    assert_eq!(resolved(&format!("{APP}volumes: {fine}\n"))[0].config.volumes.len(), 5);
}

#[test]
fn networks_that_cannot_serve() {
    for (network, told) in [
        ("''", "`network` is empty"),
        ("host", "no replica can be told from another"),
        ("none", "nothing can reach it"),
        ("bridge", "no names and no fixed addresses"),
        ("default", "no names and no fixed addresses"),
        ("container:x", "has no address of its own"),
        ("service:db", "has no address of its own"),
        ("a b", "is not the name of a network"),
        ("_x", "is not the name of a network"),
        ("' haloy'", "is not the name of a network"),
        ("[a, b]", "is a list, and must be text"),
        ("12", "put it in quotes: \"12\""),
    ] {
        let said = mistakes(&format!("{APP}network: {network}\n"));
        assert!(
            said.contains(told) && said.contains("haloy.yaml:3:10: ") && said.contains("hint: "),
            "{said}"
        );
    }
    for network in ["haloy", "shop_net.1-x"] {
        assert_eq!(resolved(&format!("{APP}network: {network}\n"))[0].config.network, network);
    }
}

#[test]
fn limits_that_docker_does_not_give() {
    for (resources, told) in [
        ("memory: 10", "`memory` is `10`, 10 bytes, and Docker gives a container 6m at least"),
        ("memory: 10", "without a unit it is bytes; write `10m`"),
        ("memory: 6291455", "6m at least"),
        ("memory: 5m", "6m at least"),
        ("memory: 0", "must be bytes or like"),
        ("memory: -1m", "must be bytes or like"),
        ("memory: 512q", "the units are b, k, m, g and t"),
        ("memory: 1e9", "must be bytes or like"),
        ("memory: 9999999t", "must be bytes or like"),
        ("cpus: 0", "0.01 at least"),
        ("cpus: 0.001", "0.01 at least"),
        ("cpus: 0.1234", "at most three decimals"),
        ("cpus: 1e3", "must be a number like"),
        ("cpus: nan", "must be a number like"),
        ("cpus: .inf", "must be a number like"),
        ("cpus: 500m", "must be a number like"),
        ("cpus: 99999999", "must be a number like"),
    ] {
        let said = mistakes(&format!("{APP}resources: {{{resources}}}\n"));
        assert!(said.contains(told) && said.contains("hint: "), "{resources}: {said}");
    }
    for (resources, memory, cpus) in [
        ("memory: 6m, cpus: 0.01", Some(6 << 20), Some(10)),
        ("memory: 512MB", Some(512 << 20), None),
        ("memory: 1.5g, cpus: 2", Some(3 << 29), Some(2000)),
        ("memory: '512 m', cpus: '1.250'", Some(512 << 20), Some(1250)),
        ("memory: 8388608, cpus: .5", Some(8 << 20), Some(500)),
    ] {
        let targets = resolved(&format!("{APP}resources: {{{resources}}}\n"));
        let limits = &targets[0].config.resources;
        assert_eq!((limits.memory_bytes, limits.milli_cpus), (memory, cpus), "{resources}");
    }
}

#[test]
fn paths_names_and_ports_that_mean_nothing() {
    for (line, told) in [
        ("health_check_path: '/a b'", "write `/a%20b`"),
        ("health_check_path: health", "write `/health`"),
        ("health_check_path: 'http://localhost:80/up'", "write `/up`"),
        ("health_check_path: '/a#b'", "write `/a`"),
        ("health_check_path: '/\u{e9}'", "write `/%C3%A9`"),
        ("port: '80:8080'", "write `port: 8080`"),
        ("port: 8080/tcp", "write `port: 8080`"),
        ("port: 0", "between 1 and 65535"),
        ("port: 65536", "between 1 and 65535"),
        ("port: 0x50", "write it in decimal digits: `port: 80`"),
        ("server: 'shop.example:0'", "a port is between 1 and 65535"),
        ("domains: ['https://shop.example/']", "write the name alone: `shop.example`"),
        ("domains: ['shop.example:443']", "write the name alone: `shop.example`"),
        ("domains: ['*.shop.example']", "a wildcard is not routed"),
        ("domains: ['b\u{fc}cher.example']", "`xn--...`"),
        ("domains: [shop]", "write a name such as `shop.example`"),
    ] {
        let said = mistakes(&format!("{APP}{line}\n"));
        assert!(said.contains(told) && said.contains("haloy.yaml:3:"), "{line}: {said}");
    }
}

#[test]
fn variables_that_no_container_can_have() {
    for (env, told) in [
        ("{name: \"A\\0\", value: x}", "NUL character"),
        ("{name: A, value: \"x\\0y\"}", "delete the `\\0`"),
        ("{name: 'A=B', value: x}", "cannot be the name of a variable"),
        ("{name: 'A B', value: x}", "cannot be the name of a variable"),
        ("{name: '', value: x}", "`name` is empty"),
        ("{name: A, value: [1]}", "`value` is a list"),
        ("{name: A, value: {b: 1}}", "`value` is a table"),
    ] {
        let said = mistakes(&format!("{APP}env: [{env}]\n"));
        assert!(said.contains(told), "{env}: {said}");
    }
    let long = |bytes: usize| format!("{APP}env: [{{name: A, value: '{}'}}]\n", "x".repeat(bytes));
    assert_eq!(resolved(&long(128 * 1024 - 3)).len(), 1);
    assert!(mistakes(&long(128 * 1024 - 2)).contains("no variable can take more than 131072"));
    let many = |count: usize| {
        let entries =
            (0..count).map(|n| format!("  - {{name: V{n:03}, value: '{}'}}\n", "x".repeat(100_000)));
        format!("{APP}env:\n{}", entries.collect::<String>())
    };
    assert_eq!(resolved(&many(19)).len(), 1);
    let said = mistakes(&many(20));
    assert!(said.contains("take 2000280 bytes together") && said.contains("mount files instead"), "{said}");
    assert!(!said.contains("xxxx"), "no value is shown");
}

#[test]
fn what_a_header_of_the_probe_holds_is_not_repeated() {
    for (headers, message) in [
        ("{Authorization: hunter2, \"a b\": x}", "`a b` cannot be the name of a header"),
        ("{\"a b\": hunter2}", "`a b` cannot be the name of a header"),
        ("\n  Authorization: hunter2\n  TE: hunter2", "`TE` belongs to the connection"),
        ("\n  A: hunter2\n  a: hunter2", "`a` is in `health_check_headers` twice"),
        ("\n  Authorization: hunter2-é", "`Authorization` has a value that no header can have"),
    ] {
        let told = mistakes(&format!("{APP}health_check_headers: {headers}\n"));
        assert!(told.contains(message) && !told.contains("hunter2"), "{headers}: {told}");
    }
}
