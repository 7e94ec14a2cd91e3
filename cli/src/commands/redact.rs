//! `haloy redact`.

use super::{Context, confirm};
use crate::args::MetadataArgs;
use crate::error::{Error, Kind};
use crate::output::Reply;
use haloy_service::RedactRequest;

/// Erase private values for ever: reasons, names, hosts, env values, log lines.
///
/// The log holds only commitments to them, so every head and every proof stays valid; that they were
/// erased, by whom and on which basis is recorded. What is held (`haloy hold`) cannot be erased. A
/// release whose env values are erased cannot be restored any more. Backups are copies of their own.
#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "Examples:\n  haloy redact 01k99pmr --field name --basis \"GDPR art. 17, request 88\"\n  haloy redact '#17' --basis \"a password in a reason\""
)]
pub struct Redact {
    /// Deployment, by a name of its release, its id or a prefix: every event of it; or `#POSITION`
    what: String,
    /// Only these: reason, ticket, name, host, address, email, log, hold, credentials, command, env, build-args, hooks, headers
    #[arg(long, value_name = "FIELD", value_delimiter = ',')]
    field: Vec<String>,
    /// The law, request or contract that demands it; recorded, and not private: do not repeat what is erased
    #[arg(long, value_name = "TEXT")]
    basis: String,
    #[command(flatten)]
    why: MetadataArgs,
}

/// Names of fields, and their numbers; a name may stand for several.
const FIELDS: [(&str, (u32, u32)); 15] = [
    ("reason", (1, 1)),
    ("ticket", (2, 2)),
    ("name", (3, 3)),
    ("name", (7, 7)),
    ("host", (4, 4)),
    ("address", (5, 5)),
    ("email", (20, 20)),
    ("log", (21, 22)),
    ("hold", (23, 23)),
    ("credentials", (30, 31)),
    ("command", (32, 32)),
    ("env", (1000, 4999)),
    ("build-args", (5000, 5999)),
    ("hooks", (6000, 6999)),
    ("headers", (7000, 7999)),
];

pub(crate) async fn run(cx: &Context, args: Redact) -> Result<Reply, Error> {
    if args.basis.trim().is_empty() {
        return Err(
            Error::new(Kind::Usage, "erasing needs a basis").hint("add --basis \"which law or request\"")
        );
    }
    let mut fields = Vec::new();
    for name in &args.field {
        let before = fields.len();
        fields.extend(FIELDS.iter().filter(|(known, _)| known == name).map(|(_, range)| *range));
        if fields.len() == before {
            let mut names: Vec<&str> = FIELDS.iter().map(|(name, _)| *name).collect();
            names.dedup();
            return Err(Error::new(Kind::Usage, format!("there is no field `{name}`"))
                .hint(format!("fields are {}", names.join(", "))));
        }
    }
    confirm(cx, &format!("Private values of {} are erased for ever.", args.what), None)?;
    let request = RedactRequest { what: args.what, fields, basis: args.basis, why: (&args.why).into() };
    let answer = cx.service.redact(request).await?;
    let count: usize = answer.fields.iter().map(|(_, fields)| fields.len()).sum();
    let events = answer.fields.len();
    let (values, of) = (counted(count, "private value"), counted(events, "event"));
    let text = format!("{values} of {of} erased, recorded as {}\n", answer.recorded);
    Ok(Reply::one("redacted/1", &answer, text))
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
