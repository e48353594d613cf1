//! Errors for people: one sentence, and an exit code that says whose fault it is.

use std::fmt;
use std::process::ExitCode;

/// Whose fault it is that a command was not done. The number is the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// None of those below: this machine, or this program.
    Other = 1,
    /// Whoever typed the command.
    User = 2,
    /// A peer refused, or does not answer.
    Peer = 3,
    /// The chain is out of reach, or says no.
    Chain = 4,
    /// Nobody: it is not known yet whether it was done.
    Unknown = 5,
}

/// Why a command did not do what it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Error {
    fault: Fault,
    sentence: String,
}

/// Result of a command.
pub(crate) type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// The command cannot be what the user wants.
    pub(crate) fn user(sentence: impl fmt::Display) -> Self {
        Self::new(Fault::User, sentence)
    }

    /// A peer is in the way.
    pub(crate) fn peer(sentence: impl fmt::Display) -> Self {
        Self::new(Fault::Peer, sentence)
    }

    /// The chain is in the way.
    pub(crate) fn chain(sentence: impl fmt::Display) -> Self {
        Self::new(Fault::Chain, sentence)
    }

    /// It may have been done, or may still be.
    pub(crate) fn unknown(sentence: impl fmt::Display) -> Self {
        Self::new(Fault::Unknown, sentence)
    }

    /// What another process of this program said when it ended.
    pub(crate) fn of_process(code: Option<i32>, sentence: &str) -> Self {
        let known = [Fault::User, Fault::Peer, Fault::Chain, Fault::Unknown];
        let fault = known.into_iter().find(|fault| code == Some(*fault as i32)).unwrap_or(Fault::Other);
        Self::new(fault, sentence)
    }

    /// Anything else.
    pub(crate) fn other(sentence: impl fmt::Display) -> Self {
        Self::new(Fault::Other, sentence)
    }

    /// Says what was being done when it happened.
    pub(crate) fn while_doing(mut self, what: impl fmt::Display) -> Self {
        self.sentence = format!("{what}: {}", self.sentence);
        self
    }

    /// The exit code of the process.
    pub(crate) fn code(&self) -> ExitCode {
        ExitCode::from(self.fault as u8)
    }

    fn new(fault: Fault, sentence: impl fmt::Display) -> Self {
        Self { fault, sentence: one_line(&sentence.to_string()) }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

/// The explanation that the argument parser gives, without its usage block.
pub(crate) fn parse_error(error: &clap::Error) -> Error {
    let text = error.to_string();
    let cause: Vec<&str> = text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
    let sentence = cause.join(" ");
    Error::user(sentence.strip_prefix("error: ").unwrap_or(&sentence))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_is_one_line() {
        let error = Error::chain("no answer\n  caused by: refused").while_doing("opening a channel");
        assert_eq!(error.to_string(), "opening a channel: no answer caused by: refused");
        assert_eq!(error.fault, Fault::Chain);
    }

    #[test]
    fn the_parser_s_explanation_loses_its_usage_block() {
        let command = clap::Command::new("x").arg(clap::Arg::new("peer").required(true));
        let error = command.try_get_matches_from(["x"]).expect_err("an argument is missing");
        let error = parse_error(&error);
        assert_eq!(error.to_string(), "the following required arguments were not provided: <peer>");
        assert_eq!(error.fault, Fault::User);
    }
}
