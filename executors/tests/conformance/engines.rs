//! Engines: Docker where it answers, and the simulated one.

use crate::engine::{Engine, fresh_ulid};
use crate::{digest, keeps_the_contract};
use async_trait::async_trait;
use haloy_executors::contract::tests::{Subject, World, ends};
use haloy_executors::*;
use haloy_ledger::ids::*;
use haloy_ledger::outcome::*;

/// The engine of this machine.
struct Docker;

/// An engine in memory.
struct Simulated;

#[async_trait]
impl Subject for Docker {
    fn name(&self) -> String {
        "docker".to_owned()
    }

    /// For these an image has to run, and a registry has to exist.
    fn not_shown(&self) -> &'static [Capability] {
        &[Capability::Pushes, Capability::ReleaseCommands]
    }

    async fn world(&self) -> Box<dyn World> {
        Box::new(Engine::of_docker())
    }
}

#[async_trait]
impl Subject for Simulated {
    fn name(&self) -> String {
        "simulated engine".to_owned()
    }

    async fn world(&self) -> Box<dyn World> {
        Box::new(Engine::simulated(Faults::default()))
    }
}

/// Whether there is an engine; without one the tests that need it are skipped, where that may be.
pub async fn has_engine() -> bool {
    match DockerExecutor::new(DockerOptions::default()).facts().await {
        Ok(_facts) => true,
        Err(error) => {
            assert!(std::env::var_os("HALOY_REQUIRE_E2E").is_none(), "{error}");
            eprintln!("SKIPPED: {error}");
            false
        }
    }
}

async fn engines() -> Vec<Engine> {
    let mut engines = vec![Engine::simulated(Faults::default())];
    if has_engine().await {
        engines.push(Engine::of_docker());
    }
    engines
}

#[tokio::test]
async fn the_simulated_engine_keeps_the_contract() {
    keeps_the_contract(&Simulated).await;
}

#[tokio::test]
async fn docker_keeps_the_contract() {
    if has_engine().await {
        keeps_the_contract(&Docker).await;
    }
}

/// These need no engine.
#[tokio::test]
async fn effects_on_a_silent_engine_end() {
    assert_eq!(ends(&Docker).await, [] as [String; 0]);
}

#[tokio::test]
async fn tags_are_found_by_observe_until_they_are_removed() {
    for engine in engines().await {
        let image_id = engine.image().await;
        engine.perform(&engine.step(EffectNumber::TagImage, image_id.clone())).await.expect("tagged");
        let tags = engine.observed().await.tags;
        let tags: Vec<_> = tags.into_iter().map(|tag| (tag.local_tag, tag.image_id)).collect();
        assert_eq!(tags, [(engine.tag(), image_id.clone())]);
        engine.perform(&engine.step(EffectNumber::RemoveLocalTag, image_id)).await.expect("removed");
        assert_eq!(engine.observed().await.tags, []);
        engine.clear().await;
    }
}

#[tokio::test]
async fn what_stops_or_removes_something_that_is_not_there_succeeds() {
    for engine in engines().await {
        let stopped = engine.perform(&engine.step(EffectNumber::StopReplica, digest(0))).await;
        let right = matches!(stopped, Ok(Outcome::ReplicaStopped { exit_code: None, .. }));
        assert!(right, "{stopped:?}");
        let removed = engine.perform(&engine.step(EffectNumber::RemoveReplica, digest(0))).await;
        let nothing = Outcome::ReplicaRemoved { container_id: None, volumes: Vec::new() };
        assert_eq!(removed.expect("removed"), nothing);
        engine.clear().await;
    }
}

/// The image of the suite cannot run, so on Docker a start fails. Even then nothing is left that `observe`
/// would not find by its labels, another ledger sees nothing of it, and removing it twice is fine.
#[tokio::test]
async fn what_a_start_leaves_is_found_by_its_labels_and_removed() {
    for engine in engines().await {
        let image_id = engine.image().await;
        let step = |kind| engine.step(kind, image_id.clone());
        engine.perform(&step(EffectNumber::EnsureNetwork)).await.expect("a network");
        let first = engine.perform(&step(EffectNumber::StartReplica)).await;
        let again = engine.perform(&step(EffectNumber::StartReplica)).await;
        assert_eq!(first.is_ok(), again.is_ok(), "{first:?} {again:?}");
        let seen = engine.observed().await.replicas;
        assert!(seen.len() <= 1 && seen.iter().all(|seen| seen.replica == engine.replica()), "{seen:?}");
        let (time, random) = fresh_ulid();
        let other = Scope { ledger: LedgerId::from_parts(time, random), ..engine.scope.clone() };
        assert_eq!(engine.executor().observe(&other).await.expect("observed").replicas, []);
        for _ in 0..2 {
            let removed = engine.perform(&step(EffectNumber::RemoveReplica)).await;
            assert!(matches!(removed, Ok(Outcome::ReplicaRemoved { .. })), "{removed:?}");
        }
        assert_eq!(engine.observed().await.replicas, []);
        engine.clear().await;
    }
}
