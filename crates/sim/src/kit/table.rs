//! Many games of one nanocontract beside each other in one channel, each at another position: one dispute tries them all.

use super::{Place, Report, Seat, Strategy, Subject};
use crate::adversary::Position;
use crate::play::PATIENCE_MS;
use crate::story::{ETH, Path, quick_policy};
use crate::world::World;
use alloy_primitives::{B256, keccak256};
use perunika_contracts::Event;
use perunika_core::chain::{Home, NanoView};
use perunika_core::info::NanoInfo;
use perunika_core::io;
use perunika_core::params::Side;
use perunika_core::policy::Policy;
use perunika_core::signed::{Amount, Eip712, Entry, Nano};

/// One game.
pub(super) struct Game {
    pub(super) nid: B256,
    pub(super) entry: Entry,
    pub(super) players: [Box<dyn Strategy>; 2],
    /// Every version so far, version 0 first.
    pub(super) history: Vec<Position>,
    pub(super) moves: usize,
    /// What the last move said, if it was a step.
    pub(super) last_input: Option<Vec<u8>>,
}

/// The games and the world that they are in.
pub(super) struct Table<'s> {
    pub(super) subject: &'s Subject,
    pub(super) world: World,
    pub(super) ch: B256,
    pub(super) home: Home,
    pub(super) ends: [usize; 2],
    pub(super) games: Vec<Game>,
    /// How many events of each end were looked at.
    heard: [usize; 2],
    what: String,
}

impl<'s> Table<'s> {
    /// Opens so many games.
    pub(super) fn new(subject: &'s Subject, place: Place, seed: u64, games: usize, what: &str) -> Self {
        let what = format!("{}, {place:?}, {what}, seed {seed}", subject.name);
        println!("{what}");
        let hubs = if let Place::Over(hubs) = place { hubs } else { 0 };
        let stake = subject.terms.total.saturating_mul(games as u128) + ETH;
        let most = 900 * ETH / 2;
        assert!(stake <= most, "{what}: {games} games do not fit the accounts; make the stakes smaller");
        let policy = Policy { term: 3_000, deposit_max: most, stake_max: most, ..quick_policy() };
        let mut path = Path::bare(seed, hubs, &policy);
        for left in 0..=hubs {
            path.links.push(path.world.open_channel(left, left + 1, stake + ETH, stake + ETH));
        }
        let (mut world, ends, links, nodes) = (path.world, [0, hubs + 1], path.links, path.nodes);
        let ch = if hubs == 0 { links[0] } else { world.open_virtual(&nodes, stake, stake) };
        let home = world.home_of(0, ch).expect("it was opened");
        let mut table = Self { subject, world, ch, home, ends, games: Vec::new(), heard: [0, 0], what };
        let terms = vec![subject.terms.clone(); games];
        let nids = table.world.open_nanos(ends[0], ends[1], ch, &terms, &subject.code);
        table.games = nids.into_iter().map(|nid| table.begin(nid)).collect();
        table
    }

    fn begin(&self, nid: B256) -> Game {
        let info = self.info(nid).expect("it is open");
        let (entry, players) = (info.entry.expect("it is in the State"), self.subject.players());
        Game {
            nid,
            entry,
            players,
            history: vec![Position::of(&info).expect("it is open")],
            moves: 0,
            last_input: None,
        }
    }

    /// As whoever is still there sees it.
    fn info(&self, nid: B256) -> Option<NanoInfo> {
        self.ends.iter().find_map(|node| self.world.nano_of(*node, self.ch, nid))
    }

    /// Words for a failure.
    pub(super) fn why(&self, game: usize, text: &str) -> String {
        let moves = self.games.get(game).map(|g| g.moves).unwrap_or_default();
        format!("{}: game {game} after {moves} moves: {text}", self.what)
    }

    /// The node of a side.
    pub(super) fn node(&self, side: usize) -> usize {
        self.ends[side]
    }

    /// The newest version of a game.
    pub(super) fn top(&self, game: usize) -> &Position {
        self.games[game].history.last().expect("version 0 at least")
    }

    /// One move off chain; false if the game is over, or nobody does anything.
    pub(super) fn advance(&mut self, game: usize) -> bool {
        let Some(to) = self.next_move(game) else { return false };
        let (ch, nid) = (self.ch, self.games[game].nid);
        match to {
            Move::Step(mover, input) => {
                let node = self.node(mover);
                self.world.make_step(node, ch, nid, input.clone());
                let position = self.world.position_of(node, ch, nid).expect("it is open");
                self.games[game].history.push(position);
                self.games[game].last_input = Some(input);
            }
            Move::Hand(giver, input) => {
                let node = self.node(giver);
                self.world.hand_nano(node, ch, nid, input.clone());
                self.games[game].players[1 - giver].handed(&input);
                self.games[game].last_input = None;
            }
        }
        self.games[game].moves += 1;
        true
    }

    pub(super) fn next_move(&mut self, game: usize) -> Option<Move> {
        let time = self.world.ground.time();
        let top = self.top(game).clone();
        let mover = usize::from(top.nano.mover);
        if top.nano.steps_left == 0 {
            return None;
        }
        let total = self.subject.terms.total;
        let seat = |side| seat(side, &top.nano, &top.storage, total, time, false);
        let players = &mut self.games[game].players;
        if let Some(input) = players[mover].step(&seat(mover)) {
            return Some(Move::Step(mover, input));
        }
        players[1 - mover].hand(&seat(1 - mover)).map(|input| Move::Hand(1 - mover, input))
    }

    /// Moves until so many were made; false if there are not so many.
    pub(super) fn advance_to(&mut self, game: usize, moves: usize) -> bool {
        while self.games[game].moves < moves {
            if !self.advance(game) {
                return false;
            }
        }
        true
    }

    /// What the chain has of a game.
    pub(super) fn view(&self, game: usize) -> Option<NanoView> {
        self.world.registered(self.ch, &self.games[game].entry)
    }

    /// What A gets of a game through the chain.
    pub(super) fn forced_da(&self, game: usize) -> Amount {
        self.view(game).map_or(self.games[game].entry.da0, |view| view.da)
    }

    /// The first step of a game that was forced: its input and what it left.
    pub(super) fn first_forced(&self, game: usize) -> Option<(Vec<u8>, Position)> {
        let entry = self.games[game].entry.struct_hash();
        self.world.ground.events.iter().find_map(|(_, event)| match event {
            Event::NanoStepped { ch, entry: e, da, mover, steps_left, input, next }
                if (*ch, *e) == (self.ch, entry) =>
            {
                let (da, mover, steps_left, storage_hash) = (*da, *mover, *steps_left, keccak256(next));
                let nano = Nano { da, mover, steps_left, storage_hash, ..self.top(game).nano };
                Some((input.clone(), Position { nano, storage: next.clone(), ..self.top(game).clone() }))
            }
            _ => None,
        })
    }

    /// The dispute has been concluded.
    pub(super) fn is_concluded(&self) -> bool {
        let concluded = |event: &Event| match event {
            Event::Concluded { id, .. } => *id == self.ch,
            Event::VirtualConcluded { vc, .. } => *vc == self.ch,
            _ => false,
        };
        self.world.ground.events.iter().any(|(_, event)| concluded(event))
    }

    /// Lets time pass until the dispute is concluded; honest ends answer when they are asked for a step. `meanwhile` runs every second.
    pub(super) fn conclude(&mut self, mut meanwhile: impl FnMut(&mut Self)) {
        let most = 2_000 + self.window() * (4 + u64::from(self.subject.terms.k_max));
        for _ in 0..most {
            if self.is_concluded() {
                return;
            }
            self.answer_turns();
            meanwhile(self);
            self.world.run_for(1_000);
        }
        panic!("{}: the dispute is not concluded", self.what);
    }

    /// Window of a forced step, seconds.
    pub(super) fn window(&self) -> u64 {
        u64::from(match &self.home {
            Home::Ledger(params) => params.window,
            Home::Virtual(params) => params.window,
        })
    }

    fn answer_turns(&mut self) {
        for side in 0..2 {
            let node = self.node(side);
            let events = &self.world.nodes[node].events;
            let turns: Vec<B256> = events[self.heard[side].min(events.len())..]
                .iter()
                .filter_map(|e| if let io::Event::NanoTurn { nid, .. } = e { Some(*nid) } else { None })
                .collect();
            self.heard[side] = events.len();
            turns.into_iter().for_each(|nid| self.answer_turn(side, nid));
        }
    }

    fn answer_turn(&mut self, side: usize, nid: B256) {
        let (node, time) = (self.node(side), self.world.ground.time());
        let Some(info) = self.world.nano_of(node, self.ch, nid) else { return };
        let Some(game) = self.games.iter().position(|g| g.nid == nid) else { return };
        let seat = Seat {
            side: side_of(side),
            storage: &info.storage,
            total: info.terms.total,
            da: info.da,
            steps_left: info.steps_left,
            time,
            forced: true,
        };
        if let Some(input) = self.games[game].players[side].step(&seat) {
            self.world.step_nano(node, self.ch, nid, input);
        }
    }

    /// Everybody who is honest gets out of everything, and the auditor looks back.
    pub(super) fn finish(&mut self) -> Report {
        let audit = self.world.finish();
        assert_eq!(audit.unknown_steps, 0, "{}: a forced step that cannot be checked", self.what);
        let receipts = &self.world.ground.receipts;
        let steps = receipts.iter().filter(|r| matches!(r.name, "execute" | "executeVirtual"));
        Report {
            cases: self.games.len(),
            moves: self.games.iter().map(|g| g.moves).max().unwrap_or_default(),
            forced_steps: audit.forced_steps,
            compared: 0,
            transactions: receipts.len(),
            dearest_step: steps.filter_map(|r| r.result.clone().ok()).max().unwrap_or_default(),
            refused: 0,
        }
    }

    /// Waits until no game is open any more.
    pub(super) fn all_closed(&mut self) {
        let (ch, ends) = (self.ch, self.ends);
        let done = |w: &World| ends.iter().all(|node| w.nanos_of(*node, ch).is_empty());
        assert!(self.world.run_until(PATIENCE_MS, done), "{}: not closed", self.what);
    }
}

/// A move off chain.
pub(super) enum Move {
    /// The mover steps.
    Step(usize, Vec<u8>),
    /// The other party hands something over.
    Hand(usize, Vec<u8>),
}

pub(super) fn side_of(side: usize) -> Side {
    if side == 0 { Side::A } else { Side::B }
}

pub(super) fn seat<'a>(
    side: usize,
    nano: &Nano,
    storage: &'a [u8],
    total: Amount,
    time: u64,
    forced: bool,
) -> Seat<'a> {
    Seat { side: side_of(side), storage, total, da: nano.da, steps_left: nano.steps_left, time, forced }
}
