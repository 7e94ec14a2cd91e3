//! What is no longer HTTP: WebSockets and other upgrades, byte by byte until either side ends it.

use super::server::Edge;
use super::upstream::InFlight;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;

/// Joins both sides; counts as a request until it ends, and ends when its replica has to go.
pub fn join(edge: &Edge, client: OnUpgrade, replica: OnUpgrade, in_flight: InFlight) {
    edge.open.spawn(async move {
        let cut = in_flight.0.cut.clone();
        let both = async {
            let (client, replica) = tokio::try_join!(client, replica)?;
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
