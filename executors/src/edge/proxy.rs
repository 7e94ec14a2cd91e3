//! One request: whose name it is for, which replica takes it, and what is tried if none does.

use super::access_log::ServedBy;
use super::body::{self, Body, FromClient, FromUpstream};
use super::limits::*;
use super::server::Edge;
use super::table::{Named, Site};
use super::upstream::{InFlight, Upstream};
use super::{methods, pages, tunnel};
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1::SendRequest;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, Uri, Version};
use std::net::IpAddr;
use std::sync::Arc;

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
    let table = edge.table();
    // RFC 9110, 7.4: a connection that was set up for one name is not used for another's.
    if sni.is_some_and(|sni| sni != host && !edge.same_certificate(sni, &host)) {
        return pages::page(StatusCode::MISDIRECTED_REQUEST, "This connection is for another host.", "");
    }
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
    pass_on(edge, from, &site, Told { host: &host, id }, request).await
}

/// What a replica is told of a request, beside what the client sent.
struct Told<'a> {
    host: &'a str,
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
        Some(authority) => authority.as_str(),
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

/// A request that can be made again, as long as no byte of an answer was seen.
struct Again {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
}

impl Again {
    fn request(&self, body: Body) -> Request<Body> {
        let mut request = Request::new(body);
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
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
    let client_upgrade = upgrade.as_ref().map(|_| hyper::upgrade::on(&mut request));
    let (parts, incoming) = request.into_parts();
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let uri = path.parse().unwrap_or_else(|_| Uri::from_static("/"));
    let headers = headers(from, &told, parts.headers, upgrade.as_ref());
    let again = Again { method: parts.method, uri, headers };
    let bodiless = incoming.is_end_stream();
    let safe = methods::safe(&again.method);
    let body = if bodiless { body::empty() } else { FromClient::new(incoming).boxed_unsync() };
    let mut next = Some(again.request(body));
    let mut tried: Vec<Arc<Upstream>> = Vec::new();
    let (mut silent, mut renewed) = (false, false);
    while let Some(request) = next.take() {
        // Counted first, then looked again: whoever drains a replica sees every request that goes there.
        let Some((site, in_flight)) = enter(edge, site, &tried) else { break };
        if !tried.is_empty() {
            edge.metrics.retried();
        }
        let upstream = Arc::clone(&in_flight.0);
        match send(&upstream, request).await {
            Ok((sender, response)) => {
                return finish(edge, response, sender, in_flight, client_upgrade);
            }
            Err(Failed::NotSent(request)) => next = Some(*request),
            // An idle connection that the replica closed while it was used says nothing about the replica:
            // once more, there, over a new one.
            Err(Failed::Lost { reused: true }) if safe && bodiless && !renewed => {
                renewed = true;
                upstream.forget_idle();
                next = Some(again.request(body::empty()));
                continue;
            }
            Err(Failed::Lost { .. }) if safe && bodiless => next = Some(again.request(body::empty())),
            Err(Failed::Lost { .. }) => break,
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
    match (silent, tried.is_empty()) {
        (true, _) => pages::too_slow(&site.owner),
        (false, true) if site.upstreams.is_empty() => pages::nothing_runs(&site.owner),
        (false, _) => pages::no_answer(&site.owner),
    }
}

/// Picks a replica of the table that is in force, and counts the request there.
fn enter(edge: &Edge, site: &Arc<Site>, tried: &[Arc<Upstream>]) -> Option<(Arc<Site>, InFlight)> {
    loop {
        let table = edge.table();
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
    /// Nobody knows what the replica did with it.
    Lost {
        /// The connection had been used before.
        reused: bool,
    },
    /// It did not answer in time.
    Silent,
}

async fn send(
    upstream: &Upstream,
    mut request: Request<Body>,
) -> Result<(SendRequest<Body>, Response<Incoming>), Failed> {
    loop {
        let kept = upstream.idle().await;
        let reused = kept.is_some();
        let mut sender = match kept {
            Some(sender) => sender,
            None => match upstream.connect().await {
                Ok(sender) => sender,
                Err(_refused) => {
                    upstream.mark();
                    return Err(Failed::NotSent(Box::new(request)));
                }
            },
        };
        match tokio::time::timeout(ANSWER_TIME, sender.try_send_request(request)).await {
            Err(_elapsed) => return Err(Failed::Silent),
            Ok(Ok(response)) => return Ok((sender, response)),
            Ok(Err(mut error)) => match error.take_message() {
                // An idle connection that the replica closed meanwhile: a new one tells more.
                Some(unsent) if reused => request = unsent,
                Some(unsent) => return Err(Failed::NotSent(Box::new(unsent))),
                None => return Err(Failed::Lost { reused }),
            },
        }
    }
}

fn finish(
    edge: &Edge,
    mut response: Response<Incoming>,
    sender: SendRequest<Body>,
    in_flight: InFlight,
    client: Option<hyper::upgrade::OnUpgrade>,
) -> Response<Body> {
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        let Some(client) = client else {
            return pages::page(StatusCode::BAD_GATEWAY, "A replica switched protocols unasked.", "");
        };
        tunnel::join(edge, client, hyper::upgrade::on(&mut response), in_flight);
        return response.map(|_| body::empty());
    }
    let (mut parts, incoming) = response.into_parts();
    parts.extensions.insert(ServedBy(in_flight.0.address));
    strip(&mut parts.headers);
    if edge.leaving() {
        parts.headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    parts.version = Version::default();
    Response::from_parts(parts, FromUpstream::new(incoming, in_flight, sender).boxed_unsync())
}

/// The protocol that the client wants to switch to.
fn upgrade_wanted<T>(request: &Request<T>) -> Option<HeaderValue> {
    let asked = request.headers().get_all(header::CONNECTION).iter().filter_map(|v| v.to_str().ok());
    let upgrade = asked.flat_map(|v| v.split(',')).any(|token| token.trim().eq_ignore_ascii_case("upgrade"));
    request.headers().get(header::UPGRADE).filter(|_| upgrade).cloned()
}

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
    for name in ["connection", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade"] {
        headers.remove(name);
    }
}

/// What the replica is told: the client's headers, and who the client is. What the client claims about
/// that itself is not passed on: the edge is the front door.
fn headers(from: From, told: &Told<'_>, given: HeaderMap, upgrade: Option<&HeaderValue>) -> HeaderMap {
    let mut headers = given;
    strip(&mut headers);
    for name in ["forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-real-ip"] {
        headers.remove(name);
    }
    let mut set = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    set("x-forwarded-for", &from.client.to_string());
    set("x-forwarded-proto", from.scheme());
    set("x-forwarded-host", told.host);
    if !headers.contains_key(header::HOST)
        && let Ok(host) = HeaderValue::from_str(told.host)
    {
        // HTTP/2 names it in the target of the request.
        headers.insert(header::HOST, host);
    }
    headers.insert("x-request-id", told.id.clone());
    if let Some(protocol) = upgrade {
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(header::UPGRADE, protocol.clone());
    }
    headers
}
