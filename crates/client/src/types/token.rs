//! What a token allows.

use super::Wei;
use super::schema::AddressHex;
use perunika_core::Address;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What the holder of a token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Look at everything but evidence and tokens.
    Read,
    /// Pay through open channels, play nanocontracts, reveal secrets on the chain, and buy files into the folders of `[shop] download_to`, which may renew the channel that pays
    /// for them.
    Pay,
    /// Open channels, ledger and virtual, and nanocontracts in them, answer offers of nanocontracts, and ask for quotes.
    Open,
    /// Close channels and nanocontracts.
    Close,
    /// Offer files of the folders of `[shop] serve_from`.
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

/// `POST /v1/tokens`. Limits are in the smallest unit of one asset; what is left out is not limited. They bind what the holder spends: payments, stakes and
/// fees of virtual channels, deposits of channels that it opens, and downloads. They are kept by the signer: nothing beyond
/// them is ever signed, over crashes and restarts. What came to nothing is given back. Whoever has a limit of an amount or of peers may
/// look at nanocontracts, but not open, play or close them: what a step costs is for its code to say, and no limit would hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// For people, 1 to 64 characters.
    #[schemars(length(min = 1, max = 64))]
    pub name: String,
    /// What it allows; `admin` allows everything and has no limits.
    pub scopes: Vec<Scope>,
    /// Most that one call may spend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_payment: Option<Wei>,
    /// Most that may be spent on one peer, over the life of the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_peer: Option<Wei>,
    /// Most that may be spent in one day of the chain's clock; days begin at multiples of 86,400 seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_day: Option<Wei>,
    /// Keys of the only peers that may be paid, at most 256; anybody if empty. Of a virtual channel the other end counts.
    #[serde(default)]
    #[schemars(with = "Vec<AddressHex>", length(max = 256))]
    pub peers: Vec<Address>,
    /// In what the limits are; zero address for ETH, the default. A token with limits spends nothing of any other asset.
    #[serde(default)]
    #[schemars(with = "AddressHex")]
    pub asset: Address,
    /// Last second at which it is valid, seconds since 1970 by the node's clock. Downloads that were begun with it pay nothing
    /// after that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<u64>,
}

/// Element of `GET /v1/tokens`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Token {
    /// Its id; not secret.
    pub id: String,
    /// For people.
    pub name: String,
    /// What it allows.
    pub scopes: Vec<Scope>,
    /// Most that one call may spend.
    pub per_payment: Option<Wei>,
    /// Most that may be spent on one peer.
    pub per_peer: Option<Wei>,
    /// Most that may be spent in one day.
    pub per_day: Option<Wei>,
    /// The only peers that may be paid; anybody if empty.
    #[schemars(with = "Vec<AddressHex>")]
    pub peers: Vec<Address>,
    /// In what the limits are, and what it spent; zero address for ETH.
    #[serde(default)]
    #[schemars(with = "AddressHex")]
    pub asset: Address,
    /// Last second at which it is valid.
    pub expires: Option<u64>,
    /// When it was made, seconds since 1970.
    pub created: u64,
    /// Spent with it so far, of `asset`.
    pub spent: Wei,
}

/// Answer of `POST /v1/tokens`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MadeToken {
    /// The token itself, for the `Authorization` header. It is shown this once; the node keeps a hash of it.
    pub secret: String,
    /// What it allows.
    pub token: Token,
}
