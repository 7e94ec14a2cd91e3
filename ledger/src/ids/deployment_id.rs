//! Identifiers made by the ledger: ULIDs, shown in lower case.

use super::InvalidId;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use ulid::Ulid;

const ULID_RULE: &str = "an id is a ULID: 26 letters and digits, with or without `dep_` in front";

fn parse_ulid(what: &'static str, text: &str) -> Result<Ulid, InvalidId> {
    let bare = text.strip_prefix("dep_").unwrap_or(text);
    // The parser takes both cases.
    Ulid::from_string(bare).map_err(|_| InvalidId { what, text: text.to_owned(), rule: ULID_RULE })
}

macro_rules! ulid_type {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Ulid);

        impl $name {
            /// Made from a time and 80 bits of randomness, both passed in: ids are facts, too.
            pub fn from_parts(unix_ms: u64, random: u128) -> Self {
                Self(Ulid::from_parts(unix_ms, random))
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                parse_ulid($what, text).map(Self)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.to_string()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut text = [0; ulid::ULID_LEN];
                let text = self.0.array_to_str(&mut text);
                text.make_ascii_lowercase();
                f.pad(text)
            }
        }
    };
}

ulid_type!(
    /// One act of deploying. A deploy's id also names the release that it makes.
    DeploymentId,
    "a deployment id"
);
ulid_type!(
    /// A ledger; labels on containers carry it, so that another ledger's are never touched.
    LedgerId,
    "a ledger id"
);

impl DeploymentId {
    /// The last 8 characters: the random part, as used in container names.
    pub fn tail(&self) -> String {
        let text = self.to_string();
        text[text.len() - 8..].to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_read_back_with_and_without_the_prefix() {
        let id = DeploymentId::from_parts(1_760_000_000_000, 42);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(format!("dep_{id}").parse(), Ok(id));
        assert_eq!(id.to_string().to_ascii_uppercase().parse(), Ok(id));
        assert_eq!(id.to_string(), id.to_string().to_ascii_lowercase());
        assert!("dep_abc".parse::<DeploymentId>().is_err());
    }
}
