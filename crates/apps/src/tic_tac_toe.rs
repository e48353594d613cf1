//! Tic-tac-toe for a stake (`contracts/src/nano/TicTacToe.sol`).
//!
//! Three in a row takes everything, a full board gives both their stakes back, and whoever stalls loses.

use crate::{App, Malformed, Player};
use perunika_core::{
    message::NanoTerms,
    params::Side,
    signed::{Amount, MAX_AMOUNT},
};

const FULL: u16 = 0x1ff;
const LINES: [u16; 8] = [0x007, 0x038, 0x1c0, 0x049, 0x092, 0x124, 0x111, 0x054];

/// The storage. Bit i of a set of squares is square i, row by row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Board {
    /// What A has staked; the rest of the total is B's stake.
    pub stake_a: Amount,
    /// A's squares.
    pub a: u16,
    /// B's squares.
    pub b: u16,
}

/// How a game stands for the party that asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ending {
    /// The other party has three in a row.
    Lost,
    /// The board is full.
    Drawn,
    /// Three in a row.
    Won,
}

impl Board {
    /// As the code has it: 16 bytes.
    pub fn encode(&self) -> Vec<u8> {
        let stake = self.stake_a.to_be_bytes();
        [&stake[4..], &self.a.to_be_bytes(), &self.b.to_be_bytes()].concat()
    }

    /// Reads a storage.
    ///
    /// # Errors
    /// It is not one of this app.
    pub fn decode(storage: &[u8]) -> Result<Self, Malformed> {
        let bytes: [u8; 16] = storage.try_into().map_err(|_| malformed("it has another length"))?;
        let squares = |index: usize| u16::from_be_bytes([bytes[index], bytes[index + 1]]);
        let board = Self { stake_a: u128::from_be_bytes(bytes) >> 32, a: squares(12), b: squares(14) };
        if board.a & board.b != 0 || board.a | board.b > FULL {
            return Err(malformed("squares that are both parties' or none"));
        }
        Ok(board)
    }

    /// Squares that nobody has.
    pub fn free(&self) -> impl Iterator<Item = u8> + use<> {
        let taken = self.a | self.b;
        (0..9).filter(move |square| taken & (1 << square) == 0)
    }

    /// How it ended for `side`; `None` before the end.
    pub fn ending(&self, side: Side) -> Option<Ending> {
        let line = |squares: u16| LINES.iter().any(|line| squares & line == *line);
        let (mine, theirs) = if side == Side::A { (self.a, self.b) } else { (self.b, self.a) };
        match () {
            () if line(mine) => Some(Ending::Won),
            () if line(theirs) => Some(Ending::Lost),
            () if self.a | self.b == FULL => Some(Ending::Drawn),
            () => None,
        }
    }

    /// With one more square for `side`.
    #[must_use]
    pub fn with(mut self, side: Side, square: u8) -> Self {
        match side {
            Side::A => self.a |= 1 << square,
            Side::B => self.b |= 1 << square,
        }
        self
    }
}

fn malformed(why: &'static str) -> Malformed {
    Malformed { app: App::TicTacToe, why }
}

/// A game for the two stakes. `None` if there is nothing to win or the stakes do not fit.
pub fn terms(stake_a: Amount, stake_b: Amount, first: Side) -> Option<NanoTerms> {
    let total = stake_a.checked_add(stake_b).filter(|total| (1..=MAX_AMOUNT).contains(total))?;
    let storage = Board { stake_a, a: 0, b: 0 }.encode();
    Some(App::TicTacToe.terms(total, stake_a, first, 9, storage))
}

/// A mover's input: its square, 0 to 8.
pub fn place(square: u8) -> Vec<u8> {
    vec![square]
}

/// Never loses; takes the lowest of the best squares.
#[derive(Clone, Copy, Debug, Default)]
pub struct Perfect;

/// Always takes the lowest free square.
#[derive(Clone, Copy, Debug, Default)]
pub struct Naive;

/// The best that `side`, to move, can reach, and with which square; `None` if the game is over.
fn best(board: Board, side: Side) -> Option<(Ending, u8)> {
    if board.ending(side).is_some() {
        return None;
    }
    let mut found: Option<(Ending, u8)> = None;
    for square in board.free() {
        let after = board.with(side, square);
        let reached = after.ending(side).unwrap_or_else(|| match best(after, side.other()) {
            Some((Ending::Won, _)) => Ending::Lost,
            Some((Ending::Lost, _)) => Ending::Won,
            _ => Ending::Drawn,
        });
        if found.is_none_or(|(most, _)| reached > most) {
            found = Some((reached, square));
        }
        if reached == Ending::Won {
            break;
        }
    }
    found
}

/// Whether it can be the turn of `side`. Before the first square of a round both may be next: the channel knows.
fn may_move(board: &Board, side: Side) -> bool {
    let (mine, theirs) = if side == Side::A { (board.a, board.b) } else { (board.b, board.a) };
    board.ending(side).is_none() && mine.count_ones() <= theirs.count_ones()
}

impl Player for Perfect {
    fn input(&self, side: Side, storage: &[u8]) -> Result<Option<Vec<u8>>, Malformed> {
        let board = Board::decode(storage)?;
        let square = may_move(&board, side).then(|| best(board, side)).flatten();
        Ok(square.map(|(_, square)| place(square)))
    }
}

impl Player for Naive {
    fn input(&self, side: Side, storage: &[u8]) -> Result<Option<Vec<u8>>, Malformed> {
        let board = Board::decode(storage)?;
        let square = may_move(&board, side).then(|| board.free().next()).flatten();
        Ok(square.map(place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: Board = Board { stake_a: 3, a: 0, b: 0 };

    fn play(a: &dyn Player, b: &dyn Player) -> Ending {
        let (mut board, mut side) = (EMPTY, Side::A);
        while board.ending(Side::A).is_none() {
            let player = if side == Side::A { a } else { b };
            let input = player.input(side, &board.encode()).unwrap().unwrap();
            assert!(board.free().any(|square| square == input[0]));
            board = board.with(side, input[0]);
            side = side.other();
        }
        board.ending(Side::A).unwrap()
    }

    #[test]
    fn storage_survives_encoding() {
        let board = Board { stake_a: MAX_AMOUNT - 5, a: 0x101, b: 0x082 };
        assert_eq!(Board::decode(&board.encode()), Ok(board));
        assert!(Board::decode(&[0; 15]).is_err());
        assert!(Board::decode(&Board { b: 0x101, ..board }.encode()).is_err());
        assert!(Board::decode(&Board { b: 0x200, ..board }.encode()).is_err());
    }

    #[test]
    fn perfect_players_draw_and_beat_a_naive_one() {
        assert_eq!(play(&Perfect, &Perfect), Ending::Drawn);
        assert_eq!(play(&Perfect, &Naive), Ending::Won);
        assert_eq!(play(&Naive, &Perfect), Ending::Lost);
    }

    /// All games in which the other party tries everything.
    #[test]
    fn a_perfect_player_never_loses() {
        fn against_all(board: Board, side: Side, perfect: Side) {
            match board.ending(perfect) {
                Some(ending) => assert_ne!(ending, Ending::Lost, "{board:?}"),
                None if side == perfect => {
                    let square = Perfect.input(side, &board.encode()).unwrap().unwrap()[0];
                    against_all(board.with(side, square), side.other(), perfect);
                }
                None => board.free().for_each(|square| against_all(board.with(side, square), side.other(), perfect)),
            }
        }
        against_all(EMPTY, Side::A, Side::B);
        against_all(EMPTY, Side::A, Side::A);
    }

    #[test]
    fn nobody_moves_out_of_turn_or_after_the_end() {
        let ahead = EMPTY.with(Side::A, 4);
        assert_eq!(Naive.input(Side::A, &ahead.encode()), Ok(None));
        assert!(Naive.input(Side::B, &ahead.encode()).unwrap().is_some());
        let won = Board { a: 0x007, b: 0x018, ..EMPTY };
        assert_eq!(Perfect.input(Side::B, &won.encode()), Ok(None));
        assert_eq!(Naive.input(Side::B, &won.encode()), Ok(None));
    }

    #[test]
    fn the_total_is_both_stakes() {
        let game = terms(3, 7, Side::B).unwrap();
        assert_eq!((game.total, game.da0, game.mover0, game.k_max), (10, 3, 1, 9));
        assert_eq!(terms(0, 0, Side::A), None);
        assert_eq!(terms(MAX_AMOUNT, 1, Side::A), None);
    }
}
