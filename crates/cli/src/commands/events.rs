//! `perunika events`

use super::common::{NodeArgs, json};
use crate::exit::{Error, Result};
use crate::output::Output;
use crate::signals;
use crate::units::Amount;
use futures::StreamExt;
use perunika_client::types::{Event, EventKind};
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

/// What was printed and acknowledged so far.
struct Reader {
    output: Output,
    ack: bool,
    /// Number of the last event that was printed.
    seen: Option<u64>,
    acked: Option<u64>,
}

/// Prints them.
pub(crate) async fn run(args: Args, node: &NodeArgs, output: Output) -> Result<()> {
    let mut reader = Reader { output, ack: args.ack, seen: args.after, acked: args.after };
    if args.follow {
        return reader.follow(node).await;
    }
    let client = node.client()?;
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

    /// False if nobody reads any more.
    fn print(&mut self, event: &Event) -> bool {
        if self.seen.is_some_and(|seen| event.cursor <= seen) {
            return true;
        }
        let line = if self.output.json { json(event).map(|value| value.to_string()) } else { Ok(sentence(event)) };
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
fn nano_sentence(kind: &EventKind) -> String {
    match kind {
        EventKind::NanoOffered { nid, app, total, .. } => {
            let app = app.as_deref().unwrap_or("own code");
            format!("{nid}, {app} for {}; `perunika nano answer` agrees", Amount(total.0))
        }
        EventKind::NanoOpen { nid, .. } => nid.to_string(),
        EventKind::NanoDeclined { nid, reason, .. } => format!("{nid}: {reason}"),
        EventKind::NanoStepped { nid, by, input, forced, .. } => {
            let place = if *forced { "on the chain" } else { "signed by both" };
            format!("{nid}: {by} said {input}, {place}")
        }
        EventKind::NanoTurn { nid, deadline, .. } => format!("{nid}: a step is needed by second {deadline}"),
        EventKind::NanoHanded { nid, share, .. } => format!("{nid}: {} for this node with it", Amount(share.0)),
        EventKind::NanoCloseAsked { nid, .. } => format!("{nid}; `perunika nano close` agrees"),
        EventKind::NanoClosed { nid, a_got, .. } => format!("{nid}: A got {}", Amount(a_got.0)),
        _ => String::new(),
    }
}

/// An event in a line.
fn sentence(event: &Event) -> String {
    let what = match &event.kind {
        EventKind::ChannelOpen { id, .. } | EventKind::ChannelClosed { id, .. } => id.channel.to_string(),
        EventKind::VirtualOpen { id, .. } => id.channel.to_string(),
        EventKind::VirtualClosed { id, out_a, .. } => match out_a {
            Some(out) => format!("{}, the first end got {}", id.channel, Amount(out.0)),
            None => format!("{}, never in use", id.channel),
        },
        EventKind::PaymentReceived { id, amount, share, .. } => {
            format!("{} through {}, {} in all", Amount(amount.0), id.channel, Amount(share.0))
        }
        EventKind::Dispute { id, version, .. } => format!("{}, version {version}", id.channel),
        EventKind::Misbehaved { peer, reason, .. } => format!("{peer}: {reason}"),
        EventKind::Transaction { name, failure: None, .. } => name.clone(),
        EventKind::Transaction { name, failure: Some(reason), .. } => format!("{name} failed: {reason}"),
        EventKind::Gap { from, to, .. } => format!("{from} to {to} are not kept any more"),
        kind => nano_sentence(kind),
    };
    format!("{}  {}  {what}", event.cursor, event.kind.name()).trim_end().to_owned()
}
