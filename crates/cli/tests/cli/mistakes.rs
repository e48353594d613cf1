//! Bad input of every kind is refused with one sentence and the right exit code, and changes nothing on the disk.

use crate::bench::{Chain, Home, PASSWORD, Running, STRANGER, assert_refused, perunika};
use perunika_client::ClientError;
use perunika_client::types::{OpenChannel, Source, Wei};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Every file with its bytes.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            all.extend(contents(&path));
        } else {
            all.insert(path.clone(), std::fs::read(&path).expect("a file"));
        }
    }
    all
}

/// The node refuses to start and leaves the folder as it is.
fn assert_untouched(home: &Home, code: i32, words: &str) {
    let before = contents(&home.path());
    let output = home.node();
    assert_refused(&output, code, words);
    assert_eq!(String::from_utf8_lossy(&output.stderr).lines().filter(|line| line.starts_with("error: ")).count(), 1);
    assert!(contents(&home.path()) == before, "the folder has changed");
}

fn edit(home: &Home, name: &str, change: impl FnOnce(String) -> String) {
    let path = home.path().join(name);
    let text = std::fs::read_to_string(&path).expect("a file");
    std::fs::write(&path, change(text)).expect("written");
}

fn line_of(home: &Home, text: &str) -> usize {
    let config = std::fs::read_to_string(home.path().join("config.toml")).expect("a file");
    1 + config.lines().position(|line| line.contains(text)).expect("the line")
}

#[test]
fn a_mistake_in_the_config_file_is_named_with_its_line() {
    for (wrong, word) in [
        ("enabled = tru", "invalid"),
        ("colour = 1", "colour"),
        ("enabled = 1", "boolean"),
        ("fee_base = 5", "unit"),
        ("fee_base = \"5 apples\"", "apples"),
    ] {
        let home = Home::new();
        home.init("http://127.0.0.1:1", 1, STRANGER);
        edit(&home, "config.toml", |text| text.replace("enabled = false", wrong));
        let line = line_of(&home, wrong);
        assert_untouched(&home, 2, &format!("config.toml:{line}: "));
        assert_untouched(&home, 2, word);
    }
    let home = Home::new();
    home.init("http://127.0.0.1:1", 1, STRANGER);
    edit(&home, "config.toml", |text| text.replace("#term = 3600", "term = 90000"));
    let line = line_of(&home, "term = 90000");
    assert_untouched(&home, 2, &format!("config.toml:{line}: `term` is 90000, above `term_max`, 86400"));
}

#[test]
fn a_keystore_that_does_not_open_changes_nothing() {
    let home = Home::new();
    home.init("http://127.0.0.1:1", 1, STRANGER);
    let before = contents(&home.path());
    let mut command = perunika(&["--dir", &home.text(), "node"]);
    assert_refused(&command.env("PERUNIKA_PASSWORD", "another").output().expect("starts"), 2, "does not open");
    assert!(contents(&home.path()) == before);

    edit(&home, "keystore.json", |text| text.replace("argon2id", "argon9"));
    assert_untouched(&home, 2, "keystore.json");
    edit(&home, "keystore.json", |text| text[..text.len() / 2].to_owned());
    assert_untouched(&home, 2, "keystore.json");
    std::fs::remove_file(home.path().join("keystore.json")).expect("removed");
    assert_untouched(&home, 2, "keystore.json");
}

#[test]
fn a_second_node_on_a_folder_is_refused_and_disturbs_nothing() {
    let (home, chain) = (Home::new(), Chain::start());
    home.init(&chain.url(), 31_337, chain.deploy());
    let mut first = Running::node(&home.path());
    assert_refused(&home.node(), 1, "already open");
    // The first one goes on.
    let output = perunika(&["--dir", &home.text(), "info"]).output().expect("starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(first.child.try_wait().expect("a child"), None);
}

#[test]
fn a_store_of_a_newer_release_is_refused_and_not_touched() {
    use perunika_store::{Schema, Store, StoreConfig, WriteBatch};
    let (home, chain) = (Home::new(), Chain::start());
    home.init(&chain.url(), 31_337, chain.deploy());
    let newer = StoreConfig { schema: Schema { version: 99, migrations: Vec::new() }, ..StoreConfig::default() };
    let store = Store::open_with(home.path().join("data"), &newer).expect("a store");
    store.commit_blocking(WriteBatch::new().put(b"key".to_vec(), b"of the future".to_vec())).expect("written");
    drop(store);
    assert_untouched(&home, 1, "schema 99");
}

#[test]
fn a_damaged_store_is_refused() {
    let (home, chain) = (Home::new(), Chain::start());
    home.init(&chain.url(), 31_337, chain.deploy());
    std::fs::create_dir(home.path().join("data")).expect("made");
    std::fs::write(home.path().join("data/perunika.redb"), b"this is no database").expect("written");
    assert_untouched(&home, 1, "cannot use the store");
}

/// Files may not grow beyond this: what a full disk does, without one. The signal that comes with it is ignored, as by a service.
#[cfg(unix)]
fn with_limit(home: &Home, kib: u64) -> std::process::Command {
    let node = env!("CARGO_BIN_EXE_perunika");
    let mut command = std::process::Command::new("bash");
    let script = format!("trap '' XFSZ; ulimit -f {kib}; exec '{node}' --dir '{}' node", home.text());
    command
        .args(["-c", &script])
        .env("PERUNIKA_PASSWORD", PASSWORD)
        .env_remove("RUST_LOG")
        .stdin(std::process::Stdio::null());
    command
}

#[cfg(unix)]
#[test]
fn a_full_disk_stops_the_node_with_one_sentence_and_loses_nothing() {
    let (home, chain) = (Home::new(), Chain::start());
    let me = home.init(&chain.url(), 31_337, chain.deploy()).key;
    // Not even a new store has room.
    let output = with_limit(&home, 1).output().expect("starts");
    assert_refused(&output, 1, "store");

    drop(Running::node(&home.path()));
    let size = std::fs::metadata(home.path().join("data/perunika.redb")).expect("a store").len();
    let mut node = Running::spawn(with_limit(&home, size / 1024));
    assert!(node.line().contains("API at"));
    let token = std::fs::read_to_string(home.path().join("api.token")).expect("a token");
    let api = std::fs::read_to_string(home.path().join("api.address")).expect("an address");
    let client = perunika_client::Client::new(&format!("http://{}", api.trim()), token.trim());
    let nobody = |amount| OpenChannel {
        peer: me,
        asset: Default::default(),
        amount: Wei(amount),
        peer_amount: Wei(0),
        lane: 0,
        from: Some(Source::Wallet),
        peer_sends: false,
        wait_s: Some(100),
    };
    // Every call that moves money is durable under its key before it does anything, also one that comes to nothing: they fill the
    // store until a write fails.
    let key = |index: u32| format!("{index:0120}");
    let answered = chain.runtime.block_on(async {
        for index in 0..100_000 {
            match client.open_channel(&nobody(1), &key(index)).await {
                Err(ClientError::Refused { status: 422, .. }) => {}
                _ => return index,
            }
        }
        panic!("the disk never was full");
    });
    assert!(answered > 0);
    let status = node.child.wait().expect("a child");
    assert_eq!(status.code(), Some(1));
    let mut errors = String::new();
    std::io::Read::read_to_string(&mut node.child.stderr.take().expect("a pipe"), &mut errors).expect("readable");
    let last = errors.lines().last().unwrap_or_default();
    assert!(last.starts_with("error: ") && last.contains("failed write"), "{last}");

    // With room again, everything that was acknowledged is there.
    let _node = Running::node(&home.path());
    let api = std::fs::read_to_string(home.path().join("api.address")).expect("an address");
    let client = perunika_client::Client::new(&format!("http://{}", api.trim()), token.trim());
    for index in [0, answered - 1] {
        let other = chain.runtime.block_on(client.open_channel(&nobody(2), &key(index)));
        assert!(matches!(other, Err(ClientError::Refused { status: 409, .. })), "call {index} is lost: {other:?}");
    }
}
