//! What the stories of this binary play, and where.

use alloy_primitives::{B256, keccak256};
use perunika_apps::{App, Player, coin_toss, hash_lock, tic_tac_toe};
use perunika_core::message::NanoTerms;
use perunika_core::params::Side;
use perunika_sim::{ETH, Path, START, World, quick_policy};

/// A board with half an ETH on each side; A begins.
pub(crate) fn board() -> NanoTerms {
    tic_tac_toe::terms(ETH / 2, ETH / 2, Side::A).expect("stakes")
}

/// Two tosses for a tenth of an ETH each.
pub(crate) fn tosses() -> NanoTerms {
    coin_toss::terms(2, ETH / 10).expect("stakes")
}

/// A payment by A against `secret`.
pub(crate) fn lock(secret: B256) -> NanoTerms {
    let until = hash_lock::Until::new(START + 100_000, 60).expect("times");
    let lock = hash_lock::Lock { hash: keccak256(secret), amount: ETH / 100, payer: Side::A, until };
    hash_lock::terms(lock).expect("an amount")
}

/// Two ends in a channel of their own, or over hubs; the channel that they play in.
pub(crate) struct Table {
    pub(crate) path: Path,
    pub(crate) ch: B256,
    pub(crate) ends: [usize; 2],
}

impl Table {
    /// In a ledger channel of 100 ETH on each side.
    pub(crate) fn ledger(seed: u64) -> Self {
        let path = Path::open(seed, 0, &quick_policy());
        let ch = path.links[0];
        Self { path, ch, ends: [0, 1] }
    }

    /// In a virtual channel of 50 ETH on each side.
    pub(crate) fn over(seed: u64, hubs: usize) -> Self {
        let mut path = Path::open(seed, hubs, &perunika_core::policy::Policy { term: 3_000, ..quick_policy() });
        let nodes = path.nodes.clone();
        let ch = path.world.open_virtual(&nodes, 50 * ETH, 50 * ETH);
        Self { path, ch, ends: [0, hubs + 1] }
    }

    pub(crate) fn world(&mut self) -> &mut World {
        &mut self.path.world
    }

    pub(crate) fn open(&mut self, terms: &NanoTerms) -> B256 {
        let (ch, [a, b]) = (self.ch, self.ends);
        self.path.world.open_nano(a, b, ch, terms, code(terms))
    }

    /// Opens one while other offers wait.
    pub(crate) fn open_beside(&mut self, terms: &NanoTerms) -> B256 {
        let (ch, [a, b]) = (self.ch, self.ends);
        let known = self.path.world.offers(b, ch);
        let tag = self.path.world.offer_nano(a, ch, terms, code(terms), None);
        assert!(self.path.world.run_until(2_000, |w| w.offers(b, ch).len() > known.len()));
        let new = self.path.world.offers(b, ch).into_iter().find(|nid| !known.contains(nid)).expect("an offer");
        self.path.world.answer_nano(b, ch, new, None);
        self.path.world.wait_reply(a, tag);
        let open = |w: &World| [a, b].iter().all(|n| w.nano_is_open(*n, ch, new));
        assert!(self.path.world.run_until(5_000, open));
        new
    }

    pub(crate) fn open_many(&mut self, terms: &[NanoTerms]) -> Vec<B256> {
        let (ch, [a, b]) = (self.ch, self.ends);
        self.path.world.open_nanos(a, b, ch, terms, code(&terms[0]))
    }

    /// Plays one step of whoever moves; false if it is over or the mover has nothing to do.
    pub(crate) fn step(&mut self, nid: B256, players: [&dyn Player; 2]) -> bool {
        let Some((mover, input)) = self.next(nid, players) else { return false };
        let (ch, node) = (self.ch, self.ends[mover.index()]);
        self.path.world.make_step(node, ch, nid, input);
        true
    }

    /// The mover of a nanocontract and what it would say.
    pub(crate) fn next(&self, nid: B256, players: [&dyn Player; 2]) -> Option<(Side, Vec<u8>)> {
        let info = self.path.world.nano_of(self.ends[0], self.ch, nid)?;
        let mover = if info.mover == 0 { Side::A } else { Side::B };
        let player = players[mover.index()];
        let open = info.steps_left > 0;
        Some((mover, player.input(mover, &info.storage).ok()?.filter(|_| open)?))
    }

    /// Plays to the end and waits until it is out of the State.
    pub(crate) fn play(&mut self, nid: B256, players: [&dyn Player; 2]) {
        while self.step(nid, players) {}
        let (ch, ends) = (self.ch, self.ends);
        let gone = |w: &World| ends.iter().all(|n| w.nano_is_gone(*n, ch, nid));
        assert!(self.path.world.run_until(10_000, gone), "{:?}", self.path.world.nanos_of(ends[0], ch));
    }

    /// What A has in the channel as both see it.
    pub(crate) fn share_of_a(&mut self) -> u128 {
        let (ch, [a, b]) = (self.ch, self.ends);
        let same = |w: &World| w.share(a, ch) == w.peer_share(b, ch);
        assert!(self.path.world.run_until(5_000, same), "both see the same");
        self.path.world.share(a, ch).expect("an open channel")
    }

    /// What the hubs have earned; the first end has paid it.
    pub(crate) fn fees(&self) -> i128 {
        (1..self.ends[1]).map(|hub| self.path.world.gain(hub)).sum()
    }

    /// Calls that were mined and had to do with disputes.
    pub(crate) fn disputes(&self) -> usize {
        let plain = ["open", "confirm", "close"];
        self.path.world.ground.receipts.iter().filter(|r| !plain.contains(&r.name)).count()
    }

    /// The last reply of an end under a tag.
    pub(crate) fn reply(&self, side: Side, tag: u64) -> Option<&perunika_core::io::Reply> {
        self.path.world.reply(self.ends[side.index()], tag)
    }
}

/// The code of an app's terms.
pub(crate) fn code(terms: &NanoTerms) -> &'static [u8] {
    App::of(terms.code_hash).expect("one of ours").code()
}

/// Players of a board, both perfect: a draw.
pub(crate) fn drawn() -> [&'static dyn Player; 2] {
    [&tic_tac_toe::Perfect, &tic_tac_toe::Perfect]
}

/// A wins the board.
pub(crate) fn won_by_a() -> [&'static dyn Player; 2] {
    [&tic_tac_toe::Perfect, &tic_tac_toe::Naive]
}
