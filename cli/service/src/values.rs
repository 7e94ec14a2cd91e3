//! Values of a configuration for the record. Only the caller can get them: they come from its file, its
//! environment, files beside it, its secret providers.

use haloy_ledger::ids::DeploymentId;
use haloy_ledger::release::ValueSource;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A value, resolved. Never printed; in its serialised form it is plain.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigValue {
    /// Name of the variable or credential.
    pub name: String,
    /// Where it came from.
    pub source: ValueSource,
    /// The value.
    pub value: String,
    /// Whether it is, or holds, a value that is not written in the file: it goes to the vault.
    pub secret: bool,
}

impl fmt::Debug for ConfigValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfigValue")
            .field("name", &self.name)
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

/// The values of one target, each list in the order of the configuration that it belongs to. In its
/// serialised form they are plain: it goes only to the ledger.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Values {
    /// Environment.
    pub env: Vec<ConfigValue>,
    /// Build arguments.
    pub build_args: Vec<ConfigValue>,
    /// User name and password of the registry.
    pub credentials: Option<[ConfigValue; 2]>,
    /// Headers of the health probe.
    pub health_headers: Vec<ConfigValue>,
    /// What else of the configuration is private.
    pub texts: PrivateTexts,
}

/// Texts of a configuration that are private: commands, which may hold secrets, and an address.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrivateTexts {
    /// Hooks before anything starts.
    pub pre_deploy: Vec<String>,
    /// Hooks after success.
    pub post_deploy: Vec<String>,
    /// What runs once in the new image.
    pub release_command: Option<String>,
    /// Account address for certificates.
    pub acme_email: Option<String>,
}

impl fmt::Debug for PrivateTexts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateTexts")
            .field("pre_deploy", &self.pre_deploy.len())
            .field("post_deploy", &self.post_deploy.len())
            .finish_non_exhaustive()
    }
}

/// Where one value of a release came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedSource {
    /// Name of the variable, header or credential.
    pub name: String,
    /// Where from.
    pub source: ValueSource,
}

/// The sources that a rollback to a release queries again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseSources {
    /// The release.
    pub release: DeploymentId,
    /// Folder of the configuration file that it was deployed with.
    pub folder: String,
    /// The sources, in the order of the configuration; values that are written in the file have none.
    pub sources: Vec<NamedSource>,
}

/// What the sources of a release's values say now. Serialised, it holds secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseValues {
    /// The release.
    pub release: DeploymentId,
    /// The values that could be had.
    pub values: Vec<ConfigValue>,
    /// Names of values whose source is not available, each with the cause where there is one.
    pub unasked: Vec<String>,
}
