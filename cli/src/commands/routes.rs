//! `haloy routes`.

use super::Context;
use crate::error::Error;
use crate::output::Reply;
use crate::output::table::Table;
use haloy_service::RoutesAnswer;

/// Show the owner of each domain, and the replicas that answer for it.
///
/// Replicas that the log routes to and their current places, as reported by Docker; `differs` where the edge
/// serves something else, or a replica is not where the route leads.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:\n  haloy routes\n  haloy routes -o json")]
pub struct Routes {}

pub(crate) async fn run(cx: &Context, _: Routes) -> Result<Reply, Error> {
    let answer = cx.service.routes().await?;
    Ok(Reply::one("routes/1", &answer, text(&answer, cx.colour)))
}

fn text(answer: &RoutesAnswer, colour: bool) -> String {
    if answer.routes.is_empty() {
        return "no domain is routed; add `domains` to haloy.yaml and deploy\n".to_owned();
    }
    let mut table = Table::new(&["DOMAIN", "TARGET", "REPLICAS", "EDGE", "CERTIFICATE"]);
    for row in &answer.routes {
        let replicas: Vec<&str> = row.replicas.iter().map(String::as_str).collect();
        let replicas = if replicas.is_empty() { "none".to_owned() } else { replicas.join(" ") };
        let at_edge = if row.in_force && !row.differs { "in force" } else { "differs" };
        let certificate = match (row.certificate_until, &row.certificate_refused) {
            (Some(until), _) => format!("until {}", crate::output::time::rfc3339(until)),
            (None, Some(cause)) => format!("refused: {cause}"),
            (None, None) => "none".to_owned(),
        };
        let target = format!("{}/{}", row.app, row.target);
        table.row([row.domain.clone(), target, replicas, at_edge.to_owned(), certificate]);
        for alias in &row.aliases {
            table.row([
                alias.clone(),
                String::new(),
                format!("redirects to {}", row.domain),
                String::new(),
                String::new(),
            ]);
        }
    }
    let edge = match answer.generation {
        Some(generation) => format!("the edge serves generation {generation}\n"),
        None => "no edge runs; start it with: haloy edge run\n".to_owned(),
    };
    table.text(0, colour) + &edge
}
