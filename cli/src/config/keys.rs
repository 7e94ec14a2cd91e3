//! Every key of the configuration file, in one table: what the reader accepts, what the schema
//! publishes and what docs/configuration.md lists.

/// What may stand behind a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// Text, or a number taken as text.
    Scalar,
    /// Whole number between two bounds.
    Int(u32, u32),
    /// True or false.
    Bool,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A list of texts.
    Texts,
    /// A table with these keys.
    Table(&'static [KeyDoc]),
    /// Text, or a table with these keys.
    TextOrTable(&'static [KeyDoc]),
    /// A list of tables (or texts) with these keys.
    Tables(&'static [KeyDoc]),
    /// A table of names to tables (or texts) with these keys.
    Named(&'static [KeyDoc]),
    /// A table that is accepted and not checked.
    Any,
    /// Whatever the user likes.
    Ignored,
}

/// A key and its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyDoc {
    /// Name in snake_case; with a `*` at its end, all names with that beginning.
    pub name: &'static str,
    /// What may stand there.
    pub kind: Kind,
    /// Value where it is left out, as text.
    pub default: &'static str,
    /// Meaning.
    pub doc: &'static str,
}

impl KeyDoc {
    /// Whether this is the key of that name.
    pub fn is(&self, name: &str) -> bool {
        match self.name.strip_suffix('*') {
            Some(beginning) => name.starts_with(beginning),
            None => self.name == name,
        }
    }
}

const fn key(name: &'static str, kind: Kind, default: &'static str, doc: &'static str) -> KeyDoc {
    KeyDoc { name, kind, default, doc }
}

use Kind::{Any, Bool, Ignored, Int, Named, OneOf, Scalar, Table, Tables, Text, TextOrTable, Texts};

/// `from:` of a value.
pub const FROM: &[KeyDoc] = &[
    key("env", Text, "", "Variable of the environment of the command; must be set"),
    key("file", Text, "", "File, relative to the configuration file; one trailing line break is dropped"),
    key(
        "secret",
        Text,
        "",
        "`provider:source:key`: a key of a source of `secret_providers`, as `sops:app:database.password`",
    ),
];

/// A value source.
pub const SOURCE: &[KeyDoc] = &[
    key("value", Scalar, "", "The value itself; `\"\"` is allowed"),
    key("from", Table(FROM), "", "Where the value comes from; exactly one of `value` and `from`"),
];

/// An entry of `env`.
pub const ENV: &[KeyDoc] = &[
    key("name", Text, "", "Name of the variable"),
    key(
        "value",
        Scalar,
        "",
        "The value itself; `${NAME}` refers to another entry, `$${NAME}` is the text `${NAME}`",
    ),
    key("from", Table(FROM), "", "Where the value comes from; exactly one of `value` and `from`"),
    key("build_arg", Bool, "false", "Also a build argument of that name"),
];

/// An entry of `image.build_config.args`.
pub const ARG: &[KeyDoc] = &[
    key("name", Text, "", "Name of the argument"),
    key("value", Scalar, "", "The value itself"),
    key("from", Table(FROM), "", "Where the value comes from; exactly one of `value` and `from`"),
];

/// `image.history`, also accepted as `history`.
pub const HISTORY: &[KeyDoc] = &[
    key("strategy", OneOf(&["local", "registry", "none"]), "local", "Where images are kept for rollbacks"),
    key("count", Int(1, 1000), "5", "Earlier good releases kept restorable, beside the current one"),
    key("pattern", Text, "", "Glob that the tag must match; needed by `registry`"),
];

/// `image.registry`.
pub const REGISTRY: &[KeyDoc] = &[
    key("server", Text, "from the repository", "Host of the registry"),
    key("username", TextOrTable(SOURCE), "", "User name: text or a value source"),
    key("password", TextOrTable(SOURCE), "", "Password or token: a value source"),
];

/// `image.build_config`, or `image.build` as a table.
pub const BUILD: &[KeyDoc] = &[
    key("context", Text, ".", "Folder sent to the engine, relative to the configuration file"),
    key("dockerfile", Text, "Dockerfile", "Relative to the context"),
    key("platform", Text, "the engine's", "`os/arch`"),
    key("args", Tables(ARG), "", "Build arguments"),
    key(
        "push",
        OneOf(&["server", "registry"]),
        "server",
        "Where the image goes: it stays on the engine, or is pushed to the registry of its repository",
    ),
];

/// `image`.
pub const IMAGE: &[KeyDoc] = &[
    key(
        "repository",
        Text,
        "the app's name",
        "Registry, namespace and name; may carry `:tag` or `@sha256:...`",
    ),
    key("tag", Scalar, "latest", "Tag in that repository"),
    key(
        "pull_policy",
        OneOf(&["always", "if_missing", "never"]),
        "see below",
        "When the registry is queried",
    ),
    key("registry", Table(REGISTRY), "", "Credentials"),
    key("history", Table(HISTORY), "", "How releases are kept for rollbacks"),
    key("build", Any, "false", "`true`, or what `build_config` takes: build the image on the engine"),
    key("build_config", Table(BUILD), "", "How the image is built"),
];

/// An entry of `domains`.
pub const DOMAIN: &[KeyDoc] = &[
    key("domain", Text, "", "Host name that serves"),
    key("aliases", Texts, "", "Host names that redirect to it"),
    key("acme_email", Text, "", "Account address for its certificate"),
];

/// `resources`.
pub const RESOURCES: &[KeyDoc] = &[
    key("memory", Scalar, "none", "Bytes, or with unit: `512m`, `2g`; at least `6m`"),
    key("cpus", Scalar, "none", "CPUs, as `0.5`; no more than the engine has"),
];

/// A source of `secret_providers.sops`.
pub const SOPS: &[KeyDoc] = &[
    key("file", Text, "", "The encrypted file, relative to the configuration file"),
    key("format", OneOf(&["yaml", "json", "dotenv"]), "from the file's ending", "How the file is written"),
];

/// A source of `secret_providers.onepassword`.
pub const ONEPASSWORD: &[KeyDoc] = &[
    key("account", Text, "that of `op`", "Account, as `op` takes it"),
    key("vault", Text, "", "Vault, by name or id"),
    key("item", Text, "", "Item, by name or id; its keys are the labels of its fields"),
];

/// `secret_providers`.
pub const PROVIDERS: &[KeyDoc] = &[
    key("sops", Named(SOPS), "", "Sources by name: files that the program `sops` decrypts"),
    key("onepassword", Named(ONEPASSWORD), "", "Sources by name: items that the program `op` reads"),
];

/// Keys of a target, also accepted at the root as the base of all targets.
pub const TARGET: &[KeyDoc] = &[
    key(
        "name",
        Text,
        "the target's key",
        "Name of the app: `[a-zA-Z0-9][a-zA-Z0-9_-]*`; see below for the names of containers",
    ),
    key(
        "server",
        Text,
        "this machine",
        "`host[:port]` of a `haloy serve`, which is not built yet: see `--here`",
    ),
    key("api_token", TextOrTable(SOURCE), "", "Accepted for files of Haloy (Go), and not used"),
    key("image", TextOrTable(IMAGE), "", "Image: `repository[:tag]` as text, or a table"),
    key("history", Table(HISTORY), "", "The same as `image.history`"),
    key("image_key", Text, "", "Name of an image of `images`"),
    key(
        "deployment_strategy",
        OneOf(&["rolling", "replace", "blue-green"]),
        "rolling",
        "How releases replace each other",
    ),
    key(
        "naming_strategy",
        OneOf(&["dynamic", "static"]),
        "dynamic",
        "Names of containers; `static` needs `replace` and one replica",
    ),
    key("replicas", Int(1, 100), "1", "Containers of the app"),
    key("port", Int(1, 65535), "8080", "Port that the app listens on"),
    key(
        "health_check_path",
        Text,
        "/",
        "Path of the HTTP probe; 2xx and 3xx are healthy; a HEALTHCHECK of the image takes precedence",
    ),
    key(
        "health_check_headers",
        Named(SOURCE),
        "none",
        "Headers of the probe by name, each with its text or a value source; `Host` is the first domain where it is not among them",
    ),
    key(
        "health_timeout_seconds",
        Int(1, 3600),
        "60",
        "Seconds that a replica may take to become healthy; `HALOY_HEALTH_TIMEOUT` overrides it",
    ),
    key(
        "min_ready_seconds",
        Int(0, 600),
        "0",
        "Seconds that a replica must stay healthy before the next step",
    ),
    key(
        "init",
        Bool,
        "see below",
        "Docker's init is process 1, so that the app gets signals and no zombies stay; `false` where the image has its own",
    ),
    key("stop_timeout_seconds", Int(1, 3600), "20", "Seconds between the signal to stop and the kill"),
    key("domains", Tables(DOMAIN), "none", "Host names that the edge routes to the replicas"),
    key("acme_email", Text, "none", "Account address for certificates, which are requested without it, too"),
    key("env", Tables(ENV), "none", "Environment; targets override the root by name"),
    key(
        "volumes",
        Texts,
        "none",
        "`name:/path` or `/host/path:/path`, with options as `:ro`; a `VOLUME` of the image that none covers is kept, see below",
    ),
    key(
        "network",
        Text,
        "haloy",
        "Docker network of the containers; any other must exist: `docker network create NAME`",
    ),
    key(
        "acme",
        OneOf(&["on", "off"]),
        "see below",
        "Whether certificates are requested: `off` for none, `on` for every name, also one that is not public",
    ),
    key(
        "release_command",
        Texts,
        "none",
        "Run once in a container of the new image before any replica of it starts, as for migrations: a text for `/bin/sh -c`, or a list that is run as it is; a failure ends the deployment",
    ),
    key("pre_deploy", Texts, "none", "Commands run here before; a failure ends the deployment"),
    key("post_deploy", Texts, "none", "Commands run here after success; a failure is a warning"),
    key("protected", Bool, "false", "`--all` skips it; deploy and rollback ask for its name"),
    key("resources", Table(RESOURCES), "none", "Limits of each container"),
    key(
        "preset",
        OneOf(&["database", "service"]),
        "none",
        "`replace`, static names, no history, `if_missing`; database: protected, and no `VOLUME` uncovered",
    ),
];

/// Keys of the root alone.
pub const ROOT_ONLY: &[KeyDoc] = &[
    key("targets", Named(TARGET), "", "Targets by name; without it there is one, `default`"),
    key("images", Named(IMAGE), "", "Images by name, picked with `image_key`"),
    key("secret_providers", Table(PROVIDERS), "", "Where `from: {secret}` comes from, see below"),
    key("global_pre_deploy", Texts, "none", "Commands run here before the first target"),
    key("global_post_deploy", Texts, "none", "Commands run here after the last target"),
    key("x-*", Ignored, "", "Values to define once, with an anchor, and to use in several places"),
];

/// Keys of the root.
pub fn root() -> Vec<KeyDoc> {
    TARGET.iter().chain(ROOT_ONLY).copied().collect()
}
