//! A chain in this process, folders, and the command.

use perunika_core::Address;
use perunika_devnet::{Config, Server, ServerHandle, dev_key};
use perunika_node::config::Template;
use perunika_node::folder::{Folder, Identity};
use perunika_node::keys::Phrase;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

pub(crate) const PASSWORD: &str = "correct horse";
pub(crate) const ANY_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
pub(crate) const STRANGER: Address = Address::repeat_byte(0x5e);

/// The command, with an environment that says nothing about nodes.
pub(crate) fn perunika(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_perunika"));
    for name in ["PERUNIKA_DIR", "PERUNIKA_PASSWORD", "PERUNIKA_FUNDER_KEY", "RUST_LOG"] {
        command.env_remove(name);
    }
    command.args(args).stdin(Stdio::null());
    command
}

/// Runs the command to its end.
pub(crate) fn run(args: &[&str]) -> Output {
    perunika(args).output().expect("the command starts")
}

/// Asserts that it failed with this exit code and one sentence on the standard error that contains `words`.
pub(crate) fn assert_refused(output: &Output, code: i32, words: &str) {
    let error = String::from_utf8_lossy(&output.stderr);
    // The log of a node goes the same way; the sentence comes last.
    let sentence = error.lines().last().unwrap_or_default();
    assert!(sentence.starts_with("error: "), "{error}");
    assert!(sentence.contains(words), "`{words}` is not in: {error}");
    assert_eq!(output.status.code(), Some(code), "{error}");
    assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// An embedded chain without empty blocks.
pub(crate) struct Chain {
    pub(crate) runtime: tokio::runtime::Runtime,
    pub(crate) server: ServerHandle,
}

impl Chain {
    pub(crate) fn start() -> Self {
        let runtime = tokio::runtime::Runtime::new().expect("threads");
        let config = Config { listen: ANY_PORT, ..Config::default() };
        let server = runtime.block_on(Server::start(config)).expect("the chain starts");
        Self { runtime, server }
    }

    pub(crate) fn url(&self) -> String {
        self.server.url()
    }

    pub(crate) fn deploy(&self) -> Address {
        let owner = perunika_chain::OwnerKey::from_bytes(&dev_key(0)).expect("a key");
        self.runtime.block_on(perunika_chain::deploy(&self.url(), &owner)).expect("deployed").address
    }
}

/// A chain that says its id and knows nothing else.
pub(crate) struct DeafChain {
    pub(crate) url: String,
}

impl DeafChain {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind(ANY_PORT).expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        // Ends with the tests' process.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let _ = answer(stream);
            }
        });
        Self { url }
    }
}

/// Answers one request and hangs up.
fn answer(mut stream: TcpStream) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let line = line.trim().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let asked: serde_json::Value = serde_json::from_slice(&body).ok()?;
    let mut said = serde_json::json!({ "jsonrpc": "2.0", "id": asked["id"] });
    match asked["method"].as_str()? {
        "eth_chainId" => said["result"] = "0x1".into(),
        _ => said["error"] = serde_json::json!({ "code": -32601, "message": "method not found" }),
    }
    let said = said.to_string();
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close";
    write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{said}", said.len()).ok()
}

/// A folder that goes when the test ends.
pub(crate) struct Home(tempfile::TempDir);

impl Home {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.0.path().join("node")
    }

    pub(crate) fn text(&self) -> String {
        self.path().display().to_string()
    }

    /// A node's folder with everything in it.
    pub(crate) fn init(&self, rpc: &str, chain_id: u64, adjudicator: Address) -> Identity {
        let domain = perunika_core::Domain { chain_id, adjudicator };
        let template = Template { listen: ANY_PORT, api: ANY_PORT, ..Template::new(rpc, domain) };
        let phrase = Phrase::generate().expect("a phrase");
        Folder::new(self.path()).init(&template, &phrase, PASSWORD).expect("a node's folder")
    }

    /// Names of what is in it.
    pub(crate) fn entries(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.path()) else { return Vec::new() };
        let mut names: Vec<String> =
            entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// Runs the node to its end, which is expected to be soon.
    pub(crate) fn node(&self) -> Output {
        perunika(&["--dir", &self.text(), "node"]).env("PERUNIKA_PASSWORD", PASSWORD).output().expect("starts")
    }
}

/// A process that is killed when the test ends.
pub(crate) struct Running {
    pub(crate) child: Child,
    pub(crate) stdout: BufReader<ChildStdout>,
}

impl Running {
    pub(crate) fn spawn(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        Self { child, stdout }
    }

    /// A node that answers.
    pub(crate) fn node(dir: &Path) -> Self {
        let mut command = perunika(&["--dir", &dir.display().to_string(), "node"]);
        command.env("PERUNIKA_PASSWORD", PASSWORD);
        let mut node = Self::spawn(command);
        let line = node.line();
        assert!(line.contains("API at"), "{line}{}", node.errors());
        node
    }

    /// The next line that it prints; waits for it.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("readable");
        line
    }

    /// The next line of the standard error; waits for it.
    pub(crate) fn error_line(&mut self) -> String {
        let errors = self.child.stderr.as_mut().expect("a pipe");
        let (mut line, mut byte) = (Vec::new(), [0]);
        // Without a buffer: what follows the line is for the next call.
        while errors.read(&mut byte).expect("readable") == 1 && byte != [b'\n'] {
            line.extend(byte);
        }
        String::from_utf8(line).expect("text")
    }

    fn errors(&mut self) -> String {
        let mut text = String::new();
        let _ = self.child.kill();
        self.child.stderr.take().map(|mut errors| errors.read_to_string(&mut text));
        text
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
