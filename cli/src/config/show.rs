//! The merged result, for `validate-config --show-resolved`: secrets are never part of it.

use super::TargetConfig;
use haloy_ledger::private::Private;
use haloy_ledger::release::{HookLine, ValueSource};
use haloy_service::ConfigValue;
use serde_json::{Value, json};

/// A target as it would be deployed; every value that is not a plain literal is `***`.
pub fn show(target: &TargetConfig) -> Value {
    let config = &target.config;
    let value = |value: &ConfigValue| {
        let shown = if value.secret { "***" } else { value.value.as_str() };
        json!({ "name": value.name, "source": source(&value.source), "value": shown })
    };
    json!({
        "app": target.app.as_str(),
        "target": target.target.as_str(),
        "server": config.server,
        "image": {
            "reference": config.image.reference.as_str(),
            "pull_policy": config.image.pull_policy,
            "build": config.image.build.as_ref().map(|build| json!({
                "context": build.context, "dockerfile": build.dockerfile, "platform": build.platform,
                "args": target.build_args.iter().map(value).collect::<Vec<_>>(),
            })),
            "registry": target.credentials.as_ref().map(|_| json!({ "username": "***", "password": "***" })),
        },
        "history": config.retention,
        "deployment_strategy": config.rollout,
        "naming_strategy": config.naming,
        "alias": config.alias,
        "replicas": config.replicas,
        "port": config.port,
        "health_check": {
            "path": config.health.path,
            "min_ready_seconds": config.health.min_ready_seconds,
            "timeout_seconds": config.health.timeout_seconds,
            "headers": target.health_headers.iter().map(value).collect::<Vec<_>>(),
        },
        "stop_timeout_seconds": config.stop_timeout_seconds,
        "init": config.init,
        "env": target.env.iter().map(value).collect::<Vec<_>>(),
        "volumes": config.volumes,
        "network": config.network,
        "domains": config.domains,
        "acme": config.acme,
        "release_command": config.release_command.as_ref().and_then(|command| plain(command.line.as_ref())),
        "pre_deploy": config.hooks.pre_deploy.iter().map(line).collect::<Vec<_>>(),
        "post_deploy": config.hooks.post_deploy.iter().map(line).collect::<Vec<_>>(),
        "resources": config.resources,
        "protected": config.protected,
    })
}

/// A hook's line, as it stands in the file.
fn line(hook: &HookLine) -> Option<&str> {
    plain(hook.line.as_ref()).or(hook.recorded.as_deref())
}

fn plain(line: Option<&Private>) -> Option<&str> {
    match line {
        Some(Private::Plain(line)) => Some(line),
        Some(Private::Committed(_)) | None => None,
    }
}

fn source(source: &ValueSource) -> String {
    match source {
        ValueSource::Literal => "the file".to_owned(),
        ValueSource::Env(name) => format!("env {name}"),
        ValueSource::File(path) => format!("file {path}"),
        ValueSource::Secret(reference) => format!("secret {reference}"),
    }
}
