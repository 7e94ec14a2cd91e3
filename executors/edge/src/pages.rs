//! What the edge itself answers: short, and saying what to do.

use super::body::{self, Body};
use super::identity::Doubt;
use hyper::{Response, StatusCode, header};

/// A page of the edge.
pub fn page(status: StatusCode, what: &str, next: &str) -> Response<Body> {
    let reason = status.canonical_reason().unwrap_or("Error");
    let text = format!("{} {reason}\n\n{what}\n{next}\n", status.as_str());
    let mut response = Response::new(body::text(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(header::RETRY_AFTER, header::HeaderValue::from_static("5"));
    }
    response
}

/// The name is not routed.
pub fn unknown_host(host: &str) -> Response<Body> {
    let what = format!("No app is routed for {host} on this server.");
    page(
        StatusCode::NOT_FOUND,
        &what,
        "If it should be: add it to `domains` in haloy.yaml and deploy; `haloy routes` lists what is.",
    )
}

/// The name is routed, and nothing of its app runs.
pub fn nothing_runs(owner: &str) -> Response<Body> {
    let what = format!("{owner} has no running replica at the moment.");
    page(StatusCode::SERVICE_UNAVAILABLE, &what, "See `haloy status`; deploy or roll back to start it.")
}

/// Replicas exist, and nothing shows that a request would reach one of them.
pub fn in_doubt(owner: &str, doubt: &Doubt) -> Response<Body> {
    let what = format!(
        "No replica of {owner} can be shown to be the one that was deployed: {}. The request was not sent to any replica.",
        doubt.public()
    );
    page(
        StatusCode::SERVICE_UNAVAILABLE,
        &what,
        "It is looked for again with each request; see `haloy edge status` and `haloy doctor`.",
    )
}

/// No replica took the request.
pub fn no_answer(owner: &str) -> Response<Body> {
    let what = format!("No replica of {owner} answered.");
    page(
        StatusCode::BAD_GATEWAY,
        &what,
        "See `haloy logs` and `haloy status`; `haloy rollback` brings the last good release back.",
    )
}

/// A replica took the request and was silent.
pub fn too_slow(owner: &str) -> Response<Body> {
    let what = format!("A replica of {owner} took too long to answer.");
    page(StatusCode::GATEWAY_TIMEOUT, &what, "See `haloy logs`.")
}

/// A method that is not forwarded to replicas.
pub fn unknown_method(method: &hyper::Method) -> Response<Body> {
    let what = format!("The edge passes no {method} on.");
    page(
        StatusCode::NOT_IMPLEMENTED,
        &what,
        "It passes the methods of the IANA registry on, but for CONNECT and TRACE.",
    )
}

/// A request that the edge does not pass on.
pub fn bad(what: &str) -> Response<Body> {
    page(StatusCode::BAD_REQUEST, what, "The request was not passed on.")
}
