//! The log on disk, in fjall. Nothing of fjall is seen outside of this folder.

mod build;
mod bundles;
mod closed;
mod database;
mod errors;
mod guarded;
mod journals;
mod lock;
mod log;
mod open;
mod peek;
mod queue;
mod read;
mod reader;
mod rest;
mod room;
mod scratch;
mod scratch_folder;
mod sound;
mod store;
mod swap;
mod to_read;
mod upgrade;
mod visible;
mod writer;

pub use build::Rebuild;
pub use bundles::BUNDLE_AFTER;
pub use closed::StoreCondition;
pub use guarded::panic_is_caught;
pub use log::FjallLog;
pub use open::FjallOptions;
pub use reader::FjallReader;
pub use scratch::{Scratch, ScratchRow};
pub use scratch_folder::sweep as sweep_scratch;
pub use store::FjallStore;
pub use swap::{OldStore, finish_swap, standing, swap};

use super::batch::Tail;
use super::*;
use crate::private::PrivateRow;
use std::path::PathBuf;
use std::sync::{Arc, RwLock};
use std::thread::JoinHandle;
