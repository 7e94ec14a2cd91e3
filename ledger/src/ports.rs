//! Time and randomness come from outside: passed in, so that the same facts give the same log.

use crate::ids::Timestamp;
use std::time::{SystemTime, UNIX_EPOCH};

/// Reads the wall clock.
pub trait Clock: Send + Sync {
    /// Nanoseconds since 1970, UTC.
    fn now(&self) -> Timestamp;
}

/// Makes randomness.
pub trait Entropy: Send + Sync {
    /// Fills the bytes.
    fn fill(&self, bytes: &mut [u8]);
}

impl dyn Entropy + '_ {
    /// 32 random bytes: a salt or a key.
    pub fn salt(&self) -> [u8; 32] {
        let mut salt = [0; 32];
        self.fill(&mut salt);
        salt
    }

    /// 80 random bits: what a ULID takes.
    pub fn ulid_bits(&self) -> u128 {
        let mut bytes = [0; 16];
        self.fill(&mut bytes[6..]);
        u128::from_be_bytes(bytes)
    }
}

/// The clock of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        // A clock before 1970 reads as 1970; the log refuses it as older than this program.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
    }
}

/// The random numbers of this machine's kernel.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the kernel gives random numbers");
    }
}
