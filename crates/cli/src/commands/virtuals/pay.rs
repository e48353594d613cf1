//! `perunika virtual pay`

use crate::commands::channel::PayArgs;
use crate::exit::Result;
use crate::output::Output;
use perunika_client::Client;

/// Pay through a virtual channel. No transaction, and no hub.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    #[command(flatten)]
    pay: PayArgs,
}

/// Pays and waits for the answer.
pub(crate) async fn run(args: Args, client: &Client, output: Output) -> Result<()> {
    let id = args.pay.channel().virtual_channel(client).await?;
    let unit = args.pay.unit(client).await?;
    let (key, body) = args.pay.call(&unit)?;
    args.pay.report(client.pay_virtual(id, &body, &key).await, (&key, &unit), output)
}
