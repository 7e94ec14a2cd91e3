//! The pages for those who come from other tools, walked through: their files, their commands.

use crate::harness::*;
use crate::networks::resolved;

/// What stands between the marks of a language, block by block.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(page);
    let text = std::fs::read_to_string(path).expect("the page");
    let (mut blocks, mut open) = (Vec::new(), None::<String>);
    for line in text.lines() {
        match (&mut open, line.trim().strip_prefix("```")) {
            (None, Some(begins)) if begins == language => open = Some(String::new()),
            (None, Some(_other)) => open = Some("other\n".to_owned()),
            (Some(_), Some(_ends)) => {
                blocks.extend(open.take().filter(|block| !block.starts_with("other\n")))
            }
            (Some(block), None) => *block += &format!("{line}\n"),
            (None, None) => {}
        }
    }
    blocks
}

/// A file of a page, for this user and with an image that there is.
fn write(user: &User, text: &str, version: &str) {
    let own = text.replace("name: shop", &format!("name: {}", user.app));
    let own = own.replace("repository: shop", &format!("repository: {IMAGE}"));
    std::fs::write(user.folder.path().join("haloy.yaml"), own.replace("tag: v1", &format!("tag: {version}")))
        .expect("written");
}

/// Words of a line, with quotes.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (number, piece) in line.split('"').enumerate() {
        match number % 2 {
            1 => words.push(piece.to_owned()),
            _even => words.extend(piece.split_whitespace().map(str::to_owned)),
        }
    }
    words
}

/// Gives every command of haloy in a block.
fn follow(user: &User, block: &str) -> usize {
    let lines = block.lines().map(str::trim).filter_map(|line| line.strip_prefix("haloy "));
    let given = lines.map(|line| user.run(user.command("").args(words(line))).ok());
    given.count()
}

/// What the edge of a user answers for a domain.
fn through_edge(user: &User, domain: &str) -> String {
    let out = std::process::Command::new("curl")
        .args(["-s", "-H", &format!("Host: {domain}"), &format!("http://{}/", user.edge)])
        .output()
        .expect("curl");
    String::from_utf8_lossy(&out.stdout).trim().to_owned()
}

#[test]
fn both_pages_do_what_they_say() {
    if !engine() {
        return;
    }
    for (page, commands) in [("coming-from-haloy.md", 10), ("coming-from-kamal.md", 7)] {
        let user = User::new("coming");
        let (files, walks) = (blocks(page, "yaml"), blocks(page, "sh"));
        write(&user, &files[0], "v1");
        let (last, first) = walks.split_last().expect("a walk");
        let mut given: usize = first.iter().map(|block| follow(&user, block)).sum();
        if !first.is_empty() {
            assert_eq!(through_edge(&user, "shop.example"), "version v1", "{page}");
            write(&user, &files[0], "v2");
        }
        given += follow(&user, last);
        assert_eq!(given, commands, "{page}");
        let left = user.answers("default", "/");
        match first.is_empty() {
            true => assert!(left.is_empty(), "{page}: it was stopped, and {left:?} answer"),
            false => assert_eq!(left, ["version v1", "version v1"], "{page}: rolled back"),
        }
    }
}

#[test]
fn a_database_and_a_service_of_one_file_find_each_other_by_their_keys() {
    if !engine() {
        return;
    }
    let user = User::new("keys");
    let (db, volume) = (format!("db-{}", user.app), format!("{}-data", user.app));
    let text = blocks("coming-from-kamal.md", "yaml").remove(1);
    let text = text.replace("  db:", &format!("  {db}:")).replace("value: db", &format!("value: {db}"));
    let text = text.replace("shop:v1", &format!("{IMAGE}:v1")).replace("postgres:17", &format!("{IMAGE}:v2"));
    let text = text.replace("port: 5432", "port: 8080").replace("shop-db", &volume);
    // The app is a service, too: a static container beside the other.
    let web = format!("web-{}", user.app);
    let text = text.replace("  web:\n", &format!("  {web}:\n    preset: service\n"));
    write(&user, &text, "v1");
    user.haloy("deploy --all --include-protected --yes").ok();
    let container = |target: &str| user.containers(target).remove(0);
    let address_of = |target: &str| address(&container(target)).expect("an address");
    for (from, name, answer) in [(&web, &db, "version v2"), (&db, &web, "version v1")] {
        let found = resolved(&container(from), name);
        assert_eq!(found, address_of(name), "{name} as {from} sees it");
        assert_eq!(get(&found, "/").expect("it answers"), answer);
        let called = docker(&["inspect", "-f", "{{.Name}}", &container(name)]);
        assert_eq!(called, format!("/{name}"), "a static container has the name of its target");
    }
    // Names that are given go first, and dynamic containers have one on the network as well.
    let front = format!("front-{}", user.app);
    let both = format!(
        "name: {}\nimage: {IMAGE}:v3\ntargets:\n  {web}: {{name: {front}, replicas: 2}}\n  {db}: {{}}\n",
        user.app
    );
    std::fs::write(user.folder.path().join("haloy.yaml"), both).expect("written");
    user.haloy(&format!("deploy -t {db} --yes")).ok();
    let after = container(&db);
    assert_eq!(resolved(&after, &db), address(&after).expect("an address"), "what replaced it has its name");
    assert_ne!(docker(&["inspect", "-f", "{{.Name}}", &after]), format!("/{db}"));
    user.haloy(&format!("stop -t {db} -r")).ok();
    drop(std::process::Command::new("docker").args(["volume", "rm", &volume]).output());
}
