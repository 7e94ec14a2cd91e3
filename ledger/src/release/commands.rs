//! Command lines of the configuration: hooks and the release command. Their text is private.

use super::fingerprint::Fingerprint;
use crate::private::Private;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Commands that run on the machine of the command, before and after.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Hooks {
    /// Before anything starts; a failure fails the deployment.
    pub pre_deploy: Vec<HookLine>,
    /// After success; a failure is a warning.
    pub post_deploy: Vec<HookLine>,
    /// Folder that they run in: the folder of the configuration file.
    pub folder: String,
}

/// A command line. Since version 3 of the request its text is private, and a fingerprint shows that it
/// changed; before, the text itself was recorded, and stays so.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HookLine {
    /// Tells two lines apart without showing them.
    pub fingerprint: Option<Fingerprint>,
    /// The line, where it is private.
    pub line: Option<Private>,
    /// The line as recorded before version 3 of the request, in bytes that are hashed.
    pub recorded: Option<String>,
}

impl HookLine {
    /// A line as recorded before version 3 of the request.
    pub fn recorded(line: impl Into<String>) -> Self {
        Self { recorded: Some(line.into()), ..Self::default() }
    }

    /// A private line.
    pub fn new(fingerprint: Fingerprint, line: impl Into<Private>) -> Self {
        Self { fingerprint: Some(fingerprint), line: Some(line.into()), recorded: None }
    }
}

/// How a line is stored: a map, or a text as before version 3.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Stored {
    Recorded(String),
    Private {
        fingerprint: Option<Fingerprint>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        line: Option<Private>,
    },
}

impl Serialize for HookLine {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.recorded {
            Some(text) => Stored::Recorded(text.clone()),
            None => Stored::Private { fingerprint: self.fingerprint.clone(), line: self.line.clone() },
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for HookLine {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Stored::deserialize(deserializer)? {
            Stored::Recorded(text) => Self { recorded: Some(text), ..Self::default() },
            Stored::Private { fingerprint, line } => Self { fingerprint, line, recorded: None },
        })
    }
}

/// How a command is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommandForm {
    /// By a shell, which gets the line.
    Shell,
    /// As it is; the line is a list of texts, as JSON.
    Exec,
}

/// A command that runs once in the new image, before any replica of it starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseCommand {
    /// How.
    pub form: CommandForm,
    /// Tells two commands apart without showing them.
    pub fingerprint: Fingerprint,
    /// The command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<Private>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(line: &HookLine) -> (HookLine, Vec<u8>) {
        let bytes = rmp_serde::to_vec_named(line).expect("data");
        (rmp_serde::from_slice(&bytes).expect("reads"), bytes)
    }

    #[test]
    fn a_line_of_before_version_3_is_read_and_written_as_the_text_that_it_was() {
        let old = rmp_serde::to_vec_named("make migrate").expect("text");
        let line: HookLine = rmp_serde::from_slice(&old).expect("reads");
        assert_eq!(line.recorded.as_deref(), Some("make migrate"));
        assert_eq!(round(&line), (line, old));
    }

    #[test]
    fn a_private_line_is_stored_as_fingerprint_and_commitment() {
        let mut line = HookLine::new(Fingerprint("ab".to_owned()), "make migrate");
        assert!(rmp_serde::to_vec_named(&line).is_err(), "its text is never encoded");
        line.line.as_mut().and_then(|line| line.seal(6000, [1; 32])).expect("it was plain");
        assert_eq!(round(&line).0, line);
    }
}
