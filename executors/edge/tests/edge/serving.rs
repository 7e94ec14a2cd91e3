//! Requests that mean no harm, and replicas that are slow, gone, or change their mind.

use super::*;

#[tokio::test]
async fn what_a_client_says_of_itself_is_not_believed() {
    let (edge, web) = (edge().await, replica("web").await);
    edge.client.apply(&snapshot(1, vec![route("a.example", &[web.at])])).await.expect("applied");
    let lies = "GET /x?y=1 HTTP/1.1\r\nHost: A.Example:8080\r\nX-Forwarded-For: 1.2.3.4\r\nForwarded: for=1.2.3.4\r\nConnection: X-Secret, close\r\nX-Secret: 1\r\nX_Forwarded_For: 1.2.3.4\r\nX-Forwarded-Port: 1\r\nX-Original-URL: /admin\r\n\r\n";
    let answer = exchange(edge.at, lies.as_bytes()).await.to_lowercase();
    assert!(answer.contains("get /x?y=1 http/1.1"), "{answer}");
    assert!(answer.contains("x-forwarded-for: 127.0.0.1") && answer.contains("x-forwarded-proto: http"));
    assert!(answer.contains("host: a.example:8080") && answer.contains("x-request-id: "));
    assert!(!answer.contains("1.2.3.4") && !answer.contains("x-secret"), "{answer}");
    assert!(answer.contains("\r\nx-forwarded-host: a.example:8080\r\n"), "{answer}");
    assert!(answer.contains("\r\nx-forwarded-port: 8080\r\n"), "{answer}");
    assert!(!answer.contains("x-forwarded-port: 1\r") && !answer.contains("x-original-url"), "{answer}");
    // Host cannot be declared hop-by-hop either, and so be left out.
    let hop = "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: host, x-forwarded-for, close\r\n\r\n";
    let answer = exchange(edge.at, hop.as_bytes()).await.to_lowercase();
    assert!(answer.contains("\r\nhost: a.example\r\n"), "{answer}");
    assert!(answer.contains("x-forwarded-for: 127.0.0.1"), "{answer}");
    // The host in the target of the request decides, also for the replica.
    let two = "GET http://a.example/y HTTP/1.1\r\nHost: evil.example\r\n\r\n";
    let answer = exchange(edge.at, two.as_bytes()).await.to_lowercase();
    assert!(answer.contains("get /y http/1.1") && answer.contains("\r\nhost: a.example\r\n"), "{answer}");
    assert!(!answer.contains("evil"), "{answer}");
    let h2c = "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n\r\n";
    let answer = exchange(edge.at, h2c.as_bytes()).await.to_lowercase();
    assert!(answer.contains("200 ok") && !answer.contains("h2c") && !answer.contains("http2"), "{answer}");
}

#[tokio::test]
async fn a_replica_that_does_not_accept_is_passed_over() {
    let (edge, web) = (edge().await, replica("web").await);
    let gone = std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port");
    edge.client.apply(&snapshot(1, vec![route("a.example", &[gone, web.at])])).await.expect("applied");
    for _ in 0..3 {
        let post =
            exchange(edge.at, b"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 2\r\n\r\nhi").await;
        assert!(post.contains("200 OK"), "what was not sent may go elsewhere, whatever it is: {post}");
    }
    let status = edge.client.status().await.expect("it answers");
    assert!(status.replicas.iter().any(|replica| replica.recorded == Some(gone) && replica.marked));
    edge.client.apply(&snapshot(2, vec![route("a.example", &[gone])])).await.expect("applied");
    assert!(get(edge.at, "a.example").await.contains("502"));
}

#[tokio::test]
async fn a_kept_connection_that_the_replica_closes_costs_no_safe_request() {
    // Answers the first request of each connection, and closes when it is sent a second.
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let at = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut chunk = [0; 4096];
                drop(stream.read(&mut chunk).await);
                drop(stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await);
                drop(stream.read(&mut chunk).await);
            });
        }
    });
    let edge = edge().await;
    edge.client.apply(&snapshot(1, vec![route("a.example", &[at])])).await.expect("applied");
    // One client: its requests use the same connections.
    let mut client = TcpStream::connect(edge.at).await.expect("the edge listens");
    for _ in 0..4 {
        client.write_all(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n").await.expect("written");
        let mut chunk = [0; 4096];
        let count = client.read(&mut chunk).await.expect("answered");
        assert!(chunk[..count].starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&chunk[..count]));
    }
    let text = metrics(&edge).await;
    assert!(text.contains("haloy_edge_connections_total 1"), "{text}");
}

#[tokio::test]
async fn an_answer_before_the_end_of_its_request_leaves_nothing_behind() {
    let edge = edge().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let at = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut chunk = [0; 4096];
                // Answers the head, and reads nothing more.
                drop(stream.read(&mut chunk).await);
                drop(stream.write_all(b"HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n").await);
                tokio::time::sleep(Duration::from_secs(30)).await;
            });
        }
    });
    edge.client.apply(&snapshot(1, vec![route("a.example", &[at])])).await.expect("applied");
    for _ in 0..3 {
        let mut client = TcpStream::connect(edge.at).await.expect("the edge listens");
        let head = "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 100000000\r\n\r\n";
        client.write_all(head.as_bytes()).await.expect("written");
        let mut chunk = [0; 4096];
        let count = client.read(&mut chunk).await.expect("answered");
        assert!(chunk[..count].starts_with(b"HTTP/1.1 413"), "{}", String::from_utf8_lossy(&chunk[..count]));
        // It goes on sending, and is not left hanging for ever.
        let ended = async { while client.write_all(&[0; 65536]).await.is_ok() {} };
        tokio::time::timeout(Duration::from_secs(10), ended).await.expect("it is told to stop");
    }
    let status = edge.client.status().await.expect("it answers");
    assert!(status.replicas.iter().all(|replica| replica.in_flight == 0), "{status:?}");
}

#[tokio::test]
async fn a_replica_that_is_back_is_found_by_one_request() {
    let (edge, web) = (edge().await, replica("web").await);
    let gone = free();
    edge.client.apply(&snapshot(1, vec![route("a.example", &[gone, web.at])])).await.expect("applied");
    for _ in 0..4 {
        assert!(get(edge.at, "a.example").await.contains("web"));
    }
    let marked = |status: haloy_edge::EdgeStatus| {
        status.replicas.iter().find(|replica| replica.recorded == Some(gone)).expect("known").marked
    };
    assert!(marked(edge.client.status().await.expect("it answers")));
    let listener = TcpListener::bind(gone).await.expect("the port is still free");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, "back", Arc::default()));
        }
    });
    tokio::time::sleep(Duration::from_millis(haloy_edge::limits::MARKED_MS)).await;
    let mut answers = String::new();
    for _ in 0..4 {
        answers += &get(edge.at, "a.example").await;
    }
    assert!(answers.contains("back") && answers.contains("web"), "{answers}");
    assert!(!marked(edge.client.status().await.expect("it answers")));
}

#[tokio::test]
async fn a_request_has_one_name_everywhere() {
    let (edge, web) = (edge().await, replica("web").await);
    edge.client.apply(&snapshot(1, vec![route("a.example", &[web.at])])).await.expect("applied");
    let named = |answer: &str| {
        let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
        let name = |text: &str| {
            let line = text
                .lines()
                .find_map(|line| line.to_lowercase().strip_prefix("x-request-id: ").map(str::to_owned));
            line.expect("a name")
        };
        (name(head), name(body))
    };
    let (told, seen) = named(&get(edge.at, "a.example").await);
    assert_eq!(told, seen);
    assert_ne!(named(&get(edge.at, "a.example").await).0, told, "each has its own");
    for (given, kept) in [("abc-1.2_3", true), ("two words", false), (&"x".repeat(200), false)] {
        let ask = format!("GET / HTTP/1.1\r\nHost: a.example\r\nX-Request-Id: {given}\r\n\r\n");
        let (told, seen) = named(&exchange(edge.at, ask.as_bytes()).await);
        assert_eq!((told == given, told == seen), (kept, true), "{given}");
    }
}

#[tokio::test]
async fn a_replica_that_does_not_answer_is_given_up_and_a_slow_client_is_not() {
    let (edge, web) = (edge().await, replica("web").await);
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let at = silent.local_addr().expect("an address");
    let routes = vec![route("a.example", &[web.at]), route("b.example", &[at])];
    edge.client.apply(&snapshot(1, routes)).await.expect("applied");
    let ask = |host: &str, length: usize| {
        format!("POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n\r\n")
    };
    let mut given_up = TcpStream::connect(edge.at).await.expect("the edge listens");
    given_up.write_all(ask("b.example", 0).as_bytes()).await.expect("written");
    let mut chunk = [0; 4096];
    let count = given_up.read(&mut chunk).await.expect("answered");
    let answer = String::from_utf8_lossy(&chunk[..count]).into_owned();
    assert!(answer.starts_with("HTTP/1.1 504") && answer.contains("haloy logs"), "{answer}");

    // The replica of the tests answers at the end of a head; this one reads the whole body first.
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = silent.accept().await {
            let (mut seen, mut chunk) = (Vec::new(), [0; 4096]);
            while !seen.ends_with(b"end") {
                match stream.read(&mut chunk).await {
                    // The one that was given up.
                    Ok(0) | Err(_) => break,
                    Ok(count) => seen.extend_from_slice(&chunk[..count]),
                }
            }
            drop(stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await);
        }
    });
    let mut slow = TcpStream::connect(edge.at).await.expect("the edge listens");
    slow.write_all(ask("b.example", 15).as_bytes()).await.expect("written");
    for piece in ["one", "two", "for", "fiv", "end"] {
        tokio::time::sleep(Duration::from_millis(400)).await;
        slow.write_all(piece.as_bytes()).await.expect("written");
    }
    let count = slow.read(&mut chunk).await.expect("answered");
    assert!(chunk[..count].starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&chunk[..count]));
}
