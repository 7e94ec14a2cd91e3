//! HTTPS and HTTP/2, with a certificate of the user's own.

use super::*;
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;

pub const HOST: &str = "a.example";

/// An edge that routes to a replica and has a certificate for it, in PEM.
pub async fn secured() -> (Edge, Replica, String) {
    let (edge, web) = (edge().await, replica("web").await);
    let own = rcgen::generate_simple_self_signed(vec![HOST.to_owned()]).expect("made");
    let pem = format!("{}{}", own.cert.pem(), own.signing_key.serialize_pem());
    std::fs::write(edge.folder.path().join("certs/own/a.pem"), pem).expect("written");
    edge.client.apply(&snapshot(1, vec![route(HOST, &[web.at])])).await.expect("applied");
    edge.client.reload().await.expect("read");
    (edge, web, own.cert.pem())
}

pub async fn tls(at: SocketAddr, root: &str, alpn: &[u8]) -> tokio_rustls::client::TlsStream<TcpStream> {
    use rustls::pki_types::{CertificateDer, pem::PemObject};
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(root.as_bytes()).expect("PEM")).expect("a root");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let mut config = config.expect("versions").with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![alpn.to_vec()];
    let name = ServerName::try_from(HOST).expect("a name");
    let stream = TcpStream::connect(at).await.expect("the edge listens");
    tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await.expect("agreed")
}

#[tokio::test]
async fn many_requests_at_once_over_one_connection_of_http2() {
    let (edge, web, root) = secured().await;
    let stream = tls(edge.secure, &root, b"h2").await;
    let io = TokioIo::new(stream);
    let (sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.expect("HTTP/2");
    tokio::spawn(connection);
    let mut all = tokio::task::JoinSet::new();
    for number in 0..100 {
        let mut sender = sender.clone();
        all.spawn(async move {
            let request = hyper::Request::get(format!("https://{HOST}/{number}"));
            let request = request.body(Empty::<Bytes>::new()).expect("a request");
            let answer = sender.send_request(request).await.expect("answered");
            assert_eq!((answer.status(), answer.version()), (hyper::StatusCode::OK, hyper::Version::HTTP_2));
            let body = answer.into_body().collect().await.expect("whole").to_bytes();
            let body = String::from_utf8_lossy(&body).to_lowercase();
            assert!(body.contains(&format!("get /{number} http/1.1")), "{body}");
            assert!(
                body.contains("host: a.example\r\n") && body.contains("x-forwarded-proto: https"),
                "{body}"
            );
        });
    }
    while let Some(done) = all.join_next().await {
        done.expect("each is answered");
    }
    assert_eq!(web.requests.load(Ordering::SeqCst), 100);
    // For another host it is the wrong connection (RFC 9110, 7.4).
    let request = hyper::Request::get("https://b.example/").body(Empty::<Bytes>::new()).expect("a request");
    let answer = sender.clone().send_request(request).await.expect("answered");
    assert_eq!(answer.status(), hyper::StatusCode::MISDIRECTED_REQUEST);
}

#[tokio::test]
async fn http_redirects_once_a_certificate_is_there_and_keeps_the_method() {
    let (edge, web, root) = secured().await;
    let post = format!("POST /x?y=1 HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 0\r\n\r\n");
    let answer = exchange(edge.at, post.as_bytes()).await.to_lowercase();
    let there = format!("location: https://{HOST}:{}/x?y=1", edge.secure.port());
    assert!(answer.starts_with("http/1.1 308") && answer.contains(&there), "{answer}");
    assert_eq!(web.requests.load(Ordering::SeqCst), 0);
    let mut stream = tls(edge.secure, &root, b"http/1.1").await;
    stream.write_all(post.as_bytes()).await.expect("written");
    let mut chunk = [0; 4096];
    let count = stream.read(&mut chunk).await.expect("answered");
    assert!(chunk[..count].starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&chunk[..count]));
}

#[tokio::test]
async fn a_client_of_http2_that_asks_nothing_is_let_go() {
    let (edge, _web, root) = secured().await;
    // Not even the preface; and one that sends one request and then stays.
    let mut silent = tls(edge.secure, &root, b"h2").await;
    let io = TokioIo::new(tls(edge.secure, &root, b"h2").await);
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.expect("HTTP/2");
    let connection = tokio::spawn(connection);
    let request = hyper::Request::get(format!("https://{HOST}/")).body(Empty::<Bytes>::new());
    assert_eq!(sender.send_request(request.expect("a request")).await.expect("answered").status(), 200);
    let within = Duration::from_secs(20);
    let mut all = Vec::new();
    let ended = tokio::time::timeout(within, silent.read_to_end(&mut all)).await.expect("not for ever");
    drop(ended);
    tokio::time::timeout(within, connection).await.expect("not for ever").expect("no panic").ok();
}

/// A directory of an authority that says where its terms are, and counts requests.
async fn authority() -> Replica {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let at = listener.local_addr().expect("an address");
    let requests = Arc::<AtomicUsize>::default();
    let seen = Arc::clone(&requests);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let seen = Arc::clone(&seen);
            tokio::spawn(async move {
                let mut chunk = [0; 4096];
                drop(stream.read(&mut chunk).await);
                seen.fetch_add(1, Ordering::SeqCst);
                let body = r#"{"meta": {"termsOfService": "https://ca.test/terms"}}"#;
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n", body.len());
                drop(stream.write_all(format!("{head}Connection: close\r\n\r\n{body}").as_bytes()).await);
            });
        }
    });
    Replica { at, requests }
}

#[tokio::test]
async fn only_for_public_names_and_unless_it_is_off_is_an_authority_asked() {
    let (ca, web) = (authority().await, replica("web").await);
    let edge = edge_asking(Arc::new(Servers), format!("http://{}/directory", ca.at)).await;
    let named = |domain: &str, alias: &str, acme| {
        let aliases = vec![alias.to_owned()];
        haloy_ledger::edge::Route { aliases, acme, ..route(domain, &[web.at]) }
    };
    let off = Some(haloy_ledger::release::AcmeMode::Off);
    let none = vec![named("a.test", "shop", None), named("shop.haloy-tests.com", "www.haloy-tests.com", off)];
    edge.client.apply(&snapshot(1, none)).await.expect("applied");
    // An address for it makes no difference: no authority could give one, or none is wanted.
    let contacts = ["a.test", "shop.haloy-tests.com"].map(|name| (name.to_owned(), "me@a.test".to_owned()));
    edge.client.contacts(&contacts.into()).await.expect("kept");
    tokio::time::sleep(Duration::from_millis(700)).await;
    let status = edge.client.status().await.expect("it answers");
    let authority = status.authority.expect("it says");
    assert_eq!((authority.names, authority.asked), (Vec::new(), false));
    assert_eq!(ca.requests.load(Ordering::SeqCst), 0);

    // Of names and aliases the public ones, except those with a certificate of the user.
    let own = rcgen::generate_simple_self_signed(vec!["own.haloy-tests.com".to_owned()]).expect("made");
    let pem = format!("{}{}", own.cert.pem(), own.signing_key.serialize_pem());
    std::fs::write(edge.folder.path().join("certs/own/a.pem"), pem).expect("written");
    edge.client.reload().await.expect("read");
    let some =
        vec![named("a.test", "www.haloy-tests.com", None), named("own.haloy-tests.com", "b.test", None)];
    edge.client.apply(&snapshot(2, some)).await.expect("applied");
    let until = std::time::Instant::now() + Duration::from_secs(10);
    let authority = loop {
        let authority = edge.client.status().await.expect("it answers").authority.expect("it says");
        if authority.asked {
            break authority;
        }
        assert!(std::time::Instant::now() < until, "{authority:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    assert_eq!(authority.names, ["www.haloy-tests.com"]);
    assert_eq!(authority.terms.as_deref(), Some("https://ca.test/terms"));
    assert!(ca.requests.load(Ordering::SeqCst) > 0);
}
