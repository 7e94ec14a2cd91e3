//! The hands of haloy: executors that act on Docker and on this machine, and the dispatcher that brings them
//! owed effects.
//!
//! Reading order: [`contract`] (what every executor promises), [`mask`] (no secret gets out), [`hooks`], [`docker`], [`router`], then
//! [`drivers`] (one at a time), [`ledger_handle`], [`values`] and [`dispatcher`].

pub mod contract;
pub mod dispatcher;
pub mod docker;
pub mod drivers;
pub mod failpoint;
pub mod hooks;
pub mod join;
pub mod ledger_handle;
pub mod limits;
pub mod mask;
pub mod process;
pub mod registry;
pub mod registry_executor;
pub mod router;
mod said;
pub mod simulated;
pub mod values;

pub use contract::{
    Capability, EffectContext, EffectRequest, Executor, ExecutorError, NoProgress, PROTOCOL, Progress,
    ProgressSink, RegistryLogin, Retry, Role, Scope, Values,
};
pub use dispatcher::{DispatchError, Dispatcher, Driving, Limits, Missing, Observer, Quiet};
pub use docker::{DockerExecutor, DockerOptions, EngineFacts, EngineOffer, LogLine, LogQuery, LogStream};
pub use drivers::{Driver, Drivers};
pub use hooks::HookExecutor;
pub use ledger_handle::LedgerHandle;
pub use mask::{Mask, Masker};
pub use registry_executor::RegistryExecutor;
pub use router::{EdgeRouter, Start};
pub use simulated::{Faults, SimulatedBeside, SimulatedExecutor};
pub use values::{LedgerValues, ValueStore};
