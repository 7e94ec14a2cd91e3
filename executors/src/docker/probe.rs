//! An HTTP request to a replica.

use crate::limits::PROBE;
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::header::{CONNECTION, HOST, HeaderName, HeaderValue, USER_AGENT};
use hyper_util::rt::TokioIo;

/// Parts of the request.
pub(super) struct Request<'a> {
    pub(super) path: &'a str,
    /// Host of the app: apps that check it refuse any other.
    pub(super) host: &'a str,
    /// Headers of the user, which win.
    pub(super) headers: &'a [(String, String)],
}

/// The status of the answer, or why there was none.
pub(super) async fn probe(address: &str, port: u16, request: Request<'_>) -> Result<u16, String> {
    let late = |_| Err(format!("no answer within {} s", PROBE.as_secs()));
    tokio::time::timeout(PROBE, get(address, port, request)).await.unwrap_or_else(late)
}

async fn get(address: &str, port: u16, asked: Request<'_>) -> Result<u16, String> {
    let plain = |error: &dyn std::fmt::Display| error.to_string();
    let stream =
        tokio::net::TcpStream::connect((address, port)).await.map_err(|error| match error.kind() {
            std::io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
            _other => error.to_string(),
        })?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| plain(&error))?;
    let connection = tokio::spawn(connection);
    let request = hyper::Request::get(asked.path).body(Empty::<Bytes>::new());
    let mut request = request.map_err(|error| plain(&error))?;
    let headers = request.headers_mut();
    headers.insert(HOST, HeaderValue::from_str(asked.host).map_err(|error| plain(&error))?);
    headers.insert(USER_AGENT, HeaderValue::from_static("haloy-health"));
    for (name, value) in asked.headers {
        // Its text may be a secret, and is not part of the message.
        let unusable = |_| format!("the header {name} has a value that no header can have");
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|error| plain(&error))?;
        headers.insert(name, HeaderValue::from_str(value).map_err(unusable)?);
    }
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    let answer = sender.send_request(request).await.map_err(|error| plain(&error));
    connection.abort();
    Ok(answer?.status().as_u16())
}
