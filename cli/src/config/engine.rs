//! Checks that need an engine: whether a target's network exists, whether the engine has so many CPUs, and
//! whether it builds with BuildKit.

use super::problem::{Mistakes, Problems};
use super::{ConfigError, ConfigFile, TargetConfig, dockerfile, read};
use haloy_executors::EngineOffer;
use std::path::Path;

impl ConfigFile {
    /// Refuses targets that this engine cannot run; every mistake of all of them at once.
    pub fn fit(&self, targets: &[TargetConfig], offer: &EngineOffer) -> Result<(), ConfigError> {
        let mut m = Mistakes::default();
        for target in targets {
            let network = &target.config.network;
            if let Some(at) = target.asked.network
                && !offer.has_network(network)
            {
                let message = format!("there is no network `{network}`");
                let close = read::closest(network, offer.networks.iter().map(String::as_str));
                let make = format!("make it: docker network create {network}");
                m.add_with_hint(
                    at,
                    message,
                    match close {
                        Some(close) => format!("did you mean `{close}`? Else {make}"),
                        None => make,
                    },
                );
            }
            if let (Some(at), Some(build), false) = (target.asked.build, &target.config.image.build, offer.buildkit)
                // An unreadable Dockerfile is reported by the build.
                && let Ok(text) = std::fs::read_to_string(Path::new(&build.context).join(&build.dockerfile))
                && let Some((line, what)) = dockerfile::needs_buildkit(&text)
            {
                let message = format!(
                    "`{what}` in line {line} of {} needs BuildKit, and there is no docker with BuildKit here",
                    build.dockerfile
                );
                let hint = "install the plugin of docker that has it: docker-buildx, or docker-buildx-plugin";
                m.add_with_hint(at, message, hint);
            }
            let milli = target.config.resources.milli_cpus.unwrap_or_default();
            if let (Some(at), Some(cpus)) = (target.asked.cpus, offer.cpus)
                && milli > cpus.saturating_mul(1000)
            {
                let asked = f64::from(milli) / 1000.0;
                let message = format!("`cpus` is {asked}, and this engine has {cpus}");
                m.add_with_hint(at, message, format!("write {cpus} or less"));
            }
        }
        if m.0.is_empty() {
            return Ok(());
        }
        Err(Problems { file: self.path.clone(), text: self.text.clone(), list: m.in_order() }.into())
    }
}
