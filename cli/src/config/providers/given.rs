//! Settings of a source in the file, and its result.

use crate::config::problem::Mistakes;
use crate::config::read::{Fields, Spot};
use std::collections::BTreeMap;

/// What a source holds: each key with its value, or with why it has none.
pub type Values = BTreeMap<String, Result<String, String>>;

/// A text that a source needs. A text that begins with `-` would be an option of its program.
pub fn needed(fields: &Fields<'_>, name: &str, what: &str, m: &mut Mistakes) -> Option<String> {
    if !fields.has(name) {
        m.add(fields.at, format!("{what} needs `{name}`"));
    }
    given(fields, name, m)
}

pub fn given(fields: &Fields<'_>, name: &str, m: &mut Mistakes) -> Option<String> {
    let Spot { at, value } = fields.text(name, m)?;
    if value.starts_with('-') {
        m.add_with_hint(at, format!("`{name}` begins with `-`, as an option does"), "name it by its id");
        return None;
    }
    Some(value)
}
