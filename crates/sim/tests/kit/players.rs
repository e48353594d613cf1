//! The apps' players at the kit's table.

use alloy_primitives::{B256, keccak256};
use perunika_apps::{App, Player, coin_toss, hash_chain, hash_lock, tic_tac_toe};
use perunika_core::message::NanoTerms;
use perunika_core::params::Side;
use perunika_sim::kit::{Seat, Strategy, Subject};
use perunika_sim::{ETH, START};

/// A player that needs no memory.
struct Plain(Box<dyn Player>);

impl Strategy for Plain {
    fn step(&mut self, seat: &Seat<'_>) -> Option<Vec<u8>> {
        self.0.input(seat.side, seat.storage).expect("a storage of this app")
    }
}

fn subject(terms: NanoTerms, players: impl Fn(Side) -> Box<dyn Strategy> + 'static) -> Subject {
    let app = App::of(terms.code_hash).expect("one of ours");
    Subject::new(app.name(), app.code(), terms, players)
}

fn plain(terms: NanoTerms, player: impl Fn(Side) -> Box<dyn Player> + 'static) -> Subject {
    subject(terms, move |side| Box::new(Plain(player(side))))
}

/// How many of two tosses A wins, the bits drawn from these seeds.
pub(crate) fn heads(seed: u8) -> usize {
    let tosser = |side: u8| coin_toss::Tosser::new(keccak256([seed, side]));
    (0..2).filter(|toss| tosser(0).hidden(*toss).bit == tosser(1).hidden(*toss).bit).count()
}

/// Two tosses, the bits drawn from two seeds.
pub(crate) fn coin_toss(seed: u8) -> Subject {
    let terms = coin_toss::terms(2, ETH / 10).expect("stakes");
    plain(terms, move |side| Box::new(coin_toss::Tosser::new(keccak256([seed, side.index() as u8]))))
}

/// A draw, or won by the side that plays well.
pub(crate) fn tic_tac_toe(good: [bool; 2], first: Side) -> Subject {
    let terms = tic_tac_toe::terms(ETH / 2, ETH / 4, first).expect("stakes");
    plain(
        terms,
        move |side| {
            if good[side.index()] { Box::new(tic_tac_toe::Perfect) } else { Box::new(tic_tac_toe::Naive) }
        },
    )
}

/// The payee has the secret.
pub(crate) fn hash_lock(payer: Side) -> Subject {
    let secret = B256::repeat_byte(7);
    let until = hash_lock::Until::new(START + 1_000_000, 60).expect("times");
    let lock = hash_lock::Lock { hash: keccak256(secret), amount: ETH / 4, payer, until };
    plain(hash_lock::terms(lock).expect("an amount"), move |_| Box::new(hash_lock::Payee::new(secret)))
}

/// Pays ten at a time.
struct ChainPayer(hash_chain::Payer, u32);

impl Strategy for ChainPayer {
    fn step(&mut self, _: &Seat<'_>) -> Option<Vec<u8>> {
        None
    }

    fn hand(&mut self, _: &Seat<'_>) -> Option<Vec<u8>> {
        let input = self.0.pay(self.1 + 10)?;
        self.1 += 10;
        Some(input)
    }
}

/// Claims off chain whenever so many are unclaimed, and everything by force.
struct ChainPayee {
    chain: hash_chain::Chain,
    payee: hash_chain::Payee,
    every: u32,
}

impl Strategy for ChainPayee {
    fn step(&mut self, seat: &Seat<'_>) -> Option<Vec<u8>> {
        let chain = hash_chain::Chain::decode(seat.storage).expect("a chain");
        let due = seat.forced || self.payee.index() >= chain.index + self.every;
        let input = self.payee.input(seat.side, seat.storage).expect("a chain");
        input.filter(|_| due)
    }

    fn handed(&mut self, input: &[u8]) {
        self.payee.receive(&self.chain, 6, input).expect("a payment");
    }
}

/// Forty payments, claimed after every twenty.
pub(crate) fn hash_chain(payer: Side) -> Subject {
    let length = 40;
    let maker = hash_chain::Payer::new(B256::repeat_byte(4), length).expect("a length");
    let terms = hash_chain::terms(maker.anchor(), ETH / 40, length, payer, 6).expect("a chain");
    let chain = hash_chain::Chain::decode(&terms.storage).expect("a chain");
    subject(terms, move |side| -> Box<dyn Strategy> {
        if side == payer {
            Box::new(ChainPayer(maker.clone(), 0))
        } else {
            Box::new(ChainPayee { chain, payee: hash_chain::Payee::new(&chain), every: 20 })
        }
    })
}
