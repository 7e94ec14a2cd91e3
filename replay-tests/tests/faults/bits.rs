//! One flipped bit in one file.

use crate::harness::{Subject, files, kind, seed, torture};
use haloy_replay_tests::faults::oracle::Also;
use haloy_replay_tests::faults::{Outcome, Tally, World};
use haloy_replay_tests::simulation::Random;
use std::path::{Path, PathBuf};

/// Bits that are flipped in every run of the tests.
const SAMPLE: usize = 1_500;

#[test]
fn no_bit_flips_unnoticed() {
    let [_older, closed, killed] = Subject::all();
    let subjects = [closed, killed];
    let trials = torture().unwrap_or(SAMPLE) / subjects.len();
    let mut tally = Tally::default();
    for subject in &subjects {
        println!(
            "{}: {} entries, {} files",
            subject.name,
            subject.before.entries.len(),
            subject.image.files.len()
        );
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        std::thread::scope(|scope| {
            let run = |thread| scope.spawn(move || flips(subject, thread, trials / threads));
            let running: Vec<_> = (0..threads).map(run).collect();
            running.into_iter().for_each(|thread| tally.join(thread.join().expect("a thread of trials")));
        });
    }
    tally.conclude("one bit flipped");
}

fn flips(subject: &Subject, thread: usize, trials: usize) -> Tally {
    let mut random = Random(seed() ^ ((thread as u64) << 32));
    let mut tally = Tally::default();
    let (_folder, world) = subject.copy();
    let files = files(&subject.image);
    let all: usize = files.iter().map(|path| subject.image.files[path].written.len()).sum();
    for _ in 0..trials {
        // Half of the bits anywhere, half in some file: small files are as important as large ones.
        let (path, byte) = if random.percent(50) {
            nth(subject, &files, random.below(all))
        } else {
            let path = &files[random.below(files.len())];
            (path, random.below(subject.image.files[path].written.len()))
        };
        let bit = random.below(8);
        let outcome = flip(subject, &world, (path, byte, bit), &mut random);
        let place = format!("{} {} byte {byte} bit {bit}", subject.name, path.display());
        tally.add(&kind(path), &place, &outcome);
    }
    tally
}

/// The file that the nth byte of all lies in, and its place there.
fn nth<'a>(subject: &Subject, files: &'a [PathBuf], mut byte: usize) -> (&'a PathBuf, usize) {
    for path in files {
        let length = subject.image.files[path].written.len();
        if byte < length {
            return (path, byte);
        }
        byte -= length;
    }
    (&files[0], 0)
}

fn flip(
    subject: &Subject,
    world: &World,
    (path, byte, bit): (&Path, usize, usize),
    random: &mut Random,
) -> Outcome {
    subject.image.restore(world.folder()).expect("restored");
    let file = world.folder().join(path);
    let kept = &subject.image.files[path];
    let mut bytes = kept.written.clone();
    bytes[byte] ^= 1 << bit;
    {
        use std::os::unix::fs::FileExt;
        let open = std::fs::OpenOptions::new().write(true).open(&file).expect("the file");
        open.write_all_at(&bytes[byte..=byte], byte as u64).expect("written");
    }
    let copies = ["ledger/published", "ledger/private", "ledger/head."];
    let copy = copies.iter().any(|copy| path.to_string_lossy().starts_with(copy));
    let also = Also {
        verify_first: random.percent(30),
        again: random.percent(20),
        recover: random.percent(20),
        copy: copy.then_some((file.as_path(), bytes.as_slice())),
    };
    subject.before.judge(world, also)
}
