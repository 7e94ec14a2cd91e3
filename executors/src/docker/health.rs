//! Waiting until a replica is well: Docker's HEALTHCHECK where the image has one, else HTTP on the
//! container's own address. A published port would accept before the app listens.

use super::Engine;
use super::errors::refused;
use super::place;
use crate::executor::*;
use crate::limits::{HEALTH, PROBE};
use bollard::models::{ContainerInspectResponse, HealthStatusEnum};
use haloy_ledger::outcome::{Failure, FailureCode, FailureReport, HealthHow, Outcome, Public};
use haloy_ledger::release::HealthSpec;
use haloy_ledger::words;
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use std::time::{Duration, Instant};

/// How long a replica may take to become healthy.
#[derive(Debug, Clone, Copy)]
pub struct HealthLimits {
    /// Longest wait for the first good answer.
    pub timeout: Duration,
    /// An app that answers badly this often, over at least `bad_for`, is not waited for any longer.
    pub bad_answers: u32,
    /// See `bad_answers`.
    pub bad_for: Duration,
}

impl Default for HealthLimits {
    fn default() -> Self {
        Self { timeout: HEALTH, bad_answers: 6, bad_for: Duration::from_secs(15) }
    }
}

impl HealthLimits {
    /// With another timeout; patience with bad answers shrinks with it.
    pub fn within(timeout: Duration) -> Self {
        let default = Self::default();
        Self { timeout, bad_for: default.bad_for.min(timeout / 2), ..default }
    }
}

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

pub(super) struct Awaited<'a> {
    pub(super) container_id: &'a str,
    pub(super) port: u16,
    pub(super) health: &'a HealthSpec,
}

/// What one look showed.
enum Seen {
    Good(HealthHow),
    /// It answered, but not well.
    Bad(String),
    /// It did not answer.
    Silent(String),
    /// Docker's HEALTHCHECK gave up on it.
    Unhealthy(String),
    /// It does not run any more.
    Ended {
        exit_code: Option<i64>,
        oom: bool,
        restarts: i64,
    },
    Gone,
}

#[derive(Default)]
struct Probes {
    made: u32,
    bad: u32,
    first_bad: Option<Instant>,
    last: String,
    answered: bool,
}

impl Engine<'_> {
    pub(super) async fn await_healthy(
        &self,
        cx: &EffectContext,
        awaited: Awaited<'_>,
    ) -> Result<Outcome, ExecutorError> {
        let limits = self.executor.options.health;
        let start = Instant::now();
        let waits = self.executor.options.waits.as_ref();
        let number = cx.id.subject.parse::<u16>().map_or_else(|_| String::new(), |i| format!(" {}", i + 1));
        let _waiting = waits.map(|waits| waits.begin(format!("replica{number} to be healthy")));
        let mut probes = Probes::default();
        let mut pause = FIRST_PAUSE;
        let mut good_since: Option<Instant> = None;
        let min_ready = Duration::from_secs(u64::from(awaited.health.min_ready_seconds));
        loop {
            probes.made += 1;
            let seen = self.look(&awaited).await?;
            let trouble = match seen {
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
                Seen::Gone => return Err(refused(FailureCode::ExitedEarly, "the container is gone")),
                Seen::Ended { exit_code, oom, restarts } => {
                    Some((ended(exit_code, oom, restarts).into(), exit_code))
                }
                Seen::Unhealthy(said) => {
                    let cause = Failure::new(FailureCode::NeverHealthy, "its HEALTHCHECK failed");
                    Some((FailureReport { cause, detail: said }, None))
                }
                Seen::Bad(saw) => {
                    good_since = None;
                    probes.note_bad(saw);
                    tell(cx, &probes, &probes.last);
                    probes.gave_up(&limits, awaited.health).map(|cause| (cause, None))
                }
                Seen::Silent(saw) => {
                    good_since = None;
                    probes.last = saw;
                    tell(cx, &probes, &probes.last);
                    None
                }
            };
            let trouble = trouble.or_else(|| {
                let late = good_since.is_none() && start.elapsed() >= limits.timeout;
                late.then(|| (probes.too_late(&limits, &awaited), None))
            });
            if let Some((FailureReport { cause, detail }, exit_code)) = trouble {
                let log_tail = self.tail(awaited.container_id, &cx.values.mask).await;
                return Ok(Outcome::ReplicaUnhealthy {
                    cause,
                    detail,
                    probes: probes.made,
                    exit_code,
                    log_tail,
                });
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 3 / 2).min(LONGEST_PAUSE);
        }
    }

    async fn look(&self, awaited: &Awaited<'_>) -> Result<Seen, ExecutorError> {
        let Some(container) = self.inspect_container(awaited.container_id).await? else {
            return Ok(Seen::Gone);
        };
        let state = container.state.clone().unwrap_or_default();
        let restarts = container.restart_count.unwrap_or(0);
        if state.running != Some(true) || restarts > 0 {
            let (exit_code, oom) = (state.exit_code, state.oom_killed == Some(true));
            return Ok(Seen::Ended { exit_code, oom, restarts });
        }
        if let Some(seen) = healthcheck(&container) {
            return Ok(seen);
        }
        let Some(place) = place::place(&container) else {
            return Ok(Seen::Silent(
                "the container has no address of its own; give the image a HEALTHCHECK".to_owned(),
            ));
        };
        let seen = probe(&place.address, awaited.port, &awaited.health.path).await;
        if let Seen::Good(how) = seen {
            return self.still(awaited, &container, &place, how).await;
        }
        Ok(seen)
    }

    /// A good answer counts for a container only if the address was that container's all the time: another
    /// one may have got it since it was looked up.
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
        Ok(Seen::Silent("the container was started again while it was asked".to_owned()))
    }
}

/// What Docker's own check says, where the image has one.
fn healthcheck(container: &ContainerInspectResponse) -> Option<Seen> {
    let health = container.state.as_ref()?.health.as_ref()?;
    let last = health.log.as_ref().and_then(|log| log.last());
    let said = last.and_then(|last| last.output.clone()).unwrap_or_default();
    match health.status? {
        HealthStatusEnum::HEALTHY => Some(Seen::Good(HealthHow::Healthcheck)),
        HealthStatusEnum::UNHEALTHY => Some(Seen::Unhealthy(said)),
        HealthStatusEnum::STARTING => Some(Seen::Silent("its HEALTHCHECK has not passed yet".to_owned())),
        HealthStatusEnum::NONE | HealthStatusEnum::EMPTY => None,
    }
}

async fn probe(address: &str, port: u16, path: &str) -> Seen {
    match tokio::time::timeout(PROBE, get(address, port, path)).await {
        Ok(Ok(status)) if (200..400).contains(&status) => Seen::Good(HealthHow::Http),
        Ok(Ok(status)) => Seen::Bad(status.to_string()),
        Ok(Err(cause)) => Seen::Silent(cause),
        Err(_) => Seen::Silent(format!("no answer within {} s", PROBE.as_secs())),
    }
}

async fn get(address: &str, port: u16, path: &str) -> Result<u16, String> {
    let plain = |error: &dyn std::fmt::Display| error.to_string();
    let stream =
        tokio::net::TcpStream::connect((address, port)).await.map_err(|error| match error.kind() {
            std::io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
            _other => error.to_string(),
        })?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| plain(&error))?;
    let connection = tokio::spawn(connection);
    let request = hyper::Request::get(path)
        .header("host", super::place::with_port(address, port))
        .header("user-agent", "haloy-health")
        .header("connection", "close")
        .body(Empty::<Bytes>::new())
        .map_err(|error| plain(&error))?;
    let answer = sender.send_request(request).await.map_err(|error| plain(&error));
    connection.abort();
    Ok(answer?.status().as_u16())
}

fn ended(exit_code: Option<i64>, oom: bool, restarts: i64) -> Failure {
    let code = exit_code.map_or(words!("an unknown code"), |code| words!("code {}", code));
    let why = if oom { ", killed for using more memory than it may" } else { "" };
    let again = if restarts > 0 { words!(", restarted {} times", restarts) } else { "".into() };
    Failure::new(FailureCode::ExitedEarly, words!("the container ended with {}{}{}", code, why, again))
}

fn tell(cx: &EffectContext, probes: &Probes, saw: &str) {
    cx.progress.progress(&cx.id, Progress::Probe { number: probes.made, saw: saw.to_owned() });
}

impl Probes {
    fn note_bad(&mut self, saw: String) {
        self.answered = true;
        self.bad += 1;
        self.first_bad.get_or_insert_with(Instant::now);
        self.last = saw;
    }

    fn gave_up(&self, limits: &HealthLimits, health: &HealthSpec) -> Option<FailureReport> {
        let long = self.first_bad.is_some_and(|first| first.elapsed() >= limits.bad_for);
        (self.bad >= limits.bad_answers && long).then(|| self.never_healthy(health))
    }

    fn never_healthy(&self, health: &HealthSpec) -> FailureReport {
        let path = Public(&health.path);
        let words = match self.last.parse::<u16>() {
            Ok(status) => words!("GET {} answered {}, {} probes", path, status, self.made),
            Err(_) => words!("GET {} was not answered well, {} probes", path, self.made),
        };
        Failure::new(FailureCode::NeverHealthy, words).into()
    }

    fn too_late(&self, limits: &HealthLimits, awaited: &Awaited<'_>) -> FailureReport {
        if self.answered {
            return self.never_healthy(awaited.health);
        }
        let words = words!(
            "nothing answered on port {} at {} within {} s, {} probes",
            awaited.port,
            Public(&awaited.health.path),
            limits.timeout.as_secs(),
            self.made
        );
        let cause = Failure::new(FailureCode::PortNotListening, words);
        // Not cut here: it is masked first.
        FailureReport { cause, detail: self.last.clone() }
    }
}
