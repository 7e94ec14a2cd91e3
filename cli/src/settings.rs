//! Every variable that is a setting of haloy, in one place: its name, its values, and its purpose. An invalid
//! value is an error before anything else happens, and never ignored.

use crate::error::{Error, Kind};
use crate::output::foreign;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// What a setting takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// Any text; an empty one is none.
    Text,
    /// A path.
    Path,
    /// Whole seconds, from and to.
    Seconds(u64, u64),
    /// Yes or no.
    Bool,
    /// `IP:PORT`.
    Address,
    /// The same, with commas between.
    Addresses,
    /// An address of the web, or a word that stands for one.
    Authority,
}

/// A setting.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Name of the variable.
    pub name: &'static str,
    /// Accepted values.
    pub takes: Takes,
    /// Purpose, and default.
    pub about: &'static str,
}

const fn setting(name: &'static str, takes: Takes, about: &'static str) -> Setting {
    Setting { name, takes, about }
}

/// Folder of the ledger.
pub const LEDGER: &str = "HALOY_LEDGER";
/// Folder of the keys.
pub const KEYS: &str = "HALOY_KEYS";
/// Folder of the published tree.
pub const PUBLISH: &str = "HALOY_PUBLISH";
/// The actor.
pub const ACTOR: &str = "HALOY_ACTOR";
/// This machine stands for a server.
pub const HERE: &str = "HALOY_HERE";
/// Patience with Docker.
pub const DOCKER_TIMEOUT: &str = "HALOY_DOCKER_TIMEOUT";
/// Patience with replicas that start.
pub const HEALTH_TIMEOUT: &str = "HALOY_HEALTH_TIMEOUT";
/// Patience with replicas that stop.
pub const DRAIN_TIMEOUT: &str = "HALOY_DRAIN_TIMEOUT";
/// Patience with registries.
pub const REGISTRY_TIMEOUT: &str = "HALOY_REGISTRY_TIMEOUT";
/// Authorities of registries.
pub const REGISTRY_CERTS: &str = "HALOY_REGISTRY_CERTS";
/// Where the edge listens for http.
pub const EDGE_HTTP: &str = "HALOY_EDGE_HTTP";
/// Where the edge listens for https.
pub const EDGE_HTTPS: &str = "HALOY_EDGE_HTTPS";
/// Address of the edge's metrics.
pub const EDGE_METRICS: &str = "HALOY_EDGE_METRICS";
/// Where the edge tells of requests.
pub const EDGE_ACCESS_LOG: &str = "HALOY_EDGE_ACCESS_LOG";
/// The certificate authority.
pub const ACME_DIRECTORY: &str = "HALOY_ACME_DIRECTORY";
/// Root certificate of that authority's server.
pub const ACME_CA: &str = "HALOY_ACME_CA";

/// All settings.
pub const ALL: &[Setting] = &[
    setting(LEDGER, Takes::Path, "folder of the ledger; see Where things lie"),
    setting(KEYS, Takes::Path, "folder of the keys; see Where things lie"),
    setting(PUBLISH, Takes::Path, "folder of the published tree; `published` in the ledger"),
    setting(ACTOR, Takes::Text, "name of the actor, where it is not the user of the system"),
    setting(HERE, Takes::Bool, "this machine stands for the `server` of the file; false"),
    setting(
        DOCKER_TIMEOUT,
        Takes::Seconds(1, 600),
        "seconds that Docker may take to answer its first request; 10",
    ),
    setting(HEALTH_TIMEOUT, Takes::Seconds(1, 3600), "seconds that a replica may take to become healthy; 60"),
    setting(DRAIN_TIMEOUT, Takes::Seconds(0, 30), "seconds that a replica may take to end its requests; 30"),
    setting(REGISTRY_TIMEOUT, Takes::Seconds(1, 600), "seconds to wait for one answer of a registry; 15"),
    setting(
        REGISTRY_CERTS,
        Takes::Path,
        "folder of trusted authorities, one folder for each `host:port`; `/etc/docker/certs.d`",
    ),
    setting(EDGE_HTTP, Takes::Addresses, "addresses of the edge for http; `[::]:80`"),
    setting(EDGE_HTTPS, Takes::Addresses, "addresses of the edge for https; `[::]:443`"),
    setting(EDGE_METRICS, Takes::Address, "address where Prometheus finds `/metrics`; none"),
    setting(
        EDGE_ACCESS_LOG,
        Takes::Path,
        "where a line of JSON for each request goes: `off`, `stdout` or a file; off",
    ),
    setting(
        ACME_DIRECTORY,
        Takes::Authority,
        "authority for certificates: an address, `production` or `staging` of Let's Encrypt; `production`",
    ),
    setting(
        ACME_CA,
        Takes::Path,
        "certificate of that authority's server, where the system does not know it",
    ),
];

/// Variables that haloy gives to hooks and replicas: no settings, and no mistakes.
const GIVEN: &[&str] = &[
    "HALOY_APP",
    "HALOY_TARGET",
    "HALOY_DEPLOYMENT_ID",
    "HALOY_RELEASE_ID",
    "HALOY_IMAGE",
    "HALOY_PREVIOUS_RELEASE_ID",
    "HALOY_REPLICA_ID",
];

impl Takes {
    /// In words: what to write instead.
    pub fn words(self) -> String {
        match self {
            Self::Text => "text".to_owned(),
            Self::Path => "a path".to_owned(),
            Self::Seconds(from, to) => format!("whole seconds, from {from} to {to}"),
            Self::Bool => "true or false".to_owned(),
            Self::Address => "an address with its port, like 127.0.0.1:9100".to_owned(),
            Self::Addresses => {
                "addresses with their ports and commas between, like 0.0.0.0:80,[::]:80".to_owned()
            }
            Self::Authority => "`production`, `staging`, or an address that begins with https://".to_owned(),
        }
    }

    fn accepts(self, value: &OsString) -> bool {
        let text = value.to_str();
        let address = |text: &str| text.parse::<SocketAddr>().is_ok();
        match self {
            Self::Text => text.is_some(),
            Self::Path => !value.is_empty(),
            Self::Seconds(from, to) => text.and_then(seconds_of).is_some_and(|s| (from..=to).contains(&s)),
            Self::Bool => text.and_then(bool_of).is_some(),
            Self::Address => text.is_some_and(address),
            Self::Addresses => text.is_some_and(|text| text.split(',').all(address)),
            Self::Authority => text.is_some_and(|text| {
                let web = ["https://", "http://"].iter().any(|scheme| {
                    text.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
                });
                web || ["production", "staging"].contains(&text)
            }),
        }
    }
}

/// Digits and nothing else: `+5`, `5.0`, `1e3` and ` 5` are not valid seconds.
fn seconds_of(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// The words that clap takes, too.
fn bool_of(text: &str) -> Option<bool> {
    match text.to_lowercase().as_str() {
        "true" | "1" | "yes" | "y" | "on" | "t" => Some(true),
        "false" | "0" | "no" | "n" | "off" | "f" => Some(false),
        _other => None,
    }
}

/// Looks at every setting that is set.
///
/// # Errors
/// Reports invalid settings, all at once.
pub fn check() -> Result<(), Error> {
    let set = |name: &str| std::env::var_os(name);
    let wrong: Vec<String> = ALL.iter().filter_map(|setting| wrong(setting, &set(setting.name)?)).collect();
    if wrong.is_empty() {
        return Ok(());
    }
    Err(Error::new(Kind::Usage, wrong.join("; "))
        .hint("change it, or take it out of the environment with unset"))
}

fn wrong(setting: &Setting, value: &OsString) -> Option<String> {
    if setting.takes.accepts(value) {
        return None;
    }
    let value = foreign::message(&value.to_string_lossy());
    Some(format!("{} is `{value}`, and takes {}", setting.name, setting.takes.words()))
}

/// What looks like a setting and is none, with what may be meant.
pub fn misspelt() -> Vec<String> {
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    names.filter_map(|name| Some((meant(&name)?, name))).map(|(meant, name)| told(&name, meant)).collect()
}

fn told(name: &str, meant: &str) -> String {
    format!("warning: {} is not a setting of haloy; {meant} is", foreign::message(name))
}

fn meant(name: &str) -> Option<&'static str> {
    let known = |name: &str| ALL.iter().any(|setting| setting.name == name) || GIVEN.contains(&name);
    if !name.starts_with("HALOY_") || known(name) {
        return None;
    }
    let near = ALL.iter().map(|setting| (strsim::damerau_levenshtein(name, setting.name), setting.name));
    near.filter(|(distance, _)| *distance <= 2).min().map(|(_, name)| name)
}

/// A setting in seconds. An invalid value has been reported by [`check`].
pub fn seconds(name: &str) -> Option<Duration> {
    std::env::var(name).ok().as_deref().and_then(seconds_of).map(Duration::from_secs)
}

/// A setting that is a path.
pub fn path(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// A setting that is a text.
pub fn text(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takes(name: &str, value: &str) -> bool {
        let setting = ALL.iter().find(|setting| setting.name == name).expect("a setting");
        wrong(setting, &OsString::from(value)).is_none()
    }

    #[test]
    fn what_cannot_be_meant_is_refused_and_what_can_be_is_not() {
        for setting in ALL {
            let (good, bad): (&[&str], &[&str]) = match setting.takes {
                Takes::Text => (&["", "ada", " "], &[]),
                Takes::Path => (&["/a", "a b", "."], &[""]),
                Takes::Seconds(from, _) => {
                    assert!(takes(setting.name, &from.to_string()));
                    (
                        &["5", "007", "30"],
                        &["", "abc", "-5", "1e3", "+5", " 5", "5s", "5.0", "0x5", "4000", "٣"],
                    )
                }
                Takes::Bool => (&["1", "0", "true", "No", "off"], &["", "2", "ja", " true"]),
                Takes::Address => {
                    (&["127.0.0.1:80", "[::1]:80"], &["", "80", ":80", "a:80", "1.2.3.4:99999"])
                }
                Takes::Addresses => (&["127.0.0.1:80,[::]:80"], &["", "80", "127.0.0.1:80,", "a:1,b:2"]),
                Takes::Authority => (
                    &["production", "staging", "https://ca.example/directory", "http://127.0.0.1:14000/dir"],
                    &["", "prod", "https://", "ftp://a", "http:///a"],
                ),
            };
            for value in good {
                assert!(takes(setting.name, value), "{} takes `{value}`", setting.name);
            }
            for value in bad {
                assert!(!takes(setting.name, value), "{} does not take `{value}`", setting.name);
            }
        }
        let setting = &ALL[6];
        let told = wrong(setting, &OsString::from("1e3")).expect("wrong");
        assert_eq!(told, "HALOY_HEALTH_TIMEOUT is `1e3`, and takes whole seconds, from 1 to 3600");
    }

    #[test]
    fn a_name_that_is_nearly_one_is_told() {
        assert_eq!(meant("HALOY_HEALT_TIMEOUT"), Some(HEALTH_TIMEOUT));
        assert_eq!(meant("HALOY_LEGDER"), Some(LEDGER));
        for none in ["HALOY_LEDGER", "HALOY_APP", "HALOY_TARGET", "HALOY_MY_OWN_VALUE", "LEDGER"] {
            assert_eq!(meant(none), None, "{none}");
        }
    }
}
