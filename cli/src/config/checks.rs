//! Rules for single keys, and what they become.

use super::parts::*;
use super::problem::Mistakes;
use super::read::Spot;
use super::tree::At;
use haloy_ledger::release::*;

pub fn health(part: &TargetPart, m: &mut Mistakes) -> HealthSpec {
    let path = part.health_check_path.as_ref().map_or("/", |spot| spot.value.as_str()).to_owned();
    if let Some(spot) = &part.health_check_path
        && let Err((cause, right)) = check_path(&path)
    {
        m.add_with_hint(
            spot.at,
            format!("`health_check_path` is `{path}`, {cause}"),
            format!("write `{right}`"),
        );
    }
    let seconds = part.min_ready_seconds.as_ref().map_or(0, |spot| spot.value);
    let timeout_seconds = part.health_timeout_seconds.as_ref().map(|spot| spot.value);
    HealthSpec { timeout_seconds, ..HealthSpec::new(path, u16::try_from(seconds).unwrap_or(600)) }
}

/// Path and query of a request, as they are sent; else what is wrong, and what would be right.
fn check_path(path: &str) -> Result<(), (&'static str, String)> {
    if let Some((_, rest)) = path.split_once("://") {
        let own = rest.find('/').map_or("/", |at| &rest[at..]);
        return Err(("and must be a path of the app alone", own.to_owned()));
    }
    if !path.starts_with('/') {
        return Err(("and must start with a slash", format!("/{path}")));
    }
    if let Some((sent, _)) = path.split_once('#') {
        return Err(("and what follows `#` is never sent", sent.to_owned()));
    }
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte);
    if !path.bytes().all(plain) {
        let encode =
            |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
        return Err(("with characters that a request cannot have", path.bytes().map(encode).collect()));
    }
    Ok(())
}

/// Modes that other tools take as a network, and why they cannot be one here.
const MODES: [(&str, &str); 4] = [
    ("host", "shares the addresses of the machine, so no replica can be told from another"),
    ("none", "has no network, so nothing can reach it: no probe and no request"),
    ("bridge", "has no names and no fixed addresses"),
    ("default", "has no names and no fixed addresses"),
];

/// The network of the containers: one by its name.
pub fn network(part: &TargetPart, m: &mut Mistakes) -> String {
    let Some(Spot { at, value }) = &part.network else { return "haloy".to_owned() };
    let own = "delete the line for the network `haloy`, or name one that `docker network create NAME` makes";
    let mode = MODES.iter().find(|(mode, _)| mode == value);
    let fine = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    if let Some((mode, why)) = mode {
        m.add_with_hint(*at, format!("`network` is `{mode}`, and what is on it {why}"), own);
    } else if let Some((mode, _)) = value.split_once(':') {
        let message = format!(
            "`network` is `{value}`; what shares the network of another (`{mode}:`) has no address of its own, so \
             it can be neither probed nor routed to"
        );
        m.add_with_hint(*at, message, own);
    } else if !value.starts_with(|c: char| c.is_ascii_alphanumeric()) || !value.chars().all(fine) {
        let message = format!("`network` is `{value}`, which is not the name of a network");
        m.add_with_hint(
            *at,
            message,
            "use letters, digits, `_`, `.` and `-`, beginning with a letter or digit",
        );
    }
    value.clone()
}

pub fn domains(part: &TargetPart, m: &mut Mistakes) -> Vec<Domain> {
    let (mut domains, mut names) = (Vec::new(), std::collections::BTreeSet::new());
    for domain in part.domains.iter().flatten() {
        check_host(&domain.domain, domain.at, m);
        for alias in &domain.aliases {
            check_host(&alias.value, alias.at, m);
        }
        let aliases: Vec<String> =
            domain.aliases.iter().map(|spot| spot.value.to_ascii_lowercase()).collect();
        let spots = domain.aliases.iter().map(|spot| (spot.value.to_ascii_lowercase(), spot.at));
        for (name, at) in std::iter::once((domain.domain.to_ascii_lowercase(), domain.at)).chain(spots) {
            if !names.insert(name.clone()) {
                m.add(at, format!("{name} is named twice; a name can only mean one thing"));
            }
        }
        domains.push(Domain { domain: domain.domain.to_ascii_lowercase(), aliases });
    }
    domains
}

/// Labels as in RFC 1123, at least two of them, or `localhost`.
fn check_host(host: &str, at: At, m: &mut Mistakes) {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let valid = host.len() <= 253 && host.split('.').all(label) && host.contains('.');
    if valid || host == "localhost" {
        return;
    }
    let message = format!("`{host}` is not a valid host name");
    let bare = host.split_once("://").map_or(host, |(_, rest)| rest);
    let bare = bare.split(['/', ':']).next().unwrap_or_default();
    let bare_fine = bare != host && bare.contains('.') && bare.split('.').all(label);
    match (bare_fine, host.strip_prefix("*.")) {
        (true, _) => m.add_with_hint(at, message, format!("write the name alone: `{bare}`")),
        (false, Some(_)) => m.add_with_hint(at, message, "write each name: a wildcard is not routed"),
        (false, None) if !host.is_ascii() => {
            m.add_with_hint(at, message, "write it as DNS has it, in ASCII: `xn--...`");
        }
        (false, None) => m.add_with_hint(at, message, "write a name such as `shop.example`"),
    }
}

/// Whether a `server` is this very machine.
pub fn is_here(server: &str) -> bool {
    let host = server.split_once("://").map_or(server, |(_, rest)| rest).trim_end_matches('/');
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
    ["localhost", "127.0.0.1"].contains(&host)
}

pub fn check_server(server: &Spot<String>, m: &mut Mistakes) -> String {
    if let Some(rest) = server.value.strip_prefix("http://").filter(|_| !is_here(&server.value)) {
        let message =
            format!("`server` is `{}`: without TLS anybody on the way reads and changes it", server.value);
        m.add_with_hint(server.at, message, format!("write `server: {}`", rest.trim_end_matches('/')));
        return rest.to_owned();
    }
    let text =
        server.value.trim_start_matches("https://").trim_start_matches("http://").trim_end_matches('/');
    let (host, port) = text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
    let port_ok = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
    let host_ok = !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || ".-".contains(c));
    if !port_ok || !host_ok {
        let message = format!("`server` is `{}`, and must be `host` or `host:port`", server.value);
        m.add_with_hint(
            server.at,
            message,
            "write e.g. `server: shop.example`; a port is between 1 and 65535",
        );
    }
    text.to_owned()
}

/// The least memory that Docker limits a container to.
const LEAST_MEMORY: u64 = 6 << 20;
/// The least share of a CPU: a thousandth of a second of each tenth.
const LEAST_CPUS: u32 = 10;

pub fn resources(part: &TargetPart, m: &mut Mistakes) -> Resources {
    let memory_bytes = part.memory.as_ref().and_then(|spot| {
        let text = &spot.value;
        let Some(bytes) = bytes(text) else {
            let message = format!("`memory` is `{text}`, and must be bytes or like `512m`, `2g`");
            m.add_with_hint(
                spot.at,
                message,
                "the units are b, k, m, g and t, each 1024 times the previous one",
            );
            return None;
        };
        if bytes < LEAST_MEMORY {
            let message =
                format!("`memory` is `{text}`, {bytes} bytes, and Docker gives a container 6m at least");
            let hint = match text.parse::<u64>() {
                Ok(number) if number >= 6 => format!("without a unit it is bytes; write `{number}m`"),
                Ok(_) | Err(_) => "write e.g. `memory: 512m`".to_owned(),
            };
            m.add_with_hint(spot.at, message, hint);
        }
        Some(bytes)
    });
    let milli_cpus = part.cpus.as_ref().and_then(|spot| {
        let text = &spot.value;
        let milli = milli(text);
        match milli {
            None => {
                let message = format!("`cpus` is `{text}`, and must be a number like `0.5`");
                m.add_with_hint(spot.at, message, "write a number of CPUs with at most three decimals");
            }
            Some(milli) if milli < LEAST_CPUS => {
                let message = format!("`cpus` is `{text}`, and Docker gives a container 0.01 at least");
                m.add_with_hint(spot.at, message, "write e.g. `cpus: 0.5`");
            }
            Some(_) => {}
        }
        milli
    });
    Resources { memory_bytes, milli_cpus }
}

/// Thousandths of a number as written: neither rounded nor in another notation.
fn milli(text: &str) -> Option<u32> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    let kept = fraction.trim_end_matches('0');
    if !digits(whole) || !digits(fraction) || kept.len() > 3 || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    let whole = if whole.is_empty() { 0 } else { whole.parse::<u32>().ok()? };
    format!("{kept:0<3}").parse::<u32>().ok()?.checked_add(whole.checked_mul(1000)?)
}

/// Docker's own units: powers of 1024. As Docker, takes decimals before a unit.
fn bytes(text: &str) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "" | "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        "t" | "tb" | "tib" => 1_u64 << 40,
        _other => return None,
    };
    let digits = digits.trim();
    let bytes = match digits.parse::<u64>() {
        Ok(number) => number.checked_mul(unit)?,
        Err(_) => u64::from(milli(digits)?).checked_mul(unit)? / 1000,
    };
    // The engine counts in signed numbers.
    (bytes > 0 && i64::try_from(bytes).is_ok()).then_some(bytes)
}
