//! `haloy doctor`.

use super::Context;
use crate::error::Error;
use crate::output::Reply;

/// Check what haloy needs: Docker, ledger, clock, disk; each with the fix.
#[derive(Debug, clap::Args)]
pub struct Doctor {}

pub(crate) async fn run(cx: &Context, _args: Doctor) -> Result<Reply, Error> {
    let findings = cx.service.doctor().await?;
    let mut text = String::new();
    for finding in &findings {
        let sign = if finding.ok { "ok  " } else { "BAD " };
        text.push_str(&format!("{sign} {:<11}{}\n", finding.what, finding.found));
        if let Some(fix) = &finding.fix {
            text.push_str(&format!("     fix: {fix}\n"));
        }
    }
    let code = u8::from(findings.iter().any(|finding| !finding.ok));
    Ok(Reply::list("doctor/1", &findings, text).exit(code))
}
