//! Volumes: what the configuration names, and what an image asks for beyond that.

use serde::{Deserialize, Serialize};

/// What becomes of a path that the image declares as a `VOLUME` and no entry of `volumes:` covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UncoveredVolumes {
    /// Nothing is started: the data would lie at a path that the configuration does not name.
    Refuse,
    /// The replica gets a volume of its own, which is kept until its removal is requested.
    Keep,
}

/// A volume that was made for a path which the image declares and the configuration does not cover.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MadeVolume {
    /// The path in the container, as [`MadeVolume::known_as`] gives it.
    pub path: String,
    /// Name on the engine.
    pub volume: String,
}

impl MadeVolume {
    /// Longest path that is recorded as it is.
    const MAX_PATH: usize = 200;

    /// How a path is recorded. It comes from the image, so only a plain path is taken as it is: anything else
    /// does not belong in bytes that are never erased.
    pub fn known_as(path: &str) -> String {
        let path = normal(path);
        let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
        if path.len() <= Self::MAX_PATH && path.chars().all(plain) {
            return path.to_owned();
        }
        format!("path-{}", &blake3::hash(path.as_bytes()).to_hex()[..12])
    }
}

/// Source and path of an entry of `volumes:`.
pub fn parts_of(entry: &str) -> Option<(&str, &str)> {
    let mut pieces = entry.splitn(3, ':');
    Some((pieces.next()?, normal(pieces.next()?)))
}

/// Paths of the image that no entry of `volumes:` covers. Only an entry for the very path does: the engine
/// makes a volume for `/data/db` also where something is mounted at `/data`.
pub fn uncovered(declared: &[String], entries: &[String]) -> Vec<String> {
    let covered = |path: &str| entries.iter().filter_map(|entry| parts_of(entry)).any(|(_, at)| at == path);
    let mut paths: Vec<String> =
        declared.iter().map(|path| normal(path)).filter(|path| !covered(path)).map(str::to_owned).collect();
    paths.sort();
    paths.dedup();
    paths
}

fn normal(path: &str) -> &str {
    match path.trim_end_matches('/') {
        "" => path,
        path => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn only_an_entry_for_the_very_path_covers_it() {
        let declared = texts(&["/data/", "/data/db", "/var/log"]);
        let entries = texts(&["store:/data", "/srv/logs:/var/log/:ro"]);
        assert_eq!(uncovered(&declared, &entries), texts(&["/data/db"]));
        assert_eq!(uncovered(&declared, &[]), texts(&["/data", "/data/db", "/var/log"]));
    }

    #[test]
    fn a_path_that_is_not_plain_is_recorded_as_a_digest() {
        assert_eq!(MadeVolume::known_as("/var/lib/db-1_x.y/"), "/var/lib/db-1_x.y");
        for odd in ["/a b", "/\u{1b}[2J", "/key=hunter2", &"/x".repeat(200)] {
            assert!(MadeVolume::known_as(odd).starts_with("path-"), "{odd}");
        }
    }
}
