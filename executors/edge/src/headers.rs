//! What is passed on of the head of a request, and what the edge says itself: between HTTP/2 and HTTP/1.1, and
//! without what a client claims about itself.

use super::client_origin::ClientOrigin;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Request, Version};

/// Name of a request.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
/// What a client may claim about itself, beside everything that begins with `x-forwarded-`.
const CLAIMED: [&str; 6] =
    ["forwarded", "x-real-ip", "x-client-ip", "true-client-ip", "x-original-url", "x-rewrite-url"];
/// What is for one connection only.
const HOP_BY_HOP: [HeaderName; 7] = [
    header::CONNECTION,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("http2-settings"),
];

/// Host of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The name, in lower case: what is routed by.
    pub name: String,
    /// Name and port, as the client wrote them.
    pub authority: String,
    /// The port that the client used.
    pub port: u16,
}

/// Facts that a replica receives about a request, beside what the client sent.
pub struct RequestFacts<'a> {
    /// Where it came from.
    pub from: ClientOrigin,
    /// Requested host.
    pub asked: &'a Asked,
    /// Name of the request.
    pub id: &'a HeaderValue,
}

/// Host of a request, or why it cannot be determined.
pub fn asked<T>(request: &Request<T>, from: ClientOrigin) -> Result<Asked, &'static str> {
    let mut named = request.headers().get_all(header::HOST).iter();
    let first = named.next();
    if named.next().is_some() {
        return Err("The request names more than one host.");
    }
    let readable = |host: &HeaderValue| match host.to_str() {
        Ok(host) => read(host, from),
        Err(_) => Err("The host is not readable."),
    };
    let Some(authority) = request.uri().authority() else {
        return readable(first.ok_or("The request names no host.")?);
    };
    if request.version() != Version::HTTP_2 {
        // RFC 9112, 3.2.2: the target of the request decides, and the Host header is ignored.
        return read(without_user(authority.as_str()), from);
    }
    // RFC 9113, 8.3.1: no user in it, and a Host header that says something else makes it malformed.
    if authority.as_str().contains('@') {
        return Err("The authority of the request names a user.");
    }
    let asked = read(authority.as_str(), from)?;
    match first.map(readable).transpose()? {
        Some(host) if (&host.name, host.port) != (&asked.name, asked.port) => {
            Err("The authority and the host of the request differ.")
        }
        Some(_) | None => Ok(asked),
    }
}

fn read(authority: &str, from: ClientOrigin) -> Result<Asked, &'static str> {
    let usual = if from.secure { 443 } else { 80 };
    let (name, port) = match authority.rsplit_once(':') {
        Some((name, "")) => (name, usual),
        Some((name, port)) if port.chars().all(|c| c.is_ascii_digit()) => {
            (name, port.parse().map_err(|_| "The port of the host is none.")?)
        }
        Some(_) | None => (authority, usual),
    };
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    Ok(Asked { name, authority: authority.to_owned(), port })
}

/// An authority may name a user, which is not used here.
fn without_user(authority: &str) -> &str {
    authority.rsplit_once('@').map_or(authority, |(_, host)| host)
}

/// The protocol that the client wants to switch to.
pub fn upgrade_wanted<T>(request: &Request<T>) -> Option<HeaderValue> {
    let asked = request.headers().get_all(header::CONNECTION).iter().filter_map(|v| v.to_str().ok());
    let upgrade = asked.flat_map(|v| v.split(',')).any(|token| token.trim().eq_ignore_ascii_case("upgrade"));
    // HTTP/2 in the clear would bypass every check of the edge.
    let wanted = request.headers().get(header::UPGRADE).filter(|_| upgrade);
    wanted.filter(|protocol| !protocol.as_bytes().eq_ignore_ascii_case(b"h2c")).cloned()
}

/// RFC 9110, 7.6.1: hop-by-hop headers are not passed on. That holds for `TE` too, which HTTP/2 allows: the
/// replica speaks with the edge and not with its client.
pub fn strip(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named {
        headers.remove(name);
    }
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
}

/// Whether a header is for the edge alone to set. Many servers read `_` as `-`.
fn claims(name: &str) -> bool {
    let plain = |name: &str| name.starts_with("x-forwarded-") || CLAIMED.contains(&name);
    if name.contains('_') { plain(&name.replace('_', "-")) } else { plain(name) }
}

/// Removes what the edge alone says. Also from trailers: there are servers that add them to the headers.
pub fn without_claims(headers: &mut HeaderMap) {
    let claimed: Vec<HeaderName> = headers.keys().filter(|name| claims(name.as_str())).cloned().collect();
    for name in claimed {
        headers.remove(name);
    }
}

/// RFC 9113, 8.2.3: HTTP/2 may send cookies in several fields, which are one line in HTTP/1.1.
fn join_cookies(headers: &mut HeaderMap) {
    let mut all = headers.get_all(header::COOKIE).iter();
    let (Some(first), Some(second)) = (all.next(), all.next()) else { return };
    let mut line = first.as_bytes().to_vec();
    for cookie in std::iter::once(second).chain(all) {
        line.extend_from_slice(b"; ");
        line.extend_from_slice(cookie.as_bytes());
    }
    // Built from header values and two plain characters, it is a valid value.
    if let Ok(line) = HeaderValue::from_bytes(&line) {
        headers.insert(header::COOKIE, line);
    }
}

/// Headers for the replica: those of the client, and the client's identity. What the client claims about its
/// identity is not passed on: the edge is the front door.
pub fn to_replica(told: &RequestFacts<'_>, given: HeaderMap, upgrade: Option<&HeaderValue>) -> HeaderMap {
    let mut headers = given;
    strip(&mut headers);
    without_claims(&mut headers);
    join_cookies(&mut headers);
    let mut set = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    let Asked { authority, port, .. } = told.asked;
    set(FORWARDED_FOR, &told.from.client.to_string());
    set(FORWARDED_HOST, authority);
    set(FORWARDED_PORT, &port.to_string());
    // The host that was used for routing, whatever else the request claims.
    set(header::HOST, authority);
    headers.insert(FORWARDED_PROTO, HeaderValue::from_static(told.from.scheme()));
    headers.insert(REQUEST_ID, told.id.clone());
    if let Some(protocol) = upgrade {
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(header::UPGRADE, protocol.clone());
    }
    headers
}
