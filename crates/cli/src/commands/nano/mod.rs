//! `perunika nano`: nanocontracts.

mod act;
pub(crate) mod board;
mod check;
mod file;
mod list;
mod name;
mod new;
mod open;
mod say;
mod show;

use super::common::NodeArgs;
use crate::exit::Result;
use crate::output::Output;

/// Nanocontracts: programs over money of a channel, run by its two parties and, in a dispute, by the chain.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    Check(check::Args),
    New(new::Args),
    Open(open::Args),
    Answer(act::Answer),
    Step(act::Step),
    Prepare(act::Prepare),
    Hand(act::Hand),
    Close(act::Close),
    Reveal(act::Reveal),
    Show(show::Args),
    List(list::Args),
}

impl Command {
    /// Runs it.
    pub(crate) async fn run(self, node: &NodeArgs, output: Output) -> Result<()> {
        match self {
            Self::Check(args) => check::run(&args, output),
            Self::New(args) => new::run(&args, output),
            Self::Open(args) => open::run(args, &node.client()?, output).await,
            Self::Answer(args) => args.run(&node.client()?, output).await,
            Self::Step(args) => args.run(&node.client()?, output).await,
            Self::Prepare(args) => args.run(&node.client()?, output).await,
            Self::Hand(args) => args.run(&node.client()?, output).await,
            Self::Close(args) => args.run(&node.client()?, output).await,
            Self::Reveal(args) => args.run(&node.client()?, output).await,
            Self::Show(args) => show::run(args, &node.client()?, output).await,
            Self::List(args) => list::run(args, &node.client()?, output).await,
        }
    }
}
