//! Where most stories about virtual channels play: a path of ledger channels, one virtual channel over it, and an end in which
//! every honest node gets its money back by itself.

use crate::adversary::{Adversary, ledger_body};
use crate::story::ETH;
use crate::world::World;
use alloy_primitives::B256;
use perunika_core::body::{Body, Change};
use perunika_core::info::LedgerStage;
use perunika_core::io::Command;
use perunika_core::message::{LinkOp, Message, Removal};
use perunika_core::params::{ChannelParams, VirtualParams};
use perunika_core::policy::Policy;
use perunika_core::signed::{Amount, Lock};

/// A path and what was opened over it.
#[derive(Debug)]
pub struct Stage {
    /// Everything that moves.
    pub world: World,
    /// Ids of the links in path order.
    pub links: Vec<B256>,
    /// Their slot key fields.
    pub channels: Vec<ChannelParams>,
    /// The virtual channel, once opened.
    pub params: Option<VirtualParams>,
}

/// The development policy with short terms, so that a whole life fits into a few hundred blocks.
pub fn short_terms() -> Policy {
    Policy { term: 200, ..Policy::dev() }
}

impl Stage {
    /// Nodes 0 … `links`, neighbours with a channel of 10 ETH each.
    pub fn new(seed: u64, links: usize) -> Self {
        println!("seed {seed}");
        let names = ["alice", "ingrid", "julia", "klara", "lena", "bob"];
        let world = World::with_policy(seed, &names[..=links], &short_terms());
        let mut stage = Self { world, links: Vec::new(), channels: Vec::new(), params: None };
        for left in 0..links {
            let id = stage.world.open_channel(left, left + 1, 10 * ETH, 10 * ETH);
            let params = stage.world.ledger_of(left, id).expect("the channel").params;
            stage.links.push(id);
            stage.channels.push(params);
        }
        stage
    }

    /// The whole path.
    pub fn path(&self) -> Vec<usize> {
        (0..=self.links.len()).collect()
    }

    /// Opens the virtual channel.
    pub fn open(&mut self, stake: Amount, peer_stake: Amount) -> VirtualParams {
        let path = self.path();
        let vc = self.world.open_virtual(&path, stake, peer_stake);
        self.adopt(vc)
    }

    /// Takes over a virtual channel that was opened otherwise.
    pub fn adopt(&mut self, vc: B256) -> VirtualParams {
        let params = self.world.virtual_everywhere(vc).first().expect("somebody knows it").params.clone();
        self.params = Some(params.clone());
        params
    }

    /// Parameters of the virtual channel.
    pub fn virtual_params(&self) -> VirtualParams {
        self.params.clone().expect("it was opened")
    }

    /// Its id.
    pub fn vc(&self) -> B256 {
        self.virtual_params().id(&self.world.ground.domain)
    }

    /// Its lock in a link; the left neighbour is always A.
    pub fn lock(&self, link: usize) -> Lock {
        self.virtual_params().lock(self.vc(), link, true).expect("a lock")
    }

    /// The newest accepted State of a link as `node` shows it, given that it holds these locks.
    pub fn link_body(&self, node: usize, link: usize, locks: Vec<Lock>) -> Body {
        ledger_body(&self.world.ledger_of(node, self.links[link]).expect("the link"), locks)
    }

    /// A State of a link without the lock of the virtual channel, at a split.
    pub fn removed(&self, base: &Body, ver: u64, out_a: Amount) -> Body {
        let change = Change::locks(vec![(self.vc(), out_a)], Vec::new());
        base.with(ver, &change).expect("a removal")
    }

    /// The highest version below which `node` asked for the removal in `link`, as the adversary heard it.
    pub fn removal_heard(&self, adversary: &Adversary, link: usize) -> Option<(u64, Amount)> {
        let vc = self.vc();
        let wanted = |op: &LinkOp| match op {
            LinkOp::Remove { vc: v, how: Removal::Outcome(out_a) } if *v == vc => Some(*out_a),
            _ => None,
        };
        let heard = adversary.heard(&self.world).filter_map(|message| match message {
            Message::Presign { ch, ver, op, .. } if *ch == self.links[link] => Some((*ver, wanted(op)?)),
            Message::Propose { ch, ver, ops, .. } if *ch == self.links[link] => {
                Some((*ver, ops.iter().find_map(wanted)?))
            }
            _ => None,
        });
        heard.max()
    }

    /// Lets the term end, then every honest node gets out of every link without anybody's help; the auditor looks back.
    pub fn finish(&mut self) {
        self.leave();
        let audit = self.world.audit_end();
        assert!(audit.faults.is_empty(), "{}", audit.faults.join("\n"));
    }

    /// The same without the auditor, who must know who speaks for a node.
    pub fn leave(&mut self) {
        if let Some(params) = &self.params {
            let over = params.t_exp + u64::from(params.challenge) + 60;
            self.world.run_to(over);
        }
        let honest: Vec<usize> = self.path().into_iter().filter(|n| self.world.nodes[*n].honest).collect();
        for node in &honest {
            for info in self.links_of(*node) {
                if info.1 != LedgerStage::Closed {
                    self.world.command(*node, Command::CloseChannel { ch: info.0, force: true });
                }
            }
        }
        let out = |w: &World| {
            honest.iter().all(|n| {
                w.nodes[*n].participant.as_ref().is_some_and(|p| {
                    p.ledgers().iter().all(|l| matches!(l.stage, LedgerStage::Closed | LedgerStage::Agreed))
                })
            })
        };
        let free = self.world.run_until(400_000, out);
        assert!(free, "every honest node is out of every channel (I9)\n{}", self.tail());
        self.world.run_for(3_000);
        self.check_gains(&honest);
    }

    /// Nobody gains what another did not lose; a hub never loses (I1, I7).
    fn check_gains(&self, honest: &[usize]) {
        let last = self.links.len();
        for hub in honest.iter().filter(|n| **n > 0 && **n < last) {
            let gain = self.world.gain(*hub);
            assert!(gain >= 0, "hub {hub} gained {gain}\n{}", self.tail());
        }
    }

    fn links_of(&self, node: usize) -> Vec<(B256, LedgerStage)> {
        let participant = self.world.nodes[node].participant.as_ref().expect("it runs");
        participant.ledgers().iter().map(|l| (l.id, l.stage)).collect()
    }

    /// The last lines of the trace, for failures.
    pub fn tail(&self) -> String {
        let from = self.world.trace.len().saturating_sub(12);
        self.world.trace[from..].join("\n")
    }
}
