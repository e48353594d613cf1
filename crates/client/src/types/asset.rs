//! The owner's money outside of channels, deposits that change, and what that costs.

use super::schema::{AddressHex, HashHex, SourceName};
use super::{Source, Wei};
use perunika_core::{Address, B256};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Element of `GET /v1/assets`: ETH, and the tokens of the node's config file. The numbers are there if the chain answers; what
/// is above 2^96 - 1, as an allowance without limit is, is shown as that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Asset {
    /// Zero address for ETH.
    #[schemars(with = "AddressHex")]
    pub asset: Address,
    /// Its name in the config file: the unit of its amounts.
    pub symbol: String,
    /// Its amounts have so many digits behind the point.
    pub decimals: u8,
    /// What a token calls itself; printable and short, and nobody vouches for it.
    pub calls_itself: Option<String>,
    /// What the owner's account holds.
    pub balance: Option<Wei>,
    /// How much of it the Adjudicator may take for deposits; of ETH nothing, it is sent along.
    pub allowance: Option<Wei>,
    /// What is in the owner's vault.
    pub vault: Option<Wei>,
    /// What was wrong with the token when the node started: its decimals are others than the config file says, there is no contract,
    /// or the chain did not answer. Nothing new is begun in it until the next start; existing channels go on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// Element of `GET /v1/vault`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VaultBalance {
    /// Zero address for ETH.
    #[schemars(with = "AddressHex")]
    pub asset: Address,
    /// Its name in the config file.
    pub symbol: String,
    /// Its amounts have so many digits behind the point.
    pub decimals: u8,
    /// What is in the vault at the head of the chain.
    pub amount: Wei,
    /// The least of that and of what was there in the newest final block: what a deposit may rely on.
    pub settled: Wei,
}

/// `POST /v1/channels/{id}/deposit`: adds to this node's deposit. Done when a version that both signed counts it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Deposit {
    /// How much.
    pub amount: Wei,
    /// Where it comes from.
    #[serde(default)]
    #[schemars(with = "SourceName")]
    pub from: Source,
    /// How long to wait for the result, seconds; 60 by default, at most 600.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_s: Option<u64>,
}

/// `POST /v1/channels/{id}/withdraw`: takes part of this node's deposit out of a channel that stays open. Done when it is paid in a
/// final block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Withdraw {
    /// How much: at most what is left of the own deposit.
    pub amount: Wei,
    /// Where it goes.
    #[serde(default)]
    #[schemars(with = "SourceName")]
    pub to: Source,
    /// How long to wait for the result, seconds; 60 by default, at most 600.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_s: Option<u64>,
}

/// `POST /v1/vault/fund`: from the owner's account into its vault in the Adjudicator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FundVault {
    /// Zero address for ETH, the default.
    #[serde(default)]
    #[schemars(with = "AddressHex")]
    pub asset: Address,
    /// How much.
    pub amount: Wei,
    /// How long to wait for the result, seconds; 60 by default, at most 600.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_s: Option<u64>,
}

/// `POST /v1/vault/withdraw`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WithdrawVault {
    /// Zero address for ETH, the default.
    #[serde(default)]
    #[schemars(with = "AddressHex")]
    pub asset: Address,
    /// How much.
    pub amount: Wei,
    /// Receiver; the owner's account, if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<AddressHex>")]
    pub to: Option<Address>,
    /// How long to wait for the result, seconds; 60 by default, at most 600.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_s: Option<u64>,
}

/// `POST /v1/assets/approve`: lets the Adjudicator take so much of a token, instead of what it might take before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Approve {
    /// A token of the node's config file.
    #[schemars(with = "AddressHex")]
    pub asset: Address,
    /// How much; 0 takes the allowance back.
    pub amount: Wei,
    /// How long to wait for the result, seconds; 60 by default, at most 600.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_s: Option<u64>,
}

/// `POST /v1/estimates`: what would be sent to the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "call", rename_all = "snake_case", deny_unknown_fields)]
pub enum EstimateWish {
    /// As in `POST /v1/channels`.
    OpenChannel {
        /// The other party.
        #[schemars(with = "AddressHex")]
        peer: Address,
        /// Zero address for ETH, the default.
        #[serde(default)]
        #[schemars(with = "AddressHex")]
        asset: Address,
        /// What this node deposits.
        amount: Wei,
        /// What the peer is asked to deposit.
        #[serde(default)]
        peer_amount: Wei,
        /// Where this node's deposit comes from.
        #[serde(default)]
        #[schemars(with = "SourceName")]
        from: Source,
    },
    /// As in `POST /v1/channels/{id}/deposit`.
    Deposit {
        /// The ledger channel.
        #[schemars(with = "HashHex")]
        channel: B256,
        /// How much.
        amount: Wei,
        /// Where it comes from.
        #[serde(default)]
        #[schemars(with = "SourceName")]
        from: Source,
    },
    /// As in `POST /v1/channels/{id}/withdraw`.
    Withdraw {
        /// The ledger channel.
        #[schemars(with = "HashHex")]
        channel: B256,
    },
    /// As in `POST /v1/vault/fund`.
    FundVault {
        /// Zero address for ETH, the default.
        #[serde(default)]
        #[schemars(with = "AddressHex")]
        asset: Address,
        /// How much.
        amount: Wei,
    },
    /// As in `POST /v1/vault/withdraw`.
    WithdrawVault {
        /// Zero address for ETH, the default.
        #[serde(default)]
        #[schemars(with = "AddressHex")]
        asset: Address,
        /// How much.
        amount: Wei,
        /// Receiver; the owner's account, if left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(with = "Option<AddressHex>")]
        to: Option<Address>,
    },
    /// As in `POST /v1/assets/approve`.
    Approve {
        /// A token of the node's config file.
        #[schemars(with = "AddressHex")]
        asset: Address,
        /// How much.
        amount: Wei,
    },
}

/// Answer of `POST /v1/estimates`. Nothing is sent, and nobody is asked but the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Estimate {
    /// Gas of this node's transaction.
    pub gas: u64,
    /// Most that it would offer for a unit of gas now, in wei, tip included.
    pub gas_price_wei: Wei,
    /// Both together: about what it would cost at this price. No upper bound: the transaction's gas limit leaves a reserve above `gas`.
    /// What is deposited comes on top.
    pub cost_wei: Wei,
    /// True: the call was run on the present state. False: what such calls usually need, for a signature of the peer is missing.
    pub exact: bool,
}
