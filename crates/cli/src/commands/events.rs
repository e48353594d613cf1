//! `perunika events`

use super::common::{NodeArgs, json};
use crate::assets::Unit;
use crate::exit::{Error, Result};
use crate::output::Output;
use crate::signals;
use futures::StreamExt;
use perunika_client::types::{Asset, ChannelId, Event, EventKind, Wei};
use perunika_client::{Client, ClientError};
use std::io::Write;
use std::pin::pin;
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until};

/// Between two attempts to reach a node that has gone.
const PAUSE: Duration = Duration::from_millis(250);
/// What was shown is acknowledged after so long at the latest; one call covers many events.
const ACK_AFTER: Duration = Duration::from_millis(200);
const PAGE: u16 = 1_000;

/// Print what happened at the node: one line for each event, with --json one JSON value for each.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Go on with whatever happens, also when the node was away meanwhile.
    #[arg(long)]
    follow: bool,
    /// Only what comes after the event with this number; everything that is not acknowledged, if absent.
    #[arg(long, value_name = "NUMBER")]
    after: Option<u64>,
    /// Acknowledge what was printed: the node need not keep it, and does not show it again unasked.
    #[arg(long)]
    ack: bool,
}

/// Names of assets are decoration: nobody waits long for them.
const NAMES_LIMIT: Duration = Duration::from_secs(2);

/// What was printed and acknowledged so far.
struct Reader {
    output: Output,
    /// What tokens are called, as far as the node told.
    assets: Vec<Asset>,
    ack: bool,
    /// Number of the last event that was printed.
    seen: Option<u64>,
    acked: Option<u64>,
}

/// Prints them.
pub(crate) async fn run(args: Args, node: &NodeArgs, output: Output) -> Result<()> {
    let mut reader = Reader { output, assets: Vec::new(), ack: args.ack, seen: args.after, acked: args.after };
    if args.follow {
        return reader.follow(node).await;
    }
    let client = node.client()?;
    reader.learn_names(&client).await;
    loop {
        let page = client.events_page(reader.seen, Some(PAGE)).await?;
        let whole = page.items.iter().all(|event| reader.print(event));
        reader.acknowledge(&client).await?;
        if page.next.is_none() || !whole {
            return Ok(());
        }
    }
}

impl Reader {
    /// Until the user or whoever reads has enough. A node that goes away is waited for; one that never was there is not.
    async fn follow(&mut self, node: &NodeArgs) -> Result<()> {
        let mut stop = pin!(signals::stop());
        let mut client = node.client()?;
        self.learn_names(&client).await;
        loop {
            let listened = tokio::select! {
                listened = self.listen(&client) => listened,
                () = &mut stop => Ok(true),
            };
            match listened {
                Ok(true) => return self.acknowledge(&client).await,
                Ok(false) | Err(ClientError::Broken { .. } | ClientError::Unreachable { .. }) => {}
                Err(ClientError::Refused { code, .. }) if code == "stopping" => {}
                Err(error) => return Err(error.into()),
            }
            self.output.note("the node is away; waiting for it");
            client = tokio::select! {
                client = back(node) => client,
                () = &mut stop => return Ok(()),
            };
        }
    }

    /// True if nobody reads any more, false if the node ended.
    async fn listen(&mut self, client: &Client) -> std::result::Result<bool, ClientError> {
        let mut events = pin!(client.events(self.seen).await?);
        let mut due = None;
        loop {
            let wait = due.unwrap_or_else(|| Instant::now() + ACK_AFTER);
            tokio::select! {
                event = events.next() => match event {
                    Some(event) => {
                        if !self.print(&event?) {
                            return Ok(true);
                        }
                        due.get_or_insert_with(|| Instant::now() + ACK_AFTER);
                    }
                    None => return Ok(false),
                },
                () = sleep_until(wait), if due.is_some() => {
                    due = None;
                    self.acknowledge_now(client).await?;
                }
            }
        }
    }

    async fn learn_names(&mut self, client: &Client) {
        let names = tokio::time::timeout(NAMES_LIMIT, client.assets()).await;
        if let (false, Ok(Ok(assets))) = (self.output.json, names) {
            self.assets = assets;
        }
    }

    /// False if nobody reads any more.
    fn print(&mut self, event: &Event) -> bool {
        if self.seen.is_some_and(|seen| event.cursor <= seen) {
            return true;
        }
        let line = if self.output.json {
            json(event).map(|value| value.to_string())
        } else {
            Ok(sentence(event, &self.assets))
        };
        let mut out = std::io::stdout().lock();
        let printed = line.is_ok_and(|line| writeln!(out, "{line}").and_then(|()| out.flush()).is_ok());
        if printed {
            self.seen = Some(event.cursor);
        }
        printed
    }

    async fn acknowledge(&mut self, client: &Client) -> Result<()> {
        self.acknowledge_now(client).await.map_err(Error::from)
    }

    async fn acknowledge_now(&mut self, client: &Client) -> std::result::Result<(), ClientError> {
        if let Some(seen) = self.seen.filter(|seen| self.ack && self.acked != Some(*seen)) {
            client.acknowledge(seen).await?;
            self.acked = Some(seen);
        }
        Ok(())
    }
}

/// The node, once it answers again, wherever that is.
async fn back(node: &NodeArgs) -> Client {
    loop {
        sleep(PAUSE).await;
        // Until the new process has written where it listens, the old place is in the file, where somebody else may be.
        if let Ok(client) = node.client()
            && client.info().await.is_ok()
        {
            return client;
        }
    }
}

/// What happened to a nanocontract.
fn nano_sentence(kind: &EventKind, assets: &[Asset]) -> String {
    let show = |id: &ChannelId, amount: Wei| Unit::find(id.asset, assets).show(amount.0);
    match kind {
        EventKind::NanoOffered { id, nid, app, total, .. } => {
            let app = app.as_deref().unwrap_or("own code");
            format!("{nid}, {app} for {}; `perunika nano answer` agrees", show(id, *total))
        }
        EventKind::NanoOpen { nid, .. } => nid.to_string(),
        EventKind::NanoDeclined { nid, reason, .. } => format!("{nid}: {reason}"),
        EventKind::NanoStepped { nid, by, input, forced, .. } => {
            let place = if *forced { "on the chain" } else { "signed by both" };
            format!("{nid}: {by} said {input}, {place}")
        }
        EventKind::NanoTurn { nid, deadline, .. } => format!("{nid}: a step is needed by second {deadline}"),
        EventKind::NanoHanded { id, nid, share, .. } => format!("{nid}: {} for this node with it", show(id, *share)),
        EventKind::NanoCloseAsked { nid, .. } => format!("{nid}; `perunika nano close` agrees"),
        EventKind::NanoClosed { id, nid, a_got, .. } => format!("{nid}: A got {}", show(id, *a_got)),
        _ => String::new(),
    }
}

/// An event in a line.
fn sentence(event: &Event, assets: &[Asset]) -> String {
    let show = |id: &ChannelId, amount: Wei| Unit::find(id.asset, assets).show(amount.0);
    let what = match &event.kind {
        EventKind::ChannelOpen { id, .. } | EventKind::ChannelClosed { id, .. } => id.channel.to_string(),
        EventKind::VirtualOpen { id, .. } => id.channel.to_string(),
        EventKind::VirtualClosed { id, out_a, .. } => match out_a {
            Some(out) => format!("{}, the first end got {}", id.channel, show(id, *out)),
            None => format!("{}, never in use", id.channel),
        },
        EventKind::PaymentReceived { id, amount, share, .. } => {
            format!("{} through {}, {} in all", show(id, *amount), id.channel, show(id, *share))
        }
        EventKind::DepositsCounted { id, deposits: [a, b] } => {
            format!("{}, A {}, B {}", id.channel, show(id, *a), show(id, *b))
        }
        EventKind::Withdrawn { id, party, amount } => format!("{} of {party} from {}", show(id, *amount), id.channel),
        EventKind::Dispute { id, version, .. } => format!("{}, version {version}", id.channel),
        EventKind::Misbehaved { peer, reason, .. } => format!("{peer}: {reason}"),
        EventKind::Transaction { name, failure: None, .. } => name.clone(),
        EventKind::Transaction { name, failure: Some(reason), .. } => format!("{name} failed: {reason}"),
        EventKind::Gap { from, to, .. } => format!("{from} to {to} are not kept any more"),
        kind => nano_sentence(kind, assets),
    };
    format!("{}  {}  {what}", event.cursor, event.kind.name()).trim_end().to_owned()
}
