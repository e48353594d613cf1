//! What a token allows.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What the holder of a token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Look at everything but evidence and tokens.
    Read,
    /// Pay through open channels, and buy files.
    Pay,
    /// Open channels, ledger and virtual, and ask for quotes.
    Open,
    /// Close channels.
    Close,
    /// Offer files.
    Serve,
    /// Acknowledge events, which are then forgotten.
    Events,
    /// Everything, without limits: make and revoke tokens, add peers, see evidence.
    Admin,
}

impl Scope {
    /// Whether a token with this scope may make a call that needs `wanted`.
    pub fn covers(self, wanted: Self) -> bool {
        self == Self::Admin || self == wanted
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::Pay => "pay",
            Self::Open => "open",
            Self::Close => "close",
            Self::Serve => "serve",
            Self::Events => "events",
            Self::Admin => "admin",
        })
    }
}
