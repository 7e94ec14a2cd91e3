//! Connections of clients: how many, how patient the edge is with them, and which HTTP they speak.
//!
//! The HTTP version is settled by TLS (ALPN), and is HTTP/1.1 without it. So no byte is guessed at, and a
//! client that sends none is closed like one that sends too slowly.

use super::access_log::Entry;
use super::body::Body;
use super::client_origin::ClientOrigin;
use super::clients::Admitted;
use super::headers;
use super::lifecycle::Lifecycle;
use super::limits::*;
use super::open::{One, Open};
use super::patient::Patient;
use super::proxy;
use super::shared::Edge;
use hyper::service::service_fn;
use hyper::{Request, Response, body::Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::future::poll_fn;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// A connection: its edge, and the client that it is counted for as long as this lives.
type Came = (Arc<Edge>, Arc<Admitted>);

/// Takes connections until it is dropped.
pub async fn accept(edge: Arc<Edge>, listener: TcpListener, secure: Option<TlsAcceptor>) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let client = peer.ip().to_canonical();
                let Some(admitted) = edge.lifecycle.clients.enter(client) else {
                    edge.observed.metrics.turned_away();
                    continue;
                };
                edge.observed.metrics.connected();
                // Without it answers are late, and still right.
                drop(stream.set_nodelay(true));
                // Detects a client that vanished without a word, also where nothing is expected from it.
                let _without_it = rustix::net::sockopt::set_socket_keepalive(&stream, true);
                // Moves it to the event loop of a worker, away from this one.
                let Ok(stream) = stream.into_std() else { continue };
                let served = connection((Arc::clone(&edge), admitted), secure.clone(), stream, client);
                edge.lifecycle.open.spawn_on(served, edge.lifecycle.workers.next());
            }
            // Out of file descriptors, or a client that left at once: others are served on.
            Err(_failed) => tokio::time::sleep(std::time::Duration::from_millis(10)).await,
        }
    }
}

async fn connection(
    (edge, admitted): Came,
    secure: Option<TlsAcceptor>,
    stream: std::net::TcpStream,
    client: IpAddr,
) {
    let Ok(stream) = TcpStream::from_std(stream) else { return };
    match secure {
        None => http1((edge, admitted), stream, ClientOrigin { client, secure: false }, None).await,
        Some(acceptor) => over_tls((edge, admitted), acceptor, stream, client).await,
    }
}

async fn over_tls((edge, admitted): Came, acceptor: TlsAcceptor, stream: TcpStream, client: IpAddr) {
    let handshake = tokio::time::timeout(edge.options.patience, acceptor.accept(stream)).await;
    // A client that speaks no TLS, or trusts us not: its own business.
    let Ok(Ok(stream)) = handshake else { return edge.observed.metrics.handshake_failed() };
    let tls = stream.get_ref().1;
    let name = tls.server_name().map(str::to_ascii_lowercase);
    let from = ClientOrigin { client, secure: true };
    match tls.alpn_protocol() {
        Some(b"h2") => http2((edge, admitted), stream, from, name).await,
        Some(_) | None => http1((edge, admitted), stream, from, name).await,
    }
}

async fn http1<S>((edge, admitted): Came, stream: S, from: ClientOrigin, name: Option<String>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = {
        let edge = Arc::clone(&edge);
        service_fn(move |mut request: Request<Incoming>| {
            // What becomes a tunnel is still a connection of this client.
            if request.headers().contains_key(hyper::header::UPGRADE) {
                request.extensions_mut().insert(Arc::clone(&admitted));
            }
            serve(Arc::clone(&edge), from, name.clone(), request)
        })
    };
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(edge.options.patience).max_buf_size(HEAD_BYTES);
    let connection = builder.serve_connection(TokioIo::new(Patient::new(stream)), service).with_upgrades();
    let mut connection = std::pin::pin!(connection);
    // How a client ends its connection is its own business.
    if until_ending(&edge.lifecycle, connection.as_mut()).await.is_none() {
        connection.as_mut().graceful_shutdown();
        drop(connection.await);
    }
}

async fn http2<S>((edge, _admitted): Came, stream: S, from: ClientOrigin, name: Option<String>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let open = Arc::new(Open::default());
    let service = {
        let (edge, open) = (Arc::clone(&edge), Arc::clone(&open));
        service_fn(move |request| counted(Arc::clone(&edge), from, name.clone(), open.enter(), request))
    };
    let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(u32::try_from(HEAD_BYTES).unwrap_or(u32::MAX))
        // Detects a client that vanished without a word, which would otherwise go unnoticed.
        .keep_alive_interval(edge.options.patience)
        .keep_alive_timeout(edge.options.patience);
    let connection = builder.serve_connection(TokioIo::new(Patient::new(stream)), service);
    let mut connection = std::pin::pin!(connection);
    let grace = tokio::select! {
        ended = until_ending(&edge.lifecycle, connection.as_mut()) => match ended {
            Some(_ended) => return,
            None => LEAVING,
        },
        // Not a request for so long, maybe not even the first: there is nothing to wait for.
        () = open.nothing_for(edge.options.patience) => edge.options.patience,
    };
    connection.as_mut().graceful_shutdown();
    drop(tokio::time::timeout(grace, connection).await);
}

/// Serves a connection until it ends; none once it has to, because the edge leaves.
///
/// The token is polled once, so that it wakes this task, and again only when it is set: it has a lock that
/// all connections share.
async fn until_ending<F: Future>(lifecycle: &Lifecycle, mut connection: Pin<&mut F>) -> Option<F::Output> {
    let mut ending = std::pin::pin!(lifecycle.ending.cancelled());
    let mut asked = false;
    poll_fn(|cx| {
        if let Poll::Ready(ended) = connection.as_mut().poll(cx) {
            return Poll::Ready(Some(ended));
        }
        let ask = !std::mem::replace(&mut asked, true) || lifecycle.leaving();
        if ask && ending.as_mut().poll(cx).is_ready() { Poll::Ready(None) } else { Poll::Pending }
    })
    .await
}

async fn counted(
    edge: Arc<Edge>,
    from: ClientOrigin,
    name: Option<String>,
    one: One,
    request: Request<Incoming>,
) -> Result<Response<Body>, std::convert::Infallible> {
    let Ok(response) = serve(edge, from, name, request).await;
    Ok(one.until_end(response))
}

async fn serve(
    edge: Arc<Edge>,
    from: ClientOrigin,
    name: Option<String>,
    request: Request<Incoming>,
) -> Result<Response<Body>, std::convert::Infallible> {
    let id = edge.observed.requests.id(request.headers());
    let entry = edge.observed.access.wanted().then(|| Entry::new(from, &id, &request));
    let started = std::time::Instant::now();
    let mut response = proxy::answer(&edge, from, name.as_deref(), &id, request).await;
    edge.observed.metrics.answered(response.status(), started.elapsed());
    // A replica may have a name of its own for it.
    response.headers_mut().entry(headers::REQUEST_ID).or_insert(id);
    Ok(match entry {
        Some(entry) => edge.observed.access.follow(entry, response),
        None => response,
    })
}
