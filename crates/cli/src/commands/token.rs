//! `perunika token`: who else may use the node, and for how much.

use super::common::{NodeArgs, json, peer};
use crate::assets::Unit;
use crate::exit::{Error, Result};
use crate::output::Output;
use crate::table::Table;
use crate::units::{self, Money};
use alloy::primitives::Address;
use perunika_client::Client;
use perunika_client::types::{Asset, NewToken, Scope, Token};
use std::time::{SystemTime, UNIX_EPOCH};

/// Tokens for the API: what their holders may do, and how much they may spend.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    Create(Box<Create>),
    /// List all tokens but the one in api.token.
    List,
    /// Revoke a token: nothing more is signed on its account.
    Revoke {
        /// Its id, as `perunika token list` prints it.
        id: String,
    },
}

/// Make a token and print its secret, this once. The signer keeps its limits: nothing beyond them is ever signed.
#[derive(Debug, clap::Args)]
pub(crate) struct Create {
    /// For people.
    name: String,
    /// What it allows, separated by commas: read, pay, open, close, serve, events or admin.
    #[arg(long, value_name = "SCOPE", required = true, value_delimiter = ',', value_parser = scope)]
    scope: Vec<Scope>,
    /// Most that one call may spend.
    #[arg(long, value_name = "AMOUNT", value_parser = units::money)]
    per_payment: Option<Money>,
    /// Most that may be spent on one peer, ever.
    #[arg(long, value_name = "AMOUNT", value_parser = units::money)]
    per_peer: Option<Money>,
    /// Most that may be spent in one day.
    #[arg(long, value_name = "AMOUNT", value_parser = units::money)]
    per_day: Option<Money>,
    /// The only peers that may be paid, separated by commas; anybody, if absent.
    #[arg(long, value_name = "PEER", value_delimiter = ',', value_parser = peer)]
    peer: Vec<Address>,
    /// How long it is valid, like 30d; for ever, if absent.
    #[arg(long, value_name = "TIME", value_parser = units::seconds)]
    expires_in: Option<u64>,
}

impl Command {
    /// Runs it.
    pub(crate) async fn run(self, node: &NodeArgs, output: Output) -> Result<()> {
        let client = node.client()?;
        match self {
            Self::Create(args) => create(*args, &client, output).await,
            Self::List => {
                let all = client.tokens().await?;
                let assets = known(&all, &client).await?;
                output.result(&json(&all)?, || table(&all, &assets));
                Ok(())
            }
            Self::Revoke { id } => {
                let token = client.revoke_token(&id).await?;
                output.result(&json(&token)?, || format!("{} ({}) is revoked", token.id, token.name));
                Ok(())
            }
        }
    }
}

async fn create(args: Create, client: &Client, output: Output) -> Result<()> {
    let expires = args.expires_in.map(|seconds| Ok::<u64, Error>(now()?.saturating_add(seconds))).transpose()?;
    let limits = [&args.per_payment, &args.per_peer, &args.per_day];
    let unit = Unit::of_all(&limits.into_iter().flatten().collect::<Vec<_>>(), client).await?;
    let read = |limit: &Option<Money>| limit.as_ref().map(|limit| unit.read(limit)).transpose();
    let wish = NewToken {
        name: args.name,
        scopes: args.scope,
        per_payment: read(&args.per_payment)?.map(Into::into),
        per_peer: read(&args.per_peer)?.map(Into::into),
        per_day: read(&args.per_day)?.map(Into::into),
        peers: args.peer,
        asset: unit.asset,
        expires,
    };
    let made = client.make_token(&wish).await?;
    output.result(&json(&made)?, || {
        format!(
            "{}\n\nThat is token {}, shown this once; programs send it as `Authorization: Bearer`.",
            made.secret, made.token.id
        )
    });
    Ok(())
}

/// Names are asked for only where there is something but ether.
async fn known(tokens: &[Token], client: &Client) -> Result<Vec<Asset>> {
    let ether = tokens.iter().all(|token| token.asset.is_zero());
    if ether { Ok(Vec::new()) } else { Ok(client.assets().await?) }
}

fn table(tokens: &[Token], assets: &[Asset]) -> String {
    let mut table = Table::new(["id", "name", "scopes", ">a payment", ">a peer", ">a day", ">spent"]);
    for token in tokens {
        let unit = Unit::find(token.asset, assets);
        let scopes: Vec<String> = token.scopes.iter().map(Scope::to_string).collect();
        let limit = |limit: Option<perunika_client::types::Wei>| match limit {
            Some(wei) => unit.show(wei.0),
            None => "no limit".to_owned(),
        };
        table.row([
            token.id.clone(),
            token.name.clone(),
            scopes.join(","),
            limit(token.per_payment),
            limit(token.per_peer),
            limit(token.per_day),
            unit.show(token.spent.0),
        ]);
    }
    table.to_string()
}

fn now() -> Result<u64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map(|now| now.as_secs()).map_err(|_| Error::other("this machine's clock stands before 1970"))
}

fn scope(text: &str) -> std::result::Result<Scope, String> {
    let known = "read, pay, open, close, serve, events or admin";
    serde_json::from_value(text.into()).map_err(|_| format!("not a scope: {known} are expected"))
}
