//! `[tokens.NAME]`: tokens that the node takes, with limits and prices in them.

use super::AmountText;
use crate::units::parse_units;
use perunika_chain::Way;
use perunika_core::Address;
use perunika_core::policy::TokenPolicy;
use perunika_core::signed::Amount;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// Longest name, characters.
const NAME_MAX: usize = 16;
/// As many as fit a number of the contract with room to spare.
const DECIMALS_MAX: u8 = 36;

/// `[tokens]`, by name.
pub type TokenSections = BTreeMap<String, TokenSection>;

/// `[tokens.NAME]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenSection {
    /// The contract of the token.
    #[serde(deserialize_with = "super::parsed")]
    pub address: Address,
    /// As the token says; it is compared at the start.
    pub decimals: u8,
    deposit_max: Option<AmountText>,
    stake_max: Option<AmountText>,
    fee_base: Option<AmountText>,
    ggas_price: AmountText,
    accept_max: Option<AmountText>,
    sponsored_from: Option<AmountText>,
    /// How deposits into channels that others open are authorised.
    #[serde(default)]
    authorisation: Authorisation,
}

/// How the owner authorises the other side to take its deposit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Authorisation {
    #[default]
    None,
    Allowance,
    Permit,
    Eip3009,
    Permit2,
}

impl TokenSection {
    /// How the owner pays into channels that others open.
    pub fn way(&self) -> Way {
        match self.authorisation {
            Authorisation::None => Way::None,
            Authorisation::Allowance => Way::Allowance,
            Authorisation::Permit => Way::Permit,
            Authorisation::Eip3009 => Way::Eip3009,
            Authorisation::Permit2 => Way::Permit2,
        }
    }

    /// What the core is told; what cannot be read is nothing, and refused by [`misfit`].
    pub(super) fn policy(&self, name: &str) -> TokenPolicy {
        let read = |text: &Option<AmountText>| self.amount(name, text.as_ref()).unwrap_or_default();
        TokenPolicy {
            deposit_max: read(&self.deposit_max),
            stake_max: read(&self.stake_max),
            fee_base: read(&self.fee_base),
            ggas_price: self.amount(name, Some(&self.ggas_price)).unwrap_or_default(),
            sponsored_from: self.sponsored_from.as_ref().and_then(|text| self.amount(name, Some(text)).ok()),
        }
    }

    /// Most that the node stakes in a nanocontract that it agrees to by itself, if the file says so.
    pub(crate) fn accept_max(&self, name: &str) -> Option<Amount> {
        self.accept_max.as_ref().map(|text| self.amount(name, Some(text)).unwrap_or_default())
    }

    fn amount(&self, name: &str, text: Option<&AmountText>) -> Result<Amount, String> {
        let Some(text) = text else { return Ok(0) };
        parse_units(&text.text(), name, self.decimals)
    }

    fn wrong(&self, name: &str) -> Option<(&'static str, String)> {
        if self.address.is_zero() {
            return Some(("address", "the zero address is ETH, which needs no section".to_owned()));
        }
        if self.decimals > DECIMALS_MAX {
            return Some(("decimals", format!("`decimals` is {}, at most {DECIMALS_MAX} is possible", self.decimals)));
        }
        let amounts = [
            ("deposit_max", self.deposit_max.as_ref()),
            ("stake_max", self.stake_max.as_ref()),
            ("fee_base", self.fee_base.as_ref()),
            ("ggas_price", Some(&self.ggas_price)),
            ("accept_max", self.accept_max.as_ref()),
            ("sponsored_from", self.sponsored_from.as_ref()),
        ];
        amounts.into_iter().find_map(|(option, text)| Some((option, self.amount(name, text).err()?)))
    }
}

/// The first thing that does not fit: section, option, and what is wrong.
pub(super) fn misfit(tokens: &TokenSections) -> Option<(String, &'static str, String)> {
    let (mut names, mut addresses) = (BTreeSet::new(), BTreeSet::new());
    for (name, token) in tokens {
        let wrong = if !is_name(name) {
            let reason = "the name of a token has 1 to 16 letters and digits, a letter first, and is no unit of ether";
            Some(("address", format!("[tokens.{name}]: {reason}")))
        } else if !names.insert(name.to_ascii_lowercase()) {
            Some(("address", format!("two tokens have the name {name}")))
        } else if !addresses.insert(token.address) {
            Some(("address", format!("two tokens have the address {}", token.address)))
        } else {
            token.wrong(name)
        };
        if let Some((option, reason)) = wrong {
            return Some((format!("tokens.{name}"), option, reason));
        }
    }
    None
}

fn is_name(name: &str) -> bool {
    let reserved = ["wei", "gwei", "eth", "ether"].contains(&name.to_ascii_lowercase().as_str());
    let letters =
        name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.bytes().all(|b| b.is_ascii_alphanumeric());
    letters && name.len() <= NAME_MAX && !reserved
}
