//! What happened in one story.

use super::Totals;
use super::story::Story;
use crate::world::{Node, Tap};
use alloy_primitives::{Address, B256};
use perunika_contracts::Event as Chain;
use perunika_core::chain::Call;
use perunika_core::io::Event;
use std::collections::BTreeSet;

impl Story {
    pub(super) fn count(&self) -> Totals {
        let mut totals = Totals { stories: 1, ..self.world.tally.clone() };
        self.count_chain(&mut totals);
        self.count_virtuals(&mut totals);
        let (mut steps, mut renewed) = (BTreeSet::new(), BTreeSet::new());
        for event in self.world.nodes.iter().flat_map(|n| &n.events) {
            match event {
                Event::Received { .. } => totals.payments += 1,
                Event::NanoStepped { ch, nid, ver, forced: false, .. } => drop(steps.insert((*ch, *nid, *ver))),
                Event::DepositsCounted { .. } => totals.counted += 1,
                Event::VirtualRenewed { new, .. } => drop(renewed.insert(*new)),
                _ => {}
            }
        }
        totals.steps = steps.len() as u64;
        totals.renewals = renewed.len() as u64;
        totals.adversary = self.mallory.actions();
        totals.corrupt_stories = u64::from(!self.plan.corrupt.is_empty());
        totals.backups = self.world.nodes.iter().filter(|n| n.restored).count() as u64;
        let at_once = self.world.ground.receipts.iter().filter(|r| r.name == "openBoth" && r.result.is_ok());
        totals.at_once = at_once.count() as u64;
        let lives = self.world.taps.iter().filter_map(|(_, tap)| match tap {
            Tap::Called { node, call } => match &**call {
                Call::OpenBoth { params, terms, .. } if params.b.owner == self.world.nodes[*node].owner => {
                    Some(terms.id)
                }
                _ => None,
            },
            _ => None,
        });
        totals.sponsored = lives.collect::<BTreeSet<_>>().len() as u64;
        totals.transactions = self.world.ground.receipts.len() as u64;
        totals
    }

    fn count_chain(&self, totals: &mut Totals) {
        let mut disputes = BTreeSet::new();
        for (_, event) in &self.world.ground.events {
            match event {
                Chain::Registered { id, .. } | Chain::VirtualRegistered { vc: id, .. } => drop(disputes.insert(*id)),
                Chain::Refuted { .. } | Chain::VirtualRefuted { .. } => totals.refutations += 1,
                Chain::Confirmed { way, .. } => {
                    totals.ledger_channels += 1;
                    totals.from_vault += u64::from(*way == 1);
                }
                Chain::Opened { params, way, .. } => {
                    totals.token_channels += u64::from(params.asset != Address::ZERO);
                    totals.from_vault += u64::from(*way == 1);
                }
                Chain::Deposited { .. } => totals.top_ups += 1,
                Chain::Adjusted { .. } => totals.withdrawals += 1,
                Chain::Vaulted { .. } => totals.vaulted += 1,
                Chain::NanoStepped { .. } => totals.forced_steps += 1,
                Chain::Finalised { .. } => totals.certificates += 1,
                _ => {}
            }
        }
        totals.disputes = disputes.len() as u64;
    }

    fn count_virtuals(&self, totals: &mut Totals) {
        let opened = |node: &Node| -> Vec<B256> {
            node.events.iter().filter_map(|e| if let Event::VirtualOpen(vc) = e { Some(*vc) } else { None }).collect()
        };
        let mut counted = BTreeSet::new();
        for (index, node) in self.world.nodes.iter().enumerate() {
            for vc in opened(node) {
                let Some(info) = self.world.virtual_of(index, vc) else { continue };
                let people = info.params.path.len();
                if (info.index == 0 || info.index + 1 == people) && counted.insert(vc) {
                    totals.virtual_channels[(people - 2).clamp(1, 5) - 1] += 1;
                }
            }
        }
    }
}
