//! Assets by name: ETH, and the tokens of the config file.

use crate::config::{Config, ConfigError, TokenSections};
use crate::daemon::NodeError;
use perunika_chain::ChainHandle;
use perunika_core::Address;
use perunika_core::signed::Amount;
use std::path::Path;

/// What amounts are shown in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asset {
    pub(crate) address: Address,
    pub(crate) symbol: String,
    pub(crate) decimals: u8,
}

/// ETH first, then the tokens of the config file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Assets(Vec<Asset>);

impl Assets {
    pub(crate) fn new(tokens: &TokenSections) -> Self {
        let ether = Asset { address: Address::ZERO, symbol: "ETH".to_owned(), decimals: 18 };
        let token = |(name, token): (&String, &crate::config::TokenSection)| Asset {
            address: token.address,
            symbol: name.clone(),
            decimals: token.decimals,
        };
        Self([ether].into_iter().chain(tokens.iter().map(token)).collect())
    }

    pub(crate) fn all(&self) -> &[Asset] {
        &self.0
    }

    /// None: the config file does not name it (any more).
    pub(crate) fn get(&self, address: Address) -> Option<&Asset> {
        self.0.iter().find(|asset| asset.address == address)
    }

    /// An amount for people, exactly.
    pub(crate) fn show(&self, address: Address, amount: Amount) -> String {
        match self.get(address) {
            Some(asset) => format!("{} {}", decimal(amount, asset.decimals), asset.symbol),
            None => format!("{amount} of the smallest unit of {address}"),
        }
    }
}

fn decimal(amount: Amount, decimals: u8) -> String {
    let digits = usize::from(decimals);
    let text = format!("{amount:0>width$}", width = digits + 1);
    let (whole, fraction) = text.split_at(text.len() - digits);
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") }
}

/// Whether every token of the config file is there and has the decimals that the file says: a wrong number is a wrong amount.
pub(crate) async fn verify(config: &Config, path: &Path, chain: &ChainHandle) -> Result<(), NodeError> {
    let addresses: Vec<Address> = config.tokens.values().map(|token| token.address).collect();
    if addresses.is_empty() {
        return Ok(());
    }
    let unknown = |error: perunika_chain::ChainError| NodeError::Broken(error.to_string());
    let found = chain.holdings(&addresses).await.map_err(unknown)?;
    for ((name, token), holding) in config.tokens.iter().zip(found) {
        let (wrong, address) = (|option, reason| wrong(path, name, option, reason), token.address);
        match holding.decimals {
            Some(decimals) if decimals == token.decimals => {}
            Some(decimals) => {
                let reason = format!("`decimals` is {}, but the token at {address} has {decimals}", token.decimals);
                return wrong("decimals", reason);
            }
            None if !chain.has_code(address).await.map_err(unknown)? => {
                return wrong("address", format!("there is no contract at {address}"));
            }
            None => tracing::warn!(name, %address, "the token does not tell its decimals; those of the file count"),
        }
    }
    Ok(())
}

fn wrong(path: &Path, name: &str, option: &str, reason: String) -> Result<(), NodeError> {
    let error: ConfigError = Config::wrong_token(path, name, option, reason);
    Err(error.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_shown_exactly() {
        for (amount, decimals, text) in
            [(12_500_000, 6, "12.5"), (1, 6, "0.000001"), (0, 6, "0"), (7, 0, "7"), (10, 0, "10"), (3_000_000, 6, "3")]
        {
            assert_eq!(decimal(amount, decimals), text);
        }
        let assets = Assets::new(&TokenSections::new());
        assert_eq!(assets.show(Address::ZERO, 500_000_000_000_000_000), "0.5 ETH");
        assert!(assets.show(Address::repeat_byte(1), 5).starts_with("5 of the smallest unit of 0x01"));
    }
}
