//! The chain under the nodes: the embedded one, or the anvil that `PERUNIKA_TEST_ANVIL` names. With `PERUNIKA_TEST_REORGS` set it
//! is reorganised at random moments, below the nodes' finality depth; `PERUNIKA_TEST_SEED` repeats a run's moments and depths.

use super::ETH;
use alloy::providers::{Provider, RootProvider};
use alloy_primitives::{Address, Bytes, U256, hex};
use perunika_core::funding::PERMIT2;
use perunika_devnet::{Server, ServerHandle, dev_address};
use serde_json::{Value, json};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::task::JoinHandle;

/// `contracts/test/support/NamedToken.sol`.
const TOKEN: &str = include_str!("../../../../contracts/artifacts/test/NamedToken.json");
/// `contracts/test/support/Permit2.sol`, which stands for Permit2.
const PERMIT2_CODE: &str = include_str!("../../../../contracts/artifacts/test/Permit2.json");
/// Blocks above a final one, for nodes on a chain that is reorganised.
const FINALITY_DEPTH: u64 = 4;
/// Between two reorganisations, milliseconds.
const PAUSE_MS: std::ops::Range<u64> = 300..2_500;

pub struct Chain {
    url: String,
    kind: Kind,
    reorgs: Option<JoinHandle<()>>,
}

enum Kind {
    Embedded(ServerHandle),
    Anvil(Anvil),
}

impl Chain {
    /// With ether for each of `accounts`, and for development account 0.
    pub async fn start(accounts: &[Address]) -> Self {
        let kind = match std::env::var_os("PERUNIKA_TEST_ANVIL") {
            Some(binary) => Kind::Anvil(Anvil::start(&binary)),
            None => {
                let listen = SocketAddr::from(([127, 0, 0, 1], 0));
                let config = perunika_devnet::Config { listen, ..Default::default() };
                Kind::Embedded(Server::start(config).await.unwrap())
            }
        };
        let url = match &kind {
            Kind::Embedded(server) => server.url(),
            Kind::Anvil(anvil) => anvil.url.clone(),
        };
        let chain = Self { url, kind, reorgs: None };
        for account in accounts.iter().chain([&dev_address(0)]) {
            chain.ask("anvil_setBalance", json!([account, U256::from(100 * ETH)])).await;
        }
        chain
    }

    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// What nodes on this chain must be told; their preset's if none.
    pub fn finality_depth(&self) -> Option<u64> {
        std::env::var_os("PERUNIKA_TEST_REORGS").map(|_| FINALITY_DEPTH)
    }

    /// Lets the reorganisations begin, if they are wanted. What is in the chain until now stays.
    pub async fn trouble(&mut self) {
        if self.finality_depth().is_none() {
            return;
        }
        self.ask("anvil_mine", json!([FINALITY_DEPTH])).await;
        let seed = std::env::var("PERUNIKA_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or_else(|| RandomState::new().build_hasher().finish());
        println!("reorganisations: PERUNIKA_TEST_SEED={seed}");
        let (provider, embedded) = (self.provider(), matches!(self.kind, Kind::Embedded(_)));
        self.reorgs = Some(tokio::spawn(reorganise(provider, embedded, seed)));
    }

    /// Ends the chain; nobody answers at its address any more.
    pub async fn shutdown(mut self) {
        if let Some(reorgs) = self.reorgs.take() {
            reorgs.abort();
        }
        if let Kind::Embedded(server) = self.kind {
            server.shutdown().await;
        }
    }

    /// What an account holds, wei.
    pub async fn balance(&self, account: Address) -> u128 {
        self.provider().get_balance(account).await.unwrap().to()
    }

    /// A token called USDC with 6 decimals, of which everybody may make as much as he likes.
    pub async fn token(&self) -> Address {
        let artifact: Value = serde_json::from_str(TOKEN).unwrap();
        let code = &artifact["bytecode"];
        let sent = json!([{ "from": dev_address(0), "data": code, "gas": "0x4c4b40" }]);
        let receipt = self.mined(sent).await;
        receipt["contractAddress"].as_str().unwrap().parse().unwrap()
    }

    pub async fn mint(&self, token: Address, to: Address, amount: u128) {
        let data = [&hex!("40c10f19")[..], to.into_word().as_slice(), &U256::from(amount).to_be_bytes::<32>()].concat();
        self.mined(json!([{ "from": dev_address(0), "to": token, "data": Bytes::from(data) }])).await;
    }

    /// Puts what stands for Permit2 where Permit2 lies on every chain, and lets it take so much of a token from an account.
    pub async fn permit2(&self, token: Address, owner: Address, amount: u128) {
        let artifact: Value = serde_json::from_str(PERMIT2_CODE).unwrap();
        let code = &artifact["deployedBytecode"];
        self.ask("anvil_setCode", json!([PERMIT2, code])).await;
        self.ask("anvil_impersonateAccount", json!([owner])).await;
        let (to, much) = (PERMIT2.into_word(), U256::from(amount).to_be_bytes::<32>());
        let data = [&hex!("095ea7b3")[..], to.as_slice(), &much].concat();
        self.mined(json!([{ "from": owner, "to": token, "data": Bytes::from(data) }])).await;
    }

    pub async fn set_balance(&self, account: Address, wei: u128) {
        self.ask("anvil_setBalance", json!([account, U256::from(wei)])).await;
    }

    /// What an account holds of a token.
    pub async fn holds(&self, token: Address, account: Address) -> U256 {
        let data = [&hex!("70a08231")[..], account.into_word().as_slice()].concat();
        let asked = json!([{ "to": token, "data": Bytes::from(data) }, "latest"]);
        self.ask("eth_call", asked).await.as_str().unwrap().parse().unwrap()
    }

    /// The receipt of a transaction of development account 0.
    async fn mined(&self, transaction: Value) -> Value {
        let hash = self.ask("eth_sendTransaction", transaction).await;
        loop {
            let receipt = self.ask("eth_getTransactionReceipt", json!([hash])).await;
            if !receipt.is_null() {
                assert_eq!(receipt["status"], "0x1", "{receipt}");
                return receipt;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Moves the clock and mines a block; its time, seconds. What was there before is final by then: a reorganisation takes back
    /// blocks, and never more time than nodes keep from their deadlines.
    pub async fn warp(&self, seconds: u64) -> u64 {
        if let Some(depth) = self.finality_depth() {
            self.ask("anvil_mine", json!([depth])).await;
        }
        self.ask("evm_increaseTime", json!([seconds])).await;
        self.ask("evm_mine", json!([])).await;
        head_time(&self.provider()).await
    }

    fn provider(&self) -> RootProvider {
        RootProvider::new_http(self.url.parse().unwrap())
    }

    async fn ask(&self, method: &'static str, params: Value) -> Value {
        self.provider().raw_request(method.into(), params).await.unwrap()
    }
}

async fn reorganise(provider: RootProvider, embedded: bool, seed: u64) {
    let (mut random, mut newest) = (Random(seed), 0);
    loop {
        tokio::time::sleep(Duration::from_millis(random.within(PAUSE_MS))).await;
        let depth = random.within(1..FINALITY_DEPTH);
        // The lost transactions come back at once, later, in another order, or only when their senders repeat them. Anvil knows
        // the last of these.
        let how = ["same", "later", "reverse", "drop"][random.within(0..4) as usize];
        let params = if embedded { json!([depth, how]) } else { json!([depth, []]) };
        newest = newest.max(head_time(&provider).await);
        if let Err(error) = provider.raw_request::<_, Value>("anvil_reorg".into(), params).await {
            println!("no reorganisation {depth} deep: {error}");
        }
        if !embedded {
            // Anvil takes its time back to that of the block that stays; on a real chain it goes on, and nodes rely on that.
            let lost = newest.saturating_sub(head_time(&provider).await);
            let _: Result<Value, _> = provider.raw_request("evm_increaseTime".into(), (lost + 1,)).await;
        }
    }
}

async fn head_time(provider: &RootProvider) -> u64 {
    let head = provider.get_block_by_number(Default::default()).await.ok().flatten();
    head.map_or(0, |block| block.header.timestamp)
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn within(&mut self, range: std::ops::Range<u64>) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        range.start + (mixed ^ (mixed >> 31)) % (range.end - range.start)
    }
}

/// The process; killed with the value.
struct Anvil {
    url: String,
    process: Child,
}

impl Anvil {
    fn start(binary: &std::ffi::OsStr) -> Self {
        let args = ["--port", "0", "--block-time", "1", "--mixed-mining", "--slots-in-an-epoch", "1"];
        let mut process = Command::new(binary).args(args).stdout(Stdio::piped()).spawn().expect("anvil starts");
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut told = || Some(lines.next()?.unwrap().strip_prefix("Listening on ")?.to_owned());
        let place = std::iter::repeat_with(&mut told).take(1_000).find_map(|place| place);
        let url = format!("http://{}", place.expect("anvil says where it listens"));
        // It must not wait for somebody who reads what it says.
        std::thread::spawn(move || lines.for_each(drop));
        Self { url, process }
    }
}

impl Drop for Anvil {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
