//! Lines that containers wrote.

use super::errors::{self, Doing, failed};
use super::log_lines::{Assembled, Pieces};
use super::{DockerExecutor, Engine, labels};
use crate::contract::*;
use crate::limits::LOGS_LOOK;
use crate::mask::{Lines, Mask, Tail};
use bollard::container::LogOutput;
use bollard::models::{ContainerSummary, ContainerSummaryStateEnum};
use bollard::query_parameters::{ListContainersOptions, LogsOptions};
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream, SelectAll};
use haloy_ledger::ids::ReplicaId;
use haloy_ledger::outcome::LogTail;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

pub use super::log_lines::LogStream;

/// Selection of lines.
#[derive(Debug, Clone)]
pub struct LogQuery {
    /// Ledger, app and target.
    pub scope: Scope,
    /// Only of the container with this id, beginning of an id, or name.
    pub container: Option<String>,
    /// The last ones; all if none.
    pub tail: Option<u32>,
    /// Go on with what is written from now on, also by replicas that come later.
    pub follow: bool,
}

/// A line of a replica.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// The replica.
    pub replica: ReplicaId,
    /// Time of the engine, RFC 3339.
    #[serde(with = "rfc3339")]
    pub at: Option<jiff::Timestamp>,
    /// Where to.
    pub stream: LogStream,
    /// As it was written, without its line end.
    pub line: Vec<u8>,
    /// Whether it is longer than a line may be, and goes on in the next one.
    pub goes_on: bool,
}

/// A time as text.
mod rfc3339 {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    pub fn serialize<S: Serializer>(at: &Option<jiff::Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
        at.map(|at| at.to_string()).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<jiff::Timestamp>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| text.parse()).transpose().map_err(D::Error::custom)
    }
}

impl Engine<'_> {
    /// The last lines of a container; empty where there are none.
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

/// A container to read lines from.
struct Source {
    replica: ReplicaId,
    pieces: Pieces,
    /// The newest line that was given.
    last: Option<jiff::Timestamp>,
    /// Last line that was given before its log was reopened: the engine counts in whole seconds there.
    given: Option<jiff::Timestamp>,
    /// Whether its lines are being read.
    open: bool,
}

impl Source {
    fn new(replica: ReplicaId) -> Self {
        Self { replica, pieces: Pieces::default(), last: None, given: None, open: false }
    }

    fn give(&mut self, assembled: Vec<Assembled>, each: &mut (dyn FnMut(LogLine) + Send)) {
        for Assembled { at, stream, line, goes_on } in assembled {
            if at.is_some() && at <= self.given {
                continue;
            }
            self.last = at.max(self.last);
            each(LogLine { replica: self.replica, at, stream, line, goes_on });
        }
    }
}

/// Whether it is the one that is meant; the engine writes names with a slash in front.
fn is(container: &ContainerSummary, wanted: &str) -> bool {
    let named = |name: &String| name.strip_prefix('/').unwrap_or(name) == wanted;
    container.id.as_ref().is_some_and(|id| id.starts_with(wanted))
        || container.names.iter().flatten().any(named)
}

/// A piece of the log of a container, or its end.
type Piece = (String, Option<Result<LogOutput, bollard::errors::Error>>);

impl Engine<'_> {
    async fn containers(
        &self,
        query: &LogQuery,
    ) -> Result<Vec<(ReplicaId, ContainerSummary)>, ExecutorError> {
        let filters = HashMap::from([("label".to_owned(), labels::filter(&query.scope))]);
        let options =
            ListContainersOptions { all: true, filters: Some(filters), ..ListContainersOptions::default() };
        let found = self.docker.list_containers(Some(options)).await;
        let found = found.map_err(|error| failed(&error, Doing::Other, "listing containers"))?;
        let mut found: Vec<(ReplicaId, ContainerSummary)> = found
            .into_iter()
            .filter(|container| query.container.as_ref().is_none_or(|wanted| is(container, wanted)))
            .filter_map(|container| Some((labels::replica(container.labels.as_ref()?)?, container)))
            .collect();
        found.sort_by_key(|(replica, _)| *replica);
        Ok(found)
    }

    /// The pieces of a log, and its end.
    fn pieces(&self, id: &str, follow: bool, tail: Option<u32>, since: i32) -> BoxStream<'static, Piece> {
        let options = LogsOptions {
            stdout: true,
            stderr: true,
            follow,
            since,
            // Always: a line that comes in pieces is put together by them.
            timestamps: true,
            tail: tail.map_or_else(|| "all".to_owned(), |lines| lines.to_string()),
            ..LogsOptions::default()
        };
        let pieces = self.docker.logs(id, Some(options));
        let (id, ended) = (id.to_owned(), id.to_owned());
        let pieces = pieces.map(move |piece| (id.clone(), Some(piece)));
        pieces.chain(stream::once(async move { (ended, None) })).boxed()
    }
}

impl DockerExecutor {
    /// Calls `each` with every line, oldest first per replica. Ends with the existing logs, or never where it
    /// follows them. Returns how many containers were found.
    pub async fn logs(
        &self,
        query: &LogQuery,
        each: &mut (dyn FnMut(LogLine) + Send),
    ) -> Result<usize, ExecutorError> {
        let engine = self.engine().await?;
        if query.follow {
            return self.follow(&engine, query, each).await;
        }
        let found = engine.containers(query).await?;
        let count = found.len();
        for (replica, container) in found {
            let Some(id) = container.id else { continue };
            let mut source = Source::new(replica);
            let mut pieces = engine.pieces(&id, false, query.tail, 0);
            while let Some((_, piece)) = pieces.next().await {
                read(&mut source, piece, each)?;
            }
        }
        Ok(count)
    }

    /// Replicas come and go, and restart: the list is refreshed from time to time.
    async fn follow(
        &self,
        engine: &Engine<'_>,
        query: &LogQuery,
        each: &mut (dyn FnMut(LogLine) + Send),
    ) -> Result<usize, ExecutorError> {
        let mut sources: BTreeMap<String, Source> = BTreeMap::new();
        let mut pieces: SelectAll<BoxStream<'static, Piece>> = SelectAll::new();
        let mut look = tokio::time::interval(LOGS_LOOK);
        let (mut first, mut nobody) = (true, None);
        loop {
            tokio::select! {
                Some((id, piece)) = pieces.next(), if !pieces.is_empty() => {
                    if let Some(source) = sources.get_mut(&id) {
                        source.open = piece.is_some();
                        read(source, piece, each)?;
                    }
                }
                _tick = look.tick() => {
                    let found = engine.containers(query).await?;
                    nobody = match (found.is_empty(), &self.options.waits) {
                        (true, Some(waits)) => nobody.or_else(|| {
                            Some(waits.begin(format!("a container of {}", query.scope.key)))
                        }),
                        (true, None) | (false, _) => None,
                    };
                    sources.retain(|id, source| {
                        source.open || found.iter().any(|(_, there)| there.id.as_ref() == Some(id))
                    });
                    for (replica, container) in found {
                        let running = container.state == Some(ContainerSummaryStateEnum::RUNNING);
                        let Some(id) = container.id else { continue };
                        let known = sources.contains_key(&id);
                        let source = sources.entry(id.clone()).or_insert_with(|| Source::new(replica));
                        if source.open || known && !running {
                            continue;
                        }
                        source.open = true;
                        source.given = source.last;
                        let since = source.last.map_or(0, |last| i32::try_from(last.as_second()).unwrap_or(0));
                        // A replica that appears later is read from its beginning.
                        let tail = query.tail.filter(|_| first);
                        pieces.push(engine.pieces(&id, true, tail, since));
                    }
                    first = false;
                }
            }
        }
    }
}

fn read(
    source: &mut Source,
    piece: Option<Result<LogOutput, bollard::errors::Error>>,
    each: &mut (dyn FnMut(LogLine) + Send),
) -> Result<(), ExecutorError> {
    // A container that was removed meanwhile has ended, which is not a failure of the reader.
    let gone = |error: &bollard::errors::Error| matches!(errors::status(error), Some(404 | 409));
    let assembled = match piece.filter(|piece| !piece.as_ref().is_err_and(gone)) {
        Some(piece) => {
            let piece = piece.map_err(|error| failed(&error, Doing::Other, "reading a container's log"))?;
            let stream = match &piece {
                LogOutput::StdErr { .. } => LogStream::Stderr,
                LogOutput::StdOut { .. } | LogOutput::StdIn { .. } | LogOutput::Console { .. } => {
                    LogStream::Stdout
                }
            };
            source.pieces.push(stream, &piece.into_bytes())
        }
        None => source.pieces.finish(),
    };
    source.give(assembled, each);
    Ok(())
}
