//! Rows as bytes: keys with number and version in front, values as MessagePack maps.

use crate::ids::StreamId;
use crate::log::{Rows, RowsError, RowsMut};
use serde::{Serialize, de::DeserializeOwned};
use std::io::Write;

/// Rows are encoded into as much, so that few grow on the way.
const USUAL_ROW: usize = 1024;

/// Identity of a projection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProjectionId {
    /// Name, for people.
    pub name: &'static str,
    /// Number in keys; for ever.
    pub number: u8,
    /// Version of the rows; a change means rebuilding.
    pub version: u8,
}

/// Why a projection could not fold an event.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ProjectionError {
    /// The store could not be read.
    #[error(transparent)]
    Rows(#[from] RowsError),
    /// A row cannot be read or written.
    #[error("a row cannot be coded: {0}")]
    Code(String),
    /// An event needs a row that is not there: the log or the rows are broken.
    #[error("the row of {0} is missing")]
    Missing(String),
    /// No decision of haloy leads to an event here: somebody else wrote the log.
    #[error("deployment {0} begins while another one is on its way")]
    Overlaps(String),
}

/// Where a listing goes on, newest first: keys before this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Continue before this position.
    pub before: Option<crate::ids::Position>,
    /// At most this many.
    pub limit: usize,
}

impl ProjectionId {
    /// Prefix of everything of this projection.
    pub fn prefix(self) -> Vec<u8> {
        vec![self.number, self.version]
    }

    /// Whether this is the key of a row, and not the checkpoint.
    pub fn has_row(self, key: &[u8]) -> bool {
        matches!(key, [number, version, kind, ..] if (*number, *version) == (self.number, self.version) && *kind != 0)
    }

    /// Key of the checkpoint: how far the projection has read.
    pub fn checkpoint(self) -> Vec<u8> {
        vec![self.number, self.version, 0]
    }

    /// Key of a row: one letter for its kind, then its parts.
    pub fn key(self, kind: u8, parts: &[&[u8]]) -> Vec<u8> {
        let mut key = Vec::with_capacity(3 + parts.iter().map(|part| part.len()).sum::<usize>());
        key.extend_from_slice(&[self.number, self.version, kind]);
        for part in parts {
            key.extend_from_slice(part);
        }
        key
    }
}

/// The name of a target's stream with an end mark, so that no name is a prefix of another's rows.
pub(super) fn stream_part(stream: &StreamId) -> Vec<u8> {
    let mut part = Vec::with_capacity(64);
    // Writing into memory cannot fail.
    let _written = write!(part, "{stream}\0");
    part
}

pub(super) fn get<T: DeserializeOwned>(rows: &dyn Rows, key: &[u8]) -> Result<Option<T>, ProjectionError> {
    rows.get(key)?.map(|bytes| decode(&bytes)).transpose()
}

pub(super) fn put<T: Serialize>(
    rows: &mut dyn RowsMut,
    key: Vec<u8>,
    row: &T,
) -> Result<(), ProjectionError> {
    let mut bytes = Vec::with_capacity(USUAL_ROW);
    let written = rmp_serde::encode::write_named(&mut bytes, row);
    written.map_err(|error| ProjectionError::Code(error.to_string()))?;
    bytes.shrink_to_fit();
    rows.put(key, bytes);
    Ok(())
}

pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ProjectionError> {
    rmp_serde::from_slice(bytes).map_err(|error| ProjectionError::Code(error.to_string()))
}

/// Every row under a prefix, decoded.
pub(super) fn all<T: DeserializeOwned>(rows: &dyn Rows, prefix: &[u8]) -> Result<Vec<T>, ProjectionError> {
    let mut found = Vec::new();
    let mut failed = None;
    rows.scan(prefix, false, None, &mut |_, value| match decode(value) {
        Ok(row) => {
            found.push(row);
            true
        }
        Err(error) => {
            failed = Some(error);
            false
        }
    })?;
    failed.map_or(Ok(found), Err)
}
