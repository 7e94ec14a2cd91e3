//! `volumes`: what the engine takes, and nothing twice at one place.

use super::parts::TargetPart;
use super::problem::Mistakes;
use super::read::Spot;
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

/// Longest name that a folder of the engine can have.
const LONGEST_NAME: usize = 255;

/// Options, by what they are about: of each kind there may be one.
const OPTIONS: [&[&str]; 5] = [
    &["ro", "rw"],
    &["z", "Z"],
    &["nocopy"],
    &["rprivate", "private", "rshared", "shared", "rslave", "slave"],
    &["consistent", "cached", "delegated"],
];
const NOCOPY: usize = 2;
const PROPAGATION: usize = 3;

/// The volumes of a target, as the engine gets them.
pub fn volumes(part: &TargetPart, folder: &Path, m: &mut Mistakes) -> Vec<String> {
    let mut places: BTreeMap<PathBuf, usize> = BTreeMap::new();
    for Spot { at, value } in part.volumes.iter().flatten() {
        match check(value, folder) {
            Ok(place) => match places.get(&place) {
                Some(line) => {
                    let message = format!("`{}` is mounted twice; first in line {line}", place.display());
                    m.add_with_hint(*at, message, "give each volume a path of its own");
                }
                None => {
                    places.insert(place, at.line);
                }
            },
            Err((cause, hint)) => m.add_with_hint(*at, format!("the volume `{value}` {cause}"), hint),
        }
    }
    part.volumes.iter().flatten().map(|spot| spot.value.clone()).collect()
}

/// Where a volume is mounted; else cause and hint.
fn check(text: &str, folder: &Path) -> Result<PathBuf, (String, String)> {
    let refuse = |cause: &str, hint: String| Err((cause.to_owned(), hint));
    if text.contains("${") || text.starts_with('$') {
        let hint = "`${NAME}` is replaced in values of `env` only; write the path itself";
        return refuse("has a variable in it", hint.to_owned());
    }
    let pieces: Vec<&str> = text.split(':').collect();
    let (source, place, options) = match pieces.as_slice() {
        [source, place] => (*source, *place, None),
        [source, place, options] => (*source, *place, Some(*options)),
        [_] => {
            let path = if text.starts_with('/') { text } else { "/var/lib/data" };
            return refuse("is neither `name:/path` nor `/host/path:/path`", format!("write `data:{path}`"));
        }
        _more => {
            return refuse(
                "has too many `:`",
                "write `name:/path` or `/host/path:/path`, with options as `:ro`".to_owned(),
            );
        }
    };
    if !place.starts_with('/') {
        let hint = format!("write `{source}:/{}`", place.trim_start_matches("./"));
        return refuse(
            "is neither `name:/path` nor `/host/path:/path`: the path in the container must begin with `/`",
            hint,
        );
    }
    let place = cleaned(Path::new(place));
    if place == Path::new("/") {
        return refuse(
            "would take the place of the container's whole file system",
            format!("write `{source}:/data`"),
        );
    }
    let named = !source.starts_with('/');
    if named {
        check_name(source, &place, folder)?;
    }
    check_options(options, named, &format!("{source}:{}", place.display()))?;
    Ok(place)
}

fn check_name(source: &str, place: &Path, folder: &Path) -> Result<(), (String, String)> {
    let place = place.display();
    let refuse = |cause: String, hint: String| Err((cause, hint));
    if source.starts_with(['.', '~']) || source.contains('/') {
        let path = match source.strip_prefix("~/") {
            Some(rest) => PathBuf::from(format!("/home/you/{rest}")),
            None => cleaned(&folder.join(source)),
        };
        let cause = "names a folder of the machine by a path that does not begin with `/`".to_owned();
        return refuse(cause, format!("write `{}:{place}`", path.display()));
    }
    let part = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    if source.is_empty()
        || !source.starts_with(|c: char| c.is_ascii_alphanumeric())
        || !source.chars().all(part)
    {
        let cause =
            format!("is neither `name:/path` nor `/host/path:/path`: `{source}` is not the name of a volume");
        return refuse(cause, format!("use letters, digits, `_`, `.` and `-`: `data:{place}`"));
    }
    if source.len() < 2 {
        let cause = format!("has the name `{source}`, and Docker takes names of two characters or more");
        return refuse(cause, format!("write `{source}-data:{place}`"));
    }
    if source.len() > LONGEST_NAME {
        return refuse(format!("has a name of more than {LONGEST_NAME} characters"), "shorten it".to_owned());
    }
    Ok(())
}

fn check_options(options: Option<&str>, named: bool, volume: &str) -> Result<(), (String, String)> {
    let mut seen = [false; OPTIONS.len()];
    for option in options.iter().flat_map(|options| options.split(',')) {
        let Some(kind) = OPTIONS.iter().position(|words| words.contains(&option)) else {
            let known =
                if named { "ro, rw, z, Z, nocopy" } else { "ro, rw, z, Z, rprivate, rshared, rslave" };
            let close = matches!(option, "r" | "rx" | "read-only" | "readonly" | "RO");
            let hint = if close { format!("write `{volume}:ro`") } else { format!("it takes {known}") };
            return Err((format!("has the option `{option}`, which does not exist"), hint));
        };
        if std::mem::replace(&mut seen[kind], true) {
            let cause = format!("has the option `{option}` beside another one of its kind");
            return Err((cause, format!("of {} write one", OPTIONS[kind].join(", "))));
        }
        if kind == NOCOPY && !named {
            let cause = "has the option `nocopy`, which is for volumes with a name".to_owned();
            return Err((cause, format!("write `{volume}`")));
        }
        if kind == PROPAGATION && named {
            let cause = format!("has the option `{option}`, which is for folders of the machine");
            return Err((cause, format!("write `{volume}`")));
        }
    }
    Ok(())
}

/// Without `.`, `..` and doubled slashes, as Docker compares paths.
fn cleaned(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                clean.pop();
            }
            Component::RootDir | Component::Prefix(_) | Component::Normal(_) => clean.push(component),
        }
    }
    clean
}
