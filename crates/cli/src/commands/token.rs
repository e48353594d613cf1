//! `perunika token`: who else may use the node, and for how much.

use super::common::{NodeArgs, json, peer};
use crate::exit::{Error, Result};
use crate::output::Output;
use crate::table::Table;
use crate::units::{self, Amount, Wei};
use alloy::primitives::Address;
use perunika_client::Client;
use perunika_client::types::{NewToken, Scope, Token};
use std::time::{SystemTime, UNIX_EPOCH};

/// Tokens for the API: what their holders may do, and how much they may spend.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    Create(Create),
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
    #[arg(long, value_name = "AMOUNT", value_parser = units::amount)]
    per_payment: Option<Wei>,
    /// Most that may be spent on one peer, ever.
    #[arg(long, value_name = "AMOUNT", value_parser = units::amount)]
    per_peer: Option<Wei>,
    /// Most that may be spent in one day.
    #[arg(long, value_name = "AMOUNT", value_parser = units::amount)]
    per_day: Option<Wei>,
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
            Self::Create(args) => create(args, &client, output).await,
            Self::List => {
                let all = client.tokens().await?;
                output.result(&json(&all)?, || table(&all));
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
    let wish = NewToken {
        name: args.name,
        scopes: args.scope,
        per_payment: args.per_payment.map(Into::into),
        per_peer: args.per_peer.map(Into::into),
        per_day: args.per_day.map(Into::into),
        peers: args.peer,
        asset: Address::ZERO,
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

fn table(tokens: &[Token]) -> String {
    let mut table = Table::new(["id", "name", "scopes", ">a payment", ">a peer", ">a day", ">spent"]);
    for token in tokens {
        let scopes: Vec<String> = token.scopes.iter().map(Scope::to_string).collect();
        let limit = |limit: Option<perunika_client::types::Wei>| match limit {
            Some(wei) => Amount(wei.0).to_string(),
            None => "no limit".to_owned(),
        };
        table.row([
            token.id.clone(),
            token.name.clone(),
            scopes.join(","),
            limit(token.per_payment),
            limit(token.per_peer),
            limit(token.per_day),
            Amount(token.spent.0).to_string(),
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
