//! `docs/cli.md`: every command, in the words of its own help.

use clap::{Command, CommandFactory};
use std::fmt::Write;

const HEAD: &str = "# The commands\n\nWhat `--help` says, of every command. Generated: \
                    `UPDATE=1 cargo test -p perunika-cli reference` writes this page anew.\n";

/// The whole page.
fn page() -> String {
    let mut root = super::Cli::command().color(clap::ColorChoice::Never);
    root.build();
    let mut text = HEAD.to_owned();
    section(&root, &mut text);
    text
}

/// A command, then those below it.
fn section(command: &Command, text: &mut String) {
    if command.is_hide_set() || command.get_name() == "help" {
        return;
    }
    let name = command.get_bin_name().unwrap_or(command.get_name());
    let help = command.clone().render_long_help().to_string();
    let help: Vec<&str> = help.lines().map(str::trim_end).collect();
    // Writing into a string cannot fail.
    let _ = write!(text, "\n## `{name}`\n\n```text\n{}\n```\n", help.join("\n").trim_end());
    command.get_subcommands().for_each(|below| section(below, text));
}

#[test]
fn the_reference_says_what_the_commands_say() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/cli.md");
    let page = page();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, &page).expect("written");
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(committed == page, "docs/cli.md is old: `UPDATE=1 cargo test -p perunika-cli reference` writes it anew");
}
