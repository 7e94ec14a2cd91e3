//! What replicas wrote, as Docker keeps it: long lines, replicas that come later, those of others.

use crate::harness::*;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

fn json(line: &str) -> serde_json::Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

#[test]
fn long_lines_are_whole_and_those_of_other_ledgers_are_left_out() {
    if !engine() {
        return;
    }
    let user = User::new("lines");
    // Docker cuts after 16 KiB.
    let long = "0123456789".repeat(5000);
    user.deploy("v1", &format!("env: [{{name: LOG, value: \"short\\\\n{long}\\\\nafter\"}}]\n"));
    let app = format!("haloy.app={}", user.app);
    let labels = ["haloy.target=default", "haloy.replica=0", "haloy.deployment=01k99q0xv74s3h8r0z8z44vf3y"];
    let other = "haloy.ledger=01k99q0xv74s3h8r0z8z44vf3z";
    let image = format!("{IMAGE}:v1");
    let mut arguments = vec!["run", "-d", "--label", &app, "--label", other, "-e", "LOG=a stranger"];
    arguments.extend(labels.iter().flat_map(|label| ["--label", label]));
    arguments.push(&image);
    docker(&arguments);
    let lines = user.haloy("logs --tail 1000").ok().out;
    assert!(!lines.contains("a stranger"), "{lines}");
    let lines: Vec<&str> =
        lines.lines().filter_map(|line| line.split_once(" | ")).map(|(_, line)| line).collect();
    assert_eq!(lines[..3], ["short", long.as_str(), "after"]);
    let rows = user.haloy("logs --tail 1000 -o json").ok().out;
    let rows: Vec<serde_json::Value> = rows.lines().map(json).collect();
    assert_eq!(rows[1]["line"], long.as_str());
    assert_eq!(rows[1]["stream"], "stdout");
    assert!(rows[1]["time"].as_str().is_some_and(|time| time.ends_with('Z')), "{}", rows[1]["time"]);
    // It works during a deploy that holds the ledger.
    let tail = user.haloy("logs -n 1 --wait 0").ok().out;
    assert_eq!(tail.lines().count(), 1, "{tail}");
    // Of one container, by its id, the beginning of its id, or its name.
    user.deploy("v2", "replicas: 2\n");
    let all = user.haloy("logs --no-follow --all-containers").ok().out;
    assert!(all.contains("/1 | version v2") && all.contains("/2 | version v2"), "{all}");
    let id = &user.containers("default")[0];
    let name = docker(&["inspect", "-f", "{{.Name}}", id]);
    let number = docker(&["inspect", "-f", "{{index .Config.Labels \"haloy.replica\"}}", id]);
    let number = number.parse::<usize>().expect("a number") + 1;
    for container in [id.as_str(), &id[..12], name.trim_start_matches('/')] {
        let one = user.haloy(&format!("logs --container {container}")).ok().out;
        let mark = format!("/{number} | ");
        assert!(!one.is_empty() && one.lines().all(|line| line.contains(&mark)), "{container}: {one}");
    }
    let none = user.haloy("logs --container nobody").exits(2);
    assert!(none.err.contains("has no container `nobody`"), "{}", none.err);
}

#[test]
fn following_goes_on_over_deploys_and_restarts() {
    if !engine() {
        return;
    }
    let user = User::new("follow");
    user.deploy("v1", "");
    let mut command = user.command("logs -f -o json");
    let mut follower = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("haloy runs");
    let mut out = BufReader::new(follower.stdout.take().expect("a pipe"));
    let mut until = |text: &str| {
        let mut seen = Vec::new();
        loop {
            let mut line = String::new();
            assert!(out.read_line(&mut line).expect("a line") > 0, "it ended: {seen:?}");
            let row = json(&line);
            seen.push(row["line"].as_str().unwrap_or_default().to_owned());
            if seen.last().is_some_and(|last| last.contains(text)) {
                return (row["replica"].as_str().unwrap_or_default().to_owned(), seen);
            }
        }
    };
    let (first, _) = until("version v1 listens");
    user.deploy("v2", "");
    let (second, seen) = until("version v2 listens");
    assert!(first != second, "{first} {second}");
    assert!(!seen.iter().any(|line| line.contains("version v1")), "told twice: {seen:?}");
    let container = user.containers("default");
    docker(&["restart", "-t", "1", &container[0]]);
    let (again, seen) = until("version v2 listens");
    assert_eq!((again, seen.len()), (second, 1), "told once, after it started again: {seen:?}");
    assert!(follower.try_wait().expect("it can be asked").is_none(), "it goes on");
    let id = follower.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().expect("kill").success());
    assert_eq!(follower.wait().expect("it ends").code(), Some(130));
}
