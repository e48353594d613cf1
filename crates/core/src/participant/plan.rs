//! The dispute planner: what must go to the chain now, and by when (protocol 2.3 dispute, duty).
//!
//! A pure function of what is durable here and what the slots show: a reorg or a lost transaction changes the view, and the
//! next plan asks again.

use super::Participant;
use crate::body::Body;
use crate::chain::{Call, DisputeView, EscrowView, RecordView, Seen};
use crate::io::Event;
use crate::ledger::{Ledger, Life};
use crate::log::Signed;
use crate::mutant::duty;
use crate::params::Side;
use crate::signed::{Lock, State};
use crate::tree;
use crate::virtual_channel::Virtual;
use alloc::vec::Vec;
use alloy_primitives::B256;

impl Participant {
    /// Takes over what the chain shows of a ledger channel, before anything is planned.
    pub(super) fn follow_ledger(&mut self, id: B256) {
        self.adopt_open(id);
        self.adopt_end(id);
        self.follow_deposits(id);
        self.remember_entries(id);
        self.report_dispute(id);
    }

    /// The life ended in a final block: what is left are the locks of its last State.
    fn adopt_end(&mut self, id: B256) {
        let Some(ledger) = self.ledgers.get(&id) else { return };
        let view = self.ledger_view(ledger);
        match &ledger.life {
            Life::Open if view.settled.nonce > ledger.nonce => {
                let Some(escrow) = self.chain.escrows.get(&id).copied() else { return };
                let life = ended(ledger, &escrow.settled);
                self.set_life(id, life);
            }
            Life::Ended { locks } => {
                let escrow = self.chain.escrows.get(&id).copied().unwrap_or_default().settled;
                if (0..locks.len()).all(|i| escrow.settled >> i & 1 == 1) {
                    self.set_life(id, Life::Closed);
                }
            }
            _ => {}
        }
    }

    fn set_life(&mut self, id: B256, life: Life) {
        if life == Life::Closed {
            self.leave_ledger(id);
            return self.ledger_ended(id);
        }
        if let Some(ledger) = self.ledgers.get_mut(&id) {
            ledger.life = life;
            self.dirty_ledgers.insert(id);
        }
    }

    /// From the first sight of a dispute to its end, whatever the peer signs meanwhile.
    fn remember_entries(&mut self, id: B256) {
        let Some(ledger) = self.ledgers.get(&id).filter(|l| l.life == Life::Open) else { return };
        let view = self.ledger_view(ledger);
        let disputed = view.head.dispute.is_some() || view.settled.dispute.is_some();
        let over = !disputed && ledger.is_open_in(&view.head) && ledger.is_open_in(&view.settled);
        let Some(ledger) = self.ledgers.get_mut(&id) else { return };
        let changed = if disputed {
            duty!("2.3-remember", ledger.book.remember())
        } else {
            over && !core::mem::take(&mut ledger.book.disputed).is_empty()
        };
        if changed {
            self.dirty_ledgers.insert(id);
        }
    }

    fn report_dispute(&mut self, id: B256) {
        let Some(ledger) = self.ledgers.get(&id).filter(|l| l.life == Life::Open) else { return };
        let Some(dispute) = self.ledger_view(ledger).head.dispute else { return };
        self.tell_dispute(id, dispute.ver);
    }

    /// Once for each version, over restarts too.
    fn tell_dispute(&mut self, ch: B256, ver: u64) {
        if self.chain.reported.insert((ch, ver)) {
            self.told.push(super::record(b'e', ch, &ver));
            self.event(Event::Dispute { ch, ver });
        }
    }

    pub(super) fn plan_ledger(&mut self, id: B256) {
        match self.ledgers.get(&id).map(|l| l.life.clone()) {
            Some(Life::Agreed) => self.plan_opening(id),
            Some(Life::Open) => {
                self.give_up_on_locks(id);
                self.plan_dispute(id);
            }
            Some(Life::Ended { locks }) => self.plan_settlement(id, &locks),
            Some(Life::Closed) | None => {}
        }
    }

    /// A lock whose outcome is decided on chain and which the peer does not remove: the link itself must end (protocol 2.3).
    fn give_up_on_locks(&mut self, id: B256) {
        let now = self.now();
        let patience = self.policy().patience;
        let Some(ledger) = self.ledgers.get(&id) else { return };
        let vcs: Vec<B256> = ledger.book.log.cur().body.locks.iter().map(|l| l.vc).collect();
        let decided: Vec<B256> = vcs.into_iter().filter(|vc| self.is_decided(*vc)).collect();
        let Some(ledger) = self.ledgers.get_mut(&id) else { return };
        ledger.link.decided.retain(|vc, _| decided.contains(vc));
        for vc in decided {
            let since = *ledger.link.decided.entry(vc).or_insert(now);
            if duty!("2.3-end-the-link", now > since + patience && !ledger.force) {
                ledger.force = true;
                self.dirty_ledgers.insert(id);
            }
        }
    }

    /// The chain has fixed what this virtual channel pays, for good.
    fn is_decided(&self, vc: B256) -> bool {
        let Some(virt) = self.virtuals.get(&vc) else { return false };
        let Some(record) = self.record(vc) else { return false };
        match record.settled {
            RecordView::Concluded { .. } => true,
            RecordView::None => record.head == RecordView::None && self.chain.settled.time > virt.params.t_exp,
            RecordView::Disputed(_) => false,
        }
    }

    fn plan_dispute(&mut self, id: B256) {
        let Some(ledger) = self.ledgers.get(&id) else { return };
        let view = self.ledger_view(ledger);
        if !ledger.is_open_in(&view.head) {
            return;
        }
        match view.head.dispute {
            None if ledger.force => self.register(id),
            None => {
                self.submit_close(id);
                self.submit_adjust(id);
            }
            Some(dispute) => self.answer_dispute(id, dispute),
        }
    }

    fn register(&mut self, id: B256) {
        let Some(ledger) = self.ledgers.get(&id) else { return };
        let best = ledger.book.log.cur().clone();
        let (params, me) = (ledger.params, ledger.me);
        if best.body.ver > 0 && self.signer.record_sent(&best.body).is_err() {
            return;
        }
        let state = if best.body.ver == 0 { genesis_on_chain(id) } else { best.body.state() };
        let roots = best.body.roots();
        let call = Call::Register { params, state, roots, sigs: with_sender(&best, me) };
        // One at a time, whatever is countersigned while it waits.
        self.submit_evidence(("register", id, 0), state, call, None);
    }

    /// What this party shows in a dispute, once for what it is to replace.
    fn submit_evidence(&mut self, wish: (&'static str, B256, u64), state: State, call: Call, deadline: Option<u64>) {
        let (kind, id, replaced) = wish;
        let signed = self.book(id).map_or(0, |book| book.log.my_high()).max(state.ver);
        if self.submit(kind, id, replaced.into(), call, deadline) {
            self.chain.shown.insert((id, state.ver), (state, signed));
        }
    }

    pub(super) fn forget_evidence(&mut self, id: B256) {
        self.chain.shown.retain(|(shown, _), _| *shown != id);
    }

    /// This party has sent evidence in this dispute, and what stands now takes nothing from it that its newest State would bring
    /// back. What the peer countersigns later was signed by this party before, so that it is owed no more than the least of them
    /// (1.4(2)); a refutation for each would be work without end (I10).
    ///
    /// Of States with other deposits, locks or nanocontracts nothing is said: they are shown, and there are only as many as this
    /// party had proposed. So is what this party signed or accepted later, after a reorganisation took a dispute away, say: the peer
    /// could let stand what gives as much, and replace it at the last moment by a State between the two that gives less.
    fn has_shown(&self, id: B256, dispute: &DisputeView, best: &Body, me: Side) -> bool {
        let mut shown = self.chain.shown.range((id, 0)..=(id, dispute.ver));
        // Of what this party sent itself it needs no event.
        let own = || self.chain.shown.get(&(id, dispute.ver)).map(|(state, _)| *state);
        let Some(stands) = dispute.state.or_else(own) else { return false };
        let signed_by_then = shown.any(|(_, (_, signed))| best.ver <= *signed);
        signed_by_then && stands.is_alike(&best.state()) && stands.share(me) >= best.share(me)
    }

    fn answer_dispute(&mut self, id: B256, dispute: DisputeView) {
        let Some(ledger) = self.ledgers.get(&id) else { return };
        let best = ledger.book.log.cur().clone();
        let (params, me, force) = (ledger.params, ledger.me, ledger.force);
        let now = self.now();
        let open = best.body.ver > dispute.ver && now <= dispute.refute_end;
        let newer = open && !self.has_shown(id, &dispute, &best.body, me);
        if duty!("2.3-refute", newer) {
            if self.signer.record_sent(&best.body).is_err() {
                return;
            }
            let (state, roots) = (best.body.state(), best.body.roots());
            let call = Call::Refute { params, state, roots, sigs: with_sender(&best, me) };
            let wish = ("refute", id, dispute.ver);
            return self.submit_evidence(wish, state, call, Some(dispute.refute_end));
        }
        self.plan_nanos(id);
        let final_at = dispute.final_at(params.window);
        let my_turn = force || me == Side::A || now > final_at + self.policy().m_safe;
        if !duty!("2.3-conclude", now > final_at && my_turn) {
            return;
        }
        if let Some(state) = dispute.state {
            let call = Call::Conclude { params, state, roots: dispute.roots, mix: dispute.mix };
            self.submit("conclude", id, dispute.ver.into(), call, None);
        }
    }

    /// Each lock of a life that ended is settled once its virtual channel is decided.
    fn plan_settlement(&mut self, id: B256, locks: &[Lock]) {
        let Some(ledger) = self.ledgers.get(&id) else { return };
        let (params, nonce) = (ledger.params, ledger.nonce);
        let escrow = self.chain.escrows.get(&id).copied().unwrap_or_default().head;
        for (index, lock) in locks.iter().enumerate() {
            let Some(virt) = self.virtuals.get(&lock.vc) else { continue };
            if escrow.root.is_zero() || escrow.settled >> index & 1 == 1 {
                continue;
            }
            let payable = match self.record(lock.vc).map(|r| r.head) {
                Some(RecordView::Concluded { .. }) => true,
                Some(RecordView::None) => self.chain.head.time > virt.params.t_exp,
                Some(RecordView::Disputed(_)) | None => false,
            };
            let Some(proof) = tree::proof(locks, index).filter(|_| duty!("2.3-settle", payable)) else { continue };
            let virtual_params = virt.params.clone();
            let call = Call::Settle { params, nonce, lock: *lock, index, proof, virtual_params };
            self.submit("settle", id, index as u128, call, None);
        }
    }

    pub(super) fn plan_virtual(&mut self, vc: B256) {
        let Some(virt) = self.virtuals.get(&vc) else { return };
        if virt.aborted {
            return;
        }
        let Some(record) = self.record(vc) else { return };
        if let RecordView::Disputed(dispute) = record.head {
            self.tell_dispute(vc, dispute.ver);
            self.remember_virtual(vc);
        } else if record.settled == RecordView::None && record.head == RecordView::None {
            self.forget_dispute(vc);
        }
        let end = self.virtuals.get(&vc).is_some_and(|v| v.book.is_some());
        if end {
            self.plan_end(vc, record);
        } else {
            self.plan_hub(vc, record.head);
        }
    }

    /// An end whose share has grown registers in time, refutes what is old, and concludes (protocol 2.3, I8).
    fn plan_end(&mut self, vc: B256, record: Seen<RecordView>) {
        let Some(virt) = self.virtuals.get(&vc) else { return };
        let held = virt.my_links().any(|(_, link)| self.link_holds(link, vc));
        let (now, m_safe) = (self.now(), self.policy().m_safe);
        match record.head {
            RecordView::None => {
                // Where both ends have to, the second one only completes what the first one did not do.
                let lead = if self.gained(virt) || virt.side() == Some(Side::A) { 2 * m_safe } else { 3 * m_safe / 2 };
                let due = virt.force || now + lead >= virt.params.t_exp;
                let worth_it = virt.force || self.gained(virt) || plays(virt);
                if !duty!("2.3-register-in-time", held && due && worth_it) || now > virt.params.t_exp {
                    return;
                }
                if virt.certificate().is_some() { self.finalise(vc) } else { self.register_virtual(vc, 0) }
            }
            RecordView::Disputed(dispute) => self.answer_virtual_dispute(vc, dispute, record.settled),
            RecordView::Concluded { .. } => {}
        }
    }

    /// More than the initial share is at stake for this end.
    fn gained(&self, virt: &Virtual) -> bool {
        let Some(book) = &virt.book else { return false };
        book.log.cur().body.share(book.log.me) > virt.initial_share()
    }

    /// `replaced`: the version that stands, 0 if no dispute runs.
    fn register_virtual(&mut self, vc: B256, replaced: u64) {
        duty!("1.4.8-complete", self.countersign(vc));
        let Some(virt) = self.virtuals.get(&vc) else { return };
        let (Some(best), Some(secrets)) = (virt.book.as_ref().map(|b| b.log.cur()), virt.all_secrets()) else { return };
        let [Some(a), Some(b)] = best.sigs else { return };
        let t_exp = virt.params.t_exp;
        let opener = Some(self.opener(virt));
        let (params, state, roots) = (virt.params.clone(), best.body.state(), best.body.roots());
        // From here on they are public.
        let secrets = secrets.into_iter().map(|secret| secret.0).collect();
        let call = Call::RegisterVirtual { params, state, roots, sigs: [a, b], secrets, opener };
        let deadline = Some(t_exp);
        self.submit_evidence(("registerVirtual", vc, replaced), state, call, deadline);
    }

    fn answer_virtual_dispute(&mut self, vc: B256, dispute: DisputeView, settled: RecordView) {
        let Some(virt) = self.virtuals.get(&vc) else { return };
        let (window, t_exp) = (virt.params.window, virt.params.t_exp);
        let now = self.now();
        if duty!("2.3-finalise", virt.certificate().is_some() && now <= dispute.final_at(window)) {
            return self.finalise(vc);
        }
        let newer = virt.book.as_ref().is_some_and(|book| {
            let best = &book.log.cur().body;
            let open = best.ver > dispute.ver && now <= dispute.refute_end;
            open && !self.has_shown(vc, &dispute, best, book.log.me)
        });
        if duty!("2.3-refute-virtual", newer) {
            duty!("1.4.8-complete-refutation", self.countersign(vc));
            // A registration that is not final may vanish in a reorg, and a refutation with it; `register` acts as both (S63).
            return if duty!("2.3-register-again", settled == RecordView::None && now <= t_exp) {
                self.register_virtual(vc, dispute.ver);
            } else {
                self.refute_virtual(vc, &dispute);
            };
        }
        self.plan_nanos(vc);
        if duty!("2.3-conclude-virtual", now > dispute.final_at(window)) {
            self.conclude_virtual(vc, dispute);
        }
    }

    /// A reorg took the dispute away.
    fn forget_dispute(&mut self, vc: B256) {
        let book = self.virtuals.get_mut(&vc).and_then(|v| v.book.as_mut());
        if let Some(book) = book.filter(|book| !book.disputed.is_empty()) {
            book.disputed.clear();
            self.dirty_virtuals.insert(vc);
        }
    }

    /// From the first sight of a dispute on, whatever the other end signs meanwhile (S74).
    fn remember_virtual(&mut self, vc: B256) {
        let Some(book) = self.virtuals.get_mut(&vc).and_then(|v| v.book.as_mut()) else { return };
        if duty!("2.3-remember-virtual", book.remember()) {
            self.dirty_virtuals.insert(vc);
        }
    }

    fn refute_virtual(&mut self, vc: B256, dispute: &DisputeView) {
        let (replaced, deadline) = (dispute.ver, dispute.refute_end);
        let Some(virt) = self.virtuals.get(&vc) else { return };
        let Some(best) = virt.book.as_ref().map(|b| b.log.cur()) else { return };
        let [Some(a), Some(b)] = best.sigs else { return };
        let (params, state, roots) = (virt.params.clone(), best.body.state(), best.body.roots());
        let call = Call::RefuteVirtual { params, state, roots, sigs: [a, b] };
        self.submit_evidence(("refuteVirtual", vc, replaced), state, call, Some(deadline));
    }

    fn conclude_virtual(&mut self, vc: B256, dispute: DisputeView) {
        let (Some(virt), Some(state)) = (self.virtuals.get(&vc), dispute.state) else { return };
        let (params, roots, mix) = (virt.params.clone(), dispute.roots, dispute.mix);
        let call = Call::ConcludeVirtual { params, state, roots, mix };
        self.submit("concludeVirtual", vc, dispute.ver.into(), call, None);
    }

    pub(super) fn finalise(&mut self, vc: B256) {
        let Some(virt) = self.virtuals.get(&vc) else { return };
        let Some((out_a, sigs)) = virt.certificate() else { return };
        let call = Call::Finalise { params: virt.params.clone(), out_a, sigs };
        self.submit("finalise", vc, out_a, call, None);
    }

    /// The duty of a hub: its two links must read the same outcome, so while only one of them has let go of the lock the
    /// certificate goes to the chain (protocol 2.3 duty, I7).
    fn plan_hub(&mut self, vc: B256, record: RecordView) {
        let Some(virt) = self.virtuals.get(&vc) else { return };
        let (now, m_safe) = (self.now(), self.policy().m_safe);
        let links: Vec<B256> = virt.my_links().map(|(_, link)| link).collect();
        let some_holds = links.iter().any(|link| self.link_holds(*link, vc));
        let some_lacks = links.iter().any(|link| self.link_lacks(*link, vc));
        let one_sided = some_holds && some_lacks;
        match record {
            RecordView::None if duty!("2.3-duty", one_sided && now + 2 * m_safe >= virt.params.t_exp) => {
                self.finalise(vc);
            }
            RecordView::Disputed(dispute) => {
                let window = virt.params.window;
                if duty!("2.3-duty-dispute", now <= dispute.final_at(window) && one_sided) {
                    self.finalise(vc);
                } else if now > dispute.final_at(window) + m_safe && some_holds {
                    self.conclude_virtual(vc, dispute);
                }
            }
            _ => {}
        }
    }

    fn link_lacks(&self, link: B256, vc: B256) -> bool {
        let Some(ledger) = self.ledgers.get(&link) else { return true };
        match &ledger.life {
            Life::Open => !ledger.holds_firmly(vc),
            Life::Ended { locks } => !locks.iter().any(|l| l.vc == vc),
            Life::Agreed | Life::Closed => true,
        }
    }
}

/// Nanocontracts are open: what they are worth is seen only when they are played.
fn plays(virt: &Virtual) -> bool {
    virt.book.as_ref().is_some_and(|book| !book.log.cur().body.nanos.is_empty())
}

/// Which locks the chain holds in escrow: those of the State whose lock root it shows.
fn ended(ledger: &Ledger, escrow: &EscrowView) -> Life {
    if escrow.root.is_zero() {
        return Life::Closed;
    }
    let concluded = ledger.possible_locks().find(|locks| tree::root(locks) == escrow.root);
    concluded.map_or(Life::Closed, |locks| Life::Ended { locks })
}

/// Version 0 as the chain knows it: every number 0 (protocol 1.4(1)).
fn genesis_on_chain(ch: B256) -> State {
    State { ch, ver: 0, dep_a: 0, dep_b: 0, total: 0, def_a: 0, nanos: 0, locks: 0, entries: tree::empty_entries() }
}

/// The sender's own signature may be missing: sending it is signing it (protocol 2.3).
fn with_sender(best: &Signed, me: Side) -> [Option<crate::sig::Signature>; 2] {
    let mut sigs = best.sigs;
    sigs[me.index()] = None;
    sigs
}
