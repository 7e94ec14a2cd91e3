//! Documents that are made from the code are what the code says (`make docs` writes them), and every
//! command that a document shows is one.

use clap::{CommandFactory, Parser};
use haloy::cli::Cli;
use haloy::config::keys::{self, KeyDoc, Kind};
use haloy_ledger::event::AnyEvent;
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
    for mut command in
        commands.into_iter().filter(|command| command.get_name() != "help" && !command.is_hide_set())
    {
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
    for kind in AnyEvent::kinds() {
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
    table(&mut text, "`secret_providers`", keys::PROVIDERS);
    table(&mut text, "each of `secret_providers.sops`", keys::SOPS);
    table(&mut text, "each of `secret_providers.onepassword`", keys::ONEPASSWORD);
    table(&mut text, "each of `domains`", keys::DOMAIN);
    table(&mut text, "`resources`", keys::RESOURCES);
    check("configuration.md", &text);
}

/// What the files say in which the limits are declared: constants, with their comments.
#[test]
fn limits() {
    let mut text = "# Limits\n\nMade from the code by `make docs`. Whoever is waited for and says nothing for two seconds is named on stderr:\n`waiting for Docker (3 s)`. Where a limit is reached, the error names whom it was waited for.\n".to_owned();
    for (title, file) in [
        ("Docker, registries, helpers, replicas", "executors/src/limits.rs"),
        ("The edge", "executors/edge/src/limits.rs"),
    ] {
        let code = std::fs::read_to_string(root().join(file)).expect("the code");
        let _written = write!(text, "\n## {title}\n\n| limit | value | meaning |\n|---|---|---|\n");
        let mut about = String::new();
        let mut seen = 0;
        for line in code.lines() {
            if let Some(comment) = line.strip_prefix("/// ") {
                about = format!("{about} {comment}").trim().to_owned();
            } else if let Some(declared) = line.strip_prefix("pub const ") {
                let (name, rest) = declared.split_once(':').expect("a type");
                let value = rest.split_once("= ").expect("a value").1.trim_end_matches(';');
                let _written = writeln!(text, "| `{name}` | {} | {about} |", value_of(value));
                about.clear();
                seen += 1;
            }
        }
        assert!(seen > 20, "{seen} limits in {file}");
    }
    check("limits.md", &text);
}

/// `Duration::from_secs(5 * 60)` as `5 min`.
fn value_of(expression: &str) -> String {
    let pair = expression.strip_prefix('(').and_then(|inner| inner.strip_suffix(')'));
    if let Some((one, two)) = pair.and_then(|inner| inner.split_once("), ")) {
        return format!("{} to {}", value_of(&format!("{one})")), value_of(two));
    }
    let inside = |name: &str| {
        let inner = expression.strip_prefix("Duration::")?.strip_prefix(name)?;
        inner.strip_prefix('(')?.strip_suffix(')').map(number)
    };
    if let Some(seconds) = inside("from_secs") {
        return match seconds {
            120.. if seconds % 60 == 0 => format!("{} min", seconds / 60),
            _short => format!("{seconds} s"),
        };
    }
    if let Some(ms) = inside("from_millis") {
        return format!("{ms} ms");
    }
    let number = number(expression);
    let units = [(1 << 30, "Gi"), (1 << 20, "Mi"), (1 << 10, "Ki")];
    let unit = units.iter().find(|(size, _)| number >= *size && number.is_multiple_of(*size));
    unit.map_or_else(|| number.to_string(), |(size, name)| format!("{} {name}", number / size))
}

/// A product, or a power of two.
fn number(expression: &str) -> u64 {
    if let Some((number, places)) = expression.split_once(" << ") {
        return self::number(number) << self::number(places);
    }
    let factors = expression.split(" * ").map(|factor| factor.replace('_', "").parse::<u64>());
    factors.map(|factor| factor.unwrap_or_else(|_| panic!("`{expression}` is no number"))).product()
}

/// Every setting is in the operator's table, with the text of the code.
#[test]
fn settings() {
    let path = root().join("docs/operations.md");
    let mut text = std::fs::read_to_string(&path).expect("text");
    let head = "| variable | takes | meaning; without it |\n|---|---|---|\n";
    let mut table = head.to_owned();
    let _written = writeln!(table, "| `DOCKER_HOST` | an address | the engine, as for the docker command |");
    for setting in haloy::settings::ALL {
        let _written =
            writeln!(table, "| `{}` | {} | {} |", setting.name, setting.takes.words(), setting.about);
    }
    if std::env::var_os("HALOY_WRITE_DOCS").is_some() {
        let start = text.find("| variable |").expect("the table");
        let end = text[start..].find("\n\n").map_or(text.len(), |end| start + end + 1);
        text.replace_range(start..end, &table);
        std::fs::write(&path, &text).expect("written");
    }
    assert!(text.contains(&table), "the table of settings is not what the code says; run: make docs");
}

/// Every variable that an option reads is declared with the others, and nothing else reads one.
#[test]
fn settings_are_declared_in_one_place() {
    let mut root_command = Cli::command();
    root_command.build();
    let mut all = vec![root_command];
    while let Some(command) = all.pop() {
        for argument in command.get_arguments() {
            let Some(name) = argument.get_env() else { continue };
            let name = name.to_string_lossy();
            let known = haloy::settings::ALL.iter().any(|setting| setting.name == name);
            assert!(known, "{name} is not in settings.rs");
        }
        all.extend(command.get_subcommands().cloned());
    }
    let mut folders = vec![
        root().join("cli/src"),
        root().join("executors/src"),
        root().join("executors/edge/src"),
        root().join("ledger/src"),
    ];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let code = std::fs::read_to_string(&path).expect("text");
            for line in code.lines().filter(|line| {
                ["env::var(\"HALOY_", "env::var_os(\"HALOY_"].iter().any(|read| line.contains(read))
            }) {
                let tests_only = line.contains("HALOY_SIMULATED") || line.contains("HALOY_FAILPOINT");
                assert!(tests_only, "{}: {line}", path.display());
            }
        }
    }
}

/// Every `haloy ...` line of a code block parses.
#[test]
fn commands_in_documents_exist() {
    let mut seen = 0;
    for file in [
        "README.md",
        "docs/operations.md",
        "docs/integrity.md",
        "docs/configuration-intro.md",
        "docs/coming-from-haloy.md",
        "docs/coming-from-kamal.md",
    ] {
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
