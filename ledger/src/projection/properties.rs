//! What holds of every row.

use super::rows::{ProjectionId, get, put, stamp, stream_part};
use super::{CandidateRow, Fate, PendingRow};
use crate::ids::properties::{config, deployment, stream, text};
use crate::ids::{AppName, Position, ReleaseName, StreamId, TargetKey, TargetName, Timestamp};
use crate::log::{MapRows, Rows};
use crate::private::PrivateRow;
use crate::release::HistoryStrategy;
use proptest::prelude::*;

const ID: ProjectionId = ProjectionId { name: "of a test", number: 200, version: 1 };

fn pending() -> impl Strategy<Value = PendingRow> {
    let rollout = proptest::option::of((deployment(), any::<u64>().prop_map(Position)));
    (stream(), rollout, any::<(bool, bool)>(), any::<u32>(), any::<u32>()).prop_map(
        |(stream, rollout, (stop, restart), prunes, naming)| PendingRow {
            stream,
            rollout,
            stop,
            restart,
            prunes,
            naming,
        },
    )
}

fn candidate() -> impl Strategy<Value = CandidateRow> {
    let places = proptest::array::uniform4(proptest::option::of(any::<u64>().prop_map(Position)));
    let names = proptest::collection::vec("[a-z_][a-z0-9._-]{0,20}", 0..3);
    let names =
        names.prop_map(|names| names.into_iter().filter_map(|name| ReleaseName::new(name).ok()).collect());
    (deployment(), any::<(u64, i64)>(), text(), text(), names, places).prop_map(
        |(release, (requested, at), actor, reference, names, [left, pinned, held, good])| CandidateRow {
            release,
            requested: Position(requested),
            at: Timestamp(at),
            actor,
            strategy: HistoryStrategy::Local,
            reference,
            fate: good.map_or(Fate::Deploying, |at| Fate::Good { at }),
            lost: None,
            left,
            names,
            pinned,
            held,
            moved: None,
            unanswered: None,
            checked: None,
        },
    )
}

fn private() -> impl Strategy<Value = PrivateRow> {
    (any::<u32>(), any::<[u8; 32]>(), text()).prop_map(|(field, salt, value)| PrivateRow {
        field,
        salt,
        value,
    })
}

/// Streams of targets whose names are often prefixes of each other, and others.
fn near() -> impl Strategy<Value = StreamId> {
    let target = ("a{1,2}", "a{1,3}").prop_map(|(app, target)| {
        let (app, target) = (AppName::new(app).expect("a name"), TargetName::new(target).expect("a name"));
        StreamId::Target(TargetKey { app, target })
    });
    prop_oneof![3 => target, 1 => stream()]
}

/// The row under its key, read back.
fn kept<T: serde::Serialize + serde::de::DeserializeOwned>(row: &T) -> Option<T> {
    let mut rows = MapRows::default();
    let key = ID.key(1, &[b"key"]);
    let at = Position(7 << 33);
    put(&mut rows, key.clone(), at, row).expect("encoded");
    assert_eq!(rows.get(&key).expect("read").as_deref().and_then(stamp), Some(at));
    get(&rows, &key).expect("read")
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn rows_read_back(pending in pending(), candidate in candidate(), private in private()) {
        prop_assert_eq!(kept(&pending), Some(pending));
        prop_assert_eq!(kept(&candidate), Some(candidate));
        prop_assert_eq!(kept(&private), Some(private));
    }

    /// Rows of one target never lie among those of another.
    #[test]
    fn no_stream_is_the_beginning_of_another(one in near(), other in near()) {
        let (a, b) = (stream_part(&one), stream_part(&other));
        prop_assert_eq!(b.starts_with(&a), one == other);
    }

    /// A scan gives what lies under a prefix, in order, in both directions, and goes on where it stopped.
    #[test]
    fn a_scan_is_what_lies_under_a_prefix(
        keys in proptest::collection::btree_set(proptest::collection::vec(0_u8..4, 0..4), 0..30),
        prefix in proptest::collection::vec(0_u8..4, 0..3),
        after in proptest::option::of(proptest::collection::vec(0_u8..4, 0..4)),
        reverse in any::<bool>(),
    ) {
        let rows = MapRows(keys.iter().map(|key| (key.clone(), Vec::new())).collect());
        let mut found = Vec::new();
        let scanned = rows.scan(&prefix, reverse, after.as_deref(), &mut |key, _| {
            found.push(key.to_vec());
            true
        });
        prop_assert!(scanned.is_ok());
        let beyond = |key: &&Vec<u8>| after.as_ref().is_none_or(|after| if reverse { *key < after } else { *key > after });
        let mut expected: Vec<_> =
            keys.iter().filter(|key| key.starts_with(&prefix)).filter(beyond).cloned().collect();
        if reverse {
            expected.reverse();
        }
        prop_assert_eq!(found, expected);
    }
}
