//! What a caller sees of the work meanwhile.

use haloy_edge::Silent;
use haloy_ledger::deployment::Effect;
use haloy_ledger::event::TargetEvent;
use haloy_ledger::ids::{EffectId, TargetKey};
use std::sync::Arc;

/// Sees what happens meanwhile.
pub trait Follow: Send + Sync {
    /// An effect is being performed.
    fn started(&self, key: &TargetKey, id: &EffectId, effect: &Effect);
    /// Events were recorded.
    fn recorded(&self, key: &TargetKey, events: &[TargetEvent]);
    /// A line of a build, a pull or a hook; a probe.
    fn line(&self, id: &EffectId, line: &str);
    /// Something worth knowing that is not an event.
    fn note(&self, text: &str);
    /// Services that are silent while they are waited for, once a second; none, if the list is empty.
    fn waiting(&self, silent: &[Silent]);
}

/// Receives progress: how many entries of how many are done.
pub type Counter = Arc<dyn Fn(u64, u64) + Send + Sync>;
