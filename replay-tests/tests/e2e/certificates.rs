//! Certificates: from an authority that is strict and forgets, of the user's own, and none at all.

use crate::authority::{Pebble, private, secure_get, tls};
use crate::harness::*;
use crate::load;
use std::time::{Duration, Instant};

/// Waits for something that happens by itself.
#[track_caller]
fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < until, "{what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Below this the authority of the tests gives certificates; everything else of the name is made up.
const ZONE: &str = "haloy-tests.com";

/// Deploys a name and its alias; returns the progress output.
fn deploy(user: &User, pebble: &Pebble, domain: &str, more: &str) -> String {
    user.config("v1", &format!("domains:\n  - domain: {domain}\n    aliases: [www.{domain}]\n{more}"));
    let mut command = user.command("deploy");
    command.envs(pebble.environment());
    user.run(&mut command).ok().err
}

fn kinds(user: &User, kind: &str) -> Vec<serde_json::Value> {
    user.haloy("settle").ok();
    let events = user.haloy(&format!("events --kind {kind} -o json")).ok().json();
    events["data"].as_array().expect("a list").clone()
}

/// What is served with a certificate, and what is not.
fn as_asked_for(user: &User, shop: &str, root: &[Vec<u8>]) {
    let get = |sni: &str, host: &str| secure_get(user.secure, sni, host, root, "/");
    let mut plain = load::connect(user.edge).expect("the edge listens");
    let redirected = load::ask(&mut plain, shop, "/a?b=1").expect("answered");
    let there = format!("location: https://{shop}:{}/a?b=1", user.secure.port());
    assert!(redirected.status == 308 && redirected.head.contains(&there), "{}", redirected.head);
    let alias = get(&format!("www.{shop}"), &format!("www.{shop}")).expect("one certificate for both");
    assert!(
        alias.to_lowercase().contains(&format!("location: https://{shop}:{}/", user.secure.port())),
        "{alias}"
    );
    let other = get(shop, "other.test").expect("answered");
    assert!(other.starts_with("HTTP/1.1 421"), "{other}");
    assert!(get("nobody.test", "nobody.test").is_err(), "no certificate for a name that is not routed");
    let h2 = tls(user.secure, shop, root, &[b"h2", b"http/1.1"]).expect("believed");
    assert_eq!(h2.conn.alpn_protocol(), Some(&b"h2"[..]));
    assert!(private(&user.folder.path().join(format!("ledger/edge/certs/{shop}.pem"))));
}

#[test]
fn an_authority_issues_renews_forgets_and_refuses() {
    if !engine() {
        return;
    }
    let user = User::new("acme");
    let Some(mut pebble) = Pebble::start(&user, 24) else { return };
    // Without an address, and without a request for one; the authority and its terms are shown once.
    let (shop, blog, gone) = (format!("shop.{ZONE}"), format!("blog.{ZONE}"), format!("gone.{ZONE}"));
    let (shop, blog, gone) = (shop.as_str(), blog.as_str(), gone.as_str());
    let said = deploy(&user, &pebble, shop, "");
    let asked = format!("a certificate for {shop}, www.{shop} is requested from localhost:");
    assert!(said.contains(&asked) && said.contains("acme: off"), "{said}");
    assert!(said.contains("whose terms are at data:text/plain"), "{said}");
    // It serves from the first moment on, and redirects once there is something to redirect to.
    let root = [pebble.root()];
    let get = |sni: &str, host: &str, roots: &[Vec<u8>]| secure_get(user.secure, sni, host, roots, "/");
    eventually("a certificate is issued", || get(shop, shop, &root).ok());
    assert!(get(shop, shop, &root).expect("believed").ends_with("version v1\n"));
    as_asked_for(&user, shop, &root);

    // Renewed at two thirds of its life, while it is served.
    let renewed = eventually("it is renewed", || {
        kinds(&user, "CertificateIssued").into_iter().find(|event| event["payload"]["renewal"] == true)
    });
    assert_eq!(renewed["payload"]["names"], serde_json::json!([shop, format!("www.{shop}")]));
    assert!(get(shop, shop, &root).is_ok());
    assert_eq!(kinds(&user, "AcmeAccountCreated").len(), 1);
    println!("the authority was asked when to renew: {:?}", pebble.advised());
    assert_ne!(pebble.advised(), Some(false), "an authority that knows when to renew is asked");

    // After a restart the authority has no accounts: a new account is made, too.
    pebble.start_again();
    let said = deploy(&user, &pebble, blog, "acme_email: ops@haloy-tests.com\n");
    assert!(said.contains(&format!("a certificate for {blog}")) && !said.contains(shop), "{said}");
    let root = [pebble.root()];
    eventually("an account is made anew", || get(blog, blog, &root).ok());
    assert_eq!(kinds(&user, "AcmeAccountCreated").len(), 2);

    // A name that the authority cannot validate is reported in its own words; the deployment succeeded all
    // the same.
    pebble.resolve(gone, "127.0.0.9");
    pebble.resolve(&format!("www.{gone}"), "127.0.0.9");
    deploy(&user, &pebble, gone, "");
    let failed = eventually("the refusal is recorded", || kinds(&user, "CertificateFailed").pop());
    // What the authority wrote is shown, and lies in no hashed byte.
    let mut private = failed["private"].as_array().expect("a list").iter();
    let detail = private.find(|value| value["field"] == 21).expect("the detail");
    let said = detail["value"].as_str().expect("a text");
    assert!(said.contains("127.0.0.9") && said.contains("refused"), "{said}");
    assert!(!failed["payload"].to_string().contains("127.0.0.9"), "{failed}");
    let mut plain = load::connect(user.edge).expect("the edge listens");
    assert_eq!(load::ask(&mut plain, gone, "/").expect("answered").status, 200);

    // No certificate is requested for names that no authority could vouch for, whether or not there is an
    // address.
    let said = deploy(&user, &pebble, "quiet.test", "acme_email: ops@haloy-tests.com\n");
    assert!(!said.contains("certificate"), "{said}");
    assert_eq!(load::ask(&mut plain, "quiet.test", "/").expect("answered").status, 200);
    // The file has the last word, in both directions: an authority of one's own may vouch for any name.
    let off = &format!("off.{ZONE}");
    let said = deploy(&user, &pebble, off, "acme: off\n");
    assert!(!said.contains("certificate"), "{said}");
    pebble.resolve("own.test", "127.0.0.1");
    pebble.resolve("www.own.test", "127.0.0.1");
    let said = deploy(&user, &pebble, "own.test", "acme: on\n");
    assert!(said.contains("own.test"), "{said}");
    eventually("it is asked for", || pebble.log().contains("own.test").then_some(()));
    assert!(!pebble.log().contains("quiet.test") && !pebble.log().contains(off.as_str()));
}

#[test]
fn the_users_own_certificate_counts_and_without_one_http_serves() {
    if !engine() {
        return;
    }
    let user = User::new("own");
    user.deploy("v1", "domains: [shop.own.example]\n");
    let mut plain = load::connect(user.edge).expect("the edge listens");
    assert_eq!(load::ask(&mut plain, "shop.own.example", "/").expect("answered").status, 200);
    // Self-signed: no client trusts it, and it answers.
    let nobody = tls(user.secure, "shop.own.example", &[], &[]).expect_err("not believed").to_string();
    assert!(nobody.contains("UnknownIssuer") || nobody.contains("certificate"), "{nobody}");

    let own = rcgen::generate_simple_self_signed(vec!["*.own.example".to_owned()]).expect("made");
    let folder = user.folder.path().join("ledger/edge/certs/own");
    let pem = format!("{}{}", own.cert.pem(), own.signing_key.serialize_pem());
    std::fs::write(folder.join("wildcard.pem"), &pem).expect("written");
    std::fs::write(folder.join("broken.pem"), "no certificate").expect("written");
    let process = user.edge_process().expect("it runs").to_string();
    let told = std::process::Command::new("kill").args(["-HUP", &process]).status().expect("kill");
    assert!(told.success());
    let root = [own.cert.pem().into_bytes()];
    let get = || secure_get(user.secure, "shop.own.example", "shop.own.example", &root, "/").ok();
    assert!(eventually("it is served", get).ends_with("version v1\n"));
    assert_eq!(load::ask(&mut plain, "shop.own.example", "/").expect("answered").status, 308);
    assert_eq!(kinds(&user, "CertificateImported").len(), 1);
    assert!(user.haloy("edge status").ok().out.contains("certificate for *.own.example"));
}
