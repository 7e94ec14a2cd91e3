//! Programs of others, and what they started.

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Child;

/// The group that a program leads: ended with all that is in it when this goes, unless the program ended by
/// itself.
pub struct Group(Option<Pid>);

impl Group {
    /// For a program that was started as the leader of a group of its own.
    pub fn of(child: &Child) -> Self {
        child.id().map_or(Self(None), Self::led_by)
    }

    /// The same, by the number of the program.
    pub fn led_by(id: u32) -> Self {
        Self(i32::try_from(id).ok().and_then(Pid::from_raw))
    }

    /// The program ended by itself; what it left behind is intended.
    pub fn ended(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // A process that is already gone is fine.
            let _gone = kill_process_group(group, Signal::KILL);
        }
    }
}
