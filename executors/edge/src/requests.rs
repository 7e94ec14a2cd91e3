//! Names of requests, to find a request in several logs.

use haloy_ledger::ports::{Entropy, SystemEntropy};
use hyper::header::{HeaderMap, HeaderValue};
use std::sync::atomic::{AtomicU64, Ordering};

/// Longest name that is taken over from a client.
const LONGEST: usize = 128;

/// Gives names: unique over restarts by their first half, within a process by their second.
pub struct Requests {
    process: u64,
    next: AtomicU64,
}

impl Requests {
    /// For one process.
    pub fn new() -> Self {
        let mut random = [0; 8];
        SystemEntropy.fill(&mut random);
        Self { process: u64::from_le_bytes(random), next: AtomicU64::new(0) }
    }

    /// The name that came with a request, where it is one that can stand in a log; else a new one.
    pub fn id(&self, headers: &HeaderMap) -> HeaderValue {
        let given = headers.get("x-request-id").filter(|given| well_formed(given.as_bytes()));
        given.cloned().unwrap_or_else(|| {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            HeaderValue::try_from(format!("{:016x}-{number:x}", self.process))
                .unwrap_or_else(|_| HeaderValue::from_static("unknown"))
        })
    }
}

fn well_formed(name: &[u8]) -> bool {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:+/=".contains(byte);
    !name.is_empty() && name.len() <= LONGEST && name.iter().all(plain)
}
