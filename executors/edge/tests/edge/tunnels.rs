//! Connections that are no longer HTTP: WebSockets and their kin.

use super::*;

/// An open tunnel that echoes.
async fn tunnel(at: SocketAddr, host: &str) -> TcpStream {
    let mut stream = TcpStream::connect(at).await.expect("the edge listens");
    let ask = format!("GET /tunnel HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
    stream.write_all(ask.as_bytes()).await.expect("written");
    let mut chunk = [0; 4096];
    let count = stream.read(&mut chunk).await.expect("answered");
    assert!(chunk[..count].starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&chunk[..count]));
    echoes(&mut stream).await;
    stream
}

async fn echoes(stream: &mut TcpStream) {
    stream.write_all(b"ping").await.expect("written");
    let mut chunk = [0; 4];
    stream.read_exact(&mut chunk).await.expect("echoed");
    assert_eq!(&chunk, b"ping");
}

#[tokio::test]
async fn tunnels_of_the_app_that_switches_end_and_others_stay() {
    let (edge, web, other) = (edge().await, replica("web").await, replica("other").await);
    let routes = |web: SocketAddr| vec![route("a.example", &[web]), route("b.example", &[other.at])];
    edge.client.apply(&snapshot(1, routes(web.at))).await.expect("applied");
    let mut tunnels = [tunnel(edge.at, "a.example").await, tunnel(edge.at, "b.example").await];
    let next = replica("next").await;
    edge.client.apply(&snapshot(2, routes(next.at))).await.expect("applied");
    let drained = edge.client.drain(replica_at(web.at), Duration::from_secs(5)).await.expect("drained");
    assert_eq!(drained.left_in_flight, 0);
    let mut chunk = [0; 4];
    assert!(matches!(tunnels[0].read(&mut chunk).await, Ok(0) | Err(_)), "its tunnel was ended");
    echoes(&mut tunnels[1]).await;
    assert!(get(edge.at, "a.example").await.contains("next"));
}

#[tokio::test]
async fn an_edge_that_leaves_waits_for_its_tunnels() {
    let (edge, web) = (edge().await, replica("web").await);
    edge.client.apply(&snapshot(1, vec![route("a.example", &[web.at])])).await.expect("applied");
    let mut open = tunnel(edge.at, "a.example").await;
    edge.client.stop().await.expect("told");
    let lame_duck = haloy_edge::limits::LAME_DUCK;
    tokio::time::sleep(lame_duck + Duration::from_millis(500)).await;
    echoes(&mut open).await;
    assert!(TcpStream::connect(edge.at).await.is_err(), "nobody new is let in");
    // New routes are not accepted either.
    let refused = edge.client.apply(&snapshot(2, Vec::new())).await.expect_err("it leaves").to_string();
    assert!(refused.contains("leaving"), "{refused}");
    drop(open);
    let ended = tokio::time::timeout(Duration::from_secs(5), edge.ended).await;
    ended.expect("it does not wait for what has ended").expect("no panic").expect("no error");
}
