//! What tests of the service are given: a machine, a caller, and who listens.

use super::{As, Embedded, EmbeddedOptions, Entropies, Machine};
use crate::{Caller, Follow, Interrupt};
use haloy_edge::Silent;
use haloy_executors::SimulatedExecutor;
use haloy_ledger::deployment::Effect;
use haloy_ledger::event::TargetEvent;
use haloy_ledger::ids::{EffectId, TargetKey};
use haloy_ledger::ledger::ActorFacts;
use haloy_ledger::locks::locked;
use haloy_ledger::log::{ActorKind, Auth};
use haloy_ledger::ports::{SystemClock, SystemEntropy};
use std::path::Path;
use std::sync::{Arc, Mutex};

/// Keeps every callback.
#[derive(Default)]
pub struct Notes(pub Mutex<Vec<String>>);

impl Follow for Notes {
    fn started(&self, _key: &TargetKey, _id: &EffectId, _effect: &Effect) {}
    fn recorded(&self, _key: &TargetKey, _events: &[TargetEvent]) {}
    fn line(&self, _id: &EffectId, _line: &str) {}
    fn note(&self, text: &str) {
        locked(&self.0).push(text.to_owned());
    }
    fn waiting(&self, _silent: &[Silent]) {}
}

/// A ledger and its keys in a folder, on this machine's clock.
pub fn options(folder: &Path) -> EmbeddedOptions {
    let entropy = || Arc::new(SystemEntropy);
    let machine = Machine {
        clock: Arc::new(SystemClock),
        entropy: Entropies { ledger: entropy(), ids: entropy(), dispatcher: entropy() },
        tool: "haloy/test".to_owned(),
        process: 1,
        program: None,
        scratch: folder.to_owned(),
        memory: None,
        at_once: 1,
    };
    EmbeddedOptions::new(folder.join("ledger"), folder.join("keys"), machine)
}

/// On a simulated engine.
pub fn simulated(options: EmbeddedOptions) -> Embedded {
    let engine = SimulatedExecutor::new(1, haloy_executors::simulated::Faults::default());
    Embedded::simulated(options, Arc::new(engine))
}

/// A service for a person of this name.
pub fn bound(here: &Arc<Embedded>, name: &str) -> As {
    let name = Some(name.to_owned());
    let actor =
        ActorFacts { name, kind: ActorKind::Person, auth: Auth::Declared, on_behalf: None, uid: None };
    let (host, address) = (None, Some("192.0.2.7".to_owned()));
    let caller = Caller { actor, host, address, tool: "haloy/client".to_owned() };
    As::new(Arc::clone(here), caller, Interrupt::default())
}
