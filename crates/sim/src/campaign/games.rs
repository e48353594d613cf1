//! People who play: nanocontracts in ledger and virtual channels, with the four apps, stepped together, handed over and forced.

use super::story::Story;
use crate::story::ETH;
use alloy_primitives::{B256, keccak256};
use perunika_apps::{App, Player, coin_toss, hash_chain, hash_lock, tic_tac_toe};
use perunika_core::info::{LedgerStage, NanoInfo, NanoStage, VirtualStage};
use perunika_core::io::Command;
use perunika_core::message::NanoTerms;
use perunika_core::params::Side;
use std::collections::{BTreeMap, BTreeSet};

/// Payments of a hash chain.
const CHAIN: u32 = 40;

/// What players know, and what they did already.
#[derive(Debug)]
pub(super) struct Secrets {
    seed: u64,
    drawn: u64,
    /// Secrets of hash-locks by their hash.
    locks: BTreeMap<B256, B256>,
    /// Seeds of hash chains by their anchor.
    chains: BTreeMap<B256, B256>,
    /// How many payments of a chain were handed over.
    handed: BTreeMap<B256, u32>,
    /// Commands that were given: node, name, version, and whether a dispute ran.
    asked: BTreeSet<(usize, B256, u64, bool)>,
}

impl Secrets {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            seed,
            drawn: 0,
            locks: BTreeMap::new(),
            chains: BTreeMap::new(),
            handed: BTreeMap::new(),
            asked: BTreeSet::new(),
        }
    }

    fn draw(&mut self) -> B256 {
        self.drawn += 1;
        self.secret_of("game", self.drawn, B256::ZERO)
    }

    fn secret_of(&self, what: &str, who: u64, name: B256) -> B256 {
        keccak256(format!("{what} of {who} in {name} under seed {}", self.seed))
    }
}

impl Story {
    fn channels_to_play(&self, node: usize) -> Vec<(B256, Side)> {
        let Some(participant) = &self.world.nodes[node].participant else { return Vec::new() };
        let ledgers = participant.ledgers().into_iter().filter(|l| l.stage == LedgerStage::Open).map(|l| (l.id, l.me));
        let ends = participant.virtuals().into_iter().filter(|v| v.stage == VirtualStage::Active && v.version > 0);
        let ends = ends.filter(|v| v.mine.is_some());
        ledgers.chain(ends.map(|v| (v.id, if v.index == 0 { Side::A } else { Side::B }))).collect()
    }

    pub(super) fn offer_game(&mut self) {
        if !self.plan.games {
            return self.pay();
        }
        let node = self.some_node();
        let channels = self.channels_to_play(node);
        if channels.is_empty() {
            return;
        }
        let (ch, me) = channels[self.rng.below(channels.len() as u64) as usize];
        let Some((app, terms)) = self.terms(me) else { return };
        self.world.command(node, Command::OpenNano { ch, terms, code: app.code().to_vec(), within: None });
    }

    fn terms(&mut self, me: Side) -> Option<(App, NanoTerms)> {
        let stake = u128::from(self.rng.between(50, 900)) * (ETH / 1_000);
        let now = self.world.ground.time();
        let m_safe = self.plan.policy.m_safe;
        Some(match self.rng.below(4) {
            0 => (App::CoinToss, coin_toss::terms(self.rng.between(1, 2) as u8, stake)?),
            1 => {
                let first = if self.rng.chance(500) { Side::A } else { Side::B };
                (App::TicTacToe, tic_tac_toe::terms(stake, stake, first)?)
            }
            2 => {
                let secret = self.secrets.draw();
                let hash = keccak256(secret);
                self.secrets.locks.insert(hash, secret);
                let until = hash_lock::Until::new(now + m_safe * self.rng.between(2, 12), m_safe)?;
                let lock = hash_lock::Lock { hash, amount: stake, payer: me, until };
                (App::HashLock, hash_lock::terms(lock)?)
            }
            _ => {
                let seed = self.secrets.draw();
                let anchor = hash_chain::Payer::new(seed, CHAIN)?.anchor();
                self.secrets.chains.insert(anchor, seed);
                (App::HashChain, hash_chain::terms(anchor, stake / 20, CHAIN, me, hash_chain::steps(CHAIN))?)
            }
        })
    }

    /// Everybody looks at the own games and does what is to be done.
    pub(super) fn tend(&mut self) {
        for node in 0..self.plan.people {
            let Some(participant) = &self.world.nodes[node].participant else { continue };
            let ledgers = participant.ledgers().into_iter().filter(|l| l.stage != LedgerStage::Closed).map(|l| l.id);
            let ends = participant.virtuals().into_iter().filter(|v| v.mine.is_some() && v.stage != VirtualStage::Done);
            let channels: Vec<B256> = ledgers.chain(ends.map(|v| v.id)).collect();
            let games: Vec<NanoInfo> = channels.into_iter().flat_map(|ch| participant.nanos(ch)).collect();
            for game in games {
                if let Some(command) = self.next_move(node, &game) {
                    self.world.command(node, command);
                }
            }
        }
    }

    fn next_move(&mut self, node: usize, game: &NanoInfo) -> Option<Command> {
        let (ch, nid) = (game.ch, game.nid);
        let ver = game.version.map_or(0, |version| version.ver);
        let disputed = game.stage == NanoStage::Disputed;
        match game.stage {
            NanoStage::Offered => {
                let refuse = self.rng.chance(100).then(|| "not today".to_owned());
                return Some(Command::AnswerNano { ch, nid, refuse });
            }
            NanoStage::Open | NanoStage::Disputed => {}
            _ => return None,
        }
        if !disputed && game.steps_left == 0 {
            return self.once(node, nid, u64::MAX, false).then_some(Command::CloseNano { ch, nid });
        }
        if game.my_turn && !game.outstanding {
            let input = self.input(node, game)?;
            if !disputed && self.rng.chance(300) {
                // Takes its time.
                return None;
            }
            let force_after = self.rng.chance(300).then_some(self.plan.policy.m_safe);
            let again = if disputed { ver << 16 | u64::from(game.steps_left) } else { ver };
            return self.once(node, nid, again, disputed).then_some(Command::StepNano { ch, nid, input, force_after });
        }
        if !game.my_turn && !disputed && App::of(game.terms.code_hash) == Some(App::HashChain) {
            return self.hand(game);
        }
        None
    }

    fn once(&mut self, node: usize, nid: B256, ver: u64, disputed: bool) -> bool {
        self.secrets.asked.insert((node, nid, ver, disputed))
    }

    fn hand(&mut self, game: &NanoInfo) -> Option<Command> {
        let chain = hash_chain::Chain::decode(&game.terms.storage).ok()?;
        let payer = hash_chain::Payer::new(*self.secrets.chains.get(&chain.anchor)?, CHAIN)?;
        let handed = self.secrets.handed.entry(game.nid).or_default();
        *handed = (*handed + self.rng.between(1, 5) as u32).min(CHAIN);
        let input = payer.pay(*handed)?;
        Some(Command::HandNano { ch: game.ch, nid: game.nid, input })
    }

    fn input(&mut self, node: usize, game: &NanoInfo) -> Option<Vec<u8>> {
        let storage = &game.storage;
        let found = match App::of(game.terms.code_hash)? {
            App::CoinToss => {
                let tosser = coin_toss::Tosser::new(self.secrets.secret_of("coins", node as u64, game.nid));
                tosser.input(game.me, storage)
            }
            App::TicTacToe if node.is_multiple_of(2) => tic_tac_toe::Perfect.input(game.me, storage),
            App::TicTacToe => tic_tac_toe::Naive.input(game.me, storage),
            App::HashLock => {
                let lock = hash_lock::Lock::decode(storage).ok()?;
                hash_lock::Payee::new(*self.secrets.locks.get(&lock.hash)?).input(game.me, storage)
            }
            // What was handed over, the node turns into money by itself when it has to; sometimes its owner does.
            App::HashChain => return None,
        };
        found.ok().flatten()
    }
}
