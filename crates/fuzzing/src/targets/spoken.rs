//! Real messages and real disks, from stories of the simulator: one of each kind, the first that was said.

use perunika_contracts::view;
use perunika_core::chain::{ChainUpdate, Watch};
use perunika_core::io::{Command, Env, Output};
use perunika_core::message::{Message, NanoTerms};
use perunika_core::params::ChannelParams;
use perunika_core::participant::Config;
use perunika_core::sig::{MemoryKey, RawKey, Signature};
use perunika_core::{Address, B256, Domain, Participant};
use perunika_devnet::{CallRequest, Chain};
use perunika_sim::{ETH, Stage, Tap, World};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

/// Records of a node, as its disk holds them.
pub(super) type Disk = BTreeMap<Vec<u8>, Vec<u8>>;

/// How many people are in the story.
pub(super) const PEOPLE: usize = 3;

/// One of them.
pub(super) struct Person {
    pub(super) owner: Address,
    pub(super) key: MemoryKey,
}

/// The key of one of them, lent.
#[derive(Debug)]
pub(super) struct Pen(&'static MemoryKey);

impl RawKey for Pen {
    fn address(&self) -> Address {
        self.0.address()
    }

    fn sign(&self, digest: B256) -> Signature {
        self.0.sign(digest)
    }

    fn activation_secret(&self, draft: B256) -> B256 {
        self.0.activation_secret(draft)
    }
}

impl Person {
    pub(super) fn pen(&'static self) -> Pen {
        Pen(&self.key)
    }

    pub(super) fn key_address(&self) -> Address {
        self.key.address()
    }
}

/// What a story left behind.
pub(super) struct Told {
    pub(super) domain: Domain,
    /// Ends and hub of the path, from the left.
    pub(super) people: Vec<Person>,
    /// Ids of the ledger channels.
    pub(super) links: Vec<B256>,
    /// Their parameters.
    pub(super) channels: Vec<ChannelParams>,
    /// Id of the virtual channel.
    pub(super) vc: B256,
    /// The chain at the end.
    pub(super) chain: Chain,
    pub(super) messages: Vec<(String, Message)>,
    /// After the channels were opened, after a virtual channel and a nanocontract were, and at the end; of each node.
    pub(super) disks: Vec<Disk>,
    /// What the chain shows a node that starts from each of the disks.
    pub(super) updates: Vec<ChainUpdate>,
    /// Logs of the contract: topics and data.
    pub(super) logs: Vec<(Vec<B256>, Vec<u8>)>,
    /// Answers of its views, by number of the view in the target for them.
    pub(super) answers: Vec<(u8, Vec<u8>)>,
}

/// `STOP`: a nanocontract whose steps result in nothing; good enough to be opened.
const CODE: [u8; 1] = [0];

pub(super) fn messages() -> &'static [(String, Message)] {
    &told().messages
}

/// Told once.
pub(super) fn told() -> &'static Told {
    static TOLD: OnceLock<Told> = OnceLock::new();
    TOLD.get_or_init(tell)
}

fn tell() -> Told {
    let mut stage = Stage::new(1, 2);
    let (mut disks, mut updates) = (Vec::new(), Vec::new());
    let mut keep = |world: &World| {
        for node in 0..PEOPLE {
            disks.push(world.disk(node));
            updates.push(shown(world, node));
        }
    };
    keep(&stage.world);
    let vc = stage.open(ETH, ETH);
    let vc = vc.id(&stage.world.ground.domain);
    stage.world.pay(0, vc, ETH / 10);
    stage.world.stream(0, vc, ETH / 100);
    stage.world.run_for(2_000);
    let link = stage.links[0];
    let terms = NanoTerms {
        total: ETH,
        da0: ETH / 4,
        mover0: 0,
        code_hash: alloy_primitives::keccak256(CODE),
        gas: 50_000,
        k_max: 5,
        storage: vec![1; 32],
    };
    let nid = stage.world.open_nano(0, 1, link, &terms, &CODE);
    stage.world.command(1, Command::HandNano { ch: link, nid, input: vec![2; 32] });
    stage.world.step_nano(0, link, nid, vec![3; 32]);
    stage.world.run_for(1_000);
    let reference = b"invoice 7".to_vec();
    let noted = Command::Pay { ch: vc, amount: 5, cosign: true, reference };
    stage.world.command(0, noted);
    stage.world.run_for(3_000);
    keep(&stage.world);
    stage.world.close_nano(0, link, nid);
    stage.world.run_for(3_000);
    stage.world.command(0, Command::CloseVirtual { vc });
    stage.world.run_for(5_000);
    stage.world.force(2, stage.links[1]);
    stage.world.command(0, Command::CloseChannel { ch: link, force: false });
    stage.world.run_for(120_000);
    keep(&stage.world);
    let person = |node: usize| Person { owner: stage.world.nodes[node].owner, key: stage.world.raw_key(node) };
    Told {
        domain: stage.world.ground.domain,
        people: (0..PEOPLE).map(person).collect(),
        links: stage.links.clone(),
        channels: stage.channels.clone(),
        vc,
        updates,
        messages: one_of_each(&stage.world),
        disks,
        logs: logs(&stage.world),
        answers: answers(&stage, vc),
        chain: stage.world.ground.chain,
    }
}

/// What a node that starts now is told of the chain.
fn shown(world: &World, node: usize) -> ChainUpdate {
    let config =
        Config { domain: world.ground.domain, owner: world.nodes[node].owner, policy: perunika_sim::short_terms() };
    let restored = Participant::restore(config, Box::new(world.raw_key(node)), world.disk(node));
    let step = restored.expect("what was written can be read").start(Env { now_ms: 0, entropy: B256::ZERO });
    let outputs = step.commit(|_| Ok::<(), ()>(())).unwrap_or_default();
    let watches: Vec<Watch> = outputs
        .into_iter()
        .filter_map(|output| match output {
            Output::Watch(watch) => Some(watch),
            _ => None,
        })
        .collect();
    world.ground.observe(&watches, 0)
}

fn one_of_each(world: &World) -> Vec<(String, Message)> {
    let sent = world.taps.iter().filter_map(|(_, tap)| match tap {
        Tap::Sent { message, .. } => Some(message),
        _ => None,
    });
    let (vc, nid) = (B256::repeat_byte(2), B256::repeat_byte(3));
    let unsaid = [
        Message::Abort { vc, reason: "no".into() },
        Message::Refuse { ch: vc, ver: 3, refused: vec![nid], reason: "not now".into() },
        Message::QuoteRefused { request: nid, reason: "too long".into() },
        Message::NanoDecline { ch: vc, nid, reason: "no".into() },
        Message::NanoRefuse { ch: vc, nid, ver: 7, reason: "no".into() },
        Message::ReceiptAsk { ch: vc, ver: 9 },
        Message::App { data: b"hello".to_vec() },
    ];
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for message in sent.chain(&unsaid) {
        let text = format!("{message:?}");
        let kind: String = text.chars().take_while(char::is_ascii_alphanumeric).collect();
        if seen.insert(kind.clone()) {
            found.push((snake(&kind), message.clone()));
        }
    }
    found
}

fn snake(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

fn logs(world: &World) -> Vec<(Vec<B256>, Vec<u8>)> {
    let chain = &world.ground.chain;
    let blocks = (1..=chain.height()).filter_map(|number| chain.block(number).ok());
    let logs = blocks.flat_map(|block| (0..block.transactions.len()).flat_map(|index| block.rpc_logs(index)));
    let ours = logs.filter(|log| log.address() == world.ground.domain.adjudicator);
    ours.map(|log| (log.topics().to_vec(), log.data().data.to_vec())).collect()
}

fn answers(stage: &Stage, vc: B256) -> Vec<(u8, Vec<u8>)> {
    let chain = &stage.world.ground.chain;
    let to = Some(stage.world.ground.domain.adjudicator);
    let ask = |data, height: u64| {
        chain.call(&CallRequest { to, data, ..CallRequest::default() }, height).expect("a view").output.to_vec()
    };
    let heights = [1, chain.height() / 4, chain.height() / 2, chain.height()];
    let mut found = BTreeSet::new();
    for height in heights {
        for (channel, id) in stage.channels.iter().zip(&stage.links) {
            found.insert((0, ask(view::ledger_call(channel), height)));
            found.insert((1, ask(view::escrow_call(*id), height)));
        }
        found.insert((2, ask(view::record_call(vc), height)));
        found.insert((3, ask(view::nano_call(vc, vc), height)));
        found.insert((4, ask(view::revealed_call(vc), height)));
        found.insert((5, ask(view::vault_call(Default::default(), stage.world.nodes[0].owner), height)));
    }
    found.into_iter().collect()
}
