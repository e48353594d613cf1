//! Deposits of an open channel that change: top-up and withdrawal (protocol 0.3).
//!
//! A top-up is a transaction and, once it is final, a version that counts it. A withdrawal is a version that counts less and,
//! once no State that counts more can be enforced, an `Adjust` that pays the rest out.

use super::{Participant, tx_key};
use crate::body::Body;
use crate::chain::{Call, TxKey};
use crate::funding::Source;
use crate::io::{Event, Fault, Reply};
use crate::ledger::{Ledger, Life, TopUp, Withdrawal};
use crate::message::{LinkOp, Message};
use crate::mutant::guard;
use crate::params::Side;
use crate::sig::Signature;
use crate::signed::{Adjust, Amount, Eip712, MAX_AMOUNT};
use alloc::string::String;
use alloy_primitives::{Address, B256};

/// What others deposit is counted by itself from this part of the deposits on: a version for each wei would stop every stream, and
/// what is not counted is its side's all the same.
const DUST: Amount = 1_024;

impl Participant {
    pub(super) fn top_up(&mut self, tag: u64, ch: B256, amount: Amount, from: Source) -> Result<(), Fault> {
        self.unlimited()?;
        self.updatable(ch)?;
        let ledger = self.ledgers.get(&ch).ok_or_else(no_deposits)?;
        if ledger.top_up.is_some() || ledger.withdrawal.is_some() {
            return Err(Fault::Caller("another deposit or withdrawal of this channel is on its way".into()));
        }
        let view = self.ledger_view(ledger).head;
        let sum = view.dep_a.saturating_add(view.dep_b);
        if amount == 0 || sum.checked_add(amount).is_none_or(|sum| sum > MAX_AMOUNT) {
            return Err(Fault::Caller("the deposits together must stay below 2^96, and 0 is no deposit".into()));
        }
        let (params, side) = (ledger.params, ledger.me);
        let target = self.ledger_view(ledger).settled.deposits()[side.index()].saturating_add(amount);
        let not_after = self.now() + self.policy().close_validity;
        let name = self.draw();
        let key = tx_key("deposit", name, 0);
        if let Some(ledger) = self.ledgers.get_mut(&ch) {
            ledger.top_up = Some(TopUp { key, target, not_after });
            self.dirty_ledgers.insert(ch);
        }
        self.top_up_tags.insert(ch, tag);
        let (funding, value) = (from.funding(), from.value(params.asset, amount));
        let call = Call::Deposit { params, id: ch, side, amount, not_after, funding, value };
        // Once, whatever becomes of it: a second one would be another deposit.
        self.submit("deposit", name, 0, call, Some(not_after));
        Ok(())
    }

    pub(super) fn top_up_failed(&mut self, key: TxKey, reason: &str) {
        let of = |l: &&Ledger| l.top_up.is_some_and(|t| t.key == key);
        let Some(ch) = self.ledgers.values().find(of).map(|l| l.id) else { return };
        self.end_top_up(ch, Reply::Refused(Fault::Chain(alloc::format!("the deposit was not made: {reason}"))));
    }

    fn end_top_up(&mut self, ch: B256, reply: Reply) {
        if let Some(ledger) = self.ledgers.get_mut(&ch) {
            ledger.top_up = None;
            self.dirty_ledgers.insert(ch);
        }
        if let Some(tag) = self.top_up_tags.remove(&ch) {
            self.reply(tag, reply);
        }
    }

    pub(super) fn withdraw(&mut self, tag: u64, ch: B256, amount: Amount, to: Source) -> Result<(), Fault> {
        self.unlimited()?;
        self.updatable(ch)?;
        let ledger = self.ledgers.get(&ch).ok_or_else(no_deposits)?;
        if ledger.top_up.is_some() || ledger.withdrawal.is_some() {
            return Err(Fault::Caller("another deposit or withdrawal of this channel is on its way".into()));
        }
        let side = ledger.me;
        // Less what this node has paid already, or is about to.
        let (cur, newest) = (&ledger.book.log.cur().body, ledger.book.log.newest());
        let waiting: Amount = ledger.book.queue.iter().map(|wish| wish.amount).sum();
        let cash = |body: &Body| body.cash(side).unwrap_or_default();
        let most = cur.deposits()[side.index()].min(cash(cur)).min(cash(&newest)).saturating_sub(waiting);
        if amount == 0 || amount > most {
            let reason =
                alloc::format!("{most} can be withdrawn while the channel is open: what is left of the own deposit");
            return Err(Fault::Caller(reason));
        }
        if !self.connected.contains(&ledger.peer()) {
            return Err(Fault::Peer("the peer is not connected".into()));
        }
        let seq = self.ledger_view(ledger).settled.seq;
        if seq == u16::MAX {
            return Err(Fault::Caller(
                "this channel has paid out as often as it can; close it and open it again".into(),
            ));
        }
        let receiver = match to {
            Source::Wallet => self.config.owner,
            // What is paid to the Adjudicator itself lands in the owner's vault (protocol 3.4).
            Source::Vault => self.config.domain.adjudicator,
        };
        let not_after = self.now() + self.policy().close_validity;
        let adjust = Adjust { id: ch, seq, side: side as u8, amount, receiver, ver: 0, not_after };
        if let Some(ledger) = self.ledgers.get_mut(&ch) {
            ledger.withdrawal = Some(Withdrawal { adjust, sig: None });
            self.dirty_ledgers.insert(ch);
        }
        self.withdrawal_tags.insert(ch, tag);
        Ok(())
    }

    /// A wish that nobody has signed and that cannot be fulfilled any more.
    pub(super) fn give_up_withdrawal(&mut self, ch: B256) {
        let Some(ledger) = self.ledgers.get_mut(&ch) else { return };
        if ledger.withdrawal.is_none_or(|w| w.side() != ledger.me || w.adjust.ver > 0) {
            return;
        }
        ledger.withdrawal = None;
        self.dirty_ledgers.insert(ch);
        if let Some(tag) = self.withdrawal_tags.remove(&ch) {
            let reason = "what was to be withdrawn has been paid or locked meanwhile";
            self.reply(tag, Reply::Refused(Fault::Caller(reason.into())));
        }
    }

    /// The change of the counted deposits that this side wants now.
    pub(super) fn wanted_deposits(&self, ch: B256) -> Option<LinkOp> {
        let ledger = self.ledgers.get(&ch)?;
        if let Some(Withdrawal { adjust, .. }) = &ledger.withdrawal {
            let Adjust { amount, receiver, seq, not_after, .. } = *adjust;
            let side = self.withdrawing_side(ledger)?;
            let mine = side == ledger.me && adjust.ver == 0 && self.now() <= not_after;
            return mine.then_some(LinkOp::Uncount { side, amount, receiver, seq, not_after });
        }
        let deposits = self.final_deposits(ledger);
        let counted = ledger.book.log.cur().body.deposits();
        let worth = |i: usize| {
            let (more, sum) = (deposits[i] - counted[i], counted[0].saturating_add(counted[1]));
            more > 0 && (ledger.top_up.is_some() || more >= sum / DUST)
        };
        (worth(0) || worth(1)).then_some(LinkOp::Count { deposits })
    }

    fn withdrawing_side(&self, ledger: &Ledger) -> Option<Side> {
        ledger.withdrawal.map(|w| w.side())
    }

    /// What a State may count: what is there both in the newest final block and at the head, and never less than is counted.
    fn final_deposits(&self, ledger: &Ledger) -> [Amount; 2] {
        let view = self.ledger_view(ledger);
        let counted = ledger.book.log.cur().body.deposits();
        if !guard!("0.3-count-final", ledger.is_open_in(&view.settled)) || !ledger.is_open_in(&view.head) {
            return counted;
        }
        let seen = |i: usize| {
            let head = view.head.deposits()[i];
            let settled = view.settled.deposits()[i];
            let known = if guard!("0.3-count-settled", settled <= head) { settled } else { head };
            known.max(counted[i])
        };
        [seen(0), seen(1)]
    }

    /// Whether this side signs such a change if the peer wants it.
    pub(super) fn agrees_deposits(&self, ch: B256, op: &LinkOp) -> bool {
        let Some(ledger) = self.ledgers.get(&ch) else { return false };
        let counted = ledger.book.log.cur().body.deposits();
        let there = self.final_deposits(ledger);
        match *op {
            LinkOp::Count { deposits } => {
                let fits = |i: usize| (counted[i]..=there[i]).contains(&deposits[i]);
                // A wish that nobody has signed yet waits.
                let free = ledger.withdrawal.is_none_or(|w| w.side() == ledger.me && w.adjust.ver == 0);
                guard!("0.3-no-count-while-withdrawing", free)
                    && guard!("0.3-count-what-is-there", fits(0) && fits(1))
                    && deposits != counted
            }
            LinkOp::Uncount { side, seq, amount, not_after, .. } => {
                let view = self.ledger_view(ledger);
                let now = self.now();
                let longest = now + 2 * self.policy().close_validity;
                let own = ledger.withdrawal.filter(|w| self.uncount_of(w) == *op && w.adjust.ver == 0);
                // Where two wishes cross, B's waits.
                let yields = |w: Withdrawal| ledger.me == Side::B && w.side() == Side::B && w.adjust.ver == 0;
                let free = side != ledger.me && ledger.withdrawal.is_none_or(yields);
                // What this party has deposited is counted between two withdrawals.
                let waits = ledger.top_up.is_some() && there != counted;
                guard!("0.3-one-withdrawal", (free && !waits) || own.is_some())
                    && guard!("0.3-withdrawal-seq", view.settled.seq == seq && view.head.seq == seq)
                    && (now + 1..=longest).contains(&not_after)
                    && amount > 0
                    && guard!("0.3-withdraw-counted", amount <= counted[side.index()])
            }
            _ => false,
        }
    }

    fn uncount_of(&self, withdrawal: &Withdrawal) -> LinkOp {
        let Adjust { amount, receiver, seq, not_after, .. } = withdrawal.adjust;
        LinkOp::Uncount { side: withdrawal.side(), amount, receiver, seq, not_after }
    }

    /// The deposits that a State counts behind such a change.
    pub(super) fn counted_by(&self, op: &LinkOp, counted: [Amount; 2]) -> Result<[Amount; 2], String> {
        match *op {
            LinkOp::Count { deposits } => Ok(deposits),
            LinkOp::Uncount { side, amount, .. } => {
                let mut left = counted;
                let of = &mut left[side.index()];
                *of = of.checked_sub(amount).ok_or("more than is counted of the deposit")?;
                Ok(left)
            }
            _ => Err("no change of deposits".into()),
        }
    }

    /// Both have signed a State; from now on nobody signs one that counts more until its `Adjust` is over.
    pub(super) fn note_uncounted(&mut self, ch: B256, ver: u64, ops: &[LinkOp]) {
        let [LinkOp::Uncount { side, amount, receiver, seq, not_after }] = *ops else { return };
        let adjust = Adjust { id: ch, seq, side: side as u8, amount, receiver, ver, not_after };
        let Some(ledger) = self.ledgers.get_mut(&ch) else { return };
        ledger.withdrawal = Some(Withdrawal { adjust, sig: None });
        self.dirty_ledgers.insert(ch);
        if ledger.me == side {
            return;
        }
        if let Some(tag) = self.withdrawal_tags.remove(&ch) {
            let reason = "the peer takes something out at the same time; try again when that is done";
            self.reply(tag, Reply::Refused(Fault::Peer(reason.into())));
        }
    }

    /// Nothing that counts more can be enforced by or against this party (protocol 1.4(2)).
    fn uncounted_firmly(&self, ledger: &Ledger, withdrawal: &Withdrawal) -> bool {
        let i = withdrawal.side().index();
        let log = &ledger.book.log;
        let most = log.cur().body.deposits()[i];
        let there = self.ledger_view(ledger);
        let left = |deposit: Amount| deposit.checked_sub(withdrawal.adjust.amount).is_some_and(|left| most <= left);
        withdrawal.adjust.ver > 0
            && guard!("0.3-uncounted-cur", log.cur().body.ver >= withdrawal.adjust.ver)
            && guard!("0.3-uncounted-firm", log.firm(|b: &Body| b.deposits()[i] <= most))
            && guard!("0.3-adjust-covered", left(there.head.deposits()[i]) && left(there.settled.deposits()[i]))
    }

    /// Whatever the newest State makes possible.
    pub(super) fn pump_deposits(&mut self, ch: B256) {
        self.tell_counted(ch);
        let there = |l: &Ledger| l.top_up.is_some_and(|t| l.deposits[l.me.index()] >= t.target);
        if self.ledgers.get(&ch).is_some_and(there) {
            self.end_top_up(ch, Reply::Done);
        }
        self.pump_withdrawal(ch);
    }

    /// The other party than the one that withdraws signs as soon as it can.
    fn pump_withdrawal(&mut self, ch: B256) {
        let Some(ledger) = self.ledgers.get(&ch) else { return };
        let Some(withdrawal) = ledger.withdrawal.filter(|w| w.side() != ledger.me && w.sig.is_none()) else { return };
        let in_time = self.now() <= withdrawal.adjust.not_after;
        if !in_time || self.undisturbed(ch).is_err() || !self.uncounted_firmly(ledger, &withdrawal) {
            return;
        }
        let most = ledger.book.log.cur().body.deposits()[withdrawal.side().index()];
        let Ok(sig) = self.signer.sign_adjust(&withdrawal.adjust, most) else { return };
        if let Some(ledger) = self.ledgers.get_mut(&ch) {
            ledger.withdrawal = Some(Withdrawal { sig: Some(sig), ..withdrawal });
            self.dirty_ledgers.insert(ch);
        }
        self.tell_adjust(ch);
    }

    fn tell_adjust(&mut self, ch: B256) {
        let Some(ledger) = self.ledgers.get(&ch) else { return };
        let peer = ledger.peer();
        if let Some(Withdrawal { adjust, sig: Some(sig) }) = ledger.withdrawal.filter(|w| w.side() != ledger.me) {
            self.send(peer, Message::AdjustSig { adjust, sig });
        }
    }

    pub(super) fn on_adjust_ask(&mut self, from: Address, ch: B256) {
        if self.ledgers.get(&ch).is_some_and(|l| l.peer() == from) {
            self.tell_adjust(ch);
        }
    }

    pub(super) fn on_adjust_sig(&mut self, from: Address, adjust: Adjust, sig: Signature) {
        let ch = adjust.id;
        let digest = self.config.domain.digest(adjust.struct_hash());
        let Some(ledger) = self.ledgers.get_mut(&ch).filter(|l| l.peer() == from) else { return };
        let waits = |w: &Withdrawal| w.side() == ledger.me && w.adjust == adjust && w.sig.is_none();
        if !ledger.withdrawal.as_ref().is_some_and(waits) {
            return;
        }
        if !guard!("0.3-adjust-signature", sig.verifies(digest, from)) {
            return self.misbehaved(from, "an Adjust with a signature that does not fit");
        }
        ledger.withdrawal = Some(Withdrawal { adjust, sig: Some(sig) });
        self.dirty_ledgers.insert(ch);
        self.submit_adjust(ch);
    }

    /// Whoever withdraws sends it; its own signature is that it sends it.
    pub(super) fn submit_adjust(&mut self, ch: B256) {
        let Some(ledger) = self.ledgers.get(&ch).filter(|l| l.life == Life::Open) else { return };
        let Some(withdrawal) = ledger.withdrawal.filter(|w| w.side() == ledger.me && w.sig.is_some()) else { return };
        let Withdrawal { adjust, sig } = withdrawal;
        let view = self.ledger_view(ledger).head;
        let of_use = view.dispute.is_none() && view.seq == adjust.seq && self.now() <= adjust.not_after;
        if !of_use || !self.uncounted_firmly(ledger, &withdrawal) {
            return;
        }
        let (params, most) = (ledger.params, ledger.book.log.cur().body.deposits()[ledger.me.index()]);
        let mut sigs = [None, None];
        sigs[ledger.me.other().index()] = sig;
        // Sending it is signing it.
        if self.signer.sign_adjust(&adjust, most).is_ok() {
            let call = Call::Adjust { params, adjust, sigs };
            let number = u128::from(adjust.seq) << 64 | u128::from(adjust.not_after);
            self.submit("adjust", ch, number, call, Some(adjust.not_after));
        }
    }

    /// Takes over what final blocks show of deposits on their way.
    pub(super) fn follow_deposits(&mut self, ch: B256) {
        let Some(ledger) = self.ledgers.get(&ch) else { return };
        if ledger.life != Life::Open {
            return self.deposits_over(ch);
        }
        self.follow_withdrawal(ch);
        let Some(ledger) = self.ledgers.get(&ch) else { return };
        let Some(top_up) = ledger.top_up else { return };
        let there = self.ledger_view(ledger).settled.deposits()[ledger.me.index()];
        if self.chain.settled.time > top_up.not_after && there < top_up.target {
            self.end_top_up(ch, Reply::Refused(Fault::Chain("the deposit was not made in time".into())));
        }
    }

    /// The newest State counts other deposits than the application knows of.
    fn tell_counted(&mut self, ch: B256) {
        let Some(ledger) = self.ledgers.get_mut(&ch) else { return };
        let deposits = ledger.book.log.cur().body.deposits();
        if ledger.deposits != deposits {
            ledger.deposits = deposits;
            self.dirty_ledgers.insert(ch);
            self.event(Event::DepositsCounted { ch, deposits });
        }
    }

    fn follow_withdrawal(&mut self, ch: B256) {
        let Some(ledger) = self.ledgers.get(&ch) else { return };
        let Some(Withdrawal { adjust, .. }) = ledger.withdrawal else { return };
        let Some(settled) = self.chain.ledgers.get(&ledger.slot).map(|view| view.settled) else { return };
        let used = settled.seq > adjust.seq;
        if !used && !guard!("0.3-adjust-expired", self.chain.settled.time > adjust.not_after) {
            return;
        }
        let mine = ledger.me == if adjust.side == 0 { Side::A } else { Side::B };
        self.signer.adjust_over(ch, settled.seq, self.chain.settled.time);
        if let Some(ledger) = self.ledgers.get_mut(&ch) {
            ledger.withdrawal = None;
            self.dirty_ledgers.insert(ch);
        }
        if used {
            self.event(Event::Withdrawn { ch, side: adjust.side, amount: adjust.amount });
        }
        let Some(tag) = self.withdrawal_tags.remove(&ch).filter(|_| mine) else { return };
        let late = "the withdrawal was not signed and paid in time; nothing was taken out";
        self.reply(tag, if used { Reply::Done } else { Reply::Refused(Fault::Peer(late.into())) });
    }

    /// The life is over: whatever was on its way has found its end in it.
    fn deposits_over(&mut self, ch: B256) {
        let over = || Reply::Refused(Fault::Chain("the channel ended before".into()));
        if self.ledgers.get(&ch).is_some_and(|l| l.top_up.is_some() && l.life != Life::Agreed) {
            self.end_top_up(ch, over());
        }
        if let Some(ledger) = self.ledgers.get_mut(&ch).filter(|l| l.withdrawal.is_some()) {
            ledger.withdrawal = None;
            self.dirty_ledgers.insert(ch);
        }
        if let Some(tag) = self.withdrawal_tags.remove(&ch) {
            self.reply(tag, over());
        }
    }

    /// A signature that did not come is asked for again.
    pub(super) fn resend_withdrawal(&mut self, ch: B256) {
        let Some(ledger) = self.ledgers.get(&ch) else { return };
        let waits = ledger.withdrawal.is_some_and(|w| w.side() == ledger.me && w.adjust.ver > 0 && w.sig.is_none());
        let peer = ledger.peer();
        if waits && self.connected.contains(&peer) {
            self.send(peer, Message::AdjustAsk { ch });
        }
    }
}

fn no_deposits() -> Fault {
    Fault::Caller("no such ledger channel: deposits are made into those".into())
}
