//! How a container that runs again had ended: only the events of the engine say so.

use super::Engine;
use bollard::query_parameters::EventsOptions;
use futures_util::StreamExt;
use std::collections::HashMap;
use std::time::Duration;

/// How long the engine may take to list its events.
const PATIENCE: Duration = Duration::from_secs(2);

impl Engine<'_> {
    /// The exit code of its last end, and whether it was killed for its memory; no code where the engine does not
    /// remember.
    pub(super) async fn last_end(&self, container_id: &str) -> (Option<i64>, bool) {
        let filters = HashMap::from([
            ("container".to_owned(), vec![container_id.to_owned()]),
            ("event".to_owned(), vec!["die".to_owned(), "oom".to_owned()]),
        ]);
        // To the nanosecond: ends within this second are included, too.
        let now = jiff::Timestamp::now();
        let until = format!("{}.{:09}", now.as_second(), now.subsec_nanosecond());
        let options =
            EventsOptions { since: Some("1".to_owned()), until: Some(until), filters: Some(filters) };
        let mut told = Box::pin(self.docker.events(Some(options)));
        let (mut code, mut oom) = (None, false);
        let reading = async {
            while let Some(Ok(event)) = told.next().await {
                let attributes = event.actor.and_then(|actor| actor.attributes).unwrap_or_default();
                match event.action.as_deref() {
                    Some("oom") => oom = true,
                    Some("die") => code = attributes.get("exitCode").and_then(|code| code.parse().ok()),
                    Some(_) | None => {}
                }
            }
        };
        // Whatever was received until then is used.
        drop(tokio::time::timeout(PATIENCE, reading).await);
        (code, oom)
    }
}
