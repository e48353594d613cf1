//! What happened in all stories together.

use std::fmt;

macro_rules! totals {
    ($($(#[$doc:meta])* $name:ident: $text:literal,)*) => {
        /// Counts over one or many stories.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct Totals {
            $($(#[$doc])* pub $name: u64,)*
            /// Virtual channels that both ends could use, by number of hubs (index 0: one hub).
            pub virtual_channels: [u64; 5],
        }

        impl Totals {
            /// Adds what happened in another story.
            pub fn add(&mut self, other: &Self) {
                $(self.$name += other.$name;)*
                self.virtual_channels.iter_mut().zip(other.virtual_channels).for_each(|(sum, more)| *sum += more);
            }

            fn rows(&self) -> Vec<(String, u64)> {
                vec![$(($text.to_owned(), self.$name),)*]
            }
        }
    };
}

totals! {
    /// Stories that were told.
    stories: "stories",
    /// Payments that the payee accepted durably.
    payments: "payments applied",
    /// Lives of ledger channels and virtual channels for which a dispute was opened.
    disputes: "disputes opened",
    /// Registered States that were replaced by newer ones.
    refutations: "refutations",
    /// Nodes that went down at any moment.
    crashes: "crashes",
    /// Reorganisations of the chain.
    reorgs: "reorganisations",
    /// Blocks that they dropped.
    reorged_blocks: "blocks dropped by them",
    /// Nodes that started from an old copy of their disk.
    backups: "starts from an old backup",
    /// Stories with corrupt nodes.
    corrupt_stories: "stories with an adversary",
    /// What the adversary did.
    adversary: "actions of the adversary",
    /// Steps of nanocontracts that both signed.
    steps: "steps of nanocontracts",
    /// Steps that were forced on the chain.
    forced_steps: "forced steps",
    /// Virtual channels that succeeded another.
    renewals: "renewals",
    /// Certificates that went to the chain.
    certificates: "certificates on chain",
    /// Ledger channels that were opened.
    ledger_channels: "ledger channels opened",
    /// The same in a token.
    token_channels: "  in a token",
    /// The same in one transaction.
    at_once: "  opened in one transaction",
    /// The same, sent and paid for by B.
    sponsored: "  sent by the peer",
    /// Deposits at the opening that came out of a vault.
    from_vault: "  deposits out of a vault",
    /// Agreements to openings that their owners signed.
    consents: "agreements signed by owners",
    /// Deposits into open channels.
    top_ups: "top-ups",
    /// Versions by which somebody counted other deposits.
    counted: "changes of counted deposits",
    /// Adjusts on chain.
    withdrawals: "withdrawals while open",
    /// Payments into vaults, and payouts that landed there.
    vaulted: "payments into vaults",
    /// Messages that arrived.
    messages: "messages delivered",
    /// Blocks.
    blocks: "blocks",
    /// Transactions in blocks.
    transactions: "transactions",
}

impl Totals {
    /// Virtual channels of all lengths.
    pub fn all_virtual_channels(&self) -> u64 {
        self.virtual_channels.iter().sum()
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (text, count) in self.rows() {
            writeln!(f, "{text:<34} {count:>12}")?;
        }
        writeln!(f, "{:<34} {:>12}", "virtual channels", self.all_virtual_channels())?;
        for (index, count) in self.virtual_channels.iter().enumerate() {
            writeln!(f, "{:<34} {count:>12}", format!("  over {} hub(s)", index + 1))?;
        }
        Ok(())
    }
}
