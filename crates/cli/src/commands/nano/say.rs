//! What a party says in a step: bytes, or in the words of one of the known nanocontracts.

use super::board::{app, side};
use crate::commands::common::private_key;
use crate::exit::{Error, Result};
use alloy::primitives::{B256, Bytes};
use perunika_apps::{App, Player, coin_toss, hash_lock, tic_tac_toe};
use perunika_client::types::Nano;

/// What is said. One of these.
#[derive(Clone, Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Said {
    /// The bytes themselves, in hexadecimal.
    #[arg(long, value_name = "HEX")]
    input: Option<Bytes>,
    /// tic-tac-toe: the square, 0 to 8, row by row.
    #[arg(long, value_name = "SQUARE", value_parser = clap::value_parser!(u8).range(0..9))]
    cell: Option<u8>,
    /// coin-toss: whatever is next, drawn from this secret of 32 bytes, in hexadecimal; the same one from the first step to the last.
    #[arg(long, value_name = "HEX", value_parser = private_key)]
    seed: Option<B256>,
    /// hash-lock: the secret of 32 bytes, in hexadecimal.
    #[arg(long, value_name = "HEX", value_parser = private_key)]
    secret: Option<B256>,
}

impl Said {
    /// As the code reads it.
    pub(crate) fn bytes(&self, nano: &Nano) -> Result<Bytes> {
        match self {
            Self { cell: Some(cell), .. } => {
                fits(nano, App::TicTacToe)?;
                Ok(tic_tac_toe::place(*cell).into())
            }
            Self { seed: Some(seed), .. } => {
                fits(nano, App::CoinToss)?;
                played(nano, &coin_toss::Tosser::new(*seed))
            }
            Self { secret: Some(secret), .. } => {
                fits(nano, App::HashLock)?;
                played(nano, &hash_lock::Payee::new(*secret))
            }
            Self { input, .. } => Ok(input.clone().unwrap_or_default()),
        }
    }
}

fn fits(nano: &Nano, wanted: App) -> Result<()> {
    match app(nano) {
        Some(app) if app == wanted => Ok(()),
        Some(app) => Err(Error::user(format!("that is something to say in {wanted}, but this is {app}"))),
        None => Err(Error::user(format!("that is something to say in {wanted}, but this is code of its own"))),
    }
}

fn played(nano: &Nano, player: &dyn Player) -> Result<Bytes> {
    let input = player.input(side(nano.party), &nano.storage).map_err(Error::user)?;
    input.map(Bytes::from).ok_or_else(|| Error::user("there is nothing for this node to say now"))
}
