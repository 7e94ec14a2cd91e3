//! The JSON Schema that editors use, made from the table of keys.

use super::keys::{self, KeyDoc, Kind};
use serde_json::{Map, Value, json};

/// JSON Schema, draft 2020-12.
pub fn schema() -> Value {
    let mut root = table(&keys::root());
    root["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    root["title"] = json!("haloy.yaml");
    root
}

fn table(known: &[KeyDoc]) -> Value {
    let (mut properties, mut patterns) = (Map::new(), Map::new());
    for key in known {
        let mut property = kind(key.kind);
        property["description"] = json!(key.doc);
        match key.name.strip_suffix('*') {
            Some(beginning) => patterns.insert(format!("^{beginning}"), property),
            None => properties.insert(key.name.to_owned(), property),
        };
    }
    let mut table = json!({ "type": "object", "additionalProperties": false, "properties": properties });
    if !patterns.is_empty() {
        table["patternProperties"] = Value::Object(patterns);
    }
    table
}

fn kind(kind: Kind) -> Value {
    let text = json!({ "type": "string" });
    match kind {
        Kind::Text => text,
        Kind::Scalar => json!({ "type": ["string", "number", "boolean"] }),
        Kind::Int(low, high) => json!({ "type": ["integer", "string"], "minimum": low, "maximum": high }),
        Kind::Bool => json!({ "type": "boolean" }),
        Kind::OneOf(words) => json!({ "enum": words }),
        Kind::Texts => json!({ "type": "array", "items": text }),
        Kind::Table(known) => table(known),
        Kind::TextOrTable(known) => json!({ "anyOf": [text, table(known)] }),
        Kind::Tables(known) => json!({ "type": "array", "items": { "anyOf": [text, table(known)] } }),
        Kind::Named(known) => {
            json!({ "type": "object", "additionalProperties": { "anyOf": [text, table(known), { "type": "null" }] } })
        }
        Kind::Any | Kind::Ignored => json!({}),
    }
}
