//! The four codes.

use crate::artifact::runtime_code;
use alloy_primitives::{B256, Bytes, keccak256};
use perunika_core::{message::NanoTerms, params::Side, signed::Amount};
use std::{fmt, str::FromStr, sync::LazyLock};

/// One of the nanocontracts that Perunika brings along.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum App {
    /// [`crate::coin_toss`]
    CoinToss,
    /// [`crate::tic_tac_toe`]
    TicTacToe,
    /// [`crate::hash_lock`]
    HashLock,
    /// [`crate::hash_chain`]
    HashChain,
}

struct Code {
    runtime: Bytes,
    hash: B256,
}

impl Code {
    // INVARIANT: the artifacts are part of the build, and the tests below read them.
    #[allow(clippy::expect_used)]
    fn read(artifact: &str) -> Self {
        let runtime = runtime_code(artifact).expect("a committed artifact has bytecode");
        Self { hash: keccak256(&runtime), runtime }
    }
}

macro_rules! artifact {
    ($name:literal) => {
        Code::read(include_str!(concat!("../../../contracts/artifacts/nano/", $name, ".json")))
    };
}

static COIN_TOSS: LazyLock<Code> = LazyLock::new(|| artifact!("CoinToss"));
static TIC_TAC_TOE: LazyLock<Code> = LazyLock::new(|| artifact!("TicTacToe"));
static HASH_LOCK: LazyLock<Code> = LazyLock::new(|| artifact!("HashLock"));
static HASH_CHAIN: LazyLock<Code> = LazyLock::new(|| artifact!("HashChain"));

impl App {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::CoinToss, Self::TicTacToe, Self::HashLock, Self::HashChain];

    /// As on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::CoinToss => "coin-toss",
            Self::TicTacToe => "tic-tac-toe",
            Self::HashLock => "hash-lock",
            Self::HashChain => "hash-chain",
        }
    }

    /// Runtime bytecode.
    pub fn code(self) -> &'static [u8] {
        &self.read().runtime
    }

    /// EXTCODEHASH of it, which an Entry names.
    pub fn code_hash(self) -> B256 {
        self.read().hash
    }

    /// The gas bound to put into an Entry: the dearest step costs two thirds of it or less.
    pub fn gas(self) -> u32 {
        match self {
            Self::CoinToss => 8_000,
            Self::TicTacToe => 10_000,
            Self::HashLock => 9_000,
            Self::HashChain => 130_000,
        }
    }

    /// The app whose code has this hash.
    pub fn of(code_hash: B256) -> Option<Self> {
        Self::ALL.into_iter().find(|app| app.code_hash() == code_hash)
    }

    /// What a channel is told to open one.
    pub(crate) fn terms(self, total: Amount, da0: Amount, mover: Side, k_max: u16, storage: Vec<u8>) -> NanoTerms {
        let (code_hash, gas) = (self.code_hash(), self.gas());
        NanoTerms { total, da0, mover0: party(mover), code_hash, gas, k_max, storage }
    }

    fn read(self) -> &'static Code {
        match self {
            Self::CoinToss => &COIN_TOSS,
            Self::TicTacToe => &TIC_TAC_TOE,
            Self::HashLock => &HASH_LOCK,
            Self::HashChain => &HASH_CHAIN,
        }
    }
}

impl fmt::Display for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// There is no app of this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no nanocontract {0:?}: coin-toss, tic-tac-toe, hash-lock, hash-chain, or the file of one")]
pub struct NoSuchApp(String);

impl FromStr for App {
    type Err = NoSuchApp;

    fn from_str(name: &str) -> Result<Self, NoSuchApp> {
        Self::ALL.into_iter().find(|app| app.name() == name).ok_or_else(|| NoSuchApp(name.into()))
    }
}

/// A party as the code counts them: 0 = A.
pub(crate) fn party(side: Side) -> u8 {
    u8::from(side == Side::B)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_app_has_a_code_and_a_name_of_its_own() {
        let hashes: BTreeSet<B256> = App::ALL.iter().map(|app| app.code_hash()).collect();
        assert_eq!(hashes.len(), App::ALL.len());
        for app in App::ALL {
            assert_eq!((app.name().parse(), App::of(app.code_hash())), (Ok(app), Some(app)));
            assert!(app.code().len() > 100);
        }
        assert!("roulette".parse::<App>().is_err());
        assert_eq!(App::of(B256::ZERO), None);
    }
}
