//! One request: whose name it is for, which replica takes it, and what is tried if none does.

use super::access_log::ServedBy;
use super::body::{self, Body, FromClient, FromUpstream};
use super::connections::Admitted;
use super::identity::Doubt;
use super::limits::*;
use super::link::{Link, Unanswered};
use super::server::Edge;
use super::table::{Named, Site};
use super::upstream::{InFlight, Upstream};
use super::verify::Unconnected;
use super::{methods, pages, tunnel};
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, Uri, Version};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Where a request came from.
#[derive(Debug, Clone, Copy)]
pub struct From {
    /// Address of the client.
    pub client: IpAddr,
    /// It came over TLS.
    pub secure: bool,
}

impl From {
    /// `http` or `https`.
    pub fn scheme(self) -> &'static str {
        if self.secure { "https" } else { "http" }
    }
}

/// Answers a request, always.
///
/// `sni` is the name that the client asked for when it set up TLS; `id` is the name of the request.
pub async fn answer(
    edge: &Arc<Edge>,
    from: From,
    sni: Option<&str>,
    id: &HeaderValue,
    request: Request<Incoming>,
) -> Response<Body> {
    if let Some(answer) = edge.acme.answer(request.uri().path()).filter(|_| !from.secure) {
        return Response::new(body::text(answer));
    }
    if !methods::known(request.method()) {
        return pages::unknown_method(request.method());
    }
    let host = match host(&request) {
        Ok(host) => host,
        Err(what) => return pages::bad(what),
    };
    // RFC 9110, 7.4: a connection that was set up for one name is not used for another's.
    if sni.is_some_and(|sni| sni != host && !edge.same_certificate(sni, &host)) {
        return pages::page(StatusCode::MISDIRECTED_REQUEST, "This connection is for another host.", "");
    }
    let table = edge.look();
    let site = match table.get(&host) {
        None => return pages::unknown_host(&host),
        Some(Named::Alias(domain)) => {
            let secure = from.secure || edge.believed(domain);
            return redirect(edge, From { secure, ..from }, domain, request.uri());
        }
        // To https only once it is worth something: a certificate that clients believe.
        Some(Named::Route(_)) if !from.secure && edge.believed(&host) => {
            return redirect(edge, From { secure: true, ..from }, &host, request.uri());
        }
        Some(Named::Route(site)) => Arc::clone(site),
    };
    drop(table);
    if request.body().size_hint().lower() > BODY_BYTES {
        return pages::page(StatusCode::PAYLOAD_TOO_LARGE, "The body is larger than the edge takes.", "");
    }
    let authority = request.uri().authority().map(|authority| without_user(authority.as_str()).to_owned());
    pass_on(edge, from, &site, Told { host: &host, authority: authority.as_deref(), id }, request).await
}

/// What a replica is told of a request, beside what the client sent.
struct Told<'a> {
    host: &'a str,
    /// Host and port in the target of the request: over HTTP/2, and where a client takes this for a proxy.
    authority: Option<&'a str>,
    id: &'a HeaderValue,
}

/// The name that a request is for, in lower case, without port.
fn host<T>(request: &Request<T>) -> Result<String, &'static str> {
    let mut named = request.headers().get_all(header::HOST).iter();
    let first = named.next();
    if named.next().is_some() {
        return Err("The request names more than one host.");
    }
    // RFC 9112, 3.2.2: the target of the request counts before the Host header.
    let host = match request.uri().authority() {
        Some(authority) => without_user(authority.as_str()),
        None => match first.map(HeaderValue::to_str) {
            Some(Ok(host)) => host,
            Some(Err(_)) => return Err("The host is not readable."),
            None => return Err("The request names no host."),
        },
    };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.chars().all(|c| c.is_ascii_digit()) => name,
        Some(_) | None => host,
    };
    Ok(name.trim_end_matches('.').to_ascii_lowercase())
}

/// An authority may name a user, which is nobody's business here.
fn without_user(authority: &str) -> &str {
    authority.rsplit_once('@').map_or(authority, |(_, host)| host)
}

/// To the same place at the domain itself; the port that the client used stays.
fn redirect(edge: &Edge, from: From, domain: &str, uri: &Uri) -> Response<Body> {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let port = match edge.public_port(from.secure) {
        Some(port) => format!(":{port}"),
        None => String::new(),
    };
    let mut response = pages::page(StatusCode::PERMANENT_REDIRECT, &format!("See {domain}."), "");
    if let Ok(location) = HeaderValue::from_str(&format!("{}://{domain}{port}{path}", from.scheme())) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// A request to a replica. Without a body it can be made again, as long as no byte of an answer was seen.
#[derive(Clone)]
struct Outgoing {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
}

impl Outgoing {
    fn request(self, body: Body) -> Request<Body> {
        let mut request = Request::new(body);
        *request.method_mut() = self.method;
        *request.uri_mut() = self.uri;
        *request.headers_mut() = self.headers;
        request
    }
}

async fn pass_on(
    edge: &Arc<Edge>,
    from: From,
    site: &Arc<Site>,
    told: Told<'_>,
    mut request: Request<Incoming>,
) -> Response<Body> {
    let upgrade = upgrade_wanted(&request);
    let client_upgrade = upgrade.as_ref().map(|_| {
        let admitted = request.extensions_mut().remove::<Arc<Admitted>>();
        (hyper::upgrade::on(&mut request), admitted)
    });
    let (parts, incoming) = request.into_parts();
    let uri = parts.uri.path_and_query().cloned().map_or_else(|| Uri::from_static("/"), Uri::from);
    let headers = headers(from, &told, parts.headers, upgrade.as_ref());
    let outgoing = Outgoing { method: parts.method, uri, headers };
    let bodiless = incoming.is_end_stream();
    let again = (bodiless && methods::safe(&outgoing.method)).then(|| outgoing.clone());
    let pieces = Arc::<AtomicU64>::default();
    let body =
        if bodiless { body::empty() } else { FromClient::new(incoming, Arc::clone(&pieces)).boxed_unsync() };
    let mut next = Some(outgoing.request(body));
    let mut tried: Vec<Arc<Upstream>> = Vec::new();
    let (mut silent, mut renewed, mut doubted) = (false, false, None);
    while let Some(request) = next.take() {
        // Counted first, then looked again: whoever drains a replica sees every request that goes there.
        let Some((site, in_flight)) = enter(edge, site, &tried) else { break };
        if !tried.is_empty() {
            edge.metrics.retried();
        }
        let upstream = Arc::clone(&in_flight.0);
        match send(edge, &in_flight.0, again.is_some(), &pieces, request).await {
            Ok((link, response)) => {
                return finish(edge, response, link, in_flight, client_upgrade);
            }
            Err(Failed::NotSent(request)) => next = Some(*request),
            Err(Failed::Doubted(request, doubt)) => (next, doubted) = (Some(*request), Some(doubt)),
            // An idle connection that the replica closed while it was used says nothing about the replica:
            // once more, there, over a new one.
            Err(Failed::Lost { reused }) => {
                let Some(again) = again.clone() else { break };
                next = Some(again.request(body::empty()));
                if reused && !renewed {
                    renewed = true;
                    upstream.forget_idle();
                    continue;
                }
            }
            Err(Failed::Silent) => {
                silent = true;
                break;
            }
        }
        tried.push(upstream);
        if tried.len() >= ATTEMPTS.min(site.upstreams.len().max(1)) {
            break;
        }
    }
    match doubted {
        _ if silent => pages::too_slow(&site.owner),
        // Whoever accepted none may be back at once; whoever is in doubt is looked for.
        Some(doubt) => pages::in_doubt(&site.owner, &doubt),
        None if tried.is_empty() && site.upstreams.is_empty() => pages::nothing_runs(&site.owner),
        None => pages::no_answer(&site.owner),
    }
}

/// Picks a replica of the table that is in force, and counts the request there.
fn enter(edge: &Edge, site: &Arc<Site>, tried: &[Arc<Upstream>]) -> Option<(Arc<Site>, InFlight)> {
    loop {
        let table = edge.look();
        let site = match table.get(&site.domain) {
            Some(Named::Route(site)) => Arc::clone(site),
            Some(Named::Alias(_)) | None => return None,
        };
        let in_flight = site.pick(tried)?.enter();
        if edge.in_force(&table) {
            return Some((site, in_flight));
        }
    }
}

enum Failed {
    /// Not a byte was sent: it may go elsewhere.
    NotSent(Box<Request<Body>>),
    /// The same: nothing shows that it would reach the replica.
    Doubted(Box<Request<Body>>, Doubt),
    /// Nobody knows what the replica did with it.
    Lost {
        /// The connection had been used before.
        reused: bool,
    },
    /// It did not answer in time.
    Silent,
}

async fn send(
    edge: &Arc<Edge>,
    upstream: &Upstream,
    safe: bool,
    pieces: &AtomicU64,
    mut request: Request<Body>,
) -> Result<(Link, Response<Incoming>), Failed> {
    loop {
        let kept = upstream.idle(safe);
        let reused = kept.is_some();
        let mut link = match kept {
            Some(link) => link,
            None => {
                let connected = upstream.connect().await;
                edge.connected(upstream, &connected);
                match connected {
                    Ok(link) => link,
                    Err(Unconnected::Refused) => {
                        upstream.mark();
                        return Err(Failed::NotSent(Box::new(request)));
                    }
                    Err(Unconnected::Doubted(doubt)) => {
                        upstream.pass_over();
                        return Err(Failed::Doubted(Box::new(request), doubt));
                    }
                }
            }
        };
        match in_time(edge.options.answer, pieces, link.ask(request)).await {
            None => return Err(Failed::Silent),
            Some(Ok(response)) => return Ok((link, response)),
            // An idle connection that the replica closed meanwhile: a new one tells more.
            Some(Err(Unanswered::NotSent(unsent))) if reused => request = *unsent,
            Some(Err(Unanswered::NotSent(unsent))) => return Err(Failed::NotSent(unsent)),
            Some(Err(Unanswered::Lost)) => return Err(Failed::Lost { reused }),
        }
    }
}

/// Waits for an answer; none if none began for so long although the client sent nothing more.
async fn in_time<T>(limit: Duration, pieces: &AtomicU64, answer: impl Future<Output = T>) -> Option<T> {
    let mut answer = std::pin::pin!(answer);
    let mut seen = 0;
    loop {
        match tokio::time::timeout(limit, answer.as_mut()).await {
            Ok(answer) => return Some(answer),
            Err(_elapsed) => {
                let now = pieces.load(Ordering::Relaxed);
                if now == seen {
                    return None;
                }
                seen = now;
            }
        }
    }
}

fn finish(
    edge: &Edge,
    mut response: Response<Incoming>,
    link: Link,
    in_flight: InFlight,
    client: Option<(hyper::upgrade::OnUpgrade, Option<Arc<Admitted>>)>,
) -> Response<Body> {
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        let Some((client, admitted)) = client else {
            return pages::page(StatusCode::BAD_GATEWAY, "A replica switched protocols unasked.", "");
        };
        let replica = hyper::upgrade::on(&mut response);
        tunnel::join(edge, (client, replica), link, (in_flight, admitted));
        return response.map(|_| body::empty());
    }
    let (mut parts, incoming) = response.into_parts();
    parts.extensions.insert(ServedBy { at: link.at, container: in_flight.0.container.clone() });
    strip(&mut parts.headers);
    if edge.leaving() {
        parts.headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    parts.version = Version::default();
    Response::from_parts(parts, FromUpstream::new(incoming, in_flight, link).boxed_unsync())
}

/// The protocol that the client wants to switch to.
fn upgrade_wanted<T>(request: &Request<T>) -> Option<HeaderValue> {
    let asked = request.headers().get_all(header::CONNECTION).iter().filter_map(|v| v.to_str().ok());
    let upgrade = asked.flat_map(|v| v.split(',')).any(|token| token.trim().eq_ignore_ascii_case("upgrade"));
    // HTTP/2 in the clear would be a way past everything that the edge looks at.
    let wanted = request.headers().get(header::UPGRADE).filter(|_| upgrade);
    wanted.filter(|protocol| !protocol.as_bytes().eq_ignore_ascii_case(b"h2c")).cloned()
}

/// Name of a request.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
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

/// RFC 9110, 7.6.1: what is for one connection only is not passed on.
fn strip(headers: &mut HeaderMap) {
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

/// What the replica is told: the client's headers, and who the client is. What the client claims about
/// that itself is not passed on: the edge is the front door.
fn headers(from: From, told: &Told<'_>, given: HeaderMap, upgrade: Option<&HeaderValue>) -> HeaderMap {
    let mut headers = given;
    strip(&mut headers);
    let claimed: Vec<HeaderName> = headers.keys().filter(|name| claims(name.as_str())).cloned().collect();
    for name in claimed {
        headers.remove(name);
    }
    let mut set = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    set(FORWARDED_FOR, &from.client.to_string());
    set(FORWARDED_HOST, told.host);
    headers.insert(FORWARDED_PROTO, HeaderValue::from_static(from.scheme()));
    if let Some(authority) = told.authority
        && let Ok(host) = HeaderValue::from_str(authority)
    {
        // RFC 9112, 3.2.2: who is named in the target of the request counts, and is what was routed.
        headers.insert(header::HOST, host);
    }
    headers.insert(REQUEST_ID, told.id.clone());
    if let Some(protocol) = upgrade {
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(header::UPGRADE, protocol.clone());
    }
    headers
}
