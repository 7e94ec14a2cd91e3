//! What is no longer HTTP: WebSockets and other upgrades, byte by byte until either side ends it.

use super::link::Link;
use super::server::Edge;
use super::upstream::InFlight;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;

/// Joins both sides; counts as a request until it ends, and ends when its replica has to go.
pub fn join(edge: &Edge, client: OnUpgrade, replica: OnUpgrade, link: Link, in_flight: InFlight) {
    edge.open.spawn(async move {
        let cut = in_flight.0.cut.clone();
        let both = async {
            // The link ends by giving the replica's side away.
            let ((), sides) = tokio::join!(link.rest(), async { tokio::try_join!(client, replica) });
            let (client, replica) = sides?;
            let (mut client, mut replica) = (TokioIo::new(client), TokioIo::new(replica));
            // How it ended is the business of both sides.
            drop(tokio::io::copy_bidirectional(&mut client, &mut replica).await);
            Ok::<(), hyper::Error>(())
        };
        tokio::select! {
            _ended = both => {}
            () = cut.cancelled() => {}
        }
        drop(in_flight);
    });
}
