//! An engine that answers one question: where is this container? It says of each that it runs at 127.0.0.1,
//! as the upstream of the edge's bench does, so that the edge verifies connections as it always does.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

/// Starts it; it answers at this socket for as long as the process lives.
pub fn start(socket: &Path) {
    let listener = UnixListener::bind(socket).expect("a socket");
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || serve(&stream));
        }
    });
}

fn serve(stream: &UnixStream) -> Option<()> {
    let (mut reader, mut writer) = (BufReader::new(stream), stream);
    loop {
        let mut request = String::new();
        reader.read_line(&mut request).ok().filter(|count| *count > 0)?;
        let mut header = String::new();
        while reader.read_line(&mut header).ok()? > 2 {
            header.clear();
        }
        let path = request.split(' ').nth(1)?;
        let body = answer(path);
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ";
        writer.write_all(format!("{head}{}\r\n\r\n{body}", body.len()).as_bytes()).ok()?;
    }
}

fn answer(path: &str) -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let last = path.rsplit('/').next().unwrap_or_default();
    let answer = match (path.contains("/containers/"), last) {
        (true, _) => serde_json::json!({
            "Id": path.rsplit('/').nth(1),
            "State": {"Running": true, "Pid": std::process::id(), "StartedAt": "2026-01-01T00:00:00.123456789Z"},
            "NetworkSettings": {"Networks": {"bench": {"EndpointID": "bench", "IPAddress": "127.0.0.1"}}},
        }),
        (false, "info") => serde_json::json!({"ID": "bench", "Name": name.trim()}),
        (false, "version") => {
            serde_json::json!({"Version": "0", "ApiVersion": "1.41", "Os": "linux", "Arch": "amd64"})
        }
        (false, _) => serde_json::json!("OK"),
    };
    answer.to_string()
}
