//! The edge's part of a command, decided beside the target's and appended with it, and its reports.

use super::{CommandContext, ExecuteError, Executed, Ledger};
use crate::deployment::{Command, TargetState, evolve};
use crate::edge::{self, EdgeState, Report};
use crate::event::{EdgeEvent, TargetEvent};
use crate::ids::{DeploymentId, StreamId, Timestamp};
use crate::log::*;
use crate::projection::{EdgeRow, read};
use crate::release::Domain;
use std::collections::BTreeSet;

impl Ledger {
    /// What follows at the edge from events of a target; none where nothing does.
    pub(super) fn at_edge(
        &self,
        before: &TargetState,
        command: &Command,
        events: &[TargetEvent],
    ) -> Result<Option<(Expected, Vec<EdgeEvent>)>, ExecuteError> {
        let after = events.iter().fold(before.clone(), evolve);
        // Most targets have no domains; for them the edge is not even read.
        let routed = |state: &TargetState| {
            let wanted = state.rollout.iter().any(|rollout| !rollout.spec.config.domains.is_empty());
            wanted || !state.routes.base.is_empty() || !state.routes.domains.is_empty()
        };
        if !routed(before) && !routed(&after) {
            return Ok(None);
        }
        let row = self.rows(read::edge)?;
        let expected = row.as_ref().map_or(Expected::NoStream, |row| Expected::Revision(row.revision));
        let state = row.map(|EdgeRow { state, .. }| state).unwrap_or_default();
        let take_over = matches!(command, Command::Deploy(deploy) if deploy.move_domains);
        let asked = after.rollout.as_ref().filter(|_| before.rollout.is_none());
        let mut follows = match asked {
            Some(rollout) => {
                let wanted = &rollout.spec.config.domains;
                let open = self.unfinished(&state, wanted)?;
                edge::claim(&state, before, rollout.deployment, wanted, take_over, &open)?
            }
            None => Vec::new(),
        };
        follows.extend(edge::follow(&state, &after, events));
        Ok((!follows.is_empty()).then_some((expected, follows)))
    }

    /// Deployments that have not ended, among those that claimed a wanted name or replaced its claim.
    fn unfinished(&self, edge: &EdgeState, wanted: &[Domain]) -> Result<BTreeSet<DeploymentId>, LogError> {
        let names: BTreeSet<&String> =
            wanted.iter().flat_map(|wanted| std::iter::once(&wanted.domain).chain(&wanted.aliases)).collect();
        let mut open = BTreeSet::new();
        for (domain, claim) in &edge.claims {
            let before = claim.before.iter().flat_map(|before| &before.aliases);
            if !std::iter::once(domain).chain(before).any(|name| names.contains(name)) {
                continue;
            }
            let row = self.target_row(&claim.holder)?;
            let rollout = row.and_then(|row| row.state.rollout.as_ref().map(|rollout| rollout.deployment));
            open.extend(rollout.filter(|id| *id == claim.id));
        }
        Ok(open)
    }

    /// The state of the edge.
    pub fn edge(&self) -> Result<EdgeState, LogError> {
        Ok(self.rows(read::edge)?.map(|row| row.state).unwrap_or_default())
    }

    /// Records what the edge saw while no process held the ledger; `key` makes it happen once.
    pub fn report(
        &self,
        key: String,
        at: Timestamp,
        report: Report,
        context: &CommandContext,
    ) -> Result<Executed<EdgeEvent>, ExecuteError> {
        self.readable()?;
        if edge::known(&self.edge()?, &report) {
            return Ok(Executed { positions: None, events: Vec::new(), repeated: false });
        }
        let event = edge::report(report);
        let digest = *blake3::hash(key.as_bytes()).as_bytes();
        let once = IdempotencyKey { key, command_digest: digest };
        let mut write =
            self.write(StreamId::Edge, Expected::Any, std::slice::from_ref(&event), &context.consequence());
        for new in &mut write.events {
            new.envelope.occurred = Some(at);
        }
        let appended = self.log.append(vec![write], Some(once), Stage::Sealed)?;
        Ok(Executed {
            positions: Some((appended.first, appended.next)),
            events: if appended.repeated { Vec::new() } else { vec![event] },
            repeated: appended.repeated,
        })
    }
}
