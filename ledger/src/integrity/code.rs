//! Names of faults: what a ledger is refused for, and what a check found. For ever, like kinds.

use crate::ids::Position;
use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($( $(#[doc = $about:literal])+ $name:ident = $text:literal, )+) => {
        /// What is wrong with a ledger.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $( $(#[doc = $about])+ $name, )+ }

        impl Code {
            /// Every code, and its meaning.
            pub const ALL: &'static [(Code, &'static str)] = &[ $( (Self::$name, concat!($($about),+)), )+ ];

            /// As printed and recorded.
            pub fn name(self) -> &'static str {
                match self { $( Self::$name => $text, )+ }
            }
        }
    };
}

codes! {
    /// There are signed heads, and no store.
    StoreMissing = "store-missing",
    /// The store cannot be opened or read.
    StoreUnreadable = "store-unreadable",
    /// The store has fewer entries than a signed head says.
    LogShorter = "log-shorter",
    /// The entries are not those that were signed.
    RootDiffers = "root-differs",
    /// An entry cannot be read.
    EntryUnreadable = "entry-unreadable",
    /// Positions, revisions, times or causes do not follow each other.
    OrderBroken = "order-broken",
    /// The index does not find the stored entries.
    IndexDiffers = "index-differs",
    /// A read model is not what the log says.
    RowsDiffer = "rows-differ",
    /// A private value is missing or not the one that was committed to.
    PrivateDiffers = "private-differs",
    /// There was a signed head, and neither of its two files has a valid one.
    HeadMissing = "head-missing",
    /// One of the two files of heads is not valid; the other one is used.
    HeadDamaged = "head-damaged",
    /// A head is signed by no key of this log.
    HeadForeign = "head-foreign",
    /// Two heads of one size have different roots, or one log does not begin with the other: a fork.
    Fork = "fork",
    /// Nothing was published, or its checkpoint cannot be read.
    CheckpointDamaged = "checkpoint-damaged",
    /// A published tile is missing or not that of the tree.
    TileDiffers = "tile-differs",
    /// A published bundle is missing or does not hold the entries of the log.
    BundleDiffers = "bundle-differs",
    /// The second copy of private values is not the first.
    MirrorDiffers = "mirror-differs",
    /// A value of the vault cannot be opened.
    VaultDamaged = "vault-damaged",
    /// A key is missing.
    KeyLost = "key-lost",
    /// A key is not the one that the log names.
    KeyChanged = "key-changed",
}

impl Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = std::borrow::Cow::<str>::deserialize(deserializer)?;
        let known = Self::ALL.iter().map(|(code, _)| *code).find(|code| code.name() == name);
        known.ok_or_else(|| serde::de::Error::custom(format!("`{name}` is not a code of a fault")))
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A single fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{code}: {cause}")]
pub struct Fault {
    /// Name of the fault.
    pub code: Code,
    /// What was found.
    pub cause: String,
    /// The first entry that it concerns, where it concerns one.
    pub position: Option<Position>,
}

impl Fault {
    /// A fault.
    pub fn new(code: Code, cause: impl Into<String>) -> Self {
        Self { code, cause: cause.into(), position: None }
    }

    /// At an entry.
    #[must_use]
    pub fn at(mut self, position: Position) -> Self {
        self.position = Some(position);
        self
    }
}
