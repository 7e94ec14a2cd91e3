//! Durable appends: the full path of a command, against the same bytes with raw write and fdatasync,
//! and against SQLite in WAL mode with `synchronous=FULL`.

use super::history;
use super::line::{Line, median, rounds, sized};
use haloy_ledger::ids::{AppName, Position, TargetKey, TargetName};
use haloy_ledger::{CommandContext, Ledger, LedgerOptions};
use std::io::Write;
use std::path::Path;
use std::sync::mpsc;
use std::time::Instant;

/// Commands of one writer in one round.
fn commands() -> usize {
    sized(400, 16)
}

fn writers() -> usize {
    sized(64, 4)
}

/// Entries, by the append that they came in.
type Appends = Vec<Vec<u8>>;

/// Appends per second of the whole path, and the bytes that it stored.
fn haloy(folder: &Path, writers: usize, commands: usize) -> (f64, Appends) {
    let ledger = Ledger::open(LedgerOptions::new(folder.join("ledger"), folder.join("keys"), "bench"));
    let ledger = ledger.expect("a ledger");
    let app = AppName::new("bench").expect("a name");
    let started = Instant::now();
    std::thread::scope(|scope| {
        for writer in 0..writers {
            let (ledger, app) = (&ledger, &app);
            scope.spawn(move || {
                let target = TargetName::new(format!("t{writer}")).expect("a name");
                let key = TargetKey { app: app.clone(), target };
                let context = CommandContext::system("bench", "c");
                for _ in 0..commands {
                    let state = ledger.state(&key).expect("a state");
                    ledger.execute(&key, &history::next(&state), &context).expect("appended");
                }
            });
        }
    });
    let seconds = started.elapsed().as_secs_f64();
    let total = writers * commands;
    let entries = ledger.log().read_entries(Position(1), usize::MAX).expect("entries");
    // The same number of appends, of the same bytes in all.
    let each = entries.len().div_ceil(total);
    let appends = entries.chunks(each).map(<[Vec<u8>]>::concat).collect();
    (total as f64 / seconds, appends)
}

fn raw(folder: &Path, appends: &Appends) -> f64 {
    let mut file = std::fs::File::create(folder.join("raw")).expect("a file");
    let started = Instant::now();
    for append in appends {
        file.write_all(append).expect("written");
        file.sync_data().expect("synced");
    }
    appends.len() as f64 / started.elapsed().as_secs_f64()
}

fn sqlite(folder: &Path, appends: &Appends) -> f64 {
    let database = rusqlite::Connection::open(folder.join("sqlite")).expect("a database");
    database.execute_batch(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE log(position INTEGER PRIMARY KEY, entry BLOB);",
    )
    .expect("a table");
    let mut insert = database.prepare("INSERT INTO log(entry) VALUES (?1)").expect("a statement");
    let started = Instant::now();
    for append in appends {
        insert.execute([append]).expect("inserted");
    }
    appends.len() as f64 / started.elapsed().as_secs_f64()
}

/// Raw group commit: writers hand over, one thread writes what waits and syncs once.
fn raw_group(folder: &Path, appends: &Appends) -> f64 {
    let mut file = std::fs::File::create(folder.join("raw-group")).expect("a file");
    let (tx, rx) = mpsc::channel::<(&[u8], mpsc::SyncSender<()>)>();
    let started = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            while let Ok(first) = rx.recv() {
                let group: Vec<_> = std::iter::once(first).chain(rx.try_iter()).collect();
                for (bytes, _) in &group {
                    file.write_all(bytes).expect("written");
                }
                file.sync_data().expect("synced");
                group.iter().for_each(|(_, done)| done.send(()).expect("a writer that waits"));
            }
        });
        for mine in appends.chunks(appends.len().div_ceil(writers())) {
            let tx = tx.clone();
            scope.spawn(move || {
                for append in mine {
                    let (done, acknowledged) = mpsc::sync_channel(1);
                    tx.send((append, done)).expect("sent");
                    acknowledged.recv().expect("acknowledged");
                }
            });
        }
        drop(tx);
    });
    appends.len() as f64 / started.elapsed().as_secs_f64()
}

/// Both comparisons.
pub fn bench(folder: &Path) -> Vec<Line> {
    let (mut to_sqlite, mut to_raw, mut to_group) = (Vec::new(), Vec::new(), Vec::new());
    let (mut one_rate, mut many_rate) = (Vec::new(), Vec::new());
    for round in 0..rounds() {
        let at = folder.join(format!("append-{round}"));
        std::fs::create_dir_all(&at).expect("a folder");
        let (rate, appends) = haloy(&at.join("one"), 1, commands());
        to_sqlite.push(rate / sqlite(&at, &appends));
        to_raw.push(rate / raw(&at, &appends));
        one_rate.push(rate);
        let (rate, appends) = haloy(&at.join("many"), writers(), commands() / 8);
        to_group.push(rate / raw_group(&at, &appends));
        many_rate.push(rate);
        std::fs::remove_dir_all(&at).expect("removed");
    }
    let one = format!("{:.0} commands/s, 1 writer", median(&one_rate));
    let many = format!("{:.0} commands/s, {} writers", median(&many_rate), writers());
    let met = (median(&to_sqlite) >= 1.0, median(&to_group) >= 0.5);
    vec![
        Line::new("durable commands, 1 writer / SQLite WAL FULL", to_sqlite, (">= 1", met.0), one.clone()),
        Line::new("durable commands, 1 writer / raw write+fdatasync", to_raw, ("none", true), one),
        Line::new("durable commands, 64 writers / raw group commit", to_group, (">= 0.5", met.1), many),
    ]
}
