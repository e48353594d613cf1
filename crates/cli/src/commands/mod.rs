//! One file per subcommand.

mod asset;
mod background;
mod channel;
pub(crate) mod common;
mod completions;
pub(crate) mod deploy;
mod devnet;
mod events;
mod fetch;
mod fund;
mod info;
mod init;
pub(crate) mod nano;
mod node;
mod peer;
mod quote;
mod receipt;
#[cfg(test)]
mod reference;
mod serve;
mod token;
mod vault;
mod virtuals;

use self::common::NodeArgs;
use crate::exit::Result;
use crate::output::Output;
use crate::play;
use crate::quickstart;
use clap::{Parser, Subcommand};

/// Payment channels, and virtual channels over them, on Ethereum.
#[derive(Debug, Parser)]
#[command(name = "perunika", version, propagate_version = true, max_term_width = 100)]
pub(crate) struct Cli {
    /// Print one JSON value instead of text.
    #[arg(long, global = true)]
    json: bool,
    /// Say what is going on although the standard error is no terminal.
    #[arg(long, global = true)]
    progress: bool,
    #[command(flatten)]
    node: NodeArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Quickstart(quickstart::Args),
    #[command(subcommand)]
    Play(play::Command),
    Init(init::Args),
    Node(node::Args),
    Info(info::Args),
    #[command(subcommand)]
    Peer(peer::Command),
    #[command(subcommand)]
    Channel(channel::Command),
    #[command(subcommand)]
    Vault(vault::Command),
    #[command(subcommand)]
    Asset(asset::Command),
    #[command(subcommand)]
    Virtual(virtuals::Command),
    #[command(subcommand)]
    Nano(nano::Command),
    Quote(quote::Args),
    Events(events::Args),
    #[command(subcommand)]
    Token(token::Command),
    #[command(subcommand)]
    Receipt(receipt::Command),
    Serve(serve::Args),
    Fetch(fetch::Args),
    Devnet(devnet::Args),
    Deploy(deploy::Args),
    Fund(fund::Args),
    Completions(completions::Args),
    #[command(hide = true)]
    Man(completions::ManArgs),
}

/// Runs the command that was asked for.
pub(crate) async fn run(cli: Cli) -> Result<()> {
    let output = Output::new(cli.json, cli.progress);
    match cli.command {
        Command::Quickstart(args) => quickstart::run(args, cli.node.dir.as_deref(), output).await,
        Command::Play(command) => play::run(command, cli.node.dir.as_deref(), output).await,
        Command::Init(args) => init::run(args, &cli.node, output).await,
        Command::Node(args) => node::run(args, &cli.node, output).await,
        Command::Info(args) => info::run(args, &cli.node, output).await,
        Command::Peer(command) => command.run(&cli.node, output).await,
        Command::Channel(command) => command.run(&cli.node, output).await,
        Command::Vault(command) => command.run(&cli.node, output).await,
        Command::Asset(command) => command.run(&cli.node, output).await,
        Command::Virtual(command) => command.run(&cli.node, output).await,
        Command::Nano(command) => command.run(&cli.node, output).await,
        Command::Quote(args) => quote::run(args, &cli.node, output).await,
        Command::Events(args) => events::run(args, &cli.node, output).await,
        Command::Token(command) => command.run(&cli.node, output).await,
        Command::Receipt(command) => command.run(output),
        Command::Serve(args) => serve::run(args, &cli.node, output).await,
        Command::Fetch(args) => fetch::run(args, &cli.node, output).await,
        Command::Devnet(args) => devnet::run(args, output).await,
        Command::Deploy(args) => deploy::run(args, output).await,
        Command::Fund(args) => fund::run(args, output).await,
        Command::Completions(args) => completions::run(&args, output),
        Command::Man(args) => completions::man(&args, output),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_of_all_arguments_is_sound() {
        Cli::command().debug_assert();
    }
}
