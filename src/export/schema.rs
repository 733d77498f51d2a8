//! The published JSON Schema, generated from the types of [`shape`](super::shape).

use schemars::generate::SchemaSettings;

use super::shape::Output;

/// The schema of everything that is written for programs, as it is stored in `assets/schema.json`
/// and printed by `bcc-top schema`.
pub fn generated() -> String {
    // What is described is what is written: fields that are always there are required.
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let mut schema = generator.into_root_schema_for::<Output<'_>>();
    schema.insert("title".to_owned(), super::SCHEMA.into());
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// Whether `document` is what the schema calls `name`; the mistakes if it is not.
    pub(crate) fn validate(name: &str, document: &Value) -> Result<(), Vec<String>> {
        let root: Value = serde_json::from_str(&generated()).unwrap();
        let defs = root["$defs"].clone();
        assert!(defs.get(name).is_some(), "the schema does not define {name}: {:?}", defs.as_object().unwrap().keys());
        let schema = json!({ "$ref": format!("#/$defs/{name}"), "$defs": defs });
        let validator = jsonschema::validator_for(&schema).unwrap();
        let errors: Vec<String> =
            validator.iter_errors(document).map(|e| format!("{}: {e}", e.instance_path())).collect();
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    #[test]
    fn the_stored_schema_is_the_generated_one() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/schema.json");
        // To store a new one: cargo run -- schema > assets/schema.json
        // and look at the difference: within bcc-top/1 things are only added.
        assert!(
            std::fs::read_to_string(path).unwrap() == generated(),
            "assets/schema.json is not what the types say: cargo run -- schema > assets/schema.json"
        );
    }

    #[test]
    fn the_schema_refuses_what_is_no_document() {
        assert!(validate("Document", &json!({ "schema": "bcc-top/1", "frames": [] })).is_err());
        assert!(validate("Header", &json!({ "type": "frame" })).is_err());
    }
}
