//! The moves that every story needs, each until it is done.

use crate::world::World;
use alloy_primitives::{Address, B256};
use perunika_core::funding::Source;
use perunika_core::info::{LedgerInfo, VirtualInfo, VirtualStage};
use perunika_core::io::{Command, Reply};

/// Longest time that an honest move may take, ms.
pub const PATIENCE_MS: u64 = 60_000;

impl World {
    /// Opens a ledger channel and waits until both sides can use it.
    pub fn open_channel(&mut self, a: usize, b: usize, deposit: u128, peer_deposit: u128) -> B256 {
        self.open_channel_in(Address::ZERO, 0, (a, b), [deposit, peer_deposit])
    }

    /// The same in any asset (zero address for ETH), on any lane.
    pub fn open_channel_in(&mut self, asset: Address, lane: u16, (a, b): (usize, usize), deposits: [u128; 2]) -> B256 {
        let [deposit, peer_deposit] = deposits;
        let peer = self.key(b);
        let tag =
            self.command(a, Command::OpenChannel { peer, asset, deposit, peer_deposit, lane, from: Source::Wallet });
        self.wait_reply(a, tag);
        let Some(Reply::Opened(id)) = self.reply(a, tag).cloned() else {
            panic!("the channel did not open: {:?}", self.reply(a, tag));
        };
        let open = |w: &World| w.ledger_of(b, id).is_some_and(|l| l.stage == perunika_core::info::LedgerStage::Open);
        assert!(self.run_until(self.patience_ms, open), "the peer sees the channel open");
        id
    }

    /// Opens a virtual channel from the first to the last of `path` and waits until both ends can use it.
    pub fn open_virtual(&mut self, path: &[usize], stake: u128, peer_stake: u128) -> B256 {
        let tag = self.ask_virtual(path, stake, peer_stake);
        self.wait_reply(path[0], tag);
        let Some(Reply::Opened(vc)) = self.reply(path[0], tag).cloned() else {
            panic!("the virtual channel did not open: {:?}", self.reply(path[0], tag));
        };
        let last = path[path.len() - 1];
        let ready = |w: &World| w.virtual_of(last, vc).is_some_and(|v| v.version >= 1);
        assert!(self.run_until(self.patience_ms, ready), "the far end has started");
        vc
    }

    /// Asks for a virtual channel; the tag of the reply.
    pub fn ask_virtual(&mut self, path: &[usize], stake: u128, peer_stake: u128) -> u64 {
        let keys: Vec<Address> = path[1..].iter().map(|n| self.key(*n)).collect();
        let command = Command::OpenVirtual {
            asset: Address::ZERO,
            path: keys,
            stake,
            peer_stake,
            term: None,
            fee_max: u128::MAX,
            renew: false,
        };
        self.command(path[0], command)
    }

    /// Pays and waits for the countersignature.
    pub fn pay(&mut self, node: usize, ch: B256, amount: u128) {
        let tag = self.command(node, Command::Pay { ch, amount, cosign: true, reference: Vec::new() });
        self.wait_reply(node, tag);
        assert!(matches!(self.reply(node, tag), Some(Reply::Applied { .. })), "{:?}", self.reply(node, tag));
    }

    /// Releases a stream item without waiting.
    pub fn stream(&mut self, node: usize, ch: B256, amount: u128) -> u64 {
        self.command(node, Command::Pay { ch, amount, cosign: false, reference: Vec::new() })
    }

    /// Ends a virtual channel cooperatively; waits until no participant holds a lock of it.
    pub fn close_virtual(&mut self, node: usize, vc: B256) {
        self.command(node, Command::CloseVirtual { vc });
        let over = |w: &World| w.virtual_everywhere(vc).iter().all(|v| v.stage == VirtualStage::Done);
        assert!(self.run_until(self.patience_ms, over), "{:?}", self.virtual_everywhere(vc));
    }

    /// Ends a ledger channel cooperatively.
    pub fn close_channel(&mut self, node: usize, ch: B256) {
        let tag = self.command(node, Command::CloseChannel { ch, force: false });
        self.wait_reply(node, tag);
        assert_eq!(self.reply(node, tag), Some(&Reply::Closed(ch)));
        self.run_for(5_000);
    }

    /// Waits for the reply to a command.
    pub fn wait_reply(&mut self, node: usize, tag: u64) {
        let answered = self.run_until(self.patience_ms, |w| w.reply(node, tag).is_some());
        assert!(answered, "no reply to command {tag} of {}", self.nodes[node].name);
    }

    /// A ledger channel as a node sees it.
    pub fn ledger_of(&self, node: usize, id: B256) -> Option<LedgerInfo> {
        self.nodes[node].participant.as_ref()?.ledger(id)
    }

    /// A virtual channel as a node sees it.
    pub fn virtual_of(&self, node: usize, vc: B256) -> Option<VirtualInfo> {
        self.nodes[node].participant.as_ref()?.virtual_channel(vc)
    }

    /// A virtual channel as all running participants see it.
    pub fn virtual_everywhere(&self, vc: B256) -> Vec<VirtualInfo> {
        (0..self.nodes.len()).filter_map(|n| self.virtual_of(n, vc)).collect()
    }

    /// Wei that an account gained since the start, fees for gas not counted (negative: lost).
    pub fn gain(&self, node: usize) -> i128 {
        self.gain_of(node, Address::ZERO)
    }

    /// The same of any asset (zero address for ETH), in its smallest unit: wallet and vault together.
    pub fn gain_of(&self, node: usize, asset: Address) -> i128 {
        let owner = self.nodes[node].owner;
        let paid = self.ground.receipts.iter().filter(|r| r.from == owner && asset == Address::ZERO);
        let fees: u128 = paid.map(|r| r.fee).sum();
        let now = self.ground.balance_of(asset, owner) + self.ground.vault(asset, owner) + fees;
        now as i128 - crate::ground::ENDOWMENT as i128
    }
}
