//! Clients that mean harm: refused, and nothing else is disturbed.

use super::*;

#[tokio::test]
async fn shapes_of_smuggling_reach_no_replica_as_two_requests() {
    let (edge, web) = (edge().await, replica("web").await);
    edge.client.apply(&snapshot(1, vec![route("a.example", &[web.at])])).await.expect("applied");
    let shapes: [&[u8]; 9] = [
        b"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        b"POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: xchunked\r\nContent-Length: 3\r\n\r\nabc",
        b"GET / HTTP/1.1\r\nHost: a.example\r\n X-Folded: 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : a.example\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: a.example\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /\x00 HTTP/1.1\r\nHost: a.example\r\n\r\n",
    ];
    for shape in shapes {
        let answer = exchange(edge.at, shape).await;
        let refused = answer.is_empty() || answer.starts_with("HTTP/1.1 4");
        assert!(refused, "{:?}: {answer}", String::from_utf8_lossy(shape));
    }
    assert_eq!(web.requests.load(Ordering::SeqCst), 0, "none of them was passed on");
    // Both lengths: the chunks decide, and what follows them is a request of its own or nothing.
    let both = b"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 60\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: nobody.example\r\n\r\n";
    let answer = exchange(edge.at, both).await;
    assert!(!answer.to_lowercase().contains("get /smuggled"), "{answer}");
    assert!(web.requests.load(Ordering::SeqCst) <= 1);
    let large = format!("GET / HTTP/1.1\r\nHost: a.example\r\nX-Large: {}\r\n\r\n", "x".repeat(100_000));
    assert!(exchange(edge.at, large.as_bytes()).await.starts_with("HTTP/1.1 431"));
    let many = format!("GET / HTTP/1.1\r\nHost: a.example\r\n{}\r\n", "X-Many: 1\r\n".repeat(100));
    assert!(exchange(edge.at, many.as_bytes()).await.starts_with("HTTP/1.1 431"));
    assert!(get(edge.at, "a.example").await.contains("200 OK"), "nothing else is disturbed");
}

#[tokio::test]
async fn a_client_that_sends_its_head_too_slowly_is_let_go() {
    let (edge, web) = (edge().await, replica("web").await);
    edge.client.apply(&snapshot(1, vec![route("a.example", &[web.at])])).await.expect("applied");
    let mut slow = TcpStream::connect(edge.at).await.expect("the edge listens");
    let mut answer = Vec::new();
    for byte in b"GET / HTTP/1.1\r\nHost: a.example\r\nX-Slow: ".iter().chain(std::iter::repeat_n(&b'x', 40))
    {
        if slow.write_all(&[*byte]).await.is_err() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    drop(slow.read_to_end(&mut answer).await);
    assert!(!answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    assert_eq!(web.requests.load(Ordering::SeqCst), 0);
    assert!(get(edge.at, "a.example").await.contains("200 OK"), "others are served");
}

#[tokio::test]
async fn a_client_that_sends_nothing_is_let_go() {
    let edge = edge().await;
    for at in [edge.at, edge.secure] {
        let mut silent = TcpStream::connect(at).await.expect("the edge listens");
        let mut chunk = [0; 16];
        let answered = tokio::time::timeout(Duration::from_secs(5), silent.read(&mut chunk))
            .await
            .expect("not for ever");
        assert!(matches!(answered, Ok(0) | Err(_)), "{answered:?}");
    }
    // The beginning of HTTP/2, which it might wait for the rest of.
    let mut half = TcpStream::connect(edge.at).await.expect("the edge listens");
    half.write_all(b"PRI * HTT").await.expect("written");
    let mut answer = Vec::new();
    let read = half.read_to_end(&mut answer);
    drop(tokio::time::timeout(Duration::from_secs(5), read).await.expect("not for ever"));
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"), "{}", String::from_utf8_lossy(&answer));
}

#[tokio::test]
async fn methods_that_nobody_registered_are_not_passed_on() {
    let (edge, web) = (edge().await, replica("web").await);
    edge.client.apply(&snapshot(1, vec![route("a.example", &[web.at])])).await.expect("applied");
    for method in ["BREW", "get", "TRACE", "G\u{e9}T", "GET,POST"] {
        let request = format!("{method} / HTTP/1.1\r\nHost: a.example\r\n\r\n");
        let answer = exchange(edge.at, request.as_bytes()).await;
        let refused = answer.starts_with("HTTP/1.1 501") || answer.starts_with("HTTP/1.1 400");
        assert!(refused, "{method}: {answer}");
    }
    let tunnel = b"CONNECT db.internal:5432 HTTP/1.1\r\nHost: db.internal:5432\r\n\r\n";
    let answer = exchange(edge.at, tunnel).await;
    assert!(answer.starts_with("HTTP/1.1 501"), "{answer}");
    assert_eq!(web.requests.load(Ordering::SeqCst), 0);
    for method in ["POST", "PROPFIND", "QUERY", "DELETE"] {
        let request = format!("{method} / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0\r\n\r\n");
        assert!(exchange(edge.at, request.as_bytes()).await.contains("200 OK"), "{method}");
    }
}

#[tokio::test]
async fn broken_tls_disturbs_nobody() {
    let (edge, web) = (edge().await, replica("web").await);
    edge.client.apply(&snapshot(1, vec![route("a.example", &[web.at])])).await.expect("applied");
    let shapes: [&[u8]; 5] = [
        b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n",
        b"\x16\x03\x01\xff\xff",
        b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00",
        b"\x15\x03\x01\x00\x02\x02\x28",
        &[0; 4096],
    ];
    for shape in shapes {
        let answer = exchange(edge.secure, shape).await;
        assert!(!answer.contains("HTTP/1.1 2"), "{answer}");
    }
    assert_eq!(web.requests.load(Ordering::SeqCst), 0);
    assert!(get(edge.at, "a.example").await.contains("200 OK"));
    let text = metrics(&edge).await;
    assert!(text.contains("haloy_edge_tls_handshakes_failed_total 5"), "{text}");
}

#[tokio::test]
async fn garbage_on_the_socket_of_commands_is_refused() {
    let (edge, web) = (edge().await, replica("web").await);
    edge.client.apply(&snapshot(1, vec![route("a.example", &[web.at])])).await.expect("applied");
    let large = format!("PUT /routes HTTP/1.1\r\nHost: edge\r\nContent-Length: {}\r\n\r\n", 64 << 20);
    let shapes: [&[u8]; 6] = [
        b"\x00\x01\x02 garbage \xff\xff\r\n\r\n",
        b"PUT /routes HTTP/1.1\r\nHost: edge\r\nContent-Length: 7\r\n\r\ngarbage",
        b"PUT /routes HTTP/1.1\r\nHost: edge\r\nContent-Length: 2\r\n\r\n{}",
        b"POST /drain HTTP/1.1\r\nHost: edge\r\nContent-Length: 2\r\n\r\n[]",
        b"POST /upgrade HTTP/1.1\r\nHost: edge\r\nContent-Length: 26\r\n\r\n{\"program\":\"/no/program\"}\n",
        large.as_bytes(),
    ];
    for shape in shapes {
        let mut stream =
            tokio::net::UnixStream::connect(edge.folder.path().join("edge.sock")).await.expect("it listens");
        stream.write_all(shape).await.expect("written");
        stream.shutdown().await.expect("shut");
        let mut answer = Vec::new();
        drop(stream.read_to_end(&mut answer).await);
        let answer = String::from_utf8_lossy(&answer);
        assert!(!answer.starts_with("HTTP/1.1 2"), "{:?}: {answer}", String::from_utf8_lossy(shape));
    }
    assert!(get(edge.at, "a.example").await.contains("web"), "the routes are as they were");
    assert_eq!(edge.client.status().await.expect("it answers").generation, Some(1));
}
