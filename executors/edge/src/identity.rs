//! Who an upstream is: a container, not an address. Docker gives the address of a container that stopped to
//! the next one that starts, before it tells anybody, so that an address says nothing about who answers.
//!
//! A new connection is used for requests only once it is shown where it ends:
//!
//! 1. Before it was made the engine said: the container runs since S, and is at this address by endpoint E.
//! 2. A look that *began after* it was made says the same S and E. An endpoint keeps its address from when it
//!    is made until it is deleted, and its id is never used again: the address was the container's all the
//!    while, and nobody else could answer. No clock is asked.
//!
//! Where the engine does not answer, the kernel may: a connection that is among those of the network
//! namespace of the container's first process ends in that container ([`super::netns`]).
//!
//! Once shown, it stays true for as long as the connection lives: it is a pair of sockets, and the other one
//! is in the network namespace of the container. Should the container go and its address come to another,
//! that one knows no such connection, and answers what comes over it with a reset. So connections that are
//! kept pay once and need no second look.

use async_trait::async_trait;
use haloy_ledger::ids::{AppName, LedgerId, ReplicaId, TargetName};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// Which container is meant.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Subject {
    /// Whose it is.
    pub ledger: LedgerId,
    /// Whose it is.
    pub app: AppName,
    /// Whose it is.
    pub target: TargetName,
    /// Which replica.
    pub replica: ReplicaId,
    /// Its id on the engine; where it is not known, the container is found by its labels.
    pub container: Option<String>,
}

/// One address of a container, and the endpoint of a network that it is by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Name of the network.
    pub network: String,
    /// Id of the endpoint: another one each time that the container joins the network.
    pub endpoint: String,
    /// The address.
    pub address: IpAddr,
}

/// The first process of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Its number.
    pub id: u32,
    /// When it began, in ticks since the machine started: with its number it is this process for good.
    pub began: u64,
}

/// A container that runs, as the engine said at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// Its id.
    pub container: String,
    /// Since when it runs, as the engine writes it.
    pub started: String,
    /// Its first process, where this machine's kernel lets it be seen.
    pub process: Option<Process>,
    /// Where it is.
    pub places: Vec<Place>,
}

impl Sighting {
    /// Whether the container has been at this place without a break between this look and a later one.
    pub fn stayed(&self, later: &Self, place: &Place) -> bool {
        self.container == later.container
            && self.started == later.started
            && self.process == later.process
            && later.places.contains(place)
    }
}

/// What is known of a container now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Looked {
    /// It runs.
    Running(Sighting),
    /// It is there and does not run.
    Stopped,
    /// There is none.
    Gone,
    /// The engine does not say, or is not one whose addresses lead to its containers from here.
    Unknown {
        /// Why not, for the operator.
        why: String,
    },
}

/// Answers where containers are.
#[async_trait]
pub trait Inspector: std::fmt::Debug + Send + Sync {
    /// Looks now: an answer other than `Unknown` is of a moment after the call.
    async fn inspect(&self, subject: &Subject) -> Looked;
}

/// Why no request is sent to a replica.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Doubt {
    /// Its container does not run.
    Stopped,
    /// Its container is gone.
    Gone,
    /// Its container is on no network.
    Nowhere,
    /// It went elsewhere each time that it was connected to.
    Moves,
    /// Nobody can say where its container is.
    Unknown(String),
}

impl Doubt {
    /// For whoever sent the request: nothing that others said.
    pub fn public(&self) -> &'static str {
        match self {
            Self::Stopped => "its container does not run",
            Self::Gone => "its container is gone",
            Self::Nowhere => "its container is on no network",
            Self::Moves => "its container keeps moving",
            Self::Unknown(_) => "the container engine does not say where its container is",
        }
    }
}

impl std::fmt::Display for Doubt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.public())?;
        match self {
            Self::Unknown(why) => write!(f, " ({why})"),
            Self::Stopped | Self::Gone | Self::Nowhere | Self::Moves => Ok(()),
        }
    }
}
