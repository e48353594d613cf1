//! The owners behind the nodes: they hold the accounts, and sign for openings in one transaction (protocol 0.3, 3.4).

use super::{Happening, Node, Tap, World, memory_key};
use crate::signing::Remembering;
use crate::token;
use alloy_primitives::{Address, B256, keccak256};
use perunika_core::chain::Funding;
use perunika_core::funding::Source;
use perunika_core::io::Input;
use perunika_core::params::{ChannelParams, Side};
use perunika_core::sig::{MemoryKey, RawKey};
use perunika_core::signed::{Amount, Eip712, OpenAuth};

/// How an owner answers when it is asked to sign. Chances are per mille.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pen {
    /// It says no.
    pub refuse: u64,
    /// What it signs is worth nothing on the chain: another deadline than agreed, say.
    pub useless: u64,
    /// How long it thinks at most, ms.
    pub slow_ms: u64,
}

/// Account of the owner with this name.
pub(super) fn account_of(name: &str) -> Address {
    key_of(name).address()
}

fn key_of(name: &str) -> MemoryKey {
    memory_key(keccak256(format!("owner of {name}")))
}

impl World {
    /// A signature by the account of a node, as its owner would make it.
    pub fn sign_as_owner(&self, node: usize, digest: B256) -> perunika_core::sig::Signature {
        Remembering(key_of(&self.nodes[node].name)).sign(digest)
    }

    /// Where a node's deposits come from that others ask for; it starts anew with that.
    pub fn pay_from(&mut self, node: usize, source: Source) {
        self.nodes[node].policy.deposit_from = source;
        self.boot(node);
        let peers = self.connected.iter().filter(|(a, b)| *a == node || *b == node).map(|(a, b)| a + b - node);
        let keys: Vec<Address> = peers.map(|peer| self.nodes[peer].key).collect();
        keys.into_iter().for_each(|key| self.input(node, Input::Connected(key)));
    }

    /// The node asks its owner.
    pub(super) fn authorise(&mut self, node: usize, params: &ChannelParams, side: Side, terms: OpenAuth) {
        self.tap(Tap::Asked { node, params: Box::new(*params), terms });
        let pen = self.nodes[node].pen;
        let delay = if pen.slow_ms == 0 { 0 } else { self.rng.below(pen.slow_ms) };
        let funding = self.sign_opening(node, params.asset, [terms.dep_a, terms.dep_b][side.index()], terms, pen);
        self.tally.consents += u64::from(funding.is_ok());
        self.note(|w| format!("the owner of {} answers {funding:?}", w.nodes[node].name));
        let input = Input::Authorised { id: terms.id, not_after: terms.not_after, funding };
        if delay == 0 {
            return self.input(node, input);
        }
        self.at(delay, Happening::Answered { node, input: Box::new(input) });
    }

    /// What it signs, if its money can be had without another transaction.
    fn sign_opening(
        &mut self,
        node: usize,
        asset: Address,
        amount: Amount,
        terms: OpenAuth,
        pen: Pen,
    ) -> Result<Funding, String> {
        if pen.refuse > 0 && self.rng.chance(pen.refuse) {
            return Err("the owner does not sign".into());
        }
        let useless = pen.useless > 0 && self.rng.chance(pen.useless);
        let signed = if useless { OpenAuth { not_after: terms.not_after + 1, ..terms } } else { terms };
        let consent = self.sign_as_owner(node, self.ground.domain.digest(signed.struct_hash())).0.to_vec();
        let Node { owner, policy, .. } = &self.nodes[node];
        let (owner, source) = (*owner, policy.deposit_from);
        if amount == 0 {
            return Ok(Funding::Sender { consent });
        }
        if source == Source::Vault && self.ground.vault(asset, owner) >= amount {
            return Ok(Funding::Vault { consent });
        }
        let allowed = || self.ground.allowance(asset, owner).min(self.ground.balance_of(asset, owner));
        if source == Source::Wallet && token::TOKENS.iter().any(|(t, _)| *t == asset) && allowed() >= amount {
            return Ok(Funding::Allowance { consent });
        }
        Err("the money would need a transaction".into())
    }
}
