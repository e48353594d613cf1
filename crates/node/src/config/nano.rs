//! `[nano]`: which nanocontracts the node agrees to.

use super::{maybe_wei, set};
use perunika_apps::App;
use perunika_core::B256;
use perunika_core::policy::NanoPolicy;
use perunika_core::signed::Amount;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeSet;

/// `[nano]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NanoSection {
    /// Whose offers are agreed to without asking the owner.
    #[serde(deserialize_with = "agreed")]
    pub accept: Agreed,
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
    /// Whatever passes the checks of the policy: for development.
    All,
    /// These code hashes.
    Only(BTreeSet<B256>),
}

impl Default for Agreed {
    fn default() -> Self {
        Self::Only(BTreeSet::new())
    }
}

impl Agreed {
    /// Whether offers of this code need no answer of the owner.
    pub fn covers(&self, code_hash: B256) -> bool {
        match self {
            Self::All => true,
            Self::Only(hashes) => hashes.contains(&code_hash),
        }
    }
}

impl NanoSection {
    pub(super) fn apply(&self, policy: &mut NanoPolicy) {
        set(&mut policy.gas_max, self.gas_max);
        set(&mut policy.storage_max, self.storage_max);
        set(&mut policy.open_max, self.open_max);
        set(&mut policy.gas_price, self.gas_price);
        set(&mut policy.answer, self.answer);
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

    fn parse(text: &str) -> Result<NanoSection, String> {
        toml::from_str(text).map_err(|error| error.message().to_string())
    }

    #[test]
    fn nobody_is_agreed_with_unless_the_owner_says_so() {
        assert!(!parse("").unwrap().accept.covers(App::TicTacToe.code_hash()));
        let hash = B256::repeat_byte(7);
        let some = parse(&format!("accept = [\"tic-tac-toe\", \"{hash}\"]")).unwrap().accept;
        assert!(some.covers(App::TicTacToe.code_hash()) && some.covers(hash));
        assert!(!some.covers(App::CoinToss.code_hash()));
        assert!(parse("accept = [\"all\"]").unwrap().accept.covers(hash));
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
