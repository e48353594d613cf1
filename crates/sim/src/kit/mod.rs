//! A test kit for nanocontracts: an author gives the code, the terms and how both parties play; the kit plays it honestly and
//! against every kind of opponent, off chain and by force, in a ledger channel and in a virtual channel over three hubs, with the real
//! contract and the real participants.
//!
//! ```ignore
//! #[test]
//! fn my_game_can_be_enforced() {
//!     let subject = Subject::new("my game", code, terms, |side| Box::new(MyPlayer::new(side)));
//!     let report = kit::check(&subject, 1);
//!     assert!(report.dearest_step < 150_000);
//! }
//! ```
//!
//! What is checked in every case: nobody gets less than the newest version and the rules give (P1), a forced step is what the
//! evaluator makes of the same position (P9), and the auditor's I1–I10. A failure prints the seed, the case and the position.
//!
//! What the kit cannot know is whether the rules are fair: an author who promises the players something says so by
//! [`Subject::at_least`]. The kit plays the moves of the strategies only: an author whose code has more than one way through a game
//! gives several strategies and checks each.

mod attacks;
mod cases;
mod hostile;
mod play;
mod reference;
mod table;

pub use cases::{
    check, check_in, force_from_every_position, force_on_a_slow_chain, play_honestly, silence_at_every_position,
    step_both_ways,
};
pub use hostile::{register_old_versions, send_wrong_steps};

use perunika_core::message::NanoTerms;
use perunika_core::params::Side;
use perunika_core::signed::Amount;

/// Where a game is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a ledger channel of the two.
    Ledger,
    /// In a virtual channel over so many hubs.
    Over(usize),
}

/// What a party sees when it is asked for a move.
#[derive(Clone, Copy, Debug)]
pub struct Seat<'a> {
    /// Which party it is.
    pub side: Side,
    /// Storage of the nanocontract.
    pub storage: &'a [u8],
    /// What the nanocontract holds, wei.
    pub total: Amount,
    /// What A gets if the mover stalls, wei.
    pub da: Amount,
    /// Steps that are left.
    pub steps_left: u16,
    /// The application's clock, seconds.
    pub time: u64,
    /// On the chain: whatever is to be claimed must be claimed now.
    pub forced: bool,
}

/// How a party plays. Asked twice at the same seat it answers the same.
pub trait Strategy {
    /// Its next input, being the mover; `None`: it does nothing.
    fn step(&mut self, seat: &Seat<'_>) -> Option<Vec<u8>>;

    /// What it hands over for the other party's next step, not being the mover and the mover doing nothing.
    fn hand(&mut self, _seat: &Seat<'_>) -> Option<Vec<u8>> {
        None
    }

    /// The other party handed this over.
    fn handed(&mut self, _input: &[u8]) {}
}

/// A nanocontract under test.
pub struct Subject {
    /// For people.
    pub name: String,
    /// Runtime bytecode.
    pub code: Vec<u8>,
    /// What is opened. Times in it must not pass within a day of [`START`](crate::START).
    pub terms: NanoTerms,
    players: Box<dyn Fn(Side) -> Box<dyn Strategy>>,
    least: [Amount; 2],
}

impl std::fmt::Debug for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subject").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Subject {
    /// `players` makes a party that begins.
    pub fn new(
        name: &str,
        code: &[u8],
        terms: NanoTerms,
        players: impl Fn(Side) -> Box<dyn Strategy> + 'static,
    ) -> Self {
        Self { name: name.into(), code: code.to_vec(), terms, players: Box::new(players), least: [0, 0] }
    }

    /// What A and B must have in the end, whatever the other one does, as long as they play as given: the author's promise to the
    /// players. Without it the kit checks only that the rules are enforced, not what they say.
    #[must_use]
    pub fn at_least(mut self, a: Amount, b: Amount) -> Self {
        self.least = [a, b];
        self
    }

    fn players(&self) -> [Box<dyn Strategy>; 2] {
        [(self.players)(Side::A), (self.players)(Side::B)]
    }
}

/// What was played.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Games, each from another position or against another opponent.
    pub cases: usize,
    /// Moves of an honest game: steps and what was handed over.
    pub moves: usize,
    /// Steps that the chain made; each was computed again with the same result.
    pub forced_steps: usize,
    /// Steps that were made both off chain and by force from one position, with one result.
    pub compared: usize,
    /// Transactions, openings and closings of channels included.
    pub transactions: usize,
    /// Gas of the dearest transaction that forced one step.
    pub dearest_step: u64,
    /// Messages of an opponent that were refused.
    pub refused: usize,
}

impl std::ops::AddAssign for Report {
    fn add_assign(&mut self, other: Self) {
        self.cases += other.cases;
        self.moves = self.moves.max(other.moves);
        self.forced_steps += other.forced_steps;
        self.compared += other.compared;
        self.transactions += other.transactions;
        self.dearest_step = self.dearest_step.max(other.dearest_step);
        self.refused += other.refused;
    }
}
