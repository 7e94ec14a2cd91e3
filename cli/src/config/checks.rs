//! Rules for single keys, and what they become.

use super::parts::*;
use super::problem::Mistakes;
use super::read::Spot;
use super::tree::At;
use haloy_ledger::release::*;

pub fn health(part: &TargetPart, m: &mut Mistakes) -> HealthSpec {
    let path = part.health_check_path.as_ref().map_or("/", |spot| spot.value.as_str()).to_owned();
    if let Some(spot) = &part.health_check_path
        && !spot.value.starts_with('/')
    {
        let message = format!("`health_check_path` is `{path}`, and must start with a slash");
        m.add_with_hint(spot.at, message, format!("write `/{path}`"));
    }
    let seconds = part.min_ready_seconds.as_ref().map_or(0, |spot| spot.value);
    HealthSpec::new(path, u16::try_from(seconds).unwrap_or(600))
}

pub fn volumes(part: &TargetPart, m: &mut Mistakes) -> Vec<String> {
    let mut volumes = Vec::new();
    for spot in part.volumes.iter().flatten() {
        let mut pieces = spot.value.splitn(3, ':');
        let (source, path) = (pieces.next().unwrap_or_default(), pieces.next().unwrap_or_default());
        let named = source.starts_with(|c: char| c.is_ascii_alphanumeric())
            && source.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c));
        if !(path.starts_with('/') && (named || source.starts_with('/'))) {
            let message =
                format!("the volume `{}` is neither `name:/path` nor `/host/path:/path`", spot.value);
            m.add(spot.at, message);
        }
        volumes.push(spot.value.clone());
    }
    volumes
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
    if !valid && host != "localhost" {
        m.add(at, format!("`{host}` is not a valid host name"));
    }
}

pub fn check_server(server: &Spot<String>, m: &mut Mistakes) -> String {
    let text = server.value.trim_start_matches("https://").trim_end_matches('/');
    let (host, port) = text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
    let port_ok = port.is_none_or(|port| port.parse::<u16>().is_ok());
    let host_ok = !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || ".-".contains(c));
    if !port_ok || !host_ok {
        m.add(server.at, format!("`server` is `{}`, and must be `host` or `host:port`", server.value));
    }
    text.to_owned()
}

pub fn resources(part: &TargetPart, m: &mut Mistakes) -> Resources {
    let memory_bytes = part.memory.as_ref().and_then(|spot| {
        let bytes = bytes(&spot.value);
        if bytes.is_none() {
            m.add(spot.at, format!("`memory` is `{}`, and must be bytes or like `512m`, `2g`", spot.value));
        }
        bytes
    });
    let milli_cpus = part.cpus.as_ref().and_then(|spot| {
        let milli = spot.value.parse::<f64>().ok().map(|cpus| (cpus * 1000.0).round());
        let milli = milli.filter(|milli| (1.0..=1_024_000.0).contains(milli)).map(|milli| milli as u32);
        if milli.is_none() {
            m.add(spot.at, format!("`cpus` is `{}`, and must be a number like `0.5`", spot.value));
        }
        milli
    });
    Resources { memory_bytes, milli_cpus }
}

/// Docker's own units: powers of 1024.
fn bytes(text: &str) -> Option<u64> {
    let text = text.to_ascii_lowercase();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "" | "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        _other => return None,
    };
    digits.trim().parse::<u64>().ok()?.checked_mul(unit).filter(|bytes| *bytes > 0)
}
