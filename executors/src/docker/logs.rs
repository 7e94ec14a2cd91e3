//! Lines that containers wrote.

use super::errors::{Doing, failed};
use super::{DockerExecutor, Engine, labels};
use crate::executor::*;
use crate::mask::{Lines, Mask, Tail};
use bollard::query_parameters::{ListContainersOptions, LogsOptions};
use futures_util::{StreamExt, stream};
use haloy_ledger::ids::ReplicaId;
use haloy_ledger::outcome::LogTail;
use std::collections::HashMap;

/// Which lines.
#[derive(Debug, Clone)]
pub struct LogQuery {
    /// Of this app.
    pub app: String,
    /// Of this target.
    pub target: String,
    /// Of this ledger only; of any where it is not known.
    pub ledger: Option<String>,
    /// The last ones; all if none.
    pub tail: Option<u32>,
    /// Go on with what is written from now on.
    pub follow: bool,
    /// With Docker's timestamps in front.
    pub timestamps: bool,
}

/// One line of one replica.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Who wrote it.
    pub replica: ReplicaId,
    /// Without its line end.
    pub line: String,
}

impl Engine<'_> {
    /// The last lines of a container; empty where there are none to be had.
    pub(super) async fn tail(&self, container_id: &str, mask: &Mask) -> LogTail {
        let options = LogsOptions {
            stdout: true,
            stderr: true,
            tail: LogTail::MAX_LINES.to_string(),
            ..LogsOptions::default()
        };
        let mut output = Box::pin(self.docker.logs(container_id, Some(options)));
        let (mut lines, mut tail) = (Lines::new(mask.masker()), Tail::default());
        // A line that an app never ends comes in many pieces.
        while let Some(Ok(piece)) = output.next().await {
            lines.push(&piece.into_bytes()).into_iter().for_each(|line| tail.push(line));
        }
        lines.finish().into_iter().for_each(|line| tail.push(line));
        LogTail::new(&tail.text())
    }
}

impl DockerExecutor {
    /// Calls `each` with every line, oldest first per replica; ends with the containers, or never
    /// where it follows them. Returns how many containers were found.
    pub async fn logs(
        &self,
        query: &LogQuery,
        each: &mut (dyn FnMut(LogLine) + Send),
    ) -> Result<usize, ExecutorError> {
        let engine = self.engine().await?;
        let mut label =
            vec![format!("{}={}", labels::APP, query.app), format!("{}={}", labels::TARGET, query.target)];
        label.extend(query.ledger.as_ref().map(|ledger| format!("{}={ledger}", labels::LEDGER)));
        let filters = HashMap::from([("label".to_owned(), label)]);
        let options =
            ListContainersOptions { all: true, filters: Some(filters), ..ListContainersOptions::default() };
        let found = engine.docker.list_containers(Some(options)).await;
        let found = found.map_err(|error| failed(&error, Doing::Other, "listing containers"))?;
        let mut found: Vec<(ReplicaId, String)> = found
            .into_iter()
            .filter_map(|container| Some((labels::replica(&container.labels?)?, container.id?)))
            .collect();
        found.sort();
        let count = found.len();
        let options = LogsOptions {
            stdout: true,
            stderr: true,
            follow: query.follow,
            timestamps: query.timestamps,
            tail: query.tail.map_or_else(|| "all".to_owned(), |lines| lines.to_string()),
            ..LogsOptions::default()
        };
        let streams = found.into_iter().map(|(replica, id)| {
            let lines = engine.docker.logs(&id, Some(options.clone()));
            Box::pin(lines.map(move |line| (replica, line)))
        });
        // Followed lines come as they are written; finished ones replica by replica.
        if query.follow {
            drain(stream::select_all(streams), each).await?;
        } else {
            for lines in streams {
                drain(lines, each).await?;
            }
        }
        Ok(count)
    }
}

type Line = (ReplicaId, Result<bollard::container::LogOutput, bollard::errors::Error>);

async fn drain(
    mut lines: impl StreamExt<Item = Line> + Unpin,
    each: &mut (dyn FnMut(LogLine) + Send),
) -> Result<(), ExecutorError> {
    while let Some((replica, line)) = lines.next().await {
        let line = line.map_err(|error| failed(&error, Doing::Other, "reading a container's log"))?;
        for line in line.to_string().lines() {
            each(LogLine { replica, line: line.to_owned() });
        }
    }
    Ok(())
}
