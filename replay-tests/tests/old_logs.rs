//! A log of an older format, with the rows that the program of then made of it: folded today they are the
//! same, byte for byte, unless their read model has another version, and so is rebuilt.

use haloy_ledger::log::{InBatch, MapRows, Overlay, codec};
use haloy_ledger::projection::Projections;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

/// The newest log that an older format left, of every format that there was, and the read models that have
/// had another version since.
const FORMATS: [(u32, &[u8]); 3] = [(2, &[3, 6]), (3, &[]), (4, &[])];

fn file(format: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/logs/format-{format}.txt"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("hex"), 16);
    text.as_bytes().chunks(2).map(|pair| digits(pair).expect("hex")).collect()
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
        let folded = fold(&entries);
        let same = |key: &[u8]| !rebuilt.contains(&key[0]);
        for (key, value) in rows.iter().filter(|(key, _)| same(key)) {
            let now = folded.get(key).map(|value| hex(value));
            assert_eq!(now, Some(hex(value)), "format {format}, the row under {}", hex(key));
        }
        let count = |rows: &Rows| rows.keys().filter(|key| same(key)).count();
        assert_eq!(count(&folded), count(&rows), "format {format}: no row more");
        assert!(count(&rows) > 500, "format {format}");
    }
}
