//! Private fields: text that must stay erasable, so the log holds only a commitment to it.
//!
//! A commitment is HMAC-SHA256(salt, value) with a 32-byte salt of its own. Salt and value lie
//! beside the log, in keyspace `private`; removing them leaves every hash of the log valid.
//! The rules (`decide`, `evolve`, `owed`) never read a private value.

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::Sha256;

/// Number of a private field within its event; part of the key of its row. For ever, like kinds.
///
/// 1..=9 belong to the envelope; an event's own fields start at 20, env values at 1000.
pub type FieldNumber = u32;

/// What an event holds of a private value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Private {
    /// The value itself: between deciding and committing, never in stored bytes.
    Plain(String),
    /// HMAC-SHA256 over the value, keyed with the salt of its private row.
    Committed([u8; 32]),
}

/// A private value and its salt, as stored beside the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrivateRow {
    /// Field of the event.
    pub field: FieldNumber,
    /// 32 random bytes, for this value alone.
    #[serde(with = "serde_bytes")]
    pub salt: [u8; 32],
    /// The value.
    pub value: String,
}

impl PrivateRow {
    /// The commitment that the event carries for this row.
    pub fn commitment(&self) -> [u8; 32] {
        commit(&self.salt, &self.value)
    }
}

/// HMAC-SHA256(salt, value).
pub fn commit(salt: &[u8; 32], value: &str) -> [u8; 32] {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(salt).expect("HMAC takes keys of any length");
    mac.update(value.as_bytes());
    mac.finalize().into_bytes().into()
}

impl Private {
    /// Turns a plain value into its commitment and returns the row to store; `None` if done before.
    pub fn seal(&mut self, field: FieldNumber, salt: [u8; 32]) -> Option<PrivateRow> {
        match std::mem::replace(self, Self::Committed([0; 32])) {
            Self::Plain(value) => {
                let row = PrivateRow { field, salt, value };
                *self = Self::Committed(row.commitment());
                Some(row)
            }
            committed @ Self::Committed(_) => {
                *self = committed;
                None
            }
        }
    }
}

impl From<String> for Private {
    fn from(value: String) -> Self {
        Self::Plain(value)
    }
}

impl From<&str> for Private {
    fn from(value: &str) -> Self {
        Self::Plain(value.to_owned())
    }
}

impl Serialize for Private {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            // A plain value in the log could never be erased again: refuse to write it.
            Self::Plain(_) => {
                Err(serde::ser::Error::custom("a private value was not committed before encoding"))
            }
            Self::Committed(commitment) => serde_bytes::serialize(commitment, serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Private {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde_bytes::deserialize(deserializer).map(Self::Committed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_value_is_never_encoded() {
        assert!(rmp_serde::to_vec_named(&Private::from("canary")).is_err());
    }

    #[test]
    fn sealing_keeps_the_value_beside_and_a_commitment_in_place() {
        let mut private = Private::from("canary");
        let row = private.seal(7, [3; 32]).expect("was plain");
        assert_eq!((row.field, row.value.as_str()), (7, "canary"));
        assert_eq!(private, Private::Committed(row.commitment()));
        assert_eq!(private.seal(7, [4; 32]), None);
        let bytes = rmp_serde::to_vec_named(&private).expect("committed");
        assert_eq!(rmp_serde::from_slice::<Private>(&bytes).expect("reads"), private);
    }
}
