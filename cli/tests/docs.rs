//! Documents that are made from the code are what the code says (`make docs` writes them), and every
//! command that a document shows is one.

use clap::{CommandFactory, Parser};
use haloy::cli::Cli;
use haloy::config::keys::{self, KeyDoc, Kind};
use haloy_ledger::deployment::Event;
use std::fmt::Write;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

/// Compares, or writes where `HALOY_WRITE_DOCS` is set.
fn check(name: &str, text: &str) {
    let path = root().join("docs").join(name);
    if std::env::var_os("HALOY_WRITE_DOCS").is_some() {
        std::fs::write(&path, text).expect("written");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == text, "docs/{name} is not what the code says; run: make docs");
}

#[test]
fn commands() {
    let mut text = "# Commands\n\nMade from the command line itself by `make docs`. Every command also takes the options of `haloy --help`.\n".to_owned();
    let mut root = Cli::command();
    root.build();
    let long = |command: &mut clap::Command| command.render_long_help().to_string();
    let commands: Vec<clap::Command> = root.get_subcommands().cloned().collect();
    let _written = write!(text, "\n## haloy\n\n```text\n{}```\n", trimmed(&long(&mut root)));
    for mut command in commands.into_iter().filter(|command| command.get_name() != "help") {
        let help = trimmed(&long(&mut command));
        let name = command.get_name().to_owned();
        let _written = write!(text, "\n## haloy {name}\n\n```text\n{help}```\n");
        for inner in command.get_subcommands_mut().filter(|inner| inner.get_name() != "help") {
            let help = trimmed(&long(inner));
            let _written = write!(text, "\n### haloy {name} {}\n\n```text\n{help}```\n", inner.get_name());
        }
    }
    check("commands.md", &text);
}

/// Without blanks at the ends of lines.
fn trimmed(text: &str) -> String {
    text.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

#[test]
fn events() {
    let mut text = "# Event catalogue\n\nMade from the code by `make docs`. Numbers are for ever. `Private` fields hold a salted commitment; the\nvalue lies beside the log and can be erased. Every event has the envelope of docs/architecture.md.\n".to_owned();
    for kind in Event::KINDS {
        let (number, name, version, since) = (kind.number, kind.name, kind.version, kind.since);
        let about = kind.about.trim();
        let _written = write!(
            text,
            "\n## {number} {name}\n\n{about} Version {version}, since {since}.\n\n| field | type | meaning |\n|---|---|---|\n"
        );
        for field in kind.fields {
            let kind = field.kind.split_whitespace().collect::<String>();
            let _written = writeln!(text, "| `{}` | `{kind}` | {} |", field.name, field.about.trim());
        }
    }
    check("events.md", &text);
}

fn table(text: &mut String, title: &str, known: &[KeyDoc]) {
    let _written = write!(text, "\n### {title}\n\n| key | type | default | meaning |\n|---|---|---|---|\n");
    for key in known {
        let kind = match key.kind {
            Kind::Text => "text".to_owned(),
            Kind::Scalar => "text or number".to_owned(),
            Kind::Int(low, high) => format!("{low}..={high}"),
            Kind::Bool => "true or false".to_owned(),
            Kind::OneOf(words) => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" "),
            Kind::Texts => "list of texts".to_owned(),
            Kind::Table(_) => "table".to_owned(),
            Kind::TextOrTable(_) => "text or table".to_owned(),
            Kind::Tables(_) => "list of tables".to_owned(),
            Kind::Named(_) => "tables by name".to_owned(),
            Kind::Any => "see below".to_owned(),
            Kind::Ignored => "anything".to_owned(),
        };
        let default = if key.default.is_empty() { "" } else { key.default };
        let _written = writeln!(text, "| `{}` | {kind} | {default} | {} |", key.name, key.doc);
    }
}

#[test]
fn configuration() {
    let mut text =
        std::fs::read_to_string(root().join("docs/configuration-intro.md")).expect("the introduction");
    text.push_str("\n## Every key\n\nMade from the code by `make docs`.\n");
    table(&mut text, "Of a target, or of the root as the base of all targets", keys::TARGET);
    table(&mut text, "Of the root alone", keys::ROOT_ONLY);
    table(&mut text, "`image`, and each of `images`", keys::IMAGE);
    table(&mut text, "`image.history`, or `history`", keys::HISTORY);
    table(&mut text, "`image.build_config`", keys::BUILD);
    table(&mut text, "`image.registry`", keys::REGISTRY);
    table(&mut text, "each of `env`", keys::ENV);
    table(&mut text, "`from`", keys::FROM);
    table(&mut text, "each of `domains`", keys::DOMAIN);
    table(&mut text, "`resources`", keys::RESOURCES);
    check("configuration.md", &text);
}

/// Every `haloy ...` line of a code block parses.
#[test]
fn commands_in_documents_exist() {
    let mut seen = 0;
    for file in ["README.md", "docs/operations.md", "docs/integrity.md", "docs/configuration-intro.md"] {
        let text =
            std::fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        let mut inside = false;
        for line in text.lines() {
            if line.starts_with("```") {
                inside = !inside;
            }
            let command = line.trim_start_matches("$ ").split("  #").next().unwrap_or_default().trim();
            if !inside || !command.starts_with("haloy ") {
                continue;
            }
            // Where the output goes is the shell's business.
            let command = command.split(" > ").next().unwrap_or_default();
            let parsed = Cli::try_parse_from(words(command));
            let shown = parsed.as_ref().err().is_some_and(|error| !error.use_stderr());
            assert!(parsed.is_ok() || shown, "{file}: `{command}` is no command: {:?}", parsed.err());
            seen += 1;
        }
    }
    assert!(seen > 10, "{seen} commands");
}

/// Words of a line, with quotes.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
    for c in line.chars() {
        match c {
            '"' | '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(std::mem::take(&mut word)),
            _other => word.push(c),
        }
    }
    words.push(word);
    words.into_iter().filter(|word| !word.is_empty()).collect()
}
