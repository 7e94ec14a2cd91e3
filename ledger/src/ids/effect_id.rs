//! The identity of an effect: the same over attempts, restarts and machines.

use super::{DeploymentId, InvalidId};
use serde::{Deserialize, Deserializer, Serialize, de};
use std::{fmt, str::FromStr};

const EFFECT_RULE: &str = "an effect id is DEPLOYMENT/NUMBER/SUBJECT";

/// The kinds of effect. Numbers are for ever: never reused, never renumbered; 17 was never used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[expect(missing_docs, reason = "each is documented on the Effect variant of its name")]
pub enum EffectNumber {
    ResolveImage = 1,
    BuildImage = 2,
    PullImage = 3,
    TagImage = 4,
    EnsureNetwork = 5,
    StartReplica = 6,
    AwaitHealthy = 7,
    ApplyRoutes = 8,
    Drain = 9,
    StopReplica = 10,
    RemoveReplica = 11,
    RemoveLocalTag = 12,
    PushTag = 13,
    DeleteRegistryTag = 14,
    RunHook = 15,
    PushImage = 16,
    RemoveVolume = 18,
    RunReleaseCommand = 19,
}

impl EffectNumber {
    /// Every kind, in order of its number.
    pub const ALL: [Self; 18] = [
        Self::ResolveImage,
        Self::BuildImage,
        Self::PullImage,
        Self::TagImage,
        Self::EnsureNetwork,
        Self::StartReplica,
        Self::AwaitHealthy,
        Self::ApplyRoutes,
        Self::Drain,
        Self::StopReplica,
        Self::RemoveReplica,
        Self::RemoveLocalTag,
        Self::PushTag,
        Self::DeleteRegistryTag,
        Self::RunHook,
        Self::PushImage,
        Self::RemoveVolume,
        Self::RunReleaseCommand,
    ];
}

/// Deployment / kind of effect / subject (a replica index, a tag, a hook).
///
/// An effect done before a crash carries this id on what it made, so that is adopted, not repeated.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(into = "String")]
pub struct EffectId {
    /// The deployment that owes the effect.
    pub deployment: DeploymentId,
    /// Kind of effect.
    pub number: EffectNumber,
    /// What the effect acts on, within the deployment; empty where there is only one.
    pub subject: String,
}

impl fmt::Display for EffectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.deployment, self.number as u8, self.subject)
    }
}

impl FromStr for EffectId {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let invalid = || InvalidId { what: "an effect id", text: text.to_owned(), rule: EFFECT_RULE };
        let mut parts = text.splitn(3, '/');
        let (Some(id), Some(number), Some(subject)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(invalid());
        };
        let number: u8 = number.parse().map_err(|_| invalid())?;
        let number = EffectNumber::ALL.into_iter().find(|n| *n as u8 == number).ok_or_else(invalid)?;
        Ok(Self { deployment: id.parse()?, number, subject: subject.to_owned() })
    }
}

impl<'de> Deserialize<'de> for EffectId {
    /// As stored: a number that this version does not know is a newer version's word, not damage.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let number = text.split('/').nth(1).and_then(|number| number.parse::<u8>().ok());
        text.parse().map_err(|error| match number {
            Some(number) if EffectNumber::ALL.iter().all(|known| *known as u8 != number) => {
                de::Error::unknown_variant(&number.to_string(), &["a kind of effect"])
            }
            Some(_) | None => de::Error::custom(error),
        })
    }
}

impl From<EffectId> for String {
    fn from(id: EffectId) -> String {
        id.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effect_ids_read_back() {
        for number in EffectNumber::ALL {
            let id =
                EffectId { deployment: DeploymentId::from_parts(1, 2), number, subject: "a/b".to_owned() };
            assert_eq!(id.to_string().parse(), Ok(id));
        }
        assert!("x/6/0".parse::<EffectId>().is_err());
        assert!(format!("{}/99/0", DeploymentId::from_parts(1, 2)).parse::<EffectId>().is_err());
    }
}
