//! Fixed addresses: the upper half of a subnet, and which of its addresses is given out next.
//!
//! The engine itself gives out the lower half; an address of the upper half belongs to the container that was
//! created with it, stopped or not. An address is reused as late as possible: whatever still refers to its
//! previous replica (a route, a drain, a kept connection) should be gone by then.

use haloy_ledger::files::{self, Readers};
use std::collections::{BTreeMap, HashSet};
use std::net::Ipv4Addr;
use std::path::PathBuf;

/// Addresses that are considered; more than any machine has containers.
const MOST: u32 = 1 << 16;
/// Uses that are remembered.
const REMEMBERED: usize = 4096;

/// The addresses of a network that haloy gives out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Upper {
    first: u32,
    count: u32,
}

/// A subnet, cut in two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Halves {
    /// What the engine may give out, as it wants it written.
    pub(super) lower: String,
    pub(super) upper: Upper,
}

impl Halves {
    /// None for a subnet that is too small, or not IPv4.
    pub(super) fn of(subnet: &str) -> Option<Self> {
        let (base, bits) = subnet.split_once('/')?;
        let base = u32::from(base.parse::<Ipv4Addr>().ok()?);
        let bits: u32 = bits.parse().ok().filter(|bits| (4..=29).contains(bits))?;
        let half = 1u32 << (31 - bits);
        let base = base & !(half * 2 - 1);
        // Without the last one: it is the broadcast address.
        let count = (half - 1).min(MOST);
        let lower = format!("{}/{}", Ipv4Addr::from(base), bits + 1);
        Some(Self { lower, upper: Upper { first: base + half, count } })
    }
}

impl Upper {
    fn place(self, address: Ipv4Addr) -> Option<u32> {
        u32::from(address).checked_sub(self.first).filter(|place| *place < self.count)
    }

    pub(super) fn contains(self, address: Ipv4Addr) -> bool {
        self.place(address).is_some()
    }

    /// The next address to give out: a free one that was used longest ago or never, counted on from the last
    /// one given out. None if all are taken.
    pub(super) fn next(
        self,
        taken: &HashSet<Ipv4Addr>,
        last: Option<Ipv4Addr>,
        used: &BTreeMap<Ipv4Addr, u64>,
    ) -> Option<Ipv4Addr> {
        let start = last.and_then(|last| self.place(last)).map_or(0, |place| place + 1);
        (0..self.count)
            .map(|step| Ipv4Addr::from(self.first + (start + step) % self.count))
            .filter(|address| !taken.contains(address))
            // The first of those that are equal, in this order.
            .min_by_key(|address| used.get(address).copied().unwrap_or(0))
    }
}

/// When this ledger last used an address: in seconds since 1970, kept over processes in a file.
///
/// A hint and no more. Without the file the engine's containers still say which addresses are taken and
/// which one was given out last.
#[derive(Debug, Clone, Default)]
pub(super) struct Used {
    file: Option<PathBuf>,
}

impl Used {
    pub(super) fn new(file: Option<PathBuf>) -> Self {
        Self { file }
    }

    pub(super) fn all(&self) -> BTreeMap<Ipv4Addr, u64> {
        let text = self.file.as_ref().and_then(|file| std::fs::read_to_string(file).ok()).unwrap_or_default();
        let line = |line: &str| {
            let (address, at) = line.split_once(' ')?;
            Some((address.parse().ok()?, at.parse().ok()?))
        };
        text.lines().filter_map(line).collect()
    }

    /// Takes note that an address is, or was until now, in use.
    pub(super) fn note(&self, address: Ipv4Addr) {
        let Some(file) = &self.file else { return };
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let mut all = self.all();
        all.insert(address, now.map_or(0, |now| now.as_secs()));
        let mut lines: Vec<(u64, Ipv4Addr)> = all.into_iter().map(|(address, at)| (at, address)).collect();
        lines.sort_unstable_by(|a, b| b.cmp(a));
        lines.truncate(REMEMBERED);
        let text: String = lines.iter().map(|(at, address)| format!("{address} {at}\n")).collect();
        // Lost, it is a hint less.
        drop(files::put_in_folder(file, text.as_bytes(), Readers::All));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Ipv4Addr {
        text.parse().expect("an address")
    }

    #[test]
    fn a_subnet_is_cut_in_two() {
        let halves = Halves::of("172.18.0.0/16").expect("large enough");
        assert_eq!(halves.lower, "172.18.0.0/17");
        let inside = |text: &str| halves.upper.contains(address(text));
        assert!(inside("172.18.128.0") && inside("172.18.255.254"));
        assert!(!inside("172.18.127.255") && !inside("172.18.255.255") && !inside("172.19.128.0"));
        // As an engine writes it, and as it never should.
        assert_eq!(Halves::of("10.0.0.8/29").expect("just so").lower, "10.0.0.8/30");
        for bad in ["10.0.0.0/30", "10.0.0.0", "fd00::/64", "10.0.0.0/33", "10.0.0.0/0", "", "/24"] {
            assert_eq!(Halves::of(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_address_is_used_again_as_late_as_possible() {
        let upper = Halves::of("10.0.0.0/28").expect("large enough").upper;
        let next = |taken: &[&str], last: Option<&str>, used: &[(&str, u64)]| {
            let taken = taken.iter().map(|text| address(text)).collect();
            let used = used.iter().map(|(text, at)| (address(text), *at)).collect();
            upper.next(&taken, last.map(address), &used).map(|found| found.to_string())
        };
        assert_eq!(next(&[], None, &[]).as_deref(), Some("10.0.0.8"));
        assert_eq!(next(&["10.0.0.10"], Some("10.0.0.9"), &[]).as_deref(), Some("10.0.0.11"));
        assert_eq!(next(&[], Some("10.0.0.14"), &[]).as_deref(), Some("10.0.0.8"), "around");
        assert_eq!(next(&[], Some("10.0.0.200"), &[]).as_deref(), Some("10.0.0.8"), "of another network");
        let used: Vec<(String, u64)> = (8..15).map(|last| (format!("10.0.0.{last}"), 100 - last)).collect();
        let used: Vec<(&str, u64)> = used.iter().map(|(text, at)| (text.as_str(), *at)).collect();
        assert_eq!(next(&["10.0.0.14"], None, &used).as_deref(), Some("10.0.0.13"), "longest ago");
        assert_eq!(next(&[], Some("10.0.0.8"), &used[1..]).as_deref(), Some("10.0.0.8"), "never used");
        let all: Vec<String> = (8..15).map(|last| format!("10.0.0.{last}")).collect();
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        assert_eq!(next(&all, None, &[]), None);
    }

    #[test]
    fn what_was_used_is_remembered() {
        let folder = tempfile::tempdir().expect("a folder");
        let used = Used::new(Some(folder.path().join("addresses")));
        assert!(used.all().is_empty());
        used.note(address("10.0.0.9"));
        used.note(address("10.0.0.8"));
        let again = Used::new(Some(folder.path().join("addresses")));
        assert_eq!(again.all().len(), 2);
        std::fs::write(folder.path().join("addresses"), "nonsense\n10.0.0.9 x\n10.0.0.1 5").expect("written");
        assert_eq!(again.all(), BTreeMap::from([(address("10.0.0.1"), 5)]));
    }
}
