//! 1Password: an item, whose keys are the labels of its fields.

use super::given::{Values, given, needed};
use super::program::{Failed, Program};
use crate::config::keys;
use crate::config::problem::Mistakes;
use crate::config::read::Fields;
use crate::config::tree::Node;
use serde::Deserialize;

pub const OP: Program =
    Program { name: "op", install: "https://developer.1password.com/docs/cli/get-started" };

/// An item of a vault.
#[derive(Debug, Clone)]
pub struct Item {
    account: Option<String>,
    vault: String,
    item: String,
}

/// What is read of the answer; it has more.
#[derive(Deserialize)]
struct Answer {
    fields: Vec<Field>,
}

#[derive(Deserialize)]
struct Field {
    #[serde(default)]
    label: String,
    value: Option<serde_json::Value>,
}

impl Item {
    pub fn read(node: &Node, what: &str, m: &mut Mistakes) -> Option<Self> {
        let fields = Fields::open(node, what, keys::ONEPASSWORD, m)?;
        let account = given(&fields, "account", m);
        let (vault, item) = (needed(&fields, "vault", what, m), needed(&fields, "item", what, m));
        Some(Self { account, vault: vault?, item: item? })
    }

    pub fn open(&self) -> Result<Values, Failed> {
        let mut arguments = vec!["item", "get", &self.item, "--vault", &self.vault, "--format", "json"];
        if let Some(account) = &self.account {
            arguments.extend(["--account", account]);
        }
        let again = format!("op item get '{}' --vault '{}'", self.item, self.vault);
        let text = OP.run(&arguments, &again)?;
        values(&text).map_err(|cause| Failed::Because { cause, hint: format!("see with: {again}") })
    }
}

fn values(text: &str) -> Result<Values, String> {
    let answer: Answer = serde_json::from_str(text).map_err(|error| {
        format!("what `op` wrote is not an item in JSON: {}", haloy_edge::said::json(&error))
    })?;
    let mut values = Values::new();
    for Field { label, value } in answer.fields {
        let value = match value {
            None | Some(serde_json::Value::Null) => Err("has no value".to_owned()),
            Some(serde_json::Value::String(text)) => Ok(text),
            Some(other) => Ok(other.to_string()),
        };
        match values.get_mut(&label) {
            None => drop(values.insert(label, value)),
            // Fields without a label, or of two sections: it is ambiguous which of them is meant.
            Some(known) if *known != value => *known = Err("is the label of several fields".to_owned()),
            Some(_) => {}
        }
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::values;

    #[test]
    fn fields_are_found_by_their_label() {
        let text = r#"{"id":"x","fields":[
            {"id":"username","type":"STRING","label":"username","value":"ada"},
            {"id":"password","label":"password","value":"hunter2"},
            {"id":"notesPlain","label":"notesPlain"},
            {"label":"twice","value":"1"},{"label":"twice","value":"2"},
            {"label":"port","value":5432}]}"#;
        let found = values(text).expect("an item");
        assert_eq!(found["password"], Ok("hunter2".to_owned()));
        assert_eq!(found["port"], Ok("5432".to_owned()));
        assert_eq!(found["notesPlain"], Err("has no value".to_owned()));
        assert_eq!(found["twice"], Err("is the label of several fields".to_owned()));
        for text in ["hunter2", "[\"hunter2\"]", "{\"fields\":\"hunter2\"}", ""] {
            let error = values(text).expect_err(text);
            assert!(error.contains("not an item in JSON") && !error.contains("hunter2"), "{error}");
        }
    }
}
