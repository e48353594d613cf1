//! No secret in any log: a channel's whole life with the most verbose logging, and a search for every secret in every form.

#![allow(clippy::unwrap_used)]

mod support;

use perunika_client::fresh_key;
use perunika_client::types::{Close, Pay, Wei};
use perunika_core::info::{LedgerStage, VirtualStage};
use perunika_node::folder::Folder;
use std::io::Write;
use std::sync::{Arc, Mutex};
use support::{ETH, PASSWORD, Running, World, applied, http_get, until};
use tracing_subscriber::fmt::MakeWriter;

/// What must not be found, and how it is called.
struct Secrets(Vec<(String, Vec<u8>)>);

impl Secrets {
    /// A secret, if any form of it is in the text: the text itself, hexadecimal, base58, base64, or a list of numbers; whole or in
    /// part.
    fn find(&self, log: &str) -> Option<String> {
        let lower = log.to_lowercase();
        // Numbers without what stands between them.
        let digits: String = lower.chars().map(|c| if c.is_ascii_digit() { c } else { ' ' }).collect();
        let digits = format!(" {} ", digits.split_whitespace().collect::<Vec<_>>().join(" "));
        self.0.iter().find_map(|(name, bytes)| {
            let form = forms(bytes).into_iter().find(|form| match form {
                Form::Exact(text) => log.contains(text),
                Form::AnyCase(text) => lower.contains(text),
                Form::Numbers(text) => digits.contains(text),
            });
            form.map(|form| format!("{name} as {form:?}"))
        })
    }
}

#[derive(Debug)]
enum Form {
    Exact(String),
    AnyCase(String),
    Numbers(String),
}

fn forms(bytes: &[u8]) -> Vec<Form> {
    let mut forms = vec![Form::Exact(bs58::encode(bytes).into_string())];
    if let Ok(text) = std::str::from_utf8(bytes) {
        forms.push(Form::AnyCase(text.to_lowercase()));
    }
    // Shorter parts would be found by chance.
    let part = bytes.len().min(12);
    for piece in [&bytes[..part], &bytes[bytes.len() - part..]] {
        forms.push(Form::AnyCase(hex::encode(piece)));
        for base in [10, 16] {
            let number = |byte: &u8| if base == 10 { byte.to_string() } else { format!("0x{byte:02x}") };
            let list: Vec<String> = piece.iter().map(number).collect();
            match base {
                10 => forms.push(Form::Numbers(format!(" {} ", list.join(" ")))),
                _ => forms.push(Form::AnyCase(list.join(", "))),
            }
        }
    }
    forms
}

#[test]
fn the_search_finds_a_secret_in_every_form() {
    let bytes: Vec<u8> = (0..32u8).map(|i| i.wrapping_mul(73).wrapping_add(200)).collect();
    let secrets = Secrets(vec![("key".into(), bytes.clone()), ("password".into(), b"Correct Horse".to_vec())]);
    for leak in [
        format!("secret={}", hex::encode(&bytes)),
        format!("secret=0x{}", hex::encode_upper(&bytes)),
        format!("secret={bytes:?}"),
        format!("secret={bytes:#?}"),
        format!("secret={:x?}", B(&bytes)),
        format!("secret={}", bs58::encode(&bytes).into_string()),
        format!("first half {}", hex::encode(&bytes[..16])),
        format!("last half {:?}", &bytes[16..]),
        "the password is correct horse".to_string(),
    ] {
        assert!(secrets.find(&format!("12 line before\n{leak} and after 13")).is_some(), "{leak}");
    }
    for harmless in
        ["", "nothing", "secret=…", &hex::encode(alloy_primitives::keccak256(&bytes)), &format!("{:?}", &bytes[..8])]
    {
        assert_eq!(secrets.find(harmless), None, "{harmless}");
    }
}

/// Shows bytes as `[0xc8, …]`.
struct B<'a>(&'a [u8]);

impl std::fmt::LowerHex for B<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.iter().map(|byte| format!("0x{byte:02x}")).collect::<Vec<_>>().join(", "))
    }
}

impl std::fmt::Debug for B<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::LowerHex::fmt(self, f)
    }
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Everything that a node's folder and phrase give away.
fn secrets_of(node: &Running, phrase: &str, name: &str) -> Vec<(String, Vec<u8>)> {
    let mnemonic = bip39::Mnemonic::parse_normalized(phrase).unwrap();
    let seed = mnemonic.to_seed_normalized("");
    let mut secrets = vec![
        (format!("{name}'s phrase"), phrase.as_bytes().to_vec()),
        (format!("{name}'s entropy"), mnemonic.to_entropy()),
        (format!("{name}'s seed"), seed.to_vec()),
    ];
    let words: Vec<&str> = phrase.split(' ').collect();
    secrets.extend(words.windows(3).map(|three| (format!("words of {name}'s phrase"), three.join(" ").into_bytes())));
    for path in ["m/44'/60'/0'/0/0", "m/7265'/0'/0'", "m/7265'/1'/0'", "m/7265'/2'/0'"] {
        let key = bip32::XPrv::derive_from_path(seed, &path.parse().unwrap()).unwrap();
        secrets.push((format!("{name}'s key {path}"), key.private_key().to_bytes().to_vec()));
    }
    let folder = Folder::new(node.folder.path());
    let token = folder.read_token().unwrap();
    secrets.push((format!("{name}'s token"), token.clone().into_bytes()));
    secrets.push((format!("{name}'s token"), hex::decode(token).unwrap()));
    let keystore: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(folder.keystore()).unwrap()).unwrap();
    for field in ["salt", "nonce", "ciphertext"] {
        let bytes = hex::decode(keystore[field].as_str().unwrap()).unwrap();
        secrets.push((format!("{name}'s keystore, {field}"), bytes));
    }
    secrets
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_is_in_the_most_verbose_log() {
    let log = Log::default();
    let lines = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false);
    lines.with_writer(log.clone()).init();

    let world = World::new(3).await;
    let (alice, hub, bob) = (world.start(0, false).await, world.start(1, true).await, world.start(2, false).await);
    for end in [&alice, &bob] {
        end.connect(&hub).await;
        end.open_channel(hub.key(), 10 * ETH, 10 * ETH).await;
    }
    alice.connect(&bob).await;
    let open = |node: &Running| {
        let api = node.api.clone();
        async move { api.channels().await.unwrap().iter().filter(|c| c.stage == LedgerStage::Open).count() }
    };
    until(|| async { open(&hub).await == 2 }).await;
    let vc = alice.open_virtual(hub.key(), bob.key(), ETH).await;
    until(|| async { bob.api.virtual_channel(vc).await.is_ok_and(|v| v.stage == VirtualStage::Active) }).await;
    let pay = Pay { amount: Wei(7), asset: None, countersign: true, reference: None, wait_s: Some(100) };
    applied(alice.api.pay_virtual(vc, &pay, &fresh_key()).await.unwrap());
    let _ = http_get(&alice.node.api_url(), "/metrics", Some(alice.node.token())).await;
    let activation = alice.node.engine().query(move |p| p.evidence(vc).unwrap().secrets.unwrap()).await.unwrap();
    applied(alice.api.close_virtual(vc, &Close { wait_s: Some(100), ..Close::default() }, &fresh_key()).await.unwrap());
    tracing::info!(node = ?alice.node, "a node in debug output");
    let shown = alice.node.engine().query(|p| format!("{p:?}")).await.unwrap();
    tracing::info!(shown, "a participant in debug output");
    // A dispute at the end: what it shows to the chain is no secret any more.
    bob.node.shutdown().await.unwrap();
    let text = log.text();
    let channel = alice.api.channels().await.unwrap().remove(0).id.channel;
    let _ = alice.api.close_channel(channel, &Close { force: true, wait_s: Some(0) }, &fresh_key()).await;
    until(|| async { alice.api.channel(channel).await.unwrap().stage == LedgerStage::Disputed }).await;

    let mut secrets = vec![("the password".to_string(), PASSWORD.as_bytes().to_vec())];
    for (index, (node, name)) in [(&alice, "alice"), (&hub, "hub")].into_iter().enumerate() {
        secrets.extend(secrets_of(node, &world.phrase(index), name));
    }
    let keys = Secrets(secrets);
    assert_eq!(keys.find(&log.text()), None);
    let activation = activation.iter().map(|secret| ("an activation secret".to_string(), secret.0.to_vec()));
    assert_eq!(Secrets(activation.collect()).find(&text), None);
    // The log is what it claims to be.
    assert!(text.contains("TRACE") && text.contains("perunika_net") && text.len() > 100_000, "{}", text.len());
}
