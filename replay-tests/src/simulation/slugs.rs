//! Two apps whose names make one slug, both new, at once.

use super::config;
use super::parts::{Random, SimClock, SimEntropy, open};
use haloy_ledger::deployment::command::Deploy;
use haloy_ledger::deployment::{Command, Rejection};
use haloy_ledger::ids::{AppName, DeploymentId, TargetKey, TargetName};
use haloy_ledger::log::MemoryStore;
use haloy_ledger::ports::{Clock, Entropy};
use haloy_ledger::release::ReleaseSpec;
use haloy_ledger::secrets::Keys;
use haloy_ledger::{CommandContext, ExecuteError};
use std::sync::{Arc, Barrier, Mutex};

#[test]
fn one_slug_is_given_once() {
    let (clock, entropy) = (Arc::new(SimClock::new()), Arc::new(SimEntropy(Mutex::new(Random(7)))));
    let keys = Keys::ephemeral(entropy.as_ref());
    let (_log, ledger) = open(MemoryStore::default(), &clock, &entropy, &keys, None);
    let (mut config, _) = config::config(&mut Random(1), false, false);
    config.domains.clear();
    let bits: &dyn Entropy = entropy.as_ref();
    for round in 0..100 {
        let both = Barrier::new(2);
        let names = [format!("My-App{round}"), format!("my-app{round}")];
        let done = std::thread::scope(|scope| {
            let (both, ledger, config, clock) = (&both, &ledger, &config, &clock);
            let deploying = names.map(|name| {
                let id = DeploymentId::from_parts(round, bits.ulid_bits());
                scope.spawn(move || {
                    let release = ReleaseSpec { config: config.clone(), config_digest: name.clone() };
                    let deploy = Deploy {
                        id,
                        at: clock.now(),
                        release,
                        git: None,
                        ci: None,
                        engine: None,
                        move_domains: false,
                    };
                    let (app, target) = (AppName::new(name), TargetName::new("t"));
                    let key = TargetKey { app: app.expect("a name"), target: target.expect("a name") };
                    both.wait();
                    let context = CommandContext::system("test", "c");
                    ledger.execute(&key, &Command::Deploy(Box::new(deploy)), &context)
                })
            });
            deploying.map(|thread| thread.join().expect("ends"))
        });
        let refused =
            |done: &&Result<_, _>| matches!(done, Err(ExecuteError::Rejected(Rejection::SlugTaken { .. })));
        assert_eq!(done.iter().filter(|done| done.is_ok()).count(), 1, "round {round}");
        assert_eq!(done.iter().filter(refused).count(), 1, "round {round}: {done:?}");
    }
}
