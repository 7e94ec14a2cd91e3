//! What a container is made with.

use super::errors::{self, Doing, failed};
use super::given::endpoint;
use super::volumes::Mounted;
use super::{Engine, labels};
use crate::contract::{EffectContext, ExecutorError};
use bollard::models::*;
use haloy_ledger::deployment::effect::ReplicaSpec;
use std::collections::HashMap;
use std::net::Ipv4Addr;

/// Programs that must be process 1 of their container: supervisors and inits, by their file name. Docker's own
/// init would take that place.
const OWN_INIT: [&str; 9] = [
    "init",
    "my_init",
    "openrc-init",
    "runit",
    "runit-init",
    "s6-svscan",
    "systemd",
    // Inits as small as Docker's own; two would only get in each other's way.
    "dumb-init",
    "tini",
];

impl Engine<'_> {
    /// Whether Docker's init is process 1: without one, a program that is process 1 ignores SIGTERM and is
    /// killed after the grace.
    pub(super) async fn init(&self, spec: &ReplicaSpec) -> Result<bool, ExecutorError> {
        if let Some(init) = spec.init {
            return Ok(init);
        }
        let config = match self.docker.inspect_image(spec.image_id.as_str()).await {
            Ok(image) => image.config.unwrap_or_default(),
            // The creation will say so.
            Err(error) if errors::status(&error) == Some(404) => return Ok(true),
            Err(error) => return Err(failed(&error, Doing::Image, "looking at the image")),
        };
        let entrypoint = config.entrypoint.unwrap_or_default();
        Ok(!own_init(entrypoint.iter().chain(config.cmd.iter().flatten()).next()))
    }
}

/// Whether the program that an image starts must be process 1.
fn own_init(program: Option<&String>) -> bool {
    let name = program.and_then(|program| program.rsplit('/').next());
    name.is_some_and(|name| OWN_INIT.contains(&name))
}

/// `network` is where it is created, with its address there; `made` are volumes for paths that the
/// configuration does not name.
pub(super) fn body(
    cx: &EffectContext,
    spec: &ReplicaSpec,
    (network, address): (&str, Option<Ipv4Addr>),
    (made, init): (&[Mounted], bool),
) -> ContainerCreateBody {
    let own = [
        ("HALOY_APP", cx.request.scope.key.app.to_string()),
        ("HALOY_TARGET", cx.request.scope.key.target.to_string()),
        ("HALOY_DEPLOYMENT_ID", spec.replica.deployment.to_string()),
        // From 1, as users of Haloy know it.
        ("HALOY_REPLICA_ID", (spec.replica.index + 1).to_string()),
    ];
    let own = own.iter().map(|(name, value)| format!("{name}={value}"));
    let env = own.chain(cx.values.env.iter().map(|(name, value)| format!("{name}={value}"))).collect();
    let resources = &spec.resources;
    let mut labels = labels::of(&cx.request.scope, &cx.request.id, spec);
    if !made.is_empty() {
        let names: Vec<&str> = made.iter().map(|made| made.volume.as_str()).collect();
        labels.insert(labels::VOLUMES.to_owned(), names.join(","));
    }
    let made = made.iter().map(|made| format!("{}:{}", made.volume, made.path));
    ContainerCreateBody {
        image: Some(spec.image_id.to_string()),
        env: Some(env),
        labels: Some(labels),
        stop_timeout: Some(i64::from(spec.grace_seconds)),
        host_config: Some(HostConfig {
            binds: Some(spec.volumes.iter().cloned().chain(made).collect()),
            network_mode: Some(network.to_owned()),
            init: Some(init),
            restart_policy: Some(RestartPolicy {
                name: Some(RestartPolicyNameEnum::UNLESS_STOPPED),
                maximum_retry_count: None,
            }),
            memory: resources.memory_bytes.and_then(|bytes| i64::try_from(bytes).ok()),
            nano_cpus: resources.milli_cpus.map(|milli| i64::from(milli) * 1_000_000),
            ..HostConfig::default()
        }),
        networking_config: endpoint(address, spec.alias.as_ref()).map(|endpoint| NetworkingConfig {
            endpoints_config: Some(HashMap::from([(network.to_owned(), endpoint)])),
        }),
        ..ContainerCreateBody::default()
    }
}

#[cfg(test)]
mod tests {
    use super::own_init;

    #[test]
    fn who_must_be_process_1_is_known_by_the_name_of_its_file() {
        for program in
            ["/init", "/sbin/init", "/lib/systemd/systemd", "/bin/s6-svscan", "s6-svscan", "/sbin/my_init"]
        {
            assert!(own_init(Some(&program.to_owned())), "{program}");
        }
        for program in ["/initialise", "/docker-entrypoint.sh", "/app/init.sh", "node", "/init/server"] {
            assert!(!own_init(Some(&program.to_owned())), "{program}");
        }
        assert!(!own_init(None));
    }
}
