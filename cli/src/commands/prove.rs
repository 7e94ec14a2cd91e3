//! `haloy prove`.

use super::Context;
use crate::error::{Error, Kind};
use crate::output::Reply;
use std::path::PathBuf;

/// Prove that the events of a deployment are in the log, to anybody who has only the public key.
///
/// Prints proofs (c2sp.org/tlog-proof@v1) with the events themselves. Private values are not in them.
/// Check them with `haloy verify FILE --key VKEY`, or with any other verifier of that format.
#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "Examples:\n  haloy prove 01k99pmr > deploy.tlog-proof\n  haloy prove '#17'\n  haloy prove 01k99pmr --out proofs"
)]
pub struct Prove {
    /// Deployment, by a name of its release, its id or a prefix; or `#POSITION`
    what: String,
    /// Write a file for each event into this folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(crate) async fn run(cx: &Context, args: Prove) -> Result<Reply, Error> {
    let rows = cx.service.prove(&args.what).await?;
    let ids: Vec<u64> = rows.iter().map(|row| row.position).collect();
    let text = match &args.out {
        None => rows.iter().map(|row| row.proof.as_str()).collect(),
        Some(folder) => {
            let failed = |error: std::io::Error| {
                Error::new(Kind::Operational, format!("{}: {error}", folder.display()))
            };
            std::fs::create_dir_all(folder).map_err(failed)?;
            for row in &rows {
                let path = folder.join(format!("{}.tlog-proof", row.position));
                std::fs::write(path, &row.proof).map_err(failed)?;
            }
            format!("{} proofs in {}\n", rows.len(), folder.display())
        }
    };
    Ok(Reply::list("proofs/1", &rows, text).ids(ids))
}
