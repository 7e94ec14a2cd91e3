//! What people who come from Docker Compose or Kamal write first, and how it is written here.

use super::tree::Value;

/// A key that another tool has: how it is written here.
pub fn of_key(what: &str, key: &str) -> Option<String> {
    let table = match what {
        "`image`" => IMAGE,
        "`build_config`" => BUILD,
        "`domains`" => DOMAIN,
        "`env`" | "`args`" => return of_variable(key),
        "the file" => TARGET,
        _ if what.starts_with("target ") => TARGET,
        _ => return None,
    };
    table.iter().find(|(keys, _)| keys.contains(&key)).map(|(_, hint)| (*hint).to_owned())
}

/// Whether what stands in a table may be a secret.
pub fn holds_values(what: &str) -> bool {
    ["`env`", "`args`", "`from`", "`image.registry`", "`username`", "`password`", "`api_token`"]
        .contains(&what)
}

type Habit = (&'static [&'static str], &'static str);

const TARGET: &[Habit] = &[
    (&["services"], "this is a Compose file: write one service, as `name: web` and `image: nginx:1.27`"),
    (&["version"], "delete it: this file has no version; an image's is `image: {repository: x, tag: v1}`"),
    (
        &["ports", "expose"],
        "write `port: 8080`, where the app listens; `domains: [shop.example]` is served at 80 and 443",
    ),
    (&["environment"], "write `env: [{name: LOG_LEVEL, value: info}]`"),
    (
        &["env_file"],
        "delete it: `.env` is read; write `env: [{name: KEY, from: {env: KEY}}]` for what the app gets",
    ),
    (&["secrets"], "write `env: [{name: KEY, from: {env: KEY}}]`, or `from: {file: path}`"),
    (
        &["build", "builder", "dockerfile", "context"],
        "write `image: {build_config: {context: ., dockerfile: Dockerfile}}`",
    ),
    (&["tag", "repository"], "write `image: {repository: ghcr.io/you/app, tag: v1}`"),
    (
        &["registry"],
        "write `image: {registry: {server: ghcr.io, username: you, password: {from: {env: TOKEN}}}}`",
    ),
    (&["command", "entrypoint", "cmd"], "the image's own command runs: set CMD in its Dockerfile"),
    (&["healthcheck"], "write `health_check_path: /health`, or HEALTHCHECK in the Dockerfile"),
    (&["restart"], "delete it: Docker restarts what ends"),
    (&["networks", "network_mode"], "write `network: shop`, one network by its name"),
    (&["volume"], "write `volumes: [\"data:/var/lib/data\"]`"),
    (&["deploy", "scale"], "write `replicas: 2`, and limits as `resources: {memory: 512m, cpus: 0.5}`"),
    (&["mem_limit", "memory", "cpus", "cpu", "limits"], "write `resources: {memory: 512m, cpus: 0.5}`"),
    (&["container_name", "hostname", "service"], "write `name: shop`; the containers are named after it"),
    (&["depends_on", "links"], "delete it: each app is deployed on its own"),
    (&["accessories"], "give each a file of its own, with `preset: database`"),
    (&["servers", "hosts"], "write `server: shop.example`, or one of `targets` for each"),
    (&["domain", "host", "proxy"], "write `domains: [shop.example]`, `port: 8080`, `health_check_path: /up`"),
    (&["hooks"], "write `pre_deploy: [command]` and `post_deploy: [command]`"),
    (&["retain_containers"], "write `history: {count: 5}`"),
];

const IMAGE: &[Habit] = &[
    (&["name", "image"], "write `repository: ghcr.io/you/app`"),
    (&["version"], "write `tag: v1`"),
    (&["context", "dockerfile", "args"], "write `build_config: {context: ., dockerfile: Dockerfile}`"),
    (
        &["username", "password", "server"],
        "write `registry: {server: ghcr.io, username: you, password: {from: {env: TOKEN}}}`",
    ),
    (&["pull"], "write `pull_policy: always`"),
];

const BUILD: &[Habit] = &[
    (&["build_args", "buildargs"], "write `args: [{name: VERSION, value: v1}]`"),
    (&["path", "dir", "directory"], "write `context: .`"),
    (&["file"], "write `dockerfile: Dockerfile`"),
];

const DOMAIN: &[Habit] = &[
    (&["host", "name", "hostname"], "write `domain: shop.example`"),
    (&["ssl", "tls", "https"], "delete it: public names get certificates by themselves"),
    (&["port"], "write `port: 8080` beside `domains`"),
];

/// `- A: 1` in a list of variables.
fn of_variable(key: &str) -> Option<String> {
    match key {
        "secret" | "file" | "env" => Some(format!("write `from: {{{key}: ...}}`")),
        "key" | "variable" => Some("write `name: LOG_LEVEL`".to_owned()),
        "default" => Some("write `value: \"...\"`".to_owned()),
        // The names of variables; a slip in one of ours is in small letters.
        _ if !key.is_empty() && !key.contains(|c: char| c.is_ascii_lowercase()) => {
            Some(format!("write `- {{name: {key}, value: \"...\"}}`"))
        }
        _ => None,
    }
}

/// Something else where a table belongs.
pub fn of_shape(what: &str, found: &Value) -> Option<String> {
    let text = match found {
        Value::Text(text) => text.as_str(),
        Value::Null(_) | Value::Bool(..) | Value::Number(_) | Value::List(_) | Value::Map(_) => "",
    };
    match what {
        "the file" => Some("begin with `name: my-app` and `image: ghcr.io/you/app:v1`".to_owned()),
        "`env`" | "`args`" => {
            // What is behind the `=` may be a secret.
            let name = text.split(['=', ':']).next().map(str::trim).filter(|name| !name.is_empty());
            Some(format!("write `- {{name: {}, value: \"...\"}}`", name.unwrap_or("LOG_LEVEL")))
        }
        "`build_config`" => Some("write `build_config: {context: .}`".to_owned()),
        "`history`" => Some("write `history: {strategy: local, count: 5}`".to_owned()),
        "`resources`" => Some("write `resources: {memory: 512m, cpus: 0.5}`".to_owned()),
        "`from`" => Some("write `from: {env: NAME}`, or `from: {file: path}`".to_owned()),
        "`image`" => Some("write `image: ghcr.io/you/app:v1`, or a table".to_owned()),
        "`image.registry`" => Some(
            "write `registry: {server: ghcr.io, username: you, password: {from: {env: TOKEN}}}`".to_owned(),
        ),
        _ if what.starts_with("target ") => Some("write `replicas: 2` or another key below it".to_owned()),
        _ => None,
    }
}

/// Something else where a list belongs.
pub fn of_list(name: &str, found: &Value) -> Option<String> {
    let first = match found {
        Value::Map(entries) => entries.first().map(|(key, _)| key.written.as_str()),
        Value::Null(_) | Value::Bool(..) | Value::Number(_) | Value::Text(_) | Value::List(_) => None,
    };
    Some(match (name, first) {
        ("env", Some("clear" | "secret")) => {
            "write a list: `env: [{name: A, value: \"...\"}, {name: B, from: {env: B}}]`".to_owned()
        }
        ("env" | "args", first) => {
            let first = first.unwrap_or("LOG_LEVEL");
            format!("write a list: `{name}: [{{name: {first}, value: \"...\"}}]`")
        }
        ("domains", _) => "write a list: `domains: [shop.example]`".to_owned(),
        ("volumes", _) => "write a list: `volumes: [\"data:/var/lib/data\"]`".to_owned(),
        ("aliases", _) => "write a list: `aliases: [www.shop.example]`".to_owned(),
        (hook, _) => format!("write a list: `{hook}: [\"command\"]`"),
    })
}

/// Something else where a whole number belongs.
pub fn of_number(name: &str, text: &str) -> Option<String> {
    let (digits, radix) = match (text.strip_prefix("0x"), text.strip_prefix("0o"), text.strip_prefix("0b")) {
        (Some(digits), _, _) => (digits, 16),
        (_, Some(digits), _) => (digits, 8),
        (_, _, Some(digits)) => (digits, 2),
        (None, None, None) => ("", 10),
    };
    if let Ok(number) = u32::from_str_radix(digits, radix) {
        return Some(format!("write it in decimal digits: `{name}: {number}`"));
    }
    let plain = text.trim_start_matches('+').replace('_', "");
    let plain = plain.strip_suffix(".0").unwrap_or(&plain);
    if let Ok(number) = plain.parse::<u32>() {
        return Some(format!("write `{name}: {number}`"));
    }
    // `80:8080`, `8080/tcp`.
    let inner = text.split('/').next().and_then(|text| text.rsplit(':').next())?;
    let port = inner.parse::<u16>().ok().filter(|_| name == "port")?;
    Some(format!("write `port: {port}`, where the app listens; no port of the machine is taken for it"))
}

/// Something else where true or false belongs.
pub fn of_truth(name: &str, found: &Value) -> Option<String> {
    let text = match found {
        Value::Text(text) | Value::Number(text) => text.to_ascii_lowercase(),
        Value::Null(_) | Value::Bool(..) | Value::List(_) | Value::Map(_) => return None,
    };
    match text.as_str() {
        "yes" | "on" | "true" | "y" | "1" => Some(format!("write `{name}: true`")),
        "no" | "off" | "false" | "n" | "0" => Some(format!("write `{name}: false`")),
        _ if name == "build" => Some("write `build_config: {context: .}`".to_owned()),
        _ => None,
    }
}
