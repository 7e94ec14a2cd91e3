//! Values of a release, resolved again from their sources: as a deploy of its target would, in the
//! environment of this command.

use super::Providers;
use super::environment::{Environment, NoValue};
use super::values::{SourceError, Sources, ask, check};
use haloy_ledger::event::SecretsFrom;
use haloy_service::{ConfigValue, Error, Kind, NamedSource, ReleaseSources, ReleaseValues};
use std::path::Path;

/// Queries each source again, and names those that are not available.
///
/// # Errors
/// If this process was interrupted, if no variable can have the value, or if `from` is [`SecretsFrom::Fresh`]
/// and a source is not available.
pub fn ask_again(
    sources: ReleaseSources,
    target: &str,
    from: SecretsFrom,
    providers: &Providers,
) -> Result<ReleaseValues, Error> {
    let ReleaseSources { release, folder, sources: named } = sources;
    let (mut values, mut unasked): (Vec<ConfigValue>, Vec<String>) = (Vec::new(), Vec::new());
    let folder = Path::new(&folder);
    let environment = Environment::of_process(folder, target);
    let sources = Sources { folder, environment: &environment, providers };
    for NamedSource { name, source } in named {
        match ask(&source, &sources) {
            Ok(value) => {
                check(&name, &source, &value).map_err(|message| Error::new(Kind::Usage, message))?;
                values.push(ConfigValue { name, source, value, secret: true });
            }
            Err(_) if providers.were_ended() => {
                return Err(Error::new(Kind::Interrupted, "nothing was done"));
            }
            Err(cause) if from == SecretsFrom::Fresh => {
                let message = format!("the source of {name} is not available on this machine: {cause}");
                let hint = "set it, or restore the recorded value with --secrets recorded";
                return Err(Error::new(Kind::NotRestorable, message).hint(hint));
            }
            // A variable that is not set here is usual; an invalid one is not.
            Err(SourceError::Variable(_, NoValue::NotSet)) => unasked.push(name),
            Err(cause) => {
                // Many values may have one cause: it is reported once.
                let cause = format!("({cause})");
                let told = unasked.iter().any(|before| before.ends_with(&cause));
                unasked.push(if told { name } else { format!("{name} {cause}") });
            }
        }
    }
    Ok(ReleaseValues { release, values, unasked })
}
