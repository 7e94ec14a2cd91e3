//! A new connection to a replica: made to where its container is, and used only if it was shown to end
//! there. See [`super::identity`] for why that is enough.

use super::identity::{Doubt, Inspector, Looked, Place, Sighting, Subject};
use super::limits::*;
use super::netns;
use haloy_ledger::locks::locked;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::net::TcpStream;

/// Why there is no connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unconnected {
    /// The container is known, and accepts none.
    Refused,
    /// Nothing shows that it would end at the container.
    Doubted(Doubt),
}

/// What is known of one container, and how it is inspected.
pub struct Identity {
    subject: Subject,
    inspector: Arc<dyn Inspector>,
    /// Looks that have begun.
    begun: AtomicU64,
    /// Number and answer of the last finished inspection; the lock holder inspects.
    last: tokio::sync::Mutex<(u64, Looked)>,
    known: Mutex<Known>,
}

/// What is known, for the next connection and for people.
#[derive(Default)]
struct Known {
    /// The container, when it was last seen running.
    sighting: Option<Arc<Sighting>>,
    /// Where the last connection was shown to end.
    at: Option<Place>,
    /// Why the last look or connection showed nothing.
    doubt: Option<Doubt>,
}

impl Identity {
    /// For a container that was not inspected yet.
    pub fn new(subject: Subject, inspector: Arc<dyn Inspector>) -> Self {
        let never = Looked::Unknown { why: "it has not been checked yet".to_owned() };
        Self {
            subject,
            inspector,
            begun: AtomicU64::new(0),
            last: tokio::sync::Mutex::new((0, never)),
            known: Mutex::default(),
        }
    }

    /// The container.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        locked(&self.known)
    }

    /// Where it is as far as is known, and why no request is sent there, if so.
    pub fn seen(&self, recorded: IpAddr) -> (Option<IpAddr>, Option<Doubt>) {
        let known = self.known();
        let places =
            known.sighting.as_deref().map(|sighting| in_order(sighting, known.at.as_ref(), recorded));
        let first = places.and_then(|places| places.first().map(|place| place.address));
        (first, known.doubt.clone())
    }

    /// Whether the container was ever seen running, and is not known to have ended since.
    pub fn sighted(&self) -> bool {
        self.known().sighting.is_some()
    }

    /// Inspects the container. A caller that arrives during another inspection shares the next one, since the
    /// answer must hold from now on.
    pub async fn verify_now(&self) -> Looked {
        let begun = self.begun.load(Ordering::Acquire);
        let mut last = self.last.lock().await;
        if last.0 > begun {
            return last.1.clone();
        }
        let number = self.begun.fetch_add(1, Ordering::AcqRel) + 1;
        let looked = tokio::time::timeout(LOOK_TIME, self.inspector.inspect(&self.subject)).await;
        let looked = looked.unwrap_or_else(|_| Looked::Unknown { why: "no answer came in time".to_owned() });
        self.learn(&looked);
        *last = (number, looked.clone());
        looked
    }

    fn learn(&self, looked: &Looked) {
        let mut known = self.known();
        match looked {
            Looked::Running(sighting) => {
                if known.sighting.as_deref() != Some(sighting) {
                    known.sighting = Some(Arc::new(sighting.clone()));
                }
                known.doubt = sighting.places.is_empty().then_some(Doubt::Nowhere);
            }
            Looked::Stopped => *known = Known { doubt: Some(Doubt::Stopped), ..Known::default() },
            Looked::Gone => *known = Known { doubt: Some(Doubt::Gone), ..Known::default() },
            // As long as its process lives, the kernel shows which connections end there.
            Looked::Unknown { why } => {
                let process = known.sighting.as_ref().and_then(|sighting| sighting.process);
                let lives = process.is_some_and(|process| netns::began(process.id) == Some(process.began));
                known.doubt = (!lives).then(|| Doubt::Unknown(why.clone()));
            }
        }
    }

    /// A connection to a port of the container, which was shown to end there. `recorded` is where it was
    /// when it started.
    pub async fn connect(&self, recorded: IpAddr, port: u16) -> Result<TcpStream, Unconnected> {
        for _ in 0..CONNECT_TRIES {
            let before = self.before().await?;
            let last = self.known().at.clone();
            let places = in_order(&before, last.as_ref(), recorded);
            if places.is_empty() {
                return Err(self.doubted(Doubt::Nowhere));
            }
            let Some((place, stream)) = self.reached(&before, &places, port).await? else { continue };
            if self.ends_there(&before, place, &stream).await? {
                let mut known = self.known();
                (known.at, known.doubt) = (Some(place.clone()), None);
                drop(known);
                return Ok(stream);
            }
        }
        Err(self.doubted(Doubt::Moves))
    }

    /// A connection to where the container was last seen; none if it is elsewhere by now.
    async fn reached<'a>(
        &self,
        before: &Sighting,
        places: &[&'a Place],
        port: u16,
    ) -> Result<Option<(&'a Place, TcpStream)>, Unconnected> {
        let mut reaching = std::pin::pin!(reach(places, port));
        // A container that has stopped does not refuse: what is sent to its address is lost.
        let reached = tokio::time::timeout(SILENCE, reaching.as_mut()).await;
        if let Ok(Some(reached)) = reached {
            return Ok(Some(reached));
        }
        let silent = reached.is_err();
        match self.verify_now().await {
            Looked::Running(now) if now == *before => {}
            Looked::Running(_elsewhere) => return Ok(None),
            Looked::Unknown { .. } if silent => {}
            looked => return Err(self.doubted(doubt(looked))),
        }
        match if silent { reaching.await } else { None } {
            Some(reached) => Ok(Some(reached)),
            None => Err(Unconnected::Refused),
        }
    }

    fn doubted(&self, doubt: Doubt) -> Unconnected {
        self.known().doubt = Some(doubt.clone());
        Unconnected::Doubted(doubt)
    }

    /// What is known from before the connection.
    async fn before(&self) -> Result<Arc<Sighting>, Unconnected> {
        let known = self.known().sighting.clone();
        // A container without a network may have joined one since.
        if let Some(sighting) = known.filter(|sighting| !sighting.places.is_empty()) {
            return Ok(sighting);
        }
        match self.verify_now().await {
            Looked::Running(sighting) => Ok(Arc::new(sighting)),
            looked => Err(self.doubted(doubt(looked))),
        }
    }

    /// Whether a connection ends at the container; false if that went elsewhere meanwhile.
    async fn ends_there(
        &self,
        before: &Arc<Sighting>,
        place: &Place,
        stream: &TcpStream,
    ) -> Result<bool, Unconnected> {
        let mut look = std::pin::pin!(self.verify_now());
        let looked = match tokio::time::timeout(WITNESS_AFTER, look.as_mut()).await {
            Ok(looked) => looked,
            // An engine with much to do: the kernel may know as well.
            Err(_elapsed) if witnessed(before, stream).await => return Ok(true),
            Err(_elapsed) => look.await,
        };
        match looked {
            // An engine that gives endpoints no id does not say that the address was kept all the while.
            Looked::Running(now) if before.stayed(&now, place) => {
                Ok(!place.endpoint.is_empty() || witnessed(before, stream).await)
            }
            Looked::Running(_elsewhere) => Ok(false),
            Looked::Unknown { .. } if witnessed(before, stream).await => Ok(true),
            looked => Err(self.doubted(doubt(looked))),
        }
    }
}

fn doubt(looked: Looked) -> Doubt {
    match looked {
        Looked::Stopped => Doubt::Stopped,
        Looked::Gone => Doubt::Gone,
        Looked::Unknown { why } => Doubt::Unknown(why),
        // The container runs, and yet is at another address: it moved.
        Looked::Running(_) => Doubt::Moves,
    }
}

/// Confirmed by the kernel.
async fn witnessed(before: &Arc<Sighting>, stream: &TcpStream) -> bool {
    let (Some(process), Ok(theirs), Ok(ours)) = (before.process, stream.peer_addr(), stream.local_addr())
    else {
        return false;
    };
    // A list of many connections takes milliseconds to read.
    let held = tokio::task::spawn_blocking(move || netns::holds(process, theirs, ours)).await;
    held.unwrap_or(false)
}

/// Where to try, in order: on the network where it answered last, where it was when it started, elsewhere.
fn in_order<'a>(sighting: &'a Sighting, last: Option<&Place>, recorded: IpAddr) -> Vec<&'a Place> {
    let mut places: Vec<&Place> = sighting.places.iter().collect();
    places.sort_by_key(|place| {
        let elsewhere = last.is_some_and(|last| last.network != place.network);
        (elsewhere, place.address != recorded, place.address.is_ipv6(), &place.network)
    });
    places
}

async fn reach<'a>(places: &[&'a Place], port: u16) -> Option<(&'a Place, TcpStream)> {
    for place in places.iter().take(PLACES) {
        let connecting = TcpStream::connect(SocketAddr::new(place.address, port));
        if let Ok(Ok(stream)) = tokio::time::timeout(CONNECT_TIME, connecting).await {
            return Some((place, stream));
        }
    }
    None
}
