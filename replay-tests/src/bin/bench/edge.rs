//! The edge against nginx and Caddy: the same upstream, the same load, in turn.

use super::engine;
use super::line::{Line, median, rounds, sized, smoke};
use haloy_edge::Client;
use haloy_ledger::edge::{Route, RouteSnapshot};
use haloy_ledger::ids::*;
use haloy_ledger::outcome::Backend;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Whose requests they are.
pub const HOST: &str = "localhost";

/// A server and where it listens, for http and https.
pub struct Server {
    name: &'static str,
    process: Child,
    /// Port for http.
    pub plain: u16,
    secure: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        // nginx ends its workers on SIGTERM only.
        drop(Command::new("kill").arg(self.process.id().to_string()).status());
        drop(self.process.wait());
    }
}

fn port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port()
}

fn installed(program: &str) -> bool {
    Command::new("sh")
        .args(["-c", &format!("command -v {program} >/dev/null")])
        .status()
        .is_ok_and(|s| s.success())
}

fn start(name: &'static str, ports: (u16, u16), command: &mut Command) -> Server {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let process = quiet.spawn().unwrap_or_else(|error| panic!("{name}: {error}"));
    let server = Server { name, process, plain: ports.0, secure: ports.1 };
    let answers = || TcpStream::connect((Ipv4Addr::LOCALHOST, ports.0)).is_ok();
    let waited = (0..200).any(|_| {
        std::thread::sleep(Duration::from_millis(20));
        answers()
    });
    assert!(waited, "{name} does not answer");
    server
}

fn nginx(folder: &Path, name: &'static str, ports: (u16, u16), location: &str, more: &str) -> Server {
    let at = folder.join(name);
    std::fs::create_dir_all(&at).expect("a folder");
    let config = format!(
        "daemon off; pid {at}/pid; error_log /dev/null; worker_processes 2;\nevents {{}}\nhttp {{\n access_log off; keepalive_requests 1000000;\n client_body_temp_path {at}/b; proxy_temp_path {at}/p; fastcgi_temp_path {at}/f; uwsgi_temp_path {at}/u; scgi_temp_path {at}/s;\n {more}\n server {{ listen 127.0.0.1:{plain}; location / {{ {location} }} }}\n}}\n",
        at = at.display(),
        plain = ports.0
    );
    let file = at.join("nginx.conf");
    std::fs::write(&file, config).expect("written");
    start(name, ports, Command::new("nginx").arg("-p").arg(&at).arg("-c").arg(&file))
}

/// The edge first, then those of its competitors that are installed.
fn servers(folder: &Path, upstream: u16) -> Vec<Server> {
    let made = rcgen::generate_simple_self_signed(vec![HOST.to_owned()]).expect("made");
    let (cert, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    std::fs::write(&cert, made.cert.pem()).expect("written");
    std::fs::write(&key, made.signing_key.serialize_pem()).expect("written");
    let passes = "proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr;";
    let ports = (port(), port());
    let more = format!(
        "upstream up {{ server 127.0.0.1:{upstream}; keepalive 64; keepalive_requests 1000000; }}\n server {{ listen 127.0.0.1:{} ssl; ssl_certificate {}; ssl_certificate_key {}; location / {{ {passes} }} }}",
        ports.1,
        cert.display(),
        key.display()
    );
    let mut servers = vec![edge(folder, Some(upstream))];
    if installed("nginx") {
        servers.push(nginx(folder, "nginx", ports, passes, &more));
    }
    let ports = (port(), port());
    let caddyfile = format!(
        "{{\n admin off\n auto_https off\n}}\nhttp://:{} {{\n bind 127.0.0.1\n reverse_proxy 127.0.0.1:{upstream}\n}}\nhttps://:{} {{\n bind 127.0.0.1\n tls {} {}\n reverse_proxy 127.0.0.1:{upstream}\n}}\n",
        ports.0,
        ports.1,
        cert.display(),
        key.display()
    );
    let file = folder.join("Caddyfile");
    std::fs::write(&file, caddyfile).expect("written");
    let mut command = Command::new("caddy");
    command.args(["run", "--adapter", "caddyfile", "--config"]).arg(&file);
    command.env("XDG_DATA_HOME", folder).env("XDG_CONFIG_HOME", folder);
    if installed("caddy") {
        servers.push(start("caddy", ports, &mut command));
    }
    servers
}

/// The edge of this build, in a folder; with routes to an upstream, where there is one.
pub fn edge(folder: &Path, upstream: Option<u16>) -> Server {
    let (at, ports) = (folder.join("edge"), (port(), port()));
    let binary = std::env::current_exe().expect("a path").with_file_name("haloy");
    let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)).to_string();
    let mut command = Command::new(binary);
    command.args(["edge", "run", "--http", &local(ports.0), "--https", &local(ports.1), "--folder"]).arg(&at);
    let Some(upstream) = upstream else { return start("edge", ports, &mut command) };
    let socket = folder.join("docker.sock");
    engine::start(&socket);
    command.env("DOCKER_HOST", format!("unix://{}", socket.display()));
    let server = start("edge", ports, &mut command);
    let replica = ReplicaId { deployment: DeploymentId::from_parts(1, 1), index: 0 };
    let route = Route {
        domain: HOST.to_owned(),
        aliases: Vec::new(),
        app: AppName::new("bench").expect("a name"),
        target: TargetName::new("t").expect("a name"),
        backends: vec![Backend {
            replica,
            container: Some("bench".to_owned()),
            address: "127.0.0.1".to_owned(),
            port: upstream,
            health: Some("/".to_owned()),
        }],
        acme: None,
    };
    let snapshot = RouteSnapshot { ledger: LedgerId::from_parts(1, 1), generation: 1, routes: vec![route] };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    // It may listen for requests a moment before it does for routes.
    let client = Client::new(&at);
    let given = (0..100).any(|_| {
        let applied = runtime.block_on(client.apply(&snapshot)).is_ok();
        if !applied {
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        applied
    });
    assert!(given, "the edge takes no routes");
    server
}

/// Requests a second, and milliseconds of the 99th percentile.
fn load(scheme: &str, port: u16) -> (f64, f64) {
    let out = Command::new("wrk")
        .args(["-t2", "-c32", sized("-d3s", "-d1s"), "--latency", "-H", &format!("Host: {HOST}")])
        // By name: TLS asks for it.
        .arg(format!("{scheme}://{HOST}:{port}/"))
        .output()
        .expect("wrk");
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(!text.contains("Non-2xx"), "{text}");
    let field = |name: &str| text.lines().find_map(|line| line.trim().strip_prefix(name).map(str::trim));
    let rate = field("Requests/sec:").and_then(|rate| rate.parse().ok()).expect("a rate");
    let slow = field("99%").expect("a percentile");
    let milliseconds = match (slow.strip_suffix("us"), slow.strip_suffix("ms"), slow.strip_suffix('s')) {
        (Some(us), _, _) => us.parse::<f64>().map(|us| us / 1e3),
        (_, Some(ms), _) => ms.parse(),
        (_, _, Some(s)) => s.parse::<f64>().map(|s| s * 1e3),
        (None, None, None) => slow.parse(),
    };
    (rate, milliseconds.expect("a time"))
}

/// Resident megabytes of a process and its children.
fn resident(process: u32) -> f64 {
    let children = format!("/proc/{process}/task/{process}/children");
    let children = std::fs::read_to_string(children).unwrap_or_default();
    let all = children.split_whitespace().filter_map(|id| id.parse().ok()).chain([process]);
    let kilobytes = all.filter_map(|id: u32| {
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.trim().trim_end_matches(" kB").parse::<f64>().ok()
    });
    kilobytes.sum::<f64>() / 1024.0
}

/// An upstream that needs nothing installed; it ends with the process.
fn plain_upstream() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("known").port();
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let (mut seen, mut bytes) = (Vec::new(), [0; 512]);
                while let Ok(read @ 1..) = client.read(&mut bytes) {
                    seen.extend_from_slice(&bytes[..read]);
                    if seen.ends_with(b"\r\n\r\n") {
                        seen.clear();
                        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n";
                        if client.write_all(answer).is_err() {
                            return;
                        }
                    }
                }
            });
        }
    });
    port
}

/// A request by hand: what `wrk` sends.
fn ask(server: &Server) {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, server.plain)).expect("connected");
    let request = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("asked");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answered");
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("ok\n"), "{}: {answer}", server.name);
}

/// Every server that is installed answers over the same upstream, through the very configurations.
fn smoke_round(folder: &Path) {
    for program in ["nginx", "caddy", "wrk"] {
        if !installed(program) {
            println!("SKIPPED: {program} is not installed; the edge runs without it");
        }
    }
    let servers = servers(folder, plain_upstream());
    for server in &servers {
        ask(server);
        assert!(resident(server.process.id()) > 0.0);
        if installed("wrk") {
            load("http", server.plain);
            load("https", server.secure);
        }
    }
}

/// Plain and TLS, against each of the two. Nothing where a competitor is not installed.
pub fn bench(folder: &Path) -> Vec<Line> {
    if smoke() {
        let folder = folder.join("edge-bench");
        std::fs::create_dir_all(&folder).expect("a folder");
        smoke_round(&folder);
        return Vec::new();
    }
    if let Some(missing) = ["nginx", "caddy", "wrk"].into_iter().find(|program| !installed(program)) {
        println!("SKIPPED: the edge against nginx and Caddy; {missing} is not installed");
        return Vec::new();
    }
    let folder = folder.join("edge-bench");
    std::fs::create_dir_all(&folder).expect("a folder");
    let upstream = nginx(&folder, "upstream", (port(), 0), "return 200 \"ok\\n\";", "");
    let servers = servers(&folder, upstream.plain);
    let mut lines = Vec::new();
    for (scheme, goal_nginx, goal_caddy) in [("http", 0.8, 1.5), ("https", 0.8, 1.5)] {
        let mut taken = Vec::new();
        for _ in 0..rounds() {
            let measured: Vec<(f64, f64)> = servers
                .iter()
                .map(|server| load(scheme, if scheme == "http" { server.plain } else { server.secure }))
                .collect();
            taken.push(measured);
        }
        let of = |number: usize, pick: fn(&(f64, f64)) -> f64| {
            median(&taken.iter().map(|round| pick(&round[number])).collect::<Vec<_>>())
        };
        let figures = |number: usize| {
            let mine = (of(0, |m| m.0), of(0, |m| m.1));
            let other = (of(number, |m| m.0), of(number, |m| m.1));
            format!(
                "{:.0} and {:.0} requests/s; p99 {:.1} and {:.1} ms; {:.0} and {:.0} MB",
                mine.0,
                other.0,
                mine.1,
                other.1,
                resident(servers[0].process.id()),
                resident(servers[number].process.id())
            )
        };
        let competitors = [(1, goal_nginx, ">= 0.8"), (2, goal_caddy, ">= 1.5")];
        for (number, goal, text) in competitors {
            let ratios: Vec<f64> = taken.iter().map(|round| round[0].0 / round[number].0).collect();
            let met = median(&ratios) >= goal;
            let name = format!("edge, {scheme}, requests a second / {}", servers[number].name);
            lines.push(Line::new(name, ratios, (text, met), figures(number)));
        }
    }
    lines
}
