//! Who says which square: people at this terminal, or scripts.

use super::town::Who;
use super::{Args, Leaver};
use crate::commands::nano::board::squares;
use crate::exit::{Error, Result};
use perunika_apps::Player as _;
use perunika_apps::tic_tac_toe::{Board, Naive, Perfect};
use perunika_core::params::Side;
use tokio::io::{AsyncBufReadExt, BufReader, Lines, Stdin};

/// What the mover wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// This square.
    Square(Vec<u8>),
    /// Never to be seen again.
    Leave(Who),
}

/// Where the squares come from.
pub(super) enum Players {
    /// Two scripts, and who leaves after how many steps.
    Scripts(Leaver, usize),
    /// Two people who share a terminal.
    People(Lines<BufReader<Stdin>>),
}

impl Players {
    pub(super) fn new(args: &Args) -> Self {
        match args.scripted {
            true => Self::Scripts(args.leaves, args.after.into()),
            false => Self::People(BufReader::new(tokio::io::stdin()).lines()),
        }
    }

    /// The next wish of the mover, so many steps being made.
    pub(super) async fn ask(&mut self, who: Who, board: &Board, steps: usize) -> Result<Wish> {
        match self {
            Self::Scripts(Leaver::Player(leaver), after) if *after == steps => Ok(Wish::Leave(*leaver)),
            Self::Scripts(..) => scripted(who, board).map(Wish::Square),
            Self::People(lines) => loop {
                println!("\n{}\n{}: a square, or leave?", squares(board), name(who));
                let line = lines.next_line().await.map_err(|e| Error::other(format!("the terminal: {e}")))?;
                match line.as_deref().map(str::trim) {
                    None => return Err(Error::user("nobody is at the terminal any more; --scripted needs nobody")),
                    Some("leave") => return Ok(Wish::Leave(who)),
                    Some(text) => match text.parse::<u8>().ok().filter(|square| board.free().any(|s| s == *square)) {
                        Some(square) => return Ok(Wish::Square(perunika_apps::tic_tac_toe::place(square))),
                        None => println!("the number of a free square, or leave"),
                    },
                }
            },
        }
    }
}

/// What a script plays; also what a person who stays plays in a dispute, where nobody answers any more.
pub(super) fn scripted(who: Who, board: &Board) -> Result<Vec<u8>> {
    let storage = board.encode();
    let input = match who {
        Who::Alice => Perfect.input(Side::A, &storage),
        Who::Bob => Naive.input(Side::B, &storage),
    };
    input.map_err(Error::other)?.ok_or_else(|| Error::other("the script does not know what to play"))
}

pub(super) fn name(who: Who) -> &'static str {
    match who {
        Who::Alice => "alice (X)",
        Who::Bob => "bob (O)",
    }
}
