//! `[nano]`: which nanocontracts the node agrees to.

use super::{maybe_wei, set};
use perunika_apps::{App, Unfair};
use perunika_core::B256;
use perunika_core::message::NanoTerms;
use perunika_core::params::Side;
use perunika_core::policy::NanoPolicy;
use perunika_core::signed::Amount;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeSet;

/// `[nano]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NanoSection {
    /// Whose offers may be agreed to without asking the owner.
    #[serde(deserialize_with = "agreed")]
    pub accept: Agreed,
    #[serde(deserialize_with = "maybe_wei")]
    accept_max: Option<Amount>,
    gas_max: Option<u32>,
    storage_max: Option<usize>,
    open_max: Option<usize>,
    #[serde(deserialize_with = "maybe_wei")]
    gas_price: Option<Amount>,
    answer: Option<u64>,
}

/// Code that the owner agreed to beforehand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Agreed {
    /// Whatever passes the checks of the policy, however it begins: for development.
    All,
    /// These code hashes: fair starts of known apps, and of other code what costs this node nothing.
    Only(BTreeSet<B256>),
}

impl Default for Agreed {
    fn default() -> Self {
        Self::Only(BTreeSet::new())
    }
}

/// Why an offer waits for the owner's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Waits {
    /// The owner did not name it.
    #[error("[nano] accept does not name its code")]
    NotNamed,
    /// It is of a known app, and the start is made up.
    #[error(transparent)]
    Unfair(#[from] Unfair),
    /// What the code makes of a stake is not known.
    #[error("this node would stake {0} (smallest units), and its code is none that comes with the node")]
    UnknownCode(Amount),
    /// More than the owner allowed.
    #[error("this node would stake {mine}, above `accept_max`, {most}, in the smallest unit")]
    TooMuch {
        /// What this node would stake, smallest units.
        mine: Amount,
        /// What it may, smallest units.
        most: Amount,
    },
}

impl NanoSection {
    /// Whether an offer to the party `me` needs no answer of the owner.
    #[cfg(test)]
    fn agrees(&self, terms: &NanoTerms, me: Side) -> Result<(), Waits> {
        self.agrees_up_to(terms, me, self.accept_max)
    }

    /// Most that the node stakes in a nanocontract of ETH.
    pub(crate) fn accept_max(&self) -> Option<Amount> {
        self.accept_max
    }

    /// The same for an offer in any asset, of which `accept_max` may be staked.
    pub(crate) fn agrees_up_to(&self, terms: &NanoTerms, me: Side, accept_max: Option<Amount>) -> Result<(), Waits> {
        let mine = if me == Side::A { terms.da0 } else { terms.total.saturating_sub(terms.da0) };
        let named = match &self.accept {
            Agreed::All => None,
            Agreed::Only(hashes) => Some(hashes),
        };
        if let Some(hashes) = named {
            only(hashes, terms, me, mine)?;
        }
        let most = accept_max.unwrap_or(if named.is_some() { 0 } else { Amount::MAX });
        if mine > most { Err(Waits::TooMuch { mine, most }) } else { Ok(()) }
    }

    pub(super) fn apply(&self, policy: &mut NanoPolicy) {
        set(&mut policy.gas_max, self.gas_max);
        set(&mut policy.storage_max, self.storage_max);
        set(&mut policy.open_max, self.open_max);
        set(&mut policy.gas_price, self.gas_price);
        set(&mut policy.answer, self.answer);
    }
}

fn only(hashes: &BTreeSet<B256>, terms: &NanoTerms, me: Side, mine: Amount) -> Result<(), Waits> {
    if !hashes.contains(&terms.code_hash) {
        return Err(Waits::NotNamed);
    }
    match App::of(terms.code_hash) {
        Some(app) => Ok(app.fair_start(terms, me)?),
        None if mine == 0 => Ok(()),
        None => Err(Waits::UnknownCode(mine)),
    }
}

fn agreed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Agreed, D::Error> {
    let names = Vec::<String>::deserialize(deserializer)?;
    if names == ["all"] {
        return Ok(Agreed::All);
    }
    let code = |name: &String| {
        let app = name.parse::<App>().ok().map(App::code_hash);
        app.or_else(|| name.parse().ok()).ok_or_else(|| {
            let known = App::ALL.map(App::name).join(", ");
            serde::de::Error::custom(format!("`{name}` is none of {known}, no code hash, and not `all` alone"))
        })
    };
    names.iter().map(code).collect::<Result<_, _>>().map(Agreed::Only)
}

#[cfg(test)]
mod tests {
    use super::*;
    use perunika_apps::{coin_toss, hash_chain, tic_tac_toe};

    fn parse(text: &str) -> Result<NanoSection, String> {
        toml::from_str(text).map_err(|error| error.message().to_string())
    }

    const OWN: B256 = B256::repeat_byte(7);

    /// A game for 5 wei each.
    fn game() -> NanoTerms {
        tic_tac_toe::terms(5, 5, Side::A).unwrap()
    }

    /// Of other code, A staking 5 wei.
    fn own() -> NanoTerms {
        NanoTerms { code_hash: OWN, total: 5, da0: 5, ..game() }
    }

    #[test]
    fn nobody_is_agreed_with_unless_the_owner_says_so() {
        assert_eq!(parse("").unwrap().agrees(&game(), Side::B), Err(Waits::NotNamed));
        assert_eq!(parse("").unwrap().agrees(&own(), Side::B), Err(Waits::NotNamed));
        let some = parse(&format!("accept = [\"tic-tac-toe\", \"{OWN}\"]\naccept_max = \"5wei\"")).unwrap();
        assert_eq!(some.agrees(&game(), Side::A), Ok(()));
        assert_eq!(some.agrees(&own(), Side::B), Ok(()));
        assert_eq!(some.agrees(&coin_toss::terms(1, 5).unwrap(), Side::B), Err(Waits::NotNamed));
    }

    #[test]
    fn no_more_is_staked_than_the_owner_allows() {
        let (named, all) = ("accept = [\"tic-tac-toe\"]\n", "accept = [\"all\"]\n");
        for (text, most) in [(named, Some(0)), (all, None)] {
            let answer = parse(text).unwrap().agrees(&game(), Side::B);
            assert_eq!(answer, most.map_or(Ok(()), |most| Err(Waits::TooMuch { mine: 5, most })), "{text}");
            let less = parse(&format!("{text}accept_max = \"4wei\"")).unwrap();
            assert_eq!(less.agrees(&game(), Side::A), Err(Waits::TooMuch { mine: 5, most: 4 }), "{text}");
            let enough = parse(&format!("{text}accept_max = \"5wei\"")).unwrap();
            assert_eq!(enough.agrees(&game(), Side::B), Ok(()), "{text}");
        }
    }

    #[test]
    fn code_that_nobody_here_knows_gets_no_stake() {
        let some = parse(&format!("accept = [\"{OWN}\"]\naccept_max = \"1eth\"")).unwrap();
        assert_eq!(some.agrees(&own(), Side::B), Ok(()));
        assert_eq!(some.agrees(&own(), Side::A), Err(Waits::UnknownCode(5)));
    }

    /// By its hash as well as by its name.
    #[test]
    fn an_unfair_start_waits_for_the_owner() {
        let chain = |payer| hash_chain::terms(OWN, 5, 10, payer, hash_chain::steps(10)).unwrap();
        let storage = tic_tac_toe::Board { stake_a: 5, a: 0x003, b: 0x018 }.encode();
        let begun = NanoTerms { storage, ..game() };
        for names in [
            ["tic-tac-toe", "hash-chain"].map(String::from),
            [App::TicTacToe, App::HashChain].map(|app| app.code_hash().to_string()),
        ] {
            let some = parse(&format!("accept = {names:?}\naccept_max = \"1eth\"")).unwrap();
            assert_eq!(some.agrees(&chain(Side::A), Side::B), Ok(()));
            assert!(matches!(some.agrees(&chain(Side::B), Side::B), Err(Waits::Unfair(_))));
            assert_eq!(some.agrees(&game(), Side::B), Ok(()));
            assert!(matches!(some.agrees(&begun, Side::B), Err(Waits::Unfair(_))));
        }
        assert_eq!(parse("accept = [\"all\"]").unwrap().agrees(&begun, Side::B), Ok(()));
    }

    #[test]
    fn what_names_no_code_is_refused() {
        for text in ["accept = [\"roulette\"]", "accept = [\"all\", \"coin-toss\"]", "accept = [\"0x12\"]"] {
            let error = parse(text).unwrap_err();
            assert!(error.contains("tic-tac-toe") && error.contains("code hash"), "{error}");
        }
    }

    #[test]
    fn values_reach_the_policy() {
        let section = parse("gas_max = 5\nstorage_max = 6\nopen_max = 7\ngas_price = \"8gwei\"\nanswer = 9").unwrap();
        let mut policy = NanoPolicy::dev();
        section.apply(&mut policy);
        let wanted = NanoPolicy { gas_max: 5, storage_max: 6, open_max: 7, gas_price: 8_000_000_000, answer: 9 };
        assert_eq!(policy, wanted);
    }
}
