//! Targets of a command: those of the file, and for commands that only read or remove, those that the ledger
//! knows although no file names them any more.

use super::Context;
use crate::args::TargetArgs;
use crate::config::{ConfigError, ConfigFile, LocateError, Named, Selection, matches};
use crate::error::{Error, Kind};
use haloy_ledger::ids::{AppName, TargetKey, TargetName};

/// The file and the targets that the command is about.
pub fn selected(args: &TargetArgs) -> Result<(ConfigFile, Vec<Named>), Error> {
    selected_with(args, false)
}

/// The same; with `--all` also protected targets, on request.
pub fn selected_with(args: &TargetArgs, protected: bool) -> Result<(ConfigFile, Vec<Named>), Error> {
    let file = open(args)?;
    let selection = Selection { names: args.target.clone(), all: args.all, protected };
    let named = file.select(&selection)?;
    Ok((file, named))
}

/// The file.
pub fn open(args: &TargetArgs) -> Result<ConfigFile, ConfigError> {
    let here = std::env::current_dir().map_err(|error| ConfigError::Unreadable {
        file: ".".into(),
        line: 0,
        cause: error.to_string(),
    })?;
    ConfigFile::open(args.config.as_deref(), &here)
}

/// The file, where there is one.
pub fn file_if_there(args: &TargetArgs) -> Result<Option<ConfigFile>, Error> {
    match open(args) {
        Err(ConfigError::Locate(LocateError::NotFound(_))) if args.config.is_none() => Ok(None),
        file => Ok(Some(file?)),
    }
}

/// Names of targets, as keys of the ledger.
pub fn keys(args: &TargetArgs) -> Result<Vec<TargetKey>, Error> {
    let (_, named) = selected(args)?;
    named.iter().map(key).collect()
}

/// The keys of a command that reads: all of the file where none is named, and all of the ledger
/// where there is no file.
pub async fn keys_to_read(cx: &Context, args: &TargetArgs) -> Result<Option<Vec<TargetKey>>, Error> {
    let file = file_if_there(args)?;
    if !args.target.is_empty() {
        return keys_named(cx, args, file).await.map(Some);
    }
    let named = file.map(|file| file.names());
    named.map(|named| named.iter().map(key).collect()).transpose()
}

/// The same, named one by one.
pub async fn keys_meant(cx: &Context, args: &TargetArgs) -> Result<Vec<TargetKey>, Error> {
    match keys_to_read(cx, args).await? {
        Some(keys) => Ok(keys),
        None => all_keys(cx).await,
    }
}

/// The keys of a command that takes something away: those that are named, of the file or of the ledger; where
/// none is named, the one of the file.
pub async fn keys_known(cx: &Context, args: &TargetArgs) -> Result<Vec<TargetKey>, Error> {
    match args.target.is_empty() {
        true => keys(args),
        false => {
            let file = file_if_there(args)?;
            keys_named(cx, args, file).await
        }
    }
}

/// Each name of the file, or else of the ledger: `TARGET` of the apps that the file names (of any app, without
/// a file), or `APP/TARGET`.
async fn keys_named(
    cx: &Context,
    args: &TargetArgs,
    file: Option<ConfigFile>,
) -> Result<Vec<TargetKey>, Error> {
    let mut keys: Vec<TargetKey> = Vec::new();
    for name in args.target.iter().flat_map(|names| names.split(',')).map(str::trim) {
        let selection = Selection { names: vec![name.to_owned()], ..Selection::default() };
        let of_file = file.as_ref().map(|file| file.select(&selection));
        let found: Vec<TargetKey> = match of_file {
            Some(Ok(named)) => named.iter().map(key).collect::<Result<_, _>>()?,
            unknown => {
                let apps: Option<Vec<String>> =
                    file.as_ref().map(|file| file.names().into_iter().map(|named| named.app).collect());
                let found = of_ledger(name, apps.as_deref(), all_keys(cx).await?);
                match (found.is_empty(), unknown) {
                    (true, Some(Err(error))) => return Err(error.into()),
                    (true, _) => return Err(not_known(cx, name).await?),
                    (false, _) => found,
                }
            }
        };
        keys.extend(found.into_iter().filter(|key| !keys.contains(key)).collect::<Vec<_>>());
    }
    Ok(keys)
}

fn of_ledger(name: &str, apps: Option<&[String]>, known: Vec<TargetKey>) -> Vec<TargetKey> {
    let meant = |key: &TargetKey| match name.split_once('/') {
        Some((app, target)) => matches(app, key.app.as_str()) && matches(target, key.target.as_str()),
        None => {
            let of_app = |apps: &[String]| apps.iter().any(|app| app == key.app.as_str());
            matches(name, key.target.as_str()) && apps.is_none_or(of_app)
        }
    };
    known.into_iter().filter(meant).collect()
}

async fn not_known(cx: &Context, name: &str) -> Result<Error, Error> {
    let known: Vec<String> = all_keys(cx).await?.iter().map(ToString::to_string).collect();
    let there = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    let message = format!("neither a file nor the ledger has a target `{name}`; the ledger has {there}");
    Ok(Error::new(Kind::Usage, message).hint("name one as APP/TARGET; list them with: haloy status"))
}

/// Every target of the ledger.
pub async fn all_keys(cx: &Context) -> Result<Vec<TargetKey>, Error> {
    cx.service.targets().await
}

/// A name of the file as a key of the ledger.
pub fn key(named: &Named) -> Result<TargetKey, Error> {
    let usage = |error: haloy_ledger::ids::InvalidId| Error::new(Kind::Usage, error.to_string());
    let app = AppName::new(&*named.app).map_err(usage)?;
    Ok(TargetKey { app, target: TargetName::new(&*named.target).map_err(usage)? })
}
