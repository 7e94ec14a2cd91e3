//! What looks at containers for the edge, in a process of its own: it has the socket of the engine, and the
//! edge does not. A line of JSON with a question each, a line with its answer; see [`haloy_edge::inspector`].

use super::client::{self, Connection, DockerOptions};
use super::{errors, labels};
use bollard::Docker;
use bollard::models::{ContainerInspectResponse, EndpointSettings, SystemInfo};
use bollard::query_parameters::ListContainersOptions;
use haloy_edge::identity::{Looked, Place, Process, Sighting, Subject};
use haloy_edge::inspector::{Answer, Question, line};
use haloy_edge::limits::{ENGINE_AGAIN, ENGINE_TIME, LOOKS};
use haloy_edge::netns;
use std::collections::HashMap;
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::sync::Arc;
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::sync::{Notify, mpsc, watch};

/// Answers the edge until it sends no more questions.
pub async fn inspect_for_edge(options: DockerOptions) -> std::io::Result<()> {
    outlive_signals()?;
    let (reader, mut writer) = to_the_edge()?.into_split();
    let engine = Engine::start(options);
    let (answers, mut answered) = mpsc::channel::<Answer>(LOOKS);
    let writing = tokio::spawn(async move {
        while let Some(answer) = answered.recv().await {
            let mut line = serde_json::to_vec(&answer)?;
            line.push(b'\n');
            writer.write_all(&line).await?;
        }
        Ok::<(), std::io::Error>(())
    });
    let (mut reader, mut bytes) = (BufReader::new(reader), Vec::new());
    // The edge has at most LOOKS in flight.
    while line(&mut reader, &mut bytes).await.is_some() {
        let Question { number, subject } = serde_json::from_slice(&bytes)?;
        let (engine, answers) = (engine.clone(), answers.clone());
        tokio::spawn(async move {
            let looked = engine.inspect(&subject).await;
            // The edge may have ended.
            drop(answers.send(Answer { number, looked }).await);
        });
    }
    writing.abort();
    Ok(())
}

/// The other end of the pair of sockets that is the standard input.
fn to_the_edge() -> std::io::Result<UnixStream> {
    let socket = std::os::unix::net::UnixStream::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    socket.set_nonblocking(true)?;
    UnixStream::from_std(socket)
}

/// The end of the edge ends this by its input: an edge that was told to leave may still make connections.
fn outlive_signals() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    for kind in [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()] {
        let mut told = signal(kind)?;
        tokio::spawn(async move { while told.recv().await.is_some() {} });
    }
    Ok(())
}

/// What is known of the engine.
#[derive(Clone)]
enum State {
    /// Not tried yet.
    New,
    /// The engine answers.
    Up(Arc<Connection>),
    /// The engine does not answer, or cannot be used from here.
    Down(String),
}

#[derive(Clone)]
struct Engine {
    state: watch::Receiver<State>,
    /// Set when the engine did not answer as it should.
    failed: Arc<Notify>,
}

impl Engine {
    /// Looks for the engine, and again whenever it is away.
    fn start(options: DockerOptions) -> Self {
        let (told, state) = watch::channel(State::New);
        let failed = Arc::new(Notify::new());
        let engine = Self { state, failed: Arc::clone(&failed) };
        tokio::spawn(async move {
            loop {
                match find(&options).await {
                    Ok(connection) => {
                        let docker = connection.docker.clone();
                        told.send_replace(State::Up(Arc::new(connection)));
                        until_away(&docker, &failed).await;
                    }
                    Err(why) => {
                        told.send_replace(State::Down(why));
                        tokio::time::sleep(ENGINE_AGAIN).await;
                    }
                }
            }
        });
        engine
    }

    async fn inspect(&self, subject: &Subject) -> Looked {
        let mut state = self.state.clone();
        let known = state.wait_for(|state| !matches!(state, State::New)).await;
        let state =
            known.map_or_else(|_| State::Down("nothing checks it any more".to_owned()), |s| s.clone());
        let connection = match state {
            State::Up(connection) => connection,
            State::Down(why) => return Looked::Unknown { why },
            State::New => return Looked::Unknown { why: "it has not been tried yet".to_owned() },
        };
        let asked = tokio::time::timeout(ENGINE_TIME, ask(&connection.docker, subject)).await;
        let error = match asked {
            Ok(Ok(looked)) => return looked,
            Ok(Err(error)) if errors::status(&error).is_some() => Some(error),
            Ok(Err(error)) => {
                self.failed.notify_one();
                Some(error)
            }
            Err(_elapsed) => {
                self.failed.notify_one();
                None
            }
        };
        let why = error.map_or_else(|| "it does not answer in time".to_owned(), |e| errors::sentence(&e));
        Looked::Unknown { why }
    }
}

/// Returns once the engine does not answer, checked after each failed request.
async fn until_away(docker: &Docker, failed: &Notify) {
    loop {
        failed.notified().await;
        if !matches!(tokio::time::timeout(ENGINE_TIME, docker.ping()).await, Ok(Ok(_))) {
            return;
        }
    }
}

/// The engine, if its addresses lead to its containers from here.
async fn find(options: &DockerOptions) -> Result<Connection, String> {
    let late = |_elapsed| "the engine does not answer in time".to_owned();
    let connection = tokio::time::timeout(ENGINE_TIME, client::connect(options)).await.map_err(late)?;
    let connection = connection.map_err(|error| error.to_string())?;
    let info = tokio::time::timeout(ENGINE_TIME, connection.docker.info()).await.map_err(late)?;
    let info = info.map_err(|error| errors::sentence(&error))?;
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    match elsewhere(&info, &connection.facts.host, &name) {
        Some(why) => Err(why),
        None => Ok(connection),
    }
}

/// Why the addresses of an engine say nothing about who answers at them on this machine, if so.
fn elsewhere(info: &SystemInfo, host: &str, this_machine: &str) -> Option<String> {
    let options = info.security_options.iter().flatten();
    if options.clone().any(|option| option.contains("name=rootless")) {
        return Some("Docker runs rootless: its networks cannot be reached from the edge".to_owned());
    }
    let away = host.split_once("://").filter(|(scheme, _)| *scheme != "unix").map(|(_, rest)| rest);
    let loopback = |at: &str| {
        let name = at.rsplit_once(':').map_or(at, |(name, _)| name);
        let address = name.trim_matches(['[', ']']).parse::<IpAddr>();
        name == "localhost" || address.is_ok_and(|address| address.is_loopback())
    };
    let machine = info.name.as_deref().unwrap_or_default();
    if away.is_some_and(|at| !loopback(at)) || machine != this_machine {
        return Some(format!(
            "the engine at {host} is on another machine (`{machine}`, and this is `{this_machine}`): its \
             networks cannot be reached from the edge"
        ));
    }
    None
}

async fn ask(docker: &Docker, subject: &Subject) -> Result<Looked, bollard::errors::Error> {
    let id = match &subject.container {
        Some(id) => Some(id.clone()),
        None => by_labels(docker, subject).await?,
    };
    let Some(id) = id else { return Ok(Looked::Gone) };
    match docker.inspect_container(&id, None).await {
        // A request by id may also be answered by name.
        Ok(container) if container.id.as_deref() != Some(id.as_str()) => Ok(Looked::Gone),
        Ok(container) => Ok(looked(id, &container)),
        Err(error) if errors::status(&error) == Some(404) => Ok(Looked::Gone),
        Err(error) => Err(error),
    }
}

/// The container of a replica: one that runs, where there is more than one.
async fn by_labels(docker: &Docker, subject: &Subject) -> Result<Option<String>, bollard::errors::Error> {
    let label = [
        (labels::LEDGER, subject.ledger.to_string()),
        (labels::APP, subject.app.to_string()),
        (labels::TARGET, subject.target.to_string()),
        (labels::DEPLOYMENT, subject.replica.deployment.to_string()),
        (labels::REPLICA, subject.replica.index.to_string()),
    ];
    let label = label.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    let options = ListContainersOptions {
        all: true,
        filters: Some(HashMap::from([("label".to_owned(), label)])),
        ..ListContainersOptions::default()
    };
    let mut found = docker.list_containers(Some(options)).await?;
    found.sort_by_key(|container| {
        container.state != Some(bollard::models::ContainerSummaryStateEnum::RUNNING)
    });
    Ok(found.into_iter().find_map(|container| container.id))
}

fn looked(id: String, container: &ContainerInspectResponse) -> Looked {
    let Some(state) = &container.state else { return Looked::Stopped };
    let process = state.pid.and_then(|pid| u32::try_from(pid).ok()).filter(|pid| *pid > 0);
    // A container that waits to be restarted counts as running for Docker, and has neither process nor
    // address.
    let runs = state.running == Some(true) && state.restarting != Some(true);
    let (Some(id_of_process), Some(started), true) = (process, &state.started_at, runs) else {
        return Looked::Stopped;
    };
    let networks = container.network_settings.as_ref().and_then(|settings| settings.networks.as_ref());
    let places = networks.into_iter().flatten().flat_map(|(name, endpoint)| places(name, endpoint));
    Looked::Running(Sighting {
        container: id,
        started: started.to_string(),
        process: netns::began(id_of_process).map(|began| Process { id: id_of_process, began }),
        places: places.collect(),
    })
}

fn places(network: &str, endpoint: &EndpointSettings) -> impl Iterator<Item = Place> {
    let addresses = [endpoint.ip_address.as_deref(), endpoint.global_ipv6_address.as_deref()];
    let found = addresses.into_iter().flatten().filter_map(|address| address.parse().ok());
    let id = endpoint.endpoint_id.clone().unwrap_or_default();
    let place = |address| Place { network: network.to_owned(), endpoint: id.clone(), address };
    found.map(place).collect::<Vec<_>>().into_iter()
}
