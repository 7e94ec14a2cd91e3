//! Methods of requests: what is passed on, and what is not.

use hyper::Method;

/// The registry of methods (IANA, RFC 9110, 16.1), without those for connections themselves: CONNECT
/// would make a tunnel of the edge, PRI begins HTTP/2, and TRACE tells scripts what they must not see.
const KNOWN: [&str; 37] = [
    "ACL",
    "BASELINE-CONTROL",
    "BIND",
    "CHECKIN",
    "CHECKOUT",
    "COPY",
    "DELETE",
    "GET",
    "HEAD",
    "LABEL",
    "LINK",
    "LOCK",
    "MERGE",
    "MKACTIVITY",
    "MKCALENDAR",
    "MKCOL",
    "MKREDIRECTREF",
    "MKWORKSPACE",
    "MOVE",
    "OPTIONS",
    "ORDERPATCH",
    "PATCH",
    "POST",
    "PROPFIND",
    "PROPPATCH",
    "PUT",
    "QUERY",
    "REBIND",
    "REPORT",
    "SEARCH",
    "UNBIND",
    "UNCHECKOUT",
    "UNLINK",
    "UNLOCK",
    "UPDATE",
    "UPDATEREDIRECTREF",
    "VERSION-CONTROL",
];

/// Whether a method may be forwarded to a replica.
pub fn known(method: &Method) -> bool {
    KNOWN.binary_search(&method.as_str()).is_ok()
}

/// Whether a request may be repeated: it requests no change (RFC 9110, 9.2.1).
pub fn safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_everybody_uses_is_known_and_tunnels_are_not() {
        assert!(KNOWN.is_sorted());
        for method in ["GET", "POST", "PROPFIND", "QUERY"] {
            assert!(known(&method.parse().expect("a method")), "{method}");
        }
        for method in ["CONNECT", "PRI", "TRACE", "get", "BREW"] {
            assert!(!known(&method.parse().expect("a token")), "{method}");
        }
    }
}
