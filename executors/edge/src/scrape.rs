//! Metrics at an address of their own. Clients of it can only query: few at once, and none for long.

use super::body;
use super::limits::SCRAPES;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// Pause before the next attempt where the system gives no more connections.
const BUSY: Duration = Duration::from_millis(50);

/// Answers each connection once, and within a time.
pub async fn serve(
    listener: TcpListener,
    longest: Duration,
    answer: impl Fn(&str) -> String + Clone + Send + Sync + 'static,
) {
    let free = Arc::new(Semaphore::new(SCRAPES));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(BUSY).await;
            continue;
        };
        // A connection beyond the limit is closed; the client retries.
        let Ok(permit) = Arc::clone(&free).try_acquire_owned() else { continue };
        let answer = answer.clone();
        tokio::spawn(async move {
            // A client that breaks off or takes too long needs no answer.
            drop(tokio::time::timeout(longest, one(stream, answer)).await);
            drop(permit);
        });
    }
}

async fn one(stream: TcpStream, answer: impl Fn(&str) -> String) -> hyper::Result<()> {
    let service = service_fn(|request: Request<Incoming>| {
        let text = answer(request.uri().path());
        std::future::ready(Ok::<_, std::convert::Infallible>(Response::new(body::text(text))))
    });
    hyper::server::conn::http1::Builder::new()
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service)
        .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    async fn scraped(address: std::net::SocketAddr) -> String {
        let mut stream = TcpStream::connect(address).await.expect("connects");
        let asked = stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await;
        let mut text = String::new();
        // A connection beyond the limit is closed, before or after its request.
        if asked.is_ok() {
            drop(stream.read_to_string(&mut text).await);
        }
        text
    }

    #[tokio::test]
    async fn those_who_stay_silent_are_few_and_go() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let address = listener.local_addr().expect("bound");
        let longest = Duration::from_millis(500);
        let served = tokio::spawn(serve(listener, longest, |path| format!("at {path}\n")));
        assert!(scraped(address).await.ends_with("at /metrics\n"));
        let mut silent = Vec::new();
        for _ in 0..SCRAPES {
            silent.push(TcpStream::connect(address).await.expect("connects"));
        }
        while !scraped(address).await.is_empty() {}
        // Wait until their time is over.
        tokio::time::sleep(longest * 2).await;
        assert!(scraped(address).await.ends_with("at /metrics\n"));
        served.abort();
    }
}
