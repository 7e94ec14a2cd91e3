//! The service as one caller has it.

use super::Embedded;
use super::open::Open;
use crate::{Caller, Error, Follow, Interrupt, Why};
use haloy_ledger::CommandContext;
use std::sync::Arc;

/// The service, bound to one caller: what is recorded names that one, and only that one can interrupt it. One service
/// has as many of these as it has callers.
pub struct As {
    pub(super) here: Arc<Embedded>,
    pub(super) interrupt: Interrupt,
    caller: Caller,
}

impl As {
    /// For this caller, who ends what is under way through `interrupt`.
    pub fn new(here: Arc<Embedded>, caller: Caller, interrupt: Interrupt) -> Self {
        Self { here, interrupt, caller }
    }

    /// The context of one command of this caller.
    pub(super) fn context(&self, why: &Why) -> CommandContext {
        let Caller { actor, host, address, tool } = self.caller.clone();
        CommandContext {
            actor,
            host,
            address,
            tool,
            reason: why.reason.clone(),
            ticket: why.ticket.clone(),
            correlation: self.here.new_id().to_string(),
            causation: None,
            idempotency_key: why.key.clone(),
        }
    }

    /// Opens the ledger for writing.
    pub(super) async fn open(&self, command: &str, follow: &Arc<dyn Follow>) -> Result<Open, Error> {
        self.here.open(command, &self.interrupt, follow).await
    }
}
