//! Numbers, verdicts, endings and changes in words.

use haloy_ledger::deployment::state::Ending;
use haloy_ledger::event::PruneRule;
use haloy_ledger::ids::DeploymentId;
use haloy_ledger::read::NotRestorableReason;
use haloy_ledger::release::{ConfigSnapshot, MadeVolume, ValueEntry};

/// Enough of an id to be unique in practice, and to type.
pub fn short(id: DeploymentId) -> String {
    id.to_string()
}

/// Warning about data at a path that the configuration does not name, and how to name it.
pub fn unnamed(made: &MadeVolume) -> String {
    let MadeVolume { path, volume } = made;
    format!("the image keeps data at {path}, in volume {volume}; name it: `volumes: [\"{volume}:{path}\"]`")
}

/// A number of things.
pub fn count(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// Bytes as people read them, powers of 1000 as Docker shows them.
pub fn bytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

/// How a deployment ended, in one or two words.
pub fn ending(ending: Ending) -> &'static str {
    match ending {
        Ending::Succeeded => "succeeded",
        Ending::Failed => "failed",
        Ending::RolledBack => "rolled back",
        Ending::Cancelled => "cancelled",
        Ending::Interrupted => "interrupted",
        Ending::Refused => "refused",
    }
}

/// By which rule an artefact goes.
pub fn rule(rule: PruneRule, count: Option<u16>) -> String {
    match (rule, count) {
        (PruneRule::BeyondCount, Some(count)) => format!("beyond count {count}"),
        (PruneRule::BeyondCount, None) => "beyond count".to_owned(),
        (PruneRule::NeverGood, _) => "never good".to_owned(),
        (PruneRule::StrategyNone, _) => "strategy none".to_owned(),
        (PruneRule::HostKeepsCurrent, _) => "the host keeps the current release only".to_owned(),
        (PruneRule::Asked, _) => "asked for".to_owned(),
    }
}

/// Why a release is not restorable, and the event that made it so.
pub fn why(why: &NotRestorableReason) -> String {
    match why {
        NotRestorableReason::Deploying { at } => format!("still in progress since {at}"),
        NotRestorableReason::NeverGood { at, cause: Some(cause) } => format!("never good: {cause} ({at})"),
        NotRestorableReason::NeverGood { at, cause: None } => format!("never good: cancelled at {at}"),
        NotRestorableReason::Pruned { at, rule: by, count } => {
            format!("pruned, {} at {at}", rule(*by, Some(*count)))
        }
        NotRestorableReason::BeingPruned { at } => {
            format!("its tag on the host is being removed (planned at {at})")
        }
        NotRestorableReason::Lost { at, cause } => format!("lost: {cause} ({at})"),
        NotRestorableReason::Redacted { at } => format!("values that it needs were erased ({at})"),
        NotRestorableReason::StrategyNone { at } => format!("deployed with strategy none ({at})"),
    }
}

/// What would make a release restorable.
pub fn remedy(why: &NotRestorableReason) -> &'static str {
    match why {
        NotRestorableReason::Deploying { .. } => "wait for it to end, or: haloy settle",
        NotRestorableReason::NeverGood { .. } => "deploy it again once its fault is found",
        NotRestorableReason::Pruned { .. } => {
            "deploy that version again; a higher `history.count` keeps more"
        }
        NotRestorableReason::BeingPruned { .. } => "wait for that to end, or: haloy settle",
        NotRestorableReason::Lost { .. } => {
            "bring the image back, look again with `haloy rollback-targets --check`, or deploy that version again"
        }
        NotRestorableReason::Redacted { .. } => "deploy that version again, with its values",
        NotRestorableReason::StrategyNone { .. } => {
            "deploy that version again, with `history.strategy: local`"
        }
    }
}

/// A sentence of ours, and behind it what others wrote, in one line.
pub fn with_detail(sentence: String, detail: Option<&str>) -> String {
    match detail.map(one_line).filter(|detail| !detail.is_empty()) {
        Some(detail) => format!("{sentence}: {detail}"),
        None => sentence,
    }
}

/// What others wrote, in one line that moves no cursor.
pub fn one_line(text: &str) -> String {
    /// Longest line that is shown, in bytes; the whole text is in the JSON.
    const MAX: usize = 400;
    let line = text.trim().replace(|c: char| c.is_control(), " ");
    haloy_ledger::outcome::cut(line, MAX)
}

/// What one configuration changed against another: keys, and names of values, never values.
pub fn config_changes(before: &ConfigSnapshot, after: &ConfigSnapshot) -> Vec<String> {
    let mut changes = env_changes(&before.env, &after.env);
    let tree = |config: &ConfigSnapshot| {
        let mut config = config.without_private();
        config.env.clear();
        serde_json::to_value(config).unwrap_or_default()
    };
    difference("", &tree(before), &tree(after), &mut changes);
    changes
}

fn env_changes(before: &[ValueEntry], after: &[ValueEntry]) -> Vec<String> {
    let mut changes = Vec::new();
    for entry in after {
        match before.iter().find(|known| known.name == entry.name) {
            None => changes.push(format!("env {} added", entry.name)),
            Some(known) if known.fingerprint != entry.fingerprint => {
                changes.push(format!("env {} changed", entry.name));
            }
            Some(_) => {}
        }
    }
    let gone = before.iter().filter(|known| !after.iter().any(|entry| entry.name == known.name));
    changes.extend(gone.map(|known| format!("env {} removed", known.name)));
    changes
}

fn difference(path: &str, before: &serde_json::Value, after: &serde_json::Value, changes: &mut Vec<String>) {
    use serde_json::Value;
    if before == after {
        return;
    }
    match (before, after) {
        (Value::Object(left), Value::Object(right)) => {
            for (key, value) in right {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                difference(&path, left.get(key).unwrap_or(&Value::Null), value, changes);
            }
        }
        _leaf => changes.push(format!("{path}: {before} -> {after}")),
    }
}
