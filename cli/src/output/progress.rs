//! What happens meanwhile, on stderr: a live block on a terminal, else one line per change.

use super::doing::doing;
use super::{event, foreign, time};
use crate::machine;
use haloy_edge::{Silent as Waited, Waits};
use haloy_executors::limits::SILENCE_TOLD;
use haloy_ledger::deployment::Effect;
use haloy_ledger::event::TargetEvent;
use haloy_ledger::ids::{EffectId, TargetKey};
use haloy_ledger::locks::locked;
use haloy_service::Follow;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex, Once, OnceLock};
use std::time::{Duration, Instant};

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Mode {
    /// A live block on a terminal, else plain lines.
    #[default]
    Auto,
    /// A live block.
    Tty,
    /// One line with its time per change.
    Plain,
    /// One JSON document per change.
    Json,
    /// Nothing but what is wrong.
    None,
}

/// The follower for a mode.
pub fn follower(mode: Mode, quiet: bool, prefix: &'static str) -> Arc<dyn Follow> {
    match mode {
        _ if quiet => Arc::new(Silent { prefix }),
        Mode::None => Arc::new(Silent { prefix }),
        Mode::Tty => Arc::new(Live::default()),
        Mode::Auto if std::io::stderr().is_terminal() && prefix.is_empty() => Arc::new(Live::default()),
        Mode::Auto | Mode::Plain => Arc::new(Plain { json: false, prefix, told: Told::default() }),
        Mode::Json => Arc::new(Plain { json: true, prefix, told: Told::default() }),
    }
}

/// Counts something long, on a terminal; silent elsewhere.
pub fn counter(mode: Mode, quiet: bool, what: &'static str) -> Arc<dyn Fn(u64, u64) + Send + Sync> {
    let live = match mode {
        Mode::Tty => true,
        Mode::Auto => std::io::stderr().is_terminal(),
        Mode::Plain | Mode::Json | Mode::None => false,
    };
    if !live || quiet {
        return Arc::new(|_, _| {});
    }
    let bar = ProgressBar::new(0);
    let style = ProgressStyle::with_template("{human_pos} of {human_len} {msg}, {elapsed}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_message(what);
    Arc::new(move |done, of| {
        bar.set_length(of);
        bar.set_position(done);
        if done >= of {
            bar.finish_and_clear();
        }
    })
}

/// How long bringing a ledger up to date may take before it is reported.
const SHORT: Duration = Duration::from_secs(1);

/// Counts the events of a ledger that an older haloy left, while it is brought up to date. Nobody asked for that, so it
/// is reported off a terminal, too: in one line.
pub fn upgrading(mode: Mode, quiet: bool) -> Arc<dyn Fn(u64, u64) + Send + Sync> {
    let began: Mutex<Option<Instant>> = Mutex::new(None);
    // Not before it is needed: one that is made is shown.
    let live = OnceLock::new();
    let plain = !quiet && matches!(mode, Mode::Auto | Mode::Plain) && !std::io::stderr().is_terminal();
    let said = Once::new();
    Arc::new(move |done, of| {
        let long = locked(&began).get_or_insert_with(Instant::now).elapsed() >= SHORT;
        if !long {
            return;
        }
        live.get_or_init(|| counter(mode, quiet, "events, bringing the ledger up to date"))(done, of);
        if plain {
            said.call_once(|| eprintln!("bringing the ledger up to date: {of} events"));
        }
    })
}

/// Between two looks for whom is waited.
const LOOK: Duration = Duration::from_secs(1);

/// Tells who is waited for and silent, for as long as this process lives.
pub async fn tell_waits(waits: Waits, follow: Arc<dyn Follow>) {
    loop {
        tokio::time::sleep(LOOK).await;
        follow.waiting(&waits.silent(SILENCE_TOLD));
    }
}

/// `waiting for Docker (3 s)`.
fn waited(silent: &Waited) -> String {
    format!("waiting for {} ({} s)", silent.whom, silent.silent.as_secs())
}

/// Reported waits, and when each is reported again: after twice the time.
#[derive(Default)]
struct Told(Mutex<BTreeMap<u64, Duration>>);

impl Told {
    fn due(&self, silent: &[Waited]) -> Vec<String> {
        let mut told = locked(&self.0);
        told.retain(|number, _| silent.iter().any(|wait| wait.number == *number));
        let mut due = Vec::new();
        for wait in silent {
            let next = told.entry(wait.number).or_default();
            if wait.silent >= *next {
                *next = wait.silent * 2;
                due.push(waited(wait));
            }
        }
        due.dedup();
        due
    }
}

fn line(text: &str) {
    drop(writeln!(std::io::stderr(), "{}", foreign::line(text)));
}

struct Silent {
    prefix: &'static str,
}

impl Follow for Silent {
    fn started(&self, _: &TargetKey, _: &EffectId, _: &Effect) {}
    fn recorded(&self, _: &TargetKey, _: &[TargetEvent]) {}
    fn line(&self, _: &EffectId, _: &str) {}
    fn note(&self, text: &str) {
        line(&format!("{}{text}", self.prefix));
    }
    fn waiting(&self, _: &[Waited]) {}
}

struct Plain {
    json: bool,
    prefix: &'static str,
    told: Told,
}

impl Plain {
    fn say(&self, key: Option<&TargetKey>, kind: &str, text: &str) {
        let now = time::rfc3339(machine::now());
        if self.json {
            let key = key.map(ToString::to_string);
            let document = serde_json::json!({ "at": now, "target": key, "kind": kind, "text": text });
            drop(writeln!(std::io::stderr(), "{}", foreign::json(&document.to_string())));
        } else {
            let key = key.map(|key| format!(" {key}")).unwrap_or_default();
            line(&format!("{}{now}{key} {text}", self.prefix));
        }
    }
}

impl Follow for Plain {
    fn started(&self, _: &TargetKey, _: &EffectId, _: &Effect) {}
    fn recorded(&self, key: &TargetKey, events: &[TargetEvent]) {
        for event in events {
            self.say(Some(key), event.name(), &event::of_a_target(event));
        }
    }
    fn line(&self, _: &EffectId, text: &str) {
        self.say(None, "line", &format!("| {text}"));
    }
    fn note(&self, text: &str) {
        self.say(None, "note", text);
    }
    fn waiting(&self, silent: &[Waited]) {
        for text in self.told.due(silent) {
            self.say(None, "waiting", &text);
        }
    }
}

/// One line per target with its step and elapsed time; events scroll above.
#[derive(Default)]
struct Live {
    block: MultiProgress,
    bars: Mutex<BTreeMap<TargetKey, ProgressBar>>,
    /// The service that it waits for, while it does.
    waits: Mutex<Option<ProgressBar>>,
}

impl Live {
    fn bar(&self, key: &TargetKey) -> ProgressBar {
        let mut bars = locked(&self.bars);
        let bar = bars.entry(key.clone()).or_insert_with(|| {
            let style = ProgressStyle::with_template("{spinner} {prefix} · {msg} ({elapsed})");
            let bar = self.block.add(ProgressBar::new_spinner());
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
            bar.set_prefix(key.to_string());
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        bar.clone()
    }

    fn ends(event: &TargetEvent) -> bool {
        matches!(
            event,
            TargetEvent::DeploymentSucceeded(_)
                | TargetEvent::DeploymentFailed(_)
                | TargetEvent::DeploymentRolledBack(_)
                | TargetEvent::DeploymentCancelled(_)
                | TargetEvent::DeploymentInterrupted(_)
                | TargetEvent::TargetStopped(_)
                | TargetEvent::RestartEnded(_)
        )
    }
}

impl Follow for Live {
    fn started(&self, key: &TargetKey, _: &EffectId, effect: &Effect) {
        self.bar(key).set_message(foreign::line(&doing(effect)).into_owned());
    }
    fn recorded(&self, key: &TargetKey, events: &[TargetEvent]) {
        let bar = self.bar(key);
        for event in events {
            drop(self.block.println(format!("  {}", foreign::line(&event::of_a_target(event)))));
            if Self::ends(event) {
                bar.finish_and_clear();
                // The service that was waited for has answered; the next check may come too late.
                self.waiting(&[]);
            }
        }
    }
    fn line(&self, _: &EffectId, text: &str) {
        drop(self.block.println(format!("    | {}", foreign::line(text))));
    }
    fn note(&self, text: &str) {
        drop(self.block.println(foreign::line(text)));
    }
    fn waiting(&self, silent: &[Waited]) {
        let mut bar = locked(&self.waits);
        if silent.is_empty() {
            if let Some(bar) = bar.take() {
                bar.finish_and_clear();
            }
            return;
        }
        let mut texts: Vec<String> = silent.iter().map(waited).collect();
        texts.dedup();
        let bar = bar.get_or_insert_with(|| {
            let style = ProgressStyle::with_template("{spinner} {msg}");
            let bar = self.block.add(ProgressBar::new_spinner());
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
            bar
        });
        bar.set_message(foreign::line(&texts.join(", ")).into_owned());
    }
}
