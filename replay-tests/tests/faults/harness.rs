//! A ledger that is made once and damaged often.

use haloy_ledger::deployment::Command as Ask;
use haloy_ledger::ids::{AppName, TargetKey, TargetName};
use haloy_ledger::{CommandContext, Ledger};
use haloy_replay_tests::faults::{Before, Image, World, folder};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A ledger before the fault.
pub struct Subject {
    pub name: &'static str,
    pub image: Image,
    pub before: Before,
    world: World,
}

/// Number of trials in the long form; none in the short one.
pub fn torture() -> Option<usize> {
    let asked = std::env::var("HALOY_TORTURE").ok()?;
    Some(asked.parse().ok().filter(|count| *count > 1).unwrap_or(100_000))
}

/// Where the sample of a run begins; another one looks elsewhere.
pub fn seed() -> u64 {
    std::env::var("HALOY_FAULT_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1)
}

impl Subject {
    /// One ledger at three times: closed, closed later, and killed after that, when its last append was
    /// sealed and not published yet.
    pub fn all() -> [Self; 3] {
        let folder = folder();
        let world = World::new(folder.path(), 1);
        let open = || Arc::new(Ledger::open(world.options()).expect("a ledger"));
        let mut deploys = 0;
        let mut all = ["older", "closed", "killed"].map(|name| {
            let ledger = open();
            // The first 256 events move into a bundle before the second one is closed.
            let times = match name {
                "older" => 8,
                "killed" => 3,
                _closed => 14,
            };
            world.deploy(&ledger, deploys..deploys + times).expect("deployed");
            deploys += times;
            let mut image = None;
            if name == "killed" {
                world.published(&ledger).expect("published");
                pin(&ledger, true);
                image = Some(Image::take(folder.path()).expect("its files"));
            }
            let before = Before::of(&ledger, &world).expect("readable");
            drop(ledger);
            let image = image.unwrap_or_else(|| Image::take(folder.path()).expect("its files"));
            Self { name, image, before, world: world.clone() }
        });
        for subject in &mut all {
            learn(&mut subject.before, &subject.image, &world);
        }
        all
    }

    /// A copy of it in a folder of its own.
    pub fn copy(&self) -> (tempfile::TempDir, World) {
        let folder = folder();
        self.image.restore(folder.path()).expect("restored");
        let world = self.world.at(folder.path());
        (folder, world)
    }
}

/// What repairs change: a head is gone, now and then, and nothing else.
pub fn learn(before: &mut Before, image: &Image, world: &World) {
    let folder = folder();
    image.restore(folder.path()).expect("restored");
    let world = world.at(folder.path());
    for _ in 0..4 {
        std::fs::remove_file(world.ledger().join("head.a")).expect("there");
        let recorded = Ledger::open(world.options()).expect("the other one counts");
        before.learn(&recorded).expect("readable");
    }
}

/// One append: the live release is pinned, or unpinned.
pub fn pin(ledger: &Ledger, pinned: bool) {
    let key = key();
    let release = ledger.state(&key).expect("readable").current_release().expect("deployed");
    let context = CommandContext::system("faults", "pin");
    ledger.execute(&key, &Ask::Pin { release, pinned }, &context).expect("done");
}

/// A target of every ledger here.
pub fn key() -> TargetKey {
    let (app, target) = (AppName::new("shop"), TargetName::new("production"));
    TargetKey { app: app.expect("a name"), target: target.expect("a name") }
}

/// Kind of file at a path.
pub fn kind(path: &Path) -> String {
    let text = path.to_string_lossy();
    let ending = |ending: &str| text.ends_with(ending);
    let in_store = text.strip_prefix("ledger/log/");
    let kind = match in_store {
        Some(_) if ending(".jnl") => "journal",
        Some(inside) if inside.contains("tables/") => "table",
        Some(_) => "manifest",
        None if text.starts_with("ledger/published/tile/entries") => "bundle",
        None if text.starts_with("ledger/published/tile") => "tile",
        None if ending("checkpoint") => "checkpoint",
        None if ending("log.closed") => "note of closing",
        None if text.contains("/head.") => "head",
        None if text.starts_with("ledger/private") => "mirror",
        None if text.starts_with("ledger/vault") => "vault",
        None if text.starts_with("keys/") => "key",
        None => "other",
    };
    kind.to_owned()
}

/// Files that matter: not locks, and not copies of journals that were put aside.
pub fn files(image: &Image) -> Vec<PathBuf> {
    let relied = |path: &&PathBuf| !path.ends_with("lock") && !path.starts_with("ledger/aside");
    let all = image.files.iter().filter(|(path, kept)| relied(path) && !kept.written.is_empty());
    all.map(|(path, _)| path.clone()).collect()
}
