//! Requests made from the node's own OpenAPI document: valid ones, nearly valid ones and garbage. Whatever comes, the node
//! answers what the document says, and never with a status of 500.

use super::support::{ETH, Running, World, until};
use futures::{StreamExt as _, stream};
use perunika_client::types::ErrorBody;
use perunika_core::info::{LedgerStage, VirtualStage};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Map, Value, json};
use std::time::Duration;

const REQUESTS: u64 = 3_000;
const AT_ONCE: usize = 32;

/// SplitMix64: a request is repeated from its number and the seed alone.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.roll() % n.max(1) as u64) as usize
    }

    fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

/// The document, and real things that a caller may know.
struct Knowledge {
    document: Value,
    url: String,
    token: String,
    addresses: Vec<String>,
    hashes: Vec<String>,
}

/// A call of the document.
struct Call<'a> {
    method: &'a str,
    path: &'a str,
    operation: &'a Value,
}

impl Knowledge {
    fn calls(&self) -> Vec<Call<'_>> {
        let paths = self.document["paths"].as_object().unwrap();
        let all = paths.iter().flat_map(|(path, operations)| {
            let operations = operations.as_object().unwrap().iter();
            operations.map(move |(method, operation)| Call { method, path, operation })
        });
        all.collect()
    }

    fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        match schema.get("$ref").and_then(Value::as_str) {
            Some(reference) => self.document.pointer(reference.trim_start_matches('#')).expect("a schema"),
            None => schema,
        }
    }

    /// A value that fits the schema, mostly.
    fn value(&self, dice: &mut Dice, schema: &Value, depth: usize) -> Value {
        let schema = self.resolve(schema);
        if dice.percent(3) || depth > 6 {
            return garbage(dice);
        }
        for choice in ["anyOf", "oneOf"] {
            if let Some(all) = schema.get(choice).and_then(Value::as_array) {
                let one = dice.pick(all);
                return self.value(dice, one, depth + 1);
            }
        }
        if let Some(all) = schema.get("enum").and_then(Value::as_array) {
            return dice.pick(all).clone();
        }
        if let Some(only) = schema.get("const") {
            return only.clone();
        }
        let kinds: Vec<&str> = match &schema["type"] {
            Value::String(kind) => vec![kind],
            Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
            _ => vec!["null"],
        };
        match *dice.pick(&kinds) {
            "object" => self.object(dice, schema, depth),
            "array" => {
                let length = dice.below(4);
                (0..length).map(|_| self.value(dice, &schema["items"], depth + 1)).collect()
            }
            "string" => self.string(dice, schema).into(),
            "integer" => json!(*dice.pick(&[0, 1, 2, 7, 100, 86_400, u64::from(u32::MAX), u64::MAX])),
            "boolean" => json!(dice.percent(50)),
            "number" => json!(0.5),
            _ => Value::Null,
        }
    }

    fn object(&self, dice: &mut Dice, schema: &Value, depth: usize) -> Value {
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let mut object = Map::new();
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            // Nobody waits for what a peer may never answer.
            if name == "wait_s" {
                object.insert(name.clone(), json!(0));
            } else if dice.percent(if required.contains(&name.as_str()) { 97 } else { 50 }) {
                object.insert(name.clone(), self.value(dice, field, depth + 1));
            }
        }
        if dice.percent(2) {
            object.insert("surprise".into(), garbage(dice));
        }
        object.into()
    }

    fn string(&self, dice: &mut Dice, schema: &Value) -> String {
        let pattern = schema.get("pattern").and_then(Value::as_str).unwrap_or_default();
        match pattern {
            p if p.contains("{40}") => dice.pick(&self.addresses).clone(),
            p if p.contains("{64}") => dice.pick(&self.hashes).clone(),
            p if p.contains("[0-9]{1,29}") => {
                (*dice.pick(&["0", "1", "1000", "79228162514264337593543950335", "99999999999999999999999999999"]))
                    .into()
            }
            _ => (*dice.pick(&["a", "order 17", "0x00ff", "/nowhere/file", "127.0.0.1:1", "\u{0}", "ü", ""])).into(),
        }
    }

    fn request(&self, http: &Client, dice: &mut Dice, call: &Call<'_>) -> (RequestBuilder, String) {
        let empty = Vec::new();
        let parameters = call.operation["parameters"].as_array().unwrap_or(&empty);
        let id = match dice.below(10) {
            0 => "%ff".to_string(),
            1 => "x".repeat(200),
            2 => "no".into(),
            _ => dice.pick(&self.hashes).clone(),
        };
        let mut query = Vec::new();
        let mut headers = Vec::new();
        for parameter in parameters {
            let name = parameter["name"].as_str().unwrap();
            let value = self.value(dice, &parameter["schema"], 0);
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_string);
            let value: String = value.chars().filter(|c| c.is_ascii_alphanumeric()).collect();
            match parameter["in"].as_str().unwrap() {
                "query" if dice.percent(40) => query.push(format!("{name}={value}")),
                "header" if name == "Last-Event-ID" && dice.percent(70) => {}
                "header" if dice.percent(95) => {
                    headers.push((name.to_string(), format!("{value}{}", dice.below(1_000))));
                }
                _ => {}
            }
        }
        let path = format!(
            "{}?{}",
            call.path.replace("{id}", &id).replace("{channel}", &id).replace("{nid}", dice.pick(&self.hashes).as_str()),
            query.join("&")
        );
        let method = Method::from_bytes(call.method.to_uppercase().as_bytes()).unwrap();
        let mut request = http.request(method, format!("{}{path}", self.url));
        if !dice.percent(3) {
            request = request.bearer_auth(if dice.percent(97) { &self.token } else { "0123_4567" });
        }
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let schema = &call.operation["requestBody"]["content"]["application/json"]["schema"];
        let body = match dice.below(20) {
            _ if schema.is_null() => String::new(),
            0 => "{\"".into(),
            1 => String::new(),
            2 => garbage(dice).to_string(),
            3 => "x".repeat(70_000),
            _ => self.value(dice, schema, 0).to_string(),
        };
        let kind = if dice.percent(97) { "application/json" } else { "text/plain" };
        let shown = format!("{} {path} {}", call.method, body.chars().take(300).collect::<String>());
        (request.header("content-type", kind).header("accept", "application/json").body(body), shown)
    }

    /// What is wrong with an answer, in words.
    async fn check(&self, call: &Call<'_>, response: reqwest::Response) -> Result<u16, String> {
        let status = response.status().as_u16();
        let kind = response.headers().get("content-type").and_then(|k| k.to_str().ok()).unwrap_or_default().to_string();
        let documented = &call.operation["responses"][status.to_string()];
        if documented.is_null() || status == 500 {
            return Err(format!("status {status}, which is not allowed: {:?}", response.text().await));
        }
        if kind != "application/json" {
            return Err(format!("status {status} with the content type {kind}"));
        }
        let bytes = response.bytes().await.map_err(|error| error.to_string())?;
        let body: Value = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
        if status >= 400 {
            let error: ErrorBody = serde_json::from_value(body.clone()).map_err(|error| error.to_string())?;
            let about = documented["description"].as_str().unwrap_or_default();
            let listed = about.contains(&format!("`{}`", error.error.code)) && error.error.code.status() == status;
            if !listed || error.error.message.is_empty() {
                return Err(format!("status {status} with an undocumented refusal {body}"));
            }
        }
        self.fits(&documented["content"]["application/json"]["schema"], &body).map(|()| status)
    }

    /// Whether a value fits a schema, as far as this API's schemas go.
    fn fits(&self, schema: &Value, value: &Value) -> Result<(), String> {
        let schema = self.resolve(schema);
        let wrong = || Err(format!("{value} does not fit {schema}"));
        for choice in ["anyOf", "oneOf"] {
            if let Some(all) = schema.get(choice).and_then(Value::as_array)
                && !all.iter().any(|one| self.fits(one, value).is_ok())
            {
                return wrong();
            }
        }
        if schema.get("enum").and_then(Value::as_array).is_some_and(|all| !all.contains(value))
            || schema.get("const").is_some_and(|only| only != value)
        {
            return wrong();
        }
        let actual = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(number) if number.is_u64() || number.is_i64() => "integer",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        let names = |name: &str| name == actual || (name == "number" && actual == "integer");
        let allowed = match &schema["type"] {
            Value::String(kind) => names(kind),
            Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).any(names),
            _ => true,
        };
        if !allowed {
            return wrong();
        }
        for item in value.as_array().into_iter().flatten().filter(|_| schema.get("items").is_some()) {
            self.fits(&schema["items"], item)?;
        }
        let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
        for name in required {
            if value.is_object() && value.get(name).is_none() {
                return wrong();
            }
        }
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            value.get(name).map_or(Ok(()), |value| self.fits(field, value))?;
        }
        Ok(())
    }
}

fn garbage(dice: &mut Dice) -> Value {
    let all = [
        json!(null),
        json!(-1),
        json!(1.5),
        json!("\u{1F600}"),
        json!([[[]]]),
        json!({ "a": {} }),
        json!(true),
        json!("0x"),
        json!(u64::MAX),
        json!("9".repeat(100)),
    ];
    dice.pick(&all).clone()
}

async fn knowledge(alice: &Running, others: &[&Running]) -> Knowledge {
    let hashes = alice.api.channels().await.unwrap().into_iter().map(|channel| channel.id.channel.to_string());
    let more = alice.api.virtuals().await.unwrap().into_iter().map(|channel| channel.id.channel.to_string());
    let unknown = format!("0x{}", "5a".repeat(32));
    Knowledge {
        document: alice.api.openapi().await.unwrap(),
        url: alice.node.api_url(),
        token: alice.node.token().to_string(),
        addresses: others.iter().map(|node| node.key().to_string()).chain([format!("0x{}", "00".repeat(20))]).collect(),
        hashes: hashes.chain(more).chain([unknown]).collect(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_node_answers_as_its_document_says_whatever_it_is_asked() {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_261_125);
    println!("seed {seed}");
    let world = World::new(3).await;
    let (alice, hub, bob) = (world.start(0, false).await, world.start(1, true).await, world.start(2, false).await);
    for (one, other) in [(&alice, &hub), (&bob, &hub), (&alice, &bob)] {
        one.connect(other).await;
    }
    alice.open_channel(hub.key(), 10 * ETH, 10 * ETH).await;
    bob.open_channel(hub.key(), 10 * ETH, 10 * ETH).await;
    until(|| async {
        let channels = hub.api.channels().await.unwrap();
        channels.iter().filter(|channel| channel.stage == LedgerStage::Open).count() == 2
    })
    .await;
    let vc = alice.open_virtual(hub.key(), bob.key(), ETH).await;
    until(|| async { bob.api.virtual_channel(vc).await.is_ok_and(|v| v.stage == VirtualStage::Active) }).await;

    let known = knowledge(&alice, &[&alice, &hub, &bob]).await;
    let http = Client::builder().no_proxy().timeout(Duration::from_secs(100)).build().unwrap();
    let calls = known.calls();
    let (known, calls, http) = (&known, &calls, &http);
    let answers = stream::iter(0..REQUESTS).map(|number| async move {
        let mut dice = Dice(seed ^ number.wrapping_mul(0x5851_f42d_4c95_7f2d));
        let call = dice.pick(calls);
        let (request, shown) = known.request(http, &mut dice, call);
        let outcome = match request.send().await {
            Ok(response) => known.check(call, response).await,
            Err(error) => Err(format!("no answer: {error:?}")),
        };
        outcome.map_err(|wrong| format!("request {number} of seed {seed}: {shown}\n{wrong}"))
    });
    let outcomes: Vec<_> = answers.buffer_unordered(AT_ONCE).collect().await;
    let wrong: Vec<&String> = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).take(10).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    let count = |class: u16| outcomes.iter().flatten().filter(|status| **status / 100 == class).count();
    println!("{} done, {} refused, {} failed elsewhere", count(2), count(4), count(5));
    assert!(count(2) > 500 && count(4) > 500, "the generator makes valid and invalid requests");
    assert!(alice.api.health().await.unwrap().ok);
}
