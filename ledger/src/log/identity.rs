//! Identity of an actor and how it is known: words of the envelope.
//!
//! A word that this version does not know is kept as it is: the entry is a newer version's, not damaged.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;

/// Longest word that is taken for a newer version's, in bytes.
const MAX_WORD: usize = 200;

/// Whether a newer version may have written it; anything else is damage.
fn may_be_a_word(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_WORD && text.chars().all(|c| c.is_ascii_graphic())
}

/// Reads a word; one that is not known is kept where a newer version may have written it.
fn word<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    known: impl FnOnce(&str) -> Option<T>,
    newer: impl FnOnce(String) -> T,
) -> Result<T, D::Error> {
    let text = String::deserialize(deserializer)?;
    match known(&text) {
        Some(known) => Ok(known),
        None if may_be_a_word(&text) => Ok(newer(text)),
        None => Err(de::Error::custom("a word of the envelope is not printable")),
    }
}

/// What kind of actor.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ActorKind {
    /// A person at a terminal.
    Person,
    /// A CI job.
    Ci,
    /// haloy itself.
    System,
    /// A program with a credential of its own.
    Service,
    /// Another ledger.
    Peer,
    /// A kind that a newer version of haloy writes.
    Newer(String),
}

impl fmt::Display for ActorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Person => "person",
            Self::Ci => "ci",
            Self::System => "system",
            Self::Service => "service",
            Self::Peer => "peer",
            Self::Newer(word) => word,
        })
    }
}

impl Serialize for ActorKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ActorKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let known = |text: &str| {
            [Self::Person, Self::Ci, Self::System, Self::Service, Self::Peer]
                .into_iter()
                .find(|kind| kind.to_string() == text)
        };
        word(deserializer, known, Self::Newer)
    }
}

/// How an actor is known: what a reader may rely on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Auth {
    /// The operating system's own user of the process.
    OsUser,
    /// From the environment of a CI job.
    CiEnvironment,
    /// Declared (`HALOY_ACTOR`, `SUDO_USER`) and not checked.
    Declared,
    /// The user at the other end of a unix socket, from the kernel.
    Socket,
    /// An SSH key.
    SshKey,
    /// A token, by its id.
    Token(String),
    /// An identity provider's token, by the id of the grant.
    Oidc(String),
    /// A session of a browser, by its id.
    Web(String),
    /// Nothing is known: haloy itself.
    None,
    /// Written by a newer version of haloy.
    Newer(String),
}

impl fmt::Display for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OsUser => f.write_str("os-user"),
            Self::CiEnvironment => f.write_str("ci-environment"),
            Self::Declared => f.write_str("declared"),
            Self::Socket => f.write_str("socket"),
            Self::SshKey => f.write_str("ssh-key"),
            Self::Token(id) => write!(f, "token:{id}"),
            Self::Oidc(id) => write!(f, "oidc:{id}"),
            Self::Web(id) => write!(f, "web:{id}"),
            Self::None => f.write_str("none"),
            Self::Newer(word) => f.write_str(word),
        }
    }
}

impl Auth {
    fn known(text: &str) -> Option<Self> {
        Some(match text.split_once(':') {
            Some(("token", id)) => Self::Token(id.to_owned()),
            Some(("oidc", id)) => Self::Oidc(id.to_owned()),
            Some(("web", id)) => Self::Web(id.to_owned()),
            Some(_) => return None,
            None => match text {
                "os-user" => Self::OsUser,
                "ci-environment" => Self::CiEnvironment,
                "declared" => Self::Declared,
                "socket" => Self::Socket,
                "ssh-key" => Self::SshKey,
                "none" => Self::None,
                _unknown => return None,
            },
        })
    }
}

impl Serialize for Auth {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Auth {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        word(deserializer, Self::known, Self::Newer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round<T: Serialize + for<'de> Deserialize<'de>>(text: &str) -> Option<T> {
        let bytes = rmp_serde::to_vec(text).expect("text");
        let read: T = rmp_serde::from_slice(&bytes).ok()?;
        assert_eq!(rmp_serde::to_vec(&read).expect("text"), bytes, "{text}");
        Some(read)
    }

    #[test]
    fn known_words_are_read_as_what_they_mean() {
        assert_eq!(round::<Auth>("os-user"), Some(Auth::OsUser));
        assert_eq!(round::<Auth>("token:01k9"), Some(Auth::Token("01k9".to_owned())));
        assert_eq!(round::<ActorKind>("peer"), Some(ActorKind::Peer));
    }

    #[test]
    fn words_of_a_newer_version_are_kept_and_noise_is_refused() {
        assert_eq!(round::<Auth>("passkey:7"), Some(Auth::Newer("passkey:7".to_owned())));
        assert_eq!(round::<ActorKind>("robot"), Some(ActorKind::Newer("robot".to_owned())));
        assert_eq!(round::<Auth>(""), None);
        assert_eq!(round::<ActorKind>("per\u{1}son"), None);
    }
}
