//! A child that appends is killed, again and again: every acknowledged append is stored, and nothing is torn.

use haloy_ledger::ids::Position;
use haloy_ledger::log::{AppendError, Expected, FjallStore, codec};
use haloy_ledger::{Ledger, LedgerOptions};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

const KILLS: usize = 50;
/// The kind of event that the child appends.
const CLOCK_STEPPED: u16 = 5;
const CHILD: &str = "HALOY_KILL_CHILD";

fn options(folder: &Path) -> LedgerOptions {
    let mut options = LedgerOptions::new(folder.join("ledger"), folder.join("keys"), "kill");
    // Events move while the child is killed, too.
    options.bundle_after = 256;
    options
}

fn open(folder: &Path) -> Ledger {
    Ledger::open(options(folder)).expect("a ledger")
}

/// The child: appends three events at a time, and prints the acknowledged positions.
#[test]
fn child() {
    let Some(folder) = std::env::var_os(CHILD) else { return };
    let ledger = open(Path::new(&folder));
    loop {
        let template = ledger.log().read_all(Position(0), 1).expect("event 0").remove(0);
        let appended = append(&ledger, &template);
        let Ok((first, next)) = appended else { continue };
        let entries = ledger.log().read_entries(first, 3).expect("what was appended");
        for (position, entry) in (first.0..next.0).zip(entries) {
            println!("acknowledged {position} {}", digest(&entry));
        }
    }
}

fn digest(bytes: &[u8]) -> String {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

fn append(
    ledger: &Ledger,
    template: &haloy_ledger::log::Recorded,
) -> Result<(Position, Position), AppendError> {
    use haloy_ledger::event::{AnyEvent, ClockStepped};
    use haloy_ledger::ids::{AppName, TargetKey, TargetName, Timestamp};
    use haloy_ledger::log::{NewEvent, Stage, StreamWrite};
    let (app, target) = (AppName::new("app"), TargetName::new("t"));
    let stream = TargetKey { app: app.expect("a name"), target: target.expect("a name") }.stream();
    let events = (0..3)
        .map(|_| {
            let mut envelope = template.envelope.clone();
            envelope.stream = stream.clone();
            let event = AnyEvent::from(ClockStepped { before: Timestamp(2), after: Timestamp(1) });
            NewEvent::seal(envelope, event, || ledger.entropy().salt())
        })
        .collect();
    let write = StreamWrite { stream, expected: Expected::Any, events };
    let appended = ledger.log().append(vec![write], None, Stage::Sealed)?;
    Ok((appended.first, appended.next))
}

#[test]
fn a_child_killed_fifty_times_loses_nothing_that_was_acknowledged() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut acknowledged: BTreeMap<u64, String> = BTreeMap::new();
    for kill in 0..KILLS {
        let mut child = Command::new(std::env::current_exe().expect("this test"))
            .args(["child", "--exact", "--nocapture"])
            .env(CHILD, folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the child");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        // A different place each time: after so many acknowledgements, then at once.
        let mut left = 3 + kill * 7 % 60;
        let mut note = |line: &str| {
            let Some(rest) = line.split("acknowledged ").nth(1) else { return };
            if let Some((position, hash)) = rest.split_once(' ')
                && let Ok(position) = position.parse()
            {
                acknowledged.insert(position, hash.to_owned());
            }
        };
        while left > 0
            && let Some(Ok(line)) = lines.next()
        {
            note(&line);
            left -= 1;
        }
        child.kill().expect("killed");
        // Its output before it died counts, too.
        lines.map_while(Result::ok).for_each(|line| note(&line));
        child.wait().expect("dead");
        // A reader sees what was acknowledged, before anything is repaired.
        let reading = Ledger::open_to_read(options(folder.path())).expect("readable").expect("not empty");
        let last = acknowledged.last_key_value().map_or(0, |(last, _)| last + 1);
        assert!(reading.head().next.0 >= last, "{} of {last} after kill {kill}", reading.head().next.0);
        assert_eq!(reading.replay(&mut |_| {}).expect("replayed").differences, []);
        drop(reading);
        let ledger = open(folder.path());
        let entries = ledger.log().read_entries(Position(0), usize::MAX).expect("readable");
        assert_eq!(entries.len() as u64, ledger.head().next.0);
        let appended =
            |entry: &&Vec<u8>| codec::decode_head(entry).is_ok_and(|head| head.kind == CLOCK_STEPPED);
        let appended = entries.iter().filter(appended).count();
        assert_eq!(appended % 3, 0, "an append of three is whole or not there");
        for (position, hash) in &acknowledged {
            let stored = entries.get(usize::try_from(*position).expect("small")).map(|entry| digest(entry));
            assert_eq!(stored.as_ref(), Some(hash), "position {position} after kill {kill}");
        }
        let report = ledger.replay(&mut |_| {}).expect("replayed");
        assert_eq!(report.differences, []);
    }
    assert!(acknowledged.len() > 500, "{} acknowledged", acknowledged.len());
    let store = FjallStore::open(&folder.path().join("ledger/log")).expect("a store");
    assert!(store.bundled() > Position(0), "nothing moved");
}
