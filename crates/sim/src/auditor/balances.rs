//! Every wei of an honest owner at the end of a story: predicted from what was said, compared with the accounts (P1, P5).

use super::{Auditor, Prediction};
use crate::token::TOKENS;
use crate::world::World;
use alloy_primitives::{Address, B256};

/// Everything that is worth something: ETH (zero address) and the tokens.
pub(super) fn assets() -> Vec<Address> {
    [Address::ZERO].into_iter().chain(TOKENS.iter().map(|(token, _)| *token)).collect()
}

impl Auditor {
    /// The account, the vault and the gas of an owner against the events of the contract, and against what it was owed.
    pub(super) fn check_balance(&mut self, world: &World, node: usize) {
        assets().into_iter().for_each(|asset| self.check_balance_of(world, node, asset));
    }

    fn check_balance_of(&mut self, world: &World, node: usize, asset: Address) {
        let owner = self.people[node].owner;
        let gained = world.gain_of(node, asset);
        let gifts = self.record.gifts(asset, owner);
        let told = self.told_gain(node, asset) + gifts;
        let corrupt = self.people.iter().any(|p| !p.honest);
        // Two corrupt parties may name anybody as the receiver of their own money.
        if gained < told || (gained > told && !corrupt) {
            let text =
                format!("P1: the account of {} gained {gained} of {asset}, the contract says {told}", self.name(node));
            self.fault(text);
        }
        let (low, high) = self.predicted_gain(node, asset);
        let (low, high) = (low + gifts, high.map(|high| high + gifts));
        if gained < low || high.is_some_and(|high| gained > high && !corrupt) {
            let text = format!("P1: {} gained {gained} of {asset}, its claims were {low} to {high:?}", self.name(node));
            self.fault(text);
        }
        if asset == Address::ZERO {
            let name = self.name(node).to_string();
            self.audit.predictions.push(Prediction { name, low, high, gained });
        }
    }

    /// What the contract paid to a node less what it was given, of an asset.
    fn told_gain(&self, node: usize, asset: Address) -> i128 {
        let lives = self.record.lives.iter().filter(|(id, _)| self.record.asset(**id) == Some(asset));
        let mine = lives.filter_map(|(id, life)| Some((life, self.side_in(node, *id)?)));
        mine.map(|(life, side)| (life.paid[side] + life.taken[side]) as i128 - life.put[side] as i128).sum()
    }

    /// What a node must have gained by what it was owed: exactly where its peers are honest and everything was answered, at least
    /// that much where a corrupt peer may still give something away.
    fn predicted_gain(&self, node: usize, asset: Address) -> (i128, Option<i128>) {
        let lives = self.record.lives.keys().filter(|id| self.record.asset(**id) == Some(asset));
        let mine = lives.filter_map(|id| Some((*id, self.side_in(node, *id)?)));
        mine.fold((0, Some(0)), |(low, high), (id, side)| {
            let (least, most) = self.range(node, id, side);
            (low + least, high.and_then(|high| Some(high + most?)))
        })
    }

    fn range(&self, node: usize, id: B256, side: usize) -> (i128, Option<i128>) {
        let Some(life) = self.record.lives.get(&id) else { return (0, Some(0)) };
        let (deposit, whole) = (life.deposits[side] as i128, (life.deposits[0] + life.deposits[1]) as i128);
        if !life.over {
            // Money that is left behind is a fault of its own.
            return (-deposit, Some(life.paid[side] as i128 - deposit));
        }
        let due = self.due_at_end(node, id).map_or(deposit, |due| due as i128);
        let peer = self.objects.get(&id).and_then(|o| self.node_of(o.keys[1 - side])).filter(|n| self.honest(*n));
        let theirs = peer.and_then(|peer| self.due_at_end(peer, id)).map(|due| due as i128);
        let most = theirs.map_or_else(|| peer.map(|_| whole), |theirs| Some(whole - theirs));
        (due - deposit, most.map(|most| most - deposit))
    }

    /// P5: of what honest pairs put in, nothing is left in the contract.
    pub(super) fn check_leftovers(&mut self) {
        let left: Vec<(B256, u128)> = self
            .record
            .lives
            .iter()
            .filter(|(id, _)| self.objects.get(*id).is_some_and(|o| o.keys.iter().all(|k| self.is_honest_key(*k))))
            .map(|(id, life)| (*id, life.deposits[0] + life.deposits[1] - life.paid[0] - life.paid[1]))
            .filter(|(_, left)| *left > 0)
            .collect();
        for (id, left) in left {
            self.fault(format!("P5: {left} units of {id} are left in the contract"));
        }
    }
}
