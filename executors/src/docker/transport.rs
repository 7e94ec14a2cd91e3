//! Connections to the engine: one for each request, with a limit on silence.
//!
//! The library waits for the head of an answer and for ever for what follows it. Here the connection itself
//! measures silence, so that an engine that hangs in the middle of an answer ends in the same error as one
//! that never begins.

use crate::limits::{ENGINE_ANSWER, ENGINE_LAYERS, ENGINE_SLOW};
use bollard::errors::Error;
use bollard::{API_DEFAULT_VERSION, BollardRequest, Docker};
use haloy_edge::{Wait, Waits};
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HOST, HeaderValue};
use hyper::{Method, Response, Uri};
use hyper_util::rt::TokioIo;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Instant, Sleep};

/// The library's own limit, beyond any of ours.
const BEYOND: u64 = 24 * 3600;

/// Where the engine listens.
#[derive(Debug, Clone)]
enum Address {
    Socket(PathBuf),
    Tcp(String),
}

/// A client of the engine at `unix://PATH` or `tcp://HOST:PORT`.
pub(super) fn client(host: &str, waits: &Waits) -> Result<Docker, Error> {
    let address = match host.strip_prefix("unix://") {
        Some(path) => Address::Socket(PathBuf::from(path)),
        None => Address::Tcp(host.split_once("://").map_or(host, |(_, rest)| rest).to_owned()),
    };
    let waits = waits.clone();
    let transport = move |request: BollardRequest| ask(address.clone(), waits.clone(), request);
    // The name of the host is of no interest: the address is known here.
    Docker::connect_with_custom_transport(transport, Some("http://docker"), BEYOND, API_DEFAULT_VERSION)
}

async fn ask(address: Address, waits: Waits, request: BollardRequest) -> Result<Response<Incoming>, Error> {
    let (first, later) = limits(request.method(), request.uri());
    let wait = waits.begin("Docker");
    let connecting = async {
        Ok::<_, io::Error>(match &address {
            Address::Socket(path) => Stream::Socket(UnixStream::connect(path).await?),
            Address::Tcp(address) => Stream::Tcp(TcpStream::connect(address).await?),
        })
    };
    let connected = tokio::time::timeout(first, connecting).await;
    let stream = connected.unwrap_or_else(|_| Err(late(first)))?;
    let io = TokioIo::new(Watched {
        stream,
        wait: Some(wait),
        limit: Some(first),
        later,
        silence: Box::pin(tokio::time::sleep(first)),
    });
    let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await?;
    // The task ends with the answer: one request, one connection.
    tokio::spawn(async move { drop(connection.await) });
    let (mut parts, body) = request.into_parts();
    parts.headers.insert(HOST, HeaderValue::from_static("docker"));
    parts.headers.insert(CONNECTION, HeaderValue::from_static("close"));
    if let Some(path) = parts.uri.path_and_query() {
        parts.uri = Uri::from(path.clone());
    }
    Ok(sender.send_request(BollardRequest::from_parts(parts, body)).await?)
}

fn late(limit: Duration) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {} s", limit.as_secs()))
}

/// How long the engine may be silent before its first byte, and between two later ones; none where silence is
/// expected.
fn limits(method: &Method, uri: &Uri) -> (Duration, Option<Duration>) {
    let (path, query) = (uri.path(), uri.query().unwrap_or_default());
    let ends = |end: &str| path.ends_with(end);
    if ends("/logs") && query.contains("follow=true") || ends("/events") {
        return (ENGINE_ANSWER, None);
    }
    // A step of a build may say nothing for as long as it takes; the effect has its own limit.
    if ends("/build") {
        return (ENGINE_LAYERS, None);
    }
    // The engine answers when the container has ended, or was killed.
    if ends("/stop") {
        let grace = query.split('&').find_map(|part| part.strip_prefix("t=")?.parse().ok()).unwrap_or(0);
        let limit = ENGINE_SLOW + Duration::from_secs(grace);
        return (limit, Some(limit));
    }
    let limit = if ends("/images/create") || ends("/push") {
        ENGINE_LAYERS
    } else if method == Method::GET && !ends("/system/df") && !path.contains("/distribution/") {
        ENGINE_ANSWER
    } else {
        ENGINE_SLOW
    };
    (limit, Some(limit))
}

enum Stream {
    Socket(UnixStream),
    Tcp(TcpStream),
}

/// A connection that is given up when nothing is heard on it for too long.
struct Watched {
    stream: Stream,
    wait: Option<Wait>,
    /// In force now.
    limit: Option<Duration>,
    /// From the first word on.
    later: Option<Duration>,
    silence: Pin<Box<Sleep>>,
}

impl AsyncRead for Watched {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let polled = match &mut this.stream {
            Stream::Socket(stream) => Pin::new(stream).poll_read(cx, buf),
            Stream::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
        };
        if polled.is_ready() {
            this.limit = this.later;
            match this.limit {
                Some(limit) => {
                    this.silence.as_mut().reset(Instant::now() + limit);
                    if let Some(wait) = &this.wait {
                        wait.heard();
                    }
                }
                // Whatever comes now comes when it comes.
                None => this.wait = None,
            }
            return polled;
        }
        match this.limit {
            Some(limit) if this.silence.as_mut().poll(cx).is_ready() => Poll::Ready(Err(late(limit))),
            Some(_) | None => Poll::Pending,
        }
    }
}

impl AsyncWrite for Watched {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = match &mut this.stream {
            Stream::Socket(stream) => Pin::new(stream).poll_write(cx, buf),
            Stream::Tcp(stream) => Pin::new(stream).poll_write(cx, buf),
        };
        // Accepted bytes are a sign of life, too: a large context of a build.
        if let (Poll::Ready(Ok(1..)), Some(limit)) = (&polled, this.limit) {
            this.silence.as_mut().reset(Instant::now() + limit);
            if let Some(wait) = &this.wait {
                wait.heard();
            }
        }
        polled
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Socket(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Tcp(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Socket(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_question_has_its_limit() {
        let of = |method: Method, path: &str| {
            let (first, later) = limits(&method, &path.parse().expect("a path"));
            (first.as_secs(), later.map(|limit| limit.as_secs()))
        };
        assert_eq!(of(Method::GET, "/v1.41/containers/json?all=true"), (30, Some(30)));
        assert_eq!(of(Method::GET, "/v1.41/system/df"), (120, Some(120)));
        assert_eq!(of(Method::GET, "/v1.41/distribution/a/json"), (120, Some(120)));
        assert_eq!(of(Method::POST, "/v1.41/containers/x/stop"), (120, Some(120)));
        assert_eq!(of(Method::POST, "/v1.41/containers/x/stop?signal=&t=600"), (720, Some(720)));
        assert_eq!(of(Method::POST, "/v1.41/images/create?fromImage=x"), (300, Some(300)));
        assert_eq!(of(Method::POST, "/v1.41/build?t=x"), (300, None));
        assert_eq!(of(Method::GET, "/v1.41/containers/x/logs?follow=true&stdout=true"), (30, None));
        assert_eq!(of(Method::GET, "/v1.41/containers/x/logs?follow=false"), (30, Some(30)));
    }

    /// An engine that begins an answer and never ends it.
    #[tokio::test]
    async fn an_answer_that_stops_in_the_middle_ends_in_an_error() {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let (mut engine, stream) = UnixStream::pair().expect("a pair");
        let limit = Duration::from_millis(200);
        let waits = Waits::default();
        let mut watched = Watched {
            stream: Stream::Socket(stream),
            wait: Some(waits.begin("Docker")),
            limit: Some(limit),
            later: Some(limit),
            silence: Box::pin(tokio::time::sleep(limit)),
        };
        for _word in 0..3 {
            tokio::time::sleep(limit / 2).await;
            engine.write_all(b"x").await.expect("written");
            assert_eq!(watched.read_u8().await.expect("a word"), b'x');
        }
        let error = watched.read_u8().await.expect_err("silence");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(waits.silent(limit / 2).len(), 1);
        drop(watched);
        assert!(waits.silent(Duration::ZERO).is_empty(), "nobody is waited for");
    }
}
