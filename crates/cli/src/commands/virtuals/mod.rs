//! `perunika virtual`: virtual channels.

mod close;
mod list;
mod open;
mod pay;
mod renew;
mod show;

use super::common::NodeArgs;
use crate::exit::Result;
use crate::output::Output;

/// Virtual channels: payments between two ends that share a hub, without the hub and without the chain.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    Open(open::Args),
    Pay(pay::Args),
    Renew(renew::Args),
    Close(close::Args),
    List(list::Args),
    Show(show::Args),
}

impl Command {
    /// Runs it.
    pub(crate) async fn run(self, node: &NodeArgs, output: Output) -> Result<()> {
        let client = node.client()?;
        match self {
            Self::Open(args) => open::run(args, &client, output).await,
            Self::Pay(args) => pay::run(args, &client, output).await,
            Self::Renew(args) => renew::run(args, &client, output).await,
            Self::Close(args) => close::run(args, &client, output).await,
            Self::List(args) => list::run(args, &client, output).await,
            Self::Show(args) => show::run(args, &client, output).await,
        }
    }
}
