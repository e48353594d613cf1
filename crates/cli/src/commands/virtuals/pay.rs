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
    let (key, body) = args.pay.call();
    let done = client.pay_virtual(args.pay.id(), &body, &key).await?;
    args.pay.report(done, &key, output)
}
