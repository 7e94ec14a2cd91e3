//! Signals that ask this process to end, met in one place for all commands.
//!
//! Work that can go back cleanly registers itself ([`Interrupt::work`]): the first signal makes it go back,
//! and its end is recorded. Everything else ends at once, as the next command settles what is not finished.
//! The second signal ends it in any case. A terminal that goes away (SIGHUP) is one of these signals.

use haloy_service::Interrupt;
use std::process::exit;
use std::sync::{Arc, LazyLock};
use tokio::signal::unix::{SignalKind, signal};

/// Kind of signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asks {
    HangUp,
    Interrupt,
    Terminate,
}

impl Asks {
    /// The number of the signal.
    fn number(self) -> u8 {
        match self {
            Self::HangUp => 1,
            Self::Interrupt => 2,
            Self::Terminate => 15,
        }
    }

    /// How to end the command at once.
    fn again(self) -> &'static str {
        match self {
            Self::Interrupt => "press Ctrl-C again to leave now",
            Self::HangUp => "the terminal is gone; a second signal leaves now",
            Self::Terminate => "a second signal leaves now",
        }
    }
}

static INTERRUPT: LazyLock<Interrupt> = LazyLock::new(Interrupt::default);

/// What signals of this process interrupt.
pub fn interrupt() -> &'static Interrupt {
    &INTERRUPT
}

/// Listens from now on, for as long as this process lives. A signal that it was started to ignore (`nohup`)
/// stays ignored.
pub fn listen(tell: impl Fn(&str) + Send + Sync + 'static) {
    let tell = Arc::new(tell);
    let ignored = ignored();
    for (asks, kind) in [
        (Asks::HangUp, SignalKind::hangup()),
        (Asks::Interrupt, SignalKind::interrupt()),
        (Asks::Terminate, SignalKind::terminate()),
    ] {
        if ignored & (1 << (asks.number() - 1)) != 0 {
            continue;
        }
        // Where it cannot be installed, the system does its default.
        let Ok(mut signals) = signal(kind) else { continue };
        let tell = Arc::clone(&tell);
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                asked(asks, tell.as_ref());
            }
        });
    }
}

fn asked(asks: Asks, tell: &dyn Fn(&str)) {
    let first = INTERRUPT.ask();
    if first && INTERRUPT.has_work() {
        tell(&format!("cancelling: what ran before stays or comes back; {}", asks.again()));
        return;
    }
    if INTERRUPT.has_writing() {
        tell("left; what is unfinished is settled by the next command, or: haloy settle");
    }
    exit(128 + i32::from(asks.number()));
}

/// Signals that were ignored when this process began, a bit for each.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let bits = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    bits.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok()).unwrap_or(0)
}
