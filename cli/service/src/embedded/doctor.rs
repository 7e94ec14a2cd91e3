//! Checks of everything that haloy needs: Docker, the ledger, the clock, the disk.

use super::{Embedded, running};
use crate::Finding;

pub async fn doctor(service: &Embedded) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(docker) = &service.docker {
        let (ok, found, fix) = match docker.facts().await {
            Ok(facts) => {
                let found = format!(
                    "Docker {} ({}, interface {}) at {}",
                    facts.version, facts.platform, facts.api_version, facts.host
                );
                (true, found, None)
            }
            Err(error) => (false, error.to_string(), Some(error.hint().to_owned())),
        };
        findings.push(Finding { what: "docker".into(), ok, found, fix });
    }
    let there = service.is_there();
    let read = service.read(|ledger| {
        let status = ledger.view(|view| running::status(view, None));
        (ledger.id(), ledger.head(), ledger.pending(), evidence(ledger), status)
    });
    match read.await {
        Ok(_) if there == Ok(false) => {
            let found =
                format!("none yet in {}; the first deploy makes it", service.options.ledger.display());
            findings.push(Finding { what: "ledger".into(), ok: true, found, fix: None });
        }
        Ok((id, head, pending, evidence, status)) => {
            let found = format!("{id}, {} events, in {}", head.next.0, service.options.ledger.display());
            findings.push(Finding { what: "ledger".into(), ok: true, found, fix: None });
            findings.push(published(service, evidence));
            let unsettled = pending.map(|pending| pending.len()).unwrap_or_default();
            let found = match unsettled {
                0 => "nothing is unfinished".to_owned(),
                some => format!("{some} target(s) were interrupted"),
            };
            let fix = (unsettled > 0).then(|| "haloy settle".to_owned());
            findings.push(Finding { what: "unfinished".into(), ok: unsettled == 0, found, fix });
            if let Ok(recorded) = status {
                let apps = recorded.answers.iter().map(|answer| answer.app.clone()).collect();
                findings.extend(service.neighbours_finding(id, apps).await);
                findings.extend(service.replicas_finding(recorded).await);
            }
        }
        Err(error) => {
            findings.push(Finding {
                what: "ledger".into(),
                ok: false,
                found: error.message,
                fix: error.hint,
            });
        }
    }
    findings.extend(service.edge_finding().await);
    findings.extend(service.edge_files_finding());
    findings.push(clock(service).await);
    findings.push(disk(&service.options.ledger));
    findings
}

/// Whether the log can be written and its heads signed.
fn evidence(ledger: &haloy_ledger::Ledger) -> Finding {
    let what = "evidence".into();
    if let Some((code, cause)) = ledger.frozen() {
        let fix = Some("bring the keys back, or take new ones: haloy key adopt".to_owned());
        return Finding { what, ok: false, found: format!("{code}: {cause}"), fix };
    }
    let found = match ledger.last_head() {
        Ok(Some(_)) => "every event is under a signed head; all of it is checked by: haloy verify".to_owned(),
        Ok(None) => "nothing is signed yet".to_owned(),
        Err(error) => return Finding { what, ok: false, found: error.to_string(), fix: None },
    };
    Finding { what, ok: true, found, fix: None }
}

/// A process that closes the ledger has published everything that is signed; one that was killed has not.
fn published(service: &Embedded, evidence: Finding) -> Finding {
    let places = service.ledger_options().places();
    let (signed, published) = haloy_ledger::ledger::sizes(&places);
    let Some(signed) = signed.filter(|_| evidence.ok) else { return evidence };
    match published {
        Some(published) if published >= signed => {
            let found = format!(
                "{signed} events are under a signed head and published; all is checked by: haloy verify"
            );
            Finding { found, ..evidence }
        }
        other => {
            let found = format!("{signed} events are under a signed head, {} published", other.unwrap_or(0));
            let published = places.published().display();
            let fix =
                format!("haloy settle; where that does not help, {published} must be writable and have room");
            Finding { ok: false, found, fix: Some(fix), ..evidence }
        }
    }
}

async fn clock(service: &Embedded) -> Finding {
    let now = service.now();
    let engine = match &service.docker {
        Some(docker) => docker.facts().await.ok().and_then(|facts| {
            let then = facts.clock.parse::<jiff::Timestamp>().ok()?.as_second();
            // No adjustable clock can say how long ago it was queried.
            Some(then.saturating_add(i64::try_from(facts.asked.elapsed().as_secs()).unwrap_or(i64::MAX)))
        }),
        None => None,
    };
    let apart = engine.map(|engine| (engine - now.0 / 1_000_000_000).abs());
    let ok = apart.is_none_or(|apart| apart < 300);
    let found = match apart {
        Some(apart) => format!("{}, {apart} s from Docker's", crate::time::rfc3339(now)),
        None => crate::time::rfc3339(now),
    };
    let fix = (!ok).then(|| "set the clock of this machine, or of Docker's".to_owned());
    Finding { what: "clock".into(), ok, found, fix }
}

fn disk(folder: &std::path::Path) -> Finding {
    /// Below this an append may fail.
    const ENOUGH: u64 = 256 << 20;
    let existing = folder.ancestors().find(|folder| folder.exists()).unwrap_or(folder);
    let free = rustix::fs::statvfs(existing).map(|stat| stat.f_bavail * stat.f_frsize);
    match free {
        Ok(free) => {
            let ok = free >= ENOUGH;
            let found = format!("{} MiB free for the ledger", free >> 20);
            Finding {
                what: "disk".into(),
                ok,
                found,
                fix: (!ok).then(|| "make room on that disk".to_owned()),
            }
        }
        Err(error) => Finding { what: "disk".into(), ok: false, found: error.to_string(), fix: None },
    }
}
