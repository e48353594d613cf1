//! Assets by name: ETH, and the tokens of the config file.

use crate::config::{Config, ConfigError, TokenSection, TokenSections};
use perunika_chain::ChainHandle;
use perunika_core::Address;
use perunika_core::policy::Policy;
use perunika_core::signed::Amount;
use std::path::Path;

/// What amounts are shown in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asset {
    pub(crate) address: Address,
    pub(crate) symbol: String,
    pub(crate) decimals: u8,
    /// Why nothing new is begun in it.
    pub(crate) trouble: Option<Trouble>,
}

/// What was wrong with a token at the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// For people.
    pub(crate) reason: String,
    /// Whether its decimals are in doubt, so that its amounts are shown in the smallest unit only.
    pub(crate) decimals: bool,
}

/// ETH first, then the tokens of the config file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Assets(Vec<Asset>);

impl Assets {
    pub(crate) fn new(tokens: &TokenSections) -> Self {
        let ether = Asset { address: Address::ZERO, symbol: "ETH".to_owned(), decimals: 18, trouble: None };
        let token = |(name, token): (&String, &crate::config::TokenSection)| Asset {
            address: token.address,
            symbol: name.clone(),
            decimals: token.decimals,
            trouble: None,
        };
        Self([ether].into_iter().chain(tokens.iter().map(token)).collect())
    }

    pub(crate) fn all(&self) -> &[Asset] {
        &self.0
    }

    /// None: the config file does not name it (any more), or its decimals are in doubt.
    pub(crate) fn get(&self, address: Address) -> Option<&Asset> {
        let doubtful = |asset: &Asset| asset.trouble.as_ref().is_some_and(|trouble| trouble.decimals);
        self.0.iter().find(|asset| asset.address == address).filter(|asset| !doubtful(asset))
    }

    /// Why nothing new is begun in an asset, if that is so.
    pub(crate) fn trouble(&self, address: Address) -> Option<&str> {
        let asset = self.0.iter().find(|asset| asset.address == address)?;
        asset.trouble.as_ref().map(|trouble| trouble.reason.as_str())
    }

    /// The policy without the tokens that something is wrong with: no channel is opened in them, existing ones go on.
    pub(crate) fn restrict(&self, mut policy: Policy) -> Policy {
        policy.tokens.retain(|address, _| self.trouble(*address).is_none());
        policy
    }

    fn distrust(&mut self, address: Address, trouble: Trouble) {
        if let Some(asset) = self.0.iter_mut().find(|asset| asset.address == address) {
            asset.trouble = Some(trouble);
        }
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

/// Looks whether every token of the config file is there and has the decimals that the file says: a wrong number is a wrong
/// amount. What is wrong with one token keeps nothing else from running, least of all the defence of channels: it is logged, and
/// nothing new is begun in that token until the next start.
pub(crate) async fn verify(config: &Config, path: &Path, chain: &ChainHandle) -> Assets {
    let mut assets = Assets::new(&config.tokens);
    let addresses: Vec<Address> = config.tokens.values().map(|token| token.address).collect();
    if addresses.is_empty() {
        return assets;
    }
    let found = chain.holdings(&addresses).await.map_err(|error| error.to_string());
    for (at, (name, token)) in config.tokens.iter().enumerate() {
        let told = found.as_ref().map(|found| found.get(at).and_then(|holding| holding.decimals)).map_err(Clone::clone);
        let Some(Doubt { option, reason, decimals }) = doubt(name, token, told, chain).await else { continue };
        let place: ConfigError = Config::wrong_token(path, name, option, reason.clone());
        tracing::error!("{place}; the node runs, but begins nothing new in {name}");
        assets.distrust(token.address, Trouble { reason, decimals });
    }
    assets
}

/// What is wrong with a token, and which option of its section says so.
struct Doubt {
    option: &'static str,
    reason: String,
    decimals: bool,
}

async fn doubt(
    name: &str,
    token: &TokenSection,
    told: Result<Option<u8>, String>,
    chain: &ChainHandle,
) -> Option<Doubt> {
    let address = token.address;
    let unanswered = |error: String| Some(unanswered(address, &error));
    match told {
        Err(error) => unanswered(error),
        Ok(Some(decimals)) if decimals == token.decimals => None,
        Ok(Some(decimals)) => {
            let reason = format!("`decimals` is {}, but the token at {address} has {decimals}", token.decimals);
            Some(Doubt { option: "decimals", reason, decimals: true })
        }
        Ok(None) => match chain.has_code(address).await {
            Err(error) => unanswered(error.to_string()),
            Ok(false) => {
                let reason = format!("there is no contract at {address}");
                Some(Doubt { option: "address", reason, decimals: false })
            }
            Ok(true) => {
                tracing::warn!(name, %address, "the token does not tell its decimals; those of the file count");
                None
            }
        },
    }
}

fn unanswered(address: Address, error: &str) -> Doubt {
    let reason = format!("the chain did not answer about the token at {address} when the node started: {error}");
    Doubt { option: "address", reason, decimals: false }
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
