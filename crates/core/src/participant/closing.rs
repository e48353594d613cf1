//! Cooperative ends: the Final of a virtual channel and its certificate, and the Close of a ledger channel
//! (protocol 2.3 close, 1.4(12), 3.5).

use super::Participant;
use crate::chain::{Call, RecordView};
use crate::io::{Event, Fault, Reply};
use crate::ledger::{Closing, Life};
use crate::message::{Message, Removal};
use crate::mutant::guard;
use crate::params::Side;
use crate::sig::Signature;
use crate::signed::{Amount, Close, Eip712, Final};
use alloc::vec::Vec;
use alloy_primitives::{Address, B256};

impl Participant {
    pub(super) fn close_virtual(&mut self, tag: u64, vc: B256) -> Result<(), Fault> {
        let Some(virt) = self.virtuals.get_mut(&vc) else {
            return Err(Fault::Caller("no such virtual channel".into()));
        };
        if virt.done {
            self.keep_no_longer(vc);
            self.reply(tag, Reply::Closed(vc));
            return Ok(());
        }
        if virt.book.is_none() {
            return Err(Fault::Caller("this node is a hub of that virtual channel, not an end".into()));
        }
        if !virt.is_active() {
            return Err(Fault::Caller("the virtual channel is not active".into()));
        }
        if self.nanos_of(vc).any(|n| n.live.as_ref().is_some_and(|live| !live.is_over())) {
            let reason = "nanocontracts are open in this virtual channel: finish them first, or use force";
            return Err(Fault::Caller(reason.into()));
        }
        self.close_tags.entry(vc).or_default().push(tag);
        self.keep_no_longer(vc);
        self.drain_virtual(vc);
        Ok(())
    }

    /// Registers the newest State at once; the reply comes when no lock of it is left.
    pub(super) fn force_virtual(&mut self, tag: u64, vc: B256) -> Result<(), Fault> {
        let virt = self.virtuals.get(&vc).ok_or_else(|| Fault::Caller("no such virtual channel".into()))?;
        if virt.done {
            self.reply(tag, Reply::Closed(vc));
            return Ok(());
        }
        if virt.book.as_ref().is_none_or(|b| b.log.cur().body.ver == 0) {
            return Err(Fault::Caller("this node is not an end of it, or it is not active".into()));
        }
        self.close_tags.entry(vc).or_default().push(tag);
        self.keep_no_longer(vc);
        self.force_object(vc);
        self.plan_virtual(vc);
        Ok(())
    }

    /// Proposes nothing any more, so that a Final never crosses an unanswered item.
    pub(super) fn drain_virtual(&mut self, vc: B256) {
        let Some(virt) = self.virtuals.get_mut(&vc) else { return };
        if virt.draining || virt.book.is_none() {
            return;
        }
        virt.draining = true;
        let deadline = virt.params.t_exp.saturating_sub(2 * self.config.policy.m_safe);
        self.dirty_virtuals.insert(vc);
        self.wind_up_nanos(vc, deadline);
        self.refuse_queue(vc);
        self.ask_last_countersignature(vc);
    }

    /// Payments that were never signed are refused: the channel ends.
    pub(super) fn refuse_queue(&mut self, ch: B256) {
        let queue = self.book_mut(ch).map(|b| core::mem::take(&mut b.queue)).unwrap_or_default();
        for wish in queue {
            self.uncharge(ch, &wish);
            self.reply(wish.tag, Reply::Refused(Fault::Caller("the channel is being closed".into())));
        }
    }

    pub(super) fn ask_last_countersignature(&mut self, ch: B256) {
        let (Some(book), Some(peer)) = (self.book(ch), self.peer_of(ch)) else { return };
        let Some(own) = book.log.own().last().filter(|o| o.is_item()).cloned() else { return };
        if let crate::log::OwnKind::Item { base } = own.kind {
            let (ver, def_a, sig) = (own.body.ver, own.body.def_a, own.sig);
            let note = book.note_of(ver);
            self.send(peer, Message::Item { ch, ver, base, def_a, sig, cosign: true, note });
        }
    }

    /// The other end drains and has nothing unanswered: from now on it only answers.
    pub(super) fn on_vc_close_ask(&mut self, from: Address, vc: B256) {
        if self.peer_of(vc) != Some(from) {
            return;
        }
        if let Some(virt) = self.virtuals.get_mut(&vc).filter(|v| v.is_active()) {
            virt.memory.peer_quiet = true;
            if !virt.draining {
                // The other end wants it to end.
                self.keep_no_longer(vc);
            }
            self.drain_virtual(vc);
        }
    }

    /// Signs my part of the one Final, if it is my turn.
    pub(super) fn pump_final(&mut self, vc: B256) {
        let Some(virt) = self.virtuals.get(&vc) else { return };
        if virt.done || virt.finals.contains_key(&(virt.index as u8)) {
            return;
        }
        if !guard!("2.3-abort-no-final", !virt.aborted) || !guard!("2.3-final-revealed", virt.revealed) {
            return;
        }
        match virt.side() {
            Some(_) => self.pump_end_final(vc),
            None => self.pump_hub_final(vc),
        }
    }

    fn pump_end_final(&mut self, vc: B256) {
        if !self.virtuals.get(&vc).is_some_and(|v| v.draining && v.is_active()) || self.acceptable(vc).is_err() {
            return;
        }
        if !self.countersign(vc) {
            return;
        }
        let Some(virt) = self.virtuals.get(&vc) else { return };
        let Some(book) = &virt.book else { return };
        if !guard!("1.4.12-final-quiet", book.log.quiet()) || book.log.top().body.ver == 0 {
            return;
        }
        if !guard!("1.4.12-final-nanos", book.log.top().body.nanos.is_empty()) {
            return;
        }
        let out_a = book.log.top().body.def_a;
        let agreed = virt.out_a == Some(out_a) && !virt.finals.is_empty();
        if agreed || (virt.memory.peer_quiet && virt.out_a.is_none()) {
            return self.sign_final(vc, out_a);
        }
        self.announce_quiet(vc);
    }

    /// A Final over a V that is not quiet at both ends could never be countersigned, so each tells the other first.
    fn announce_quiet(&mut self, vc: B256) {
        let peer = self.peer_of(vc);
        let Some(virt) = self.virtuals.get_mut(&vc).filter(|v| !v.memory.announced) else { return };
        virt.memory.announced = true;
        if let Some(peer) = peer {
            self.send(peer, Message::VcCloseAsk { vc });
        }
    }

    /// A hub signs over both ends' signatures only, with its secret revealed and both its locks firm (protocol 2.3 close).
    fn pump_hub_final(&mut self, vc: B256) {
        let Some(virt) = self.virtuals.get(&vc) else { return };
        let last = (virt.params.path.len() - 1) as u8;
        let both = virt.finals.contains_key(&0) && virt.finals.contains_key(&last);
        let both = guard!("2.3-final-both-ends", both);
        let holds = |link: B256| self.ledgers.get(&link).is_some_and(|l| l.holds_firmly(vc));
        let firm = guard!("2.3-final-firm", virt.my_links().all(|(_, link)| holds(link)));
        if let Some(out_a) = virt.out_a.filter(|_| both && firm) {
            self.sign_final(vc, out_a);
        }
    }

    fn sign_final(&mut self, vc: B256, out_a: Amount) {
        let Ok(sig) = self.signer.sign_final(&Final { vc, out_a }) else { return };
        let Some(virt) = self.virtuals.get_mut(&vc) else { return };
        virt.out_a = Some(out_a);
        virt.finals.insert(virt.index as u8, sig);
        if let Some(book) = &mut virt.book {
            book.log.freeze();
        }
        self.dirty_virtuals.insert(vc);
        self.spread_finals(vc);
    }

    fn spread_finals(&mut self, vc: B256) {
        let Some(virt) = self.virtuals.get(&vc) else { return };
        let Some(message) = virt.final_message() else { return };
        let last = (virt.params.path.len() - 1) as u8;
        let both = virt.finals.contains_key(&0) && virt.finals.contains_key(&last);
        let targets = if both { virt.others() } else { self.peer_of(vc).into_iter().collect() };
        for to in targets {
            self.send(to, message.clone());
        }
    }

    pub(super) fn on_final_sigs(&mut self, from: Address, vc: B256, out_a: Amount, sigs: &[(u8, Signature)]) {
        let digest = self.config.domain.digest(Final { vc, out_a }.struct_hash());
        let Some(virt) = self.virtuals.get_mut(&vc) else { return };
        if !virt.params.path.contains(&from) || !guard!("2.3-finals-revealed", virt.revealed) {
            return;
        }
        if !guard!("2.3-final-total", out_a <= virt.params.total()) {
            return;
        }
        // A Final is signed over a State that this end has signed.
        if virt.book.as_ref().is_some_and(|b| b.log.my_high() == 0) {
            return;
        }
        let last = (virt.params.path.len() - 1) as u8;
        let names_both = [0, last].iter().all(|end| sigs.iter().any(|(i, _)| i == end));
        let from_other_end = virt.side().is_some_and(|me| from == virt.params.end(me.other()));
        if virt.out_a != Some(out_a) && !guard!("2.3-final-of-an-end", names_both || from_other_end) {
            return;
        }
        let another = virt.out_a.is_some_and(|known| known != out_a);
        if another && !guard!("2.3-final-one", !virt.finals.contains_key(&(virt.index as u8))) {
            return;
        }
        let valid = |(i, sig): &&(u8, Signature)| {
            let verifies = |key: &Address| guard!("2.3-final-signature", sig.verifies(digest, *key));
            virt.params.path.get(usize::from(*i)).is_some_and(verifies)
        };
        let good: Vec<(u8, Signature)> = sigs.iter().filter(valid).copied().collect();
        if good.len() != sigs.len() {
            return self.misbehaved(from, "a Final with a signature that does not fit");
        }
        if virt.out_a != Some(out_a) {
            virt.finals.clear();
            virt.out_a = Some(out_a);
            self.dirty_virtuals.insert(vc);
        }
        let before = virt.finals.len();
        let people = virt.params.path.len();
        virt.finals.extend(good);
        if virt.finals.len() > before {
            self.dirty_virtuals.insert(vc);
        }
        // Whoever lacks a signature repeats what it has; a complete certificate is the answer.
        let answer = if before == people && sigs.len() < people { virt.final_message() } else { None };
        if let Some(message) = answer {
            self.send(from, message);
        }
        if self.virtuals.get(&vc).is_some_and(|v| v.book.is_some()) {
            self.drain_virtual(vc);
        }
    }

    /// With which split the locks of a virtual channel may be removed now; `None`: not now (protocol 2.3 close).
    pub(super) fn removal_for(&self, vc: B256) -> Option<Removal> {
        let virt = self.virtuals.get(&vc)?;
        let record = self.record(vc).filter(|_| self.sees_the_chain())?;
        if let RecordView::Concluded { out_a } = record.head
            && guard!("2.3-removal-final", record.settled == record.head)
        {
            return Some(Removal::Outcome(out_a));
        }
        let never = record.settled == RecordView::None && record.head == RecordView::None;
        let expired = guard!("2.3-removal-after-term", self.chain.settled.time > virt.params.t_exp);
        if guard!("2.3-removal-no-record", never) && expired {
            return Some(Removal::Initial);
        }
        if virt.aborted {
            return Some(Removal::Initial);
        }
        let out_a = virt.out_a.filter(|_| guard!("2.3-removal-certificate", virt.certificate().is_some()))?;
        let lead = self.now() + 2 * self.policy().m_safe;
        let in_time = match record.head {
            RecordView::None => guard!("2.3-removal-lead", lead <= virt.params.t_exp),
            RecordView::Disputed(d) => guard!("2.3-removal-lead-dispute", lead <= d.refute_end),
            RecordView::Concluded { .. } => false,
        };
        in_time.then_some(Removal::Outcome(out_a))
    }

    pub(super) fn close_channel(&mut self, tag: u64, ch: B256, force: bool) -> Result<(), Fault> {
        let Some(ledger) = self.ledgers.get(&ch) else { return Err(Fault::Caller("no such channel".into())) };
        if ledger.life == Life::Closed {
            self.reply(tag, Reply::Closed(ch));
            return Ok(());
        }
        if ledger.life == Life::Agreed || force {
            return self.force_close(tag, ch);
        }
        self.undisturbed(ch)?;
        if !ledger.book.log.cur().body.locks.is_empty() || !self.virtual_ids_over(ch).is_empty() {
            let reason = "virtual channels are open over this channel: close them first, or use force";
            return Err(Fault::Caller(reason.into()));
        }
        if self.has_nanos(ch) {
            let reason = "nanocontracts are open in this channel: finish them first, or use force";
            return Err(Fault::Caller(reason.into()));
        }
        let peer = ledger.peer();
        if !self.connected.contains(&peer) {
            return Err(Fault::Peer("the peer is not connected; use force to close through the chain".into()));
        }
        self.close_tags.entry(ch).or_default().push(tag);
        self.begin_close(ch);
        Ok(())
    }

    /// Nothing new is proposed; once the channel is quiet, the peer is asked for a `Close`.
    pub(super) fn begin_close(&mut self, ch: B256) {
        if let Some(ledger) = self.ledgers.get_mut(&ch) {
            ledger.draining = true;
            ledger.link.asked_close = true;
            self.dirty_ledgers.insert(ch);
        }
        self.refuse_queue(ch);
        self.ask_last_countersignature(ch);
    }

    fn force_close(&mut self, tag: u64, ch: B256) -> Result<(), Fault> {
        self.close_tags.entry(ch).or_default().push(tag);
        self.begin_force(ch);
        Ok(())
    }

    pub(super) fn begin_force(&mut self, ch: B256) {
        if let Some(ledger) = self.ledgers.get_mut(&ch) {
            ledger.force = true;
            self.dirty_ledgers.insert(ch);
        }
        self.refuse_queue(ch);
        self.plan_ledger(ch);
    }

    /// The peer drains and has nothing unanswered: from now on it only answers.
    pub(super) fn on_close_ask(&mut self, from: Address, ch: B256) {
        let Some(ledger) = self.ledgers.get(&ch).filter(|l| l.peer() == from && l.life == Life::Open) else { return };
        if !ledger.book.log.cur().body.locks.is_empty() || !self.virtual_ids_over(ch).is_empty() {
            return self.refuse(from, ch, 0, "virtual channels are open over this channel");
        }
        if !guard!("1.4.12-ask-games-over", !self.has_nanos(ch)) {
            return self.refuse(from, ch, 0, "nanocontracts are open in this channel");
        }
        let Some(ledger) = self.ledgers.get_mut(&ch) else { return };
        ledger.link.peer_quiet = true;
        // Party A waits for this answer before it signs.
        ledger.link.announced = false;
        if ledger.draining {
            return;
        }
        ledger.draining = true;
        self.dirty_ledgers.insert(ch);
        self.refuse_queue(ch);
        self.ask_last_countersignature(ch);
    }

    /// A signs the Close first, once the channel is quiet on both sides; B answers, and whoever asked sends it to the chain.
    pub(super) fn pump_close(&mut self, ch: B256) {
        let Some(ledger) = self.ledgers.get(&ch) else { return };
        if !ledger.draining || ledger.closing.is_some() || ledger.force || self.undisturbed(ch).is_err() {
            return;
        }
        if !self.countersign(ch) {
            return;
        }
        let Some(ledger) = self.ledgers.get(&ch) else { return };
        let log = &ledger.book.log;
        if !guard!("1.4.12-close-quiet", log.quiet()) || !guard!("1.4.12-close-nanos", log.cur().body.nanos.is_empty())
        {
            return;
        }
        if ledger.me == Side::B || !ledger.link.peer_quiet {
            return self.announce_close(ch);
        }
        let cur = &log.cur().body;
        let close = Close {
            id: ch,
            dep_a: cur.dep_a,
            dep_b: cur.dep_b,
            out_a: cur.def_a,
            total: cur.total,
            locks: cur.locks.len() as u8,
            entries: crate::tree::entries(cur.lock_root(), B256::ZERO),
            receiver_a: ledger.params.a.owner,
            receiver_b: ledger.params.b.owner,
            not_after: self.now() + self.policy().close_validity,
        };
        self.sign_close(ch, close, None);
    }

    fn announce_close(&mut self, ch: B256) {
        let Some(ledger) = self.ledgers.get_mut(&ch).filter(|l| !l.link.announced) else { return };
        ledger.link.announced = true;
        let peer = ledger.peer();
        self.send(peer, Message::CloseAsk { ch });
    }

    fn sign_close(&mut self, ch: B256, close: Close, theirs: Option<Signature>) {
        let Ok(mine) = self.signer.sign_close(&close) else { return };
        let Some(ledger) = self.ledgers.get_mut(&ch) else { return };
        let mut sigs = [theirs; 2];
        sigs[ledger.me.index()] = Some(mine);
        ledger.closing = Some(Closing { close, sigs });
        ledger.book.log.freeze();
        let peer = ledger.peer();
        self.dirty_ledgers.insert(ch);
        self.send(peer, Message::CloseSig { close, sig: mine });
        self.submit_close(ch);
    }

    pub(super) fn on_close_sig(&mut self, from: Address, close: Close, sig: Signature) {
        let ch = close.id;
        let digest = self.config.domain.digest(close.struct_hash());
        if self.ledgers.get(&ch).is_none_or(|l| l.peer() != from || l.life != Life::Open) {
            return;
        }
        if !guard!("1.4.12-close-signature", sig.verifies(digest, from)) {
            return self.misbehaved(from, "a Close with a signature that does not fit");
        }
        if let Some(ledger) = self.ledgers.get_mut(&ch)
            && let Some(closing) = &mut ledger.closing
        {
            if closing.close == close {
                closing.sigs[ledger.me.other().index()] = Some(sig);
                self.dirty_ledgers.insert(ch);
                self.submit_close(ch);
            }
            return;
        }
        if self.acceptable(ch).is_ok() {
            self.countersign(ch);
        }
        if self.close_is_fair(ch, &close) {
            self.refuse_queue(ch);
            self.sign_close(ch, close, Some(sig));
        }
    }

    /// Exactly cur, nothing unanswered, my receiver, and a validity within bounds (protocol 1.4(12)).
    fn close_is_fair(&self, ch: B256, close: &Close) -> bool {
        let Some(ledger) = self.ledgers.get(&ch) else { return false };
        let cur = &ledger.book.log.cur().body;
        let now = self.now();
        let longest = now + 2 * self.policy().close_validity;
        let said = [close.dep_a, close.dep_b, close.out_a, close.total];
        let owners = [ledger.params.a.owner, ledger.params.b.owner];
        guard!("1.4.12-close-answered", ledger.book.log.quiet())
            && guard!("1.4.12-close-undisputed", self.undisturbed(ch).is_ok())
            && guard!("1.4.12-close-games-over", cur.nanos.is_empty())
            && guard!("1.4.12-close-no-locks", cur.locks.is_empty())
            && guard!("1.4.12-close-cur", said == [cur.dep_a, cur.dep_b, cur.def_a, cur.total])
            && guard!("1.4.12-close-entries", close.locks == 0 && close.entries == crate::tree::empty_entries())
            && guard!("1.4.12-close-receivers", [close.receiver_a, close.receiver_b] == owners)
            && guard!("1.4.12-close-validity", (now + 1..=longest).contains(&close.not_after))
    }

    pub(super) fn submit_close(&mut self, ch: B256) {
        let Some(ledger) = self.ledgers.get(&ch) else { return };
        let Some(Closing { close, sigs }) = ledger.closing else { return };
        let late = self.now() > close.not_after.saturating_sub(self.policy().close_validity) + self.policy().patience;
        let mine_to_send = ledger.link.asked_close || late;
        if sigs[ledger.me.other().index()].is_none() || !mine_to_send || ledger.life != Life::Open {
            return;
        }
        let call =
            Call::Close { params: ledger.params, close, lock_root: ledger.book.log.cur().body.lock_root(), sigs };
        self.submit("close", ch, close.not_after.into(), call, Some(close.not_after));
    }

    pub(super) fn resend_ledger_close(&mut self, ch: B256) {
        let Some(ledger) = self.ledgers.get(&ch) else { return };
        let peer = ledger.peer();
        if !self.connected.contains(&peer) || !ledger.draining {
            return;
        }
        let announced = ledger.link.announced;
        let signed = ledger.closing.and_then(|c| Some((c.close, c.sigs[ledger.me.index()]?)));
        match signed {
            Some((close, sig)) => self.send(peer, Message::CloseSig { close, sig }),
            None if announced => self.send(peer, Message::CloseAsk { ch }),
            None => {}
        }
    }

    /// A Close that can no longer be used ends its freeze (protocol 1.4(12)); a virtual channel near its end is closed.
    pub(super) fn tick_closing(&mut self) {
        let settled = self.chain.settled.time;
        self.give_up_draining();
        for ch in self.live_ledgers() {
            let Some(ledger) = self.ledgers.get_mut(&ch) else { continue };
            let over = |c: &Closing| guard!("1.4.12-thaw", settled > c.close.not_after);
            let Some(closing) = ledger.closing.filter(over) else { continue };
            ledger.closing = None;
            ledger.draining = false;
            ledger.link.forget_close();
            ledger.book.log.thaw();
            self.dirty_ledgers.insert(ch);
            self.signer.close_expired(closing.close.id, settled);
            for tag in self.close_tags.remove(&ch).unwrap_or_default() {
                let fault = Fault::Peer("the peer did not sign the cooperative end in time; use force".into());
                self.reply(tag, Reply::Refused(fault));
            }
        }
        self.tick_versions();
        self.begin_renewals();
        let lead = self.now() + self.policy().close_lead;
        let due: Vec<B256> = self
            .virtuals
            .values()
            .filter(|v| !v.done && v.is_active() && !v.draining && lead >= v.params.t_exp)
            .map(|v| v.id)
            .collect();
        for vc in due {
            self.drain_virtual(vc);
        }
    }

    /// A cooperative end for which nothing was signed in time is called off; nothing is at stake yet.
    fn give_up_draining(&mut self) {
        let (now, patience_ms) = (self.env.now_ms, self.policy().patience * 1_000);
        let mut late = Vec::new();
        for ledger in self.ledgers.values_mut().filter(|l| l.life == Life::Open && l.draining && l.closing.is_none()) {
            let since = *ledger.link.draining_since_ms.get_or_insert(now);
            if now > since + patience_ms {
                late.push(ledger.id);
            }
        }
        for ch in late {
            self.call_off_close(ch, "the peer did not take part in the cooperative end in time; use force");
        }
    }

    pub(super) fn call_off_close(&mut self, ch: B256, reason: &str) {
        if let Some(ledger) = self.ledgers.get_mut(&ch) {
            ledger.draining = false;
            ledger.link.forget_close();
            self.dirty_ledgers.insert(ch);
        }
        for tag in self.close_tags.remove(&ch).unwrap_or_default() {
            self.reply(tag, Reply::Refused(Fault::Peer(reason.into())));
        }
    }

    pub(super) fn answer_closed(&mut self, id: B256) {
        for tag in self.close_tags.remove(&id).unwrap_or_default() {
            self.reply(tag, Reply::Closed(id));
        }
    }

    pub(super) fn ledger_ended(&mut self, id: B256) {
        self.event(Event::ChannelClosed { ch: id });
        self.answer_closed(id);
    }
}
