//! How much the dispatcher does at once, and how long an effect may take.

use crate::limits::*;
use haloy_ledger::deployment::Effect;
use haloy_ledger::ports::Entropy;
use std::time::Duration;

/// How much at once, and how long between attempts.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Effects of one target at once.
    pub at_once: usize,
    /// Wait before the second attempt; doubles with each further one.
    pub backoff: Duration,
    /// Longest wait between two attempts.
    pub longest_backoff: Duration,
    /// How long a replica may take to become healthy, apart from `min_ready_seconds`, whatever its release
    /// says.
    pub health: Option<Duration>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            at_once: 8,
            backoff: Duration::from_millis(250),
            longest_backoff: Duration::from_secs(5),
            health: None,
        }
    }
}

impl Limits {
    /// Wait before attempt `attempt` + 1, with jitter, so that many do not come back at once.
    pub fn wait(&self, attempt: u32, entropy: &dyn Entropy) -> Duration {
        let doubled = self.backoff.saturating_mul(1 << attempt.saturating_sub(1).min(10));
        let mut random = [0; 1];
        entropy.fill(&mut random);
        let half = doubled.min(self.longest_backoff) / 2;
        half + half.mul_f64(f64::from(random[0]) / 255.0)
    }
}

/// How long an effect may take before it is given up.
pub fn deadline(effect: &Effect, limits: &Limits) -> Duration {
    match effect {
        Effect::ResolveImage { .. }
        | Effect::PushTag { .. }
        | Effect::TagImage { .. }
        | Effect::EnsureNetwork { .. }
        | Effect::ApplyRoutes { .. }
        | Effect::Drain { .. } => SHORT_EFFECT,
        // The engine takes as long as the container, and then kills it.
        Effect::StopReplica { grace_seconds, .. } => {
            SHORT_EFFECT + Duration::from_secs((*grace_seconds).into())
        }
        Effect::BuildImage { .. } => BUILD_EFFECT,
        Effect::PullImage { .. } | Effect::PushImage { .. } => LAYERS_EFFECT,
        Effect::DeleteRegistryTag { .. } => DELETE_EFFECT,
        Effect::StartReplica(_)
        | Effect::RemoveReplica { .. }
        | Effect::RemoveLocalTag { .. }
        | Effect::RemoveVolume { .. } => CONTAINER_EFFECT,
        Effect::RunHook { .. } => HOOK,
        Effect::RunReleaseCommand { .. } => RELEASE_COMMAND,
        Effect::AwaitHealthy { health, .. } => {
            // The executor says "unhealthy" in time; this is for one that says nothing.
            healthy_within(limits.health, health)
                + Duration::from_secs(u64::from(health.min_ready_seconds))
                + GRACE
        }
    }
}
