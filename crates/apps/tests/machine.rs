//! The apps in the machine that participants bring along: whole games, and what their steps cost.

use alloy_primitives::{Address, B256, U256, keccak256};
use perunika_apps::{App, Player, coin_toss, hash_chain, hash_lock, tic_tac_toe};
use perunika_core::{
    message::NanoTerms,
    nano::{Context, Evaluator, NoResult, Outcome, Run},
    params::Side,
    signed::Amount,
};
use perunika_nano::Machine;

const NOW: u64 = 1_800_000_000;

/// One nanocontract as the parties see it.
struct Game {
    machine: Machine,
    app: App,
    context: Context,
    storage: Vec<u8>,
    mover: Side,
    dearest: u64,
}

impl Game {
    fn new(terms: &NanoTerms) -> Self {
        let context = Context {
            ch: B256::repeat_byte(1),
            entry: B256::repeat_byte(2),
            total: terms.total,
            da: terms.da0,
            steps_left: terms.k_max,
            time: NOW,
            absolute: NOW,
            registry: Address::repeat_byte(3),
        };
        let (storage, mover) = (terms.storage.clone(), if terms.mover0 == 0 { Side::A } else { Side::B });
        let app = App::of(terms.code_hash).expect("one of the four");
        Self { machine: Machine::new(), app, context, storage, mover, dearest: 0 }
    }

    fn run(&self, input: &[u8], revealed: &[(B256, u64)]) -> Result<Outcome, NoResult> {
        self.machine.step(&Run {
            code: self.app.code(),
            gas: self.app.gas(),
            context: self.context,
            storage: &self.storage,
            caller: u8::from(self.mover == Side::B),
            input,
            revealed,
        })
    }

    fn step(&mut self, input: &[u8]) {
        self.step_knowing(input, &[]);
    }

    fn step_knowing(&mut self, input: &[u8], revealed: &[(B256, u64)]) {
        let outcome = self.run(input, revealed).expect("the step is allowed");
        self.dearest = self.dearest.max(outcome.gas);
        self.storage = outcome.storage;
        self.mover = if outcome.mover == 0 { Side::A } else { Side::B };
        (self.context.da, self.context.steps_left) = (outcome.da, outcome.steps_left);
    }

    /// Until the end, or until the mover has nothing to do. Gives what A has then.
    fn play(&mut self, a: &dyn Player, b: &dyn Player) -> Amount {
        while self.context.steps_left > 0 {
            let player = if self.mover == Side::A { a } else { b };
            let Some(input) = player.input(self.mover, &self.storage).expect("a storage of this app") else { break };
            self.step(&input);
        }
        self.context.da
    }

    /// The bound that is proposed for Entries leaves half as much again, and not three times as much.
    fn within_bound(&self) {
        let bound = u64::from(self.app.gas());
        assert!(self.dearest * 3 <= bound * 2, "{}: {} of {bound} gas", self.app, self.dearest);
        assert!(self.dearest * 3 >= bound, "{}: {} of {bound} gas is far too much", self.app, self.dearest);
    }
}

fn seed(number: u8) -> B256 {
    keccak256([number])
}

#[test]
fn every_app_may_be_run() {
    for app in App::ALL {
        assert_eq!(Machine::new().admit(app.code()), Ok(()), "{app}");
    }
}

#[test]
fn coins_are_won_by_the_bits_of_both() {
    let (mut heads, coin) = (0, 1_000);
    for number in 0..50 {
        let terms = coin_toss::terms(4, coin).expect("fits");
        let (a, b) = (coin_toss::Tosser::new(seed(number)), coin_toss::Tosser::new(seed(100 + number)));
        let won = (0..4).filter(|toss| a.hidden(*toss).bit == b.hidden(*toss).bit).count() as Amount;
        let mut game = Game::new(&terms);
        assert_eq!(game.play(&a, &b), 2 * coin * won);
        assert_eq!(game.context.steps_left, 0);
        game.within_bound();
        heads += won;
    }
    assert!((70..130).contains(&heads), "{heads} of 200");
}

#[test]
fn a_party_that_stalls_loses_the_tosses_that_are_open() {
    let mut game = Game::new(&coin_toss::terms(2, 10).expect("fits"));
    let (a, b) = (coin_toss::Tosser::new(seed(1)), coin_toss::Tosser::new(seed(2)));
    assert_eq!(game.context.da, 20, "nobody has begun");
    for stalls in [Side::B, Side::A] {
        let player: &dyn Player = if game.mover == Side::A { &a } else { &b };
        let input = player.input(game.mover, &game.storage).expect("ours").expect("our turn");
        game.step(&input);
        assert_eq!(game.mover, stalls);
        assert_eq!(game.context.da, if stalls == Side::B { 40 } else { 0 });
    }
    // A dislikes what B said, and tries another bit.
    let other = coin_toss::Hidden { bit: !a.hidden(0).bit, nonce: a.hidden(0).nonce };
    let refused = game.run(&coin_toss::open(other, Some(a.hidden(1))), &[]);
    assert!(matches!(refused, Err(NoResult::Reverted(_))), "{refused:?}");
}

#[test]
fn tic_tac_toe_pays_the_winner_or_both() {
    for first in [Side::A, Side::B] {
        let terms = tic_tac_toe::terms(30, 70, first).expect("fits");
        for (a, b, a_gets) in [
            (&tic_tac_toe::Perfect as &dyn Player, &tic_tac_toe::Perfect as &dyn Player, 30),
            (&tic_tac_toe::Perfect, &tic_tac_toe::Naive, 100),
            (&tic_tac_toe::Naive, &tic_tac_toe::Perfect, 0),
        ] {
            let mut game = Game::new(&terms);
            assert_eq!(game.play(a, b), a_gets);
            assert_eq!(game.context.steps_left, 0);
            game.within_bound();
        }
    }
}

#[test]
fn a_chain_pays_for_what_was_handed_over() {
    for payer_side in [Side::A, Side::B] {
        let payer = hash_chain::Payer::new(seed(9), 2_500).expect("not too long");
        let terms = hash_chain::terms(payer.anchor(), 3, 2_500, payer_side, 10).expect("fits");
        let mut game = Game::new(&terms);
        let chain = |game: &Game| hash_chain::Chain::decode(&game.storage).expect("ours");
        let mut payee = hash_chain::Payee::new(&chain(&game));
        for index in [1, 2, 700, 2_345] {
            let paid = payer.pay(index).expect("within the chain");
            payee.receive(&chain(&game), game.context.steps_left, &paid).expect("worth it");
        }
        let a_gets = game.play(&payee, &payee);
        assert_eq!(a_gets, if payer_side == Side::A { 3 * (2_500 - 2_345) } else { 3 * 2_345 });
        assert_eq!((chain(&game).index, game.context.steps_left), (2_345, 7), "in three steps");
        game.within_bound();
        payee.receive(&chain(&game), 7, &payer.pay(2_500).expect("the last")).expect("worth it");
        assert_eq!(game.play(&payee, &payee), if payer_side == Side::A { 0 } else { 7_500 });
        assert_eq!(game.context.steps_left, 0);
    }
}

const MARGIN: u64 = 1_800;

/// The secret alone pays until `NOW`.
fn lock(payer: Side) -> (hash_lock::Lock, hash_lock::Payee) {
    let until = hash_lock::Until::new(NOW + MARGIN, MARGIN).expect("times");
    let lock = hash_lock::Lock { hash: keccak256(seed(5)), amount: 800, payer, until };
    (lock, hash_lock::Payee::new(seed(5)))
}

#[test]
fn the_secret_alone_pays_until_a_margin_before_the_deadline() {
    for (payer, a_gets) in [(Side::A, 0), (Side::B, 800)] {
        let (lock, payee) = lock(payer);
        let mut game = Game::new(&hash_lock::terms(lock).expect("fits"));
        assert_eq!(game.play(&payee, &payee), a_gets);
        assert_eq!(game.context.steps_left, 0);
    }
}

/// Attack: a payee that shows its secret so late that nobody on the path can use it any more.
#[test]
fn after_the_margin_began_a_secret_that_nobody_sees_does_not_pay() {
    let (lock, payee) = lock(Side::A);
    let mut game = Game::new(&hash_lock::terms(lock).expect("fits"));
    let input = payee.input(Side::B, &game.storage).expect("ours").expect("can claim");
    for late in [1, 2, MARGIN - 1, MARGIN, MARGIN + 1, 100_000] {
        game.context.absolute = NOW + late;
        for unseen in [vec![], vec![(lock.hash, 0)], vec![(B256::ZERO, NOW)]] {
            assert!(matches!(game.run(&input, &unseen), Err(NoResult::Reverted(_))), "{late} s: {unseen:?}");
        }
    }
}

#[test]
fn what_was_published_by_the_deadline_pays_for_ever() {
    let (lock, payee) = lock(Side::A);
    for seen in [1, NOW - 1, NOW, NOW + 1, NOW + MARGIN, NOW + MARGIN + 1] {
        let in_time = seen <= NOW + MARGIN;
        for absolute in [seen.max(NOW + 1), NOW + 100_000] {
            let mut game = Game::new(&hash_lock::terms(lock).expect("fits"));
            game.context.absolute = absolute;
            let input = payee.input(Side::B, &game.storage).expect("ours").expect("can claim");
            let published = [(lock.hash, seen)];
            if in_time {
                game.step_knowing(&input, &published);
                assert_eq!((game.context.da, game.context.steps_left), (0, 0), "seen at {seen}");
                game.within_bound();
            } else {
                assert!(matches!(game.run(&input, &published), Err(NoResult::Reverted(_))), "seen at {seen}");
            }
        }
    }
}

/// What the evaluator stores is what the types say, byte for byte, whatever the numbers.
#[test]
fn storages_are_read_as_the_code_writes_them() {
    let big = coin_toss::terms(255, (1 << 87) - 1).expect("fits");
    let mut game = Game::new(&big);
    game.play(&coin_toss::Tosser::new(seed(1)), &coin_toss::Tosser::new(seed(2)));
    let tosses = coin_toss::Tosses::decode(&game.storage).expect("ours");
    assert_eq!((tosses.encode(), tosses.number(), tosses.open), (game.storage, 255, 0));

    let mut game = Game::new(&tic_tac_toe::terms(perunika_core::signed::MAX_AMOUNT, 0, Side::B).expect("fits"));
    game.step(&tic_tac_toe::place(8));
    let board = tic_tac_toe::Board::decode(&game.storage).expect("ours");
    assert_eq!((board.a, board.b, board.encode()), (0, 0x100, game.storage));
    assert_eq!(U256::from(board.stake_a), (U256::from(1) << 96) - U256::from(1));
}
