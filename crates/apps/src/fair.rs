//! What a party can agree to without looking at it: a start as the builders of this crate make it.

use crate::{App, coin_toss, hash_chain, hash_lock, tic_tac_toe};
use perunika_core::{message::NanoTerms, params::Side, signed::Amount};
use thiserror::Error;

/// An offer that is no fair start. Nothing is wrong with it if the party that it is made to knows what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("no fair start of {app}: {why}")]
pub struct Unfair {
    /// Whose start it should be.
    pub app: App,
    /// What is unlike a fair start.
    pub why: &'static str,
}

type Start = Result<NanoTerms, &'static str>;

impl App {
    /// Whether `terms`, which the peer of `me` offers, are a start as the builders of this crate make it, and fair to `me`.
    ///
    /// A game begins with nothing placed, tossed or committed to, and both stake the same. A payment is the peer's, `me` is the payee and stakes nothing. There
    /// are the steps that it takes ([`hash_chain::steps`] at most), and [`App::gas`] or more.
    ///
    /// # Errors
    /// They are not: the offerer's doing.
    pub fn fair_start(self, terms: &NanoTerms, me: Side) -> Result<(), Unfair> {
        let start = match self {
            Self::CoinToss => coins(terms),
            Self::TicTacToe => game(terms),
            Self::HashLock => lock(terms, me),
            Self::HashChain => chain(terms, me),
        };
        start.and_then(|start| same(terms, &start)).map_err(|why| Unfair { app: self, why })
    }
}

fn same(offered: &NanoTerms, start: &NanoTerms) -> Result<(), &'static str> {
    match () {
        () if offered.code_hash != start.code_hash => Err("its code is another"),
        () if offered.storage != start.storage => Err("its storage is not that of a start"),
        () if (offered.total, offered.da0) != (start.total, start.da0) => {
            Err("its stakes are not those of its storage")
        }
        () if offered.mover0 != start.mover0 => Err("another party has to move first"),
        () if offered.k_max != start.k_max => Err("it has more steps than it takes, or fewer"),
        () if offered.gas < start.gas => Err("its gas bound is too low for its steps"),
        () => Ok(()),
    }
}

fn coins(terms: &NanoTerms) -> Start {
    let tosses = coin_toss::Tosses::decode(&terms.storage).map_err(|malformed| malformed.why)?;
    let coin = terms.total.checked_div(2 * Amount::from(tosses.open)).ok_or("there is nothing to toss")?;
    coin_toss::terms(tosses.open, coin).ok_or("there is nothing to win")
}

fn game(terms: &NanoTerms) -> Start {
    let stake = tic_tac_toe::Board::decode(&terms.storage).map_err(|malformed| malformed.why)?.stake_a;
    if terms.total.checked_sub(stake) != Some(stake) {
        return Err("the stakes are not equal");
    }
    let first = if terms.mover0 == 0 { Side::A } else { Side::B };
    tic_tac_toe::terms(stake, stake, first).ok_or("there is nothing to win")
}

fn lock(terms: &NanoTerms, me: Side) -> Start {
    let lock = hash_lock::Lock::decode(&terms.storage).map_err(|malformed| malformed.why)?;
    paid_to(me, lock.payer)?;
    hash_lock::terms(lock).ok_or("it pays nothing, or leaves no margin")
}

fn chain(terms: &NanoTerms, me: Side) -> Start {
    let chain = hash_chain::Chain::decode(&terms.storage).map_err(|malformed| malformed.why)?;
    paid_to(me, chain.payer)?;
    let steps = terms.k_max.min(hash_chain::steps(chain.length));
    let start = hash_chain::terms(chain.anchor, chain.price, chain.length, chain.payer, steps);
    start.ok_or("it pays nothing, or has too few steps to claim all of it")
}

fn paid_to(me: Side, payer: Side) -> Result<(), &'static str> {
    if payer == me { Err("the party that it is offered to would pay") } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::B256;

    const ANCHOR: B256 = B256::repeat_byte(3);

    fn lock_of(payer: Side) -> NanoTerms {
        let until = hash_lock::Until::new(1_800_000_000, 60).unwrap();
        let lock = hash_lock::Lock { hash: ANCHOR, amount: 12, payer, until };
        hash_lock::terms(lock).unwrap()
    }

    fn chain_of(payer: Side) -> NanoTerms {
        hash_chain::terms(ANCHOR, 5, 2_500, payer, hash_chain::steps(2_500)).unwrap()
    }

    /// With what fair starts are offered to B.
    fn starts() -> [(App, NanoTerms); 5] {
        [
            (App::CoinToss, coin_toss::terms(3, 5).unwrap()),
            (App::TicTacToe, tic_tac_toe::terms(7, 7, Side::A).unwrap()),
            (App::TicTacToe, tic_tac_toe::terms(7, 7, Side::B).unwrap()),
            (App::HashLock, lock_of(Side::A)),
            (App::HashChain, chain_of(Side::A)),
        ]
    }

    fn refused(app: App, terms: &NanoTerms, why: &str) {
        for me in [Side::A, Side::B] {
            let unfair = app.fair_start(terms, me).expect_err(why);
            assert!(unfair.why.contains(why), "{unfair}, not: {why}");
        }
    }

    #[test]
    fn what_the_builders_make_is_fair() {
        for (app, terms) in starts() {
            assert_eq!(app.fair_start(&terms, Side::B), Ok(()));
            assert_eq!(app.fair_start(&NanoTerms { gas: terms.gas + 1, ..terms }, Side::B), Ok(()));
        }
        for (app, terms) in [(App::HashLock, lock_of(Side::B)), (App::HashChain, chain_of(Side::B))] {
            assert_eq!(app.fair_start(&terms, Side::A), Ok(()));
        }
        let few = hash_chain::terms(ANCHOR, 5, 2_500, Side::A, 3).unwrap();
        assert_eq!(App::HashChain.fair_start(&few, Side::B), Ok(()));
    }

    #[test]
    fn nobody_is_made_to_pay() {
        for (app, terms) in [(App::HashLock, lock_of(Side::B)), (App::HashChain, chain_of(Side::B))] {
            let unfair = app.fair_start(&terms, Side::B).unwrap_err();
            assert!(unfair.why.contains("would pay"), "{unfair}");
        }
    }

    #[test]
    fn who_is_paid_stakes_nothing() {
        for (app, terms) in starts().into_iter().skip(3) {
            let taken = NanoTerms { da0: 0, ..terms.clone() };
            assert!(app.fair_start(&taken, Side::B).unwrap_err().why.contains("stakes"));
            let larger = NanoTerms { total: terms.total + 1, ..terms };
            assert!(app.fair_start(&larger, Side::B).unwrap_err().why.contains("stakes"));
        }
    }

    #[test]
    fn no_square_is_taken_and_the_stakes_are_equal_and_as_the_storage_says() {
        let (fair, board) = (tic_tac_toe::terms(7, 7, Side::A).unwrap(), tic_tac_toe::Board { stake_a: 7, a: 0, b: 0 });
        for (a, b) in [(0x003, 0x018), (1, 0), (0, 1)] {
            let storage = tic_tac_toe::Board { a, b, ..board }.encode();
            refused(App::TicTacToe, &NanoTerms { storage, ..fair.clone() }, "not that of a start");
        }
        // A draw would give A the stake of B.
        let storage = tic_tac_toe::Board { stake_a: 14, ..board }.encode();
        refused(App::TicTacToe, &NanoTerms { storage, ..fair.clone() }, "not equal");
        for da0 in [0, 14] {
            refused(App::TicTacToe, &NanoTerms { da0, ..fair.clone() }, "not those of its storage");
        }
        refused(App::TicTacToe, &tic_tac_toe::terms(1, 13, Side::A).unwrap(), "not equal");
        refused(App::TicTacToe, &tic_tac_toe::terms(1, 2, Side::A).unwrap(), "not equal");
    }

    #[test]
    fn no_coin_is_tossed_and_nothing_committed_to_that_nobody_can_open() {
        let (fair, fresh) = (coin_toss::terms(3, 5).unwrap(), coin_toss::Tosses::new(3));
        let with = |tosses: coin_toss::Tosses| NanoTerms { storage: tosses.encode(), ..fair.clone() };
        let committed = coin_toss::Tosses { commitment: Some(ANCHOR), ..fresh };
        refused(App::CoinToss, &with(committed), "not that of a start");
        refused(App::CoinToss, &with(coin_toss::Tosses { answer: Some(true), ..committed }), "not that of a start");
        refused(App::CoinToss, &with(coin_toss::Tosses { heads: 3, ..fresh }), "not that of a start");
        refused(App::CoinToss, &with(coin_toss::Tosses { tails: 250, open: 255, ..fresh }), "");
        refused(App::CoinToss, &with(coin_toss::Tosses { open: 0, heads: 3, ..fresh }), "nothing to toss");
        refused(App::CoinToss, &NanoTerms { total: 31, ..fair.clone() }, "stakes");
        refused(App::CoinToss, &NanoTerms { da0: 0, ..fair.clone() }, "stakes");
        let mut storage = fair.storage.clone();
        storage[31] = 0xff;
        refused(App::CoinToss, &NanoTerms { storage: storage.clone(), ..fair.clone() }, "not that of a start");
        storage[30] = 1;
        refused(App::CoinToss, &NanoTerms { storage, ..fair.clone() }, "out of its type");
    }

    #[test]
    fn no_chain_begins_in_its_middle_or_pays_more_than_there_is() {
        let fair = chain_of(Side::A);
        let begun = hash_chain::Chain { index: 1, ..hash_chain::Chain::decode(&fair.storage).unwrap() };
        for bad in [
            begun,
            hash_chain::Chain { index: 0, price: 0, ..begun },
            hash_chain::Chain { index: 0, price: 6, ..begun },
            hash_chain::Chain { index: 0, length: 2_400, ..begun },
        ] {
            let terms = NanoTerms { storage: bad.encode(), ..fair.clone() };
            assert!(App::HashChain.fair_start(&terms, Side::B).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn steps_gas_mover_and_code_are_those_of_the_start() {
        for (app, terms) in starts() {
            let refused = |terms: NanoTerms| assert!(app.fair_start(&terms, Side::B).is_err(), "{terms:?}");
            refused(NanoTerms { gas: terms.gas - 1, ..terms.clone() });
            refused(NanoTerms { k_max: terms.k_max + 1, ..terms.clone() });
            refused(NanoTerms { k_max: 80, ..terms.clone() });
            refused(NanoTerms { k_max: 0, ..terms.clone() });
            refused(NanoTerms { mover0: 2, ..terms.clone() });
            refused(NanoTerms { code_hash: B256::ZERO, ..terms.clone() });
            refused(NanoTerms { storage: Vec::new(), ..terms.clone() });
            if app != App::TicTacToe {
                refused(NanoTerms { mover0: 1 - terms.mover0, ..terms.clone() });
            }
        }
        let few = NanoTerms { k_max: 2, ..chain_of(Side::A) };
        assert!(App::HashChain.fair_start(&few, Side::B).unwrap_err().why.contains("too few"));
    }
}
