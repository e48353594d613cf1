//! `GET /openapi.json`: the API as an OpenAPI 3.1 document, made from the endpoints and the types of their bodies.

use super::Shared;
use super::endpoint::{Endpoint, PathId, SchemaOf};
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use perunika_client::types::{ErrorBody, ErrorCode};
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

const ABOUT: &str = "The HTTP API of a Perunika node. Amounts are decimal strings in the smallest unit of the asset (wei for \
                     ETH), times are seconds of the chain's clock unless the field says otherwise, ids and hashes are 0x-hexadecimal. Every \
                     refusal, whatever its status, is an `ErrorBody` with a code for programs and one sentence for people.";
const IDEMPOTENCY: &str = "Chosen by the caller, 1 to 128 characters. The same key with the same body gives the same result, however often \
                           it is sent; with another body it is refused. Kept for seven days.";

pub(super) fn endpoint() -> Endpoint {
    Endpoint::get("/openapi.json", "This document.", show).answers::<Map<String, Value>>()
}

async fn show(State(api): Shared) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], api.document.clone())
}

/// The document.
pub(crate) fn document(endpoints: &[Endpoint]) -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut schemas = SchemaGenerator::new(settings);
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for endpoint in endpoints {
        let operation = operation(endpoint, &mut schemas);
        paths.entry(endpoint.path).or_default().insert(endpoint.method.into(), operation);
    }
    let components = schemas.take_definitions(true);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Perunika",
            "summary": "Payment, state and virtual channels on Ethereum",
            "description": ABOUT,
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "Apache-2.0 OR MIT", "identifier": "Apache-2.0 OR MIT" },
        },
        "servers": [{ "url": "http://127.0.0.1:9736", "description": "Where a node listens by default" }],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "token": { "type": "http", "scheme": "bearer", "description": "The contents of api.token, or a token of `POST /v1/tokens`." },
            },
        },
    })
}

fn operation(endpoint: &Endpoint, schemas: &mut SchemaGenerator) -> Value {
    let mut operation = Map::new();
    operation.insert("operationId".into(), operation_id(endpoint).into());
    operation.insert("summary".into(), endpoint.summary.into());
    if let Some(scope) = endpoint.scope {
        operation.insert("description".into(), format!("Needs a token with the scope `{scope}`.").into());
        operation.insert("security".into(), json!([{ "token": [] }]));
    }
    let parameters = parameters(endpoint, schemas);
    if !parameters.is_empty() {
        operation.insert("parameters".into(), parameters.into());
    }
    if let Some(body) = endpoint.body {
        let content = json!({ "application/json": { "schema": body(schemas) } });
        operation.insert("requestBody".into(), json!({ "required": true, "content": content }));
    }
    operation.insert("responses".into(), responses(endpoint, schemas));
    operation.into()
}

/// `get_v1_channels_id`, for generators of clients.
fn operation_id(endpoint: &Endpoint) -> String {
    let words = endpoint.path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    [endpoint.method].into_iter().chain(words).collect::<Vec<_>>().join("_")
}

fn parameters(endpoint: &Endpoint, schemas: &mut SchemaGenerator) -> Vec<Value> {
    let mut all = Vec::new();
    let hash = json!({ "type": "string", "pattern": "^0x[0-9a-fA-F]{64}$" });
    let names = match endpoint.id {
        None => vec![],
        Some(PathId::Channel) => vec![("id", hash)],
        Some(PathId::Name) => vec![("id", json!({ "type": "string", "minLength": 1, "maxLength": 128 }))],
        Some(PathId::Nano) => vec![("channel", hash.clone()), ("nid", hash)],
    };
    let named = |(name, schema)| json!({ "name": name, "in": "path", "required": true, "schema": schema });
    all.extend(names.into_iter().map(named));
    if endpoint.moves_money {
        let schema = json!({ "type": "string", "minLength": 1, "maxLength": 128 });
        all.push(json!({ "name": "Idempotency-Key", "in": "header", "required": true, "description": IDEMPOTENCY, "schema": schema }));
    }
    if endpoint.stream.is_some() {
        let about = "Number of the last event that was seen, as a browser sends it; the same as `after`.";
        let schema = json!({ "type": "integer", "minimum": 0 });
        all.push(json!({ "name": "Last-Event-ID", "in": "header", "description": about, "schema": schema }));
    }
    all.extend(endpoint.query.map(|query| query_parameters(query, schemas)).unwrap_or_default());
    all
}

/// The fields of the query's type, one parameter each.
fn query_parameters(query: SchemaOf, schemas: &mut SchemaGenerator) -> Vec<Value> {
    let schema = query(schemas).to_value();
    let fields = schema["properties"].as_object().cloned().unwrap_or_default();
    let show = |(name, mut schema): (String, Value)| {
        let about = schema.as_object_mut().and_then(|fields| fields.remove("description")).unwrap_or_default();
        json!({ "name": name, "in": "query", "required": false, "description": about, "schema": schema })
    };
    fields.into_iter().map(show).collect()
}

fn responses(endpoint: &Endpoint, schemas: &mut SchemaGenerator) -> Value {
    let mut all: BTreeMap<String, Value> = BTreeMap::new();
    let mut content = Map::new();
    if let Some(answer) = endpoint.answer {
        content.insert("application/json".into(), json!({ "schema": answer(schemas) }));
    }
    if let Some(event) = endpoint.stream {
        let about = "Server-sent events: `id` is the cursor, `event` the type, `data` the JSON below.";
        let schema = json!({ "type": "string", "description": about, "contentMediaType": "application/json", "contentSchema": event(schemas) });
        content.insert("text/event-stream".into(), json!({ "schema": schema }));
    }
    all.insert("200".into(), json!({ "description": "Done, or answered.", "content": content }));
    let mut by_status: BTreeMap<u16, Vec<ErrorCode>> = BTreeMap::new();
    for code in &endpoint.codes {
        by_status.entry(code.status()).or_default().push(*code);
    }
    for (status, codes) in by_status {
        let about: Vec<String> = codes.iter().map(|code| format!("`{code}`:{}", code.describe())).collect();
        let schema = schemas.subschema_for::<ErrorBody>();
        let content = json!({ "application/json": { "schema": schema } });
        all.insert(status.to_string(), json!({ "description": about.join(" "), "content": content }));
    }
    json!(all)
}
