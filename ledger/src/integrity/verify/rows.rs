//! Whether the read models are what the log says.

use crate::integrity::code::{Code, Fault};
use crate::log::keys::Keyspace;
use crate::log::{LogError, Stored};
use crate::projection::{Folding, Projections};

/// An event could not be folded.
pub fn not_folded(error: &LogError) -> Fault {
    if let LogError::Projection { position, .. } = error {
        return Fault::new(Code::RowsDiffer, error.to_string()).at(*position);
    }
    Fault::new(Code::StoreUnreadable, error.to_string())
}

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
    let compared = folding.compare(&mut |each| stored.scan(Keyspace::Rows, each));
    let report = compared.map_err(|error| not_folded(&error))?;
    let difference = report.differences.iter().find(|found| !behind.contains(&found.projection.as_str()));
    match difference {
        Some(difference) => Err(Fault::new(Code::RowsDiffer, difference.to_string())),
        None => Ok(report.rows),
    }
}
