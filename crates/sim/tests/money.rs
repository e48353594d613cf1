//! Tokens, vaults, openings in one transaction, top-ups and withdrawals (protocol 0.3, 3.4).

use alloy_primitives::Address;
use perunika_core::funding::Source;
use perunika_core::io::{Command, Move, Reply};
use perunika_core::policy::Policy;
use perunika_sim::{ETH, TOKENS, TokenManner, World, quick_policy};

fn policy() -> Policy {
    let limits = quick_policy().asset(Address::ZERO).unwrap_or_default();
    Policy { tokens: TOKENS.iter().map(|(token, _)| (*token, limits.clone())).collect(), ..quick_policy() }
}

fn token(manner: TokenManner) -> Address {
    TOKENS.iter().find(|(_, m)| *m == manner).expect("there is one of each").0
}

fn done(world: &mut World, node: usize, command: Command) {
    let tag = world.command(node, command);
    world.wait_reply(node, tag);
    assert_eq!(world.reply(node, tag), Some(&Reply::Done), "seed {}", world.seed());
}

fn with_allowances(seed: u64, token: Address) -> World {
    let mut world = World::with_policy(seed, &["alice", "bob"], &policy());
    world.watch_closely();
    for node in 0..2 {
        done(&mut world, node, Command::Move(Move::Approve { token, amount: 200 * ETH }));
    }
    world
}

fn count(world: &World, name: &str) -> usize {
    world.ground.receipts.iter().filter(|r| r.name == name && r.result.is_ok()).count()
}

#[test]
fn a_channel_in_a_token_opens_in_one_transaction_and_closes() {
    let honest = token(TokenManner::Honest);
    let mut world = with_allowances(1, honest);
    let ch = world.open_channel_in(honest, 0, (0, 1), [10 * ETH, 5 * ETH]);
    assert_eq!((count(&world, "openBoth"), count(&world, "openWith")), (1, 0));
    world.pay(0, ch, 3 * ETH);
    world.close_channel(0, ch);
    world.finish();
    assert_eq!([0, 1].map(|n| world.gain_of(n, honest)), [-(3 * ETH as i128), 3 * ETH as i128]);
    assert_eq!([0, 1].map(|n| world.gain(n)), [0, 0]);
}

#[test]
fn an_owner_that_does_not_sign_deposits_by_itself() {
    let honest = token(TokenManner::Honest);
    let mut world = with_allowances(2, honest);
    world.nodes[1].pen.refuse = 1_000;
    let ch = world.open_channel_in(honest, 0, (0, 1), [10 * ETH, 5 * ETH]);
    world.nodes[1].pen.refuse = 0;
    world.nodes[1].pen.useless = 1_000;
    world.open_channel_in(honest, 1, (0, 1), [10 * ETH, 5 * ETH]);
    assert_eq!([count(&world, "openBoth"), count(&world, "openWith"), count(&world, "confirmWith")], [0, 2, 2]);
    world.pay(1, ch, ETH);
    world.finish();
}

#[test]
fn what_a_token_does_not_pay_out_is_in_the_vault() {
    for (seed, manner) in [(3, TokenManner::Lying), (4, TokenManner::Picky)] {
        let token = token(manner);
        let mut world = with_allowances(seed, token);
        let ch = world.open_channel_in(token, 0, (0, 1), [10 * ETH, 5 * ETH]);
        world.pay(0, ch, 3 * ETH);
        world.close_channel(1, ch);
        world.finish();
        assert_eq!([0, 1].map(|n| world.gain_of(n, token)), [-(3 * ETH as i128), 3 * ETH as i128]);
        let odd = |n: usize| manner == TokenManner::Lying || world.nodes[n].owner.0.0[19] & 1 == 1;
        let vaults = [0, 1].map(|n| world.ground.vault(token, world.nodes[n].owner));
        let owed = [7 * ETH, 8 * ETH];
        assert_eq!(vaults, [0, 1].map(|n| if odd(n) { owed[n] } else { 0 }));
    }
}

#[test]
fn a_token_that_keeps_a_fee_opens_nothing() {
    let fee = token(TokenManner::Fee);
    let mut world = with_allowances(5, fee);
    let peer = world.key(1);
    let (deposit, peer_deposit, from) = (10 * ETH, 5 * ETH, Source::Wallet);
    let open = Command::OpenChannel { peer, asset: fee, deposit, peer_deposit, lane: 0, from };
    let tag = world.command(0, open);
    world.wait_reply(0, tag);
    assert!(matches!(world.reply(0, tag), Some(Reply::Refused(_))), "{:?}", world.reply(0, tag));
    world.run_for(20_000);
    assert_eq!([0, 1].map(|n| world.gain_of(n, fee)), [0, 0]);
}

#[test]
fn money_comes_out_of_a_vault_and_goes_back_there() {
    let mut world = World::with_policy(6, &["alice", "bob"], &policy());
    world.watch_closely();
    for node in 0..2 {
        done(&mut world, node, Command::Move(Move::FundVault { asset: Address::ZERO, amount: 50 * ETH }));
        world.pay_from(node, Source::Vault);
    }
    let (peer, from) = (world.key(1), Source::Vault);
    let open =
        Command::OpenChannel { peer, asset: Address::ZERO, deposit: 10 * ETH, peer_deposit: 5 * ETH, lane: 0, from };
    let tag = world.command(0, open);
    world.wait_reply(0, tag);
    let Some(Reply::Opened(ch)) = world.reply(0, tag).cloned() else { panic!("{:?}", world.reply(0, tag)) };
    world.run_for(3_000);
    assert_eq!(count(&world, "openBoth"), 1);
    done(&mut world, 1, Command::Withdraw { ch, amount: 2 * ETH, to: Source::Vault });
    done(&mut world, 0, Command::Deposit { ch, amount: 4 * ETH, from: Source::Vault });
    let vaults = [0, 1].map(|n| world.ground.vault(Address::ZERO, world.nodes[n].owner));
    assert_eq!(vaults, [36 * ETH, 47 * ETH]);
    world.finish();
    assert_eq!([0, 1].map(|n| world.gain(n)), [0, 0]);
}

#[test]
fn deposits_grow_and_shrink_while_payments_go_on() {
    for seed in 10..16 {
        let mut world = World::with_policy(seed, &["alice", "bob"], &policy());
        world.watch_closely();
        let ch = world.open_channel(0, 1, 10 * ETH, 10 * ETH);
        let (me, other) = ((seed % 2) as usize, (1 - seed % 2) as usize);
        let top_up = world.command(me, Command::Deposit { ch, amount: 5 * ETH, from: Source::Wallet });
        for _ in 0..20 {
            world.stream(other, ch, ETH / 10);
            world.run_for(200);
        }
        world.wait_reply(me, top_up);
        assert_eq!(world.reply(me, top_up), Some(&Reply::Done), "seed {seed}");
        let withdrawal = world.command(other, Command::Withdraw { ch, amount: 6 * ETH, to: Source::Wallet });
        for _ in 0..20 {
            world.stream(me, ch, ETH / 10);
            world.run_for(200);
        }
        world.wait_reply(other, withdrawal);
        assert_eq!(world.reply(other, withdrawal), Some(&Reply::Done), "seed {seed}");
        let deposits = world.ledger_of(me, ch).expect("it is open").deposits;
        assert_eq!(deposits[me] + deposits[other], 19 * ETH);
        world.finish();
    }
}
