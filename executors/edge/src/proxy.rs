//! One request: the name that it is for, the replica that takes it, and what is tried if none does.

use super::access_log::ServedBy;
use super::body::{self, Body};
use super::client_origin::ClientOrigin;
use super::clients::Admitted;
use super::headers::{self, RequestFacts};
use super::identity::Doubt;
use super::limits::*;
use super::link::{Link, Unanswered};
use super::passing::{FromClient, FromUpstream};
use super::shared::Edge;
use super::standing::Stands;
use super::table::{Named, Site};
use super::upstream::{InFlight, Upstream};
use super::verify::Unconnected;
use super::{methods, pages, tunnel};
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, Uri, Version};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Answers a request, always.
///
/// `sni` is the name from the TLS handshake; `id` is the name of the request.
pub async fn answer(
    edge: &Arc<Edge>,
    from: ClientOrigin,
    sni: Option<&str>,
    id: &HeaderValue,
    request: Request<Incoming>,
) -> Response<Body> {
    if let Some(answer) = edge.tls.acme.answer(request.uri().path()).filter(|_| !from.secure) {
        return Response::new(body::text(answer));
    }
    if !methods::known(request.method()) {
        return pages::unknown_method(request.method());
    }
    let asked = match headers::asked(&request, from) {
        Ok(asked) => asked,
        Err(what) => return pages::bad(what),
    };
    let host = asked.name.as_str();
    // RFC 9110, 7.4: a connection that was set up for one name is not used for another's.
    if sni.is_some_and(|sni| sni != host && !edge.tls.same_certificate(sni, host)) {
        return pages::page(StatusCode::MISDIRECTED_REQUEST, "This connection is for another host.", "");
    }
    let table = edge.routing.table_guard();
    let site = match table.get(host) {
        None => return pages::unknown_host(host),
        Some(Named::Alias(domain)) => {
            let secure = from.secure || edge.tls.believed(domain);
            return redirect(edge, ClientOrigin { secure, ..from }, domain, request.uri());
        }
        // To https only once it is worth something: a certificate that clients believe.
        Some(Named::Route(_)) if !from.secure && edge.tls.believed(host) => {
            return redirect(edge, ClientOrigin { secure: true, ..from }, host, request.uri());
        }
        Some(Named::Route(site)) => Arc::clone(site),
    };
    drop(table);
    if request.body().size_hint().lower() > BODY_BYTES {
        return pages::page(StatusCode::PAYLOAD_TOO_LARGE, "The body is larger than the edge takes.", "");
    }
    pass_on(edge, &site, RequestFacts { from, asked: &asked, id }, request).await
}

/// To the same place at the domain itself; the port that the client used stays.
fn redirect(edge: &Edge, from: ClientOrigin, domain: &str, uri: &Uri) -> Response<Body> {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let port = match edge.options.public_port(from.secure) {
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
    site: &Arc<Site>,
    told: RequestFacts<'_>,
    mut request: Request<Incoming>,
) -> Response<Body> {
    let upgrade = headers::upgrade_wanted(&request);
    let client_upgrade = upgrade.as_ref().map(|_| {
        let admitted = request.extensions_mut().remove::<Arc<Admitted>>();
        (hyper::upgrade::on(&mut request), admitted)
    });
    let (parts, incoming) = request.into_parts();
    let uri = parts.uri.path_and_query().cloned().map_or_else(|| Uri::from_static("/"), Uri::from);
    let headers = headers::to_replica(&told, parts.headers, upgrade.as_ref());
    let outgoing = Outgoing { method: parts.method, uri, headers };
    let bodiless = incoming.is_end_stream();
    let again = (bodiless && methods::safe(&outgoing.method)).then(|| outgoing.clone());
    let pieces = Arc::<AtomicU64>::default();
    let body =
        if bodiless { body::empty() } else { FromClient::body(incoming, Arc::clone(&pieces)).boxed_unsync() };
    let mut next = Some(outgoing.request(body));
    let mut tried: Vec<Arc<Upstream>> = Vec::new();
    let (mut silent, mut renewed, mut doubted) = (false, false, None);
    while let Some(request) = next.take() {
        // Counted first, then checked again: so a drain sees every request that goes to its replica.
        let Some((site, in_flight)) = enter(edge, site, &tried, again.is_none()) else { break };
        if !tried.is_empty() {
            edge.observed.metrics.retried();
        }
        let upstream = Arc::clone(&in_flight.0);
        // Only what may be made again is given up early, and only where another replica is well.
        let elsewhere =
            || again.is_some() && upstream.stands() != Stands::Well && others(edge, &site, &tried, &upstream);
        match send(edge, &in_flight.0, (again.is_some(), &elsewhere), &pieces, request).await {
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
            Err(Failed::Doubtful) => next = again.clone().map(|again| again.request(body::empty())),
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
        // A replica that refused may be back at once; one in doubt is inspected.
        Some(doubt) => pages::in_doubt(&site.owner, &doubt),
        None if tried.is_empty() && site.upstreams.is_empty() => pages::nothing_runs(&site.owner),
        None => pages::no_answer(&site.owner),
    }
}

/// Whether another replica that was not tried yet is well, by the table that is in force.
fn others(edge: &Edge, site: &Site, tried: &[Arc<Upstream>], but: &Arc<Upstream>) -> bool {
    let mut tried = tried.to_vec();
    tried.push(Arc::clone(but));
    match edge.routing.table_guard().get(&site.domain) {
        Some(Named::Route(site)) => site.well_but_for(&tried),
        Some(Named::Alias(_)) | None => false,
    }
}

/// Picks a replica of the current table, and counts the request there.
fn enter(
    edge: &Edge,
    site: &Arc<Site>,
    tried: &[Arc<Upstream>],
    once: bool,
) -> Option<(Arc<Site>, InFlight)> {
    loop {
        let table = edge.routing.table_guard();
        let site = match table.get(&site.domain) {
            Some(Named::Route(site)) => Arc::clone(site),
            Some(Named::Alias(_)) | None => return None,
        };
        let in_flight = site.pick(tried, once)?.enter();
        if edge.routing.in_force(&table) {
            return Some((site, in_flight));
        }
    }
}

enum Failed {
    /// Not a byte was sent: it may go elsewhere.
    NotSent(Box<Request<Body>>),
    /// The same: nothing shows that it would reach the replica.
    Doubted(Box<Request<Body>>, Doubt),
    /// What the replica did with it is unknown.
    Lost {
        /// The connection had been used before.
        reused: bool,
    },
    /// The replica did not answer in time.
    Silent,
    /// The replica did not begin its answer in a shorter time, failed its last check, and another one is
    /// well.
    Doubtful,
}

async fn send(
    edge: &Arc<Edge>,
    upstream: &Upstream,
    (safe, elsewhere): (bool, &(dyn Fn() -> bool + Sync)),
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
                edge.observed.connected(upstream, &connected);
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
        match in_time(edge.options.answer, pieces, safe.then_some(elsewhere), link.ask(request)).await {
            Err(failed) => return Err(failed),
            Ok(Ok(response)) => return Ok((link, response)),
            // An idle connection that the replica closed meanwhile: a new one tells more.
            Ok(Err(Unanswered::NotSent(unsent))) if reused => request = *unsent,
            Ok(Err(Unanswered::NotSent(unsent))) => return Err(Failed::NotSent(unsent)),
            Ok(Err(Unanswered::Lost)) => return Err(Failed::Lost { reused }),
        }
    }
}

/// Waits for an answer: given up if none began for so long although the client sent nothing more, and after a
/// shorter time where that is what `elsewhere` says.
async fn in_time<T>(
    limit: Duration,
    pieces: &AtomicU64,
    elsewhere: Option<&(dyn Fn() -> bool + Sync)>,
    answer: impl Future<Output = T>,
) -> Result<T, Failed> {
    let mut answer = std::pin::pin!(answer);
    let (mut seen, mut waited) = (0, Duration::ZERO);
    let step = elsewhere.map_or(limit, |_| limit.min(DOUBT_TIME));
    loop {
        match tokio::time::timeout(step, answer.as_mut()).await {
            Ok(answer) => return Ok(answer),
            Err(_elapsed) if elsewhere.is_some_and(|elsewhere| elsewhere()) => return Err(Failed::Doubtful),
            Err(_elapsed) => waited += step,
        }
        if waited >= limit {
            let now = pieces.load(Ordering::Relaxed);
            if now == seen {
                return Err(Failed::Silent);
            }
            (seen, waited) = (now, Duration::ZERO);
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
        tunnel::join(&edge.lifecycle, (client, replica), link, (in_flight, admitted));
        return response.map(|_| body::empty());
    }
    let (mut parts, incoming) = response.into_parts();
    parts.extensions.insert(ServedBy { at: link.at, container: in_flight.0.container.clone() });
    headers::strip(&mut parts.headers);
    if edge.lifecycle.leaving() {
        parts.headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    parts.version = Version::default();
    Response::from_parts(parts, FromUpstream::body(incoming, in_flight, link).boxed_unsync())
}
