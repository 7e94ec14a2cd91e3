//! Which release a rollback means: by name, id, prefix, `~n`, or nothing.

use super::errors;
use crate::*;
use haloy_ledger::ids::{DeploymentId, TargetKey};
use haloy_ledger::projection::DeploymentMatch;
use haloy_ledger::read::{Candidate, SameAs, Verdict, View};

fn refused(message: String) -> Error {
    Error::new(Kind::NotRestorable, message).hint("see what can be: haloy rollback-targets --explain")
}

/// The release that is meant, whether or not it can be restored.
pub fn pick(view: &View<'_>, key: &TargetKey, to: Option<&str>) -> Result<Candidate, Error> {
    let release = match to {
        None => {
            let default = view.default_target(key).map_err(errors::log)?;
            default.map_or_else(|| Err(nothing_earlier(view, key)), Ok)?
        }
        Some(back) if back.starts_with('~') => back_from_here(view, key, steps(back)?)?,
        Some(text) => by_name(view, key, text)?,
    };
    let found = view.candidate(key, release).map_err(errors::log)?;
    found.ok_or_else(|| refused(format!("{key} has no release {release}")))
}

/// The n-th release that a rollback without an id may go to.
fn back_from_here(view: &View<'_>, key: &TargetKey, steps: usize) -> Result<DeploymentId, Error> {
    let back = view.steps_back(key).map_err(errors::log)?;
    match (back.get(steps - 1), back.len()) {
        (Some(release), _) => Ok(*release),
        (None, 0) => Err(nothing_earlier(view, key)),
        (None, there) => Err(refused(format!(
            "{key} has no {steps} good releases before the current one that differ from it: it has {there}"
        ))),
    }
}

fn by_name(view: &View<'_>, key: &TargetKey, text: &str) -> Result<DeploymentId, Error> {
    let state = view.state(key).map_err(errors::log)?;
    let named = state.names.iter().find(|(name, _)| name.as_str() == text).map(|(_, release)| *release);
    let release = match named {
        Some(release) => Some(release),
        None => by_prefix(view, key, text)?,
    };
    release.ok_or_else(|| refused(format!("{key} has no deployment `{text}`")))
}

fn steps(back: &str) -> Result<usize, Error> {
    let steps = back[1..].parse().ok().filter(|steps| *steps > 0);
    steps.ok_or_else(|| Error::new(Kind::Usage, format!("`{back}` must be ~1, ~2, ...")))
}

/// Why there is nothing to go back to.
fn nothing_earlier(view: &View<'_>, key: &TargetKey) -> Error {
    let kept = match view.kept_candidates(key) {
        Ok(kept) => kept,
        Err(error) => return errors::log(error),
    };
    let ids = |wanted: &dyn Fn(&Candidate) -> bool| {
        let found = kept.iter().filter(|candidate| wanted(candidate));
        found.map(|candidate| candidate.row.release.to_string()).collect::<Vec<_>>().join(", ")
    };
    let same = ids(&|candidate| candidate.same == Some(SameAs::Current));
    let left =
        ids(&|candidate| candidate.same != Some(SameAs::Current) && candidate.verdict == Verdict::Ready);
    let mut text = format!("{key} has no earlier good release to roll back to");
    if !same.is_empty() {
        text = format!("{key} has no earlier good release that differs from what runs: the same is {same}");
    }
    if !left.is_empty() {
        text.push_str(&format!("; what a rollback left is restored by its id: {left}"));
    }
    refused(text)
}

/// Good releases that a rollback without an id passes over, newest first.
fn passed_over(view: &View<'_>, key: &TargetKey) -> Result<Vec<DeploymentId>, Error> {
    let kept = view.kept_candidates(key).map_err(errors::log)?;
    Ok(kept.into_iter().filter(|kept| kept.same.is_some()).map(|kept| kept.row.release).collect())
}

/// The release that `~n` names where nothing is rolled back: the n-th good one before the current, in the order
/// of their last life, whatever became of it.
pub fn nth_before(view: &View<'_>, key: &TargetKey, back: &str) -> Result<DeploymentId, Error> {
    let steps = steps(back)?;
    let state = view.state(key).map_err(errors::log)?;
    let current = state.current_release();
    let mut good = state.releases.iter().filter(|kept| kept.was_good() && Some(kept.release) != current);
    let found = good.nth(steps - 1).map(|kept| kept.release);
    found.ok_or_else(|| refused(format!("{key} has no {steps} good releases before the current one")))
}

fn by_prefix(view: &View<'_>, key: &TargetKey, prefix: &str) -> Result<Option<DeploymentId>, Error> {
    match view.find_deployment(prefix, Some(key)).map_err(errors::log)? {
        DeploymentMatch::One(row) => Ok(Some(row.release)),
        DeploymentMatch::None => Ok(None),
        DeploymentMatch::Several(ids) => Err(super::find::ambiguous(prefix, &ids)),
    }
}

/// The release that is meant, if it can be restored.
pub fn rollback_choice(view: &View<'_>, key: &TargetKey, to: Option<&str>) -> Result<Choice, Error> {
    let candidate = pick(view, key, to)?;
    let release = candidate.row.release;
    let state = view.state(key).map_err(errors::log)?;
    match &candidate.verdict {
        Verdict::Ready => {}
        // What was stopped can be started again.
        Verdict::Current if state.current.as_ref().is_some_and(|live| live.stopped) => {}
        Verdict::Current => return Err(refused(format!("release {release} is the current one"))),
        Verdict::NotRestorable(why) => {
            let text = format!("release {release} is not restorable: {}", crate::words::why(why));
            let remedy = crate::words::remedy(why);
            return Err(Error::new(Kind::NotRestorable, text).hint(remedy));
        }
    }
    let leaves = state.current_release();
    let same = passed_over(view, key)?;
    Ok(Choice { release, image: candidate.row.reference, at: candidate.row.at, leaves, same })
}
