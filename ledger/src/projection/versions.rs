//! Numbers and versions of the read models, in one place.
//!
//! A number is for ever. A changed row is a new version: it is built beside the old one when a ledger is
//! opened for writing, and then the rows of the old one are removed.

use super::rows::ProjectionId;
use std::ops::RangeInclusive;

const fn id(number: u8, version: u8, name: &'static str) -> ProjectionId {
    ProjectionId { name, number, version }
}

pub(super) const STATE: ProjectionId = id(1, 5, "state");
pub(super) const DEPLOYMENTS: ProjectionId = id(2, 3, "deployments");
pub(super) const ROLLBACK_TARGETS: ProjectionId = id(3, 4, "rollback_targets");
pub(super) const STATUS: ProjectionId = id(4, 2, "status");
pub(super) const RETENTION: ProjectionId = id(5, 3, "retention");
pub(super) const PENDING: ProjectionId = id(6, 4, "pending");
pub(super) const ERASED: ProjectionId = id(11, 1, "erased");

/// Versions of which a store may have rows that nothing reads any more, by number. Read model 7 listed
/// events by actor and by stream; index key 5 and the envelopes say the same.
const GONE: [(u8, RangeInclusive<u8>); 7] =
    [(1, 1..=4), (2, 1..=2), (3, 1..=3), (4, 1..=1), (5, 1..=2), (6, 1..=3), (7, 1..=1)];

/// Read models that were, each in every version that it had.
pub fn gone() -> impl Iterator<Item = ProjectionId> {
    GONE.into_iter().flat_map(|(number, versions)| versions.map(move |version| id(number, version, "gone")))
}

#[cfg(test)]
mod tests {
    use super::super::Projections;
    use super::*;

    #[test]
    fn every_version_that_was_is_gone_and_none_that_is() {
        let gone: Vec<_> = gone().map(|id| (id.number, id.version)).collect();
        for id in Projections::default().ids() {
            let before: Vec<_> = gone.iter().filter(|(number, _)| *number == id.number).collect();
            assert_eq!(before.len(), usize::from(id.version - 1), "{}", id.name);
            assert!(before.iter().all(|(_, version)| *version < id.version), "{}", id.name);
        }
    }
}
