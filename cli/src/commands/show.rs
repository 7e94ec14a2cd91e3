//! `haloy show`.

use super::Context;
use crate::error::Error;
use crate::output::{Reply, foreign, time, words};
use haloy_service::ShowAnswer;

/// Show one deployment: its steps and timings, what its configuration changed, and the last lines of
/// a replica that failed.
#[derive(Debug, clap::Args)]
pub struct Show {
    /// Deployment: its id or a unique prefix
    id: String,
}

pub(crate) async fn run(cx: &Context, args: Show) -> Result<Reply, Error> {
    let answer = cx.service.show(&args.id).await?;
    Ok(Reply::one("deployment/1", &answer, text(&answer)).ids([answer.deployment.id]))
}

fn text(answer: &ShowAnswer) -> String {
    let row = &answer.deployment;
    let kind = if row.rollback { "rollback" } else { "deploy" };
    let mut text = format!("{kind} {}\n", row.id);
    let mut line = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            text.push_str(&format!("  {name:<9}{}\n", foreign::line(&value)));
        }
    };
    line("target", Some(format!("{}/{}", row.app, row.target)));
    line("image", Some(row.image.clone()));
    line("digest", row.digest.clone());
    line("release", row.rollback.then(|| row.release.to_string()));
    line("asked", Some(time::rfc3339(row.at)));
    line("by", row.by.clone());
    line("reason", row.reason.clone());
    line("ticket", row.ticket.clone());
    line("commit", row.commit.clone());
    line("ci", row.ci.clone());
    let outcome = row.ending.map_or("unfinished; settle with: haloy settle", words::ending);
    line("outcome", Some(outcome.to_owned()));
    line("cause", row.cause.as_ref().map(ToString::to_string));
    line("detail", super::deploy::beginning(row.detail.as_deref(), &answer.log_tail).map(words::one_line));
    line("took", row.took_ms.map(time::took));
    text.push_str(&super::deploy::warned(&answer.warnings));
    text.push_str("steps\n");
    for event in &answer.events {
        let after = time::took(event.view.recorded.ms_since(row.at));
        let sentence = event.sentence.clone().unwrap_or_else(|| event.view.kind.clone());
        text.push_str(&format!(
            "  {:<6} {after:>9}  {}\n",
            event.view.position.to_string(),
            foreign::line(&sentence)
        ));
    }
    if !answer.changes.is_empty() {
        text.push_str("configuration, against the deployment before\n");
        answer.changes.iter().for_each(|change| text.push_str(&format!("  {}\n", foreign::line(change))));
    }
    if !answer.log_tail.is_empty() {
        text.push_str("last lines of what failed\n");
        answer.log_tail.iter().for_each(|line| text.push_str(&format!("  | {line}\n")));
    }
    text
}
