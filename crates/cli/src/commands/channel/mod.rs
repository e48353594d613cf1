//! `perunika channel`: ledger channels.

mod close;
mod deposit;
mod list;
mod open;
mod pay;
mod show;
mod withdraw;

pub(crate) use pay::Args as PayArgs;

use super::common::NodeArgs;
use crate::exit::Result;
use crate::output::Output;

/// Ledger channels: deposits on the chain, payments between two parties without it.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    Open(open::Args),
    Pay(pay::Args),
    Deposit(deposit::Args),
    Withdraw(withdraw::Args),
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
            Self::Deposit(args) => deposit::run(args, &client, output).await,
            Self::Withdraw(args) => withdraw::run(args, &client, output).await,
            Self::Close(args) => close::run(args, &client, output).await,
            Self::List(args) => list::run(args, &client, output).await,
            Self::Show(args) => show::run(args, &client, output).await,
        }
    }
}
