//! Requests that mean no harm, and replicas that are slow, gone, or change their mind.

use super::*;

#[tokio::test]
async fn what_a_client_says_of_itself_is_not_believed() {
    let (edge, web) = (edge().await, replica("web").await);
    edge.client.apply(&snapshot(1, vec![route("a.example", &[web.at])])).await.expect("applied");
    let lies = "GET /x?y=1 HTTP/1.1\r\nHost: A.Example:8080\r\nX-Forwarded-For: 1.2.3.4\r\nForwarded: for=1.2.3.4\r\nConnection: X-Secret, close\r\nX-Secret: 1\r\n\r\n";
    let answer = exchange(edge.at, lies.as_bytes()).await.to_lowercase();
    assert!(answer.contains("get /x?y=1 http/1.1"), "{answer}");
    assert!(answer.contains("x-forwarded-for: 127.0.0.1") && answer.contains("x-forwarded-proto: http"));
    assert!(answer.contains("host: a.example:8080") && answer.contains("x-request-id: "));
    assert!(!answer.contains("1.2.3.4") && !answer.contains("x-secret"), "{answer}");
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
    assert!(status.replicas.iter().any(|replica| replica.address == gone && replica.marked));
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
    for _ in 0..4 {
        assert!(get(edge.at, "a.example").await.contains("200 OK"));
    }
}

#[tokio::test]
async fn a_replica_that_is_back_is_found_by_one_request() {
    let (edge, web) = (edge().await, replica("web").await);
    let gone = free();
    edge.client.apply(&snapshot(1, vec![route("a.example", &[gone, web.at])])).await.expect("applied");
    for _ in 0..4 {
        assert!(get(edge.at, "a.example").await.contains("web"));
    }
    let marked = |status: haloy_executors::edge::EdgeStatus| {
        status.replicas.iter().find(|replica| replica.address == gone).expect("known").marked
    };
    assert!(marked(edge.client.status().await.expect("it answers")));
    let listener = TcpListener::bind(gone).await.expect("the port is still free");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, "back", Arc::default()));
        }
    });
    tokio::time::sleep(Duration::from_millis(haloy_executors::edge::limits::MARKED_MS)).await;
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
