//! Every command and every exit code is in a snapshot; what cannot be there has a reason.

use clap::CommandFactory;
use std::collections::BTreeSet;
use std::path::Path;

/// Codes that no command can end with here.
const UNREACHABLE: [(u8, &str); 2] =
    [(7, "reserved: there are no policies yet"), (12, "reserved: no work goes on after its command yet")];

/// Commands that cannot end well here.
const NEVER_WELL: [(&str, &str); 1] = [("logs", "only Docker has lines of containers")];

fn lines() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios/snapshots");
    let mut lines = Vec::new();
    for entry in std::fs::read_dir(folder).expect("snapshots").flatten() {
        if entry.path().extension().is_some_and(|ending| ending == "snap") {
            let text = std::fs::read_to_string(entry.path()).expect("text");
            lines.extend(text.lines().map(str::to_owned));
        }
    }
    lines
}

#[test]
fn every_exit_code_is_in_a_snapshot() {
    let seen: BTreeSet<u8> =
        lines().iter().filter_map(|line| line.strip_prefix("= ")?.parse().ok()).collect();
    // The exit code of a killed process is not one of haloy's own.
    let killed = 128 + 6;
    for (code, meaning) in haloy::error::EXIT_CODES {
        let reserved = UNREACHABLE.iter().any(|(known, _)| known == code);
        assert_ne!(seen.contains(code), reserved, "exit code {code}: {meaning}");
        assert_eq!(reserved, meaning.contains("reserved"), "exit code {code}: {meaning}");
    }
    for code in seen {
        let known = haloy::error::EXIT_CODES.iter().any(|(known, _)| *known == code);
        assert!(known || code == killed, "exit code {code} is in no table");
    }
}

#[test]
fn every_command_is_in_a_snapshot_and_ended_well_once() {
    let lines = lines();
    let mut root = haloy::cli::Cli::command();
    root.build();
    for command in root.get_subcommands().filter(|command| command.get_name() != "help") {
        let name = command.get_name();
        let mut ended = BTreeSet::new();
        let mut given = false;
        for line in &lines {
            if let Some(line) = line.strip_prefix("$ haloy ") {
                given = line.split(' ').next() == Some(name) && !line.ends_with(" -h");
            } else if let Some(code) = line.strip_prefix("= ").filter(|_| given) {
                ended.insert(code.to_owned());
            }
        }
        let never = NEVER_WELL.iter().any(|(known, _)| *known == name);
        assert!(ended.contains("0") != never && !ended.is_empty(), "haloy {name} ended with {ended:?}");
    }
}
