//! The clock rules (D3): order comes from positions; time is recorded, checked and never trusted.

use super::AppendError;
use crate::ids::Timestamp;

/// A clock before this instant is wrong: this program did not exist yet. 2026-11-01.
pub const BUILT: Timestamp = Timestamp(1_793_491_200_000_000_000);
const SECOND: i64 = 1_000_000_000;
/// A step back of more than this is recorded.
const STEP_BACK: i64 = SECOND;
/// A gap of more than this since the last event needs a second opinion.
const FAR_AHEAD: i64 = 24 * 3600 * SECOND;
/// How far the engine's clock may be from ours to confirm it.
const ENGINE_AGREES: i64 = 5 * 60 * SECOND;

/// What the caller knows and wants about the clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct ClockPolicy {
    /// The engine's own clock minus ours, in nanoseconds, where it was queried.
    pub engine_offset: Option<i64>,
    /// The user vouches for the clock.
    pub accept: bool,
}

/// What a reading of the clock means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Fine,
    /// The clock went back: recorded as `ClockStepped`.
    Stepped,
    /// The clock is far ahead, and the user vouches for it: recorded as `ClockAccepted`.
    Accepted,
}

pub(super) fn check(
    now: Timestamp,
    last: Option<Timestamp>,
    policy: ClockPolicy,
) -> Result<Verdict, AppendError> {
    let refuse = |why| AppendError::Clock { now_ns: now.0, last_ns: last.map_or(0, |l| l.0), why };
    if now < BUILT && !policy.accept {
        return Err(refuse("it is before this program was built"));
    }
    let Some(last) = last else { return Ok(Verdict::Fine) };
    let ahead = now.0.saturating_sub(last.0);
    if ahead < -STEP_BACK {
        return Ok(Verdict::Stepped);
    }
    let engine_disagrees = policy.engine_offset.is_some_and(|offset| offset.abs() > ENGINE_AGREES);
    if ahead > FAR_AHEAD && engine_disagrees {
        if policy.accept {
            return Ok(Verdict::Accepted);
        }
        return Err(refuse("it is more than a day ahead of the last event, and Docker's clock disagrees"));
    }
    Ok(Verdict::Fine)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3600 * SECOND;
    const NOON: Timestamp = Timestamp(BUILT.0 + 12 * HOUR);

    fn at(hours: i64) -> Timestamp {
        Timestamp(NOON.0 + hours * HOUR)
    }

    #[test]
    fn a_day_ahead_is_fine_unless_the_engine_disagrees() {
        let with = |offset, accept| ClockPolicy { engine_offset: offset, accept };
        assert_eq!(check(at(48), Some(NOON), with(None, false)).expect("unknown"), Verdict::Fine);
        assert_eq!(check(at(48), Some(NOON), with(Some(SECOND), false)).expect("agrees"), Verdict::Fine);
        assert!(check(at(48), Some(NOON), with(Some(-47 * HOUR), false)).is_err());
        assert_eq!(check(at(48), Some(NOON), with(Some(HOUR), true)).expect("vouched"), Verdict::Accepted);
        assert_eq!(check(at(2), Some(NOON), with(Some(HOUR), false)).expect("near"), Verdict::Fine);
    }

    #[test]
    fn a_step_back_is_recorded_and_1970_refused() {
        assert_eq!(check(at(-1), Some(NOON), ClockPolicy::default()).expect("recorded"), Verdict::Stepped);
        assert_eq!(
            check(Timestamp(NOON.0 - 1), Some(NOON), ClockPolicy::default()).expect("jitter"),
            Verdict::Fine
        );
        assert!(check(Timestamp(0), None, ClockPolicy::default()).is_err());
    }
}
