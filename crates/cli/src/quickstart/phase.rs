//! The parts of the story.

/// A part of the story.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Chain, contract and nodes are set up.
    #[default]
    Start,
    /// Both ledger channels are opened.
    Opening,
    /// The virtual channel is opened.
    OpeningVirtual,
    /// The file is paid, chunk by chunk.
    Paying,
    /// An old state is registered and refuted.
    Dispute,
    /// The virtual channel is closed, or its outcome reaches both links.
    ClosingVirtual,
    /// Both ledger channels are closed.
    Closing,
    /// Nothing happens any more.
    End,
}

impl Phase {
    /// In words.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Start => "the start",
            Self::Opening => "the opening of the ledger channels",
            Self::OpeningVirtual => "the opening of the virtual channel",
            Self::Paying => "the payments",
            Self::Dispute => "the dispute",
            Self::ClosingVirtual => "the closing of the virtual channel",
            Self::Closing => "the closing of the ledger channels",
            Self::End => "the end",
        }
    }
}
