//! What the storage of a nanocontract says, for people.

use crate::assets::Unit;
use perunika_apps::tic_tac_toe::Board;
use perunika_apps::{App, coin_toss, hash_chain, hash_lock};
use perunika_client::types::{Nano, Party};
use perunika_core::params::Side;

/// A side as the core counts them.
pub(crate) fn side(party: Party) -> Side {
    match party {
        Party::A => Side::A,
        Party::B => Side::B,
    }
}

/// Which of the known ones it is.
pub(crate) fn app(nano: &Nano) -> Option<App> {
    nano.app.as_deref()?.parse().ok()
}

/// In words or as a picture; none if only its author could say.
pub(crate) fn picture(nano: &Nano) -> Option<String> {
    let unit = Unit::from(nano);
    match app(nano)? {
        App::TicTacToe => Board::decode(&nano.storage).ok().map(|board| squares(&board)),
        App::CoinToss => coin_toss::Tosses::decode(&nano.storage).ok().map(|tosses| {
            let (heads, tails, open) = (tosses.heads, tosses.tails, tosses.open);
            format!("heads (A) {heads}, tails (B) {tails}, {open} not decided")
        }),
        App::HashLock => hash_lock::Lock::decode(&nano.storage).ok().map(|lock| {
            let (amount, payer) = (unit.show(lock.amount), lock.payer);
            let (alone, deadline) = (lock.until.alone(), lock.until.deadline());
            let when = format!("until second {alone}, or published until second {deadline}");
            format!("{amount} of {payer:?} for the secret of {}, {when}", lock.hash)
        }),
        App::HashChain => hash_chain::Chain::decode(&nano.storage).ok().map(|chain| {
            let (price, payer, paid) = (unit.show(chain.price), chain.payer, chain.index);
            format!("{price} of {payer:?} for each preimage, {paid} of {} turned into money", chain.length)
        }),
    }
}

/// Three rows; free squares carry their numbers.
pub(crate) fn squares(board: &Board) -> String {
    let square = |index: u16| match (board.a >> index & 1, board.b >> index & 1) {
        (0, 0) => char::from_digit(index.into(), 10).unwrap_or(' '),
        (0, _) => 'O',
        _ => 'X',
    };
    let row = |first: u16| format!(" {} | {} | {} ", square(first), square(first + 1), square(first + 2));
    format!("{}\n---+---+---\n{}\n---+---+---\n{}", row(0), row(3), row(6))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_board_shows_who_has_what_and_what_is_free() {
        let board = Board { stake_a: 1, a: 0b1_0001, b: 0b10 };
        assert_eq!(squares(&board), " X | O | 2 \n---+---+---\n 3 | X | 5 \n---+---+---\n 6 | 7 | 8 ");
    }
}
