//! Credentials that `docker login` left: Docker's config.json and its helpers.

use crate::executor::RegistryLogin;
use docker_credential::DockerCredential;
use haloy_ledger::ids::ImageRef;

/// Key of Docker Hub in config.json, for historical reasons of its own.
const HUB: &str = "https://index.docker.io/v1/";

/// The credentials that Docker itself would use for the registry of an image.
pub async fn stored_login(image: &ImageRef) -> Option<RegistryLogin> {
    let host = super::reference(image).ok()?.resolve_registry().to_owned();
    let key = if host == "index.docker.io" { HUB.to_owned() } else { host.clone() };
    // A helper is a process that may take its time.
    let found = tokio::task::spawn_blocking(move || docker_credential::get_credential(&key)).await.ok()?;
    match found.ok()? {
        DockerCredential::UsernamePassword(username, password) => {
            Some(RegistryLogin { server: Some(host), username, password })
        }
        // An identity token is exchanged by name, as Docker does.
        DockerCredential::IdentityToken(token) => {
            Some(RegistryLogin { server: Some(host), username: "<token>".to_owned(), password: token })
        }
    }
}
