//! The process that inspects containers for the edge: its output is trusted only as an answer, and its end is
//! not ours.

use super::*;
use haloy_edge::ChildInspector;
use std::time::Instant;

fn subject() -> Subject {
    Subject {
        ledger: ledger(),
        app: AppName::new("web").expect("a name"),
        target: TargetName::new("t").expect("a name"),
        replica: ReplicaId { deployment: DeploymentId::from_parts(1, 1), index: 0 },
        container: Some("c".to_owned()),
    }
}

fn child(script: &str) -> ChildInspector {
    ChildInspector::new(["sh", "-c", script].map(Into::into).to_vec())
}

/// Answers each question with what `looked` is in JSON; `$n` is its number.
fn answers(looked: &str) -> String {
    format!(
        r#"while read -r line; do n=${{line#*:}}; n=${{n%%,*}}; printf '{{"number":%s,"looked":%s}}\n' "$n" '{looked}' >&0; done"#
    )
}

#[tokio::test]
async fn questions_are_answered_many_at_once() {
    let inspector = child(&answers("\"stopped\""));
    let mut looks = tokio::task::JoinSet::new();
    for _ in 0..300 {
        let inspector = inspector.clone();
        looks.spawn(async move { inspector.inspect(&subject()).await });
    }
    while let Some(looked) = looks.join_next().await {
        assert_eq!(looked.expect("no panic"), Looked::Stopped);
    }
}

#[tokio::test]
async fn a_child_that_ends_or_talks_nonsense_is_started_again_and_nothing_is_made_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let mark = folder.path().join("mark");
    let long = "head -c 100000 /dev/zero | tr '\\0' x >&0; sleep 60";
    for first in
        ["exit 1", "read -r line; exit 0", "echo nonsense >&0; sleep 60", "echo '{}' >&0; sleep 60", long]
    {
        drop(std::fs::remove_file(&mark));
        let second = answers("\"gone\"");
        let mark = mark.display();
        let inspector = child(&format!("if [ -e {mark} ]; then {second}; fi; touch {mark}; {first}"));
        let looked = inspector.inspect(&subject()).await;
        assert!(matches!(looked, Looked::Unknown { .. }), "{first}: {looked:?}");
        let began = Instant::now();
        while inspector.inspect(&subject()).await != Looked::Gone {
            assert!(began.elapsed() < Duration::from_secs(3), "{first}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

#[tokio::test]
async fn a_child_that_hangs_is_given_up_and_ended() {
    let folder = tempfile::tempdir().expect("a folder");
    let pids = folder.path().join("pids");
    let inspector = child(&format!("echo $$ >> {}; exec sleep 60", pids.display()));
    let began = Instant::now();
    assert!(matches!(inspector.inspect(&subject()).await, Looked::Unknown { .. }));
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    let ended = |pid: &str| !std::path::Path::new("/proc").join(pid).join("exe").exists();
    let first = std::fs::read_to_string(&pids).expect("it started").lines().next().map(str::to_owned);
    let first = first.expect("a number");
    while !ended(&first) {
        assert!(began.elapsed() < Duration::from_secs(12), "{first} still runs");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_program_that_is_not_there_is_said() {
    let inspector = ChildInspector::new(vec!["/nowhere/haloy".into()]);
    let looked = inspector.inspect(&subject()).await;
    assert!(matches!(&looked, Looked::Unknown { why } if why.contains("cannot be started")), "{looked:?}");
}

#[tokio::test]
async fn the_child_ends_with_who_asked_and_has_nothing_of_it_open() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("fds");
    let listening = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let script = format!("ls -l /proc/$$/fd > {} 2>/dev/null; {}", out.display(), answers("\"gone\""));
    let inspector = child(&script);
    assert_eq!(inspector.inspect(&subject()).await, Looked::Gone);
    let open = std::fs::read_to_string(&out).expect("written");
    assert_eq!(open.matches("socket:").count(), 1, "only what they talk over: {open}");
    drop((listening, inspector));
}
