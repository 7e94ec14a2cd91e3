//! The targets of a file as written: without values, and without querying any source.

use super::ConfigFile;
use super::parts::TargetPart;
use serde::Serialize;

/// A target of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// Target.
    pub target: String,
    /// App.
    pub app: String,
    /// The server that it is for; none for this machine.
    pub server: Option<String>,
    /// Domains, without their aliases.
    pub domains: Vec<String>,
    /// Replicas.
    pub replicas: u32,
    /// Whether it needs a confirmation, and is left out by `--all`.
    pub protected: bool,
}

impl ConfigFile {
    /// All targets, by name.
    pub fn list(&self) -> Vec<Listed> {
        let one = |(named, part): (super::Named, &TargetPart)| Listed {
            target: named.target,
            app: named.app,
            server: part.server.as_ref().map(|server| server.value.clone()),
            domains: part.domains.iter().flatten().map(|domain| domain.domain.clone()).collect(),
            replicas: part.replicas.as_ref().map_or(1, |replicas| replicas.value),
            protected: self.protected(part),
        };
        let parts = self.targets.iter().map(|(_, part)| part);
        let mut listed: Vec<Listed> = self.names().into_iter().zip(parts).map(one).collect();
        listed.sort_by(|a, b| a.target.cmp(&b.target));
        listed
    }
}
