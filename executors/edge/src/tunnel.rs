//! Connections that are no longer HTTP: WebSockets and other upgrades, byte by byte until either side ends
//! it.

use super::clients::Admitted;
use super::lifecycle::Lifecycle;
use super::link::Link;
use super::upstream::InFlight;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use std::sync::Arc;

/// Joins both sides; counted as a request, and as a connection of its client, until it ends; ends when its
/// replica has to go.
pub fn join(
    lifecycle: &Lifecycle,
    (client, replica): (OnUpgrade, OnUpgrade),
    link: Link,
    counted: (InFlight, Option<Arc<Admitted>>),
) {
    lifecycle.open.spawn(async move {
        let cut = counted.0.0.cut.clone();
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
        drop(counted);
    });
}
