//! Credentials that `docker login` left: Docker's config.json and its helpers.
//!
//! The file is read by the library; helpers are run here, because they are programs of others, which may take
//! their time or never end.

use super::reference::reference;
use crate::contract::{ExecutorError, RegistryLogin};
use crate::limits::{HELPER, HELPER_BYTES};
use crate::process::Group;
use docker_credential::{CredentialRetrievalError, DockerCredential, get_credential_from_reader};
use haloy_edge::Waits;
use haloy_ledger::ids::ImageRef;
use haloy_ledger::outcome::{FailureCode, Words};
use haloy_ledger::words;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

/// Key of Docker Hub in config.json, for historical reasons of its own.
const HUB: &str = "https://index.docker.io/v1/";
/// Part of a helper's answer if it knows no credentials for a registry: that is not an error.
const UNKNOWN: &str = "credentials not found";

/// The credentials that Docker itself would use for the registry of an image; none where it has none.
///
/// # Errors
/// If a credential helper does not answer, or fails.
pub async fn stored_login(image: &ImageRef, waits: &Waits) -> Result<Option<RegistryLogin>, ExecutorError> {
    let Some(folder) = config_folder() else { return Ok(None) };
    let Ok(reference) = reference(image) else { return Ok(None) };
    let host = reference.resolve_registry();
    let key = if host == "index.docker.io" { HUB } else { host };
    let found = stored(&folder.join("config.json"), key, HELPER, waits).await?;
    Ok(found.map(|credential| match credential {
        DockerCredential::UsernamePassword(username, password) => {
            RegistryLogin { server: Some(host.to_owned()), username, password }
        }
        // An identity token is exchanged by name, as Docker does.
        DockerCredential::IdentityToken(token) => {
            RegistryLogin { server: Some(host.to_owned()), username: "<token>".to_owned(), password: token }
        }
    }))
}

fn config_folder() -> Option<PathBuf> {
    let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".docker"));
    std::env::var_os("DOCKER_CONFIG").map(PathBuf::from).or_else(home)
}

/// A helper for this registry comes before what the file holds, and one for all comes after it.
async fn stored(
    config: &Path,
    key: &str,
    limit: Duration,
    waits: &Waits,
) -> Result<Option<DockerCredential>, ExecutorError> {
    // Docker goes on without a file that it cannot read, too.
    let Ok(bytes) = tokio::fs::read(config).await else { return Ok(None) };
    let Ok(mut file) = serde_json::from_slice::<serde_json::Value>(&bytes) else { return Ok(None) };
    let Some(table) = file.as_object_mut() else { return Ok(None) };
    let helpers = table.remove("credHelpers");
    let store = table.remove("credsStore");
    let text = |value: &serde_json::Value| value.as_str().filter(|name| !name.is_empty()).map(str::to_owned);
    if let Some(name) = helpers.as_ref().and_then(|helpers| text(helpers.get(key)?)) {
        return Helper::named(&name, key, limit).ask(waits).await;
    }
    match get_credential_from_reader(file.to_string().as_bytes(), key) {
        Ok(credential) => Ok(Some(credential)),
        Err(CredentialRetrievalError::NoCredentialConfigured) => match store.as_ref().and_then(text) {
            Some(name) => Helper::named(&name, key, limit).ask(waits).await,
            None => Ok(None),
        },
        Err(_unreadable) => Ok(None),
    }
}

/// A program that knows credentials: `docker-credential-NAME get`.
struct Helper<'a> {
    program: String,
    key: &'a str,
    limit: Duration,
}

/// Answer of a helper.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    username: String,
    secret: String,
}

impl<'a> Helper<'a> {
    fn named(name: &str, key: &'a str, limit: Duration) -> Self {
        Self { program: format!("docker-credential-{name}"), key, limit }
    }

    /// The name of the helper is that of a local file: for people, not for the log.
    fn failed(&self, why: impl Into<Words>, said: &str) -> ExecutorError {
        let words = words!("credential helper: {}", why.into());
        let said = if said.is_empty() { self.program.clone() } else { format!("{}: {said}", self.program) };
        ExecutorError::new(FailureCode::Unauthorized, words).saying(said)
    }

    async fn ask(&self, waits: &Waits) -> Result<Option<DockerCredential>, ExecutorError> {
        let mut child = Command::new(&self.program)
            .arg("get")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A process group of its own, so that its children end with it.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| self.failed("it cannot be started", &error.to_string()))?;
        let group = Group::of(&child);
        let (mut input, out, err) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let talk = async {
            if let Some(mut input) = input.take() {
                // A helper that needs no input may already be gone.
                drop(input.write_all(self.key.as_bytes()).await);
            }
            tokio::join!(read(out), read(err), child.wait())
        };
        let talked = waits.during(&self.program, tokio::time::timeout(self.limit, talk)).await;
        let Ok((out, err, status)) = talked else {
            drop(group);
            drop(child.wait().await);
            return Err(self.failed(words!("no answer within {} s", self.limit.as_secs()), ""));
        };
        group.ended();
        let status = status.map_err(|error| self.failed("it was lost", &error.to_string()))?;
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if !status.success() {
            // By custom what went wrong is on its standard output.
            let told = format!("{}\n{}", said(&out), said(&err)).trim().to_owned();
            return if told.contains(UNKNOWN) { Ok(None) } else { Err(self.failed("it failed", &told)) };
        }
        // Its output may hold the secret, and is not repeated.
        let answer: Answer = serde_json::from_slice(&out)
            .map_err(|_| self.failed("it does not answer with credentials", ""))?;
        Ok(Some(match answer.username.as_str() {
            "<token>" => DockerCredential::IdentityToken(answer.secret),
            _name => DockerCredential::UsernamePassword(answer.username, answer.secret),
        }))
    }
}

async fn read(from: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(from) = from {
        // Half an answer is reported as such.
        drop(from.take(HELPER_BYTES).read_to_end(&mut bytes).await);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use std::time::Instant;

    async fn ask(script: &str) -> (tempfile::TempDir, Result<Option<DockerCredential>, ExecutorError>) {
        let folder = tempfile::tempdir().expect("a folder");
        let program = folder.path().join("helper");
        std::fs::write(&program, format!("#!/bin/sh\ncd {}\n{script}\n", folder.path().display()))
            .expect("written");
        std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).expect("changed");
        let program = program.display().to_string();
        let helper = Helper { program, key: "ghcr.io", limit: Duration::from_secs(2) };
        let asked = helper.ask(&Waits::default()).await;
        (folder, asked)
    }

    #[tokio::test]
    async fn a_helper_that_hangs_is_ended_with_what_it_started() {
        let begun = Instant::now();
        // The inner one holds the pipe open, as a helper behind a wrapper does.
        let (folder, asked) = ask("sh -c 'echo $$ > inner; sleep 60; true' ; true").await;
        let error = asked.expect_err("no answer");
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
        assert!(error.to_string().starts_with("credential helper: no answer within 2 s: /"), "{error}");
        let inner = std::fs::read_to_string(folder.path().join("inner")).expect("it ran");
        let inner = format!("/proc/{}/stat", inner.trim());
        let gone = || std::fs::read_to_string(&inner).map_or(true, |stat| stat.contains(") Z "));
        for _look in 0..100 {
            if gone() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("what it started still runs");
    }

    #[tokio::test]
    async fn what_a_helper_says_is_told_and_what_it_does_not_know_is_no_error() {
        let (_folder, asked) = ask(r#"read host; echo "{\"Username\":\"ada\",\"Secret\":\"$host\"}""#).await;
        let expected = DockerCredential::UsernamePassword("ada".to_owned(), "ghcr.io".to_owned());
        assert_eq!(asked.expect("credentials"), Some(expected));
        let (_folder, asked) = ask("echo credentials not found in native keychain; exit 1").await;
        assert_eq!(asked.expect("an answer"), None);
        let (_folder, asked) = ask("echo the vault is sealed; exit 1").await;
        let error = asked.expect_err("it failed");
        assert!(error.to_string().ends_with("/helper: the vault is sealed"), "{error}");
        let (_folder, asked) = ask("echo 'hunter2 is not JSON'").await;
        let error = asked.expect_err("no JSON").to_string();
        assert!(
            error.contains("it does not answer with credentials") && !error.contains("hunter2"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn the_file_is_read_as_docker_reads_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let config = folder.path().join("config.json");
        let waits = Waits::default();
        let limit = Duration::from_secs(5);
        std::fs::write(
            &config,
            r#"{"auths":{"ghcr.io":{"auth":"YWRhOnNlY3JldA=="}},"credsStore":"none-such"}"#,
        )
        .expect("written");
        let found = stored(&config, "ghcr.io", limit, &waits).await.expect("no helper is asked");
        let expected = DockerCredential::UsernamePassword("ada".to_owned(), "secret".to_owned());
        assert_eq!(found, Some(expected));
        let error = stored(&config, "quay.io", limit, &waits).await.expect_err("the store is asked");
        assert!(error.to_string().contains("it cannot be started: docker-credential-none-such"), "{error}");
        std::fs::write(&config, "{").expect("written");
        assert_eq!(stored(&config, "ghcr.io", limit, &waits).await.expect("nothing"), None);
    }
}
