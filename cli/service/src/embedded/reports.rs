//! What the edge reports: taken into the log, or kept aside where the log will never take it.

use super::{Embedded, Open};
use crate::{Finding, Follow};
use haloy_edge::{ControlError, Reported};
use haloy_ledger::files::{self, Readers};
use haloy_ledger::log::{AppendError, LogError};
use haloy_ledger::{CommandContext, ExecuteError};
use std::path::Path;
use std::sync::Arc;

/// Reports that the ledger refused, one a line, in the folder of the edge.
const REFUSED: &str = "refused.jsonl";

/// Whether the ledger rejects this report for good, rather than for the moment.
fn refused_for_ever(error: &ExecuteError) -> bool {
    match error {
        ExecuteError::Rejected(_) | ExecuteError::RejectedAtEdge(_) => true,
        ExecuteError::Append(error) => match error {
            AppendError::KeyReused { .. }
            | AppendError::TooLarge { .. }
            | AppendError::NotAKey
            | AppendError::TooMany { .. }
            | AppendError::NoEvents { .. } => true,
            AppendError::Log(error) => log_refused(error),
            AppendError::Conflict { .. }
            | AppendError::Clock { .. }
            | AppendError::Frozen { .. }
            | AppendError::Broken(_)
            | AppendError::Closed => false,
        },
        ExecuteError::Log(error) => log_refused(error),
    }
}

fn log_refused(error: &LogError) -> bool {
    matches!(error, LogError::Encode { .. } | LogError::Projection { .. })
}

/// Keeps a report that will never be in the log, and why.
fn keep_refused(folder: &Path, reported: &Reported, why: &str) -> std::io::Result<()> {
    let path = folder.join(REFUSED);
    let mut lines = files::read_if_there(&path)?.unwrap_or_default();
    let known = format!("\"key\":{}", serde_json::json!(reported.key));
    if lines.windows(known.len()).any(|here| here == known.as_bytes()) {
        return Ok(());
    }
    let line =
        serde_json::json!({ "key": reported.key, "at": reported.at, "what": reported.what, "why": why });
    lines.extend_from_slice(format!("{line}\n").as_bytes());
    files::write_whole(&path, &lines, Readers::Owner)
}

/// What the edge could not read, and what the ledger would not take: evidence that is not in the log.
fn aside_finding(folder: &Path) -> Option<Finding> {
    let what = "edge files".into();
    let mut aside = match haloy_edge::kept_aside(folder) {
        Ok(aside) => aside,
        Err(error) => {
            let found = format!("{} cannot be listed: {error}", folder.display());
            return Some(Finding { what, ok: false, found, fix: None });
        }
    };
    aside.extend(folder.join(REFUSED).exists().then(|| REFUSED.to_owned()));
    if aside.is_empty() {
        return None;
    }
    let found = format!("not in the log, and kept aside: {}", aside.join(", "));
    let fix = format!("read them in {}, then remove them there", folder.display());
    Some(Finding { what, ok: false, found, fix: Some(fix) })
}

impl Embedded {
    /// Records what the edge saw since the ledger was last held. It never blocks a command: reports that
    /// cannot be recorded now wait, and a report that the ledger will never take is kept aside.
    pub(super) async fn collect(&self, open: &Open, context: &CommandContext, follow: &Arc<dyn Follow>) {
        let reports = match self.client().reports().await {
            Ok(reports) => reports,
            Err(ControlError::NotRunning(_)) => return,
            Err(error) => {
                return follow.note(&format!("what the edge reports cannot be recorded: {error}"));
            }
        };
        let mut taken = Vec::new();
        for reported in reports {
            let context = CommandContext::system(context.tool.clone(), context.correlation.clone());
            let report = reported.clone();
            let done =
                open.handle.call(move |ledger| ledger.report(report.key, report.at, report.what, &context));
            if let Err(error) = done.await {
                let told = format!("a report of the edge cannot be recorded: {error}");
                if !refused_for_ever(&error) {
                    // The command itself meets the same error, and reports what to do.
                    follow.note(&told);
                    break;
                }
                match keep_refused(&self.options.edge_folder(), &reported, &error.to_string()) {
                    Ok(()) => follow.note(&format!("{told}; it is kept in {REFUSED}")),
                    Err(unkept) => {
                        follow.note(&format!("{told}; nor can it be kept aside: {unkept}"));
                        continue;
                    }
                }
            }
            taken.push(reported.key);
        }
        if !taken.is_empty() {
            // Without this the edge reports them again, and the key makes them one.
            drop(self.client().taken(&taken).await);
        }
    }

    /// Files of the edge that a person is to look at.
    pub(super) fn edge_files_finding(&self) -> Option<Finding> {
        aside_finding(&self.options.edge_folder())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Notes, options, simulated};
    use super::*;
    use crate::Interrupt;
    use haloy_ledger::edge::Report;
    use haloy_ledger::ids::Timestamp;
    use std::io::{Read, Write};
    use std::os::unix::net::UnixListener;
    use std::sync::Mutex;

    /// Answers as the socket of an edge does: these reports, and which of them were taken.
    fn edge(folder: &Path, reports: Vec<Reported>) -> Arc<Mutex<Vec<String>>> {
        std::fs::create_dir_all(folder).expect("made");
        let listener = UnixListener::bind(folder.join("edge.sock")).expect("bound");
        let (taken, told) =
            (Arc::<Mutex<Vec<String>>>::default(), serde_json::to_string(&reports).expect("data"));
        let answers = Arc::clone(&taken);
        std::thread::spawn(move || {
            for mut client in listener.incoming().flatten() {
                let (mut asked, mut bytes) = (String::new(), [0; 4096]);
                while !asked.contains("\r\n\r\n") || (asked.starts_with("POST") && !asked.ends_with(']')) {
                    let read = client.read(&mut bytes).expect("asked");
                    asked.push_str(&String::from_utf8_lossy(&bytes[..read]));
                }
                let body = match asked.split_once("\r\n\r\n") {
                    Some((head, keys)) if head.starts_with("POST") => {
                        answers
                            .lock()
                            .expect("whole")
                            .extend(serde_json::from_str::<Vec<String>>(keys).expect("keys"));
                        "null"
                    }
                    Some(_) | None => told.as_str(),
                };
                let head =
                    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
                client.write_all(format!("{head}{body}").as_bytes()).expect("answered");
            }
        });
        taken
    }

    #[tokio::test]
    async fn a_report_that_the_ledger_refuses_stops_no_command() {
        let folder = tempfile::tempdir().expect("a folder");
        let options = options(folder.path());
        let (names, at) = (|| vec!["a.example".to_owned()], Timestamp(1));
        let imported = |serial: String| Report::Imported { names: names(), serial, not_after: at };
        // No entry is as long as that.
        let reports = [("edge/1", imported("1".repeat(100_000))), ("edge/2", imported("2".to_owned()))];
        let reports = reports.map(|(key, what)| Reported { key: key.to_owned(), at, what });
        let taken = edge(&options.edge_folder(), reports.into());
        let service = simulated(options);
        let notes = Arc::new(Notes::default());
        let follow: Arc<dyn Follow> = Arc::<Notes>::clone(&notes);
        for _ in 0..2 {
            let open = service.open("test", &Interrupt::default(), &follow).await;
            drop(open.unwrap_or_else(|error| panic!("every command fails: {error}")));
        }
        let told = notes.0.lock().expect("whole").join("\n");
        assert!(told.contains("cannot be recorded") && told.contains(REFUSED), "{told}");
        assert!(taken.lock().expect("whole").contains(&"edge/1".to_owned()));
        let kept = std::fs::read_to_string(service.options.edge_folder().join(REFUSED)).expect("kept");
        assert!(kept.contains("edge/1") && kept.contains("CertificateImported takes"));
        assert_eq!(kept.lines().count(), 1, "kept once, however often it is reported");
        let finding = service.edge_files_finding().expect("doctor says so");
        assert!(!finding.ok && finding.found.contains(REFUSED), "{}", finding.found);
        let events = service.view(|view| Ok(view.events(&haloy_ledger::read::EventFilter::default())?)).await;
        let kinds: Vec<String> = events.expect("readable").into_iter().map(|event| event.kind).collect();
        assert!(kinds.contains(&"CertificateImported".to_owned()), "the other one is recorded: {kinds:?}");
    }
}
