//! The service as one caller has it.

use super::Embedded;
use super::open::Open;
use crate::{Caller, CommandMetadata, Error, Follow, Interrupt};
use haloy_ledger::CommandContext;
use std::sync::Arc;

/// The service, bound to one caller: what is recorded names that caller, and only that caller can interrupt
/// it. One service has as many of these as it has callers.
pub struct As {
    pub(super) here: Arc<Embedded>,
    pub(super) interrupt: Interrupt,
    caller: Caller,
}

impl As {
    /// For this caller, who ends running work through `interrupt`.
    pub fn new(here: Arc<Embedded>, caller: Caller, interrupt: Interrupt) -> Self {
        Self { here, interrupt, caller }
    }

    /// The context of one command of this caller.
    pub(super) fn context(&self, why: &CommandMetadata) -> CommandContext {
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

#[cfg(test)]
mod tests {
    use super::super::testing::{Notes, bound, options, simulated};
    use super::*;
    use crate::{EventsRequest, Maintenance, Reads};
    use haloy_ledger::log::envelope_field as field;

    #[tokio::test]
    async fn each_caller_is_recorded_as_who_it_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let here = Arc::new(simulated(options(folder.path())));
        let (ada, grace) = (bound(&here, "ada"), bound(&here, "grace"));
        let follow: Arc<dyn Follow> = Arc::new(Notes::default());
        drop(ada.open("test", &follow).await.expect("the ledger is made"));
        for (caller, reason) in [(&ada, "first"), (&grace, "second")] {
            let why = CommandMetadata { reason: Some(reason.to_owned()), ..CommandMetadata::default() };
            caller.rotate_key(why).await.expect("another key");
        }
        let rows = ada.events(EventsRequest::default()).await.expect("read");
        let retired = rows.iter().filter(|row| row.view.kind == "KeyRetired");
        let by: Vec<_> = retired.map(|row| (row.by.as_deref(), row.view.tool.as_str())).collect();
        assert_eq!(by, [(Some("ada"), "haloy/client"), (Some("grace"), "haloy/client")]);
        let reasons =
            rows.iter().filter_map(|row| Some((row.by.as_deref()?, row.view.private(field::REASON)?)));
        assert_eq!(reasons.collect::<Vec<_>>(), [("ada", "first"), ("grace", "second")]);
    }
}
