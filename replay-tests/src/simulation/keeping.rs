//! Names, pins, holds and looks at registries, from the seed.

use super::invariants::Broken;
use super::run::Sim;
use haloy_ledger::deployment::Command;
use haloy_ledger::deployment::owed;
use haloy_ledger::deployment::restorable::stays_restorable;
use haloy_ledger::deployment::retention::{restorable, what_if};
use haloy_ledger::deployment::state::{Ending, TargetState};
use haloy_ledger::event::PushedTag;
use haloy_ledger::ids::*;
use haloy_ledger::outcome::{Failure, FailureCode, RegistryAnswer, RegistrySeen};
use haloy_ledger::ports::Clock;
use haloy_ledger::release::Retention;

impl Sim {
    fn any_release(&mut self, key: &TargetKey) -> Result<Option<DeploymentId>, Broken> {
        let state = self.ledger.state(key).map_err(|error| error.to_string())?;
        let place = self.random.below(state.releases.len().max(1));
        Ok(state.releases.get(place).map(|kept| kept.release))
    }

    /// Pins or holds a release, or releases it.
    pub(super) async fn keep(&mut self, key: &TargetKey) -> Result<(), Broken> {
        let Some(release) = self.any_release(key)? else { return Ok(()) };
        let command = match self.random.below(4) {
            0 => Command::Pin { release, pinned: true },
            1 => Command::Pin { release, pinned: false },
            2 => Command::Hold { release, basis: "simulation".to_owned() },
            _other => Command::ReleaseHold { release },
        };
        self.command(key, command).await
    }

    /// Gives a name, or removes one.
    pub(super) async fn name(&mut self, key: &TargetKey) -> Result<(), Broken> {
        let names = ["stable", "canary"];
        let name = ReleaseName::new(names[self.random.below(names.len())]).expect("a name");
        let reference = ImageRef::new(format!("registry.local/app:{name}")).expect("a reference");
        if self.random.percent(20) {
            let pushed = Some(reference).filter(|_| self.random.percent(50));
            return self.command(key, Command::Untag { name, pushed }).await;
        }
        let Some(release) = self.any_release(key)? else { return Ok(()) };
        let record = self.ledger.release_record(release).map_err(|error| error.to_string())?;
        let pushed = record.and_then(|record| record.image.digest).filter(|_| self.random.percent(50));
        let push = pushed.map(|digest| PushedTag { reference, digest });
        self.command(key, Command::Tag { name, release, push }).await
    }

    /// Checks images; the seed decides the answers of the registry.
    pub(super) async fn look_at_registry(&mut self, key: &TargetKey) -> Result<(), Broken> {
        let state = self.ledger.state(key).map_err(|error| error.to_string())?;
        let mut seen = Vec::new();
        for kept in &state.releases {
            let Some(origin) = &kept.origin else { continue };
            let other = Digest::new(format!("sha256:{:064x}", self.random.draw())).expect("a digest");
            let answer = match self.random.below(10) {
                0..=4 => RegistryAnswer::There { tag: Some(origin.tag_digest.clone()) },
                5..=6 => RegistryAnswer::There { tag: Some(other) },
                7 => RegistryAnswer::There { tag: None },
                8 => {
                    self.meddled = true;
                    RegistryAnswer::Gone { tag: None }
                }
                _other => {
                    let cause = Failure::new(FailureCode::RegistryUnreachable, "simulated: no answer");
                    RegistryAnswer::Unknown { cause, detail: "simulated: the way was cut".to_owned() }
                }
            };
            seen.push(RegistrySeen { release: kept.release, answer });
        }
        let releases = state.releases.iter().map(|kept| kept.release).collect();
        self.command(key, Command::RecordChecked { releases, seen, at: self.clock.now() }).await
    }

    /// Removes an image behind haloy's back, or brings one back.
    pub(super) fn meddle(&mut self, key: &TargetKey) {
        self.meddled = true;
        let mut world = self.engine.world();
        if self.random.percent(40)
            && let Some((tag, image)) = self.removed.pop()
        {
            world.tags.insert(tag, image);
            return;
        }
        let prefix = format!("{}:", key.app.slug());
        let tags: Vec<String> = world.tags.keys().filter(|tag| tag.starts_with(&prefix)).cloned().collect();
        if !tags.is_empty() {
            let tag = tags[self.random.below(tags.len())].clone();
            let image = world.tags.remove(&tag);
            self.removed.extend(image.map(|image| (tag, image)));
        }
    }

    /// What-if says before what a deploy with that retention then does.
    pub(super) fn as_foretold(
        &self,
        key: &TargetKey,
        before: &TargetState,
        wanted: &Retention,
        id: DeploymentId,
    ) -> Result<(), Broken> {
        let after = self.ledger.state(key).map_err(|error| error.to_string())?;
        let alone = before.rollout.is_none() && owed(before).is_empty();
        if !alone || after.last_ended != Some((id, Ending::Succeeded)) || !owed(&after).is_empty() {
            return Ok(());
        }
        let mut foretold = what_if(before, wanted).keeps;
        foretold.sort();
        let kept = kept(&after);
        if foretold == kept {
            Ok(())
        } else {
            Err(format!("{key}: what-if said that {foretold:?} stay restorable, and {kept:?} are"))
        }
    }
}

/// Restorable releases by the rules: within the count, pinned, held, or the last good one.
fn kept(state: &TargetState) -> Vec<DeploymentId> {
    let current = state.current_release();
    let ready = |id: &DeploymentId| state.kept(*id).is_some_and(stays_restorable);
    let mut kept: Vec<DeploymentId> =
        restorable(state).iter().map(|kept| kept.release).filter(ready).collect();
    let last_good = state.releases.iter().find(|k| stays_restorable(k) && Some(k.release) != current);
    kept.extend(last_good.map(|kept| kept.release).filter(|id| !kept.contains(id)));
    kept.sort();
    kept
}
