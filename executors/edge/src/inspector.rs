//! The process that looks at containers for the edge.
//!
//! The edge talks to the world; an attacker who takes it over must not get the socket of the engine, which is
//! as good as root. So a child process has that, and answers one question, a line of JSON each way: where is
//! this container? They talk over a pair of sockets, which is the child's standard input: it ends when that
//! does, so it never outlives the edge.

use super::identity::{Inspector, Looked, Subject};
use super::limits::*;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::process::Child;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// A question.
#[derive(Debug, Serialize, Deserialize)]
pub struct Question {
    /// Comes back with the answer.
    pub number: u64,
    /// The container.
    pub subject: Subject,
}

/// An answer.
#[derive(Debug, Serialize, Deserialize)]
pub struct Answer {
    /// Number of the question.
    pub number: u64,
    /// What is known now.
    pub looked: Looked,
}

/// The next line, without its end; none at the end, or where one is too long.
pub async fn line(reader: &mut BufReader<OwnedReadHalf>, into: &mut Vec<u8>) -> Option<()> {
    into.clear();
    let limit = INSPECTOR_LINE as u64;
    reader.take(limit).read_until(b'\n', into).await.ok()?;
    into.pop_if(|last| *last == b'\n').map(|_end| ())
}

/// A question, and who waits for its answer.
struct Asked {
    subject: Subject,
    answer: oneshot::Sender<Looked>,
}

/// Queries a child process, which is started when it is first needed, and again when it ends or hangs.
#[derive(Debug, Clone)]
pub struct ChildInspector {
    asks: mpsc::Sender<Asked>,
}

impl ChildInspector {
    /// `command` is a program that answers [`Question`]s, and its arguments. Must be called within a tokio
    /// runtime.
    pub fn new(command: Vec<OsString>) -> Self {
        let (asks, asked) = mpsc::channel(LOOKS);
        tokio::spawn(keep(command, asked));
        Self { asks }
    }
}

#[async_trait]
impl Inspector for ChildInspector {
    async fn inspect(&self, subject: &Subject) -> Looked {
        let (answer, answered) = oneshot::channel();
        let asked = Asked { subject: subject.clone(), answer };
        // Both fail only when the child's keeper is gone.
        match self.asks.send(asked).await {
            Ok(()) => answered.await.unwrap_or_else(|_| unknown("the inspector ended")),
            Err(_ended) => unknown("the inspector ended"),
        }
    }
}

fn unknown(why: &str) -> Looked {
    Looked::Unknown { why: why.to_owned() }
}

/// Keeps a child for as long as anybody may ask.
async fn keep(command: Vec<OsString>, mut asks: mpsc::Receiver<Asked>) {
    let (shortest, longest) = INSPECTOR_AGAIN;
    let mut pause = shortest;
    while let Some(first) = asks.recv().await {
        let began = Instant::now();
        let ended = match spawn(&command) {
            Ok(child) => converse(child, first, &mut asks).await,
            Err(error) => {
                let why = format!("the inspector cannot be started: {error}");
                // The caller may have left.
                drop(first.answer.send(unknown(&why)));
                Some(why)
            }
        };
        let Some(why) = ended else { return };
        eprintln!("haloy edge: {why}; it is started again");
        pause = if began.elapsed() > longest { shortest } else { (pause * 2).min(longest) };
        refuse_for(pause, &why, &mut asks).await;
    }
}

/// Answers for a while that nothing is known.
async fn refuse_for(pause: Duration, why: &str, asks: &mut mpsc::Receiver<Asked>) {
    let refuse = async {
        while let Some(asked) = asks.recv().await {
            drop(asked.answer.send(unknown(why)));
        }
    };
    drop(tokio::time::timeout(pause, refuse).await);
}

/// A child, and this end of the pair.
fn spawn(command: &[OsString]) -> std::io::Result<(Child, UnixStream)> {
    let Some((program, arguments)) = command.split_first() else {
        return Err(std::io::Error::other("no program is known"));
    };
    let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    ours.set_nonblocking(true)?;
    // Everything else that the edge has open is closed in the child: the standard library ensures that. Nor
    // does anything of this process keep the other end open once the child has ended.
    let child = tokio::process::Command::new(program)
        .arg0("haloy")
        .args(arguments)
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    Ok((child, UnixStream::from_std(ours)?))
}

/// Talks with a child until it ends, hangs or sends something unreadable: that is the returned reason. None
/// once no caller is left.
async fn converse(
    (_child, socket): (Child, UnixStream),
    first: Asked,
    asks: &mut mpsc::Receiver<Asked>,
) -> Option<String> {
    let (answers, mut answered) = mpsc::channel(LOOKS);
    let (reader, mut writer) = socket.into_split();
    let reading = tokio::spawn(read(reader, answers));
    let mut waiting: BTreeMap<u64, (Instant, oneshot::Sender<Looked>)> = BTreeMap::new();
    let (mut next, mut number) = (Some(first), 0);
    let why = loop {
        if let Some(Asked { subject, answer }) = next.take() {
            number += 1;
            let question = Question { number, subject };
            waiting.insert(number, (Instant::now() + LOOK_TIME, answer));
            if !write(&mut writer, &question).await {
                break Some("the inspector takes no questions".to_owned());
            }
        }
        // Numbers rise, and so do the times until which an answer may take.
        let until = waiting.values().next().map(|(until, _)| *until);
        tokio::select! {
            answer = answered.recv() => match answer {
                Some(Answer { number, looked }) => {
                    if let Some((_, answer)) = waiting.remove(&number) {
                        drop(answer.send(looked));
                    }
                }
                None => break Some("the inspector ended".to_owned()),
            },
            asked = asks.recv(), if waiting.len() < LOOKS => match asked {
                Some(asked) => next = Some(asked),
                None => break None,
            },
            () = tokio::time::sleep_until(until.unwrap_or_else(Instant::now)), if until.is_some() => {
                break Some("the inspector does not answer".to_owned());
            }
        }
    };
    reading.abort();
    for (_, answer) in waiting.into_values() {
        drop(answer.send(unknown(why.as_deref().unwrap_or("the edge ends"))));
    }
    why
}

async fn write(writer: &mut OwnedWriteHalf, question: &Question) -> bool {
    let Ok(mut line) = serde_json::to_vec(question) else { return false };
    line.push(b'\n');
    let written = tokio::time::timeout(LOOK_TIME, writer.write_all(&line)).await;
    written.is_ok_and(|written| written.is_ok())
}

/// Passes answers on until there are no more, or one cannot be read.
async fn read(reader: OwnedReadHalf, answers: mpsc::Sender<Answer>) {
    let (mut reader, mut bytes) = (BufReader::new(reader), Vec::new());
    while line(&mut reader, &mut bytes).await.is_some() {
        let Ok(answer) = serde_json::from_slice(&bytes) else { return };
        if answers.send(answer).await.is_err() {
            return;
        }
    }
}
