//! Two parties of a channel with one nanocontract, one of them about to become corrupt.

use alloy_primitives::B256;
use perunika_apps::{App, tic_tac_toe};
use perunika_core::chain::{Call, DisputeView, Home, NanoView};
use perunika_core::message::NanoTerms;
use perunika_core::params::Side;
use perunika_core::policy::Policy;
use perunika_sim::{ETH, Path, Position, World, quick_policy};

/// What each party brings into the ledger channel, or into the virtual one.
pub(crate) const STAKE: u128 = 20 * ETH;

pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) ch: B256,
    pub(crate) home: Home,
    /// Nodes of A and B.
    pub(crate) ends: [usize; 2],
    pub(crate) nid: B256,
    pub(crate) code: Vec<u8>,
    /// Every version, version 0 first.
    pub(crate) history: Vec<Position>,
}

impl Scene {
    /// In a ledger channel (no hubs) or in a virtual one.
    pub(crate) fn new(seed: u64, hubs: usize, terms: &NanoTerms, code: &[u8]) -> Self {
        println!("seed {seed}, {hubs} hubs");
        let policy = Policy { term: 3_000, ..quick_policy() };
        let mut path = Path::bare(seed, hubs, &policy);
        for left in 0..=hubs {
            let more = if hubs == 0 { 0 } else { ETH };
            path.links.push(path.world.open_channel(left, left + 1, STAKE + more, STAKE + more));
        }
        let (ends, links, nodes) = ([0, hubs + 1], path.links.clone(), path.nodes.clone());
        let mut world = path.world;
        let ch = if hubs == 0 { links[0] } else { world.open_virtual(&nodes, STAKE, STAKE) };
        let home = world.home_of(0, ch).expect("it was opened");
        let nid = world.open_nano(ends[0], ends[1], ch, terms, code);
        let first = world.position_of(0, ch, nid).expect("it is open");
        Self { world, ch, home, ends, nid, code: code.to_vec(), history: vec![first] }
    }

    /// A board with an ETH on each side; A begins.
    pub(crate) fn board(seed: u64, hubs: usize) -> Self {
        let terms = tic_tac_toe::terms(ETH, ETH, Side::A).expect("stakes");
        Self::new(seed, hubs, &terms, App::TicTacToe.code())
    }

    /// The board after so many squares, taken in order.
    pub(crate) fn board_after(seed: u64, hubs: usize, squares: &[u8]) -> Self {
        let mut scene = Self::board(seed, hubs);
        squares.iter().for_each(|square| scene.step(tic_tac_toe::place(*square)));
        scene
    }

    /// A step that both sign.
    pub(crate) fn step(&mut self, input: Vec<u8>) {
        let (ch, nid) = (self.ch, self.nid);
        let mover = self.ends[usize::from(self.top().nano.mover)];
        self.world.make_step(mover, ch, nid, input);
        self.history.push(self.world.position_of(mover, ch, nid).expect("it is open"));
    }

    /// The newest version.
    pub(crate) fn top(&self) -> Position {
        self.history.last().expect("version 0").clone()
    }

    pub(crate) fn dispute(&self) -> DisputeView {
        self.world.dispute_at(&self.home).expect("a dispute")
    }

    pub(crate) fn window(&self) -> u64 {
        u64::from(match &self.home {
            Home::Ledger(params) => params.window,
            Home::Virtual(params) => params.window,
        })
    }

    pub(crate) fn view(&self) -> Option<NanoView> {
        self.world.registered(self.ch, &self.top().entry)
    }

    /// What A has of the nanocontract by the chain.
    pub(crate) fn da(&self) -> u128 {
        self.view().map_or(self.top().entry.da0, |view| view.da)
    }

    /// Lets time pass until a call of now runs in the block with this timestamp.
    pub(crate) fn before(&mut self, second: u64) {
        self.world.run_to(second - 1);
        assert_eq!(self.world.ground.time() + 1, second, "the time has passed");
    }

    /// Sends a call in the name of a side, or says why it would revert.
    pub(crate) fn call(&mut self, side: usize, call: &Call) -> Result<(), String> {
        self.world.call_as(self.ends[side], call)
    }

    /// The call that registers positions, each with an input for a provisional step of `side`.
    pub(crate) fn register(&self, side: usize, at: &Position, input: Option<Vec<u8>>) -> Call {
        let step = input.map(|input| self.world.forced_step(self.ends[side], &self.home, at, &self.code, input));
        self.world.register_nanos(&self.home, &[at.entry], &[(at.clone(), step)]).expect("a dispute")
    }

    /// The call that forces a step of `side`.
    pub(crate) fn execute(&self, side: usize, at: &Position, input: Vec<u8>) -> Call {
        let step = self.world.forced_step(self.ends[side], &self.home, at, &self.code, input);
        Call::Execute { home: self.home.clone(), entry: at.entry, step }
    }

    /// Puts the code on the chain.
    pub(crate) fn deploy(&mut self, side: usize) {
        let code = self.code.clone();
        self.call(side, &Call::Deploy { code }).expect("anybody may");
        self.world.run_for(1_000);
    }

    /// A side becomes corrupt.
    pub(crate) fn strike(&mut self, side: usize) {
        self.world.corrupt(self.ends[side]);
    }

    /// The other side forces the end.
    pub(crate) fn force(&mut self, side: usize) {
        let (node, ch) = (self.ends[side], self.ch);
        self.world.force(node, ch);
        let home = self.home.clone();
        assert!(self.world.run_until(10_000, |w| w.dispute_at(&home).is_some()), "no dispute");
    }

    /// Lets time pass until the dispute is concluded.
    pub(crate) fn conclude(&mut self) -> u64 {
        let ch = self.ch;
        let concluded = |w: &World| {
            w.ground.events.iter().any(|(_, event)| match event {
                perunika_contracts::Event::Concluded { id, .. } => *id == ch,
                perunika_contracts::Event::VirtualConcluded { vc, .. } => *vc == ch,
                _ => false,
            })
        };
        assert!(self.world.run_until(2_000_000, concluded), "not concluded");
        self.world.ground.time()
    }

    /// The end of the story: everybody honest gets out, and the auditor looks back.
    pub(crate) fn finish(&mut self) {
        let audit = self.world.finish();
        assert_eq!(audit.unknown_steps, 0);
    }

    /// What a side gained in the channel, fees of the path not counted.
    pub(crate) fn gain(&self, side: usize) -> i128 {
        let fees: i128 = if side == 0 { (1..self.ends[1]).map(|hub| self.world.gain(hub)).sum() } else { 0 };
        self.world.gain(self.ends[side]) + fees
    }
}
