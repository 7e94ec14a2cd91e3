//! End to end, against a real Docker engine: the actual state is read from Docker and over HTTP, not from
//! haloy. Where there is no engine, a test is skipped with a message; `HALOY_REQUIRE_E2E=1` turns that into a
//! failure.

mod authority;
mod bad_input;
mod builds;
mod canaries;
mod certificates;
mod coming_from;
mod common_apps;
mod crash;
mod edge;
mod edge_faults;
mod evidence;
mod foreign;
mod frozen;
mod harness;
mod identity;
mod identity_engine;
mod keeping;
mod load;
mod logs;
mod networks;
mod own_engine;
mod reading;
mod real;
mod real_buildkit;
mod real_sops;
mod registries;
mod registry;
mod release_again;
mod restart;
mod rollout;
mod secrets;
mod truth;
mod volumes;
mod workflow;
