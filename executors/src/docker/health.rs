//! Waiting until a replica is well: Docker's HEALTHCHECK where the image has one, else HTTP on the
//! container's own address. A published port would accept before the app listens.

use super::Engine;
use super::place;
use super::probe::{Request, probe};
use crate::contract::*;
use crate::limits::healthy_within;
use bollard::models::{ContainerInspectResponse, HealthStatusEnum};
use haloy_ledger::outcome::{Failure, FailureCode, FailureReport, HealthHow, Outcome, Public};
use haloy_ledger::release::HealthSpec;
use haloy_ledger::words;
use std::time::{Duration, Instant};

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

pub(super) struct Awaited<'a> {
    pub(super) container_id: &'a str,
    pub(super) port: u16,
    pub(super) health: &'a HealthSpec,
    /// First domain of the app.
    pub(super) domain: Option<&'a str>,
}

/// What one look showed.
enum Seen {
    Good(HealthHow),
    /// An answer, but not a good one.
    Bad(String),
    /// No answer.
    Silent(String),
    /// Docker's HEALTHCHECK has not passed yet; its last output.
    Starting(String),
    /// Docker's HEALTHCHECK gave up on it.
    Unhealthy(String),
    /// The container does not run any more.
    Ended(Ending),
    Gone,
}

/// How a container ended, as far as it was seen.
struct Ending {
    /// None where it cannot be determined any more.
    exit_code: Option<i64>,
    oom: bool,
    restarts: i64,
}

#[derive(Default)]
struct Probes {
    made: u32,
    last: String,
    answered: bool,
    /// Whether Docker's HEALTHCHECK is waited for.
    checked: bool,
}

impl Engine<'_> {
    pub(super) async fn await_healthy(
        &self,
        cx: &EffectContext,
        awaited: Awaited<'_>,
    ) -> Result<Outcome, ExecutorError> {
        let within = healthy_within(self.executor.options.health, awaited.health);
        let start = Instant::now();
        let waits = self.executor.options.waits.as_ref();
        let _waiting = waits.map(|waits| waits.begin(waiting_for(cx)));
        let mut probes = Probes::default();
        let mut pause = FIRST_PAUSE;
        let mut good_since: Option<Instant> = None;
        let min_ready = Duration::from_secs(u64::from(awaited.health.min_ready_seconds));
        loop {
            probes.made += 1;
            let trouble = match self.look(&awaited, &cx.values.health_headers).await? {
                Seen::Good(how) => {
                    let since = *good_since.get_or_insert_with(Instant::now);
                    tell(cx, &probes, "healthy");
                    if since.elapsed() >= min_ready {
                        let took_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
                        return Ok(Outcome::ReplicaHealthy { probes: probes.made, took_ms, how });
                    }
                    pause = FIRST_PAUSE.max(Duration::from_millis(250));
                    None
                }
                seen @ (Seen::Bad(_) | Seen::Starting(_) | Seen::Silent(_)) => {
                    good_since = None;
                    probes.note(seen);
                    tell(cx, &probes, probes.saw());
                    (start.elapsed() >= within).then(|| (probes.too_late(within, &awaited), None))
                }
                Seen::Ended(ending) => {
                    let ending = self.as_it_ended(awaited.container_id, ending).await;
                    Some((ended(&ending).into(), ending.exit_code))
                }
                Seen::Unhealthy(said) => {
                    let cause = Failure::new(FailureCode::NeverHealthy, "its HEALTHCHECK failed");
                    Some((FailureReport { cause, detail: said }, None))
                }
                Seen::Gone => {
                    return Err(ExecutorError::new(FailureCode::ExitedEarly, "the container is gone"));
                }
            };
            if let Some((report, exit_code)) = trouble {
                return Ok(self.unhealthy(cx, awaited.container_id, (report, exit_code), probes.made).await);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 3 / 2).min(LONGEST_PAUSE);
        }
    }

    async fn unhealthy(
        &self,
        cx: &EffectContext,
        container_id: &str,
        (FailureReport { cause, detail }, exit_code): (FailureReport, Option<i64>),
        probes: u32,
    ) -> Outcome {
        let log_tail = self.tail(container_id, &cx.values.mask).await;
        Outcome::ReplicaUnhealthy { cause, detail, probes, exit_code, log_tail }
    }

    async fn look(&self, awaited: &Awaited<'_>, headers: &[(String, String)]) -> Result<Seen, ExecutorError> {
        let Some(container) = self.inspect_container(awaited.container_id).await? else {
            return Ok(Seen::Gone);
        };
        let state = container.state.clone().unwrap_or_default();
        let restarts = container.restart_count.unwrap_or(0);
        if state.running != Some(true) || restarts > 0 {
            // A container that runs again says nothing of its last end.
            let running = state.running == Some(true) && state.restarting != Some(true);
            let exit_code = state.exit_code.filter(|_| !running);
            return Ok(Seen::Ended(Ending { exit_code, oom: state.oom_killed == Some(true), restarts }));
        }
        if let Some(seen) = healthcheck(&container) {
            return Ok(seen);
        }
        let Some(place) = place::place(&container) else {
            return Ok(Seen::Silent(
                "the container has no address of its own; give the image a HEALTHCHECK".to_owned(),
            ));
        };
        let host = awaited.domain.map(str::to_owned);
        let host = host.unwrap_or_else(|| place::with_port(&place.address, awaited.port));
        let request = Request { path: &awaited.health.path, host: &host, headers };
        let seen = match probe(&place.address, awaited.port, request).await {
            Ok(status) if (200..400).contains(&status) => Seen::Good(HealthHow::Http),
            Ok(status) => Seen::Bad(status.to_string()),
            Err(cause) => Seen::Silent(cause),
        };
        if let Seen::Good(how) = seen {
            return self.still(awaited, &container, &place, how).await;
        }
        Ok(seen)
    }

    /// How a container ended, from the events of the engine, where the container itself does not say.
    async fn as_it_ended(&self, container_id: &str, ending: Ending) -> Ending {
        if ending.exit_code.is_some() {
            return ending;
        }
        let (exit_code, oom) = self.last_end(container_id).await;
        Ending { exit_code, oom: oom || ending.oom, ..ending }
    }

    /// A good answer counts for a container only if the address was that container's all the time: another
    /// one may have got it since the look-up.
    async fn still(
        &self,
        awaited: &Awaited<'_>,
        before: &ContainerInspectResponse,
        place: &place::Place,
        how: HealthHow,
    ) -> Result<Seen, ExecutorError> {
        let Some(now) = self.inspect_container(awaited.container_id).await? else { return Ok(Seen::Gone) };
        let life = place::life(before);
        if life.is_some() && place::life(&now) == life && place::place(&now).as_ref() == Some(place) {
            return Ok(Seen::Good(how));
        }
        Ok(Seen::Silent("the container was restarted while it was probed".to_owned()))
    }
}

/// Result of Docker's own check, where the image has one.
fn healthcheck(container: &ContainerInspectResponse) -> Option<Seen> {
    let health = container.state.as_ref()?.health.as_ref()?;
    let last = health.log.as_ref().and_then(|log| log.last());
    let said = last.and_then(|last| last.output.clone()).unwrap_or_default();
    match health.status? {
        HealthStatusEnum::HEALTHY => Some(Seen::Good(HealthHow::Healthcheck)),
        HealthStatusEnum::UNHEALTHY => Some(Seen::Unhealthy(said)),
        HealthStatusEnum::STARTING => Some(Seen::Starting(said)),
        HealthStatusEnum::NONE | HealthStatusEnum::EMPTY => None,
    }
}

fn ended(ending: &Ending) -> Failure {
    let Ending { exit_code, oom, restarts } = *ending;
    let code = exit_code.map_or(words!("an unknown code"), |code| words!("code {}", code));
    let why = match exit_code {
        _any if oom => ", killed for using more memory than it may",
        Some(0) => ": its command was done, and an app has to go on running",
        Some(_) | None => "",
    };
    let again = match restarts {
        0 => "".into(),
        1 => words!(" (restarted once)"),
        more => words!(" (restarted {} times)", more),
    };
    Failure::new(FailureCode::ExitedEarly, words!("the container ended with {}{}{}", code, why, again))
}

/// `replica 2 to be healthy`.
fn waiting_for(cx: &EffectContext) -> String {
    let number =
        cx.request.id.subject.parse::<u16>().map_or_else(|_| String::new(), |i| format!(" {}", i + 1));
    format!("replica{number} to be healthy")
}

fn tell(cx: &EffectContext, probes: &Probes, saw: &str) {
    cx.tell(Progress::Probe { number: probes.made, saw: saw.to_owned() });
}

impl Probes {
    /// Notes a result that is neither good nor final.
    fn note(&mut self, seen: Seen) {
        match seen {
            Seen::Bad(saw) => (self.answered, self.last) = (true, saw),
            Seen::Starting(said) => (self.checked, self.last) = (true, said),
            Seen::Silent(saw) => self.last = saw,
            Seen::Good(_) | Seen::Unhealthy(_) | Seen::Ended(_) | Seen::Gone => {}
        }
    }

    fn saw(&self) -> &str {
        if self.checked { "its HEALTHCHECK has not passed yet" } else { &self.last }
    }

    fn too_late(&self, within: Duration, awaited: &Awaited<'_>) -> FailureReport {
        let (path, seconds) = (Public(&awaited.health.path), within.as_secs());
        let (code, words) = match (self.checked, self.answered, self.last.parse::<u16>()) {
            (true, ..) => {
                (FailureCode::NeverHealthy, words!("its HEALTHCHECK has not passed within {} s", seconds))
            }
            (false, true, Ok(status)) => {
                let words = words!("GET {} answered {}, {} probes in {} s", path, status, self.made, seconds);
                (FailureCode::NeverHealthy, words)
            }
            (false, true, Err(_)) => {
                let words =
                    words!("GET {} was not answered well, {} probes in {} s", path, self.made, seconds);
                (FailureCode::NeverHealthy, words)
            }
            (false, false, _) => {
                let port = awaited.port;
                let words = words!(
                    "nothing answered on port {} at {} within {} s, {} probes",
                    port,
                    path,
                    seconds,
                    self.made
                );
                (FailureCode::PortNotListening, words)
            }
        };
        let seen = self.checked || !self.answered;
        // Not cut here: it is masked first.
        let detail = if seen { self.last.clone() } else { String::new() };
        FailureReport { cause: Failure::new(code, words), detail }
    }
}
