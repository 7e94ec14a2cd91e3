//! The app of `haloy demo` and of the tests: a small HTTP server without any dependency, linked
//! statically, so that its image needs no base. Compiled by build.rs into haloy itself.
//!
//! Variables: PORT, VERSION, STATUS (status of its answers), STATUS_FILE (a file that replaces it, while it
//! exists), START_DELAY_MS, CRASH (exit at once), CRASH_FILE (exit at once while that file exists), LOG (a
//! line to write when it starts), COMPLAINT (body of its answers when it is not well), HOG_MB (memory that it
//! takes at once), WARM_MS (answers 503 for so long), EXPECT (a line of the head without which it answers
//! 400). `/` returns the version, `/env/NAME` a variable, `/wait/MS` answers later, `/exit` ends it; an
//! upgrade to `echo` sends back what comes. `release FILE CODE MS` adds its version to a file, waits, and
//! ends with a code, as a migration might.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

static BEGUN: OnceLock<Instant> = OnceLock::new();

fn variable(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_owned())
}

fn main() {
    BEGUN.get_or_init(Instant::now);
    // What a HEALTHCHECK runs: an image from scratch has no curl.
    if std::env::args().nth(1).as_deref() == Some("healthcheck") {
        let healthy = healthy();
        if !healthy {
            println!("{}", variable("COMPLAINT", "not well"));
        }
        std::process::exit(i32::from(!healthy));
    }
    if std::env::args().nth(1).as_deref() == Some("release") {
        release();
    }
    for line in variable("LOG", "").split("\\n").filter(|line| !line.is_empty()) {
        println!("{line}");
    }
    if let Ok(code) = variable("CRASH", "").parse() {
        eprintln!("cannot go on, leaving with code {code}");
        std::process::exit(code);
    }
    if std::fs::exists(variable("CRASH_FILE", "")).unwrap_or(false) {
        std::process::exit(3);
    }
    let hog = vec![1_u8; variable("HOG_MB", "0").parse::<usize>().unwrap_or(0) << 20];
    if std::hint::black_box(&hog).len() == 1 {
        return;
    }
    let delay = variable("START_DELAY_MS", "0").parse().unwrap_or(0);
    std::thread::sleep(Duration::from_millis(delay));
    let address = format!("0.0.0.0:{}", variable("PORT", "8080"));
    let listener = match TcpListener::bind(&address) {
        Ok(listener) => listener,
        Err(error) => {
            eprintln!("cannot listen on {address}: {error}");
            std::process::exit(1);
        }
    };
    println!("version {} listens on {address}", variable("VERSION", "unknown"));
    for stream in listener.incoming().flatten() {
        std::thread::spawn(move || answer(stream));
    }
}

/// What runs once before the app.
fn release() -> ! {
    let argument = |number| std::env::args().nth(number).unwrap_or_default();
    let line = format!("{}\n", variable("VERSION", "unknown"));
    let file = std::fs::OpenOptions::new().create(true).append(true).open(argument(2));
    if let Err(error) = file.and_then(|mut file| file.write_all(line.as_bytes())) {
        eprintln!("cannot write: {error}");
        std::process::exit(9);
    }
    println!("migrating with {}", variable("TOKEN", "nothing"));
    std::thread::sleep(Duration::from_millis(argument(4).parse().unwrap_or(0)));
    std::process::exit(argument(3).parse().unwrap_or(0));
}

/// Sends a request to itself.
fn healthy() -> bool {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(format!("127.0.0.1:{}", variable("PORT", "8080")))?;
        stream.write_all(b"GET / HTTP/1.1\r\nHost: self\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

/// Answers requests until one asks to close, or no more come.
fn answer(mut stream: TcpStream) {
    let mut bytes = Vec::new();
    while let Some(request) = next(&mut stream, &mut bytes) {
        let path = request.split(' ').nth(1).unwrap_or("/").to_owned();
        let asks = request.to_ascii_lowercase();
        if asks.contains("\r\nupgrade: echo\r\n") {
            return echo(stream);
        }
        let wait = path.strip_prefix("/wait/").and_then(|ms| ms.parse().ok()).unwrap_or(0);
        std::thread::sleep(Duration::from_millis(wait));
        if path == "/exit" {
            std::process::exit(3);
        }
        let told = std::fs::read_to_string(variable("STATUS_FILE", ""));
        let status = told.map_or_else(|_| variable("STATUS", "200"), |told| told.trim().to_owned());
        let warm = variable("WARM_MS", "0").parse().unwrap_or(0);
        let cold = BEGUN.get().is_some_and(|begun| begun.elapsed() < Duration::from_millis(warm));
        let expected = variable("EXPECT", "").to_ascii_lowercase();
        let strange = expected.split('|').any(|line| !line.is_empty() && !asks.contains(&format!("\r\n{line}\r\n")));
        let status = if cold { "503".to_owned() } else if strange { "400".to_owned() } else { status };
        let body = match path.strip_prefix("/env/") {
            Some(name) => variable(name, ""),
            None => format!("version {}", variable("VERSION", "unknown")),
        };
        if status != "200" {
            eprintln!("{path} -> {status}: {}", variable("COMPLAINT", "not well"));
        }
        let close = asks.contains("\r\nconnection: close\r\n");
        let end = if close { "Connection: close\r\n" } else { "" };
        let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n{end}\r\n", body.len() + 1);
        if stream.write_all(format!("{head}{body}\n").as_bytes()).is_err() || close {
            return;
        }
    }
}

/// The next head on a connection; bodies are not for this app.
fn next(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<String> {
    let mut chunk = [0; 2048];
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head: Vec<u8> = bytes.drain(..end + 4).collect();
            return Some(String::from_utf8_lossy(&head).into_owned());
        }
        match stream.read(&mut chunk) {
            Ok(0) | Err(_) => return None,
            Ok(_) if bytes.len() > 16_384 => return None,
            Ok(count) => bytes.extend_from_slice(&chunk[..count]),
        }
    }
}

/// A WebSocket as a proxy sees it: bytes in both directions, until one side ends.
fn echo(mut stream: TcpStream) {
    let switch = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n";
    let mut chunk = [0; 2048];
    let mut sent = stream.write_all(switch);
    while sent.is_ok() {
        match stream.read(&mut chunk) {
            Ok(0) | Err(_) => return,
            Ok(count) => sent = stream.write_all(&chunk[..count]),
        }
    }
}
