//! The JSON Schema of the configuration, for editors: it is kept in `assets/config.schema.json`.

use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use crate::ui::bindings::BINDINGS;
use crate::ui::theme::BUILT_IN;

use super::Config;

/// The schema as it is stored, and printed by `bcc-top config --schema`.
pub fn generated() -> String {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<Config>().to_value();
    // What the types cannot say: the actions there are, and some names of themes.
    let keys = json!({ "type": "array", "items": { "type": "string" } });
    let actions = BINDINGS.iter().map(|binding| {
        let mut key = keys.clone();
        key["description"] = Value::from(binding.help);
        key["default"] = json!(binding.keys);
        (binding.name.to_owned(), key)
    });
    if let Some(table) = schema.pointer_mut("/properties/keys") {
        table["properties"] = Value::Object(actions.collect());
        table["additionalProperties"] = Value::Bool(false);
    }
    if let Some(theme) = schema.pointer_mut("/properties/theme") {
        theme["examples"] = BUILT_IN.iter().map(|(name, _)| Value::from(*name)).collect();
    }
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stored_schema_is_the_generated_one() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/config.schema.json");
        assert!(
            std::fs::read_to_string(path).unwrap_or_default() == generated(),
            "assets/config.schema.json is not what the types say: \
             cargo run -- config --schema > assets/config.schema.json"
        );
    }

    #[test]
    fn the_default_file_is_what_the_schema_describes() {
        let schema: Value = serde_json::from_str(&generated()).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        let file: Value = serde_json::to_value(toml::from_str::<toml::Table>(super::super::DEFAULT).unwrap()).unwrap();
        let errors: Vec<String> = validator.iter_errors(&file).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}");
        for wrong in [json!({ "themme": "dark" }), json!({ "interval": 0 }), json!({ "keys": { "pickr": ["v"] } })] {
            assert!(!validator.is_valid(&wrong), "{wrong}");
        }
    }
}
