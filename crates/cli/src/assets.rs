//! What amounts are in, and what a transaction costs before it is sent.

use crate::exit::{Error, Result};
use crate::output::Output;
use crate::units::{self, Amount, Money, Wei};
use alloy::primitives::Address;
use perunika_client::Client;
use perunika_client::types::{Asset, Channel, EstimateWish, Nano, Source, Virtual};
use std::io::{IsTerminal, Write};

/// An asset with its name, as far as the node knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unit {
    pub(crate) asset: Address,
    symbol: Option<String>,
    decimals: Option<u8>,
}

impl Unit {
    /// Ether.
    pub(crate) fn ether() -> Self {
        Self { asset: Address::ZERO, symbol: Some("ETH".to_owned()), decimals: Some(18) }
    }

    /// What these amounts are in: all that are not 0 in the same.
    pub(crate) async fn of_all(amounts: &[&Money], client: &Client) -> Result<Self> {
        match amounts.iter().find_map(|money| money.token()) {
            None => Ok(Self::ether()),
            Some(name) => Self::named(name, client).await,
        }
    }

    async fn named(name: &str, client: &Client) -> Result<Self> {
        let all = client.assets().await?;
        let token = all.iter().find(|asset| !asset.asset.is_zero() && asset.symbol.eq_ignore_ascii_case(name));
        let known = || all.iter().map(|asset| asset.symbol.as_str()).collect::<Vec<_>>().join(", ");
        let unknown = || Error::user(format!("unknown unit `{name}`; this node knows {}, gwei and wei", known()));
        let token = token.ok_or_else(unknown)?;
        match &token.trouble {
            Some(trouble) => Err(Error::user(format!("{} cannot be used: {trouble}", token.symbol))),
            None => Ok(Self::from(token)),
        }
    }

    /// Of an asset by its address.
    pub(crate) fn find(asset: Address, all: &[Asset]) -> Self {
        if asset.is_zero() {
            return Self::ether();
        }
        let nameless = Self { asset, symbol: None, decimals: None };
        all.iter().find(|known| known.asset == asset).map_or(nameless, Self::from)
    }

    /// An amount in its smallest unit; an error if it was written in another.
    pub(crate) fn read(&self, money: &Money) -> Result<Wei> {
        money.of(self.symbol.as_deref(), self.decimals).map_err(Error::user)
    }

    /// An amount for people.
    pub(crate) fn show(&self, amount: Wei) -> String {
        units::shown(amount, self.symbol.as_deref(), self.decimals)
    }
}

impl From<&Asset> for Unit {
    fn from(asset: &Asset) -> Self {
        Self { asset: asset.asset, symbol: Some(asset.symbol.clone()), decimals: Some(asset.decimals) }
    }
}

impl From<&Channel> for Unit {
    fn from(channel: &Channel) -> Self {
        Self { asset: channel.id.asset, symbol: channel.symbol.clone(), decimals: channel.decimals }
    }
}

impl From<&Virtual> for Unit {
    fn from(channel: &Virtual) -> Self {
        Self { asset: channel.id.asset, symbol: channel.symbol.clone(), decimals: channel.decimals }
    }
}

impl From<&Nano> for Unit {
    fn from(nano: &Nano) -> Self {
        Self { asset: nano.id.asset, symbol: nano.symbol.clone(), decimals: nano.decimals }
    }
}

/// Reads `wallet` or `vault`.
pub(crate) fn source(text: &str) -> std::result::Result<Source, String> {
    match text {
        "wallet" => Ok(Source::Wallet),
        "vault" => Ok(Source::Vault),
        _ => Err("wallet or vault is expected".into()),
    }
}

/// How a transaction is agreed to.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct CostArgs {
    /// Do not ask at the terminal whether the transaction may cost what it costs.
    #[arg(long, short)]
    yes: bool,
}

impl CostArgs {
    /// Shows what a call would cost, and asks at a terminal. Programs are not asked, and nobody is when a call is repeated.
    pub(crate) async fn agree(
        self,
        wish: &EstimateWish,
        repeated: bool,
        client: &Client,
        output: Output,
    ) -> Result<()> {
        if !output.progress || repeated {
            return Ok(());
        }
        let estimate = client.estimate(wish).await?;
        // The transaction's own limit leaves a reserve above it, so even an exact estimate is no upper bound.
        let (price, cost) = (Amount(estimate.gas_price_wei.0), Amount(estimate.cost_wei.0));
        output.note(&format!("about {} gas at {price}: about {cost}", estimate.gas));
        let asked = !self.yes && std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
        if asked && !yes("Send it? [y/N] ") {
            return Err(Error::user("nothing was sent"));
        }
        Ok(())
    }
}

fn yes(question: &str) -> bool {
    let mut err = std::io::stderr().lock();
    let _ = write!(err, "{question}").and_then(|()| err.flush());
    let mut answer = String::new();
    let read = std::io::stdin().read_line(&mut answer);
    read.is_ok() && matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}
