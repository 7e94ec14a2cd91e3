//! From HTTP/2 to HTTP/1.1 and back, frame by frame: the requests are written here as bytes, so that no
//! client library repairs them, and those that the replica gets are read as bytes.

use super::secure::{HOST, secured, tls};
use super::*;
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::sync::Mutex;

/// How the edge took a request.
#[derive(Debug, PartialEq, Eq)]
enum Came {
    Answer(String),
    Refused,
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("short").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// RFC 7541, 6.2.2: literals that are not indexed, without Huffman codes.
fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let text = |text: &str| {
        assert!(text.len() < 127, "one byte of length");
        [&[u8::try_from(text.len()).expect("short")], text.as_bytes()].concat()
    };
    fields.iter().flat_map(|(name, value)| [vec![0], text(name), text(value)].concat()).collect()
}

/// Fields, with a body and trailers or without, as the only request of a connection.
async fn send(
    edge: &Edge,
    root: &str,
    fields: &[(&str, &str)],
    rest: Option<(&str, &[(&str, &str)])>,
) -> Came {
    let mut stream = tls(edge.secure, root, b"h2").await;
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend(frame(4, 0, 0, &[]));
    let (end_headers, end_stream) = (4, 1);
    let alone = if rest.is_none() { end_stream } else { 0 };
    bytes.extend(frame(1, end_headers | alone, 1, &block(fields)));
    if let Some((body, trailers)) = rest {
        bytes.extend(frame(0, if trailers.is_empty() { end_stream } else { 0 }, 1, body.as_bytes()));
        if !trailers.is_empty() {
            bytes.extend(frame(1, end_headers | end_stream, 1, &block(trailers)));
        }
    }
    stream.write_all(&bytes).await.expect("written");
    let (mut bytes, mut body) = (Vec::new(), Vec::new());
    loop {
        let mut chunk = [0; 4096];
        let read = tokio::time::timeout(Duration::from_secs(5), stream.read(&mut chunk)).await;
        let count = read.expect("it is answered").unwrap_or(0);
        if count == 0 {
            return Came::Refused;
        }
        bytes.extend_from_slice(&chunk[..count]);
        while bytes.len() >= 9 {
            let length = usize::from(bytes[0]) << 16 | usize::from(bytes[1]) << 8 | usize::from(bytes[2]);
            if bytes.len() < 9 + length {
                break;
            }
            let (kind, flags) = (bytes[3], bytes[4]);
            let payload: Vec<u8> = bytes.drain(..9 + length).skip(9).collect();
            match kind {
                0 => body.extend(payload),
                // A stream that is reset, and a connection that is given up.
                3 => return Came::Refused,
                7 if payload[4..8] != [0; 4] => return Came::Refused,
                _other => {}
            }
            if kind < 2 && flags & end_stream != 0 {
                return Came::Answer(String::from_utf8_lossy(&body).into_owned());
            }
        }
    }
}

/// A replica that keeps every byte that it is sent, and answers once the other side is silent.
async fn recorder(answer: &'static [u8]) -> (SocketAddr, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let at = listener.local_addr().expect("an address");
    let kept = Arc::<Mutex<Vec<u8>>>::default();
    let keep = Arc::clone(&kept);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let keep = Arc::clone(&keep);
            tokio::spawn(async move {
                let mut chunk = [0; 4096];
                let quiet = Duration::from_millis(60);
                while let Ok(Ok(count)) = tokio::time::timeout(quiet, stream.read(&mut chunk)).await
                    && count > 0
                {
                    keep.lock().expect("whole").extend_from_slice(&chunk[..count]);
                }
                drop(stream.write_all(answer).await);
            });
        }
    });
    (at, kept)
}

const PLAIN: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
const BASE: [(&str, &str); 4] =
    [(":method", "GET"), (":scheme", "https"), (":authority", HOST), (":path", "/")];

/// The fields of a plain request, with one of them replaced or left out, and more.
fn request<'a>(instead: (&str, Option<&'a str>), more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let fields = BASE.iter().filter_map(|(name, value)| match instead {
        (other, value) if other == *name => value.map(|value| (*name, value)),
        _same => Some((*name, *value)),
    });
    fields.chain(more.iter().copied()).collect()
}

/// Description, fields, lines that the replica gets, and lines that it does not get.
type Case<'a> = (&'a str, Vec<(&'a str, &'a str)>, &'a [&'a str], &'a [&'a str]);

struct Setting {
    edge: Edge,
    root: String,
    kept: Arc<Mutex<Vec<u8>>>,
}

async fn setting() -> Setting {
    let (edge, _web, root) = secured().await;
    let (at, kept) = recorder(PLAIN).await;
    edge.client.apply(&snapshot(2, vec![route(HOST, &[at])])).await.expect("applied");
    Setting { edge, root, kept }
}

impl Setting {
    async fn ask(&self, fields: &[(&str, &str)], rest: Option<(&str, &[(&str, &str)])>) -> (Came, String) {
        self.kept.lock().expect("whole").clear();
        let came = send(&self.edge, &self.root, fields, rest).await;
        let raw = String::from_utf8_lossy(&self.kept.lock().expect("whole")).into_owned();
        (came, raw)
    }
}

#[tokio::test]
async fn what_a_replica_is_told_of_a_request_over_http2() {
    let setting = setting().await;
    let same = ("", None);
    let spoofed = [
        ("x-forwarded-for", "6.6.6.6"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-port", "666"),
        ("x-forwarded-proto", "evil"),
        ("x_forwarded_port", "666"),
        ("forwarded", "host=evil.example"),
    ];
    let cookies = [("cookie", "a=1"), ("accept", "x"), ("cookie", "b=2"), ("cookie", "c=\"3\"")];
    let own = "\r\nx-forwarded-for: 127.0.0.1\r\nx-forwarded-host: a.example\r\nx-forwarded-port: 443\r\n";
    let table: [Case<'_>; 9] = [
        (
            "cookies",
            request(same, &cookies),
            &["\r\ncookie: a=1; b=2; c=\"3\"\r\n"],
            &["cookie: b", "cookie: c"],
        ),
        ("te", request(same, &[("te", "trailers")]), &[], &["\r\nte:", "\r\nconnection:"]),
        ("an empty field", request(same, &[("x-empty", "")]), &["\r\nx-empty: \r\n"], &[]),
        (
            "lists",
            request(same, &[("accept", "a"), ("accept", "b")]),
            &["accept: a\r\n", "accept: b\r\n"],
            &[],
        ),
        (
            "a port",
            request((":authority", Some("a.example:8443")), &[]),
            &[
                "\r\nhost: a.example:8443\r\n",
                "x-forwarded-host: a.example:8443\r\n",
                "x-forwarded-port: 8443\r\n",
            ],
            &[],
        ),
        (
            "no port",
            request(same, &[]),
            &["\r\nhost: a.example\r\n", own, "x-forwarded-proto: https\r\n"],
            &[],
        ),
        (
            "a host that agrees",
            request(same, &[("host", "A.example:443")]),
            &["\r\nhost: a.example\r\n"],
            &["A.ex"],
        ),
        (
            "only a host",
            request((":authority", None), &[("host", "a.example")]),
            &["\r\nhost: a.example\r\n", own],
            &[],
        ),
        ("lies", request(same, &spoofed), &[own, "proto: https\r\n"], &["6.6.6.6", "evil", "666"]),
    ];
    for (what, fields, has, lacks) in table {
        let (came, raw) = setting.ask(&fields, None).await;
        assert_eq!(came, Came::Answer("ok".to_owned()), "{what}: {raw}");
        assert!(raw.starts_with("GET / HTTP/1.1\r\n"), "{what}: {raw}");
        assert_eq!(raw.matches("\r\nhost:").count(), 1, "{what}: {raw}");
        // The order of headers means nothing.
        for has in has {
            let lines = has.split("\r\n").filter(|line| !line.is_empty());
            lines.for_each(|line| assert!(raw.contains(line), "{what} has no {line:?}: {raw}"));
        }
        lacks.iter().for_each(|lacks| assert!(!raw.contains(lacks), "{what} has {lacks:?}: {raw}"));
    }
}

#[tokio::test]
async fn what_is_malformed_reaches_no_replica() {
    let setting = setting().await;
    let same = ("", None);
    let told = [
        ("another host", request(same, &[("host", "b.example")])),
        ("another port", request(same, &[("host", "a.example:80")])),
        ("two hosts", request(same, &[("host", "a.example"), ("host", "a.example")])),
        ("a user", request((":authority", Some("me@a.example")), &[])),
        ("no port at all", request((":authority", Some("a.example:99999")), &[])),
        ("no host", request((":authority", None), &[])),
    ];
    for (what, fields) in told {
        let (came, raw) = setting.ask(&fields, None).await;
        let Came::Answer(page) = came else { panic!("{what} is answered") };
        assert!(page.starts_with("400 Bad Request"), "{what}: {page}");
        assert_eq!(raw, "", "{what}");
    }
    // The library of the edge refuses these itself; it must go on doing so.
    let refused = [
        ("connection", request(same, &[("connection", "close")])),
        ("keep-alive", request(same, &[("keep-alive", "timeout=5")])),
        ("proxy-connection", request(same, &[("proxy-connection", "x")])),
        ("transfer-encoding", request(same, &[("transfer-encoding", "chunked")])),
        ("upgrade", request(same, &[("upgrade", "websocket")])),
        ("te", request(same, &[("te", "gzip")])),
        ("upper case", request(same, &[("X-Upper", "1")])),
        ("no name", request(same, &[("", "1")])),
        ("a name with a colon", request(same, &[("a:b", "1")])),
        ("a line break", request(same, &[("x-a", "1\r\nx-b: 2")])),
        ("a zero", request(same, &[("x-a", "1\0")])),
        ("late pseudo", [&[("x-a", "1")][..], &BASE].concat()),
        ("two paths", request(same, &[(":path", "/b")])),
        ("unknown pseudo", request(same, &[(":other", "1")])),
        ("an answer's pseudo", request(same, &[(":status", "200")])),
        ("no path", request((":path", None), &[])),
        ("an empty path", request((":path", Some("")), &[])),
        ("no scheme", request((":scheme", None), &[])),
        ("no method", request((":method", None), &[])),
        ("a method with a space", request((":method", Some("GET /x")), &[])),
        ("an authority with a space", request((":authority", Some("a.example b")), &[])),
    ];
    for (what, fields) in refused {
        assert_eq!(setting.ask(&fields, None).await, (Came::Refused, String::new()), "{what}");
    }
    let tunnel = request((":path", None), &[]);
    let tunnel: Vec<_> = tunnel.into_iter().filter(|(name, _)| *name != ":scheme").collect();
    let tunnel: Vec<_> = tunnel
        .into_iter()
        .map(|(name, value)| (name, if name == ":method" { "CONNECT" } else { value }))
        .collect();
    let (came, raw) = setting.ask(&tunnel, None).await;
    assert!(matches!(&came, Came::Answer(page) if page.starts_with("501")), "{came:?}");
    assert_eq!(raw, "");
    // A length that is not that of the body.
    let long = request((":method", Some("POST")), &[("content-length", "9")]);
    let (came, raw) = setting.ask(&long, Some(("hi", &[]))).await;
    assert!(came == Came::Refused || !raw.contains("hi\r\n\r\n"), "{came:?} {raw}");
}

#[tokio::test]
async fn trailers_pass_both_ways_and_say_nothing_of_connections() {
    let setting = setting().await;
    let fields = request((":method", Some("POST")), &[("trailer", "x-sum, x-forwarded-for, x-other")]);
    let trailers = [("x-sum", "7"), ("x-forwarded-for", "6.6.6.6")];
    let (came, raw) = setting.ask(&fields, Some(("hi", &trailers))).await;
    assert_eq!(came, Came::Answer("ok".to_owned()), "{raw}");
    assert!(raw.contains("transfer-encoding: chunked\r\n") && raw.contains("2\r\nhi\r\n0\r\n"), "{raw}");
    assert!(raw.ends_with("\r\nx-sum: 7\r\n\r\n") && !raw.contains("6.6.6.6"), "{raw}");
    // HTTP/1.1 has no place for trailers that were not announced.
    let fields = request((":method", Some("POST")), &[]);
    let (came, raw) = setting.ask(&fields, Some(("hi", &trailers))).await;
    assert_eq!(came, Came::Answer("ok".to_owned()), "{raw}");
    assert!(raw.ends_with("2\r\nhi\r\n0\r\n\r\n"), "{raw}");
    let pseudo: [(&str, &str); 1] = [(":path", "/b")];
    let (_, raw) = setting.ask(&fields, Some(("hi", &pseudo))).await;
    assert!(raw.starts_with("POST / ") && !raw.contains("/b"), "{raw}");

    let answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive, X-Hop\r\n\
        Keep-Alive: timeout=5\r\nX-Hop: 1\r\nProxy-Connection: x\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\
        Trailer: X-Sum\r\nX-Empty:\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 7\r\nConnection: x\r\n\r\n";
    let (at, _) = recorder(answer).await;
    setting.edge.client.apply(&snapshot(3, vec![route(HOST, &[at])])).await.expect("applied");
    let io = TokioIo::new(tls(setting.edge.secure, &setting.root, b"h2").await);
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.expect("HTTP/2");
    tokio::spawn(connection);
    let asked = hyper::Request::get(format!("https://{HOST}/")).body(Empty::<bytes::Bytes>::new());
    let answer = sender.send_request(asked.expect("a request")).await.expect("answered");
    let headers = answer.headers().clone();
    for hop in ["connection", "keep-alive", "x-hop", "proxy-connection", "transfer-encoding"] {
        assert!(!headers.contains_key(hop), "{headers:?}");
    }
    let cookies: Vec<_> = headers.get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["a=1", "b=2"], "each is for itself");
    assert_eq!(headers.get("x-empty").map(|value| value.len()), Some(0));
    let body = answer.into_body().collect().await.expect("whole");
    let trailers = body.trailers().cloned().expect("trailers");
    assert_eq!(trailers.get("x-sum").map(|value| value.as_bytes()), Some(&b"7"[..]));
    assert!(!trailers.contains_key("connection"), "{trailers:?}");
    assert_eq!(body.to_bytes(), "ok");
}
