//! Facts in the list of containers: enough for one that plainly runs, which then is not inspected. Every
//! other one is.

use super::{labels, place};
use bollard::models::{ContainerSummary, ContainerSummaryStateEnum};
use haloy_ledger::outcome::{Condition, ObservedReplica};

/// Between making a container and starting it, at most; and what clocks round.
const SLACK_SECONDS: i64 = 30;

/// A container of ours that runs, is well, and was not started again since it was made. `now` is the engine's
/// clock, in seconds since 1970.
pub(super) fn plain(container: &ContainerSummary, now: i64) -> Option<ObservedReplica> {
    let replica = labels::replica(container.labels.as_ref()?)?;
    let up = up_at_most(container.status.as_deref()?)?;
    let age = now.saturating_sub(container.created?);
    if container.state != Some(ContainerSummaryStateEnum::RUNNING) || age > up + SLACK_SECONDS {
        return None;
    }
    let networks = container.network_settings.as_ref()?.networks.as_ref()?;
    let mode = container.host_config.as_ref().and_then(|config| config.network_mode.as_deref());
    Some(ObservedReplica {
        replica,
        container_id: container.id.clone()?,
        running: true,
        address: Some(place::place_on(networks, mode)?.address),
        exit_code: None,
        oom: false,
        condition: Condition::Well,
        restarts: None,
    })
}

/// How long ago a container was started, at most, in seconds, as Docker words it (`HumanDuration` of
/// docker/go-units); none where it says something else as well: unhealthy, starting, paused.
fn up_at_most(status: &str) -> Option<i64> {
    const MINUTE: i64 = 60;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    let up = status.strip_prefix("Up ")?;
    let up = up.strip_suffix(" (healthy)").unwrap_or(up);
    match up {
        "Less than a second" | "1 second" => return Some(2),
        "About a minute" => return Some(2 * MINUTE),
        "About an hour" => return Some(HOUR + HOUR / 2),
        _other => {}
    }
    let (number, unit) = up.split_once(' ')?;
    let length = match unit {
        "seconds" => 1,
        "minutes" => MINUTE,
        "hours" => HOUR,
        "days" => DAY,
        "weeks" => 7 * DAY,
        "months" => 30 * DAY,
        "years" => 365 * DAY,
        _other => return None,
    };
    number.parse::<i64>().ok()?.checked_add(1)?.checked_mul(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bollard::models::{ContainerSummaryHostConfig, ContainerSummaryNetworkSettings, EndpointSettings};

    const NOW: i64 = 1_800_000_000;

    fn container(status: &str, age: i64) -> ContainerSummary {
        let label = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let labels = [label(labels::DEPLOYMENT, "01k99pmr1234567890abcdefgh"), label(labels::REPLICA, "0")];
        let endpoint = EndpointSettings { ip_address: Some("172.18.128.4".to_owned()), ..Default::default() };
        ContainerSummary {
            id: Some("abc".to_owned()),
            labels: Some(labels.into_iter().collect()),
            state: Some(ContainerSummaryStateEnum::RUNNING),
            status: Some(status.to_owned()),
            created: Some(NOW - age),
            host_config: Some(ContainerSummaryHostConfig {
                network_mode: Some("haloy".to_owned()),
                ..Default::default()
            }),
            network_settings: Some(ContainerSummaryNetworkSettings {
                networks: Some([("haloy".to_owned(), endpoint)].into_iter().collect()),
            }),
            ..Default::default()
        }
    }

    #[test]
    fn one_that_plainly_runs_is_not_asked_about() {
        for (status, age) in [
            ("Up Less than a second", 1),
            ("Up 5 seconds", 6),
            ("Up About a minute (healthy)", 119),
            ("Up 3 hours", 3 * 3600),
            ("Up 2 days", 2 * 86_400 + 80_000),
        ] {
            let seen = plain(&container(status, age), NOW).unwrap_or_else(|| panic!("{status}"));
            assert_eq!(seen.address.as_deref(), Some("172.18.128.4"));
            assert!(seen.running && seen.restarts.is_none());
        }
    }

    #[test]
    fn whatever_else_a_list_says_is_looked_at() {
        for (status, age) in [
            ("Up 5 seconds", 300),
            ("Up About a minute", 7200),
            ("Up 3 hours", 40 * 3600),
            ("Up 5 seconds (unhealthy)", 6),
            ("Up 5 seconds (health: starting)", 6),
            ("Up 5 seconds (Paused)", 6),
            ("Restarting (1) 2 seconds ago", 6),
            ("Exited (0) 2 seconds ago", 6),
            ("Up a fortnight", 6),
            ("Up 9223372036854775807 years", 6),
        ] {
            assert_eq!(plain(&container(status, age), NOW), None, "{status}");
        }
        let well = || container("Up 5 seconds", 6);
        let restarting = ContainerSummary { state: Some(ContainerSummaryStateEnum::RESTARTING), ..well() };
        let nowhere = ContainerSummary { network_settings: None, ..well() };
        let unnamed = ContainerSummary { labels: None, ..well() };
        for other in [restarting, nowhere, unnamed] {
            assert_eq!(plain(&other, NOW), None);
        }
    }
}
