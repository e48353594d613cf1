//! What people do with their money: channels in several assets, on several lanes and opened in several ways, top-ups, withdrawals, vaults.

use super::story::Story;
use crate::story::ETH;
use crate::token::TOKENS;
use alloy_primitives::{Address, B256};
use perunika_core::chain::Call;
use perunika_core::funding::{Funding, Source};
use perunika_core::info::{LedgerInfo, LedgerStage};
use perunika_core::io::{Command, Move};
use perunika_core::signed::Amount;

/// What an owner's vault is given at the start, and what a token lets the Adjudicator take.
const CHEST: Amount = 300 * ETH;

impl Story {
    /// Allowances and vaults, before anybody opens anything.
    pub(super) fn prepare_money(&mut self) {
        let asset = self.plan.asset;
        for node in 0..self.plan.people {
            if asset != Address::ZERO {
                let approve = Command::Move(Move::Approve { token: asset, amount: 4 * CHEST });
                let tag = self.world.command(node, approve);
                self.world.wait_reply(node, tag);
            }
            if self.plan.sources[node] == Source::Vault {
                let tag = self.world.command(node, Command::Move(Move::FundVault { asset, amount: CHEST }));
                self.world.wait_reply(node, tag);
                self.world.pay_from(node, Source::Vault);
            }
        }
    }

    fn some_asset(&mut self) -> Address {
        match self.rng.below(10) {
            0..=5 => self.plan.asset,
            6 => Address::ZERO,
            _ => TOKENS[self.rng.below(TOKENS.len() as u64) as usize].0,
        }
    }

    fn some_source(&mut self) -> Source {
        if self.rng.chance(600) { Source::Wallet } else { Source::Vault }
    }

    fn some_amount(&mut self) -> Amount {
        match self.rng.below(8) {
            0 => 1,
            1 => ETH / 1_000,
            2 => 60 * ETH,
            _ => ETH * u128::from(self.rng.between(1, 20)),
        }
    }

    pub(super) fn move_money(&mut self) {
        match self.rng.below(100) {
            0..28 => self.top_up(),
            28..40 => self.dust(),
            40..70 => self.withdraw(),
            70..86 => self.open_another(),
            _ => self.move_vault(),
        }
        let pause = self.rng.below(4) * 400;
        self.pass(pause);
    }

    /// An open ledger channel of a node.
    fn some_ledger(&mut self, node: usize) -> Option<LedgerInfo> {
        let all = self.world.nodes[node].participant.as_ref()?.ledgers();
        let open: Vec<LedgerInfo> = all.into_iter().filter(|l| l.stage == LedgerStage::Open).collect();
        if open.is_empty() { None } else { Some(open[self.rng.below(open.len() as u64) as usize].clone()) }
    }

    fn top_up(&mut self) {
        let node = self.some_node();
        let Some(ledger) = self.some_ledger(node) else { return };
        let (amount, from) = (self.some_amount(), self.some_source());
        self.world.command(node, Command::Deposit { ch: ledger.id, amount, from });
        self.meanwhile(node, ledger.id);
    }

    /// Somebody else pays something in: a friend, or whoever wants to make others work.
    fn dust(&mut self) {
        let (node, payer) = (self.some_node(), self.some_node());
        let Some(ledger) = self.some_ledger(node) else { return };
        let amount = if self.rng.chance(700) { 1 } else { self.some_amount() };
        let side = if self.rng.chance(500) { ledger.me } else { ledger.me.other() };
        let asset = ledger.params.asset;
        let value = Source::Wallet.value(asset, amount);
        let funding = Funding::Sender { consent: Vec::new() };
        let not_after = self.world.ground.time() + 600;
        let call = Call::Deposit { params: ledger.params, id: ledger.id, side, amount, not_after, funding, value };
        drop(self.world.call_as(payer, &call));
    }

    fn withdraw(&mut self) {
        let node = self.some_node();
        let Some(ledger) = self.some_ledger(node) else { return };
        let most = ledger.deposits[ledger.me.index()].min(ledger.spendable);
        let amount = match self.rng.below(6) {
            0 => most,
            1 => most / 2,
            2 => 1,
            3 => most + 1,
            _ => ETH.min(most),
        };
        let to = self.some_source();
        self.world.command(node, Command::Withdraw { ch: ledger.id, amount, to });
        self.meanwhile(node, ledger.id);
    }

    /// The worst moments: while something about the deposits is on its way.
    fn meanwhile(&mut self, node: usize, ch: B256) {
        let soon = self.rng.below(2_500);
        match self.rng.below(10) {
            0 | 1 => {
                self.pass(soon);
                self.crash();
            }
            2 | 3 => {
                self.pass(soon);
                self.break_something();
            }
            4 => {
                self.pass(soon);
                self.world.command(node, Command::CloseChannel { ch, force: self.rng.chance(500) });
            }
            5 | 6 => {
                self.pass(soon / 4);
                self.pay();
            }
            _ => {}
        }
    }

    /// One more channel between two people, on another lane or in another asset.
    fn open_another(&mut self) {
        let (a, b) = self.plan.edges[self.rng.below(self.plan.edges.len() as u64) as usize];
        let (node, other) = if self.rng.chance(500) { (a, b) } else { (b, a) };
        let (asset, from, lane) = (self.some_asset(), self.some_source(), self.rng.below(3) as u16);
        let deposit = u128::from(self.rng.between(1, 60)) * ETH;
        let peer_deposit = if self.rng.chance(400) { 0 } else { u128::from(self.rng.between(1, 60)) * ETH };
        let peer = self.world.key(other);
        let command = if self.rng.chance(300) {
            Command::AskOpening { peer, asset, deposit, peer_deposit, lane }
        } else {
            Command::OpenChannel { peer, asset, deposit, peer_deposit, lane, from }
        };
        self.world.command(node, command);
    }

    fn move_vault(&mut self) {
        let (node, asset, amount) = (self.some_node(), self.some_asset(), self.some_amount());
        let to = self.world.nodes[node].owner;
        let moved = match self.rng.below(4) {
            0 if asset != Address::ZERO => Move::Approve { token: asset, amount: CHEST },
            0 | 1 => Move::FundVault { asset, amount: 10 * amount },
            2 => Move::WithdrawVault { asset, amount: self.world.ground.vault(asset, to), to },
            _ => Move::WithdrawVault { asset, amount, to },
        };
        self.world.command(node, Command::Move(moved));
    }
}
