//! Whether the read models follow from the log.

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

/// The read models, each as far as the store has it: what is behind is left for the next open to build.
pub fn as_stored(stored: &dyn Stored) -> Result<Projections, LogError> {
    Projections::default().as_far_as(|checkpoint| stored.row(Keyspace::Rows, checkpoint))
}

/// Compares folded read models with the live ones.
pub fn compare(folding: Folding, stored: &dyn Stored) -> Result<u64, Fault> {
    let compared = folding.compare(&mut |each| stored.scan(Keyspace::Rows, each));
    let report = compared.map_err(|error| not_folded(&error))?;
    match report.differences.first() {
        Some(difference) => Err(Fault::new(Code::RowsDiffer, difference.to_string())),
        None => Ok(report.rows),
    }
}
