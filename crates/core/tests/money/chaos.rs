//! Payments, deposits and withdrawals in any order, while messages are lost, nodes crash and the chain takes its time.

use crate::pair::Pair;
use crate::withdrawals::opened;
use perunika_core::chain::{Call, TxOutcome};
use perunika_core::funding::Source;
use perunika_core::io::{Command, Input};
use perunika_core::message::Message;
use std::collections::BTreeSet;

/// SplitMix64.
struct Draw(u64);

impl Draw {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }
}

const LOSSES: [fn(&Message) -> bool; 6] = [
    |_| false,
    |_| true,
    |m| matches!(m, Message::Accept { .. }),
    |m| matches!(m, Message::Presign { .. }),
    |m| matches!(m, Message::AdjustSig { .. }),
    |m| matches!(m, Message::Item { .. } | Message::Ack { .. }),
];

struct Story {
    pair: Pair,
    draw: Draw,
    tried: BTreeSet<usize>,
    tag: u64,
    /// What each has put in and taken out.
    deposited: [u128; 2],
    withdrawn: [u128; 2],
}

impl Story {
    fn act(&mut self) {
        let n = self.draw.below(2) as usize;
        let ch = self.pair.ledger(n).id;
        let amount = u128::from(self.draw.below(40) + 1);
        self.tag += 1;
        let source = Source::Wallet;
        match self.draw.below(12) {
            0..3 => {
                let cosign = self.draw.below(2) == 0;
                self.pair.command(n, self.tag, Command::Pay { ch, amount, cosign, reference: vec![] });
            }
            3 => self.pair.command(n, self.tag, Command::Deposit { ch, amount, from: source }),
            4 => self.pair.command(n, self.tag, Command::Withdraw { ch, amount, to: source }),
            5 | 6 => self.transaction(),
            7 => self.pair.settle(),
            8 => self.pair.restart(n),
            9 => self.pair.lost = LOSSES[self.draw.below(6) as usize],
            10 => self.pair.block(1 + self.draw.below(60)),
            _ => self.pair.block(3),
        }
    }

    /// The chain takes one of the transactions that were sent, or refuses it.
    fn transaction(&mut self) {
        let waiting: Vec<usize> = (1..self.pair.calls.len()).filter(|i| !self.tried.contains(i)).collect();
        if waiting.is_empty() {
            return;
        }
        let index = waiting[self.draw.below(waiting.len() as u64) as usize];
        self.tried.insert(index);
        let (n, key, call) = self.pair.calls[index].clone();
        let (head, time) = (self.pair.view.head, self.pair.time());
        let refused = self.draw.below(5) == 0;
        let taken = match &call {
            Call::Deposit { not_after, .. } => *not_after >= time,
            Call::Adjust { adjust, .. } => adjust.not_after >= time && adjust.seq == head.seq,
            _ => panic!("{}", call.name()),
        };
        let outcome = if taken && !refused {
            self.pair.apply(&call);
            match call {
                Call::Deposit { side, amount, .. } => self.deposited[side.index()] += amount,
                Call::Adjust { adjust, .. } => self.withdrawn[usize::from(adjust.side)] += adjust.amount,
                _ => {}
            }
            TxOutcome::Mined { gas: 1 }
        } else {
            TxOutcome::Failed { reason: "refused".into() }
        };
        self.pair.input(n, Input::Transaction { key, outcome });
        self.pair.block(1);
    }

    /// Whatever a party accepted, the chain takes: now, and after every `Adjust` that may still be sent.
    fn check(&self) {
        let (head, time) = (self.pair.view.head, self.pair.time());
        let mut least = head.deposits();
        let usable = self.pair.calls.iter().filter_map(|(_, _, call)| match call {
            Call::Adjust { adjust, .. } if adjust.seq == head.seq && adjust.not_after >= time => Some(*adjust),
            _ => None,
        });
        let usable: BTreeSet<_> = usable.map(|a| (a.side, a.amount)).collect();
        assert!(usable.len() <= 1, "two Adjusts can be used: {usable:?}");
        for (side, amount) in usable {
            let deposit = &mut least[usize::from(side)];
            *deposit = deposit.checked_sub(amount).expect("an Adjust of more than is there");
        }
        for n in 0..2 {
            let info = self.pair.ledger(n);
            let log = self.pair.parts[n].update_log(info.id).expect("a log");
            for body in log.enforceable().iter().filter(|b| b.ver >= log.cur().body.ver && b.ver > 0) {
                assert!(
                    body.deposits().iter().zip(&least).all(|(counted, there)| counted <= there),
                    "{body:?} {least:?}"
                );
            }
        }
    }

    /// In peace everything is counted and paid, and nobody has less than it put in, took out, paid and got.
    fn end(&mut self) {
        self.pair.lost = |_| false;
        for _ in 0..4 {
            self.pair.block(301);
            while (1..self.pair.calls.len()).any(|i| !self.tried.contains(&i)) {
                self.transaction();
            }
            self.pair.settle();
            self.pair.block(3);
        }
        let [a, b] = [self.pair.ledger(0), self.pair.ledger(1)];
        let there: Vec<u128> = (0..2).map(|i| [100, 50][i] + self.deposited[i] - self.withdrawn[i]).collect();
        assert_eq!((&a.deposits[..], a.uncounted, a.withdrawing), (&there[..], [0, 0], None));
        assert_eq!((a.deposits, a.mine, a.theirs, a.version), (b.deposits, b.theirs, b.mine, b.version));
        assert_eq!(a.mine + a.theirs, there.iter().sum());
    }
}

#[test]
fn s58_whatever_crosses_a_withdrawal_what_was_accepted_can_be_registered() {
    for seed in 0..200 {
        println!("seed {seed}");
        let pair = opened();
        let mut story =
            Story { pair, draw: Draw(seed), tried: BTreeSet::new(), tag: 10, deposited: [0; 2], withdrawn: [0; 2] };
        for _ in 0..60 {
            story.act();
            story.check();
        }
        story.end();
    }
}
