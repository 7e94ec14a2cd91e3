//! `haloy verify`.

use super::Context;
use crate::error::{Error, Kind, code};
use crate::output::{Reply, progress, time};
use haloy_ledger::integrity::proof_text::Proof;
use haloy_ledger::integrity::verify::Report;
use haloy_service::{VerifyRequest, verifier};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Check the whole ledger: entries, tree, signed heads, order, private values, index, read models, and
/// what is published. Nothing is believed but the hash and the keys.
///
/// With PROOF: check proofs, or a published folder, with a public key and no ledger at hand.
///
/// Ends with exit code 6 if anything is not as it was signed, and shows what is still proved.
#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "Examples:\n  haloy verify\n  haloy verify --against checkpoint-of-march\n  haloy verify deploy.tlog-proof --key 'haloy/01k..+1a2b3c4d+AZ..'\n  haloy verify /mnt/copy/published --key 'haloy/01k..+1a2b3c4d+AZ..'"
)]
pub struct Verify {
    /// A file of proofs, or a folder with a published tree; needs no ledger
    proof: Option<PathBuf>,
    /// Public key to believe, as `haloy key` shows it; repeat it for several
    #[arg(long, value_name = "VKEY")]
    key: Vec<String>,
    /// A checkpoint that was kept: does today's log begin with it?
    #[arg(long, value_name = "CHECKPOINT")]
    against: Option<PathBuf>,
    /// Look at entries from this position on; of earlier ones the published hashes are believed
    #[arg(long, value_name = "POSITION", default_value_t = 0)]
    since: u64,
}

pub(crate) async fn run(cx: &Context, args: Verify) -> Result<Reply, Error> {
    let started = Instant::now();
    let published = match &args.proof {
        Some(path) if path.is_dir() => Some((path.clone(), args.key.clone())),
        Some(path) => return proofs(path, &args.key),
        None => None,
    };
    if published.is_some() && args.key.is_empty() {
        return Err(Error::new(Kind::Usage, "no key to verify signatures with was given")
            .hint("add --key VKEY; the owner of the ledger shows it with: haloy key"));
    }
    if published.is_none() && !args.key.is_empty() {
        return Err(Error::new(Kind::Usage, "--key is for a proof or a published folder")
            .hint("a ledger names its own keys; to check against what you kept: --against CHECKPOINT"));
    }
    let against = args.against.as_deref().map(read).transpose()?;
    let counter = progress::counter(cx.global.progress, cx.global.quiet, "entries");
    let request = VerifyRequest { since: args.since, against, published };
    let report = cx.service.verify(request, counter).await?;
    let text = text(&report, u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX));
    let code = if report.faults.is_empty() { 0 } else { code(Kind::Verification) };
    Ok(Reply::one("verify/1", &report, text).exit(code))
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|error| Error::new(Kind::Usage, format!("{}: {error}", path.display())))
}

fn proofs(path: &Path, keys: &[String]) -> Result<Reply, Error> {
    if keys.is_empty() {
        return Err(Error::new(Kind::Usage, "no key to verify signatures with was given")
            .hint("add --key VKEY; the owner of the ledger shows it with: haloy key"));
    }
    let known = keys.iter().map(|key| verifier(key)).collect::<Result<Vec<_>, _>>()?;
    let refused = |cause: String| Error::new(Kind::Verification, format!("{}: {cause}", path.display()));
    let text = String::from_utf8(read(path)?).map_err(|_| refused("it is not text".to_owned()))?;
    let proofs = Proof::parse_all(&text).map_err(|error| refused(error.to_string()))?;
    let mut lines = String::new();
    let mut rows = Vec::new();
    for proof in &proofs {
        let head = proof.verify(&known).map_err(|error| refused(error.to_string()))?;
        let entry = proof.entry.as_deref().unwrap_or_default();
        let raw = haloy_ledger::log::codec::decode_raw(entry).map_err(|error| refused(error.to_string()))?;
        let kind = haloy_ledger::event::AnyEvent::kinds().find(|kind| kind.number == raw.head.kind);
        let kind = kind.map_or_else(|| format!("kind {}", raw.head.kind), |kind| kind.name.to_owned());
        lines.push_str(&format!(
            "#{} {kind} of {}, {}: in {} with {} entries\n",
            proof.index,
            raw.envelope.stream,
            time::rfc3339(raw.head.recorded),
            head.origin,
            head.size
        ));
        rows.push(serde_json::json!({
            "position": proof.index, "kind": kind, "stream": raw.envelope.stream.to_string(),
            "recorded": raw.head.recorded, "origin": head.origin, "size": head.size,
            "payload": raw.payload,
        }));
    }
    lines.push_str(&format!("{} proved\n", events(proofs.len() as u64)));
    Ok(Reply::list("proved/1", &rows, lines))
}

fn events(count: u64) -> String {
    if count == 1 { "1 event".to_owned() } else { format!("{count} events") }
}

fn text(report: &Report, took_ms: u64) -> String {
    let origin = report.origin.as_deref().unwrap_or("a ledger without a head");
    let mut text = String::new();
    if report.faults.is_empty() {
        text.push_str(&format!("{origin}: {} are exactly those that were signed\n", events(report.entries)));
        text.push_str(&format!("  root {}, signed by {}\n", report.root, report.signed_by.join(", ")));
    } else {
        text.push_str(&format!("{origin}: NOT as it was signed\n"));
        for fault in &report.faults {
            let at = fault.position.map_or_else(String::new, |at| format!(" (from {at} on)"));
            text.push_str(&format!("  {fault}{at}\n"));
        }
        let proved = match report.proved {
            0 => "no event of the store is still proved".to_owned(),
            1 => "still proved: the event #0".to_owned(),
            more => format!("still proved: the events #0 to #{}", more - 1),
        };
        text.push_str(&format!("  {proved}, of {}\n", report.entries));
    }
    if let Some(against) = &report.against {
        let word =
            if against.extends { "today's log begins with it" } else { "today's log does not begin with it" };
        text.push_str(&format!("  kept head of {} entries, root {}: {word}\n", against.size, against.root));
    }
    text.push_str("  looked at\n");
    let width = report.looked_at.iter().map(|looked| looked.count.to_string().len()).max().unwrap_or(0);
    for looked in report.looked_at.iter().filter(|looked| looked.count > 0) {
        text.push_str(&format!("    {:width$} {}\n", looked.count, looked.what));
    }
    if let Some(newer) = &report.newer {
        text.push_str(&format!("  {newer}: index, private values and read models were not looked at\n"));
    }
    if report.since > 0 {
        text.push_str(&format!("  below #{} only published hashes were looked at\n", report.since));
    }
    text.push_str(&format!("  took {}\n", time::took(took_ms)));
    if !report.faults.is_empty() {
        text.push_str("rebuild what is damaged with:  haloy recover\n");
    }
    text
}
