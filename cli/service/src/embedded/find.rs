//! Targets, deployments and releases that a text stands for.

use super::errors;
use crate::{Error, Kind};
use haloy_ledger::ids::{DeploymentId, ReleaseName, TargetKey};
use haloy_ledger::projection::{DeploymentMatch, DeploymentRow};
use haloy_ledger::read::View;

pub fn keys_or_all(view: &View<'_>, keys: Option<Vec<TargetKey>>) -> Result<Vec<TargetKey>, Error> {
    match keys {
        Some(keys) => Ok(keys),
        None => {
            let targets = view.targets().map_err(errors::log)?;
            Ok(targets
                .into_iter()
                .map(|state| TargetKey { app: state.key.app, target: state.key.target })
                .collect())
        }
    }
}

/// The release that has a name; an error if several targets use it.
pub fn by_name(
    view: &View<'_>,
    keys: Option<&[TargetKey]>,
    text: &str,
) -> Result<Option<(TargetKey, DeploymentId)>, Error> {
    let Ok(name) = ReleaseName::new(text) else { return Ok(None) };
    let mut found = Vec::new();
    for state in view.targets().map_err(errors::log)? {
        let key = TargetKey { app: state.key.app, target: state.key.target };
        if let Some(release) = state.names.get(&name)
            && keys.is_none_or(|keys| keys.contains(&key))
        {
            found.push((key, *release));
        }
    }
    match found.len() {
        0 | 1 => Ok(found.pop()),
        _ => {
            let keys: Vec<String> = found.iter().map(|(key, _)| key.to_string()).collect();
            let message = format!("`{name}` names a release of each of {}", keys.join(", "));
            Err(Error::new(Kind::Usage, message).hint("say which with --target"))
        }
    }
}

/// One deployment, by a name of its release, its id or a prefix.
pub fn find(view: &View<'_>, text: &str) -> Result<DeploymentRow, Error> {
    match by_name(view, None, text)? {
        Some((_, release)) => find_deployment(view, &release.to_string()),
        None => find_deployment(view, text),
    }
}

pub fn find_deployment(view: &View<'_>, prefix: &str) -> Result<DeploymentRow, Error> {
    match view.find_deployment(prefix, None).map_err(errors::log)? {
        DeploymentMatch::One(row) => Ok(*row),
        DeploymentMatch::None => Err(Error::new(Kind::Usage, format!("there is no deployment `{prefix}`"))
            .hint("list them with: haloy history")),
        DeploymentMatch::Several(ids) => Err(ambiguous(prefix, &ids)),
    }
}

/// A prefix of several ids; there may be thousands.
pub fn ambiguous(prefix: &str, ids: &[DeploymentId]) -> Error {
    const NAMED: usize = 5;
    let named: Vec<String> = ids.iter().take(NAMED).map(ToString::to_string).collect();
    let more = match ids.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let message = format!("`{prefix}` may be any of {}{more}", named.join(", "));
    Error::new(Kind::Usage, message).hint("give more of the id")
}
