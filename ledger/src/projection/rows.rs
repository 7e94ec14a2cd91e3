//! Rows as bytes: keys with number and version in front, values as MessagePack maps behind the position of the
//! event that they were last put for.

use crate::ids::{Position, StreamId};
use crate::log::{LogError, Rows, RowsError, RowsMut};
use serde::{Serialize, de::DeserializeOwned};
use std::io::Write;

/// Rows are encoded into a buffer of this size, so that few have to grow it.
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
    /// No decision of haloy leads to such an event: the log was written by something else.
    #[error("deployment {0} begins while another one is in progress")]
    Overlaps(String),
}

impl From<ProjectionError> for LogError {
    fn from(error: ProjectionError) -> Self {
        Self::Store(error.to_string())
    }
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

/// The event that a row of read models 1 to 6 was last put for, and the row.
pub(super) fn stamped(value: &[u8]) -> Result<(Position, &[u8]), ProjectionError> {
    let stamped = value.split_first_chunk();
    let (stamp, row) = stamped.ok_or_else(|| ProjectionError::Code("it has no position".to_owned()))?;
    Ok((Position(u64::from_be_bytes(*stamp)), row))
}

/// The event that a row of read models 1 to 6 was last put for.
pub fn stamp(value: &[u8]) -> Option<Position> {
    stamped(value).ok().map(|(stamp, _)| stamp)
}

pub(super) fn get<T: DeserializeOwned>(rows: &dyn Rows, key: &[u8]) -> Result<Option<T>, ProjectionError> {
    rows.get(key)?.map(|bytes| decode(&bytes)).transpose()
}

/// Puts a row for the event at this position.
pub(super) fn put<T: Serialize>(
    rows: &mut dyn RowsMut,
    key: Vec<u8>,
    at: Position,
    row: &T,
) -> Result<(), ProjectionError> {
    let mut bytes = Vec::with_capacity(USUAL_ROW);
    bytes.extend_from_slice(&at.0.to_be_bytes());
    encode(&mut bytes, row)?;
    bytes.shrink_to_fit();
    rows.put(key, bytes);
    Ok(())
}

pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ProjectionError> {
    decode_plain(stamped(bytes)?.1)
}

/// Reads a row without a position: a checkpoint, or one that is a position.
pub(super) fn get_plain<T: DeserializeOwned>(
    rows: &dyn Rows,
    key: &[u8],
) -> Result<Option<T>, ProjectionError> {
    rows.get(key)?.map(|bytes| decode_plain(&bytes)).transpose()
}

/// Puts a row without a position.
pub(super) fn put_plain<T: Serialize>(
    rows: &mut dyn RowsMut,
    key: Vec<u8>,
    row: &T,
) -> Result<(), ProjectionError> {
    let mut bytes = Vec::new();
    encode(&mut bytes, row)?;
    rows.put(key, bytes);
    Ok(())
}

fn encode<T: Serialize>(bytes: &mut Vec<u8>, row: &T) -> Result<(), ProjectionError> {
    let written = rmp_serde::encode::write_named(bytes, row);
    written.map_err(|error| ProjectionError::Code(error.to_string()))
}

pub(super) fn decode_plain<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ProjectionError> {
    rmp_serde::from_slice(bytes).map_err(|error| ProjectionError::Code(error.to_string()))
}

/// Key and value of a row, as they are stored.
type RawRow = (Vec<u8>, Vec<u8>);

/// Every row under a prefix, as it is stored.
pub(super) fn all_raw(rows: &dyn Rows, prefix: &[u8]) -> Result<Vec<RawRow>, ProjectionError> {
    let mut found = Vec::new();
    rows.scan(prefix, false, None, &mut |key, value| {
        found.push((key.to_vec(), value.to_vec()));
        true
    })?;
    Ok(found)
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
