//! `haloy logs`.

use super::{Context, keys};
use crate::args::TargetArgs;
use crate::error::{Error, Kind, code};
use crate::output::{Format, Reply, foreign};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use haloy_executors::{LogLine, LogStream};
use haloy_service::LogsRequest;
use serde::Serialize;
use std::io::Write;

/// Print what the containers of a target wrote.
///
/// Each line has its replica in front: the deployment that started it, and its number. With `-o json` a line
/// is a JSON object of its own: `time`, `replica`, `stream`, `line`, and `line_base64` where it is not UTF-8.
/// Only replicas of this ledger are shown; the command works during a deploy.
#[derive(Debug, clap::Args)]
pub struct Logs {
    #[command(flatten)]
    targets: TargetArgs,
    /// Go on with what is written from now on, also by replicas that a later deploy starts
    #[arg(short, long, conflicts_with = "no_follow")]
    follow: bool,
    /// End with the lines that exist, as without --follow
    #[arg(long)]
    no_follow: bool,
    /// Only the container with this id, beginning of an id, or name
    #[arg(long, value_name = "ID", conflicts_with = "all_containers", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    container: Option<String>,
    /// Every container of the target, as without --container
    #[arg(long)]
    all_containers: bool,
    /// Last lines of each replica
    #[arg(short = 'n', long, default_value_t = 100)]
    tail: u32,
    /// With Docker's timestamps
    #[arg(long)]
    timestamps: bool,
    /// The bytes as the app wrote them; without it control characters are shown, and only colours are obeyed
    #[arg(long)]
    raw: bool,
}

/// What is printed of a line.
struct Printer {
    format: Format,
    timestamps: bool,
    raw: bool,
}

/// A line for programs.
#[derive(Serialize)]
struct Row<'a> {
    time: Option<String>,
    replica: String,
    stream: &'static str,
    line: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    line_base64: Option<String>,
    /// Whether the line was longer than a line may be, and goes on in the next one.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    goes_on: bool,
}

impl Printer {
    fn bytes(&self, line: &LogLine) -> Vec<u8> {
        match self.format {
            Format::Table | Format::Id => self.text(line),
            Format::Json | Format::Ndjson => json(line),
        }
    }

    fn text(&self, line: &LogLine) -> Vec<u8> {
        // The time that an id begins with: two deployments do not share it, and `haloy show` knows it.
        let deployment = line.replica.deployment.to_string();
        let short = deployment.get(..10).unwrap_or(&deployment);
        let mut bytes = format!("{short}/{} | ", line.replica.index + 1).into_bytes();
        if let Some(at) = line.at.filter(|_| self.timestamps) {
            bytes.extend_from_slice(format!("{at} ").as_bytes());
        }
        if self.raw {
            bytes.extend_from_slice(&line.line);
        } else {
            bytes.extend_from_slice(foreign::log_line(&String::from_utf8_lossy(&line.line)).as_bytes());
        }
        bytes.push(b'\n');
        bytes
    }
}

fn json(line: &LogLine) -> Vec<u8> {
    let text = String::from_utf8_lossy(&line.line);
    let row = Row {
        time: line.at.map(|at| at.to_string()),
        replica: line.replica.to_string(),
        stream: match line.stream {
            LogStream::Stdout => "stdout",
            LogStream::Stderr => "stderr",
        },
        line: &text,
        line_base64: std::str::from_utf8(&line.line).err().map(|_| STANDARD.encode(&line.line)),
        goes_on: line.goes_on,
    };
    // Texts, and nothing else, always have a JSON.
    let text = serde_json::to_string(&row).unwrap_or_default();
    let mut bytes = foreign::json(&text).into_owned().into_bytes();
    bytes.push(b'\n');
    bytes
}

pub(crate) async fn run(cx: &Context, args: Logs) -> Result<Reply, Error> {
    let format = cx.global.format();
    if format == Format::Id {
        return Err(Error::new(Kind::Usage, "lines of a log have no ids").hint("use -o table or -o json"));
    }
    let keys = keys(&args.targets)?;
    let [key] = keys.as_slice() else {
        return Err(Error::new(Kind::Usage, "logs are of one target").hint("name one with --target"));
    };
    let container = args.container.clone();
    let request = LogsRequest { key: key.clone(), container, tail: Some(args.tail), follow: args.follow };
    let printer = Printer { format, timestamps: args.timestamps, raw: args.raw };
    let mut failed = None;
    let mut each = |line: LogLine| {
        if failed.is_some() {
            return;
        }
        let mut stdout = std::io::stdout().lock();
        match stdout.write_all(&printer.bytes(&line)).and_then(|()| stdout.flush()) {
            Ok(()) => {}
            // A reader that went away ends a pipe as it always does.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(0),
            Err(error) if args.follow => {
                crate::output::print_error_line(&format_args!("the lines cannot be written: {error}"));
                std::process::exit(code(Kind::Operational).into());
            }
            Err(error) => failed = Some(error),
        }
    };
    let found = cx.service.logs(request, &mut each).await?;
    if let Some(error) = failed {
        return Err(Error::new(Kind::Operational, format!("the lines cannot be written: {error}")));
    }
    if let (0, Some(container)) = (found, &args.container) {
        let message = format!("{key} has no container `{container}`");
        return Err(Error::new(Kind::Usage, message).hint("list them with: haloy status -o json"));
    }
    if found == 0 {
        return Err(Error::new(Kind::Operational, format!("{key} has no containers")).hint("haloy status"));
    }
    Ok(Reply::nothing())
}

#[cfg(test)]
mod tests {
    use super::*;
    use haloy_ledger::ids::{DeploymentId, ReplicaId};

    fn line(bytes: &[u8]) -> LogLine {
        let deployment: DeploymentId = "01k99q0xv74s3h8r0z8z44vf3y".parse().expect("an id");
        LogLine {
            replica: ReplicaId { deployment, index: 1 },
            at: "2026-11-02T12:00:00.5Z".parse().ok(),
            stream: LogStream::Stderr,
            line: bytes.to_vec(),
            goes_on: false,
        }
    }

    #[test]
    fn a_line_is_shown_and_no_terminal_obeys_it_unless_that_is_asked_for() {
        let shown = |raw, timestamps, bytes: &[u8]| {
            Printer { format: Format::Table, timestamps, raw }.bytes(&line(bytes))
        };
        assert_eq!(shown(false, false, b"hello"), b"01k99q0xv7/2 | hello\n");
        assert_eq!(shown(false, true, b"hello"), b"01k99q0xv7/2 | 2026-11-02T12:00:00.5Z hello\n");
        let hostile = b"\x1b[2J\x1b]0;x\x07\xff\x1b[31mred";
        let text = String::from_utf8(shown(false, false, hostile)).expect("text");
        assert_eq!(text, "01k99q0xv7/2 | \\u{1b}[2J\\u{1b}]0;x\\u{7}\u{fffd}\u{1b}[31mred\u{1b}[0m\n");
        assert!(shown(true, false, hostile).ends_with(b"\x1b[2J\x1b]0;x\x07\xff\x1b[31mred\n"));
    }

    #[test]
    fn a_line_of_json_holds_every_byte() {
        let row = |bytes: &[u8]| -> serde_json::Value {
            let text = String::from_utf8(json(&line(bytes))).expect("text");
            assert_eq!(text.lines().count(), 1);
            assert!(text.trim_end().chars().all(|c| !c.is_control()), "{text:?}");
            serde_json::from_str(&text).expect("JSON")
        };
        let plain = row("a\u{1b}[2J\u{2028} b".as_bytes());
        let expected = serde_json::json!({
            "time": "2026-11-02T12:00:00.5Z",
            "replica": "01k99q0xv74s3h8r0z8z44vf3y#1",
            "stream": "stderr",
            "line": "a\u{1b}[2J\u{2028} b",
        });
        assert_eq!(plain, expected);
        let bytes = row(b"\xff\xfe");
        assert_eq!((&bytes["line"], &bytes["line_base64"]), (&"\u{fffd}\u{fffd}".into(), &"//4=".into()));
    }
}
