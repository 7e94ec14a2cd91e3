//! Every limit of the edge, by name.

use std::time::Duration;

/// How long the edge may take to answer a command.
pub const EDGE_ANSWER: Duration = Duration::from_secs(10);
/// Largest head of a request, in bytes. It has at most 100 headers.
pub const HEAD_BYTES: usize = 32 * 1024;
/// Largest body of a request, in bytes.
pub const BODY_BYTES: u64 = 1024 * 1024 * 1024;
/// How long an address in use may take to become free.
pub const ADDRESS_FREED: Duration = Duration::from_secs(2);
/// Between two attempts to listen at it.
pub const ADDRESS_AGAIN: Duration = Duration::from_millis(2);
/// How long a client may take to send the head of a request, and stay idle between two.
pub const HEAD_TIME: Duration = Duration::from_secs(30);
/// How long a client may pause within a body.
pub const BODY_PAUSE: Duration = Duration::from_secs(30);
/// How long a client may read nothing of an answer.
pub const WRITE_PAUSE: Duration = Duration::from_secs(60);
/// Requests at once over one connection of HTTP/2.
pub const STREAMS: u32 = 128;
/// How long a replica may take to accept a connection.
pub const CONNECT_TIME: Duration = Duration::from_secs(2);
/// How long bytes to a replica may go unacknowledged by its kernel before the connection is considered lost.
pub const UNHEARD: Duration = Duration::from_secs(5);
/// How long a connection may go unanswered before the container is inspected.
pub const SILENCE: Duration = Duration::from_millis(150);
/// Places of one container that a connection is tried at.
pub const PLACES: usize = 4;
/// Times that a container which went elsewhere is followed by one request.
pub const CONNECT_TRIES: usize = 3;
/// How long the inspection of a container may take, the exchange with the child process included.
pub const LOOK_TIME: Duration = Duration::from_secs(5);
/// How long the engine may take to answer before the kernel is consulted as well.
pub const WITNESS_AFTER: Duration = Duration::from_millis(500);
/// How long the engine may take to say where a container is.
pub const ENGINE_TIME: Duration = Duration::from_secs(3);
/// Between two attempts to find an engine that does not answer.
pub const ENGINE_AGAIN: Duration = Duration::from_millis(300);
/// Longest line between the edge and the process that looks, in bytes.
pub const INSPECTOR_LINE: usize = 64 * 1024;
/// Inspections in flight at once.
pub const LOOKS: usize = 256;
/// Pause before the process that looks is started again; doubled up to the second.
pub const INSPECTOR_AGAIN: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));
/// How long a replica may take to begin its answer, from the last piece of the request on.
pub const ANSWER_TIME: Duration = Duration::from_secs(120);
/// Milliseconds for which a replica that did not accept a connection is passed over.
pub const MARKED_MS: u64 = 2000;
/// Between two checks of a replica that is in a route, from the beginning of one to that of the next.
pub const CHECK_EVERY: Duration = Duration::from_secs(2);
/// How long a replica may take to answer a check.
pub const CHECK_TIME: Duration = Duration::from_secs(2);
/// Consecutive checks that a replica fails before it is taken out of the route.
pub const CHECK_FALL: u32 = 3;
/// Consecutive checks that it passes before it is brought back.
pub const CHECK_RISE: u32 = 2;
/// How long a replica that failed its last check may take to begin its answer, where another one is well and the request may be made again.
pub const DOUBT_TIME: Duration = Duration::from_secs(1);
/// Connections of one client: an IPv4 address, or a /64 of IPv6.
pub const PER_ADDRESS: usize = 2048;
/// Connections of all clients.
pub const CONNECTIONS: usize = 32 * 1024;
/// Replicas that one request is tried at.
pub const ATTEMPTS: usize = 4;
/// How long a connection to a replica is kept unused: less than the 5 s after which common servers close it.
pub const IDLE_TIME: Duration = Duration::from_secs(4);
/// The same, for a request that must not be made twice.
pub const IDLE_UNSAFE: Duration = Duration::from_secs(1);
/// Idle connections kept to one replica, by each worker.
pub const IDLE: usize = 128;
/// How long an authority may take to say where its terms are.
pub const TERMS_TIME: Duration = Duration::from_secs(5);
/// How long a leaving edge tells its clients to open new connections.
pub const LAME_DUCK: Duration = Duration::from_secs(2);
/// How long an edge that leaves waits for requests to end.
pub const LEAVING: Duration = Duration::from_secs(30);
/// How long a replica that leaves the route may take to end its requests.
pub const DRAIN: Duration = Duration::from_secs(30);
/// Largest table of routes, in bytes.
pub const SNAPSHOT_BYTES: usize = 16 * 1024 * 1024;
/// Most names in it.
pub const NAMES: usize = 100_000;
/// Connections at once to the address of the metrics.
pub const SCRAPES: usize = 16;
/// How long one scrape may last.
pub const SCRAPE_TIME: Duration = Duration::from_secs(10);
/// Lines of the access log that may wait to be written.
pub const LOG_LINES: usize = 10_000;
/// Changes of the replicas of one target that are reported to the log within a time; others are counted.
pub const CHANGES: usize = 6;
/// The time of that limit.
pub const CHANGES_WITHIN: Duration = Duration::from_secs(3600);
/// Most reports of one file; then the next one begins, and none is dropped.
pub const REPORTS: usize = 10_000;
