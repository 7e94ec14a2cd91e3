//! Frozen bytes of every kind of event ever written: they must be readable for ever. The folder only
//! grows; `HALOY_WRITE_FIXTURES=1` adds what is missing and changes nothing.

use haloy_ledger::event::*;
use haloy_ledger::ids::*;
use haloy_ledger::log::{codec, *};
use haloy_ledger::outcome::{Failure, FailureCode, HookExit};
use haloy_ledger::ports::{Clock, Entropy, SystemEntropy};
use haloy_ledger::projection::Projections;
use haloy_replay_tests::simulation::{SimClock, run};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/events")
}

fn json(event: &AnyEvent) -> serde_json::Value {
    event.serialize_payload(serde_json::value::Serializer).expect("every payload is data")
}

/// One entry of every kind: from the simulation, and by hand what it does not meet.
fn samples() -> BTreeMap<u16, Vec<u8>> {
    let mut samples = BTreeMap::new();
    for seed in 0..100 {
        for entry in run(seed, None).entries {
            let head = codec::decode_head(&entry).expect("what this program wrote");
            samples.entry(head.kind).or_insert(entry);
        }
    }
    for event in of_the_ledger().into_iter().chain(of_a_target()) {
        samples.insert(event.kind(), entry(event));
    }
    samples
}

/// By hand: of the ledger and its edge.
fn of_the_ledger() -> Vec<AnyEvent> {
    let id = DeploymentId::from_parts(1_790_000_000_000, 7);
    let digest = Digest::new(format!("sha256:{}", "ab".repeat(32))).expect("a digest");
    let at = haloy_ledger::ids::Timestamp(3);
    let names = || vec!["a.example".to_owned(), "www.a.example".to_owned()];
    let ca = || "https://ca.example/directory".to_owned();
    let events = [
        FormatRaised { from: 1, to: 2, tool: "haloy/0.1.0".to_owned() }.into(),
        KeyRetired { key_id: "0a1b2c3d".to_owned(), cause: "rotated".to_owned(), last_head: None }.into(),
        Recovered {
            source: "published".to_owned(),
            from: Position(7),
            to: Position(9),
            codes: vec!["store-unreadable".to_owned()],
            repaired: vec!["store".to_owned()],
            lost_head: Some("log.example\n7\nroot\n".to_owned()),
        }
        .into(),
        PayloadRedacted { position: Position(2), fields: vec![1, 1000], basis: "request 88".to_owned() }
            .into(),
        ClockAccepted { before: haloy_ledger::ids::Timestamp(1), after: haloy_ledger::ids::Timestamp(2) }
            .into(),
        ImageBuilt {
            id,
            image_id: digest,
            context_digest: "c".to_owned(),
            dockerfile_digest: "d".to_owned(),
            platform: "linux/amd64".to_owned(),
            size: Some(1),
        }
        .into(),
        CertificateIssued {
            names: names(),
            serial: "0a".to_owned(),
            not_after: at,
            ca: ca(),
            account: "https://ca.example/account/1".to_owned(),
            renewal: false,
        }
        .into(),
        CertificateFailed {
            names: names(),
            cause: Failure::new(FailureCode::Other, "no certificate was issued"),
            detail: Some(haloy_ledger::private::Private::Plain("the authority's own sentence".to_owned())),
            next_try: at,
        }
        .into(),
        CertificateImported { names: names(), serial: "0a".to_owned(), not_after: at }.into(),
        AcmeAccountCreated { directory: ca(), account: "https://ca.example/account/1".to_owned() }.into(),
    ];
    events.into()
}

/// By hand: of a target and its replicas.
fn of_a_target() -> Vec<AnyEvent> {
    let id = DeploymentId::from_parts(1_790_000_000_000, 7);
    let app = AppName::new("shop").expect("a name");
    let target = TargetName::new("production").expect("a name");
    let r = ReplicaId { deployment: id, index: 1 };
    let plain = |text: &str| haloy_ledger::private::Private::Plain(text.to_owned());
    let events = [
        DeploymentRefused {
            id,
            gate: Gate::Approvals,
            rule: Some("3".to_owned()),
            policy: Some("policy/7".to_owned()),
            cause: Failure::new(FailureCode::Other, "nobody agreed in time"),
        }
        .into(),
        ReleaseCommandFinished { id, exit: HookExit::Code(1), log_tail: plain("migration broke") }.into(),
        ExecRun {
            what: ExecWhat::Exec,
            r,
            argv: plain("[\"sh\"]"),
            port: None,
            exit_code: Some(0),
            took_ms: 7,
        }
        .into(),
        UpstreamDown {
            app: app.clone(),
            target: target.clone(),
            r,
            cause: UpstreamCause::Unanswered,
            more: 2,
        }
        .into(),
        UpstreamUp { app, target, r, cause: UpstreamCause::Answers, more: 0 }.into(),
        EdgeStarted { version: "0.1.0".to_owned(), generation: Some(7) }.into(),
        EdgeReplaced { before: "0.1.0".to_owned(), after: "0.1.1".to_owned() }.into(),
        ReplicaRestarted {
            r: ReplicaId { deployment: id, index: 1 },
            container_id: "ab".repeat(32),
            address: Some("172.18.128.2".to_owned()),
            fixed: true,
            cause: RestartCause::Asked,
        }
        .into(),
        RestartRequested { at: Timestamp(7), replicas: vec![r] }.into(),
        RestartCutShort { cause: Failure::new(FailureCode::Cancelled, "cancelled") }.into(),
        RestartEnded { restarted: vec![r], cause: None }.into(),
    ];
    events.into()
}

/// The stored bytes of an event, as the log writes them.
fn entry(event: AnyEvent) -> Vec<u8> {
    let (clock, entropy): (Arc<dyn Clock>, &dyn Entropy) = (Arc::new(SimClock::new()), &SystemEntropy);
    let policy = ClockPolicy::default();
    let log = MemoryLog::open(
        MemoryStore::default(),
        clock,
        policy,
        Box::new(Projections::only(Vec::new())),
        Box::new(Unsealed),
    );
    let log = log.expect("a log");
    let actor = Actor::system("a");
    let envelope = Envelope {
        event_id: DeploymentId::from_parts(1_790_000_000_000, 9).to_string(),
        stream: StreamId::Ledger,
        occurred: None,
        actor,
        origin: Origin { host: None, address: None, tool: "haloy/0.1.0".to_owned() },
        session: None,
        causation: None,
        correlation: "c".to_owned(),
        idem: None,
        reason: None,
        ticket: None,
    };
    let events = vec![NewEvent::seal(envelope, event, || entropy.salt())];
    let write = StreamWrite { stream: StreamId::Ledger, expected: Expected::Any, events };
    log.append(vec![write], None, Stage::Durable).expect("appended");
    log.read_entries(Position(0), 1).expect("read").remove(0)
}

#[test]
fn every_kind_ever_written_is_readable_as_it_was() {
    if std::env::var_os("HALOY_WRITE_FIXTURES").is_some() {
        write_missing();
    }
    let mut frozen: BTreeMap<(u16, u16), String> = BTreeMap::new();
    let files = std::fs::read_dir(folder()).expect("fixtures").flatten();
    for file in files.filter(|file| file.path().extension().is_some_and(|extension| extension == "txt")) {
        let text = std::fs::read_to_string(file.path()).expect("text");
        let (bytes, expected) = text.split_once('\n').expect("hex, then JSON");
        let entry = hex::decode(bytes).expect("hex");
        let recorded =
            codec::decode(&entry).unwrap_or_else(|error| panic!("{}: {error}", file.path().display()));
        // What an older version is read as today is frozen, too, where that is not what was written.
        let raised = std::fs::read_to_string(raised(&file.path(), recorded.event.version()));
        let expected: serde_json::Value =
            serde_json::from_str(raised.as_deref().unwrap_or(expected)).expect("JSON");
        assert_eq!(json(&recorded.event), expected, "{}", file.path().display());
        let kind = (recorded.head.kind, recorded.head.version);
        frozen.insert(kind, recorded.event.name().to_owned());
    }
    for kind in AnyEvent::kinds() {
        for version in 1..=kind.version {
            assert!(
                frozen.contains_key(&(kind.number, version)),
                "no frozen bytes of {} v{version}",
                kind.name
            );
        }
    }
}

/// File with the expected reading of an entry of an older version.
fn raised(entry: &Path, version: u16) -> PathBuf {
    entry.with_extension(format!("as-v{version}.json"))
}

/// How entries of older versions are read today, where that is not as they were written.
fn write_raised() {
    let files = std::fs::read_dir(folder()).expect("fixtures").flatten();
    for file in files.filter(|file| file.path().extension().is_some_and(|extension| extension == "txt")) {
        let text = std::fs::read_to_string(file.path()).expect("text");
        let Some((bytes, written)) = text.split_once('\n').filter(|(bytes, _)| bytes.len() > 96) else {
            continue;
        };
        let recorded = codec::decode(&hex::decode(bytes).expect("hex")).expect("what was written once");
        let (now, version) = (json(&recorded.event), recorded.event.version());
        let path = raised(&file.path(), version);
        let same = serde_json::from_str::<serde_json::Value>(written).expect("JSON") == now;
        if !same && recorded.head.version < version && !path.exists() {
            let json = serde_json::to_string_pretty(&now).expect("JSON");
            std::fs::write(path, format!("{json}\n")).expect("written");
        }
    }
}

fn write_missing() {
    write_raised();
    for (kind, entry) in samples() {
        let recorded = codec::decode(&entry).expect("what this program wrote");
        let name = format!("{kind:03}-{}-v{}.txt", recorded.event.name(), recorded.head.version);
        let path = folder().join(name);
        if !path.exists() {
            let json = serde_json::to_string_pretty(&json(&recorded.event)).expect("JSON");
            std::fs::write(path, format!("{}\n{json}\n", hex::encode(&entry))).expect("written");
        }
    }
}

#[test]
fn a_kind_or_version_of_the_future_names_itself() {
    let sample = entry(
        ClockAccepted { before: haloy_ledger::ids::Timestamp(1), after: haloy_ledger::ids::Timestamp(2) }
            .into(),
    );
    let head = codec::decode_head(&sample).expect("a head");
    // The kind is stored in the head; any place that holds it is tried, one of them is the right one.
    let found = (0..sample.len()).any(|place| {
        let mut other = sample.clone();
        if other[place] != head.kind.to_le_bytes()[0] {
            return false;
        }
        other[place] = 250;
        matches!(codec::decode(&other), Err(LogError::NewerEntry { kind: 250, .. }))
    });
    assert!(found, "an entry of kind 250 is told from a damaged one");
}
