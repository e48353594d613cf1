use super::*;
use std::path::Path;

const COMMITTED: &str = "../../docs/openapi.json";

fn pretty() -> String {
    let document = openapi::document(&endpoints());
    format!("{}\n", serde_json::to_string_pretty(&document).expect("JSON"))
}

/// `UPDATE=1` writes the committed document again.
#[test]
fn the_committed_document_is_the_generated_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(COMMITTED);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, pretty()).expect("the document is written");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == pretty(), "docs/openapi.json is old: run this test with UPDATE=1");
}

#[test]
fn every_reference_of_the_document_leads_somewhere() {
    fn references<'a>(value: &'a serde_json::Value, found: &mut Vec<&'a str>) {
        match value {
            serde_json::Value::Object(fields) => fields.iter().for_each(|(key, value)| match value.as_str() {
                Some(text) if key == "$ref" => found.push(text),
                _ => references(value, found),
            }),
            serde_json::Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }
    let document = openapi::document(&endpoints());
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 50, "{}", found.len());
    for reference in found {
        let pointer = reference.strip_prefix('#').expect("a local reference");
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

#[test]
fn every_call_names_its_scope_and_an_answer() {
    for endpoint in endpoints() {
        let open = ["/v1/health", "/v1/ready", "/openapi.json"].contains(&endpoint.path);
        assert_eq!(endpoint.scope.is_none(), open, "{}", endpoint.path);
        assert!(endpoint.answer.is_some(), "{}", endpoint.path);
        assert_eq!(endpoint.path.contains('{'), endpoint.id.is_some(), "{}", endpoint.path);
    }
}
