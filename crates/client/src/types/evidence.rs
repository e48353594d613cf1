//! What a node could show the chain for a virtual channel.

use super::schema::{AddressHex, HashHex, NonceHex, SignatureHex};
use super::{ChannelId, Wei};
use alloy_primitives::{B128, B512};
use perunika_core::chain::{Call, Opener, Roots};
use perunika_core::params::VirtualParams;
use perunika_core::sig::Signature;
use perunika_core::signed::State;
use perunika_core::{Address, B256, tree};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `GET /v1/virtual/{id}/evidence`: everything that a dispute of the virtual channel needs. Who has it can open a dispute in
/// this node's name, from this node's account only, so it is shown to the scope `admin` alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// The virtual channel.
    pub id: ChannelId,
    /// Its parameters, with the full lists behind the hashes that the chain sees.
    pub params: VirtualTerms,
    /// What is held, the oldest version first: version 1 (the initial split) and the newest ones. Versions in between are not
    /// kept.
    pub states: Vec<EvidenceState>,
    /// The activation secrets of all participants in path order, once all are known.
    #[schemars(with = "Option<Vec<HashHex>>")]
    pub secrets: Option<Vec<B256>>,
    /// Lets this node's account open the dispute; none at a hub.
    pub opener: Option<OpenerAuth>,
}

/// A version of a virtual channel with the signatures that are there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EvidenceState {
    /// Version.
    pub version: u64,
    /// What the ends own together.
    pub total: Wei,
    /// What the first end gets; the other one gets the rest.
    pub share_a: Wei,
    /// How many nanocontracts are open in it.
    pub nanos: u8,
    /// Root over locks; zero in a virtual channel.
    #[schemars(with = "HashHex")]
    pub lock_root: B256,
    /// Root over nanocontracts; zero as long as there are none.
    #[schemars(with = "HashHex")]
    pub nano_root: B256,
    /// Signatures of the first and the second end, 64 bytes (EIP-2098). The newest version may lack this node's own.
    #[schemars(with = "[Option<SignatureHex>; 2]")]
    pub signatures: [Option<B512>; 2],
}

/// Parameters of a virtual channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VirtualTerms {
    /// Keys of all participants, from end to end.
    #[schemars(with = "Vec<AddressHex>")]
    pub path: Vec<Address>,
    /// Ids of the ledger channels between them.
    #[schemars(with = "Vec<HashHex>")]
    pub links: Vec<B256>,
    /// Fee of each hub.
    pub fees: Vec<Wei>,
    /// Zero address for ETH.
    #[schemars(with = "AddressHex")]
    pub asset: Address,
    /// Stakes of the two ends.
    pub stakes: [Wei; 2],
    /// End of the term, chain time in seconds.
    pub expires: u64,
    /// Refutation period, seconds.
    pub challenge: u32,
    /// Window of a forced step, seconds.
    pub window: u32,
    /// Most forced steps.
    pub k_max: u16,
    /// Chosen at random by the first end.
    #[schemars(with = "NonceHex")]
    pub nonce: B128,
    /// Hash of each participant's activation secret, in path order.
    #[schemars(with = "Vec<HashHex>")]
    pub hashes: Vec<B256>,
}

/// Lets the account of a node open the dispute of a virtual channel in the name of the node's key (`WatchAuth`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OpenerAuth {
    /// The account that may send the transaction.
    #[schemars(with = "AddressHex")]
    pub account: Address,
    /// Position of the node in the path.
    pub position: u8,
    /// First second at which it is valid, chain time.
    pub not_before: u64,
    /// Last second.
    pub not_after: u64,
    /// Signature of the node's key.
    #[schemars(with = "SignatureHex")]
    pub signature: B512,
}

impl VirtualTerms {
    /// As the core knows them.
    pub fn params(&self) -> VirtualParams {
        VirtualParams {
            path: self.path.clone(),
            links: self.links.clone(),
            fees: self.fees.iter().map(|fee| fee.0).collect(),
            asset: self.asset,
            init_a: self.stakes[0].0,
            init_b: self.stakes[1].0,
            t_exp: self.expires,
            challenge: self.challenge,
            window: self.window,
            k_max: self.k_max,
            nonce: u128::from_be_bytes(self.nonce.0),
            hashes: self.hashes.clone(),
        }
    }
}

impl From<&VirtualParams> for VirtualTerms {
    fn from(params: &VirtualParams) -> Self {
        Self {
            path: params.path.clone(),
            links: params.links.clone(),
            fees: params.fees.iter().map(|fee| Wei(*fee)).collect(),
            asset: params.asset,
            stakes: [params.init_a.into(), params.init_b.into()],
            expires: params.t_exp,
            challenge: params.challenge,
            window: params.window,
            k_max: params.k_max,
            nonce: B128::from(params.nonce.to_be_bytes()),
            hashes: params.hashes.clone(),
        }
    }
}

impl Evidence {
    /// The call that opens (or refutes) a dispute with a version that is held, to be sent by [`OpenerAuth::account`]. None if
    /// the version, one of its signatures, or a secret is missing.
    pub fn register(&self, version: u64) -> Option<Call> {
        let held = self.states.iter().find(|state| state.version == version)?;
        let [Some(a), Some(b)] = held.signatures else { return None };
        let opener = self.opener.as_ref().map(|opener| Opener {
            position: opener.position,
            not_before: opener.not_before,
            not_after: opener.not_after,
            sig: Signature(opener.signature.0),
        });
        Some(Call::RegisterVirtual {
            params: self.params.params(),
            state: held.state(self.id.channel),
            roots: Roots { locks: held.lock_root, nanos: held.nano_root },
            sigs: [Signature(a.0), Signature(b.0)],
            secrets: self.secrets.clone()?,
            opener,
        })
    }
}

impl EvidenceState {
    /// The State that the signatures are for.
    pub fn state(&self, vc: B256) -> State {
        State {
            ch: vc,
            ver: self.version,
            dep_a: 0,
            dep_b: 0,
            total: self.total.0,
            def_a: self.share_a.0,
            nanos: self.nanos,
            locks: 0,
            entries: tree::entries(self.lock_root, self.nano_root),
        }
    }
}
