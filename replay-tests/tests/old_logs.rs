//! A log of an older format, with the rows that the program of that time made from it: folded today they are
//! the same, byte for byte, behind the position that they begin with since format 5, unless their read model
//! has changed since.

use haloy_ledger::log::{InBatch, MapRows, Overlay, codec};
use haloy_ledger::projection::Projections;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

/// The newest log that an older format left, of every format that there was, and the read models that say
/// something else since.
const FORMATS: [(u32, &[u8]); 3] = [(2, &[1, 3, 6]), (3, &[1]), (4, &[1])];

/// The read model that format 5 has no more.
const GONE: u8 = 7;
/// Read models whose rows begin with a position.
const STAMPED: std::ops::RangeInclusive<u8> = 1..=6;

fn file(format: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/logs/format-{format}.txt"))
}

fn unhex(text: &str) -> Vec<u8> {
    hex::decode(text).expect("hex")
}

fn fold(entries: &[Vec<u8>]) -> Rows {
    let (base, mut writes) = (MapRows::default(), BTreeMap::new());
    let mut projections = Projections::default();
    for entry in entries {
        let recorded = codec::decode(entry).expect("an entry");
        projections.apply(&recorded, &mut Overlay::new(&base, &mut writes)).expect("folded");
    }
    projections.finish(&mut Overlay::new(&base, &mut writes)).expect("folded");
    writes.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
}

/// Without the version in their keys.
fn unversioned(rows: impl Iterator<Item = (Vec<u8>, Vec<u8>)>) -> Rows {
    rows.map(|(mut key, mut value)| {
        key.remove(1);
        // Rows that name a row of their own read model have its key.
        if key[..2] == [2, 2] {
            value.remove(1);
        }
        (key, value)
    })
    .collect()
}

#[test]
fn rows_of_an_older_format_are_what_its_log_folds_to_today() {
    for (format, rebuilt) in FORMATS {
        let text = std::fs::read_to_string(file(format)).expect("the log of that format");
        let (mut entries, mut rows) = (Vec::new(), Rows::new());
        for line in text.lines() {
            match line.split(' ').collect::<Vec<_>>().as_slice() {
                ["entry", bytes] => entries.push(unhex(bytes)),
                ["row", key, value] => drop(rows.insert(unhex(key), unhex(value))),
                other => panic!("{other:?}"),
            }
        }
        assert!(entries.len() > 300 && rows.len() > 300, "{} entries, {} rows", entries.len(), rows.len());
        let same = |key: &[u8]| !rebuilt.contains(&key[0]) && key[0] != GONE;
        let before = unversioned(rows.into_iter().filter(|(key, _)| same(key)));
        let folded =
            unversioned(fold(&entries).into_iter().filter(|(key, _)| same(key)).map(|(key, value)| {
                let row = STAMPED.contains(&key[0]) && key[2] != 0;
                let value = if row { value[8..].to_vec() } else { value };
                (key, value)
            }));
        for (key, value) in &before {
            let now = folded.get(key).map(hex::encode);
            assert_eq!(now, Some(hex::encode(value)), "format {format}, the row under {}", hex::encode(key));
        }
        assert_eq!(folded.len(), before.len(), "format {format}: no row more");
        assert!(before.len() > 80, "format {format}: {}", before.len());
    }
}
