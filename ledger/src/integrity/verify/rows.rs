//! Whether the read models are what the log says.

use crate::integrity::code::{Code, Fault};
use crate::log::keys::Keyspace;
use crate::log::{LogError, Stored};
use crate::projection::{Folding, Projections};

/// Compares folded read models with the live ones; those that are behind (of another version of this
/// program) are left for the next open to build.
pub fn compare(folding: Folding, stored: &dyn Stored) -> Result<u64, Fault> {
    let unreadable = |error: LogError| Fault::new(Code::StoreUnreadable, error.to_string());
    let mut behind = Vec::new();
    for id in Projections::default().ids() {
        if stored.row(Keyspace::Rows, &id.checkpoint()).map_err(unreadable)?.is_none() {
            behind.push(id.name);
        }
    }
    let report = folding.compare(&mut |each| stored.scan(Keyspace::Rows, each)).map_err(unreadable)?;
    let difference = report.differences.iter().find(|found| !behind.contains(&found.projection.as_str()));
    match difference {
        Some(found) => {
            let cause = format!("a row of `{}` is {} (key {})", found.projection, found.what, found.key);
            Err(Fault::new(Code::RowsDiffer, cause))
        }
        None => Ok(report.rows),
    }
}
