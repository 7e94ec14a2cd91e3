//! `haloy config`.

use crate::config;
use crate::error::Error;
use crate::output::Reply;

/// What the configuration file may say.
#[derive(Debug, clap::Args)]
pub struct Config {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Print the JSON Schema of haloy.yaml, for editors
    Schema,
}

pub(crate) fn run(args: &Config) -> Result<Reply, Error> {
    let What::Schema = args.what;
    let schema = config::schema();
    let text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    Ok(Reply::one("config-schema/1", &schema, text))
}
