//! `perunika channel close`

use crate::commands::common::{MoneyArgs, Named, answered, channel_name, json};
use crate::exit::{Error, Result};
use crate::output::Output;
use crate::signals;
use alloy::primitives::B256;
use perunika_client::Client;
use perunika_client::types::{Channel, Close, Done};
use perunika_core::info::LedgerStage;
use serde_json::json;
use std::time::{Duration, Instant};

const POLL: Duration = Duration::from_millis(250);
/// For a transaction of this node to be on the chain.
const REGISTER_LIMIT: Duration = Duration::from_secs(120);

/// End a ledger channel: one transaction, which pays both parties.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The channel, by its id or by the other party.
    #[arg(value_name = "CHANNEL", value_parser = channel_name)]
    channel: Named,
    /// Through a dispute, without the peer; takes the refutation period. Given again, it goes on waiting.
    #[arg(long)]
    force: bool,
    /// Return as soon as the dispute is on the chain; the node does the rest by itself.
    #[arg(long, requires = "force")]
    no_wait: bool,
    #[command(flatten)]
    money: MoneyArgs,
}

/// Ends it and waits for the chain.
pub(crate) async fn run(args: Args, client: &Client, output: Output) -> Result<()> {
    let id = args.channel.ledger(client).await?;
    let key = args.money.key();
    let work = async {
        if args.no_wait {
            return begin(id, client, &key, output).await;
        }
        let body = Close { force: args.force, wait_s: args.money.wait_s() };
        let state = async || Some(stage(&client.channel(id).await.ok()?));
        let done = answered(output.watch(client.close_channel(id, &body, &key), state).await, &key)?;
        output.result(&json(&done)?, || format!("{id} is closed"));
        Ok(())
    };
    tokio::select! {
        done = work => done,
        () = signals::stop() => Err(interrupted(id, args.force)),
    }
}

/// Waits until the dispute is on the chain, or already over.
async fn begin(id: B256, client: &Client, key: &str, output: Output) -> Result<()> {
    let body = Close { force: true, wait_s: Some(0) };
    let told: Done = client.close_channel(id, &body, key).await?;
    let start = Instant::now();
    loop {
        let channel = client.channel(id).await?;
        let closed = channel.stage == LedgerStage::Closed;
        if closed || channel.refute_end.is_some() {
            let value = json!({ "id": told.id, "closed": closed, "refute_end": channel.refute_end });
            output.result(&value, || stage(&channel));
            return Ok(());
        }
        if start.elapsed() > REGISTER_LIMIT {
            let again = "the node goes on trying, and the same command looks again";
            return Err(Error::unknown(format!("the dispute is not on the chain yet; {again}")));
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Where the end of a channel stands, in a sentence.
fn stage(channel: &Channel) -> String {
    let id = channel.id.channel;
    match (channel.stage, channel.refute_end) {
        (LedgerStage::Closed, _) => format!("{id} is closed"),
        (_, Some(end)) => {
            format!("the dispute of {id} is on the chain; after {end} (chain time, in seconds) the node concludes it")
        }
        (LedgerStage::Disputed, None) if channel.locks > 0 => {
            format!("the dispute of {id} is concluded; what is locked for virtual channels follows their outcomes")
        }
        (LedgerStage::Disputed, None) => format!("the dispute of {id} is concluded"),
        (LedgerStage::Closing, None) => format!("the end of {id} is under way"),
        _ => format!("{id} is open"),
    }
}

fn interrupted(id: B256, force: bool) -> Error {
    let force = if force { " --force" } else { "" };
    let again = format!("`perunika channel close {id}{force}` waits again");
    Error::unknown(format!("interrupted; the node goes on by itself, and {again}"))
}
