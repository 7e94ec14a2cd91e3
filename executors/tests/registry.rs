//! Cases that need a real registry: indexes, pages, deletion, silence, tokens. That its executor keeps the
//! contract is shown by `conformance`.

mod server;

use crate::server::{MANIFEST, Server, image, sha256};
use haloy_executors::registry::{Registry, RegistryOptions};
use haloy_executors::*;
use haloy_ledger::deployment::state::Origin;
use haloy_ledger::ids::*;
use haloy_ledger::outcome::*;
use serde_json::json;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

async fn client(server: &Server) -> Registry {
    let named = server.named("v1");
    Registry::for_image(&RegistryOptions::default(), &named, None).await.expect("a client")
}

#[tokio::test]
async fn an_index_resolves_to_the_manifest_of_the_platform() {
    let Some(server) = Server::start().await else { return };
    let (amd, arm) = (server.image("amd", "amd64").await, server.image("arm", "arm64").await);
    let entry = |digest: &Digest, architecture: &str| json!({"mediaType": MANIFEST, "digest": digest, "size": 400, "platform": {"os": "linux", "architecture": architecture}});
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry(&arm, "arm64"), entry(&amd, "amd64"), entry(&arm, "unknown")]});
    let index = server.put("v1", INDEX, &index).await;
    let client = client(&server).await;
    let resolved = client.resolve(&server.named("v1"), "linux/amd64").await.expect("resolved");
    assert_eq!((resolved.index_digest, resolved.digest), (Some(index.clone()), Some(amd)));
    assert_eq!(resolved.created.as_deref(), Some("2026-01-02T03:04:05Z"));
    assert_eq!(resolved.revision.as_deref(), Some("rev-amd"));
    assert!(resolved.size.is_some_and(|size| size > 5));
    assert_eq!(client.tag_digest(&server.named("v1")).await.expect("asked"), Some(index));
    let refused = client.resolve(&server.named("v1"), "linux/riscv64").await.expect_err("not there");
    assert_eq!(refused.cause.code, FailureCode::PlatformMismatch);
    assert!(refused.to_string().contains("linux/arm64, linux/amd64"), "{refused}");
    let single = client.resolve(&server.named("arm"), "linux/amd64").await.expect_err("another one");
    assert_eq!(single.cause.code, FailureCode::PlatformMismatch);
}

#[tokio::test]
async fn what_is_not_there_is_not_an_error_where_it_is_asked_for() {
    let Some(server) = Server::start().await else { return };
    let digest = server.image("v1", "amd64").await;
    let client = client(&server).await;
    assert!(client.has(&server.named("v1"), &digest).await.expect("asked"));
    let other = Digest::new(sha256(b"other")).expect("a digest");
    assert!(!client.has(&server.named("v1"), &other).await.expect("asked"));
    assert_eq!(client.tag_digest(&server.named("v9")).await.expect("asked"), None);
    let missing = client.resolve(&server.named("v9"), "linux/amd64").await.expect_err("not there");
    assert_eq!((missing.cause.code, missing.retry), (FailureCode::ImageNotFound, Retry::Never));
    let address = server.address.clone();
    drop(server);
    let named = image(format!("{address}/app:v1"));
    let down = client.tag_digest(&named).await.expect_err("nothing listens");
    assert_eq!((down.cause.code, down.retry), (FailureCode::RegistryUnreachable, Retry::Now));
    assert!(down.to_string().contains("refused"), "{down}");
}

#[tokio::test]
async fn another_tag_has_the_same_digest_and_deletion_takes_no_other_tag_along() {
    let Some(server) = Server::start().await else { return };
    let digest = server.image("v1", "amd64").await;
    let client = client(&server).await;
    client.retag(&server.named("v1"), &digest, "prod").await.expect("put");
    assert_eq!(client.tag_digest(&server.named("prod")).await.expect("asked"), Some(digest.clone()));
    let refused = client.delete_tag(&server.named("v1"), "prod").await.expect_err("v1 would go, too");
    assert!(refused.to_string().contains("which would go as well: v1"), "{refused}");
    assert!(client.has(&server.named("v1"), &digest).await.expect("asked"));
    let alone = server.image("v2", "arm64").await;
    client.delete_tag(&server.named("v2"), "v2").await.expect("deleted");
    assert!(!client.has(&server.named("v2"), &alone).await.expect("asked"));
    client.delete_tag(&server.named("v2"), "v2").await.expect("fine if it is gone");
}

#[tokio::test]
async fn a_thousand_tags_are_listed_whole_and_in_order() {
    let Some(server) = Server::start().await else { return };
    let digest = server.image("t0000", "amd64").await;
    let client = Arc::new(client(&server).await);
    let mut putting = tokio::task::JoinSet::new();
    for number in 1..1100 {
        let (client, named, digest) = (Arc::clone(&client), server.named("t0000"), digest.clone());
        putting.spawn(async move {
            let tag = format!("t{number:04}");
            // This registry stumbles over itself when one manifest gets many tags at once.
            while let Err(error) = client.retag(&named, &digest, &tag).await {
                assert!(error.retry.helps(), "{error}");
            }
        });
        if putting.len() > 8 {
            putting.join_next().await.expect("running").expect("no panic");
        }
    }
    while let Some(done) = putting.join_next().await {
        done.expect("no panic");
    }
    let tags = client.tags(&server.named("t0000")).await.expect("listed");
    let expected: Vec<String> = (0..1100).map(|number| format!("t{number:04}")).collect();
    assert_eq!(tags, expected);
}

#[tokio::test]
async fn a_look_says_there_gone_or_unknown() {
    let Some(server) = Server::start().await else { return };
    let digest = server.image("v1", "amd64").await;
    let docker = Arc::new(DockerExecutor::new(DockerOptions::default()));
    let executor = RegistryExecutor::new(RegistryOptions::default(), docker);
    let origin = |digest: &Digest| Origin {
        reference: server.named("v1"),
        tag_digest: digest.clone(),
        digest: digest.clone(),
    };
    let there = RegistryAnswer::There { tag: Some(digest.clone()) };
    assert_eq!(executor.look_up(&origin(&digest), None).await, there);
    let other = Digest::new(sha256(b"other")).expect("a digest");
    assert_eq!(executor.look_up(&origin(&other), None).await, RegistryAnswer::Gone { tag: Some(digest) });
    let lost = origin(&other);
    drop(server);
    assert!(matches!(executor.look_up(&lost, None).await, RegistryAnswer::Unknown { .. }));
}

/// A registry that takes the connection and says nothing.
#[tokio::test]
async fn a_silent_registry_is_named_while_it_is_waited_for_and_when_it_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let host = listener.local_addr().expect("known").to_string();
    let options = RegistryOptions { timeout: Duration::from_millis(1500), ..RegistryOptions::default() };
    let named = image(format!("{host}/app:v1"));
    let client = Registry::for_image(&options, &named, None).await.expect("a client");
    let asked = tokio::spawn(async move { client.tag_digest(&named).await });
    tokio::time::sleep(Duration::from_millis(700)).await;
    let waiting: Vec<String> =
        options.waits.silent(Duration::from_millis(300)).into_iter().map(|wait| wait.whom).collect();
    assert_eq!(waiting, [format!("registry {host}")]);
    let error = asked.await.expect("no panic").expect_err("no answer");
    assert_eq!(error.to_string(), format!("registry {host}: no answer within 1500 ms"));
    assert!(error.retry.helps() && options.waits.silent(Duration::ZERO).is_empty());
    drop(listener);
}

/// A registry that answers every request with 429, and says for how long.
fn busy(seconds: u32) -> String {
    use std::io::{Read, Write};
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("known").to_string();
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let _read = client.read(&mut [0; 4096]);
            let head = "HTTP/1.1 429 Too Many Requests\r\nConnection: close\r\nContent-Length: 0";
            drop(client.write_all(format!("{head}\r\nRetry-After: {seconds}\r\n\r\n").as_bytes()));
        }
    });
    address
}

#[tokio::test]
async fn a_registry_that_asks_to_slow_down_says_when_another_attempt_can_help() {
    drop(rustls::crypto::ring::default_provider().install_default());
    // Whatever it demands: no deploy waits longer than two minutes for that.
    for (asked, waits) in [(7, 7), (100_000, 120)] {
        let named = image(format!("{}/app:v1", busy(asked)));
        let client = Registry::for_image(&RegistryOptions::default(), &named, None).await.expect("a client");
        let error = client.tag_digest(&named).await.expect_err("too many requests");
        assert_eq!(error.cause.code, FailureCode::RegistryUnreachable);
        assert_eq!(error.retry, Retry::After(Duration::from_secs(waits)));
        assert!(error.cause.to_string().contains(&format!("again in {asked} s")), "{error}");
        assert_eq!(error.detail, "", "what it means is not hidden in text");
    }
}

/// A registry that wants a token of its own service, which wants user and password.
fn with_tokens(digest: &Digest) -> String {
    use std::io::Write;
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("known").to_string();
    let (host, digest) = (address.clone(), digest.clone());
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let request = String::from_utf8_lossy(&server::head(&mut client)).to_lowercase();
            // `ci:secret-pass` as HTTP has it.
            let known = request.contains("authorization: basic y2k6c2vjcmv0lxbhc3m=");
            let answer = if request.starts_with("get /token") && known {
                let body = "{\"token\": \"good-token\", \"expires_in\": 300}";
                format!(
                    "200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                )
            } else if request.contains("authorization: bearer good-token") {
                format!("200 OK\r\nDocker-Content-Digest: {digest}\r\nContent-Length: 0\r\n\r\n")
            } else {
                let challenge = format!("Bearer realm=\"http://{host}/token\",service=\"test\"");
                format!("401 Unauthorized\r\nWWW-Authenticate: {challenge}\r\nContent-Length: 0\r\n\r\n")
            };
            let answer = answer.replacen("\r\n", "\r\nConnection: close\r\n", 1);
            drop(client.write_all(format!("HTTP/1.1 {answer}").as_bytes()));
        }
    });
    address
}

#[tokio::test]
async fn a_token_is_fetched_where_the_registry_wants_one() {
    let digest = Digest::new(sha256(b"manifest")).expect("a digest");
    let named = image(format!("{}/app:v1", with_tokens(&digest)));
    let login = |password: &str| RegistryLogin {
        server: None,
        username: "ci".to_owned(),
        password: password.to_owned(),
    };
    let options = RegistryOptions::default();
    let good = login("secret-pass");
    let client = Registry::for_image(&options, &named, Some(&good)).await.expect("a client");
    assert_eq!(client.tag_digest(&named).await.expect("allowed"), Some(digest));
    let bad = login("wrong-pass");
    let client = Registry::for_image(&options, &named, Some(&bad)).await.expect("a client");
    let refused = client.tag_digest(&named).await.expect_err("not allowed");
    assert_eq!((refused.cause.code, refused.retry), (FailureCode::Unauthorized, Retry::Never));
    assert!(refused.to_string().contains("user `ci`") && !refused.to_string().contains("wrong-pass"));
}
