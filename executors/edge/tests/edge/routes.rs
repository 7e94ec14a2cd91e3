//! Snapshots of routes: taken whole, newest first, whatever is sent.

use super::*;
use haloy_edge::table::decode;

#[tokio::test]
async fn routes_are_taken_by_generation_and_never_halfway() {
    let (edge, web, late) = (edge().await, replica("web").await, replica("late").await);
    let good = snapshot(7, vec![route("a.example", &[web.at])]);
    let applied = edge.client.apply(&good).await.expect("applied");
    assert_eq!(applied, (7, good.digest()));
    edge.client.apply(&good).await.expect("the same again is no news");
    let bad_name = route("A_b c", &[web.at]);
    let mut twice = route("b.example", &[web.at]);
    twice.aliases = vec!["b.example".to_owned()];
    let mut nowhere = route("c.example", &[web.at]);
    nowhere.backends[0].address = "not an address".to_owned();
    let mut foreign = snapshot(9, Vec::new());
    foreign.ledger = serde_json::from_str("\"01k99pmrstvwxyz0123456789b\"").expect("an id");
    let refused = [
        (snapshot(6, vec![route("a.example", &[late.at])]), "older than 7"),
        (snapshot(7, vec![route("a.example", &[late.at])]), "with other routes"),
        (snapshot(8, vec![bad_name]), "not a valid host name"),
        (snapshot(8, vec![twice]), "twice"),
        (snapshot(8, vec![nowhere]), "not a valid address"),
        (foreign, "serves ledger"),
    ];
    for (snapshot, why) in refused {
        let error = edge.client.apply(&snapshot).await.expect_err(why).to_string();
        assert!(error.contains(why), "{error}");
    }
    assert_eq!(edge.client.routes().await.expect("it answers"), Some(good));
    assert!(get(edge.at, "a.example").await.contains("web"));
}

#[tokio::test]
async fn commands_that_come_at_once_do_not_disturb_each_other() {
    let edge = edge().await;
    let contacts = std::collections::BTreeMap::from([("a.example".to_owned(), "ops@a.example".to_owned())]);
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..64 {
        let (client, contacts) = (edge.client.clone(), contacts.clone());
        all.spawn(async move { client.contacts(&contacts).await });
    }
    while let Some(done) = all.join_next().await {
        done.expect("no panic").expect("kept");
    }
}

#[test]
fn no_bytes_make_the_decoder_panic() {
    // The same mutations as the fuzz target makes, from fixed seeds: splitmix64.
    let at = SocketAddr::from(([10, 0, 0, 1], 80));
    let good = serde_json::to_vec(&snapshot(3, vec![route("a.example", &[at]), route("b.example", &[])]));
    let good = good.expect("encoded");
    assert!(decode(&good).is_ok());
    let mut random = 1_u64;
    let mut draw = || {
        random = random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (random ^ (random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        usize::try_from((z ^ (z >> 27)) >> 33).expect("fits")
    };
    let mut taken = 0;
    for _ in 0..50_000 {
        let mut bytes = good.clone();
        for _ in 0..=draw() % 4 {
            let place = draw() % bytes.len();
            match draw() % 3 {
                0 => bytes[place] = u8::try_from(draw() % 256).expect("a byte"),
                1 => drop(bytes.drain(place..bytes.len().min(place + draw() % 9))),
                _more => bytes.insert(place, b"{}[]\",:0"[draw() % 8]),
            }
            if bytes.is_empty() {
                break;
            }
        }
        if let Ok(snapshot) = decode(&bytes) {
            taken += 1;
            // What is taken can be served, and kept.
            assert!(decode(&serde_json::to_vec(&snapshot).expect("encoded")).is_ok());
        }
    }
    assert!(taken > 0, "some changes are harmless");
}
