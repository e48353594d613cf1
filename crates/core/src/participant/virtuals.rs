//! Creation of a virtual channel: checks, locks, activation, receipt (protocol 2.3 creation).

use super::Participant;
use super::quotes::check_path;
use crate::body::{Body, Change};
use crate::chain::{RecordView, Watch};
use crate::io::{Event, Fault, Output, Reply};
use crate::ledger::Life;
use crate::log::OwnKind;
use crate::message::{Message, Terms};
use crate::mutant::{duty, guard};
use crate::params::{Side, VirtualParams, secret_hash};
use crate::secret::Secret;
use crate::sig::Signature;
use crate::virtual_channel::Virtual;
use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;
use alloy_primitives::{Address, B256};

impl Participant {
    pub(super) fn act_by(&self) -> u64 {
        self.now() + self.policy().t_act_ms.div_ceil(1_000)
    }

    /// Starts to take part: from now on the locks are wanted.
    pub(super) fn adopt_virtual(&mut self, virt: Virtual) {
        let id = virt.id;
        self.outputs.push(Output::Watch(Watch::Record(id)));
        // A record needs my secret or my signature, and neither exists yet.
        self.chain.records.entry(id).or_default();
        if self.signer.bind_draft(virt.draft, id).is_err() {
            return;
        }
        if let Some(old) = virt.renews.and_then(|old| self.virtuals.get_mut(&old)) {
            old.next = Some(id);
            self.dirty_virtuals.insert(old.id);
        }
        self.index.enter_virtual(&virt);
        self.virtuals.insert(id, virt);
        self.dirty_virtuals.insert(id);
    }

    pub(super) fn on_vc_open(&mut self, from: Address, params: VirtualParams, renews: Option<B256>) {
        let id = params.id(&self.config.domain);
        if self.virtuals.contains_key(&id) {
            return;
        }
        if !guard!("2.3-opener", params.path.first() == Some(&from)) {
            return self.misbehaved(from, "a virtual channel in another's name");
        }
        match self.check_vc_open(from, &params, renews) {
            Ok((index, draft)) => {
                self.quotes.retain(|_, q| !duty!("2.3-quote-once", q.draft == draft));
                self.adopt_virtual(Virtual { renews, ..Virtual::new(id, params, index, draft, self.act_by()) });
            }
            Err(reason) => self.send(from, Message::Abort { vc: id, reason }),
        }
    }

    /// Everything that is checked before a lock is signed (protocol 2.3; S59).
    fn check_vc_open(
        &self,
        from: Address,
        params: &VirtualParams,
        renews: Option<B256>,
    ) -> Result<(usize, B256), String> {
        let index = params.path.iter().position(|k| *k == self.key()).ok_or("this node is not in the path")?;
        self.check_shape(params, index)?;
        let terms = terms_of(params);
        self.check_terms(&terms)?;
        let quote = self.quotes.get(&params.hashes[index]).ok_or("there is no open quote for this activation hash")?;
        let hub = index > 0 && index + 1 < params.path.len();
        let fee_fits = !hub || guard!("2.3-quoted-fee", params.fees[index - 1] == quote.fee);
        let link_fits = !hub || guard!("2.3-quoted-link", Some(params.links[index]) == quote.link);
        let kept = |old| self.keeps(old, &quote.asked.terms, &terms);
        let terms_fit = guard!("2.3-quoted-terms", quote.asked.terms == terms || renews.is_some_and(kept));
        let same_wish = guard!("2.3-quoted-wish", quote.asker == from && quote.asked.path == params.path);
        if !same_wish || quote.asked.renews.map(|r| r.vc) != renews || !terms_fit || !fee_fits || !link_fits {
            return Err("the parameters are not those that were quoted".into());
        }
        let with_peer = self.index.virtuals_with(from).filter(|id| renews != Some(*id)).count();
        if with_peer >= self.policy().virtual_max {
            return Err("too many virtual channels of this peer".into());
        }
        Ok((index, quote.draft))
    }

    /// Lists fit together, and my links are what they should be.
    pub(super) fn check_shape(&self, params: &VirtualParams, index: usize) -> Result<(), String> {
        check_path(&params.path)?;
        let n = params.path.len() - 1;
        let fit = params.links.len() == n && params.fees.len() + 1 == n && params.hashes.len() == n + 1;
        if !guard!("2.3-lists", fit) {
            return Err("the lists of links, fees and hashes do not fit the path".into());
        }
        let distinct: BTreeSet<&B256> = params.links.iter().collect();
        if !guard!("2.3-links-distinct", distinct.len() == n) {
            return Err("a link is used twice".into());
        }
        let left = index.checked_sub(1).map(|l| (l, params.path[l]));
        let right = (index < n).then(|| (index, params.path[index + 1]));
        for (link, neighbour) in left.into_iter().chain(right) {
            let ledger = self.ledgers.get(&params.links[link]);
            let ledger = ledger.filter(|l| guard!("2.3-link-open", l.life == Life::Open));
            let ledger = ledger.ok_or("a link is not an open channel of this node")?;
            let as_said = ledger.peer() == neighbour && ledger.params.asset == params.asset;
            if !guard!("2.3-link-neighbour", as_said) {
                return Err("a link is another channel than the path says".into());
            }
            let lock = params.lock(B256::ZERO, link, true).ok_or("an amount is out of range")?;
            let sum = lock.left.checked_add(lock.right);
            if !guard!("2.3-amounts", sum.is_some_and(|sum| sum <= crate::signed::MAX_AMOUNT)) {
                return Err("an amount is out of range".into());
            }
            self.undisturbed(ledger.id).map_err(|fault| alloc::format!("{fault:?}"))?;
        }
        Ok(())
    }

    /// Whether I still sign the lock of this virtual channel, on any of its links.
    pub(super) fn may_lock(&self, vc: B256) -> bool {
        let Some(virt) = self.virtuals.get(&vc) else { return false };
        let open = !virt.aborted && !virt.revealed && !virt.done && virt.out_a.is_none();
        let undisturbed = || virt.my_links().all(|(_, link)| self.undisturbed(link).is_ok());
        guard!("2.3-lock-fresh", open)
            && guard!("2.3-lock-in-time", self.now() <= virt.act_by)
            && guard!("2.3-lock-no-record", self.record(vc).is_some_and(|r| r.head == RecordView::None))
            && guard!("2.3-lock-no-dispute", undisturbed())
    }

    /// Whatever has become possible for one virtual channel.
    pub(super) fn pump_virtual(&mut self, vc: B256) {
        self.start_hold(vc);
        self.pump_reveal(vc);
        self.pump_start(vc);
        self.tell_late(vc);
        self.pump_queue(vc);
        self.pump_link(vc);
        self.pump_nanos(vc);
        self.pump_final(vc);
        self.pump_done(vc);
    }

    /// Step 3: the secret leaves once every link of mine is firm (and durable: it leaves behind the same commit).
    fn pump_reveal(&mut self, vc: B256) {
        let Some(virt) = self.virtuals.get(&vc) else { return };
        if virt.revealed || virt.done || !guard!("2.3-reveal-aborted", !virt.aborted) {
            return;
        }
        if !guard!("2.3-reveal-in-time", self.now() <= virt.act_by) {
            return self.abort(vc, "the creation took too long");
        }
        let undisturbed = || virt.my_links().all(|(_, link)| self.undisturbed(link).is_ok());
        let holds = |link: B256| self.ledgers.get(&link).is_some_and(|l| l.holds_firmly(vc));
        let firm = || virt.my_links().all(|(_, link)| holds(link));
        if !guard!("2.3-reveal-undisturbed", undisturbed()) || !guard!("2.3-reveal-firm", firm()) {
            return;
        }
        if !guard!("2.3-reveal-no-record", self.record(vc).is_some_and(|r| r.head == RecordView::None)) {
            return;
        }
        let (index, others, draft) = (virt.index, virt.others(), virt.draft);
        let Ok(secret) = self.signer.reveal(draft, vc).map(Secret) else { return };
        if let Some(virt) = self.virtuals.get_mut(&vc) {
            virt.revealed = true;
            virt.secrets[index] = Some(secret);
            self.dirty_virtuals.insert(vc);
        }
        for to in others {
            self.send(to, Message::Activate { vc, index: index as u8, secret });
        }
    }

    /// The caller does not wait until tExp for a creation that did not come about in time.
    fn tell_late(&mut self, vc: B256) {
        let Some(virt) = self.virtuals.get(&vc).filter(|v| !v.done && !v.aborted) else { return };
        let patience = self.policy().t_act_ms.div_ceil(1_000);
        if self.now() <= virt.act_by.saturating_add(patience) {
            return;
        }
        if let Some(tag) = self.open_tags.remove(&vc) {
            let reason = "the virtual channel was not created in time; the stake is free again after its term";
            self.reply(tag, Reply::Refused(Fault::Peer(reason.into())));
        }
    }

    pub(super) fn on_activate(&mut self, from: Address, vc: B256, index: u8, secret: Secret) {
        let Some(virt) = self.virtuals.get_mut(&vc) else { return };
        let index = usize::from(index);
        if virt.params.path.get(index) != Some(&from) {
            return;
        }
        if !guard!("2.3-activation-hash", virt.params.hashes[index] == secret_hash(secret.0)) {
            return self.misbehaved(from, "an activation secret that does not fit its hash");
        }
        if virt.secrets[index].is_none() {
            virt.secrets[index] = Some(secret);
            self.dirty_virtuals.insert(vc);
        } else if virt.params.mids().contains(&from) {
            // A hub that repeats itself has no receipt yet.
            self.send_receipt(from, vc);
        }
    }

    /// Never reveals the secret or, at an end, never signs, durably, and asks the neighbours to remove the locks
    /// (protocol 2.3 abort).
    pub(super) fn abort(&mut self, vc: B256, reason: &str) {
        let Some(virt) = self.virtuals.get_mut(&vc) else { return };
        if virt.aborted || !guard!("2.3-abandon", virt.can_be_abandoned()) {
            return;
        }
        virt.aborted = true;
        let others = virt.others();
        self.dirty_virtuals.insert(vc);
        for to in others {
            self.send(to, Message::Abort { vc, reason: reason.into() });
        }
        if let Some(tag) = self.open_tags.remove(&vc) {
            let reason = alloc::format!("the virtual channel was not created: {reason}");
            self.reply(tag, Reply::Refused(Fault::Peer(reason)));
        }
    }

    pub(super) fn on_abort(&mut self, from: Address, vc: B256) {
        if self.virtuals.get(&vc).is_some_and(|v| v.params.path.contains(&from)) {
            self.abort(vc, "another participant gave it up");
        }
    }

    /// Step 4: the ends co-sign version 1 (= the initial split) when they hold the complete activation.
    fn pump_start(&mut self, vc: B256) {
        let Some(virt) = self.virtuals.get(&vc).filter(|v| !v.opened) else { return };
        let Some(book) = virt.book.as_ref().filter(|_| guard!("2.3-start-active", virt.is_active())) else { return };
        if book.log.cur().body.ver > 0 {
            return self.started(vc);
        }
        if book.log.my_high() > 0 || self.acceptable(vc).is_err() {
            return;
        }
        let body = book.log.cur().body.with(1, &Change::Split(virt.params.init_a));
        let (Ok(body), Some(peer)) = (body, self.peer_of(vc)) else { return };
        let Ok(sig) = self.signer.sign_state(&body) else { return };
        if let Some(book) = self.book_mut(vc) {
            book.log.signed(body, sig, OwnKind::Start);
        }
        self.send(peer, Message::Start { vc, sig });
        let early = self.virtuals.get_mut(&vc).and_then(|v| v.memory.start_sig.take());
        if let Some(theirs) = early {
            self.on_start(peer, vc, theirs);
        }
    }

    pub(super) fn on_start(&mut self, from: Address, vc: B256, sig: Signature) {
        if self.peer_of(vc) != Some(from) {
            return;
        }
        let domain = self.config.domain;
        let Some(book) = self.book_mut(vc) else { return };
        if book.log.my_high() == 0 {
            if let Some(virt) = self.virtuals.get_mut(&vc) {
                virt.memory.start_sig = Some(sig);
            }
            return;
        }
        let verify = |body: &Body, sig: &Signature| sig.verifies(body.digest(&domain), from);
        match book.log.accept_answer(1, sig, verify) {
            Ok(true) => self.started(vc),
            Ok(false) => self.answer_start(from, vc),
            Err(_) => self.misbehaved(from, "a start that does not fit"),
        }
    }

    fn started(&mut self, vc: B256) {
        let Some(virt) = self.virtuals.get_mut(&vc).filter(|v| !v.opened) else { return };
        virt.opened = true;
        let top = virt.book.as_ref().map(|b| b.log.top());
        if let Some([Some(a), Some(b)]) = top.filter(|t| t.body.ver == 1).map(|t| t.sigs) {
            virt.receipt = Some([a, b]);
        }
        self.dirty_virtuals.insert(vc);
        self.signer.settle_charge(vc, true);
        self.event(Event::VirtualOpen(vc));
        if let Some(tag) = self.open_tags.remove(&vc) {
            self.reply(tag, Reply::Opened(vc));
        }
        self.succeeded(vc);
        let hubs = self.virtuals.get(&vc).map(|v| v.params.mids().to_vec()).unwrap_or_default();
        for to in hubs {
            self.send_receipt(to, vc);
        }
    }

    fn send_receipt(&mut self, to: Address, vc: B256) {
        let Some(virt) = self.virtuals.get(&vc).filter(|v| v.book.is_some()) else { return };
        let (Some(secrets), Some(sigs)) = (virt.all_secrets(), virt.receipt) else { return };
        self.send(to, Message::Receipt { vc, secrets, sigs });
    }

    /// The other end does not have my signature on version 1 yet. Not by another Start, which it would answer again.
    fn answer_start(&mut self, to: Address, vc: B256) {
        let Some(virt) = self.virtuals.get(&vc) else { return };
        let mine = virt.receipt.zip(virt.side()).map(|(sigs, me)| sigs[me.index()]);
        match mine {
            Some(sig) => self.send(to, Message::Accept { ch: vc, ver: 1, sig }),
            None => self.show_newest(to, vc),
        }
    }

    /// A hub learns that the channel is in use (and all secrets, should one have been lost).
    pub(super) fn on_receipt(&mut self, from: Address, vc: B256, secrets: &[Secret], sigs: [Signature; 2]) {
        let domain = self.config.domain;
        let Some(virt) = self.virtuals.get_mut(&vc) else { return };
        let ends = [virt.params.end(Side::A), virt.params.end(Side::B)];
        if virt.book.is_some() || virt.receipt.is_some() || !ends.contains(&from) {
            return;
        }
        let genesis = Body::virtual_genesis(vc, virt.params.init_a, virt.params.init_b);
        let Ok(first) = genesis.with(1, &Change::Split(virt.params.init_a)) else { return };
        let digest = first.digest(&domain);
        let hashes_fit = secrets.len() == virt.params.hashes.len()
            && secrets.iter().zip(&virt.params.hashes).all(|(s, h)| secret_hash(s.0) == *h);
        let signed = sigs[0].verifies(digest, ends[0]) && sigs[1].verifies(digest, ends[1]);
        if !guard!("2.3-receipt-secrets", hashes_fit) || !guard!("2.3-receipt-signed", signed) {
            return self.misbehaved(from, "a receipt that does not fit");
        }
        virt.receipt = Some(sigs);
        for (slot, secret) in virt.secrets.iter_mut().zip(secrets) {
            *slot = slot.or(Some(*secret));
        }
        self.dirty_virtuals.insert(vc);
    }

    /// No lock of it is left in any state that the chain could accept, nor in an escrow: it is over here.
    fn pump_done(&mut self, vc: B256) {
        let Some(virt) = self.virtuals.get(&vc) else { return };
        let decided = virt.aborted || self.removal_for(vc).is_some() || virt.certificate().is_some();
        if virt.done || !decided {
            return;
        }
        let held = virt.my_links().any(|(_, link)| self.link_holds(link, vc));
        if held {
            return;
        }
        let out_a = match self.record(vc).map(|r| r.settled) {
            Some(RecordView::Concluded { out_a }) => Some(out_a),
            _ => virt.certificate().map(|(out_a, _)| out_a),
        };
        let Some(virt) = self.virtuals.get_mut(&vc) else { return };
        virt.done = true;
        self.index.leave_virtual(virt);
        self.dirty_virtuals.insert(vc);
        // Behind a signature of this end the other one may have made it cost the fees.
        let signed = virt.book.as_ref().is_some_and(|b| b.log.my_high() > 0);
        self.signer.settle_charge(vc, signed);
        self.outputs.push(Output::Unwatch(Watch::Record(vc)));
        self.forget_unborn(vc);
        self.pump_nanos(vc);
        self.event(Event::VirtualClosed { vc, out_a });
        self.answer_closed(vc);
    }

    /// A virtual channel whose secret was never revealed and never will be is worth no memory; its draft was random and is gone.
    fn forget_unborn(&mut self, vc: B256) {
        let Some(draft) = self.virtuals.get(&vc).filter(|v| v.aborted && !v.revealed).map(|v| v.draft) else { return };
        self.virtuals.remove(&vc);
        self.dirty_virtuals.remove(&vc);
        self.chain.records.remove(&vc);
        self.signer.forget_draft(draft);
        self.forget(b'v', vc);
        self.forget(b'd', draft);
    }

    /// Whether some enforceable State of the link, or its escrow, still holds the lock.
    pub(super) fn link_holds(&self, link: B256, vc: B256) -> bool {
        let Some(ledger) = self.ledgers.get(&link) else { return false };
        match &ledger.life {
            Life::Agreed | Life::Closed => false,
            Life::Open => ledger.some_state_holds(vc),
            Life::Ended { locks } => {
                let escrow = self.chain.escrows.get(&link).copied().unwrap_or_default().settled;
                locks.iter().enumerate().any(|(i, l)| l.vc == vc && escrow.settled >> i & 1 == 0)
            }
        }
    }

    /// Ids of everything that concerns a peer, for limits.
    pub(super) fn virtual_ids_over(&self, link: B256) -> Vec<B256> {
        self.index.over(link).collect()
    }
}

pub(super) fn terms_of(params: &VirtualParams) -> Terms {
    Terms {
        asset: params.asset,
        init_a: params.init_a,
        init_b: params.init_b,
        t_exp: params.t_exp,
        challenge: params.challenge,
        window: params.window,
        k_max: params.k_max,
    }
}
