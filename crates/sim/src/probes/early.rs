//! Openings that go wrong: deposits that a reorganisation can still take away, agreements that others use or forget (0.3).

use super::Setting;
use crate::story::{ETH, quick_policy};
use crate::token::TOKEN;
use crate::world::World;
use alloy_primitives::{Address, B256};
use perunika_core::chain::{Call, Funding, Phase};
use perunika_core::funding::Source;
use perunika_core::io::{Command, Move};
use perunika_core::message::{Consent, Message};
use perunika_core::params::ChannelParams;
use perunika_core::policy::Policy;
use perunika_core::signed::{Amount, Eip712, OpenAuth};

fn opening(world: &World, asset: Address, deposits: [Amount; 2]) -> Command {
    let [deposit, peer_deposit] = deposits;
    Command::OpenChannel { peer: world.key(1), asset, deposit, peer_deposit, lane: 0, from: Source::Wallet }
}

/// B does not deposit before A's deposit is final.
pub(super) fn deposit(setting: Setting<'_>) -> (World, Vec<String>) {
    let mut world = setting.world(&["alice", "bob"], &quick_policy());
    let open = opening(&world, Address::ZERO, [ETH, ETH]);
    world.command(0, open);
    let params = |w: &World| w.nodes[0].participant.as_ref().and_then(|p| p.ledgers().first().map(|l| l.params));
    let funded = |w: &World| params(w).is_some_and(|params| w.slot(&params).phase == Phase::Funding);
    let mut faults = Vec::new();
    if !world.run_until(10_000, funded) {
        faults.push("probe: A deposits nothing".to_owned());
    }
    world.run_for(300);
    if world.ground.queue.iter().any(|queued| matches!(queued.call, Call::Confirm { .. })) {
        faults.push("probe: 0.3: B deposits over a deposit that is not final".to_owned());
    }
    (world, faults)
}

/// What A offers B, and under which id.
fn offer(world: &World, asset: Address) -> (ChannelParams, B256) {
    let policy = &world.nodes[0].policy;
    let party = |node: usize| perunika_core::params::Party { owner: world.nodes[node].owner, key: world.key(node) };
    let (challenge, window, k_max) = (policy.challenge, policy.window, policy.k_max);
    let params = ChannelParams { a: party(0), b: party(1), asset, challenge, window, k_max, lane: 0 };
    (params, params.id(&world.ground.domain, 0))
}

/// B agrees that A pays for both.
pub(super) fn generous(setting: Setting<'_>) -> (World, Vec<String>) {
    let tokens = [(TOKEN, quick_policy().asset(Address::ZERO).unwrap_or_default())].into();
    let mut world = setting.world(&["alice", "bob"], &Policy { tokens, ..quick_policy() });
    let tag = world.command(0, Command::Move(Move::Approve { token: TOKEN, amount: 100 * ETH }));
    world.wait_reply(0, tag);
    world.corrupt(1);
    let open = opening(&world, TOKEN, [10 * ETH, 20 * ETH]);
    world.command(0, open);
    world.run_for(100);
    let (owner, (_, id)) = (world.nodes[1].owner, offer(&world, TOKEN));
    world.inject(1, 0, Message::ChannelInfo { asset: TOKEN, lane: 0, owner });
    world.run_for(1_500);
    let not_after = world.ground.time() + 100;
    let terms = OpenAuth { id, dep_a: 10 * ETH, dep_b: 20 * ETH, not_after };
    let consent = world.sign_as_owner(1, world.ground.domain.digest(terms.struct_hash())).0.to_vec();
    let consent = Some(Consent { not_after, funding: Funding::Sender { consent } });
    world.inject(1, 0, Message::ChannelAgreed { id, consent });
    world.run_for(6_000);
    let (paid, mut faults) = (-world.gain_of(0, TOKEN), Vec::new());
    if paid != 10 * ETH as i128 {
        faults.push(format!("probe: 0.3: A deposits 10 ETH and pays {paid}"));
    }
    (world, faults)
}

/// B has agreed, changes its mind, and A opens all the same: B must know of it.
pub(super) fn second_thoughts(setting: Setting<'_>) -> (World, Vec<String>) {
    let mut world = setting.world(&["alice", "bob"], &quick_policy());
    let tag = world.command(1, Command::Move(Move::FundVault { asset: Address::ZERO, amount: 50 * ETH }));
    world.wait_reply(1, tag);
    world.pay_from(1, Source::Vault);
    world.corrupt(0);
    let (params, id) = offer(&world, Address::ZERO);
    let (dep_a, dep_b) = (ETH, 20 * ETH);
    world.inject(0, 1, Message::ChannelOffer { params, nonce: 0, dep_a, dep_b });
    world.run_for(2_500);
    // The chain is asked first.
    world.inject(0, 1, Message::ChannelOffer { params, nonce: 0, dep_a, dep_b });
    world.run_for(500);
    let consent = world.nodes[0].inbox.iter().rev().find_map(|(_, m)| match m {
        Message::ChannelAgreed { id: of, consent: Some(consent) } if *of == id => Some(consent.clone()),
        _ => None,
    });
    let Some(Consent { not_after, funding }) = consent else {
        return (world, vec!["probe: B's owner did not agree".to_owned()]);
    };
    world.command(1, Command::CloseChannel { ch: id, force: true });
    world.run_for(2_000);
    let terms = OpenAuth { id, dep_a, dep_b, not_after };
    let fundings = [Source::Wallet.funding(), funding];
    let called = world.call_as(0, &Call::OpenBoth { params, terms, fundings, value: dep_a });
    let faults = called.err().map(|why| format!("probe: the agreement is worth nothing: {why}"));
    world.run_for(40_000);
    (world, faults.into_iter().collect())
}
