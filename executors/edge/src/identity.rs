//! Identity of an upstream: a container, not an address. Docker gives the address of a stopped container to
//! the next one that starts, before it reports that, so that an address says nothing about the answering
//! container.
//!
//! A new connection is used for requests only once it is shown where it ends:
//!
//! 1. Before it was made the engine said: the container runs since S, and is at this address by endpoint E.
//! 2. A look that *began after* it was made says the same S and E. An endpoint keeps its address from when it
//!    is made until it is deleted, and its id is never reused: the address was the container's all the
//!    while, and no other could answer. No clock is involved.
//!
//! Where the engine does not answer, the kernel may: a connection that is among those of the network
//! namespace of the container's first process ends in that container ([`super::netns`]).
//!
//! Once shown, it stays true for as long as the connection lives: it is a pair of sockets, and the other one
//! is in the network namespace of the container. Should the container go and its address pass to another,
//! that one knows no such connection, and resets what comes over it. So kept connections are verified once
//! only.

use async_trait::async_trait;
use haloy_ledger::ids::{AppName, LedgerId, ReplicaId, TargetName};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// A container to identify.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Subject {
    /// Ledger of the container.
    pub ledger: LedgerId,
    /// App of the container.
    pub app: AppName,
    /// Target of the container.
    pub target: TargetName,
    /// The replica.
    pub replica: ReplicaId,
    /// Id on the engine; where it is not known, the container is found by its labels.
    pub container: Option<String>,
}

/// An address of a container, and the network endpoint that it belongs to.
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
    /// Process id.
    pub id: u32,
    /// When it began, in ticks since the machine started: with its number it is this process for good.
    pub began: u64,
}

/// A running container, as reported by the engine at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// Id of the container.
    pub container: String,
    /// Since when it runs, as the engine writes it.
    pub started: String,
    /// First process, where this machine's kernel shows it.
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
    /// The container runs.
    Running(Sighting),
    /// The container exists and does not run.
    Stopped,
    /// There is none.
    Gone,
    /// The engine gives no answer, or its addresses do not lead to its containers from here.
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
    /// The container does not run.
    Stopped,
    /// The container is gone.
    Gone,
    /// The container is on no network.
    Nowhere,
    /// The container moved at each attempt to connect.
    Moves,
    /// The address of the container cannot be determined.
    Unknown(String),
}

impl Doubt {
    /// Text for the client: without anything that others said.
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
